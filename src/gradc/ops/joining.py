"""Joining tensors, and cutting one into parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc import dtypes
from gradc.apply import apply
from gradc.errors import ArgumentError, DimensionError, ShapeError
from gradc.ir import Type
from gradc.ops.base import Op
from gradc.ops.define import op
from gradc.shapes import normal_dim
from gradc.tensor import Tensor

__all__ = ["cat", "chunk", "hstack", "narrow", "select", "split", "stack", "unbind", "vstack"]


@op
class cat(Op):
    """The tensors joined along the dimension `dim`.

    Source  torch.cat
    """

    kernel = lambda xp, *tensors, dim: xp.concatenate(tensors, axis=dim)
    grads = lambda g, operand_types, dim: _pieces(g, [t.shape[dim] for t in operand_types], dim)
    method = False
    samples = [((2, 3), (1, 3), {"dim": 0}), ((2, 1), (2, 2), (2, 3), {"dim": 1})]

    def infer(self, *tensors: Any, dim: int) -> Type:
        first = tensors[0].shape
        for i, other in enumerate(tensors[1:], 1):
            if len(other.shape) != len(first):
                raise ShapeError(f"Tensors must have same number of dimensions: got {len(first)} and "
                                 f"{len(other.shape)}")
            for d, (a, b) in enumerate(zip(first, other.shape, strict=True)):
                if a != b and d != dim:
                    raise ShapeError(f"Sizes of tensors must match except in dimension {dim}. Expected size {a} but "
                                     f"got size {b} for tensor number {i} in the list.")
        return Type(tensors[0].dtype, (*first[:dim], sum(x.shape[dim] for x in tensors), *first[dim + 1 :]))

    def compute_dtype(self, operands: Sequence[Any]) -> Any:
        return promoted(operands)

    def call(self, tensors: Sequence[Tensor], dim: int = 0, *, axis: int | None = None) -> Any:
        tensors = _several(self, tensors)
        return apply(self, tuple(tensors), {"dim": normal_dim(dim if axis is None else axis, tensors[0].ndim)})


@op
class stack(Op):
    """The tensors, all of one shape, along a new dimension `dim`.

    Source  torch.stack
    """

    kernel = lambda xp, *tensors, dim: xp.stack(tensors, axis=dim)
    grads = lambda g, operand_types, dim: tuple(select(g, dim, i) for i in range(len(operand_types)))
    method = False
    samples = [((2, 3), (2, 3), {"dim": 0}), ((2,), (2,), (2,), {"dim": 1})]

    def infer(self, *tensors: Any, dim: int) -> Type:
        first = tensors[0].shape
        for i, other in enumerate(tensors):
            if other.shape != first:
                raise ShapeError(f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and "
                                 f"{list(other.shape)} at entry {i}")
        return Type(tensors[0].dtype, (*first[:dim], len(tensors), *first[dim:]))

    def compute_dtype(self, operands: Sequence[Any]) -> Any:
        return promoted(operands)

    def call(self, tensors: Sequence[Tensor], dim: int = 0) -> Any:
        tensors = _several(self, tensors)
        return apply(self, tuple(tensors), {"dim": normal_dim(dim, tensors[0].ndim + 1)})


def promoted(operands: Sequence[Any]) -> Any:
    """The promoted type of tensor operands."""
    return dtypes.promote([(dtypes.of(x.dtype), x.ndim) for x in operands])


def _several(self: Op, tensors: Sequence[Tensor]) -> list[Tensor]:
    found = list(tensors)
    if not found:
        raise ArgumentError(f"{self.name}(): expected a non-empty list of Tensors")
    for x in found:
        if not isinstance(x, Tensor):
            raise ArgumentError(f"{self.name}(): expected a list of Tensors, got one of {type(x).__name__}")
    return found


def select(x: Tensor, dim: int, index: int) -> Tensor:
    """x at `index` of the dimension `dim`, as torch.select."""
    return x[(slice(None),) * normal_dim(dim, x.ndim) + (index,)]  # type: ignore[index]


def narrow(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """The `length` elements of the dimension `dim` from `start` on, as torch.narrow."""
    dim = normal_dim(dim, x.ndim)
    size = x._array.shape[dim]
    if length < 0 or not 0 <= start <= size - length:
        raise DimensionError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return x[(slice(None),) * dim + (slice(start, start + length),)]  # type: ignore[index]


def _pieces(x: Tensor, sizes: Sequence[int], dim: int) -> tuple[Tensor, ...]:
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return tuple(narrow(x, dim, start, size) for start, size in zip(starts, sizes, strict=True))


def split(x: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """x cut along `dim` into pieces of one size (the last may be smaller) or of the given sizes, as torch.split."""
    size = x._array.shape[normal_dim(dim, x.ndim)]
    if isinstance(split_size_or_sections, int):
        each = split_size_or_sections
        sizes = [min(each, size - start) for start in range(0, size, each)] or [0]
    else:
        sizes = list(split_size_or_sections)
        if sum(sizes) != size:
            raise ShapeError(f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at "
                             f"dimension {dim}), but got split_sizes={sizes}")
    return _pieces(x, sizes, normal_dim(dim, x.ndim))


def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """x cut along `dim` into at most `chunks` pieces, as torch.chunk."""
    size = x._array.shape[normal_dim(dim, x.ndim)]
    return split(x, max(-(-size // chunks), 1), dim)


def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices of x along `dim`, as torch.unbind."""
    return tuple(select(x, dim, i) for i in range(x._array.shape[normal_dim(dim, x.ndim)]))


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors joined along their second dimension (vectors along their only one), as torch.hstack."""
    return cat(tensors, 0 if tensors[0].ndim <= 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors joined as rows, as torch.vstack."""
    return cat([x.unsqueeze(0) if x.ndim <= 1 else x for x in tensors], 0)  # type: ignore[attr-defined]


for _function in (select, narrow, split, chunk, unbind):
    setattr(Tensor, _function.__name__, _function)
