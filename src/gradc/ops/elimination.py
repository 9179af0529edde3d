"""LU decompositions and what is solved with factors that are there already."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from gradc import dtypes, locations
from gradc.apply import apply
from gradc.errors import CallError
from gradc.inplace import takes_out
from gradc.ir import Type
from gradc.ops.arrangement import diagonal, tril, triu
from gradc.ops.base import Op
from gradc.ops.batching import alike
from gradc.ops.creation import arange, eye
from gradc.ops.define import op
from gradc.ops.gathering import one_hot
from gradc.ops.joining import cat
from gradc.ops.matrices import Matrices, check_matrix, solve_triangle
from gradc.ops.matrices import lu as eliminated
from gradc.tensor import Tensor

__all__ = ["cholesky_inverse", "cholesky_solve", "lu", "lu_solve", "lu_unpack", "triangular_solve"]


class LU(NamedTuple):
    """What lu_factor returns: L below the diagonal and U above it in one matrix, and the rows swapped, from 1."""

    LU: Tensor
    pivots: Tensor


class PLU(NamedTuple):
    """A permutation, a lower and an upper triangular matrix."""

    P: Tensor
    L: Tensor
    U: Tensor


@op
class lu_factor(Matrices):
    """L with ones on its diagonal and U, in one matrix, with P L U = x, and as pivots the rows that P swaps.

    Source  torch.linalg.lu_factor, Gaussian elimination with partial pivoting
    """

    kernel = lambda xp, x: eliminated(x)
    lower = lambda xp, x: _lowered_lu(x)
    results = ("LU", "pivots")
    holomorphic = False
    grads = lambda g, LU, pivots: (_lu_slope(g[0], LU, pivots),)  # noqa: N803
    torch_name = "LinalgLuFactorEx"
    samples = [((3, 3),), ((4, 2),), ((2, 4),), ((2, 3, 3),)]

    def infer(self, x: Any) -> Any:
        check_matrix(self.title, x, square=False)
        return Type(x.dtype, x.shape), Type(dtypes.int32, (*x.shape[:-2], min(x.shape[-2:])))

    def call(self, x: Tensor, pivot: bool = True) -> Any:
        if not pivot:
            raise CallError("linalg.lu_factor: LU without pivoting is not implemented on the CPU"
                            + locations.quote(locations.here()))
        return LU(*apply(self, (x,), {}))


def _lowered_lu(x: Any) -> Any:
    import jax

    found, pivots, _ = jax.lax.linalg.lu(x.astype(x.dtype))  # an array, not the text of one
    return found, pivots + 1


def _lu_slope(g: Any, factors: Any, pivots: Any) -> Any:
    """By the blocks of x: the square one that is eliminated, and the rows below or the columns beside it."""
    rows, columns = factors.shape[-2:]
    k = min(rows, columns)
    square = factors[..., :k, :k]
    lower, upper = tril(square, -1) + eye(k, dtype=g.dtype), triu(square)
    g_lower, g_upper = tril(g[..., :k, :k], -1), triu(g[..., :k, :k])
    if rows > k:  # the rows below are L₂ U
        below = factors[..., k:, :]
        rest = solve_triangle(upper, g[..., k:, :].mH, upper=True).mH
        g_upper = g_upper - below.mH @ rest
    if columns > k:  # the columns beside are L U₂
        beside = factors[..., :, k:]
        rest = solve_triangle(lower.mH, g[..., :, k:], upper=True, unitriangular=True)
        g_lower = g_lower - rest @ beside.mH
    core = tril(lower.mH @ g_lower, -1) + triu(g_upper @ upper.mH)
    left = solve_triangle(lower.mH, core, upper=True, unitriangular=True)
    whole = solve_triangle(upper, left.mH, upper=True).mH
    if rows > k:
        whole = cat([whole, rest], -2)
    if columns > k:
        whole = cat([whole, rest], -1)
    return permutation(pivots, rows).to(g.dtype) @ whole


@op
class pivot_order(Op):
    """The order of n rows after the swaps that the pivots of an LU decomposition say.

    Source  torch.lu_unpack
    """

    kernel = lambda xp, x, *, n: _order(x, n)
    lower = lambda xp, x, *, n: _lowered_order(x, n)
    method = False
    batched = alike
    rejects = (dtypes.BOOL, dtypes.FLOAT, dtypes.COMPLEX)
    samples = [([3, 2, 3], {"n": 3}), ([[2, 2], [4, 3]], {"n": 4})]

    def infer(self, x: Any, *, n: int) -> Type:
        return Type(dtypes.int32, (*x.shape[:-1], n))


def _order(pivots: Any, n: int) -> Any:
    order = np.broadcast_to(np.arange(n, dtype=np.int32), (math.prod(pivots.shape[:-1]), n)).copy()
    each = np.arange(len(order))
    for i, places in enumerate(pivots.reshape(len(order), pivots.shape[-1]).T - 1):
        held = order[:, i].copy()
        order[:, i] = order[each, places]
        order[each, places] = held
    return order.reshape(*pivots.shape[:-1], n)


def _lowered_order(pivots: Any, n: int) -> Any:
    import jax

    return jax.lax.linalg.lu_pivots_to_permutation(pivots.astype(np.int32) - 1, n)


def permutation(pivots: Tensor, n: int) -> Any:
    """The permutation matrix P of P L U, of integers."""
    return one_hot(pivot_order(pivots, n=n).long(), n).mT


@takes_out
def lu_unpack(LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True,  # noqa: N803 (PyTorch's names)
              unpack_pivots: bool = True) -> PLU:
    """P, L and U of an LU decomposition, as torch.lu_unpack."""
    rows, columns = LU_data.shape[-2:]
    k = min(rows, columns)
    nothing = LU_data.detach().new_zeros((0,))  # type: ignore[attr-defined]
    p = permutation(LU_pivots, rows).to(LU_data.dtype) if unpack_pivots else nothing
    if not unpack_data:
        return PLU(p, nothing, nothing)
    lower = tril(LU_data[..., :, :k], -1) + eye(rows, k, dtype=LU_data.dtype)
    return PLU(p, lower, triu(LU_data[..., :k, :]))


@takes_out
def lu(x: Tensor, pivot: bool = True, get_infos: bool = False) -> tuple[Tensor, ...]:
    """The LU decomposition in one matrix and the pivots; with `get_infos` the place of a pivot that is 0. As torch.lu.
    """
    found = tuple(lu_factor(x, pivot))
    return (*found, first_zeros(found[0])) if get_infos else found


def first_zeros(factors: Tensor) -> Any:
    """For each LU decomposition the place of the first pivot that is 0, from 1, or 0."""
    missing: Any = diagonal(factors.detach(), 0, -2, -1) == 0  # type: ignore[attr-defined]
    first = (missing.int() * arange(missing.shape[-1], 0, -1)).argmax(-1) + 1
    return (first * missing.any(-1)).int()


Tensor.lu = lu  # type: ignore[attr-defined]


@takes_out
def linalg_lu(x: Tensor, *, pivot: bool = True) -> PLU:
    """P, L and U whose product is x, as torch.linalg.lu."""
    return lu_unpack(*lu_factor(x, pivot))


@takes_out
def linalg_lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True,  # noqa: N803 (PyTorch's names)
                    adjoint: bool = False) -> Any:
    """The X for which A X = B, or X A = B, or with Aᴴ in place of A, given the LU decomposition of A.

    Source  torch.linalg.lu_solve
    """
    if not left:
        return linalg_lu_solve(LU, pivots, B.mH, adjoint=not adjoint).mH
    p = permutation(pivots, LU.shape[-1]).to(B.dtype)
    if not adjoint:
        middle = solve_triangle(LU, p.mT @ B, upper=False, unitriangular=True)
        return solve_triangle(LU, middle, upper=True)
    middle = solve_triangle(LU.mH, B, upper=False)
    return p @ solve_triangle(LU.mH, middle, upper=True, unitriangular=True)


@takes_out
def lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:  # noqa: N803 (PyTorch's names)
    """The X for which A X = b, given the LU decomposition of A, as torch.lu_solve."""
    return linalg_lu_solve(LU_data, LU_pivots, b)  # type: ignore[no-any-return]


@takes_out
def cholesky_solve(b: Tensor, L: Tensor, upper: bool = False) -> Tensor:  # noqa: N803 (PyTorch's name)
    """The X for which A X = b, given the Cholesky factor of A, as torch.cholesky_solve."""
    middle = solve_triangle(L.mH if upper else L, b, upper=False)
    return solve_triangle(L if upper else L.mH, middle, upper=True)  # type: ignore[no-any-return]


@takes_out
def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:  # noqa: N803 (PyTorch's name)
    """The inverse of A, given its Cholesky factor, as torch.cholesky_inverse."""
    return cholesky_solve(eye(L.shape[-1], dtype=L.dtype), L, upper)


class TriangularSolution(NamedTuple):
    """What triangular_solve returns."""

    solution: Tensor
    cloned_coefficient: Tensor


@takes_out
def triangular_solve(b: Tensor, A: Tensor, upper: bool = True, transpose: bool = False,  # noqa: N803
                     unitriangular: bool = False) -> TriangularSolution:
    """The X for which A X = b, or Aᵀ X = b, with a triangle of A, as torch.triangular_solve."""
    if transpose:
        found = solve_triangle(A.mT, b, upper=not upper, unitriangular=unitriangular)
    else:
        found = solve_triangle(A, b, upper=upper, unitriangular=unitriangular)
    return TriangularSolution(found, A.clone())  # type: ignore[attr-defined]


for _function in (cholesky_inverse, cholesky_solve, lu_solve, triangular_solve):
    setattr(Tensor, _function.__name__, _function)
