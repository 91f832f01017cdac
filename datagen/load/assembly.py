"""How one dialogue becomes sequences: checked, cut to the model's columns, laid into rows, weighed."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

import numpy as np

from datagen.errors import DataError, UserError
from datagen.load.cutting import MIN_FRAMES, Cuts, within
from datagen.load.dialog import Dialog
from datagen.load.prefix import prefix
from datagen.load.sequence import Columns, Sequence
from datagen.load.spec import ModelSpec
from datagen.load.streams import check_codec, sides
from datagen.load.text_row import Policy, text_row
from datagen.load.tokenizers import Tokenizer, check_vocabulary
from datagen.load.weighing import weigh
from datagen.records.rendered import Codes

Over: TypeAlias = Literal["cut", "error"]
OVER: tuple[Over, ...] = ("cut", "error")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Assembly:
    """One dialogue that passed every check, with its prefix (no column where the model has none)."""

    dialog: Dialog
    tokenizer: Tokenizer
    spec: ModelSpec
    policy: Policy
    learn_user: bool
    agent: Codes
    user: Codes
    prefix: Columns

    @property
    def n_frames(self) -> int:
        return int(self.agent.shape[1])

    @property
    def room(self) -> int:
        """Frames of dialogue that go into one sequence."""
        return self.spec.max_columns - int(self.prefix.shape[1])

    def one(self, over: Over) -> Sequence:
        """The sequence of the dialogue's beginning; of all of it where it fits, or DataError where `over` is "error"."""
        if over not in OVER:
            raise UserError(f"over={over!r}, and it is one of {', '.join(OVER)}.")
        if self.n_frames <= self.room:
            return self._piece(0, self.n_frames)
        if over == "error":
            n_prefix = self.prefix.shape[1]
            raise DataError(
                f"{self.dialog.where}: {self.dialog.dialog_id} makes {n_prefix + self.n_frames} columns ({n_prefix} of prefix), "
                f'and {self.spec.name} takes {self.spec.max_columns}. over="cut" cuts it where the floor changes; '
                f"sequences() makes several of it."
            )
        return self._piece(0, self._found(self._cuts().after(0, self.room)))

    def all(self) -> list[Sequence]:
        """The whole dialogue in as many sequences as it takes, each with the prefix."""
        if self.n_frames <= self.room:
            return [self._piece(0, self.n_frames)]
        return [self._piece(first, last) for first, last in self._found(self._cuts().pieces(self.room))]

    def _cuts(self) -> Cuts:
        return Cuts(self.dialog.words, self.dialog.user_words, self.n_frames, self.dialog.where)

    def _found(self, place: Found | None) -> Found:
        if place is not None:
            return place
        raise DataError(
            f"{self.dialog.where}: {self.dialog.dialog_id} has {self.n_frames} frames, {self.room} fit beside its prefix, and "
            f"in every frame where it could be cut somebody is inside a word. Its word times are not what they must be."
        )

    def _piece(self, first: int, last: int) -> Sequence:
        whole = last - first == self.n_frames
        words = self.dialog.words if whole else within(self.dialog.words, first, last)
        text, counts = text_row(words, last - first, self.tokenizer, self.spec, self.policy, self.dialog.where)
        n_prefix, user_row = self.prefix.shape[1], 1 + self.spec.n_books
        codes = np.empty((self.spec.n_rows, n_prefix + last - first), np.int64)
        codes[:, :n_prefix] = self.prefix
        codes[0, n_prefix:] = text
        codes[1:user_row, n_prefix:] = self.agent[:, first:last]
        codes[user_row:, n_prefix:] = self.user[:, first:last]
        weights = weigh(codes, n_prefix, self.spec, self.learn_user)
        frames = (first, last, self.n_frames)
        return Sequence(self.dialog.dialog_id, codes, weights, n_prefix, counts, *frames, self.dialog.is_swapped)


def assemble(
    dialog: Dialog, tokenizer: Tokenizer, spec: ModelSpec, policy: Policy, learn_user: bool | None
) -> Assembly:
    """The dialogue checked and with its prefix; DataError, in one line with file and row, where the model cannot take it.

    `learn_user` None leaves it to the model: `spec.predicts_user`.
    """
    check_codec(dialog, spec)
    if getattr(tokenizer, "vocabulary_size", None) != spec.text_vocabulary:
        check_vocabulary(tokenizer, spec)  # says which and why
    agent, user = sides(dialog, spec)
    columns = prefix(dialog, tokenizer, spec) if spec.has_prefix else np.empty((spec.n_rows, 0), np.int64)
    learns = spec.predicts_user if learn_user is None else learn_user
    assembly = Assembly(dialog, tokenizer, spec, policy, learns, agent, user, columns)
    least = min(MIN_FRAMES, assembly.n_frames)
    if assembly.room < least:
        raise DataError(
            f"{dialog.where}: the prefix of {dialog.dialog_id} takes {columns.shape[1]} of the {spec.max_columns} columns of "
            f"{spec.name} and leaves {assembly.room} for the dialogue (at least {least}). Shorten the role context "
            f"({len(dialog.role_context)} characters) or the voice prompt ({dialog.voice_prompt_codes.shape[1]} frames)."
        )
    return assembly
