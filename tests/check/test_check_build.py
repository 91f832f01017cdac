"""An untouched build has no problem; each harm done to one is found, by the file, the place and the fault."""

import json
import shutil
from pathlib import Path

import outputs
import pytest
import soundfile
from harms import edit, found, inner, reseal, setter

from datagen.check import Problem, check_build
from datagen.records.build import BUILD_FILE
from datagen.stages.pack.schema import Table, manifest_path

TOKENS = "tokens/train-00000.parquet"
DIALOGS, TURNS, VOICES, REJECTS = (manifest_path(k) for k in (Table.DIALOGS, Table.TURNS, Table.VOICES, Table.REJECTS))
FIRST = "bank-000000"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    out = tmp_path_factory.mktemp("pristine")
    outputs.make(out)
    return out


@pytest.fixture
def out(pristine, tmp_path):
    return Path(shutil.copytree(pristine, tmp_path / "out"))


def test_an_untouched_build_has_no_problem(pristine):
    assert check_build(pristine) == []


def test_neither_have_builds_without_audio_or_of_long_and_short_dialogues(tmp_path):
    for n_turns in (1, 2, 11):
        out = tmp_path / str(n_turns)
        outputs.make(out, n_turns=n_turns, audio=False)
        assert check_build(out) == []


def test_work_report_and_a_repositorys_own_files_are_nobodys_business(out):
    for name in (".work/lock", "report/index.html", ".gitattributes"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("x")
    assert check_build(out) == []


def test_a_listed_report_is_checked(out):
    (out / "report").mkdir()
    (out / "report/index.html").write_text("x")
    reseal(out)
    assert check_build(out) == []
    (out / "report/index.html").write_text("y")
    assert found(out, "report/index.html", "", "another SHA-256")


def _truncate(path: Path):
    path.write_bytes(path.read_bytes()[:-9])


def _flip(path: Path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


FILE_HARMS = {
    "truncated tokens": (TOKENS, _truncate, "", "truncated or changed"),
    "truncated tokens are unreadable": (TOKENS, _truncate, "", "not readable as parquet"),
    "flipped bit in audio": (f"audio/{FIRST}.flac", _flip, "", "another SHA-256"),
    "no turns": (TURNS, Path.unlink, "", "listed in build.json and not there"),
    "no card": ("README.md", Path.unlink, "", "listed in build.json and not there"),
    "foreign file": ("audio/x.flac", lambda p: p.write_text("x"), "", "not listed in build.json"),
    "unfinished file": (".tmp-turns-1-1", lambda p: p.write_text("x"), "", "not listed in build.json"),
    "no build.json": (BUILD_FILE, Path.unlink, "", "the build is not finished"),
    "empty build.json": (BUILD_FILE, lambda p: p.write_text("{}"), "id", "not a build's record"),
    "half a build.json": (BUILD_FILE, _truncate, "", "not a build's record"),
    "future build.json": (BUILD_FILE, lambda p: _patch(p, format=99), "format", "is 99"),
    "wrong count": (
        BUILD_FILE,
        lambda p: _patch(p, counts__total__kept=9),
        "counts.total",
        "12 planned are not 9 kept and 2",
    ),
    "wrong count by domain": (
        BUILD_FILE,
        lambda p: _patch(p, counts__by_domain__bank__kept=9),
        "counts.by_domain.bank",
        "is 9 kept",
    ),
    "wrong rejects": (
        BUILD_FILE,
        lambda p: _patch(p, counts__rejects={"speak/silent": 2}),
        "counts.rejects",
        "too_long",
    ),
    "wrong hours": (BUILD_FILE, lambda p: _patch(p, hours=1.0), "hours", "is 1.0"),
    "wrong timing": (BUILD_FILE, lambda p: _patch(p, timing__gap_median_s=1.0), "timing.gap_median_s", "is 1.0"),
    "member of a shard lost": (BUILD_FILE, lambda p: _patch(p, shards__0__n_planned=5), "shards", "11 members, and 12"),
    "shard not listed": (
        BUILD_FILE,
        lambda p: _patch(p, shards__0__number=7),
        "files",
        "does not list tokens/train-00007",
    ),
    "shard's file foreign": (
        TOKENS,
        lambda p: _patch(p.parents[1] / BUILD_FILE, shards__0__number=7),
        "",
        "none of its shards",
    ),
    "shard twice": (BUILD_FILE, lambda p: _patch(p, shards__0__name="train-00001"), "shards", "there twice"),
}


def _patch(path: Path, **changes) -> None:
    value = json.loads(path.read_bytes())
    for key, new in changes.items():
        *above, last = key.split("__")
        at = value
        for part in above:
            at = at[int(part)] if isinstance(at, list) else at[part]
        at[last] = new
    path.write_text(json.dumps(value))


@pytest.mark.parametrize("name", FILE_HARMS)
def test_a_harmed_file_is_found(name, out):
    file, harm, where, what = FILE_HARMS[name]
    harm(out / file)
    assert found(out, file, where, what)


def test_each_unreadable_manifest_is_one_problem_among_others(out):
    for file in (DIALOGS, TURNS, VOICES, REJECTS):
        (out / file).write_text("hello")
    reseal(out)
    assert [p for p in check_build(out) if "not readable as parquet" in p.what and p.file == TURNS]
    assert {p.file for p in check_build(out)} == {DIALOGS, TURNS, VOICES, REJECTS}


def _drop(row):
    return lambda rows: rows[:row] + rows[row + 1 :]


def _codes(value):
    def harm(rows):
        rows[1]["agent_codes"][3][5] = value

    return harm


def _short_book(rows):
    rows[1]["user_codes"][7] = rows[1]["user_codes"][7][:-1]


def _seven_books(rows):
    rows[1]["voice_prompt_codes"] = rows[1]["voice_prompt_codes"][:7]


def _swap(a, b):
    def harm(rows):
        rows[a], rows[b] = rows[b], rows[a]

    return harm


def _extra_word(rows):
    rows[0]["words"].append({"word": "ghost", "start_s": 9.0, "end_s": 9.1})


def _lost_word(rows):
    rows[0]["words"] = rows[0]["words"][1:]


def _lost_backchannel(rows):
    rows[0]["words"] = [w for w in rows[0]["words"] if w["word"] != "mhm"]


def _unheard_in_track(rows):
    rows[0]["words"] = [*rows[0]["words"], {"word": "month", "start_s": 3.0, "end_s": 3.1}]


ROW_HARMS = {
    "code too high": (TOKENS, _codes(2048), TOKENS, "bank-000001", "agent_codes has 1 codes outside 0…2047, e.g. 2048"),
    "code too low": (TOKENS, _codes(-1), TOKENS, "bank-000001", "outside 0…2047, e.g. -1"),
    "book too short": (TOKENS, _short_book, TOKENS, "bank-000001", "user_codes has books of"),
    "book missing": (TOKENS, _seven_books, TOKENS, "bank-000001", "voice_prompt_codes has 7 books"),
    "dialogue missing in tokens": (TOKENS, _drop(1), TOKENS, "bank-000001", "no row here"),
    "shard's size": (TOKENS, _drop(1), TOKENS, "", "has 3 dialogues, and build.json says 4"),
    "shard's ends": (TOKENS, _drop(0), TOKENS, "", "holds bank-000001 to .* says bank-000000"),
    "tokens in disorder": (TOKENS, _swap(0, 1), TOKENS, "dialog_id", "not in order"),
    "tokens' split": (TOKENS, setter(0, split="valid"), TOKENS, FIRST, "is of split valid, in a file of train"),
    "role context differs": (TOKENS, setter(0, role_context="You work."), TOKENS, FIRST, "role_context is 'You work.'"),
    "another codec": (TOKENS, setter(0, codec_engine="mimi"), TOKENS, FIRST, "codec is .*mimi"),
    "another content": (TOKENS, setter(0, content_id="other"), TOKENS, FIRST, "content_id is 'other'"),
    "ghost word": (TOKENS, _extra_word, TOKENS, f"{FIRST} words", "has 'ghost' at 9.000 s"),
    "lost word": (TOKENS, _lost_word, TOKENS, f"{FIRST} words", "lacks 'thanks' at 0.400"),
    "lost backchannel": (TOKENS, _lost_backchannel, TOKENS, f"{FIRST} words", r"lacks \['mhm'\] of what its events say"),
    "unheard word in the track": (TOKENS, _unheard_in_track, TOKENS, f"{FIRST} words", "no turn has as heard"),
    "words in disorder": (TOKENS, inner(0, "words", 2, start_s=0.1), TOKENS, f"{FIRST} words", "out of order"),
    "word after the end": (TOKENS, inner(0, "user_words", -1, end_s=99.0), TOKENS, f"{FIRST} user_words", "out of order or"),
    "dialogue missing in dialogs": (DIALOGS, _drop(1), TOKENS, "bank-000001", "a row here, and none in"),
    "dialogue twice": (DIALOGS, lambda rows: [rows[0], *rows], DIALOGS, FIRST, "is there twice"),
    "shard out of order": (DIALOGS, lambda rows: rows[4:] + rows[:4], DIALOGS, "train-00000", "stand apart"),
    "unknown shard": (DIALOGS, setter(0, shard="train-00077"), DIALOGS, "train-00077", "belong to no shard"),
    "dialogs in disorder": (DIALOGS, _swap(0, 1), DIALOGS, "train-00000", "not in the order of dialog_id"),
    "wrong duration": (DIALOGS, setter(0, duration_s=12.0), DIALOGS, FIRST, "n_frames is"),
    "audio of another length": (DIALOGS, setter(0, duration_s=12.0), DIALOGS, FIRST, r"flac has \d+ samples, and duration_s says 288000"),
    "audio not listed": (DIALOGS, setter(0, audio_path="audio/no.flac"), DIALOGS, FIRST, "not a file of the build"),
    "empty role": (DIALOGS, setter(0, role_context=" "), DIALOGS, FIRST, "role_context is empty"),
    "same voice": (DIALOGS, setter(0, user_voice="agent-train"), DIALOGS, FIRST, "have the same voice"),
    "barge-ins miscounted": (DIALOGS, setter(0, n_barge_in=2), TURNS, FIRST, "n_barge_in is 2"),
    "backchannels miscounted": (DIALOGS, setter(0, n_backchannel=0), TURNS, FIRST, "n_backchannel is 0"),
    "turns miscounted": (DIALOGS, setter(0, n_turns=7), DIALOGS, FIRST, "n_turns is 7"),
    "first speaker": (DIALOGS, setter(0, first_speaker="user"), DIALOGS, FIRST, "first_speaker is user"),
    "overlap": (DIALOGS, setter(0, overlap_s=3.0), DIALOGS, f"{FIRST} overlap_s", "is 3.000 s, and by the words"),
    "silence": (DIALOGS, setter(0, silence_s=0.0), DIALOGS, f"{FIRST} silence_s", "is 0.000 s"),
    "agent's speech": (DIALOGS, setter(0, agent_speech_s=0.0), DIALOGS, f"{FIRST} agent_speech_s", "is 0.000 s"),
    "effects": (DIALOGS, setter(0, effects="nothing"), DIALOGS, FIRST, "effects is not a JSON object"),
    "company": (DIALOGS, setter(0, company="Other"), DIALOGS, FIRST, "company is 'Other'"),
    "engine": (DIALOGS, setter(0, writer="gpt"), DIALOGS, FIRST, "writer is 'gpt'"),
    "voice across splits": (DIALOGS, setter(8, agent_voice="agent-train"), DIALOGS, "voice agent-train", "in the splits train, valid"),
    "voice of another split": (DIALOGS, setter(8, agent_voice="agent-train"), VOICES, "agent-train", "is of train, and speaks in valid"),
    "company across splits": (
        DIALOGS, setter(8, company="Harbor Train Bank"), DIALOGS, "company bank/Harbor Train Bank", "splits train, valid",
    ),
    "scenario across splits": (DIALOGS, setter(8, scenario="charge-train"), DIALOGS, "scenario bank/charge-train", "train, valid"),
    "role contexts differ": (DIALOGS, setter(0, role_context="You."), TOKENS, FIRST, "role_context is"),
    "turn lost": (TURNS, _drop(1), TURNS, FIRST, r"turns are numbered \[0, 2, 3"),
    "turns lost": (TURNS, lambda rows: rows[6:], TURNS, FIRST, "no row here"),
    "turn after the end": (TURNS, setter(5, end_s=99.0), TURNS, f"{FIRST} turn 5", "and the dialogue lasts"),
    "turn before the one before": (TURNS, setter(1, start_s=0.1), TURNS, f"{FIRST} turn 1", "before the turn before it"),
    "turn's split": (TURNS, setter(1, split="test"), DIALOGS, FIRST, "turn 1 is of test"),
    "FTO": (TURNS, setter(1, fto_s=0.5), TURNS, f"{FIRST} turn 1", "fto_s is 0.5"),
    "FTO of the first": (TURNS, setter(0, fto_s=0.5), TURNS, f"{FIRST} turn 0", "it is null"),
    "FTO gone": (TURNS, setter(3, fto_s=None), TURNS, f"{FIRST} turn 3", "fto_s is None"),
    "unknown type": (TURNS, setter(1, type="rant"), TURNS, f"{FIRST} turn 1", "'rant'"),
    "unknown tag": (TURNS, setter(1, tags=["loud"]), TURNS, f"{FIRST} turn 1", "'loud'"),
    "text": (TURNS, setter(1, text="Else."), TURNS, f"{FIRST} turn 1", "and the text is 'Else.'"),
    "heard text": (TURNS, setter(2, heard_text="for"), TURNS, f"{FIRST} turn 2", "do not make up the text"),
    "cut elsewhere": (
        TURNS, lambda rows: _recut(rows[2]), TURNS, f"{FIRST} turn 2", "heard_text has 6 words, and 4 were heard",
    ),
    "word order": (TURNS, inner(1, "words", 2, start_s=0.0), TURNS, f"{FIRST} turn 1", "word 2 .* out of order"),
    "heard after the end": (TURNS, inner(2, "words", 4, heard="yes"), TURNS, f"{FIRST} turn 2", "counts as heard and ends after"),
    "unheard before the end": (TURNS, inner(2, "words", 1, heard="no"), TURNS, f"{FIRST} turn 2", "counts as unheard and starts before"),
    "partly heard after the end": (TURNS, inner(2, "words", 5, heard="partial"), TURNS, f"{FIRST} turn 2", "counts as partly heard"),
    "barge-in flag": (TURNS, setter(3, barge_in=False), TURNS, FIRST, r"flagged barge_in are \[\], and by the events they are \[3\]"),
    "unknown event": (TURNS, inner(2, "events", 0, type="cough"), TURNS, f"{FIRST} turn 2", "event cough .* outside the vocabulary"),
    "event's target": (TURNS, inner(2, "events", 0, target_turn=9), TURNS, f"{FIRST} turn 2", "targets turn 9, and stands with turn 2"),
    "barge-in of the agent": (TURNS, inner(2, "events", 0, channel=0), TURNS, f"{FIRST} turn 2", "and only the user does that"),
    "backchannel outside": (
        TURNS, inner(3, "events", 0, start_s=0.1, end_s=0.2), TURNS, f"{FIRST} turn 3", "backchannel .* not inside its turn 3",
    ),
    "event outside": (TURNS, inner(2, "events", 0, end_s=99.0), TURNS, f"{FIRST} turn 2", "lies outside the dialogue"),
    "voice lost": (VOICES, _drop(1), VOICES, "agent-train", "speaks in .* and is not here"),
    "voice miscounted": (VOICES, setter(1, n_dialogs=3), VOICES, "agent-train", "n_dialogs is 3, and it speaks in 8"),
    "voice without a licence": (VOICES, setter(1, licence=""), VOICES, "agent-train", "no licence"),
    "voices in disorder": (VOICES, _swap(0, 1), VOICES, "id", "not in order"),
    "reject lost": (REJECTS, _drop(0), BUILD_FILE, "counts.total", "the manifests hold 10 kept, 1 rejected"),
    "reject kept": (REJECTS, setter(0, dialog_id=FIRST), REJECTS, FIRST, "was rejected and is in"),
    "reject twice": (REJECTS, lambda rows: [rows[0], *rows], REJECTS, "bank-000010", "there twice"),
    "reject of no stage": (REJECTS, setter(0, stage="cook"), REJECTS, "bank-000010", "stage 'cook'"),
}  # fmt: skip


def _recut(row):
    words = row["text"].split()
    row.update(heard_text=" ".join(words[:6]), unheard_text=" ".join(words[6:]))


@pytest.mark.parametrize("name", ROW_HARMS)
def test_a_harmed_row_is_found(name, out):
    file, harm, found_in, where, what = ROW_HARMS[name]
    edit(out, file, harm)
    assert found(out, found_in, where, what)


def test_a_prefix_that_leaves_no_room_is_found(out):
    long = "You work. " + "word " * 1_300
    edit(out, TOKENS, setter(0, role_context=long))
    edit(out, DIALOGS, setter(0, role_context=long))
    assert found(out, TOKENS, FIRST, r"prefix and dialogue take about 2\d\d\d columns, and the limit is 2048")


@pytest.mark.parametrize(("rate_hz", "channels", "what"), [(16_000, 2, "at 16000 Hz"), (24_000, 1, "has 1 channels")])
def test_audio_of_another_form_is_found(rate_hz, channels, what, out):
    path = out / f"audio/{FIRST}.flac"
    samples, _ = soundfile.read(path)
    soundfile.write(path, samples[:, :channels], rate_hz, format="FLAC")
    reseal(out)
    assert found(out, DIALOGS, FIRST, what)


def test_audio_that_is_none_is_found(out):
    (out / f"audio/{FIRST}.flac").write_text("hello")
    reseal(out)
    assert found(out, DIALOGS, FIRST, "not readable audio")


def test_one_row_of_another_shard_does_not_hide_the_rest(out):
    edit(out, DIALOGS, setter(0, shard="test-00000"))
    assert found(out, DIALOGS, "test-00000", "1 rows .* stand apart")
    assert not [p for p in check_build(out) if "bank-000005" in p.where]


def test_a_problem_is_one_line():
    assert str(Problem("a", "b", "c.")) == "a: b: c."
    assert str(Problem("a", "", "c.")) == "a: c."
    long = Problem("a", "b\nc", "d\n" * 1_000).one_line()
    assert long.where == "b c"
    assert len(long.what) == 300


def test_the_recipes_own_limit_of_columns_holds(out):
    _patch(out / BUILD_FILE, recipe={"stitch": {"max_columns": 200}})
    assert found(out, TOKENS, FIRST, "and the limit is 200")
