"""An export from start to end: what is asked, what is done already, the parts, the index, the folder's own README."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datagen.errors import UserError
from datagen.export import registry
from datagen.export.base import ExportDialog, Format, Part, Written
from datagen.export.card import readme
from datagen.export.place import agree, place_of
from datagen.export.records import WORK, Claim, DoneParts, PartRecord, Records
from datagen.export.rows import Joined
from datagen.export.sound import FileSound, sound_of
from datagen.load.builds import OpenBuild, open_build
from datagen.load.reading import ShardReader
from datagen.records.build import FileEntry
from datagen.store.files import disk, file_entry, remove_temporary, temporary, write_bytes
from datagen.store.lock import only_builder

README = "README.md"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an export is: parts there and to come, and dialogues in those that are there."""

    parts: int
    n_parts: int
    dialogs: int


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export has come to. `made` are the parts of this run; 0 where everything was there."""

    claim: Claim
    made: int
    use: str


Report = Callable[[Progress], None]


def run_export(
    out: str | Path,
    name: str,
    folder: str | Path,
    *,
    splits: Sequence[str] = (),
    from_tokens: bool = False,
    version: str = "",
    options: Mapping[str, Any] | None = None,
    report: Report = lambda _: None,
) -> Exported:
    """Exports a build (folder or URL) into a local folder, as far as it is not there already.

    All splits where none are named, and the newest version where no id, or beginning of one, is. UserError for a wrong format, option,
    split or folder, an audio format of a build without audio, another export in the folder; DataError where the build is damaged.
    What is done counts, whatever ends the run.
    """
    form = registry.make(name, options or {})
    build = open_build(out, version=version)
    asked = _splits(build, splits, form.default_splits)
    if from_tokens and not form.audio:
        raise UserError(f"--from-tokens: {form.name} holds no audio, so there is nothing to decode. Leave it out.")
    form.check(build)
    sound = sound_of(build, from_tokens) if form.audio else FileSound(build)
    claim = _claim(form, build, asked, from_tokens)
    folder = place_of(folder, build)
    with only_builder(folder / WORK):
        records = Records(folder)
        before = records.claim()
        if before:
            agree(before, claim, folder, build, (r for n in records.names() if (r := records.part(n))))
            claim = replace(claim, splits=_in_order(build, {*before.splits, *asked}))
        return _Run(form, build, Joined(build, sound), records, claim, before, report).go()


def _splits(build: OpenBuild, asked: Sequence[str], default: Sequence[str]) -> tuple[str, ...]:
    wrong = [s for s in asked if s not in build.splits]
    if wrong:
        raise UserError(
            f"--split {wrong[0]}: {build.root} has no such split. It has: {', '.join(build.splits) or 'none'}."
        )
    chosen = _in_order(build, set(asked or default or build.splits))
    if not chosen:
        raise UserError(f"{build.root}: holds no dialogue of {', '.join(asked or default) or 'any split'} to export.")
    return chosen


def _in_order(build: OpenBuild, splits: set[str]) -> tuple[str, ...]:
    return tuple(s for s in ("train", "valid", "test") if s in splits and s in build.splits)


def _claim(form: Format, build: OpenBuild, splits: tuple[str, ...], from_tokens: bool) -> Claim:
    sound = ("tokens" if from_tokens else "files") if form.audio else ""
    made = build.summary
    return Claim(
        form.name, form.version, form.identity(), sound, made.name, made.id, splits, cannot_hold=form.cannot_hold
    )


class _Run:
    """One run into a folder that is ours and locked."""

    def __init__(
        self, form: Format, build: OpenBuild, joined: Joined, records: Records, claim: Claim, before: Claim | None, report: Report
    ) -> None:  # fmt: skip
        self._form, self._build, self._joined = form, build, joined
        self._records, self._claim, self._before, self._report = records, claim, before, report
        self._folder = records.folder
        self._reader = ShardReader(build, verify=True)
        self._shards = {s.name: s for s in build.summary.shards}
        self._parts = [p for split in claim.splits for p in form.parts(build, split)]

    def go(self) -> Exported:
        missing = [p for p in self._parts if not self._is_done(p)]
        stale = set(self._records.names()) - {p.name for p in self._parts}
        if self._before and not missing and not stale and self._is_finished(self._before):
            return Exported(self._before, 0, self._form.use)
        remove_temporary(self._folder)
        index = self._before.index if self._before else {}
        self._records.write_claim(replace(self._claim, complete=False, index=index))
        for name in sorted(stale):
            self._records.drop(name)
        self._make_all(missing)
        return Exported(self._finish(), len(missing), self._form.use)

    def _is_finished(self, before: Claim) -> bool:
        """Whether the folder says of itself what this run would say."""
        same = (before.build_id, before.splits) == (self._claim.build_id, self._claim.splits)
        return same and before.complete and self._records.holds(before.index)

    def _is_done(self, part: Part) -> bool:
        found = self._records.part(part.name)
        if found is None or not found.placed:
            return False
        made_of = (found.split, found.number, dict(found.shards))
        return made_of == (part.split, part.number, self._keys(part)) and self._records.holds(found.files)

    def _keys(self, part: Part) -> dict[str, str]:
        return {name: self._shards[name].key for name in part.shards}

    def _make_all(self, missing: Sequence[Part]) -> None:
        there = len(self._parts) - len(missing)
        dialogs = sum(p.n_dialogs for p in self._parts) - sum(p.n_dialogs for p in missing)
        for i, part in enumerate(missing):
            self._report(Progress(there + i, len(self._parts), dialogs))
            self._make(part)
            dialogs += part.n_dialogs
        self._report(Progress(len(self._parts), len(self._parts), dialogs))

    def _make(self, part: Part) -> None:
        """Writes a part in a folder of its own, puts its files into their places, and records it last."""
        draft = temporary(self._folder / part.name)
        try:
            with disk(self._folder):
                draft.mkdir()
                written = self._form.write(part, self._dialogs(part), draft)
                self._records.drop(part.name)
                record = _record(
                    part, self._keys(part), written, {name: file_entry(draft / name) for name in written.files}
                )
                self._records.write_part(record)
                for name in written.files:
                    _place(draft / name, self._folder / name)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        self._records.write_part(replace(record, placed=True))

    def _dialogs(self, part: Part) -> Iterator[ExportDialog]:
        for name in part.shards:
            yield from self._joined.join(name, self._reader.dialogs(self._shards[name]))

    def _finish(self) -> Claim:
        done = DoneParts(self._records, self._parts)
        index = list(self._form.finish(self._build, done, self._folder))
        for name in (self._before.index if self._before else {}).keys() - {*index, README}:
            (self._folder / name).unlink(missing_ok=True)  # of a split or a file that is no longer
        claim = replace(_summed(self._claim, done.records()), complete=True)
        write_bytes(self._folder / README, readme(claim, self._form.use).encode())
        entries = {name: file_entry(self._folder / name) for name in [*index, README]}
        claim = replace(claim, index=entries)
        self._records.write_claim(claim)
        return claim


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)


def _record(part: Part, keys: Mapping[str, str], written: Written, files: Mapping[str, FileEntry]) -> PartRecord:
    return PartRecord(
        part.name, part.split, part.number, keys, written.n_dialogs, written.counts, written.lines, files, placed=False
    )


def _summed(claim: Claim, records: Iterable[PartRecord]) -> Claim:
    """The claim with what its parts have come to."""
    dialogs, counts, n_files, n_bytes = Counter[str](), dict[str, int](), 0, 0
    for record in records:
        dialogs[record.split] += record.n_dialogs
        n_files += len(record.files)
        n_bytes += sum(f.bytes for f in record.files.values())
        for name, n in record.counts.items():
            counts[name] = max(counts.get(name, 0), n) if name.startswith("max_") else counts.get(name, 0) + n
    by_split = {split: dialogs[split] for split in claim.splits}
    return replace(claim, dialogs=by_split, counts=counts, n_files=n_files, n_bytes=n_bytes)
