"""What `datagen domains check` says of a qa domain."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from datagen.domains.base import Problem
from datagen.domains.lines import Line, compile_line
from datagen.domains.phrasing import Dice
from datagen.domains.sums import ANSWER, compile_numbers
from datagen.store.ids import rng

if TYPE_CHECKING:
    from datagen.domains.qa import Head, Question, Topic

MAX_ANSWER_WORDS = 60
"""An answer of three short sentences, spoken in about 20 s."""
MIN_SECONDS = 3
N_DRAWS, MIN_FORMS = 100, 30
"""Draws of a word problem's numbers, and how many of them differ at least."""
MARKUP = re.compile(r"[*_#\[\]()`;:—–]|\.\.\.|…| {2}| - ")
FRAME_SLOTS = {"ask_clause": {"clause"}, "ask_lead": {"subject"}}


def problems(
    name: str,
    head: "Head",
    topics: Mapping[str, "Topic"],
    frames: Mapping[str, tuple[Line, ...]],
    leads: Mapping[str, tuple[Line, ...]],
) -> list[Problem]:
    """Every fault of a qa domain that its models let through, in the order of its files."""
    found = list(_frames(name, head, frames, leads))
    for key, topic in topics.items():
        where = f"{name}/topics/{key}.toml"
        twice = [n for n, c in Counter(q.name for q in topic.question).items() if c > 1]
        found += [Problem(f"{where}: question.{n}", "there are two of this name; rename one.") for n in twice]
        for q in topic.question:
            found += [Problem(f"{where}: {q.name}.{w}", what) for w, what in _question(q, head)]
    return found


def _frames(
    name: str, head: "Head", frames: Mapping[str, tuple[Line, ...]], leads: Mapping[str, tuple[Line, ...]]
) -> Iterator[Problem]:
    where = f"{name}/frames.toml"
    for key in sorted(set(head.second) - set(leads)):
        yield Problem(
            f"{where}: second_lead.{key}", "missing: domain.toml gives this type a weight, so it needs lead-ins."
        )
    for key, lines in frames.items():
        for line in lines:
            wrong = set(line.slots) - FRAME_SLOTS.get(key, set())
            if wrong:
                yield Problem(f"{where}: {key}", f"{min(wrong)!r} is not a slot here, in {line.source!r}.")


def _numbers(q: "Question") -> Iterator[tuple[str, str]]:
    """What is wrong with the numbers of a word problem: draws that fail, answers that do not say the answer."""
    numbers = compile_numbers(q.numbers, q.money, q.require)
    seen = set()
    for i in range(N_DRAWS):
        try:
            seen.add(tuple(numbers.values(Dice(rng("check", q.name, i))).items()))
        except ValueError as error:
            yield "numbers", str(error)
            return
    if len(seen) < MIN_FORMS:
        yield (
            "numbers",
            f"{len(seen)} different problems in {N_DRAWS} draws, at least {MIN_FORMS} are needed. Widen the ranges.",
        )
    for text in q.answers:
        if ANSWER not in compile_line(text).slots:
            yield "answers", f"does not say {{{{ {ANSWER} }}}}: {text!r}."
    asked = compile_line(q.ask[0]).slots
    for text in (*q.ask, q.clause):
        if ANSWER in compile_line(text).slots or (text != q.clause and compile_line(text).slots != asked):
            yield "ask", f"every form has to name the same numbers, and not the answer: {text!r}."


def _question(q: "Question", head: "Head") -> Iterator[tuple[str, str]]:
    pairs = [
        ("follow_up", q.follow_up),
        ("why", q.why),
        ("clarify", q.clarify),
        ("misunderstanding", q.misunderstanding),
    ]
    n_seconds = sum(len(p) for _, p in pairs) + len(q.example) + len(q.simpler)
    if n_seconds < MIN_SECONDS:
        yield "follow_up", f"{n_seconds} second questions of its own, at least {MIN_SECONDS} are needed."
    if sum(compile_line(a).n_forms for a in q.ask) < 2:
        yield "ask", "one phrasing only; add another, or a choice {a|b}."
    if not (q.subject[0].islower() or " " in q.subject or q.subject[0].isupper()) or q.subject.endswith((".", "?")):
        yield "subject", f"has to be a noun line without a full stop, got {q.subject!r}."
    if q.numbers:
        yield from _numbers(q)
    if q.clause.endswith((".", "?")):
        yield "clause", f"stands inside a sentence: no mark at its end, got {q.clause!r}."
    questions = [("ask", a) for a in q.ask] + [(t, a) for t, ps in pairs for p in ps for a in p.ask]
    answers = [("answers", a) for a in q.answers] + [(t, a) for t, ps in pairs for p in ps for a in p.answer]
    answers += [("example", a) for a in q.example] + [("simpler", a) for a in q.simpler]
    for key, text in questions:
        if not text.rstrip(">").endswith("?"):
            yield key, f"a question ends with a question mark, got {text!r}."
    for key, text in answers:
        longest = max((len(f.split()) for f in compile_line(text).forms(256)), default=0)
        if longest > MAX_ANSWER_WORDS:
            yield key, f"{longest} words, at most {MAX_ANSWER_WORDS} are spoken in one answer."
        if not text.rstrip(">").endswith((".", "!", "?")):
            yield key, f"an answer ends with a full stop, got {text[-30:]!r}."
    for key, text in [*questions, *answers, ("clause", q.clause), ("subject", q.subject)]:
        unknown = compile_line(text).slots - set(q.numbers)
        if unknown:
            yield key, f"{min(unknown)!r} is not a slot here."
        if MARKUP.search(text):
            yield key, f"not spoken text (markup, brackets, dashes, colons): {text!r}."
