"""One dialogue as it lies in a token shard: undelayed codes, timed words, prompts. numpy alone."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from datagen.records.rendered import Codes


@dataclass(frozen=True, slots=True)
class CodecFrames:
    """Whose tokens a build holds, and the codec's own SILENCE and SINE frames (n_books codes each)."""

    engine: str
    model: str
    revision: str
    n_books: int
    book_size: int
    silence: tuple[int, ...]
    sine: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """The heard words of one side by start: display texts, and float64 seconds [n_words] from the dialogue's start."""

    texts: tuple[str, ...]
    start_s: NDArray[np.float64] = field(repr=False)
    end_s: NDArray[np.float64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, slots=True)
class Dialog:
    """A row of a token shard. Codes are int16 [n_books, n_frames], 12.5 frames a second; `where` names file and row.

    `voice_prompt_codes` is about 10 s of the agent's voice, a text that no dialogue uses. `domain` and `kind` are the
    dialogs manifest's.
    """

    dialog_id: str
    split: str
    domain: str
    kind: str
    where: str
    agent_codes: Codes = field(repr=False)
    user_codes: Codes = field(repr=False)
    voice_prompt_codes: Codes = field(repr=False)
    user_voice_prompt_codes: Codes = field(repr=False)
    role_context: str
    user_role_context: str
    words: Words = field(repr=False)
    user_words: Words = field(repr=False)
    codec: CodecFrames = field(repr=False)
    is_swapped: bool = False

    @property
    def n_frames(self) -> int:
        return int(self.agent_codes.shape[1])

    def swapped(self) -> "Dialog":
        """The dialogue with the user's side as the one to learn. Its role prompt is the user's, "" where none was written."""
        return replace(
            self,
            agent_codes=self.user_codes,
            user_codes=self.agent_codes,
            voice_prompt_codes=self.user_voice_prompt_codes,
            user_voice_prompt_codes=self.voice_prompt_codes,
            role_context=self.user_role_context,
            user_role_context=self.role_context,
            words=self.user_words,
            user_words=self.words,
            is_swapped=not self.is_swapped,
        )
