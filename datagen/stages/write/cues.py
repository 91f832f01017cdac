"""A sound at the user's to which the agent reacts: a siren, a dog, a doorbell."""

import re
from collections.abc import Mapping
from dataclasses import replace

from datagen.domains.phrasing import Dice
from datagen.domains.spontaneous import Cue, Spontaneous
from datagen.errors import UserError
from datagen.records.enums import MarkType, Speaker, TurnType
from datagen.records.transcript import Mark, Transcript, Turn
from datagen.stages.write import edits
from datagen.stages.write.options import WriteOptions

EARLY = 0.7
"""The part of the user's turn in which a sound begins: the agent has to have heard it before it speaks."""
HEARD = 3
"""Words of the turn that come after the word at which a sound begins, at least; a turn of fewer has no sound."""
LONG_TURN = 12
"""Words of a turn that outlasts most sounds, for its weight among places."""
ACK_WORDS = 6
"""Words of an acknowledgement, at most: more of it is news."""

_ACKNOWLEDGES = re.compile(
    r"(?:okay|alright|all right|got (?:it|that)|perfect|great|good|lovely|wonderful|thanks|thank you|understood|i see|noted|sure"
    r"|of course|certainly|absolutely|no problem|no worries|right|very good|mm-hmm|i appreciate (?:it|that)|i've got that)\b",
    re.I,
)
_READS_ON = re.compile(
    r"(?:so|and|but|or|because|which|that|that's|this|it|it's|they|they're|those|these|there|he|she|then|you said|just|yes|yeah|no"
    r"|not|actually|only|also)\b",
    re.I,
)
"""Openings of a sentence that reads on from what stands before it; nothing may come between, except for a question that an "and"
leads to once the answer was acknowledged."""
_LEADS_TO_A_QUESTION = re.compile(
    r"(?:and|so) (?:what|when|where|who|how|which|can|could|may|do|did|would|is there)\b", re.I
)
_BRIDGES = ("Okay.", "Alright.", "Got it.")


def put_sound(transcript: Transcript, options: WriteOptions, texts: Spontaneous, dice: Dice) -> Transcript:
    """The dialogue with one SOUND mark on a user's turn, and the agent's reaction in its next turn, once it has said that
    it heard what the user said; the same one where
    the recipe's share leaves it alone, where the writer marked a sound itself, or where no turns fit."""
    wanted = options.sound_cue
    if not dice.chance(wanted.share):
        return transcript
    turns = transcript.turns
    heard_already = any(m.type is MarkType.SOUND for t in turns for m in t.marks)
    found = [] if heard_already else [i for i in range(2, len(turns) - 2) if _fits(turns, i)]
    if not found:
        return transcript
    at = dice.weighted(found, [min(len(turns[i].words), LONG_TURN) for i in found])
    known = sounds(texts, wanted.sounds)
    name = dice.pick(list(known))
    user, reaction = _heard(turns[at], name, known[name], dice.chance(wanted.mention_share), dice)
    agent = _reacting(turns[at + 1], reaction, bridged=user.text == turns[at].text, dice=dice)
    n_more = len(user.words) + len(agent.words) - len(turns[at].words) - len(turns[at + 1].words)
    room = options.max_dialog_words - sum(len(t.words) for t in turns)
    if n_more > room or len(agent.words) > options.max_agent_words or len(user.words) > options.max_user_words:
        return transcript
    return replace(transcript, turns=(*turns[:at], user, agent, *turns[at + 2 :]))


def sounds(texts: Spontaneous, wanted: tuple[str, ...]) -> Mapping[str, Cue]:
    """What is said about the wanted sounds, about all where none is named; a UserError names one that nothing is said about."""
    missing = [name for name in wanted if name not in texts.cues]
    if missing:
        raise UserError(
            f"write.sound_cue.sounds: nobody says anything about {missing[0]!r}. There are: {', '.join(texts.cues)}. "
            "More can be written into _shared/spontaneous.toml, in a folder of your own."
        )
    return {name: texts.cues[name] for name in wanted} if wanted else texts.cues


def _fits(turns: tuple[Turn, ...], at: int) -> bool:
    """Whether the user speaks in turn `at`, neither cutting in nor cut nor after a long silence, and the agent goes on."""
    turn, following, before = turns[at], turns[at + 1], turns[at - 1]
    cut = (MarkType.BARGE_IN, MarkType.LONG_SILENCE, MarkType.SAFE_CUT)
    return (
        turn.speaker is Speaker.USER
        and following.speaker is Speaker.AGENT
        and turn.type not in (TurnType.CLOSING, TurnType.GREETING)
        and following.type not in (TurnType.CLOSING, TurnType.GREETING)
        and not any(m.type in cut for m in turn.marks)
        and not any(m.type in (MarkType.BARGE_IN, MarkType.LONG_SILENCE) for m in (*following.marks, *before.marks))
        and len(turn.words) > HEARD
        and (_goes_on_at(following) > 0 or _asks_anew(turn, following))
    )


def _goes_on_at(turn: Turn) -> int:
    """The word at which the agent goes on after an acknowledgement that opens its turn; 0 where it opens with none, or where
    what follows reads on from it."""
    words = turn.words
    end = next((i + 1 for i, w in enumerate(words[:-1]) if w.endswith((".", "!", "?"))), 0)
    if not 0 < end <= ACK_WORDS or words[end - 1].endswith("?") or not _ACKNOWLEDGES.match(turn.text):
        return 0
    rest = " ".join(words[end:])
    reads_on = turn.type is TurnType.CONFIRMATION or (_READS_ON.match(rest) and not _LEADS_TO_A_QUESTION.match(rest))
    return 0 if reads_on or any(c.isdigit() for w in words[:end] for c in w) else end


def _asks_anew(said: Turn, turn: Turn) -> bool:
    """Whether the agent, without acknowledging anything, asks something that does not read on from what the user told it."""
    first = next((i + 1 for i, w in enumerate(turn.words) if w.endswith((".", "!", "?"))), len(turn.words))
    asks = turn.type is TurnType.QUESTION and turn.words[first - 1].endswith("?")
    return asks and "?" not in said.text and not _READS_ON.match(turn.text) and not _ACKNOWLEDGES.match(turn.text)


def _reacting(turn: Turn, reaction: str, bridged: bool, dice: Dice) -> Turn:
    """The agent's turn with its reaction after the acknowledgement that opens it, or after one of its own where it says none and
    is `bridged`; where the user spoke of the sound last, the reaction is what acknowledges it."""
    at = _goes_on_at(turn)
    if at > 0 or not bridged:
        return edits.put_in(turn, at, reaction)
    return edits.led_in(turn, f"{dice.pick(_BRIDGES)} {reaction}")


def _heard(turn: Turn, name: str, cue: Cue, mentioned: bool, dice: Dice) -> tuple[Turn, str]:
    """The user's turn with the sound, mentioned in a last sentence where it is a statement, and what the agent says to it."""
    early = max(1, min(int(EARLY * len(turn.words)), len(turn.words) - HEARD))
    marked = edits.mark(turn, [Mark(MarkType.SOUND, dice.index(early), name)])
    if not mentioned or "?" in turn.text:
        return marked, dice.pick(cue.react).say(dice)
    told = replace(marked, text=f"{marked.text} {dice.pick(cue.mention).say(dice)}")
    return told, dice.pick(cue.answer).say(dice)
