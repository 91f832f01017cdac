"""manifests/COLUMNS.md, made from the schema: `python -m datagen.stages.pack.columns` writes it."""

import re

import pyarrow as pa

from datagen import resources
from datagen.stages.pack.event_types import event_table
from datagen.stages.pack.schema import SPECS, Column, Table, manifest_path

FILE = "COLUMNS.md"

_HEAD = """# Columns

Every table that a build writes. Made from datagen/stages/pack/schema.py by `python -m datagen.stages.pack.columns`;
a test holds it to the code, so change it there.

Times are seconds from the dialogue's start. Channel 0 (left) is the agent, channel 1 (right) the user. A frame is
80 ms: 1920 samples at 24 kHz. Codes are stored undelayed. Manifests hold the shards one after the other, each sorted.
A column is null only where its meaning says so.
"""

EVENTS_HEAD = """## Events

What `turns.events` holds. The channel is the one of whoever does it; times are those of words where something is said.
Both sides speak at once only inside events of the types that say so, but for one frame a turn at the most.
"""


def columns_markdown() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_section(kind) for kind in Table), EVENTS_HEAD, event_table()])


def column_table(kind: Table) -> str:
    """One table's columns as a Markdown table, a line a column."""
    lines = ["| column | type | unit | meaning |", "|---|---|---|---|"]
    return "\n".join([*lines, *(_line(c) for c in SPECS[kind].columns)]) + "\n"


def _section(kind: Table) -> str:
    spec = SPECS[kind]
    path = "tokens/SPLIT-NUMBER.parquet" if kind is Table.TOKENS else manifest_path(kind)
    keys = ", ".join(f"`{name}`" for name in spec.sorted_by)
    return f"## {kind}\n\n`{path}`: {spec.row} a row, by {keys}.\n\n{column_table(kind)}"


def _line(column: Column) -> str:
    kind = f"`{type_name(column.type)}`" + (", nullable" if column.nullable else "")
    return f"| `{column.name}` | {kind} | {column.unit} | {column.meaning} |"


def type_name(kind: pa.DataType) -> str:
    """An Arrow type as a person writes it: `list<struct<word: string, start_s: double>>`."""
    if pa.types.is_list(kind):
        return f"list<{type_name(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return "struct<" + ", ".join(f"{f.name}: {type_name(f.type)}" for f in kind) + ">"
    return str(kind)


def escape(text: str) -> str:
    """Text as one line of Markdown that shows it as it is: no markup, no HTML, no break of a table."""
    plain = re.sub(r"\s+", " ", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_|\[\]#~])", r"\\\1", plain)


def main() -> None:
    """Writes the page into manifests/."""
    (resources.manifests() / FILE).write_text(columns_markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
