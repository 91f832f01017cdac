"""The two sides' codes as a model may take them: every check that stands between a token shard and a tensor."""

from datagen.errors import DataError
from datagen.load.dialog import Dialog
from datagen.load.spec import ModelSpec
from datagen.records.rendered import Codes


def check_codec(dialog: Dialog, spec: ModelSpec) -> None:
    """Returns where the dialogue's tokens are of the codec that the model understands; DataError where they are not."""
    if spec.codec and dialog.codec.engine != spec.codec:
        raise DataError(
            f"{dialog.where}: the tokens of {dialog.dialog_id} are {dialog.codec.engine}'s ({dialog.codec.model}), and "
            f"{spec.name} takes {spec.codec}'s. Build with codec.engine={spec.codec}; to try these anyway: "
            f'dataclasses.replace(spec, codec="{dialog.codec.engine}").'
        )


def sides(dialog: Dialog, spec: ModelSpec) -> tuple[Codes, Codes]:
    """The first `n_books` of the agent's and of the user's codes, each [n_books, n_frames], checked.

    DataError where a side has too few books, a code out of range or no frame, or the sides differ in length.
    """
    agent = check_matrix(dialog.agent_codes, "agent's channel", dialog, spec)
    user = check_matrix(dialog.user_codes, "user's channel", dialog, spec)
    if agent.shape[1] != user.shape[1]:
        raise DataError(
            f"{dialog.where}: {dialog.dialog_id} has {agent.shape[1]} frames of the agent and {user.shape[1]} of the user. "
            f"Build it again."
        )
    return agent, user


def check_matrix(codes: Codes, name: str, dialog: Dialog, spec: ModelSpec) -> Codes:
    """The first `n_books` books of `codes`; DataError where there are fewer, where there is no frame, or a code is out of range."""
    who = f"{dialog.where}: the {name} of {dialog.dialog_id}"
    if codes.ndim != 2 or codes.dtype.kind not in "iu" or not codes.shape[1]:
        raise DataError(f"{who} is {codes.dtype} {list(codes.shape)}, and has to be whole numbers [n_books, n_frames].")
    if codes.shape[0] < spec.n_books:
        raise DataError(
            f"{who} has {codes.shape[0]} books, and {spec.name} takes {spec.n_books}. Build with codec.books={spec.n_books}."
        )
    taken = codes[: spec.n_books]
    low, high = int(taken.min()), int(taken.max())
    if low < 0 or high >= spec.book_size:
        raise DataError(
            f"{who} has codes from {low} to {high}, and {spec.name} takes 0 to {spec.book_size - 1}. "
            f"datagen check OUT says what else is wrong."
        )
    return taken
