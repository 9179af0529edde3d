"""Sorting, and the elements that sorting finds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gradc import dtypes, shapes
from gradc.apply import apply
from gradc.errors import DimensionError
from gradc.ir import Type
from gradc.ops.base import Op
from gradc.ops.define import op
from gradc.ops.joining import narrow, select
from gradc.tensor import Tensor, host_array, wrap

__all__ = ["argsort", "kthvalue", "median", "sort", "topk", "unique"]


@op
class argsort(Op):
    """The indices that sort x along `dim`; equal elements keep their order, and nan is the largest.

    Source  torch.argsort with stable=True
    """

    kernel = lambda xp, x, *, dim, descending=False: _argsort(xp, x, dim, descending)
    samples = [((5,), {"dim": 0}), ((3, 4), {"dim": 1, "descending": True}),
               ([2.0, 1.0, 2.0, 1.0], {"dim": 0, "descending": True}), ((3, 4), {"dim": 0})]

    def infer(self, x: Any, *, dim: int, descending: bool) -> Type:
        return Type(dtypes.int64, x.shape)

    def call(self, x: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Any:
        return apply(self, (x,), {"dim": shapes.normal_dim(dim, x.ndim), "descending": descending})


def _argsort(xp: Any, x: Any, dim: int, descending: bool) -> Any:
    if not x.ndim:
        return xp.astype(xp.zeros_like(x), np.dtype("int64"))
    if not descending:
        return xp.argsort(x, axis=dim, stable=True)
    # Sorted backwards from the end, so that equal elements keep their order.
    return xp.flip(x.shape[dim] - 1 - xp.argsort(xp.flip(x, dim), axis=dim, stable=True), dim)


class Sorted(NamedTuple):
    """What sort and its relatives return."""

    values: Tensor
    indices: Tensor


def sort(x: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Sorted:
    """x in order along `dim`, and the indices where its elements were, as torch.sort (always stable)."""
    indices = argsort(x, dim, descending)
    return Sorted(x.gather(dim, indices) if x.ndim else x.clone(), indices)  # type: ignore[attr-defined]


def topk(x: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Sorted:
    """The k largest (or smallest) elements along `dim` in order, and their indices, as torch.topk."""
    size = x._array.shape[shapes.normal_dim(dim, x.ndim)] if x.ndim else 1
    if not 0 <= k <= size:
        raise DimensionError(f"selected index k out of range: k is {k} and the dimension has {size} elements")
    indices = argsort(x, dim, largest)
    if x.ndim:
        indices = narrow(indices, dim, 0, k)
    return Sorted(x.gather(dim, indices), indices)  # type: ignore[attr-defined]


def kthvalue(x: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Sorted:
    """The k-th smallest element along `dim`, counted from 1, and its index, as torch.kthvalue."""
    if not x.ndim:
        return Sorted(x.clone(), argsort(x))  # type: ignore[attr-defined]
    indices = narrow(argsort(x, dim), dim, k - 1, 1)
    values = x.gather(dim, indices)  # type: ignore[attr-defined]
    return Sorted(values, indices) if keepdim else Sorted(select(values, dim, 0), select(indices, dim, 0))


def median(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element, the smaller of two middle ones; with `dim` along it, with its index. As torch.median."""
    if dim is None:
        return kthvalue(x.reshape(-1), (x.numel() + 1) // 2)[0]  # type: ignore[attr-defined]
    return kthvalue(x, (x._array.shape[dim] + 1) // 2 if x.ndim else 1, dim, keepdim)


def unique(x: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False) -> Any:
    """The different elements of x in order, as torch.unique. Its shape depends on the values."""
    found = np.unique(host_array(x, "unique()"), return_inverse=return_inverse, return_counts=return_counts)
    if not isinstance(found, tuple):
        return wrap(found)
    return tuple(wrap(part) for part in found)


for _function in (sort, topk, kthvalue, median, unique):
    setattr(Tensor, _function.__name__, _function)
