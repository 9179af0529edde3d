"""Joining tensors, and cutting one into parts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from gradc import dtypes
from gradc.apply import apply
from gradc.errors import ArgumentError, DimensionError, DtypeError, ShapeError
from gradc.inplace import into, parts
from gradc.ir import Type
from gradc.locations import here, quote
from gradc.ops.base import Op
from gradc.ops.batching import along
from gradc.ops.define import op
from gradc.shapes import normal_dim
from gradc.tensor import Tensor

__all__ = [
    "cat", "chunk", "column_stack", "concat", "concatenate", "dsplit", "dstack", "hsplit", "hstack", "narrow",
    "row_stack", "select", "split", "split_with_sizes", "stack", "tensor_split", "unbind", "unsafe_chunk",
    "unsafe_split", "vsplit", "vstack",
]


@op
class cat(Op):
    """The tensors joined along the dimension `dim`.

    Source  torch.cat
    """

    kernel = lambda xp, *tensors, dim: xp.concatenate(tensors, axis=dim)
    grads = lambda g, operand_types, dim: _pieces(g, [t.shape[dim] for t in operand_types], dim)
    batched = along("dim")
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

    def call(self, tensors: Sequence[Tensor], dim: int = 0, *, axis: int | None = None,
             out: Tensor | None = None) -> Any:
        if out is not None:
            return into(out, self.call(tensors, dim, axis=axis), self.name)
        tensors = _several(self, tensors)
        for i, x in enumerate(tensors):
            if not x.ndim:
                raise ShapeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated{quote(here())}\n"
                                 f"    stack() joins numbers to a vector.")
        if len({x.ndim for x in tensors}) > 1:  # PyTorch ignores an empty vector among tensors of other ranks
            tensors = [x for x in tensors if x._array.shape != (0,)]
        return apply(self, tuple(tensors), {"dim": normal_dim(dim if axis is None else axis, tensors[0].ndim)})


@op
class stack(Op):
    """The tensors, all of one shape, along a new dimension `dim`.

    Source  torch.stack
    """

    kernel = lambda xp, *tensors, dim: xp.stack(tensors, axis=dim)
    grads = lambda g, operand_types, dim: tuple(select(g, dim, i) for i in range(len(operand_types)))
    batched = along("dim")
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

    def call(self, tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Any:
        if out is not None:
            return into(out, self.call(tensors, dim), self.name)
        tensors = _several(self, tensors)
        return apply(self, tuple(tensors), {"dim": normal_dim(dim, tensors[0].ndim + 1)})


def promoted(operands: Sequence[Any]) -> Any:
    """The promoted type of tensor operands."""
    return dtypes.promote([(dtypes.of(x.dtype), x.ndim) for x in operands])


def _several(self: Op, tensors: Sequence[Tensor]) -> list[Tensor]:
    found = list(tensors)
    if not found:
        raise ShapeError(f"{self.name}(): expected a non-empty list of Tensors{quote(here())}")
    for x in found:
        if not isinstance(x, Tensor):
            raise ArgumentError(f"{self.name}(): expected a list of Tensors, got one of {type(x).__name__}")
    return found


def select(x: Tensor, dim: int, index: int) -> Tensor:
    """x at `index` of the dimension `dim`, as torch.select."""
    return x[(slice(None),) * normal_dim(dim, x.ndim) + (index,)]  # type: ignore[index]


def narrow(x: Tensor, dim: int, start: int | Tensor, length: int) -> Tensor:
    """The `length` elements of the dimension `dim` from `start` on, as torch.narrow."""
    if not x.ndim:
        raise ShapeError("narrow() cannot be applied to a 0-dim tensor.")
    dim = normal_dim(dim, x.ndim)
    size = x._array.shape[dim]
    if isinstance(start, Tensor):
        if start.ndim or start.dtype.category != dtypes.INT:
            raise DtypeError(f"start must be an 0-dim integral Tensor. Got {start.type_}")
        start = int(start.item())  # type: ignore[attr-defined]
    if length < 0:
        raise ShapeError(f"narrow(): length must be non-negative. Got {length}")
    if not -size <= start <= size:
        raise DimensionError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    start = start + size if start < 0 else start
    if start + length > size:
        raise ShapeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return x[(slice(None),) * dim + (slice(start, start + length),)]  # type: ignore[index]


@op
class split_apart(Op):
    """The parts of x of the given sizes along `dim`: what the node of torch.split stands for.

    Source  torch.split, whose parts are views: the backward of them all
    """

    kernel = lambda xp, x, *, sizes, dim: tuple(
        [xp.copy(part) for part in xp.split(x, list(itertools.accumulate(sizes[:-1])), axis=dim)])
    grad_x = lambda g, dim: cat(g, dim)
    batched = along("dim")
    method = False
    generates = False
    samples = [((5, 2), {"sizes": (1, 4), "dim": 0}), ((2, 6), {"sizes": (1, 2, 3), "dim": 1})]

    def infer(self, x: Any, *, sizes: tuple[int, ...], dim: int) -> tuple[Type, ...]:
        return tuple([Type(x.dtype, (*x.shape[:dim], size, *x.shape[dim + 1 :])) for size in sizes])


@op
class unbind_apart(Op):
    """The slices of x along `dim`: what the node of torch.unbind stands for.

    Source  torch.unbind, whose slices are views: the backward of them all
    """

    kernel = lambda xp, x, *, dim: tuple(
        [xp.copy(x[(slice(None),) * dim + (i,)]) for i in range(x.shape[dim])])
    grad_x = lambda g, dim: stack(g, dim)
    batched = along("dim")
    method = False
    generates = False
    samples = [((3, 2), {"dim": 0}), ((2, 3), {"dim": 1})]

    def infer(self, x: Any, *, dim: int) -> tuple[Type, ...]:
        return (Type(x.dtype, (*x.shape[:dim], *x.shape[dim + 1 :])),) * int(x.shape[dim])


def _pieces(x: Tensor, sizes: Sequence[int], dim: int) -> tuple[Tensor, ...]:
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return tuple(narrow(x, dim, start, size) for start, size in zip(starts, sizes, strict=True))


def split(x: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """x cut along `dim` into pieces of one size (the last may be smaller) or of the given sizes, as torch.split."""
    dim = normal_dim(dim, x.ndim)
    size = x._array.shape[dim]
    if isinstance(split_size_or_sections, int):
        each = split_size_or_sections
        sizes = [min(each, size - start) for start in range(0, size, each)] or [0]
    else:
        sizes = list(split_size_or_sections)
        if sum(sizes) != size:
            raise ShapeError(f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at "
                             f"dimension {dim}), but got split_sizes={sizes}")
    function = "Split" if isinstance(split_size_or_sections, int) else "SplitWithSizes"
    return parts(x, _pieces(x, sizes, dim), function, split_apart, {"sizes": tuple(sizes), "dim": dim})


def _split(self: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """split, with the name that its argument has in the method."""
    return split(self, split_size, dim)


def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """x cut along `dim` into at most `chunks` pieces, as torch.chunk."""
    size = x._array.shape[normal_dim(dim, x.ndim)]
    return split(x, max(-(-size // chunks), 1), dim)


def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices of x along `dim`, as torch.unbind."""
    if not x.ndim:
        raise DimensionError("Dimension specified as 0 but tensor has no dimensions")
    dim = normal_dim(dim, x.ndim)
    slices = [select(x, dim, i) for i in range(x._array.shape[dim])]
    return parts(x, slices, "Unbind", unbind_apart, {"dim": dim})


def split_with_sizes(x: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """x cut along `dim` into pieces of the given sizes, as torch.split_with_sizes."""
    return split(x, list(split_sizes), dim)


def tensor_split(x: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """x cut along `dim` at the given places, or into a number of parts as even as can be, as torch.tensor_split."""
    dim = normal_dim(dim, x.ndim)
    size = x._array.shape[dim]
    given = indices_or_sections.tolist() if isinstance(indices_or_sections, Tensor) else indices_or_sections
    if isinstance(given, int):
        if given <= 0:
            raise ArgumentError(f"number of sections must be larger than 0, got {given}")
        ends = [size // given * (i + 1) + min(i + 1, size % given) for i in range(given)]
    else:
        ends = [*[slice(None, end).indices(size)[1] for end in given], size]
    starts = [0, *ends[:-1]]
    return tuple([narrow(x, dim, start, max(end - start, 0)) for start, end in zip(starts, ends, strict=True)])


def _divided(name: str, least: int, dim: int) -> Any:
    """tensor_split along one dimension, into parts of one size if a number of them is given."""
    def divide(x: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
        if x.ndim < least:
            raise ShapeError(f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with "
                             f"{x.ndim} dimensions!")
        along = dim if x.ndim > 1 else 0
        size = x._array.shape[along]
        if not isinstance(indices_or_sections, (int, tuple, list, Tensor)):
            raise ArgumentError(f"{name}(): argument 'indices_or_sections' must be int, tuple of ints or Tensor, not "
                                f"{type(indices_or_sections).__name__}")
        if isinstance(indices_or_sections, int) and (indices_or_sections <= 0 or size % indices_or_sections):
            raise ShapeError(f"torch.{name} attempted to split along dimension {along}, but the size of the dimension "
                             f"{size} is not divisible by the split_size {indices_or_sections}!")
        return tensor_split(x, indices_or_sections, along)

    divide.__name__ = name
    divide.__doc__ = f"x cut along dimension {dim} at the given places, or into even parts, as torch.{name}."
    return divide


hsplit = _divided("hsplit", 1, 1)
vsplit = _divided("vsplit", 2, 0)
dsplit = _divided("dsplit", 3, 2)


def hstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The tensors joined along their second dimension (vectors along their only one), as torch.hstack."""
    rows: Any = [x if x.ndim else x.reshape(1) for x in tensors]  # type: ignore[attr-defined]
    return cat(rows, 1 if rows and rows[0].ndim > 1 else 0, out=out)  # type: ignore[no-any-return]


def vstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The tensors joined as rows, as torch.vstack."""
    if not len(tensors):
        raise ShapeError("vstack expects a non-empty TensorList")
    rows = [x if x.ndim > 1 else x.reshape(1, -1) for x in tensors]  # type: ignore[attr-defined]
    return cat(rows, 0, out=out)  # type: ignore[no-any-return]


def dstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The tensors joined along their third dimension; vectors are rows of it, as torch.dstack."""
    deep: Any = [x if x.ndim > 2 else x.unsqueeze(-1) if x.ndim == 2 else x.reshape(1, -1, 1)  # type: ignore
                 for x in tensors]
    return cat(deep, 2, out=out)  # type: ignore[no-any-return]


def column_stack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The tensors joined along their second dimension; vectors are columns, as torch.column_stack."""
    columns = [x if x.ndim > 1 else x.reshape(-1, 1) for x in tensors]  # type: ignore[attr-defined]
    return cat(columns, 1, out=out)  # type: ignore[no-any-return]


concat = concatenate = cat
row_stack = vstack
unsafe_split, unsafe_chunk = split, chunk

for _function in (select, narrow, split, chunk, unbind, split_with_sizes, tensor_split, hsplit, vsplit, dsplit):
    setattr(Tensor, _function.__name__, _function)
Tensor.split = _split  # type: ignore[attr-defined]
