"""What a run counts as it goes: dialogues, rejects, audio made and seconds spent, by stage. Never part of an artefact."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from datagen.records.enums import Stage


@dataclass(frozen=True, slots=True)
class Progress:
    """One step forward: `seconds` by "stage" and "stage engine"; `notice` is a line for the user, where there is one."""

    stage: Stage
    done: int = 0
    rejected: int = 0
    audio_s: float = 0.0
    seconds: Mapping[str, float] = field(default_factory=dict)
    notice: str = ""


Report = Callable[[Progress], None]


class Meter:
    """Times blocks by stage and passes counts on to `report`, with the seconds since the last time."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._inside_s = 0.0

    @contextlib.contextmanager
    def time(self, stage: Stage, part: str = "") -> Iterator[None]:
        """Adds the CPU seconds of the block to the stage, and to its engine where `part` says so; a block inside counts for itself."""
        outside_s, self._inside_s = self._inside_s, 0.0
        began = time.process_time()
        try:
            yield
        finally:
            whole_s = time.process_time() - began
            self._seconds[f"{stage} {part}".strip()] += whole_s - self._inside_s
            self._inside_s = outside_s + whole_s

    def count(self, stage: Stage, done: int = 0, rejected: int = 0, audio_s: float = 0.0) -> None:
        """Passes on what a stage did, with all seconds measured since the last call."""
        seconds, self._seconds = dict(self._seconds), defaultdict(float)
        self._report(Progress(stage, done, rejected, audio_s, seconds))

    def notice(self, stage: Stage, line: str) -> None:
        """Passes a line on to the user."""
        self._report(Progress(stage, notice=line))
