"""Decontamination: no dialogue holds what an evaluation set asks, so that a model is measured on what it has not seen.

Two tests, as for text corpora: a run of words in common (GPT-3's 13-gram rule, shorter here since an utterance is shorter), and
utterances that are nearly the same (MinHash, as for near-duplicates).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from datagen.config import Options, knob
from datagen.protocols import Failure
from datagen.records.enums import Kind, Speaker
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write import edits
from datagen.stages.write.duplicates import N_PERMUTATIONS, words_of
from datagen.stages.write.duplicates import sketch as sketch_of
from datagen.stages.write.near_index import band_keys, rows_a_band
from datagen.store.ids import digest

SHINGLE = 3
"""Words of a shingle of an utterance: half of the callers' have fewer than eight words."""
MIN_WORDS = 6
"""Shorter utterances ("What does it cost?") are nobody's."""


class DecontaminationOptions(Options):
    """What counts as being in an evaluation set. Service-Duplex-Bench's probes that ship are always among the sets."""

    files: tuple[str, ...] = knob(
        (), "evaluation sets of yours: .txt (a text a line), .json, .jsonl, .toml or .parquet (all strings in them)", changes_output=False
    )  # fmt: skip
    run_words: int = knob(
        9, "a turn or a role context that has so many words in a row in common with an evaluation text is rejected", "words", ge=5, le=50
    )  # fmt: skip
    jaccard: float = knob(
        0.6,
        "… and a turn whose 3-word shingles have at least this Jaccard index (estimated) with its",
        "share",
        gt=0.2,
        le=1,
    )


@dataclass(frozen=True, slots=True)
class EvaluationText:
    """One text of an evaluation set, and the set's name for messages."""

    source: str
    text: str


class EvaluationSets:
    """The texts that no dialogue may hold. `digest` goes into the content key of what is written."""

    def __init__(self, texts: Iterable[EvaluationText], options: DecontaminationOptions) -> None:
        found = [(t, words_of(t.text)) for t in texts]
        self._texts = [(t, words) for t, words in found if len(words) >= MIN_WORDS]
        self._n, self._jaccard = options.run_words, options.jaccard
        self.digest = digest([(t.source, t.text) for t, _ in self._texts])
        self._words = {word for _, words in self._texts for word in words}
        self._shingles = {s for _, words in self._texts for s in _runs(words, SHINGLE)}
        self._runs: dict[str, int] = {}
        for i, (_, words) in enumerate(self._texts):
            for run in _runs(words, self._n):
                self._runs.setdefault(run, i)
        self._rows = rows_a_band(self._jaccard)
        self._signatures = _signatures([words for _, words in self._texts])
        self._buckets: dict[tuple[int, int], list[int]] = {}
        for band, keys in enumerate(band_keys(self._signatures, self._rows).tolist()):
            for i, key in enumerate(keys):
                self._buckets.setdefault((band, key), []).append(i)

    def __len__(self) -> int:
        return len(self._texts)

    def fault(self, transcript: Transcript, plan: DialogPlan) -> Failure | None:
        """A Failure `contaminated` that names the set and its text; probes are an evaluation set themselves."""
        if plan.kind is Kind.PROBE or not self._texts:
            return None
        context = self._common_run(words_of(transcript.role_context))
        if context is not None:
            return self._failure(f"{transcript.dialog_id}: the role context holds {context[0]!r}", context[1])
        turns = [(t, words_of(" ".join(edits.fluent_words(t)))) for t in transcript.turns]
        for turn, words in turns:
            run = self._common_run(words)
            if run is not None:
                return self._failure(
                    f"{transcript.dialog_id} turn {turn.index}: the {turn.speaker} says {run[0]!r}", run[1]
                )
        asked = [(t, w) for t, w in turns if t.speaker is Speaker.USER and len(w) >= MIN_WORDS and self._may_be(w)]
        for (turn, _), alike in zip(asked, self._alike([words for _, words in asked]), strict=True):
            if alike is not None:
                return self._failure(f"{transcript.dialog_id} turn {turn.index}: the user says nearly the same", alike)
        return None

    def _failure(self, what: str, at: int) -> Failure:
        text, _ = self._texts[at]
        return Failure("contaminated", f"{what}, as {text.source} does: {text.text[:80]!r}.")

    def _common_run(self, words: Sequence[str]) -> tuple[str, int] | None:
        known = 0
        for end, word in enumerate(words, 1):
            known = known + 1 if word in self._words else 0
            if known >= self._n and (run := " ".join(words[end - self._n : end])) in self._runs:
                return run, self._runs[run]
        return None

    def _may_be(self, words: Sequence[str]) -> bool:
        """Whether an utterance is worth a signature: of what nearly is an evaluation text, at least `jaccard` of the shingles are in one.
        Half of that is asked for, as the index is an estimate."""
        n = sum(shingle in self._shingles for shingle in _runs(words, SHINGLE))
        return 2 * n >= self._jaccard * (len(words) - SHINGLE + 1)

    def _alike(self, utterances: Sequence[Sequence[str]]) -> Iterator[int | None]:
        """For each utterance the first evaluation text that it nearly repeats."""
        signatures = _signatures(utterances)
        keys = band_keys(signatures, self._rows)
        for i, signature in enumerate(signatures):
            of = enumerate(keys[:, i].tolist())
            near = sorted({j for bucket in of for j in self._buckets.get(bucket, ())})
            alike = (self._signatures[near] == signature).mean(axis=1) >= self._jaccard if near else np.zeros(0, bool)
            yield near[int(alike.argmax())] if alike.any() else None


def _runs(words: Sequence[str], n: int) -> Iterator[str]:
    """Every run of `n` words, as one text."""
    return (" ".join(words[i : i + n]) for i in range(len(words) - n + 1))


def _signatures(texts: Sequence[Sequence[str]]) -> "np.ndarray[tuple[int, int], np.dtype[np.uint32]]":
    made = [sketch_of(words, SHINGLE) for words in texts]
    return np.array(made, np.uint32).reshape(len(made), N_PERMUTATIONS)
