"""report/index.html: one file with everything in it, that any browser opens without a network."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from datagen.report.corpus import open_corpus
from datagen.report.figures import COLUMNS, LISTED, figures
from datagen.run.places import place_at, url_of

REPORT_FILE = "report/index.html"
_HERE = Path(__file__).parent


def write_report(out: str | Path) -> Path | str:
    """Writes the report of the build in `out`, a folder or a URL, and returns where; UserError or DataError where there is none to read."""
    with closing(open_corpus(out)) as corpus:
        html = page({**figures(corpus), "columns": COLUMNS, "listed": LISTED}).encode()
    place_at(out).write(REPORT_FILE, html)
    return f"{url}/{REPORT_FILE}" if (url := url_of(out)) else Path(out) / REPORT_FILE


def page(data: dict[str, Any]) -> str:
    """The page around its data. Text gets into it as JSON and onto it as text nodes, so none of it can be markup."""
    head, style, middle, script, tail = _parts()
    return f"{head}{style}{middle}{script.replace('__DATA__', encoded(data), 1)}{tail}"


def encoded(data: dict[str, Any]) -> str:
    """`data` as JSON that is safe inside a script element; ValueError for numbers that JSON has not."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Within a script element only these can end it or open a comment; as escapes they are the same JSON.
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _parts() -> tuple[str, str, str, str, str]:
    markup, style, script = (
        (_HERE / name).read_text(encoding="utf-8") for name in ("page.html", "page.css", "page.js")
    )
    head, rest = markup.split("/* page.css */")
    middle, tail = rest.split("/* page.js */")
    return head, style, middle, script, tail
