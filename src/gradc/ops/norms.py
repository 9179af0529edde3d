"""Norms of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any

from gradc import locations, shapes
from gradc.apply import apply
from gradc.dtypes import dtype
from gradc.errors import CallError, ShapeError
from gradc.inplace import into, takes_out
from gradc.ops.arithmetic import where
from gradc.ops.comparison import eq
from gradc.ops.creation import zeros_like
from gradc.ops.define import op
from gradc.ops.factorizations import svdvals
from gradc.ops.matrices import inv
from gradc.ops.reduction import amax, amin, restore, sum
from gradc.ops.statistics import Spread, norm2
from gradc.tensor import Tensor

__all__ = ["frobenius_norm", "norm", "nuclear_norm"]


@op
class vector_norm(Spread):
    """(Σ |x|ᵖ)^(1/p) over the dimensions `dim` for the order p; its limits for p = ±inf; how many are not 0 for p = 0.

    The gradient where the norm is 0 is 0.

    Source  torch.linalg.vector_norm
    """

    refusal = "linalg.vector_norm: Expected a floating point or complex tensor as input. Got {title}"
    kernel = lambda xp, x, *, ord, dim, keepdim=False: _size(xp, x, ord, dim, keepdim)
    holomorphic = False
    grad_x = lambda g, x, result, ord, dim, keepdim: _slope(
        restore(g, x.type_, dim, keepdim), x, restore(result, x.type_, dim, keepdim), ord, dim)
    method = False
    samples: Any = [((2, 3), {"ord": p, "dim": (1,)}) for p in (3, 1, 0.5, 1.5, math.inf, -math.inf, -2)] + [
        ((4,), {"ord": 0, "dim": (0,)}), ((2, 3, 2), {"ord": 3.5, "dim": (0, 2), "keepdim": True})]

    def node_name(self, node: Any) -> str:
        return "LinalgVectorNormBackward0"

    def call(self, x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: dtype | None = None,
             out: Tensor | None = None) -> Any:
        if out is not None:
            return into(out, self.call(x, ord, dim, keepdim, dtype=dtype), "linalg.vector_norm")
        self.check_floating(x.dtype)
        if dtype is not None:
            x = x.to(dtype)  # type: ignore[attr-defined]
        dims = shapes.normal_dims(dim, x.ndim)
        if abs(ord) == math.inf and any(x._array.shape[d] == 0 for d in dims):
            raise CallError(f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor because the "
                            f"operation does not have an identity{locations.quote(locations.here())}")
        if ord == 2:
            return norm2(x, dims, keepdim)
        return apply(self, (x,), {"ord": ord, "dim": dims, "keepdim": keepdim})


def _size(xp: Any, x: Any, ord: float, dim: tuple[int, ...], keepdim: bool) -> Any:
    sizes = xp.abs(x)
    if abs(ord) == math.inf:
        return (xp.max if ord > 0 else xp.min)(sizes, axis=dim, keepdims=keepdim)
    if ord == 0:
        return xp.sum(xp.astype(sizes != 0, sizes.dtype), axis=dim, keepdims=keepdim)
    if ord == 1:
        return xp.sum(sizes, axis=dim, keepdims=keepdim)
    return xp.power(xp.sum(xp.power(sizes, ord), axis=dim, keepdims=keepdim), 1.0 / ord)


def _slope(g: Any, x: Any, result: Any, ord: float, dim: tuple[int, ...]) -> Any:
    """The cotangent of x: the sign of each element times what its size counts."""
    if ord == 0:
        return zeros_like(x)
    if ord == 1:
        return g * x.sgn()
    if abs(ord) == math.inf:
        largest = eq(x.abs(), result)
        return x.sgn() * (largest * (g / sum(largest, dim, keepdim=True)))
    nonzero = result != 0 if ord > 1 else x != 0
    shares = (where(nonzero, x.abs(), 1.0) / where(result != 0, result, 1.0)) ** (ord - 1)
    return where(nonzero, x.sgn() * (g * shares), 0.0)


@takes_out
def matrix_norm(x: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *,
                dtype: dtype | None = None) -> Tensor:
    """A norm of the matrices of two dimensions, as torch.linalg.matrix_norm.

    It is "fro", the root of the sum of squares; "nuc", the sum of the singular values; ±2, the largest or smallest of
    them; ±1 and ±inf, the largest or smallest sum of sizes of a column or a row.
    """
    if x.ndim < 2:
        raise ShapeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    if len(dim) != 2 or shapes.normal_dim(dim[0], x.ndim) == shapes.normal_dim(dim[1], x.ndim):
        raise ShapeError(f"linalg.matrix_norm: dim must be a 2-tuple of different dimensions. Got {tuple(dim)}")
    if dtype is not None:
        x = x.to(dtype)  # type: ignore[attr-defined]
    if ord == "fro":
        return vector_norm(x, 2, dim, keepdim)  # type: ignore[no-any-return]
    if ord not in ("nuc", 1, -1, 2, -2, math.inf, -math.inf):
        raise CallError(f"linalg.matrix_norm: Order {ord} not supported.{locations.quote(locations.here())}")
    rows, columns = (shapes.normal_dim(d, x.ndim) for d in dim)
    if ord in ("nuc", 2, -2):
        values = svdvals(x.movedim((rows, columns), (-2, -1)))  # type: ignore[attr-defined]
        found = sum(values, -1) if ord == "nuc" else _extreme(values, -1, ord > 0)
    else:
        summed, left = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sizes = vector_norm(x, 1, summed)
        found = _extreme(sizes, left - (summed < left), ord > 0)
    if not keepdim:
        return found  # type: ignore[no-any-return]
    for d in sorted((rows, columns)):
        found = found.unsqueeze(d)
    return found  # type: ignore[no-any-return]


def _extreme(sizes: Tensor, dim: int, largest: bool) -> Any:
    """The largest of numbers that are not negative, 0 where there are none; or the smallest."""
    return sum(sizes, dim) if largest and not sizes.shape[dim] else (amax if largest else amin)(sizes, dim)


def linalg_norm(x: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, out: Tensor | None = None,
                dtype: dtype | None = None) -> Tensor:
    """The norm of a vector or a matrix, as torch.linalg.norm: without `ord` the 2-norm of all elements."""
    if ord is not None and dim is None and x.ndim not in (1, 2):
        raise ShapeError(f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {x.ndim}D.")
    pair = (0, 1) if dim is None else dim
    if ord is not None and (x.ndim == 2 if dim is None else isinstance(dim, (tuple, list)) and len(dim) == 2):
        return into(out, matrix_norm(x, ord, pair, keepdim, dtype=dtype), "linalg.norm")
    if isinstance(ord, str):
        raise CallError(f"linalg.norm: Order {ord} is only for matrices{locations.quote(locations.here())}")
    return into(out, vector_norm(x, 2 if ord is None else ord, dim, keepdim, dtype=dtype), "linalg.norm")


def norm(x: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Tensor | None = None,
         dtype: dtype | None = None) -> Tensor:
    """The p-norm of x over the dimensions `dim`, as torch.norm. Its gradient at 0 is 0."""
    if p == "nuc":
        return into(out, matrix_norm(x, "nuc", (0, 1) if dim is None else dim, keepdim, dtype=dtype), "norm")
    order = 2 if p in ("fro", None) else p
    return into(out, vector_norm(x, order, dim, keepdim, dtype=dtype), "norm")


def frobenius_norm(x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The root of the sum of squares, as torch.frobenius_norm."""
    return vector_norm(x, 2, dim, keepdim)  # type: ignore[no-any-return]


def nuclear_norm(x: Tensor, dim: Any = (-2, -1), keepdim: bool = False) -> Tensor:
    """The sum of the singular values, as torch.nuclear_norm."""
    return matrix_norm(x, "nuc", dim, keepdim)


@takes_out
def cond(x: Tensor, p: Any = None) -> Tensor:
    """The condition number of x in a matrix norm, as torch.linalg.cond; inf for a singular matrix."""
    if p in (None, 2, -2):
        values = svdvals(x)
        largest, smallest = values[..., 0], values[..., -1]
        return largest / smallest if p != -2 else smallest / largest  # type: ignore[no-any-return]
    return matrix_norm(x, p) * matrix_norm(inv(x), p)  # type: ignore[operator, no-any-return]


Tensor.norm = norm  # type: ignore[attr-defined]
