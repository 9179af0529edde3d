"""Views of a tensor's memory by strides: as_strided, and windows of one dimension."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import shapes
from gradc.apply import apply
from gradc.errors import CallError, ShapeError
from gradc.ir import Type
from gradc.locations import here, quote
from gradc.modes import current
from gradc.ops.base import Op
from gradc.ops.batching import Examples, along
from gradc.ops.conversion import known
from gradc.ops.define import op
from gradc.ops.indexing import Place, index_add_at
from gradc.ops.shape import movedim
from gradc.tensor import Tensor

__all__ = ["as_strided", "as_strided_scatter"]

Sizes = tuple[int, ...]


def _places(size: Sizes, stride: Sizes, offset: int) -> np.ndarray[Any, Any]:
    """The number of the element of row-major memory that each element of a strided view is."""
    steps = [np.arange(n) * s for n, s in zip(size, stride, strict=True)]
    return np.asarray(sum(np.ix_(*steps), start=np.asarray(offset)) if steps else offset)


def _view(x: np.ndarray[Any, Any], size: Sizes, stride: Sizes, offset: int) -> np.ndarray[Any, Any]:
    row = np.ascontiguousarray(x).reshape(-1)[offset:]
    steps = [s * row.itemsize for s in stride]
    return np.lib.stride_tricks.as_strided(row, size, steps) if row.size else row.reshape(size)


class Strided(Op):
    """An op on the elements that sizes, strides and an offset choose of a tensor's row-major memory."""

    generates = False
    checked = True
    samples: Any = [((12,), {"size": (3, 2), "stride": (4, 1), "offset": 1})]

    def batched(self, examples: Examples) -> Any:
        operands = [examples.whole(i) for i in range(len(examples.operands))]
        count = math.prod(examples.shape(0))
        return examples.apply(self, operands, size=(examples.size, *examples.attrs["size"]),
                              stride=(count, *examples.attrs["stride"]))


@op
class as_strided(Strided):
    """A view of the memory of x: element (i, j, …) is the one at offset + i·stride[0] + j·stride[1] + ….

    Raises  ShapeError where that lies outside the memory
    Source  torch.as_strided
    """

    kernel = lambda xp, x, *, size, stride, offset=0: _view(x, size, stride, offset)
    lower = lambda xp, x, *, size, stride, offset=0: xp.reshape(x, (-1,))[_places(size, stride, offset)]
    grad_x = lambda g, x_type, size, stride, offset: index_add_at(
        g.new_zeros(x_type.size), g, known(_places(size, stride, offset)), index=(Place(0),)).reshape(x_type.shape)
    view = True
    samples = [((12,), {"size": (3, 2), "stride": (4, 1), "offset": 1}), ((2, 3), {"size": (2, 2), "stride": (1, 1)})]

    def infer(self, x: Any, *, size: Sizes, stride: Sizes, offset: int) -> Type:
        if len(size) != len(stride) or min((*size, *stride, offset), default=0) < 0:
            raise ShapeError(f"as_strided: mismatch in length of strides and shape, or negative ones: size {size}, "
                             f"stride {stride}, storage_offset {offset}")
        last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
        count = int(np.prod(x.shape))
        if 0 not in size and last >= count:
            raise ShapeError(f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset} require "
                             f"{last + 1} elements and are out of bounds for storage of {count}")
        return Type(x.dtype, size)

    def call(self, x: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Any:
        base, start = _memory(x)
        return apply(self, (base,), {"size": tuple(size), "stride": tuple(stride),
                                     "offset": start if storage_offset is None else storage_offset})

    def writer(self, base: Type, attrs: dict[str, Any]) -> tuple[Op, dict[str, Any], bool]:
        return as_strided_scatter, attrs, True


def _memory(x: Tensor) -> tuple[Tensor, int]:
    """The tensor that owns the memory of x, and where in it x begins."""
    if current().trace is not None:
        return x, 0
    base = x
    while base._view is not None and not base._view.op.detaches:
        base = base._view.parent
    if not base._array.flags.c_contiguous:
        raise ShapeError(f"as_strided: the memory of {base.type_} is not in row-major order{quote(here())}\n"
                         f"    Call contiguous() first.")
    return base, _offset(x, base)


def _offset(x: Tensor, base: Tensor) -> int:
    addresses = [v._array.__array_interface__["data"][0] for v in (x, base)]
    return int(addresses[0] - addresses[1]) // base.element_size()


def _storage_offset(self: Tensor) -> int:
    """Where this tensor begins in the memory that it is a view of, in elements; 0 in a trace."""
    base = self
    while current().trace is None and base._view is not None:
        base = base._view.parent
    return _offset(self, base) if base is not self else 0


@op
class as_strided_scatter(Strided):
    """x with the elements that as_strided would show replaced by `value`.

    Source  torch.as_strided_scatter
    """

    kernel = lambda xp, x, value, *, size, stride, offset=0: _written(x, value, size, stride, offset)
    lower = lambda xp, x, value, *, size, stride, offset=0: xp.reshape(
        xp.reshape(x, (-1,)).at[_places(size, stride, offset)].set(value), x.shape)
    grad_x = lambda g, value_type, size, stride, offset: apply(
        as_strided_scatter, (g, g.new_zeros(value_type.shape)), {"size": size, "stride": stride, "offset": offset})
    grad_value = lambda g, size, stride, offset: apply(
        as_strided, (g,), {"size": size, "stride": stride, "offset": offset})
    samples = [((12,), (3, 2), {"size": (3, 2), "stride": (4, 1), "offset": 1})]

    def infer(self, x: Any, value: Any, *, size: Sizes, stride: Sizes, offset: int) -> Type:
        if as_strided.infer(x, size=size, stride=stride, offset=offset).shape != tuple(value.shape):
            raise ShapeError(f"as_strided_scatter: expected src to have a size equal to the slice of self. src size = "
                             f"{list(value.shape)}, slice size = {list(size)}")
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor, src: Tensor, size: Sequence[int], stride: Sequence[int],
             storage_offset: int | None = None) -> Any:
        return apply(self, (x, src), {"size": tuple(size), "stride": tuple(stride), "offset": storage_offset or 0})


def _written(x: Any, value: Any, size: Sizes, stride: Sizes, offset: int) -> Any:
    result = np.array(x, order="C")
    _view(result, size, stride, offset)[...] = value
    return result


@op
class unfold(Op):
    """The windows of `size` elements that start at every `step`-th place of the dimension `dim`, as a last dimension.

    Source  torch.Tensor.unfold
    """

    kernel = lambda xp, x, *, dim, size, step: _windows(x, dim, size, step)
    lower = lambda xp, x, *, dim, size, step: xp.moveaxis(
        x[(slice(None),) * dim + (_starts(x.shape[dim], size, step),)], dim + 1, -1)
    grad_x = lambda g, x_type, dim, size, step: index_add_at(
        g.new_zeros(x_type.shape), movedim(g, -1, dim + 1), known(_starts(x_type.shape[dim], size, step)),
        index=(slice(None),) * dim + (Place(0),))
    batched = along("dim")
    view = True
    checked = True
    samples = [((7,), {"dim": 0, "size": 3, "step": 2}), ((2, 5, 3), {"dim": 1, "size": 2, "step": 1})]

    def infer(self, x: Any, *, dim: int, size: int, step: int) -> Type:
        if step <= 0 or not 0 <= size <= x.shape[dim]:
            raise CallError(f"maximum size for tensor at dimension {dim} is {x.shape[dim]} but size is {size}"
                            if step > 0 else f"step is {step} but must be > 0")
        return Type(x.dtype, (*x.shape[:dim], (x.shape[dim] - size) // step + 1, *x.shape[dim + 1 :], size))

    def call(self, x: Tensor, dimension: int, size: int, step: int) -> Any:
        if not x.ndim:
            return self.call(x.reshape(1), dimension, size, step)[0]  # type: ignore[attr-defined]
        return apply(self, (x,), {"dim": shapes.normal_dim(dimension, x.ndim), "size": size, "step": step})

    def writer(self, base: Type, attrs: dict[str, Any]) -> tuple[Op, dict[str, Any], bool]:
        raise ShapeError(f"unfold(): windows may share elements, so they cannot be written{quote(here())}\n"
                         f"    clone() them first, or write to the tensor itself.")


def _starts(length: int, size: int, step: int) -> np.ndarray[Any, Any]:
    """The places of the elements of each window, a row for each."""
    return np.arange(0, length - size + 1, step)[:, None] + np.arange(size)


def _windows(x: Any, dim: int, size: int, step: int) -> Any:
    every = np.lib.stride_tricks.sliding_window_view(x, size, dim, writeable=True)
    return every[(slice(None),) * dim + (slice(None, None, step),)]


Tensor.storage_offset = _storage_offset  # type: ignore[attr-defined]
