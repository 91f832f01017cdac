"""A published build, opened for reading: local folder or any fsspec URL. numpy and pyarrow alone, no torch."""

from dataclasses import dataclass, field
from typing import Any

from datagen.load.dialog import CodecFrames
from datagen.records.build import BuildSummary, ShardEntry


@dataclass(frozen=True)
class OpenBuild:
    """A build by its build.json. `root` is what messages call it; `fs` and `base` are fsspec's file system and path."""

    root: str
    fs: Any = field(repr=False)
    base: str = field(repr=False)
    summary: BuildSummary = field(repr=False)
    codec: CodecFrames = field(repr=False)

    def shards(self, split: str) -> tuple[ShardEntry, ...]:
        """The shards of a split that hold a dialogue, in their order."""
        return tuple(s for s in self.summary.shards if s.split == split and s.n_dialogs)
