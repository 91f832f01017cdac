"""Keys and values of every place in the batch, in one block of memory that is never moved: a CUDA graph may hold it."""

import torch
from torch import Tensor
from torch.nn import functional


class Cache:
    """Keys and values [layers, places, heads, positions, head width], zero where nothing was written.

    Zero, not just allotted: attention multiplies a masked value by 0, and 0 times NaN is NaN.
    """

    def __init__(
        self, layers: int, places: int, heads: int, positions: int, head_width: int, device: str, dtype: torch.dtype
    ) -> None:
        shape = (layers, places, heads, positions, head_width)
        self.keys = torch.zeros(shape, device=device, dtype=dtype)
        self.values = torch.zeros(shape, device=device, dtype=dtype)

    @property
    def positions(self) -> int:
        """Positions that a place holds."""
        return int(self.keys.shape[3])

    def move(self, source: int, target: int, places: int, positions: int) -> None:
        """Copies `places` places and their first positions from one place to another; the two do not overlap."""
        for block in (self.keys, self.values):
            block[:, target : target + places, :, :positions] = block[:, source : source + places, :, :positions]

    def clear(self, place: int, places: int) -> None:
        """Zeroes places whose row was broken: a NaN left there would reach the next row through a mask of 0."""
        self.keys[:, place : place + places] = 0
        self.values[:, place : place + places] = 0


class Prefill:
    """Attention of whole prompts, padded on the right, whose keys and values are kept at given places."""

    def __init__(self, cache: Cache, place: int) -> None:
        self.cache = cache
        self.place = place

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """[rows, heads, positions, head width] three times, the attended values in the same shape.

        Padding on the right needs no mask: a position looks back only, and what stands behind a row's end is
        overwritten as the row grows.
        """
        rows, positions = key.shape[0], key.shape[2]
        self.cache.keys[layer, self.place : self.place + rows, :, :positions] = key
        self.cache.values[layer, self.place : self.place + rows, :, :positions] = value
        return functional.scaled_dot_product_attention(query, key, value, is_causal=True)


class Step:
    """Attention of one new position a row, at the row's own length, over the first `window` positions of its place."""

    def __init__(self, cache: Cache, lengths: Tensor, window: int) -> None:
        self.cache = cache
        self.lengths = lengths
        self.window = window
        self.places = torch.arange(lengths.shape[0], device=lengths.device)
        seen = torch.arange(window, device=lengths.device)[None] <= lengths[:, None]
        self.mask = seen[:, None, None]

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """[rows, heads, 1, head width] three times, the attended values in the same shape."""
        rows = key.shape[0]
        keys, values = self.cache.keys[layer], self.cache.values[layer]
        keys[self.places, :, self.lengths] = key[:, :, 0]
        values[self.places, :, self.lengths] = value[:, :, 0]
        seen_keys, seen_values = keys[:rows, :, : self.window], values[:rows, :, : self.window]
        return functional.scaled_dot_product_attention(query, seen_keys, seen_values, attn_mask=self.mask)
