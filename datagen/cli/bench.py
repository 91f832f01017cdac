"""`datagen bench`: what this machine does, as a table."""

import json
import math
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from datagen.errors import UserError

if TYPE_CHECKING:
    from datagen.config import Recipe
    from datagen.run.bench_codec import Line

_SIZES = {
    "build": 100, "plan": 150_000, "stitch": 64, "scene": 48, "codec": 2, "load": 24, "write": 1500, "speech": 24,
    "scale": 10_000,
}  # fmt: skip
_CODEC = "codec"
_CODEC_S = 20.0
"""Of each channel, where no --seconds are given: twice what Mimi's attention reaches."""


_SPEECH = "speech"
_SPEAKERS = ("espeak", "chatterbox")


def bench(
    what: str, out: str | None, dialogs: int | None, seconds: float | None, sets: Sequence[str], as_json: bool,
    engine: str | None = None,
) -> None:  # fmt: skip
    """Prints one measurement; `load` measures the build at `out`, where it is given."""
    if what not in _SIZES:
        raise UserError(f"bench {what}: there is no such measurement. There are: {', '.join(_SIZES)}.")
    if out is not None and what != "load":
        raise UserError(f"bench {what} {out}: only `datagen bench load` takes a build.")
    speaker = engine or _SPEAKERS[0]
    if engine is not None and (what != _SPEECH or engine not in _SPEAKERS):
        raise UserError(f"--engine {engine}: {' or '.join(_SPEAKERS)}, and for `datagen bench speech` alone.")
    timed = what == _CODEC or (what == _SPEECH and speaker == "chatterbox")
    if seconds is not None and (not timed or not 0.08 <= seconds < float("inf")):
        raise UserError(
            f"--seconds {seconds:g}: from 0.08 on, and for `datagen bench codec` and `bench speech --engine chatterbox` alone."
        )
    if what == "scale" and sets:
        raise UserError(f"bench scale --set {sets[0]}: it has a recipe of its own. Give --dialogs alone.")
    if what != _CODEC:
        one_core()
    from datagen import recipes

    # First, so that a --set of the codec's options is one of mimi's; another engine is refused below.
    first = {_CODEC: ("codec.engine=mimi",), _SPEECH: (f"speaker.engine={speaker}",)}.get(what, ())
    recipe = recipes.compose(dialogs=_SIZES[what] if dialogs is None else dialogs, sets=(*first, *sets))
    on_request = {
        _CODEC: partial(_codec, seconds=seconds or _CODEC_S),
        "load": partial(_load, out=out),
        _SPEECH: _espeak if speaker == "espeak" else partial(_chatterbox, seconds=seconds),
    }
    found, told = (_MEASURES | on_request)[what](recipe)
    sys.stdout.write(json.dumps(found, indent=1) + "\n" if as_json else told)


def one_core() -> None:
    """Keeps numpy's and other libraries' threads at one each; to be called before they are imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = "1"


def _plan(recipe: "Recipe") -> tuple[Mapping[str, Any], str]:
    from datagen.run.bench import measure_plan

    found = measure_plan(recipe)
    as_dict = {"dialogs": found.dialogs, "wall_s": found.wall_s, "peak_mb": found.peak_mb}
    return as_dict, f"{found.dialogs} plans in {found.wall_s:.1f} s, peak {found.peak_mb:.0f} MB\n"


def _build(recipe: "Recipe") -> tuple[Mapping[str, Any], str]:
    from datagen.run.bench import measure_build

    found = measure_build(recipe)
    lines = [
        f"{found.dialogs} dialogues, {found.dialog_s / 3600:.2f} h, one process, Python {platform.python_version()}",
        f"{'stage':<26}{'engine':>9}{'outside':>9}{'share':>8}{'x real time':>13}",
    ]
    lines += [
        f"{line.stage:<26}{line.engine_s:>7.2f} s{line.outside_s:>7.2f} s{line.share:>8.1%}{line.times_real_time:>13.0f}"
        for line in found.lines
    ]
    lines.append(f"{'all':<26}{found.cpu_s:>16.2f} s{'':>8}{found.times_real_time:>14.1f}")
    lines.append(f"outside the engines {found.outside_share:.1%}; peak memory {found.peak_mb:.0f} MB\n")
    return found.to_dict(), "\n".join(lines)


def _stitch(recipe: "Recipe") -> tuple[Mapping[str, Any], str]:
    from datagen.run.bench_stitch import measure_stitch

    found = measure_stitch(recipe)
    ours = found.stitch_ms + found.read_and_write_ms
    lines = [
        f"{found.dialogs} dialogues, {found.dialog_s / 60:.1f} min, one process, CPU milliseconds a minute of dialogue",
        f"{'stitch':<46}{found.stitch_ms:>9.2f}",
        f"{'stitch, reading the clips and writing a WAV':<46}{ours:>9.2f}",
    ]
    if found.rival_ms is None:
        lines.append("lhotse is not installed, so there is no comparison: pip install lhotse dill\n")
    else:
        lines.append(f"{'lhotse ConversationalMeetingSimulator':<46}{found.rival_ms:>9.2f}")
        lines.append(f"{'ratio':<46}{found.ratio:>8.1f}x\n")
    return found.to_dict(), "\n".join(lines)


def _scene(recipe: "Recipe") -> tuple[Mapping[str, Any], str]:
    from datagen.run.bench_scene import measure_scene

    found = measure_scene(recipe)
    lines = [f"{found.dialogs} dialogues, {found.dialog_s / 60:.1f} min, one process, times real time"]
    lines += [f"{name:<20}{times:>9.0f}" for name, times in found.times_real_time.items()]
    return found.to_dict(), "\n".join(lines) + "\n"


def _codec(recipe: "Recipe", seconds: float) -> tuple[Mapping[str, Any], str]:
    from datagen.run.bench_codec import measure_codec

    if recipe.codec.engine != "mimi":
        raise UserError(f"bench codec: codec.engine = {recipe.codec.engine}; it measures mimi, with melrvq beside it.")
    found = measure_codec(recipe, seconds)
    lines = [
        f"{found.clips} channels, {found.audio_s:.0f} s in all; {found.processors} processors; weights: {found.weights}",
        f"{'':<32}{'clips':>7}{'x real time':>14}{'dialogues':>12}{'a core':>9}{'x bare':>9}{'equal codes':>14}{'GPU MB':>9}",
        *(_codec_row(line) for line in found.lines),
        f"equal codes: of {found.n_codes}, those of the first row. x bare: beside bare rustymimi's faster row.",
        *(f"not measured: {why}" for why in found.lacking),
    ]
    return found.to_dict(), "\n".join(lines) + "\n"


def _codec_row(line: "Line") -> str:
    ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
    # Rounded down: 100 % is all of them.
    equal = "" if line.equal_share is None else f"{math.floor(line.equal_share * 1e6) / 1e4:.4f} %"
    peak = "" if line.gpu_peak_mb is None else f"{line.gpu_peak_mb:.0f}"
    return (
        f"{line.name:<32}{line.batch:>7}{line.times_real_time:>14.1f}{line.dialog_times_real_time:>12.1f}"
        f"{line.times_real_time_a_core:>9.1f}{ratio:>9}{equal:>14}{peak:>9}"
    ).rstrip()


def _write(recipe: "Recipe") -> tuple[Mapping[str, Any], str]:
    from datagen.run.bench_write import measure_write

    found = measure_write(recipe)
    lines = [
        f"{found.dialogs} dialogues through the write stage, the server in a process of its own",
        f"{'':<34}{'requests/s':>11}{'a core':>9}{'kept':>8}{'server starved':>16}{'once at pace':>14}",
    ]
    lines += [
        f"{s.name:<34}{s.per_s:>11.0f}{s.per_core_s:>9.0f}{s.kept:>8}{s.starved_share:>16.1%}{s.starved_at_pace:>14.1%}"
        for s in found.sides
    ]
    lines.append(
        "a core: requests a second of this process's CPU time. starved: the share of the time, while dialogues were left to be sent, "
        "in which the server had a free slot and no request waiting.\n"
    )
    return found.to_dict(), "\n".join(lines)


def _scale(recipe: "Recipe") -> tuple[Mapping[str, Any], str]:
    from datagen.run.bench_scale import measure_jobs, measure_scale, of_size

    found, jobs = measure_scale(of_size(recipe)), measure_jobs(of_size(recipe))
    times = ", ".join(f"{name} {ms:.2f}" for name, ms in found.stages_ms.items())
    lines = [
        f"{found.dialogs:,} dialogues of engines that cost no time, {found.shards:,} shards, one process",
        f"{'dialogues a second of CPU':<34}{found.dialogs_s:>12,.0f}",
        f"{'outside the engines, a dialogue':<34}{found.outside_ms:>12.2f} ms ({times})",
        f"{'each tenth of the shards':<34}{' '.join(f'{ms:.2f}' for ms in found.parts_ms)} ms a dialogue",
        f"{'memory at the end of each tenth':<34}{' '.join(f'{mb:.0f}' for mb in found.parts_mb)} MB; publishing {found.peak_mb:.0f} MB",
        f"{'kept and rejected':<34}{found.kept:>12,} and {found.rejected:,}",
        f"{'output':<34}{found.out_files:>12,} files, {found.out_mb:,.0f} MB",
        f"{'work folder before it is tidied':<34}{found.work_files:>12,} files, {found.work_mb:,.0f} MB",
        f"{'of it the ledger':<34}{found.ledger_mb:>12.2f} MB",
        f"{'all jobs laid out':<34}{jobs.cpu_s:>12.1f} s of CPU",
    ]
    return {**found.to_dict(), "jobs_s": jobs.cpu_s}, "\n".join(lines) + "\n"


def _espeak(recipe: "Recipe") -> tuple[Mapping[str, Any], str]:
    from datagen.run.bench_speech import measure_espeak

    found = measure_espeak(recipe)
    whole_s = sum(found.seconds.values())
    heard = f"{found.asr} hears {found.asr_share:.1%} of the turns" if found.asr else "nobody hears them again"
    lines = [
        f"{found.dialogs} dialogues, {found.speech_s / 60:.1f} min of speech, one core; {heard}",
        f"{'part':<20}{'CPU':>9}{'share':>9}{'x real time':>13}",
    ]
    rows = [*found.seconds.items(), ("all", whole_s)]
    lines += [f"{n:<20}{s:>7.2f} s{s / whole_s:>9.1%}{found.speech_s / max(s, 1e-9):>13.0f}" for n, s in rows]
    return found.to_dict(), "\n".join(lines) + "\n"


def _chatterbox(recipe: "Recipe", seconds: float | None) -> tuple[Mapping[str, Any], str]:
    from datagen.run.bench_speech import FORCED_S, measure_chatterbox

    found = measure_chatterbox(recipe, seconds or FORCED_S)
    sides = ("stock", "ours")
    lines = [
        f"{found['texts']} texts; {found['machine']}; torch {found['torch']}, T3 in {found['dtype']}; weights: {found['weights']}",
        f"{'part':<20}{'stock':>11}{'ours':>11}{'ratio':>9}",
    ]
    rows = {part: [found[side]["seconds"][part] for side in sides] for part in found["ours"]["seconds"]}
    rows["conditioning a voice"] = [found[side]["conditioning_s"] for side in sides]
    lines += [f"{part:<20}{a:>9.2f} s{b:>9.2f} s{a / max(b, 1e-9):>9.2f}" for part, (a, b) in rows.items()]
    a, b = (found[side]["audio_s"] for side in sides)
    lines.append(f"{'speech':<20}{a:>9.2f} s{b:>9.2f} s")
    a, b = (found[side]["times_real_time"] for side in sides)
    lines.append(f"{'x real time':<20}{a:>11.3f}{b:>11.3f}{found['ratio']:>9.2f}")
    return found, "\n".join(lines) + "\n"


def _load(recipe: "Recipe", out: str | None) -> tuple[Mapping[str, Any], str]:
    from datagen.run.bench_load import measure_load

    found = measure_load(recipe, out)
    ways = {
        "read": "dialogues, every code checked",
        "sequence": "PersonaPlex sequences of them",
        "pyarrow": "rows by pyarrow, to_pylist",
        "datasets": "rows by datasets, decoded before",
    }
    lines = [f"{found.dialogs} dialogues of {found.frames_a_dialog:.0f} frames, one core, files in memory"]
    lines.append(f"{'':<38}{'frames/s':>12}{'dialogues/s':>13}{'x real time':>13}")
    for way, frames_s in found.frames_s.items():
        lines.append(
            f"{ways[way]:<38}{frames_s:>12,.0f}{frames_s / found.frames_a_dialog:>13,.0f}{frames_s / 12.5:>13,.0f}"
        )
    lines += [f"reading is {times:.1f} times as fast as {rival}" for rival in ways if (times := found.ratio(rival))]
    return found.to_dict(), "\n".join(lines) + "\n"


_MEASURES: dict[str, Callable[["Recipe"], tuple[Mapping[str, Any], str]]] = {
    "build": _build,
    "plan": _plan,
    "stitch": _stitch,
    "scene": _scene,
    "write": _write,
    "scale": _scale,
}
