"""The mock server: its batch keeps time as vLLM's does, and the process answers what it was given."""

import json
import urllib.request
from pathlib import Path

import pytest

from datagen.errors import UserError
from datagen.run import mock_llm
from datagen.run.mock_llm import Batch, Pace, cycled


def test_a_step_gives_every_running_request_a_token() -> None:
    batch = Batch(Pace(slots=2, step_s=1.0, row_s=0.5))
    batch.add(1, 4, 10.0)
    assert batch.due_s() == pytest.approx(16.0), "4 steps of 1.5 s"
    batch.add(2, 4, 13.0)
    assert batch.due_s() == pytest.approx(17.0), "2 steps done; 2 more of 2 s"
    batch.add(3, 1, 13.0)
    assert (batch.n_running, batch.n_waiting) == (2, 1)
    assert batch.done(17.0) == [1]
    assert (batch.n_running, batch.n_waiting) == (2, 0), "the one that waited has its slot"
    assert batch.done(30.0) == [3, 2]
    assert batch.due_s() is None


def test_it_measures_how_long_slots_were_free_and_nothing_waited() -> None:
    batch = Batch(Pace(slots=1, step_s=1.0))
    batch.add(1, 2, 0.0)
    batch.add(2, 3, 0.5)
    assert batch.done(5.0) == [1, 2]
    assert batch.starved_s == 0.0, "the slot was taken all the time"
    batch.add(3, 1, 9.0)
    assert batch.starved_s == pytest.approx(4.0)
    assert batch.done(10.0) == [3]
    batch.advance(12.0)
    assert batch.starved_s == pytest.approx(6.0)
    assert batch.running_s == pytest.approx(6.0)


def test_what_is_dropped_makes_room() -> None:
    batch = Batch(Pace(slots=1, step_s=1.0))
    for number in (1, 2, 3):
        batch.add(number, 5, 0.0)
    batch.drop(2, 1.0)
    batch.drop(1, 1.0)
    assert (batch.n_running, batch.n_waiting) == (1, 0)
    assert batch.done(5.9) == []
    assert batch.done(6.1) == [3]
    assert batch.due_s() is None
    assert batch.n_running == 0


def test_the_reply_is_the_request_s_own() -> None:
    answer = cycled(["a", "b", "c"])
    asked = [{"messages": [{"content": str(n)}]} for n in range(50)]
    assert [answer(a) for a in asked] == [answer(a) for a in asked]
    assert {answer(a) for a in asked} == {"a", "b", "c"}
    with pytest.raises(UserError, match="empty"):
        cycled([])


def test_a_process_of_its_own(tmp_path: Path) -> None:
    replies = tmp_path / "replies.jsonl"
    replies.write_text('"plain text"\n\n{"turns": []}\n')
    with mock_llm.running("--replies", str(replies), "--slots", "2", "--step-s", "0.001", "--model", "m") as url:
        got = {_post(url, {"messages": [{"role": "user", "content": str(n)}]}) for n in range(12)}
        assert got == {("plain text", "stop"), ('{"turns": []}', "stop")}
        cut = _post(url, {"messages": [], "max_tokens": 1})
        assert (len(cut[0]), cut[1]) == (4, "length")
        assert _get(f"{url}/models")["data"][0]["id"] == "m"
        stats = _get(url.removesuffix("/v1") + "/stats")
        assert (stats["n_replies"], stats["running"], stats["waiting"]) == (13, 0, 0)
        assert 0 < stats["starved_s"] <= stats["since_s"]


def test_a_function_that_is_not_there_is_one_line() -> None:
    with pytest.raises(UserError, match="package.module:function"):
        mock_llm.main(["--answer", "no.such.module:f"])


def _post(url: str, body: dict[str, object]) -> tuple[str, str]:
    request = urllib.request.Request(f"{url}/chat/completions", json.dumps(body).encode())
    with _opener().open(request, timeout=10) as response:
        choice = json.load(response)["choices"][0]
    return choice["message"]["content"], choice["finish_reason"]


def _get(url: str) -> dict:
    with _opener().open(url, timeout=10) as response:
        return json.load(response)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
