"""`datagen check`, `show` and `report`: looking at a build."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from datagen.errors import DataError

_PRINTED = 50


def check(out: Path, as_json: bool) -> int:
    """Prints every fault of a build; exit code 3 where there is one."""
    from datagen.check import check_build

    problems = check_build(out)
    if as_json:
        sys.stdout.write(json.dumps([asdict(p) for p in problems], indent=1) + "\n")
        return DataError.exit_code if problems else 0
    for problem in problems[:_PRINTED]:
        sys.stdout.write(f"{problem.file}: {problem.where}: {problem.what}\n")
    if len(problems) > _PRINTED:
        sys.stdout.write(f"… and {len(problems) - _PRINTED} more (--json prints all)\n")
    sys.stdout.write(f"{out}: {'ok' if not problems else f'{len(problems)} problems'}\n")
    return DataError.exit_code if problems else 0


def show(out: Path, dialog: str, wav: Path | None, decode: Path | None) -> None:
    """Prints a dialogue, or the list of them; writes its audio where asked."""
    from datagen.report import show as room

    if not dialog:
        room.print_list(out)
        return
    room.print_dialog(out, dialog)
    if wav:
        room.write_audio(out, dialog, wav)
    if decode:
        room.write_decoded(out, dialog, decode)


def report(out: Path) -> None:
    """Writes report/index.html."""
    from datagen.report.page import write_report

    sys.stdout.write(f"{write_report(out)}\n")
