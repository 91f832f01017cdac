"""Casting from a bank: a person is in one split, who is held out never trains, and partners are apart by the bank's own distance."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from datagen.errors import UserError
from datagen.records.enums import Split
from datagen.records.plan import Voice
from datagen.stages.plan.casting import Cast, distances, with_splits
from datagen.store.pools import Shares, pools

SHARES: Shares = (0.8, 0.1, 0.1)


def bank(n_people: int = 40, voices_each: int = 8, held_out: int = 4) -> list[Voice]:
    draw = np.random.default_rng(0)
    return [
        Voice(
            f"v{p:03d}-{k}", "chatterbox", f"base{p}", {}, "female" if k % 2 else "male", 100.0, (500.0, 1500.0, 2500.0), "CC0", "bank-1",
            person=f"person{p}", held_out=p < held_out, age="child" if k == 0 else "adult", place=tuple(draw.normal(0, 1, 5)),
        )
        for p in range(n_people)
        for k in range(voices_each)
    ]  # fmt: skip


@pytest.mark.parametrize("shares", [SHARES, (1.0, 0.0, 0.0), (0.5, 0.0, 0.5), (0.0, 0.5, 0.5)])
@pytest.mark.parametrize("max_voices", [0, 150])
def test_who_is_held_out_never_trains(shares: Shares, max_voices: int) -> None:
    cast = Cast(bank(), shares, 1.0, max_voices)
    splits: dict[str, set[Split]] = defaultdict(set)
    for voice in cast.voices:
        splits[voice.person].add(voice.split)
        assert voice.held_out == (voice.split is not Split.TRAIN)
    assert all(len(found) == 1 for found in splits.values())
    draw = np.random.default_rng(1)
    held = {v.id for v in cast.voices if v.held_out}
    for split, share in zip((Split.TRAIN, Split.VALID, Split.TEST), shares, strict=True):
        for _ in range(50 if share else 0):
            assert (set(cast.draw(split, draw)) <= held) == (split is not Split.TRAIN)


def test_without_held_out_people_share_a_split() -> None:
    splits: dict[str, set[Split]] = defaultdict(set)
    for voice in Cast(bank(held_out=0), SHARES, 0.5).voices:
        splits[voice.person].add(voice.split)
    assert all(len(found) == 1 for found in splits.values())
    assert {s for found in splits.values() for s in found} == set(Split)


def test_partners_are_apart_by_the_banks_distance() -> None:
    voices = bank()
    apart = distances(voices)
    places = np.array([v.place for v in voices])
    assert np.allclose(apart, np.linalg.norm(places[:, None] - places[None], axis=2), atol=1e-6)
    at = {v.id: np.array(v.place) for v in voices}
    cast, draw = Cast(voices, SHARES, 2.0), np.random.default_rng(2)
    for _ in range(200):
        agent, user = cast.draw(Split.TRAIN, draw)
        assert np.linalg.norm(at[agent] - at[user]) >= 2.0
    mixed = [*voices[:3], replace(voices[3], family="bank-2")]
    assert np.allclose(
        distances(mixed), 0
    )  # two banks' places say nothing of each other: F0 and formants do, and are alike here


def test_the_agent_is_no_child() -> None:
    cast, draw = Cast(bank(), SHARES, 1.0), np.random.default_rng(3)
    children = {v.id for v in cast.voices if v.age == "child"}
    drawn = [cast.draw(Split.TRAIN, draw, agent_sex) for agent_sex in ("", "male") * 100]
    assert not {agent for agent, _ in drawn} & children
    assert {user for _, user in drawn} & children


def test_voices_without_a_person_are_cast_as_ever() -> None:
    voices = [replace(v, person="", held_out=False, place=(), f0_hz=80.0 * 1.01**i) for i, v in enumerate(bank(20, 5))]
    pool = pools((v.id for v in voices), SHARES, "voice")
    assert {v.id: v.split for v in Cast(voices, SHARES, 0.5).voices} == pool


def test_too_few_people_is_one_line() -> None:
    few = bank(n_people=6, held_out=1)
    assert {v.split for v in with_splits(few, SHARES)} < set(Split)
    with pytest.raises(UserError, match=r"splits\.(valid|test): none of the voices is") as error:
        Cast(few, SHARES, 1.0)
    assert "\n" not in str(error.value)
