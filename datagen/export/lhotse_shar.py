"""Lhotse Shar, as NeMo's duplex speech-to-speech models read it: a cut a dialogue, the user as input, the agent as target.

Read from NeMo's nemo/collections/speechlm2/data/{s2s,duplex_stt,duplex_ear_tts}_dataset.py: `cut.recording` is the source,
`cut.target_audio` the target, supervisions count whose speaker is exactly `user` or `agent`, `custom.system_prompt` is the
prompt, `cut.context_audio` the reference of the target's voice, and user texts with <|frame|> marks give word times.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

from datagen.config import Options, knob
from datagen.export.archive import Archive, flac_bytes, gzipped, json_line
from datagen.export.base import ExportDialog, Format, Part, Row, Written
from datagen.export.beside import Happening, heard_words, spoken_beside
from datagen.records.enums import Speaker
from datagen.records.speech import FRAME_RATE_HZ, SAMPLE_RATE_HZ, Audio

_EDGE_FRAMES = 1e-6
"""A word that begins with a frame is that frame's, though its time in the turn is a difference of two."""


class CutOptions(Options):
    """What a cut holds beside its two recordings and its turns."""

    context_audio: bool = knob(True, "the agent's voice prompt as custom.context_audio, which newer models imitate")
    beside: bool = knob(
        True, "a supervision for each backchannel, failed barge-in and side talk too, not for turns alone"
    )
    user_word_frames: bool = knob(
        False,
        "user texts as `<|0|> Hello <|4|>`, in frames of 80 ms from the turn's start: for models with predict_user_text",
    )


class LhotseShar(Format):
    """A folder a split, and in it a shard a part: cuts.NUMBER.jsonl.gz and a tar of FLACs a recording field."""

    name = "lhotse-shar"
    audio = True
    use = "NeMo: `{type: lhotse_shar, shar_path: DIR/train}`; lhotse: `CutSet.from_shar(in_dir='DIR/train')`"
    cannot_hold = (
        "codec tokens: NeMo encodes the audio itself, at the sample rates of its model",
        "word times in NeMo's own text rows: a turn's tokens stand one a frame from its start (words are in alignment)",
        "events that are neither a turn nor said beside one (pauses, overlaps, disfluencies, sounds): seen in the times alone",
        "side talk in the middle of the user's own turn: its words would stand in the row of that turn",
        "the user's role context and voice prompt: a cut has one system_prompt and one context_audio, the agent's",
    )
    Options: ClassVar[type[Options]] = CutOptions

    def write(self, part: Part, dialogs: Iterator[ExportDialog], out: Path) -> Written:
        """The shard's files: cuts.NUMBER.jsonl.gz last, since it is what makes the tars count."""
        options: CutOptions = self.options
        fields = ["recording", "target_audio", *(["context_audio"] if options.context_audio else [])]
        names = {f: f"{part.split}/{f}.{part.number:06d}.tar" for f in fields}
        cuts_name = f"{part.split}/cuts.{part.number:06d}.jsonl.gz"
        counts = {"supervisions": 0, "turns_unheard": 0, "side_talk_left_out": 0}
        n_dialogs = 0
        with ExitStack() as stack:
            tars = {f: stack.enter_context(Archive(out / name)) for f, name in names.items()}
            cuts = stack.enter_context(gzipped(out / cuts_name))
            for dialog in dialogs:
                recordings = _recordings(dialog, options.context_audio)
                for field, (manifest, audio) in recordings.items():
                    key = dialog.dialog.dialog_id
                    tars[field].add(f"{key}.flac", flac_bytes(audio))
                    tars[field].add(f"{key}.json", json_line(manifest))
                cut = _cut(dialog, {f: manifest for f, (manifest, _) in recordings.items()}, options, counts)
                cuts.write(json_line(cut))
                n_dialogs += 1
        return Written((*names.values(), cuts_name), n_dialogs, counts)


def _recordings(dialog: ExportDialog, with_context: bool) -> dict[str, tuple[dict[str, Any], Audio]]:
    """By field, in the order of the files: lhotse's manifest of the recording, and its samples."""
    agent, user = dialog.channels()
    key = dialog.dialog.dialog_id
    found = {"recording": (_manifest(key, user), user), "target_audio": (_manifest(f"{key}-agent", agent), agent)}
    if with_context:
        prompt = dialog.voice_prompt()
        found["context_audio"] = (_manifest(f"{key}-voice-prompt", prompt), prompt)
    return found


def _manifest(key: str, audio: Audio) -> dict[str, Any]:
    """A recording whose data lies in the shard's tar, beside this."""
    return {
        "id": key,
        "sources": [{"type": "shar", "channels": [0], "source": ""}],
        "sampling_rate": SAMPLE_RATE_HZ,
        "num_samples": len(audio),
        "duration": len(audio) / SAMPLE_RATE_HZ,
        "channel_ids": [0],
    }


def _cut(
    dialog: ExportDialog, manifests: dict[str, dict[str, Any]], options: CutOptions, counts: dict[str, int]
) -> dict[str, Any]:
    duration_s = manifests["recording"]["duration"]
    key, row = dialog.dialog.dialog_id, dialog.row
    supervisions = _turns(dialog, options, counts)
    if options.beside:
        supervisions += _beside(dialog, counts)
    supervisions.sort(key=lambda s: (s["start"], s["speaker"], s["duration"]))
    for number, supervision in enumerate(supervisions):
        supervision["id"] = f"{key}-{number:03d}"
        _keep_within(supervision, duration_s)
    counts["supervisions"] += len(supervisions)
    custom = {
        "system_prompt": dialog.dialog.role_context,
        **{name: row[name] for name in ("kind", "domain", "scenario", "agent_voice", "user_voice")},
        **{field: manifest for field, manifest in manifests.items() if field != "recording"},
    }
    return {
        "id": key,
        "start": 0,
        "duration": duration_s,
        "channel": 0,
        "supervisions": supervisions,
        "recording": manifests["recording"],
        "custom": custom,
        "type": "MonoCut",
    }


def _turns(dialog: ExportDialog, options: CutOptions, counts: dict[str, int]) -> list[dict[str, Any]]:
    found = []
    for turn in dialog.turns:
        # A turn that was cut before a word of it was over has sound and no text: it would teach to speak without words.
        if not turn["heard_text"].strip():
            counts["turns_unheard"] += 1
            continue
        heard = heard_words(turn)
        text = turn["heard_text"]
        if options.user_word_frames and turn["speaker"] == Speaker.USER:
            text = " ".join(_framed(w, turn["start_s"]) for w in heard)
        custom = {name: turn[name] for name in ("turn", "type", "act", "unheard_text")}
        found.append(
            _supervision(
                dialog, turn["speaker"], turn["start_s"], turn["end_s"], text, custom | {"tags": list(turn["tags"])}
            )
            | {"alignment": {"word": [[w["word"], w["start_s"], w["end_s"] - w["start_s"], None] for w in heard]}}
        )
    return found


def _beside(dialog: ExportDialog, counts: dict[str, int]) -> list[dict[str, Any]]:
    owner = {int(turn["turn"]): turn["speaker"] for turn in dialog.turns}
    found = []
    for said in spoken_beside(dialog.turns):
        if owner[said.turn] == said.speaker:
            counts["side_talk_left_out"] += 1
        else:
            found.append(_aside(dialog, said))
    return found


def _aside(dialog: ExportDialog, said: Happening) -> dict[str, Any]:
    custom = {"turn": said.turn, "type": said.type.value}
    return _supervision(dialog, said.speaker.value, said.start_s, said.end_s, said.text, custom)


def _supervision(
    dialog: ExportDialog, speaker: str, start_s: float, end_s: float, text: str, custom: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": "",
        "recording_id": dialog.dialog.dialog_id,
        "start": start_s,
        "duration": end_s - start_s,
        "channel": 0,
        "text": text,
        "speaker": speaker,
        "custom": custom,
    }


def _keep_within(supervision: dict[str, Any], duration_s: float) -> None:
    """Rounds the times as lhotse does (8 digits), and ends what the last rounding put past the cut's end at it."""
    start_s = round(supervision["start"], 8)
    supervision["start"] = start_s
    supervision["duration"] = round(min(supervision["duration"], duration_s - start_s), 8)


def _framed(word: Row, turn_start_s: float) -> str:
    """The word between NeMo's marks of its first and last frame (`timestamp_frame_rate` of its duplex datasets is ours)."""
    first, last = (int((word[at] - turn_start_s) * FRAME_RATE_HZ + _EDGE_FRAMES) for at in ("start_s", "end_s"))
    first = max(0, first)
    last = max(first, last)
    return f"<|{first}|> {word['word']} <|{last}|>"
