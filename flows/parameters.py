"""What a deployment may set: the models of the form in Prefect's user interface, whose help is what stands here."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from datagen import resources
from datagen.run.at_hand import waits
from datagen.run.request import Run

LLM, SPEECH, CODEC = "llm", "gpu-speech", "codec"
"""The global concurrency limits: servers that write, GPUs that speak and listen, GPUs that encode."""


def _profiles() -> dict[str, Any]:
    """The names of the profiles as a choice of the form."""
    return {"enum": sorted(p.stem for p in (resources.manifests() / "profiles").glob("*.toml"))}


Profile = Annotated[str, Field(json_schema_extra=_profiles())]
Dialogs = Annotated[int, Field(ge=1, le=10_000_000)]
Hours = Annotated[float, Field(gt=0, le=100_000)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Workers = Annotated[int, Field(ge=1, le=1024)]
Setting = Annotated[str, Field(pattern=r"^[^=]+=", examples=["stitch.timing=brisk"])]


class Part(BaseModel):
    """A part of the form: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Busy(Part):
    """What happens where another build is writing into the same output."""

    then: Literal["refuse", "wait"] = Field(
        default="refuse", description="refuse: this run fails. wait: it begins when the other ends."
    )
    at_most_h: float = Field(default=24.0, description="How long it waits at most, hours.", gt=0, le=24 * 365)


class Tries(Part):
    """What happens where an engine fails as a whole: a server that is down, a worker that died. Nothing else is tried again."""

    n: int = Field(
        default=3,
        description="How often the build is begun, the first time included; what was done is kept.",
        ge=1,
        le=100,
    )
    pause_s: float = Field(
        default=60.0, description="The pause before the second try, seconds; each later one is twice as long.", ge=0
    )


class Limits(Part):
    """Slots of the global concurrency limits, which all builds share. A limit that is there already stays as it is."""

    llm: int = Field(default=1, description="Builds that may ask LLM servers at once.", ge=1)
    gpu_speech: int = Field(default=8, description="Shards that may be spoken by engines with a model at once.", ge=1)
    codec: int = Field(default=8, description="Shards that may be encoded by a codec with a model at once.", ge=1)
    embedded: bool = Field(
        default=False, description="Take slots for the embedded engines too, which need a processor alone."
    )

    def slots(self) -> dict[str, int]:
        """The slots by the limit's name."""
        return {LLM: self.llm, SPEECH: self.gpu_speech, CODEC: self.codec}

    def taken(self, run: Run) -> dict[str, str]:
        """The limit that each group of stages takes a slot of; groups that need none are not in it."""
        options = run.build.engine_options
        has_model = {kind for kind in options if {"device", "devices"} & type(options[kind]).model_fields.keys()}
        needs = {
            "write": waits(run.build),
            "speech": bool(has_model & {"speaker", "aligner", "asr", "embedder", "mos"}),
            "render": "codec" in has_model,
        }
        names = {"write": LLM, "speech": SPEECH, "render": CODEC}
        return {group: names[group] for group, needed in needs.items() if needed or self.embedded}
