"""What parts of a build cost: a table of rates, each with its source, read from TOML files of which later ones win."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from datagen import recipes, resources
from datagen.build import ENGINE_KINDS, OPTIONAL_KINDS
from datagen.config import Options, knob, read_options
from datagen.errors import UserError
from datagen.records.enums import Stage

OWN = "own"
"""What stands for the engine where a stage's own work is meant, in every recipe the same."""
LEDGER, AUDIO, PUBLISH = "ledger", "audio", "publish"
WORK = (*(str(s) for s in Stage if s is not Stage.ENCODE), LEDGER, AUDIO, PUBLISH)
"""The parts that are a build's own: the stages outside their engines, records and files, FLAC, publishing."""
_SHIPPED = "embedded"


class RateOptions(Options):
    """One `[[rate]]`: how fast one core, or one GPU, does a part of a build."""

    part: str = knob(
        "", f"an engine's kind ({', '.join((*ENGINE_KINDS, *OPTIONAL_KINDS))}), or own work ({', '.join(WORK)})"
    )
    engine: str = knob(OWN, "the engine's name; own for a stage's own work")
    device: Literal["cpu", "gpu"] = knob("cpu", "what it occupies: cpu (one core) | gpu (one)")
    x_real_time: float = knob(1.0, "seconds of dialogue that one of them makes in a second", "x real time", gt=0)
    start_s: float = knob(0.0, "until a worker that has it is ready, once a worker", "s", ge=0)
    source: str = knob("", "where the figure comes from")


class DiskOptions(Options):
    """Bytes that are kept of a second of dialogue, by where they lie."""

    write: float | None = knob(None, "plans and transcripts, in the work folder", "bytes/s", ge=0)
    speech: float | None = knob(None, "speech as 16-bit samples, in the work folder", "bytes/s", ge=0)
    tables: float | None = knob(
        None, "a shard's tables, in the work folder; the published tokens are links to them", "bytes/s", ge=0
    )
    tokens: float | None = knob(None, "token files, in the output", "bytes/s", ge=0)
    manifests: float | None = knob(None, "manifests, in the output", "bytes/s", ge=0)
    audio: float | None = knob(None, "stereo FLAC, in the output, where it is kept; links likewise", "bytes/s", ge=0)


class TableOptions(Options):
    """A file of rates."""

    machine: str = knob("", "what it was measured on")
    rate: tuple[RateOptions, ...] = knob((), "how fast each part is ([[rate]])")
    disk: DiskOptions = Field(default_factory=DiskOptions, description="bytes a second of dialogue")


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates by (part, engine), and bytes a second of dialogue by where they lie."""

    of: Mapping[tuple[str, str], RateOptions]
    bytes_s: Mapping[str, float] = field(default_factory=dict)

    def get(self, part: str, engine: str) -> RateOptions | None:
        return self.of.get((part, engine))

    def then(self, table: TableOptions) -> "Rates":
        """These rates with the table's in their place."""
        disk = {k: v for k, v in table.disk.model_dump().items() if v is not None}
        return Rates({**self.of, **{(r.part, r.engine): r for r in table.rate}}, {**self.bytes_s, **disk})


def shipped() -> Rates:
    """The rates that travel with the package: the embedded engines' as measured, and what others published of theirs."""
    return read([resources.manifests() / "rates" / f"{_SHIPPED}.toml"])


def read(paths: Iterable[Path], before: Rates | None = None) -> Rates:
    """The rates of TOML files over `before`; UserError names the file and the key that is wrong."""
    rates = before or Rates({})
    for path in paths:
        rates = rates.then(table_of(recipes.read(path), str(path)))
    return rates


def table_of(values: Mapping[str, Any], where: str) -> TableOptions:
    """A table of rates from what a TOML file holds."""
    table = read_options(TableOptions, values, where)
    known = {*ENGINE_KINDS, *OPTIONAL_KINDS, *WORK}
    for rate in table.rate:
        if rate.part not in known:
            raise UserError(
                f"{where}: rate of {rate.part!r}: there is no such part. There are: {', '.join(sorted(known))}."
            )
        if (rate.part in WORK) != (rate.engine == OWN):
            wanted = "no engine" if rate.part in WORK else "the engine's name"
            raise UserError(f"{where}: rate of {rate.part}, engine {rate.engine!r}: it needs {wanted}.")
    return table


def to_toml(table: TableOptions) -> str:
    """A file of rates, which `read` takes."""
    lines = [f"machine = {_quoted(table.machine)}"]
    for rate in table.rate:
        lines += ["", "[[rate]]", f"part = {_quoted(rate.part)}"]
        lines += [f"engine = {_quoted(rate.engine)}"] * (rate.engine != OWN)
        lines += [f"device = {_quoted(rate.device)}", f"x_real_time = {rate.x_real_time:.6g}"]
        lines += [f"start_s = {rate.start_s:.3g}"] * (rate.start_s > 0)
        lines += [f"source = {_quoted(rate.source)}"] * bool(rate.source)
    disk = {name: value for name, value in table.disk.model_dump().items() if value is not None}
    lines += ["", "[disk]", *(f"{name} = {value:.5g}" for name, value in disk.items())]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = "".join(c if c >= " " and c not in '"\\\x7f' else f"\\u{ord(c):04x}" for c in text)
    return f'"{escaped}"'
