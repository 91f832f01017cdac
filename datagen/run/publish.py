"""Publishing: the shards' artefacts become the output folder. build.json is written last and makes the version exist."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datagen import __version__
from datagen.build import Build
from datagen.errors import DataError
from datagen.records.build import BUILD_FILE, BuildSummary, CodecInfo, ShardEntry
from datagen.records.maker import Reject
from datagen.records.speech import FRAME_SAMPLES, SAMPLE_RATE_HZ
from datagen.run import replies
from datagen.run.gate_counts import GateCounts, gate_table, speech_gate_table
from datagen.run.job import Outcome
from datagen.run.meter import Meter
from datagen.run.near import near_duplicates
from datagen.run.prompts import VoicePrompts
from datagen.run.request import PREVIOUS, Run
from datagen.run.timing import hold, measure
from datagen.stages.pack import card, rows, tables
from datagen.stages.pack.options import PackOptions
from datagen.stages.pack.quality import speech_quality
from datagen.stages.pack.schema import Table, manifest_path, token_file_name
from datagen.stages.pack.summary import Summary, summarise
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.timing import Timing
from datagen.stages.write.options import WriteOptions
from datagen.store.files import atomic, disk, file_entry, link_or_copy, write_bytes, write_json
from datagen.store.ids import digest
from datagen.store.ledger import Artefact, Ledger

PACKAGES = ("numpy", "pyarrow", "soundfile", "praat-parselmouth", "espeakng-loader", "jinja2", "rensa", "pocketsphinx")
"""The packages whose versions can change a byte of a build; build.json names them."""
SOUND_FOLDERS = ("audio", "stems")
"""Folders of a file a dialogue, ID.flac: the two channels, and what the user's was summed from."""
PROMPT_FOLDER = "voice_prompts"
"""The folder of a file a voice that speaks in the build, VOICE.flac."""
_PATHS: dict[str, Any] = {
    "domain_folders": True,
    "run": {"spread": True, "ray": True},
    "codec": {"weights": True, "device": True, "batch": True},
    "scene": {"sounds": {"folders": True}},
    "write": {"decontamination": {"files": True}},
}
"""What of a recipe is of one machine (places, a device): it stays out of build.json; no byte depends on it."""


@dataclass(frozen=True)
class Packed:
    """A shard's finished artefact, and which of its dialogues stay and which near-duplicate others of the build."""

    outcome: Outcome
    artefact: Artefact
    kept: tuple[str, ...]
    losers: frozenset[str]


def publish(run: Run, outcomes: Sequence[Outcome]) -> BuildSummary:
    """Writes tokens/, manifests/, audio/, stems/, the card and build.json from the shards' artefacts.

    Near-duplicates are decided here, over the whole build: the lowest index stays, the others become rejects. Raises
    DataError where an artefact is gone, or the build's timing misses its target by more than `stitch.gate` allows: before
    anything that was published is touched.
    """
    alike = near_duplicates(run, outcomes)
    losers = frozenset(r.dialog_id for r in alike)
    packed = [_packed(run, o, losers) for o in outcomes if o.group == "render"]
    packed.sort(key=lambda p: p.outcome.shard.name)
    rejects = sorted([*(r for o in outcomes for r in o.rejects), *alike], key=lambda r: r.dialog_id)
    gates = _gates(run, outcomes, rejects)
    options = run.build.options(StitchOptions)
    timing = measure(((_without(p, Table.DIALOGS), _without(p, Table.TURNS)) for p in packed), options)
    hold(timing.output, timing.target, options)
    _withdraw(run)
    files: list[Path] = []
    for shard in packed:
        files += _publish_shard(run, shard)
    manifests, found = _manifests(run, packed, rejects)
    files += manifests + _publish_prompts(run, found)
    result = replace(_summary(run, packed, found, timing), **gates)
    files.append(_card(run, result))
    files += replies.publish(run.out, run.work, run.build, run.shards)
    _remove_stale(run, set(files))
    result = _with_files(run, result, files)
    write_json(run.out / BUILD_FILE, result.to_dict())
    (run.work / PREVIOUS).unlink(missing_ok=True)
    return result


def _packed(run: Run, outcome: Outcome, losers: frozenset[str]) -> Packed:
    folder = Path(outcome.folder)
    key_part = folder.name.rsplit("-", 1)[1]
    if not folder.is_dir():
        raise DataError(
            f"{outcome.shard.name}: its rendered artefact is gone. Run the same command again: it is made anew."
        )
    ids = tables.read_table(folder / "dialogs.parquet", Table.DIALOGS, ["dialog_id"]).column("dialog_id").to_pylist()
    kept = tuple(sorted(i for i in ids if i not in losers))
    return Packed(outcome, Artefact(folder, key_part), kept, frozenset(i for i in ids if i in losers))


def _gates(run: Run, outcomes: Sequence[Outcome], rejects: Sequence[Reject]) -> dict[str, Any]:
    """The counts of attempts at writing and their alarm, near-duplicates with them, and of attempts at speaking."""
    attempts, gates = gate_table(outcomes, rejects)
    counts = GateCounts(run.build.options(WriteOptions).max_gate_share)
    details = {reject.reason: reject.detail for reject in rejects}
    counts.add(attempts, {r: g.failed for r, g in gates.items()}, {r: details.get(r, f"{r}.") for r in gates})
    counts.check()
    spoken, speech_gates = speech_gate_table(outcomes, rejects)
    return {"attempts": attempts, "gates": gates, "speech_attempts": spoken, "speech_gates": speech_gates}


def _withdraw(run: Run) -> None:
    """Takes the old build.json away before the first file changes, so that no reader takes a mixture for a version."""
    old = run.out / BUILD_FILE
    if old.exists():
        with disk(old):
            old.replace(run.work / PREVIOUS)
            (run.out / "report" / "index.html").unlink(missing_ok=True)  # it shows the old version


def _publish_shard(run: Run, shard: Packed) -> list[Path]:
    """The shard's token file, audio and stems; hard links where nothing has to be left out."""
    target = run.out / token_file_name(shard.outcome.shard.split, shard.outcome.shard.number)
    if shard.losers:
        table = _without(shard, Table.TOKENS)
        with atomic(target) as beside:
            tables.write_table(table, beside, Table.TOKENS)
    else:
        link_or_copy(shard.artefact.path("tokens.parquet"), target)
    published = [target]
    for kind in SOUND_FOLDERS:
        for source in sorted((shard.artefact.folder / kind).glob("*.flac")):
            if source.stem not in shard.losers:
                link_or_copy(source, run.out / kind / source.name)
                published.append(run.out / kind / source.name)
    return published


def _without(shard: Packed, kind: Table) -> pa.Table:
    """One table of the shard, its near-duplicates left out."""
    found = tables.read_table(shard.artefact.path(f"{kind}.parquet"), kind)
    if not shard.losers:
        return found
    lost = pa.array(sorted(shard.losers), found.column("dialog_id").type)
    return found.filter(pc.invert(pc.is_in(found.column("dialog_id"), value_set=lost)))


def _manifests(run: Run, packed: Sequence[Packed], rejects: Sequence[Reject]) -> tuple[list[Path], Summary]:
    """dialogs, turns, rejects and voices, streamed shard by shard; and what they come to."""
    paths = {kind: run.out / manifest_path(kind) for kind in (Table.DIALOGS, Table.TURNS, Table.REJECTS, Table.VOICES)}
    for kind in (Table.DIALOGS, Table.TURNS):
        with atomic(paths[kind]) as beside:
            tables.write_all((_without(p, kind) for p in packed), beside, kind)
    with atomic(paths[Table.REJECTS]) as beside:
        tables.write_all(_reject_tables(run, rejects), beside, Table.REJECTS)
    found = summarise(paths[Table.DIALOGS], paths[Table.REJECTS])
    with atomic(paths[Table.VOICES]) as beside:
        voices = rows.voices_table(run.build.voices.values(), found.voice_dialogs, _prompt_paths(run, found))
        tables.write_table(voices, beside, Table.VOICES)
    return list(paths.values()), found


def _prompt_paths(run: Run, found: Summary) -> dict[str, str]:
    """Where the prompt of each voice that speaks is published, by voice; {} where no audio is kept."""
    return {voice: f"{PROMPT_FOLDER}/{voice}.flac" for voice in found.voice_dialogs} if run.keep_audio else {}


def _publish_prompts(run: Run, found: Summary) -> list[Path]:
    prompts = VoicePrompts(run.build, Ledger(run.work), Meter(lambda progress: None))
    published = []
    for voice, path in _prompt_paths(run, found).items():
        link_or_copy(prompts.sound(voice), run.out / path)
        published.append(run.out / path)
    return published


def _reject_tables(run: Run, rejects: Sequence[Reject]) -> Iterator[pa.Table]:
    """The rejects of each shard in turn; their plans are drawn again, since a plan costs less than to keep it."""
    shard_of = {index: shard for shard in run.shards for index in shard.indices} if rejects else {}
    by_shard: dict[str, list[Reject]] = {}
    for reject in rejects:
        by_shard.setdefault(shard_of[_index(reject.dialog_id)].name, []).append(reject)
    for name, found in sorted(by_shard.items()):
        plans = {r.dialog_id: run.build.planner.plan(_index(r.dialog_id)) for r in found}
        yield rows.rejects_table(found, plans, name)


def _index(dialog_id: str) -> int:
    return int(dialog_id.rsplit("-", 1)[1])


def _summary(run: Run, packed: Sequence[Packed], found: Summary, timing: Timing) -> BuildSummary:
    build, codec = run.build, run.build.engine("codec")
    silence, sine = codec.constant_frames()
    recipe = _told(build)
    entries = tuple(_entry(p) for p in packed)
    content_id = build.content_id(run.keep_audio)
    return BuildSummary(
        id=digest(content_id, run.n_dialogs, [(e.name, e.key, e.n_dialogs) for e in entries])[:16],
        name=build.recipe.name,
        datagen_version=__version__,
        recipe=recipe,
        recipe_digest=digest(recipe),
        content_id=content_id,
        plan_digest=build.plan_digest,
        engines=build.makers,
        codec=CodecInfo(codec.n_books, codec.book_size, SAMPLE_RATE_HZ, FRAME_SAMPLES, tuple(silence), tuple(sine)),
        counts=found.counts,
        hours=found.hours,
        splits=tuple(dict.fromkeys(p.outcome.shard.split for p in packed)),
        shards=entries,
        files={},
        packages={name: metadata.version(name) for name in PACKAGES},
        speech_quality=speech_quality(run.out / manifest_path(Table.TURNS), build.makers),
        timing=timing.output,
        timing_target=timing.target,
        ftos=timing.ftos,
        decided={"pack.audio": run.keep_audio} if build.options(PackOptions).audio == "auto" else {},
    )


def _told(build: Build) -> dict[str, Any]:
    """The recipe for build.json: without what is of one machine, such as servers, devices, how much they get at once, and folders."""
    loose = {
        kind: dict.fromkeys(set(type(o).model_fields) - o.output_options().keys(), True)
        for kind, o in build.engine_options.items()
        if kind not in _PATHS
    }
    recipe = build.recipe.model_dump(mode="json", exclude=_PATHS | loose)
    if "model" in recipe["writer"]:
        recipe["writer"]["model"] = build.makers["writer"].model
    return recipe


def _entry(packed: Packed) -> ShardEntry:
    shard = packed.outcome.shard
    first, last = (packed.kept[0], packed.kept[-1]) if packed.kept else (None, None)
    return ShardEntry(
        shard.name, shard.split, shard.number, len(packed.kept), first, last, packed.artefact.content,
        len(shard.indices),
    )  # fmt: skip


def _card(run: Run, result: BuildSummary) -> Path:
    path = run.out / "README.md"
    write_bytes(path, card.card(result).encode())
    return path


def _remove_stale(run: Run, current: set[Path]) -> None:
    """Removes published files of an earlier version that this one has not; what is not of a build's kind stays."""
    for pattern in (
        "tokens/*.parquet",
        "manifests/*.parquet",
        *(f"{folder}/*.flac" for folder in (*SOUND_FOLDERS, PROMPT_FOLDER)),
        f"{replies.FOLDER}/*.jsonl.gz",
    ):
        for path in run.out.glob(pattern):
            if path not in current:
                path.unlink()
    for folder in (*SOUND_FOLDERS, PROMPT_FOLDER, replies.FOLDER):
        if (run.out / folder).is_dir() and not any((run.out / folder).iterdir()):
            (run.out / folder).rmdir()


def _with_files(run: Run, result: BuildSummary, files: Iterable[Path]) -> BuildSummary:
    entries = {p.relative_to(run.out).as_posix(): file_entry(p) for p in sorted(files)}
    return replace(result, files=entries)


def tidy(run: Run, outcomes: Sequence[Outcome]) -> None:
    """Removes the work that the published build does not need: all of it, or what earlier plans left."""
    ledger = Ledger(run.work)
    for group in ("write", "speech", "render"):
        ledger.keep_only(group, {Path(o.folder) for o in outcomes if o.group == group})
    ledger.keep_only(replies.GROUP, set(replies.sources(run.work, run.build, run.shards)))
    if not run.keep_work:
        for group in ("speech", "render"):
            shutil.rmtree(run.work / group, ignore_errors=True)
