"""The order of the stages, and the only place that joins stages and engines.

`resolve()` turns a recipe into a Build: every option validated, every engine known, the plan ready to be drawn
from. Nothing is made before that has succeeded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from datagen import domains
from datagen.config import EngineChoice, Options, Recipe, read_options
from datagen.domains.asides import Asides, asides
from datagen.domains.base import Domain
from datagen.domains.evaluation_files import shipped_texts, texts_of
from datagen.domains.spontaneous import Spontaneous, spontaneous
from datagen.engines import registry
from datagen.errors import UserError
from datagen.records.enums import Kind, Split
from datagen.records.maker import Maker
from datagen.records.plan import Voice
from datagen.stages.align import unit as align
from datagen.stages.align.unit import AlignOptions
from datagen.stages.encode import unit as encode
from datagen.stages.encode.unit import EncodeOptions
from datagen.stages.pack import rows
from datagen.stages.pack.options import PackOptions
from datagen.stages.plan import planner
from datagen.stages.plan.casting import Cast
from datagen.stages.plan.options import PlanOptions
from datagen.stages.plan.planner import Planner
from datagen.stages.scene import unit as scene
from datagen.stages.scene.options import SceneOptions
from datagen.stages.scene.sound_bank import Bank, check_names, read_bank
from datagen.stages.speak import unit as speak
from datagen.stages.speak.unit import SpeakOptions
from datagen.stages.stitch import unit as stitch
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.write import cues
from datagen.stages.write import unit as write
from datagen.stages.write.decontamination import EvaluationSets, EvaluationText
from datagen.stages.write.options import WriteOptions
from datagen.store.ids import digest, plain, unit_hash
from datagen.store.pools import Shares

STAGE_OPTIONS: dict[str, type[Options]] = {
    "plan": PlanOptions,
    "write": WriteOptions,
    "speak": SpeakOptions,
    "align": AlignOptions,
    "stitch": StitchOptions,
    "scene": SceneOptions,
    "encode": EncodeOptions,
    "pack": PackOptions,
}
"""The stages in their order, each with its table of the recipe."""

ENGINE_KINDS = ("writer", "speaker", "aligner", "codec")
OPTIONAL_KINDS = ("judge", "asr", "embedder", "mos")
"""Kinds of engine that a build can do without: what measures, and makes nothing."""
NO_ENGINE = "none"
"""What `engine` is in the table of one of OPTIONAL_KINDS where nobody measures."""

STAGE_VERSIONS = {
    "plan": planner.VERSION,
    "write": write.VERSION,
    "speak": speak.VERSION,
    "align": align.VERSION,
    "stitch": stitch.VERSION,
    "scene": scene.VERSION,
    "encode": encode.VERSION,
    "pack": rows.VERSION,
}
"""Raised by whoever changes what a stage makes from the same inputs: they are in the content keys."""


@dataclass(frozen=True)
class Build:
    """A recipe with every option read and every engine chosen; picklable, so that workers rebuild it from `recipe`."""

    recipe: Recipe
    stages: Mapping[str, Options]
    engine_options: Mapping[str, Options]

    @cached_property
    def shares(self) -> Shares:
        splits = self.recipe.splits
        return (splits.train, splits.valid, splits.test)

    @cached_property
    def domains(self) -> dict[str, Domain]:
        """Every domain of the mix, loaded."""
        names = sorted({d for e in self.recipe.mix for d in e.domains})
        return {name: domains.load(name, self.recipe.domain_folders) for name in names}

    @cached_property
    def asides(self) -> Asides:
        """What is said beside the turns: the recipe's own texts where one of its domain folders has them."""
        return asides(self.recipe.domain_folders)

    @cached_property
    def spontaneous(self) -> Spontaneous:
        """What people say without having planned it, from the recipe's own texts likewise."""
        return spontaneous(self.recipe.domain_folders)

    @cached_property
    def evaluation(self) -> EvaluationSets:
        """The texts of evaluation sets, of which no dialogue may hold anything: the shipped probes, and the recipe's files."""
        options = self.options(WriteOptions).decontamination
        texts = [*shipped_texts(), *(t for file in options.files for t in texts_of(file))]
        return EvaluationSets((EvaluationText(source, text) for source, text in texts), options)

    def engine(self, kind: str) -> Any:
        """The engine of a kind, made once a process."""
        if kind not in self._engines:
            name = getattr(self.recipe, kind).engine
            self._engines[kind] = registry.make(kind, name, self.engine_options[kind])
        return self._engines[kind]

    @cached_property
    def sounds(self) -> Bank:
        """The sounds that a scene may have, the user's own with them, each of their files read and found to be good."""
        return read_bank(self.options(SceneOptions).sounds.folders)

    @cached_property
    def references(self) -> dict[str, Any]:
        """The embeddings of the voices' references, [1, d] by voice id; filled by whoever compares with them."""
        return {}

    @cached_property
    def prompt_keys(self) -> dict[str, str]:
        """The content keys of the voices' prompts, by voice id; filled by whoever makes prompts."""
        return {}

    @cached_property
    def _engines(self) -> dict[str, Any]:
        return {}

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of engine that this build has: the optional ones only where the recipe names one."""
        return kinds_of(self.recipe)

    @cached_property
    def makers(self) -> dict[str, Maker]:
        """Who makes what, by engine kind."""
        return {kind: self.engine(kind).maker for kind in self.kinds}

    @cached_property
    def cast(self) -> Cast:
        options = self.options(PlanOptions)
        return Cast(self.engine("speaker").voices(), self.shares, options.min_voice_distance, options.max_voices)

    @cached_property
    def voices(self) -> dict[str, Voice]:
        """The voices that this build casts from, by id, each with its split."""
        return {v.id: v for v in self.cast.voices}

    @cached_property
    def bystanders(self) -> dict[Split, tuple[Voice, ...]]:
        """The voices that are heard in the background, by split: the first by a hash, so another voice moves few."""
        n = self.options(SpeakOptions).clips.bystanders
        ranked = sorted(self.voices.values(), key=lambda voice: unit_hash("bystander", voice.id))
        return {split: tuple([v for v in ranked if v.split is split][:n]) for split in Split}

    @cached_property
    def planner(self) -> Planner:
        return Planner(
            self.recipe.mix, self.domains, self.cast, self.shares, self.options(PlanOptions), self.recipe.seed,
            self.recipe.splits.only,
        )  # fmt: skip

    def options(self, model: type[Any]) -> Any:
        """The options of a stage, by their model."""
        return next(o for o in self.stages.values() if isinstance(o, model))

    def n_dialogs(self) -> int:
        """How many dialogues to plan: the recipe's count, or its hours over the expected length of one."""
        if self.recipe.hours is not None:
            return max(1, round(self.recipe.hours * 3600 / self.planner.mean_s()))
        assert self.recipe.dialogs is not None  # Recipe's own check
        return self.recipe.dialogs

    @cached_property
    def plan_digest(self) -> str:
        """What the plan of a dialogue depends on, but for its index and the build's size."""
        return digest(
            STAGE_VERSIONS["plan"],
            self.recipe.seed,
            [e.output_options() for e in self.recipe.mix],
            self.recipe.splits.output_options(),
            self.stages["plan"].output_options(),
            {n: d.digest for n, d in self.domains.items()},
            list(self.cast.voices),
        )

    def write_key(self, indices: tuple[int, ...]) -> str:
        """The content key of some dialogues' transcripts."""
        run = self.recipe.run
        texts = (self.asides.digest, self.spontaneous.digest, self.evaluation.digest)
        engines = [k for k in self.kinds if k in ("writer", "judge")]
        return digest("write", self.plan_digest, indices, run.attempts, texts, *self._inputs(["write"], engines))

    def speech_key(self, transcripts: str) -> str:
        """The content key of the speech of a write artefact, by that artefact's content."""
        run = self.recipe.run
        inputs = self._inputs(["speak", "align"], self._speech_engines)
        return digest("speech", transcripts, self.asides.digest, run.attempts, *inputs)

    def render_key(self, transcripts: str, speech: str, keep_audio: bool) -> str:
        """The content key of the finished dialogues of a speech artefact."""
        inputs = self._inputs(["stitch", "scene", "encode", "pack"], ["codec", "speaker", "aligner"])
        return digest("render", transcripts, speech, keep_audio, *self._beside, *inputs)

    @cached_property
    def _beside(self) -> list[Any]:
        """What is heard beside a dialogue's own voices: neither its transcript nor its speech says anything of it."""
        found: list[Any] = plain([self.asides.digest, self.clips_inputs, self.bystanders, self.sounds.digest])
        return found

    def content_id(self, keep_audio: bool) -> str:
        """What the bytes of any dialogue depend on beside its index; what every token row bears."""
        return digest(self.write_key(()), self.speech_key(""), self.render_key("", "", keep_audio))

    @cached_property
    def clips_inputs(self) -> list[Any]:
        """What the clips of any voice depend on beside their texts: their own options, and how speech is gated and aligned."""
        clips = self.options(SpeakOptions).clips.output_options()
        return [clips, *self._inputs(["speak", "align"], self._speech_engines)]

    @cached_property
    def prompt_inputs(self) -> list[Any]:
        """What the prompt of any voice depends on beside its text: who speaks and aligns it, its gates, and how often it is tried."""
        return [self.recipe.run.attempts, *self._inputs(["speak", "align"], ["speaker", "aligner"])]

    @property
    def _speech_engines(self) -> list[str]:
        """The engines that speech depends on: those that make it, and those that decide which of it is kept."""
        return [k for k in self.kinds if k in ("speaker", "aligner", "asr", "embedder", "mos")]

    def _inputs(self, stages: list[str], engines: list[str]) -> list[Any]:
        which = " ".join((*stages, *engines))
        if which not in self._known_inputs:
            versions = [STAGE_VERSIONS[s] for s in stages]
            found = [versions, *(self.output_options(s) for s in stages), *(self.makers[k] for k in engines)]
            self._known_inputs[which] = plain(found)
        return self._known_inputs[which]

    @cached_property
    def _known_inputs(self) -> dict[str, list[Any]]:
        return {}

    def output_options(self, stage: str) -> dict[str, Any]:
        """The options of a stage that change what it makes; the clips' are not among speak's, as they change no turn's speech."""
        return {k: v for k, v in self.stages[stage].output_options().items() if (stage, k) != ("speak", "clips")}


def resolve(recipe: Recipe) -> Build:
    """The build of a recipe; UserError on a wrong key, value, domain or engine name, before anything is made."""
    if not recipe.mix:
        raise UserError(
            "mix: the recipe names nothing to build. Give --domains bank,restaurant, or a [[mix]] in the recipe."
        )
    stages = {name: read_options(model, getattr(recipe, name), name) for name, model in STAGE_OPTIONS.items()}
    engine_options = {kind: options_of(recipe, kind) for kind in kinds_of(recipe)}
    build = Build(recipe, stages, engine_options)
    _ = build.asides, build.spontaneous, build.evaluation  # read here, so that a wrong text is named before any work
    _known_sounds(build)
    _known_rubrics(build)
    for entry in recipe.mix:
        for name in entry.domains:
            serves(build.domains[name], entry.kind)
    return build


def kinds_of(recipe: Recipe) -> tuple[str, ...]:
    """The kinds of engine that a recipe has: the optional ones only where it names one."""
    return (*ENGINE_KINDS, *(k for k in OPTIONAL_KINDS if getattr(recipe, k).engine != NO_ENGINE))


def options_of(recipe: Recipe, kind: str) -> Options:
    """The validated options of one of its engines; a writer that reads domains looks where the plan does."""
    chosen: EngineChoice = getattr(recipe, kind)
    options = chosen.options()
    if kind == "writer" and recipe.domain_folders:
        options.setdefault("domain_folders", recipe.domain_folders)
    return registry.options_of(kind, chosen.engine, options)


def _known_sounds(build: Build) -> None:
    """Reads every file of the user's own sounds, and refuses names of sounds that there are not."""
    scene, cue = build.options(SceneOptions).sounds, build.options(WriteOptions).sound_cue
    check_names(build.sounds, scene.names, scene.weights)
    for name in cues.sounds(build.spontaneous, cue.sounds) if cue.share else ():
        if name not in build.sounds.names:
            raise UserError(f"write.sound_cue: its texts speak of the sound {name!r}. {build.sounds.hint(name)}")


def _known_rubrics(build: Build) -> None:
    """Refuses least scores of what nobody scores."""
    wanted = build.options(WriteOptions).judge.min_scores
    if wanted and "judge" not in build.kinds:
        raise UserError(
            "write.judge.min_scores: nobody scores what is written. Name a judge (judge.engine), or leave it out."
        )
    for rubric in wanted:
        if rubric not in (known := build.engine("judge").rubrics):
            raise UserError(
                f"write.judge.min_scores: the judge scores no {rubric!r}. It scores: {', '.join(sorted(known))}."
            )


def serves(domain: Domain, kind: Kind) -> None:
    """UserError where a domain has no dialogues of this kind; a service domain with tools has those of kind `tool` too."""
    if kind in domain.kinds:
        return
    if domain.kind is Kind.SERVICE and kind is Kind.TOOL:
        raise UserError(
            f"mix: domain {domain.name} stands under kind tool and has no tools. Add [[tools]] and steps that call them, "
            'or write kind = "service".'
        )
    there = " or ".join(f'kind = "{k}"' for k in domain.kinds)
    raise UserError(f"mix: domain {domain.name} is of kind {domain.kind}, and stands under kind {kind}. Write {there}.")
