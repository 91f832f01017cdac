"""The export formats by name: one line each. A format's module is imported when it is made."""

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datagen.config import read_options
from datagen.errors import UserError
from datagen.export.base import Format


@dataclass(frozen=True, slots=True)
class Entry:
    """A format's name, its class as `module:class`, and what it is for, in one line."""

    name: str
    target: str
    summary: str


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "moshi-finetune", "datagen.export.moshi_finetune:MoshiFinetune", "kyutai-labs/moshi-finetune: jsonl, stereo WAV, word times"
    ),
    Entry("nu-dialogue", "datagen.export.nu_dialogue:NuDialogue", "nu-dialogue/moshi-finetune: parquet of text rows and codes"),
    Entry("prepared", "datagen.export.prepared:Prepared", "PersonaPlex LoRA trainers: a folder a dialogue, with prompts and words"),
    Entry("lhotse-shar", "datagen.export.lhotse_shar:LhotseShar", "NVIDIA NeMo's duplex speech-to-speech models: Lhotse Shar"),
    Entry("webdataset", "datagen.export.webdataset:WebDataset", "webdataset: tars of audio, codes and JSON, for streaming"),
    Entry(
        "full-duplex-bench", "datagen.export.full_duplex_bench:FullDuplexBench", "Full-Duplex-Bench v1: evaluation folders, test split"
    ),
)  # fmt: skip


def names() -> list[str]:
    """Every format's name, in the order in which they are listed."""
    return [e.name for e in ENTRIES]


def entry(name: str) -> Entry:
    """A format's entry; UserError with the nearest names where there is none."""
    for candidate in ENTRIES:
        if candidate.name == name:
            return candidate
    near = difflib.get_close_matches(name, names(), n=len(ENTRIES), cutoff=0.4)
    there = ", ".join([*near, *(n for n in names() if n not in near)])
    raise UserError(f"--to {name}: there is no such format. There are: {there}.")


def format_class(name: str) -> type[Format]:
    """The format's class; UserError where there is no such format."""
    module, _, attribute = entry(name).target.partition(":")
    found: type[Format] = getattr(importlib.import_module(module), attribute)
    return found


def make(name: str, options: Mapping[str, Any]) -> Format:
    """The format with its options; UserError names a format or key that is not there, and the nearest one."""
    cls = format_class(name)
    return cls(read_options(cls.Options, options, name))
