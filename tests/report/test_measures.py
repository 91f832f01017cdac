"""The page's numbers, against plain loops over the manifests' rows."""

import json
import statistics
from pathlib import Path

import numpy as np
import outputs
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.report import measures
from datagen.report.corpus import Corpus, open_corpus
from datagen.report.figures import figures
from datagen.report.measures import MIN_PAUSE_S, Axis, histogram


@pytest.fixture(scope="module")
def corpus(built: Path) -> Corpus:
    return open_corpus(built)


def rows(out: Path, name: str) -> list[dict]:
    return pl.read_parquet(out / "manifests" / f"{name}.parquet").to_dicts()


def by_title(corpus: Corpus) -> dict[str, dict]:
    return {h["title"]: h for h in measures.histograms(corpus)}


def agrees(found: dict, values: list[float]) -> None:
    assert found["n"] == len(values) == sum(found["counts"])
    digits = 0 if found["unit"] == "Hz" else 2
    assert found["quantiles"][1] == pytest.approx(statistics.median(values), abs=0.6 * 10**-digits)
    low, step = found["from"], found["step"]
    inside = sum(low + 3 * step <= v < low + 10 * step for v in values)
    # A value on a bin's edge may fall to either side of it by a rounding error.
    assert abs(sum(found["counts"][3:10]) - inside) <= sum(abs((v - low) / step % 1 - 0.5) > 0.4999999 for v in values)
    assert found["beyond"] == [sum(v < low for v in values), sum(v >= found["to"] for v in values)]


def drawn(out: Path) -> list[float]:
    """The FTOs that the model draws: those after a cut and after a long silence are not among them."""
    turns = {(t["dialog_id"], t["turn"]): t for t in rows(out, "turns")}

    def has(turn: dict | None, *kinds: str) -> bool:
        return turn is not None and any(e["type"] in kinds for e in turn["events"])

    return [
        t["fto_s"]
        for (dialog, index), t in turns.items()
        if t["fto_s"] is not None
        and not has(t, "long_silence")
        and not has(turns.get((dialog, index - 1)), "barge_in", "agent_interruption")
    ]


def test_floor_transfer_offsets(corpus: Corpus, made: dict) -> None:
    found = made["histograms"][0]
    assert found["title"] == "Floor-transfer offset"
    agrees(found, drawn(corpus.out))
    assert sum(found["target"]) == pytest.approx(found["n"], rel=1e-3)


def test_pauses_lie_between_two_heard_words_of_one_turn(corpus: Corpus) -> None:
    values = []
    for turn in rows(corpus.out, "turns"):
        words = turn["words"]
        for i in range(1, len(words)):
            gap = words[i]["start_s"] - words[i - 1]["end_s"]
            if words[i]["heard"] == "yes" and gap >= MIN_PAUSE_S:
                values.append(gap)
    assert values
    agrees(by_title(corpus)["Pauses inside turns"], values)


def test_overlaps_are_overlap_and_barge_in_events(corpus: Corpus) -> None:
    values = [
        e["end_s"] - e["start_s"]
        for t in rows(corpus.out, "turns") for e in t["events"] if e["type"] in ("overlap", "barge_in")
    ]  # fmt: skip
    assert values
    agrees(by_title(corpus)["Overlaps"], values)


def test_turn_lengths(corpus: Corpus) -> None:
    agrees(by_title(corpus)["Turn length"], [t["end_s"] - t["start_s"] for t in rows(corpus.out, "turns")])


def test_pitch_counts_each_side_of_each_dialogue(corpus: Corpus) -> None:
    f0 = {v["id"]: v["f0_hz"] for v in rows(corpus.out, "voices")}
    values = [f0[d[side]] for d in rows(corpus.out, "dialogs") for side in ("agent_voice", "user_voice")]
    agrees(by_title(corpus)["Pitch of the voices"], values)


def test_totals_and_groups_are_the_manifests(corpus: Corpus, made: dict) -> None:
    found, dialogs = made, rows(corpus.out, "dialogs")
    assert found["totals"]["dialogues"] == len(dialogs)
    assert found["totals"]["turns"] == len(rows(corpus.out, "turns"))
    assert found["totals"]["hours"] == pytest.approx(sum(d["duration_s"] for d in dialogs) / 3600, abs=0.006)
    assert found["totals"]["rejected"] == len(rows(corpus.out, "rejects"))
    assert found["totals"]["voices"] == len({d[s] for d in dialogs for s in ("agent_voice", "user_voice")})
    for name in ("domain", "kind", "split"):
        kept = {row[0]: row[1] for row in found["groups"][name] if row[1]}
        assert kept == {k: sum(d[name] == k for d in dialogs) for k in {d[name] for d in dialogs}}
    json.dumps(found, allow_nan=False)


def test_shares_of_time_are_told_apart_from_shares_of_transfers(corpus: Corpus, made: dict) -> None:
    dialogs = rows(corpus.out, "dialogs")
    total = sum(d["duration_s"] for d in dialogs)
    shares = {s["of"]: s["share"] for s in made["shares"]}
    assert shares["of the time both speak"] == pytest.approx(sum(d["overlap_s"] for d in dialogs) / total, abs=1e-5)
    ftos = drawn(corpus.out)
    assert shares["of floor transfers overlap"] == pytest.approx(sum(f < 0 for f in ftos) / len(ftos), abs=1e-5)


def test_the_table_of_targets_has_a_difference_where_there_is_a_target(corpus: Corpus, made: dict) -> None:
    timing, target = corpus.build.timing, corpus.build.timing_target
    table = {row[0]: row[1:] for row in made["timing"]}
    assert table["floor transfers that overlap"][:2] == [
        f"{100 * target['fto_overlap_share']:.1f} %", f"{100 * timing['fto_overlap_share']:.1f} %",
    ]  # fmt: skip
    asked, came, apart = table["median"]
    as_number = lambda text: float(text.removesuffix(" s").replace("−", "-"))  # noqa: E731
    assert as_number(came) - as_number(asked) == pytest.approx(as_number(apart), abs=0.011)
    assert table["barge-ins"][0] == table["barge-ins"][2] == ""
    assert made["distance"] == f"KS {timing['ks_fto']:.3f} over {timing['n_ftos']:.0f} floor transfers"


def test_a_build_without_a_dialogue_has_no_timing(tmp_path: Path) -> None:
    outputs.publish(tmp_path, [])
    found = figures(open_corpus(tmp_path))
    assert (found["timing"], found["distance"], found["histograms"][0]["n"]) == ([], "", 0)


def test_rejects_are_counted_by_reason_with_an_example(tmp_path: Path) -> None:
    outputs.make(tmp_path, n_rejects=2, audio=False)
    assert figures(open_corpus(tmp_path))["rejects"] == [["speak", "too_long", 2, "11.8 s of audio for 9 words"]]


def test_a_large_build_is_measured_on_every_kth_dialogue(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "MEASURED", 5)
    ids = sorted(d["dialog_id"] for d in rows(corpus.out, "dialogs"))
    k = -(-len(ids) // 5)
    assert measures.every(corpus) == k > 1
    wanted = set(ids[::k])
    found = by_title(corpus)["Turn length"]
    assert found["n"] == sum(t["dialog_id"] in wanted for t in rows(corpus.out, "turns"))


@given(st.lists(st.floats(-1e6, 1e6), max_size=50))
def test_no_value_is_left_out_of_a_histogram(values: list[float]) -> None:
    found = histogram(Axis("x", "s", -1.0, 1.0, 0.1, ""), np.asarray(values, dtype=np.float64))
    assert sum(found["counts"]) == found["n"] == len(values)
    assert len(found["counts"]) == 20
    assert sum(found["beyond"]) <= len(values)
