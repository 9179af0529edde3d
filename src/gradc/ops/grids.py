"""Tensors brought to common shapes, grids of their elements, and indices of places."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc import dtypes, shapes
from gradc.dtypes import dtype
from gradc.errors import ArgumentError, ShapeError
from gradc.locations import here, quote
from gradc.ops.arrangement import diag_embed, flip, meshgrid
from gradc.ops.conversion import known
from gradc.ops.joining import cat, stack
from gradc.ops.shape import transpose
from gradc.shapes import Size
from gradc.tensor import Tensor

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_shapes", "broadcast_tensors",
    "cartesian_prod", "combinations", "diagflat", "fliplr", "flipud", "rot90", "tril_indices", "triu_indices",
    "unravel_index",
]


def _each(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """A function of one tensor for several as well: given apart or as a list, it returns a tuple."""
    def of_each(*tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], Tensor):
            return function(tensors[0])
        several = tensors[0] if len(tensors) == 1 else tensors
        return tuple([function(x) for x in several])

    of_each.__name__, of_each.__doc__ = function.__name__, function.__doc__
    return of_each


@_each
def atleast_1d(x: Any) -> Any:
    """A view of x with at least one dimension, as torch.atleast_1d."""
    return x if x.ndim else x.reshape(1)


@_each
def atleast_2d(x: Any) -> Any:
    """A view of x with at least two dimensions, new ones in front, as torch.atleast_2d."""
    return x if x.ndim > 1 else x.reshape(1, -1)


@_each
def atleast_3d(x: Any) -> Any:
    """A view of x with at least three dimensions; a matrix gets a last one, as torch.atleast_3d."""
    return x if x.ndim > 2 else x.unsqueeze(-1) if x.ndim == 2 else x.reshape(1, -1, 1)


def broadcast_shapes(*sizes: Any) -> Size:
    """The shape that tensors of these shapes broadcast to, as torch.broadcast_shapes."""
    return Size(shapes.broadcast(*[(s,) if isinstance(s, int) else tuple(s) for s in sizes]))


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors expanded to one shape, as torch.broadcast_tensors."""
    found = list(tensors[0]) if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else list(tensors)
    common = shapes.broadcast(*[x._array.shape for x in found])
    return tuple([x.expand(common) for x in found])


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All ways to take one element of each vector, a row for each, as torch.cartesian_prod."""
    if any(x.ndim != 1 for x in tensors):
        raise ShapeError(f"Expect a 1D vector, but got shape {[list(x.shape) for x in tensors]}{quote(here())}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([grid.reshape(-1) for grid in meshgrid(*tensors)], 1)  # type: ignore[attr-defined, no-any-return]


def combinations(x: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All ways to take r elements of a vector in its order, a row for each, as torch.combinations."""
    if x.ndim != 1:
        raise ShapeError(f"Expect a 1D vector, but got shape {list(x.shape)}{quote(here())}")
    if r < 0:
        raise ArgumentError(f"Expect a non-negative number, but got {r}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(choose(range(x.numel()), r)), np.int64).reshape(-1, r)
    return x[known(rows)] if r else x[:0]  # type: ignore[index, no-any-return]


def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with these matrices along its diagonal and zeros elsewhere, as torch.block_diag."""
    found: Any = [atleast_2d(x) for x in (tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor)
                                          else tensors)]
    if any(x.ndim > 2 for x in found):
        raise ShapeError(f"torch.block_diag: Input tensors must have 2 or fewer dimensions, got shapes "
                         f"{[list(x.shape) for x in found]}{quote(here())}")
    width, before, rows = sum(x.shape[1] for x in found), 0, []
    for x in found:
        n, m = x._array.shape
        rows.append(cat([x.new_zeros(n, before), x, x.new_zeros(n, width - before - m)], 1))
        before += m
    return cat(rows, 0)  # type: ignore[no-any-return]


def diagflat(x: Tensor, offset: int = 0) -> Tensor:
    """A matrix with the elements of x on a diagonal, as torch.diagflat."""
    return diag_embed(x.reshape(-1), offset)  # type: ignore[attr-defined]


def fliplr(x: Tensor) -> Tensor:
    """x with its columns in reverse order, as torch.fliplr."""
    if x.ndim < 2:
        raise ShapeError(f"Input must be >= 2-d, got {x.type_}{quote(here())}")
    return flip(x, 1)  # type: ignore[no-any-return]


def flipud(x: Tensor) -> Tensor:
    """x with its rows in reverse order, as torch.flipud."""
    if x.ndim < 1:
        raise ShapeError(f"Input must be >= 1-d, got {x.type_}{quote(here())}")
    return flip(x, 0)  # type: ignore[no-any-return]


def rot90(x: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """x turned by k right angles in the plane of two dimensions, from the first toward the second, as torch.rot90."""
    if len(dims) != 2:
        raise ShapeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if x.ndim < 2:
        raise ShapeError(f"expected total dims >= 2, but got total dims = {x.ndim}")
    first, second = [shapes.normal_dim(d, x.ndim) for d in dims]
    if first == second:
        raise ShapeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    k %= 4
    if k == 2:
        return flip(x, first, second)  # type: ignore[no-any-return]
    turned = transpose(flip(x, second if k == 1 else first), first, second)
    return turned if k else x.clone()  # type: ignore[attr-defined, no-any-return]


def _triangle(find: Callable[..., Any], row: int, col: int, offset: int, kind: dtype) -> Tensor:
    if row < 0 or col < 0:
        raise ArgumentError(f"row and col must be non-negative, got {row} and {col}")
    return known(np.stack(find(row, offset, col)).astype(kind.numpy))


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: dtype = dtypes.int64, device: Any = None,
                 layout: Any = None) -> Tensor:
    """The rows and columns of the places on and below a diagonal, as torch.tril_indices."""
    return _triangle(np.tril_indices, row, col, offset, dtype)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: dtype = dtypes.int64, device: Any = None,
                 layout: Any = None) -> Tensor:
    """The rows and columns of the places on and above a diagonal, as torch.triu_indices."""
    return _triangle(np.triu_indices, row, col, offset, dtype)


def unravel_index(indices: Any, shape: Any) -> tuple[Tensor, ...]:
    """The index along each dimension of the places that `indices` count in row-major order, as torch.unravel_index."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    found = []
    for n in reversed(sizes):
        found.append(indices % n)
        indices = indices // n
    return tuple(reversed(found))


for _function in (diagflat, fliplr, flipud, rot90):
    setattr(Tensor, _function.__name__, _function)
