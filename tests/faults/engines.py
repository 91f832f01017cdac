"""Engines and workers that hang, leak, die, and answer with what is no answer."""

import json
import re
import shutil

from tests.faults.bench import Bench, Ended, Outcome, one_line, tree
from tests.faults.bench_inline import Inline

ALL_TRAIN = ("splits.train=1", "splits.valid=0", "splits.test=0")
ALLOWED = ("run.max_reject_share=1", "write.max_gate_share=1")
"""Whatever is rejected, the build goes on."""


def _fresh(bench: Bench) -> None:
    shutil.rmtree(bench.out, ignore_errors=True)


def worker_deaths(bench: Bench) -> Outcome:
    """A segfault and a silent exit, once and again and again, in every kind of engine."""
    outcome = Outcome(
        note="once: another worker makes the shard, and the build ends well; always: exit 2, one line with the signal"
    )
    for kind, fault, times in (
        ("writer", "segfault", 1), ("speaker", "segfault", 1), ("codec", "segfault", 1), ("speaker", "exit", 1),
        ("codec", "segfault", 2), ("speaker", "segfault", 99), ("codec", "exit", 99),
    ):  # fmt: skip
        _fresh(bench)
        bench.arm(kind, fault, 2, times)
        ended = bench.build()
        outcome.tried += 1
        _judge(bench, outcome, f"{kind} {fault} x {times}", ended, times < 3, "its worker process died")
    return outcome


def hangs(bench: Bench) -> Outcome:
    """A worker that does nothing any more: ended after `run.stall_s`, its shard made by another."""
    outcome = Outcome(
        note="run.stall_s = 15: the worker is ended, and its shard begun again; after three the build ends with exit 2"
    )
    for kind, times in (("speaker", 1), ("codec", 1), ("speaker", 99)):
        _fresh(bench)
        bench.arm(kind, "hang", 2, times)
        ended = bench.build("run.stall_s=15")
        outcome.tried += 1
        _judge(bench, outcome, f"{kind} hangs x {times}", ended, times < 3, "nothing was heard of it for 15 s")
    return outcome


def leak(bench: Bench) -> Outcome:
    """64 MB more with every call: workers are replaced after a shard, once they hold too much."""
    outcome = Outcome(tried=1)
    limit_gb = 0.5
    bench.arm("speaker", "leak", 0, 10_000)
    ended = bench.build(f"run.max_worker_gb={limit_gb}")
    outcome.expect(ended.code == 0, f"exit code {ended.code}: {ended.said[-300:]}")
    bench.same(outcome)
    bench.settled(outcome)
    outcome.note = f"64 MB a call; a worker above run.max_worker_gb = {limit_gb:g} after its shard is replaced"
    return outcome


def strange_answers(bench: Bench) -> Outcome:
    """NaN, infinities, another shape, another type, too few and too many answers."""
    outcome = Outcome(
        note="too few, too many: exit 2 with both numbers; NaN and the like: asked again, the same bytes; always: 2 or 3"
    )
    with Inline(bench) as inline:
        for kind, faults in (
            ("writer", ("short", "long")),
            ("speaker", ("short", "long", "nan", "infinite", "wrong_type")),
            ("codec", ("short", "long", "nan", "infinite", "shape", "wrong_type")),
        ):
            for fault in faults:
                _fresh(bench)
                bench.arm(kind, fault, 2, 1)
                ended = inline.build()
                outcome.tried += 1
                if fault in ("short", "long"):
                    ok = ended.code == 2 and one_line(ended.said) and " answers to " in ended.said
                    outcome.expect(ok, f"{kind} {fault}: exit code {ended.code}: {ended.said[-300:]!r}")
                    bench.disarm()
                    ended = inline.build()
                outcome.expect(ended.code == 0, f"{kind} {fault}: exit code {ended.code}: {ended.said[-300:]}")
                bench.same(outcome)
        for kind in ("speaker", "codec"):
            _fresh(bench)
            bench.arm(kind, "nan", 6, 99_999)
            ended = inline.build()
            outcome.tried += 1
            ok = ended.code in (2, 3) and one_line(ended.said) and re.search("finite|whole numbers", ended.said)
            outcome.expect(ok, f"{kind} always NaN: exit code {ended.code}: {ended.said[-300:]!r}")
    return outcome


def exceptions(bench: Bench) -> Outcome:
    """An exception of a library's own (MemoryError) in a worker."""
    outcome = Outcome(note="a bug's traceback, exit 1 or 2; resumed to the same bytes")
    for kind in ("speaker", "codec"):
        _fresh(bench)
        bench.arm(kind, "raise", 2, 1)
        ended = bench.build()
        outcome.tried += 1
        outcome.expect(ended.code != 0 and "MemoryError" in ended.said, f"{kind}: {ended.code} {ended.said[-300:]}")
        bench.settled(outcome)
        bench.resumed(outcome)
    return outcome


def _judge(bench: Bench, outcome: Outcome, what: str, ended: Ended, survives: bool, says: str) -> None:
    if survives:
        outcome.expect(ended.code == 0, f"{what}: exit code {ended.code}: {ended.said[-300:]}")
        if ended.code == 0:
            bench.same(outcome)
    else:
        said = one_line(ended.said.splitlines()[-1]) if ended.said else False
        ok = ended.code == 2 and said and says in ended.said and "Traceback" not in ended.said
        outcome.expect(ok, f"{what}: exit code {ended.code}: {ended.said[-300:]!r}")
        bench.settled(outcome)
        bench.resumed(outcome)
    bench.settled(outcome)


def rejected_in_a_row(bench: Bench, n: int = 10_000) -> Outcome:
    """So many rejects one after the other: stopped early by default; where they are allowed, all in the table, and the rest kept."""
    outcome = Outcome(tried=2)
    sets = ("writer.bad_from=2", f"writer.bad_to={n + 2}", "run.attempts=1", "run.shard_dialogs=64", *ALL_TRAIN)
    quick = bench.build(*sets, dialogs=n + 4)
    early = quick.code == 3 and one_line(quick.said) and "not_written" in quick.said
    outcome.expect(early, f"by default: exit code {quick.code}: {quick.said[-300:]!r}")
    n_done = sum(1 for _ in (bench.out / ".work" / "write").glob("train-*"))
    outcome.expect(n_done < n // 64 // 4, f"by default it stopped only after {n_done} shards")
    allowed = bench.build(*sets, *ALLOWED, dialogs=n + 4, timeout_s=1500)
    outcome.expect(allowed.code == 0, f"allowed: exit code {allowed.code}: {allowed.said[-300:]}")
    if allowed.code == 0:
        counts = json.loads((bench.out / "build.json").read_bytes())["counts"]["total"]
        wanted = {"planned": n + 4, "kept": 4, "rejected": n}
        outcome.expect({k: counts[k] for k in wanted} == wanted, f"counts are {counts}")
        outcome.expect(not list(bench.folder.rglob(".tmp-*")), "temporary files are left")
    bench.settled(outcome)
    outcome.note = f"of {n + 4:,} dialogues: stopped after {n_done} shards of 64 by default; with run.max_reject_share = 1 four are kept"
    return outcome


def full_reject_shard(bench: Bench) -> Outcome:
    """A shard of which nothing is kept, among good ones: published, checked, resumed."""
    outcome = Outcome(tried=1, note="the first shard; check finds nothing, a second run does nothing")
    sets = ("writer.bad_from=0", "writer.bad_to=2", *ALLOWED, *ALL_TRAIN)
    ended = bench.build(*sets)
    outcome.expect(ended.code == 0, f"exit code {ended.code}: {ended.said[-300:]}")
    if ended.code == 0:
        before = tree(bench.out)
        checked = bench.command_of("check", str(bench.out))
        outcome.expect(checked.code == 0, f"check: {checked.said[-300:]}")
        (bench.out / "build.json").unlink()
        again = bench.build(*sets)
        outcome.expect(again.code == 0 and tree(bench.out) == before, f"resumed: {again.code} {again.said[-200:]}")
    bench.settled(outcome)
    return outcome
