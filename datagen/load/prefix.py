"""The hybrid system prompt: voice, spacer, role context, spacer, as the released PersonaPlex feeds it before a dialogue.

Read in its code (NVIDIA/personaplex, moshi/models/lm.py `step_system_prompts`, moshi/offline.py): the text row is PAD but for
the prompt's tokens, the agent's rows are silent but for the voice, the user's rows hold the sine throughout. The voice's first
frame never reaches the model, since its first step overwrites every row with the initial tokens, and the step after it those
of the delayed rows; so the prefix begins with the second.
"""

import numpy as np

from datagen.errors import DataError
from datagen.load.dialog import CodecFrames, Dialog
from datagen.load.sequence import Columns
from datagen.load.spec import ModelSpec
from datagen.load.streams import check_matrix
from datagen.load.tokenizers import Tokenizer
from datagen.records.rendered import Codes

TAG = "<system>"
"""What opens and what closes the text prompt; the closing one has no slash."""
_LEAST_VOICE_FRAMES = 2


def wrap(role_context: str) -> str:
    """The text prompt as the model is given it: stripped, a tag on either side; left as it is where it begins and ends with one.

    The same as `wrap_with_system_tags` of the released inference code.
    """
    text = role_context.strip()
    if text.startswith(TAG) and text.endswith(TAG):
        return text
    return f"{TAG} {text} {TAG}"


def prefix(dialog: Dialog, tokenizer: Tokenizer, spec: ModelSpec) -> Columns:
    """The columns before the dialogue, int64 [n_rows, V - 1 + spacer + L + spacer]: V frames of voice, L tokens of text.

    DataError without a role context, a voice prompt of two frames, or the codec's own silence and sine; where a code or a
    token is out of range.
    """
    voice = _voice(dialog, spec)
    tokens = _prompt_tokens(dialog, tokenizer, spec)
    silence, sine = _still_frames(dialog.codec, dialog.where, spec)
    n_voice, n_text = voice.shape[1] - 1, len(tokens)
    text_at = n_voice + spec.spacer_frames
    user_row = 1 + spec.n_books
    columns = np.empty((spec.n_rows, text_at + n_text + spec.spacer_frames), np.int64)
    columns[0] = spec.text_pad
    columns[0, text_at : text_at + n_text] = tokens
    columns[1:user_row, :n_voice] = voice[:, 1:]
    columns[1:user_row, n_voice:] = silence
    columns[user_row:] = sine
    return columns


def _voice(dialog: Dialog, spec: ModelSpec) -> Codes:
    name = "user's voice prompt" if dialog.is_swapped else "voice prompt"
    codes = dialog.voice_prompt_codes
    if codes.ndim != 2 or codes.shape[1] < _LEAST_VOICE_FRAMES:
        n_frames = codes.shape[1] if codes.ndim == 2 else 0
        raise DataError(
            f"{dialog.where}: {dialog.dialog_id} has no {name} ({n_frames} frames, at least {_LEAST_VOICE_FRAMES} "
            f"are needed: the first is lost). A model without one: datagen.load.moshi."
        )
    return check_matrix(codes, name, dialog, spec)


def _prompt_tokens(dialog: Dialog, tokenizer: Tokenizer, spec: ModelSpec) -> Columns:
    text = wrap(dialog.role_context)
    if not text.replace(TAG, "").strip():
        missing = "no user_role_context was written, so its roles cannot be swapped" if dialog.is_swapped else ""
        raise DataError(
            f"{dialog.where}: {dialog.dialog_id} has an empty role context{': ' * bool(missing)}{missing}. "
            f"{spec.name} needs a text prompt; datagen.load.moshi makes sequences without one."
        )
    tokens = np.asarray(tokenizer.encode(text), np.int64)
    if not len(tokens) or tokens.min() < 0 or tokens.max() >= spec.text_vocabulary:
        span = f"ids from {tokens.min()} to {tokens.max()}" if len(tokens) else "no token"
        raise DataError(
            f"{dialog.where}: the tokenizer makes {span} of the role context of {dialog.dialog_id}, and {spec.name} "
            f"takes 0 to {spec.text_vocabulary - 1}. Use the model's own tokenizer."
        )
    return tokens


def _still_frames(codec: CodecFrames, where: str, spec: ModelSpec) -> tuple[Columns, Columns]:
    """The codec's frame of silence and of the sine, each int64 [n_books, 1]."""
    return _still(codec, "silence", where, spec), _still(codec, "sine", where, spec)


def _still(codec: CodecFrames, name: str, where: str, spec: ModelSpec) -> Columns:
    frame: tuple[int, ...] = getattr(codec, name)
    if len(frame) != codec.n_books or len(frame) < spec.n_books:
        raise DataError(
            f"{where}: the codec's frame of {name} has {len(frame)} codes in build.json, and the tokens have {codec.n_books} "
            f"books, of which {spec.name} takes {spec.n_books}. Build again with this version of datagen."
        )
    codes = np.array(frame[: spec.n_books], np.int64)[:, None]
    if codes.min() < 0 or codes.max() >= spec.book_size:
        raise DataError(
            f"{where}: the codec's frame of {name} in build.json has codes from {codes.min()} to {codes.max()}, "
            f"and {spec.name} takes 0 to {spec.book_size - 1}."
        )
    return codes
