"""The judge: what it is asked, what of its replies counts, and what stands against asking it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from judge_server import scores, served

from datagen.engines import registry
from datagen.engines.judges.llm import Better, LlmJudge
from datagen.engines.judges.options import JudgeOptions
from datagen.engines.judges.prompts import Judged
from datagen.errors import EngineError, UserError
from datagen.protocols import Failure
from datagen.records.enums import MarkType, Speaker, Tag
from datagen.records.maker import Maker
from datagen.records.transcript import Mark, Transcript, Turn
from tests.factories import plan

ALL = {"natural": 4, "grounded": 5, "role": 3, "helpful": 4, "spoken": 2}
TURNS = (
    Turn(0, Speaker.AGENT, "Harbor Bank, Ana speaking."),
    Turn(1, Speaker.USER, "It's gone.", marks=(Mark(MarkType.VOCAL, 0, "sigh"),), tags=(Tag.ANXIOUS,)),
)
DIALOG = Transcript("bank-000000", "You work for Harbor Bank.", TURNS, Maker("m", "m", "1", ""))


def judge(url: str, **options: Any) -> LlmJudge:
    return LlmJudge(JudgeOptions(urls=(url,), model="judge-model", tries=2, **options))


def asked(url: str, **options: Any) -> Any:
    async def once() -> Any:
        made = judge(url, **options)
        try:
            return await made.judge_one(plan(), DIALOG, 7)
        finally:
            await made.close()

    return asyncio.run(once())


def test_scores_come_by_rubric_and_the_dialogue_is_what_is_judged() -> None:
    bodies: list[dict[str, Any]] = []

    def reply(body: dict[str, Any]) -> str:
        bodies.append(body)
        return scores(**ALL)

    with served(reply) as url:
        assert asked(url) == ALL
    (body,) = bodies
    shared, own = (m["content"] for m in body["messages"])
    assert "agent: Harbor Bank, Ana speaking.\nuser: <anxious> [sigh] It's gone." in own
    assert "You work for Harbor Bank." in own
    assert all(name in shared for name in ALL)
    assert "Harbor" not in shared  # what servers keep of a prompt is the same for all dialogues
    wanted = body["response_format"]["json_schema"]["schema"]["properties"]["scores"]
    assert wanted["required"] == list(ALL)
    assert body["temperature"] == 0


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("I would say it is fine.", "judge_unread"),
        (scores(natural=4), "judge_unread"),
        (scores(**{**ALL, "role": 6}), "judge_unread"),
        (json.dumps({"scores": {**ALL, "role": "good"}}), "judge_unread"),
        (json.dumps({"scores": {**ALL, "role": True}}), "judge_unread"),
        ("[]", "judge_unread"),
        ('{"scores": ' + "[" * 100_000 + "}", "judge_unread"),
        ("", "judge_no_content"),
    ],
)
def test_what_cannot_be_read_is_a_failure(reply: str, reason: str) -> None:
    with served(lambda body: reply) as url:
        found = asked(url)
    assert isinstance(found, Failure)
    assert found.reason == reason


def test_rubrics_are_chosen_and_more_than_was_asked_for_is_left_out() -> None:
    with served(lambda body: "```json\n" + scores(**ALL) + "\n```") as url:
        assert asked(url, rubrics=("spoken",)) == {"spoken": 2}
    with pytest.raises(UserError, match="there is no rubric 'charm'. There are: natural"):
        judge("http://127.0.0.1:1/v1", rubrics=("charm",))


def test_rubrics_of_ones_own_take_the_place_of_the_shipped_ones(tmp_path: Path) -> None:
    folder = tmp_path / "_shared" / "judge"
    folder.mkdir(parents=True)
    (folder / "rubrics.toml").write_text('[kind]\nasks = "Is it kind?"\nworst = "no"\nmiddle = "so so"\nbest = "yes"\n')
    own, shipped = judge("http://x/v1", domain_folders=(str(tmp_path),)), judge("http://x/v1")
    assert list(own.prompts.rubrics) == ["kind"]
    assert own.maker.options != shipped.maker.options
    (folder / "score.j2").write_text("one\n{{ two }\n")
    with pytest.raises(UserError, match=r"_shared/judge/score.j2:2: "):
        judge("http://x/v1", domain_folders=(str(tmp_path),)).prompts.check()


def test_preflight_says_what_is_missing() -> None:
    with served(lambda body: "") as url:
        assert judge(url).preflight() == []
        wrong = LlmJudge(JudgeOptions(urls=(url,), model="other"))
        (error,) = wrong.preflight()
        assert str(error) == f"{url} has no model 'other'. It has: judge-model. Set judge.model."
    (error,) = judge(url).preflight()
    assert (type(error), "127.0.0.1" in str(error)) == (EngineError, True)
    (error,) = LlmJudge(JudgeOptions()).preflight()
    assert isinstance(error, UserError)
    assert str(error).startswith("urls: no server is named")


@pytest.mark.parametrize("better", list(Better))
def test_a_comparison_names_one_of_two(better: Better) -> None:
    first, second = Judged("You work for A.", "agent: Hi.", 1), Judged("You work for B.", "agent: Hello.", 1)

    async def once(url: str) -> Any:
        made = judge(url)
        try:
            return await made.compare_one(first, second, 1)
        finally:
            await made.close()

    with served(lambda body: json.dumps({"why": "", "better": better})) as url:
        assert asyncio.run(once(url)) is better
    with served(lambda body: json.dumps({"better": "neither"})) as url:
        assert asyncio.run(once(url)).reason == "judge_unread"


def test_the_registry_has_it() -> None:
    options = registry.options_of("judge", "openai", {"urls": ["http://x/v1"]})
    assert registry.make("judge", "openai", options).maker.engine == "openai"
