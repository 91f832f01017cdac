"""What the tables say of events: every type counted, the scene's sounds in place of those asked for, in order of time."""

import json
from collections import Counter
from dataclasses import replace

import eventful
import factories
import pytest

from datagen.errors import DataError
from datagen.records.enums import EventType
from datagen.stages.pack import rows
from datagen.stages.pack.columns import columns_markdown
from datagen.stages.pack.event_types import ATTRS, EVENT_SPECS, event_table
from datagen.stages.pack.events import turn_events
from datagen.stages.pack.schema import Table, schema

DIALOG = eventful.rendered()


def made(dialog=DIALOG):
    return rows.shard_tables([dialog], "train-00000", factories.MAKERS, "c0ffee")


def test_the_scenes_sounds_take_the_place_of_those_asked_for():
    events = {t["turn"]: t["events"] for t in made()[Table.TURNS].to_pylist()}
    sounds = [
        (turn, json.loads(e["attrs"])["name"]) for turn, found in events.items() for e in found if e["type"] == "sound"
    ]
    assert sounds == [(4, "door"), (5, "phone")]
    assert [e["type"] for e in events[4]] == ["sound", "overlap"]
    assert all(e["target_turn"] == turn for turn, found in events.items() for e in found)
    unheard = made(replace(DIALOG, scene=replace(DIALOG.scene, events=())))[Table.TURNS].to_pylist()
    assert "sound" not in {e["type"] for t in unheard for e in t["events"]}


def test_events_of_a_turn_are_in_order_of_time_whatever_order_they_came_in():
    line = DIALOG.timeline
    turned = replace(line, turns=tuple(replace(t, events=t.events[::-1]) for t in line.turns))
    scene = replace(DIALOG.scene, events=DIALOG.scene.events[::-1])
    assert turn_events(replace(DIALOG, timeline=turned, scene=scene)) == turn_events(DIALOG)
    for found in turn_events(DIALOG).values():
        assert [e.start_s for e in found] == sorted(e.start_s for e in found)


def test_a_sound_of_no_turn_is_refused():
    lost = replace(DIALOG.scene.events[0], target_turn=8)
    with pytest.raises(
        DataError, match=r"bank-000000: the scene's sound at \d+\.\d+ s targets turn 8, and there are 8 turns"
    ):
        turn_events(replace(DIALOG, scene=replace(DIALOG.scene, events=(lost,))))


def test_every_type_is_counted():
    row = made()[Table.DIALOGS].to_pylist()[0]
    counts = Counter(e.type for found in turn_events(DIALOG).values() for e in found)
    assert {kind: row[f"n_{kind}"] for kind in EventType} == {kind: counts[kind] for kind in EventType}
    assert min(row[f"n_{kind}"] for kind in EventType) >= 1
    assert (row["n_backchannel"], row["n_agent_backchannel"]) == (2, 1)
    assert (row["agent_latency_s"], row["masked_word_share"]) == (0.35, 0.125)
    assert (row["stems"], row["stems_path"]) == (list(eventful.STEMS), "stems/bank-000000.flac")


def test_turns_say_by_what_the_floor_was_taken():
    turns = made()[Table.TURNS].to_pylist()
    assert [t["turn"] for t in turns if t["barge_in"]] == [3]
    assert [t["turn"] for t in turns if t["agent_interruption"]] == [4]


def test_every_type_has_a_column_and_a_line_and_breaks_no_table():
    table = event_table()
    for kind in EventType:
        assert f"n_{kind}" in schema(Table.DIALOGS).names
        assert f"| `{kind}` |" in table
    assert {line.count("|") for line in table.splitlines()} == {7, 0, 3}
    assert {name for spec in EVENT_SPECS.values() for name in spec.attrs} == set(ATTRS)
    assert table in columns_markdown()
