"""Readers of what comes from elsewhere, given what nobody would write: an answer, or one line of the project's own; nothing else.

`DATAGEN_FUZZ=5000 pytest tests/security/test_fuzz.py` tries so many inputs a reader; without it a few, drawn the same each time.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import outputs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datagen import recipes
from datagen.check.files import read_build
from datagen.config import Recipe
from datagen.domains import load_folder
from datagen.domains.scaffold import scaffold
from datagen.domains.service import compile_slots
from datagen.engines.llm.answers import Broken, PushBack, Unfit, read_answer, read_models, words_of
from datagen.engines.llm.chat import ChatFailure, ChatReply
from datagen.engines.writers.llm.relaxed_json import values
from datagen.errors import DatagenError
from datagen.load.builds import open_build
from datagen.report.corpus import open_corpus
from datagen.run.deliver import summary_in
from datagen.stages.pack.schema import Table
from datagen.stages.pack.tables import read_table
from datagen.store.place import LocalPlace

N = int(os.environ.get("DATAGEN_FUZZ", "0"))


def tried(few: int) -> settings:
    return settings(
        max_examples=N or few, deadline=None, derandomize=not N, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )  # fmt: skip


def outcome(call: Callable[[], Any]) -> Any:
    """What a reader gives; None where it refuses, in one line of the project's own."""
    try:
        return call()
    except DatagenError as error:
        said = str(error)
    assert said.strip()
    assert "\n" not in said
    return None


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just(10**400), st.just(-1), st.just(""), st.just([]),
    st.just({}), st.sampled_from(["../x", "\x1b[2J", "\0", "{{ 1 }}", "1e999", "nan", "x" * 5000, "\ud800"]),
    st.lists(st.one_of(st.integers(), st.text(max_size=5)), max_size=3), st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)  # fmt: skip
"""Values of every type, at their ends and beside the point."""


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value within a value of JSON types."""
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, found in inner:
        yield from places(found, (*at, key))


def changed(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    """The value with another at a path; `KeyError` in place of one takes it out."""
    if not at:
        return new
    copy = value.copy()
    if len(at) == 1 and new is KeyError:
        del copy[at[0]]
    else:
        copy[at[0]] = changed(value[at[0]], at[1:], new)
    return copy


@st.composite
def mutants(draw: st.DrawFn, value: Any) -> Any:
    """The value with one to three of its parts replaced or taken out."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.sampled_from(list(places(value))[1:] or [()]))
        value = changed(value, at, draw(st.one_of(ODD, st.just(KeyError) if at else ODD)))
        if not isinstance(value, dict | list):
            break
    return value


JUNK = (b"[" * 3000, b"\xff\xff\xff\xff", b'"', b"]", b"{", b"=", b"\n", b"\0")


@st.composite
def torn(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes with some flipped, taken out, doubled, or put in."""
    for _ in range(draw(st.integers(1, 4))):
        at, n = draw(st.integers(0, len(data))), draw(st.integers(0, 40))
        piece = draw(
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from(JUNK),
            )
        )
        data = draw(st.sampled_from([data[:at] + piece + data[at + len(piece) :], data[:at] + piece + data[at:], data[:at] + data[at + n :],
                                     data[:at], data[:at] + data[max(0, at - n) :]]))  # fmt: skip
    return data


@cache
def shipped() -> dict[str, Any]:
    return recipes.compose("quickstart", domain_names=["bank"], dialogs=3).model_dump(mode="json")


@given(mutants(shipped()))
@tried(30)
def test_recipes(values: Any) -> None:
    found = outcome(lambda: recipes.parse(values if isinstance(values, dict) else {"name": values}))
    assert found is None or isinstance(found, Recipe)


@given(
    torn(Path("manifests/quickstart.toml").read_bytes() if Path("manifests/quickstart.toml").exists() else b"name = 1")
)
@tried(30)
def test_recipe_files(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.toml"
    path.write_bytes(data)
    outcome(lambda: recipes.compose(str(path)))


WORD = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=20)
KEYS = (
    "stitch.timing",
    "writer.urls",
    "scene.sounds",
    "mix",
    "name",
    "stitch.fto.median_s",
    "domain_folders",
    "speaker",
    "a.b.c.d",
)


@given(st.lists(st.one_of(WORD, st.builds("{}={}".format, st.sampled_from(KEYS), WORD)), max_size=3))
@tried(30)
def test_sets(sets: list[str]) -> None:
    outcome(lambda: recipes.compose(sets=sets))


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worked example of a domain, as `datagen domains new` writes it."""
    scaffold("bike_shop", "", tmp_path_factory.mktemp("domains"))
    return tmp_path_factory.getbasetemp() / "domains0" / "bike_shop"


@given(st.data())
@tried(8)
def test_domains(example: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    import tomllib

    folder = tmp_path_factory.getbasetemp() / "fuzzed" / "bike_shop"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(example, folder)
    path = folder / data.draw(st.sampled_from(["domain.toml", "scenarios/repair_status.toml", "acts.j2"]))
    text = path.read_bytes()
    if path.suffix == ".toml" and data.draw(st.booleans()):
        made = _toml(data.draw(mutants(tomllib.loads(text.decode()))))
        path.write_text(made, encoding="utf-8", errors="replace")
    else:
        path.write_bytes(data.draw(torn(text)))
    outcome(lambda: load_folder(folder))


@pytest.mark.parametrize("number", ["1" + "0" * 400, "inf", "-inf", "nan", "1e300"])
def test_numbers_that_no_slot_counts_to(number: str) -> None:
    """Found by the fuzz: once a traceback."""
    import tomllib

    table = tomllib.loads(f'x = {{type = "int", min = {number}, max = {number}}}')
    with pytest.raises(DatagenError, match="slots.x"):
        compile_slots(table, "s.toml")


def _toml(value: Any) -> str:
    """Tables as TOML: each key with its value inline."""
    return (
        "".join(f"{json.dumps(str(k))} = {_inline(v)}\n" for k, v in value.items())
        if isinstance(value, dict)
        else _inline(value)
    )


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(k))} = {_inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return '""' if value is None else repr(value) if isinstance(value, float) else json.dumps(value)


REPLY = {
    "id": "x", "object": "chat.completion", "model": "m", "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi.", "reasoning": None}, "finish_reason": "stop"}],
}  # fmt: skip
REFUSED = {
    "error": {"message": "This model's maximum context length is 4096", "type": "x", "code": "context_length_exceeded"}
}
STATUS = st.sampled_from([200, 200, 200, 301, 400, 401, 404, 408, 413, 418, 429, 500, 503, 599])
HEADERS = st.fixed_dictionaries({}, optional={"Retry-After": st.text(max_size=12), "Location": st.text(max_size=12)})


@given(STATUS, HEADERS, st.one_of(mutants(REPLY).map(json.dumps), mutants(REFUSED).map(json.dumps), torn(json.dumps(REPLY).encode()),
                                  st.binary(max_size=80)))  # fmt: skip
@tried(60)
def test_answers_of_servers(status: int, headers: dict[str, str], body: bytes | str) -> None:
    data = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    found = read_answer(status, headers, data, "http://h")
    assert isinstance(found, ChatReply | ChatFailure | PushBack | Broken | Unfit)
    said = (
        found.content
        if isinstance(found, ChatReply)
        else found.detail
        if isinstance(found, ChatFailure)
        else found.said
    )
    said.encode()
    assert len(words_of(status, data)) < 400
    with contextlib.suppress(ValueError):  # what it says to be refused with
        read_models(data)


DRAFT = json.dumps(
    {"turns": [{"speaker": "agent", "text": "Hi. <cough> It's 5 || pounds.", "to": [1.5, None]}], "facts": ["a", 1]}
)


@given(st.one_of(torn(DRAFT.encode()).map(lambda b: b.decode("utf-8", "replace")), st.text(max_size=200)))
@tried(60)
def test_json_of_models(text: str) -> None:
    for found in values(text):
        json.dumps(found.value)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fuzz") / "out"
    outputs.make(out, n_dialogs=3, audio=False)
    return out


@given(st.data())
@tried(30)
def test_build_json(made: Path, data: st.DataObject) -> None:
    path = made / "build.json"
    good = path.read_bytes()
    try:
        mutant = data.draw(st.one_of(mutants(json.loads(good)).map(json.dumps), torn(good)))
        path.write_bytes(mutant if isinstance(mutant, bytes) else mutant.encode("utf-8", "surrogatepass"))
        for read in (open_build, open_corpus, read_build, lambda out: summary_in(LocalPlace(out))):
            outcome(partial(read, made))
    finally:
        path.write_bytes(good)


@given(st.data())
@tried(20)
def test_parquet(made: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([Table.DIALOGS, Table.TURNS, Table.VOICES, Table.REJECTS]))
    path = tmp_path_factory.getbasetemp() / "fuzzed.parquet"
    path.write_bytes(data.draw(torn((made / "manifests" / f"{kind}.parquet").read_bytes())))
    outcome(lambda: read_table(path, kind).to_pylist())
