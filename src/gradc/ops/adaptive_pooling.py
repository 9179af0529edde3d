"""Pooling to a given size: windows that cover a dimension evenly, each a little different."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.errors import CallError
from gradc.ir import Type
from gradc.ops.arithmetic import where
from gradc.ops.base import Op
from gradc.ops.batching import alike
from gradc.ops.conversion import known
from gradc.ops.define import op
from gradc.ops.pooling import put_at, take_at, window_spread, window_sum
from gradc.ops.reduction import argmax, sum
from gradc.ops.windows import Sizes
from gradc.tensor import Tensor


def spans(n: int, m: int) -> list[tuple[int, int]]:
    """The m windows that cover n elements: from ⌊i·n/m⌋ up to ⌈(i + 1)·n/m⌉."""
    return [(i * n // m, -((-(i + 1) * n) // m)) for i in range(m)]


def _covering(n: int, m: int) -> tuple[Any, Any]:
    """The elements of each of m windows that cover n elements, as rows that repeat the first; which are repeated."""
    found = spans(n, m)
    longest = max(b - a for a, b in found)
    index = np.array([[j if j < b else a for j in range(a, a + longest)] for a, b in found], np.int64)
    return index, np.array([[j >= b for j in range(a, a + longest)] for a, b in found])


class Adaptive(Op):
    """An op on windows that cover the last dimensions evenly, `size` many."""

    method = False
    checked = True
    batched = alike
    rejects: tuple[int, ...] = (dtypes.BOOL, dtypes.INT, dtypes.COMPLEX)
    title = ""
    samples: Any = [((2, 4, 6), {"size": (2, 3)}), ((1, 2, 5), {"size": (3,)}), ((2, 3, 4), {"size": (5, 1)}),
                    ((1, 2, 3, 4, 5), {"size": (2, 3, 2)})]

    def infer(self, x: Any, *, size: Sizes) -> Type:
        if min(size) < 1:
            raise CallError(f"{self.name}{len(size)}d(): elements of output_size must be greater than or equal to 1, "
                            f"got {size}")
        return Type(x.dtype, (*x.shape[: len(x.shape) - len(size)], *size))

    def node_name(self, node: Any) -> str:
        rank = len(node.attrs["size"])
        return f"{self.title}{rank}DBackward0" if rank > 1 else "SqueezeBackward1"


@op
class adaptive_avg_pool(Adaptive):
    """The means of `size` windows that cover the last dimensions evenly.

    Source  torch.nn.functional.adaptive_avg_pool2d
    """

    decompose = lambda x, *, size: _means(x, size)
    grad_x = lambda g, x_type, size: _means_grad(g, x_type.shape[len(x_type.shape) - len(size):], size)
    title = "AdaptiveAvgPool"


def _even(sizes: Sizes, size: Sizes) -> dict[str, Any] | None:
    """The windows, if they are all alike."""
    if any(n % m for n, m in zip(sizes, size, strict=True)):
        return None
    kernel = tuple([n // m for n, m in zip(sizes, size, strict=True)])
    return {"kernel": kernel, "stride": kernel, "widths": ((0, 0),) * len(size)}


def _means(x: Any, size: Sizes) -> Tensor:
    kind, sizes = x.dtype, x._array.shape[x.ndim - len(size) :]
    x = x.to(dtypes.float32) if kind.bits == 16 else x
    even = _even(sizes, size)
    if even is not None:
        x = window_sum(x, **even) / float(math.prod(even["kernel"]))
    else:
        for dim, (n, m) in enumerate(zip(sizes, size, strict=True), x.ndim - len(size)):
            index, repeated = _covering(n, m)
            shape = x._array.shape
            parts = x.index_select(dim, known(index.reshape(-1))).reshape(*shape[:dim], *index.shape, *shape[dim + 1 :])
            parts = where(_along(repeated, dim, len(shape)), 0.0, parts)
            x = sum(parts, (dim + 1,)) / _counts(repeated, dim, len(shape), x.dtype)
    return x.to(kind)  # type: ignore[no-any-return]


def _means_grad(g: Any, sizes: Sizes, size: Sizes) -> Tensor:
    even = _even(sizes, size)
    if even is not None:
        return window_spread(g / float(math.prod(even["kernel"])), sizes=sizes, **even)  # type: ignore[no-any-return]
    for dim, (n, m) in reversed(list(enumerate(zip(sizes, size, strict=True), g.ndim - len(size)))):
        index, repeated = _covering(n, m)
        shape = g._array.shape
        parts = (g / _counts(repeated, dim, len(shape), g.dtype)).unsqueeze(dim + 1)
        parts = where(_along(repeated, dim, len(shape)), 0.0, parts)
        zeros = g.new_zeros((*shape[:dim], n, *shape[dim + 1 :]), dtype=g.dtype)
        g = zeros.index_add(dim, known(index.reshape(-1)), parts.reshape(*shape[:dim], index.size, *shape[dim + 1 :]))
    return g  # type: ignore[no-any-return]


def _along(rows: Any, dim: int, rank: int) -> Tensor:
    """Rows of windows as a tensor to be broadcast: windows along `dim`, elements along the next."""
    return known(rows.reshape(*rows.shape, *(1,) * (rank - 1 - dim)))


def _counts(repeated: Any, dim: int, rank: int, kind: Any) -> Tensor:
    """How many elements each window has."""
    return known((~repeated).sum(1).astype(kind.numpy).reshape(-1, *(1,) * (rank - 1 - dim)))


@op
class adaptive_max_pool(Adaptive):
    """The largest elements of `size` windows that cover the last dimensions evenly; ties go to the first.

    Source  torch.nn.functional.adaptive_max_pool2d
    """

    decompose = lambda x, *, size: take_at(x, largest_positions(x, size), len(size))
    grad_x = lambda g, x, x_type, size: put_at(g, largest_positions(x, size),
                                               x_type.shape[len(x_type.shape) - len(size):])
    title = "AdaptiveMaxPool"


def largest_positions(x: Any, size: Sizes) -> Tensor:
    """Where in its flattened last dimensions x has the largest element of each window."""
    rank = len(size)
    lead, sizes = x._array.shape[: x.ndim - rank], x._array.shape[x.ndim - rank :]
    flat: Any = np.zeros((1, 1), np.int64)  # windows, elements
    for n, m in zip(sizes, size, strict=True):
        index, _ = _covering(n, m)
        flat = (flat * n)[:, None, :, None] + index[None, :, None, :]
        flat = flat.reshape(flat.shape[0] * flat.shape[1], -1)
    rows = x.detach().reshape(*lead, -1)
    parts = rows.index_select(len(lead), known(flat.reshape(-1))).reshape(*lead, *flat.shape)
    best = argmax(parts, -1).reshape(-1, flat.shape[0])
    windows = known(np.arange(flat.shape[0]) * flat.shape[1])
    positions = known(flat.reshape(-1))[(best + windows).reshape(-1)]  # type: ignore[index]
    return positions.reshape(*lead, *size)  # type: ignore[no-any-return]
