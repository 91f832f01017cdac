"""Full-Duplex-Bench folders, read by strict readers after the released evaluation (v1_v1.5/evaluation/*.py), in our own words."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from drawn import RATE, drawn, event, turn

from datagen.config import read_options
from datagen.errors import DataError, UserError
from datagen.export.base import Part
from datagen.export.full_duplex_bench import FullDuplexBench
from datagen.export.runner import run_export

PAUSE, TAKING = "synthetic_pause_handling", "candor_turn_taking"
LISTEN, CUT = "icc_backchannel", "synthetic_user_interruption"
FILES = {
    PAUSE: {"input.wav", "pause.json", "transcription.json"},
    TAKING: {"input.wav", "turn_taking.json", "transcription.json"},
    LISTEN: {"input.wav", "transcription.json"},
    CUT: {"input.wav", "context.wav", "interrupt.wav", "interrupt.json"},
}


def takes_turn(chunks: list[dict]) -> bool:
    """TOR of one output: no words, or under 1 s and at most 3 words, is no turn."""
    if not chunks:
        return False
    length_s = chunks[-1]["timestamp"][1] - chunks[0]["timestamp"][0]
    return length_s >= 1 or len(chunks) > 3


def read(folder: Path) -> dict:
    """An example's folder, as inference and evaluation read it: anything that they do not expect fails."""
    task = folder.parent.name
    assert folder.name.isdigit()
    names = {p.name for p in folder.iterdir()}
    assert all(
        p.is_file() for p in folder.iterdir()
    )  # the walk of eval_user_interruption takes any folder for an example
    assert FILES[task] <= names <= FILES[task] | {"reference.json", "transcription.json"}
    assert not any(n.endswith("output.json") for n in names)  # a model's, which is not there yet
    found: dict = {"task": task, "id": folder.name}
    for name in sorted(n for n in names if n.endswith(".wav")):
        info = soundfile.info(folder / name)
        assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "PCM_16")
        found[name] = soundfile.read(folder / name, dtype="int16")[0]
    found["length_s"] = len(found["input.wav"]) / RATE
    for name in ("transcription.json", "reference.json"):
        said = json.loads((folder / name).read_text(encoding="utf-8"))
        assert set(said) == {"text", "chunks"}
        assert said["text"] == " ".join(c["text"] for c in said["chunks"])
        spans = [c["timestamp"] for c in said["chunks"]]
        assert all(0 <= a <= b <= found["length_s"] + 1e-4 for a, b in spans)
        assert spans == sorted(spans)
        found[name.partition(".")[0]] = said["chunks"]
    for name, label in (("pause.json", "[PAUSE]"), ("turn_taking.json", "[TURN-TAKING]")):
        if name in names:
            rows = json.loads((folder / name).read_text())
            assert rows
            assert [set(r) for r in rows] == [{"text", "timestamp"}] * len(rows)
            assert {r["text"] for r in rows} == {label}
            found["spans"] = [tuple(r["timestamp"]) for r in rows]
    if task == CUT:
        (row,) = json.loads((folder / "interrupt.json").read_text())
        assert set(row) == {"context", "interrupt", "timestamp"}
        assert row["context"]
        assert row["interrupt"]
        found["spans"], found["row"] = [tuple(row["timestamp"])], row
    for start_s, end_s in found.get("spans", []):
        assert 0 <= start_s < end_s <= found["length_s"] + 1e-4
    return found


def read_all(out: Path) -> dict[str, list[dict]]:
    """Every example by task. A task's folder holds nothing but examples: the evaluation lists it and opens all there is."""
    tasks = sorted((out / "v1_0").iterdir())
    assert {t.name for t in tasks} <= set(FILES)
    return {t: [read(d) for d in sorted((out / "v1_0" / t).glob("*"))] for t in FILES}


def written(dialog, out: Path, **options):
    form = FullDuplexBench(read_options(FullDuplexBench.Options, options, "full-duplex-bench"))
    done = form.write(Part("test-00000", "test", 0, 1, ("test-00000",), 1), iter([dialog]), out)
    assert sorted(done.files) == sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
    return (read_all(out) if done.files else {t: [] for t in FILES}), done


@pytest.fixture
def turns():
    """A greeting, a question with a pause and a backchannel, an answer that is cut by a barge-in, and its answer."""
    heard = [event("backchannel", 0, 4.0, 4.5, 1, text="mm hm"), event("pause", 1, 5.5, 6.5, 1, pause_s=1.0)]
    question = turn(1, "user", 2.0, ["How", "much", "is", "a", "card,", "and", "a"], events=heard)
    question["words"] += turn(1, "user", 6.5, ["fee,", "too?"])["words"]
    question |= {"heard_text": "How much is a card, and a fee, too?", "end_s": 7.6}
    cut = [event("barge_in", 1, 10.0, 10.4, 2, cut=True)]
    return [
        turn(0, "agent", 0.2, ["Bank,", "hello."]),
        question,
        turn(2, "agent", 8.0, ["It", "costs", "ten", "dollars", "a", "year"], heard=5, events=cut),
        turn(3, "user", 10.0, ["No,", "the", "other", "one."], barge_in=True),
        turn(4, "agent", 12.2, ["That", "one", "is", "free."]),
    ]


def pcm(dialog, start_s: float, end_s: float) -> np.ndarray:
    cut = dialog.channels()[1][round(start_s * RATE) : round(end_s * RATE)]
    return np.rint(cut * 32_768).astype(np.int16)


def test_a_pause_example_is_the_turn_and_ends_with_it(turns, tmp_path):
    dialog = drawn(turns, 16.0)
    (found,) = written(dialog, tmp_path)[0][PAUSE]
    assert found["id"] == "42001"
    assert np.array_equal(found["input.wav"], pcm(dialog, 2.0, 7.6))
    assert found["spans"] == [(3.5, 4.5)]
    said = ["How", "much", "is", "a", "card,", "and", "a", "fee,", "too?"]
    assert [c["text"] for c in found["transcription"]] == said
    before = [c for c in found["transcription"] if c["timestamp"][1] <= 3.5]
    assert len(before) == 7  # nobody speaks in the pause
    assert not any(a < 4.5 and b > 3.5 for a, b in (c["timestamp"] for c in found["transcription"]))
    assert [c["text"] for c in found["reference"]] == ["mm", "hm"]


def test_a_turn_taking_example_goes_on_in_silence(turns, tmp_path):
    dialog = drawn(turns, 16.0)
    found = written(dialog, tmp_path)[0][TAKING]
    assert [e["id"] for e in found] == ["42001", "42003"]
    first = found[0]
    speech = round((7.6 + 0.4 - 2.0) * RATE)
    assert np.array_equal(first["input.wav"][:speech], pcm(dialog, 2.0, 8.0))
    assert len(first["input.wav"]) == speech + 8 * RATE
    assert not first["input.wav"][speech:].any()
    assert first["spans"] == [(5.5, 6.0)]  # of the last word, and of what rings on
    assert [c["text"] for c in first["reference"]] == ["mm", "hm", "It", "costs", "ten", "dollars", "a"]
    assert first["reference"][2]["timestamp"] == [6.0, 6.5]


def test_an_interruption_is_the_question_room_for_an_answer_and_the_interruption(turns, tmp_path):
    dialog = drawn(turns, 16.0)
    (found,) = written(dialog, tmp_path)[0][CUT]
    assert found["id"] == "42003"
    assert found["row"]["context"] == "How much is a card, and a fee, too?"
    assert found["row"]["interrupt"] == "No, the other one."
    context, interrupt, whole = (found[n] for n in ("context.wav", "interrupt.wav", "input.wav"))
    assert np.array_equal(context, pcm(dialog, 2.0, 8.0))
    assert np.array_equal(interrupt, pcm(dialog, 10.0, 12.4))
    at = len(context) + 7 * RATE
    assert np.array_equal(whole[: len(context)], context)
    assert np.array_equal(whole[at : at + len(interrupt)], interrupt)
    assert not whole[len(context) : at].any()
    assert not whole[at + len(interrupt) :].any()
    assert len(whole) == at + len(interrupt) + 15 * RATE
    assert found["spans"] == [(13.0, 15.0)]
    answer = [c for c in found["reference"] if c["timestamp"][1] > 15.0]
    assert [c["text"] for c in answer] == ["That", "one", "is", "free."]


def test_the_gap_before_an_interruption_is_the_dialogues_own_where_that_is_longer(turns, tmp_path):
    (found,) = written(drawn(turns, 16.0), tmp_path, gap_s=0.5)[0][CUT]
    assert found["spans"] == [(8.0, 10.0)]  # 6 s of question, and 2 s until the user came back


def test_a_backchannel_example_has_the_agents_as_its_reference(turns, tmp_path):
    dialog = drawn(turns, 16.0)
    (found,) = written(dialog, tmp_path)[0][LISTEN]
    assert np.array_equal(found["input.wav"], pcm(dialog, 2.0, 7.6))
    assert [(c["text"], c["timestamp"]) for c in found["reference"]] == [("mm", [2.0, 2.25]), ("hm", [2.25, 2.5])]


@pytest.mark.parametrize(
    ("options", "gone"),
    [({"min_pause_s": 1.2}, PAUSE), ({"min_listen_s": 6.0}, LISTEN), ({"min_turn_s": 6.0}, TAKING)],
)
def test_what_is_shorter_than_asked_is_left_out(turns, tmp_path, options, gone):
    found, done = written(drawn(turns, 16.0), tmp_path, **options)
    assert not found[gone]
    assert found[CUT]
    assert done.counts[gone] == 0


def test_a_turn_with_the_agents_echo_in_it_is_left_out_and_counted(turns, tmp_path):
    found, done = written(drawn(turns, 16.0, effects={"echo": {"delay_s": 0.1}}), tmp_path)
    # The backchannel is in the question, and the cut turn in the interruption: both would be heard on the user's channel.
    assert not any(found.values())
    assert done.counts[f"{PAUSE}_skipped_echo"] == done.counts[f"{LISTEN}_skipped_echo"] == 1
    turns[1]["events"] = [e for e in turns[1]["events"] if e["type"] == "pause"]
    found, _ = written(drawn(turns, 16.0, effects={"echo": {}}), tmp_path / "second")
    assert [e["id"] for e in found[PAUSE]] == [e["id"] for e in found[TAKING]] == ["42001"]


def test_a_users_turn_that_the_agent_cuts_is_no_example(turns, tmp_path):
    turns[1]["events"].append(event("agent_interruption", 0, 7.0, 7.6, 1))
    found, done = written(drawn(turns, 16.0), tmp_path)
    assert not found[PAUSE]
    assert not found[LISTEN]
    assert not found[CUT]  # its question would be half a one
    assert [e["id"] for e in found[TAKING]] == ["42003"]
    assert done.counts[f"{TAKING}_skipped_cut"] == 1


def test_an_interruption_without_a_question_before_is_counted(turns, tmp_path):
    found, done = written(drawn([turns[0], turns[3] | {"turn": 1, "start_s": 10.0}], 16.0), tmp_path)
    assert not found[CUT]
    assert done.counts[f"{CUT}_skipped_no_question_before"] == 1


def test_ids_have_to_be_numbers(turns, tmp_path):
    with pytest.raises(DataError, match="bank-x does not end in a number"):
        written(drawn(turns, 16.0, name="bank-x"), tmp_path)


@pytest.fixture(scope="module")
def bench(built, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("fdb") / "out"
    run_export(built, "full-duplex-bench", out, splits=("train", "valid", "test"))
    return out


def test_a_builds_examples_are_read_and_the_index_says_where_they_are_from(bench, built):
    found = read_all(bench)
    rows = {(r["task"], r["id"]): r for r in map(json.loads, (bench / "examples.jsonl").read_text().splitlines())}
    assert rows.keys() == {(task, e["id"]) for task, examples in found.items() for e in examples}
    turns = {(r["dialog_id"], r["turn"]): r for r in pl.read_parquet(built / "manifests/turns.parquet").to_dicts()}
    audio = {r["dialog_id"]: r for r in pl.read_parquet(built / "manifests/dialogs.parquet").to_dicts()}
    assert len(found[PAUSE]) >= 3
    assert len(found[TAKING]) >= 20
    assert len(found[CUT]) >= 2
    for (task, number), row in rows.items():
        example = next(e for e in found[task] if e["id"] == number)
        assert example["length_s"] == pytest.approx(row["length_s"], abs=1e-4)
        own = turns[row["dialog_id"], row["turns"][0]]
        assert own["speaker"] == "user"
        assert row["start_s"] == own["start_s"]
        assert row["role_context"] == audio[row["dialog_id"]]["role_context"]
        if task != CUT:
            assert " ".join(c["text"] for c in example["transcription"]).startswith(own["heard_text"][:20])
        user = soundfile.read(built / audio[row["dialog_id"]]["audio_path"], dtype="int16")[0][:, 1]
        first = round(row["start_s"] * RATE)
        assert np.array_equal(example["input.wav"][:12_000], user[first : first + 12_000])


def test_the_builds_own_agent_is_a_good_model(bench):
    """What the data teaches, by the benchmark's own measures: it answers turns and interruptions, and not pauses."""
    found = read_all(bench)
    pauses = [takes_turn(e["reference"]) for e in found[PAUSE]]
    assert np.mean(pauses) < 0.35
    # Words that begin by the end of the last pause are no quick answer at the turn's end: there are none but backchannels.
    early = [[c for c in e["reference"] if c["timestamp"][0] < e["spans"][-1][1]] for e in found[PAUSE]]
    assert not any(takes_turn(chunks) for chunks in early)
    latencies = []
    for task, at in ((TAKING, 0), (CUT, 1)):
        for example in found[task]:
            end_s = example["spans"][0][at]
            answer = example["reference"]
            if task == CUT:  # what is transcribed of an interruption begins at its end
                answer = [c for c in answer if c["timestamp"][1] > end_s]
            assert takes_turn(answer), example["id"]
            latencies.append(max(0.0, answer[0]["timestamp"][0] - end_s))
    assert 0 <= np.median(latencies) < 1.0


def test_the_backchannel_reference_has_the_released_ones_shape(turns, tmp_path):
    _, done = written(drawn(turns, 16.0), tmp_path / "part")
    form = FullDuplexBench(read_options(FullDuplexBench.Options, {}, "full-duplex-bench"))
    part = Part("test-00000", "test", 0, 1, ("test-00000",), 1)
    assert list(form.finish(None, [(part, done)], tmp_path)) == ["examples.jsonl", "icc_gt_distribution.json"]
    reference = json.loads((tmp_path / "icc_gt_distribution.json").read_text())
    assert set(reference) == {"42001"}
    shares = np.array(reference["42001"])
    assert len(shares) == int(5.6 / 0.2) + 1
    assert shares.min() > 0
    assert shares.sum() == pytest.approx(1)
    assert set(np.flatnonzero(shares > 0.01)) == {10, 11, 12}  # 2.0 to 2.5 s


def test_the_test_split_alone_unless_asked_and_the_same_bytes(bench, built, tmp_path):
    run_export(built, "full-duplex-bench", tmp_path / "out")
    rows = [json.loads(line) for line in (tmp_path / "out/examples.jsonl").read_text().splitlines()]
    assert {r["split"] for r in rows} == {"test"}
    for path in (tmp_path / "out/v1_0").rglob("*.*"):
        assert path.read_bytes() == (bench / path.relative_to(tmp_path / "out")).read_bytes()


def test_no_example_at_all_is_said(built, tmp_path):
    with pytest.raises(UserError, match=r"no example of Full-Duplex-Bench in \d+ dialogues"):
        options = {"min_turn_s": 500, "min_listen_s": 500}
        run_export(
            built, "full-duplex-bench", tmp_path / "out", splits=("valid",), options=options | {"min_pause_s": 99}
        )
