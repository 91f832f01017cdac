"""The TOML file of a fitted timing: the table that `stitch.empirical` takes, with what it was fitted from at its head."""

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path

from datagen import __version__
from datagen.fit.fitted import Fitted, Half, names_of, rounded


def to_toml(fitted: Fitted, paths: Sequence[Path]) -> str:
    """The file's text. Names of files come without their folders."""
    m = fitted.measured
    names = names_of([_printable(path.name) for path in paths])
    n_recordings = f"{m.n_recordings} recording{'s' * (m.n_recordings != 1)}"
    of = f"{n_recordings}, {m.duration_s / 3600:.2f} h, {len(m.transfers)} floor transfers"
    lines = [
        *_comment(f"Timing fitted by datagen {__version__} from {names}: {of}."),
        "# Use it: datagen build --set stitch.timing=empirical --set stitch.empirical=THIS FILE",
        "#",
        *_comment(
            f"Turns: {m.n_turns}. Left out: {m.n_backchannels} backchannels, {m.n_inside} longer interjections inside the "
            f"other's turn, {m.n_excluded} transfers after barge-ins, long silences or lapses of the talk."
        ),
        f"# Median FTO {fitted.median_s:.3f} s; {fitted.overlap_share:.1%} overlap.",
        f"# Gaps: {_told(fitted.gaps)}. Overlaps: {_told(fitted.overlaps)}.",
        "",
        f"source = {_text(f'fitted from {names}: {of}')}",
        f"quality = {_text(_quality(fitted))}",
        *_share("pair_share", fitted.pair_share, "one recording tells nothing of pairs; the default stays"),
        *_share("speaker_share", fitted.speaker_share, "one speaker a recording tells nothing; the default stays"),
        f"backchannel_per_min = {rounded(fitted.backchannel_per_min)}",
    ]
    if fitted.between:
        lines += [
            f"between_turns_median_s = {rounded(min(fitted.between.median_s, 10.0))}",
            f"between_turns_sigma = {rounded(min(fitted.between.sigma, 3.0))}",
        ]
    lines += ["", f"# FTOs at {len(fitted.fto_s)} evenly spaced shares from 0 to 1, s", *_list("fto_s", fitted.fto_s)]
    if fitted.pause_s:
        lines += ["", f"# Pauses inside turns, the same way ({len(m.pauses_s)} of them), s"]
        lines += _list("pause_s", fitted.pause_s)
    return "\n".join(lines) + "\n"


def _quality(fitted: Fitted) -> str:
    said = f"measured on {len(fitted.measured.transfers)} floor transfers"
    shares = [n for n, v in (("pair", fitted.pair_share), ("speaker", fitted.speaker_share)) if v is None]
    return f"{said}; {' and '.join(shares)} share assumed" if shares else said


def _share(key: str, value: float | None, why: str) -> list[str]:
    return [f"# {key}: {why}"] if value is None else [f"{key} = {rounded(value)}"]


def _told(half: Half | None) -> str:
    return "too few" if half is None else f"{half.n}, median {half.median_s:.3f} s, sigma {half.sigma:.2f}"


def _list(key: str, values: Sequence[float]) -> list[str]:
    body = textwrap.wrap(", ".join(str(v) for v in values), 116, initial_indent="  ", subsequent_indent="  ")
    return [f"{key} = [", *body, "]"]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        text, 116, initial_indent="# ", subsequent_indent="# ", break_long_words=False, break_on_hyphens=False
    )


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _printable(name: str) -> str:
    """A file's name as TOML may hold it: what is not printable, or no Unicode, shows as the replacement character."""
    return "".join(c if c.isprintable() else "�" for c in name)
