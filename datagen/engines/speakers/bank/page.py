"""The page of a bank: one HTML file beside the clips, that fetches nothing from a network and a clip only when it is played."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def page(about: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The page's text. Names and licences are data to it, never markup, whatever stands in them."""
    counts = about["counts"]
    rejected = ", ".join(f"{n} {reason}" for reason, n in counts["rejected"].items()) or "none"
    data = {
        "sub": (
            f"{counts['voices']} voices of {counts['people']} base speakers, {counts['distinct']} of them distinct by the distance "
            f"“{about['distance']['name']}”; {counts['held_out_voices']} held out of train "
            f"({counts['held_out_people']} people). Faint dots sound like another voice."
        ),
        "rejected": f"{counts['draws']} draws, rejected: {rejected}. Places left empty: {counts['empty']}.",
        "voices": [_voice(r) for r in rows],
    }
    text = json.dumps(data, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    # In a script element only these could end it or begin a comment.
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    return template.replace("/* data */", text)


def _voice(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "base": row["base"],
        "person": row["person"],
        "who": f"{row['age']} {row['sex']}",
        "f0": round(row["f0_hz"]),
        "formant": round(float(np.exp(np.log(row["formants_hz"]).mean()))),
        "hnr": round(row["hnr_db"], 1),
        "pool": "held out" if row["held_out"] else "train",
        "rank": row["cover_rank"],
        "near": round(row["nearest_distance"], 2),
        "licence": row["licence"],
        "prompt": row["prompt_sha256"] is not None,
    }
