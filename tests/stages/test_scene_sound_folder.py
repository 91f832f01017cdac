"""Sounds of the user's own: what is read, what it is called, whose licence it has, and one line for each file that will not do."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scene_factories import dialogue, only

from datagen import recipes, resources
from datagen.build import Build, resolve
from datagen.errors import DataError, UserError
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.records.timeline import SceneDialog
from datagen.stages.scene.sound_bank import SHIPPED, bank_of, clip_of
from datagen.stages.scene.sound_file import LONGEST_S, read_clip, resampled
from datagen.stages.scene.sound_folder import read_folders
from datagen.stages.scene.unit import apply


def tone(seconds: float = 0.5, hz: float = 700.0, rate_hz: int = SAMPLE_RATE_HZ) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def put(
    path: Path, samples: np.ndarray | None = None, rate_hz: int = SAMPLE_RATE_HZ, licence: str | None = "CC0-1.0"
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(rate_hz=rate_hz) if samples is None else samples, rate_hz)
    if licence is not None:
        path.with_suffix(".licence").write_text(f"{licence}\nby somebody\n")
    return path


def test_every_format_rate_and_width_becomes_a_clip(tmp_path):
    for i, (suffix, rate_hz, width) in enumerate(
        [("wav", 8_000, 1), ("wav", 44_100, 2), ("flac", 96_000, 1), ("ogg", 48_000, 2), ("mp3", 22_050, 1), ("wav", 24_000, 6)]
    ):  # fmt: skip
        path = put(tmp_path / f"beep_{i}.{suffix}", np.repeat(tone(0.5, rate_hz=rate_hz)[:, None], width, 1), rate_hz)
        read = read_clip(path)
        assert (read.rate_hz, read.n_channels) == (rate_hz, width)
        assert read.audio.dtype == np.float32
        assert len(read.audio) / SAMPLE_RATE_HZ == pytest.approx(0.5, abs=0.12 if suffix == "mp3" else 0.011)
        inner = read.audio[3_000:9_000]
        spectrum = np.abs(np.fft.rfft(inner * np.hanning(len(inner))))
        assert np.argmax(spectrum) * SAMPLE_RATE_HZ / len(inner) == pytest.approx(700, abs=5)
        assert np.sqrt(np.mean(inner**2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.05)
    assert len(read_folders([str(tmp_path)]).clips["beep"]) == 6


@pytest.mark.parametrize("rate_hz", [4_000, 8_000, 11_025, 44_100, 44_101, 192_000])
def test_resampling_keeps_time_level_and_tone(rate_hz):
    at = resampled(tone(1.0, 900, rate_hz), rate_hz)
    wanted = tone(1.0, 900)
    assert abs(len(at) - len(wanted)) <= 1
    inner = slice(2_000, 22_000)
    assert np.abs(at[inner] - wanted[inner]).max() < 5e-3


def test_nothing_folds_back_from_above_the_new_band():
    assert np.abs(resampled(tone(1.0, 17_000, 48_000), 48_000)[2_000:-2_000]).max() < 1e-3


def test_a_float_file_of_any_size_is_a_clip(tmp_path):
    for size in (1e-2, 50.0, 3e38):
        path = tmp_path / "a.wav"
        soundfile.write(path, np.stack([tone() * size / 0.4, tone() * size / 0.4], 1), SAMPLE_RATE_HZ, subtype="FLOAT")
        assert 0.005 < np.abs(read_clip(path).audio).max() <= 1.01


def test_a_wav_that_was_written_into_a_pipe_is_whole(tmp_path):
    path = put(tmp_path / "a.wav")
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert len(read_clip(path).audio) / SAMPLE_RATE_HZ == pytest.approx(0.5, abs=0.011)


def test_the_silence_around_a_sound_is_gone_so_its_onset_is_the_clips(tmp_path):
    quiet = (1e-4 * np.random.default_rng(0).standard_normal(24_000)).astype(np.float32)
    read = read_clip(put(tmp_path / "a.wav", np.concatenate([quiet, tone(), quiet])))
    assert len(read.audio) / SAMPLE_RATE_HZ == pytest.approx(0.5, abs=0.016)
    assert int(np.argmax(np.abs(read.audio) > 0.1)) < 0.01 * SAMPLE_RATE_HZ


def test_a_name_is_the_files_or_its_sub_folders(tmp_path):
    for name in ("Cat Meow (2).wav", "cat-meow_17.flac", "rooster.ogg", "lawn mower/4711.wav", "siren/x.wav"):
        put(tmp_path / name)
    found = read_folders([str(tmp_path)])
    assert {n: len(c) for n, c in found.clips.items()} == {"cat_meow": 2, "rooster": 1, "lawn_mower": 1, "siren": 1}
    bank = bank_of((str(tmp_path),))
    assert {"cat_meow", "dog_bark", "siren"} <= set(bank.names)
    assert bank.pick("dog_bark", 3)["source"] == SHIPPED
    siren = bank.pick("siren", 3)
    assert (siren["source"], siren["licence"]) == (found.clips["siren"][0].sha256, "CC0-1.0")
    assert len(clip_of(siren["source"], "siren", 3)) == siren["n_samples"]


def test_a_licence_is_the_clips_own_else_its_folders_else_that_above(tmp_path):
    put(tmp_path / "own.wav", licence="CC-BY-4.0")
    put(tmp_path / "plain.wav", licence=None)
    put(tmp_path / "dogs" / "deep" / "bark.wav", licence=None)
    put(tmp_path / "cats" / "meow.wav", licence=None)
    put(tmp_path / "cats" / "purr.wav", licence=None)
    (tmp_path / "LICENSE.txt").write_text("\n  MIT  \nall of it")
    (tmp_path / "cats" / "Licence.md").write_text("CC0-1.0")
    (tmp_path / "cats" / "purr.LICENSE.txt").write_text("CC-BY-SA-3.0")
    found = {c.path.name: c.licence for clips in read_folders([str(tmp_path)]).clips.values() for c in clips}
    assert found == {
        "own.wav": "CC-BY-4.0", "plain.wav": "MIT", "bark.wav": "MIT", "meow.wav": "CC0-1.0", "purr.wav": "CC-BY-SA-3.0",
    }  # fmt: skip


def test_other_files_and_hidden_ones_are_left_alone(tmp_path):
    put(tmp_path / "bell.wav")
    for name in ("notes.csv", "README.md", ".bell.wav.part", ".hidden.wav"):
        (tmp_path / name).write_text("no audio")
    assert list(read_folders([str(tmp_path)]).clips) == ["bell"]


def _truncated(suffix: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        whole = put(path.with_suffix(suffix), np.random.default_rng(0).standard_normal(48_000) * 0.1)
        whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    return make


def _wide(path: Path) -> None:
    put(path, np.repeat(tone()[:, None], 32, 1))


def _nan(path: Path) -> None:
    samples = tone()
    samples[100:103] = np.nan
    path.with_suffix(".licence").write_text("CC0-1.0")
    soundfile.write(path, samples, SAMPLE_RATE_HZ, subtype="FLOAT")


def _long(path: Path) -> None:
    """Three hours by its header, a few kilobytes on the disk."""
    put(path, np.zeros(8, np.int16), 8_000)
    data = bytearray(path.read_bytes())
    n = 3 * 3_600 * 8_000 * 2
    data[4:8], data[40:44] = (n + 36).to_bytes(4, "little"), n.to_bytes(4, "little")
    path.write_bytes(data)
    with path.open("r+b") as file:
        file.truncate(n + 44)  # sparse


def _text(path: Path) -> None:
    path.write_text("this is no audio\n" * 50)
    path.with_suffix(".licence").write_text("CC0-1.0")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)
    path.with_suffix(".licence").write_text("CC0-1.0")


def _folder_loop(path: Path) -> None:
    put(path)
    (path.parent / "again").symlink_to(path.parent, target_is_directory=True)


def _pipe(path: Path) -> None:
    os.mkfifo(path)
    path.with_suffix(".licence").write_text("CC0-1.0")


def _empty_licence(path: Path) -> None:
    put(path).with_suffix(".licence").write_text("\n \n")


def _binary_licence(path: Path) -> None:
    put(path).with_suffix(".licence").write_bytes(b"\xff\xfe\x00x")


def _licence_pipe(path: Path) -> None:
    os.mkfifo(put(path, licence=None).with_suffix(".licence"))


def _m4a(path: Path) -> None:
    path.with_suffix(".m4a").write_bytes(b"x")


BAD: list[tuple[str, Callable[[Path], object], str]] = [
    ("text", _text, "cannot be read as audio"),
    ("0 bytes", lambda p: (p.touch(), p.with_suffix(".licence").write_text("CC0")), "cannot be read as audio"),
    ("0 samples", lambda p: put(p, np.zeros(0, np.float32)), "holds no samples"),
    *((f"half a {s}", _truncated(f".{s}"), "breaks off") for s in ("wav", "aiff", "ogg", "mp3")),
    ("half a flac", _truncated(".flac"), "cannot be read as audio"),
    ("32 channels", _wide, "has 32 channels, and may have 8"),
    ("NaN", _nan, "3 of 12000 samples are not finite"),
    ("silence", lambda p: put(p, np.zeros(9_000, np.float32)), "is silent (all samples are 0"),
    ("faint", lambda p: put(p, tone() * 1e-4), "is silent (peak -8"),
    ("offset", lambda p: put(p, np.full(9_000, 0.5, np.float32)), "is silent (all samples are 0.5"),
    ("cancels out", lambda p: put(p, np.stack([tone(), -tone()], 1)), "once its 2 channels are mixed"),
    ("3 hours", _long, f"is 10800 s long, and a sound may be {LONGEST_S:g} s"),
    ("a click", lambda p: put(p, tone(0.01)), "is 10.0 ms long"),
    ("1 kHz", lambda p: put(p, tone(0.5, 100, 1_000), 1_000), "is at 1000 Hz"),
    ("no licence", lambda p: put(p, licence=None), "has no licence. Write it (e.g. CC0-1.0) to bad.licence"),
    ("empty licence", _empty_licence, "says no licence"),
    ("binary licence", _binary_licence, "not UTF-8 text"),
    ("link to itself", _loop, "cannot be read"),
    ("folder in itself", _folder_loop, "link to a folder that it lies in"),
    ("pipe", _pipe, "is no regular file"),
    ("licence is a pipe", _licence_pipe, "bad.licence: is no regular file"),
    ("m4a", _m4a, "ffmpeg -i bad.m4a bad.flac"),
    ("nameless", lambda p: put(p.with_name("123.wav")), "does not say in letters from a to z what it is a sound of"),
]


@pytest.mark.parametrize(("make", "says"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_file_that_will_not_do_stops_a_build_with_one_line(tmp_path, make, says):
    folder = tmp_path / "sounds"
    put(folder / "good.wav")
    make(folder / "bad.wav")
    with pytest.raises(UserError) as error:
        built(folder)
    line = str(error.value)
    assert says in line, line
    assert str(folder) in line
    assert "\n" not in line
    assert line.endswith(".") or "ffmpeg" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path):
    put(tmp_path / "bell.wav").chmod(0)
    with pytest.raises(UserError, match="bell.wav: cannot be read .Permission denied"):
        read_folders([str(tmp_path)])


def test_a_folder_that_is_none_or_holds_none_says_so(tmp_path):
    for folder, says in ((tmp_path / "nowhere", "is no folder"), (tmp_path, "holds no audio")):
        with pytest.raises(UserError, match=says):
            read_folders([str(folder)])


@pytest.mark.parametrize("name", ["", " ", "a" * 5_000, "~nobody-of-this-name/x", "a\0b"])
def test_a_name_that_no_folder_can_have_says_so(name):
    with pytest.raises(UserError, match="is no folder"):
        read_folders([name])


def test_letters_with_marks_are_letters(tmp_path):
    put(tmp_path / "Türklingel_1.wav")
    assert list(read_folders([str(tmp_path)]).clips) == ["turklingel"]


def built(*folders: Path, **table: object) -> Build:
    sets = [f"scene.sounds.folders={[str(f) for f in folders]}", *(f"scene.sounds.{k}={v}" for k, v in table.items())]
    return resolve(recipes.compose(domain_names=["bank"], sets=sets))


def test_the_bytes_of_the_clips_are_in_the_render_key_and_their_paths_are_not(tmp_path):
    for name in ("here", "there", "other"):
        put(tmp_path / name / "rooster.wav", tone(0.5, 800 if name == "other" else 700))
    here, there, other = (built(tmp_path / name) for name in ("here", "there", "other"))
    plain = resolve(recipes.compose(domain_names=["bank"]))
    keys = [build.render_key("t", "s", False) for build in (here, there, other, plain)]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    put(tmp_path / "licensed" / "rooster.wav", licence="CC-BY-4.0")
    assert built(tmp_path / "licensed").render_key("t", "s", False) not in keys


def test_names_that_no_sound_has_are_refused_with_the_near_ones(tmp_path):
    put(tmp_path / "rooster.wav")
    assert built(tmp_path, names='["rooster"]').sounds.names
    with pytest.raises(UserError, match=r"scene.sounds.names: there is no sound 'roster'. Did you mean rooster"):
        built(tmp_path, names='["roster"]')
    with pytest.raises(UserError, match=r"scene.sounds.weights: there is no sound 'dog'. Did you mean dog_bark"):
        built(weights="{dog = 2.0}")


def test_own_clips_are_heard_and_recorded_by_content_and_licence(tmp_path):
    clip = put(tmp_path / "rooster_1.wav", tone(0.7, 1_500, 44_100), 44_100, "CC-BY-4.0")
    options = only(stems=True, sounds={"folders": [str(tmp_path)], "names": ["rooster"], "per_min": 6})
    heard = apply(dialogue(3), options, np.random.default_rng(1))
    assert isinstance(heard, SceneDialog)
    for sound in heard.effects["sounds"]["sounds"]:
        assert (sound["name"], sound["licence"], len(sound["source"])) == ("rooster", "CC-BY-4.0", 64)
        assert sound["duration_s"] == pytest.approx(0.7, abs=0.011) or sound["cut"]
    assert heard.stems["sounds"].any()
    assert str(tmp_path) not in repr(heard.effects) + repr(heard.events)
    clip.unlink()
    put(tmp_path / "rooster_1.wav", tone(0.7, 900, 44_100), 44_100)
    source = heard.effects["sounds"]["sounds"][0]["source"]
    clip_of.__globals__["_own"].cache_clear()
    with pytest.raises(DataError, match="has changed since the build began"):
        clip_of(source, "rooster", 0)


def test_a_cue_of_ones_own_texts_needs_a_sound_of_its_name(tmp_path):
    own = tmp_path / "texts" / "_shared"
    own.mkdir(parents=True)
    texts = (resources.prompts() / "_shared" / "spontaneous.toml").read_text(encoding="utf-8")
    (own / "spontaneous.toml").write_text(texts.replace("[cues.siren]", "[cues.rooster]"), encoding="utf-8")
    sets = [f"domain_folders={[str(own.parent)]}"]
    with pytest.raises(UserError, match=r"write.sound_cue: its texts speak of the sound 'rooster'"):
        resolve(recipes.compose(domain_names=["bank"], sets=sets))
    assert resolve(recipes.compose(domain_names=["bank"], sets=[*sets, "write.sound_cue.share=0"]))
    put(tmp_path / "sounds" / "rooster.wav")
    sets.append(f"scene.sounds.folders={[str(tmp_path / 'sounds')]}")
    assert "rooster" in resolve(recipes.compose(domain_names=["bank"], sets=sets)).sounds.names
