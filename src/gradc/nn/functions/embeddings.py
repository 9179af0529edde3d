"""Rows of a table, looked up by integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc.errors import GradcError, ShapeError, UnsupportedError
from gradc.locations import here, quote
from gradc.modes import current, no_grad
from gradc.nn.functions.reduction import FunctionalError
from gradc.ops import gathering
from gradc.ops.arithmetic import where
from gradc.ops.creation import arange
from gradc.ops.joining import cat
from gradc.tensor import Tensor, wrap

__all__ = ["embedding", "embedding_bag"]


class PaddingError(GradcError, AssertionError):
    """A padding row that an embedding does not have."""


def padding_row(padding_idx: int, count: int) -> int:
    """`padding_idx` counted from the front of `count` rows."""
    if not -count <= padding_idx < count:
        raise PaddingError("Padding_idx must be within num_embeddings")
    return padding_idx % count


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
              norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:
    """The rows of `weight` at the integers `input`; the row `padding_idx` gets no gradient.

    With `max_norm`, rows that are used and longer are first shortened, in place. With `scale_grad_by_freq` the gradient
    of a row is divided by how often it is used. Gradients are dense, also with `sparse`.
    """
    if weight.ndim != 2:
        raise ShapeError(f"'weight' must be 2-D, got {weight.type_}{quote(here())}")
    if padding_idx is not None:
        padding_idx = padding_row(padding_idx, weight.shape[0])
    if max_norm is not None:
        _shorten(weight, input, max_norm, norm_type)
    rows: Any = gathering.embedding(input, weight)
    if scale_grad_by_freq:
        rows = rows.detach() + (rows - rows.detach()) / _frequencies(input, weight)
    if padding_idx is None:
        return rows  # type: ignore[no-any-return]
    padded = (input == padding_idx).unsqueeze(-1)  # type: ignore[attr-defined]
    return where(padded, rows.detach(), rows)


def _frequencies(input: Tensor, weight: Any) -> Any:
    """How often each integer of `input` is among them, in the dtype of the weight."""
    flat: Any = input.reshape(-1)  # type: ignore[attr-defined]
    ones = weight.new_ones(flat.shape)
    counts = weight.new_zeros(weight.shape[0]).index_add(0, flat, ones)
    return counts[input].unsqueeze(-1)


@no_grad()
def _shorten(weight: Any, input: Any, max_norm: float, norm_type: float) -> None:
    """Limit the norms of the rows that `input` names to max_norm, in place, as torch.embedding_renorm_."""
    flat = input.reshape(-1)
    rows = weight[flat]
    lengths = rows.norm(norm_type, -1, True)
    weight[flat] = where(lengths > max_norm, rows * (max_norm / (lengths + 1e-7)), rows)


def embedding_bag(input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None,
                  norm_type: float = 2, scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
                  per_sample_weights: Tensor | None = None, include_last_offset: bool = False,
                  padding_idx: int | None = None) -> Tensor:
    """The sum, mean or largest of the rows of `weight` in each bag: 0 for an empty one.

    The bags are the rows of `input`, or what starts at each of `offsets` in one row. Rows `padding_idx` do not count.
    """
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise FunctionalError(f"embedding_bag: If per_sample_weights ({list(per_sample_weights.shape)}) is not None, "
                              f"then it must have the same shape as the input ({list(input.shape)})")
    _check_mode(mode, scale_grad_by_freq, sparse, per_sample_weights)
    kept = None
    if input.ndim == 1:
        place, held = _bags(offsets, input.shape[0], include_last_offset)
        input, kept = input[place], held  # type: ignore[index]
        per_sample_weights = None if per_sample_weights is None else per_sample_weights[place]  # type: ignore[index]
    elif input.ndim != 2:
        raise FunctionalError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    elif offsets is not None:
        raise FunctionalError("if input is 2D, then offsets has to be None, as input is treated is a mini-batch of "
                              "fixed length sequences")
    if padding_idx is not None:
        real: Any = input != padding_row(padding_idx, weight.shape[0])
        kept = real if kept is None else kept & real
    rows = embedding(input, weight, None, max_norm, norm_type, scale_grad_by_freq)
    return _gathered(rows, kept, mode, per_sample_weights)


def _check_mode(mode: str, scale_grad_by_freq: bool, sparse: bool, per_sample_weights: Tensor | None) -> None:
    if mode not in ("sum", "mean", "max"):
        raise FunctionalError("mode has to be one of sum, mean or max")
    if mode == "max" and scale_grad_by_freq:
        raise FunctionalError("max mode does not support scaling the gradient by the frequency")
    if mode == "max" and sparse:
        raise FunctionalError("max mode does not support sparse weights")
    if mode != "sum" and per_sample_weights is not None:
        raise UnsupportedError(f"embedding_bag: per_sample_weights was not None. per_sample_weights is only supported "
                               f"for mode='sum' (got mode={mode!r}).")


def _bags(offsets: Any, size: int, include_last_offset: bool) -> tuple[Any, Any]:
    """Bags of a row of `size` as the rows of a matrix: where their elements are, and which of these are real.

    In a compiled function, which does not know the offsets, a row of the matrix has room for all.
    """
    if offsets is None or offsets.ndim != 1:
        raise FunctionalError(f"offsets has to be a 1D Tensor{' but got None' if offsets is None else ''}")
    if not isinstance(offsets._array, np.ndarray) or current().trace is not None:
        starts = offsets if include_last_offset else cat([offsets, offsets.new_full((1,), size)])
        place = arange(size).expand(len(starts) - 1, size)  # type: ignore[attr-defined]
        return place, (place >= starts[:-1, None]) & (place < starts[1:, None])
    starts = offsets._array.astype(np.int64)
    if len(starts) and (starts[0] != 0 or starts[-1] > size or (np.diff(starts) < 0).any()):
        raise ShapeError(f"offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
                         f"position 0, and no offset can be beyond the input of size {size}; got {starts.tolist()}")
    ends = starts[1:] if include_last_offset else np.append(starts[1:], size)
    starts = starts[: len(ends)]
    place = starts[:, None] + np.arange((ends - starts).max(initial=0))
    held = place < ends[:, None]
    return wrap(np.where(held, place, 0)), wrap(held)


def _gathered(rows: Any, kept: Any, mode: str, weights: Any) -> Tensor:
    """The rows of each bag, along dimension 1, made one."""
    if weights is not None:
        rows = rows * weights.unsqueeze(-1)
    mask = None if kept is None else kept.unsqueeze(-1)
    if mode == "max":
        if not rows.shape[1]:
            return rows.sum(1)  # type: ignore[no-any-return]
        largest = (rows if kept is None else where(mask, rows, -np.inf)).max(1)[0]
        return largest if kept is None else where(kept.any(1, keepdim=True), largest, 0.0)  # type: ignore
    total = (rows if kept is None else where(mask, rows, 0.0)).sum(1)
    if mode == "sum":
        return total  # type: ignore[no-any-return]
    counts = max(rows.shape[1], 1) if kept is None else kept.sum(1, keepdim=True).clamp_min(1).to(rows.dtype)
    return total / counts  # type: ignore[no-any-return]
