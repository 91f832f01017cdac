"""`datagen bench`: what this machine does, as a table."""

import json
import os
import platform
import sys

from datagen.errors import UserError

_SIZES = {"build": 100, "plan": 150_000}


def bench(what: str, dialogs: int | None, as_json: bool) -> None:
    """Prints one measurement."""
    if what not in _SIZES:
        raise UserError(f"bench {what}: there is no such measurement. There are: {', '.join(_SIZES)}.")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = "1"  # one core; before numpy is imported
    from datagen import recipes
    from datagen.run import bench as room

    recipe = recipes.compose(dialogs=dialogs or _SIZES[what])
    if what == "plan":
        planned = room.measure_plan(recipe)
        told = f"{planned.dialogs} plans in {planned.wall_s:.1f} s, peak {planned.peak_mb:.0f} MB\n"
        as_dict = {"dialogs": planned.dialogs, "wall_s": planned.wall_s, "peak_mb": planned.peak_mb}
        sys.stdout.write(json.dumps(as_dict) + "\n" if as_json else told)
        return
    found = room.measure_build(recipe)
    if as_json:
        sys.stdout.write(json.dumps(found.to_dict(), indent=1) + "\n")
        return
    out = sys.stdout.write
    out(f"{found.dialogs} dialogues, {found.dialog_s / 3600:.2f} h, one process, Python {platform.python_version()}\n")
    out(f"{'stage':<26}{'engine':>9}{'outside':>9}{'share':>8}{'x real time':>13}\n")
    for line in found.lines:
        out(
            f"{line.stage:<26}{line.engine_s:>7.2f} s{line.outside_s:>7.2f} s{line.share:>8.1%}{line.times_real_time:>13.0f}\n"
        )
    out(f"{'all':<26}{found.cpu_s:>16.2f} s{'':>8}{found.times_real_time:>14.1f}\n")
    out(f"outside the engines {found.outside_share:.1%}; peak memory {found.peak_mb:.0f} MB\n")
