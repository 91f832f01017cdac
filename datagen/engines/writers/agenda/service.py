"""Writes a service dialogue: a caller with a goal and an agenda against an agent with a task frame."""

from collections.abc import Mapping

from datagen.domains.phrasing import Dice
from datagen.domains.scenario import Question, Refusal
from datagen.domains.service import Scenario, ServiceDomain
from datagen.engines.writers.agenda import surface
from datagen.engines.writers.agenda.agent import Agent
from datagen.engines.writers.agenda.caller import Caller
from datagen.engines.writers.agenda.draft import DraftTurn
from datagen.engines.writers.agenda.options import BEHAVIOURS, AgendaOptions
from datagen.engines.writers.agenda.session import Agenda, Session, Ungrounded
from datagen.protocols import Failure, WriteRequest
from datagen.records.enums import MarkType, Speaker, TurnType
from datagen.records.maker import Maker
from datagen.records.transcript import Mark, Transcript, Turn
from datagen.store.ids import rng

TRIES = 4
"""How often a dialogue that got too long is written again, each time with fewer extras."""

MAX_TURNS = 60


def write_service(
    domain: ServiceDomain, request: WriteRequest, options: AgendaOptions, maker: Maker
) -> Transcript | Failure:
    """The transcript of a service plan; a Failure when it stays too long, or the agent would state what it does not have."""
    plan = request.plan
    scenario = domain.scenario(plan.scenario)
    n_words = 0
    for attempt in range(TRIES):
        dice = Dice(rng(request.seed, "agenda", attempt))
        traits = _traits(dict(plan.traits), options, dice)
        session = Session(domain, scenario, plan.instance, traits, dice, options)
        session.agenda = _agenda(scenario, session, extras=1 - attempt / (TRIES - 1))
        try:
            _converse(session, plan.first_speaker)
        except Ungrounded as error:
            return Failure(
                "ungrounded", f"{plan.dialog_id} {plan.domain}/{plan.scenario}: the agent would state {error}"
            )
        turns = tuple(_finish(session, i, t) for i, t in enumerate(session.draft.turns))
        n_words = sum(len(t.words) for t in turns)
        if n_words <= options.max_words:
            return _transcript(session, request, turns, maker)
    detail = f"{plan.dialog_id} {plan.domain}/{plan.scenario}: {n_words} words, limit {options.max_words}. Raise writer.max_words."
    return Failure("too_long", detail)


def _transcript(s: Session, request: WriteRequest, turns: tuple[Turn, ...], maker: Maker) -> Transcript:
    return Transcript(
        dialog_id=request.plan.dialog_id,
        role_context=s.role_context,
        turns=turns,
        maker=maker,
        facts_used=tuple(s.stated),
        user_role_context=s.domain.user_context(s.scenario.name, s.instance),
    )


def _converse(s: Session, first: Speaker) -> None:
    """Turns by turns until someone has said goodbye."""
    agent, caller = Agent(s), Caller(s)
    if first is Speaker.AGENT:
        waiting = agent.greet()
        caller.respond(waiting)
    else:
        caller.open()
    while len(s.draft.turns) < MAX_TURNS:
        waiting = agent.next()
        caller.respond(waiting)
        if waiting.kind == "end":
            return


def _traits(traits: dict[str, object], options: AgendaOptions, dice: Dice) -> dict[str, object]:
    """The plan's traits, with those drawn anew whose rate is set in the options."""
    for name in BEHAVIOURS:
        rate = getattr(options, name)
        if rate is not None:
            traits[name] = dice.chance(rate)
    if traits["rude"]:
        traits["mood"] = "annoyed"
    return traits


def _agenda(scenario: Scenario, s: Session, extras: float) -> Agenda:
    """The caller's agenda, by the traits; `extras` (1…0) thins out what the dialogue can do without."""
    traits, dice, options = s.traits, s.dice, s.options

    def wants(name: str) -> bool:
        return name in trouble and (extras >= 1 or dice.chance(extras))

    askable = [
        x.slot for x in scenario.steps if x.kind == "ask" and x.wrong and x.when(s.view) and s.wrong_value(x.slot)
    ]
    barges = dice.chance(options.barge_in_per_dialog)
    trouble = _trouble(traits, s)
    return Agenda(
        questions=_questions(scenario, s, round(int(traits["n_questions"]) * extras)),
        refusal=_refusal(scenario, s) if wants("refusal") else None,
        rude=wants("rude"),
        unrelated=wants("unrelated"),
        mishear=wants("mishear"),
        late=bool(traits["late"]),
        wrong_slot=dice.pick(askable) if askable and wants("wrong") else "",
        fail_check=wants("verify_fail"),
        one_more=bool(traits["one_more"]),
        barge_ins=0 if not barges else 1 + int(dice.chance(options.second_barge_in)),
    )


TROUBLE = ("refusal", "wrong", "verify_fail", "rude", "mishear", "unrelated")
SECOND, THIRD = 0.5, 0.12
"""How often a second and a further trouble stay in one dialogue: not everything goes wrong at once."""


def _trouble(traits: Mapping[str, object], s: Session) -> frozenset[str]:
    """The caller's troubles that the dialogue keeps: the first drawn, sometimes a second; those whose knob is set, all."""
    kept = [name for name in TROUBLE if traits[name] and getattr(s.options, name) is not None]
    left = [name for name in TROUBLE if traits[name] and name not in kept]
    while left:
        name = s.dice.pick(left)
        left.remove(name)
        if s.dice.chance((1.0, SECOND, THIRD)[min(len(kept), 2)]):
            kept.append(name)
    return frozenset(kept)


def _questions(scenario: Scenario, s: Session, n: int) -> list[Question]:
    left = [q for q in scenario.questions if q.when(s.view)]
    drawn: list[Question] = []
    while left and len(drawn) < n:
        question = s.dice.weighted(left, [q.share for q in left])
        left.remove(question)
        drawn.append(question)
    return drawn


def _refusal(scenario: Scenario, s: Session) -> Refusal | None:
    left = [r for r in scenario.refusals if r.when(s.view)]
    return s.dice.weighted(left, [r.share for r in left]) if left else None


def _finish(s: Session, index: int, draft: DraftTurn) -> Turn:
    """The turn with fillers, restarts and marks; a turn that is cut keeps its words, so that the cut stays where it is."""
    text, marks = draft.text, []
    options, dice = s.options, s.dice
    is_user = draft.speaker is Speaker.USER
    if draft.cut is None and draft.segments[0].act in HESITANT:
        filler, restart = (
            (options.filler_user, options.repair_user) if is_user else (options.filler_agent, options.repair_agent)
        )
        pause = None
        if dice.chance(filler):
            text, pause = surface.add_filler(text, dice, draft.speaker)
        elif dice.chance(restart):
            text, pause = surface.add_restart(text, dice)
        if pause is not None:
            marks.append(Mark(MarkType.PAUSE, pause))
    words = text.split()
    rate = options.backchannel_agent if is_user else options.backchannel_user
    taken = {m.word for m in marks}
    found = surface.backchannels(words, dice, rate, draft.speaker, draft.cut, _informing(draft, len(words)))
    marks += [m for m in found if not taken & {m.word, m.word + 1}]
    if draft.cut is not None:
        marks.append(Mark(MarkType.BARGE_IN, draft.cut))
    elif not is_user and options.safe_cuts:
        safe = surface.safe_cut(words, dice, _tail(draft, words))
        marks += [safe] if safe else []
    ordered = tuple(sorted(marks, key=lambda m: (m.word, m.type)))
    return Turn(index, draft.speaker, text, draft.type, draft.act, ordered, draft.tags)


HESITANT = frozenset(
    (
        *("open", "give", "volunteer", "ask", "request", "choose", "push", "object", "verify_retry"),
        *("found", "answer", "tell"),
    )
)
"""The acts that a hesitation may open: a reaction, a confirmation and a farewell come at once."""

INFORMING = frozenset(
    (
        "tell",
        "found",
        "done",
        "answer",
        "refuse",
        "alternative",
        "open",
        "volunteer",
        "request",
        "push",
        "rude",
    )
)
"""Acts that a listener gives a sign of attention to; nobody says mhm to a greeting or in the middle of a question."""


def _informing(draft: DraftTurn, n_words: int) -> list[range]:
    """The words of the acts that inform. A filler has moved them by a word or two, which a clause end absorbs."""
    shift = n_words - sum(len(s.text.split()) for s in draft.segments)
    spans = zip(draft.segments, draft.spans(), strict=True)
    return [range(start + shift, end + shift) for segment, (start, end) in spans if segment.act in INFORMING]


def _tail(draft: DraftTurn, words: list[str]) -> int:
    """The word from which a turn holds nothing that is missed if it is cut; len(words) where there is no such place."""
    sentence = max((i + 1 for i, w in enumerate(words[:-1]) if w.endswith((".", "?", "!"))), default=0)
    comma = max((i + 1 for i, w in enumerate(words[:-1]) if w.endswith(",")), default=0)
    if draft.type in (TurnType.GREETING, TurnType.CLOSING) and sentence:
        return max(sentence, comma) + 1
    informs = draft.segments[-1].type in (TurnType.STATEMENT, TurnType.AFTER_LOOKUP, TurnType.ANSWER)
    if informs and comma > sentence + 4 and 3 <= len(words) - comma <= 7 and not surface.has_value(words[comma:]):
        return comma + 1
    return len(words)
