"""A training sequence is what the released inference loop feeds its model: 17 of 17 rows, column for column."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from inference_replay import Loop, forced, free
from made_dialogs import MIMI, Pieces, codes, made

from datagen.load import delays, personaplex
from datagen.load.builds import open_build
from datagen.load.dialog import Dialog
from datagen.load.reading import ShardReader
from datagen.load.spec import PERSONAPLEX, ModelSpec


def replayed(dialog: Dialog, text: list[int], how=forced) -> Loop:
    tokens = Pieces().encode(f"<system> {dialog.role_context.strip()} <system>")
    return how(dialog.voice_prompt_codes, tokens, dialog.agent_codes, dialog.user_codes, text)


def rows_off(sequence_codes: np.ndarray, spec: ModelSpec, loop: Loop) -> list[int]:
    """The rows in which what the model is fed or held to differs, all 17 of them where the columns are not as many."""
    delayed = delays.apply(sequence_codes, spec)
    fed, wanted = np.array(loop.fed).T, np.array(loop.wanted).T
    if delayed.shape[1] != fed.shape[1] + 1:
        return list(range(17))
    off = (delayed[:, :-1] != fed).any(1) | (delayed[:, 1:] != wanted).any(1)
    return [int(r) for r in np.flatnonzero(off)]


@pytest.mark.parametrize("how", [forced, free])
@pytest.mark.parametrize(("n_frames", "n_voice", "seed"), [(60, 20, 0), (1, 2, 1), (2, 3, 2), (400, 126, 3)], ids=str)
def test_fed_the_same_17_of_17(n_frames: int, n_voice: int, seed: int, how) -> None:
    dialog = made(n_frames, n_voice, seed)
    made_sequence = personaplex.sequence(dialog, Pieces())
    text = made_sequence.codes[0, made_sequence.n_prefix :].tolist()
    loop = replayed(dialog, text, how)
    assert rows_off(made_sequence.codes, PERSONAPLEX, loop) == []
    assert len(loop.fed) == made_sequence.n_columns


@pytest.mark.parametrize("swapped", [False, True])
def test_a_build_from_disk_is_fed_the_same(built: Path, swapped: bool) -> None:
    build = open_build(built)
    n_dialogs = 0
    for dialog in (
        d
        for split in ("train", "valid", "test")
        for shard in build.shards(split)
        for d in ShardReader(build).dialogs(shard)
    ):
        if swapped and not dialog.user_role_context:
            continue
        # The replay knows Mimi's silence and sine; the codes are the build's.
        taken = replace(dialog.swapped() if swapped else dialog, codec=MIMI)
        made_sequence = personaplex.sequence(taken, Pieces())
        loop = replayed(taken, made_sequence.codes[0, made_sequence.n_prefix :].tolist(), free)
        assert rows_off(made_sequence.codes, PERSONAPLEX, loop) == [], dialog.where
        n_dialogs += 1
    assert n_dialogs >= (2 if swapped else 7)


def test_the_dialogue_begins_where_its_first_frame_is_the_target() -> None:
    dialog = made()
    made_sequence = personaplex.sequence(dialog, Pieces())
    loop = replayed(dialog, made_sequence.codes[0, made_sequence.n_prefix :].tolist())
    first = np.array(loop.wanted)[made_sequence.n_prefix]
    assert first[1] == dialog.agent_codes[0, 0]
    assert first[9] == dialog.user_codes[0, 0]
    assert first[2:9].tolist() == list(MIMI.silence[1:]), "the acoustic books are a column behind"
    weights = delays.apply_weights(made_sequence.weights, PERSONAPLEX)[:, 1:]
    learned = np.flatnonzero(weights[:, made_sequence.n_prefix] > 0).tolist()
    assert learned == [0, 1, 9], "the prompt's own acoustic codes bear no loss"
    assert (weights[:, made_sequence.n_prefix + 1] > 0).all()


def _keeps_first_voice_frame(dialog: Dialog) -> np.ndarray:
    moved = np.concatenate([codes(1, 9), dialog.voice_prompt_codes[:, :-1]], axis=1)
    return personaplex.sequence(replace(dialog, voice_prompt_codes=moved), Pieces()).codes


def _spec(**changed: int) -> ModelSpec:
    return replace(PERSONAPLEX, **changed)


def _sine_for_silence(dialog: Dialog) -> np.ndarray:
    swapped = replace(MIMI, silence=MIMI.sine, sine=MIMI.silence)
    return personaplex.sequence(replace(dialog, codec=swapped), Pieces()).codes


def _sides_swapped(dialog: Dialog) -> np.ndarray:
    swapped = replace(dialog, agent_codes=dialog.user_codes, user_codes=dialog.agent_codes)
    return personaplex.sequence(swapped, Pieces()).codes


def _other_tags(dialog: Dialog) -> np.ndarray:
    text = f"<system> {dialog.role_context}  <system>"
    return personaplex.sequence(replace(dialog, role_context=text), Pieces()).codes


AUDIO_OF_BOTH = [*range(1, 17)]
ACOUSTIC = [*range(2, 9), *range(10, 17)]


@pytest.mark.parametrize(
    ("wrong", "spec", "rows"),
    [
        (_keeps_first_voice_frame, PERSONAPLEX, [*range(1, 9)]),
        (lambda d: personaplex.sequence(d, Pieces(), spec=_spec(spacer_frames=5)).codes, PERSONAPLEX, [*range(17)]),
        (lambda d: personaplex.sequence(d, Pieces()).codes, _spec(acoustic_delay=0), ACOUSTIC),
        (lambda d: personaplex.sequence(d, Pieces()).codes, _spec(acoustic_delay=2), ACOUSTIC),
        (_sine_for_silence, PERSONAPLEX, AUDIO_OF_BOTH),
        (_sides_swapped, PERSONAPLEX, AUDIO_OF_BOTH),
        (_other_tags, PERSONAPLEX, [0]),
        (lambda d: personaplex.sequence(d, Pieces()).codes[:, 1:], PERSONAPLEX, [*range(17)]),
        (lambda d: personaplex.sequence(d, Pieces(), spec=_spec(text_pad=0)).codes, PERSONAPLEX, [0]),
        (lambda d: personaplex.sequence(d, Pieces()).codes, _spec(text_initial=3), [0]),
        (lambda d: personaplex.sequence(d, Pieces()).codes, _spec(audio_initial=0), AUDIO_OF_BOTH),
    ],
    ids=[
        "first voice frame kept", "a spacer of 5", "no delays", "delays of 2", "sine and silence swapped", "sides swapped",
        "two spaces before the tag", "a column less", "another PAD", "another initial text", "another initial code",
    ],
)  # fmt: skip
def test_a_wrong_sequence_is_found_out(wrong, spec: ModelSpec, rows: list[int]) -> None:
    dialog = made()
    right = personaplex.sequence(dialog, Pieces())
    loop = replayed(dialog, right.codes[0, right.n_prefix :].tolist())
    assert rows_off(right.codes, PERSONAPLEX, loop) == []
    assert rows_off(wrong(dialog), spec, loop) == rows
