"""Values scattered into a tensor: reduced with what is there, or put into a slice of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc import dtypes, shapes
from gradc.apply import apply
from gradc.errors import CallError, DtypeError, ShapeError, UnsupportedError
from gradc.inplace import into, takes_out
from gradc.ir import Type
from gradc.locations import here, quote
from gradc.ops.arithmetic import where
from gradc.ops.base import Op
from gradc.ops.batching import along
from gradc.ops.conversion import known
from gradc.ops.define import inplace, op
from gradc.ops.gathering import (
    check_places,
    check_source,
    gather,
    gather_infer,
    grid,
    in_corner,
    scatter,
    scatter_add,
    with_rank,
)
from gradc.ops.indexing import setitem
from gradc.ops.indices import normal_index, readable
from gradc.ops.joining import stack
from gradc.ops.samples import ints, kinks
from gradc.tensor import Tensor

__all__ = ["argwhere", "index_reduce", "nonzero_static", "scatter_reduce", "select_scatter", "slice_scatter", "take"]

REDUCTIONS = {"sum": np.add, "prod": np.multiply, "mean": np.add, "amax": np.maximum, "amin": np.minimum}
METHODS = {"sum": "add", "prod": "multiply", "mean": "add", "amax": "max", "amin": "min"}


@op
class scatter_reduce(Op):
    """x with source[i][j] reduced into x[index[i][j]][j] for dim = 0, and so on, by sum, prod, mean, amax or amin.

    Without `include_self` what x holds at these places does not take part. Ties of amax and amin share the gradient.

    Raises  CallError for another reduction
    Source  torch.scatter_reduce; x.at[index].add, .multiply, .max, .min in JAX
    """

    kernel = lambda xp, x, index, source, *, dim, reduce, include_self=True: _reduced(
        x, index, source, dim, reduce, include_self)
    lower = lambda xp, x, index, source, *, dim, reduce, include_self=True: _reduced_lowered(
        xp, x, index, source, dim, reduce, include_self)
    grads = lambda g, x, index, source, result, dim, reduce, include_self: _slopes(
        g, x, index, source, result, dim, reduce, include_self)
    batched = along("dim")
    checked = True
    inplace = True
    samples = [
        *[((4, 3), ints((3, 3), 4), (3, 3), {"dim": 0, "reduce": reduce, "include_self": include_self})
          for reduce in ("sum", "prod", "mean", "amax", "amin") for include_self in (True, False)],
        ((2, 4), ints((2, 3), 4), (2, 5), {"dim": 1, "reduce": "amax"}),
        (kinks([1.0, 2.0]), ints((3,), 1), kinks([1.0, 0.0, 1.0]), {"dim": 0, "reduce": "amax"}),
        (kinks([1.0, 2.0]), ints((3,), 1), kinks([3.0, 0.0, 2.0]), {"dim": 0, "reduce": "prod"})]

    def infer(self, x: Any, index: Any, source: Any, *, dim: int, reduce: str, include_self: bool) -> Type:
        if reduce not in REDUCTIONS:
            raise CallError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
        if x.dtype is not source.dtype:
            raise DtypeError(f"scatter(): Expected self.dtype to be equal to src.dtype, got {x.dtype!r} and "
                             f"{source.dtype!r}")
        ordered = reduce in ("amax", "amin")
        if x.dtype is dtypes.bool_ or ordered and x.dtype.is_complex:
            raise UnsupportedError(f'"scatter_reduce_{reduce}" not implemented for {dtypes.TITLES[x.dtype]!r}')
        gather_infer(self, x, index, dim=dim)
        check_source(index, source)
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True) -> Any:
        dim = shapes.normal_dim(dim, x.ndim)
        check_places(x, dim, index)
        return apply(self, (x, index, src), {"dim": dim, "reduce": reduce, "include_self": include_self})


def _neutral(reduce: str, kind: Any) -> Any:
    """The number that changes nothing when it takes part in a reduction."""
    if reduce in ("amax", "amin"):
        info = np.iinfo(kind) if kind.kind in "iu" else None
        low, high = (info.min, info.max) if info else (False, True) if kind.kind == "b" else (-np.inf, np.inf)
        return low if reduce == "amax" else high
    return 1 if reduce == "prod" else 0


def _reduced(x: Any, index: Any, source: Any, dim: int, reduce: str, include_self: bool) -> Any:
    if not x.ndim:
        return _reduced(x.reshape(1), index.reshape(1), source.reshape(1), 0, reduce, include_self).reshape(())
    result = x.copy()
    places = grid(np, index, dim, index.shape)
    if not include_self:
        result[places] = _neutral(reduce, x.dtype)
    REDUCTIONS[reduce].at(result, places, source[tuple(slice(n) for n in index.shape)])
    if reduce == "mean":
        counts = np.full(x.shape, int(include_self))
        np.add.at(counts, places, 1)
        counts = np.maximum(counts, 1).astype(x.dtype)
        result = result / counts if x.dtype.kind in "fcV" else result // counts
    return result


def _reduced_lowered(xp: Any, x: Any, index: Any, source: Any, dim: int, reduce: str, include_self: bool) -> Any:
    if not x.ndim:
        return _reduced_lowered(xp, *[xp.reshape(v, (1,)) for v in (x, index, source)], 0, reduce,
                                include_self).reshape(())
    places = grid(xp, index, dim, index.shape)
    result = x if include_self else x.at[places].set(_neutral(reduce, x.dtype))
    result = getattr(result.at[places], METHODS[reduce])(source[tuple(slice(n) for n in index.shape)])
    if reduce == "mean":
        counts = xp.full(x.shape, int(include_self)).at[places].add(1)
        counts = xp.maximum(counts, 1).astype(x.dtype)
        result = result / counts if x.dtype.kind in "fcV" else result // counts
    return result


def _slopes(g: Any, x: Any, index: Any, source: Any, result: Any, dim: int, reduce: str,
            include_self: bool) -> tuple[Any, ...]:
    """The cotangents of x and of the source."""
    ones = source.new_ones(index._array.shape)
    inside = source[tuple(slice(0, n) for n in index._array.shape)] if index.ndim else source

    def at(values: Any) -> Any:
        return gather(values, dim, index)

    own: Any = g
    if reduce == "sum":
        given = at(g)
    elif reduce == "mean":
        counts = scatter_add(x.new_full(x._array.shape, int(include_self)), dim, index, ones)
        own = g / where(counts == 0, 1.0, counts)
        given = at(own)
    elif reduce == "prod":
        own = g * scatter_reduce(x.new_ones(x._array.shape), dim, index, source, "prod")
        given = _of_others(g, x, index, inside, dim, include_self)
    else:
        own, chosen = (x == result).to(g.dtype), (inside == at(result)).to(g.dtype)
        start = own if include_self else scatter(own, dim, index, 0.0)
        shared = g / scatter_add(start, dim, index, chosen).clamp(1)
        own, given = start * shared, at(shared) * chosen
    if not include_self:
        own = scatter(own if reduce in ("amax", "amin") else g, dim, index, 0.0)
        if reduce in ("amax", "amin"):
            own = where(scatter(x.new_zeros(x._array.shape), dim, index, 1.0) > 0, own, g)
    return own, None, in_corner(given, source.type_)


def _of_others(g: Any, x: Any, index: Any, inside: Any, dim: int, include_self: bool) -> Any:
    """g times the product of the others that each element of the source is multiplied with."""
    zero = inside == 0
    start = x if include_self else scatter(x, dim, index, 1.0)
    product = scatter_reduce(start, dim, index, where(zero, 1.0, inside), "prod")
    zeros = gather(scatter_add(g.new_zeros(x._array.shape), dim, index, zero.to(g.dtype)), dim, index)
    found = gather(g * product, dim, index)
    return where(zero, where(zeros == 1, found, 0.0), where(zeros == 0, found / where(zero, 1.0, inside), 0.0))


@takes_out
@with_rank
def index_reduce(x: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *,
                 include_self: bool = True) -> Tensor:
    """x with the slices of `source` reduced into it at `index` along `dim`, as torch.index_reduce."""
    dim = shapes.normal_dim(dim, x.ndim)
    wide = index.reshape((1,) * dim + (-1,) + (1,) * (x.ndim - dim - 1))  # type: ignore[attr-defined]
    return scatter_reduce(x, dim, wide.expand(source._array.shape), source, reduce,  # type: ignore[no-any-return]
                          include_self=include_self)


def _put(name: str, x: Tensor, src: Tensor, item: tuple[Any, ...]) -> Tensor:
    index, _ = normal_index(item, x._array.shape)
    if src.dtype is not x.dtype:
        src = src.to(x.dtype)  # type: ignore[attr-defined]
    index = readable(index, x._array.shape)
    shape = x[index]._array.shape  # type: ignore[index]
    if src._array.shape != shape:
        raise ShapeError(f"{name}: expected src to have a size equal to the slice of self. src size = "
                         f"{list(src.shape)}, slice size = {list(shape)}{quote(here())}")
    return setitem(x, src, index)  # type: ignore[no-any-return]


@takes_out
def select_scatter(x: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """x with the slice at `index` of the dimension `dim` replaced by `src`, as torch.select_scatter."""
    return _put("select_scatter", x, src, (slice(None),) * shapes.normal_dim(dim, x.ndim) + (index,))


@takes_out
def slice_scatter(x: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None,
                  step: int = 1) -> Tensor:
    """x with the elements from start to end along `dim` replaced by `src`, as torch.slice_scatter."""
    return _put("slice_scatter", x, src, (slice(None),) * shapes.normal_dim(dim, x.ndim) + (slice(start, end, step),))


def take(x: Tensor, index: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The elements of x at `index`, which counts in row-major order, as torch.take."""
    return into(out, x.reshape(-1)[index], "take")  # type: ignore[attr-defined]


def argwhere(x: Tensor) -> Tensor:
    """The indices of the nonzero elements, a row for each, as torch.argwhere."""
    return x.nonzero()  # type: ignore[attr-defined, no-any-return]


@takes_out
def nonzero_static(x: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """The indices of the first `size` nonzero elements, a row for each, as torch.nonzero_static.

    Where there are fewer, the rows left over are `fill_value`. Its shape is known before the values are.
    """
    if size < 0:
        raise CallError(f"nonzero_static: 'size' must be an non-negative integer, got {size}{quote(here())}")
    shape = x._array.shape
    found: Any = (x != 0).reshape(-1)  # type: ignore[attr-defined]
    order = found.cumsum(0) - 1
    slot = where(found & (order < size), order, size)  # the others are written to a row that is then cut off
    places = np.indices(shape).reshape(len(shape), x.numel())
    start: Any = x.new_full((size + 1,), fill_value, dtype=dtypes.int64)  # type: ignore[attr-defined]
    columns = [scatter(start, 0, slot, known(place))[:size] for place in places]
    return stack(columns, 1) if columns else start[:size].reshape(size, 1)[:, :0]  # type: ignore[no-any-return]


def _fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Write a number on the main diagonal, as torch.Tensor.fill_diagonal_; `wrap` starts anew below a tall matrix."""
    shape = self._array.shape
    if self.ndim < 2 or self.ndim > 2 and len(set(shape)) > 1:
        raise ShapeError(f"all dimensions of input must be of equal length, and at least two, got {self.type_}"
                         f"{quote(here())}")
    count = min(shape)
    numbers = np.arange(count)
    index: tuple[Any, ...] = (numbers,) * self.ndim
    if wrap and self.ndim == 2:
        numbers = np.arange(0, shape[0] * shape[1], shape[1] + 1)
        index = np.unravel_index(numbers, shape)
    self[index] = fill_value  # type: ignore[index]
    return self


for _function in (nonzero_static, argwhere, index_reduce, select_scatter, slice_scatter, take):
    setattr(Tensor, _function.__name__, _function)
Tensor.index_reduce_ = inplace(index_reduce, "index_reduce_")  # type: ignore[attr-defined]
Tensor.fill_diagonal_ = _fill_diagonal_  # type: ignore[attr-defined]
