"""T3's transformer from its own weights: transformers' LlamaModel (original) or GPT2Model (Turbo) as plain functions.

transformers' modules serve one length for all rows and grow their cache by concatenation. Here each row stands at its own
position, keys and values lie in one block, and a step is a fixed row of kernels that a CUDA graph can hold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

Attention = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""(layer, queries, keys, values), each [rows, heads, positions, head width], gives the attended values."""


@dataclass(frozen=True)
class Shape:
    """Sizes that a cache needs."""

    layers: int
    heads: int
    head_width: int
    width: int
    positions: int
    """Positions that the model knows; a longer row is refused."""


class Backbone(Protocol):
    """A transformer with its weights on one device in one precision."""

    shape: Shape

    def __call__(self, inputs: Tensor, positions: Tensor, attention: Attention) -> Tensor:
        """Last hidden states [rows, length, width] of inputs of that shape; positions: [rows or 1, length]."""
        ...


@dataclass(frozen=True)
class _Linear:
    weight: Tensor
    bias: Tensor | None = None

    def __call__(self, inputs: Tensor) -> Tensor:
        return functional.linear(inputs, self.weight, self.bias)


@dataclass(frozen=True)
class _Layer:
    """One block: its norms (with a bias in GPT-2 only), attention in and out, feed-forward in and out."""

    norm_1: _Linear
    norm_2: _Linear
    attention_in: _Linear
    attention_out: _Linear
    forward_in: _Linear
    forward_out: _Linear


class Llama:
    """LlamaModel's layers. Rejects grouped keys: chatterbox's has one key head a query head."""

    def __init__(self, model: Any, device: str, dtype: torch.dtype, positions: int) -> None:
        config = model.config
        head_width = int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
        if config.num_key_value_heads != config.num_attention_heads:
            raise ValueError("grouped key heads are not chatterbox's")
        self.shape = Shape(
            config.num_hidden_layers, config.num_attention_heads, head_width, config.hidden_size, positions
        )
        self._eps = float(config.rms_norm_eps)

        def kept(*weights: Tensor) -> _Linear:
            return _Linear(torch.cat([weight.detach() for weight in weights]).to(device=device, dtype=dtype))

        self._layers = [
            _Layer(
                kept(layer.input_layernorm.weight),
                kept(layer.post_attention_layernorm.weight),
                kept(layer.self_attn.q_proj.weight, layer.self_attn.k_proj.weight, layer.self_attn.v_proj.weight),
                kept(layer.self_attn.o_proj.weight),
                kept(layer.mlp.gate_proj.weight, layer.mlp.up_proj.weight),
                kept(layer.mlp.down_proj.weight),
            )
            for layer in model.layers
        ]
        self._last_norm = kept(model.norm.weight)
        # transformers' own table, since rope_scaling=llama3 has its own frequencies
        at = torch.arange(positions)[None]
        cosine, sine = model.rotary_emb(torch.zeros(1, dtype=torch.float32), at)
        self._cosine = cosine[0].to(device=device, dtype=dtype)
        self._sine = sine[0].to(device=device, dtype=dtype)

    def __call__(self, inputs: Tensor, positions: Tensor, attention: Attention) -> Tensor:
        """See Backbone."""
        cosine, sine = self._cosine[positions][:, None], self._sine[positions][:, None]
        hidden = inputs
        for number, layer in enumerate(self._layers):
            query, key, value = _heads(layer.attention_in(self._normed(hidden, layer.norm_1)), self.shape)
            query, key = _turned(query, cosine, sine), _turned(key, cosine, sine)
            hidden = hidden + layer.attention_out(_joined(attention(number, query, key, value)))
            gate, up = layer.forward_in(self._normed(hidden, layer.norm_2)).chunk(2, -1)
            hidden = hidden + layer.forward_out(functional.silu(gate) * up)
        return self._normed(hidden, self._last_norm)

    def _normed(self, hidden: Tensor, norm: _Linear) -> Tensor:
        wide = hidden.float()
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self._eps)
        return norm.weight * wide.to(hidden.dtype)


class Gpt2:
    """GPT2Model's layers, learned positions included."""

    def __init__(self, model: Any, device: str, dtype: torch.dtype) -> None:
        config = model.config
        self.shape = Shape(
            config.n_layer, config.n_head, config.n_embd // config.n_head, config.n_embd, config.n_positions
        )
        self._eps = float(config.layer_norm_epsilon)

        def kept(module: Any, turned: bool = False) -> _Linear:
            weight = module.weight.detach()
            weight = weight.t().contiguous() if turned else weight  # transformers' Conv1D holds [in, out]
            return _Linear(weight.to(device=device, dtype=dtype), module.bias.detach().to(device=device, dtype=dtype))

        self._layers = [
            _Layer(
                kept(layer.ln_1),
                kept(layer.ln_2),
                kept(layer.attn.c_attn, True),
                kept(layer.attn.c_proj, True),
                kept(layer.mlp.c_fc, True),
                kept(layer.mlp.c_proj, True),
            )
            for layer in model.h
        ]
        self._last_norm = kept(model.ln_f)
        self._places = model.wpe.weight.detach().to(device=device, dtype=dtype)

    def __call__(self, inputs: Tensor, positions: Tensor, attention: Attention) -> Tensor:
        """See Backbone."""
        hidden = inputs + self._places[positions]
        for number, layer in enumerate(self._layers):
            query, key, value = _heads(layer.attention_in(self._normed(hidden, layer.norm_1)), self.shape)
            hidden = hidden + layer.attention_out(_joined(attention(number, query, key, value)))
            risen = functional.gelu(layer.forward_in(self._normed(hidden, layer.norm_2)), approximate="tanh")
            hidden = hidden + layer.forward_out(risen)
        return self._normed(hidden, self._last_norm)

    def _normed(self, hidden: Tensor, norm: _Linear) -> Tensor:
        return functional.layer_norm(hidden, (self.shape.width,), norm.weight, norm.bias, self._eps)


def _heads(together: Tensor, shape: Shape) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values [rows, heads, length, head width] of their product [rows, length, 3 x heads x width]."""
    rows, length, _ = together.shape
    split = together.view(rows, length, 3, shape.heads, shape.head_width).permute(2, 0, 3, 1, 4)
    return split[0], split[1], split[2]


def _joined(attended: Tensor) -> Tensor:
    rows, heads, length, head_width = attended.shape
    return attended.transpose(1, 2).reshape(rows, length, heads * head_width)


def _turned(vectors: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary positions as Llama has them: the first half of a head against the second."""
    first, second = vectors.chunk(2, -1)
    return vectors * cosine + torch.cat((-second, first), -1) * sine
