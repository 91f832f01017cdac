"""`datagen bench`: what this machine does, as a table."""

import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from datagen.errors import UserError

if TYPE_CHECKING:
    from datagen.config import Recipe

_SIZES = {"build": 100, "plan": 150_000, "stitch": 64, "scene": 48}


def bench(what: str, dialogs: int | None, as_json: bool) -> None:
    """Prints one measurement."""
    if what not in _SIZES:
        raise UserError(f"bench {what}: there is no such measurement. There are: {', '.join(_SIZES)}.")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = "1"  # one core; before numpy is imported
    from datagen import recipes

    found, told = _MEASURES[what](recipes.compose(dialogs=dialogs or _SIZES[what]))
    sys.stdout.write(json.dumps(found, indent=1) + "\n" if as_json else told)


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


_MEASURES: dict[str, Callable[["Recipe"], tuple[Mapping[str, Any], str]]] = {
    "build": _build,
    "plan": _plan,
    "stitch": _stitch,
    "scene": _scene,
}
