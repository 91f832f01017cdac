"""The README.md of an export's folder: what it holds, from which build, and what it cannot hold."""

import json

from datagen.export.records import EXPORT_FILE, WORK, Claim

_SOUND = {"files": "the build's own files", "tokens": "decoded from the build's tokens", "": ""}


def readme(claim: Claim, use: str) -> str:
    """Markdown; the same export gives the same text."""
    lines = [
        f"# {claim.build_name} as {claim.format}",
        "",
        f"Exported from the build `{claim.build_name}` (id `{claim.build_id}`). {use}",
        "",
        "| split | dialogues |",
        "|---|---|",
        *(f"| {split} | {claim.dialogs[split]} |" for split in claim.splits),
        "",
    ]
    if claim.sound:
        lines += [f"Audio: {_SOUND[claim.sound]}.", ""]
    if claim.options:
        lines += ["Options: " + ", ".join(f"`{k}={_text(v)}`" for k, v in sorted(claim.options.items())) + ".", ""]
    if claim.counts:
        lines += ["| count | |", "|---|---|", *(f"| {name} | {n} |" for name, n in sorted(claim.counts.items())), ""]
    lines += ["What this format cannot hold of the build:", "", *(f"- {line}" for line in claim.cannot_hold), ""]
    lines += [
        f"`{EXPORT_FILE}` says the same for programs. `{WORK}/` holds the checksums of every file, by which a second run goes on; "
        "a trainer needs neither.",
        "",
    ]
    return "\n".join(lines)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
