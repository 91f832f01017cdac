"""The table of gates: why attempts at writing failed, on the page and on the card."""

import json
from dataclasses import replace
from pathlib import Path

import hostile
import outputs
from test_page import data_of

from datagen.records.build import BUILD_FILE, GateCount
from datagen.report.page import write_report
from datagen.stages.pack.card import card


def test_reasons_are_on_the_page_with_their_share_of_attempts(tmp_path: Path) -> None:
    build = outputs.make(tmp_path, n_dialogs=3, audio=False)
    gates = {hostile.EVERYTHING: GateCount(6, 1), "not_json": GateCount(1, 0)}
    (tmp_path / BUILD_FILE).write_text(json.dumps(replace(build, attempts=24, gates=gates).to_dict()))
    html = write_report(tmp_path).read_text(encoding="utf-8")
    assert "<img" not in html
    data = data_of(html)
    assert data["attempts"] == 24
    assert data["gates"] == [[hostile.EVERYTHING, 6, "25.0 %", 1], ["not_json", 1, "4.2 %", 0]]


def test_a_build_of_an_older_version_has_none(tmp_path: Path) -> None:
    build = outputs.make(tmp_path, n_dialogs=3, audio=False).to_dict()
    del build["attempts"], build["gates"]
    (tmp_path / BUILD_FILE).write_text(json.dumps(build))
    data = data_of(write_report(tmp_path).read_text(encoding="utf-8"))
    assert (data["attempts"], data["gates"]) == (0, [])


def test_the_card_says_what_failed_in_a_line(tmp_path: Path) -> None:
    build = outputs.make(tmp_path, n_dialogs=3, audio=False)
    assert "Written in" not in card(build)
    text = card(replace(build, attempts=24, gates={"<b>": GateCount(6, 1), "not_json": GateCount(1, 0)}))
    assert "Written in 24 attempts; failed: " in text
    assert "6 (25.0%)" in text
    assert "1 (4.2%)" in text
    assert "<b>" not in text
