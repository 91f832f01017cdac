"""A user's reference clips: what is refused, in one line each, and what becomes of the good ones."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from bank_speech import brought

from datagen.engines.speakers.bank import clip_gates
from datagen.engines.speakers.bank.clip_gates import Bad, read_clip, snr_db, steady_share
from datagen.engines.speakers.bank.clips import parts, read_clips
from datagen.engines.speakers.resampling import resample
from datagen.errors import DataError, UserError
from datagen.records.speech import SAMPLE_RATE_HZ, Audio

RATE = SAMPLE_RATE_HZ


def lines_of(folder: Path, skip_bad: bool = False) -> list[str]:
    lines: list[str] = []
    with pytest.raises(DataError) as error:
        read_clips(folder, skip_bad, lines.append)
    assert "\n" not in str(error.value)
    assert all("\n" not in line for line in lines)
    return lines


def folder(tmp_path: Path, **clips: Audio) -> Path:
    (tmp_path / "LICENCE.txt").write_text("\nCC0-1.0\nall of it\n")
    for name, audio in clips.items():
        soundfile.write(tmp_path / f"{name}.wav", audio.T, RATE)
    return tmp_path


def chords(seconds: float = 10) -> Audio:
    t = np.arange(round(seconds * RATE)) / RATE
    beat = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 1.5 * t))
    return np.asarray(sum(np.sin(2 * np.pi * f * t) for f in (220, 277, 330, 5060)) * beat * 0.1, dtype=np.float32)


def hum(n_samples: int) -> Audio:
    """A chord that is held, some 10 dB under the speech."""
    t = np.arange(n_samples) / RATE
    return np.asarray(sum(np.sin(2 * np.pi * f * t) for f in (220, 277, 330)) * 0.015, dtype=np.float32)


def song(seconds: float = 10) -> Audio:
    """A voice-like tone without a pause, each note with a wide vibrato."""
    t = np.arange(round(seconds * RATE)) / RATE
    notes = 220 * 2 ** (np.array([0, 4, 7, 5, 2])[(t // 0.6).astype(int) % 5] / 12)
    phase = 2 * np.pi * np.cumsum(notes * (1 + 0.02 * np.sin(2 * np.pi * 5.5 * t))) / RATE
    return np.asarray(sum(np.sin(k * phase) / k for k in range(1, 30)) * 0.05, dtype=np.float32)


def telephone(audio: Audio) -> Audio:
    return resample(resample(audio.astype(float), 1, 3), 3, 1).astype(np.float32)


BAD = {
    "silent": (lambda s: s * 0, "is silent"),
    "short": (lambda s: s[: 3 * RATE], "3.0 s, and 6 at least"),
    "stereo": (lambda s: np.stack([s, np.roll(s, 500)]), "2 channels that differ"),
    "clipped": (lambda s: np.clip(s * 30, -0.9, 0.9), "of its samples are clipped"),
    "band": (telephone, "as on a telephone"),
    "music": (lambda s: chords(), "sounds like music"),
    "song": (lambda s: song(), "sounds like music"),
    "noise": (lambda s: np.random.default_rng(0).normal(0, 0.1, 8 * RATE).astype(np.float32), "hardly any speech"),
    "bed": (lambda s: s + hum(len(s)), "(music|lies under it)"),
    "short_inside": (lambda s: np.pad(s[12_000 : 12_000 + 4 * RATE], (3 * RATE, RATE)), "without the silence"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_clip_is_one_line(tmp_path: Path, name: str) -> None:
    spoil, line = BAD[name]
    said = lines_of(folder(tmp_path, **{name: spoil(brought())}))
    assert len(said) == 1
    assert said[0].startswith(f"{name}.wav: ")
    assert re.search(line, said[0]), said


def test_eight_kilohertz_is_refused(tmp_path: Path) -> None:
    soundfile.write(folder(tmp_path) / "old.wav", resample(brought().astype(float), 1, 3), 8_000)
    assert lines_of(tmp_path) == ["old.wav: 8000 Hz, and 16000 at least are needed: half of a voice is above 4 kHz."]


def test_what_is_no_clip_is_refused(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "text.wav").write_text("no sound at all")
    (tmp_path / "notes.doc").write_text("x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "<script>alert(1)<\x1b[31m.wav").write_bytes(b"")
    (tmp_path / "a\nb.wav").write_bytes(b"")
    os.symlink("/etc/hostname", tmp_path / "link.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    said = lines_of(tmp_path)
    assert len(said) == 7
    text = "\n".join(said)
    assert "\x1b" not in text
    for part in (
        "text.wav: is no audio file",
        "notes.doc: is no audio file by its name",
        "sub: is no file",
        r"a\nb.wav: a name has",
        "link.wav: leads out",
        "pipe.wav: is no file",
    ):
        assert part in text


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    soundfile.write(folder(tmp_path) / "long.flac", np.zeros(8_000 * 1_000, dtype=np.int16), 8_000)
    assert lines_of(tmp_path) == ["long.flac: 1000 s (limit 600). Cut 10 to 40 s out of it."]
    with (tmp_path / "long.flac").open("ab") as file:
        file.truncate(300_000_000)
    assert lines_of(tmp_path) == ["long.flac: 300 MB (limit 200). Cut 10 to 40 s out of it."]


def test_many_samples_in_a_small_file_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(folder(tmp_path) / "zeros.flac", np.zeros((7 * RATE, 8), dtype=np.int16), RATE)
    monkeypatch.setattr(clip_gates, "LARGEST_SAMPLES", 1_000_000)
    assert lines_of(tmp_path) == [
        "zeros.flac: 8 channels at 24000 Hz are 1 million samples (limit 1). Cut 10 to 40 s out of it."
    ]


def test_a_clip_over_full_scale_is_turned_down_not_cut_off(tmp_path: Path) -> None:
    loud = brought() / np.abs(brought()).max() * 3
    soundfile.write(tmp_path / "loud.wav", loud, RATE, subtype="FLOAT")
    found = read_clip(tmp_path / "loud.wav")
    assert not isinstance(found, Bad)
    assert np.abs(found).max() == pytest.approx(1)
    assert np.allclose(found * 3, loud, atol=1e-5)


def test_a_good_clip_becomes_a_person(tmp_path: Path) -> None:
    voice = brought(long=True)
    folder(tmp_path, anna=np.stack([voice, voice]))
    (tmp_path / "voices.toml").write_text('provenance = "told here"\n[clips.anna]\nage = "elderly"\nperson = "a1"\n')
    found = read_clips(tmp_path, False, print)
    source = found.sources[0]
    assert (source.name, source.person, source.age, source.licence) == ("anna", "clip:a1", "elderly", "CC0-1.0")
    assert source.sex == ("female" if source.f0_hz >= 160 else "male")
    assert source.provenance.startswith("told here")
    assert 6 <= len(source.clip) / RATE <= 11
    assert source.prompt is not None
    assert 10 <= len(source.prompt) / RATE <= 25
    assert list(found.digests) == ["anna.wav"]


def test_the_same_sound_under_two_names_is_one_person(tmp_path: Path) -> None:
    voice = brought()
    assert lines_of(folder(tmp_path, a=voice, b=voice)) == ["b.wav: is the same sound as a.wav. Remove one."]


def test_refused_clips_may_be_left_out(tmp_path: Path) -> None:
    lines: list[str] = []
    found = read_clips(folder(tmp_path, a=brought(), b=chords()), True, lines.append)
    assert [s.name for s in found.sources] == ["a"]
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[clips.'../../etc/passwd']\nsex = 'male'\n", "no path"),
        ("[clips.b]\nsex = 'male'\n", "clips.b: there is no such clip"),
        ("[clips.a]\nsex = 'other'\n", "sex = other: has to be one of female, male"),
        ("[clips.a]\nname = 'x'\n", "name: it may have sex"),
        ("[clips.a]\nperson = '../x'\n", "letters, figures"),
        ('[clips.a]\nlicence = "x\\u001b[31m"\n', "licence: has to be a line"),
        ("[clips.a]\nage = 7\n", "age: has to be a line"),
        ("colour = 'red'\n", "colour: is no key"),
        ("clips = ", "not a TOML file"),
        ("clips = " + "[" * 100_000, "not a TOML file"),
    ],
)
def test_a_wrong_table_is_one_line(tmp_path: Path, table: str, message: str) -> None:
    (folder(tmp_path) / "a.wav").write_bytes(b"")
    (tmp_path / "voices.toml").write_text(table)
    with pytest.raises(UserError, match=message) as error:
        read_clips(tmp_path, False, print)
    assert "\n" not in str(error.value)


def test_a_licence_is_needed(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    with pytest.raises(UserError, match=r"no licence for a: write it in the first line of .*LICENCE\.txt"):
        read_clips(tmp_path, False, print)
    with pytest.raises(UserError, match="no such folder"):
        read_clips(tmp_path / "nowhere", False, print)


def test_a_long_clip_is_cut_at_a_pause() -> None:
    audio = np.full(30 * RATE, 0.1, dtype=np.float32)
    audio[9 * RATE : round(9.3 * RATE)] = 0
    clip, prompt = parts(audio)
    assert prompt is not None
    assert 9 * RATE <= len(clip) <= 9.2 * RATE
    assert 17 * RATE <= len(prompt) <= 25 * RATE


def test_other_rates_are_brought_to_24_khz(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", resample(brought().astype(float), 2, 1), 48_000)
    found = read_clip(tmp_path / "a.wav")
    assert not isinstance(found, Bad)
    assert len(found) == len(brought())
    assert np.abs(found[5000:-5000] - brought()[5000:-5000]).max() < 0.02


def test_speech_glides_and_pauses() -> None:
    hz = np.full(200, 200.0)
    assert steady_share(hz) == 1
    assert steady_share(200 * 2 ** (np.arange(200) * 0.05 / 12)) == 0
    assert steady_share(np.zeros(100)) == 0
    assert snr_db(brought()) > 30
