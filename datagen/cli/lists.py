"""`datagen domains`: what there is, and the tables that it and others print."""

import json
import sys
from collections import defaultdict

from rich.console import Console
from rich.table import Table

from datagen import domains, recipes
from datagen.build import resolve
from datagen.errors import DataError
from datagen.records.enums import MarkType
from datagen.records.transcript import Turn


def domains_list(as_json: bool) -> None:
    """Prints every domain with its kind and scenarios."""
    loaded = [domains.load(name) for name in domains.available()]
    if as_json:
        found = [
            {"name": d.name, "kind": d.kind, "title": d.title, "scenarios": [s.name for s in d.scenarios]}
            for d in loaded
        ]
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return
    print_table(
        ["domain", "kind", "scenarios", "title"], [[d.name, d.kind, str(len(d.scenarios)), d.title] for d in loaded]
    )


def domains_show(name: str) -> None:
    """Prints a domain's scenarios, and one dialogue written from it with its role context."""
    domain = domains.load(name)
    sys.stdout.write(f"{domain.title} ({domain.kind}), {len(domain.scenarios)} scenarios\n")
    for scenario in domain.scenarios:
        sys.stdout.write(f"  {scenario.name:<32} {scenario.title}\n")
    build = resolve(recipes.compose(domain_names=[name], dialogs=1))
    from datagen.protocols import Failure, WriteRequest

    plan = build.planner.plan(0)
    answer = build.engine("writer").write([WriteRequest(plan, plan.seed)])[0]
    if isinstance(answer, Failure):
        raise DataError(f"{plan.dialog_id} ({plan.scenario}): {answer.detail}")
    sys.stdout.write(f"\nFor example, {plan.scenario}:\n\n{answer.role_context}\n\n")
    for turn in answer.turns:
        sys.stdout.write(f"  {turn.speaker:<5}  {_marked(turn)}\n")
    sys.stdout.write(f"\nMarks: {', '.join(f'{sign} {said}' for sign, said in _SIGNS.values())}.\n")


_SIGNS = {
    MarkType.BARGE_IN: ("×", "the other barges in here"),
    MarkType.SAFE_CUT: ("|", "a barge-in may be sampled here"),
    MarkType.BACKCHANNEL: ("(mhm)", "the other's backchannel after the word"),
    MarkType.PAUSE: ("…", "a pause before the word"),
}


def _marked(turn: Turn) -> str:
    """The turn's text with its marks at their words."""
    before, after = defaultdict(list), defaultdict(list)
    for mark in turn.marks:
        if mark.type is MarkType.BACKCHANNEL:
            after[mark.word].append(f"({mark.text})")
        else:
            before[mark.word].append(_SIGNS[mark.type][0])
    return " ".join(" ".join([*before[i], word, *after[i]]) for i, word in enumerate(turn.words))


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """Prints aligned columns: as wide as the terminal, 160 characters elsewhere."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 160, markup=False).print(table)
