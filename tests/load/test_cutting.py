"""A dialogue that is too long is cut where the floor changes, never inside a word, and nothing is lost between pieces."""

from dataclasses import replace

import numpy as np
import pytest
from made_dialogs import Pieces, made, talk, turns, words

from datagen.errors import DataError, UserError
from datagen.load import moshi, personaplex
from datagen.load.cutting import MIN_FRAMES, Cuts, within
from datagen.load.dialog import Words
from datagen.load.spec import MOSHI

NOBODY = words()


def splits_a_word(place: int, *sides: Words) -> bool:
    at = place / 12.5
    return any(bool(((w.start_s < at - 1e-9) & (w.end_s > at + 1e-9)).any()) for w in sides)


def test_a_cut_is_a_frame_before_the_next_turn() -> None:
    agent = words(*talk(0.1, "good morning this is the bank"), *talk(20.0, "the fee is twelve dollars"))
    user = words(*talk(10.0, "what is the fee please"))
    cuts = Cuts(agent, user, 400)
    assert cuts.last(0, 400) == 399, "the silence at the end is as good as a change of floor"
    assert cuts.last(0, 260) == 249, "20.0 s is frame 250, and EPAD stands before it"
    assert cuts.last(0, 247) == 247
    assert cuts.last(0, 140) == 124, "10.0 s is frame 125, and the user is in the middle of its turn at 140"
    assert cuts.last(130, 160) == 160, "no floor changes there, so between two words, or in the silence behind them"
    assert cuts.last(126, 139) == 136, "10.88 s: inside the turn, where one word has ended and the next not begun"
    assert cuts.last(126, 135) is None, "every other place there is inside a word"


def test_a_listeners_word_changes_no_floor() -> None:
    agent = words(*talk(0.0, "one two three four five six seven"), *talk(3.0, "eight nine ten eleven"))
    user = words(("mhm", 2.3, 2.6))
    assert Cuts(agent, user, 60).last(0, 40) == 37, "between two words: as late as it goes, not a frame before a turn"
    said = words(("no", 2.12, 2.3), ("not", 2.3, 2.5), ("that", 2.5, 2.7))
    assert Cuts(agent, said, 60).last(0, 60) == 59
    assert Cuts(agent, said, 60).last(0, 45) == 36, "3.0 s is frame 37: before the agent's next turn"
    assert Cuts(agent, said, 60).last(0, 35) == 35
    assert Cuts(agent, said, 60).last(0, 33) == 26, "2.08 s to 2.12 s: the change to the user"


def test_where_both_always_speak_no_place_is_found() -> None:
    agent = words(*[(f"a{i}", i * 1.0, i * 1.0 + 0.9) for i in range(40)])
    user = words(*[(f"u{i}", i * 1.0 + 0.5, i * 1.0 + 1.4) for i in range(40)])
    assert Cuts(agent, user, 500).last(100, 400) is None
    dialog = made(500, words=agent, user_words=user)
    spec = replace(MOSHI, max_columns=300)
    with pytest.raises(DataError, match=r"row 3: bank-000007 has 500 frames, 300 fit .* inside a word"):
        moshi.sequence(dialog, Pieces(), spec=spec)
    with pytest.raises(DataError, match="inside a word"):
        moshi.sequences(dialog, Pieces(), spec=spec)


def test_who_goes_on_at_once_has_not_given_up_the_floor() -> None:
    asked = [*talk(0.0, "and you said spruce street"), ("right", 1.75, 2.1)]
    answer = words(*talk(1.66, "yes that is right indeed"))
    assert Cuts(words(*asked), answer, 60).last(0, 22) == 20, "between two words, as late as it goes"
    assert Cuts(words(*asked[:-1]), answer, 60).last(0, 22) == 19, "1.48 s to 1.66 s, a frame before the answer"


def test_an_answer_that_begins_early_parts_two_turns() -> None:
    agent = words(*talk(0.0, "one two three four five"), *talk(3.0, "six seven eight nine"))
    user = words(("absolutely", 1.4, 2.7), ("yes", 5.0, 5.4), ("it", 5.4, 5.6), ("is", 5.6, 6.2))
    assert Cuts(agent, user, 80).last(0, 45) == 36, "the user answers in the agent's pause, then the agent has its turn"


def test_a_turn_begins_with_its_first_word_however_short() -> None:
    agent = words(*talk(0.0, "one two three four five"))
    user = words(("yes", 2.0, 2.3), *talk(3.0, "it is right indeed"))
    assert Cuts(agent, user, 80).last(0, 45) == 24, "before the user's yes, not in the pause behind it"


def test_what_is_said_over_a_turn_takes_no_floor_and_gives_none() -> None:
    agent = words(*talk(0.0, "a b c d e f g h i j k l m n o p", 0.31))  # to 4.94 s, with no pause
    over = talk(2.0, "wait no please")
    answered = words(*over, *talk(5.4, "what was that again"))
    assert Cuts(agent, answered, 90).last(0, 75) == 66, "4.94 s to 5.4 s: the floor was the agent's until then"
    goes_on = words(*talk(0.0, "a b c d e f g h i j k l m n o p", 0.31), *talk(5.4, "and so on and on"))
    free = Cuts(goes_on, words(*over), 90).last(0, 75)
    assert free not in (62, 63, 64, 65, 66), "the agent kept it, so it is between any two words, as late as it goes"


def test_early_rather_than_inside_a_word() -> None:
    unbroken = words(*[(f"w{i}", 6.03 + 0.32 * i, 6.35 + 0.32 * i) for i in range(50)])  # frames 75 to 276
    assert Cuts(unbroken, NOBODY, 310).pieces(210) == [(0, 75), (75, 285), (285, 310)], (
        "shorter pieces than there should be"
    )
    assert Cuts(unbroken, NOBODY, 310).pieces(200) is None


@pytest.mark.parametrize(
    ("side", "times", "says"),
    [
        ("words", [("a", 1.0, 1.2), ("b", 0.5, 0.7)], r"row 3: word 1 \('b'\) starts at 0\.5 s"),
        ("user_words", [("a", 1.0, 1.2), ("b", float("nan"), 2.0)], r"row 3: word 1 \('b'\) starts at nan s"),
        ("user_words", [("a", 1.0, 1.2), ("b", 1.5, float("nan"))], r"row 3: word 1 \('b'\) is from 1\.5 s to nan s"),
        ("words", [("a", 1.0, 0.2), ("b", 1.5, 2.0)], r"row 3: word 0 \('a'\) is from 1\.0 s to 0\.2 s"),
    ],
)
def test_times_that_cannot_be_are_named(side: str, times: list, says: str) -> None:
    with pytest.raises(DataError, match=says):
        moshi.sequence(made(500, **{side: words(*times)}), Pieces(), spec=replace(MOSHI, max_columns=300))


def test_silence_alone_is_cut_anywhere() -> None:
    assert Cuts(NOBODY, NOBODY, 500).pieces(200) == [(0, 200), (200, 375), (375, 500)]
    assert Cuts(NOBODY, NOBODY, 200).pieces(200) == [(0, 200)]


@pytest.mark.parametrize("seed", range(12))
def test_pieces_cover_all_and_split_no_word(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_frames, room = int(rng.integers(300, 6_000)), int(rng.integers(MIN_FRAMES, 2_048))
    sides = []
    for _ in range(2):
        length = rng.uniform(0.05, 0.6, 600)
        start = np.cumsum(length + rng.choice([0.0, 0.03, 0.3, 1.5], 600, p=[0.3, 0.4, 0.2, 0.1]))
        sides.append(Words(tuple(f"w{i}" for i in range(600)), start, start + length * rng.uniform(0.3, 0.9)))
    pieces = Cuts(*sides, n_frames).pieces(room)
    assert pieces is not None
    assert [p[0] for p in pieces] == [0, *[p[1] for p in pieces[:-1]]]
    assert pieces[-1][1] == n_frames
    assert all(0 < last - first <= room for first, last in pieces)
    assert all(last - first >= MIN_FRAMES for first, last in pieces[:-1])
    assert not any(splits_a_word(last, *sides) for _, last in pieces[:-1])
    for side in sides:
        texts = [t for first, last in pieces for t in within(side, first, last).texts]
        assert texts == [t for t, s in zip(side.texts, side.start_s, strict=True) if s * 12.5 < n_frames]


@pytest.mark.parametrize("first", [0, 1, 7, 333, 1_999])
def test_a_word_stays_in_its_frame(first: int) -> None:
    frames = np.arange(first, first + 500)
    for start_s in (frames * 0.08, frames / 12.5, np.nextafter(frames / 12.5, 0) + 0.08):
        side = Words(("x",) * 500, start_s, start_s + 0.01)
        moved = within(side, first, first + 600)
        whole = [int(s * 12.5) for s in start_s]
        assert [int(s * 12.5) for s in moved.start_s] == [f - first for f in whole if f >= first]
        assert np.abs(moved.start_s + first / 12.5 - start_s[-len(moved) :]).max() < 1e-3
        assert (moved.end_s >= moved.start_s).all()


def long_dialog(n_frames: int = 2_300, **changed: object):
    agent, user = turns(n_frames)
    return made(n_frames, n_voice=125, words=agent, user_words=user, **changed)


def test_over_the_limit_is_cut_or_refused() -> None:
    dialog = long_dialog()
    cut = personaplex.sequence(dialog, Pieces())
    assert cut.is_cut
    assert cut.n_columns <= 2_048
    assert cut.n_columns > 2_048 - 2 * 75, "turns are 6 s, so at most one is lost to the place of the cut"
    assert (cut.first_frame, cut.n_frames) == (0, 2_300)
    assert cut.n_columns == cut.n_prefix + cut.last_frame
    assert not splits_a_word(cut.last_frame, dialog.words, dialog.user_words)
    assert cut.codes[1:9, cut.n_prefix :].tolist() == dialog.agent_codes[:, : cut.last_frame].tolist()
    n_prefix = cut.n_prefix
    expected = (
        rf"row 3: bank-000007 makes {n_prefix + 2_300} columns \({n_prefix} of prefix\), and personaplex takes 2048\."
    )
    with pytest.raises(DataError, match=expected):
        personaplex.sequence(dialog, Pieces(), over="error")
    with pytest.raises(UserError, match=r"over='truncate', and it is one of cut, error"):
        personaplex.sequence(dialog, Pieces(), over="truncate")
    assert not personaplex.sequence(made(), Pieces(), over="error").is_cut


def test_a_split_dialogue_loses_nothing() -> None:
    dialog = long_dialog(4_100)
    pieces = personaplex.sequences(dialog, Pieces())
    assert len(pieces) == 3
    assert [p.n_prefix for p in pieces] == [pieces[0].n_prefix] * 3
    n = pieces[0].n_prefix
    assert all((p.codes[:, :n] == pieces[0].codes[:, :n]).all() for p in pieces)
    assert np.concatenate([p.codes[1:9, n:] for p in pieces], axis=1).tolist() == dialog.agent_codes.tolist()
    assert np.concatenate([p.codes[9:, n:] for p in pieces], axis=1).tolist() == dialog.user_codes.tolist()
    assert sum(p.text.words for p in pieces) == len(dialog.words)
    assert sum(p.text.dropped for p in pieces) == 0
    whole = moshi.sequence(dialog, Pieces(), spec=replace(MOSHI, max_columns=100_000)).codes[0]
    assert np.concatenate([p.codes[0, n:] for p in pieces]).tolist() == whole.tolist(), (
        "the text row is the whole one's, in parts"
    )
    assert [p.is_cut for p in pieces] == [True] * 3
    only = personaplex.sequences(made(), Pieces())
    assert [p.codes.tolist() for p in only] == [personaplex.sequence(made(), Pieces()).codes.tolist()]


def test_a_prefix_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"prefix of bank-000007 takes 2\d\d\d of the 2048 .* leaves -?\d+ .* \(at least 125\)"
    ):
        personaplex.sequence(long_dialog(role_context="word " * 1_200), Pieces())
    with pytest.raises(DataError, match=r"the voice prompt \(2000 frames\)"):
        personaplex.sequence(made(60, n_voice=2_000), Pieces())
    short = personaplex.sequence(made(20, n_voice=1_950), Pieces())
    assert not short.is_cut, "a short dialogue that fits is no piece"
