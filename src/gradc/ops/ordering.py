"""Sorting, and the elements that sorting finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import dtypes, shapes
from gradc.apply import apply
from gradc.errors import CallError
from gradc.inplace import into
from gradc.ir import Type
from gradc.ops.arithmetic import where
from gradc.ops.base import Op
from gradc.ops.batching import Examples, along
from gradc.ops.define import op
from gradc.ops.extremes import Choice, Chosen, put_back, taken
from gradc.ops.reduction import ExtremeOfAll
from gradc.ops.samples import kinks
from gradc.tensor import Tensor

__all__ = ["argsort", "kthvalue", "median", "mode", "msort", "nanmedian", "sort", "topk"]


@op
class argsort(Op):
    """The indices that sort x along `dim`; equal elements keep their order, and nan is the largest.

    Source  torch.argsort with stable=True
    """

    kernel = lambda xp, x, *, dim, descending=False: _argsort(xp, x, dim, descending)
    batched = along("dim", scalars=True)
    rejects = (dtypes.COMPLEX,)
    rejection = "Sort does not support complex dtypes on CPU"
    samples = [((5,), {"dim": 0}), ((3, 4), {"dim": 1, "descending": True}),
               ([2.0, 1.0, 2.0, 1.0], {"dim": 0, "descending": True}), ((3, 4), {"dim": 0})]

    def infer(self, x: Any, *, dim: int, descending: bool) -> Type:
        return Type(dtypes.int64, x.shape)

    def call(self, x: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Any:
        return apply(self, (x,), {"dim": shapes.normal_dim(dim, x.ndim), "descending": descending})


def _argsort(xp: Any, x: Any, dim: int, descending: bool = False) -> Any:
    if not x.ndim:
        return xp.astype(xp.zeros_like(x), np.dtype("int64"))
    if x.dtype == "bfloat16":  # NumPy does not know that its nan is the largest
        x = xp.astype(x, "float32")
    if not descending:
        return xp.argsort(x, axis=dim, stable=True)
    # Sorted backwards from the end, so that equal elements keep their order.
    return xp.flip(x.shape[dim] - 1 - xp.argsort(xp.flip(x, dim), axis=dim, stable=True), dim)


@op
class sort(Choice):
    """The elements of x in order along `dim`, and where they were; equal ones keep their order, nan is the largest.

    Source  torch.sort with stable=True
    """

    kernel = lambda xp, x, *, dim, descending=False: _first(xp, x, _argsort(xp, x, dim, descending), dim)
    grad_x = lambda g, indices, x_type, dim: put_back(g, indices, x_type, dim)
    method = True
    rejection = "Sort does not support complex dtypes on CPU"
    samples = [((5,), {"dim": 0}), ((3, 4), {"dim": 1, "descending": True}), ((3, 4), {"dim": 0}), ((), {"dim": 0})]

    def chosen_shape(self, shape: shapes.Shape, dim: int, descending: bool = False) -> shapes.Shape:
        return shape

    def call(self, x: Tensor, dim: int = -1, descending: bool = False, stable: bool = True, *,
             out: Sequence[Tensor] | None = None) -> Any:
        return self.chosen(x, dim, out, descending=descending)


def _first(xp: Any, x: Any, order: Any, dim: int, place: int = 0, length: int | None = None) -> tuple[Any, Any]:
    """The elements that `order` has along `dim` from `place` on, `length` of them, and their indices."""
    if not x.ndim:
        return xp.array(x, copy=True), order
    if length is not None:
        order = order[(slice(None),) * dim + (slice(place, place + length),)]
    return taken(xp, x, order, dim)


@op
class topk(Choice):
    """The k largest (or smallest) elements along `dim` in order, and their indices.

    Raises  CallError for a k that is negative or larger than the dimension
    Source  torch.topk with sorted=True
    """

    kernel = lambda xp, x, *, k, dim, largest=True: _first(xp, x, _argsort(xp, x, dim, largest), dim, 0, k)
    grad_x = lambda g, indices, x_type, dim: put_back(g, indices, x_type, dim)
    method = True
    checked = True
    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    rejection = "topk does not support bool or complex dtypes on CPU"
    samples = [([[3.0, 1.0, 2.0], [5.0, 7.0, 6.0]], {"k": 2, "dim": 1}),
               ([4.0, 2.0, 9.0, 1.0], {"k": 3, "dim": 0, "largest": False})]

    def chosen_shape(self, shape: shapes.Shape, dim: int, k: int, largest: bool = True) -> shapes.Shape:
        size = shape[dim] if shape else 1
        if not 0 <= k <= size:
            raise CallError(f"selected index k out of range: k is {k} and the dimension has {size} elements")
        return (*shape[:dim], k, *shape[dim + 1 :]) if shape else ()

    def call(self, x: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True, *,
             out: Sequence[Tensor] | None = None) -> Any:
        return self.chosen(x, dim, out, k=int(k), largest=largest)


@op
class kthvalue(Choice):
    """The k-th smallest element along `dim`, counted from 1, and its index.

    Raises  CallError for a k that is not among 1 … the size of the dimension
    Source  torch.kthvalue
    """

    kernel = lambda xp, x, *, k, dim, keepdim=False: _dropped(
        xp, _first(xp, x, _argsort(xp, x, dim), dim, k - 1, 1), dim, keepdim)
    grad_x = lambda g, indices, x_type, dim, keepdim: put_back(g, indices, x_type, dim, keepdim)
    method = True
    checked = True
    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    samples = [([[3.0, 1.0, 2.0], [5.0, 7.0, 6.0]], {"k": 2, "dim": 1}),
               ([4.0, 2.0, 9.0], {"k": 3, "dim": 0, "keepdim": True})]

    def chosen_shape(self, shape: shapes.Shape, dim: int, k: int = 1) -> shapes.Shape:
        if not 1 <= k <= (shape[dim] if shape else 1):
            raise CallError(f"selected number k out of range for dimension {dim}: k is {k}")
        return super().chosen_shape(shape, dim)

    def call(self, x: Tensor, k: int, dim: int = -1, keepdim: bool = False, *,
             out: Sequence[Tensor] | None = None) -> Any:
        return self.chosen(x, dim, out, k=k, keepdim=keepdim)


def _dropped(xp: Any, pair: tuple[Any, Any], dim: int, keepdim: bool) -> tuple[Any, Any]:
    """A pair of arrays without the dimension `dim`, unless it is kept."""
    if keepdim or not pair[0].ndim:
        return pair
    return xp.squeeze(pair[0], dim), xp.squeeze(pair[1], dim)


def _median(xp: Any, x: Any, dim: int, keepdim: bool, ignores_nan: bool) -> tuple[Any, Any]:
    order = _argsort(xp, x, dim)
    if not x.ndim:
        return xp.array(x, copy=True), order
    nans = xp.sum(x != x, axis=dim, keepdims=True)  # they are sorted to the end
    size = x.shape[dim]
    if ignores_nan:
        place = xp.maximum(size - nans - 1, 0) // 2
    else:
        place = xp.where(nans > 0, size - nans, (size - 1) // 2)
    return taken(xp, x, xp.take_along_axis(order, place, axis=dim), dim, keepdim)


class Middle(Choice):
    """The middle element along one dimension."""

    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    samples = [([[3.0, 1.0, 2.0], [5.0, 7.0, 6.0]], {"dim": 1}),
               ([4.0, 2.0, 9.0, 1.0], {"dim": 0, "keepdim": True}),
               (kinks([[1.0, float("nan"), 3.0], [4.0, 2.0, 9.0]]), {"dim": 1})]

    def node_name(self, node: Any) -> str:
        return f"{self.torch_name}Backward1"


@op
class median_along(Middle):
    """The middle element along `dim`, the smaller of two middle ones, and its index; nan if there is one.

    Source  torch.median with dim
    """

    kernel = lambda xp, x, *, dim, keepdim=False: _median(xp, x, dim, keepdim, False)
    grad_x = lambda g, indices, x_type, dim, keepdim: put_back(g, indices, x_type, dim, keepdim)
    torch_name = "Median"


@op
class nanmedian_along(Middle):
    """The middle one of the elements along `dim` that are not nan, and its index.

    Source  torch.nanmedian with dim
    """

    kernel = lambda xp, x, *, dim, keepdim=False: _median(xp, x, dim, keepdim, True)
    grad_x = lambda g, indices, x_type, dim, keepdim: put_back(g, indices, x_type, dim, keepdim)
    torch_name = "Nanmedian"


class MiddleOfAll(ExtremeOfAll):
    """The middle of all elements, taken as one row; nan of none."""

    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    samples = [((2, 3), {"dim": (0, 1)}), ((4,), {"dim": (0,)})]

    def infer(self, x: Any, *, dim: tuple[int, ...], keepdim: bool) -> Type:
        return Type(x.dtype, ())

    def batched(self, examples: Examples) -> Any:
        rows = examples.whole(0).reshape((examples.size, -1))
        along_rows = median_along if self.torch_name == "Median" else nanmedian_along
        return along_rows.chosen(rows, 1, None, keepdim=False)[0]

    def node_name(self, node: Any) -> str:
        return f"{self.torch_name}Backward0"


@op
class median_(MiddleOfAll):
    """The middle element, the smaller of two middle ones; nan if there is one. Ties share the gradient.

    Source  torch.median
    """

    kernel = lambda xp, x, *, dim, keepdim=False: _median(xp, xp.reshape(x, (-1,)), 0, False, False)[0]
    grad_x = lambda g, x, result: _shared(g, x, result)
    torch_name = "Median"


@op
class nanmedian_(MiddleOfAll):
    """The middle one of the elements that are not nan. Ties share the gradient.

    Source  torch.nanmedian
    """

    kernel = lambda xp, x, *, dim, keepdim=False: _median(xp, xp.reshape(x, (-1,)), 0, False, True)[0]
    grad_x = lambda g, x, result: _shared(g, x, result)
    torch_name = "Nanmedian"


def _shared(g: Any, x: Any, result: Any) -> Any:
    """The cotangent of the middle element, divided among those that are equal to it, or nan as it is."""
    chosen = where(result.isnan(), x.isnan(), x == result).to(g.dtype)
    return g * (chosen / chosen.sum())


def median(x: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Any = None) -> Tensor | Chosen:
    """The middle element, the smaller of two middle ones; with `dim` along it, with its index. As torch.median."""
    return into(out, median_(x), "median") if dim is None else median_along.chosen(x, dim, out, keepdim=keepdim)


def nanmedian(x: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Any = None) -> Tensor | Chosen:
    """The median of the elements that are not nan, as torch.nanmedian."""
    return into(out, nanmedian_(x), "nanmedian") if dim is None \
        else nanmedian_along.chosen(x, dim, out, keepdim=keepdim)


@op
class mode(Choice):
    """The most frequent element along `dim`, the smallest of several such, and the index of its last occurrence.

    Source  torch.mode
    """

    kernel = lambda xp, x, *, dim, keepdim=False: _mode(xp, x, dim, keepdim)
    grad_x = lambda g, indices, x_type, dim, keepdim: put_back(g, indices, x_type, dim, keepdim)
    method = True
    samples = [(kinks([[1.0, 2.0, 2.0, 1.0], [3.0, 5.0, 4.0, 5.0]]), {"dim": 1}), ((4,), {"dim": 0, "keepdim": True})]

    def call(self, x: Tensor, dim: int = -1, keepdim: bool = False, *, out: Sequence[Tensor] | None = None) -> Any:
        return self.chosen(x, dim, out, keepdim=keepdim)


def _mode(xp: Any, x: Any, dim: int, keepdim: bool) -> tuple[Any, Any]:
    if not x.ndim:
        return xp.array(x, copy=True), _argsort(xp, x, dim)
    order = xp.moveaxis(_argsort(xp, x, dim), dim, -1)
    rows = xp.take_along_axis(xp.moveaxis(x, dim, -1), order, axis=-1)
    first = xp.concatenate([xp.ones_like(rows[..., :1], dtype=bool), rows[..., 1:] != rows[..., :-1]], axis=-1)
    place = xp.arange(x.shape[dim])
    length = place - xp.maximum.accumulate(xp.where(first, place, 0), axis=-1)  # of the run of equals up to here
    chosen = xp.take_along_axis(order, xp.argmax(length, axis=-1, keepdims=True), axis=-1)
    return taken(xp, x, xp.moveaxis(chosen, -1, dim), dim, keepdim)


def msort(x: Tensor, *, out: Tensor | None = None) -> Tensor:
    """x in order along its first dimension, as torch.msort."""
    return into(out, sort(x, 0)[0], "msort")


for _function in (median, nanmedian, msort):
    setattr(Tensor, _function.__name__, _function)
