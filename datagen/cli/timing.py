"""`datagen timing`: the presets of turn-taking, and fitting one from a corpus."""

import json
import math
import os
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from datagen import recipes
from datagen.errors import UserError
from datagen.stages.stitch.empirical import EmpiricalFto
from datagen.stages.stitch.fto import FtoModel
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.presets import EMPIRICAL, EmpiricalOptions, Timing, preset, presets, read_empirical

_SHOWN = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


def fit(files: Sequence[Path], out: Path, min_transfers: int, as_json: bool) -> None:
    """Writes the preset that the files' turn times fit, and prints its figures."""
    from datagen.fit.corpus import measure
    from datagen.fit.fitted import fit as fit_measured
    from datagen.fit.preset import to_toml
    from datagen.store.files import disk, write_bytes

    if min_transfers < 5:
        raise UserError(f"--min-transfers {min_transfers}: has to be at least 5.")
    with disk(out):
        if out.is_dir():
            raise UserError(f"--out {out}: is a folder; name a file, e.g. {out / 'preset.toml'}.")
        if out.exists() and any(file.exists() and out.samefile(file) for file in files):
            raise UserError(f"--out {out}: is one of the files to fit.")
        if out.exists() and not os.access(out, os.W_OK):  # renaming onto it would not ask
            raise UserError(f"--out {out}: is there and read-only. Name another file, or make it writable.")
    fitted = fit_measured(measure(files, min_transfers))
    text = to_toml(fitted, files)
    base = read_empirical(tomllib.loads(text), f"the timing of {files[0].name}")
    write_bytes(out, text.encode())
    m, figures = fitted.measured, _figures(base)
    if as_json:
        counts = {"recordings": m.n_recordings, "hours": round(m.duration_s / 3600, 4), "transfers": len(m.transfers)}
        sys.stdout.write(json.dumps({"out": str(out), **counts, **figures}, indent=1) + "\n")
        return
    hours = f"{m.duration_s / 3600:.2f} h" if m.duration_s >= 3600 else f"{m.duration_s / 60:.1f} min"
    sys.stdout.write(
        f"{m.n_recordings} recording{'s' * (m.n_recordings != 1)}, {hours}, {len(m.transfers)} floor transfers; "
        f"left out: {m.n_backchannels} backchannels, {m.n_inside} longer interjections, {m.n_excluded} other transfers"
        f"{f', {m.n_one_sided} recordings of one speaker alone' if m.n_one_sided else ''}\n"
        f"median FTO {figures['median_s']:.3f} s, {figures['overlap_share']:.1%} overlap; pair share "
        f"{_share(fitted.pair_share, base.pair_share)}, speaker share {_share(fitted.speaker_share, base.speaker_share)}\n"
        f"{out}\nUse it: datagen build --set stitch.timing=empirical --set stitch.empirical={out}\n"
    )


def _share(measured: float | None, assumed: float) -> str:
    return f"{assumed:.2f} (assumed: the files cannot tell)" if measured is None else f"{measured:.2f}"


def list_(as_json: bool) -> None:
    """Prints every preset with its figures, source and quality."""
    found = [{"name": name, **_all(base)} for name, base in presets().items()]
    if as_json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("preset", "median", "overlap", "gap", "overlap", "pair", "speaker", "source", "quality"):
        table.add_column(column, overflow="fold", no_wrap=column == "preset")
    for row in found:
        table.add_row(
            row["name"], _seconds(row["median_s"]), f"{row['overlap_share']:.0%}", _seconds(row["gap_median_s"]),
            _seconds(row["overlap_median_s"]), f"{row['pair_share']:.2f}", f"{row['speaker_share']:.2f}", row["source"],
            row["quality"],
        )  # fmt: skip
    Console(width=None if sys.stdout.isatty() else 160, markup=False).print(table)
    sys.stdout.write("\nmedian: of all FTOs; gap, overlap: medians of either half. Fit your own: datagen timing fit\n")


def show(name: str, as_json: bool) -> None:
    """Prints a preset's quantiles and means: of a named one, or of a TOML file that `datagen timing fit` wrote."""
    base = _timing(name)
    found, model = _all(base), _model(base)
    found["quantiles_s"] = {f"{p:g}": round(model.quantile(p), 4) for p in _SHOWN}
    if as_json:
        sys.stdout.write(json.dumps({"name": name, **found}, indent=1) + "\n")
        return
    out = sys.stdout.write
    out(f"{name}\nsource   {found['source']}\nquality  {found['quality']}\n\n")
    for key in ("median_s", "overlap_share", "gap_median_s", "overlap_median_s", "mean_gap_s", "mean_overlap_s"):
        out(f"{key:<18} {_number(found[key])}\n")
    out(f"{'pair_share':<18} {found['pair_share']:.3f}\n{'speaker_share':<18} {found['speaker_share']:.3f}\n")
    out(f"{'shift_s':<18} {', '.join(f'{k} {v:+g}' for k, v in found['shift_s'].items()) or 'none'}\n\nFTO quantiles\n")
    for share, value in found["quantiles_s"].items():
        out(f"  {float(share):>4.0%} {value:>8.3f} s\n")


def _timing(name: str) -> Timing:
    if name == EMPIRICAL:
        raise UserError("timing = empirical needs its quantiles: name the TOML file that holds them.")
    path = Path(name)
    if name not in presets() and (path.suffix == ".toml" or len(path.parts) > 1):
        return read_empirical(recipes.read(path), name)
    try:
        return preset(name)
    except ValueError as error:
        raise UserError(f"{error} A file of your own ends in .toml.") from None


def _model(base: Timing) -> FtoModel:
    if isinstance(base, EmpiricalOptions):
        return EmpiricalFto(base.fto_s)
    (name,) = [name for name, found in presets().items() if found is base]
    return StitchOptions(timing=name).fto_model()


def _all(base: Timing) -> dict[str, Any]:
    shifts = {k.removesuffix("_s"): v for k, v in base.shift.model_dump().items() if v is not None}
    return {**_figures(base), "shift_s": shifts, "source": base.source, "quality": base.quality}


def _figures(base: Timing) -> dict[str, Any]:
    """The distribution's key figures; None for the median of a half that is not there."""
    model = _model(base)
    share = model.overlap_share
    gap_s = model.quantile((1 + share) / 2) if share < 1 else math.nan
    values = {
        "median_s": model.quantile(0.5),
        "overlap_share": share,
        "gap_median_s": gap_s,
        "overlap_median_s": -model.quantile(share / 2) if share > 0 else math.nan,
        "mean_gap_s": model.mean_gap_s(),
        "mean_overlap_s": model.mean_overlap_s(),
        "pair_share": base.pair_share,
        "speaker_share": base.speaker_share,
    }
    return {key: None if math.isnan(value) else round(value, 4) for key, value in values.items()}


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
