"""The knobs of the Chatterbox speaker."""

from typing import Literal

from pydantic import model_validator

from datagen.config import Options, knob

MODELS = ("original", "turbo")
HUB_IDS = {"original": "ResembleAI/chatterbox", "turbo": "ResembleAI/chatterbox-turbo"}


class ChatterboxOptions(Options):
    """Which model speaks in which voices, how it is sampled, and on what it runs."""

    model: Literal["original", "turbo"] = knob(
        "original", "original | turbo (fewer flow steps, no cfg, renders [laugh])"
    )
    checkpoint: str = knob(
        "",
        "folder of the model's files, or its id on a hub; empty: the model's own on the hub",
        changes_output=False,  # which files they are is the maker's revision
    )
    revision: str = knob("", "commit of the model on its hub (40 hex digits); a folder is known by its files")
    bank: str = knob(
        "",
        "folder of a voice bank (datagen voices build): whose voices are spoken in",
        changes_output=False,  # a voice is known by its clip's digest
    )
    exaggeration: float = knob(0.5, "how dramatic speech is; 0.5 is plain. Turbo has none", ge=0.25, le=2)
    cfg_weight: float = knob(
        0.5, "weight of the text against the unconditional twin; lower is slower. Turbo has none", ge=0, le=1
    )
    temperature: float = knob(0.8, "of sampling; 0 takes the likeliest token always", ge=0, le=2)
    top_p: float = knob(
        0.0,
        "share of the likeliest tokens' probability that is drawn from; 0: the model's own (1, turbo 0.95)",
        "share",
        ge=0,
        le=1,
    )
    min_p: float = knob(
        0.05, "tokens less likely than this share of the likeliest are not drawn. Turbo has none", ge=0, le=1
    )
    repetition_penalty: float = knob(1.2, "divisor of the scores of tokens that were spoken already", ge=1, le=3)
    flow_steps: int = knob(0, "steps of the flow; 0: the model's own (10, turbo 2)", "steps", ge=0, le=50)
    flow_prompt_s: float = knob(
        10.0,
        "how much of a voice's clip leads the flow: a second of it costs as much as one of speech; stock takes 10",
        "s",
        ge=1,
        le=10,
    )
    watermark: bool = knob(True, "put Resemble's Perth watermark into everything that is spoken")
    max_s_per_letter: float = knob(
        0.16, "speech longer than this a letter, plus edge_s, is stopped and rejected", "s/letter", gt=0, le=2
    )
    edge_s: float = knob(1.5, "what a text of few letters may take on top of max_s_per_letter", "s", ge=0, le=20)
    max_piece_chars: int = knob(
        280, "longer texts are spoken in pieces, divided at clauses, and joined", "characters", ge=40, le=600
    )
    max_chars: int = knob(
        2_000, "longest text of one request, in characters of its spoken form", "characters", ge=1, le=20_000
    )
    short_words: int = knob(
        3, "texts of fewer words are spoken several times, and the most plausible is taken", "words", ge=0, le=20
    )
    short_candidates: int = knob(3, "how often such a text is spoken", "times", ge=1, le=20)
    devices: tuple[str, ...] = knob(
        ("auto",), "cuda:0, cuda:1, … or cpu, a worker each; auto: every GPU that is seen", changes_output=False
    )
    dtype: Literal["auto", "float32", "bfloat16"] = knob(
        "auto",
        "numbers of the token model and of the flow's decoder; auto: bfloat16 where all devices are GPUs, else float32",
    )
    batch_rows: int = knob(64, "texts that are spoken at once on a device", "rows", ge=1, le=1024, changes_output=False)
    cache_voices: int = knob(
        64, "voices whose conditioning a worker keeps (about 1 MB each)", "voices", ge=1, le=4096, changes_output=False
    )
    stall_s: float = knob(
        600.0, "a worker that gives nothing for so long hangs, and is ended", "s", gt=0, changes_output=False
    )
    start_timeout_s: float = knob(
        900.0, "longest wait for a started worker, fetching the model included", "s", gt=0, changes_output=False
    )

    @model_validator(mode="after")
    def _a_device(self) -> "ChatterboxOptions":
        if not self.devices or len(set(self.devices)) < len(self.devices):
            raise ValueError(f"devices = {list(self.devices)}: at least one, and each once.")
        return self

    def dtype_on(self, flavour: str) -> str:
        """dtype: as asked for, or what the devices of an environment's flavour (gpu, cpu) have in common."""
        if self.dtype != "auto":
            return self.dtype
        gpus = flavour != "cpu" if self.devices == ("auto",) else all(d.startswith("cuda") for d in self.devices)
        return "bfloat16" if gpus else "float32"

    @property
    def steps(self) -> int:
        """Steps of the flow: as asked for, or the model's own."""
        return self.flow_steps or (10 if self.model == "original" else 2)

    @property
    def drawn_share(self) -> float:
        """top_p: as asked for, or what stock gives the model."""
        return self.top_p or (1.0 if self.model == "original" else 0.95)

    @property
    def source(self) -> str:
        """The folder or hub id that the model is taken from."""
        return self.checkpoint or HUB_IDS[self.model]

    @property
    def renders_vocals(self) -> bool:
        return self.model == "turbo"
