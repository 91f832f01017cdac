"""What training jobs import: builds opened, dialogues read, sequences made, datasets. Nothing is loaded before it is named.

from datagen.load import DialogDataset, iter_dialogs, open_tokenizer, personaplex
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datagen.load import delays, moshi, personaplex
    from datagen.load.batching import Batch, LengthBuckets, collate, collate_numpy
    from datagen.load.builds import OpenBuild, open_build
    from datagen.load.curriculum import Curriculum, Stage
    from datagen.load.dataset import DialogDataset
    from datagen.load.dialog import Dialog
    from datagen.load.iterable import IterableDialogs
    from datagen.load.iterating import iter_dialogs
    from datagen.load.loader import DialogLoader
    from datagen.load.mixing import Mixture, Part
    from datagen.load.sequence import Sequence
    from datagen.load.spec import MOSHI, PERSONAPLEX, ModelSpec
    from datagen.load.tokenizers import TRYING, for_trying, open_tokenizer

_HOMES = {
    "Batch": "batching",
    "Curriculum": "curriculum",
    "Dialog": "dialog",
    "DialogDataset": "dataset",
    "DialogLoader": "loader",
    "IterableDialogs": "iterable",
    "LengthBuckets": "batching",
    "MOSHI": "spec",
    "Mixture": "mixing",
    "ModelSpec": "spec",
    "OpenBuild": "builds",
    "PERSONAPLEX": "spec",
    "Part": "mixing",
    "Sequence": "sequence",
    "Stage": "curriculum",
    "TRYING": "tokenizers",
    "collate": "batching",
    "collate_numpy": "batching",
    "delays": "",
    "for_trying": "tokenizers",
    "iter_dialogs": "iterating",
    "moshi": "",
    "open_build": "builds",
    "open_tokenizer": "tokenizers",
    "personaplex": "",
}
"""The module of each public name; "" for what is a module itself."""

__all__ = [
    "MOSHI",
    "PERSONAPLEX",
    "TRYING",
    "Batch",
    "Curriculum",
    "Dialog",
    "DialogDataset",
    "DialogLoader",
    "IterableDialogs",
    "LengthBuckets",
    "Mixture",
    "ModelSpec",
    "OpenBuild",
    "Part",
    "Sequence",
    "Stage",
    "collate",
    "collate_numpy",
    "delays",
    "for_trying",
    "iter_dialogs",
    "moshi",
    "open_build",
    "open_tokenizer",
    "personaplex",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'datagen.load' has no attribute {name!r}")
    home = _HOMES[name]
    return getattr(import_module(f"datagen.load.{home}"), name) if home else import_module(f"datagen.load.{name}")


def __dir__() -> list[str]:
    return sorted(_HOMES)
