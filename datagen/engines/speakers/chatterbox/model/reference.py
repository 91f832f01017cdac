"""What the flow takes from a voice's clip: prompt tokens with their mel frames at exactly 1 to 2, and the speaker's embedding."""

from dataclasses import dataclass
from typing import Any

import torch

from datagen.engines.speakers.chatterbox.model.rows import TOKENS_PER_S, ModelError

#: As in stock: at most 10 s of a clip lead the flow. Every prompt frame costs as much as a frame of speech.
LONGEST_PROMPT_S = 10.0
FRAMES_A_TOKEN = 2


@dataclass(frozen=True, slots=True)
class Reference:
    """A voice as the flow needs it: `tokens` [n], `mel` [2n, 80], `embedding` [192]."""

    tokens: torch.Tensor
    mel: torch.Tensor
    embedding: torch.Tensor

    @classmethod
    def of(cls, ref: dict[str, Any], longest_s: float = LONGEST_PROMPT_S) -> "Reference":
        """`ref` as S3Gen.embed_ref gives it, cut to whole tokens with two frames each and to `longest_s`.

        Stock leaves an odd frame in, or frames without tokens, and the speech then starts that much too early in the prompt.
        Raises ModelError where a part lacks, or nothing is left.
        """
        lacking = {"prompt_token", "prompt_feat", "embedding"} - set(ref)
        if lacking:
            raise ModelError(
                f"the voice's conditioning lacks {', '.join(sorted(lacking))}; S3Gen.embed_ref gives them all"
            )
        tokens = torch.as_tensor(ref["prompt_token"]).reshape(-1).long()
        mel = torch.as_tensor(ref["prompt_feat"]).float()
        mel = mel.reshape(-1, mel.shape[-1])
        kept = min(len(tokens), len(mel) // FRAMES_A_TOKEN, int(longest_s * TOKENS_PER_S))
        stated = ref.get("prompt_token_len")
        if stated is not None:  # tokens behind the stated length are padding
            kept = min(kept, int(torch.as_tensor(stated).reshape(-1)[0]))
        if kept < 1:
            raise ModelError(
                f"the voice's clip gives {len(tokens)} prompt tokens and {len(mel)} mel frames: too short to lead a voice"
            )
        return cls(tokens[:kept], mel[: FRAMES_A_TOKEN * kept], torch.as_tensor(ref["embedding"]).float().reshape(-1))
