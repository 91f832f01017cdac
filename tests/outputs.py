"""A whole output folder of a build, made from `factories` without an engine: what check, card and report read."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import factories
import numpy as np
import soundfile

from datagen.records.build import BUILD_FILE, BuildSummary, CodecInfo, FileEntry, ShardEntry
from datagen.records.enums import Split
from datagen.run.timing import measure_manifests
from datagen.stages.pack import rows, tables
from datagen.stages.pack.card import CARD_FILE, card
from datagen.stages.pack.schema import Table, manifest_path, token_file_name
from datagen.stages.pack.summary import summarise
from datagen.stages.stitch.options import StitchOptions
from datagen.store.files import write_json
from datagen.store.ids import file_digest

SHARD_DIALOGS = 4


def make(out: Path, n_dialogs: int = 10, n_rejects: int = 2, n_turns: int = 6, audio: bool = True) -> BuildSummary:
    """Builds `n_dialogs` dialogues into `out`, the last two of them valid and test, and returns what build.json holds."""
    splits = {n_dialogs - 2: Split.VALID, n_dialogs - 1: Split.TEST}
    made = [dialog(out, i, splits.get(i, Split.TRAIN), n_turns, audio) for i in range(n_dialogs)]
    return publish(out, made, n_rejects)


def publish(out: Path, dialogs, n_rejects: int = 0) -> BuildSummary:
    """Packs dialogues into `out`, four a shard, and returns what build.json holds."""
    shards, parts = [], defaultdict(list)
    for split in dict.fromkeys(d.plan.split for d in dialogs):
        members = [d for d in dialogs if d.plan.split is split]
        for number, at in enumerate(range(0, len(members), SHARD_DIALOGS)):
            shards.append(_shard(out, split, number, members[at : at + SHARD_DIALOGS], parts))
    shards.append(_shard(out, Split.TRAIN, 99, [], parts))
    # The rejected ones were members of the first shard. The last one kept nothing of its own.
    shards[0] = replace(shards[0], n_planned=shards[0].n_planned + n_rejects)
    numbers = range(len(dialogs), len(dialogs) + n_rejects)
    plans = {p.dialog_id: p for p in map(factories.plan, numbers)}
    parts[Table.REJECTS] = [rows.rejects_table(map(factories.reject, numbers), plans, shards[0].name)]
    for kind in (Table.DIALOGS, Table.TURNS, Table.REJECTS):
        path = out / manifest_path(kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        tables.concat(parts[kind], path, kind)
    return _finish(out, shards)


def dialog(out: Path, index: int, split: Split, n_turns: int, audio: bool):
    """A dialogue with its audio, noise, in `out`."""
    made = factories.rendered(index, split, n_turns)
    if not audio:
        return replace(made, audio_path=None)
    path = out / made.audio_path
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(index).normal(0, 0.01, (made.timeline.n_samples, 2))
    soundfile.write(path, noise, 24_000, subtype="PCM_16", format="FLAC")
    return made


def _shard(out: Path, split: Split, number: int, dialogs, parts) -> ShardEntry:
    name = f"{split}-{number:05d}"
    made = rows.shard_tables(dialogs, name, factories.MAKERS, "c0ffee")
    path = out / token_file_name(split, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    tables.write_table(made[Table.TOKENS], path, Table.TOKENS)
    for kind in (Table.DIALOGS, Table.TURNS):
        parts[kind].append(made[kind])
    ids = sorted(d.plan.dialog_id for d in dialogs)
    return ShardEntry(
        name, split, number, len(ids), min(ids, default=None), max(ids, default=None), f"key of {name}", len(ids)
    )


def _finish(out: Path, shards: list[ShardEntry]) -> BuildSummary:
    dialogs, turns, rejects = (out / manifest_path(k) for k in (Table.DIALOGS, Table.TURNS, Table.REJECTS))
    made, timing = summarise(dialogs, rejects), measure_manifests(dialogs, turns, StitchOptions())
    voices = [factories.voice(side, split) for side in ("agent", "user") for split in Split]
    tables.write_table(rows.voices_table(voices, made.voice_dialogs), out / manifest_path(Table.VOICES), Table.VOICES)
    build = BuildSummary(
        id="0123456789abcdef", name="tiny", datagen_version="0.1.0", recipe={"name": "tiny", "seed": 0}, recipe_digest="ab" * 16,
        content_id="c0ffee", engines=factories.MAKERS, codec=CodecInfo(8, 2048, 24_000, 1_920, (1,) * 8, (2,) * 8),
        counts=made.counts, hours=made.hours, splits=tuple(Split), shards=tuple(shards), files={}, timing=timing.output,
        timing_target=timing.target, ftos=timing.ftos,
    )  # fmt: skip
    (out / CARD_FILE).write_text(card(build), encoding="utf-8")
    return seal(out, build)


def seal(out: Path, build: BuildSummary) -> BuildSummary:
    """Writes build.json with the checksums of what lies in `out` now."""
    paths = sorted(p for p in out.rglob("*") if p.is_file() and p.name != BUILD_FILE)
    files = {p.relative_to(out).as_posix(): FileEntry(file_digest(p), p.stat().st_size) for p in paths}
    sealed = replace(build, files=files)
    write_json(out / BUILD_FILE, sealed.to_dict())
    return sealed
