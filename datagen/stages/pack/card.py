"""The dataset card: README.md of an output folder, with the YAML head that Hugging Face `datasets` reads."""

import json
from collections.abc import Mapping

from datagen.records.build import BuildSummary, Count, GateCount
from datagen.records.maker import Maker
from datagen.stages.pack.columns import EVENTS_HEAD, column_table, escape
from datagen.stages.pack.event_types import event_table
from datagen.stages.pack.schema import SPECS, Table, manifest_path

CARD_FILE = "README.md"

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

_LOAD = """## Load it
```python
from datasets import load_dataset

folder = "path/to/this/folder"  # or the name of its repository on the Hub
tokens = load_dataset(folder, split="{split}")
dialogs = load_dataset(folder, "dialogs", split="all")
```
```python
import polars as pl

folder = "path/to/this/folder"
tokens = pl.read_parquet(f"{{folder}}/tokens/{split}-*.parquet")
turns = pl.read_parquet(f"{{folder}}/manifests/turns.parquet").filter(pl.col("split") == "{split}")
```
Codes are undelayed, and no row holds a finished prefix: a loader delays the codes, builds the prefix from the voice
prompt and the role context, and lays the words into the text row.
"""

_LICENCE = """## Licence
The program that made this data is Apache-2.0 and runs GPL-3.0 programs (espeak-ng, Praat) where the embedded speaker is
used. A program's licence does not cover what it puts out: the data is not under the GPL. Voices come from the speaker
engine {speaker} ({licence}); `manifests/voices.parquet` names the licence of each.
"""


def card(build: BuildSummary) -> str:
    """README.md of a build.

    Every text that comes from a recipe, an engine or a domain is escaped: it shows as it is and is no markup.
    """
    parts = [
        _head(build),
        f"# {escape(build.name)}\n",
        _what(build),
        _codec_warning(build.engines["codec"], build.codec.n_books),
        _counts("split", build.counts.by_split),
        _counts("domain", build.counts.by_domain),
        _rejects(build),
        _gates(build),
        _engines(build.engines),
        _LOAD.format(split=_first_split(build)),
        _columns(),
        _licence(build),
        f"\nMade with datagen {escape(build.datagen_version)}, build `{build.id}`, recipe `{build.recipe_digest}`.\n",
    ]
    return "\n".join(part for part in parts if part)


def _head(build: BuildSummary) -> str:
    """YAML, every value in JSON's notation, which is YAML too: a name can break out of nothing."""
    kept = build.counts.total.kept
    size = next((name for limit, name in _SIZES if kept < limit), "n>1M")
    lines = [
        "---",
        f"pretty_name: {_quoted(build.name)}",
        "language:",
        "- en",
        "tags:",
        "- audio",
        "- speech",
        "- full-duplex",
    ]
    lines += ["- synthetic", "size_categories:", f"- {size}", "configs:"]
    lines += _config(Table.TOKENS, [(s, f"tokens/{s}-*.parquet") for s in _splits(build)], default=True)
    for kind in (Table.DIALOGS, Table.TURNS, Table.VOICES, Table.REJECTS):
        if kind is not Table.REJECTS or build.counts.total.rejected:
            # `all` cannot name a split of `datasets`: it means the union of those there are.
            lines += _config(kind, [("full", manifest_path(kind))])
    return "\n".join([*lines, "---", ""])


def _config(name: str, files: list[tuple[str, str]], default: bool = False) -> list[str]:
    lines = [f"- config_name: {name}", *(["  default: true"] if default else []), "  data_files:"]
    for split, path in files:
        lines += [f"  - split: {split}", f"    path: {_quoted(path)}"]
    return lines


def _quoted(text: str) -> str:
    return json.dumps(text).replace("<", "\\u003c")


def _splits(build: BuildSummary) -> list[str]:
    """The splits that have a dialogue: `datasets` fails on one that has no rows."""
    return [s for s in build.splits if build.counts.by_split.get(s, Count()).kept]


def _first_split(build: BuildSummary) -> str:
    return next(iter(_splits(build)), "train")


def _what(build: BuildSummary) -> str:
    total, timing = build.counts.total, build.timing
    domains = ", ".join(escape(name) for name in build.counts.by_domain)
    n_codes = build.hours * 3600 * build.codec.sample_rate_hz / build.codec.frame_samples * build.codec.n_books * 2
    text = (
        f"{total.kept:,} synthetic two-channel dialogues, {build.hours:,.2f} hours, {n_codes / 1e6:,.1f} million codes, for full-duplex "
        f"speech models. Domains: {domains}.\n"
    )
    if timing:
        text += (
            f"A dialogue lasts {timing['mean_duration_s']:.1f} s on average; overlap is {timing['overlap_share']:.1%} and silence "
            f"{timing['silence_share']:.1%} of the time; {timing['barge_in_per_h']:.0f} barge-ins and "
            f"{timing['backchannel_per_h']:.0f} backchannels an hour.\n"
        )
    return text


def _codec_warning(codec: Maker, n_books: int) -> str:
    name = f"{escape(codec.engine)} (model {escape(codec.model)}, revision {escape(codec.revision)})"
    if codec.engine == "mimi":
        return f"Tokens: {name}, {n_books} books of 2048 codes, 12.5 frames a second.\n"
    return (
        f"> **These tokens are NOT Mimi's.** They are codes of {name}, which has Mimi's geometry ({n_books} books of 2048 codes, "
        "12.5 frames a second) and another meaning for every code. They are for trying, testing and looking. A model that was trained on "
        "Mimi, such as Moshi or PersonaPlex, hears noise in them: build with `codec.engine = mimi` to train one.\n"
    )


def _counts(what: str, counts: Mapping[str, Count]) -> str:
    lines = [f"| {what} | planned | kept | rejected | hours |", "|---|--:|--:|--:|--:|"]
    lines += [
        f"| {escape(k)} | {c.planned:,} | {c.kept:,} | {c.rejected:,} | {c.hours:,.2f} |" for k, c in counts.items()
    ]
    return "\n".join(lines) + "\n"


def _rejects(build: BuildSummary) -> str:
    if not build.counts.rejects:
        return "No dialogue was rejected.\n"
    return "Rejected: " + ", ".join(f"{escape(k)} {n:,}" for k, n in build.counts.rejects.items()) + ".\n"


def _gates(build: BuildSummary) -> str:
    told = (("Written", build.attempts, build.gates), ("Spoken", build.speech_attempts, build.speech_gates))
    return "".join(_failed(what, attempts, gates) for what, attempts, gates in told if gates)


def _failed(what: str, attempts: int, gates: Mapping[str, GateCount]) -> str:
    failed = ", ".join(f"{escape(k)} {g.failed:,} ({g.failed / max(attempts, 1):.1%})" for k, g in gates.items())
    return f"{what} in {attempts:,} attempts; failed: {failed}.\n"


def _engines(engines: Mapping[str, Maker]) -> str:
    lines = [
        "## Made by",
        "| what | engine | model | revision | licence | the same bytes again |",
        "|---|---|---|---|---|---|",
    ]
    for kind, m in sorted(engines.items()):
        again = "yes" if m.deterministic else "no; its stored output is the source"
        cells = (kind, m.engine, m.model, m.revision, m.licence)
        lines.append("| " + " | ".join(escape(c) for c in cells) + f" | {again} |")
    notes = [f"- {escape(kind)}: {escape(m.note)}" for kind, m in sorted(engines.items()) if m.note]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _licence(build: BuildSummary) -> str:
    maker = build.engines.get("speaker")
    speaker, licence = (maker.engine, maker.licence) if maker else ("unknown", "licence unknown")
    return _LICENCE.format(speaker=escape(speaker), licence=escape(licence))


def _columns() -> str:
    parts = ["## Columns\n"]
    for kind in Table:
        parts.append(f"### {kind}\n\n{SPECS[kind].row.capitalize()} a row.\n\n{column_table(kind)}")
    return "\n".join([*parts, EVENTS_HEAD, event_table()])
