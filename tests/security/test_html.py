"""Pages and cards in a real browser: what a build, a bank or a recipe says is text there, never markup and never a script."""

import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import factories
import outputs
import pytest
from markdown_it import MarkdownIt

from datagen.engines.speakers.bank.page import page
from datagen.records.build import Count
from datagen.stages.pack.card import card

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
ATTACKS = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=document.title='owned'>",
    "</script><svg onload=document.title='owned'>",
    "[click](javascript:document.title='owned')",
    "![x](https://example.invalid/track.png)",
    "`</code><b onmouseover=alert(1)>`",
    "<iframe srcdoc='<script>top.document.title=1</script>'>",
    '--- | [x]: javascript:alert(1) "x"',
    "<a href=javascript:alert(1)>x</a> <!-- x --> &lt;b&gt; &#60;b>",
)
TEXT = " ".join(ATTACKS)


class Page(HTMLParser):
    """The elements, attributes and texts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._code = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._code = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._code = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._code else data


def shown(path: Path, profile: Path) -> Page:
    """The page as a browser has it after its scripts have run."""
    if BROWSER is None:
        pytest.skip("no Chromium or Chrome here: the page cannot be opened")
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}", "--virtual-time-budget=4000", "--dump-dom",
            path.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return Page(done.stdout)


def hostile_card(out: Path) -> str:
    """The card of a build in which every text from outside attacks."""
    from dataclasses import replace

    build = outputs.make(out, n_dialogs=3, audio=False)
    counts = replace(
        build.counts, by_domain={TEXT: Count(1, 1, 0, 0.1)}, by_split={**build.counts.by_split, TEXT: Count(1, 1)}, rejects={TEXT: 3}
    )  # fmt: skip
    engines = {
        k: replace(m, engine=TEXT, model=TEXT, revision=TEXT, licence=TEXT, note=TEXT)
        for k, m in factories.MAKERS.items()
    }
    return card(replace(build, name=TEXT, counts=counts, engines=engines, datagen_version=TEXT))


def test_the_head_of_a_card_is_yaml_with_the_name_as_a_string(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    made = hostile_card(tmp_path / "out")
    head = made.split("---\n")[1]
    assert yaml.safe_load(head)["pretty_name"] == TEXT
    assert "<s" not in head
    assert "<i" not in head


@pytest.mark.parametrize("flavour", ["commonmark", "gfm-like"])
def test_a_card_as_markdown(tmp_path: Path, flavour: str) -> None:
    """As the Hub would show it if it let all HTML through, which it does not."""
    body = hostile_card(tmp_path / "out").split("---\n", 2)[2]
    reader = MarkdownIt(flavour, {"html": True, "linkify": False}).enable("table")
    found = Page(reader.render(body))
    names = {tag for tag, _ in found.tags}
    assert names.isdisjoint({"script", "img", "svg", "iframe", "b", "a"})
    assert [name for _, attrs in found.tags for name in attrs if name.startswith("on")] == []
    for attack in ATTACKS:
        assert found.text.count(attack) >= 3, attack


@pytest.mark.slow
def test_a_card_in_a_browser(tmp_path: Path) -> None:
    body = hostile_card(tmp_path / "out").split("---\n", 2)[2]
    path = tmp_path / "card.html"
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(body)
    path.write_text(
        f"<html><head><meta charset=utf-8><title>card</title></head><body>{html}</body></html>", encoding="utf-8"
    )
    found = shown(path, tmp_path / "profile")
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "img", "svg", "iframe", "b", "a"})
    assert "owned" in found.text
    assert found.text.startswith("card")


@pytest.mark.slow
def test_the_page_of_a_voice_bank_in_a_browser(tmp_path: Path) -> None:
    row = {
        "id": TEXT, "base": TEXT, "person": TEXT, "age": "adult", "sex": TEXT, "f0_hz": 100.0, "formants_hz": [500.0, 1500.0, 2500.0],
        "hnr_db": 10.0, "held_out": False, "cover_rank": 0, "nearest_distance": 1.0, "licence": TEXT, "prompt_sha256": None,
    }  # fmt: skip
    counts = {
        "voices": 1,
        "people": 1,
        "distinct": 1,
        "held_out_voices": 0,
        "held_out_people": 0,
        "draws": 1,
        "empty": 0,
        "rejected": {TEXT: 1},
    }
    path = tmp_path / "index.html"
    path.write_text(page({"counts": counts, "distance": {"name": TEXT}}, [row]), encoding="utf-8")
    assert json.dumps(TEXT)[1:20] not in path.read_text()
    found = shown(path, tmp_path / "profile")
    assert {tag for tag, _ in found.tags}.isdisjoint({"img", "iframe", "b"})
    assert [name for _, attrs in found.tags for name in attrs if name.startswith("on")] == []
    assert [a["href"] for _, a in found.tags if (a.get("href") or "").startswith("javascript")] == []
    assert "owned" in found.text
