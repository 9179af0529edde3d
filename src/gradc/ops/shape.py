"""Views that rearrange a tensor without computing, and the ops that join and repeat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gradc import dtypes, shapes
from gradc.apply import apply
from gradc.errors import ArgumentError, DimensionError, ShapeError
from gradc.ir import Type
from gradc.ops.base import Op
from gradc.ops.define import op
from gradc.shapes import normal_dim
from gradc.tensor import Tensor


class Rearrangement(Op):
    """A view of all elements: writing it is the opposite rearrangement."""

    view = True

    def writer(self, base: Type, attrs: dict[str, Any]) -> tuple[Op, dict[str, Any], bool]:
        return reshape, {"shape": base.shape}, False


@op
class reshape(Rearrangement):
    """x with the same elements in row-major order under another shape, in which one size may be -1.

    Source  torch.reshape
    """

    kernel = lambda xp, x, *, shape: xp.reshape(x, shape)
    grad_x = lambda g, x_type: reshape(g, x_type.shape)
    torch_name = "View"
    samples = [((2, 3), {"shape": (3, 2)}), ((4,), {"shape": (2, 1, 2)}), ((1,), {"shape": ()})]

    def infer(self, x: Any, *, shape: shapes.Shape) -> Type:
        return Type(x.dtype, shapes.resolve(shape, math.prod(x.shape)))

    def call(self, x: Tensor, *shape: Any) -> Any:
        target = shapes.from_arguments(shape)
        try:
            target = shapes.resolve(target, math.prod(x._array.shape))
        except ShapeError:
            pass  # infer says it with the user's line
        return apply(self, (x,), {"shape": target})


def view(x: Tensor, *shape: Any) -> Tensor:
    """reshape that never copies, as torch.Tensor.view. With a dtype of the same size, the bytes as that type.

    Raises ShapeError when the memory cannot be seen under that shape.
    """
    result = reshape(x, *shape)
    if result._view is None and result._array.size:
        raise ShapeError(f"view size is not compatible with input tensor's size and stride (at least one dimension "
                         f"spans across two contiguous subspaces). Use .reshape(...) instead: {x.type_} has strides "
                         f"{x.stride()}")
    return result


def _view_as(x: Tensor, other: Tensor) -> Tensor:
    return view(x, other.shape)


def _reshape_as(x: Tensor, other: Tensor) -> Tensor:
    return reshape(x, other.shape)


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """x with the dimensions from start_dim to end_dim made one, as torch.flatten."""
    start, end = normal_dim(start_dim, x.ndim), normal_dim(end_dim, x.ndim)
    if start > end:
        raise ShapeError("flatten() has invalid args: start_dim cannot come after end_dim")
    shape = x._array.shape
    return reshape(x, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


def unflatten(x: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """x with the dimension `dim` made several, as torch.unflatten."""
    dim = normal_dim(dim, x.ndim)
    shape = x._array.shape
    return reshape(x, (*shape[:dim], *shapes.resolve(sizes, shape[dim]), *shape[dim + 1 :]))


Tensor.view = view  # type: ignore[attr-defined]
Tensor.view_as = _view_as  # type: ignore[attr-defined]
Tensor.reshape_as = _reshape_as  # type: ignore[attr-defined]
Tensor.flatten = flatten  # type: ignore[attr-defined]
Tensor.ravel = flatten  # type: ignore[attr-defined]
Tensor.unflatten = unflatten  # type: ignore[attr-defined]


@op
class permute(Rearrangement):
    """x with its dimensions in the order `dims`.

    Source  torch.permute
    """

    kernel = lambda xp, x, *, dims: xp.transpose(x, dims)
    grad_x = lambda g, dims: permute(g, inverse(dims))
    samples = [((2, 3, 4), {"dims": (2, 0, 1)}), ((2, 3), {"dims": (1, 0)})]

    def infer(self, x: Any, *, dims: tuple[int, ...]) -> Type:
        if sorted(dims) != list(range(len(x.shape))):
            raise ShapeError(f"permute(sparse_coo): number of dimensions in the tensor input does not match the length "
                             f"of the desired ordering of dimensions i.e. input.dim() = {len(x.shape)} is not equal to "
                             f"len(dims) = {len(dims)}" if len(dims) != len(x.shape)
                             else f"permute(): duplicate dims are not allowed: {dims}")
        return Type(x.dtype, tuple(x.shape[d] for d in dims))

    def call(self, x: Tensor, *dims: Any) -> Any:
        order = shapes.from_arguments(dims)
        return apply(self, (x,), {"dims": tuple(normal_dim(d, x.ndim) for d in order)})

    def writer(self, base: Type, attrs: dict[str, Any]) -> tuple[Op, dict[str, Any], bool]:
        return self, {"dims": inverse(attrs["dims"])}, False


def inverse(dims: Sequence[int]) -> tuple[int, ...]:
    """The order that undoes the permutation `dims`."""
    result = [0] * len(dims)
    for i, d in enumerate(dims):
        result[d] = i
    return tuple(result)


@op
class transpose(Rearrangement):
    """x with two dimensions exchanged.

    Source  torch.transpose
    """

    kernel = lambda xp, x, *, dim0, dim1: xp.swapaxes(x, dim0, dim1)
    grad_x = lambda g, dim0, dim1: transpose(g, dim0, dim1)
    aliases = ("swapaxes", "swapdims")
    samples = [((2, 3, 4), {"dim0": 0, "dim1": 2}), ((2, 3), {"dim0": 0, "dim1": 1})]

    def infer(self, x: Any, *, dim0: int, dim1: int) -> Type:
        shape = list(x.shape)
        if shape:
            shape[dim0], shape[dim1] = shape[dim1], shape[dim0]
        return Type(x.dtype, tuple(shape))

    def call(self, x: Tensor, dim0: int, dim1: int) -> Any:
        if x.ndim == 0:
            return reshape(x, ())
        return apply(self, (x,), {"dim0": normal_dim(dim0, x.ndim), "dim1": normal_dim(dim1, x.ndim)})

    def writer(self, base: Type, attrs: dict[str, Any]) -> tuple[Op, dict[str, Any], bool]:
        return self, attrs, False


@op
class t(Rearrangement):
    """The transpose of a matrix; a vector or scalar as it is.

    Source  torch.t
    """

    kernel = lambda xp, x: xp.transpose(x)
    grad_x = lambda g: t(g)
    samples = [((2, 3),), ((3,),)]

    def infer(self, x: Any) -> Type:
        if len(x.shape) > 2:
            raise ShapeError(f"t() expects a tensor with <= 2 dimensions, but self is {len(x.shape)}D")
        return Type(x.dtype, x.shape[::-1])

    def call(self, x: Tensor) -> Any:
        if x.ndim > 2:
            self.infer(x)
        return apply(self, (x,), {})

    def writer(self, base: Type, attrs: dict[str, Any]) -> tuple[Op, dict[str, Any], bool]:
        return self, {}, False


def _reversed_dims(x: Tensor) -> Tensor:
    return permute(x, tuple(reversed(range(x.ndim))))


def _matrix_transpose(x: Tensor) -> Tensor:
    if x.ndim < 2:
        raise ShapeError(f"tensor.mT is only supported on matrices or batches of matrices. Got {x.ndim}-D tensor.")
    return transpose(x, -2, -1)


def movedim(x: Tensor, source: Any, destination: Any) -> Tensor:
    """x with the dimensions `source` moved to the places `destination`, as torch.movedim."""
    sources = [normal_dim(d, x.ndim) for d in ((source,) if isinstance(source, int) else source)]
    places = [normal_dim(d, x.ndim) for d in ((destination,) if isinstance(destination, int) else destination)]
    if len(sources) != len(places):
        raise ShapeError(f"movedim: {len(sources)} dimensions cannot move to {len(places)} places")
    rest = iter([d for d in range(x.ndim) if d not in sources])
    moved = dict(zip(places, sources, strict=True))
    return permute(x, tuple(moved[i] if i in moved else next(rest) for i in range(x.ndim)))


Tensor.T = property(_reversed_dims, doc="The tensor with its dimensions reversed.")  # type: ignore[attr-defined]
Tensor.mT = property(_matrix_transpose, doc="The transposed matrices of a batch.")  # type: ignore[attr-defined]
Tensor.movedim = movedim  # type: ignore[attr-defined]
Tensor.moveaxis = movedim  # type: ignore[attr-defined]


@op
class expand(Op):
    """x repeated to `shape` without copying.

    Source  torch.Tensor.expand
    """

    kernel = lambda xp, x, *, shape: xp.broadcast_to(x, shape)
    grad_x = lambda g: g
    view = True
    samples = [((3, 1), {"shape": (3, 4)}), ((), {"shape": (2, 2)}), ((3,), {"shape": (2, 3)})]

    def infer(self, x: Any, *, shape: shapes.Shape) -> Type:
        return Type(x.dtype, shapes.expand(x.shape, shape))

    def call(self, x: Tensor, *sizes: Any) -> Any:
        target = shapes.from_arguments(sizes)
        if -1 in target:
            target = shapes.expand(x._array.shape, target)
        return apply(self, (x,), {"shape": target})


def _expand_as(x: Tensor, other: Tensor) -> Tensor:
    return expand(x, other.shape)


def broadcast_to(x: Tensor, shape: Sequence[int]) -> Tensor:
    """expand under NumPy's name, as torch.broadcast_to."""
    return expand(x, tuple(shape))


Tensor.expand_as = _expand_as  # type: ignore[attr-defined]
Tensor.broadcast_to = broadcast_to  # type: ignore[attr-defined]


@op
class squeeze(Rearrangement):
    """x without the dimensions `dim` where their size is 1; without all of size 1 when dim is not given.

    Source  torch.squeeze
    """

    kernel = lambda xp, x, *, dim: xp.squeeze(x, dim)
    grad_x = lambda g, x_type: reshape(g, x_type.shape)
    samples = [((2, 1, 3), {"dim": (1,)}), ((1, 1), {"dim": (0, 1)})]

    def infer(self, x: Any, *, dim: tuple[int, ...]) -> Type:
        return Type(x.dtype, shapes.reduced(x.shape, dim, False))

    def call(self, x: Tensor, dim: Any = None) -> Any:
        shape = x._array.shape
        dims = shapes.normal_dims(dim, len(shape)) if dim is not None else range(len(shape))
        return apply(self, (x,), {"dim": tuple(d for d in dims if shape and shape[d] == 1)})


@op
class unsqueeze(Rearrangement):
    """x with a new dimension of size 1 at `dim`.

    Source  torch.unsqueeze
    """

    kernel = lambda xp, x, *, dim: xp.expand_dims(x, dim)
    grad_x = lambda g, x_type: reshape(g, x_type.shape)
    samples = [((2, 3), {"dim": 1}), ((), {"dim": 0})]

    def infer(self, x: Any, *, dim: int) -> Type:
        return Type(x.dtype, (*x.shape[:dim], 1, *x.shape[dim:]))

    def call(self, x: Tensor, dim: int) -> Any:
        return apply(self, (x,), {"dim": normal_dim(dim, x.ndim + 1)})


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


@op
class repeat(Op):
    """x laid side by side, `repeats` times along each dimension.

    Source  torch.Tensor.repeat, numpy.tile
    """

    kernel = lambda xp, x, *, repeats: xp.tile(x, repeats)
    grad_x = lambda g, x_type, repeats: _fold_repeats(g, x_type.shape, repeats)
    aliases = ("tile",)
    samples = [((2, 3), {"repeats": (2, 1)}), ((3,), {"repeats": (2, 2)})]

    def infer(self, x: Any, *, repeats: tuple[int, ...]) -> Type:
        if len(repeats) < len(x.shape):
            raise ShapeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of "
                             "tensor")
        shape = (1,) * (len(repeats) - len(x.shape)) + tuple(x.shape)
        return Type(x.dtype, tuple(n * r for n, r in zip(shape, repeats, strict=True)))

    def call(self, x: Tensor, *repeats: Any) -> Any:
        return apply(self, (x,), {"repeats": shapes.from_arguments(repeats)})


def _fold_repeats(g: Tensor, shape: shapes.Shape, repeats: tuple[int, ...]) -> Tensor:
    whole = (1,) * (len(repeats) - len(shape)) + tuple(shape)
    apart = [n for pair in zip(repeats, whole, strict=True) for n in pair]
    return g.reshape(apart).sum(tuple(range(0, len(apart), 2)))  # type: ignore[attr-defined]


@op
class flip(Op):
    """x with the order along `dims` reversed.

    Source  torch.flip
    """

    kernel = lambda xp, x, *, dims: xp.flip(x, dims)
    grad_x = lambda g, dims: flip(g, dims)
    samples = [((2, 3), {"dims": (0,)}), ((2, 3), {"dims": (0, 1)})]

    def infer(self, x: Any, *, dims: tuple[int, ...]) -> Type:
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor, *dims: Any) -> Any:
        return apply(self, (x,), {"dims": shapes.normal_dims(shapes.from_arguments(dims), x.ndim)})


class Triangle(Op):
    """Part of a matrix, zero elsewhere."""

    def infer(self, x: Any, *, diagonal: int) -> Type:
        if len(x.shape) < 2:
            raise ShapeError(f"{self.name}: input tensor must have at least 2 dimensions")
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor, diagonal: int = 0) -> Any:
        return apply(self, (x,), {"diagonal": diagonal})


@op
class tril(Triangle):
    """The part of a matrix on and below a diagonal.

    Source  torch.tril
    """

    kernel = lambda xp, x, *, diagonal=0: xp.tril(x, diagonal)
    grad_x = lambda g, diagonal: tril(g, diagonal)
    samples = [((3, 4), {"diagonal": 0}), ((2, 3, 3), {"diagonal": -1})]


@op
class triu(Triangle):
    """The part of a matrix on and above a diagonal.

    Source  torch.triu
    """

    kernel = lambda xp, x, *, diagonal=0: xp.triu(x, diagonal)
    grad_x = lambda g, diagonal: triu(g, diagonal)
    samples = [((3, 4), {"diagonal": 0}), ((2, 3, 3), {"diagonal": 1})]
