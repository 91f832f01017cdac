"""Writes a service dialogue: a caller with a goal and an agenda against an agent with a task frame."""

from collections.abc import Mapping

from datagen.domains.phrasing import Dice
from datagen.domains.scenario import Question, Refusal
from datagen.domains.service import Scenario, ServiceDomain
from datagen.engines.writers.agenda import calling, surface
from datagen.engines.writers.agenda.agent import Agent
from datagen.engines.writers.agenda.caller import Caller
from datagen.engines.writers.agenda.draft import DraftTurn
from datagen.engines.writers.agenda.options import BEHAVIOURS, AgendaOptions
from datagen.engines.writers.agenda.session import Agenda, Session, Ungrounded
from datagen.protocols import Failure, WriteRequest
from datagen.records.enums import MarkType, Speaker, TurnType
from datagen.records.maker import Maker
from datagen.records.transcript import Mark, Transcript, Turn
from datagen.store.ids import rng, unit_hash

TRIES = 4
"""How often a dialogue that got too long is written again, each time with fewer extras."""

CUT_TRIES = 4
"""How often a dialogue is written for a user who cuts in, until there is a place for it."""

BUSY = 0.65
"""Share of the callers who cut in that do it with something of their own to say, in the middle of what they are told."""

MAX_TURNS = 60


def write_service(
    domain: ServiceDomain, request: WriteRequest, options: AgendaOptions, maker: Maker
) -> Transcript | Failure:
    """The transcript of a service plan; a Failure when it stays too long, or the agent would state what it does not have."""
    plan = request.plan
    scenario = domain.scenario(plan.scenario)
    cuts_in = unit_hash(request.seed, "barge-in") < options.barge_in_per_dialog
    busy = unit_hash(request.seed, "busy") < BUSY
    n_words = n_long = 0
    uncut: Transcript | None = None
    for attempt in range(TRIES + CUT_TRIES):
        dice = Dice(rng(request.seed, "agenda", attempt))
        traits = _traits(dict(plan.traits), options, dice)
        session = Session(domain, scenario, plan.instance, traits, dice, options)
        session.agenda = _agenda(scenario, session, cuts_in, extras=1 - n_long / (TRIES - 1))
        session.agenda.busy = busy and attempt - n_long < CUT_TRIES - 1
        try:
            _converse(session, plan.first_speaker)
        except Ungrounded as error:
            return Failure(
                "ungrounded", f"{plan.dialog_id} {plan.domain}/{plan.scenario}: the agent would state {error}"
            )
        drafts = session.draft.turns
        turns = tuple(_finish(session, i, t, session.draft.agent_after(i)) for i, t in enumerate(drafts))
        n_words = sum(len(t.words) for t in turns)
        if n_words > options.max_words:
            n_long += 1
            if n_long == TRIES:
                break
            continue
        transcript = _transcript(session, request, turns, maker)
        if not cuts_in or any(t.cut is not None for t in drafts):
            return transcript
        uncut = uncut or transcript
        if attempt + 1 - n_long == CUT_TRIES:
            break
    if uncut is not None:
        return uncut
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


def _agenda(scenario: Scenario, s: Session, cuts_in: bool, extras: float) -> Agenda:
    """The caller's agenda, by the traits; `extras` (1…0) thins out what the dialogue can do without."""
    traits, dice, options = s.traits, s.dice, s.options

    def wants(name: str) -> bool:
        return name in trouble and (extras >= 1 or dice.chance(extras))

    askable = [
        x.slot for x in scenario.steps if x.kind == "ask" and x.wrong and x.when(s.view) and s.wrong_value(x.slot)
    ]
    trouble = _trouble(traits, s)
    return Agenda(
        questions=_questions(scenario, s, max(int(cuts_in), round(int(traits["n_questions"]) * extras))),
        refusal=_refusal(scenario, s) if wants("refusal") else None,
        rude=wants("rude"),
        unrelated=wants("unrelated"),
        mishear=wants("mishear"),
        late=bool(traits["late"]),
        wrong_slot=dice.pick(askable) if askable and wants("wrong") else "",
        fail_check=wants("verify_fail"),
        one_more=bool(traits["one_more"]),
        barge_ins=0 if not cuts_in else 1 + int(dice.chance(options.second_barge_in)),
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


def _finish(s: Session, index: int, draft: DraftTurn, later: str) -> Turn:
    """The turn with its marks; a turn that is cut keeps its words, so that the cut stays where it is. `later` is all that the agent
    says in later turns."""
    text = draft.text
    marks: list[Mark] = []
    options, dice = s.options, s.dice
    is_user = draft.speaker is Speaker.USER
    if draft.cut is None and not is_user and draft.segments[0].act in FILLED and dice.chance(options.filler_agent):
        text = surface.add_filler(text, dice)
    words = text.split()
    calls = calling.calls_of(s, index, len(words) - sum(len(x.text.split()) for x in draft.segments))
    if draft.type is not TurnType.GREETING:
        heard = s.listening[draft.speaker.other]
        marks = surface.backchannels(words, dice, heard, draft.cut, _informing(draft, len(words)))
    if draft.cut is not None:
        marks.append(Mark(MarkType.BARGE_IN, draft.cut))
    elif options.safe_cuts and not calls:
        safe = _ramble(draft, words, later, dice) if is_user else surface.safe_cut(words, dice, _tail(draft, words))
        marks += [safe] if safe else []
    ordered = tuple(sorted(marks, key=lambda m: (m.word, m.type)))
    return Turn(index, draft.speaker, text, draft.type, draft.act, ordered, draft.tags, calls)


def _ramble(draft: DraftTurn, words: list[str], following: str, dice: Dice) -> Mark | None:
    """Where the agent may cut in on a user who goes on about what was said already; `following` is all that the agent says after."""
    goes_on = bool(following) and draft.segments[-1].act in RAMBLING
    return surface.ramble_cut(words, following, dice) if goes_on else None


RAMBLING = frozenset({"ramble", "rude", "push", "object", "still_angry", "react", "decline"})
"""Acts of the user's whose last sentence says nothing that the agent has to know. What opens a call is
news to the last word, but for what some add to it."""

FILLED = frozenset({"found", "answer", "tell"})
"""The acts that a discourse word of the agent's may open."""

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
