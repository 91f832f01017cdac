"""Registers the cheap engines, and the faults of the process itself, in every process that has this folder in PYTHONPATH."""

import os
import time

from datagen.engines import registry

registry.ENTRIES += (
    registry.Entry("speaker", "cheap", "cheap_engines:CheapSpeaker", "for the fault bench"),
    registry.Entry("codec", "cheap", "cheap_engines:CheapCodec", "for the fault bench"),
    registry.Entry("writer", "cheap", "cheap_engines:CheapWriter", "for the fault bench"),
)

if _back := float(os.environ.get("FAULT_CLOCK_BACK_S", 0)):
    # A clock that is set back by so much every second, as a machine's that NTP corrects, or whose battery is empty.
    _time, _time_ns, _began = time.time, time.time_ns, time.monotonic()

    def _lost_s() -> float:
        return _back * (1 + int(time.monotonic() - _began))

    time.time = lambda: _time() - _lost_s()
    time.time_ns = lambda: _time_ns() - int(_lost_s() * 1e9)
