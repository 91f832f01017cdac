"""What was done to the user's channel, and what is known of an event, in words: parameters as a person reads them."""

from collections.abc import Iterator, Mapping
from typing import Any

_MAIN: dict[str, tuple[tuple[str, str], ...]] = {
    "room": (("rt60_s", "RT60"), ("distance_m", "at")),
    "noise": (("snr_db", ""),),
    "babble": (("snr_db", ""), ("n_talkers", "talkers")),
    "sounds": (("sounds", ""),),
    "echo": (("gain", "×"), ("delay_s", "after")),
    "off_talk": (("snr_db", ""), ("said", "")),
    "muffling": (("cutoff_hz", "from"),),
    "gain": (("gain_db", ""),),
    "clipping": (("clipped_share", ""),),
    "telephone": (("code", ""),),
    "packet_loss": (("lost_share", ""),),
}
"""The parameters that tell most of an effect, and what is written before each, in the order in which sound goes from the mouth to
the far end. An effect that is not here comes after them and shows all of its own."""
_UNITS = {"_db": "dB", "_hz": "Hz", "_ms": "ms", "_s": "s", "_m": "m", "_share": "%"}
_HIDDEN = ("seed",)
_MOST = 8
"""Parameters of an unknown effect that are written out."""


def told_effects(effects: Any, masked_share: float = 0.0) -> str:
    """The user's channel in a line, e.g. `noise 12 dB · room RT60 0.41 s · 2 % of words masked`; `clean` where nothing was done."""
    if not isinstance(effects, Mapping) or not effects:
        return "clean"
    known = [name for name in _MAIN if name in effects]
    names = [*known, *(name for name in effects if name not in _MAIN)]
    told = [" ".join([name.replace("_", " "), *_parameters(name, effects[name])]) for name in names]
    if masked_share > 0:
        told.append(f"{_number(masked_share * 100)} % of words masked")
    return " · ".join(told)


def told_attrs(attrs: Mapping[str, Any], without: tuple[str, ...] = ()) -> str:
    """All parameters of an event in a line, e.g. `yield 0.41 s, cut yes`, but for those that are shown elsewhere."""
    return ", ".join(_all(attrs, without))


def _parameters(name: str, found: Any) -> list[str]:
    if not isinstance(found, Mapping):
        return [str(found)]
    main = _MAIN.get(name, ())
    told = [f"{label} {_value(key, found[key])}".strip() for key, label in main if key in found]
    return told or [", ".join(list(_all(found))[:_MOST])]


def _all(found: Mapping[str, Any], without: tuple[str, ...] = ()) -> Iterator[str]:
    for key, value in found.items():
        if key not in without and key not in _HIDDEN:
            yield f"{_label(key)} {_value(key, value)}".strip()


def _label(key: str) -> str:
    return key.removesuffix(_suffix(key)).replace("_", " ")


def _suffix(key: str) -> str:
    return next((s for s in _UNITS if key.endswith(s) and len(key) > len(s)), "")


def _value(key: str, value: Any) -> str:
    """A value with its unit; of a list the names in it, or how long it is."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int | float):
        suffix = _suffix(key)
        scaled = value * 100 if suffix == "_share" else value
        sign = "+" if key == "gain_db" and value > 0 else ""
        return f"{sign}{_number(scaled)} {_UNITS.get(suffix, '')}".rstrip()
    if isinstance(value, list):
        names = [str(item["name"]).replace("_", " ") for item in value if isinstance(item, Mapping) and "name" in item]
        return ", ".join(names) if len(names) == len(value) and names else f"{len(value)} times"
    return str(value)


def _number(value: float) -> str:
    """Three digits, without zeros that say nothing; `1e+20` stays short."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}" if abs(value) < 1e6 else f"{value:.2g}"
