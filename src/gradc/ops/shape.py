"""Views that rearrange a tensor without computing, and the ops that join and repeat."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

from gradc import dtypes, locations, shapes
from gradc.apply import apply
from gradc.errors import GradError, ShapeError
from gradc.ir import Type
from gradc.ops.base import Op
from gradc.ops.batching import along, moved
from gradc.ops.conversion import view_as_dtype
from gradc.ops.define import op
from gradc.shapes import normal_dim
from gradc.tensor import Tensor

__all__ = [
    "broadcast_to", "flatten", "movedim", "permute", "reshape", "squeeze", "t", "transpose",
    "unflatten", "unsqueeze",
]


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
    batched = lambda self, examples: examples.apply(self, shape=(examples.size, *examples.attrs["shape"]))
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


def view(x: Tensor, *shape: Any, dtype: Any = None) -> Tensor:
    """reshape that never copies, as torch.Tensor.view. With a dtype in place of a shape, the bytes as that type.

    Raises ShapeError when the memory cannot be seen under that shape.
    """
    if dtype is not None or len(shape) == 1 and isinstance(shape[0], dtypes.dtype):
        return view_as_dtype(x, shape[0] if shape else dtype)  # type: ignore[no-any-return]
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
    batched = lambda self, examples: examples.apply(self, dims=(0, *moved(examples.attrs["dims"])))
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
    batched = along("dim0", "dim1")
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
    batched = lambda self, examples: (
        transpose(examples.operands[0], 1, 2) if examples.rank(0) == 2 else examples.operands[0])
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
    if x.ndim != 2:
        warnings.warn("The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and "
                      "it will throw an error in a future release. Consider `x.mT` to transpose batches of matrices or "
                      "`x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the dimensions of a tensor."
                      if x.ndim else "Tensor.T is deprecated on 0-D tensors. This function is the identity in these "
                      "cases.", UserWarning, stacklevel=2)
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
        raise ShapeError(f"movedim: Invalid source or destination dims: {len(sources)} dimensions cannot move to "
                         f"{len(places)} places")
    for name, dims, given in (("source", sources, source), ("destination", places, destination)):
        if len(set(dims)) < len(dims):
            raise ShapeError(f"movedim: repeated dim in `{name}` ({list(given)})")
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
    batched = lambda self, examples: examples.apply(
        self, [examples.wide(0, len(examples.attrs["shape"]))], shape=(examples.size, *examples.attrs["shape"]))
    view = True
    samples = [((3, 1), {"shape": (3, 4)}), ((), {"shape": (2, 2)}), ((3,), {"shape": (2, 3)})]

    def infer(self, x: Any, *, shape: shapes.Shape) -> Type:
        return Type(x.dtype, shapes.expand(x.shape, shape))

    def call(self, x: Tensor, *sizes: Any) -> Any:
        target = shapes.from_arguments(sizes)
        if -1 in target:
            target = shapes.expand(x._array.shape, target)
        return apply(self, (x,), {"shape": target})

    def writer(self, base: Type, attrs: dict[str, Any]) -> tuple[Op, dict[str, Any], bool]:
        raise GradError("unsupported operation: more than one element of the written-to tensor refers to a single "
                        "memory location. Please clone() the tensor before performing the operation."
                        + locations.quote(locations.here()))


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
    batched = along("dim")
    samples = [((2, 1, 3), {"dim": (1,)}), ((1, 1), {"dim": (0, 1)})]

    def infer(self, x: Any, *, dim: tuple[int, ...]) -> Type:
        return Type(x.dtype, shapes.reduced(x.shape, dim, False))

    def call(self, x: Tensor, dim: Any = None) -> Any:
        shape = x._array.shape
        nothing = isinstance(dim, (tuple, list)) and not dim  # which elsewhere means all
        dims = () if nothing else shapes.normal_dims(dim, len(shape))
        return apply(self, (x,), {"dim": tuple(d for d in dims if shape and shape[d] == 1)})

    def node_name(self, node: Any) -> str:
        return "SqueezeBackward1" if len(node.attrs["dim"]) == 1 else "SqueezeBackward0"


@op
class unsqueeze(Rearrangement):
    """x with a new dimension of size 1 at `dim`.

    Source  torch.unsqueeze
    """

    kernel = lambda xp, x, *, dim: xp.expand_dims(x, dim)
    grad_x = lambda g, x_type: reshape(g, x_type.shape)
    batched = along("dim")
    samples = [((2, 3), {"dim": 1}), ((), {"dim": 0})]

    def infer(self, x: Any, *, dim: int) -> Type:
        return Type(x.dtype, (*x.shape[:dim], 1, *x.shape[dim:]))

    def call(self, x: Tensor, dim: int) -> Any:
        return apply(self, (x,), {"dim": normal_dim(dim, x.ndim + 1)})
