"""WebDataset: tar files of samples, a sample a dialogue, that stream from anywhere: audio, codes and all that is known of it.

A sample's members share its key and are told apart by their extensions, as the webdataset package reads them:
KEY.json, KEY.flac, KEY.agent.npy, KEY.user.npy, KEY.voice_prompt.npy, KEY.user_voice_prompt.npy, and KEY.voice_prompt.flac.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from datagen.config import Options, knob
from datagen.errors import DataError
from datagen.export.archive import Archive, flac_bytes, json_line, npy_bytes
from datagen.export.base import ExportDialog, Format, Part, Row, Written
from datagen.export.beside import read_object
from datagen.load.builds import OpenBuild
from datagen.load.dialog import Words
from datagen.store.files import write_json


class SampleOptions(Options):
    """What a sample holds beside its JSON and its codes."""

    audio: bool = knob(
        True, "the channels as KEY.flac and the agent's voice prompt as KEY.voice_prompt.flac; false: codes alone"
    )


class WebDataset(Format):
    """A tar a part, SPLIT/SPLIT-NUMBER.tar, and an index a split with every tar's number of samples and its size."""

    name = "webdataset"
    audio = True
    use = "webdataset: `wds.WebDataset('DIR/train/train-{000000..000009}.tar').decode()`; index.json counts the samples"
    cannot_hold = (
        "the manifests as tables: a sample's JSON has its own rows of dialogs and turns, voices and rejects are left out",
        "random access: a tar is read from its beginning (shuffle shards, then a buffer)",
        "stems: the parts that the user's channel was summed from",
    )
    Options: ClassVar[type[Options]] = SampleOptions

    def __init__(self, options: SampleOptions) -> None:
        super().__init__(options)
        self.audio = options.audio

    def write(self, part: Part, dialogs: Iterator[ExportDialog], out: Path) -> Written:
        """The part's tar; the members of a sample follow one another, its JSON first."""
        name = f"{part.split}/{part.split}-{part.number:06d}.tar"
        n_dialogs = 0
        with Archive(out / name) as tar:
            for dialog in dialogs:
                if "." in dialog.dialog.dialog_id:
                    raise DataError(
                        f"{dialog.dialog.where}: {dialog.dialog.dialog_id} has a dot, and WebDataset ends a sample's key at its first one."
                    )
                for extension, data in _members(dialog, self.audio):
                    tar.add(f"{dialog.dialog.dialog_id}.{extension}", data)
                n_dialogs += 1
        line = json.dumps({"url": Path(name).name, "nsamples": n_dialogs, "filesize": (out / name).stat().st_size})
        return Written((name,), n_dialogs, {"members": tar.n_members}, (line,))

    def finish(self, build: OpenBuild, done: Sequence[tuple[Part, Written]], out: Path) -> Iterator[str]:
        """SPLIT/index.json, in the form of webdataset's own shard indices: url, nsamples and filesize a tar."""
        shards: dict[str, list[Any]] = {}
        for part, written in done:
            shards.setdefault(part.split, []).extend(json.loads(line) for line in written.lines)
        for split, found in shards.items():
            name = f"{split}/index.json"
            index = {"__kind__": "wids-shard-index-v1", "name": f"{build.summary.name}-{split}", "shardlist": found}
            write_json(out / name, index)
            yield name


def _members(dialog: ExportDialog, with_audio: bool) -> Iterator[tuple[str, bytes]]:
    tokens = dialog.dialog
    yield "json", json_line(_record(dialog))
    if with_audio:
        yield "flac", flac_bytes(dialog.channels())
    yield "agent.npy", npy_bytes(tokens.agent_codes)
    yield "user.npy", npy_bytes(tokens.user_codes)
    yield "voice_prompt.npy", npy_bytes(tokens.voice_prompt_codes)
    yield "user_voice_prompt.npy", npy_bytes(tokens.user_voice_prompt_codes)
    if with_audio:
        yield "voice_prompt.flac", flac_bytes(dialog.voice_prompt())


def _record(dialog: ExportDialog) -> dict[str, Any]:
    """All that the manifests say of the dialogue; what they hold as JSON in a string is an object here."""
    row = {name: value for name, value in dialog.row.items() if name not in ("audio_path", "stems_path", "stems")}
    tokens = dialog.dialog
    codec = {name: getattr(tokens.codec, name) for name in ("engine", "model", "revision", "n_books", "book_size")}
    frames = {"silence": list(tokens.codec.silence), "sine": list(tokens.codec.sine)}
    return {
        **row,
        **{
            n: read_object(row[n], f"{tokens.where}: {n} of {tokens.dialog_id}")
            for n in ("effects", "instance", "traits")
        },
        "words": _words(tokens.words),
        "user_words": _words(tokens.user_words),
        "codec_frames": codec | frames,
        "turns": [_turn(turn) for turn in dialog.turns],
    }


def _words(words: Words) -> list[dict[str, Any]]:
    times = zip(words.texts, words.start_s.tolist(), words.end_s.tolist(), strict=True)
    return [{"word": text, "start_s": start_s, "end_s": end_s} for text, start_s, end_s in times]


def _turn(turn: Row) -> dict[str, Any]:
    what = f"turns: attrs of an event in turn {turn['turn']} of {turn['dialog_id']}"
    events = [{**event, "attrs": read_object(event["attrs"], what)} for event in turn["events"]]
    return {**{n: v for n, v in turn.items() if n not in ("dialog_id", "split", "shard")}, "events": events}
