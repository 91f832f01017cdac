"""A whole build: file by file, shard by shard, and what only shows over all of it."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datagen.check.dialog import check_dialog
from datagen.check.files import check_files, read_build
from datagen.check.problem import Problem
from datagen.check.sound import check_sound
from datagen.check.streams import Row, ShardRows, dicts, unreadable
from datagen.check.tokens import read_tokens
from datagen.config import read_options
from datagen.errors import DataError, UserError
from datagen.load.builds import open_build
from datagen.load.local_files import LocalFiles
from datagen.load.published import Published
from datagen.records.build import BUILD_FILE, BuildSummary, Count, Counts
from datagen.records.enums import Stage
from datagen.run.timing import measure_manifests
from datagen.stages.pack.schema import Table, manifest_path, token_file_name
from datagen.stages.pack.summary import Summary, summarise
from datagen.stages.pack.tables import is_sorted, read_table
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.timing import Timing

DIALOGS, TURNS, VOICES, REJECTS = (manifest_path(k) for k in (Table.DIALOGS, Table.TURNS, Table.VOICES, Table.REJECTS))


def check_build(out: str | Path, version: str = "") -> list[Problem]:
    """Every fault of an output, [] where there is none: of its newest version, or of the one whose id begins with `version`.

    `out` is a folder or a URL. Reads it shard by shard; writes nothing there. A file that cannot be read is one problem, and what can
    be checked without it is. UserError where no such version is; of a URL, what `open_build` raises.
    """
    published = _published(out, version)
    if isinstance(published, Problem):
        return [published.one_line()]
    files = LocalFiles(published)
    try:
        return _checked(files, newest=not version)
    finally:
        files.close()


def _published(out: str | Path, version: str) -> Published | Problem:
    if version or "://" in str(out):
        return open_build(str(out), version=version)
    build = read_build(Path(out))
    return build if isinstance(build, Problem) else Published(str(out), build)


def _checked(files: LocalFiles, newest: bool) -> list[Problem]:
    build = files.build.summary
    problems = list(check_files(files, newest))
    corpus = _Corpus()
    _check_shards(files, build, corpus, problems)
    _check_voices(files, build, corpus, problems)
    _check_rejects(files, corpus, problems)
    problems += corpus.crossings()
    problems += _check_counts(files, build)
    return list(dict.fromkeys(p.one_line() for p in problems))


@dataclass(slots=True)
class _Corpus:
    """What has to be kept of every dialogue to see faults that lie between them: ids, and the splits of what is shared."""

    ids: set[str] = field(default_factory=set)
    whole: bool = True
    splits: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    voices: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def take(self, dialog: Row) -> Iterator[Problem]:
        name, split = dialog["dialog_id"], dialog["split"]
        if name in self.ids:
            yield Problem(DIALOGS, name, "is there twice.")
        self.ids.add(name)
        self.splits["scenario", f"{dialog['domain']}/{dialog['scenario']}"].add(split)
        if dialog["company"] is not None:
            self.splits["company", f"{dialog['domain']}/{dialog['company']}"].add(split)
        for voice in {dialog["agent_voice"], dialog["user_voice"]}:
            self.splits["voice", voice].add(split)
            self.voices[voice] += 1

    def crossings(self) -> Iterator[Problem]:
        for (what, name), splits in sorted(self.splits.items()):
            if len(splits) > 1:
                yield Problem(
                    DIALOGS, f"{what} {name}", f"is in the splits {', '.join(sorted(splits))}, and may be in one only."
                )


def _check_shards(files: LocalFiles, build: BuildSummary, corpus: _Corpus, problems: list[Problem]) -> None:
    order = {shard.name: i for i, shard in enumerate(build.shards)}
    if len(order) < len(build.shards):
        problems.append(Problem(BUILD_FILE, "shards", "a shard is there twice."))
        return
    dialogs, turns = (ShardRows(files, kind, order) for kind in (Table.DIALOGS, Table.TURNS))
    for shard in build.shards:
        token_rows = read_tokens(files, build, shard, problems)
        dialog_rows, turn_rows = dialogs.take(shard.name), turns.take(shard.name)
        for dialog in dialog_rows:
            problems += corpus.take(dialog)
        problems += _order(dialog_rows, DIALOGS, shard.name, ("dialog_id",))
        problems += _order(turn_rows, TURNS, shard.name, ("dialog_id", "turn"))
        by_id = {row["dialog_id"]: row for row in dialog_rows}
        turns_of: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for turn in turn_rows:
            turns_of[turn["dialog_id"]].append(turn)
        token_file = token_file_name(shard.split, shard.number)
        if dialogs.whole and token_rows is not None:
            problems += _same_ids(set(by_id), {r["dialog_id"] for r in token_rows}, token_file)
        if dialogs.whole and turns.whole:
            problems += _same_ids(set(by_id), set(turns_of), TURNS)
        for row in token_rows or ():
            if row["dialog_id"] in by_id and turns.whole:
                problems += check_dialog(
                    files, build, token_file, row, by_id[row["dialog_id"]], turns_of[row["dialog_id"]]
                )
    for rows in (dialogs, turns):
        rows.close()
        problems += rows.problems
    corpus.whole = dialogs.whole


def _order(rows: list[dict[str, Any]], file: str, shard: str, keys: tuple[str, ...]) -> Iterator[Problem]:
    found = [tuple(row[k] for k in keys) for row in rows]
    if any(a >= b for a, b in itertools.pairwise(found)):
        yield Problem(file, shard, f"rows are not in the order of {', '.join(keys)}, or one is there twice.")


def _same_ids(dialogs: set[str], others: set[str], file: str) -> Iterator[Problem]:
    for name in sorted(dialogs - others):
        yield Problem(file, name, f"has no row here, and one in {DIALOGS}.")
    for name in sorted(others - dialogs):
        yield Problem(file, name, f"has a row here, and none in {DIALOGS}.")


def _table(files: LocalFiles, kind: Table, problems: list[Problem]) -> list[dict[str, Any]] | None:
    file = manifest_path(kind)
    try:
        table = read_table(files.path(file), kind)
    except DataError as error:
        problems.append(unreadable(error, file))
        return None
    if kind is Table.VOICES and not is_sorted(table, kind):
        problems.append(Problem(file, "id", "rows are not in order, or a voice is there twice."))
    return dicts(table)


def _check_voices(files: LocalFiles, build: BuildSummary, corpus: _Corpus, problems: list[Problem]) -> None:
    rows = _table(files, Table.VOICES, problems)
    if rows is None or not corpus.whole:
        return
    by_id = {row["id"]: row for row in rows}
    for voice in sorted(set(corpus.voices) - set(by_id)):
        problems.append(Problem(VOICES, voice, f"speaks in {DIALOGS} and is not here."))
    for name, row in sorted(by_id.items()):
        if row["n_dialogs"] != corpus.voices.get(name, 0):
            problems.append(
                Problem(
                    VOICES, name, f"n_dialogs is {row['n_dialogs']}, and it speaks in {corpus.voices.get(name, 0)}."
                )
            )
        foreign = corpus.splits.get(("voice", name), set()) - {row["split"]}
        if foreign:
            problems.append(Problem(VOICES, name, f"is of {row['split']}, and speaks in {', '.join(sorted(foreign))}."))
        said = check_sound(files, build, "prompt_path", row["prompt_path"], 1)
        problems += (Problem(VOICES, name, what) for what in said)
        if not row["licence"]:
            problems.append(Problem(VOICES, name, "has no licence."))


def _check_rejects(files: LocalFiles, corpus: _Corpus, problems: list[Problem]) -> None:
    seen: set[str] = set()
    for row in _table(files, Table.REJECTS, problems) or ():
        name = row["dialog_id"]
        if name in seen:
            problems.append(Problem(REJECTS, name, "is there twice."))
        if name in corpus.ids:
            problems.append(Problem(REJECTS, name, f"was rejected and is in {DIALOGS} all the same."))
        if row["stage"] not in list(Stage) or not row["reason"]:
            problems.append(Problem(REJECTS, name, f"stage {row['stage']!r} or reason {row['reason']!r} is none."))
        seen.add(name)


def _check_counts(files: LocalFiles, build: BuildSummary) -> Iterator[Problem]:
    """What build.json counts is what the manifests hold, and nothing that was planned is missing."""
    total = build.counts.total
    if total.planned != total.kept + total.rejected:
        yield Problem(
            BUILD_FILE,
            "counts.total",
            f"{total.planned} planned are not {total.kept} kept and {total.rejected} rejected.",
        )
    members = sum(s.n_planned for s in build.shards)
    if members != total.planned:
        yield Problem(BUILD_FILE, "shards", f"have {members} members, and {total.planned} dialogues were planned.")
    try:
        found = summarise(files.path(DIALOGS), files.path(REJECTS))
        options = read_options(StitchOptions, build.recipe.get("stitch", {}), "recipe.stitch")
        timing = measure_manifests(files.path(DIALOGS), files.path(TURNS), options)
    except DataError:
        return  # Said where the manifest itself was checked.
    except UserError as error:
        yield Problem(BUILD_FILE, "recipe", f"is not one of this version: {error}")
        return
    yield from (Problem(BUILD_FILE, where, what) for where, what in _differences(build, found, timing))


def _differences(build: BuildSummary, found: Summary, timing: Timing) -> Iterator[tuple[str, str]]:
    said, is_so = _flat(build.counts), _flat(found.counts)
    for name in sorted({*said, *is_so}):
        if said.get(name, Count()) != is_so.get(name, Count()):
            yield f"counts.{name}", f"is {_told(said.get(name))}, and the manifests hold {_told(is_so.get(name))}."
    if dict(build.counts.rejects) != dict(found.counts.rejects):
        yield (
            "counts.rejects",
            f"are {dict(build.counts.rejects)}, and the manifest holds {dict(found.counts.rejects)}.",
        )
    numbers: dict[str, tuple[float | None, float | None]] = {"hours": (build.hours, found.hours)}
    for group, said_of, is_of in (
        ("timing", build.timing, timing.output),
        ("timing_target", build.timing_target, timing.target),
    ):
        numbers |= {f"{group}.{k}": (said_of.get(k), is_of.get(k)) for k in sorted({*said_of, *is_of})}
    for name, (said_value, value) in numbers.items():
        if said_value is None or value is None or abs(said_value - value) > 2e-6 * max(1.0, abs(value)):
            yield name, f"is {said_value}, and by the manifests it is {value}."


def _flat(counts: Counts) -> Mapping[str, Count]:
    groups = {"by_split": counts.by_split, "by_domain": counts.by_domain, "by_kind": counts.by_kind}
    return {"total": counts.total, **{f"{group}.{k}": c for group, found in groups.items() for k, c in found.items()}}


def _told(count: Count | None) -> str:
    return f"{count.kept} kept, {count.rejected} rejected, {count.hours} h" if count else "none"
