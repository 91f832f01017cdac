"""Two builds before a judge: which one's dialogues are better, asked in both orders, with the judge's own biases beside the answer."""

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow.parquet as pq

from datagen.engines.judges.llm import Better
from datagen.engines.judges.prompts import Judged
from datagen.engines.llm.chat import SERVERS_FAULTS
from datagen.errors import DataError, EngineError, UserError
from datagen.protocols import Failure
from datagen.stages.pack.schema import Table, manifest_path
from datagen.store.ids import seed_of
from datagen.store.parquet_limits import check_file


class Comparing(Protocol):
    """A judge that compares."""

    async def compare_one(self, first: Judged, second: Judged, seed: int) -> Better | Failure: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """A pair in both orders: `forward` with the one of A first, `backward` with the one of B first."""

    forward: Better
    backward: Better
    words_a: int
    words_b: int

    @property
    def winner(self) -> str:
        """`a` or `b` where both orders agree, else `tie`."""
        if (self.forward, self.backward) == (Better.FIRST, Better.SECOND):
            return "a"
        return "b" if (self.forward, self.backward) == (Better.SECOND, Better.FIRST) else "tie"

    @property
    def consistent(self) -> bool:
        """Whether the order changed nothing."""
        return self.winner != "tie" or self.forward is self.backward is Better.TIE


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the verdicts come to. Shares are of `n_pairs` but for `first_share`, of all answers that name one of the two.

    `longer_share` is how often the longer dialogue won, of the pairs that one won and that differ in length; `length_correlation`
    Pearson's of the winner (1 a, -1 b, 0 tie) with the logarithm of the ratio of words. None where nothing can be said.
    """

    n_pairs: int
    n_failed: int
    a_share: float
    b_share: float
    tie_share: float
    consistent_share: float
    first_share: float | None
    longer_share: float | None
    length_correlation: float | None


def compare(a: Path, b: Path, judge: Comparing, n_pairs: int, seed: int) -> Comparison:
    """`n_pairs` dialogues of one scenario each from two builds, judged; DataError where the judge answered nothing that can be read,
    EngineError where its servers did not answer."""
    pairs = list(_pairs(a, b, n_pairs))
    found = asyncio.run(_judged(judge, pairs, seed))
    verdicts = [v for v in found if isinstance(v, Verdict)]
    if not verdicts:
        failure = next(f for f in found if isinstance(f, Failure))
        kind = EngineError if failure.reason in SERVERS_FAULTS else DataError
        raise kind(f"the judge gave no verdict on {len(pairs)} pairs, e.g. {failure.reason}: {failure.detail}")
    return summary(verdicts, len(pairs) - len(verdicts))


def summary(verdicts: Sequence[Verdict], n_failed: int) -> Comparison:
    """The shares and biases of some verdicts, at least one."""
    winners = [v.winner for v in verdicts]
    share = {who: winners.count(who) / len(winners) for who in ("a", "b", "tie")}
    answers = [x for v in verdicts for x in (v.forward, v.backward) if x is not Better.TIE]
    decided = [
        (w == "a") == (v.words_a > v.words_b)
        for w, v in zip(winners, verdicts, strict=True)
        if w != "tie" and v.words_a != v.words_b
    ]
    return Comparison(
        n_pairs=len(verdicts),
        n_failed=n_failed,
        a_share=share["a"],
        b_share=share["b"],
        tie_share=share["tie"],
        consistent_share=sum(v.consistent for v in verdicts) / len(verdicts),
        first_share=answers.count(Better.FIRST) / len(answers) if answers else None,
        longer_share=sum(decided) / len(decided) if decided else None,
        length_correlation=correlation(
            [math.log(max(1, v.words_a) / max(1, v.words_b)) for v in verdicts],
            [{"a": 1.0, "b": -1.0, "tie": 0.0}[w] for w in winners],
        ),
    )


def correlation(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Pearson's correlation; None of fewer than three points, or where one of both does not vary."""
    if len(xs) < 3 or np.ptp(xs) == 0 or np.ptp(ys) == 0:
        return None
    return float(np.corrcoef(xs, ys)[0, 1])


async def _judged(judge: Comparing, pairs: Sequence[tuple[Judged, Judged]], seed: int) -> list[Verdict | Failure]:
    async def one(number: int, a: Judged, b: Judged) -> Verdict | Failure:
        forward = await judge.compare_one(a, b, seed_of(seed, "compare", number, 0))
        if isinstance(forward, Failure):
            return forward
        backward = await judge.compare_one(b, a, seed_of(seed, "compare", number, 1))
        return backward if isinstance(backward, Failure) else Verdict(forward, backward, a.n_words, b.n_words)

    try:
        return list(await asyncio.gather(*(one(i, a, b) for i, (a, b) in enumerate(pairs))))
    finally:
        await judge.close()


Scenario = tuple[str, str, str]


def _pairs(a: Path, b: Path, n: int) -> Iterator[tuple[Judged, Judged]]:
    """Dialogues of the same kind, domain and scenario, the scenarios in turn; UserError where the builds have none in common."""
    ours, theirs = _by_scenario(a), _by_scenario(b)
    common = sorted(ours.keys() & theirs.keys())
    if not common:
        raise UserError(
            f"{a} and {b} have no scenario in common: there is nothing to compare. Build both of the same domains."
        )
    rounds = max(min(len(ours[s]), len(theirs[s])) for s in common)
    found = ((ours[s][i], theirs[s][i]) for i in range(rounds) for s in common if i < min(len(ours[s]), len(theirs[s])))
    return (pair for _, pair in zip(range(n), found, strict=False))


def _by_scenario(out: Path) -> dict[Scenario, list[Judged]]:
    dialogs = _rows(out, Table.DIALOGS, ["dialog_id", "kind", "domain", "scenario", "role_context"])
    lines: dict[str, list[str]] = {}
    n_words: dict[str, int] = {}
    for turn in _rows(out, Table.TURNS, ["dialog_id", "turn", "speaker", "text", "text_tagged"]):
        lines.setdefault(turn["dialog_id"], []).append(f"{turn['speaker']}: {turn['text_tagged']}")
        n_words[turn["dialog_id"]] = n_words.get(turn["dialog_id"], 0) + len(turn["text"].split())
    found: dict[Scenario, list[Judged]] = {}
    for row in dialogs:
        text = Judged(row["role_context"], "\n".join(lines.get(row["dialog_id"], ())), n_words.get(row["dialog_id"], 0))
        found.setdefault((row["kind"], row["domain"], row["scenario"]), []).append(text)
    return found


def _rows(out: Path, table: Table, columns: list[str]) -> list[dict[str, str]]:
    path = out / manifest_path(table)
    if not path.is_file():
        raise UserError(f"{out}: there is no build here ({manifest_path(table)} is missing).")
    try:
        check_file(pq.read_metadata(path))
        rows: list[dict[str, str]] = pq.read_table(path, columns=columns).to_pylist()
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: cannot be read: {str(error).splitlines()[0]}. Build it anew.") from None
    return rows
