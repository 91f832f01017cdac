"""The knobs of what people have not planned to say: hesitations, long silences, sounds around them, laughs and sighs."""

from datagen.config import Options, knob


class DisfluencyOptions(Options):
    """How often a user hesitates, says words twice, and says something else first.

    People talking to people make about 6 disfluencies per 100 words (Bortfeld et al. 2001: 5.97, of which fillers 2.56,
    repetitions 1.47, restarts 1.94), on the telephone more; people talking to a machine 1 to 2 (Oviatt 1995). Callers who
    take the agent for a good one are in between, so the defaults sum to about half of the first.
    """

    share: float = knob(1.0, "share of dialogues whose user is disfluent at all", "share", ge=0, le=1)
    fillers_per_100: float = knob(2.0, "fillers (um, uh, let me see)", "per 100 words of the user's", ge=0, le=12)
    repetitions_per_100: float = knob(0.8, "words said twice (I, I wanted)", "per 100 words", ge=0, le=12)
    corrections_per_100: float = knob(
        0.6,
        "something else said first (Tuesday, no, sorry, Thursday; can you, could you)",
        "per 100 words",
        ge=0,
        le=12,
    )
    silent_pauses_per_100: float = knob(
        0.8, "hesitations without a word, at the start of a clause or before a value", "per 100 words", ge=0, le=12
    )
    speaker_sigma: float = knob(
        0.6, "spread of the logarithm of a user's own factor on these rates: some hesitate more", ge=0, le=2
    )
    pause_share: float = knob(
        0.5,
        "fillers and corrections beside which the user falls silent too; repetitions 0.4 times as often",
        "share",
        ge=0,
        le=1,
    )


class LongSilenceOptions(Options):
    """How often a user says nothing for long (stitch.long_silence) when asked."""

    share: float = knob(
        0.06,
        "share of dialogues with one, where the agent asks something: in nearly all but a talk of two questions",
        "share",
        ge=0,
        le=1,
    )
    check_in_share: float = knob(
        0.8, "of them, those in which the agent asks whether the user is still there", "share", ge=0, le=1
    )
    lead_in_share: float = knob(
        0.6, "of the others, those in which the user says sorry before the answer", "share", ge=0, le=1
    )


class SoundCueOptions(Options):
    """How often something is heard at the user's to which the agent reacts."""

    share: float = knob(
        0.04,
        "share of dialogues with one, where there is a turn for it: in about half of those with ten turns",
        "share",
        ge=0,
        le=1,
    )
    mention_share: float = knob(0.3, "of them, those in which the user says what it was", "share", ge=0, le=1)
    sounds: tuple[str, ...] = knob(
        (), "names of sounds, of those in prompts/_shared/spontaneous.toml; () is all of them"
    )


class VocalOptions(Options):
    """How often a user laughs, sighs or groans, where the speaker engine can make it heard (others leave it out, and count it)."""

    share: float = knob(0.12, "share of the user's turns with a tone that have one (assumed)", "share", ge=0, le=1)
