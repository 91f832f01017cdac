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
    """What sort of conversation a dialogue is.

    TOOL: a service dialogue whose agent calls tools. INSTRUCTION: an early turn sets a constraint that all later turns of the
    agent keep. PROBE: one utterance of the user's and the reference answer, of an evaluation set.
    """

    SERVICE = "service"
    QA = "qa"
    CASUAL = "casual"
    TOOL = "tool"
    INSTRUCTION = "instruction"
    PROBE = "probe"


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
    heard. SAFE_CUT: stitch may sample a barge-in here (an interruption by the agent in a user's turn). BACKCHANNEL: the
    other speaker may say `text` as this word ends. FAILED_BARGE_IN: the other speaker says `text` from this word on,
    and gives up. SIDE_TALK: the speaker says `text` to somebody else before this word. PAUSE: the speaker hesitates
    before this word. LONG_SILENCE (at word 0): the user is silent for long before this turn begins. FILLER, REPETITION,
    CORRECTION: `text` is the disfluent words, which begin at this word and are part of the turn's text. SOUND: the sound
    named `text` begins at the user's with this word. VOCAL: the speaker makes the sound `text` (a Vocal) before this word.
    """

    BARGE_IN = "barge_in"
    SAFE_CUT = "safe_cut"
    BACKCHANNEL = "backchannel"
    FAILED_BARGE_IN = "failed_barge_in"
    SIDE_TALK = "side_talk"
    PAUSE = "pause"
    LONG_SILENCE = "long_silence"
    FILLER = "filler"
    REPETITION = "repetition"
    CORRECTION = "correction"
    SOUND = "sound"
    VOCAL = "vocal"

    def speaker(self, of_turn: Speaker) -> Speaker | None:
        """Who says the mark's text beside the turn that bears it; None where it has nothing of its own to say."""
        if self in (MarkType.BACKCHANNEL, MarkType.FAILED_BARGE_IN):
            return of_turn.other
        return of_turn if self is MarkType.SIDE_TALK else None


class ClipKind(StrEnum):
    """What a voice's bank of short utterances holds. OFF_TALK is what a bystander says, whom nobody answers."""

    BACKCHANNEL = "backchannel"
    FAILED_BARGE_IN = "failed_barge_in"
    SIDE_TALK = "side_talk"
    OFF_TALK = "off_talk"


class EventType(StrEnum):
    """What can happen on the time line besides turns. `events` columns hold nothing else.

    BARGE_IN: the user cuts the agent's turn; AGENT_INTERRUPTION: the agent the user's; both last from the first sound
    to the cut. FAILED_BARGE_IN: the user says something over the agent's turn, which goes on. OVERLAP: the next turn
    begins before this one has ended. PAUSE: silence inside a turn. DISFLUENCY: a filler, repetition or correction of the
    user's. LONG_SILENCE: the user is silent before the turn that bears it. SIDE_TALK: the user talks to somebody else.
    SOUND: a discrete sound on the user's channel.
    """

    BARGE_IN = "barge_in"
    FAILED_BARGE_IN = "failed_barge_in"
    AGENT_INTERRUPTION = "agent_interruption"
    BACKCHANNEL = "backchannel"
    OVERLAP = "overlap"
    PAUSE = "pause"
    DISFLUENCY = "disfluency"
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
    SAD = "sad"
    TIRED = "tired"
    EXCITED = "excited"
    SURPRISED = "surprised"
    REASSURING = "reassuring"
    SLOWLY = "slowly"
    QUICKLY = "quickly"
    QUIETLY = "quietly"


class Vocal(StrEnum):
    """What a speaker does with the voice besides speaking: `[laugh]` in tagged text, at its word."""

    LAUGH = "laugh"
    CHUCKLE = "chuckle"
    SIGH = "sigh"
    GASP = "gasp"
    COUGH = "cough"
    CLEAR_THROAT = "clear throat"
    SNIFF = "sniff"
    GROAN = "groan"
    SHUSH = "shush"
