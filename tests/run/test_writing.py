"""Remote writing: order, retries, deaths, kills, descriptions, judge, raw replies."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import remote

from datagen import recipes
from datagen.build import Build
from datagen.errors import DataError, UserError
from datagen.records.enums import Stage
from datagen.run import replies
from datagen.run.preflight import obstacles
from datagen.run.request import prepare
from datagen.run.writing import Ended, Over, Writing, writing_of

pytestmark = pytest.mark.usefixtures("scripted")


def test_what_comes_out_does_not_depend_on_the_order_in_which_it_comes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    bad = "writer.bad_share=0.4"
    report: list = []
    mixed = remote.write(remote.prepared(tmp_path / "a", bad, "writer.delay_s=0.05"), report)
    plain = remote.write(remote.prepared(tmp_path / "b", bad, "writer.at_once=1"))
    assert remote.contents(mixed) == remote.contents(plain)
    begun = [c["id"] for c in remote.calls(tmp_path / "a")]
    assert begun != [c["id"] for c in remote.calls(tmp_path / "b")]
    done = sum(p.done for p in report if p.stage is Stage.WRITE)
    assert done + sum(p.rejected for p in report if p.stage is Stage.WRITE) == remote.N
    assert {c["pid"] for c in remote.calls(tmp_path / "a")} == {os.getpid()}
    assert len(remote.calls(tmp_path / "a", "close")) == 1


def test_every_failed_attempt_is_counted_by_its_reason(tmp_path: Path) -> None:
    outcomes = remote.write(remote.prepared(tmp_path, "writer.bad_share=0.4", "writer.bad_always=0.2"))
    asked = remote.calls(tmp_path)
    failed = sum(o.gates.get("not_json", 0) for o in outcomes.values())
    kept = sum(o.n_kept for o in outcomes.values())
    assert sum(o.attempts for o in outcomes.values()) == len(asked)
    assert failed + sum(n for o in outcomes.values() for r, n in o.gates.items() if r != "not_json") + kept == len(
        asked
    )
    rejects = [r for o in outcomes.values() for r in o.rejects]
    assert rejects
    assert {(r.reason, r.attempts, r.stage) for r in rejects} == {("not_json", 3, "write")}
    assert all("is no JSON" in o.examples["not_json"] for o in outcomes.values() if o.gates)


def test_a_reason_that_fails_most_attempts_stops_the_build_while_it_writes(tmp_path: Path) -> None:
    run = remote.prepared(tmp_path, "writer.bad_always=1.0", dialogs=60)
    with pytest.raises(
        DataError, match=r"write: \d+ of \d+ attempts failed for not_json \(100%, limit 50%\), e\.g\. bank-0000"
    ):
        remote.write(run)
    assert len(remote.calls(tmp_path)) < 40
    assert len(remote.calls(tmp_path, "close")) == 1


def test_without_any_server_left_it_ends_and_keeps_what_was_decided(tmp_path: Path) -> None:
    (tmp_path / "straight").mkdir()
    with pytest.raises(Over, match="no server answers"):
        remote.write(remote.prepared(tmp_path, "writer.die_after=6", "writer.at_once=2", "writer.delay_s=0.05"))
    assert len(remote.calls(tmp_path, "close")) == 1
    answered = [c["id"] for c in remote.calls(tmp_path)]
    outcomes = remote.write(remote.prepared(tmp_path))
    again = [c["id"] for c in remote.calls(tmp_path)][len(answered) :]
    assert 0 < len(again) < remote.N
    assert len(set(answered) - set(again)) >= 4  # what was in hand when it died is asked for again, and no more
    assert set(answered) | set(again) == {f"bank-{i:06d}" for i in range(remote.N)}
    assert remote.contents(outcomes) == remote.contents(remote.write(remote.prepared(tmp_path / "straight")))
    assert not list((tmp_path / "out" / ".work").rglob("*.partial"))


KILLED = """
import sys
from pathlib import Path
import remote
remote.write(remote.prepared(Path(sys.argv[1]), "writer.delay_s=0.15", "writer.at_once=2"))
"""


def test_a_killed_build_asks_for_no_finished_dialogue_again(tmp_path: Path) -> None:
    (tmp_path / "straight").mkdir()
    here = str(Path(__file__).parent)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(remote.SCRIPTED), here])}
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], env=env)
    ends = time.monotonic() + 60
    shards = tmp_path / "out" / ".work" / "write"
    # A shard that is half done is what there is to lose.
    while time.monotonic() < ends and not (
        len(remote.calls(tmp_path)) >= 9 and any(p.read_bytes().count(b"\n") for p in shards.glob("*.partial"))
    ):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    partial = sorted((tmp_path / "out" / ".work" / "write").glob("*.partial"))
    recorded = list((tmp_path / "out" / ".work" / "write").glob("*/transcripts.jsonl"))
    decided = {i for p in partial for i in (json.loads(line)[0] for line in p.read_bytes().splitlines())}
    decided |= {int(json.loads(line)["dialog_id"][-6:]) for p in recorded for line in p.read_bytes().splitlines()}
    assert len(decided) >= 5
    assert partial
    whole = partial[0].read_bytes()
    torn = json.loads(whole.splitlines()[-1])[0]
    partial[0].write_bytes(whole[:-40])
    before = len(remote.calls(tmp_path))
    outcomes = remote.write(remote.prepared(tmp_path))
    again = {int(c["id"][-6:]) for c in remote.calls(tmp_path)[before:]}
    assert again == set(range(remote.N)) - decided | {torn}
    assert remote.contents(outcomes) == remote.contents(remote.write(remote.prepared(tmp_path / "straight")))


def test_what_is_in_the_ledger_is_not_asked_for(tmp_path: Path) -> None:
    first = remote.write(remote.prepared(tmp_path))
    asked = len(remote.calls(tmp_path))
    second = remote.write(remote.prepared(tmp_path))
    assert len(remote.calls(tmp_path)) == asked
    assert [o.made for o in (*first.values(), *second.values())] == [True] * 4 + [False] * 4


def test_a_description_is_asked_for_once_and_kept(tmp_path: Path) -> None:
    options = ("writer.descriptions=2", "writer.delay_s=0.02")
    remote.write(remote.prepared(tmp_path, *options, "writer.bad_descriptions=1"))
    asked = [c["id"] for c in remote.calls(tmp_path, "describe")]
    assert sorted(asked) == sorted(list(set(asked)) * 2)  # each once in vain, and once more
    given = {c["id"]: c["description"] for c in remote.calls(tmp_path)}
    assert all(text.startswith("What ") and "variant" in text for text in given.values())
    remote.write(remote.prepared(tmp_path, *options, "write.max_agent_words=59"))  # all is written anew
    assert len(remote.calls(tmp_path, "describe")) == len(asked)
    assert len(remote.calls(tmp_path)) == 2 * remote.N


def test_a_dialogue_whose_description_fails_is_rejected_unless_it_may_go_without(tmp_path: Path) -> None:
    vain = ("writer.descriptions=1", "writer.bad_descriptions=99", "write.max_gate_share=1.0")
    outcomes = remote.write(remote.prepared(tmp_path, *vain))
    assert sum(o.n_kept for o in outcomes.values()) == 0
    assert {r.reason for o in outcomes.values() for r in o.rejects} == {"description"}
    assert not remote.calls(tmp_path)
    outcomes = remote.write(remote.prepared(tmp_path, *vain, "write.undescribed=true"))
    assert sum(o.n_kept for o in outcomes.values()) >= remote.N - 1
    assert {c["description"] for c in remote.calls(tmp_path)} == {""}


JUDGE = ("judge.engine=scripted", "judge.delay_s=0.02")


def test_scores_are_kept_and_what_falls_short_is_written_again(tmp_path: Path) -> None:
    log = f"judge.log={tmp_path / 'log'}"
    run = remote.prepared(tmp_path, *JUDGE, log, "judge.low_share=0.3", "write.judge.min_scores={natural = 3.0}")
    outcomes = remote.write(run)
    found = remote.transcripts(outcomes)
    assert len(found) >= remote.N - 2
    assert {tuple(sorted(t.scores.items())) for t in found.values()} == {(("faithful", 4.0), ("natural", 5.0))}
    low = sum(o.gates.get("judge_natural", 0) for o in outcomes.values())
    assert low >= 1
    assert len(remote.calls(tmp_path, "judge")) == len(found) + low
    assert any(
        "gives 2 for natural, at least 3 is needed" in o.examples.get("judge_natural", "") for o in outcomes.values()
    )
    order = [json.loads(line)["what"] for line in (tmp_path / "log").read_text().splitlines()]
    assert "write" in order[order.index("judge") :]  # the writer goes on while the judge reads


def test_a_judge_that_cannot_be_read_is_asked_again_and_costs_the_dialogue(tmp_path: Path) -> None:
    run = remote.prepared(tmp_path, *JUDGE, "judge.unread=true", "write.max_gate_share=1.0", dialogs=2)
    outcomes = remote.write(run)
    assert {r.reason for o in outcomes.values() for r in o.rejects} == {"judge_failed"}


def test_a_rubric_that_the_judge_does_not_score_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="scores no 'funny'. It scores: faithful, natural"):
        remote.prepared(tmp_path, *JUDGE, "write.judge.min_scores={funny = 3.0}", dialogs=2)
    assert not remote.calls(tmp_path)


def test_a_judge_scores_what_a_writer_of_this_process_wrote(tmp_path: Path) -> None:
    sets = ["run.shard_dialogs=2", "plan.max_voices=40", *JUDGE, f"judge.log={tmp_path / 'log'}", "judge.low_share=0.3"]
    recipe = recipes.compose(
        "quickstart", "local", ["bank"], 5, None, 5, [*sets, "write.judge.min_scores={natural = 3.0}"]
    )
    run = prepare(recipe, tmp_path / "out")
    writing = writing_of(run)
    assert writing is not None
    writing.start(lambda _: None)
    outcomes = {job.shard.name: writing.shard(job.shard.name).result(60) for job in run.jobs}
    writing.close(at_once=False)
    found = remote.transcripts(outcomes)
    assert len(found) == 5
    assert {t.scores["natural"] for t in found.values()} == {5.0}
    low = sum(o.gates.get("judge_natural", 0) for o in outcomes.values())
    assert len(remote.calls(tmp_path, "judge")) == len(found) + low
    assert obstacles(run) == []


def test_raw_replies_are_kept_by_shard_on_request_alone(tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    remote.write(remote.prepared(tmp_path / "without", dialogs=3))
    assert not (tmp_path / "without" / "out" / ".work" / "replies").exists()
    outcomes = remote.write(remote.prepared(tmp_path, "writer.keep_replies=true"))
    for name, outcome in outcomes.items():
        (path,) = (tmp_path / "out" / ".work" / "replies").glob(f"{name}-*.jsonl")
        kept = {json.loads(line)["dialog_id"] for line in path.read_bytes().splitlines()}
        assert {int(i[-6:]) for i in kept} == set(outcome.shard.indices)


def test_where_replies_go_is_found_once_a_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = remote.prepared(tmp_path, "writer.keep_replies=true")
    asked: list[int] = []
    real = Build.write_key
    monkeypatch.setattr(Build, "write_key", lambda build, indices: asked.append(1) or real(build, indices))
    replies.Replies(run.build, run.work, run.jobs)
    assert len(asked) == len(run.jobs) + 1


def test_an_end_from_outside_is_at_once_and_closes_the_servers(tmp_path: Path) -> None:
    run = remote.prepared(tmp_path, "writer.delay_s=60")
    writing = Writing(run.build, run.jobs)
    writing.start(lambda _: None)
    while len(remote.calls(tmp_path)) < 4:
        time.sleep(0.01)
    began = time.monotonic()
    writing.close()
    assert time.monotonic() - began < 5
    assert len(remote.calls(tmp_path, "close")) == 1
    with pytest.raises(Ended):
        writing.shard(run.jobs[0].shard.name).result(0)
