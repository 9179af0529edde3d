"""Linear algebra, as torch.linalg."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from gradc import locations
from gradc.dtypes import int32
from gradc.errors import LinAlgError, ShapeError
from gradc.inplace import takes_out
from gradc.ops.arrangement import diagonal as _diagonal
from gradc.ops.arrangement import tril
from gradc.ops.creation import arange, eye, zeros
from gradc.ops.elimination import first_zeros, lu_factor
from gradc.ops.elimination import linalg_lu as lu
from gradc.ops.elimination import linalg_lu_solve as lu_solve
from gradc.ops.factorizations import cholesky as _cholesky
from gradc.ops.factorizations import eig, eigh, eigvals, eigvalsh, qr, svd, svdvals
from gradc.ops.least_squares import lstsq, matrix_rank, pinv
from gradc.ops.linear_algebra import matmul
from gradc.ops.matrices import det, inv, matrix_exp, matrix_power, slogdet, solve, solve_triangular
from gradc.ops.norms import cond, matrix_norm, vector_norm
from gradc.ops.norms import linalg_norm as norm
from gradc.ops.products import linalg_cross as cross
from gradc.ops.products import multi_dot, vecdot
from gradc.tensor import Tensor

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh",
    "householder_product", "inv", "inv_ex", "lstsq", "lu", "lu_factor", "lu_factor_ex", "lu_solve", "matmul",
    "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve",
    "solve_ex", "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander", "vecdot", "vector_norm",
]


@takes_out
def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:  # noqa: N803 (PyTorch's names, also below)
    """The lower triangular L with A = L Lᴴ, or Lᴴ, as torch.linalg.cholesky. Raises LinAlgError where there is none."""
    return _cholesky(A, upper)  # type: ignore[no-any-return]


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:  # noqa: N803
    """The diagonals of a batch of matrices, as torch.linalg.diagonal."""
    return _diagonal(A, offset, dim1, dim2)  # type: ignore[no-any-return]


class WithInfo(NamedTuple):
    """A result, and for each matrix a number that is 0: a matrix for which there is no result raises here."""

    result: Any
    info: Tensor


class FactorsWithInfo(NamedTuple):
    """What lu_factor_ex returns."""

    LU: Tensor
    pivots: Tensor
    info: Tensor


def _info(A: Tensor) -> Tensor:  # noqa: N803
    return zeros(A.shape[:-2], dtype=int32)


@takes_out
def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False) -> WithInfo:  # noqa: N803
    """cholesky with an `info`. Unlike torch's it always raises LinAlgError where there is no factor."""
    return WithInfo(_cholesky(A, upper), _info(A))


@takes_out
def inv_ex(A: Tensor, *, check_errors: bool = False) -> WithInfo:  # noqa: N803
    """inv with an `info`. Unlike torch's it always raises LinAlgError for a singular matrix."""
    return WithInfo(inv(A), _info(A))


@takes_out
def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> WithInfo:  # noqa: N803
    """solve with an `info`. Unlike torch's it always raises LinAlgError for a singular matrix."""
    return WithInfo(solve(A, B, left=left), _info(A))


@takes_out
def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> FactorsWithInfo:  # noqa: N803
    """lu_factor with an `info`: the place of the first pivot that is 0, from 1, or 0."""
    factors, pivots = lu_factor(A, pivot)
    return FactorsWithInfo(factors, pivots, first_zeros(factors))


@takes_out
def tensorinv(A: Tensor, ind: int = 2) -> Tensor:  # noqa: N803
    """The inverse of A as a map from the last dimensions to the first `ind`, as torch.linalg.tensorinv."""
    if ind <= 0:
        raise ShapeError("Expected a strictly positive integer for 'ind'")
    front, back = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    if math.prod(front) != math.prod(back):
        raise ShapeError(f"Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), "
                         f"but got {math.prod(back)} != {math.prod(front)}{locations.quote(locations.here())}")
    found = inv(A.reshape(math.prod(front), math.prod(back)))  # type: ignore[attr-defined]
    return found.reshape(back + front)  # type: ignore[no-any-return]


@takes_out
def tensorsolve(A: Tensor, B: Tensor, dims: Any = None) -> Tensor:  # noqa: N803
    """The X for which tensordot(A, X, X.ndim) = B, as torch.linalg.tensorsolve."""
    moved: Any = A if dims is None else A.movedim(tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))  # type: ignore
    back = tuple(moved.shape[B.ndim :])
    if math.prod(back) != math.prod(moved.shape[: B.ndim]):
        raise ShapeError(f"Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
                         f"prod(self.shape[:other.ndim]), but got {math.prod(back)} != "
                         f"{math.prod(moved.shape[: B.ndim])}{locations.quote(locations.here())}")
    found = solve(moved.reshape(B.numel(), -1), B.reshape(-1))  # type: ignore[attr-defined]
    return found.reshape(back)  # type: ignore[attr-defined, no-any-return]


def vander(x: Tensor, *, N: int | None = None) -> Tensor:  # noqa: N803
    """The powers 0 … N - 1 of each element, in a new last dimension, as torch.linalg.vander."""
    x = x if x.ndim else x.unsqueeze(0)  # type: ignore[attr-defined]
    count = x.shape[-1] if N is None else N
    return x.unsqueeze(-1) ** arange(count)  # type: ignore[attr-defined, no-any-return]


@takes_out
def householder_product(A: Tensor, tau: Tensor) -> Tensor:  # noqa: N803
    """The first columns of the product of the reflections I - τᵢ vᵢ vᵢᴴ, as torch.linalg.householder_product.

    vᵢ is the part of column i of A below the diagonal, with 1 on it.
    """
    rows, columns = A.shape[-2:]
    vectors: Any = tril(A, -1) + eye(rows, columns, dtype=A.dtype)
    result: Any = eye(rows, columns, dtype=A.dtype).expand((*A.shape[:-2], rows, columns))
    for i in reversed(range(tau.shape[-1])):
        v = vectors[..., i : i + 1]
        result = result - tau[..., i, None, None] * (v @ (v.mH @ result))
    return result  # type: ignore[no-any-return]


Tensor.orgqr = householder_product  # type: ignore[attr-defined]
