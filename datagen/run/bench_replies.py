"""Replies of a language model that has read the prompt: the agenda writer's dialogue of the same plan, in the form that is asked for.

The measuring process writes them to a file before the clock starts; the mock server (datagen/run/mock_llm.py) reads that file, whose name
is in an environment variable, and finds a request's reply by its seed.
"""

import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from datagen.build import Build
from datagen.engines.writers.agenda import AgendaWriter
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.protocols import WriteRequest
from datagen.records.enums import MarkType, Tag
from datagen.records.transcript import Transcript, Turn
from datagen.run.decided import judged
from datagen.store.ids import seed_of

VARIABLE = "DATAGEN_BENCH_REPLIES"
TRIES = 3


def prepare(build: Build, indices: Sequence[int], path: Path) -> None:
    """Writes the replies of these dialogues, for the seed of every attempt."""
    replies: dict[int, str] = {}
    writer = AgendaWriter(AgendaOptions())
    for index in indices:
        plan = build.planner.plan(index)
        for attempt in range(TRIES):
            request = WriteRequest(plan, seed_of(plan.seed, "bench", attempt))
            (made,) = writer.write([request])
            if isinstance(made, Transcript) and isinstance(judged(build, request, made), Transcript):
                text = reply_of(made)
                for asked in range(build.recipe.run.attempts):
                    # As the writers send it: 31 bits of the attempt's own seed.
                    replies[seed_of(seed_of(plan.seed, "write", asked), "server") % 2**31] = text
                break
    path.write_text(json.dumps(replies), encoding="utf-8")


def reply_of(transcript: Transcript) -> str:
    """The transcript as a model writes it: JSON, with cuts and the listener's backchannels inside the texts."""
    turns = [
        {"speaker": str(t.speaker), "tags": [str(g) for g in t.tags if g is not Tag.NEUTRAL], "text": _told(t)}
        for t in transcript.turns
    ]
    return json.dumps({"turns": turns, "facts_used": list(transcript.facts_used)}, ensure_ascii=False)


def _told(turn: Turn) -> str:
    words = turn.words
    for mark in sorted(turn.marks, key=lambda m: -m.word):
        if mark.type is MarkType.BARGE_IN:
            words.insert(mark.word, "||")
        elif mark.type is MarkType.BACKCHANNEL:
            words.insert(mark.word + 1, f"{{{mark.text}}}")
    return " ".join(words)


def answer(asked: Mapping[str, Any]) -> str:
    """The reply to a request's body, for `python -m datagen.run.mock_llm --answer datagen.run.bench_replies:answer`: a judge's scores
    where the request's schema asks for some."""
    schema = (asked.get("response_format") or {}).get("json_schema", {}).get("schema", {})
    rubrics = schema.get("properties", {}).get("scores", {}).get("properties")
    if rubrics:
        return json.dumps({"why": "The agent reads a price twice.", "scores": dict.fromkeys(rubrics, 4)})
    return _replies().get(str(asked.get("seed")), "I have nothing to say to this.")


@cache
def _replies() -> dict[str, str]:
    found: dict[str, str] = json.loads(Path(os.environ[VARIABLE]).read_text(encoding="utf-8"))
    return found
