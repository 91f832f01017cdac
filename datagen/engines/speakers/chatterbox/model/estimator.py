"""One evaluation of the flow's velocity over many rows: S3Gen's U-Net with one level, its weights, and masks only where rows differ."""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from datagen.engines.speakers.chatterbox.model.masks import Tails
from datagen.engines.speakers.chatterbox.model.rows import ModelError


class Estimator:
    """The velocity of the flow, in `dtype`; casts the decoder's weights in place.

    The time embedding stays in single precision: 1000 x time in half precision loses the phase of its fast sines.
    Raises ModelError where the decoder is not built as in Chatterbox 0.1.7.
    """

    def __init__(self, decoder: Any, dtype: torch.dtype) -> None:
        if (
            len(decoder.down_blocks) != 1
            or len(decoder.up_blocks) != 1
            or not decoder.causal
            or decoder.static_chunk_size
        ):
            raise ModelError("the flow's decoder is not built as in chatterbox-tts 0.1.7; install that version")
        self.dtype = dtype
        self.meanflow = bool(decoder.meanflow)
        decoder.to(dtype)
        decoder.time_mlp.float()
        if decoder.time_embed_mixer is not None:
            decoder.time_embed_mixer.float()
        self._decoder = decoder
        (self._down,), (self._up,) = decoder.down_blocks, decoder.up_blocks
        blocks = [*self._down[1], *(b for mid in decoder.mid_blocks for b in mid[1]), *self._up[1]]
        self._attention = {block: _Attention(block.attn1) for block in blocks}

    def time(self, at: torch.Tensor, until: torch.Tensor) -> torch.Tensor:
        """[1, width]: the embedded moment `at` [1], for Turbo together with the step's end `until` [1]."""
        decoder = self._decoder
        embedded: torch.Tensor = decoder.time_mlp(decoder.time_embeddings(at.float()))
        if self.meanflow:
            end = decoder.time_mlp(decoder.time_embeddings(until.float()))
            embedded = decoder.time_embed_mixer(torch.cat([embedded, end], dim=1))
        return embedded.to(self.dtype)

    def __call__(self, x: torch.Tensor, led_by: torch.Tensor, time: torch.Tensor, tails: Tails) -> torch.Tensor:
        """The velocity [rows, 80, time] in single precision at `x` [rows, 80, time]; what it says on tails means nothing.

        `led_by` [rows, 240, time]: encoding, speaker and prompt.
        """
        return self.at(x, led_by, time, tails.key_bias(self.dtype))

    def at(self, x: torch.Tensor, led_by: torch.Tensor, time: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """The same with the attention's bias [rows, 1, 1, time] given; None where rows have no tails."""
        h = torch.cat([x.to(self.dtype), led_by], dim=1)
        h = self._level(h, self._down[0], self._down[1], time, bias)
        skip = h
        h = self._down[2](h)
        for resnet, blocks in self._decoder.mid_blocks:
            h = self._level(h, resnet, blocks, time, bias)
        h = torch.cat([h, skip], dim=1)
        h = self._up[2](self._level(h, self._up[0], self._up[1], time, bias))
        velocity: torch.Tensor = self._decoder.final_proj(self._decoder.final_block.block(h))
        return velocity.float()

    def _level(
        self, h: torch.Tensor, resnet: Any, blocks: Any, time: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        """Convolutions look back alone and norms are a position's own: tails reach no row but through attention, which is masked."""
        inner = resnet.block1.block(h)
        inner += resnet.mlp(time).unsqueeze(-1)
        h = (resnet.block2.block(inner) + resnet.res_conv(h)).transpose(1, 2).contiguous()
        for block in blocks:
            h = h + self._attention[block](block.norm1(h), bias)
            h = h + block.ff(block.norm3(h))
        return h.transpose(1, 2).contiguous()


class _Attention:
    """Self-attention with query, key and value out of one product."""

    def __init__(self, attention: Any) -> None:
        parts = (attention.to_q, attention.to_k, attention.to_v)
        self._into = torch.cat([part.weight for part in parts])
        self._bias = None if parts[0].bias is None else torch.cat([part.bias for part in parts])
        self._out = attention.to_out[0]
        self._heads = attention.heads

    def __call__(self, x: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        rows, time, _ = x.shape
        together = F.linear(x, self._into, self._bias).view(rows, time, 3, self._heads, -1)
        query, key, value = together.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        out: torch.Tensor = self._out(mixed.transpose(1, 2).flatten(2))
        return out
