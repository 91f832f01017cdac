"""`datagen bench write`: the build's own code, the mock's replies pass every gate, and the rival starves the server."""

import json

import pytest

from tests.conftest import inside


@pytest.mark.full
def test_bench_write_measures_the_stage_and_its_rival() -> None:
    ran = inside("bench", "write", "--dialogs", "160", "--json", "--set", "plan.max_voices=40")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    fast, judged, ours, rival = found["sides"]
    assert found["dialogs"] == 160
    assert judged["requests"] >= 320  # each dialogue is written, and judged
    for side in (fast, judged, ours, rival):
        assert side["kept"] >= 155
        assert side["requests"] >= 160
        assert side["per_core_s"] > 0
    assert rival["starved_at_pace"] > 0.5  # 128 slots, 64 requests
    assert ours["starved_at_pace"] <= rival["starved_at_pace"]
