"""Near-duplicates over a whole build: a stream of MinHash signatures, decided in order, that goes on where it stopped.

Candidates come from banding (Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", section 3.4), the decision from the whole
signature. Bands lie in sorted runs that are merged as they grow, so a dialogue costs 8 bytes a band: at a threshold of 0.8
(21 bands) 168 MB for a million of kept dialogues, and 512 bytes of signature on disk, of which candidates alone are read.
"""

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.stages.write.duplicates import N_PERMUTATIONS
from datagen.store.files import atomic, write_json
from datagen.store.ids import file_digest

RECALL = 0.995
"""The share of pairs at the threshold that banding has to find."""

BATCH = 8_192
"""Dialogues that are looked up at once."""

Signatures = NDArray[np.uint32]
"""uint32 [n, 128], a row a dialogue in the order in which they win; a row of zeros is a dialogue that takes no part."""

_STATE, _RUNS, _LOSERS = "state.json", "bands.npy", "losers.npy"
_MIX = (np.arange(1, 17, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) | np.uint64(
    1
)  # odd factors, one a row of a band


class DamagedIndex(Exception):
    """An index that has changed since it was saved."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Kept dialogues by band: `keys` uint32 [n_bands, n] sorted within a band, and beside them the dialogues' rows."""

    keys: NDArray[np.uint32]
    rows: NDArray[np.uint32]

    @property
    def size(self) -> int:
        return int(self.keys.shape[1])


@dataclass(slots=True)
class NearIndex:
    """Takes dialogues in order; each loses to the first kept one whose estimated Jaccard index with it is at least `threshold`.

    One that lost is nobody's winner, so of a chain the ends may both stay. What was taken before is decided for good:
    more dialogues change nothing of it. `losers` are rows to their winners' rows.
    """

    threshold: float
    n_done: int = 0
    losers: dict[int, int] = field(default_factory=dict)
    _runs: list[_Run] = field(default_factory=list)

    def take(self, signatures: Signatures) -> None:
        """Decides about all rows from `n_done` on. `signatures` holds those taken before too, unchanged; a memory map will do."""
        while self.n_done < len(signatures):
            first, end = self.n_done, min(self.n_done + BATCH, len(signatures))
            self._take_batch(signatures, first, np.asarray(signatures[first:end]))
            self.n_done = end

    def _take_batch(self, signatures: Signatures, first: int, batch: Signatures) -> None:
        keys = band_keys(batch, rows_a_band(self.threshold))
        present = np.asarray(batch.any(axis=1))
        before = self._winners_before(signatures, batch, keys, present)
        kept = np.zeros(len(batch), bool)
        crowded = _crowded(keys)
        seen: dict[tuple[int, int], list[int]] = {}
        for i in np.flatnonzero(present).tolist():
            winner = before.get(i)
            if winner is None and crowded[:, i].any():
                winner = self._winner_within(batch, keys, crowded, seen, i)
                winner = None if winner is None else first + winner
            if winner is None:
                kept[i] = True
            else:
                self.losers[first + i] = winner
        self._keep(keys[:, kept], np.flatnonzero(kept).astype(np.uint32) + np.uint32(first))

    def _winners_before(
        self, signatures: Signatures, batch: Signatures, keys: NDArray[np.uint32], present: NDArray[np.bool_]
    ) -> dict[int, int]:
        """For each dialogue of the batch that loses to one of an earlier batch, the first such row."""
        pairs = [_pairs(run, keys) for run in self._runs]
        if not pairs:
            return {}
        both = np.unique(np.concatenate(pairs), axis=0)  # by dialogue, then by row
        both = both[present[both[:, 0]]]
        found: dict[int, int] = {}
        for start in range(0, len(both), BATCH):
            part = both[start : start + BATCH]
            alike = (batch[part[:, 0]] == signatures[part[:, 1]]).sum(axis=1) >= self._enough
            for i, row in part[alike].tolist():
                found.setdefault(i, row)
        return found

    def _winner_within(
        self,
        batch: Signatures,
        keys: NDArray[np.uint32],
        crowded: NDArray[np.bool_],
        seen: dict[tuple[int, int], list[int]],
        i: int,
    ) -> int | None:
        """The first kept dialogue of the same batch that `i` loses to; where there is none, `i` is put among them."""
        buckets = [(b, int(keys[b, i])) for b in np.flatnonzero(crowded[:, i]).tolist()]
        near = np.array(sorted({j for bucket in buckets for j in seen.get(bucket, ())}), np.int64)
        if len(near):
            alike = near[(batch[near] == batch[i]).sum(axis=1) >= self._enough]
            if len(alike):
                return int(alike[0])
        for bucket in buckets:
            seen.setdefault(bucket, []).append(i)
        return None

    @property
    def _enough(self) -> int:
        return int(np.ceil(self.threshold * N_PERMUTATIONS - 1e-9))

    def _keep(self, keys: NDArray[np.uint32], rows: NDArray[np.uint32]) -> None:
        self._runs.append(_sorted_run(keys, np.broadcast_to(rows, keys.shape)))
        while len(self._runs) > 1 and self._runs[-2].size < 2 * self._runs[-1].size:
            last, before = self._runs.pop(), self._runs.pop()
            self._runs.append(_merged(before, last))

    # -- going on --------------------------------------------------------------------------------------------------

    def save(self, folder: Path, signatures: Signatures) -> None:
        """What was decided, and the bands of what was kept, into `folder`; the state comes last."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _STATE).unlink(missing_ok=True)
        run = _merged(*self._runs) if self._runs else None
        both = np.zeros((2, 0, 0), np.uint32) if run is None else np.stack([run.keys, run.rows])
        for name, array in ((_RUNS, both), (_LOSERS, np.array(sorted(self.losers.items()), np.int64).reshape(-1, 2))):
            with atomic(folder / name) as beside, beside.open("wb") as file:
                np.save(file, array, allow_pickle=False)
        of = _digest(self.threshold, signatures[: self.n_done])
        files = {name: file_digest(folder / name) for name in (_RUNS, _LOSERS)}
        write_json(folder / _STATE, {"n_done": self.n_done, "of": of, "files": files})

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether `folder` holds an index that was saved to its end, be it damaged since."""
        return os.path.lexists(folder / _STATE)

    @classmethod
    def load(cls, folder: Path, threshold: float, signatures: Signatures) -> "NearIndex":
        """What `folder` holds; an empty index where that is none, or not of the first of these very signatures at this threshold.

        Raises DamagedIndex where an index that was saved to its end is not, byte for byte, as it was saved.
        """
        if not cls.is_in(folder):
            return cls(threshold)
        try:
            state = json.loads((folder / _STATE).read_bytes())
            if any(file_digest(folder / name) != state["files"][name] for name in (_RUNS, _LOSERS)):
                raise DamagedIndex
            n_done = int(state["n_done"])
            if n_done > len(signatures) or state["of"] != _digest(threshold, signatures[:n_done]):
                return cls(threshold)
            keys, rows = np.load(folder / _RUNS, allow_pickle=False)
            losers = np.load(folder / _LOSERS, allow_pickle=False)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedIndex from error
        return cls(threshold, n_done, {int(a): int(b) for a, b in losers}, [_Run(keys, rows)] if keys.size else [])


def rows_a_band(threshold: float) -> int:
    """The longest band with which pairs at the threshold are found at `RECALL`: the fewest candidates for it."""
    for rows in range(16, 1, -1):
        if 1 - (1 - threshold**rows) ** (N_PERMUTATIONS // rows) >= RECALL:
            return rows
    return 1


def band_keys(signatures: Signatures, rows: int) -> NDArray[np.uint32]:
    """A hash of every band of `rows` minima, uint32 [n_bands, n]; two bands in four billion are alike by chance."""
    n_bands = N_PERMUTATIONS // rows
    bands = signatures[:, : n_bands * rows].reshape(len(signatures), n_bands, rows).astype(np.uint64)
    mixed = (bands * _MIX[:rows]).sum(axis=2, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(29)
    keys: NDArray[np.uint32] = ((mixed * np.uint64(0xBF58476D1CE4E5B9)) >> np.uint64(32)).astype(np.uint32).T.copy()
    return keys


def near_duplicates(signatures: Signatures, threshold: float) -> dict[int, int]:
    """Each loser's winner, by row: `NearIndex` over one matrix."""
    index = NearIndex(threshold)
    index.take(signatures)
    return index.losers


def _crowded(keys: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Where a band's key is another dialogue's of the same batch too, bool [n_bands, n]."""
    result = np.zeros(keys.shape, bool)
    for band, of_band in enumerate(keys):
        _, which, counts = np.unique(of_band, return_inverse=True, return_counts=True)
        result[band] = (counts > 1)[which.ravel()]
    return result


def _pairs(run: _Run, keys: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Every (dialogue of the batch, row of the run) that share a band, int64 [n, 2]."""
    found = []
    for band, wanted in enumerate(keys):
        low = np.searchsorted(run.keys[band], wanted, "left")
        counts = np.searchsorted(run.keys[band], wanted, "right") - low
        hit = np.flatnonzero(counts)
        if len(hit):
            n = counts[hit]
            ends = np.cumsum(n)
            at = np.arange(ends[-1]) - np.repeat(ends - n, n) + np.repeat(low[hit], n)
            found.append(np.stack([np.repeat(hit, n), run.rows[band][at].astype(np.int64)], axis=1))
    return np.concatenate(found) if found else np.zeros((0, 2), np.int64)


def _sorted_run(keys: NDArray[np.uint32], rows: NDArray[np.uint32]) -> _Run:
    order = np.argsort(keys, axis=1, kind="stable")
    return _Run(np.take_along_axis(keys, order, axis=1), np.take_along_axis(rows, order, axis=1))


def _merged(*runs: _Run) -> _Run:
    if len(runs) == 1:
        return runs[0]
    return _sorted_run(np.concatenate([r.keys for r in runs], axis=1), np.concatenate([r.rows for r in runs], axis=1))


def _digest(threshold: float, signatures: Signatures) -> str:
    found = hashlib.blake2b(f"{threshold} {signatures.shape}".encode(), digest_size=16)
    for start in range(0, len(signatures), BATCH):
        found.update(np.ascontiguousarray(signatures[start : start + BATCH]).data)
    return found.hexdigest()
