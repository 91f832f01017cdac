"""Writes a casual conversation from a casual domain: greetings, beats of a topic, tales, a drift, a goodbye."""

from datagen.domains.casual import PERSONA_SLOTS, Answer, CasualDomain, Exchange, Story, Subject
from datagen.domains.lines import Lines, lead_in
from datagen.domains.phrasing import Dice, tidy
from datagen.engines.writers.agenda.draft import Draft, Segment
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.engines.writers.agenda.talk import cut_word, spoken_turns
from datagen.protocols import Failure, WriteRequest
from datagen.records.enums import Speaker, Tag, TurnType
from datagen.records.maker import Maker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.store.ids import rng, unit_hash

A, U = Speaker.AGENT, Speaker.USER
USER_MOODS = {"cheerful": (Tag.CHEERFUL,), "hesitant": (Tag.HESITANT,)}
CLOSING_WORDS = 30
"""What a goodbye takes, kept free of the word budget."""
BEAT_WORDS = 45
LEAST_TURNS, MOST_TURNS = 8, 18
CUT_TRIES = 4
"""How often a conversation is written for a user who cuts in, until there is a place for it."""
GIVE_BACK = 0.55
"""How often the one who answered is then told the other's own view."""


def write_casual(
    domain: CasualDomain, request: WriteRequest, options: AgendaOptions, maker: Maker
) -> Transcript | Failure:
    """The transcript of a casual plan, alternating from the plan's first speaker; a Failure where its topic is not there."""
    plan = request.plan
    second = str(plan.instance.get("second_topic", ""))
    for name in (plan.scenario, second):
        if name and name not in domain.subjects:
            return Failure("unknown_scenario", f"{plan.domain}: there is no topic {name!r}.")
    cuts_in = unit_hash(request.seed, "barge-in") < options.barge_in_per_dialog
    for attempt in range(CUT_TRIES if cuts_in else 1):
        talk = _Talk(domain, plan, Dice(rng(request.seed, "casual", attempt)), options, cuts_in)
        talk.open()
        talk.middle(domain.subjects[second] if second else None)
        talk.close()
        if any(t.cut is not None for t in talk.draft.turns):
            break
    role_context, facts = talk.role_context()
    turns = spoken_turns(talk.draft, talk.dice, options, talk.safe_cuts())
    return Transcript(plan.dialog_id, role_context, turns, maker, facts)


class _Talk:
    """One conversation as it is written."""

    def __init__(
        self, domain: CasualDomain, plan: DialogPlan, dice: Dice, options: AgendaOptions, cuts_in: bool
    ) -> None:
        self.domain, self.plan, self.dice, self.options = domain, plan, dice, options
        self.subject = domain.subjects[plan.scenario]
        self.level = str(plan.instance.get("level", "minimal"))
        self.persona = {k: str(v) for k, v in plan.instance.get("persona", {}).items()}
        self.mood = USER_MOODS.get(str(plan.traits.get("mood")), ())
        self.n_turns = int(plan.traits.get("n_turns", 12))
        self.draft = Draft()
        self.facts: list[str] = []
        self.used: list[str] = []
        self.cuts = int(cuts_in)

    # -- saying -------------------------------------------------------------------------------------------------

    def say(self, speaker: Speaker, text: str, kind: TurnType, act: str) -> None:
        if text:
            tags = (Tag.WARM,) if speaker is A else self.mood
            self.draft.say(speaker, Segment(tidy(text), kind, act, tags))

    def pick(self, lines: Lines, **slots: str) -> str:
        return lines[self.dice.index(len(lines))].say(self.dice, slots)

    def shared(self, key: str, **slots: str) -> str:
        return self.pick(self.domain.shared[key], **slots)

    @property
    def last(self) -> Speaker:
        return self.draft.last.speaker

    # -- the parts of a conversation ----------------------------------------------------------------------------

    def open(self) -> None:
        """Greetings, and the topic brought up by the user, or by the agent where its role context names it."""
        first = self.plan.first_speaker
        self.say(first, self.shared("hello"), TurnType.GREETING, "greet")
        self.say(first.other, self.shared("hello_back"), TurnType.GREETING, "greet")
        self.say(first, self.shared("hello_done"), TurnType.ANSWER, "greet")
        title = self.subject.title
        if first is U or self.level == "minimal":
            self.say(U, self.shared("intro", topic=title), TurnType.STATEMENT, "topic")
        else:
            self.say(A, self.shared("intro_agent", topic=title), TurnType.STATEMENT, "topic")

    def middle(self, second: Subject | None) -> None:
        """Beats and tales until the aimed number of turns or the word budget is reached."""
        items: list[Exchange | Story] = [*self.subject.exchanges]
        stories = self.subject.stories
        self.shuffle(items)
        if stories:
            items.insert(1 + self.dice.index(2), self.dice.pick(stories))
        persona_at = 1 + self.dice.index(2) if self.persona and self.dice.chance(0.85) else -1
        drift_at = 2 + self.dice.index(2) if second else -1
        for i, item in enumerate(items):
            if not self.room():
                return
            if i == persona_at:
                self.persona_beat()
                if not self.room():
                    return
            if i == drift_at and second is not None:
                extra: list[Exchange | Story] = [*second.exchanges]
                self.beat(self.dice.pick(extra), self.shared("shift"))
                return
            self.item(item)

    def room(self) -> bool:
        """Whether another beat fits: four turns at most, then two of goodbye."""
        words = self.options.max_words - CLOSING_WORDS - BEAT_WORDS
        turns = len(self.draft.turns)
        return self.draft.n_words < words and turns <= max(LEAST_TURNS - 3, min(self.n_turns - 3, MOST_TURNS - 6))

    def shuffle(self, items: list[Exchange | Story]) -> None:
        for i in range(len(items) - 1, 0, -1):
            j = self.dice.index(i + 1)
            items[i], items[j] = items[j], items[i]

    def item(self, item: Exchange | Story) -> None:
        if isinstance(item, Story):
            self.tale(item)
        else:
            self.beat(item, self.shared("lead"))

    def beat(self, exchange: Exchange, lead: str) -> None:
        """A question, its reply and the reaction, in which the one who asked may tell how it is with them."""
        asker = self.next_speaker()
        if asker is A and not exchange.plain:
            asker = U
        answers = self.answers_for(exchange, asker.other)
        if not answers:
            asker = asker.other
            answers = self.answers_for(exchange, asker.other)
        if asker is A and not exchange.plain:
            return
        answer: Answer = self.dice.pick(answers)
        self.say(asker, lead_in(lead, self.pick(exchange.asks)), TurnType.QUESTION, "ask")
        back = self.dice.chance(GIVE_BACK)
        own = [a for a in self.answers_for(exchange, asker) if a is not answer]
        self.reply(asker.other, answer, self.shared("back") if back and own else "")
        react = answer.react.say(self.dice)
        self.say(asker, react, TurnType.STATEMENT, "react")
        if back and own and not react.endswith("?"):
            mine: Answer = self.dice.pick(own)
            self.say(asker, lead_in(self.shared("own"), mine.say.say(self.dice)), TurnType.STATEMENT, "own")
            self.note(asker, mine)
            self.maybe_cut(asker)
            self.say(asker.other, lead_in(self.cut_lead(), mine.react.say(self.dice)), TurnType.STATEMENT, "react")

    def reply(self, speaker: Speaker, answer: Answer, back: str) -> None:
        self.say(speaker, answer.say.say(self.dice), TurnType.ANSWER, "reply")
        self.note(speaker, answer)
        if back:
            self.say(speaker, back, TurnType.QUESTION, "back")
        else:
            self.maybe_cut(speaker)

    def answers_for(self, exchange: Exchange, speaker: Speaker) -> list[Answer]:
        """What `speaker` can reply: an agent without names and numbers."""
        return [a for a in exchange.answers if speaker is U or a.plain]

    def note(self, speaker: Speaker, answer: Answer) -> None:
        if speaker is A and answer.fact:
            self.facts.append(answer.fact)

    def tale(self, story: Story) -> None:
        """A story of one side, with what the other says to it."""
        teller = self.next_speaker() if story.teller_plain else U
        for i, line in enumerate(story.turns):
            speaker = teller if i % 2 == 0 else teller.other
            text = line.say(self.dice)
            kind = TurnType.QUESTION if text.endswith("?") else TurnType.STATEMENT
            self.say(speaker, text, kind, "tale" if speaker is teller else "listen")
        if teller is A and story.fact:
            self.facts.append(story.fact)

    def persona_beat(self) -> None:
        """The user asks the agent about itself; what it says is in its role context."""
        key = self.dice.pick(PERSONA_SLOTS)
        talk, value = self.domain.persona_talk, self.persona[key]
        self.say(U, lead_in(self.shared("lead"), self.pick(talk[f"{key}_ask"])), TurnType.QUESTION, "ask_persona")
        line = self.pick(self.domain.persona_lines[key, value])
        slots = {**self.persona, f"{key}_line": line}
        say = self.pick(talk[f"{key}_say"], **slots)
        self.say(A, say, TurnType.ANSWER, f"persona_{key}")
        self.used += [value, self.persona["years"]] if key == "place" else [value]
        self.say(U, self.pick(talk[f"{key}_react"], **self.persona), TurnType.STATEMENT, "react")

    def close(self) -> None:
        stays = self.dice.chance(0.6) and len(self.draft.turns) > LEAST_TURNS - 2
        leaver = self.last if stays else self.last.other
        self.say(leaver, self.shared("bye"), TurnType.CLOSING, "bye")
        self.say(leaver.other, self.shared("bye_back"), TurnType.CLOSING, "bye")

    # -- who speaks, who cuts in --------------------------------------------------------------------------------

    def next_speaker(self) -> Speaker:
        """Mostly the one who spoke last goes on; a question is never left without an answer."""
        if self.draft.last.text.endswith("?"):
            return self.last.other
        stays = self.dice.chance(0.6)
        return self.last if stays else self.last.other

    def maybe_cut(self, speaker: Speaker) -> None:
        """The user cuts into the agent's last sentence, at most once, where what was heard stands by itself."""
        if speaker is A and self.cuts and len(self.draft.turns) > 3 and self.dice.chance(0.75):
            word = cut_word(self.draft.last.text, self.dice)
            if word is not None:
                self.draft.last.cut = word
                self.cuts = 0

    def cut_lead(self) -> str:
        return self.shared("cut") if self.draft.last.cut is not None else ""

    def safe_cuts(self) -> dict[int, bool]:
        """Stitch may cut a turn that ends in an opinion of its speaker's own, not in a question or in the point of a tale."""
        turns = self.draft.turns
        ends = {A: ("own", "reply"), U: ("own", "reply")}
        return {
            i: 3 < i < len(turns) - 2 and t.act.endswith(ends[t.speaker]) and not t.text.endswith("?")
            for i, t in enumerate(turns)
        }

    # -- the role context ---------------------------------------------------------------------------------------

    def role_context(self) -> tuple[str, tuple[str, ...]]:
        """The prompt at the plan's level, and the persona's values that the agent stated."""
        head, p = self.domain.head.role_context, self.persona
        if self.level == "minimal":
            return head, ()
        title = self.subject.title
        if self.level == "topic":
            return f"{head} {self.domain.plain_topic_sentence.say(self.dice, {'topic': title})}", ()
        tone = str(self.plan.instance["tone"])
        return " ".join(
            [
                head,
                self.domain.topic_sentence.say(self.dice, {"topic": title, "tone": tone}),
                f"You have lived in {p['place']} for {p['years']} years.",
                f"You work as {p['job']} and enjoy {p['like']}.",
                f"You dislike {p['dislike']}.",
                *dict.fromkeys(self.facts),
            ]
        ), tuple(dict.fromkeys(self.used))
