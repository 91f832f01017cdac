"""What `datagen domains check` says of a casual domain."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from datagen.domains.base import Problem
from datagen.domains.lines import compile_line
from datagen.domains.plain import faults, is_plain

if TYPE_CHECKING:
    from datagen.domains.casual import Beat, Personas, Shared, Subject, Tale, Topic

MARKUP = re.compile(r"[*_#\[\]()`;:—–]|\.\.\.|…| - ")
MAX_WORDS = 45
"""The longest thing to say at a time, about 15 s."""
MIN_FITTING = 3
SHARED_SLOTS = {"intro": {"topic"}, "intro_agent": {"topic"}}
PERSONA_SAY_SLOTS = {
    "place_say": {"place", "years", "place_line"},
    "place_react": {"years", "place"},
    "job_say": {"job", "job_line"},
    "like_say": {"like", "like_line"},
    "dislike_say": {"dislike", "dislike_line"},
}
AGENT_SHARED = ("hello", "hello_back", "hello_done", "intro_agent", "lead", "back", "own", "shift", "bye", "bye_back")


def problems(
    name: str, topics: Mapping[str, "Topic"], shared: "Shared", personas: "Personas", subjects: Mapping[str, "Subject"]
) -> list[Problem]:
    """Every fault of a casual domain that its models let through, in the order of its files."""
    found = [Problem(f"{name}/shared.toml: {w}", what) for w, what in _shared(shared)]
    found += [Problem(f"{name}/personas.toml: {w}", what) for w, what in _personas(personas, topics)]
    for key, topic in topics.items():
        where = f"{name}/topics/{key}.toml"
        found += [Problem(f"{where}: {w}", what) for w, what in _topic(topic, subjects[key])]
    return found


def _shared(shared: "Shared") -> Iterator[tuple[str, str]]:
    texts = [(k, t) for k, v in shared if isinstance(v, tuple) for t in v]
    for key, text in texts:
        yield from _slots(key, text, SHARED_SLOTS.get(key, set()))
        if key in AGENT_SHARED and not is_plain(compile_line(text)):
            yield key, f"the agent says this too, so it holds no number and no name: {text!r}."
    for key, values in shared.persona:
        for text in values:
            yield from _slots(f"persona.{key}", text, PERSONA_SAY_SLOTS.get(key, set()))


def _personas(personas: "Personas", topics: Mapping[str, "Topic"]) -> Iterator[tuple[str, str]]:
    for key in ("place", "job", "like", "dislike"):
        slots = getattr(personas, key)
        for slot in slots:
            for topic in sorted(set(slot.avoid) - set(topics)):
                yield f"{key}.{slot.is_}.avoid", f"there is no topic {topic!r}."
            for text in slot.line:
                if not is_plain(compile_line(text)):
                    yield (
                        f"{key}.{slot.is_}.line",
                        f"holds a number or a name, which the role context does not have: {text!r}.",
                    )
        for topic in topics:
            if sum(topic not in s.avoid for s in slots) < MIN_FITTING:
                yield key, f"fewer than {MIN_FITTING} values go with the topic {topic}."


def _topic(topic: "Topic", subject: "Subject") -> Iterator[tuple[str, str]]:
    if not is_plain(compile_line(topic.title)):
        yield (
            "title",
            f"the agent says it where it is not in its role context, so no number and no name: {topic.title!r}.",
        )
    askable = [e for e in subject.exchanges if sum(a.plain for a in e.answers)]
    if len(askable) < 3:
        yield (
            "beat",
            f"{len(askable)} questions that an agent can answer (a reply without number or name), at least 3 are needed.",
        )
    for i, beat in enumerate(topic.beat):
        yield from _beat(f"beat[{i}]", beat)
    for i, tale in enumerate(topic.tale):
        yield from _tale(f"tale[{i}]", tale)


def _beat(where: str, beat: "Beat") -> Iterator[tuple[str, str]]:
    for text in beat.ask:
        yield from _text(f"{where}.ask", text)
        if not text.endswith("?"):
            yield f"{where}.ask", f"a question ends with a question mark, got {text!r}."
    for reply in beat.reply:
        yield from _text(f"{where}.reply", reply[0])
        yield from _text(f"{where}.reply", reply[1])
        known = {f.strip("'s").lower() for form in compile_line(reply[0]).forms(64) for f in faults(form)}
        new = {
            w for form in compile_line(reply[1]).forms(64) for w in faults(form) if w.strip("'s").lower() not in known
        }
        if new:
            yield f"{where}.reply", f"the reaction brings up {min(new)!r}, which was not said: {reply[1]!r}."
        if len(reply) > 2 and not (reply[2].startswith(("You ", "Your ")) and reply[2].endswith(".")):
            yield f"{where}.reply", f"a fact is a sentence of the role context (You … or Your …), got {reply[2]!r}."


def _tale(where: str, tale: "Tale") -> Iterator[tuple[str, str]]:
    for text in tale.turns:
        yield from _text(f"{where}.turns", text)
    told: set[str] = set()
    for i, text in enumerate(tale.turns):
        words = {w.strip("'s").lower() for form in compile_line(text).forms(64) for w in faults(form)}
        if i % 2 and words - told:
            yield f"{where}.turns", f"the listener brings up {min(words - told)!r}, which was not said: {text!r}."
        told |= words


def _text(where: str, text: str) -> Iterator[tuple[str, str]]:
    yield from _slots(where, text, set())
    if MARKUP.search(text):
        yield where, f"not spoken text (markup, brackets, dashes, colons): {text!r}."
    longest = max(len(f.split()) for f in compile_line(text).forms(64))
    if longest > MAX_WORDS:
        yield where, f"{longest} words, at most {MAX_WORDS} are said at a time."
    if not text.rstrip(">").endswith((".", "!", "?", ".|", "|")):
        yield where, f"ends without a mark: {text!r}."


def _slots(where: str, text: str, known: set[str]) -> Iterator[tuple[str, str]]:
    wrong = compile_line(text).slots - known
    if wrong:
        yield where, f"{min(wrong)!r} is not a slot here."
