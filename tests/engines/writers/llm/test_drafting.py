"""A drafted domain: what the checker says goes back to the model, and what is left stands at the head of the file."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from datagen.domains import load
from datagen.domains.scaffold import example
from datagen.engines.llm.chat import ChatReply
from datagen.engines.writers.llm.drafting import TRIES, Draft, Drafting, write_draft
from datagen.errors import DataError, EngineError
from datagen.protocols import Failure

DOMAIN, SCENARIO = example()
LIST = json.dumps(
    {
        "scenarios": [
            {"name": "Is it ready", "about": "A caller asks."},
            {"name": "../x", "about": "no"},
            {"name": "late_fee", "about": "A fee."},
        ]
    }
)


class Model:
    """Answers by what is asked for; `answers` maps a part of the request to the replies in turn, the last one repeated."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers, self.asked = answers, list[str]()

    async def complete(self, messages: list[dict[str, str]], schema: Any = None, seed: int = 0) -> ChatReply | Failure:
        text = messages[-1]["content"]
        self.asked.append(text)
        key = "domain" if text.startswith("Write domain.toml") else "list" if schema else "scenario"
        left = self.answers[key]
        if left[0] == "refused":
            return Failure("bad_request", "http://127.0.0.1:1/v1: 400: no model of that name.")
        said = left.pop(0) if len(left) > 1 else left[0]
        return ChatReply(said, "", "stop", 1, 1, "m", "") if said else Failure("cut", "it breaks off")


def draft(model: Model, lines: list[str] | None = None) -> dict[str, Draft]:
    say = (lines if lines is not None else []).append
    return asyncio.run(Drafting(model, "kites", "Kite shop", 1, (), say).files(10))


def block(text: str) -> str:
    return f"Here it is:\n```toml\n{text}```\nI hope it helps."


def test_a_good_model_drafts_a_domain_that_loads(tmp_path: Path) -> None:
    lines: list[str] = []
    files = draft(Model(domain=[block(DOMAIN)], list=[LIST], scenario=[block(SCENARIO)]), lines)
    assert list(files) == ["domain.toml", "scenarios/is_it_ready.toml", "scenarios/late_fee.toml"]
    assert all(not d.faults for d in files.values())
    assert lines == ["domain.toml: ok", "scenarios/is_it_ready.toml: ok", "scenarios/late_fee.toml: ok"]
    write_draft(files, tmp_path / "kites", "some-model")
    assert len(load("kites", (tmp_path,)).scenarios) == 2
    assert (tmp_path / "kites" / "domain.toml").read_text().startswith("# A draft by some-model. Read every line")


def test_faults_go_back_and_the_best_try_is_kept(tmp_path: Path) -> None:
    bad = SCENARIO.replace('kind = "lookup"', 'kind = "look"')
    model = Model(domain=[block(DOMAIN)], list=[LIST], scenario=[block(bad), block(SCENARIO)])
    files = draft(model)
    assert all(not d.faults for d in files.values())
    again = next(t for t in model.asked if "What the checker says of it" in t)
    assert "'look' is no kind of step" in again
    assert 'kind = "look"' in again
    stubborn = draft(Model(domain=[block(DOMAIN)], list=[LIST], scenario=[block(bad)]))
    kept = stubborn["scenarios/late_fee.toml"]
    assert len(kept.faults) == 1
    write_draft(stubborn, tmp_path / "kites", "m")
    assert "# To mend: kites/scenarios/" in (tmp_path / "kites" / "scenarios" / "late_fee.toml").read_text()


def test_a_scenario_that_is_never_toml_is_left_out_and_said() -> None:
    lines: list[str] = []
    model = Model(domain=[block(DOMAIN)], list=[LIST], scenario=["I cannot write = TOML ["])
    assert list(draft(model, lines)) == ["domain.toml"]
    assert lines[-1] == "scenarios/late_fee.toml: no TOML"


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"domain": ["no = ["], "list": [LIST]}, f"no domain.toml that is TOML, in {TRIES} tries"),
        ({"domain": [""], "list": [LIST]}, "no domain.toml that is TOML"),
        ({"domain": [block(DOMAIN)], "list": ["[]"]}, "no list of scenarios"),
        ({"domain": [block(DOMAIN)], "list": ['{"scenarios": [{"name": 3}]}']}, "no list of scenarios"),
    ],
)
def test_a_model_that_cannot_is_one_line(answers: dict[str, list[str]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        draft(Model(scenario=[block(SCENARIO)], **answers))


@pytest.mark.parametrize("what", ["domain", "list", "scenario"])
def test_a_server_that_refuses_is_named_in_its_own_words(what: str) -> None:
    answers = {"domain": [block(DOMAIN)], "list": [LIST], "scenario": [block(SCENARIO)]} | {what: ["refused"]}
    with pytest.raises(EngineError, match="kites: http://127.0.0.1:1/v1: 400: no model of that name"):
        draft(Model(**answers))


def test_brackets_without_end_are_no_file() -> None:
    with pytest.raises(DataError, match="no domain.toml that is TOML"):
        draft(Model(domain=[block("a = " + "[" * 100_000)], list=[LIST], scenario=[SCENARIO]))
    with pytest.raises(DataError, match="no list of scenarios"):
        draft(Model(domain=[block(DOMAIN)], list=['{"scenarios": ' + "[" * 100_000 + "}"], scenario=[SCENARIO]))
