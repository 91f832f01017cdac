"""What build.json holds: the one file that makes a version of a corpus exist. It is written last.

No times of day, no paths outside the output folder and no worker counts: the same recipe, inputs and engines
give the same build.json, byte for byte.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from datagen.records.enums import Split
from datagen.records.maker import Maker
from datagen.records.quality import SpeechQuality

BUILD_FILE = "build.json"
BUILD_FORMAT = 1
"""Goes up when a reader of build.json has to change."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the output: SHA-256 as 64 hex digits, and its size."""

    sha256: str
    bytes: int


def check_inside(names: Iterable[str]) -> None:
    """ValueError unless every path, with forward slashes, is relative and stays inside the folder that it is of."""
    for name in names:
        if "\0" in name or not {"", ".", ".."}.isdisjoint(name.split("/")):
            raise ValueError(f"{name!r}: leads out of its folder")


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One sealed shard: `name` is `train-00000`, its dialogues are in `tokens/NAME.parquet`.

    `n_planned` counts its members, `n_dialogs` the kept ones; `first_dialog_id` and `last_dialog_id` are the lowest
    and highest of them (None in a shard of which nothing was kept). `key` is the content key of its packed artefact.
    """

    name: str
    split: Split
    number: int
    n_dialogs: int
    first_dialog_id: str | None
    last_dialog_id: str | None
    key: str
    n_planned: int = 0


@dataclass(frozen=True, slots=True)
class Count:
    """How many dialogues were planned, kept and rejected (planned = kept + rejected), and the kept ones' hours."""

    planned: int = 0
    kept: int = 0
    rejected: int = 0
    hours: float = 0.0


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of a build: as a whole, by split, domain and kind, and the rejects by `stage/reason`."""

    total: Count
    by_split: Mapping[str, Count]
    by_domain: Mapping[str, Count]
    by_kind: Mapping[str, Count]
    rejects: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CodecInfo:
    """The geometry of the tokens, and the codec's own silence and sine frames, which a loader's prefix repeats."""

    n_books: int
    book_size: int
    sample_rate_hz: int
    frame_samples: int
    silence: tuple[int, ...]
    sine: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FtoHistogram:
    """The FTOs that the recipe's model draws: transfers a bin from `low_s` on, and the share that each bin should have.

    What lies beyond either end counts in the first or the last bin; `n_below` and `n_above` say how many of the output do.
    """

    low_s: float
    step_s: float
    counts: tuple[int, ...]
    target: tuple[float, ...]
    n_below: int = 0
    n_above: int = 0


@dataclass(frozen=True, slots=True)
class GateCount:
    """How many attempts at writing, or at speaking, failed for one reason, and how many dialogues were rejected for it in the end."""

    failed: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """A build: what was asked, with what it was made, what came out, and the checksum of every file but build.json.

    `id` is the version id, the hash of recipe, inputs and engines. `recipe` is the whole recipe as JSON types, and
    `recipe_digest` its digest. `content_id` is what every token row bears: the digest of what one dialogue's
    bytes depend on, whatever the number of dialogues; `plan_digest` is the same of its plan alone. `packages` are
    versions by distribution name. `engines` are the makers by kind (writer, speaker, aligner, codec). `files` are
    keyed by the path in the output folder, with forward slashes. `timing` are statistics of the time lines, name with
    unit to value (datagen/stages/stitch/timing.py); `timing_target` are what the recipe asks of some of them, by the same
    names; `ftos` is the distribution of the FTOs beside its target, None without floor transfers. `decided` is what
    `auto` became at the first plan, by recipe key. `attempts` counts every attempt at writing a dialogue; `gates` are those that
    failed, by reason. `speech_attempts` and `speech_gates` are the same of speaking a turn, or what is said beside it.
    `speech_quality` are the parts of Seed-TTS-eval's composite, as far as the build's engines measured them.
    """

    id: str
    name: str
    datagen_version: str
    recipe: Mapping[str, Any]
    recipe_digest: str
    content_id: str
    engines: Mapping[str, Maker]
    codec: CodecInfo
    counts: Counts
    hours: float
    splits: tuple[Split, ...]
    shards: tuple[ShardEntry, ...]
    files: Mapping[str, FileEntry]
    packages: Mapping[str, str] = field(default_factory=dict)
    timing: Mapping[str, float] = field(default_factory=dict)
    timing_target: Mapping[str, float] = field(default_factory=dict)
    ftos: FtoHistogram | None = None
    decided: Mapping[str, Any] = field(default_factory=dict)
    plan_digest: str = ""
    attempts: int = 0
    gates: Mapping[str, GateCount] = field(default_factory=dict)
    speech_attempts: int = 0
    speech_gates: Mapping[str, GateCount] = field(default_factory=dict)
    speech_quality: SpeechQuality = field(default_factory=SpeechQuality)
    format: int = BUILD_FORMAT

    def to_dict(self) -> dict[str, Any]:
        """The summary as JSON types, for `store.files.write_json`."""
        return asdict(self)
