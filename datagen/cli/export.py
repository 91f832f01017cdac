"""`datagen export`: a build in the layout that a trainer reads."""

import json
import sys
import time
from dataclasses import asdict
from typing import Any

from datagen import recipes
from datagen.errors import UserError
from datagen.export import registry
from datagen.export.base import Format
from datagen.export.records import EXPORT_FILE, Claim
from datagen.export.runner import Exported, Progress, run_export

_LINE_EVERY_S = 5.0


def export(
    out: str, to: str, folder: str, splits: str, from_tokens: bool, sets: list[str], as_json: bool, version: str = ""
) -> None:
    """Exports and says what came out, or prints it as JSON."""
    if not (out and to and folder):
        lacking = "OUT, a build" if not out else "--to FORMAT" if not to else "--out DIR"
        raise UserError(
            f"export: {lacking} is missing: datagen export OUT --to FORMAT --out DIR. --list names the formats."
        )
    asked = [s.strip() for s in splits.split(",") if s.strip()]
    if splits and not asked:
        raise UserError(
            f"--split {splits!r}: names no split. Leave it out for all, or name some of train, valid, test."
        )
    done = run_export(
        out, to, folder, splits=asked, from_tokens=from_tokens, version=version,
        options=_options(sets), report=_Lines(folder, quiet=as_json),
    )  # fmt: skip
    text = (
        json.dumps({**asdict(done.claim), "made": done.made}, indent=1) if as_json else "\n".join(_told(done, folder))
    )
    sys.stdout.write(text + "\n")


def list_formats(as_json: bool) -> None:
    """Prints every format with its options and what it cannot hold."""
    found = [_entry(e, registry.format_class(e.name)) for e in registry.ENTRIES]
    if as_json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return
    for entry in found:
        sys.stdout.write(f"{entry['name']}: {entry['summary']}\n")
        for option in entry["options"]:
            value = option["default"]
            text = value if isinstance(value, str) else json.dumps(value)
            sys.stdout.write(f"  --set {option['key']}={text}  {option['meaning']}\n")
        for line in entry["cannot_hold"]:
            sys.stdout.write(f"  cannot hold: {line}\n")


class _Lines:
    """Says on stderr how far the export is, now and then."""

    def __init__(self, folder: str, quiet: bool) -> None:
        self._folder, self._quiet, self._last = folder, quiet, time.monotonic()

    def __call__(self, step: Progress) -> None:
        now = time.monotonic()
        if not self._quiet and now - self._last >= _LINE_EVERY_S:
            self._last = now
            sys.stderr.write(f"{self._folder}: {step.parts} of {step.n_parts} parts · {step.dialogs} dialogues\n")
            sys.stderr.flush()


def _options(sets: list[str]) -> dict[str, Any]:
    pairs = (recipes.assigned(assignment, "tokenizer=trying") for assignment in sets)
    return {".".join(parts): value for parts, value in pairs}


def _told(done: Exported, folder: str) -> list[str]:
    claim = done.claim
    lines = [f"{folder}: {_what(claim)}", f"{'made now' if done.made else 'all of it was there'}: {_how(done)}"]
    if claim.counts:
        lines.append(", ".join(f"{name} {n}" for name, n in sorted(claim.counts.items())))
    lines += [f"cannot hold: {line}" for line in claim.cannot_hold]
    return [*lines, done.use]


def _what(claim: Claim) -> str:
    splits = ", ".join(f"{split} {claim.dialogs[split]}" for split in claim.splits)
    n = sum(claim.dialogs.values())
    what = f"{n} dialogue{'s' * (n != 1)} of {claim.build_name} ({claim.build_id})"
    return f"{what} as {claim.format}: {splits}"


def _how(done: Exported) -> str:
    parts = f"{done.made} part{'s' * (done.made != 1)}, " if done.made else ""
    files = f"{done.claim.n_files} file{'s' * (done.claim.n_files != 1)}"
    return f"{parts}{files}, {done.claim.n_bytes / 1e6:.1f} MB; {EXPORT_FILE} and README.md say what it is"


def _entry(entry: registry.Entry, cls: type[Format]) -> dict[str, Any]:
    options = [
        {"key": name, "default": field.get_default(call_default_factory=True), "meaning": field.description or ""}
        for name, field in cls.Options.model_fields.items()
    ]
    return {"name": entry.name, "summary": entry.summary, "options": options, "cannot_hold": list(cls.cannot_hold)}
