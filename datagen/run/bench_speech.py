"""Measuring speech: espeak's path on one core, by part; and Chatterbox, stock's generate() beside ours in its own environment."""

import json
import os
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from datagen.build import Build
from datagen.config import Recipe, read_options
from datagen.engines.llm.model_files import cached
from datagen.engines.own_env import environments
from datagen.engines.speakers import espeak
from datagen.engines.speakers.chatterbox import checkpoint
from datagen.engines.speakers.chatterbox import model as chatterbox_model
from datagen.engines.speakers.chatterbox.crew import devices
from datagen.engines.speakers.chatterbox.options import ChatterboxOptions
from datagen.engines.speakers.delivery import delivery
from datagen.engines.speakers.espeak_library import EspeakLibrary
from datagen.engines.speakers.finished import timed_words
from datagen.engines.speakers.respelling import respelled
from datagen.engines.speakers.word_spans import text_of, word_spans
from datagen.errors import EngineError, UserError
from datagen.protocols import SpeakRequest
from datagen.records.enums import Stage
from datagen.run import speech
from datagen.run.job import run_group
from datagen.run.meter import Progress
from datagen.run.request import prepare
from datagen.run.tally import Tally
from datagen.stages.speak import unit as speak
from datagen.stages.speak.unit import SpeakOptions
from datagen.store.ledger import Artefact
from datagen.text.say import spoken_words

SAMPLED = 150
"""Utterances whose parts inside espeak's engine are timed one by one."""
CHATTERBOX_TEXTS = 8
FORCED_S = 4.0
"""Of speech a text, where random weights end none: about what a turn lasts."""
TIMEOUT_S = 6 * 3600.0
LISTENERS = ("asr", "embedder", "mos")


@dataclass(frozen=True, slots=True)
class EspeakSpeed:
    """CPU seconds a part over all dialogues, on one core, and seconds of speech a CPU second (`times_real_time`), whole and by part.

    `asr_share` is the share of turns that are heard again, as the recipe has it.
    """

    dialogs: int
    speech_s: float
    seconds: Mapping[str, float]
    asr_share: float
    asr: str

    @property
    def times_real_time(self) -> float:
        return self.speech_s / max(sum(self.seconds.values()), 1e-9)

    def to_dict(self) -> dict[str, Any]:
        by_part = {part: self.speech_s / s for part, s in self.seconds.items() if s > 0}
        return {**asdict(self), "times_real_time": self.times_real_time, "times_real_time_by_part": by_part}


def measure_espeak(recipe: Recipe) -> EspeakSpeed:
    """Writes the recipe's dialogues, then speaks, aligns and gates them with everything loaded before the clock starts."""
    if recipe.speaker.engine != espeak.EspeakSpeaker.name:
        raise UserError(f"bench speech: speaker.engine = {recipe.speaker.engine}; --engine espeak measures espeak.")
    tally = Tally(1.0)
    with tempfile.TemporaryDirectory(prefix="datagen-bench-") as folder:
        run = prepare(recipe, Path(folder) / "out")
        run.work.mkdir(parents=True)
        run.build.makers  # noqa: B018 - loads every engine
        written = [run_group(job, "write", lambda _: None) for job in run.jobs]
        steps: list[Progress] = []
        for job in run.jobs:
            run_group(job, "speech", steps.append)
        for step in steps:
            tally.progress(step)
        requests = list(_requests(run.build, [Artefact(Path(w.folder), "") for w in written]))
    inside = _espeak_parts(requests[:SAMPLED])
    whole_s = tally.seconds[f"{Stage.SPEAK} engine"]
    counted_s = sum(inside.values())
    seconds = {part: whole_s * s / counted_s for part, s in inside.items()}
    seconds["trim and gates"] = tally.seconds[str(Stage.SPEAK)]
    seconds["align"] = tally.seconds[f"{Stage.ALIGN} engine"] + tally.seconds[str(Stage.ALIGN)]
    for kind in LISTENERS:
        if kind in run.build.kinds:
            seconds[kind] = tally.seconds[f"{Stage.SPEAK} {kind}"]
    options: SpeakOptions = run.build.options(SpeakOptions)
    asr = run.build.engine("asr").name if "asr" in run.build.kinds else ""
    return EspeakSpeed(
        tally.done[Stage.ALIGN], round(tally.audio_s[Stage.SPEAK], 1), seconds, options.asr_share if asr else 0.0, asr
    )


def _requests(build: Build, written: Sequence[Artefact]) -> Iterator[SpeakRequest]:
    options, renders = build.options(SpeakOptions), build.engine("speaker").renders
    for artefact in written:
        for plan, transcript in speech.read_written(artefact):
            for u in speak.utterances(plan, transcript, build.voices, options, build.asides, 0, None, renders):
                yield u.request


def _espeak_parts(requests: Sequence[SpeakRequest]) -> dict[str, float]:
    """CPU seconds of the steps of `EspeakSpeaker.speak`, in its order: how its time divides."""
    library, jitter = EspeakLibrary(), espeak.EspeakOptions().jitter
    seconds: defaultdict[str, float] = defaultdict(float)
    for request in requests:
        began = time.process_time()
        moved = delivery(request.tags, request.seed, jitter, request.rate)
        said = [respelled(s) for s in request.spoken]
        raw = library.say(text_of(said), espeak.tone_of(request.voice, moved, request.seed))
        made = time.process_time()
        seconds["synthesis"] += made - began
        if raw is None or raw.n_samples == 0:
            continue
        samples = espeak.rendered(raw, request.voice, moved, request.seed)
        voiced = time.process_time()
        seconds["Praat" if espeak.gender_of(request.voice, moved) else "resampling"] += voiced - made
        timed_words(request, word_spans(said, raw), *espeak.ratio_of(request.voice), len(samples))
        seconds["word spans"] += time.process_time() - voiced
    return dict(seconds)


def measure_chatterbox(recipe: Recipe, forced_s: float = FORCED_S) -> dict[str, Any]:
    """Stock's generate() and ours on the same texts and weights, in Chatterbox's environment; see its model/bench.py.

    On the first of `speaker.devices`, with the weights that `speaker.checkpoint` names; without, random ones of full size, every text
    stopped after `forced_s`. Seconds are the processor's where it runs on one, the clock's on a GPU. Raises EngineError without the
    environment or the device, UserError for a checkpoint that is not here or not whole.
    """
    asked = recipe.speaker.options()
    if unknown := asked.keys() - {"checkpoint", "dtype", "devices", "model"}:
        raise UserError(f"bench speech: speaker.{min(unknown)}: it takes speaker.checkpoint, dtype and devices alone.")
    options = read_options(ChatterboxOptions, asked, "speaker")
    if options.model != "original":
        raise UserError(f"bench speech: speaker.model = {options.model}: it measures the original model.")
    environment = environments.needed("chatterbox")
    spec = {
        "texts": _texts(recipe, CHATTERBOX_TEXTS),
        "folder": _weights(options) if options.checkpoint else "",
        "device": devices(environment, options)[0],
        "dtype": options.dtype_on(environment.flavour),
        "forced_s": 0.0 if options.checkpoint else forced_s,
    }
    return run_inside(environment.python, spec)


def _weights(options: ChatterboxOptions) -> str:
    if found := checkpoint.problems(options):
        raise found[0]
    folder = checkpoint.folder_of(options) or cached(options.source, options.revision)
    if folder is None:
        raise UserError(
            f"bench speech: speaker.checkpoint = {options.source}: is not fetched yet. Name a folder, or fetch it."
        )
    return str(folder)


def run_inside(python: Path, spec: Mapping[str, Any]) -> dict[str, Any]:
    """What model/bench.py says of a spec, run by an environment's Python; an EngineError with its last line where it fails."""
    script = Path(str(chatterbox_model.__file__)).with_name("bench.py")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(python), "-u", str(script), json.dumps(spec)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, env=environ, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        last = next((x.strip() for x in reversed(done.stderr.splitlines()) if x.strip()), "it said nothing")
        raise EngineError(f"bench speech: Chatterbox ended with {done.returncode}: {last[:300]}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def _texts(recipe: Recipe, n: int) -> list[str]:
    """The first `n` turns that a build of this recipe would speak, longer than five words."""
    with tempfile.TemporaryDirectory(prefix="datagen-bench-") as folder:
        plain = recipe.model_copy(update={"speaker": type(recipe.speaker)(engine=espeak.EspeakSpeaker.name)})
        run = prepare(plain, Path(folder) / "out")
        run.work.mkdir(parents=True)
        texts: list[str] = []
        for job in run.jobs:
            written = Artefact(Path(run_group(job, "write", lambda _: None).folder), "")
            for _, transcript in speech.read_written(written):
                texts += [" ".join(words) for t in transcript.turns if len(words := spoken_words(t.text)) > 5]
                if len(texts) >= n:
                    return texts[:n]
    return texts
