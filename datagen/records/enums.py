"""The closed vocabularies. A value outside them is a bug or foreign data, never a new kind that slips in."""

from enum import StrEnum


class Speaker(StrEnum):
    """Who speaks. The agent is the side that a model learns: channel 0 (left); the user is channel 1 (right)."""

    AGENT = "agent"
    USER = "user"

    @property
    def channel(self) -> int:
        return 0 if self is Speaker.AGENT else 1

    @property
    def other(self) -> "Speaker":
        return Speaker.USER if self is Speaker.AGENT else Speaker.AGENT


class Kind(StrEnum):
    """What sort of conversation a dialogue is."""

    SERVICE = "service"
    QA = "qa"
    CASUAL = "casual"


class Split(StrEnum):
    TRAIN = "train"
    VALID = "valid"
    TEST = "test"


class Stage(StrEnum):
    """The eight stages, in the order in which the data goes through them."""

    PLAN = "plan"
    WRITE = "write"
    SPEAK = "speak"
    ALIGN = "align"
    STITCH = "stitch"
    SCENE = "scene"
    ENCODE = "encode"
    PACK = "pack"


class Heard(StrEnum):
    """How much of a word was spoken before its turn was cut."""

    YES = "yes"
    PARTIAL = "partial"
    NO = "no"


class TurnType(StrEnum):
    """What a turn does; its floor-transfer offset depends on it."""

    GREETING = "greeting"
    QUESTION = "question"
    ANSWER = "answer"
    CONFIRMATION = "confirmation"
    AFTER_LOOKUP = "after_lookup"
    STATEMENT = "statement"
    OBJECTION = "objection"
    CLOSING = "closing"


class MarkType(StrEnum):
    """What a writer asks stitch to realise at one word of a turn.

    BARGE_IN: the other speaker takes the floor as this word begins, and the next turn is written from what was
    heard. SAFE_CUT: stitch may sample a barge-in here. BACKCHANNEL: the other speaker says `text` as this word
    ends. PAUSE: the speaker hesitates before this word.
    """

    BARGE_IN = "barge_in"
    SAFE_CUT = "safe_cut"
    BACKCHANNEL = "backchannel"
    PAUSE = "pause"


class EventType(StrEnum):
    """What can happen on the time line besides turns. `events` columns hold nothing else."""

    BARGE_IN = "barge_in"
    FAILED_BARGE_IN = "failed_barge_in"
    AGENT_INTERRUPTION = "agent_interruption"
    BACKCHANNEL = "backchannel"
    OVERLAP = "overlap"
    PAUSE = "pause"
    LONG_SILENCE = "long_silence"
    SIDE_TALK = "side_talk"
    SOUND = "sound"


class Tag(StrEnum):
    """How a turn is delivered."""

    NEUTRAL = "neutral"
    WARM = "warm"
    HESITANT = "hesitant"
    ANXIOUS = "anxious"
    ANGRY = "angry"
    APOLOGETIC = "apologetic"
    FIRM = "firm"
    CHEERFUL = "cheerful"
