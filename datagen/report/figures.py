"""Everything that the page shows, as JSON types: counts, distributions, the table, and an entry a sampled dialogue."""

import base64
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import soundfile

from datagen.interrupts import interrupts_wait
from datagen.records.build import GateCount
from datagen.records.enums import EventType
from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.report import timing
from datagen.report.corpus import Corpus
from datagen.report.effects import told_effects
from datagen.report.events import shown_events
from datagen.report.measures import every, histograms
from datagen.report.quality import quality

SAMPLES = 6
"""Dialogues shown with waveforms and audio: about 0.6 MB and a second of MP3 encoding each."""
LISTED = 2_000
"""Rows of the dialogue table; a larger build's table is cut there, and says so."""
PEAKS_A_SECOND = 50
PLAYED_S = 180.0
"""Audio of a sampled dialogue that the page holds; of a longer one it is the beginning, and the page says so."""

COLUMNS = (
    "dialog_id", "split", "domain", "scenario", "duration_s", "n_turns", "n_barge_in", "n_backchannel", "overlap_s", "snr_db",
    "agent_voice", "user_voice",
)  # fmt: skip

_PLURALS = {
    EventType.BARGE_IN: "barge-ins", EventType.FAILED_BARGE_IN: "failed barge-ins", EventType.AGENT_INTERRUPTION: "agent's interruptions",
    EventType.BACKCHANNEL: "backchannels", EventType.OVERLAP: "overlaps", EventType.PAUSE: "pauses", EventType.DISFLUENCY: "disfluencies",
    EventType.LONG_SILENCE: "long silences", EventType.SIDE_TALK: "side talk", EventType.SOUND: "sounds",
}  # fmt: skip
_SHARES = (
    ("agent_speech_share", "of the time the agent speaks"),
    ("user_speech_share", "of the time the user speaks"),
    ("overlap_share", "of the time both speak"),
    ("silence_share", "of the time nobody speaks"),
    ("fto_overlap_share", "of floor transfers overlap"),
)


def figures(corpus: Corpus) -> dict[str, Any]:
    """Everything that the page draws, as JSON types."""
    build = corpus.build
    groups = (("domain", build.counts.by_domain), ("kind", build.counts.by_kind), ("split", build.counts.by_split))
    return {
        "name": build.name, "id": build.id, "version": build.datagen_version, "totals": _totals(corpus),
        "shares": [{"share": build.timing[key], "of": said} for key, said in _SHARES if key in build.timing],
        "groups": {
            name: [[k, c.kept, c.rejected, round(c.hours, 2)] for k, c in found.items()] for name, found in groups
        },
        "rejects": _rejects(corpus), "attempts": build.attempts, "gates": _gates(build.gates, build.attempts),
        "speech_attempts": build.speech_attempts, "speech_gates": _gates(build.speech_gates, build.speech_attempts),
        "quality": quality(build),
        "engines": [[k, m.engine, m.model, m.revision, m.licence] for k, m in build.engines.items()],
        "notes": [[f"{k} {m.engine}", m.note] for k, m in build.engines.items() if m.note],
        "timing": timing.rows(build), "distance": timing.distance(build),
        "histograms": [timing.histogram(build), *histograms(corpus)], "every": every(corpus),
        "dialogs": _listed(corpus), "samples": [_sample(corpus, dialog_id) for dialog_id in _chosen(corpus)],
    }  # fmt: skip


def _totals(corpus: Corpus) -> dict[str, float]:
    total, dialogs = corpus.build.counts.total, corpus.dialogs
    events = {kind: int(dialogs[f"n_{kind}"].sum()) for kind in EventType}
    return {
        "dialogues": total.kept, "rejected": total.rejected, "hours": round(corpus.build.hours, 2), "turns": int(dialogs["n_turns"].sum()),
        "voices": corpus.voices.filter(pl.col("n_dialogs") > 0).height, **{_PLURALS[kind]: n for kind, n in events.items() if n},
    }  # fmt: skip


def _rejects(corpus: Corpus) -> list[list[Any]]:
    """Stage, reason, number and one example of each, the commonest first."""
    found = corpus.rejects.group_by("stage", "reason", maintain_order=True).agg(pl.len().alias("n"), pl.first("detail"))
    rows = found.select("stage", "reason", "n", "detail").rows()
    return [list(row) for row in sorted(rows, key=lambda r: (-r[2], r[0], r[1]))]


def _gates(gates: Mapping[str, GateCount], attempts: int) -> list[list[Any]]:
    """Reason, attempts that failed for it, their share of all attempts in percent, and dialogues rejected for it."""
    shares = {reason: 100 * gate.failed / max(attempts, 1) for reason, gate in gates.items()}
    return [[reason, g.failed, f"{shares[reason]:.1f} %", g.rejected] for reason, g in gates.items()]


def _listed(corpus: Corpus) -> list[list[Any]]:
    rows = corpus.dialogs.sort("dialog_id").select(COLUMNS).head(LISTED).rows()
    return [[round(v, 1) if isinstance(v, float) else v for v in row] for row in rows]


def _chosen(corpus: Corpus) -> list[str]:
    """Dialogues that between them show most: by domain in turn, those with the most types of events first, then with the most."""
    counts = [pl.col(f"n_{kind}") for kind in EventType]
    types = pl.sum_horizontal((n > 0).cast(pl.Int32) for n in counts)
    measures = {"types": types, "events": pl.sum_horizontal(counts)}
    ranked = corpus.dialogs.with_columns(**measures).sort(
        ["types", "events", "dialog_id"], descending=[True, True, False]
    )
    ranked = ranked.with_columns(pl.int_range(pl.len()).over("domain").alias("rank")).sort(["rank", "domain"])
    ids: list[str] = ranked["dialog_id"].head(SAMPLES).to_list()
    return ids


def _sample(corpus: Corpus, dialog_id: str) -> dict[str, Any]:
    dialog = corpus.dialog(dialog_id)
    audio = corpus.audio(dialog)
    effects = told_effects(json.loads(dialog["effects"] or "{}"), dialog["masked_word_share"])
    return {
        "id": dialog_id, "split": dialog["split"], "domain": dialog["domain"], "scenario": dialog["scenario"],
        "duration": dialog["duration_s"], "role": dialog["role_context"],
        "effects": effects, "latency": round(dialog["agent_latency_s"], 2),
        "voices": [dialog["agent_voice"], dialog["user_voice"]], "turns": [_turn(t) for t in corpus.turns_of(dialog_id)],
        "peaks": [] if audio is None else [_peaks(channel) for channel in audio],
        "audio": "" if audio is None else _playable(audio[:, : round(PLAYED_S * SAMPLE_RATE_HZ)]),
        "played": PLAYED_S if audio is not None and dialog["duration_s"] > PLAYED_S else None,
    }  # fmt: skip


def _turn(turn: dict[str, Any]) -> dict[str, Any]:
    return {
        "speaker": turn["speaker"], "start": round(turn["start_s"], 3), "end": round(turn["end_s"], 3),
        "fto": None if turn["fto_s"] is None else round(turn["fto_s"], 3),
        "heard": turn["heard_text"], "unheard": turn["unheard_text"],
        "words": [[w["word"], round(w["start_s"], 3), round(w["end_s"], 3), w["heard"]] for w in turn["words"]],
        "events": [
            [e.type, e.channel, round(e.start_s, 3), round(e.end_s, 3), e.text, e.at, e.detail] for e in shown_events(turn)
        ],
    }  # fmt: skip


def _peaks(channel: Audio) -> list[int]:
    """The largest magnitude in each fiftieth of a second, in percent of full scale."""
    size = SAMPLE_RATE_HZ // PEAKS_A_SECOND
    padded = np.pad(np.abs(channel), (0, -len(channel) % size))
    peaks: list[int] = np.ceil(padded.reshape(-1, size).max(axis=1) * 100).astype(int).tolist()
    return peaks


def _playable(audio: Audio) -> str:
    """Stereo MP3 as base64: what every browser plays, with bytes that depend on the samples alone (an Ogg stream has a random id)."""
    sink = io.BytesIO()
    with interrupts_wait():
        soundfile.write(sink, audio.T, SAMPLE_RATE_HZ, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.8)
    return base64.b64encode(sink.getvalue()).decode()
