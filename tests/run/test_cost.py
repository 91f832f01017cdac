"""What a corpus costs: rates are read and refused, the sums are right by hand, and hold against a simulated cluster."""

import json
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest

from datagen import recipes
from datagen.errors import UserError
from datagen.run import cost_rates
from datagen.run.cost import ASKING, WORKER, Crew, Load, wall_s, workers_of
from datagen.run.cost_plan import on_paper, plan_cost
from datagen.run.cost_rates import RateOptions, Rates, table_of
from datagen.run.cost_simulation import simulate
from tests.conftest import inside

WITH_SERVER = (300.0, 1500.0, 600.0)
TIMES_S = (WITH_SERVER, (100.0, 3000.0, 100.0), (1000.0, 1000.0, 1000.0), (2000.0, 200.0, 100.0), (50.0, 100.0, 3000.0))


def load(n_shards: int) -> Load:
    return Load(SimpleNamespace(), n_shards * 64 * 80 / 3600, n_shards * 64, (64,) * n_shards)


def clusters(write_s: float, speech_s: float, render_s: float) -> list[list[Crew]]:
    """Three kinds of cluster: a GPU for each group, a server and a processor's codec, and no GPU at all."""
    write = Crew("write", "gpu", ("write",), write_s, 60)
    speech = Crew("speech", "gpu", ("speech",), speech_s, 30)
    return [
        [write, speech, Crew("render", "gpu", ("render",), render_s, 10)],
        [write, Crew(ASKING, "cpu", ("write",), 5, most=1), speech, Crew(WORKER, "cpu", ("render",), render_s)],
        [Crew(WORKER, "cpu", ("write", "speech", "render"), write_s + speech_s + render_s)],
    ]


def costs(tmp_path: Path, rates: Rates, *sizes: int, hours: float = 2250.0, profile: str = "local"):
    recipe = recipes.compose("quickstart", profile, hours=hours, sets=["plan.max_voices=40"])
    return plan_cost(recipe, on_paper(recipe, tmp_path / "out"), rates, sizes)


@pytest.mark.parametrize("times_s", TIMES_S)
def test_sums_are_within_a_tenth_of_a_simulated_cluster(times_s) -> None:
    looked_at = 0
    for n_shards, gpus, crews in product((20, 200, 1600), (1, 2, 3, 8, 64), clusters(*times_s)):
        workers = workers_of(crews, gpus, 8 * gpus)
        reckoned_s, slowest = wall_s(load(n_shards), crews, workers, 60.0)
        if n_shards >= 3 * workers[slowest]:
            simulated_s = simulate(load(n_shards), crews, workers, 60.0)
            assert reckoned_s == pytest.approx(simulated_s, rel=0.1), (n_shards, gpus, workers)
            looked_at += 1
    assert looked_at > 25


def test_a_simulated_cluster_by_hand() -> None:
    crews = [Crew("write", "gpu", ("write",), 10, 5), Crew(WORKER, "cpu", ("speech", "render"), 1)]
    one = Load(SimpleNamespace(), 1.0, 1, (1,))
    assert simulate(one, crews, {"write": 1, WORKER: 1}, 0.0) == pytest.approx(5 + 11 * _first_length(), rel=1e-6)


def _first_length() -> float:
    from datagen.run.cost_simulation import _lengths

    return _lengths((1,))[0]


def test_gpus_go_where_they_shorten_the_build_most() -> None:
    crews = clusters(*WITH_SERVER)[0]
    assert workers_of(crews, 8, 64) == {"write": 1, "speech": 5, "render": 2}
    few = workers_of(crews, 2, 16)
    assert few["speech"] == 1
    assert sum(few.values()) == pytest.approx(2)
    assert sum(workers_of(crews, 1, 8).values()) == pytest.approx(1)


def test_hours_are_the_corpus_over_the_rate(tmp_path: Path) -> None:
    rates = cost_rates.shipped().then(
        table_of({"rate": [{"part": "speaker", "engine": "espeak", "device": "gpu", "x_real_time": 45.0}]}, "here")
    )
    found = costs(tmp_path, rates, 4)
    speaker = next(p for p in found.parts if p.part == "speaker")
    assert speaker.hours == pytest.approx(found.hours / 45)
    speech = sum(p.hours for p in found.parts if p.group == "speech")
    assert found.gpu_hours == {"speech": pytest.approx(speech)}
    assert found.gpu_idle_hours["speech"] == pytest.approx(speech - speaker.hours)
    assert found.lacking == ()
    assert found.sizes[0].wall_h == pytest.approx(found.sizes[0].simulated_h, rel=0.1)
    assert found.sizes[0].bottleneck == "speech"


def test_half_the_hours_cost_half(tmp_path: Path) -> None:
    whole, half = (costs(tmp_path, cost_rates.shipped(), 32, hours=h) for h in (2000.0, 1000.0))
    assert half.core_hours == pytest.approx(whole.core_hours / 2, rel=0.01)
    for place in ("work", "output"):
        assert sum(half.disk_gb[place].values()) == pytest.approx(sum(whole.disk_gb[place].values()) / 2, rel=0.01)


def test_a_part_without_a_rate_is_said(tmp_path: Path) -> None:
    rates = {key: r for key, r in cost_rates.shipped().of.items() if key[0] != "codec"}
    assert costs(tmp_path, Rates(rates)).lacking == ("codec melrvq",)
    with pytest.raises(UserError, match="no part of this build has a rate"):
        costs(tmp_path, Rates({}))


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        ({"part": "speeker", "engine": "espeak"}, "rate of 'speeker': there is no such part"),
        ({"part": "speaker"}, "rate of speaker, engine 'own': it needs the engine's name"),
        ({"part": "stitch", "engine": "espeak"}, "rate of stitch, engine 'espeak': it needs no engine"),
        ({"part": "speaker", "engine": "espeak", "x_real_time": 0}, "x_real_time"),
        ({"part": "speaker", "engine": "espeak", "rate": 4}, "rate"),
    ],
)
def test_a_wrong_rate_is_refused(rate, said: str) -> None:
    with pytest.raises(UserError, match=said):
        table_of({"rate": [rate]}, "rates.toml")


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    table = table_of(
        {"machine": 'a "good" one', "rate": [{"part": "scene", "x_real_time": 541.25}], "disk": {"tokens": 2}}, ""
    )
    path = tmp_path / "rates.toml"
    path.write_text(cost_rates.to_toml(table))
    rates = cost_rates.read([path])
    assert rates.get("scene", "own") == RateOptions(part="scene", x_real_time=541.25)
    assert rates.bytes_s == {"tokens": 2.0}


def test_the_command_plans_the_papers_corpus(tmp_path: Path) -> None:
    told = inside("plan-cost", "--hours", "2250")
    assert told.code == 0, told.err
    assert "2,250 h" in told.out
    assert "core hours" in told.out
    assert "disk, output" in told.out
    asked = inside("plan-cost", "--hours", "2250", "--profile", "gpu", "--sizes", "8", "--json")
    found = json.loads(asked.out)
    assert found["hours"] == pytest.approx(2250, rel=0.001)
    assert found["sizes"][0]["gpus"] == 8
    assert set(found["gpu_hours"]) == {"write", "speech"}
    assert "embedder wavlm" in found["lacking"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--sizes", "8,x"), "--sizes 8,x: whole numbers"),
        (("--save", "rates.toml"), "Give --measure N too"),
        (("--measure", "1"), "--measure 1: at least 4"),
        (("--cores-per-gpu", "0"), "has to be at least 1"),
        (("--rates", "none.toml"), "none.toml: cannot be read"),
    ],
)
def test_a_wrong_flag_is_one_line(flags, said: str) -> None:
    ran = inside("plan-cost", "--hours", "10", *flags)
    assert ran.code == 1
    assert said in ran.err
