"""S3Gen's token encoder over many rows of unequal length: the same weights, masks that are right, attention without the spare copies."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from datagen.engines.speakers.chatterbox.model.masks import Tails
from datagen.engines.speakers.chatterbox.model.rows import ModelError

#: Position pairs (rows x frames x frames) of one call: relative positions make it quadratic, about 100 bytes a pair with 8 heads.
MOST_PAIRS = 12_000_000


class TokenEncoder:
    """Speech tokens to what the flow is led by, at two frames a token.

    Raises ModelError where the encoder's layers are not built as in Chatterbox 0.1.7.
    """

    def __init__(self, flow: Any) -> None:
        layers = [*flow.encoder.encoders, *flow.encoder.up_encoders]
        plain = all(x.conv_module is None and x.feed_forward_macaron is None and x.normalize_before for x in layers)
        if (
            not plain
            or flow.encoder.static_chunk_size > 0
            or flow.encoder.use_dynamic_chunk
            or flow.token_mel_ratio != 2
        ):
            raise ModelError("the token encoder is not built as in chatterbox-tts 0.1.7; install that version")
        self._flow = flow

    def __call__(self, tokens: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """For each row of tokens [length] the encoding [2 x length, 80]."""
        longest = max(len(row) for row in tokens)
        rows_a_call = max(1, MOST_PAIRS // (2 * longest) ** 2)
        made: list[torch.Tensor] = []
        for start in range(0, len(tokens), rows_a_call):
            made += self._some(tokens[start : start + rows_a_call])
        return made

    def _some(self, tokens: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        flow, encoder = self._flow, self._flow.encoder
        device = flow.encoder_proj.weight.device
        tails = Tails([len(row) for row in tokens], device)
        padded = torch.nn.utils.rnn.pad_sequence([row.to(device).long() for row in tokens], batch_first=True)
        own = tails.own[:, None]
        x, positions, _ = encoder.embed(flow.input_embedding(padded), own)
        # The first convolution looks ahead: behind a row's end it must see zeros, not the embedded padding.
        x = tails.clear(x.transpose(1, 2)).transpose(1, 2)
        x = encoder.pre_lookahead_layer(x)
        for layer in encoder.encoders:
            x = _layer(layer, x, positions, tails)
        # From here on convolutions look back alone: nothing flows from a tail into a row.
        x, _ = encoder.up_layer(x.transpose(1, 2).contiguous(), torch.tensor(tails.lengths))
        tails = tails.scaled(encoder.up_layer.stride)
        x, positions, _ = encoder.up_embed(x.transpose(1, 2).contiguous(), tails.own[:, None])
        for layer in encoder.up_encoders:
            x = _layer(layer, x, positions, tails)
        x = flow.encoder_proj(encoder.after_norm(x))
        return [x[row, :length] for row, length in enumerate(tails.lengths)]


def _layer(layer: Any, x: torch.Tensor, positions: torch.Tensor, tails: Tails) -> torch.Tensor:
    x = x + _attention(layer.self_attn, layer.norm_mha(x), positions, tails)
    fed: torch.Tensor = layer.feed_forward(layer.norm_ff(x))
    return x + fed


def _attention(attention: Any, x: torch.Tensor, positions: torch.Tensor, tails: Tails) -> torch.Tensor:
    """Attention with relative positions [rows, time, width], whose positional part enters as the scores' bias."""
    query, key, value = attention.forward_qkv(x, x, x)
    heads, width = attention.h, attention.d_k
    places = attention.linear_pos(positions).view(1, -1, heads, width).transpose(1, 2)
    by_place = torch.matmul(query + attention.pos_bias_v[None, :, None], places.transpose(-2, -1))
    bias = _shifted(by_place) * width**-0.5
    if tails.any:
        bias = bias.masked_fill_(~tails.own[:, None, None], float("-inf"))
    mixed = F.scaled_dot_product_attention(query + attention.pos_bias_u[None, :, None], key, value, attn_mask=bias)
    out: torch.Tensor = attention.linear_out(mixed.transpose(1, 2).flatten(2))
    return out


def _shifted(x: torch.Tensor) -> torch.Tensor:
    """[…, time, time] out of scores by distance […, time, 2 x time - 1], whose middle column is distance 0. A view of `x`."""
    rows, heads, time, distances = x.shape
    x = x.contiguous()
    strides = (heads * time * distances, time * distances, distances - 1, 1)
    return x.as_strided((rows, heads, time, time), strides, x.storage_offset() + time - 1)
