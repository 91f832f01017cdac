"""A dialogue drawn by hand for the export formats: turns by text and times, events, and channels that tell the sides apart."""

import json
from typing import Any

import numpy as np

from datagen.export.base import ExportDialog
from datagen.load.dialog import CodecFrames, Dialog, Words
from datagen.records.speech import SAMPLE_RATE_HZ

RATE = SAMPLE_RATE_HZ
CODEC = CodecFrames("melrvq", "m", "1", 8, 2_048, (1,) * 8, (2,) * 8)


def turn(
    index: int,
    speaker: str,
    start_s: float,
    words: list[str],
    *,
    word_s: float = 0.5,
    heard: int | None = None,
    **more: Any,
):
    """A turn whose words follow one another; of those from `heard` on nothing was spoken."""
    n = len(words) if heard is None else heard
    spans = [(start_s + i * word_s, start_s + (i + 1) * word_s) for i in range(len(words))]
    rows = [
        {"word": w, "spoken": w, "start_s": a, "end_s": b, "heard": "yes" if i < n else "no"}
        for i, (w, (a, b)) in enumerate(zip(words, spans, strict=True))
    ]
    return {
        "dialog_id": "", "turn": index, "split": "test", "shard": "test-00000", "speaker": speaker, "type": "statement", "act": "a",
        "text": " ".join(words), "heard_text": " ".join(words[:n]), "unheard_text": " ".join(words[n:]), "start_s": start_s,
        "end_s": start_s + max(n, 0.1) * word_s, "fto_s": 0.1, "barge_in": False, "agent_interruption": False, "events": [],
        "words": rows, "tags": ["neutral"], "audio_engine": "e", "audio_seed": 1, **more,
    }  # fmt: skip


def event(kind: str, channel: int, start_s: float, end_s: float, turn: int, **attrs: Any) -> dict[str, Any]:
    return {
        "type": kind, "channel": channel, "start_s": start_s, "end_s": end_s, "target_turn": turn, "attrs": json.dumps(attrs),
    }  # fmt: skip


class Tones:
    """Channels of noise that are never silent: what stands where in an export can be told from the samples."""

    def __init__(self, duration_s: float) -> None:
        n = round(duration_s * RATE)
        self.stereo = np.random.default_rng(3).uniform(-0.5, 0.5, (2, n)).astype(np.float32)
        self.prompt = np.random.default_rng(4).uniform(-0.5, 0.5, RATE).astype(np.float32)

    def channels(self, dialog: Dialog, row: Any) -> Any:
        return self.stereo

    def voice_prompt(self, dialog: Dialog, row: Any, user: bool = False) -> Any:
        return self.prompt


def drawn(
    turns: list[dict[str, Any]], duration_s: float, *, name: str = "bank-000042", effects: dict[str, Any] | None = None
) -> ExportDialog:
    """An ExportDialog of the turns; what events say stands in the sides' tracks too, as a build has it."""
    sound = Tones(duration_s)
    tracks: dict[str, list[tuple[str, float, float]]] = {"agent": [], "user": []}
    for t in turns:
        t["dialog_id"] = name
        tracks[t["speaker"]] += [(w["word"], w["start_s"], w["end_s"]) for w in t["words"] if w["heard"] != "no"]
        for e in t["events"]:
            text = (
                json.loads(e["attrs"]).get("text", "")
                if e["type"] in ("backchannel", "failed_barge_in", "side_talk")
                else ""
            )
            step = (e["end_s"] - e["start_s"]) / max(1, len(text.split()))
            side = "user" if e["channel"] else "agent"
            tracks[side] += [
                (w, e["start_s"] + i * step, e["start_s"] + (i + 1) * step) for i, w in enumerate(text.split())
            ]
    n_frames = -(-sound.stereo.shape[1] // 1_920)
    codes = np.arange(8 * n_frames, dtype=np.int16).reshape(8, n_frames) % 2_048
    dialog = Dialog(
        name, "test", "bank", "service", f"made: {name}", codes, codes[::-1].copy(), codes[:, :9].copy(), codes[:, :7].copy(),
        "You work for a bank.", "", _words(tracks["agent"]), _words(tracks["user"]), CODEC,
    )  # fmt: skip
    row = {
        "dialog_id": name, "split": "test", "shard": "test-00000", "kind": "service", "domain": "bank", "scenario": "fee",
        "agent_voice": "a", "user_voice": "u", "duration_s": sound.stereo.shape[1] / RATE, "effects": json.dumps(effects or {}),
    }  # fmt: skip
    return ExportDialog(dialog, row, turns, sound)


def _words(track: list[tuple[str, float, float]]) -> Words:
    track = sorted(track, key=lambda w: w[1:])
    return Words(tuple(w[0] for w in track), np.array([w[1] for w in track]), np.array([w[2] for w in track]))
