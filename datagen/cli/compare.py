"""`datagen compare`: two builds before a judge."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from datagen import recipes
from datagen.build import NO_ENGINE, resolve
from datagen.errors import UserError


def compare(a: Path, b: Path, pairs: int, sets: Sequence[str], seed: int, as_json: bool) -> None:
    """Prints which build's dialogues the judge prefers; EngineError where it cannot be asked."""
    from datagen.report.compare import compare as room

    build = resolve(recipes.compose(sets=sets))
    if build.recipe.judge.engine == NO_ENGINE:
        raise UserError(
            'compare: no judge is named. Give --set judge.engine=openai --set judge.model=NAME --set judge.urls=["http://HOST:PORT/v1"].'
        )
    judge = build.engine("judge")
    for problem in judge.preflight():
        raise problem
    found = room(a, b, judge, pairs, seed)
    if as_json:
        sys.stdout.write(json.dumps(asdict(found), indent=1) + "\n")
        return
    rows = [
        f"{found.n_pairs} pairs of one scenario each, in both orders; {found.n_failed} without a verdict",
        f"  {a.name} better {found.a_share:.0%}, {b.name} better {found.b_share:.0%}, tie or undecided {found.tie_share:.0%}",
        f"  both orders agree {found.consistent_share:.0%}; the first is named {_share(found.first_share)} of the time (0.5 is no bias)",
        f"  the longer one wins {_share(found.longer_share)}; correlation with length {_share(found.length_correlation)} (0 is no bias)",
    ]
    sys.stdout.write("\n".join(rows) + "\n")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
