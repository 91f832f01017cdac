"""What the prompts ask for: other things for other plans, from their seeds; templates of a user's own; faults with file and line."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_llm_writer import plan

from datagen.engines import registry
from datagen.engines.writers.llm import context, reply_schema
from datagen.engines.writers.llm.brief import Brief
from datagen.engines.writers.llm.describe import read_description
from datagen.engines.writers.llm.options import WriterOptions
from datagen.engines.writers.llm.prompts import Prompts, digest_of
from datagen.engines.writers.llm.templates import templates
from datagen.errors import UserError
from datagen.protocols import Failure
from datagen.records.enums import Kind, Tag
from datagen.records.plan import DialogPlan
from datagen.text.constraints import RULES

FIRST = "_shared/llm"


def asked(source: DialogPlan, **options: Any) -> str:
    found = WriterOptions(**options)
    own = templates(found.domain_folders)
    brief = context.brief_of(source, found, own, "A sunny one.")
    return Prompts(own, context.listens(found)).dialog(brief)[1]["content"]


def brief(source: DialogPlan) -> Brief:
    return context.brief_of(source, WriterOptions(), templates())


def test_plans_of_one_scenario_ask_for_different_dialogues() -> None:
    base = plan(0)
    shapes = [asked(replace(base, seed=seed)).split("# The user")[1] for seed in range(60)]
    assert len(set(shapes)) == 60
    assert len({s.split("\n- ")[1] for s in shapes}) > 15
    assert len({s.split("# Shape")[1] for s in shapes}) > 40
    assert asked(base) == asked(base)


def test_a_request_holds_role_facts_goal_persona_events_size_and_description() -> None:
    source = plan(1)
    text = asked(source)
    made = brief(source)
    for part in (
        made.role_context,
        made.user_role_context,
        "A sunny one.",
        "turns in all",
        "speaks first",
        "# The user",
    ):
        assert part in text
    assert "\n\n\n\n" not in text


@pytest.mark.parametrize(
    ("trait", "words"),
    [
        ({"refusal": True, "push": True, "accept": False}, ("cannot be done", "objects once", "leaves it at that")),
        ({"rude": True, "calms": True}, ("is rude", "calms down")), ({"unrelated": True}, ("nothing to do with the call",)),
        ({"mishear": True}, ("does not catch",)), ({"one_more": True}, ("one more short question",)),
        ({"mood": "anxious"}, ("anxious", "worried", "nervous")),
        ({"n_questions": 2}, ("The user asks: ",)), ({"readback": 1.0}, ("reads one detail back",)),
    ],
)  # fmt: skip
def test_traits_become_asks_in_words(trait: dict[str, Any], words: tuple[str, ...]) -> None:
    off = dict.fromkeys(
        ("refusal", "rude", "unrelated", "mishear", "one_more", "wrong", "early", "late", "verify_fail"), False
    )
    plain = {**off, "mood": "neutral", "n_questions": 0, "readback": 0.0}
    with_it = asked(replace(plan(2), traits={**plain, **trait}))
    without = asked(replace(plan(2), traits=plain))
    assert any(w in with_it for w in words)
    if "mood" not in trait:
        assert all(w in with_it for w in words)
        assert not any(w in without for w in words)


def test_a_wrong_value_is_asked_for_with_the_right_one() -> None:
    sources = [replace(p, traits={"wrong": True, "mood": "neutral"}) for p in map(plan, range(24))]
    said = [(s, asked(s)) for s in sources if s.instance["wrong_values"]]
    hits = [(s, t) for s, t in said if "The user first says" in t]
    assert hits
    for source, text in hits:
        line = next(x for x in text.splitlines() if "The user first says" in x)
        assert any(
            f"says {w} instead of {source.instance[slot]}" in line
            for slot, w in source.instance["wrong_values"].items()
        )


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_rates_of_the_options_decide_what_is_asked(rate: float) -> None:
    asks = {"barge_in": rate, "backchannel": rate, "hesitation": rate, "vocal": rate, "rude": rate}
    texts = [asked(plan(i), asks=asks) for i in range(6)]
    for words in (
        "cuts into a turn",
        "sign of listening, such as",
        "looks for words two or three",
        "can be heard to",
        "is rude",
    ):
        assert [words in t for t in texts] == [bool(rate)] * 6


def test_every_type_of_constraint_is_told() -> None:
    assert set(templates().asks.rule) == set(RULES)
    texts = [asked(plan(i, "instruction", Kind.INSTRUCTION)) for i in range(21)]
    assert all("# The rule\n" in t and '"rule": "set"' in t for t in texts)


def test_the_schema_is_strict_all_the_way_down() -> None:
    def check(node: Any) -> None:
        if isinstance(node, dict):
            if node.get("type") == "object":
                assert node["additionalProperties"] is False
                assert node["required"] == list(node["properties"])
            for value in node.values():
                check(value)
        elif isinstance(node, list):
            for value in node:
                check(value)

    for kind, domain in (
        (Kind.SERVICE, "bank"),
        (Kind.TOOL, "bank"),
        (Kind.QA, "qa"),
        (Kind.INSTRUCTION, "instruction"),
    ):
        made = brief(plan(0, domain, kind))
        schema = reply_schema.schema_of(made)
        check(schema)
        turns = schema["properties"]["turns"]
        assert (turns["minItems"], turns["maxItems"]) == (made.n_turns[0], made.n_turns[1] + reply_schema.SPARE_TURNS)
        form = turns["items"] if "anyOf" not in turns["items"] else turns["items"]["anyOf"][0]
        assert form["properties"]["tags"]["items"]["enum"] == [str(t) for t in Tag]


def test_a_users_own_template_is_read_in_place_of_the_shipped_one(tmp_path: Path) -> None:
    folder = tmp_path / FIRST
    folder.mkdir(parents=True)
    (folder / "service.j2").write_text("Only this: {{ title }}.", encoding="utf-8")
    assert asked(plan(0), domain_folders=(str(tmp_path),)).startswith("Only this: ")
    assert "Write a short talk" in asked(plan(0, "qa", Kind.QA), domain_folders=(str(tmp_path),))
    own, shipped = (
        registry.make(
            "writer", "openai", registry.options_of("writer", "openai", {"domain_folders": folders})
        ).maker.options
        for folders in ([str(tmp_path)], [])
    )
    assert own != shipped


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("service.j2", "a\n{{ title }\n", "service.j2:2: "), ("service.j2", "a\n\n{{ nothing }}", "service.j2:3: 'nothing' is undefined"),
        ("service.j2", "{% include 'none.j2' %}", "none.j2"), ("service.j2", "{% include 'service.j2' %}", "service.j2"),
        ("service.j2", "{{ 1 // 0 }}", "service.j2:1: "), ("service.j2", "{{ ''.__class__.__mro__ }}", "service.j2:1: "),
        ("service.j2", "{# later #}\n", "service.j2: it says nothing"), ("system.j2", "", "system.j2: it says nothing"),
        ("_conversation.j2", "x\n{% for %}", "_conversation.j2:2: "), ("asks.toml", "people = [", "asks.toml: not valid TOML"),
        ("asks.toml", "[mood]\n", "asks.toml"),
    ],
)  # fmt: skip
def test_a_template_at_fault_is_named_with_its_line(tmp_path: Path, file: str, text: str, said: str) -> None:
    folder = tmp_path / FIRST
    folder.mkdir(parents=True)
    (folder / file).write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        asked(plan(0), domain_folders=(str(tmp_path),))
    assert said in str(caught.value)
    assert "_shared/llm/" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_templates_fault_is_found_before_any_request(tmp_path: Path) -> None:
    folder = tmp_path / FIRST
    folder.mkdir(parents=True)
    (folder / "describe.j2").write_text("{% if %}", encoding="utf-8")
    options = {"domain_folders": [str(tmp_path)], "urls": ["http://127.0.0.1:9"]}
    writer = registry.make("writer", "openai", registry.options_of("writer", "openai", options))
    assert any("describe.j2:1" in str(error) for error in writer.preflight([]))


def test_a_template_that_is_no_text_is_a_line(tmp_path: Path) -> None:
    folder = tmp_path / FIRST
    folder.mkdir(parents=True)
    (folder / "qa.j2").write_bytes(b"\xff")
    options = {"domain_folders": [str(tmp_path)], "urls": ["http://127.0.0.1:9"]}
    writer = registry.make("writer", "openai", registry.options_of("writer", "openai", options))
    assert any("_shared/llm/qa.j2: cannot be read as UTF-8" in str(error) for error in writer.preflight([]))


@pytest.mark.parametrize("unseen", ["\x1b[31m", "\u202e", "\ufffd", "\x00"])
def test_a_description_holds_nothing_that_nobody_sees(unseen: str) -> None:
    text = " ".join(["The caller has a problem and wants it solved"] * 3)
    assert isinstance(read_description(text, "here"), str)
    assert isinstance(read_description(f"{text} {unseen}.", "here"), Failure)


def test_the_digest_of_a_prompt_is_of_its_messages() -> None:
    one, other = [{"role": "user", "content": "a"}], [{"role": "user", "content": "b"}]
    assert digest_of(one) == digest_of([dict(one[0])])
    assert len({digest_of(one), digest_of(other), digest_of(one, other), digest_of(other, one)}) == 4
