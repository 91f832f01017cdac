"""What the mock server answers in the fault bench: good dialogues, and a line in a file for every request."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.engines.writers.llm.replying import reply


def answer(body: Mapping[str, Any]) -> str:
    """A dialogue that passes the gates, after `FAULT_SLOW_S`."""
    with Path(os.environ["FAULT_ASKED"]).open("a") as file:
        file.write("asked\n")
    time.sleep(float(os.environ["FAULT_SLOW_S"]))
    return reply(body)
