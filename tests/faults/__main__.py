"""The fault bench as a command: `python -m tests.faults [NAME …] [--runner local] [--times N] [--good FOLDER] [--table FILE]`.

Each fault is tried on a small build of cheap engines; after each, the same command has to come to the undisturbed build's bytes, with no
process and no temporary file left. The table goes to stdout and to FILE.
"""

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.faults.cases import CASES, REPEATED, RUNNERS, Row, bench, table, tried


def main() -> int:
    """0 where every fault was survived, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CASES)}  [default: all]")
    parser.add_argument("--runner", choices=("local", *RUNNERS), default="local")
    parser.add_argument("--times", type=int, default=0, help="how often, or at how many places, each is tried")
    parser.add_argument("--good", type=Path, help="a folder that keeps the undisturbed build, for the next time")
    parser.add_argument("--table", type=Path, help="a file for the table")
    chosen = parser.parse_args()
    known = {n: run for n, (_, run) in CASES.items()} if chosen.runner == "local" else RUNNERS[chosen.runner]
    if unknown := [n for n in chosen.names if n not in known]:
        parser.error(f"there is no {unknown[0]!r} under {chosen.runner}. There are: {', '.join(known)}")
    rows: list[Row] = []
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        bench(Path(folder), chosen.runner, chosen.good) as the,
    ):
        for name in chosen.names or known:
            run = partial(known[name], times=chosen.times) if chosen.times and name in REPEATED else known[name]
            rows.append(tried(name, the, run))
            sys.stderr.write(f"{name}: {' | '.join(rows[-1].cells[2:])} ({rows[-1].took_s:.0f} s)\n")
            sys.stderr.writelines(f"  {line}\n" for line in rows[-1].outcome.wrong)
            if chosen.table:
                chosen.table.write_text(table(rows))
    sys.stdout.write(table(rows))
    return int(any(row.outcome.wrong for row in rows))


if __name__ == "__main__":
    sys.exit(main())
