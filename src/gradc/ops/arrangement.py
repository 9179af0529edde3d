"""Copies of a tensor with its elements repeated, reordered, or partly left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import shapes
from gradc.apply import apply
from gradc.errors import ArgumentError, ShapeError
from gradc.ir import Type
from gradc.ops.arithmetic import where
from gradc.ops.base import Op
from gradc.ops.conversion import known
from gradc.ops.creation import arange
from gradc.ops.define import op
from gradc.ops.shape import inverse, permute
from gradc.shapes import normal_dim
from gradc.tensor import Tensor, host_array

__all__ = ["diag", "diag_embed", "diagonal", "flip", "meshgrid", "repeat_interleave", "roll", "tril", "triu"]


@op
class repeat(Op):
    """x laid side by side, `repeats` times along each dimension.

    Source  torch.Tensor.repeat, numpy.tile
    """

    kernel = lambda xp, x, *, repeats: xp.tile(x, repeats)
    grad_x = lambda g, x_type, repeats: _fold_repeats(g, x_type.shape, repeats)
    aliases = ("tile",)
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
    samples = [((2, 3), {"shifts": (1,), "dims": (1,)}), ((3, 4), {"shifts": (1, -2), "dims": (0, 1)})]

    def infer(self, x: Any, *, shifts: tuple[int, ...], dims: tuple[int, ...]) -> Type:
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Any:
        if dims is None:
            return roll(x.reshape(-1), shifts, 0).reshape(x._array.shape)  # type: ignore[attr-defined]
        amounts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
        places = (dims,) if isinstance(dims, int) else tuple(dims)
        if len(amounts) != len(places):
            raise ShapeError(f"shifts and dimensions must align. shifts: {len(amounts)}, dims: {len(places)}")
        return apply(self, (x,), {"shifts": amounts, "dims": tuple(normal_dim(d, x.ndim) for d in places)})


@op
class diagonal(Op):
    """The diagonal `offset` of the matrices of the dimensions dim1 and dim2, as the last dimension: a copy.

    Source  torch.diagonal
    """

    kernel = lambda xp, x, *, offset=0, dim1=0, dim2=1: xp.diagonal(x, offset, dim1, dim2)
    grad_x = lambda g, x_type, offset, dim1, dim2: _on_diagonal(g, x_type.shape, offset, dim1, dim2)
    samples = [((3, 4), {"offset": 0}), ((3, 4), {"offset": -1}), ((2, 3, 4), {"offset": 1, "dim1": 2, "dim2": 0})]

    def infer(self, x: Any, *, offset: int, dim1: int, dim2: int) -> Type:
        length = _diagonal_length(x.shape, offset, dim1, dim2)
        return Type(x.dtype, (*(n for d, n in enumerate(x.shape) if d not in (dim1, dim2)), length))

    def call(self, x: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
        dim1, dim2 = normal_dim(dim1, x.ndim), normal_dim(dim2, x.ndim)
        if dim1 == dim2:
            raise ShapeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
        return apply(self, (x,), {"offset": offset, "dim1": dim1, "dim2": dim2})


def _diagonal_length(shape: Sequence[int], offset: int, dim1: int, dim2: int) -> int:
    rows, columns = shape[dim1], shape[dim2]
    return max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)


def _on_diagonal(g: Tensor, shape: shapes.Shape, offset: int, dim1: int, dim2: int) -> Tensor:
    """Zeros of `shape` with g on a diagonal."""
    rows, columns = shape[dim1], shape[dim2]
    row = arange(rows).unsqueeze(-1)
    wide = where(row + offset == arange(columns), _spread_rows(g, rows, offset).unsqueeze(-1), 0.0)
    rest = [d for d in range(len(shape)) if d not in (dim1, dim2)]
    return permute(wide, inverse([*rest, dim1, dim2]))


def _spread_rows(g: Tensor, rows: int, offset: int) -> Tensor:
    """The elements of a diagonal, each in its row of the matrix; zeros in rows that it does not cross."""
    before = max(-offset, 0)
    return pad(g, (before, rows - before - g._array.shape[-1]))


def diag(x: Tensor, diagonal: int = 0) -> Tensor:
    """A matrix with the vector x on a diagonal, or the diagonal of the matrix x, as torch.diag."""
    if x.ndim == 2:
        return globals()["diagonal"](x, diagonal)
    if x.ndim != 1:
        raise ShapeError(f"diag(): Supports 1D or 2D tensors. Got {x.ndim}D")
    return diag_embed(x, diagonal)


def diag_embed(x: Tensor, offset: int = 0) -> Tensor:
    """Matrices with the last dimension of x on a diagonal, as torch.diag_embed."""
    size = x._array.shape[-1] + (offset if offset >= 0 else -offset)
    shape = (*x._array.shape[:-1], size, size)
    return _on_diagonal(x, shape, offset, len(shape) - 2, len(shape) - 1)


@op
class pad(Op):
    """x with `value` added around it: `widths` are (before, after) of each dimension.

    Source  torch.nn.functional.pad with mode "constant"
    """

    kernel = lambda xp, x, *, widths, value=0.0: xp.pad(x, widths, constant_values=value)
    grad_x = lambda g, x_type, widths: g[
        tuple(slice(before, before + n) for (before, _), n in zip(widths, x_type.shape, strict=True))]
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


def repeat_interleave(x: Tensor, repeats: int | Tensor, dim: int | None = None) -> Tensor:
    """Each element, or each slice along `dim`, `repeats` times in a row, as torch.repeat_interleave."""
    if dim is None:
        x, dim = x.reshape(-1), 0  # type: ignore[attr-defined]
    size = x._array.shape[normal_dim(dim, x.ndim)]
    counts = host_array(repeats, "repeat_interleave()") if isinstance(repeats, Tensor) else repeats
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


for _function in (diag, diag_embed, repeat_interleave):
    setattr(Tensor, _function.__name__, _function)
