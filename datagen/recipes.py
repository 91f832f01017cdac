"""Recipe files: found by name or path, overlaid by a profile, then by the command's flags and --set."""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from datagen import domains, resources
from datagen.config import Recipe
from datagen.config_faults import describe
from datagen.errors import UserError
from datagen.stages.stitch.presets import read_empirical


def names() -> list[str]:
    """The recipes that travel with the package."""
    return sorted(p.stem for p in resources.manifests().glob("*.toml"))


def find(name: str) -> Path:
    """A recipe's file, by path or by name; UserError with the nearest names where there is none."""
    path = Path(name)
    if path.suffix == ".toml" or path.parent != Path():
        for found in (path, resources.root() / path):
            if _is_file(found):
                return found
        raise UserError(f"--recipe {name}: there is no such file.")
    if name in names():
        return resources.manifests() / f"{name}.toml"
    near = difflib.get_close_matches(name, names(), n=3)
    raise UserError(
        f"--recipe {name}: there is no such recipe. {'Did you mean' if near else 'There are'}: {', '.join(near or names())}?"
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long, a folder that may not be looked into
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # ValueError: a name with a NUL
        return False


def read(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; UserError with the file and the line where it is not one."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Windows editors put a mark before the first key
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not readable as TOML: {error}.") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from None


def compose(
    name: str = "quickstart",
    profile: str = "local",
    domain_names: Sequence[str] = (),
    dialogs: int | None = None,
    hours: float | None = None,
    seed: int | None = None,
    sets: Sequence[str] = (),
) -> Recipe:
    """The recipe as it will be built: file, profile, flags, --set, in this order; UserError on anything wrong."""
    if dialogs is not None and hours is not None:
        raise UserError("--dialogs and --hours exclude each other: give one.")
    if dialogs is not None and dialogs < 1:
        raise UserError(f"--dialogs {dialogs}: has to be at least 1.")
    if hours is not None and not 0 < hours < float("inf"):
        raise UserError(f"--hours {hours:g}: has to be above 0.")
    path = find(name)
    values = _overlay(_settled(read(path), path.parent, Path()), _profile(profile))
    if dialogs is not None:
        values |= {"dialogs": dialogs, "hours": None}
    if hours is not None:
        values |= {"hours": hours, "dialogs": None}
    if seed is not None:
        values["seed"] = seed
    for assignment in sets:
        _assign(values, assignment)
        values = _settled(values, Path())
    if domain_names:
        values["mix"] = _mix(domain_names, values.get("domain_folders", ()))
    return parse(values, path.name)


def _settled(values: dict[str, Any], *folders: Path) -> dict[str, Any]:
    """`values` with its short forms written out: `scene.sounds = ["dir"]` is a table with folders, `stitch.empirical = FILE` the
    file's numbers."""
    scene = values.get("scene")
    if isinstance(scene, dict) and isinstance(scene.get("sounds"), list):
        values = {**values, "scene": {**scene, "sounds": {"folders": scene["sounds"]}}}
    return _with_quantiles(_with_sounds(values, *folders), *folders)


def _with_sounds(values: dict[str, Any], *folders: Path) -> dict[str, Any]:
    """`values` with every folder of sounds where the first of `folders` has it: beside the recipe, else where the command runs."""
    scene: Any = values.get("scene")
    sounds: Any = scene.get("sounds") if isinstance(scene, dict) else None
    given = sounds.get("folders") if isinstance(sounds, dict) else None
    if not isinstance(given, list):
        return values

    def placed(name: Any) -> Any:
        if not isinstance(name, str) or not name.strip():
            return name
        return next((str(f / name) for f in folders if _is_folder(f / name)), name)

    return {**values, "scene": {**scene, "sounds": {**sounds, "folders": [placed(name) for name in given]}}}


def _with_quantiles(values: dict[str, Any], *folders: Path) -> dict[str, Any]:
    """`values` with what the file that `stitch.empirical` names holds, in its place: a recipe holds numbers, not paths.

    The first of `folders` that has the file counts. An empty name takes the quantiles out again.
    """
    stitch = values.get("stitch")
    if not isinstance(stitch, dict) or not isinstance(stitch.get("empirical"), str):
        return values
    name = stitch["empirical"]
    rest = {key: value for key, value in stitch.items() if key != "empirical"}
    if not name:
        return {**values, "stitch": rest}
    named = [folder / name for folder in folders]
    found = next((p for p in named if _is_file(p)), None)
    if found is None:
        what = "is a folder, and a file is needed" if any(map(_is_folder, named)) else "there is no such file"
        raise UserError(f"stitch.empirical = {name[:200]}: {what}. `datagen timing fit` writes one.")
    tables = read(found)
    read_empirical(tables, found.name)
    return {**values, "stitch": {**rest, "empirical": tables}}


def parse(values: Mapping[str, Any], where: str = "") -> Recipe:
    """`values` as a Recipe; UserError that names the first wrong key."""
    if values.get("dialogs") is None and values.get("hours") is None and "hours" in values:
        raise UserError("a recipe needs dialogs or hours.")
    try:
        return Recipe.model_validate(dict(values))
    except ValidationError as error:
        raise UserError(describe(error, Recipe, where)) from None


def _profile(name: str) -> dict[str, Any]:
    folder = resources.manifests() / "profiles"
    found = sorted(p.stem for p in folder.glob("*.toml"))
    if name not in found:
        raise UserError(f"--profile {name}: there is no such profile. There are: {', '.join(found)}.")
    return read(folder / f"{name}.toml")


def _overlay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` laid on it, table by table. An engine's options do not survive a change of the engine."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            other_engine = "engine" in value and value["engine"] != old.get("engine", value["engine"])
            result[key] = dict(value) if other_engine else _overlay(old, value)
        else:
            result[key] = value
    return result


def _mix(domain_names: Sequence[str], folders: Sequence[str]) -> list[dict[str, Any]]:
    """An entry a kind, in equal shares a domain."""
    unique = list(dict.fromkeys(n.strip() for n in domain_names if n.strip()))
    if not unique:
        raise UserError(f"--domains: names none. There are: {', '.join(domains.available(folders))}.")
    kinds: dict[str, list[str]] = {}
    for name in unique:
        kinds.setdefault(str(domains.load(name, folders).kind), []).append(name)
    return [{"kind": kind, "domains": found, "share": float(len(found))} for kind, found in kinds.items()]


def _assign(values: dict[str, Any], assignment: str) -> None:
    parts, new = assigned(assignment, "stitch.timing=brisk")
    table: Any = values
    for part in parts[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise UserError(f"--set {assignment}: {part} is no table, so it has no key {parts[-1]}.")
    if parts[-1] == "engine" and len(parts) == 2 and table.get("engine") != new:
        table.clear()  # the options beside it were the other engine's
    table[parts[-1]] = new
    if parts in (["dialogs"], ["hours"]):
        values["hours" if parts == ["dialogs"] else "dialogs"] = None


def assigned(assignment: str, example: str) -> tuple[list[str], Any]:
    """The key of `--set KEY=VALUE`, part by part, and its value; UserError with an example where it is no assignment."""
    key, equals, text = assignment.partition("=")
    parts = [p.strip() for p in key.split(".")]
    if not equals or not all(parts):
        raise UserError(f"--set {assignment}: write key=value, e.g. --set {example}.")
    return parts, _value(text.strip())


def _value(text: str) -> Any:
    """A TOML value, or the text itself where it is none: `--set stitch.timing=brisk` needs no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # ValueError also for a number of more digits than Python reads
        return text
