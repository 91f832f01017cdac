"""The text row: the tokens of the heard words in the frames in which they are said.

Common to both policies, as in moshi-finetune (kyutai-labs/moshi-finetune, finetune/data/interleaver.py, 2025-07): every word is
tokenised alone; its first token's frame is int(start_s x 12.5) in double precision; the rest follow, one a frame; where the
frame before a token is PAD it becomes EPAD, so a word whose tokens could only follow another's directly has none, and frame 0
has nothing before it.

- `drop` is what moshi-finetune trains with: the next word's start ends the word before, whatever is left of it, so that of
  words that start in one frame only the last is laid.
- `shift` is its `keep_and_shift`: what is left waits, the next word's tokens queue behind it, and EPAD moves along with a
  shifted word. The nu-dialogue fork (nu-dialogue/moshi-finetune, tools/tokenize_text.py, 2026-01) lays the same queue into the
  next free frames. It differs in two details that formats.md does not take over: it tokenises the text as a whole and gives
  each token the time of its first letter, interpolated, so a long word may have holes (and EPADs) inside.

moshi-finetune leaves out words that take no time; ours last longer than that by the align gate, and none is left out here.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from datagen.errors import DataError, UserError
from datagen.load.dialog import Words
from datagen.load.sequence import TextCounts
from datagen.load.spec import ModelSpec
from datagen.load.tokenizers import Tokenizer, check_vocabulary, name_of, reserved
from datagen.records.speech import FRAME_RATE_HZ

Row: TypeAlias = NDArray[np.int64]
Policy: TypeAlias = Literal["shift", "drop"]


def text_row(
    words: Words, n_frames: int, tokenizer: Tokenizer, spec: ModelSpec, policy: Policy = "shift", where: str = ""
) -> tuple[Row, TextCounts]:
    """The text row int64 [n_frames] and how it came to be; PAD where nothing is said.

    UserError for another policy, or a tokenizer with another vocabulary than the model's. DataError, which names `where` and
    the word, where times are not ascending seconds from 0, or a word has no token, or one that the model cannot take or that
    means PAD, EPAD, BOS or EOS to it.
    """
    if policy not in _LAID:
        raise UserError(f"policy={policy!r}, and it is one of {', '.join(_LAID)}.")
    if tokenizer.vocabulary_size != spec.text_vocabulary:
        check_vocabulary(tokenizer, spec)
    row = np.full(n_frames, spec.text_pad, np.int64)
    if not len(words):
        return row, TextCounts()
    due = start_frames(words, where)
    encoded = [tokenizer.encode(text) for text in words.texts]
    sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
    n_tokens = int(sizes.sum())
    tokens = np.fromiter(chain.from_iterable(encoded), np.int64, n_tokens)
    _check_tokens(tokens, sizes, words, tokenizer, spec, where)
    first, wanted = _LAID[policy](due, sizes)
    kept = np.clip(n_frames - first, 0, wanted)
    index = np.arange(n_tokens) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    laid = index < np.repeat(kept, sizes)
    row[(np.repeat(first, sizes) + index)[laid]] = tokens[laid]
    before = first[(kept > 0) & (first > 0)] - 1
    row[before[row[before] == spec.text_pad]] = spec.text_epad
    return row, _counted(due, first, sizes, wanted, kept)


def start_frames(words: Words, where: str = "") -> Row:
    """The frame in which each word starts, int64 [n_words]; DataError where times are not finite, ascending and from 0 on."""
    starts = words.start_s
    if len(starts) != len(words):
        raise DataError(f"{_at(where)}{len(words)} words and {len(starts)} start times.")
    if len(starts) and not (starts[0] >= 0 and np.isfinite(starts[-1]) and (starts[1:] >= starts[:-1]).all()):
        steps = np.diff(starts, prepend=0.0)
        wrong = int(np.flatnonzero(~((steps >= 0) & np.isfinite(starts)))[0])
        raise DataError(
            f"{_at(where)}word {wrong} ({words.texts[wrong]!r}) starts at {starts[wrong]} s, and has to start at 0 s or later "
            f"and not before the word in front of it."
        )
    frames: Row = (starts * FRAME_RATE_HZ).astype(np.int64)
    return frames


def total(counts: Iterable[TextCounts]) -> TextCounts:
    """The counts of many text rows in one; the furthest shift is the furthest of all."""
    return sum(counts, TextCounts())


def _shift(due: Row, sizes: Row) -> tuple[Row, Row]:
    """The frame of each word's first token where all tokens queue, and how many tokens it wants to lay: all."""
    ahead = np.cumsum(sizes) - sizes
    return ahead + np.maximum.accumulate(due - ahead), sizes


def _drop(due: Row, sizes: Row) -> tuple[Row, Row]:
    """The same where the next word ends each: it starts when due, and has room until the next one."""
    wanted = sizes.copy()
    np.minimum(wanted[:-1], np.diff(due), out=wanted[:-1])
    return due, wanted


_LAID: Mapping[str, Callable[[Row, Row], tuple[Row, Row]]] = {"shift": _shift, "drop": _drop}


def _counted(due: Row, first: Row, sizes: Row, wanted: Row, kept: Row) -> TextCounts:
    n_kept, late = int(kept.sum()), (first - due) * (kept > 0)
    return TextCounts(
        words=len(sizes),
        tokens=n_kept,
        dropped=int(sizes.sum()) - n_kept,
        dropped_words=len(sizes) - int(np.count_nonzero(kept)),
        shifted=int(kept[late > 0].sum()),
        max_shift_frames=int(late.max()),
        off_end=int(wanted.sum()) - n_kept,
    )


def _check_tokens(tokens: Row, sizes: Row, words: Words, tokenizer: Tokenizer, spec: ModelSpec, where: str) -> None:
    special = reserved(spec)
    if sizes.min() and tokens.min() > max(special) and tokens.max() < spec.text_vocabulary:
        return  # the usual case, and all that it costs
    wrong = (tokens < 0) | (tokens >= spec.text_vocabulary) | np.isin(tokens, special)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    bad = np.concatenate([np.flatnonzero(sizes == 0), owner[wrong]])
    if len(bad):
        word = int(bad.min())
        ids = tokenizer.encode(words.texts[word])
        names = f"PAD {spec.text_pad}, EPAD {spec.text_epad}, BOS {spec.text_bos}, EOS {spec.text_eos}"
        raise DataError(
            f"{_at(where)}word {word} ({words.texts[word]!r}) has the tokens {ids} in tokenizer {name_of(tokenizer)}; a word "
            f"needs at least one, from 0 to {spec.text_vocabulary - 1}, none of {names}."
        )


def _at(where: str) -> str:
    return f"{where}: " * bool(where)
