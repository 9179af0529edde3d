"""Copies of a tensor with its elements repeated, reordered, or partly left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import shapes
from gradc.apply import apply
from gradc.errors import ArgumentError, CallError, DimensionError, DtypeError, ShapeError
from gradc.inplace import into
from gradc.ir import Type
from gradc.locations import here, quote
from gradc.ops.base import Op
from gradc.ops.batching import alike, along
from gradc.ops.conversion import known
from gradc.ops.define import op
from gradc.shapes import normal_dim
from gradc.tensor import Tensor, host_array

__all__ = [
    "diag", "diag_embed", "diagonal", "diagonal_scatter", "flip", "meshgrid", "repeat_interleave", "roll", "tile",
    "tril", "triu",
]


@op
class repeat(Op):
    """x laid side by side, `repeats` times along each dimension.

    Source  torch.Tensor.repeat, numpy.tile
    """

    kernel = lambda xp, x, *, repeats: xp.tile(x, repeats)
    grad_x = lambda g, x_type, repeats: _fold_repeats(g, x_type.shape, repeats)
    batched = lambda self, examples: examples.apply(
        self, [examples.wide(0, len(examples.attrs["repeats"]))], repeats=(1, *examples.attrs["repeats"]))
    checked = True
    samples = [((2, 3), {"repeats": (2, 1)}), ((3,), {"repeats": (2, 2)})]

    def infer(self, x: Any, *, repeats: tuple[int, ...]) -> Type:
        if len(repeats) < len(x.shape):
            raise ShapeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of "
                             "tensor")
        shape = (1,) * (len(repeats) - len(x.shape)) + tuple(x.shape)
        return Type(x.dtype, tuple(n * r for n, r in zip(shape, repeats, strict=True)))

    def call(self, x: Tensor, *repeats: Any) -> Any:
        return apply(self, (x,), {"repeats": shapes.from_arguments(repeats)})


def tile(x: Tensor, *dims: Any) -> Tensor:
    """x laid side by side; dimensions that `dims` does not name stay, as torch.tile."""
    repeats = shapes.from_arguments(dims)
    return repeat(x, (*(1,) * (x.ndim - len(repeats)), *repeats))  # type: ignore[no-any-return]


def _fold_repeats(g: Tensor, shape: shapes.Shape, repeats: tuple[int, ...]) -> Tensor:
    whole = (1,) * (len(repeats) - len(shape)) + tuple(shape)
    apart = [n for pair in zip(repeats, whole, strict=True) for n in pair]
    return g.reshape(apart).sum(tuple(range(0, len(apart), 2)))  # type: ignore[attr-defined]


@op
class flip(Op):
    """x with the order along `dims` reversed.

    Source  torch.flip
    """

    kernel = lambda xp, x, *, dims: np.flip(x, dims).copy()  # NumPy's is a view
    lower = lambda xp, x, *, dims: xp.flip(x, dims)
    grad_x = lambda g, dims: flip(g, dims)
    batched = along("dims", scalars=True)
    samples = [((2, 3), {"dims": (0,)}), ((2, 3), {"dims": (0, 1)}), ((2, 3), {"dims": ()})]

    def infer(self, x: Any, *, dims: tuple[int, ...]) -> Type:
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor, *places: Any, dims: Any = None) -> Any:
        found = shapes.from_arguments(places if dims is None else (dims,))
        return apply(self, (x,), {"dims": shapes.normal_dims(found, x.ndim) if found else ()})


class Triangle(Op):
    """Part of a matrix, zero elsewhere."""

    inplace = True
    batched = alike
    checked = True

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


@op
class roll(Op):
    """x shifted along `dims` by `shifts`; what leaves at one end comes in at the other.

    Source  torch.roll
    """

    kernel = lambda xp, x, *, shifts, dims: xp.roll(x, shifts, dims)
    grad_x = lambda g, shifts, dims: roll(g, tuple(-s for s in shifts), dims)
    batched = along("dims", scalars=True)
    samples = [((2, 3), {"shifts": (1,), "dims": (1,)}), ((3, 4), {"shifts": (1, -2), "dims": (0, 1)})]

    def infer(self, x: Any, *, shifts: tuple[int, ...], dims: tuple[int, ...]) -> Type:
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Any:
        if dims is None:
            return roll(x.reshape(-1), shifts, 0).reshape(x._array.shape)  # type: ignore[attr-defined]
        amounts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
        places = (dims,) if isinstance(dims, int) else tuple(dims)
        if not x.ndim and places:
            raise DimensionError("Dimension specified as 0 but tensor has no dimensions")
        if len(amounts) != len(places):
            raise ShapeError(f"shifts and dimensions must align. shifts: {len(amounts)}, dims: {len(places)}")
        return apply(self, (x,), {"shifts": amounts, "dims": tuple(normal_dim(d, x.ndim) for d in places)})


class Diagonal(Op):
    """An op on the diagonal `offset` of the matrices of the dimensions dim1 and dim2."""

    def check(self, x: Any, value: Any, offset: int, dim1: int, dim2: int) -> None:
        """Raise ShapeError unless `value` has the shape of the diagonal."""
        wanted = diagonal.infer(x, offset=offset, dim1=dim1, dim2=dim2).shape
        if tuple(value.shape) != wanted:
            raise ShapeError(f"expected src to have a size equal to the diagonal of self. src size = "
                             f"{list(value.shape)}, diagonal size = {list(wanted)}")

    def prepared(self, x: Tensor, offset: int, dim1: int, dim2: int) -> dict[str, int]:
        """The attributes, with dimensions counted from the front."""
        dim1, dim2 = normal_dim(dim1, x.ndim), normal_dim(dim2, x.ndim)
        if dim1 == dim2:
            raise ShapeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
        return {"offset": offset, "dim1": dim1, "dim2": dim2}


@op
class diagonal(Diagonal):
    """The diagonal `offset` of the matrices of the dimensions dim1 and dim2, as the last dimension: a view.

    Source  torch.diagonal
    """

    kernel = lambda xp, x, *, offset=0, dim1=0, dim2=1: _diagonal_view(x, offset, dim1, dim2)
    lower = lambda xp, x, *, offset=0, dim1=0, dim2=1: xp.diagonal(x, offset, dim1, dim2)
    grad_x = lambda g, x_type, offset, dim1, dim2: diagonal_scatter(
        g.new_zeros(x_type.shape), g, offset, dim1, dim2)
    batched = along("dim1", "dim2")
    view = True
    samples = [((3, 4), {"offset": 0}), ((3, 4), {"offset": -1}), ((2, 3, 4), {"offset": 1, "dim1": 2, "dim2": 0})]

    def infer(self, x: Any, *, offset: int, dim1: int, dim2: int) -> Type:
        rows, columns = x.shape[dim1], x.shape[dim2]
        length = max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)
        return Type(x.dtype, (*(n for d, n in enumerate(x.shape) if d not in (dim1, dim2)), length))

    def call(self, x: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
        return apply(self, (x,), self.prepared(x, offset, dim1, dim2))

    def writer(self, base: Type, attrs: dict[str, Any]) -> tuple[Op, dict[str, Any], bool]:
        return diagonal_scatter, attrs, True


def _diagonal_view(x: Any, offset: int, dim1: int, dim2: int) -> Any:
    found = np.diagonal(x, offset, dim1, dim2)
    found.flags.writeable = x.flags.writeable  # NumPy hands it out read-only, to warn of code that expects a copy
    return found


@op
class diagonal_scatter(Diagonal):
    """x with its diagonal replaced by `value`.

    Source  torch.diagonal_scatter
    """

    kernel = lambda xp, x, value, *, offset=0, dim1=0, dim2=1: _put_diagonal(x, value, offset, dim1, dim2)
    lower = lambda xp, x, value, *, offset=0, dim1=0, dim2=1: _put_diagonal_lowered(xp, x, value, offset, dim1, dim2)
    grad_x = lambda g, value_type, offset, dim1, dim2: diagonal_scatter(
        g, g.new_zeros(value_type.shape), offset, dim1, dim2)
    grad_value = lambda g, offset, dim1, dim2: diagonal(g, offset, dim1, dim2)
    batched = along("dim1", "dim2")
    checked = True
    samples = [((3, 4), (3,), {"offset": 0}), ((2, 3, 4), (3, 1), {"offset": 1, "dim1": 2, "dim2": 0})]

    def infer(self, x: Any, value: Any, *, offset: int, dim1: int, dim2: int) -> Type:
        self.check(x, value, offset, dim1, dim2)
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
        return apply(self, (x, src), self.prepared(x, offset, dim1, dim2))


def _put_diagonal(x: Any, value: Any, offset: int, dim1: int, dim2: int) -> Any:
    result = x.copy()
    _diagonal_view(result, offset, dim1, dim2)[...] = value
    return result


def _put_diagonal_lowered(xp: Any, x: Any, value: Any, offset: int, dim1: int, dim2: int) -> Any:
    places = np.arange(value.shape[-1])
    rows, columns = places + max(-offset, 0), places + max(offset, 0)
    last = xp.moveaxis(x, (dim1, dim2), (-2, -1)).at[..., rows, columns].set(value)
    return xp.moveaxis(last, (-2, -1), (dim1, dim2))


def diag(x: Tensor, diagonal: int = 0, *, out: Tensor | None = None) -> Tensor:
    """A matrix with the vector x on a diagonal, or a copy of the diagonal of the matrix x, as torch.diag."""
    if x.ndim == 2:
        return into(out, globals()["diagonal"](x, diagonal).clone(), "diag")
    if x.ndim != 1:
        raise ShapeError(f"diag(): Supports 1D or 2D tensors. Got {x.ndim}D")
    return into(out, diag_embed(x, diagonal), "diag")


def diag_embed(x: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices in the dimensions dim1 and dim2 with the last dimension of x on a diagonal, as torch.diag_embed."""
    size = x._array.shape[-1] + (offset if offset >= 0 else -offset)
    rank = x.ndim + 1
    places = {normal_dim(dim1, rank), normal_dim(dim2, rank)}
    others = iter(x._array.shape[:-1])
    shape = tuple(size if d in places else next(others) for d in range(rank))
    return diagonal_scatter(x.new_zeros(shape), x, offset, dim1, dim2)  # type: ignore[attr-defined, no-any-return]


@op
class pad(Op):
    """x with `value` added around it: `widths` are (before, after) of each dimension.

    Source  torch.nn.functional.pad with mode "constant"
    """

    kernel = lambda xp, x, *, widths, value=0.0: xp.pad(x, widths, constant_values=value)
    grad_x = lambda g, x_type, widths: g[
        tuple(slice(before, before + n) for (before, _), n in zip(widths, x_type.shape, strict=True))]
    batched = lambda self, examples: examples.apply(self, widths=((0, 0), *examples.attrs["widths"]))
    method = False
    torch_name = "ConstantPadNd"
    samples = [((2, 3), {"widths": ((0, 0), (1, 2))}), ((2,), {"widths": ((1, 0),), "value": 1.5})]

    def infer(self, x: Any, *, widths: tuple[tuple[int, int], ...], value: float) -> Type:
        return Type(x.dtype, tuple(a + n + b for n, (a, b) in zip(x.shape, widths, strict=True)))

    def call(self, x: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
        if mode != "constant":
            raise ArgumentError(f"pad(): mode is 'constant', got {mode!r}")
        if len(pad) % 2 or len(pad) > 2 * x.ndim:
            raise ShapeError(f"Padding length must be divisible by 2 and at most twice the number of dimensions of the "
                             f"input. Pad length is {len(pad)} while the input has {x.ndim} dimensions.")
        pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
        whole = [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1]
        cut = tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x._array.shape, whole, strict=True))
        if any(s != slice(0, n) for s, n in zip(cut, x._array.shape, strict=True)):  # negative widths cut off
            x = x[cut]  # type: ignore[index]
        widths = tuple((max(a, 0), max(b, 0)) for a, b in whole)
        return apply(self, (x,), {"widths": widths, "value": 0.0 if value is None else value})


def repeat_interleave(x: Tensor, repeats: int | Tensor | None = None, dim: int | None = None, *,
                      output_size: int | None = None) -> Tensor:
    """Each element, or each slice along `dim`, `repeats` times in a row, as torch.repeat_interleave.

    `output_size`, the size it comes to, is what PyTorch would otherwise have to wait for.
    """
    if repeats is None:
        x, repeats = known(np.arange(x.numel())), x
    if dim is None:
        x, dim = x.reshape(-1), 0  # type: ignore[attr-defined]
    x = x if x.ndim else x.reshape(1)  # type: ignore[attr-defined]
    size = x._array.shape[normal_dim(dim, x.ndim)]
    counts = np.asarray(host_array(repeats, "repeat_interleave()") if isinstance(repeats, Tensor) else repeats)
    if counts.dtype.kind not in "iu":
        raise DtypeError(f"repeats has to be Long or Int tensor, got {counts.dtype}{quote(here())}")
    if counts.size and counts.min() < 0:
        raise CallError(f"Repeats must be non-negative, got {counts.min()}{quote(here())}")
    if counts.ndim > 1 or counts.size not in (1, size):
        raise ShapeError(f"repeats must have the same size as input along dim, but got repeats.size(0) = {counts.size} "
                         f"and input.size({dim}) = {size}{quote(here())}")
    return x.index_select(dim, known(np.repeat(np.arange(size), counts)))  # type: ignore[attr-defined]


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of all points of a grid with these axes, as torch.meshgrid."""
    axes = list(tensors[0]) if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else list(tensors)
    swapped = indexing == "xy" and len(axes) > 1
    if swapped:
        axes[:2] = axes[1::-1]
    sizes = [x.numel() for x in axes]
    grids = [x.reshape((1,) * i + (sizes[i],) + (1,) * (len(axes) - i - 1)).expand(sizes) for i, x in enumerate(axes)]
    if swapped:
        grids[:2] = grids[1::-1]
    return tuple(grids)


for _function in (diag, diag_embed, repeat_interleave, tile):
    setattr(Tensor, _function.__name__, _function)
