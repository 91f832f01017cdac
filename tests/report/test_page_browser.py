"""The page in a real browser, headless: no error, hostile text shown as text, labels that do not cover each other."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import eventful
import hostile
import outputs
import pytest

from datagen.records.enums import EventType
from datagen.report.page import write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome here: the page cannot be opened"),
]

RECORD = """<script>
const root = document.documentElement;
const note = what => root.setAttribute("data-errors", (root.getAttribute("data-errors") || "") + what + "\\n");
addEventListener("error", e => note(e.message || "resource " + e.target.tagName), true);
addEventListener("securitypolicyviolation", e => note("policy " + e.violatedDirective + " " + e.blockedURI));
console.error = (...all) => note(all.join(" "));
</script>"""
MEASURE = """<script>
const boxes = [...document.querySelectorAll("svg text.word")].map(t => t.getBoundingClientRect());
const cover = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3;
root.setAttribute("data-words", boxes.length);
root.setAttribute("data-covered", boxes.filter((a, i) => boxes.some((b, j) => j > i && cover(a, b))).length);
root.setAttribute("data-rows", document.querySelectorAll("#dialogs td:first-child").length);
root.setAttribute("data-wide", document.documentElement.scrollWidth - document.documentElement.clientWidth);
</script>"""


class Page(HTMLParser):
    """Elements, attributes and text of a dumped DOM."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._script = False
        self.feed(html)
        self.root = next(attrs for tag, attrs in self.tags if tag == "html")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._script = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if not self._script:
            self.texts.append(data)


def opened(report: Path, profile: Path, hash_: str = "") -> Page:
    """The page's DOM after its scripts have run, with what went wrong in `root`."""
    html = report.read_text(encoding="utf-8")
    html = html.replace("<style>", RECORD + "<style>", 1).replace("</html>", MEASURE + "</html>")
    copy = report.with_name("recorded.html")
    copy.write_text(html, encoding="utf-8")
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--enable-logging=stderr", f"--user-data-dir={profile}",
            "--window-size=1240,1600", "--virtual-time-budget=8000", "--dump-dom", copy.as_uri() + hash_,
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    return Page(done.stdout)


def test_a_real_build_opens_without_an_error_and_its_words_can_be_read(built: Path, tmp_path: Path) -> None:
    report = Path(shutil.copy(built / "report" / "index.html", tmp_path / "index.html"))
    page = opened(report, tmp_path / "profile")
    assert page.root.get("data-errors") is None
    assert int(page.root["data-words"]) > 50
    assert page.root["data-covered"] == "0"
    assert page.root["data-wide"] == "0"
    assert sum(tag == "audio" for tag, _ in page.tags) == 1


def test_hostile_text_is_text(tmp_path: Path) -> None:
    page = opened(write_report(hostile.make(tmp_path / "out")), tmp_path / "profile")
    assert page.root.get("data-errors") is None
    assert {tag for tag, _ in page.tags} & {"img", "iframe", "object", "embed", "link"} == set()
    assert sum(tag == "script" for tag, _ in page.tags) == 3  # the page's own, and the two of this test
    assert [name for _, attrs in page.tags for name in attrs if name.startswith("on")] == []
    assert [a["href"] for _, a in page.tags if "href" in a and not a["href"].startswith("#")] == []
    shown = "\n".join(page.texts)
    for text in hostile.TEXTS:
        assert shown.count(text) > 10, text


def test_a_build_without_audio_shows_turns_and_words_and_a_link_opens_its_dialogue(tmp_path: Path) -> None:
    outputs.make(tmp_path / "out", n_dialogs=3, audio=False)
    page = opened(write_report(tmp_path / "out"), tmp_path / "profile", "#bank-000001@3")
    assert page.root.get("data-errors") is None
    assert int(page.root["data-words"]) > 20
    assert any("No audio was kept" in text for text in page.texts)
    chosen = [attrs for tag, attrs in page.tags if tag == "button"]
    assert [a.get("class") for a in chosen].count("on") == 1
    assert page.root["data-rows"] == "3"


def test_every_type_of_event_is_drawn_and_the_legend_names_what_happens(tmp_path: Path) -> None:
    report = write_report(eventful.make(tmp_path / "out", audio=True))
    page = opened(report, tmp_path / "profile", "#bank-000000")
    assert page.root.get("data-errors") is None
    assert (page.root["data-covered"], page.root["data-wide"]) == ("0", "0")
    drawn = "\n".join(page.texts)
    for kind in EventType:
        assert re.search(rf"^{named(kind)} .*–[\d.]+ s", drawn, re.MULTILINE), kind
    assert set(legend(page)) == set(map(named, EventType))
    assert "○ Not now, sweetie." in page.texts
    assert "long-silence 5.5 s" in page.texts
    plain = opened(report, tmp_path / "profile", "#bank-000001")
    assert legend(plain) == ["barge-in", "backchannel", "overlap"]


def named(kind: EventType) -> str:
    return kind.replace("_", "-")


def legend(page: Page) -> list[str]:
    """The types that the legend names: texts that are nothing else."""
    return [text.strip() for text in page.texts if text.strip() in set(map(named, EventType))]


def test_an_empty_build_opens(tmp_path: Path) -> None:
    outputs.publish(tmp_path / "out", [])
    page = opened(write_report(tmp_path / "out"), tmp_path / "profile")
    assert page.root.get("data-errors") is None
    assert any("There is no dialogue to show." in text for text in page.texts)


def test_two_thousand_rows_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datagen.report import page as module

    figures = module.figures
    monkeypatch.setattr(
        module, "figures", lambda corpus: {**figures(corpus), "dialogs": figures(corpus)["dialogs"] * 500}
    )
    outputs.make(tmp_path / "out", n_dialogs=4, audio=False)
    page = opened(write_report(tmp_path / "out"), tmp_path / "profile")
    assert page.root.get("data-errors") is None
    assert page.root["data-rows"] == "2000"
