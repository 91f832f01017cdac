"""The knobs of the write stage: what its gates let through, and what it adds to any writer's dialogues."""

from pydantic import Field

from datagen.config import Options, knob
from datagen.records.enums import Kind
from datagen.stages.write.decontamination import DecontaminationOptions
from datagen.stages.write.judge_options import JudgeLimits
from datagen.stages.write.spontaneous_options import (
    DisfluencyOptions,
    LongSilenceOptions,
    SoundCueOptions,
    VocalOptions,
)


class WriteOptions(Options):
    """Limits of the gates that every writer's dialogues pass, of what counts as a near-duplicate, and what is put in."""

    grounded_kinds: tuple[Kind, ...] = knob(
        (Kind.SERVICE, Kind.CASUAL, Kind.TOOL, Kind.PROBE),
        "kinds whose agent may state only values of the role context, of what the user said and of what its tools gave; "
        "qa rests on general knowledge",
    )
    min_turns: int = knob(2, "shortest dialogue", "turns", ge=2, le=1000)
    max_turns_in_a_row: int = knob(2, "most turns that one speaker may take one after the other", "turns", ge=1, le=10)
    max_agent_words: int = knob(
        60, "longest turn of the agent; models take long ones as monologues", "words", ge=1, le=1000
    )
    max_user_words: int = knob(60, "longest turn of the user", "words", ge=1, le=1000)
    min_dialog_words: int = knob(8, "shortest dialogue, all turns together", "words", ge=1, le=10_000)
    max_dialog_words: int = knob(
        420,
        "longest dialogue: about 140 s at 3 words/s, which with its prefix fits 2048 columns",
        "words",
        ge=1,
        le=100_000,
    )
    repeated_sentence_words: int = knob(
        5,
        "a sentence of at least so many words counts as repeated when one speaker says it twice",
        "words",
        ge=2,
        le=50,
    )
    max_repeats: int = knob(
        1, "repeated sentences that a dialogue may hold; one that was asked for is free", "sentences", ge=0, le=100
    )
    near_duplicate_jaccard: float = knob(
        0.8,
        "dialogues at least so alike are near-duplicates: estimated Jaccard index of their 5-gram shingles",
        "share",
        gt=0,
        le=1,
    )
    max_gate_share: float = knob(
        0.5,
        "a reason that fails more of all attempts than this stops the build",
        "share",
        gt=0,
        le=1,
        changes_output=False,
    )
    undescribed: bool = knob(
        False,
        "write a dialogue without its scenario's description where the writer cannot give one; else it is rejected",
    )
    judge: JudgeLimits = Field(default_factory=JudgeLimits, description="what an LLM judge's scores decide")
    disfluency: DisfluencyOptions = Field(default_factory=DisfluencyOptions, description="the user's hesitations")
    long_silence: LongSilenceOptions = Field(
        default_factory=LongSilenceOptions, description="users who say nothing for long"
    )
    sound_cue: SoundCueOptions = Field(default_factory=SoundCueOptions, description="sounds to which the agent reacts")
    decontamination: DecontaminationOptions = Field(
        default_factory=DecontaminationOptions, description="evaluation sets of which no dialogue may hold anything"
    )
    vocals: VocalOptions = Field(default_factory=VocalOptions, description="the user's laughs and sighs")
