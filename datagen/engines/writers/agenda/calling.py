"""How the agent of kind `tool` calls its tools: a holding phrase, the call at its last word, and the turn that speaks the result."""

from collections.abc import Mapping, Sequence

from datagen.domains.phrasing import Phrase
from datagen.domains.scenario import Step
from datagen.domains.tools import Value, typed
from datagen.engines.writers.agenda import joints
from datagen.engines.writers.agenda.session import Call, Expect, Session, Ungrounded, plain
from datagen.records.enums import Speaker, TurnType
from datagen.records.transcript import ToolCall
from datagen.store.ids import canonical

ALONE = 0.4
"""How often nobody says anything between the holding phrase and the result: the agent goes on in a turn of its own."""

STILL = 0.15
"""How often the result takes so long that the agent asks for another moment."""


def hold(s: Session, step: Step) -> Expect:
    """The agent asks for a moment and calls the step's tool; what the caller got wrong is read back first, so that no call is
    made with it."""
    doubtful = _doubtful(s, step)
    if doubtful is not None:
        value = joints.bare(s.told[doubtful.slot])
        s.agent(doubtful.confirm or s.act("agent.readback"), TurnType.CONFIRMATION, "readback", value=value)
        return Expect("readback", doubtful)
    phrases = step.agent if step.kind == "lookup" and step.agent else s.act(_HOLDS[step.kind])
    arguments = _arguments(s, step)
    segment = s.agent(phrases, TurnType.STATEMENT, "hold")
    s.calls.append(Call(step, len(s.draft.turns) - 1, segment, arguments, _values(s, step, step.result, "returns")))
    s.done.add(step.name)
    return Expect("wait", step)


_HOLDS = {"lookup": "agent.hold", "do": "agent.hold_do"}


def goes_on(s: Session) -> bool:
    """Whether the agent waits for the result in silence and says it in a turn of its own; then that turn has begun."""
    turns = s.draft.turns
    alone = len(turns) > 1 and turns[-2].speaker is Speaker.AGENT
    if not alone and s.dice.chance(ALONE) and not s.agenda.barge_ins:
        s.settle(None)
        s.draft.part(Speaker.AGENT)
        return True
    return False


def pending(s: Session, step: Step) -> Call | None:
    """The call of a step, None where it was not made or its holding phrase was cut."""
    return next((c for c in reversed(s.calls) if c.step is step and c.result_turn is None), None)


def waits_longer(s: Session, call: Call) -> bool:
    """Whether the agent, instead of the result, asks for another moment."""
    if call.n_holds > 1 or s.draft.last.speaker is Speaker.AGENT or s.room() < 25 or not s.dice.chance(STILL):
        return False
    call.n_holds += 1
    s.agent(s.act("agent.hold_on"), TurnType.STATEMENT, "hold_on")
    return True


def answer(s: Session, call: Call) -> Sequence[Phrase]:
    """The result is there: the phrasings that speak at least one of its values."""
    step = call.step
    s.reveal(call.result, step.result)
    slots = set(step.result.values())
    return [p for p in step.found if p.stated & slots] or step.found


def calls_of(s: Session, turn: int, shift: int) -> tuple[ToolCall, ...]:
    """The calls of a draft's turn, each at the last word of its holding phrase; `shift` words were put before the turn."""
    found = []
    for call in s.calls:
        if call.turn == turn and call.result_turn is not None:
            draft = s.draft.turns[turn]
            spans = zip(draft.segments, draft.spans(), strict=True)
            end = next(end for segment, (_, end) in spans if segment is call.segment)
            found.append(
                ToolCall(
                    call.step.tool, canonical(call.arguments), canonical(call.result), end + shift - 1, call.result_turn
                )
            )
    return tuple(found)


def _doubtful(s: Session, step: Step) -> Step | None:
    """The step that asked for an argument which the caller gave wrong and has not put right."""
    for slot in step.arguments.values():
        if s.told.get(slot, s.instance[slot]) != s.instance[slot]:
            return next((x for x in s.scenario.steps if x.kind == "ask" and x.slot == slot), None)
    return None


def _arguments(s: Session, step: Step) -> Mapping[str, Value]:
    """The arguments that the agent has: given by the caller, or in its facts; Ungrounded where one that the tool needs is not."""
    declared = s.domain.tools[step.tool].parameters
    known = {}
    for name, slot in step.arguments.items():
        shown = s.instance[slot]
        if slot in s.told or isinstance(shown, bool) or plain(str(shown)) in s.known_text:
            known[name] = slot
        elif declared[name].required:
            raise Ungrounded(f"{step.tool}.{name} = {shown!r} in a call")
    return _values(s, step, known, "parameters")


def _values(s: Session, step: Step, slots: Mapping[str, str], which: str) -> dict[str, Value]:
    declared = getattr(s.domain.tools[step.tool], which)
    return {name: typed(s.instance[slot], declared[name].type) for name, slot in slots.items()}
