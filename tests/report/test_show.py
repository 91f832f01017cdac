"""`datagen show`: what a terminal is given, narrow or hostile, and the WAV files."""

import json
import re
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import eventful
import hostile
import outputs
import polars as pl
import pytest
import soundfile

from datagen.records.enums import EventType
from datagen.report.corpus import open_corpus
from datagen.report.strips import SIGNS, time_lines
from tests.conftest import inside


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, str, int], list[str]]:
    """Lines of `datagen show` in a terminal of some width."""

    def lines(out: Path, dialog: str, width: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(width))
        done = inside("show", out, *([dialog] if dialog else []))
        assert (done.code, done.err) == (0, "")
        return done.out.split("\n")

    return lines


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build made from records, with audio."""
    out = tmp_path_factory.mktemp("plain")
    outputs.make(out, n_dialogs=4)
    return out


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal_and_texts_wrap_under_themselves(printed, plain: Path, width: int) -> None:
    lines = printed(plain, "bank-000000", width)
    assert max(map(len, lines)) <= width
    turns = [i for i, line in enumerate(lines) if re.match(r" *\d+\.\d\d ", line)]
    assert len(turns) == 6
    column = lines[turns[0]].index("thanks")
    for line in lines[turns[0] + 1 :]:
        if line.strip() and not re.match(r" *\d+\.\d\d ", line):
            assert line[:column].strip() == ""


def test_every_turn_event_and_unheard_text_is_there(printed, plain: Path) -> None:
    text = " ".join(" ".join(printed(plain, "bank-000000", 200)).split())
    without_events = re.sub(r"\[[^]]*\] ?", "", text)
    for turn in pl.read_parquet(plain / "manifests" / "turns.parquet").filter(dialog_id="bank-000000").to_dicts():
        assert turn["heard_text"] in without_events
        assert not turn["unheard_text"] or f"⟨unheard: {turn['unheard_text']}⟩" in text
    assert "[barge-in" in text
    assert "[backchannel “mhm”" in text
    assert "You work for Harbor Train Bank" in text


@pytest.fixture(scope="module")
def eventful_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build whose first dialogue has every type of event."""
    return eventful.make(tmp_path_factory.mktemp("eventful"))


def test_every_type_of_event_stands_at_its_word_with_what_was_said(printed, eventful_build: Path) -> None:
    text = " ".join(" ".join(printed(eventful_build, "bank-000000", 200)).split())
    for shown in (
        "how [backchannel “yeah” 2.20–2.50] can",
        "[disfluency “Um” 4.00–4.30] Um I [backchannel “okay” 4.60–4.90] want,",
        "could [pause 5.20–7.60] [side-talk “Not now, sweetie.” 5.80–6.70] you",
        "Of course, I [failed-barge-in “but wait” 11.10–11.70] can",
        "in [barge-in 13.00–13.40] seven ⟨unheard: right now for you⟩",
        "one [agent-interruption 14.80–15.30] that I ⟨unheard:",
        "I [sound door 14.90–15.40] see, the blue one [overlap 16.20–16.60] then.",
        "Yes, the blue one. [sound phone 17.90–19.50]",
        "[long-silence 17.40–22.90] Are you still there?",
    ):
        assert shown in text, shown
    assert (
        "user's channel room RT60 0.41 s at 0.6 m · noise 12 dB · telephone gsm · packet loss 2 % · 12.5 % of words masked"
        in text
    )
    assert "agent agent-train, latency +0.35 s" in text


def test_the_time_line_has_a_sign_for_every_type_and_its_legend_names_what_there_is(eventful_build: Path) -> None:
    corpus = open_corpus(eventful_build)
    turns, line = corpus.turns_of("bank-000000"), eventful.timeline("bank-000000")
    for width in (20, 60, 153):
        lines = [text.plain for text in time_lines(turns, 25.9, width)]
        legend = " ".join("".join(f"{text}  " for text in lines if text.startswith("       ")).split())
        assert legend == "× barge-in + agent-interruption ♪ sound ○ side-talk ! failed-barge-in • backchannel " + (
            "~ disfluency ▒ overlap · pause ─ long-silence"
        )
        assert max(map(len, lines)) <= width + 7
    rows = ["".join(text[7:].ljust(153) for text in lines if text.startswith(side)) for side in ("agent", "user")]
    scale = len(rows[0]) / 25.9
    for turn in line.turns:
        for event in turn.events:
            if event.type is not EventType.SOUND:
                assert rows[event.channel][int(event.start_s * scale)] == SIGNS[event.type], event
    plain = [text.plain for text in time_lines(corpus.turns_of("bank-000001"), 12.5, 100)]
    assert plain[-1] == "       × barge-in  • backchannel  ▒ overlap"


def test_events_and_effects_that_nobody_knows_still_show(printed, eventful_build: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(eventful_build, tmp_path / "out"))
    dialogs = out / "manifests" / "dialogs.parquet"
    effects = {
        "wind": {"force_db": -3.5, "gusts": [1, 2], "gain_share": 0.25, "seed": 1, "from_ms": 80, "on": True},
        "hum": 50,
    }
    pl.read_parquet(dialogs).with_columns(effects=pl.lit(json.dumps(effects))).write_parquet(dialogs)
    turns = out / "manifests" / "turns.parquet"
    event = pl.element().struct.with_fields(pl.lit("cough").alias("type"), pl.lit("[]").alias("attrs"))
    pl.read_parquet(turns).with_columns(events=pl.col("events").list.eval(event)).write_parquet(turns)
    text = " ".join(" ".join(printed(out, "bank-000000", 200)).split())
    assert "wind force -3.5 dB, gusts 2 times, gain 25 %, from 80 ms, on yes · hum 50 · 12.5 % of words masked" in text
    assert "how [cough 2.20–2.50] can" in text


def test_controls_and_escapes_are_neutralised(printed, tmp_path: Path) -> None:
    hostile.make(tmp_path, hostile.ANSI)
    for dialog in ("bank-000000", ""):
        text = "\n".join(printed(tmp_path, dialog, 100))
        assert {c for c in text if unicodedata.category(c) in ("Cc", "Cf")} == {"\n"}
        assert "red" in text


def test_joiners_stay_since_scripts_and_emoji_need_them(printed, tmp_path: Path) -> None:
    hostile.make(tmp_path, "👩\u200d💻 می\u200cخواهم")
    assert "👩\u200d💻 می\u200cخواهم" in "\n".join(printed(tmp_path, "bank-000000", 150))


def test_the_time_line_marks_speech_where_it_is(plain: Path) -> None:
    corpus = open_corpus(plain)
    turns = corpus.turns_of("bank-000000")
    duration_s = corpus.dialog("bank-000000")["duration_s"]
    width = 100
    lines = [line.plain for line in time_lines(turns, duration_s, width)][:-1]
    assert len(lines) % 3 == 0
    assert max(map(len, lines)) <= width + 7
    for channel, side in enumerate(("agent", "user")):
        row = "".join(line[7:].ljust(width) for line in lines[channel::3])
        scale = len(row) / duration_s
        for turn in turns:
            middle = row[round((turn["start_s"] + turn["end_s"]) / 2 * scale)]
            assert (middle != " ") == (turn["speaker"] == side)
        assert ("×" in row) == (side == "user")
        assert ("•" in row) == (side == "agent")


def test_a_long_dialogue_takes_eight_strips_at_most(plain: Path) -> None:
    turns = open_corpus(plain).turns_of("bank-000000")
    assert len(time_lines(turns, 3_600.0, 60)) == 8 * 3 + 1


def test_the_list_names_every_dialogue_and_narrows(printed, plain: Path) -> None:
    wide, narrow = printed(plain, "", 120), printed(plain, "", 50)
    for lines in (wide, narrow):
        assert sum(line.startswith("bank-") for line in lines) == 4
    assert "SNR dB" in wide[0]
    assert "SNR dB" not in narrow[0]
    assert max(map(len, narrow)) <= 50


def test_wav_is_the_kept_audio_and_decode_what_the_tokens_say(built: Path, tmp_path: Path) -> None:
    row = pl.read_parquet(built / "manifests" / "dialogs.parquet").sort("n_frames").row(0, named=True)
    wav, decoded = tmp_path / "a.wav", tmp_path / "deep" / "b.wav"
    done = inside("show", built, row["dialog_id"], "--wav", wav, "--decode", decoded)
    assert (done.code, done.err) == (0, "")
    kept, rate_hz = soundfile.read(wav, dtype="int16")
    assert (kept == soundfile.read(built / row["audio_path"], dtype="int16")[0]).all()
    assert (rate_hz, kept.shape[1]) == (24_000, 2)
    assert soundfile.info(decoded).frames == row["n_frames"] * 1920
    assert f"{wav}: " in done.out
    assert f"{decoded}: " in done.out


def failing(code: int, *arguments: str | Path) -> str:
    """The one line on stderr of a command that ends with `code` and prints nothing else."""
    done = inside(*arguments)
    assert (done.code, done.out) == (code, ""), done.err
    assert done.err.startswith("datagen: ")
    assert done.err.count("\n") == 1
    return done.err


def test_unknown_and_rejected_dialogues_say_so(plain: Path) -> None:
    assert "Did you mean bank-00000" in failing(1, "show", plain, "bank-00000")
    assert "lists them" in failing(1, "show", plain, "zzz")
    rejected = failing(1, "show", plain, "bank-000004")
    assert "was rejected" in rejected
    assert "speak turn 7 (too_long): 11.8 s of audio for 9 words" in rejected


def test_a_build_of_an_older_version_is_one_line(tmp_path: Path) -> None:
    old = tmp_path / "old"
    outputs.make(old, n_dialogs=2, audio=False)
    path = old / "manifests" / "dialogs.parquet"
    pl.read_parquet(path).drop("masked_word_share").write_parquet(path)
    for command in (("show", old, "bank-000000"), ("show", old), ("report", old)):
        said = failing(3, *command)
        assert (
            "dialogs.parquet: has no column masked_word_share: another version of datagen made it. Run the build"
            in said
        )


def test_what_is_missing_or_damaged_is_one_line(plain: Path, tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    outputs.make(silent, n_dialogs=3, audio=False)
    wav = tmp_path / "x.wav"
    assert "keeps no audio" in failing(1, "show", silent, "bank-000000", "--wav", wav)
    assert not wav.exists()
    assert "no build.json" in failing(1, "show", tmp_path)
    assert "is no folder" in failing(1, "report", tmp_path / "nowhere")
    (silent / "build.json").write_text('{"id": ')
    assert "damaged" in failing(3, "show", silent)
    assert "name the dialogue" in failing(1, "show", plain, "--wav", wav)
    assert "is a folder" in failing(1, "show", plain, "bank-000000", "--wav", tmp_path)
    assert "same file" in failing(1, "show", plain, "bank-000000", "--wav", wav, "--decode", wav)


def test_tokens_of_another_codec_or_none_are_a_data_error(built: Path, tmp_path: Path) -> None:
    dialog = pl.read_parquet(built / "manifests" / "dialogs.parquet")["dialog_id"][0]
    for name in ("manifests", "build.json"):
        (tmp_path / name).symlink_to(built / name)
    assert "cannot be read" in failing(3, "show", tmp_path, dialog, "--decode", tmp_path / "x.wav")
    build = json.loads((built / "build.json").read_text())
    build["engines"]["codec"]["revision"] = "another"
    (tmp_path / "build.json").unlink()
    (tmp_path / "build.json").write_text(json.dumps(build))
    assert "revision another" in failing(3, "show", tmp_path, dialog, "--decode", tmp_path / "x.wav")
