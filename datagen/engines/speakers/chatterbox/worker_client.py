"""One worker, as whoever has rows to be spoken sees it: every row comes back, as its sound or as why there is none.

A worker that dies or hangs under a job is started anew, and what it had not answered is asked for again in halves, until the row
that it dies under is alone; that one is tried once more, and given up. A job that the model fails at goes the same way.
"""

import math
import os
import signal
import socket
import sys
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from datagen.engines.own_env.environments import Environment
from datagen.engines.speakers.chatterbox import wire
from datagen.engines.speakers.chatterbox.launch import Place, connected
from datagen.errors import EngineError
from datagen.protocols import Failure
from datagen.records.speech import SAMPLE_RATE_HZ, Audio

MOST_S = 60.0
"""No row is longer: the model has 1,000 tokens of 40 ms at most, and Turbo adds three."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One piece of text for the worker, with all that its sound depends on. `id` is the caller's own, one a job."""

    id: int
    text: str
    clip: str
    exaggeration: float
    seed: int
    temperature: float
    top_p: float
    min_p: float
    repetition_penalty: float
    cfg_weight: float
    max_tokens: int
    flow_steps: int


Answers = dict[int, Audio | Failure]
Job = Callable[[Sequence[int]], tuple[dict[str, Any], Sequence[Audio]]]
"""The frame that asks for some rows, and the sounds behind it."""
Read = Callable[[int, Audio], Audio | Failure]
"""What the samples that came for a row are."""


class _Lost(Exception):
    """A job did not come to its end. `begun`: the worker had begun it, so the job may be why."""

    def __init__(self, why: str, begun: bool, reason: str = "worker_lost") -> None:
        super().__init__(why)
        self.begun, self.reason = begun, reason


class WorkerClient:
    """A worker of one device; one thread at a time. `seconds` are what the model spent by part on jobs of this client."""

    def __init__(
        self, environment: Environment, settings: Mapping[str, Any], stall_s: float, start_timeout_s: float
    ) -> None:
        self._environment, self._settings = environment, settings
        self._stall_s, self._start_timeout_s = stall_s, start_timeout_s
        self._link: socket.socket | None = None
        self._pid = 0
        self.seconds: dict[str, float] = defaultdict(float)

    def speak(self, rows: Sequence[Asked], clips: Mapping[str, str]) -> Answers:
        """The sound of each row by its id; `clips` are the reference clips' files by digest. EngineError: no worker can be had."""
        by_id = {row.id: row for row in rows}
        return self._all(
            list(by_id), lambda ids: ({"do": "speak", "rows": [asdict(by_id[i]) for i in ids], "clips": _of(clips, ids, by_id)}, []),
            _spoken,
        )  # fmt: skip

    def mark(self, sounds: Mapping[int, Audio]) -> Answers:
        """The same sounds with the watermark in them, by id. Errors as `speak` has them."""
        return self._all(
            list(sounds),
            lambda ids: ({"do": "mark", "rows": [{"id": i, "length": len(sounds[i])} for i in ids]}, [sounds[i] for i in ids]),
            lambda row, samples: _marked(samples, len(sounds[row])),
        )  # fmt: skip

    def close(self) -> None:
        """Ends the connection; the worker goes with the process that started it."""
        if self._link is not None:
            self._link.close()
        self._link, self._pid = None, 0

    def _all(self, ids: list[int], job: Job, read: Read) -> Answers:
        answers: Answers = {}
        todo, alone, unanswered, again = [ids] if ids else [], set[int](), 0, False
        while todo:
            part = todo.pop()
            before = len(answers)
            try:
                header, sounds = job(part)
                # What is asked for again has nobody beside it: another's rows must not be blamed on these.
                self._exchange({**header, "alone": again}, sounds, part, answers, read)
            except _Lost as lost:
                again = True
                left = [i for i in part if i not in answers]
                unanswered = 0 if len(answers) > before else unanswered + 1
                if unanswered > 3 + 2 * math.log2(len(ids)):
                    raise EngineError(
                        f"speaker chatterbox: its worker {lost} {unanswered} times, and answered nothing in between."
                    ) from None
                if lost.begun and len(left) == 1 and left[0] in alone:
                    answers[left[0]] = Failure(lost.reason, f"the worker {lost} under this text, alone and twice.")
                elif lost.begun and len(left) > 1:
                    middle = (len(left) + 1) // 2
                    todo += [left[middle:], left[:middle]]
                elif left:
                    alone |= set(left) if lost.begun else set()
                    todo.append(left)
        return answers

    def _exchange(
        self, header: dict[str, Any], sounds: Sequence[Audio], ids: Sequence[int], answers: Answers, read: Read
    ) -> None:
        """Sends one job and takes its answers in. _Lost where it does not come to its end, or leaves a row unanswered."""
        link, begun, failed = self._connected(), False, ""
        name = uuid.uuid4().hex
        try:
            link.settimeout(self._stall_s)
            wire.send(link, {**header, "job": name}, np.concatenate(sounds) if sounds else np.zeros(0, np.float32))
            while True:
                said, samples = wire.receive(link)
                begun = begun or said.get("begun") == name
                if said.get("row") in ids:
                    row = int(said["row"])
                    fault = Failure(str(said["fault"]), str(said.get("detail", ""))) if "fault" in said else None
                    answers[row] = fault or read(row, samples)
                elif "told" in said:
                    sys.stderr.write(f"datagen: speaker chatterbox on {self._settings['device']}: {said['told']}\n")
                elif "error" in said:
                    failed = f"failed ({said['error']})"
                elif said.get("done") == name:
                    for part, spent_s in said["seconds"].items():
                        self.seconds[part] += spent_s
                    if failed or any(i not in answers for i in ids):
                        raise _Lost(failed or "gave no answer", begun, "model_error")
                    return
        except TimeoutError:
            self._end()
            raise _Lost(f"gave nothing for stall_s = {self._stall_s:g} s", begun) from None
        except wire.Broken:
            self.close()  # nothing is killed: its process is gone, and the id may be another's by now
            words = Place(self._environment, self._settings).last_words()
            raise _Lost(f"died{f' ({words})' if words else ''}", begun) from None
        except _Lost:
            raise
        except BaseException:  # Ctrl-C: what is under way would be taken for the next job's
            self.close()
            raise

    def _connected(self) -> socket.socket:
        if self._link is None:
            self._link, self._pid = connected(self._environment, self._settings, self._start_timeout_s)
        return self._link

    def _end(self) -> None:
        """Ends a worker that hangs: one that is connected, so its process is there. Its keeper does the rest."""
        pid = self._pid
        self.close()
        if pid:  # 0 is every process of our own group
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _of(clips: Mapping[str, str], ids: Sequence[int], rows: Mapping[int, Asked]) -> dict[str, str]:
    return {clip: clips[clip] for clip in sorted({rows[i].clip for i in ids})}


def _spoken(row: int, samples: Audio) -> Audio | Failure:
    """A row's sound, or why what came is none."""
    seconds = len(samples) / SAMPLE_RATE_HZ
    if not len(samples):
        return Failure("empty", "the model gave no sample.")
    if seconds > MOST_S:
        return Failure("broken_audio", f"the model gave {seconds:.0f} s, more than it has tokens for ({MOST_S:g} s).")
    return _finite(samples)


def _marked(samples: Audio, length: int) -> Audio | Failure:
    """A marked sound as long as it went, however long that is: it may be joined of many rows."""
    if len(samples) != length:
        return Failure("broken_audio", f"the watermark made {len(samples)} samples of {length}.")
    return _finite(samples)


def _finite(samples: Audio) -> Audio | Failure:
    n_broken = int((~np.isfinite(samples)).sum())
    return Failure("broken_audio", f"{n_broken} of {len(samples)} samples are no numbers.") if n_broken else samples
