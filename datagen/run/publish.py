"""Publishing: the shards' artefacts become the output folder. build.json is written last and makes the version exist."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase as fnmatch
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datagen import __version__
from datagen.build import Build
from datagen.errors import DataError
from datagen.interrupts import interrupts_wait
from datagen.records.build import BuildSummary, CodecInfo, ShardEntry
from datagen.records.maker import Reject
from datagen.records.speech import FRAME_SAMPLES, SAMPLE_RATE_HZ
from datagen.run import replies
from datagen.run.deliver import deliver
from datagen.run.gate_counts import GateCounts, gate_table, speech_gate_table
from datagen.run.job import Outcome
from datagen.run.meter import Meter, Report
from datagen.run.near import near_duplicates
from datagen.run.prompts import VoicePrompts
from datagen.run.request import Run
from datagen.run.timing import hold, measure
from datagen.stages.pack import card, rows, tables
from datagen.stages.pack.options import PackOptions
from datagen.stages.pack.quality import speech_quality
from datagen.stages.pack.schema import Table, manifest_path, token_file_name
from datagen.stages.pack.summary import Summary, summarise
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.timing import Timing
from datagen.stages.write.options import WriteOptions
from datagen.store.files import atomic, disk, file_entry, write_bytes
from datagen.store.ids import digest
from datagen.store.ledger import Artefact, Ledger

PACKAGES = (
    "numpy", "scipy", "pyroomacoustics", "pyarrow", "soundfile", "praat-parselmouth", "espeakng-loader", "jinja2", "rensa",
    "pocketsphinx",
)  # fmt: skip
"""The packages whose versions can change a byte of a build; build.json names them."""
SOUND_FOLDERS = ("audio", "stems")
"""Folders of a file a dialogue, ID.flac: the two channels, and what the user's was summed from."""
STAGED = ".tmp-staged"
"""Where the work folder holds what is about to be published."""
PROMPT_FOLDER = "voice_prompts"
"""The folder of a file a voice that speaks in the build, VOICE.flac."""
_PATHS: dict[str, Any] = {
    "domain_folders": True,
    "run": {"spread": True, "ray": True, "work_dir": True, "keep_versions": True},
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


def publish(run: Run, outcomes: Sequence[Outcome], report: Report) -> BuildSummary:
    """Writes tokens/, manifests/, audio/, stems/, the card and build.json from the shards' artefacts; the version before stays readable.

    Near-duplicates are decided here, over the whole build: the lowest index stays, the others become rejects. Raises
    DataError where an artefact is gone, or the build's timing misses its target by more than `stitch.gate` allows: before
    anything that was published is touched. `report` hears of what was damaged in the work folder and made anew.
    """
    meter = Meter(report)
    alike = near_duplicates(run, outcomes, meter)
    losers = frozenset(r.dialog_id for r in alike)
    packed = [_packed(run, o, losers) for o in outcomes if o.group == "render"]
    packed.sort(key=lambda p: p.outcome.shard.name)
    rejects = sorted([*(r for o in outcomes for r in o.rejects), *alike], key=lambda r: r.dialog_id)
    gates = _gates(run, outcomes, rejects)
    options = run.build.options(StitchOptions)
    timing = measure(((_without(p, Table.DIALOGS), _without(p, Table.TURNS)) for p in packed), options)
    hold(timing.output, timing.target, options)
    # Made whole in the work folder first: what may fail, fails before anything that was published is touched.
    staged = run.work / STAGED
    with _anew(staged):
        sources: dict[str, Path] = {}
        for shard in packed:
            sources |= _shard_files(staged, shard)
        manifests, found = _manifests(run, staged, packed, rejects)
        sources |= manifests | _prompt_files(run, found, meter)
        result = replace(_summary(run, packed, found, timing, manifests), **gates)
        _hold_sealed(run, result)
        sources[card.CARD_FILE] = _card(staged, result)
        sources |= replies.publish(staged, run.work, run.build, run.shards)
        result = replace(result, files={name: file_entry(path) for name, path in sorted(sources.items())})
        deliver(run.place, result, sources, _is_ours, run.build.recipe.run.keep_versions)
    return result


def _hold_sealed(run: Run, result: BuildSummary) -> None:
    """DataError where growing would change a published shard: its work is gone, and an engine made something else of the same inputs."""
    before = run.published
    if before is None or not run.grows or before.counts.total.planned >= run.n_dialogs:
        return
    if before.content_id == result.content_id:
        keys = {shard.name: shard.key for shard in result.shards}
        changed = [shard.name for shard in before.shards if keys.get(shard.name) != shard.key]
        if changed:
            raise DataError(
                f"{run.where}: {len(changed)} of {len(before.shards)} published shards came out otherwise, e.g. {changed[0]}: "
                f"their work is no longer in {run.work}, and not all engines make the same again. Grow it where its work is "
                "(run.work_dir on a shared disk), or choose another --out."
            )


@contextlib.contextmanager
def _anew(folder: Path) -> Iterator[None]:
    """An empty folder for the block; it goes at its end."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with disk(folder):
            folder.mkdir(parents=True)
        yield
    finally:
        with interrupts_wait():
            shutil.rmtree(folder, ignore_errors=True)


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


def _shard_files(staged: Path, shard: Packed) -> dict[str, Path]:
    """The shard's token file, audio and stems: the artefact's own, where nothing has to be left out."""
    name = token_file_name(shard.outcome.shard.split, shard.outcome.shard.number)
    sources = {name: shard.artefact.path("tokens.parquet")}
    if shard.losers:
        sources[name] = staged / name
        with atomic(sources[name]) as beside:
            tables.write_table(_without(shard, Table.TOKENS), beside, Table.TOKENS)
    for kind in SOUND_FOLDERS:
        found = sorted((shard.artefact.folder / kind).glob("*.flac"))
        sources |= {f"{kind}/{path.name}": path for path in found if path.stem not in shard.losers}
    return sources


def _without(shard: Packed, kind: Table) -> pa.Table:
    """One table of the shard, its near-duplicates left out."""
    found = tables.read_table(shard.artefact.path(f"{kind}.parquet"), kind)
    if not shard.losers:
        return found
    lost = pa.array(sorted(shard.losers), found.column("dialog_id").type)
    return found.filter(pc.invert(pc.is_in(found.column("dialog_id"), value_set=lost)))


def _manifests(
    run: Run, staged: Path, packed: Sequence[Packed], rejects: Sequence[Reject]
) -> tuple[dict[str, Path], Summary]:
    """dialogs, turns, rejects and voices, streamed shard by shard; and what they come to."""
    kinds = (Table.DIALOGS, Table.TURNS, Table.REJECTS, Table.VOICES)
    paths = {kind: staged / manifest_path(kind) for kind in kinds}
    for kind in (Table.DIALOGS, Table.TURNS):
        with atomic(paths[kind]) as beside:
            tables.write_all((_without(p, kind) for p in packed), beside, kind)
    with atomic(paths[Table.REJECTS]) as beside:
        tables.write_all(_reject_tables(run, rejects), beside, Table.REJECTS)
    found = summarise(paths[Table.DIALOGS], paths[Table.REJECTS])
    with atomic(paths[Table.VOICES]) as beside:
        voices = rows.voices_table(run.build.voices.values(), found.voice_dialogs, _prompt_paths(run, found))
        tables.write_table(voices, beside, Table.VOICES)
    return {manifest_path(kind): paths[kind] for kind in kinds}, found


def _prompt_paths(run: Run, found: Summary) -> dict[str, str]:
    """Where the prompt of each voice that speaks is published, by voice; {} where no audio is kept."""
    return {voice: f"{PROMPT_FOLDER}/{voice}.flac" for voice in found.voice_dialogs} if run.keep_audio else {}


def _prompt_files(run: Run, found: Summary, meter: Meter) -> dict[str, Path]:
    prompts = VoicePrompts(run.build, Ledger(run.work), meter)
    return {path: prompts.sound(voice) for voice, path in _prompt_paths(run, found).items()}


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


def _summary(
    run: Run, packed: Sequence[Packed], found: Summary, timing: Timing, manifests: Mapping[str, Path]
) -> BuildSummary:
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
        speech_quality=speech_quality(manifests[manifest_path(Table.TURNS)], build.makers),
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
    run = build.recipe.run
    loose["run"] = dict.fromkeys(set(type(run).model_fields) - run.output_options().keys(), True)
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


def _card(staged: Path, result: BuildSummary) -> Path:
    path = staged / card.CARD_FILE
    write_bytes(path, card.card(result).encode())
    return path


def _is_ours(name: str) -> bool:
    """Whether a published name is of a build's kind: such a file of an earlier version goes when this one has not got it."""
    kinds = ("tokens/*.parquet", "manifests/*.parquet", f"{replies.FOLDER}/*.jsonl.gz")
    sounds = (f"{folder}/*.flac" for folder in (*SOUND_FOLDERS, PROMPT_FOLDER))
    return name.count("/") == 1 and any(fnmatch(name, pattern) for pattern in (*kinds, *sounds))


def tidy(run: Run, outcomes: Sequence[Outcome]) -> None:
    """Removes the work that the published build does not need: what earlier plans left, and where work is not kept, the speech.

    Packed shards stay, and the record of their speech: growing makes what is new and nothing else. In the same file system as the
    output they are links, and take no room but for their rows of the manifests.
    """
    ledger = Ledger(run.work)
    for group in ("write", "speech", "render"):
        ledger.keep_only(group, {Path(o.folder) for o in outcomes if o.group == group})
    ledger.keep_only(replies.GROUP, set(replies.sources(run.work, run.build, run.shards)))
    if not run.keep_work:
        for outcome in outcomes:
            if outcome.group == "speech":
                ledger.empty(Path(outcome.folder))
