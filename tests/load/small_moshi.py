"""A model of Moshi's shape, small enough for a CPU: what the tests train on the loader's batches.

A temporal transformer over the columns, each the sum of its rows' embeddings, says the next column's text; a depth network then
says its codes book after book, each from what the column has before it. Its input and its targets are delayed columns
(`datagen.load.delays`).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from datagen.load.spec import ModelSpec


class Logits(NamedTuple):
    """Of N predicted columns: text [N, text_vocabulary], and of each audio row [N, book_size]."""

    text: Tensor
    audio: list[Tensor]


class SmallMoshi(nn.Module):
    def __init__(self, spec: ModelSpec, width: int = 64, n_layers: int = 2, depth_width: int = 32) -> None:
        super().__init__()
        n_audio = spec.n_rows - 1
        self.text = _Codes(spec.text_vocabulary + 1, width)
        self.audio = nn.ModuleList(_Codes(spec.book_size + 1, width) for _ in range(n_audio))
        self.position = nn.Embedding(spec.max_columns + 32, width)  # delays and padding come on top
        self.layers = nn.ModuleList(_Layer(width) for _ in range(n_layers))
        self.text_head = nn.Linear(width, spec.text_vocabulary)
        self.to_depth = nn.Linear(width, depth_width)
        self.depth_codes = nn.ModuleList(
            [
                _Codes(spec.text_vocabulary + 1, depth_width),
                *(_Codes(spec.book_size + 1, depth_width) for _ in range(n_audio - 1)),
            ]
        )
        self.depth_heads = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(depth_width), nn.Linear(depth_width, spec.book_size)) for _ in range(n_audio)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, columns: Tensor, chosen: Tensor) -> Logits:
        """Logits of the `chosen` (bool [B, T]) of columns 1 to T of delayed `columns` int64 [B, n_rows, 1 + T].

        Each is predicted from the columns before it, and from what it has above the row itself.
        """
        seen, said = columns[:, :, :-1], of_columns(columns[:, :, 1:], chosen)
        x = self.text(seen[:, 0]) + sum(e(seen[:, 1 + i]) for i, e in enumerate(self.audio))
        x = x + self.position.weight[: seen.shape[2]]
        for layer in self.layers:
            x = layer(x)
        x = self.norm(x[chosen])
        depth, audio = self.to_depth(x), []
        for row, (codes, head) in enumerate(zip(self.depth_codes, self.depth_heads, strict=True)):
            depth = depth + codes(said[:, row])
            audio.append(head(depth))
        return Logits(self.text_head(x), audio)


def loss_of(logits: Logits, targets: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy over the weight it has, text and audio each by itself and then added, as moshi-finetune does.

    `targets` and `weights` are [N, n_rows].
    """
    # What bears no weight may be no code at all: -1, or the audio's initial token.
    codes = torch.where(weights > 0, targets, 0)
    each = [
        cross_entropy(of_row, codes[:, row], reduction="none")
        for row, of_row in enumerate((logits.text, *logits.audio))
    ]
    text, audio = torch.stack(each[:1], 1) * weights[:, :1], torch.stack(each[1:], 1) * weights[:, 1:]
    return text.sum() / weights[:, 0].sum() + audio.sum() / weights[:, 1:].sum()


def of_columns(rows: Tensor, chosen: Tensor) -> Tensor:
    """[N, n_rows] of [B, n_rows, T]."""
    return rows.transpose(1, 2)[chosen]


class _Codes(nn.Module):
    """An embedding for which -1 is Moshi's zero token: it adds nothing."""

    def __init__(self, n_codes: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(n_codes, width)
        nn.init.normal_(self.table.weight, std=0.1)

    def forward(self, codes: Tensor) -> Tensor:
        return self.table(codes.clamp(min=0)) * (codes >= 0).unsqueeze(-1)


class _Layer(nn.Module):
    def __init__(self, width: int, n_heads: int = 4) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.mix = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.mix(self.norms[0](x)).unflatten(-1, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        heard = scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(heard.transpose(1, 2).flatten(2))
        return x + self.feed(self.norms[1](x))
