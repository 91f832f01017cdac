"""Hearing for tests: pocketsphinx with a language model of the sentences that may be said, and word error rates.

The model is a trigram of many sentences, not of the reference alone, which would hear what it expects; words outside
pocketsphinx's dictionary cannot be heard, so tests choose sentences inside it (`known`).
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pocketsphinx

RATE_HZ = 16_000
HISS = 0.001
"""-60 dB of noise under all that is heard. A microphone is never quite still: pauses of zeros shift the means that pocketsphinx takes
off its features, and clean speech came out at 0.18 errors a word instead of 0.08."""
WORD = re.compile(r"[a-z']+")


def words_of(text: str) -> list[str]:
    """The words of a text as pocketsphinx writes them: lower case, no punctuation; figures have to be spelled out before."""
    return WORD.findall(text.lower().replace("-", " "))


@cache
def dictionary() -> frozenset[str]:
    """Every word that pocketsphinx's English model can hear."""
    lines = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")).read_text().splitlines()
    return frozenset(line.split()[0] for line in lines if line and "(" not in line.split()[0])


def known(sentence: str) -> bool:
    """Whether every word of a sentence can be heard."""
    words = words_of(sentence)
    return bool(words) and all(word in dictionary() for word in words)


def write_lm(path: Path, sentences: Iterable[str]) -> Path:
    """An ARPA trigram of the sentences, smoothed by Witten and Bell; a ValueError names words that cannot be heard."""
    texts = [words_of(s) for s in sentences]
    strange = sorted({w for t in texts for w in t} - dictionary())
    if strange:
        raise ValueError(f"not in pocketsphinx's dictionary: {', '.join(strange[:10])}")
    path.write_text(_arpa(texts), encoding="ascii")
    return path


def transcribe(audio_24k: np.ndarray, lm: Path) -> str:
    """What pocketsphinx hears in mono audio at 24 kHz with a language model from `write_lm`, as lower-case words."""
    decoder = _decoder(str(lm))
    heard = np.pad(_to_16k(audio_24k), RATE_HZ // 4)
    heard += np.random.default_rng(0).normal(0, HISS, len(heard))
    decoder.start_utt()
    decoder.process_raw(np.clip(np.rint(heard * 32_767), -32_768, 32_767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return found.hypstr if found else ""


def errors(ref: str, hyp: str) -> int:
    """The least number of substituted, deleted and inserted words between two texts."""
    wanted, got = words_of(ref), words_of(hyp)
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


def wer(ref: str | Sequence[str], hyp: str | Sequence[str]) -> float:
    """Word errors by words of the reference; of two lists of texts, all errors by all words."""
    refs, hyps = ([ref], [hyp]) if isinstance(ref, str) and isinstance(hyp, str) else (ref, hyp)
    total = sum(len(words_of(r)) for r in refs)
    return sum(errors(r, h) for r, h in zip(refs, hyps, strict=True)) / total


@cache
def _decoder(lm: str) -> "pocketsphinx.Decoder":
    return pocketsphinx.Decoder(lm=lm, samprate=RATE_HZ, loglevel="FATAL")


def _to_16k(audio: np.ndarray) -> np.ndarray:
    padded = np.zeros(-(-len(audio) // 3) * 3)
    padded[: len(audio)] = audio
    spectrum = np.fft.rfft(padded)
    n = len(padded) // 3 * 2
    return np.fft.irfft(spectrum[: n // 2 + 1], n) * (2 / 3)


def _arpa(texts: list[list[str]]) -> str:
    counts: list[Counter[tuple[str, ...]]] = [Counter(), Counter(), Counter()]
    for words in texts:
        line = ["<s>", *words, "</s>"]
        for n in (1, 2, 3):
            counts[n - 1].update(tuple(line[i : i + n]) for i in range(len(line) - n + 1))
    followers: dict[tuple[str, ...], set[str]] = defaultdict(set)
    seen: Counter[tuple[str, ...]] = Counter()
    for table in counts:
        for gram, count in table.items():
            if gram != ("<s>",):
                followers[gram[:-1]].add(gram[-1])
                seen[gram[:-1]] += count
    vocabulary = len(counts[0]) - 1

    @cache
    def chance(gram: tuple[str, ...]) -> float:
        history = gram[:-1]
        lower = chance(gram[1:]) if history else 1 / vocabulary
        kinds = len(followers[history])
        if not seen[history]:
            return lower
        return (counts[len(history)][gram] + kinds * lower) / (seen[history] + kinds)

    parts = ["\\data\\", *(f"ngram {n}={len(counts[n - 1])}" for n in (1, 2, 3))]
    for n in (1, 2, 3):
        parts += ["", f"\\{n}-grams:"]
        for gram in sorted(counts[n - 1]):
            log_chance = -99.0 if gram == ("<s>",) else math.log10(chance(gram))
            kinds = len(followers[gram]) if n < 3 else 0
            back_off = f" {math.log10(kinds / (seen[gram] + kinds)):.5f}" if kinds else ""
            parts.append(f"{log_chance:.5f} {' '.join(gram)}{back_off}")
    return "\n".join([*parts, "", "\\end\\", ""])
