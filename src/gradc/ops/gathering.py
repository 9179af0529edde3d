"""Reading and writing elements at integers: gather, scatter, embeddings, and masks."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc import dtypes, shapes
from gradc.apply import apply
from gradc.errors import CallError, DimensionError, DtypeError, ShapeError
from gradc.inplace import into, takes_out, write
from gradc.ir import Type
from gradc.locations import here, quote
from gradc.ops.arithmetic import where
from gradc.ops.base import Op
from gradc.ops.batching import Examples, alike, along
from gradc.ops.define import op
from gradc.ops.indexing import Place, check_addable, index, index_add_at, index_put, setitem
from gradc.ops.samples import ints
from gradc.tensor import Tensor

__all__ = [
    "gather", "index_add", "index_fill", "index_select", "masked_fill", "masked_select", "scatter",
    "scatter_add", "take_along_dim",
]


def gather_infer(self: Op, x: Any, index: Any, *, dim: int) -> Type:
    """The type of what `index` gathers from x along `dim`, where an index is what it must be."""
    if index.dtype.category != dtypes.INT:
        raise DtypeError(f"{self.name}(): Expected dtype int64 for index, got {index.dtype}")
    if len(index.shape) != len(x.shape):
        raise ShapeError("Index tensor must have the same number of dimensions as input tensor")
    for d, (a, b) in enumerate(zip(index.shape, x.shape, strict=True)):
        if d != dim and a > b:
            raise ShapeError(f"Size does not match at dimension {d} expected index {list(index.shape)} to be no "
                             f"larger than self {list(x.shape)} apart from dimension {dim}")
    return Type(x.dtype, index.shape)


def check_places(x: Tensor, dim: int, index: Tensor) -> None:
    """Raise CallError for an index that the dimension does not have, where it can be known now: NumPy counts back."""
    array = index._array
    if isinstance(array, np.ndarray) and array.size and x.ndim:
        size = x._array.shape[dim]
        if array.min() < 0 or array.max() >= size:
            wrong = array[(array < 0) | (array >= size)][0]
            raise CallError(f"index {wrong} is out of bounds for dimension {dim} with size {size}{quote(here())}")


def grid(xp: Any, index: Any, dim: int, shape: shapes.Shape) -> tuple[Any, ...]:
    """The full index that takes, at each place of `index`, its element as the position along `dim`."""
    return tuple(index if d == dim else xp.reshape(xp.arange(n), (1,) * d + (n,) + (1,) * (len(shape) - d - 1))
                 for d, n in enumerate(shape))


def _gather(xp: Any, x: Any, index: Any, *, dim: int) -> Any:
    return x[grid(xp, index, dim, index.shape)] if index.ndim else x.copy()


def _scatter_add(xp: Any, x: Any, index: Any, source: Any, *, dim: int) -> Any:
    result = x.copy()
    np.add.at(result, grid(np, index, dim, index.shape), source[tuple(slice(n) for n in index.shape)])
    return result


@op
class gather(Op):
    """result[i][j] = x[index[i][j]][j] for dim = 0, and so on.

    Source  torch.gather
    """

    kernel = _gather
    grad_x = lambda g, index, x_type, dim: scatter_add(g.new_zeros(x_type.shape, dtype=x_type.dtype), dim, index, g)
    batched = along("dim", scalars=True)
    infer = gather_infer
    checked = True
    samples = [((4, 3), ints((2, 3), 4), {"dim": 0}), ((4, 3), ints((4, 5), 3), {"dim": 1}),
               ((3, 4, 2), ints((2, 4, 1), 3), {"dim": 0}), ((), ints((), 1), {"dim": 0})]

    def call(self, x: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Any:
        dim = shapes.normal_dim(dim, x.ndim)
        if not index.numel() and index.ndim != x.ndim:  # PyTorch lets nothing be gathered from anything
            return x.reshape(-1)[:0].reshape(index._array.shape)  # type: ignore[attr-defined]
        if not x.ndim and index.ndim == 1:
            x = x.reshape(1)  # type: ignore[attr-defined]
        check_places(x, dim, index)
        return apply(self, (x, index), {"dim": dim})


@op
class scatter_add(Op):
    """x with source[i][j] added to x[index[i][j]][j] for dim = 0, and so on.

    Source  torch.scatter_add
    """

    kernel = _scatter_add
    lower = lambda xp, x, index, source, *, dim: x.at[grid(xp, index, dim, index.shape)].add(
        source[tuple(slice(n) for n in index.shape)])
    grad_x = lambda g: g
    grad_source = lambda g, index, source_type, dim: in_corner(gather(g, dim, index), source_type)
    batched = along("dim", scalars=True)
    checked = True
    inplace = True
    samples = [((4, 3), ints((2, 3), 4), (2, 3), {"dim": 0}), ((4, 3), ints((4, 5), 3), (4, 6), {"dim": 1}),
               ((3, 4, 2), ints((2, 4, 1), 3), (3, 4, 2), {"dim": 0})]

    def infer(self, x: Any, index: Any, source: Any, *, dim: int) -> Type:
        gather_infer(self, x, index, dim=dim)
        check_source(index, source)
        return Type(x.dtype, x.shape)

    def compute_dtype(self, operands: Sequence[Any]) -> None:
        check_addable(self, operands[0], operands[2])

    def call(self, x: Tensor, dim: int, index: Tensor, src: Tensor) -> Any:
        dim = shapes.normal_dim(dim, x.ndim)
        check_places(x, dim, index)
        return apply(self, (x, index, src), {"dim": dim})


@op
class scatter(Op):
    """x with x[index[i][j]][j] replaced by source[i][j] for dim = 0, and so on.

    Source  torch.scatter. Of several values for one place one is taken
    """

    kernel = lambda xp, x, index, source, *, dim: _scatter(x, index, source, dim)
    lower = lambda xp, x, index, source, *, dim: x.at[grid(xp, index, dim, index.shape)].set(
        source[tuple(slice(n) for n in index.shape)])
    grad_x = lambda g, index, dim: scatter(g, dim, index, 0.0)
    grad_source = lambda g, index, source_type, dim: in_corner(gather(g, dim, index), source_type)
    batched = along("dim", scalars=True)
    checked = True
    inplace = True
    samples = [((4, 3), ints((3, 3), 3, distinct=True), (3, 3), {"dim": 1}),
               ((2, 5), ints((2, 3), 5, distinct=True), (2, 4), {"dim": 1})]

    def infer(self, x: Any, index: Any, source: Any, *, dim: int) -> Type:
        if dtypes.of(x.dtype) is not dtypes.of(source.dtype):
            raise DtypeError(f"scatter(): Expected self.dtype to be equal to src.dtype, got {x.dtype!r} and "
                             f"{source.dtype!r}")
        gather_infer(self, x, index, dim=dim)
        check_source(index, source)
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None,
             reduce: str | None = None) -> Any:
        source = value if src is None else src
        if not isinstance(source, Tensor):
            source = x.new_full(index.shape, source)  # type: ignore[attr-defined]
        if reduce is not None:
            if reduce not in ("add", "multiply"):
                raise CallError(f"reduce argument must be either add or multiply, got {reduce}")
            return x.scatter_reduce(dim, index, source, "sum" if reduce == "add" else "prod")  # type: ignore
        dim = shapes.normal_dim(dim, x.ndim)
        check_places(x, dim, index)
        return apply(self, (x, index, source), {"dim": dim})


def _scatter(x: Any, index: Any, source: Any, dim: int) -> Any:
    result = np.array(x)
    result[grid(np, index, dim, index.shape)] = source[tuple(slice(n) for n in index.shape)]
    return result


def check_source(index: Any, source: Any) -> None:
    """Raise ShapeError unless the source has an element for each index."""
    if len(source.shape) != len(index.shape) or any(a > b for a, b in zip(index.shape, source.shape, strict=True)):
        raise ShapeError(f"Expected index {list(index.shape)} to be no larger than src {list(source.shape)}")


def in_corner(x: Tensor, whole: Type) -> Tensor:
    """Zeros of the type `whole` with x where the indices are smallest."""
    if tuple(x._array.shape) == whole.shape:
        return x
    return setitem(x.new_zeros(whole.shape), x, tuple(slice(0, n) for n in x._array.shape))  # type: ignore


def with_rank(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator: a function of slices of x takes a number as a vector of one, as PyTorch does, and gives a number."""
    @functools.wraps(function)
    def of_any_rank(x: Tensor, dim: int, index: Tensor, *args: Any, **kwargs: Any) -> Any:
        if x.ndim and index.ndim == 1:
            return function(x, dim, index, *args, **kwargs)
        if index.ndim > 1:
            raise DimensionError(f"{function.__name__}(): Index is supposed to be a vector, but got a tensor of rank "
                                 f"{index.ndim}{quote(here())}")
        if index.ndim == 0:
            index = index.reshape(1)  # type: ignore[attr-defined]
        if x.ndim:
            return function(x, dim, index, *args, **kwargs)
        if function.__name__ != "index_fill":  # others have slices for operands
            args = tuple(a.reshape(1) if isinstance(a, Tensor) else a for a in args)
            kwargs = {key: a.reshape(1) if isinstance(a, Tensor) else a for key, a in kwargs.items()}
        return function(x.clone().reshape(1), dim, index, *args, **kwargs).reshape(())  # type: ignore[attr-defined]

    return of_any_rank


@takes_out
@with_rank
def index_select(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of x at `index` along `dim`, as torch.index_select."""
    return x[(slice(None),) * shapes.normal_dim(dim, x.ndim) + (index,)]  # type: ignore[index]


@takes_out
@with_rank
def index_add(x: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """x with the slices of `source` added at `index` along `dim`, as torch.index_add."""
    dim = shapes.normal_dim(dim, x.ndim)
    if tuple(source.shape) != (*x.shape[:dim], index.numel(), *x.shape[dim + 1 :]):
        raise ShapeError(f"index_add_(): source tensor shape must match self tensor shape, excluding the specified "
                         f"dimension. Got dim = {dim} self.shape = {list(x.shape)} source.shape = "
                         f"{list(source.shape)} index.shape = {list(index.shape)}{quote(here())}")
    place = (slice(None),) * dim + (Place(0),)
    return index_add_at(x, source if alpha == 1 else source * alpha, index, index=place)  # type: ignore


@with_rank
def index_fill(x: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """x with `value` in the slices at `index` along `dim`, as torch.index_fill."""
    if isinstance(value, Tensor) and value.ndim:
        raise CallError(f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} "
                        f"dimension(s).{quote(here())}")
    dim = shapes.normal_dim(dim, x.ndim)
    rows: Any = x.new_zeros(x.shape[dim], dtype=dtypes.bool_)  # type: ignore[attr-defined]
    filled = index_put(rows, rows.new_ones(()), index, index=(Place(0),))
    return where(filled.reshape((-1,) + (1,) * (x.ndim - dim - 1)), _fitting(value, x.dtype), x)  # type: ignore


@takes_out
def take_along_dim(x: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """The elements of x at `indices` along `dim`, broadcast in the others, as torch.take_along_dim."""
    if dim is None:
        return take_along_dim(x.reshape(-1), indices.reshape(-1), 0)  # type: ignore[attr-defined, no-any-return]
    dim = shapes.normal_dim(dim, x.ndim)
    if not isinstance(indices._array, np.ndarray) or (indices._array < 0).any():  # unlike gather, it counts back
        indices = where(indices < 0, indices + x.shape[dim], indices)
    shape = list(shapes.broadcast((*x.shape[:dim], 1, *x.shape[dim + 1 :]),
                                  (*indices.shape[:dim], 1, *indices.shape[dim + 1 :])))
    ours, theirs = list(shape), list(shape)
    ours[dim], theirs[dim] = x.shape[dim], indices.shape[dim]
    return x.expand(ours).gather(dim, indices.expand(theirs))  # type: ignore[attr-defined, no-any-return]


def masked_fill(x: Tensor, mask: Tensor, value: Any) -> Tensor:
    """x with `value` where the mask holds, in the type of x, as torch.masked_fill."""
    if mask.dtype is not dtypes.bool_:
        raise DtypeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype}"
                         f"{quote(here())}")
    if isinstance(value, Tensor) and value.ndim:
        raise ShapeError(f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} "
                         f"dimension(s).{quote(here())}")
    return where(mask, _fitting(value, x.dtype), x)  # type: ignore[no-any-return]


def _fitting(value: Any, kind: dtypes.dtype) -> Any:
    """`value` in the type `kind`. Raises DtypeError for a number that the type cannot hold."""
    real = not (value.dtype.is_complex if isinstance(value, Tensor) else isinstance(value, complex))
    if isinstance(value, Tensor):
        if real or kind.category in (dtypes.COMPLEX, dtypes.BOOL):
            return value if value.dtype is kind else value.to(kind)  # type: ignore[attr-defined]
    elif kind.category == dtypes.BOOL:
        return bool(value)
    elif real and kind.category == dtypes.INT:
        limits = dtypes.iinfo(kind)
        if math.isfinite(value) and limits.min - (limits.max + 1) * (limits.min == 0) <= value <= limits.max:
            return int(np.asarray(int(value)).astype(kind.numpy))
    elif real or kind.category == dtypes.COMPLEX:
        return value
    raise DtypeError(f"value cannot be converted to type {kind} without overflow: {value}{quote(here())}")


def masked_select(x: Tensor, mask: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The elements of x where the mask holds, in row-major order, as torch.masked_select."""
    if mask.dtype is not dtypes.bool_:
        raise DtypeError(f"masked_select: expected BoolTensor for mask, got {mask.dtype}{quote(here())}")
    common = shapes.broadcast(x._array.shape, mask._array.shape)
    return into(out, x.expand(common)[mask.expand(common)], "masked_select")  # type: ignore[attr-defined]


def _masked_fill_(self: Tensor, mask: Tensor, value: Any) -> Tensor:
    return write(self, masked_fill(self, mask, value), "masked_fill_")


for _function in (index_select, index_add, index_fill, take_along_dim, masked_fill, masked_select):
    setattr(Tensor, _function.__name__, _function)
Tensor.masked_fill_ = _masked_fill_  # type: ignore[attr-defined]


@op
class embedding(Op):
    """The rows of `weight` at the integers `x`.

    Source  torch.nn.functional.embedding
    """

    kernel = lambda xp, x, weight: weight[x]
    grad_weight = lambda g, x, weight_type: index_add_at(
        g.new_zeros(weight_type.shape, dtype=weight_type.dtype), g, x, index=(Place(0),))
    checked = True
    method = False
    samples = [(ints((4,), 5), (5, 3)), (ints((2, 3), 5), (5, 2)), (ints((), 5), (5, 3))]

    def infer(self, x: Any, weight: Any) -> Type:
        if x.dtype.category != dtypes.INT:
            raise DtypeError(f"Expected tensor for argument #1 'indices' to have one of the following scalar types: "
                             f"Long, Int; but got torch.{dtypes.TITLES[x.dtype]}Tensor instead (while checking "
                             f"arguments for embedding)")
        return Type(weight.dtype, (*x.shape, *weight.shape[1:]))

    def call(self, x: Tensor, weight: Tensor) -> Any:
        array = x._array
        if isinstance(array, np.ndarray) and array.size and not (0 <= array.min() and array.max() < weight.shape[0]):
            raise DimensionError("index out of range in self")
        return apply(self, (x, weight), {})

    def batched(self, examples: Examples) -> Any:
        (x, weight), (indexed, table) = examples.operands, examples.flags
        if not table:
            return examples.apply(self)
        return index.batched(Examples((weight, x), (table, indexed), {"index": (Place(0),)}, examples.size))


@op
class one_hot(Op):
    """1 at the position that each integer of x names, 0 elsewhere, along a new last dimension.

    Source  torch.nn.functional.one_hot
    """

    kernel = lambda xp, x, *, num_classes: xp.astype(
        xp.equal(xp.expand_dims(x, -1), xp.arange(num_classes)), "int64")
    batched = alike
    method = False
    samples = [(ints((4,), 3), {"num_classes": 3}), (ints((2, 2), 3), {"num_classes": 4})]

    def infer(self, x: Any, *, num_classes: int) -> Type:
        return Type(dtypes.int64, (*x.shape, num_classes))

    def call(self, x: Tensor, num_classes: int = -1) -> Any:
        if num_classes == -1:
            num_classes = int(x.max().item()) + 1  # type: ignore[attr-defined]
        return apply(self, (x,), {"num_classes": num_classes})
