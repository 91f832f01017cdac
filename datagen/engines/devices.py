"""The devices of torch as a recipe names them."""

import re
from typing import Annotated

from pydantic import AfterValidator


def _a_device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", value):
        raise ValueError(f"{value!r} is no device. Take auto, cpu, cuda, or cuda:N for one of several GPUs.")
    return value


Device = Annotated[str, AfterValidator(_a_device)]
"""`auto`, `cpu`, `cuda` or `cuda:N`; whether there is such a one is looked at when it is needed."""
