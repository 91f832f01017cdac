"""The text row against slow readings of the two trainers' rules, and against what was heard in a real build."""

import itertools
import json
from collections import deque
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datagen.errors import DataError, UserError
from datagen.load.dialog import Words
from datagen.load.sequence import TextCounts
from datagen.load.spec import MOSHI, PERSONAPLEX
from datagen.load.text_row import start_frames, text_row, total
from datagen.load.tokenizers import TRYING, TRYING_FILE, for_trying, open_tokenizer

PAD, EPAD, RATE = 3, 0, 12.5
Placed = list[tuple[float, list[int]]]
"""Start in seconds and tokens, a word each."""


class Spelled:
    """A tokenizer whose texts spell their tokens: "17.4.9"."""

    vocabulary_size = 32_000

    def encode(self, text: str) -> list[int]:
        return [int(piece) for piece in text.split(".") if piece]


def words_of(placed: Placed) -> Words:
    starts = np.array([s for s, _ in placed], np.float64)
    return Words(tuple(".".join(map(str, ids)) for _, ids in placed), starts, starts + 0.3)


def row_of(placed: Placed, n_frames: int, policy: str) -> tuple[list[int], TextCounts]:
    row, counts = text_row(words_of(placed), n_frames, Spelled(), MOSHI, policy)  # type: ignore[arg-type]
    assert row.dtype == np.int64
    return row.tolist(), counts


def interleaved(placed: Placed, n_frames: int, keeps: bool) -> list[int]:
    """moshi-finetune's walk over the frames: words begun by the end of a frame replace (or join) what waits to be laid."""
    row, coming, waiting = [PAD] * n_frames, deque(placed), deque[int]()
    for frame in range(n_frames):
        while coming and coming[0][0] * RATE < frame + 1:
            _, ids = coming.popleft()
            waiting = deque([*waiting, *ids]) if keeps else deque(ids)
        if waiting:
            if frame and row[frame - 1] == PAD:
                row[frame - 1] = EPAD
            row[frame] = waiting.popleft()
    return row


def searched(placed: Placed, n_frames: int) -> tuple[list[int], list[int]]:
    """The nu-dialogue fork's search, a token at a time from its due frame to the first that is PAD; and each token's shift."""
    row, shifts = [PAD] * n_frames, []
    for start_s, ids in placed:
        begin = int(start_s * RATE)
        for nth, token in enumerate(ids):
            frame = begin + nth
            while frame < n_frames and row[frame] != PAD:
                frame += 1
            if frame >= n_frames:
                break
            row[frame] = token
            shifts.append(frame - begin - nth)
            if frame and row[frame - 1] == PAD:
                row[frame - 1] = EPAD
    return row, shifts


@st.composite
def spoken(draw: st.DrawFn) -> tuple[Placed, int]:
    """Words by start, some of them together, on borders of frames, or behind the end; every token another id."""
    steps = st.one_of(st.just(0.0), st.sampled_from([0.08, 0.16, 0.4]), st.floats(0, 1.2))
    starts = list(itertools.accumulate(draw(st.lists(steps, max_size=14))))
    sizes = [draw(st.integers(1, 6)) for _ in starts]
    ids = iter(range(4, 200))
    return [(s, list(itertools.islice(ids, n))) for s, n in zip(starts, sizes, strict=True)], draw(st.integers(1, 80))


TOGETHER: Placed = [(0.0, [4, 5, 6]), (0.0, [7]), (0.08, [8, 9])]


@settings(max_examples=300, deadline=None)
@given(spoken())
@example((TOGETHER, 4))
@example(([(7.0, [4])], 10))
def test_drop_is_what_moshi_finetune_trains_on(case: tuple[Placed, int]) -> None:
    placed, n_frames = case
    row, counts = row_of(placed, n_frames, "drop")
    assert row == interleaved(placed, n_frames, keeps=False)
    laid = {t for t in row if t > PAD}
    assert counts.words == len(placed)
    assert counts.tokens == len(laid)
    assert counts.dropped == sum(len(ids) for _, ids in placed) - len(laid)
    assert counts.dropped_words == sum(laid.isdisjoint(ids) for _, ids in placed)
    begins = [int(start_s * RATE) for start_s, _ in placed]
    ends = [*begins, float("inf")][1 : len(begins) + 1]
    frames = [(b + nth, end) for b, end, (_, ids) in zip(begins, ends, placed, strict=True) for nth in range(len(ids))]
    assert counts.off_end == sum(n_frames <= frame < end for frame, end in frames)
    assert (counts.shifted, counts.max_shift_frames) == (0, 0)


@settings(max_examples=300, deadline=None)
@given(spoken())
@example((TOGETHER, 4))
@example(([(7.0, [4])], 10))
def test_shift_is_the_queue_of_the_one_and_the_search_of_the_other(case: tuple[Placed, int]) -> None:
    placed, n_frames = case
    row, counts = row_of(placed, n_frames, "shift")
    slow, shifts = searched(placed, n_frames)
    assert row == interleaved(placed, n_frames, keeps=True) == slow
    in_order = [t for _, ids in placed for t in ids]
    assert [t for t in row if t > PAD] == in_order[: len(shifts)], "nothing is lost but off the end"
    assert counts == TextCounts(
        words=len(placed),
        tokens=len(shifts),
        dropped=len(in_order) - len(shifts),
        dropped_words=sum(set(row).isdisjoint(ids) for _, ids in placed),
        shifted=sum(s > 0 for s in shifts),
        max_shift_frames=max(shifts, default=0),
        off_end=len(in_order) - len(shifts),
    )


def test_rows_by_hand() -> None:
    placed: Placed = [(0.0, [10]), (0.40, [11, 12, 13]), (0.56, [14, 15]), (0.60, [16]), (1.04, [17])]
    assert row_of(placed, 15, "drop")[0] == [10, 3, 3, 3, 0, 11, 12, 16, 3, 3, 3, 3, 0, 17, 3]
    assert row_of(placed, 15, "shift")[0] == [10, 3, 3, 3, 0, 11, 12, 13, 14, 15, 16, 3, 0, 17, 3]
    _, counts = row_of(placed, 9, "shift")
    assert counts == TextCounts(5, 5, 3, 2, 1, 1, 3)


def test_a_word_is_in_the_frame_in_which_it_starts() -> None:
    starts = np.array([0.0, 0.0799999, 0.08, 1.6799, 1.68, 1.7599999, 160.0])
    words = Words(("x",) * len(starts), starts, starts + 0.2)
    assert start_frames(words).tolist() == [0, 0, 1, 20, 21, 21, 2_000]
    # On a border it is the trainer's own product of doubles that decides: 2.32 x 12.5 is a little under 29.
    borders = np.arange(2_048) * 1_920 / 24_000
    frames = start_frames(Words(("x",) * 2_048, borders, borders))
    assert ((borders * RATE < frames + 1) & (borders * RATE >= frames)).all()


def test_no_word_is_all_pad() -> None:
    row, counts = row_of([], 5, "shift")
    assert row == [PAD] * 5
    assert counts == TextCounts()


@pytest.mark.parametrize(
    ("placed", "said"),
    [
        ([(0.5, [9]), (0.4, [9])], "word 1 ('9') starts at 0.4 s"),
        ([(-0.1, [9])], "word 0 ('9') starts at -0.1 s"),
        ([(0.5, [9]), (float("nan"), [9])], "word 1 ('9') starts at nan s"),
        ([(0.5, [9]), (float("nan"), [9]), (0.7, [9])], "word 1 ('9') starts at nan s"),
        ([(0.5, [9]), (float("inf"), [9])], "word 1 ('9') starts at inf s"),
        ([(0.5, [9]), (0.6, [])], "word 1 ('') has the tokens []"),
        ([(0.5, [9]), (0.6, [9, 3])], "word 1 ('9.3') has the tokens [9, 3]"),
        ([(0.5, [0])], "none of PAD 3, EPAD 0, BOS 1, EOS 2"),
        ([(0.5, [9]), (0.6, [32_000])], "from 0 to 31999"),
        ([(0.5, [9]), (0.6, [-1])], "word 1 ('-1') has the tokens [-1]"),
    ],
)
@pytest.mark.parametrize("policy", ["shift", "drop"])
def test_bad_words_are_refused_in_one_line(placed: Placed, said: str, policy: str) -> None:
    with pytest.raises(DataError) as caught:
        text_row(words_of(placed), 20, Spelled(), PERSONAPLEX, policy, where="train-00000.parquet row 4")  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert str(caught.value).startswith("train-00000.parquet row 4: ")
    assert "\n" not in str(caught.value)


def test_bad_requests_are_refused_in_one_line() -> None:
    words = words_of([(0.5, [9])])
    with pytest.raises(UserError, match=r"^policy='stretch', and it is one of shift, drop\.$"):
        text_row(words, 20, Spelled(), MOSHI, "stretch")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="4096 pieces, and moshi has 32000"):
        text_row(words, 20, open_tokenizer(TRYING), MOSHI)
    with pytest.raises(DataError, match="^1 words and 2 start times"):
        text_row(Words(("9",), np.array([0.1, 0.2]), np.array([0.2])), 20, Spelled(), MOSHI)


def test_counts_add_up_to_a_line() -> None:
    found = [row_of(TOGETHER, 4, policy)[1] for policy in ("shift", "drop")]
    assert total(found) == TextCounts(6, 7, 5, 2, 1, 3, 2)
    assert str(total(found)) == (
        "text: 6 words, 7 of 12 tokens laid; 1 (8.3 %) shifted, by at most 3 frames (0.24 s); "
        "5 (41.7 %) dropped (2 words whole, 2 tokens off the end)"
    )
    assert str(row_of([(0.0, [9])], 4, "drop")[1]) == "text: 1 words, 1 of 1 tokens laid; none shifted; none dropped"
    assert str(total([])) == "text: 0 words, no tokens"


def test_only_what_was_heard_has_tokens(built: Path) -> None:
    """The row's text is the heard words of the agent's turns and its backchannels by start; what a barge-in cut off is not in it."""
    sentencepiece = pytest.importorskip("sentencepiece")
    read = sentencepiece.SentencePieceProcessor(model_file=str(TRYING_FILE))
    turns = pq.read_table(built / "manifests" / "turns.parquet").to_pylist()
    unheard = 0
    for shard in sorted((built / "tokens").glob("*.parquet")):
        for dialog in pq.read_table(shard).to_pylist():
            own = [t for t in turns if t["dialog_id"] == dialog["dialog_id"]]
            said = [
                (w["start_s"], w["word"])
                for t in own
                if t["speaker"] == "agent"
                for w in t["words"][: len(t["heard_text"].split())]
            ]
            said += [
                (e["start_s"], text) for t in own for e in t["events"]
                if e["type"] == "backchannel" and e["channel"] == 0 for text in [_attr_text(e["attrs"])]
            ]  # fmt: skip
            unheard += sum(len(t["unheard_text"].split()) for t in own if t["speaker"] == "agent")
            words = _words(dialog["words"])
            row, counts = text_row(words, dialog["n_frames"], open_tokenizer(TRYING), for_trying(MOSHI))
            assert read.decode([t for t in row.tolist() if t > PAD]) == " ".join(text for _, text in sorted(said))
            assert counts.words == len(words)
            assert counts.off_end == 0
    assert unheard >= 6, "the build has a barge-in that cuts something off"


def _attr_text(attrs: str) -> str:
    return str(json.loads(attrs)["text"])


def _words(rows: list[dict[str, float | str]]) -> Words:
    starts, ends = (np.array([r[key] for r in rows], np.float64) for key in ("start_s", "end_s"))
    return Words(tuple(str(r["word"]) for r in rows), starts, ends)
