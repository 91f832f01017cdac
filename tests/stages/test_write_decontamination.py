"""Decontamination: what an evaluation set asks is found however it is spelled, and ordinary talk is not."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from write_samples import sample

from datagen.domains import load
from datagen.domains.evaluation_files import shipped_texts, texts_of
from datagen.engines.writers.agenda import AgendaOptions, AgendaWriter
from datagen.engines.writers.agenda.trial import trial_plan
from datagen.errors import UserError
from datagen.protocols import WriteRequest
from datagen.records.transcript import Transcript
from datagen.stages.write.decontamination import DecontaminationOptions, EvaluationSets, EvaluationText

ASKED = "Can you immediately enroll me in the Premium Plan and have my coverage start this afternoon?"
SETS = EvaluationSets(
    [EvaluationText("bench.jsonl", ASKED), EvaluationText("bench.jsonl", "Is it open?")], DecontaminationOptions()
)


def found(*lines: str, context: str = "You work for A which is a shop and your name is Ann.") -> str:
    made = sample("bank-000001", list(lines), context)
    fault = SETS.fault(made.transcript, made.plan)
    return f"{fault.reason}: {fault.detail}" if fault else ""


@pytest.mark.parametrize(
    "said",
    [
        ASKED,
        ASKED.upper().replace(",", ""),
        "Hm, can you immediately enroll me in the premium plan and then call me?",
        "Can you just immediately enroll me in the Premium Plan and have coverage start this afternoon?",
    ],
)
def test_what_the_set_asks_is_found(said: str) -> None:
    what = found("A: Hello.", f"U: {said}")
    assert what.startswith("contaminated: bank-000001 turn 1: the user says")
    assert "bench.jsonl" in what


@pytest.mark.parametrize(
    "said",
    [
        "Can you enroll me in a plan?",
        "Is it open?",
        "I'd like to have my coverage start this week, if that works for you.",
    ],
)
def test_other_talk_is_not(said: str) -> None:
    assert found("A: Hello.", f"U: {said}") == ""


def test_a_role_context_with_a_run_in_common_is_found() -> None:
    context = f"You work for A which is a shop and your name is Ann. Information: {ASKED}"
    assert "the role context holds" in found("A: Hello.", "U: Hi.", context=context)


def test_no_training_dialogue_of_the_shipped_domains_holds_a_shipped_probe() -> None:
    sets = EvaluationSets([EvaluationText(*t) for t in shipped_texts()], DecontaminationOptions())
    assert len(sets) > 5
    writer = AgendaWriter(AgendaOptions())
    for name in ("bank", "restaurant"):
        domain = load(name)
        for scenario in domain.scenarios:
            plan = trial_plan(domain, scenario.name, 0)
            (written,) = writer.write([WriteRequest(plan, plan.seed)])
            assert isinstance(written, Transcript)
            assert sets.fault(written, plan) is None


def test_files_of_every_kind_are_read(tmp_path: Path) -> None:
    rows = [{"id": 1, "turns": [{"text": ASKED}]}]
    (tmp_path / "a.jsonl").write_text(json.dumps(rows[0]) + "\n")
    (tmp_path / "a.json").write_text(json.dumps(rows))
    (tmp_path / "a.txt").write_text(f"{ASKED}\n\n")
    (tmp_path / "a.toml").write_text(f'user = "{ASKED}"\n')
    pq.write_table(pa.table({"text": [ASKED]}), tmp_path / "a.parquet")
    for file in sorted(tmp_path.iterdir()):
        assert list(texts_of(str(file))) == [(file.name, ASKED)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.txt", None, "there is no file"),
        ("a.txt", b"\n\n", "holds no text"),
        ("a.json", b"{", "cannot be read: Expecting property name"),
        ("a.jsonl", b"\xff\xfe\x00", "cannot be read: 'utf-8' codec"),
        ("a.parquet", b"PAR1", "cannot be read"),
        ("a.csv", b"x", "not a .txt, .json, .jsonl, .toml or .parquet file"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as raised:
        texts_of(str(tmp_path / name))
    assert "\n" not in str(raised.value)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(UserError, match="a.txt is no file"):
        texts_of(str(tmp_path / "a.txt"))


def test_the_digest_is_of_the_texts() -> None:
    other = EvaluationSets([EvaluationText("bench.jsonl", ASKED + " Now.")], DecontaminationOptions())
    assert SETS.digest != other.digest
