"""Writes a dialogue of two questions and two answers from a qa domain."""

from collections.abc import Mapping

from datagen.domains.lines import Lines, lead_in
from datagen.domains.phrasing import Dice, tidy
from datagen.domains.qa import QaDomain, Second
from datagen.engines.writers.agenda.draft import Draft, Segment
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.engines.writers.agenda.talk import cut_word, spoken_turns
from datagen.protocols import Failure, WriteRequest
from datagen.records.enums import Speaker, Tag, TurnType
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript, Turn
from datagen.store.ids import rng

A, U = Speaker.AGENT, Speaker.USER
MOOD_TAGS = {"cheerful": (Tag.CHEERFUL,), "hesitant": (Tag.HESITANT,)}
ANSWER_LEADS = {
    "example": "example_lead",
    "simpler": "simpler_lead",
    "misunderstanding": "correction_lead",
    "topic_change": "answer_lead",
}


def write_qa(domain: QaDomain, request: WriteRequest, options: AgendaOptions, maker: Maker) -> Transcript | Failure:
    """The transcript of a qa plan, alternating from the plan's first speaker; a Failure where its questions are not there."""
    plan = request.plan
    if plan.scenario not in domain.questions:
        return Failure("unknown_scenario", f"{plan.domain}: there is no question {plan.scenario!r}.")
    second = _second(domain, plan)
    if isinstance(second, Failure):
        return second
    talk = _Talk(domain, plan, second, Dice(rng(request.seed, "qa")), options)
    talk.open()
    talk.first_answer()
    talk.second_question()
    talk.second_answer()
    talk.close()
    return Transcript(plan.dialog_id, domain.role_context, talk.turns(), maker)


def _second(domain: QaDomain, plan: DialogPlan) -> Second | Failure:
    """The second question that the plan chose (a topic change is made from the other question), or what is wrong with it."""
    kind, index = plan.instance.get("second"), plan.instance.get("second_index")
    if kind == "topic_change":
        other = domain.questions.get(str(plan.instance.get("other")))
        if other is None:
            return Failure(
                "bad_instance", f"{plan.scenario}: there is no other question {plan.instance.get('other')!r}."
            )
        return Second("topic_change", other.asks, other.answers)
    seconds = domain.questions[plan.scenario].seconds
    if not isinstance(index, int) or not 0 <= index < len(seconds) or seconds[index].type != kind:
        return Failure("bad_instance", f"{plan.scenario}: there is no second question {index!r} of type {kind!r}.")
    return seconds[index]


class _Talk:
    """One dialogue as it is written."""

    def __init__(self, domain: QaDomain, plan: DialogPlan, second: Second, dice: Dice, options: AgendaOptions) -> None:
        self.domain, self.plan, self.second, self.dice, self.options = domain, plan, second, dice, options
        self.asked = domain.questions[plan.scenario]
        self.numbers: Mapping[str, str] = plan.instance.get("numbers", {})
        self.draft = Draft()
        self.mood = MOOD_TAGS.get(str(plan.traits.get("mood")), ())
        self.cut = 0
        # One draw a dialogue decides about both cuts, and the plan's trait only where: the rate stays the option's.
        self.cut_place = int(plan.traits.get("cuts_in", 1)) if dice.chance(options.barge_in_per_dialog) else 0

    def say(self, speaker: Speaker, text: str, kind: TurnType, act: str, *tags: Tag) -> None:
        self.draft.say(speaker, Segment(text, kind, act, tags))

    def pick(self, lines: Lines, **slots: str) -> str:
        return lines[self.dice.index(len(lines))].say(self.dice, slots or self.numbers)

    def frame(self, key: str, **slots: str) -> str:
        return self.pick(self.domain.frames[key], **slots)

    def open(self) -> None:
        """The greeting, and the first question in a direct form, inside a frame, or after a lead."""
        if self.plan.first_speaker is A:
            self.say(A, self.frame("agent_hello"), TurnType.GREETING, "greet", Tag.WARM)
        if self.plan.traits.get("greets", True):
            self.say(U, self.frame("user_hello"), TurnType.QUESTION, "greet", *self.mood)
        form = self.dice.index(5)
        if form < 2:
            text = self.pick(self.asked.asks)
        elif form < 4:
            text = self.frame("ask_clause", clause=self.asked.clause.draw(self.dice, self.numbers))
        else:
            lead = self.frame("ask_lead", subject=self.asked.subject.draw(self.dice, self.numbers))
            text = f"{lead} {self.pick(self.asked.asks)}"
        self.say(U, text, TurnType.QUESTION, "ask", *self.mood)

    def first_answer(self) -> None:
        text = lead_in(self.frame("answer_lead"), self.pick(self.asked.answers))
        can_cut = self.cut_place == 1 and self.second.type in ("follow_up", "why", "topic_change")
        # A question of another thing may come before the answer is half said; one of a reason comes after it.
        word = cut_word(text, self.dice, early=self.second.type != "why") if can_cut else None
        if word is None:
            text = f"{text} {self.frame('answer_tail')}".strip()
            self.cut_place = 2 if self.cut_place else 0  # what finds no place here is left for the last answer
        self.say(A, text, TurnType.ANSWER, "answer", Tag.WARM)
        self.draft.last.cut = word
        self.cut = 1 if word is not None else 0

    def second_question(self) -> None:
        kind = self.second.type
        if kind == "topic_change":
            self.numbers = self.plan.instance.get("other_numbers", {})
        if self.cut:
            lead = self.frame("cut_in")
        else:
            tail_asks = self.draft.last.text.endswith("?")
            react = self.frame("react_yes" if tail_asks else "react") if kind not in ("simpler", "clarify") else ""
            lead = lead_in(react, self.pick(self.domain.second_lead[kind]))
        if kind == "topic_change" and self.dice.chance(0.4):
            other = self.domain.questions[str(self.plan.instance["other"])]
            text = self.frame("ask_clause", clause=other.clause.draw(self.dice, self.numbers))
        else:
            text = self.pick(self.second.asks or self.domain.frames[f"ask_{kind}"])
        self.say(U, tidy(lead_in(lead, text)), TurnType.QUESTION, kind, *self.mood)

    def second_answer(self) -> None:
        kind = self.second.type
        lead = self.frame("after_cut") if self.cut else self.frame(ANSWER_LEADS.get(kind, "second_answer_lead"))
        text = lead_in(lead, self.pick(self.second.answers))
        self.say(A, text, TurnType.ANSWER, f"answer_{kind}", Tag.WARM)

    def close(self) -> None:
        if self.cut_place == 2:
            self.draft.last.cut = cut_word(self.draft.last.text, self.dice)
        if self.draft.last.cut is not None or self.plan.traits.get("thanks", True):
            self.say(U, self.frame("thanks"), TurnType.CLOSING, "thank", *self.mood)
            if self.dice.chance(0.75):
                self.say(A, self.frame("welcome"), TurnType.CLOSING, "welcome", Tag.WARM)

    def turns(self) -> tuple[Turn, ...]:
        """The turns; stitch may cut the end of an answer that the user's next turn does not lean on."""
        loose = self.second.type in ("follow_up", "topic_change")
        last = len(self.draft.turns) - 1
        safe = {
            i: i < last and (loose or t.act != "answer") and not t.text.endswith("?")
            for i, t in enumerate(self.draft.turns)
            if t.act.startswith("answer")
        }
        return spoken_turns(self.draft, self.dice, self.options, safe)
