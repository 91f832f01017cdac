"""Templates from anybody: they reach nothing but what they are given, and neither run for ever nor fill the memory."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from datagen.domains.names import compose
from datagen.domains.phrasing import Phrase, condition
from datagen.domains.templates import MOST_CHARACTERS, MOST_STEPS
from datagen.engines.llm.prompt_files import PromptFiles
from datagen.errors import UserError

VIEW: dict[str, Any] = {
    "name": "Ann", "items": list(range(100)), "text": "x" * 1000, "n": 3, "rubrics": {"a": {"best": "b"}}, "part": None,
}  # fmt: skip
REACHES = (
    "{{ name.__class__ }}",
    "{{ name.__class__.__mro__[1].__subclasses__() }}",
    "{{ name['__class__'] }}",
    "{{ name|attr('__class__') }}",
    "{{ '{0.__class__}'.format(name) }}",
    "{{ choose.__globals__ }}",
    "{{ choose.__globals__['__builtins__']['open']('/etc/passwd').read() }}",
    "{{ part.__self__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ joiner.__init__.__globals__.os.popen('id').read() }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ items.append(1) }}",
    "{% import 'os' as os %}{{ os }}",
    "{% include '../../../../etc/passwd' %}",
    "{% include '/etc/passwd' %}",
    "{% extends '/etc/passwd' %}",
    "{% macro m() %}{{ caller.__globals__ }}{% endmacro %}{{ m() }}",
    "{{ _steps_ }}",
)
"""Ways out of a sandbox that have worked somewhere, and ways to read or change what is not the template's."""
GROWS = (
    "{{ 'x' * 1000000000 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ name | center(1000000000) }}",
    "{{ name.ljust(1000000000) }}",
    "{{ name | indent(1000000000) }}",
    "{{ 1 | round(1000000000, 'ceil') }}",
    "{{ name | replace('', text) }}",
    "{{ range(1000000000) | list }}",
    "{% set a = name ~ name %}" + "".join("{% set a = a ~ a %}" for _ in range(60)) + "{{ a }}",
    "{{ text | list | join(text) | list | join(text) | list | join(text) }}",
    "{% for a in items %}{% for b in items %}{% for c in items %}{% for d in items %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in text %}{% for b in text %}{{ text }}{% endfor %}{% endfor %}",
    "{% for a in items recursive %}{{ loop(items) }}{% endfor %}",
    "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ name" + ".a" * 5000 + " }}",
    "{{ text | random }}",
)
"""Texts of few characters that would take all memory or all time (and one that draws by itself)."""


def rendered(source: str) -> str:
    return Phrase(source, "acts.j2:1").render(
        {k: v for k, v in VIEW.items() if k != "part"}, lambda n: 0, lambda name: name
    )


@pytest.mark.parametrize("source", [*REACHES, *GROWS])
def test_a_phrasing_reaches_nothing_and_ends(source: str) -> None:
    began_s = time.process_time()
    with pytest.raises(UserError, match=r"^acts.j2:1: ") as raised:
        rendered(source)
    assert time.process_time() - began_s < 2
    assert "root:" not in str(raised.value)


@pytest.mark.parametrize("source", [*REACHES, *GROWS])
def test_a_prompt_file_reaches_nothing_and_ends(source: str, tmp_path: Path) -> None:
    (tmp_path / "qa.j2").write_text(source)
    began_s = time.process_time()
    with pytest.raises(UserError, match=r"^_shared/llm/qa.j2:?\d*: "):
        PromptFiles("llm", (tmp_path,)).render("qa", VIEW)
    assert time.process_time() - began_s < 2


@pytest.mark.parametrize(
    "source", ["''.__class__ == 1", "10 ** 10 ** 9 > 1", "'x' * 10**9 == name", "(" * 5000 + "1", "a.b.c" * 9]
)
def test_a_condition_too(source: str) -> None:
    with pytest.raises(UserError, match="^s.toml: "):
        condition(source, "s.toml")({"name": "Ann"})


def test_the_limits_are_not_near_what_prompts_do() -> None:
    assert rendered("{% for i in items %}{{ i }}, {% endfor %}").endswith("98, 99,")
    assert (
        rendered("<Hi|Hello>, {{ name | low }}. {% if n == 3 %}{{ items[:2] | join(' and ') }}{% endif %}")
        == "Hi, ann. 0 and 1"
    )
    assert 100 * len(VIEW["items"]) <= MOST_STEPS
    assert MOST_CHARACTERS > 100_000


def test_parts_that_hold_parts_end() -> None:
    """Ten acts of a line each would come to ten billion renderings."""
    acts = {str(i): Phrase((f'{{{{ part("{i + 1}") }}}}' if i < 9 else "") * 10 or "x", "acts.j2:1") for i in range(10)}
    n = 0

    def part(name: str) -> str:
        nonlocal n
        n += 1
        return acts[name].render({}, lambda k: 0, part)

    with pytest.raises(UserError, match="parts within parts"):
        acts["0"].render({}, lambda k: 0, part)
    assert n <= 300
    # … and the next phrasing is none the worse for it.
    assert Phrase('{{ part("a") }}', "w").render({}, lambda k: 0, lambda name: name) == "A"


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    for i in range(12):
        (tmp_path / f"f{i}.j2").write_text(f'{{% include "f{(i + 1) % 12}.j2" %}}' * 3 + "x")
    with pytest.raises(UserError, match=r"loops of over|recursion"):
        PromptFiles("llm", (tmp_path,)).render("f0", VIEW)


def test_a_file_that_is_a_link_to_elsewhere_is_refused(tmp_path: Path) -> None:
    """What it leads to would go to the server, and into the raw replies."""
    (tmp_path / "secret").write_text("the key")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "qa.j2").symlink_to(tmp_path / "secret")
    with pytest.raises(UserError, match=r"qa.j2: is a link that leads out of its folder"):
        PromptFiles("llm", (tmp_path / "own",))


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("{a}{a}{a}{a}{a}{a}{a}{a}", "makes 10000000000000000 names, and may make 1000000"),
        ("{a:>1000000000}", "a part stands as"),
        ("{a!r}", "a part stands as"),
        ("{a.__class__}", "uses the part 'a.__class__'"),
        ("{a[0]}", "uses the part"),
        ("{}", "a part stands as"),
        ("{a", "expected '}'"),
        ("}", "Single '}'"),
    ],
)
def test_patterns_of_names(pattern: str, says: str) -> None:
    with pytest.raises(UserError, match=r"^companies\[0\].patterns: ") as raised:
        compose([pattern], {"a": [f"w{i}" for i in range(100)]}, "companies[0]")
    assert says in str(raised.value)


def test_a_view_is_not_changed_by_a_template() -> None:
    before = json.dumps({k: v for k, v in VIEW.items() if k != "part"})
    with pytest.raises(UserError):
        rendered("{{ rubrics.update({'a': 1}) }}")
    assert json.dumps({k: v for k, v in VIEW.items() if k != "part"}) == before
