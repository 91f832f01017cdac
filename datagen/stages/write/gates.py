"""The gates on a dialogue's form: each gives its first fault, or None. Those on what is said have files of their own."""

import re

from datagen.protocols import Failure
from datagen.records.enums import Kind, MarkType, Speaker, Vocal
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Mark, Transcript, Turn
from datagen.stages.write.edits import DISFLUENT
from datagen.stages.write.leaks import leak_of
from datagen.stages.write.options import WriteOptions

QA_ROLE = "You are a wise and friendly teacher. Answer questions or provide advice in a clear and engaging way."
CASUAL_ROLE = "You enjoy having a good conversation."
SERVICE_ROLE = "You work for "
"""How the role contexts of the kinds begin (formats: the prompts of the released PersonaPlex model)."""
TOOLS = " Tools: "
"""What the tools of kind `tool` stand after in its role context, a sentence each."""


def structure(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects too few turns, a wrong first speaker, an empty turn, a speaker who goes on and on, a mark outside its turn."""
    id_, turns = transcript.dialog_id, transcript.turns
    if id_ != plan.dialog_id:
        return Failure("wrong_dialog", f"{id_}: its plan is of {plan.dialog_id}.")
    if len(turns) < options.min_turns:
        return Failure("too_few_turns", f"{id_}: {len(turns)} turns, at least {options.min_turns} are needed.")
    if turns[0].speaker is not plan.first_speaker:
        return Failure(
            "first_speaker",
            f"{id_} turn 0: the {turns[0].speaker} speaks first, the plan says the {plan.first_speaker}.",
        )
    if len({t.speaker for t in turns}) < 2:
        return Failure("one_speaker", f"{id_}: only the {turns[0].speaker} speaks.")
    row = 0
    for i, turn in enumerate(turns):
        row = row + 1 if i and turns[i - 1].speaker is turn.speaker else 1
        fault = _turn_fault(turn, i, row, options) or _mark_fault(turn, turns[i + 1] if i + 1 < len(turns) else None)
        if fault:
            return Failure(fault[0], f"{id_} turn {i}: {fault[1]}")
    return None


def _turn_fault(turn: Turn, i: int, row: int, options: WriteOptions) -> tuple[str, str] | None:
    if turn.index != i:
        return "turn_index", f"it is numbered {turn.index}."
    if not turn.text or turn.text.isspace():
        return "empty_turn", f"the {turn.speaker} says nothing."
    if row > options.max_turns_in_a_row:
        return (
            "same_speaker",
            f"the {turn.speaker} has {row} turns in a row, the limit is {options.max_turns_in_a_row}.",
        )
    return None


def _mark_fault(turn: Turn, following: Turn | None) -> tuple[str, str] | None:
    if not turn.marks:
        return None
    words = turn.words
    for mark in turn.marks:
        fault = _misplaced(mark, len(words)) or _misspoken(mark, turn.speaker, words)
        if fault:
            return fault
    cuts = [m for m in turn.marks if m.type is MarkType.BARGE_IN]
    if len(cuts) > 1:
        return "mark_range", f"{len(cuts)} barge-in marks, a turn is cut once."
    if cuts and (following is None or following.speaker is turn.speaker):
        return "barge_in", f"it is cut at word {cuts[0].word}, and the other speaker does not follow."
    return None


SPOKEN_BESIDE = (MarkType.BACKCHANNEL, MarkType.FAILED_BARGE_IN, MarkType.SIDE_TALK)
"""Marks whose text somebody says beside the turn."""

ONE_SIDED = {
    MarkType.FAILED_BARGE_IN: Speaker.AGENT,
    MarkType.SIDE_TALK: Speaker.USER,
    MarkType.SOUND: Speaker.USER,
}
"""On whose turns a mark may stand: the user tries to cut in on the agent, talks to somebody else, and has sounds around."""

_SOUND_NAME = re.compile(r"[a-z][a-z0-9_]*")


def _misplaced(mark: Mark, n_words: int) -> tuple[str, str] | None:
    if not 0 <= mark.word < n_words:
        return "mark_range", f"a {mark.type} mark at word {mark.word}, the turn has {n_words} words."
    if mark.type in (MarkType.BARGE_IN, MarkType.SAFE_CUT) and mark.word == 0:
        return "mark_range", f"a {mark.type} mark at word 0 leaves nothing of the turn to be heard."
    if mark.type is MarkType.LONG_SILENCE and mark.word > 0:
        return "mark_range", f"a {mark.type} mark at word {mark.word}: it stands before a turn, at word 0."
    return None


def _misspoken(mark: Mark, speaker: Speaker, words: list[str]) -> tuple[str, str] | None:
    side = ONE_SIDED.get(mark.type, speaker)
    if speaker is not side:
        return "mark_side", f"a {mark.type} mark on the {speaker}'s turn; it can stand on the {side}'s alone."
    if mark.type in SPOKEN_BESIDE and not mark.text.strip():
        return "mark_text", f"the {mark.type} at word {mark.word} has no text."
    if mark.type is MarkType.SOUND and not _SOUND_NAME.fullmatch(mark.text):
        return "mark_text", f"the sound at word {mark.word} is named {mark.text!r}, not by a name such as door_slam."
    if mark.type is MarkType.VOCAL and mark.text not in list(Vocal):
        return "mark_text", f"the vocal sound at word {mark.word} is {mark.text!r}; there are: {', '.join(Vocal)}."
    if mark.type in DISFLUENT:
        said = words[mark.word : mark.word + len(mark.text.split())]
        if not said or said != mark.text.split():
            return (
                "mark_text",
                f"the {mark.type} at word {mark.word} is {mark.text!r}, the turn says {' '.join(said)!r} there.",
            )
    return None


def role_context(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects an empty role context, or one that does not begin as its kind's has to (qa: the whole of it is fixed)."""
    text, id_ = transcript.role_context, transcript.dialog_id
    if not text.strip():
        return Failure("role_context", f"{id_}: the role context is empty.")
    service = text.startswith(SERVICE_ROLE) and " your name is " in text
    told = f"{SERVICE_ROLE}… and your name is …"
    right, wanted = {
        Kind.QA: (text == QA_ROLE, QA_ROLE),
        Kind.CASUAL: (text.startswith(CASUAL_ROLE), CASUAL_ROLE),
        Kind.PROBE: (text.startswith(SERVICE_ROLE), SERVICE_ROLE),
        Kind.SERVICE: (service, told),
        Kind.TOOL: (service and TOOLS in text, f"{told}{TOOLS}…"),
        Kind.INSTRUCTION: (text == QA_ROLE or text.startswith(CASUAL_ROLE), f"{QA_ROLE} or {CASUAL_ROLE}"),
    }[plan.kind]
    if not right:
        return Failure(
            "role_context",
            f"{id_}: the role context of kind {plan.kind} reads {text[:40]!r}…, it has to read {wanted!r}.",
        )
    fault = leak_of(text, role_context=True)
    return Failure(f"leak_{fault[0]}", f"{id_}: the role context holds {fault[1]}.") if fault else None


def leaks(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects what a writer's machinery left in the text: think blocks, directions, placeholders, markup, refusals, other scripts."""
    for turn in transcript.turns:
        fault = leak_of(turn.text)
        if fault is None and turn.marks:
            fault = next((f for m in turn.marks if m.type in SPOKEN_BESIDE and (f := leak_of(m.text))), None)
        if fault:
            return Failure(
                f"leak_{fault[0]}",
                f"{transcript.dialog_id} turn {turn.index}: the {turn.speaker}'s text holds {fault[1]}.",
            )
    return None
