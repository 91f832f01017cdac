"""report/index.html: one file with everything in it, that any browser opens without a network."""

import json
from pathlib import Path

from datagen.report.corpus import open_corpus
from datagen.report.figures import LISTED, figures
from datagen.store.files import write_bytes

_TEMPLATE = Path(__file__).with_name("page.html")
_DATA = "/*DATA*/null"


def write_report(out: Path) -> Path:
    """Writes the report of the build in `out` and returns its path; UserError or DataError where there is none to read."""
    corpus = open_corpus(out)
    path = out / "report" / "index.html"
    write_bytes(path, page({**figures(corpus), "listed": LISTED}).encode())
    return path


def page(data: dict[str, object]) -> str:
    """The page around its data. Text gets into it as JSON and onto it as text nodes, so none of it can be markup."""
    encoded = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Within a script element only these can end it or open a comment; as escapes they are the same JSON.
    for character, escape in (
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"),
    ):
        encoded = encoded.replace(character, escape)
    return _TEMPLATE.read_text(encoding="utf-8").replace(_DATA, encoded, 1)
