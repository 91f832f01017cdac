"""A sound at the user's to which the agent reacts: a siren, a dog, a doorbell."""

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
LONG_TURN = 12
"""Words of a turn that outlasts most sounds, for its weight among places."""


def put_sound(transcript: Transcript, options: WriteOptions, texts: Spontaneous, dice: Dice) -> Transcript:
    """The dialogue with one SOUND mark on a user's turn, and the agent's reaction opening its next turn; the same one where
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
    agent = edits.led_in(turns[at + 1], reaction)
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
    )


def _heard(turn: Turn, name: str, cue: Cue, mentioned: bool, dice: Dice) -> tuple[Turn, str]:
    """The user's turn with the sound, mentioned in a last sentence where it is a statement, and what the agent says to it."""
    early = max(1, int(EARLY * len(turn.words)))
    marked = edits.mark(turn, [Mark(MarkType.SOUND, dice.index(early), name)])
    if not mentioned or "?" in turn.text:
        return marked, dice.pick(cue.react).say(dice)
    told = replace(marked, text=f"{marked.text} {dice.pick(cue.mention).say(dice)}")
    return told, dice.pick(cue.answer).say(dice)
