"""A recipe: strict models of its common part, and the helpers with which stages and engines declare theirs.

Every knob is declared by `knob()`, with its default, unit and meaning, so `datagen recipe show` is complete by
construction. Unknown keys fail and name the valid ones.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from datagen.config_faults import describe, refuse_truth
from datagen.errors import UserError
from datagen.records.enums import Kind, Split


def knob(default: Any, meaning: str, unit: str = "", *, changes_output: bool = True, **limits: Any) -> Any:
    """A field with its documentation. `changes_output=False` keeps it out of every content key (timeouts, say)."""
    extra: dict[str, Any] = {"unit": unit, "changes_output": changes_output}
    if isinstance(default, dict | list):
        return Field(default_factory=lambda: default.copy(), description=meaning, json_schema_extra=extra, **limits)
    return Field(default=default, description=meaning, json_schema_extra=extra, **limits)


class Options(BaseModel):
    """The base of every table of knobs: frozen, and strict about unknown keys."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        if info.field_name:
            refuse_truth(value, cls.model_fields[info.field_name].annotation)
        return value

    def output_options(self) -> dict[str, Any]:
        """The values that change what is made, as JSON types: what a content key hashes. Of tables within it, theirs."""
        keep = {
            name
            for name, field in type(self).model_fields.items()
            if not isinstance(field.json_schema_extra, dict) or field.json_schema_extra.get("changes_output", True)
        }
        tables = {name: getattr(self, name) for name in keep if isinstance(getattr(self, name), Options)}
        values = self.model_dump(mode="json", include=keep - tables.keys())
        return values | {name: table.output_options() for name, table in tables.items()}


OptionsT = TypeVar("OptionsT", bound=Options)


def read_options(model: type[OptionsT], values: Mapping[str, Any], where: str) -> OptionsT:
    """`values` as a `model`, or a UserError that names the key, its value and the nearest valid key."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise UserError(describe(error, model, where)) from None


OWN_FOLDER: dict[Any, str] = {
    Kind.QA: "qa",
    Kind.CASUAL: "casual",
    Kind.INSTRUCTION: "instruction",
    Kind.PROBE: "service_duplex_bench",
}
"""The domain of an entry that names none, by its kind."""


class MixEntry(Options):
    """One part of the mix: a kind of dialogue, its domains, its share, and the most that one domain may take."""

    kind: Kind = knob(Kind.SERVICE, "service | qa | casual | tool | instruction | probe")
    domains: tuple[str, ...] = knob(
        (), "folders under prompts/; qa, casual, instruction and probe have one of their own"
    )
    share: float = knob(1.0, "weight of this entry among all entries", gt=0)
    cap: float = knob(
        1.0, "largest share of the whole build that one domain of this entry may take", "share", gt=0, le=1
    )

    @model_validator(mode="before")
    @classmethod
    def _own_folder(cls, values: Any) -> Any:
        if isinstance(values, dict) and not values.get("domains") and (own := OWN_FOLDER.get(str(values.get("kind")))):
            return {**values, "domains": (own,)}
        return values


class SplitShares(Options):
    """How dialogues are spread over the splits. Voices, businesses and scenarios follow the same shares."""

    train: float = knob(0.9, "share of dialogues for training", "share", gt=0, le=1)
    valid: float = knob(0.05, "share for validation", "share", ge=0, lt=1)
    test: float = knob(0.05, "share for testing", "share", ge=0, lt=1)
    only: Split | None = knob(
        None, "make dialogues of this split alone, from its own voices, businesses and scenarios: train | valid | test"
    )

    @model_validator(mode="after")
    def _sum(self) -> "SplitShares":
        if self.only is not None and not getattr(self, self.only):
            raise ValueError(f"only = {self.only}, and splits.{self.only} is 0: it has no voices and no businesses.")
        total = self.train + self.valid + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + valid + test is {total:g}, and has to be 1.")
        return self


class EngineChoice(BaseModel):
    """Which engine, and its own options beside it; those are read where stages and engines are joined."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", frozen=True)
    engine: str

    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Placement(Options):
    """What each actor of a group of stages holds on a Ray cluster, and so where it can be."""

    actors: int = knob(0, "actors at most; 0 is as many as the cluster has room for", "actors", ge=0, le=100_000)
    cpus: float = knob(1.0, "processors that an actor holds", "processors", ge=0, le=1024)
    gpus: float = knob(0.0, "GPUs that an actor holds; 0.5 puts two actors on one", "GPUs", ge=0, le=1024)
    resource: str = knob(
        "", "the resource of which an actor holds 1, so only nodes that offer it (ray start --resources) have any; empty: any node",
        pattern=r"^[A-Za-z0-9_-]{0,64}$",
    )  # fmt: skip

    @model_validator(mode="after")
    def _whole_gpus(self) -> "Placement":
        if self.gpus > 1 and self.gpus != int(self.gpus):
            raise ValueError(f"gpus = {self.gpus:g}: Ray shares one GPU among actors, and gives whole ones above that.")
        return self


class RayOptions(Options):
    """How a build is spread over a Ray cluster (`--runner ray`)."""

    address: str = knob(
        "",
        "HOST:PORT of the cluster; empty: RAY_ADDRESS, or the cluster of this machine; local: one for this build alone",
    )
    write: Placement = Field(default_factory=Placement, description="actors that write")
    speech: Placement = Field(default_factory=Placement, description="actors that speak and align")
    render: Placement = Field(default_factory=Placement, description="actors that stitch, scene, encode and pack")
    ahead: int = knob(
        2,
        "shards that may wait for each actor of a group before the group in front of it rests",
        "shards",
        ge=1,
        le=1000,
    )
    deaths: int = knob(3, "actors that may die under one shard before the build stops", "deaths", ge=1, le=100)
    wait_s: float = knob(300.0, "how long a build waits for a node that can carry on", "s", gt=0, le=86_400)


class RunOptions(Options):
    """How a build is carried out. Nothing here changes a byte of what is made, except the size of a shard."""

    shard_dialogs: int = knob(
        64, "dialogues that travel together: the unit of work, of resume and of files", "dialogues", ge=1, le=4096
    )
    attempts: int = knob(
        3, "how often a unit is tried, each time with a seed of its own, before it is rejected", "tries", ge=1, le=20
    )
    max_reject_share: float = knob(
        0.2, "a stage that rejects more than this stops the build", "share", ge=0, le=1, changes_output=False
    )
    stall_s: float = knob(
        3600.0,
        "a worker process that finishes no batch for so long is taken for hung: it is ended, and its shard begun again",
        "s",
        gt=0,
        changes_output=False,
    )
    max_worker_gb: float = knob(
        0.0,
        "a worker process that holds more after a shard is replaced by a fresh one; 0: its equal part of 70 % of the memory there is",
        "GB",
        ge=0,
        changes_output=False,
    )
    keep_work: Literal["auto"] | bool = knob(
        "auto", "keep intermediate artefacts once they are used: true | false | auto (below 10 h)", changes_output=False
    )
    work_dir: str = knob(
        "",
        "where work files go, in a folder for each output; empty: OUT/.work, for a URL below data/work",
        changes_output=False,
    )
    keep_versions: Literal["all"] | int = knob(
        "all",
        "older versions of the output that stay loadable: all, or how many",
        "versions",
        changes_output=False,
    )

    @field_validator("keep_versions")
    @classmethod
    def _some_versions(cls, value: Literal["all"] | int) -> Literal["all"] | int:
        if isinstance(value, int) and value < 0:
            raise ValueError(f"keep_versions = {value}: all, or a number from 0 on.")
        return value

    spread: Literal["machine", "ray"] = knob(
        "machine",
        "what carries shards out: machine (worker processes here) | ray (actors of a cluster)",
        changes_output=False,
    )
    ray: RayOptions = Field(
        default_factory=RayOptions,
        description="how a Ray cluster is used",
        json_schema_extra={"unit": "", "changes_output": False},
    )


class Recipe(Options):
    """A recipe file. Tables of stages and engines are read by their owners; the rest is here."""

    schema_version: Literal[1] = knob(1, "version of the recipe format")
    name: str = knob(
        "recipe", "name of the build; the default output folder is ./data/NAME", pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$"
    )
    seed: int = knob(0, "seed of every draw", ge=0, lt=2**63)
    dialogs: int | None = knob(100, "dialogues to plan", "dialogues", ge=1, le=10_000_000)
    hours: float | None = knob(None, "hours of dialogue to plan, instead of a count", "h", gt=0, le=100_000)
    domain_folders: tuple[str, ...] = knob(
        (), "folders of your own to look for domains in, before prompts/", changes_output=False
    )
    mix: tuple[MixEntry, ...] = knob((), "what to build, entry by entry ([[mix]])")
    splits: SplitShares = Field(default_factory=SplitShares, description="shares of train, valid and test")
    run: RunOptions = Field(default_factory=RunOptions, description="shards, attempts, limits")
    plan: dict[str, Any] = knob({}, "options of the plan stage")
    write: dict[str, Any] = knob({}, "options of the write stage")
    speak: dict[str, Any] = knob({}, "options of the speak stage")
    align: dict[str, Any] = knob({}, "options of the align stage")
    stitch: dict[str, Any] = knob({}, "options of the stitch stage")
    scene: dict[str, Any] = knob({}, "options of the scene stage")
    encode: dict[str, Any] = knob({}, "options of the encode stage")
    pack: dict[str, Any] = knob({}, "options of the pack stage")
    writer: EngineChoice = Field(default_factory=lambda: EngineChoice(engine="agenda"), description="the writer engine")
    judge: EngineChoice = Field(
        default_factory=lambda: EngineChoice(engine="none"), description="an LLM judge of what was written, or none"
    )
    speaker: EngineChoice = Field(
        default_factory=lambda: EngineChoice(engine="espeak"), description="the speaker engine"
    )
    aligner: EngineChoice = Field(
        default_factory=lambda: EngineChoice(engine="native"), description="the aligner engine"
    )
    codec: EngineChoice = Field(default_factory=lambda: EngineChoice(engine="melrvq"), description="the codec engine")
    asr: EngineChoice = Field(
        default_factory=lambda: EngineChoice(engine="none"), description="what the speech gates hear with, or none"
    )
    embedder: EngineChoice = Field(
        default_factory=lambda: EngineChoice(engine="none"),
        description="what the speech gates tell speakers by, or none",
    )
    mos: EngineChoice = Field(
        default_factory=lambda: EngineChoice(engine="none"), description="what predicts an opinion of speech, or none"
    )
