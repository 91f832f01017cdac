"""Places, the greedy cover and the draw: what is said to be apart is apart, and what is drawn hangs on nothing else."""

import itertools

import numpy as np
from bank_speech import speaker
from numpy.typing import NDArray

from datagen.engines.speakers.bank.bases import held_out_people
from datagen.engines.speakers.bank.draw import Base, Draw
from datagen.engines.speakers.bank.options import BankOptions
from datagen.engines.speakers.bank.places import embedded_places, tell
from datagen.engines.speakers.bank.profiles import MAX_F0_FACTOR, PROFILES, weights
from datagen.engines.speakers.bank.texts import PROMPT_TEXT, REFERENCE_TEXT
from datagen.engines.speakers.calibration_texts import CALIBRATED, HELD_OUT, MEASURED
from datagen.records.enums import Split
from datagen.records.plan import Voice
from datagen.stages.plan.casting import Cast
from datagen.stages.speak.unit import VOICE_PROMPT_TEXT


def pairs(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.norm(points[:, None] - points[None, :], axis=2)


def test_the_cover_is_apart_and_covers() -> None:
    places = np.random.default_rng(0).normal(0, 1.5, (300, 4))
    told = tell(places)
    taken = np.flatnonzero(told.cover_rank >= 0)
    apart = pairs(places)
    assert apart[np.ix_(taken, taken)][~np.eye(len(taken), dtype=bool)].min() >= 1
    assert apart[:, taken].min(axis=1).max() < 1
    assert sorted(told.cover_rank[taken]) == list(range(len(taken)))
    np.fill_diagonal(apart, np.inf)
    assert np.allclose(told.nearest_distance, apart.min(axis=1))
    assert (told.nearest == apart.argmin(axis=1)).all()
    assert 1 < told.n_distinct < 300


def test_the_cover_of_few() -> None:
    assert tell(np.zeros((0, 3))).n_distinct == 0
    assert tell(np.zeros((1, 3))).n_distinct == 1
    assert tell(np.zeros((5, 3))).n_distinct == 1
    assert tell(np.array([[0.0], [0.5], [3.0]])).n_distinct == 2


class Sphere:
    """An embedder by cosine, as speaker models are."""

    same_from = 0.6

    def similarity(self, one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(one @ other.T, dtype=np.float32)


def test_embedded_places_never_say_farther_than_it_is() -> None:
    draw = np.random.default_rng(1)
    low = draw.normal(0, 1, (400, 6)) @ draw.normal(0, 1, (6, 128)) + draw.normal(0, 0.15, (400, 128))
    unit = (low / np.linalg.norm(low, axis=1, keepdims=True)).astype(np.float32)
    places = embedded_places(Sphere(), unit)  # type: ignore[arg-type]
    assert places.shape[0] == 400
    assert places.shape[1] <= 32
    true = np.sqrt(np.maximum(1 - unit.astype(float) @ unit.T.astype(float), 0) / 0.4)
    found = pairs(places)
    upper = np.triu_indices(400, 1)
    assert (found - true)[upper].max() < 1e-3
    assert np.median((true - found)[upper]) < 0.05


def test_a_place_is_drawn_from_its_own_number_alone() -> None:
    bases = [
        Base(i, f"b{i}", f"p{i % 4}", ("male", "female")[i % 2], "adult", 110.0 + 90 * (i % 2), 9.0, 15.0)
        for i in range(8)
    ]
    some, again = Draw(bases, BankOptions(), 5), Draw(bases, BankOptions(), 5)
    wanted = [some.wanted(place, 0) for place in range(400)]
    assert wanted[37] == again.wanted(37, 0)
    assert some.wanted(37, 1) != wanted[37]
    assert some.wanted(37, 1).base.person == wanted[37].base.person
    shares = {p.age: sum(w.profile.age == p.age for w in wanted) / 400 for p in PROFILES}
    assert abs(shares["elderly"] - 0.15) < 0.06
    assert abs(shares["child"] - 0.05) < 0.04
    for w in wanted:
        assert w.profile.f0_hz[0] <= w.gender.pitch_median_hz <= w.profile.f0_hz[1]
        assert 1 / MAX_F0_FACTOR - 1e-3 <= w.gender.pitch_median_hz / w.base.f0_hz <= MAX_F0_FACTOR + 1e-3
        low, high = w.profile.formant_ratio[w.base.sex]
        assert low <= w.gender.formant_ratio <= high
        assert 6 <= 9.0 * w.gender.duration_ratio <= 12


def test_children_are_made_of_women_alone() -> None:
    men = [Base(0, "m", "m", "male", "adult", 120.0, 9.0, None)]
    draw = Draw(men, BankOptions(), 0)
    assert [p.age for p in draw.lacking] == ["child"]
    assert {draw.wanted(i, 0).profile.age for i in range(200)} == {"adult", "elderly"}
    assert abs(sum(weights(0.7, 0.7)) - 1) < 1e-9


def test_a_boys_clip_becomes_boys() -> None:
    bases = [
        Base(0, "m", "m", "male", "child", 260.0, 9.0, None),
        Base(1, "w", "w", "female", "adult", 200.0, 9.0, None),
    ]
    draw = Draw(bases, BankOptions(child_share=0.5), 0)
    found = [draw.wanted(i, 0) for i in range(100)]
    assert {(w.base.name, w.profile.age, w.sex) for w in found if w.profile.age == "child"} == {
        ("m", "child", "male"),
        ("w", "child", "female"),
    }
    assert all(0.94 <= w.gender.formant_ratio <= 1.08 for w in found if w.base.name == "m")


def test_a_tenth_of_the_people_is_held_out() -> None:
    people = [f"p{i}" for i in range(200)]
    held = held_out_people(people, 0.1)
    assert len(held) == 20
    assert len(held_out_people([*people, "new"], 0.1) ^ held) <= 2
    assert held_out_people(people, 0.0) == frozenset()
    assert [len(held_out_people(people[:n], 0.01)) for n in (0, 1, 2, 3, 9)] == [0, 0, 1, 2, 2]


def test_of_three_people_every_split_has_one() -> None:
    people = ["anna", "bert", "cleo"]
    held = held_out_people(people, 0.1)
    voices = [
        Voice(
            f"{p}{n}",
            "bank",
            p,
            {},
            "female",
            200.0,
            (1.0,) * 3,
            "",
            "b",
            None,
            p,
            held_out=p in held,
            place=(2.0 * n,),
        )
        for p in people
        for n in range(2)
    ]
    cast = Cast(voices, (0.9, 0.05, 0.05), 1.0)
    assert {v.split: v.person for v in cast.voices}.keys() == set(Split)


def test_no_dialogue_and_no_prompt_says_a_banks_texts() -> None:
    texts = [REFERENCE_TEXT, PROMPT_TEXT]
    others = " ".join([VOICE_PROMPT_TEXT, *CALIBRATED, *HELD_OUT, *MEASURED])
    for one, other in itertools.permutations([*texts, others], 2):
        said = other.lower().split()
        runs = {tuple(said[i : i + 5]) for i in range(len(said))}
        words = one.lower().split()
        assert not runs & {tuple(words[i : i + 5]) for i in range(len(words) - 4)}
    assert speaker().name == "espeak"
