"""Matrices that are not square, or not regular: pseudoinverses, ranks, least squares."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gradc import dtypes, locations
from gradc.apply import apply
from gradc.errors import CallError, ShapeError
from gradc.inplace import takes_out
from gradc.ir import Type
from gradc.ops.creation import zeros
from gradc.ops.define import op
from gradc.ops.factorizations import eigvalsh, svdvals
from gradc.ops.matrices import Matrices, check_matrix
from gradc.ops.reduction import amax, sum
from gradc.ops.samples import positive
from gradc.tensor import Tensor

__all__ = ["pinverse"]


@op
class pinv(Matrices):
    """The Moore-Penrose pseudoinverse of x: singular values up to max(atol, rtol · the largest) count as 0.

    By default rtol is max(m, n) times the rounding of the type, or 0 where atol is given. Of a `hermitian` matrix the
    lower triangle is read.

    Source  torch.linalg.pinv
    """

    autocast = "float32"
    kernel = lambda xp, x, *, atol=None, rtol=None, hermitian=False: _pseudoinverse(xp, x, atol, rtol, hermitian)
    holomorphic = False
    grad_x = lambda g, x, result: _pinv_slope(g, x, result)
    torch_name = "LinalgPinv"
    samples = [((3, 3),), ((4, 2),), ((2, 2, 4),), ((3, 2), {"rtol": 1e-3}),
               (positive((3, 3)), {"hermitian": True})]

    def infer(self, x: Any, *, atol: float | None, rtol: float | None, hermitian: bool = False) -> Type:
        check_matrix(self.title, x, square=hermitian)
        return Type(x.dtype, (*x.shape[:-2], x.shape[-1], x.shape[-2]))

    def call(self, x: Tensor, rcond: float | None = None, hermitian: bool = False, *, atol: float | None = None,
             rtol: float | None = None) -> Any:
        rtol = rcond if rtol is None else rtol
        return apply(self, (x,), {"atol": atol, "rtol": rtol, "hermitian": hermitian})

    def node_name(self, node: Any) -> str:
        return "LinalgPinvBackward0"


def tolerances(shape: Any, kind: Any, atol: float | None, rtol: float | None) -> tuple[float, float]:
    """The absolute and the relative size up to which a singular value counts as 0."""
    if rtol is None:
        rtol = float(np.finfo(kind).eps) * max(shape[-2:]) if not atol else 0.0
    return atol or 0.0, rtol


def _pseudoinverse(xp: Any, x: Any, atol: float | None, rtol: float | None, hermitian: bool) -> Any:
    if not min(x.shape[-2:]):
        return xp.zeros((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)
    if hermitian:  # the lower triangle says all
        below = xp.tril(x, -1)
        x = below + xp.conj(xp.swapaxes(below, -1, -2)) + xp.real(x) * xp.eye(x.shape[-1], dtype=x.dtype)
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    absolute, relative = tolerances(x.shape, s.dtype, atol, rtol)
    kept = s > xp.maximum(relative * s[..., :1], absolute)
    inverse = xp.where(kept, 1.0 / xp.where(kept, s, xp.ones_like(s)), xp.zeros_like(s))
    return xp.matmul(xp.conj(xp.swapaxes(vh, -1, -2)) * inverse[..., None, :], xp.conj(xp.swapaxes(u, -1, -2)))


def _pinv_slope(g: Any, x: Any, result: Any) -> Any:
    """The derivative at constant rank (Golub and Pereyra 1973), grouped so that the products are small."""
    g, adjoint = g.mH, result.mH
    if x.shape[-2] <= x.shape[-1]:
        k = g @ result
        turned = k @ adjoint
        return -(result @ k).mH + turned - (x @ result) @ turned + (adjoint @ result) @ (g - k @ x)
    k = result @ g
    turned = adjoint @ k
    return -(k @ result).mH + (g - x @ k) @ result @ adjoint + turned - (turned @ result) @ x


pinverse = pinv
Tensor.pinverse = lambda x, rcond=1e-15: pinv(x, rcond)  # type: ignore[attr-defined]


@takes_out
def matrix_rank(x: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """How many singular values of x are above max(atol, rtol · the largest), as torch.linalg.matrix_rank."""
    x = x.detach()  # type: ignore[attr-defined]
    values: Any = eigvalsh(x).abs() if hermitian else svdvals(x)
    if not values.shape[-1]:
        return sum(values > 0, -1)  # type: ignore[no-any-return]
    if tol is not None:
        atol, rtol = tol, 0.0
    given = isinstance(atol, Tensor) or isinstance(rtol, Tensor)
    if not given:
        atol, rtol = tolerances(x.shape, values.dtype.numpy, atol, rtol)
    else:
        atol, rtol = 0.0 if atol is None else atol, 0.0 if rtol is None else rtol
    bound = (amax(values, -1, True) * _column(rtol)).maximum(values.new_zeros(()) + _column(atol))
    return sum(values > bound, -1)  # type: ignore[no-any-return]


def _column(x: Any) -> Any:
    return x.unsqueeze(-1) if isinstance(x, Tensor) else x


class LeastSquares(NamedTuple):
    """What lstsq returns."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def lstsq(a: Tensor, b: Tensor, rcond: float | None = None, *, driver: str | None = None) -> LeastSquares:
    """The X for which A X - B is smallest, and of these the smallest X, as torch.linalg.lstsq.

    It is the pseudoinverse of A times B, whatever the driver.
    """
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise CallError(f"torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)"
                        f"{locations.quote(locations.here())}")
    check_matrix("torch.linalg.lstsq", a, square=False)
    vector = a.ndim - 1 == b.ndim and tuple(a.shape[:-1]) == tuple(b.shape)
    right: Any = b.unsqueeze(-1) if vector else b  # type: ignore[attr-defined]
    if a.shape[-2] != right.shape[-2]:
        raise ShapeError("torch.linalg.lstsq: input.size(-2) should match other.size(-2)"
                         + locations.quote(locations.here()))
    rows, columns = a.shape[-2:]
    solution = pinv(a, rcond) @ right
    ranked = driver != "gels"
    rank = matrix_rank(a, rtol=rcond) if ranked else zeros(0, dtype=dtypes.int64)
    regular = rows > columns and driver not in (None, "gelsy") and (not ranked or _all_are(rank, columns))
    residuals = ((a @ solution - right).abs() ** 2).sum(-2) if regular else zeros(0, dtype=a.dtype.to_real())
    values = svdvals(a).detach() if driver in ("gelsd", "gelss") else zeros(0, dtype=a.dtype.to_real())
    if vector:
        solution = solution.squeeze(-1)
    return LeastSquares(solution, residuals, rank, values)


def _all_are(rank: Any, columns: int) -> bool:
    return bool((rank == columns).all())
