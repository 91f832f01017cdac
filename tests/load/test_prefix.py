"""The prompt before the dialogue, column by column, and every row that cannot have one."""

from dataclasses import replace

import numpy as np
import pytest
from made_dialogs import MIMI, ROLE, SILENCE, SINE, Ids, Pieces, codes, made

from datagen.errors import DataError
from datagen.load.prefix import prefix, wrap
from datagen.load.spec import PERSONAPLEX


@pytest.mark.parametrize(
    ("role_context", "fed"),
    [
        ("You enjoy having a good conversation.", "<system> You enjoy having a good conversation. <system>"),
        ("  You are Ines. \n", "<system> You are Ines. <system>"),
        ("<system> You are Ines. <system>", "<system> You are Ines. <system>"),
        (" <system>You are Ines.<system>\n", "<system>You are Ines.<system>"),
        ("You end in <system>", "<system> You end in <system> <system>"),
        ("<system> You begin with it", "<system> <system> You begin with it <system>"),
    ],
)
def test_wrapped_once(role_context: str, fed: str) -> None:
    assert wrap(role_context) == fed


def test_voice_spacer_text_spacer() -> None:
    dialog = made(n_voice=20)
    columns = prefix(dialog, Pieces(), PERSONAPLEX)
    tokens = Pieces().encode(f"<system> {ROLE} <system>")
    assert columns.dtype == np.int64
    assert columns.shape == (17, 19 + 6 + len(tokens) + 6)
    assert columns[0].tolist() == [3] * 25 + tokens + [3] * 6
    assert columns[1:9, :19].tolist() == dialog.voice_prompt_codes[:, 1:].tolist()
    assert (columns[1:9, 19:] == np.array(SILENCE)[:, None]).all()
    assert (columns[9:] == np.array(SINE)[:, None]).all()


def test_the_first_books_of_a_deeper_codec() -> None:
    deep = replace(MIMI, n_books=12, silence=(*SILENCE, 1, 2, 3, 4), sine=(*SINE, 5, 6, 7, 8))
    dialog = made(codec=deep, voice_prompt_codes=np.concatenate([made().voice_prompt_codes, codes(20, 8)[:4]]))
    assert prefix(dialog, Pieces(), PERSONAPLEX).tolist() == prefix(made(), Pieces(), PERSONAPLEX).tolist()


WHERE = r"^tokens/train-00000\.parquet row 3: "


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"role_context": " \n"}, "bank-000007 has an empty role context. personaplex needs a text prompt"),
        ({"role_context": "<system> <system>"}, "bank-000007 has an empty role context"),
        ({"role_context": "<system>"}, "bank-000007 has an empty role context"),
        ({"voice_prompt_codes": codes(0, 1)}, r"bank-000007 has no voice prompt \(0 frames, at least 2"),
        ({"voice_prompt_codes": codes(1, 1)}, r"bank-000007 has no voice prompt \(1 frames, at least 2"),
        ({"voice_prompt_codes": codes(9, 1)[:4]}, "the voice prompt of bank-000007 has 4 books, and personaplex takes 8"),
        ({"voice_prompt_codes": codes(9, 1) - 2_048}, "the voice prompt of bank-000007 has codes from -20.. to -"),
        ({"codec": replace(MIMI, silence=())}, "frame of silence has 0 codes in build.json, and the tokens have 8 books"),
        ({"codec": replace(MIMI, sine=SINE[:7])}, "frame of sine has 7 codes in build.json, and the tokens have 8 books"),
        ({"codec": replace(MIMI, n_books=12)}, "frame of silence has 8 codes in build.json, and the tokens have 12 books"),
        ({"codec": replace(MIMI, n_books=7, sine=SINE[:7], silence=SILENCE[:7])}, "7 books, of which personaplex takes 8"),
        ({"codec": replace(MIMI, sine=(2_048, *SINE[1:]))}, "frame of sine in build.json has codes from 56 to 2048"),
        ({"codec": replace(MIMI, silence=(-1, *SILENCE[1:]))}, "frame of silence in build.json has codes from -1 to 2008"),
    ],
)  # fmt: skip
def test_a_row_without_a_prompt_is_named(changed: dict, says: str) -> None:
    with pytest.raises(DataError, match=WHERE + ".*" + says) as raised:
        prefix(made(**changed), Pieces(), PERSONAPLEX)
    assert "\n" not in str(raised.value)


def test_swapped_roles_need_a_role_of_the_user() -> None:
    whole = made()
    assert prefix(whole.swapped(), Pieces(), PERSONAPLEX)[1:9, :22].tolist() == (
        whole.user_voice_prompt_codes[:, 1:].tolist()
    )
    with pytest.raises(DataError, match=WHERE + ".*no user_role_context was written, so its roles cannot be swapped"):
        prefix(made(user_role_context="").swapped(), Pieces(), PERSONAPLEX)
    with pytest.raises(DataError, match=WHERE + ".*has no user's voice prompt"):
        prefix(made(user_voice_prompt_codes=codes(0, 1)).swapped(), Pieces(), PERSONAPLEX)


@pytest.mark.parametrize(
    ("ids", "says"),
    [((), "no token"), ((5, 32_000), "ids from 5 to 32000"), ((-1, 7), "ids from -1 to 7")],
)
def test_a_token_that_the_model_has_not_is_refused(ids: tuple[int, ...], says: str) -> None:
    with pytest.raises(DataError, match=WHERE + f".*{says} of the role context of bank-000007, .* takes 0 to 31999"):
        prefix(made(), Ids(*ids), PERSONAPLEX)
