"""The scripted engines, for this process; builds in processes of their own get them through PYTHONPATH."""

import sys
from pathlib import Path

import pytest

from datagen.engines import registry

SCRIPTED = Path(__file__).parent / "scripted"


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A remote writer and a judge named `scripted`."""
    monkeypatch.syspath_prepend(str(SCRIPTED))
    sys.modules.pop("sitecustomize", None)
    monkeypatch.setattr(registry, "ENTRIES", registry.ENTRIES)
    import sitecustomize  # noqa: F401 - as in a process that starts with it
