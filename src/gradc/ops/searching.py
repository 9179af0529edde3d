"""Values looked for in others, told apart, and counted."""

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
from gradc.ops.batching import Examples
from gradc.ops.creation import as_tensor
from gradc.ops.define import op
from gradc.ops.gathering import scatter_add
from gradc.tensor import Tensor, host_array, wrap

__all__ = [
    "bincount", "bucketize", "histc", "histogram", "isin", "searchsorted", "unique", "unique_consecutive",
]


@op
class searchsorted(Op):
    """For each element of x the place in the row `boundaries`, which is in order, where it belongs.

    That is the number of boundaries that are less, or with `right` not greater. `boundaries` is one row for all, or has
    a row for each row of x.

    Source  torch.searchsorted; its operands stand the other way round
    """

    kernel = lambda xp, x, boundaries, *, right=False, out_int32=False: _places(x, boundaries, right, out_int32)
    lower = lambda xp, x, boundaries, *, right=False, out_int32=False: _places_lowered(
        xp, x, boundaries, right, out_int32)
    method = False
    checked = True
    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    samples = [((5,), [-1.0, 0.0, 0.5, 2.0]), ([1.0, 2.0, 3.0], [1.0, 2.0, 2.0, 3.0], {"right": True}),
               ((2, 3), [[-1.0, 0.0], [0.0, 1.0]]), ((), [0.0, 1.0])]

    def infer(self, x: Any, boundaries: Any, *, right: bool, out_int32: bool) -> Type:
        if dtypes.of(x.dtype) is not dtypes.of(boundaries.dtype):
            raise DtypeError(f"torch.searchsorted(): boundary tensor and input value tensor should have same dtype, "
                             f"but got boundary tensor dtype {dtypes.TITLES[dtypes.of(boundaries.dtype)]} and input "
                             f"value tensor dtype {dtypes.TITLES[dtypes.of(x.dtype)]}")
        if len(boundaries.shape) != 1 and tuple(boundaries.shape[:-1]) != tuple(x.shape[:-1]):
            raise ShapeError(f"torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
                             f"dimensions of boundaries tensor and input value tensor must match, but got boundaries "
                             f"tensor {list(boundaries.shape)} and input value tensor {list(x.shape)}")
        return Type(dtypes.int32 if out_int32 else dtypes.int64, x.shape)

    def call(self, sorted_sequence: Tensor, input: Any, *, out_int32: bool = False, right: bool = False,
             side: str | None = None, sorter: Tensor | None = None, out: Tensor | None = None) -> Any:
        if side not in (None, "left", "right") or side == "left" and right:
            raise CallError(f"torch.searchsorted(): side and right can't be set to opposites, got side of {side} "
                            f"while right was {right}")
        if sorter is not None:
            sorted_sequence = sorted_sequence.gather(-1, sorter)  # type: ignore[attr-defined]
        x = input if isinstance(input, Tensor) else as_tensor(input, dtype=sorted_sequence.dtype)
        attrs = {"right": right or side == "right", "out_int32": out_int32}
        return into(out, apply(self, (x, sorted_sequence), attrs), self.name)

    def batched(self, examples: Examples) -> Any:
        rows = examples.whole(1) if examples.rank(1) > 1 or examples.flags[1] else examples.operands[1]
        x = examples.whole(0)
        if examples.rank(1) > 1 or not examples.flags[1]:
            return examples.apply(self, (x, rows))
        return examples.apply(self, (x.reshape((examples.size, -1)), rows)).reshape(x.shape)


def _places(x: Any, boundaries: Any, right: bool, out_int32: bool) -> Any:
    side, kind = "right" if right else "left", "int32" if out_int32 else "int64"
    if boundaries.ndim == 1:
        return np.asarray(np.searchsorted(boundaries, x, side)).astype(kind)
    result = np.empty(x.shape, kind)
    for row in np.ndindex(x.shape[:-1]):
        result[row] = np.searchsorted(boundaries[row], x[row], side)
    return result


def _places_lowered(xp: Any, x: Any, boundaries: Any, right: bool, out_int32: bool) -> Any:
    import jax

    def find(row: Any, values: Any) -> Any:
        return xp.searchsorted(row, values, side="right" if right else "left")

    for _ in range(boundaries.ndim - 1):
        find = jax.vmap(find)
    return find(boundaries, x).astype("int32" if out_int32 else "int64")


def bucketize(x: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False,
              out: Tensor | None = None) -> Tensor:
    """The number of the bucket between `boundaries`, which are in order, for each element of x: torch.bucketize."""
    if boundaries.ndim != 1:
        raise ShapeError(f"bucketize(): boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})"
                         f"{quote(here())}")
    return searchsorted(boundaries, x, out_int32=out_int32, right=right, out=out)  # type: ignore[no-any-return]


@op
class isin(Op):
    """Whether each element of x is among those of y; with `invert` whether it is not.

    Source  torch.isin
    """

    kernel = lambda xp, x, y, *, invert=False: xp.isin(x, y, invert=invert)
    method = False
    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    samples = [([1.0, 2.0, 3.0], [3.0, 1.0]), ([[1, 2], [3, 4]], [2, 3, 7], {"invert": True})]

    def infer(self, x: Any, y: Any, *, invert: bool) -> Type:
        return Type(dtypes.bool_, x.shape)

    def call(self, elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
        x, y = [v if isinstance(v, Tensor) else as_tensor(v) for v in (elements, test_elements)]
        return apply(self, (x, y), {"invert": invert})

    def batched(self, examples: Examples) -> Any:
        if not examples.flags[1]:
            return examples.apply(self)
        row = examples.operands[1].reshape((examples.size, *(1,) * examples.rank(0), -1))
        found = (examples.aligned(0, examples.rank(0)).unsqueeze(-1) == row).any(-1)
        return ~found if examples.attrs["invert"] else found


def unique(x: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
           dim: int | None = None) -> Any:
    """The different elements, or slices along `dim`, of x in order, as torch.unique. Its shape depends on the values.

    With them, if asked for, the place among them of each element of x, and how often each occurs.
    """
    array = host_array(x, "unique()")
    axis = None if dim is None else shapes.normal_dim(dim, x.ndim)
    found = np.unique(array, return_inverse=True, return_counts=True, axis=axis, equal_nan=False)
    return _described(*found, array.shape if dim is None else array.shape[axis : axis + 1],  # type: ignore[operator]
                      return_inverse, return_counts)


def unique_consecutive(x: Tensor, return_inverse: bool = False, return_counts: bool = False,
                       dim: int | None = None) -> Any:
    """The elements, or slices along `dim`, without repetitions of the one before, as torch.unique_consecutive."""
    array = host_array(x, "unique_consecutive()")
    axis = 0 if dim is None else shapes.normal_dim(dim, x.ndim)
    rows = array.reshape(-1) if dim is None else np.moveaxis(array, axis, 0)
    differs = (rows[1:] != rows[:-1]).any(axis=tuple(range(1, rows.ndim)))
    first = np.concatenate([np.ones(min(len(rows), 1), bool), differs])
    starts = np.nonzero(first)[0]
    counts = np.diff(starts, append=len(rows))
    values = rows[first] if dim is None else np.moveaxis(rows[first], 0, axis)
    return _described(values, np.cumsum(first) - 1, counts, array.shape if dim is None else (len(rows),),
                      return_inverse, return_counts)


def _described(values: Any, inverse: Any, counts: Any, shape: shapes.Shape, return_inverse: bool,
               return_counts: bool) -> Any:
    found = [wrap(np.ascontiguousarray(values))]
    if return_inverse:
        found.append(wrap(inverse.reshape(shape)))
    if return_counts:
        found.append(wrap(counts))
    return found[0] if len(found) == 1 else tuple(found)


def bincount(x: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each integer from 0 on occurs in x, or the sum of its `weights`, as torch.bincount."""
    array = host_array(x, "bincount()")
    if array.dtype.kind not in "iu":
        raise UnsupportedError(f'"bincount_cpu" not implemented for {dtypes.TITLES[x.dtype]!r}{quote(here())}')
    if array.ndim != 1 or array.size and array.min() < 0:
        raise CallError(f"bincount only supports 1-d non-negative integral inputs, got {x.type_}{quote(here())}")
    if weights is None:
        return wrap(np.bincount(array, minlength=minlength))
    if weights.shape != x.shape:
        raise ShapeError(f"weights should be 1-d and have the same length as input, got {weights.type_} for {x.type_}"
                         f"{quote(here())}")
    sums = np.bincount(array, host_array(weights, "bincount()"), minlength)
    return wrap(sums.astype(np.float32) if weights.dtype is dtypes.float32 else sums)


def histc(x: Tensor, bins: int = 100, min: float = 0, max: float = 0, *, out: Tensor | None = None) -> Tensor:
    """How many elements lie in each of `bins` equal parts of [min, max], or of the range of x, as torch.histc."""
    if not x.dtype.is_floating_point:
        raise UnsupportedError(f'"histogram_cpu" not implemented for {dtypes.TITLES[x.dtype]!r}{quote(here())}')
    if bins <= 0 or max < min:
        raise CallError(f"torch.histc: bins must be > 0 and max must not be less than min, got bins={bins}, "
                        f"min={min}, max={max}{quote(here())}")
    row: Any = x.detach().reshape(-1)  # type: ignore[attr-defined]
    low, high = (row.amin(), row.amax()) if min == max and row.numel() else (row.new_full((), v) for v in (min, max))
    low, high = where(low == high, low - 1, low), where(low == high, high + 1, high)
    place = ((row - low) / (high - low) * bins).long().clamp(0, bins - 1)
    inside = ((row >= low) & (row <= high)).to(x.dtype)
    return into(out, scatter_add(row.new_zeros(bins), 0, place, inside), "histc")


@takes_out
def histogram(x: Tensor, bins: Any, *, range: Any = None, weight: Tensor | None = None,
              density: bool = False) -> tuple[Tensor, Tensor]:
    """The number, or weight, of elements between edges, and the edges, as torch.histogram. It has no gradient.

    `bins` are the edges, or a number of equal parts of `range`, by default from the least to the largest element.
    """
    array = host_array(x, "histogram()")
    if array.dtype.kind != "f":
        raise UnsupportedError(f'"histogram_cpu" not implemented for {dtypes.TITLES[x.dtype]!r}{quote(here())}')
    if isinstance(bins, Tensor):
        edges = host_array(bins, "histogram()")
        if edges.ndim != 1 or not edges.size:
            raise ShapeError(f"torch.histogram(): bins tensor should have one dimension, got {bins.type_}")
    else:
        edges = np.histogram_bin_edges(array, bins, range).astype(array.dtype)
    given = None if weight is None else host_array(weight, "histogram()").reshape(-1)
    counts, _ = np.histogram(array.reshape(-1), edges, weights=given, density=density)
    return wrap(counts.astype(array.dtype)), wrap(edges)


for _function in (bincount, histc, histogram, unique, unique_consecutive):
    setattr(Tensor, _function.__name__, _function)
