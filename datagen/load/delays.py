"""Delayed streams, as a Moshi model is fed: initial tokens first, the acoustic books a column behind.

Sequences hold undelayed codes, since the released models delay them in their own forward pass. A trainer whose model does
not, or that wants to look at what is fed, takes the shifted arrays from here. With `d = delays.apply(codes, spec)` and
`w = delays.apply_weights(weights, spec)` the input is `d[..., :-1]`, the target `d[..., 1:]`, and its weight `w[..., 1:]`; one
sequence [n_rows, n_columns] or a batch of them.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from datagen.errors import UserError
from datagen.load.sequence import Columns, Weights
from datagen.load.spec import ModelSpec

LEFT_OUT = -1
"""The code that a Moshi model neither embeds nor predicts (its zero token)."""

Number = TypeVar("Number", np.int64, np.float32)


def apply(codes: Columns, spec: ModelSpec) -> Columns:
    """The columns that pass through the model, int64 [..., n_rows, n_columns + 1]; UserError on another number of rows.

    Column 0 is the initial tokens. A row of delay d shows column t of `codes` at 1 + t + d, and its initial token until then;
    what would come after the last column is lost, as in the model's own training (`LMModel.forward`): the last column's
    acoustic codes are never seen.
    """
    _check(codes.shape, spec)
    initial = np.full(spec.n_rows, spec.audio_initial, np.int64)
    initial[0] = spec.text_initial
    return _shifted(codes, spec, initial)


def apply_weights(weights: Weights, spec: ModelSpec) -> Weights:
    """The weight of each token of `apply(codes, spec)`, float32 [..., n_rows, n_columns + 1]; 0 for initial tokens."""
    _check(weights.shape, spec)
    return _shifted(weights, spec, np.zeros(spec.n_rows, np.float32))


def undelay(delayed: Columns, spec: ModelSpec) -> Columns:
    """What `apply` was given, int64 [..., n_rows, n_columns]: of the model's input or output, the codes of a frame in one column.

    What the shift lost (the acoustic codes of the last columns) is LEFT_OUT, -1.
    """
    _check(delayed.shape, spec)
    n_columns = max(0, delayed.shape[-1] - 1)
    codes = np.full((*delayed.shape[:-1], n_columns), LEFT_OUT, np.int64)
    for row, delay in enumerate(spec.delays):
        kept = max(0, n_columns - delay)
        codes[..., row, :kept] = delayed[..., row, 1 + delay : 1 + delay + kept]
    return codes


def _shifted(rows: NDArray[Number], spec: ModelSpec, first: NDArray[Number]) -> NDArray[Number]:
    n_columns = rows.shape[-1]
    shifted = np.empty((*rows.shape[:-1], n_columns + 1), rows.dtype)
    for row, delay in enumerate(spec.delays):
        shifted[..., row, : 1 + delay] = first[row]
        shifted[..., row, 1 + delay :] = rows[..., row, : max(0, n_columns - delay)]
    return shifted


def _check(shape: tuple[int, ...], spec: ModelSpec) -> None:
    if len(shape) < 2 or shape[-2] != spec.n_rows:
        raise UserError(f"an array of shape {list(shape)}, and {spec.name} has [..., {spec.n_rows} rows, n_columns].")
