"""The agent: a policy over the task's frame. It reacts to what the caller did, and takes the task its next step."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from datagen.domains.phrasing import Phrase
from datagen.domains.scenario import Step
from datagen.engines.writers.agenda import calling, joints
from datagen.engines.writers.agenda.session import Expect, Session, UserAct, plain
from datagen.records.enums import Speaker, Tag, TurnType

LONG_TURN = 20
"""Words after which the agent lets the caller react before it goes on."""

AGAIN = 0.3
"""By how much each read-back makes the next one less likely."""

SPELLED = ("person", "email", "code", "address")
"""Slot types that are read back although they hold no number."""


class Agent:
    """Speaks for the company. `next` writes its turn and says what it waits for."""

    def __init__(self, session: Session) -> None:
        self.s = session
        self._reactions: dict[str, Callable[[UserAct], Expect | None]] = {
            "opening": self._opening,
            "give": self._given,
            "check": self._checked,
            "confirm": self._acknowledge,
            "correct": self._corrected,
            "question": self._question,
            "refusal": self._refuse,
            "push": self._pushed,
            "accept": self._accepted,
            "decline": self._declined,
            "rude": self._rude,
            "unrelated": self._unrelated,
            "mishear": self._repeat,
            "late": self._late,
            "wait": self._found,
            "choose": self._chosen,
            "agree": self._agreed,
            "bye": self._close,
        }

    def greet(self) -> Expect:
        s = self.s
        s.agent(s.domain.greetings or s.act("agent.greet"), TurnType.GREETING, "greet", Tag.WARM)
        return Expect("open")

    def next(self) -> Expect:
        """The agent's turn: reactions first, then what was not heard, then the question left open, then the next step."""
        s = self.s
        acts, s.acts = s.acts, []
        waiting: Expect | None = None
        for act in acts:
            waiting = self._reactions[act.kind](act) or waiting
        if waiting is None and s.unheard:
            waiting = self._resume()
        if waiting is None and s.open is not None:
            waiting = self._reask()
        return waiting or self._advance()

    # -- reactions ------------------------------------------------------------------------------------------------

    def _opening(self, act: UserAct) -> None:
        s = self.s
        if len(s.draft.turns) == 1:
            s.agent(s.act("agent.greet_back"), TurnType.GREETING, "greet", Tag.WARM)
        else:
            tag = (Tag.APOLOGETIC,) if s.mood == "annoyed" else (Tag.WARM,)
            s.agent(s.act("agent.accept"), TurnType.STATEMENT, "accept", *tag)

    def _acknowledge(self, act: UserAct) -> None:
        s = self.s
        if self._asks_next() and s.dice.chance(0.75):
            s.agent(s.act("agent.ack"), TurnType.STATEMENT, "ack")

    def _given(self, act: UserAct) -> Expect | None:
        s, step = self.s, act.step
        assert step is not None
        s.done.add(step.name)
        s.heard.add(step.name)
        s.bad_news = step.bad(s.view)
        if self._reads_back(step):
            s.n_readbacks += 1
            value = joints.bare(s.told[step.slot])
            s.agent(step.confirm or s.act("agent.readback"), TurnType.CONFIRMATION, "readback", value=value)
            return Expect("readback", step)
        self._acknowledge(act)
        return None

    def _reads_back(self, step: Step) -> bool:
        s = self.s
        if step.readback == "never" or s.room() < 12:
            return False
        value = s.told[step.slot]
        if step.readback == "always":
            return True
        if value != s.instance[step.slot]:
            return s.dice.chance(0.65)
        share = s.options.readback if s.options.readback is not None else float(s.traits["readback"])
        worth = sum(c.isdigit() for c in value) > 1 or s.scenario.tables[step.slot]["type"] in SPELLED
        return worth and s.dice.chance(share * AGAIN**s.n_readbacks)

    def _checked(self, act: UserAct) -> Expect | None:
        s = self.s
        if s.told.get(act.slot) != s.instance[act.slot]:
            s.agent(s.act("agent.verify_fail"), TurnType.QUESTION, "verify_fail", Tag.APOLOGETIC)
            return Expect("check_again", name=act.slot)
        check = next(c for c in s.instance["identity"] if s.domain.identity[c].slot == act.slot and c not in s.checked)
        s.checked.append(check)
        if len(s.checked) == len(s.instance["identity"]):
            if plain(s.instance["customer"]) in s.known_text:
                s.view["hail"] = f", {s.instance['first_name']}" if s.dice.chance(0.6) else ""
            s.agent(s.act("agent.verified"), TurnType.STATEMENT, "verified")
            s.view["hail"] = ""
        else:
            self._acknowledge(act)
        return None

    def _corrected(self, act: UserAct) -> None:
        s = self.s
        s.agent(s.act("agent.corrected"), TurnType.CONFIRMATION, "corrected", value=joints.bare(s.told[act.slot]))

    def _question(self, act: UserAct) -> Expect | None:
        s, question = self.s, act.question
        assert question is not None
        segment = s.agent(question.agent, TurnType.ANSWER, "answer", key=f"q:{question.name}", must=True)
        stop = len(segment.text.split()) > LONG_TURN - 4 or s.dice.chance(0.35)
        return Expect("react") if stop and s.open is None and not s.unheard else None

    def _refuse(self, act: UserAct) -> Expect:
        s, refusal = self.s, act.refusal
        assert refusal is not None
        s.agent(refusal.agent, TurnType.STATEMENT, "refuse", Tag.APOLOGETIC)
        s.agent(refusal.offer, TurnType.STATEMENT, "alternative", key=f"r:{refusal.name}")
        return Expect("alternative", refusal=refusal)

    def _pushed(self, act: UserAct) -> Expect:
        s, refusal = self.s, act.refusal
        assert refusal is not None
        s.agent(s.act("agent.firm"), TurnType.STATEMENT, "firm", Tag.FIRM)
        s.agent(refusal.offer, TurnType.STATEMENT, "alternative")
        return Expect("alternative_again", refusal=refusal)

    def _accepted(self, act: UserAct) -> None:
        s, refusal = self.s, act.refusal
        assert refusal is not None
        s.agent(refusal.done or s.act("agent.accepted"), TurnType.STATEMENT, "accepted")

    def _declined(self, act: UserAct) -> None:
        self.s.agent(self.s.act("agent.declined"), TurnType.STATEMENT, "declined", Tag.WARM)

    def _rude(self, act: UserAct) -> None:
        self.s.agent(self.s.act("agent.deescalate"), TurnType.STATEMENT, "deescalate", Tag.APOLOGETIC)

    def _unrelated(self, act: UserAct) -> None:
        self.s.agent(self.s.act("agent.redirect"), TurnType.STATEMENT, "redirect", Tag.WARM)

    def _late(self, act: UserAct) -> Expect:
        self.s.agent(self.s.act("agent.wait"), TurnType.STATEMENT, "wait", Tag.WARM)
        return Expect("slot", act.step)

    def _repeat(self, act: UserAct) -> Expect | None:
        """Says the last thing once more: a question in other words, a statement in the same ones."""
        s, waiting = self.s, self.s.last_expect
        s.open = None
        s.agent(s.act("agent.repeat"), TurnType.STATEMENT, "repeat")
        if waiting.kind in ("react", "alternative"):
            previous = next(t for t in reversed(s.draft.turns[:-1]) if t.speaker is Speaker.AGENT)
            said = previous.segments[-1]
            again = replace(said, text=joints.fitted(s.draft.last.segments, said.text, said.act))
            s.draft.say(Speaker.AGENT, again)
            return waiting
        return self._ask(waiting)

    # -- going on -------------------------------------------------------------------------------------------------

    def _resume(self) -> Expect | None:
        s = self.s
        s.agent(s.act("agent.resume"), TurnType.STATEMENT, "resume")
        for segment in s.unheard:
            segment.text = joints.fitted(s.draft.last.segments, segment.text, segment.act)
            s.draft.say(Speaker.AGENT, segment)
        s.unheard = []
        return Expect("react") if self._is_long() else None

    def _reask(self) -> Expect | None:
        s = self.s
        waiting, s.open = s.open, None
        assert waiting is not None
        if waiting.kind == "wait":
            s.unasked = False
            return self._found(UserAct("wait", step=waiting.step))
        if waiting.kind in ("react", "more"):
            return None
        unasked, s.unasked = s.unasked, False
        if waiting.kind != "readback" and not unasked:
            s.agent(s.act("agent.reask"), TurnType.STATEMENT, "reask")
        return self._ask(waiting)

    def _ask(self, waiting: Expect) -> Expect:
        """Asks what is waited for, in words not used so far if there are any."""
        s, step = self.s, waiting.step
        if waiting.kind in ("check", "check_again"):
            check = next(c for c in s.domain.identity.values() if c.slot == waiting.name)
            s.agent(check.agent, TurnType.QUESTION, "verify")
        elif waiting.kind == "readback" and step is not None:
            s.agent(
                step.confirm or s.act("agent.readback"),
                TurnType.CONFIRMATION,
                "readback",
                value=joints.bare(s.told[step.slot]),
            )
        elif waiting.kind in ("alternative", "alternative_again") and waiting.refusal is not None:
            s.agent(waiting.refusal.offer, TurnType.STATEMENT, "alternative")
        elif waiting.kind == "more":
            s.agent(s.act("agent.more"), TurnType.QUESTION, "more")
        elif step is not None:
            s.agent(step.again or step.agent, TurnType.QUESTION, step.kind)
        return waiting

    def _advance(self) -> Expect:
        """The next step of the task that is still to do, and after the last one whether there is anything else."""
        s = self.s
        for step in s.scenario.steps:
            if step.name in s.done or not step.when(s.view):
                continue
            if step.kind == "ask" and step.slot in s.told:
                s.done.add(step.name)
                s.heard.add(step.name)
                continue
            if step.kind in ("tell", "do", "lookup") and self._is_long() and self._has_said_something():
                return Expect("react")
            unchecked = [c for c in s.instance["identity"] if c not in s.checked]
            if step.kind != "ask" and unchecked:
                return self._check(unchecked[0])
            waiting = self._take(step)
            if waiting is not None:
                return waiting
        return self._wrap_up()

    def _take(self, step: Step) -> Expect | None:
        """Does a step; None when the agent goes on to the next one in the same turn."""
        s = self.s
        if step.kind == "ask":
            s.agent(step.agent, TurnType.QUESTION, "ask")
            return Expect("slot", step)
        if step.kind == "offer":
            s.agent(step.agent, TurnType.QUESTION, "offer")
            return Expect("choice", step)
        if s.calls_tools and step.tool and not (step.kind == "do" and step.agent):
            return self._call(step)
        if step.kind == "lookup":
            s.agent(step.agent or s.act("agent.hold"), TurnType.STATEMENT, "hold")
            s.done.add(step.name)
            return Expect("wait", step)
        if step.kind == "do" and step.agent:
            s.agent(step.agent, TurnType.QUESTION, "leave")
            return Expect("leave", step)
        s.done.add(step.name)
        phrases, act = (step.found, "done") if step.kind == "do" else (step.agent, "tell")
        s.agent(phrases, TurnType.STATEMENT, act, key=step.name, must=step.must)
        return self._react_or_go_on(step)

    def _call(self, step: Step) -> Expect | None:
        """Asks for a moment and calls the step's tool; the result may come in the agent's next turn at once."""
        waiting = calling.hold(self.s, step)
        if waiting.kind == "wait" and calling.goes_on(self.s):
            return self._found(UserAct("wait", step=step))
        return waiting

    def _react_or_go_on(self, step: Step) -> Expect | None:
        s = self.s
        s.bad_news = step.bad(s.view)
        following = next((x for x in s.scenario.steps if x.name not in s.done and x.when(s.view)), None)
        goes_on = following is not None and not self._is_long() and s.dice.chance(s.options.chain)
        return None if goes_on else Expect("react", step)

    def _check(self, name: str) -> Expect:
        s = self.s
        check = s.domain.identity[name]
        if not s.checked and s.dice.chance(0.6):
            s.agent(s.act("agent.verify_intro"), TurnType.STATEMENT, "verify_intro")
        s.agent(check.agent, TurnType.QUESTION, "verify")
        return Expect("check", name=check.slot)

    def _found(self, act: UserAct) -> Expect | None:
        s, step = self.s, act.step
        assert step is not None
        s.open = None
        found: Sequence[Phrase] = step.found
        call = calling.pending(s, step) if s.calls_tools and step.tool else None
        if call is not None:
            if calling.waits_longer(s, call):
                return Expect("wait", step)
            found = calling.answer(s, call)
        elif s.calls_tools and step.tool:
            return self._call(step)
        if step.kind == "lookup" and s.dice.chance(0.3):
            s.agent(s.act("agent.thanks_waiting"), TurnType.STATEMENT, "thanks_waiting")
        s.agent(found, TurnType.AFTER_LOOKUP, "found", key=step.name, must=True)
        if call is not None:
            call.result_turn = len(s.draft.turns) - 1
        return self._react_or_go_on(step)

    def _chosen(self, act: UserAct) -> None:
        assert act.step is not None
        self.s.done.add(act.step.name)
        self.s.heard.add(act.step.name)
        self._acknowledge(act)

    def _agreed(self, act: UserAct) -> Expect | None:
        s, step = self.s, act.step
        assert step is not None
        s.done.add(step.name)
        if s.calls_tools and step.tool:
            return self._call(step)
        s.agent(step.found, TurnType.STATEMENT, "done", key=step.name, must=True)
        return self._react_or_go_on(step)

    def _wrap_up(self) -> Expect:
        s = self.s
        if s.closing or (self._is_long() and self._has_said_something()):
            return Expect("react")
        s.closing = True
        s.agent(s.act("agent.more"), TurnType.QUESTION, "more")
        return Expect("more")

    def _close(self, act: UserAct) -> Expect:
        s = self.s
        if plain(s.instance["customer"]) in s.known_text and s.dice.chance(0.4):
            s.view["hail"] = f", {s.instance['first_name']}"
        s.agent(s.act("agent.close"), TurnType.CLOSING, "close", Tag.WARM)
        return Expect("end")

    def _asks_next(self) -> bool:
        """Whether the next thing is a question: a step that informs opens with an acknowledgement of its own."""
        s = self.s
        step = next(
            (x for x in s.scenario.steps if x.name not in s.done and x.when(s.view) and x.slot not in s.told), None
        )
        checks_left = len(s.checked) < len(s.instance["identity"])
        return step is not None and (step.kind in ("ask", "offer") or checks_left)

    def _has_said_something(self) -> bool:
        return self.s.draft.last.speaker is Speaker.AGENT

    def _is_long(self) -> bool:
        turn = self.s.draft.last
        return turn.speaker is Speaker.AGENT and sum(len(x.text.split()) for x in turn.segments) >= LONG_TURN
