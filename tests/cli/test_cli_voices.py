"""`datagen voices build, list, hear, check`: from the command line to the files."""

import json
from pathlib import Path

import pytest
import soundfile

from datagen.engines.speakers.espeak import EspeakSpeaker
from datagen.engines.speakers.voice_bank import voices_of
from tests.conftest import inside


def test_a_bank_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = [v for v in voices_of("espeak") if v.base in ("en-us+edward", "en-us+f2")]
    monkeypatch.setattr(EspeakSpeaker, "voices", lambda self: tuple(few))
    bank = tmp_path / "bank"
    sets = ["--set", "bank.sources=1", "--set", "bank.child_share=0"]
    ran = inside("voices", "build", "--count", "2", "--out", str(bank), "--jobs", "1", *sets)
    assert (ran.code, "2 of 2 places" in ran.err) == (0, True), ran.err
    assert "2 voices of 2 base speakers" in ran.out
    assert "2 people cannot speak in train, valid and test" in ran.out
    assert "distance acoustic" in ran.out
    ran = inside("voices", "list", str(bank), "--json")
    rows = json.loads(ran.out)
    assert {r["distance"] for r in rows} == {"acoustic"}
    assert all(r["nearest_distance"] > 0 for r in rows)
    ran = inside("voices", "list", str(bank))
    assert "Distance made by: acoustic." in ran.out
    assert "espeak:en-us+" in ran.out
    for flags, low, high in (([], 6, 12), (["--prompt"], 10, 30)):
        wav = tmp_path / "x.wav"
        ran = inside("voices", "hear", rows[0]["id"], "--bank", str(bank), "--wav", str(wav), *flags)
        assert ran.code == 0, ran.err
        assert low <= soundfile.info(str(wav)).duration <= high
    ran = inside("voices", "check", str(bank), "--jobs", "1")
    assert (ran.code, "2 voices, 0 faults" in ran.out) == (0, True), ran.out
    (bank / "prompts" / f"{rows[0]['id']}.flac").unlink()
    ran = inside("voices", "check", str(bank), "--jobs", "1")
    assert ran.code == 3
    assert f"{rows[0]['id']}: prompts/{rows[0]['id']}.flac is not there" in ran.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["voices", "list", "nowhere"], 1, "nowhere: no voice bank is there"),
        (["voices", "check", "nowhere"], 1, "Make one: datagen voices build"),
        (["voices", "hear", "x", "--bank", "nowhere"], 1, "no voice bank is there"),
        (["voices", "build", "--out", "b", "--count", "0"], 1, "--count 0"),
        (["voices", "build", "--out", "b", "--set", "bank.colour=1"], 1, "bank.colour"),
        (["voices", "build", "--out", "b", "--set", "bank.tries"], 1, "no value"),
        (["voices", "build", "--out", "b", "--clips", "nowhere"], 1, "there is no such folder"),
        (["voices", "build", "--out", "b", "--set", "speaker.engine=nobody"], 1, "there is no speaker engine"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    ran = inside(*arguments)
    assert ran.code == code, ran.err
    assert message in ran.err
    assert ran.err.count("\n") == 1
