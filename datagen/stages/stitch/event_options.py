"""The knobs of what happens besides turns: cuts, backchannels, failed barge-ins, side talk, pauses, long silences, tools."""

from pydantic import model_validator

from datagen.config import Options, knob
from datagen.stages.stitch.ranges import SecondsRange


class BargeInOptions(Options):
    """How a speaker yields the floor to a barge-in."""

    yield_median_s: float = knob(0.4, "median time from the barge-in to the cut", "s", gt=0, le=5)
    yield_sigma: float = knob(0.4, "spread of its logarithm", ge=0, le=2)
    yield_s: SecondsRange = knob((0.12, 1.2), "shortest and longest", "s")
    finish_word_share: float = knob(
        0.5, "share of cuts that wait for the end of the word under way", "share", ge=0, le=1
    )
    sampled_share: float = knob(
        0.0,
        "share of the agent's turns with a safe_cut and no barge_in mark that the user cuts there",
        "share",
        ge=0,
        le=1,
    )

    @model_validator(mode="after")
    def _reachable(self) -> "BargeInOptions":
        _median_inside(self.yield_median_s, self.yield_s, "yield_median_s", "yield_s")
        return self


class AgentInterruptionOptions(Options):
    """When the agent cuts in on a user who rambles; it yields and is cut as `stitch.barge_in` says."""

    share: float = knob(0.0, "share of the user's turns with a safe_cut that the agent cuts there", "share", ge=0, le=1)


class BackchannelOptions(Options):
    """How often, where and how loud a listener says "mhm".

    Rates are a minute of those of the other's turns that have a place for one. Places that the writer marked are taken first,
    then other ends of clauses. In Switchboard 19 % of the utterances are backchannels (Jurafsky et al. 1997); calls with an
    agent have fewer, and the defaults are ours.
    """

    user_per_min: float = knob(2.0, "the user's, over the agent's turns with a place for one", "1/min", ge=0, le=30)
    agent_per_min: float = knob(2.0, "the agent's, over the user's turns with a place for one", "1/min", ge=0, le=30)
    min_words: int = knob(3, "words heard of the turn before its first backchannel", "words", ge=1, le=100)
    delay_s: SecondsRange = knob((0.04, 0.22), "from the end of the word to the backchannel", "s")
    level_db: float = knob(-6.0, "against the speech of the same speaker's turns", "dB", ge=-40, le=6)
    apart_s: float = knob(
        0.8, "least time from what a speaker said last to a backchannel or an attempt that is sampled", "s", ge=0, le=60
    )
    clear_s: float = knob(
        0.15,
        "silence kept between what is said beside a turn and what its speaker says before and after",
        "s",
        ge=0,
        le=5,
    )


class FailedBargeInOptions(Options):
    """How often the user tries to take the floor, and gives up while the agent goes on."""

    per_min: float = knob(0.3, "over the agent's turns with a place for one", "1/min", ge=0, le=30)
    min_words: int = knob(3, "words of the agent's heard before it", "words", ge=1, le=100)
    words_after: int = knob(3, "words that the agent still says after it", "words", ge=1, le=100)
    delay_s: SecondsRange = knob((0.0, 0.15), "from the start of the word to the attempt", "s")
    level_db: float = knob(0.0, "against the speech of the user's turns", "dB", ge=-40, le=6)


class SideTalkOptions(Options):
    """How often the user talks to somebody else; the agent does not answer. Over the agent's turn it begins as an attempt to cut
    in does (`stitch.failed_barge_in`), with a clause of the agent's."""

    share: float = knob(0.06, "share of dialogues", "share", ge=0, le=1)
    over_agent_share: float = knob(
        0.4, "of them, how often over the agent's turn; else in a pause of the user's own", "share", ge=0, le=1
    )
    around_s: SecondsRange = knob((0.25, 0.9), "silence before it, and after it, in a turn of the user's own", "s")
    level_db: float = knob(-8.0, "against the speech of the user's turns: the head is turned away", "dB", ge=-40, le=6)


class PauseOptions(Options):
    """How long marked hesitations, and the pause between two turns of one speaker, are."""

    median_s: float = knob(0.75, "median of a marked pause", "s", gt=0, le=10)
    sigma: float = knob(0.5, "spread of its logarithm", ge=0, le=2)
    length_s: SecondsRange = knob((0.4, 2.5), "shortest and longest", "s")
    between_turns_median_s: float = knob(0.6, "median pause between two turns of one speaker", "s", gt=0, le=10)
    between_turns_sigma: float = knob(0.4, "spread of its logarithm", ge=0, le=2)

    @model_validator(mode="after")
    def _reachable(self) -> "PauseOptions":
        _median_inside(self.median_s, self.length_s)
        return self


class LongSilenceOptions(Options):
    """How long the user is silent where the writer marks a long silence."""

    median_s: float = knob(9.0, "median of a long silence", "s", gt=0, le=60)
    sigma: float = knob(0.5, "spread of its logarithm", ge=0, le=2)
    length_s: SecondsRange = knob((5.0, 30.0), "shortest and longest", "s")

    @model_validator(mode="after")
    def _reachable(self) -> "LongSilenceOptions":
        _median_inside(self.median_s, self.length_s)
        return self


class ToolLatencyOptions(Options):
    """How long the tools of kind `tool` take, and how soon after the result the agent speaks; what the user says meanwhile counts.

    Assumed, not measured: a service's own interface takes about a second or two, and the slowest a few.
    """

    median_s: float = knob(1.6, "median time from a call to its result", "s", gt=0, le=60)
    sigma: float = knob(0.6, "spread of its logarithm", ge=0, le=2)
    length_s: SecondsRange = knob((0.3, 8.0), "shortest and longest", "s")
    reaction_s: SecondsRange = knob((0.15, 0.5), "from the result to the turn that speaks it, at the least", "s")

    @model_validator(mode="after")
    def _reachable(self) -> "ToolLatencyOptions":
        _median_inside(self.median_s, self.length_s)
        return self


def _median_inside(
    median_s: float, length_s: tuple[float, float], median: str = "median_s", length: str = "length_s"
) -> None:
    if not length_s[0] <= median_s <= length_s[1]:
        raise ValueError(
            f"{median} is {median_s:g} s, outside of {length} = {length_s[0]:g} to {length_s[1]:g} s: no draw has that median. "
            "Change one of the two."
        )
