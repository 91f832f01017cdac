"""The numbers behind the report's pictures: histograms, counts, and one entry a sampled dialogue."""

import base64
import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import soundfile

from datagen.records.speech import SAMPLE_RATE_HZ, Audio
from datagen.report.corpus import Corpus

SAMPLES = 8
"""Dialogues shown with waveforms and audio: about 0.4 MB each."""
LISTED = 2_000
"""Rows of the dialogue table; a larger build's table is cut there, and says so."""
PEAKS_A_SECOND = 50
MIN_PAUSE_S = 0.2
"""Shorter silences between a turn's words are articulation, not pauses (Heldner & Edlund use 180 ms)."""


def figures(corpus: Corpus) -> dict[str, Any]:
    """Everything that the page draws, as JSON types."""
    build, total = corpus.build, corpus.build.counts.total
    return {
        "name": build.name, "id": build.id, "version": build.datagen_version,
        "totals": {
            "dialogues": total.kept, "rejected": total.rejected, "hours": build.hours, "turns": corpus.turns.height,
            "barge-ins": int(corpus.dialogs["n_barge_in"].sum()), "backchannels": int(corpus.dialogs["n_backchannel"].sum()),
            "voices": corpus.voices.filter(pl.col("n_dialogs") > 0).height,
        },
        "shares": {k: v for k, v in build.timing.items() if k.endswith("_share")},
        "groups": {
            name: [{"name": k, "dialogues": c.kept, "rejected": c.rejected, "hours": c.hours} for k, c in found.items()]
            for name, found in (("domain", build.counts.by_domain), ("kind", build.counts.by_kind), ("split", build.counts.by_split))
        },
        "rejects": [{"reason": reason, "n": n} for reason, n in sorted(build.counts.rejects.items(), key=lambda r: (-r[1], r[0]))],
        "engines": [{"kind": k, "engine": m.engine, "model": m.model, "revision": m.revision, "licence": m.licence, "note": m.note} for k, m in build.engines.items()],
        "histograms": _histograms(corpus),
        "dialogs": _listed(corpus),
        "samples": [_sample(corpus, dialog_id) for dialog_id in _chosen(corpus)],
    }  # fmt: skip


def _histograms(corpus: Corpus) -> list[dict[str, Any]]:
    turns = corpus.turns
    durations = (turns["end_s"] - turns["start_s"]).to_numpy()
    events = turns.select("events").explode("events", empty_as_null=False).unnest("events")
    overlap = events.filter(pl.col("type").is_in(["overlap", "barge_in"]))
    f0 = {v["id"]: v["f0_hz"] for v in corpus.voices.iter_rows(named=True)}
    pitch = [f0[v] for side in ("agent_voice", "user_voice") for v in corpus.dialogs[side]]
    return [
        _histogram("Floor-transfer offset", "s", turns["fto_s"].drop_nulls().to_numpy(), (-2.0, 3.0), 50, "below 0 the turns overlap"),
        _histogram("Pauses inside turns", "s", _pauses(turns), (MIN_PAUSE_S, 2.0), 36, f"silences of {MIN_PAUSE_S:g} s and more between two words"),
        _histogram("Overlaps", "s", (overlap["end_s"] - overlap["start_s"]).to_numpy(), (0.0, 2.0), 40, "two turns at once, barge-ins included"),
        _histogram("Turn length", "s", durations, (0.0, 12.0), 48, ""),
        _histogram("Pitch of the voices", "Hz", np.asarray(pitch), (60.0, 320.0), 52, "median F0, a voice a dialogue and side"),
    ]  # fmt: skip


def _pauses(turns: pl.DataFrame) -> np.ndarray:
    found = [
        after["start_s"] - before["end_s"]
        for words in turns["words"]
        for before, after in zip(words, words[1:], strict=False)
        if after["heard"] == "yes" and after["start_s"] - before["end_s"] >= MIN_PAUSE_S
    ]
    return np.asarray(found)


def _histogram(
    title: str, unit: str, values: np.ndarray, span: tuple[float, float], bins: int, note: str
) -> dict[str, Any]:
    """Counts a bin; what lies outside the span is counted at its ends, so that no value is left out of sight."""
    counts, edges = np.histogram(np.clip(values, span[0], np.nextafter(span[1], span[0])), bins, span)
    quantiles = np.quantile(values, [0.05, 0.5, 0.95]).tolist() if len(values) else []
    return {
        "title": title, "unit": unit, "n": len(values), "from": span[0], "to": span[1], "counts": counts.tolist(),
        "quantiles": [round(q, 3) for q in quantiles], "note": note, "step": round(float(edges[1] - edges[0]), 4),
    }  # fmt: skip


def _listed(corpus: Corpus) -> list[list[Any]]:
    columns = [
        "dialog_id", "split", "domain", "scenario", "duration_s", "n_turns", "n_barge_in", "n_backchannel", "overlap_s", "snr_db", "agent_voice", "user_voice",
    ]  # fmt: skip
    rows = corpus.dialogs.sort("dialog_id").select(columns).head(LISTED).rows()
    return [[round(v, 2) if isinstance(v, float) else v for v in row] for row in rows]


def _chosen(corpus: Corpus) -> list[str]:
    """Dialogues that between them show most: by domain in turn, those with the most events first."""
    events = pl.col("n_barge_in") * 2 + pl.col("n_backchannel")
    ranked = corpus.dialogs.with_columns(events.alias("events")).sort(["events", "dialog_id"], descending=[True, False])
    ranked = ranked.with_columns(pl.int_range(pl.len()).over("domain").alias("rank")).sort(["rank", "domain"])
    ids: list[str] = ranked["dialog_id"].head(SAMPLES).to_list()
    return ids


def _sample(corpus: Corpus, dialog_id: str) -> dict[str, Any]:
    dialog = corpus.dialog(dialog_id)
    audio = corpus.audio(dialog)
    turns = [
        {
            "speaker": t["speaker"], "type": t["type"], "start": t["start_s"], "end": t["end_s"], "fto": t["fto_s"],
            "heard": t["heard_text"], "unheard": t["unheard_text"],
            "words": [[w["word"], round(w["start_s"], 3), round(w["end_s"], 3), w["heard"]] for w in t["words"]],
            "events": [[e["type"], e["channel"], round(e["start_s"], 3), round(e["end_s"], 3), json.loads(e["attrs"] or "{}").get("text", "")] for e in t["events"]],
        }
        for t in corpus.turns_of(dialog_id)
    ]  # fmt: skip
    return {
        "id": dialog_id, "split": dialog["split"], "domain": dialog["domain"], "scenario": dialog["scenario"], "duration": dialog["duration_s"],
        "role": dialog["role_context"], "effects": dialog["effects"], "voices": [dialog["agent_voice"], dialog["user_voice"]], "turns": turns,
        "peaks": [] if audio is None else [_peaks(channel) for channel in audio],
        "audio": "" if audio is None else _playable(audio),
    }  # fmt: skip


def _peaks(channel: Audio) -> list[int]:
    """The largest magnitude in each fiftieth of a second, in percent of full scale."""
    size = SAMPLE_RATE_HZ // PEAKS_A_SECOND
    padded = np.pad(np.abs(channel), (0, -len(channel) % size))
    peaks: Sequence[int] = np.ceil(padded.reshape(-1, size).max(axis=1) * 100).astype(int).tolist()
    return list(peaks)


def _playable(audio: Audio) -> str:
    """Stereo MP3 as base64: what every browser plays, with bytes that depend on the samples alone (an Ogg stream has a random id)."""
    sink = io.BytesIO()
    soundfile.write(sink, audio.T, SAMPLE_RATE_HZ, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.6)
    return base64.b64encode(sink.getvalue()).decode()
