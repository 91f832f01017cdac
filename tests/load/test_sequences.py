"""What a training step takes of one dialogue: rows, weights, delays, and the rows of a shard that make no tensor."""

from dataclasses import replace

import numpy as np
import pytest
from made_dialogs import MIMI, Ids, Pieces, codes, made, words

from datagen.errors import DataError, UserError
from datagen.load import delays, moshi, personaplex
from datagen.load.spec import MOSHI, PERSONAPLEX


def test_the_dialogue_follows_the_prefix() -> None:
    dialog = made(60)
    made_sequence = personaplex.sequence(dialog, Pieces())
    n = made_sequence.n_prefix
    assert made_sequence.codes.dtype == np.int64
    assert made_sequence.codes.shape == (17, n + 60)
    assert made_sequence.codes[1:9, n:].tolist() == dialog.agent_codes.tolist()
    assert made_sequence.codes[9:, n:].tolist() == dialog.user_codes.tolist()
    assert (made_sequence.first_frame, made_sequence.last_frame, made_sequence.n_frames) == (0, 60, 60)
    bare = moshi.sequence(dialog, Pieces())
    assert bare.n_prefix == 0
    assert bare.codes.tolist() == made_sequence.codes[:, n:].tolist()
    assert bare.text == made_sequence.text
    assert bare.text.words == len(dialog.words) > 0


def test_weights_by_row_and_column() -> None:
    made_sequence = personaplex.sequence(made(), Pieces())
    n, text = made_sequence.n_prefix, made_sequence.codes[0]
    weights = made_sequence.weights
    assert weights.dtype == np.float32
    assert weights.shape == made_sequence.codes.shape
    assert not weights[:, :n].any()
    assert set(zip(text[n:] == 3, weights[0, n:].tolist(), strict=True)) == {(True, np.float32(0.3)), (False, 1.0)}
    assert (text[n:] == 0).any(), "EPAD is there, with its full weight"
    assert (weights[[1, 9], n:] == 1).all()
    assert (weights[[*range(2, 9), *range(10, 17)], n:] == np.float32(0.02)).all()


def test_the_users_rows_bear_a_loss_as_the_model_says_or_as_asked() -> None:
    dialog = made()
    for made_sequence, learned in (
        (personaplex.sequence(dialog, Pieces()), True),
        (personaplex.sequence(dialog, Pieces(), learn_user=False), False),
        (moshi.sequence(dialog, Pieces()), False),
        (moshi.sequence(dialog, Pieces(), learn_user=True), True),
    ):
        after = made_sequence.weights[:, made_sequence.n_prefix :]
        assert after[:9].all()
        assert after[9:].all() == after[9:].any() == learned


def test_moshi_finetunes_weights_by_the_spec() -> None:
    spec = replace(MOSHI, non_semantic_weight=0.01, pad_weight=0.5, epad_weight=0.5)
    made_sequence = moshi.sequence(made(), Pieces(), spec=spec)
    padded = np.isin(made_sequence.codes[0], (0, 3))
    assert made_sequence.weights[0].tolist() == np.where(padded, 0.5, 1.0).tolist()
    assert (made_sequence.weights[2:9] == np.float32(0.01)).all()


def test_swapped_roles() -> None:
    dialog = made()
    swapped = personaplex.sequence(dialog.swapped(), Pieces())
    n = swapped.n_prefix
    assert swapped.codes[1:9, n:].tolist() == dialog.user_codes.tolist()
    assert swapped.codes[9:, n:].tolist() == dialog.agent_codes.tolist()
    assert swapped.text.words == len(dialog.user_words)
    assert personaplex.sequence(dialog.swapped().swapped(), Pieces()).codes.tolist() == (
        personaplex.sequence(dialog, Pieces()).codes.tolist()
    )


def test_delays_as_the_model_shifts() -> None:
    spec = replace(PERSONAPLEX, n_books=2)
    rows = np.arange(5 * 3).reshape(5, 3)
    delayed = delays.apply(rows, spec)
    assert delayed.tolist() == [
        [32_000, 0, 1, 2],
        [2_048, 3, 4, 5],
        [2_048, 2_048, 6, 7],
        [2_048, 9, 10, 11],
        [2_048, 2_048, 12, 13],
    ]
    assert delays.undelay(delayed, spec).tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, -1], [9, 10, 11], [12, 13, -1]]
    weights = delays.apply_weights(np.ones((5, 3), np.float32), spec)
    assert weights.dtype == np.float32
    assert weights.tolist() == [[0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1]]
    batch = np.stack([rows, rows + 1])
    assert delays.apply(batch, spec).tolist() == [delays.apply(one, spec).tolist() for one in batch]
    assert delays.undelay(delays.apply(batch, spec), spec)[1].tolist() == [
        [1, 2, 3], [4, 5, 6], [7, 8, -1], [10, 11, 12], [13, 14, -1],
    ]  # fmt: skip
    assert delays.apply(rows[:, :0], spec).tolist() == [[32_000], *[[2_048]] * 4]
    assert delays.undelay(delays.apply(rows[:, :0], spec), spec).shape == (5, 0)
    with pytest.raises(UserError, match=r"shape \[5, 3\], and personaplex has \[\.\.\., 17 rows, n_columns\]"):
        delays.apply(rows, PERSONAPLEX)


WHERE = r"^tokens/train-00000\.parquet row 3: "
RIGHT = made()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (
            {"codec": replace(MIMI, engine="melrvq", model="melrvq-1")},
            r"bank-000007 are melrvq's \(melrvq-1\), and personaplex takes mimi's.*replace\(spec, codec=\"melrvq\"\)",
        ),
        ({"agent_codes": RIGHT.agent_codes[:7]}, "the agent's channel of bank-000007 has 7 books, and personaplex takes 8"),
        ({"user_codes": RIGHT.user_codes[:7]}, "the user's channel of bank-000007 has 7 books, and personaplex takes 8"),
        ({"agent_codes": RIGHT.agent_codes[:, :-1]}, "has 59 frames of the agent and 60 of the user"),
        ({"agent_codes": np.full((8, 60), 2_048)}, "the agent's channel of bank-000007 has codes from 2048 to 2048"),
        ({"user_codes": np.full((8, 60), -1)}, "the user's channel of bank-000007 has codes from -1 to -1"),
        ({"user_codes": np.zeros((8, 60))}, r"the user's channel of bank-000007 is float64 \[8, 60\]"),
        ({"user_codes": codes(0, 1), "agent_codes": codes(0, 1)}, r"the agent's channel of bank-000007 is int16 \[8, 0\]"),
        ({"agent_codes": np.zeros(60, np.int16)}, r"the agent's channel of bank-000007 is int16 \[60\]"),
        ({"role_context": ""}, "has an empty role context"),
        ({"voice_prompt_codes": codes(1, 1)}, "has no voice prompt"),
    ],
)  # fmt: skip
def test_a_row_that_makes_no_tensor_is_named(changed: dict, says: str) -> None:
    dialog = replace(RIGHT, **changed)
    for make in (personaplex.sequence, personaplex.sequences):
        with pytest.raises(DataError, match=WHERE + ".*" + says) as raised:
            make(dialog, Pieces())
        assert "\n" not in str(raised.value)


def test_moshi_needs_no_prompt() -> None:
    dialog = replace(
        RIGHT, role_context="", voice_prompt_codes=codes(0, 1), codec=replace(MIMI, silence=(), sine=()),
    )  # fmt: skip
    assert moshi.sequence(dialog, Pieces()).codes.tolist() == moshi.sequence(RIGHT, Pieces()).codes.tolist()


def test_any_codec_where_the_spec_names_none() -> None:
    other = replace(RIGHT, codec=replace(MIMI, engine="melrvq"))
    for codec in ("", "melrvq"):
        made_sequence = personaplex.sequence(other, Pieces(), spec=replace(PERSONAPLEX, codec=codec))
        assert made_sequence.codes.tolist() == personaplex.sequence(RIGHT, Pieces()).codes.tolist()


def test_more_books_than_the_model_takes() -> None:
    deep = replace(
        RIGHT,
        agent_codes=np.concatenate([RIGHT.agent_codes, codes(60, 7)]),
        user_codes=np.concatenate([RIGHT.user_codes, codes(60, 8)]),
    )
    assert moshi.sequence(deep, Pieces()).codes.tolist() == moshi.sequence(RIGHT, Pieces()).codes.tolist()


@pytest.mark.parametrize("sequence_of", [moshi.sequence, personaplex.sequence])
def test_a_tokenizer_of_another_model(sequence_of) -> None:
    small = Pieces()
    small.vocabulary_size = 4_096
    with pytest.raises(UserError, match="4096 pieces, and .* has 32000"):
        sequence_of(RIGHT, small)
    with pytest.raises(DataError, match=r"row 3: .*32000"):
        sequence_of(RIGHT, Ids(32_000))
    with pytest.raises(UserError, match=r"policy='late', and it is one of shift, drop"):
        sequence_of(RIGHT, Pieces(), policy="late")


def test_the_policy_reaches_the_text_row() -> None:
    fast = replace(RIGHT, words=words(("unbelievably", 0.5, 0.6), ("slow", 0.6, 1.0)))
    assert (moshi.sequence(fast, Pieces()).text.shifted, moshi.sequence(fast, Pieces()).text.dropped) == (2, 0)
    dropped = moshi.sequence(fast, Pieces(), policy="drop")
    assert (dropped.text.shifted, dropped.text.dropped) == (0, 4)
    assert personaplex.sequence(fast, Pieces(), policy="drop").text == dropped.text


def test_each_model_by_its_own_module() -> None:
    with pytest.raises(UserError, match=r"moshi has no prefix\. Use datagen\.load\.moshi"):
        personaplex.sequence(RIGHT, Pieces(), spec=MOSHI)
    with pytest.raises(UserError, match=r"personaplex has a prefix\. Use datagen\.load\.personaplex"):
        moshi.sequences(RIGHT, Pieces(), spec=PERSONAPLEX)


def test_the_dialogue_is_left_as_it_was() -> None:
    before = RIGHT.agent_codes.copy()
    personaplex.sequence(RIGHT, Pieces()).codes[:] = -5
    assert (RIGHT.agent_codes == before).all()
