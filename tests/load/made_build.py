"""A build written by hand: tokens and manifests of drawn dialogues in shards of any size, made in a moment."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from datagen.records.build import BuildSummary, CodecInfo, Count, Counts, FileEntry, ShardEntry
from datagen.records.enums import Split
from datagen.records.maker import Maker
from datagen.stages.pack.schema import Table, manifest_path, schema, token_file_name
from datagen.stages.pack.tables import write_all, write_table
from datagen.store.files import write_json
from datagen.store.ids import file_digest

BOOKS = 2
CODEC = Maker("toy", "toy-1", "r1", "CC0-1.0")


def made_build(out: Path, shards: Sequence[int] = (3, 3, 1), frames: int = 5, valid: int = 1) -> Path:
    """A build at `out` with train shards of so many dialogues; the i-th has `frames` + i % 3 frames and codes that say i."""
    sizes = [(Split.TRAIN, n) for n in shards] + [(Split.VALID, valid)] * bool(valid)
    entries, dialogs, number, at = [], [], {Split.TRAIN: 0, Split.VALID: 0}, 0
    (out / "tokens").mkdir(parents=True)
    (out / "manifests").mkdir()
    for split, n in sizes:
        rows = [_row(at + i, split, frames) for i in range(n)]
        path = out / token_file_name(split, number[split])
        write_table(_table(rows, Table.TOKENS), path, Table.TOKENS)
        name = path.stem
        entries.append(ShardEntry(name, split, number[split], n, rows[0]["dialog_id"], rows[-1]["dialog_id"], "k", n))
        dialogs += [
            r | {"shard": name, "domain": "bank" if i % 2 else "qa", "kind": "service"} for i, r in enumerate(rows)
        ]
        number[split] += 1
        at += n
    # In the order of the shards: write_table would sort them.
    write_all([_table(dialogs, Table.DIALOGS)], out / manifest_path(Table.DIALOGS), Table.DIALOGS)
    write_json(out / "build.json", _summary(out, entries, at).to_dict())
    return out


def _row(i: int, split: Split, frames: int) -> dict[str, object]:
    n = frames + i % 3
    agent = np.full((BOOKS, n), i % 7, np.int16)
    return {
        "dialog_id": f"d-{i:06d}",
        "split": str(split),
        "n_frames": n,
        "agent_codes": agent.tolist(),
        "user_codes": (agent + 1).tolist(),
        "voice_prompt_codes": [[3, 4]] * BOOKS,
        "user_voice_prompt_codes": [[5]] * BOOKS,
        "role_context": f"You are {i}.",
        "user_role_context": f"You call {i}." if i % 2 else "",
        "words": _inside(
            n, [{"word": f"w{i}", "start_s": 0.08, "end_s": 0.2}, {"word": "so", "start_s": 0.24, "end_s": 0.3}]
        ),
        "user_words": _inside(n, [{"word": "yes", "start_s": 0.1, "end_s": 0.2}] * (i % 2)),
        "codec_engine": CODEC.engine,
        "codec_model": CODEC.model,
        "codec_revision": CODEC.revision,
        "content_id": "c0",
    }


def _inside(frames: int, words: list[dict[str, object]]) -> list[dict[str, object]]:
    return [w for w in words if float(str(w["start_s"])) < frames * 0.08]


def _table(rows: list[dict[str, object]], kind: Table) -> pa.Table:
    empty = {f.name: None if f.nullable else _nothing(f.type) for f in schema(kind)}
    known = [{k: v for k, v in r.items() if k in empty} for r in rows]
    return pa.Table.from_pylist([empty | r for r in known], schema(kind))


def _nothing(kind: pa.DataType) -> object:
    return [] if pa.types.is_list(kind) else "" if pa.types.is_string(kind) else 0


def _summary(out: Path, shards: list[ShardEntry], n: int) -> BuildSummary:
    by_split = {s: sum(e.n_dialogs for e in shards if e.split == s) for s in {e.split for e in shards}}
    files = {p.relative_to(out).as_posix(): FileEntry(file_digest(p), p.stat().st_size) for p in out.rglob("*.parquet")}
    return BuildSummary(
        id=f"made{n}",
        name="made",
        datagen_version="0",
        recipe={},
        recipe_digest="",
        content_id="c0",
        engines={"codec": CODEC},
        codec=CodecInfo(BOOKS, 8, 24_000, 1_920, (0, 1), (2, 3)),
        counts=Counts(Count(n, n), {s: Count(k, k) for s, k in by_split.items()}, {}, {}, {}),
        hours=0.0,
        splits=tuple(by_split),
        shards=tuple(shards),
        files=files,
    )
