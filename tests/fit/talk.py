"""Talk with known timing: turns whose FTOs follow a distribution, with pauses, backchannels and interjections in them."""

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np

from datagen.stages.stitch.fto import FtoModel, LognormalFto

TRUTH = LognormalFto(0.42, 0.35, 0.8, 0.4, 0.5, 4.0)
PAIR_SHARE, SPEAKER_SHARE = 0.3, 0.1
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Said:
    """A stretch of speech without a pause, of words of about 0.3 s."""

    recording: str
    speaker: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Talk:
    """Recordings, and what is true of them."""

    said: tuple[Said, ...]
    fto_s: tuple[float, ...]
    pauses_s: tuple[float, ...]
    n_backchannels: int
    turn_s: float


def talk(
    seed: int = 1,
    n_recordings: int = 40,
    n_turns: int = 60,
    model: FtoModel = TRUTH,
    speakers: Sequence[str] = ("ann", "bob"),
    pair_share: float = PAIR_SHARE,
    speaker_share: float = SPEAKER_SHARE,
) -> Talk:
    """Recordings of turns in alternation (with more than two speakers: any other one goes on)."""
    rng = np.random.default_rng(seed)
    said: list[Said] = []
    ftos: list[float] = []
    pauses: list[float] = []
    n_backchannels, turn_s = 0, 0.0
    for r in range(n_recordings):
        name = f"call{r:03d}"
        # Spread evenly, so that how alike the pairs of this sample are is no matter of luck.
        pair = _NORMAL.inv_cdf((r + 0.5) / n_recordings) * pair_share**0.5
        own = {s: rng.standard_normal() * speaker_share**0.5 for s in speakers}
        at, before = 1.0 + rng.random(), ""
        for turn in range(n_turns):
            speaker = (
                speakers[turn % 2] if len(speakers) == 2 else str(rng.choice([s for s in speakers if s != before]))
            )
            if turn:
                z = pair + own[speaker] + rng.standard_normal() * (1 - pair_share - speaker_share) ** 0.5
                ftos.append(model.quantile(_NORMAL.cdf(z)))
                at += ftos[-1]
            stretches, gaps = _turn(rng, at)
            said += [Said(name, speaker, a, b) for a, b in stretches]
            pauses += gaps
            listener = str(rng.choice([s for s in speakers if s != speaker]))
            asides, n = _asides(rng, stretches)
            said += [Said(name, listener, a, b) for a, b in asides]
            n_backchannels += n
            at, before = stretches[-1][1], speaker
            turn_s += stretches[-1][1] - stretches[0][0]
    return Talk(tuple(said), tuple(ftos), tuple(pauses), n_backchannels, turn_s)


def _turn(rng: np.random.Generator, start_s: float) -> tuple[list[tuple[float, float]], list[float]]:
    """The stretches of a turn: the first and the last long enough for whoever overlaps them, pauses between."""
    lengths = [rng.uniform(3.0, 6.0)]
    gaps = [float(np.clip(rng.lognormal(np.log(0.5), 0.4), 0.25, 1.6)) for _ in range(rng.integers(0, 3))]
    lengths += [rng.uniform(3.0, 5.0) for _ in gaps]
    stretches, at = [], start_s
    for length, gap in zip(lengths, [*gaps, 0.0], strict=True):
        stretches.append((at, at + length))
        at += length + gap
    return stretches, gaps


def _asides(
    rng: np.random.Generator, stretches: Sequence[tuple[float, float]]
) -> tuple[list[tuple[float, float]], int]:
    """What the other says meanwhile, well inside: backchannels, some in a pause or over its edge, and a longer try."""
    found, n = [], 0
    first, last = stretches[0], stretches[-1]
    what = rng.random()
    if what < 0.3:
        start = first[0] + rng.uniform(1.8, 2.4)
        found.append((start, start + rng.uniform(0.2, 0.5)))
        n += 1
    elif what < 0.4 and len(stretches) > 1:
        start = first[1] - 0.1  # begins over the last sound before a pause, ends in the pause or after it
        found.append((start, start + rng.uniform(0.25, 0.6)))
        n += 1
    elif what < 0.5 and last[1] - last[0] > 4:
        start = last[0] + 0.6
        found.append((start, start + 1.3))
    return found, n


def write_rttm(path: Path, found: Talk) -> None:
    lines = [
        f"SPEAKER {s.recording} 1 {s.start_s:.3f} {s.end_s - s.start_s:.3f} <NA> <NA> {s.speaker} <NA> <NA>"
        for s in found.said
    ]
    path.write_text(";; a comment\n\n" + "\n".join(lines) + "\n")


def write_ctm(path: Path, found: Talk) -> None:
    """Words by recording, channel and start; channels are A, B …"""
    channels = {s: "ABCDEFGH"[i] for i, s in enumerate(sorted({x.speaker for x in found.said}))}
    rows = []
    for s in found.said:
        n = max(round((s.end_s - s.start_s) / 0.3), 1)
        step = (s.end_s - s.start_s) / n
        for i in range(n):
            length = step if i == n - 1 else 0.9 * step
            rows.append((s.recording, channels[s.speaker], s.start_s + i * step, length))
    lines = [f"{r} {c} {a:.3f} {d:.3f} word{i} 0.98" for i, (r, c, a, d) in enumerate(sorted(rows))]
    path.write_text("\n".join(lines) + "\n")


def write_lhotse(path: Path, found: Talk) -> None:
    lines = [
        json.dumps({
            "id": f"u{i}", "recording_id": s.recording, "start": round(s.start_s, 3),
            "duration": round(s.end_s - s.start_s, 3), "channel": 0, "text": "…", "speaker": s.speaker,
        })
        for i, s in enumerate(found.said)
    ]  # fmt: skip
    data = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


WRITERS: dict[str, Callable[[Path, Talk], None]] = {
    "talk.rttm": write_rttm,
    "talk.ctm": write_ctm,
    "talk.jsonl": write_lhotse,
    "talk.jsonl.gz": write_lhotse,
}
