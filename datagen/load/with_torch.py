"""torch where it is needed, and one line where it is not there."""

from importlib import import_module
from typing import Any

from datagen.errors import EngineError


def torch_module(name: str) -> Any:
    """A module of torch, as Any, so that types are checked alike with torch and without; EngineError where it is missing."""
    try:
        return import_module(name)
    except ImportError:
        raise EngineError(
            'This is a torch dataset, and torch is not installed: pip install "datagen[load]". iter_dialogs does without.'
        ) from None
