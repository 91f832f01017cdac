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
    near_sentence_words: int = knob(
        8,
        "a sentence of at least so many words counts as nearly repeated, or as taken from the other speaker",
        "words",
        ge=4,
        le=50,
    )
    near_sentence_jaccard: float = knob(
        0.7, "two sentences of one speaker are nearly the same if they share so much of their words, and no number", "share", gt=0.3, le=1
    )  # fmt: skip
    max_near_repeats: int = knob(1, "nearly repeated sentences that a dialogue may hold", "sentences", ge=0, le=100)
    max_echoes: int = knob(
        1,
        "sentences that a speaker may take word for word from the other, as when reading back",
        "sentences",
        ge=0,
        le=100,
    )
    max_agent_sentences: int = knob(
        7, "most sentences of a turn of the agent's; of one or two words none is counted", "sentences", ge=1, le=100
    )
    max_agent_questions: int = knob(3, "most questions in a turn of the agent's", "questions", ge=1, le=100)
    max_agent_share: float = knob(
        0.9, "most of a dialogue's words that may be the agent's; one of 60 words or four turns is too short to tell", "share", gt=0, le=1
    )  # fmt: skip
    long_agent_words: int = knob(
        28, "mean length up to which the agent's last turns may grow freely", "words", ge=1, le=1000
    )
    max_growth: float = knob(
        2.0,
        "… and how many times as long as the mean of its first third that of its last third may be, beyond that",
        "times",
        ge=1,
        le=100,
    )
    max_digits: int = knob(
        10, "longest run of digits in a word; people say longer ones in groups", "digits", ge=4, le=100
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
