"""A build whose every text tries to become something else than text."""

import json
from pathlib import Path

import outputs
import polars as pl

TEXTS = (
    "</script><img src=x onerror=document.title='owned'>",
    "<!--<script>alert(1)</script>",
    "\"quoted\" 'single' `tick` ${1+1} &amp; &lt;b&gt;",
    "👩‍💻 מה שלומך \u202edesrever\u202c \u2028 line",
    "javascript:alert(1)",
)
EVERYTHING = " ".join(TEXTS)
ANSI = "\x1b[31mred\x1b[0m \x07bell \x9b2J\r\nnext \u202eflip"


def make(out: Path, text: str = EVERYTHING) -> Path:
    """A build without audio in which roles, turns, words, events, effects, names and reasons are `text`."""
    outputs.make(out, n_dialogs=3, audio=False)
    said = pl.lit(text)
    effects = pl.lit(json.dumps({text: {text: text}, "noise": text, "sounds": {"sounds": [{"name": text}]}}))
    _edit(out, "dialogs", role_context=said, scenario=said, domain=said, agent_voice=said, effects=effects)
    _edit(out, "voices", id=said)
    _edit(out, "rejects", reason=said, detail=said)
    attrs = pl.lit(json.dumps({"text": text, "name": text, text: [text]}))
    word, event = pl.element().struct, pl.element().struct
    _edit(
        out, "turns", heard_text=said, unheard_text=said,
        words=pl.col("words").list.eval(word.with_fields(said.alias("word"))),
        events=pl.col("events").list.eval(event.with_fields(attrs.alias("attrs"))),
    )  # fmt: skip
    path = out / "build.json"
    build = json.loads(path.read_text())
    build["name"] = text
    build["engines"]["codec"]["note"] = text
    build["counts"]["by_domain"] = {text: next(iter(build["counts"]["by_domain"].values()))}
    path.write_text(json.dumps(build))
    return out


def _edit(out: Path, name: str, **columns: pl.Expr) -> None:
    path = out / "manifests" / f"{name}.parquet"
    pl.read_parquet(path).with_columns(**columns).write_parquet(path)
