"""What a person sees while a build runs: a live table in a terminal, plain lines elsewhere."""

import sys
import time
from contextlib import AbstractContextManager
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from datagen.cli.terminal import plain
from datagen.records.enums import Stage
from datagen.run.meter import Progress
from datagen.run.tally import Tally

_LINE_EVERY_S = 5.0


class Display(AbstractContextManager["Display"]):
    """Shows a run of `n_dialogs`; call it with each step forward. Writes to stderr, so that stdout holds results alone."""

    def __init__(self, n_dialogs: int, quiet: bool = False) -> None:
        self._n = n_dialogs
        self._tally = Tally(1.0)
        self._began = time.monotonic()
        self._last_line = self._began
        # A live table moves the cursor; what comes from elsewhere is made plain where it is printed.
        console = self._console = Console(file=getattr(sys.stderr, "unguarded", sys.stderr))
        self._quiet = quiet
        self._live = (
            None
            if quiet or not console.is_terminal
            else Live(console=console, refresh_per_second=4, get_renderable=self._table)
        )

    def __enter__(self) -> "Display":
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, step: Progress) -> None:
        self._tally.progress(step)
        if step.notice and not self._quiet:
            self._console.print(f"datagen: {plain(step.notice)}", markup=False, highlight=False, soft_wrap=True)
        now = time.monotonic()
        if not self._quiet and not self._live and now - self._last_line >= _LINE_EVERY_S:
            self._last_line = now
            sys.stderr.write(self.line() + "\n")
            sys.stderr.flush()

    def line(self) -> str:
        """The state in one plain line."""
        done = " · ".join(f"{s} {self._tally.done[s]}/{self._n}" for s in (Stage.WRITE, Stage.SPEAK, Stage.ENCODE))
        return f"{done} · {self._rejected()} rejected · {self._pace()}"

    def _rejected(self) -> int:
        return sum(self._tally.rejected.values())

    def _elapsed(self) -> float:
        return max(time.monotonic() - self._began, 1e-3)

    def _pace(self) -> str:
        audio_s = self._tally.audio_s[Stage.ENCODE]
        return f"{audio_s / 3600:.2f} h · {audio_s / self._elapsed():.0f} x real time · {self._left()}"

    def _left(self) -> str:
        share = self._share()
        if share <= 0.02:
            return "time left: not known yet"
        left = self._elapsed() * (1 - share) / share
        return f"{left // 60:.0f} min {left % 60:.0f} s left" if left >= 60 else f"{left:.0f} s left"

    def _share(self) -> float:
        """How much of the work is behind us: speaking and encoding are nearly all of it."""
        steps = (Stage.WRITE, 0.05), (Stage.SPEAK, 0.6), (Stage.ENCODE, 0.35)
        gone = self._rejected()
        return min(1.0, sum(weight * min(self._n, self._tally.done[s] + gone) / self._n for s, weight in steps))

    def _table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), caption=self._pace(), caption_justify="left")
        for name in ("stage", "", "done", "rejected", "audio"):
            table.add_column(name, justify="left" if name in ("stage", "") else "right")
        for stage in Stage:
            done, lost, audio_s = self._tally.done[stage], self._tally.rejected[stage], self._tally.audio_s[stage]
            bar = ProgressBar(total=self._n, completed=done, width=24)
            table.add_row(
                stage, bar, f"{done}/{self._n}", str(lost) if lost else "", f"{audio_s / 3600:.2f} h" if audio_s else ""
            )
        return table
