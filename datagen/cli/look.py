"""`datagen check`, `show` and `report`: looking at a build."""

import json
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from datagen.errors import DataError, UserError

_PRINTED = 50


def check(out: str, as_json: bool, version: str = "") -> int:
    """Prints every fault of a build; exit code 3 where there is one."""
    from datagen.check import check_build

    if "://" not in out and not Path(out).is_dir():
        raise UserError(f"{out}: is no folder. Build one: datagen build --out {out}")
    problems = check_build(out, version)
    if as_json:
        sys.stdout.write(json.dumps([asdict(p) for p in problems], indent=1) + "\n")
        return DataError.exit_code if problems else 0
    for problem in problems[:_PRINTED]:
        sys.stdout.write(": ".join(part for part in (problem.file, problem.where, problem.what) if part) + "\n")
    if len(problems) > _PRINTED:
        sys.stdout.write(f"… and {len(problems) - _PRINTED} more (--json prints all)\n")
    sys.stdout.write(f"{out}: {'ok' if not problems else f'{len(problems)} problem' + 's' * (len(problems) > 1)}\n")
    return DataError.exit_code if problems else 0


def show(out: str, dialog: str, wav: Path | None, decode: Path | None, version: str = "") -> None:
    """Prints a dialogue, or the list of them; writes its audio where asked."""
    from datagen.report import show as room
    from datagen.report import sound
    from datagen.report.corpus import open_corpus

    if not dialog:
        if wav or decode:
            raise UserError(
                f"{'--wav' if wav else '--decode'}: name the dialogue too; `datagen show {out}` lists them."
            )
        with closing(open_corpus(out, version)) as corpus:
            room.print_list(corpus)
        return
    if wav and wav == decode:
        raise UserError(f"--wav and --decode {wav}: would write the same file. Name two.")
    # Files first: where one cannot be written, the error is not lost below a long transcript.
    written = []
    with closing(open_corpus(out, version)) as corpus:
        if wav:
            written.append(sound.write_audio(corpus, dialog, wav))
        if decode:
            written.append(sound.write_decoded(corpus, dialog, decode))
        room.print_dialog(corpus, dialog)
    for line in written:
        sys.stdout.write(f"{line}\n")


def report(out: str) -> None:
    """Writes report/index.html."""
    from datagen.report.page import write_report

    sys.stdout.write(f"{write_report(out)}\n")
