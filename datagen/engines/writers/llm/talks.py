"""Briefs of talks that are no calls: kinds `qa` and `casual`."""

from typing import Any

from datagen.domains.casual import PERSONA_SLOTS, CasualDomain
from datagen.domains.phrasing import Dice
from datagen.domains.qa import Asked, QaDomain
from datagen.engines.writers.llm.drawing import Drawing
from datagen.records.plan import DialogPlan

SECONDS = {
    "follow_up": "the user wants to know something that follows from the answer",
    "why": "the user asks why that is so",
    "clarify": "the user did not understand one part, and says which",
    "misunderstanding": "the user draws a wrong conclusion from the answer, and the agent corrects it kindly",
    "example": "the user asks for an example",
    "simpler": "the user asks to have it explained in simpler words",
    "topic_change": "the user comes to another question",
}
"""The types of second questions of the qa domains, in words."""


def qa_view(domain: QaDomain, drawing: Drawing) -> dict[str, Any]:
    """What qa.j2 sees. Right answers of the domain's files are shown, where it has them, for the model to keep to."""
    plan, dice = drawing.plan, drawing.dice
    asked = domain.questions[plan.scenario]
    kind, numbers = str(plan.instance.get("second", "follow_up")), plan.instance.get("numbers", {})
    second, reference = _second(domain, asked, plan, kind, dice)
    events = drawing.spoken_events()
    if plan.traits.get("thanks"):
        events.append(drawing.event("thanks"))
    return {
        "topic": asked.topic,
        "question": dice.pick(asked.asks).say(dice, numbers),
        "reference": dice.pick(asked.answers).say(dice, numbers),
        "numbers": dict(numbers),
        "second": second,
        "second_reference": reference,
        "caller": drawing.caller(),
        "events": events,
        **drawing.shape(),
    }


def _second(domain: QaDomain, asked: Asked, plan: DialogPlan, kind: str, dice: Dice) -> tuple[str, str]:
    """The second question in words, and a right answer to it."""
    what = SECONDS.get(kind, SECONDS["follow_up"])
    if kind == "topic_change":
        other = domain.questions[str(plan.instance["other"])]
        numbers = plan.instance.get("other_numbers", {})
        return f'{what}: "{dice.pick(other.asks).say(dice, numbers)}"', dice.pick(other.answers).say(dice, numbers)
    index = plan.instance.get("second_index")
    if not isinstance(index, int) or not 0 <= index < len(asked.seconds):
        return what, ""
    second, numbers = asked.seconds[index], plan.instance.get("numbers", {})
    example = f': "{dice.pick(second.asks).say(dice, numbers)}"' if second.asks else ""
    return f"{what}{example}", dice.pick(second.answers).say(dice, numbers)


def casual_view(domain: CasualDomain, drawing: Drawing) -> dict[str, Any]:
    """What casual.j2 sees."""
    instance = drawing.plan.instance
    second = str(instance.get("second_topic", ""))
    return {
        "topic": domain.subjects[drawing.plan.scenario].title,
        "second_topic": domain.subjects[second].title if second else "",
        "persona": dict(instance.get("persona", {})),
        "caller": drawing.caller(),
        "events": drawing.spoken_events(),
        **drawing.shape(),
    }


def casual_role(domain: CasualDomain, plan: DialogPlan, dice: Dice) -> str:
    """The role context at the plan's level of detail: the bare sentence, with the topic, or with topic and persona."""
    head, instance = domain.head.role_context, plan.instance
    topic = {"topic": str(instance.get("topic", ""))}
    level = instance.get("level", "minimal")
    if level == "minimal":
        return head
    if level == "topic":
        return f"{head} {domain.plain_topic_sentence.say(dice, topic)}"
    p = instance["persona"]
    place, job, like, dislike = (p[name] for name in PERSONA_SLOTS)
    talk = domain.topic_sentence.say(dice, {**topic, "tone": str(instance["tone"])})
    return f"{head} {talk} You have lived in {place} for {p['years']} years. You work as {job} and enjoy {like}. You dislike {dislike}."
