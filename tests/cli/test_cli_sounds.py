"""`datagen sounds`: the shipped ones and one's own, and a file to listen to."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.conftest import inside


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    (folder / "rooster").mkdir(parents=True)
    for i, rate_hz in enumerate((8_000, 48_000)):
        tone = 0.3 * np.sin(np.arange(rate_hz // 2) * 4_000 / rate_hz)
        soundfile.write(folder / "rooster" / f"{i}.wav", tone, rate_hz)
    (folder / "LICENCE").write_text("CC0-1.0\n")
    return folder


def test_the_list_has_the_shipped_sounds_and_ones_own_with_licence_and_rate(own: Path) -> None:
    sets = ("--set", f"scene.sounds={[str(own)]}")
    done = inside("sounds", "list", *sets)
    assert done.code == 0, done.err
    line = next(line for line in done.out.splitlines() if line.startswith("rooster"))
    for part in ("your own", "2", "0.5 s", "CC0-1.0", "8 kHz"):
        assert part in line
    found = {entry["sound"]: entry for entry in json.loads(inside("sounds", "list", "--json", *sets).out)}
    assert {c["rate_hz"] for c in found["rooster"]["clips"]} == {8_000, 48_000}
    assert found["siren"] == {"sound": "siren", "from": "shipped", "clips": []}


def test_a_sound_is_written_to_hear_and_a_wrong_name_is_one_line(tmp_path: Path, own: Path) -> None:
    for name, sets in (("siren", ()), ("rooster", ("--set", f"scene.sounds.folders={[str(own)]}"))):
        wav = tmp_path / f"{name}.wav"
        done = inside("sounds", "hear", name, "--wav", str(wav), "--seed", "3", *sets)
        assert done.code == 0, done.err
        samples, rate_hz = soundfile.read(wav)
        assert rate_hz == 24_000
        assert 0.05 < np.abs(samples).max() < 1
    wrong = inside("sounds", "hear", "sirene")
    assert (wrong.code, wrong.out) == (1, "")
    assert "there is no sound 'sirene'. Did you mean siren?" in wrong.err
    (own / "bad.wav").write_text("no audio")
    broken = inside("sounds", "list", "--set", f"scene.sounds.folders={[str(own)]}")
    assert broken.code == 1
    assert f"{own}/bad.wav: cannot be read as audio" in broken.err
