"""The gate on spoken form: every word of a turn is one that a person says and that `datagen.text.say` reads."""

import re

from datagen.protocols import Failure
from datagen.records.plan import DialogPlan
from datagen.records.transcript import Transcript
from datagen.stages.write.options import WriteOptions
from datagen.stages.write.said import said
from datagen.stages.write.signs import EDGES, code_of


def spoken(transcript: Transcript, plan: DialogPlan, options: WriteOptions) -> Failure | None:
    """Rejects the first turn that holds what is written and not said.

    `unspoken_symbol`: a sign or list number that stands alone. `unspoken_slash`, `unspoken_abbreviation`: thx, and/or.
    `unspoken_digits`: more digits than people say in one go, machine dates. `unspoken_caps`: whole phrases in capitals.
    """
    for turn in transcript.turns:
        if said(turn.text).fine:
            continue
        fault = _first(turn.text.split(), options.max_digits, transcript.role_context)
        if fault:
            return Failure(
                f"unspoken_{fault[0]}",
                f"{transcript.dialog_id} turn {turn.index}: the {turn.speaker} says {fault[1]!r}, {_WHY[fault[0]]}.",
            )
    return None


_WHY = {
    "symbol": "a sign that nobody says",
    "slash": "which nobody knows how to read",
    "abbreviation": "which is typed, and not said",
    "digits": "which nobody says so",
    "caps": "in capitals, which are read letter by letter",
}


def _first(raw: list[str], max_digits: int, known: str) -> tuple[str, str] | None:
    signs = [(i, code) for i, word in enumerate(raw) if (code := code_of(word))]
    for i, code in signs:
        if code == "digits" and len(max(re.findall(r"\d+", raw[i]), key=len)) <= max_digits:
            continue
        if code == "letter":
            beside = raw[max(0, i - 1) : i] + raw[i + 1 : i + 2]
            if any(len(w.strip(EDGES)) == 1 and w.strip(EDGES) not in ("a", "I") for w in beside):
                continue  # spelled
            code = "abbreviation"
        if code in ("caps", "shout"):
            continue
        return ("digits" if code == "machine" else code), raw[i].strip(",.?!;")
    return _shouted(raw, {i: code for i, code in signs if code in ("caps", "shout")}, known)


def _shouted(raw: list[str], at: dict[int, str], known: str) -> tuple[str, str] | None:
    """Words in capitals that are no acronyms: two in a row of which one is a common word, three in a row, or one of six letters."""
    run: list[int] = []
    for i in at:
        gap = [w for w in raw[run[-1] + 1 : i] if w.strip(EDGES) not in ("A", "I")] if run else ["x"]
        run = [i] if gap else [*run, i]
        codes = [at[k] for k in run]
        phrase = " ".join(raw[run[0] : run[-1] + 1])
        core = raw[i].strip(EDGES)
        if (len(run) >= 2 and "shout" in codes) or len(run) >= 3 or (len(core) >= 6 and core not in known):
            if all(raw[k].strip(EDGES) in known for k in run):
                continue
            return "caps", phrase
    return None
