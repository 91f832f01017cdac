"""The caller: answers what the agent waits for, and brings up what is on the agenda when its time has come."""

from collections.abc import Sequence

from datagen.domains.phrasing import Phrase
from datagen.domains.scenario import Question, Refusal, Step
from datagen.engines.writers.agenda import cuts
from datagen.engines.writers.agenda.session import Expect, Session, UserAct, plain
from datagen.records.enums import Tag, TurnType

GREETINGS = ("hi", "hello", "hey", "yeah", "good")
DIGRESSIONS = ("slot", "check", "wait", "react", "leave")
"""What the agent may be waiting for when a caller is rude."""

RAMBLES = 0.12
"""How often a caller who has said what the call is about adds something of no use."""

DIGRESS = 0.1
"""How often a caller answers a question with one of its own."""


class Caller:
    """Speaks for the customer. `respond` writes its turn and leaves its acts for the agent."""

    def __init__(self, session: Session) -> None:
        self.s = session

    def respond(self, waiting: Expect) -> None:
        """The caller's turn after the agent's, which it may cut."""
        s = self.s
        s.last_expect = waiting
        cut = cuts.choose(s, waiting)
        s.settle(cut.word if cut else None)
        if cut:
            s.agenda.barge_ins -= 1
        if cut and cut.reason == "ask":
            self._bring_up(s.act("user.cut_ask"))
            if waiting.kind != "react":
                s.open, s.unasked = waiting, True
            return
        if not cut and self._digress(waiting):
            return
        self._prefix()
        getattr(self, f"_{waiting.kind}")(waiting, cut.reason if cut else "")
        s.bad_news = False

    # -- what comes up --------------------------------------------------------------------------------------------

    def _digress(self, waiting: Expect) -> bool:
        """Whether the caller says something else than the agent waits for: rudeness, an off-topic question, a mishearing."""
        s, agenda = self.s, self.s.agenda
        if (
            agenda.mishear
            and waiting.kind in ("slot", "check", "choice", "react")
            and s.room() > 20
            and s.dice.chance(0.4)
        ):
            agenda.mishear = False
            s.user(s.act("user.mishear"), TurnType.QUESTION, "mishear")
            s.acts.append(UserAct("mishear"))
            return True
        if agenda.rude and waiting.kind in DIGRESSIONS and s.room() > 25 and s.dice.chance(0.5):
            agenda.rude, agenda.calming = False, True
            lines = s.scenario.complaints if s.scenario.complaints and s.dice.chance(0.6) else s.act("user.rude")
            s.user(lines, TurnType.OBJECTION, "rude", Tag.ANGRY)
            s.acts.append(UserAct("rude"))
            s.open = waiting
            return True
        if agenda.unrelated and waiting.kind in ("wait", "react") and s.room() > 25 and s.dice.chance(0.5):
            agenda.unrelated = False
            own = s.domain.unrelated
            lines = s.dice.pick(own).user if own and s.dice.chance(0.6) else s.act("user.unrelated")
            s.user(lines, TurnType.QUESTION, "unrelated")
            s.acts.append(UserAct("unrelated"))
            s.open = waiting
            return True
        return False

    def _prefix(self) -> None:
        """What comes before the answer: calming down after an outburst, or setting right what was wrong."""
        s, agenda = self.s, self.s.agenda
        if agenda.calming:
            agenda.calming = False
            if s.traits["calms"]:
                s.mood = "neutral"
                s.user(s.act("user.calm"), TurnType.STATEMENT, "calm")
            else:
                s.user(s.act("user.still_angry"), TurnType.OBJECTION, "still_angry", Tag.ANGRY)
        while agenda.correct and self.s.last_expect.kind != "readback":
            self._correct(agenda.correct.pop(), "user.correct_self")

    def _correct(self, slot: str, act: str) -> None:
        s = self.s
        s.user(s.act(act), TurnType.OBJECTION, "correct", value=s.instance[slot], wrong=s.told[slot])
        s.told[slot] = s.view[slot] = s.instance[slot]
        s.acts.append(UserAct("correct", slot=slot))

    def _next_item(self) -> Question | Refusal | None:
        """What the caller brings up now: a question or a request whose time has come, if there is room for it."""
        s, agenda = self.s, self.s.agenda
        if s.room() < 30:
            return None
        items: list[Question | Refusal] = []
        items += [q for q in agenda.questions if s.ready(q.after) and q.when(s.view) and s.has_answer(q)][:1]
        refusal = agenda.refusal
        if refusal is not None and s.ready(refusal.after) and s.has_answer(refusal) and s.room() > 55:
            items.append(refusal)
        return s.dice.pick(items) if items else None

    def _bring_up(self, lead: object = None, item: Question | Refusal | None = None) -> bool:
        s, agenda = self.s, self.s.agenda
        item = item or self._next_item()
        if item is None:
            return False
        if lead:
            s.user(lead, TurnType.STATEMENT, "lead")  # type: ignore[arg-type]
        asked = s.user(item.user, TurnType.QUESTION, "ask" if isinstance(item, Question) else "request")
        self._tell_by_the_way(plain(asked.text), item.user)
        if isinstance(item, Question):
            agenda.questions.remove(item)
            s.acts.append(UserAct("question", question=item))
        else:
            agenda.refusal = None
            s.acts.append(UserAct("refusal", refusal=item))
        return True

    # -- answers, by what the agent waits for ---------------------------------------------------------------------

    def open(self) -> None:
        """The first turn of a dialogue that the caller begins, with a greeting of its own if the opening has none."""
        s = self.s
        self._open(Expect("open"), "")
        first = s.draft.last.segments[0]
        if first.text.split()[0].strip(",.").lower() not in GREETINGS and s.dice.chance(0.6):
            hello = s.user(s.act("user.hello"), TurnType.GREETING, "hello")
            s.draft.last.segments.remove(hello)
            s.draft.last.segments.insert(0, hello)

    def _open(self, waiting: Expect, cut: str) -> None:
        s = self.s
        s.user(s.scenario.opening, TurnType.STATEMENT, "open")
        self.volunteer()
        if s.mood not in ("hurried", "annoyed") and "?" not in s.draft.last.text and s.dice.chance(RAMBLES):
            s.user(s.act("user.ramble"), TurnType.STATEMENT, "ramble")
        s.acts.append(UserAct("opening"))

    def _tell_by_the_way(self, said: str, phrases: Sequence[Phrase]) -> None:
        """What a question or request names need not be asked any more."""
        s = self.s
        named = {n for p in phrases for n in p.stated}
        for step in s.scenario.steps:
            new = step.kind == "ask" and step.slot in named and step.slot not in s.told
            if new and plain(s.instance[step.slot]) in said:
                self._give_early(step)

    def volunteer(self) -> None:
        """After the opening: what the agent would ask, said unasked."""
        s = self.s
        opening = plain(s.draft.last.text)
        for step in s.scenario.steps:
            if step.kind == "ask" and plain(s.instance[step.slot]) in opening:
                self._give_early(step)
        if not s.traits["early"]:
            return
        steps = [
            x
            for x in s.scenario.steps
            if x.kind == "ask" and x.early and x.slot != s.agenda.wrong_slot and x.when(s.view)
        ]
        for step in [x for x in steps if x.name not in s.done][: 1 + s.dice.index(2)]:
            s.user(step.early, TurnType.STATEMENT, "volunteer")
            self._give_early(step)

    def _give_early(self, step: Step) -> None:
        s = self.s
        s.told[step.slot] = s.instance[step.slot]
        s.done.add(step.name)
        s.heard.add(step.name)
        if s.agenda.wrong_slot == step.slot:
            s.agenda.wrong_slot = ""

    def _slot(self, waiting: Expect, cut: str) -> None:
        s, step = self.s, waiting.step
        assert step is not None
        if step.late and s.agenda.late:
            s.agenda.late = False
            s.user(s.act("user.late"), TurnType.STATEMENT, "late", Tag.HESITANT)
            s.acts.append(UserAct("late", step=step))
            return
        if s.draft.turns[-1].act == "wait":
            s.user(s.act("user.found_it"), TurnType.STATEMENT, "found_it")
        wrong = s.wrong_value(step.slot)
        if s.agenda.wrong_slot == step.slot and wrong is not None:
            s.agenda.wrong_slot = ""
            self._give_wrong(step, wrong)
        else:
            s.user(step.user, TurnType.ANSWER, "give")
            s.told[step.slot] = s.instance[step.slot]
        s.acts.append(UserAct("give", step.slot, step))

    def _give_wrong(self, step: Step, wrong: str) -> None:
        """Gives a wrong value: put right in the same breath, or left for a read-back or a later correction."""
        s = self.s
        segment = s.user(step.user, TurnType.ANSWER, "give", **{step.slot: wrong})
        if s.dice.chance(0.3) and segment.text.rstrip(".").endswith(wrong):
            segment.text = segment.text.rstrip(".") + ","
            s.user(s.act("user.self_repair"), TurnType.ANSWER, "self_repair", Tag.HESITANT, value=s.instance[step.slot])
            s.told[step.slot] = s.instance[step.slot]
            return
        s.told[step.slot] = s.view[step.slot] = wrong
        s.agenda.correct.append(step.slot)

    def _check(self, waiting: Expect, cut: str) -> None:
        s = self.s
        check = next(c for c in s.domain.identity.values() if c.slot == waiting.name)
        value = s.instance[check.slot]
        wrong = s.wrong_value(check.slot)
        if s.agenda.fail_check and wrong is not None:
            s.agenda.fail_check = False
            value = wrong
        s.user(check.user, TurnType.ANSWER, "give", **{check.slot: value})
        s.told[check.slot] = value
        s.acts.append(UserAct("check", check.slot))

    def _check_again(self, waiting: Expect, cut: str) -> None:
        s = self.s
        value = s.instance[waiting.name]
        s.user(s.act("user.verify_retry"), TurnType.ANSWER, "verify_retry", value=value)
        s.told[waiting.name] = value
        s.acts.append(UserAct("check", waiting.name))

    def _readback(self, waiting: Expect, cut: str) -> None:
        s, step = self.s, waiting.step
        assert step is not None
        if s.told[step.slot] == s.instance[step.slot]:
            s.user(s.act("user.confirm"), TurnType.CONFIRMATION, "confirm")
            s.acts.append(UserAct("confirm"))
            return
        s.agenda.correct.remove(step.slot)
        self._correct(step.slot, "user.correct_cut" if cut else "user.correct")

    def _wait(self, waiting: Expect, cut: str) -> None:
        s = self.s
        if not s.acts:
            s.user(s.act("user.wait"), TurnType.ANSWER, "wait")
        s.acts.append(UserAct("wait", step=waiting.step))

    def _react(self, waiting: Expect, cut: str) -> None:
        s = self.s
        if s.acts:
            return
        if cut == "enough":
            s.user(s.act("user.react"), TurnType.STATEMENT, "react")
            return
        item = self._next_item()
        if item is not None and s.dice.chance(0.7):
            lead = "user.ask_lead" if isinstance(item, Question) else "user.request_lead"
            self._bring_up(s.act(lead) if s.dice.chance(0.7) else None, item)
            return
        over = s.steps_left() == 0 and not s.unheard
        if over and item is None and (s.closing or s.dice.chance(0.35)):
            s.user(s.act("user.preempt_close"), TurnType.CLOSING, "no_more")
            s.acts.append(UserAct("bye"))
            return
        step = waiting.step
        own = step.user if step is not None and step.kind == "tell" else ()
        s.user(own or s.act("user.react"), TurnType.STATEMENT, "react")

    def _choice(self, waiting: Expect, cut: str) -> None:
        s, step = self.s, waiting.step
        assert step is not None
        if not s.acts and s.dice.chance(DIGRESS) and self._bring_up():
            s.open = waiting
            return
        value = s.instance[step.slot]
        s.user(step.choices.get(value) or step.user, TurnType.ANSWER, "choose")
        s.told[step.slot] = value
        s.acts.append(UserAct("choose", step.slot, step))

    def _leave(self, waiting: Expect, cut: str) -> None:
        s, step = self.s, waiting.step
        assert step is not None
        if not s.acts and s.dice.chance(DIGRESS) and self._bring_up():
            s.open = waiting
            return
        s.user(step.user or s.act("user.agree"), TurnType.ANSWER, "agree")
        s.acts.append(UserAct("agree", step=step))

    def _alternative(self, waiting: Expect, cut: str) -> None:
        s, refusal = self.s, waiting.refusal
        assert refusal is not None
        if cut == "object" or (s.traits["push"] and s.room() > 25):
            if cut == "object" and s.dice.chance(0.6):
                s.user(s.act("user.cut_object"), TurnType.OBJECTION, "object")
            s.user(refusal.push or s.act("user.push"), TurnType.OBJECTION, "push")
            s.acts.append(UserAct("push", refusal=refusal))
            return
        self._alternative_again(waiting, cut)

    def _alternative_again(self, waiting: Expect, cut: str) -> None:
        s, refusal = self.s, waiting.refusal
        assert refusal is not None
        takes = bool(s.traits["accept"])
        own = refusal.accept if takes else refusal.decline
        kind = "accept" if takes else "decline"
        s.user(own or s.act(f"user.{kind}_offer"), TurnType.ANSWER, kind)
        s.acts.append(UserAct(kind, refusal=refusal))

    def _more(self, waiting: Expect, cut: str) -> None:
        s = self.s
        item = self._next_item()
        if item is not None and (s.agenda.one_more or (isinstance(item, Refusal) and s.dice.chance(0.5))):
            self._bring_up(s.act("user.one_more"), item)
            return
        s.user(s.act("user.no_more"), TurnType.CLOSING, "no_more")
        s.acts.append(UserAct("bye"))

    def _end(self, waiting: Expect, cut: str) -> None:
        s = self.s
        if s.dice.chance(0.6):
            s.user(s.act("user.bye"), TurnType.CLOSING, "bye")
