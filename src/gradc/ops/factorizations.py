"""Matrices as products of simpler ones: Cholesky, QR, singular values, eigenvalues.

Factors that are not unique (signs and phases of vectors) are LAPACK's; a gradient is right for a function that does not
depend on the choice, and infinite or nan where two singular values or eigenvalues are equal, as PyTorch's is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gradc import dtypes, locations
from gradc.apply import apply
from gradc.errors import CallError, GradError, LinAlgError
from gradc.ir import Type
from gradc.ops.arithmetic import where
from gradc.ops.arrangement import diag_embed, diagonal, tril, triu
from gradc.ops.creation import eye
from gradc.ops.define import op
from gradc.ops.joining import cat
from gradc.ops.matrices import Matrices, check_matrix, linear_solve, solve_triangle
from gradc.ops.samples import kinks, positive
from gradc.tensor import Tensor

__all__ = ["cholesky"]

def _diagonal(x: Any) -> Any:
    return diagonal(x, 0, -2, -1)


def _scaled(vectors: Any, factors: Any) -> Any:
    """Each column times its factor."""
    return vectors * factors.unsqueeze(-2)


def _quotient(x: Any, differences: Any) -> Any:
    """x / differences off the diagonal, and 0 on it; 0 also where both are 0: nothing depends on these vectors."""
    idle = (differences == 0) & ((x == 0) | eye(x.shape[-1], dtype=dtypes.bool_))
    return where(idle, 0.0, x) / where(idle, 1.0, differences)


# Cholesky


@op
class cholesky(Matrices):
    """The lower triangular L with x = L Lᴴ, for a Hermitian positive definite x, of which the lower half is read.

    With `upper` it is Lᴴ, and the upper half is read.

    Raises  LinAlgError where x is not positive definite
    Source  torch.linalg.cholesky
    """

    autocast = "float32"
    kernel = lambda xp, x, *, upper=False: _adjoint(_cholesky(_adjoint(x))) if upper else _cholesky(x)
    lower = lambda xp, x, *, upper=False: xp.linalg.cholesky(x, upper=upper, symmetrize_input=False)
    holomorphic = False
    grad_x = lambda g, result, upper: _cholesky_slope(g.mH, result.mH) if upper else _cholesky_slope(g, result)
    torch_name = "LinalgCholeskyEx"
    method = True
    samples = [(positive((3, 3)),), (positive((2, 2, 2)), {"upper": True})]

    def infer(self, x: Any, *, upper: bool) -> Type:
        return super().infer(x)  # type: ignore[no-any-return]


def _adjoint(x: Any) -> Any:
    return np.conj(np.swapaxes(x, -1, -2))


def _cholesky(x: Any) -> Any:
    try:
        return np.linalg.cholesky(x)
    except np.linalg.LinAlgError:
        if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
            raise
        raise _not_positive(x) from None


def _not_positive(x: Any) -> LinAlgError:
    """The error that says which matrix of a batch, and which leading minor of it, is not positive definite."""
    for element, matrix in enumerate(x.reshape(-1, *x.shape[-2:])):
        for order in range(1, len(matrix) + 1):
            try:
                np.linalg.cholesky(matrix[:order, :order])
            except np.linalg.LinAlgError:
                batch = f"(Batch element {element}): " if x.ndim > 2 else ""
                return LinAlgError(f"linalg.cholesky: {batch}The factorization could not be completed because the "
                                   f"input is not positive-definite (the leading minor of order {order} is not "
                                   f"positive-definite).")
    return LinAlgError("linalg.cholesky: the input is not positive-definite")


def _cholesky_slope(g: Any, factor: Any) -> Any:
    """L⁻ᴴ (Φ + Φᴴ)/2 L⁻¹, where Φ is the lower half of Lᴴ g."""
    half = tril(factor.mH @ g)
    half = (half + tril(half, -1).mH) * 0.5
    left = solve_triangle(factor.mH, half, upper=True)
    return solve_triangle(factor.mH, left.mH, upper=True).mH


# QR


class QR(NamedTuple):
    """What linalg.qr returns."""

    Q: Tensor
    R: Tensor


@op
class qr(Matrices):
    """Q with orthonormal columns and an upper triangular R whose product is x.

    The mode "reduced" has min(m, n) columns, "complete" m of them; "r" leaves Q empty.

    Source  torch.linalg.qr
    """

    autocast = "float32"
    kernel = lambda xp, x, *, mode="reduced": _qr(xp, x, mode)
    results = ("Q", "R")
    holomorphic = False
    grads = lambda g, Q, R, mode: (_qr_slope(g[0], g[1], Q, R, mode),)  # noqa: N803
    torch_name = "LinalgQr"
    samples = [((3, 3),), ((4, 2),), ((2, 4),), ((2, 3, 2),), ((2, 3), {"mode": "complete"})]

    def infer(self, x: Any, *, mode: str) -> Any:
        check_matrix(self.title, x, square=False)
        *batch, m, n = x.shape
        k = m if mode == "complete" else min(m, n)
        return Type(x.dtype, (0,) if mode == "r" else (*batch, m, k)), Type(x.dtype, (*batch, k, n))

    def call(self, x: Tensor, mode: str = "reduced") -> Any:
        if mode not in ("reduced", "complete", "r"):
            raise CallError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or "
                            f"'complete'{locations.quote(locations.here())}")
        return QR(*apply(self, (x,), {"mode": mode}))


def _qr(xp: Any, x: Any, mode: str) -> Any:
    if mode == "r":
        return xp.zeros((0,), x.dtype), xp.linalg.qr(x, mode="r")
    q, r = xp.linalg.qr(x, mode=mode)
    return q, r


def _qr_slope(g_q: Any, g_r: Any, q: Any, r: Any, mode: str) -> Any:
    if mode == "r":
        raise GradError("The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
                        "linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr.")
    rows, columns = q.shape[-2], r.shape[-1]
    if mode == "complete" and rows > columns:
        raise GradError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols.")
    if rows >= columns:
        return _tall_slope(g_q, g_r, q, r)
    # x = Q [U V]: its first columns are Q U, the others Q V
    first, v, g_v = r[..., :rows], r[..., rows:], g_r[..., rows:]
    left = _tall_slope(g_q + q @ (v @ g_v.mH), g_r[..., :rows], q, first)
    return cat([left, q @ g_v], -1)


def _tall_slope(g_q: Any, g_r: Any, q: Any, r: Any) -> Any:
    half = triu(g_r @ r.mH - q.mH @ g_q)
    whole = half + half.mH
    whole = whole - diag_embed(_diagonal(whole) * 0.5)
    return solve_triangle(r, (g_q + q @ whole).mH, upper=True).mH


# Singular values


class SVD(NamedTuple):
    """What linalg.svd returns."""

    U: Tensor
    S: Tensor
    Vh: Tensor


@op
class svd(Matrices):
    """U, S and Vᴴ with x = U diag(S) Vᴴ: singular vectors and values, the largest first.

    Raises  LinAlgError where x has inf or nan
    Source  torch.linalg.svd
    """

    autocast = "float32"
    kernel = lambda xp, x, *, full_matrices=True: _svd(x, full_matrices)
    lower = lambda xp, x, *, full_matrices=True: xp.linalg.svd(x, full_matrices=full_matrices)
    results = ("U", "S", "Vh")
    holomorphic = False
    grads = lambda g, U, S, Vh: (_svd_slope(g, U, S, Vh),)  # noqa: N803
    torch_name = "LinalgSvd"
    samples = [(positive((3, 3)),), (kinks([[1.0, 2.0, 0.5], [0.3, -1.0, 2.0]]), {"full_matrices": False}),
               (kinks([[[1.0, 2.0], [0.5, 0.3], [-1.0, 2.0]]]), {"full_matrices": False}),
               (kinks([[1.0, 2.0, 0.5], [0.3, -1.0, 2.0]]),)]

    def infer(self, x: Any, *, full_matrices: bool) -> Any:
        check_matrix(self.title, x, square=False)
        *batch, m, n = x.shape
        k = min(m, n)
        u, vh = ((*batch, m, m), (*batch, n, n)) if full_matrices else ((*batch, m, k), (*batch, k, n))
        return Type(x.dtype, u), Type(x.dtype.to_real(), (*batch, k)), Type(x.dtype, vh)

    def call(self, x: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> Any:
        return SVD(*apply(self, (x,), {"full_matrices": full_matrices}))


def _svd(x: Any, full_matrices: bool) -> Any:
    _refuse_infinite(x, "linalg.svd: The algorithm failed to converge because the input matrix contained non-finite "
                        "values.")
    return tuple(np.linalg.svd(x, full_matrices=full_matrices))


def _refuse_infinite(x: Any, message: str) -> None:
    if not np.isfinite(x).all():
        raise LinAlgError(message)


def _svd_slope(g: Any, u: Any, s: Any, vh: Any) -> Any:
    k = s.shape[-1]
    u, vh, g_u, g_vh = u[..., :k], vh[..., :k, :], g[0][..., :k], g[2][..., :k, :]
    turned_u = u.mH @ g_u
    turned_u = turned_u - turned_u.mH
    turned_v = vh @ g_vh.mH
    turned_v = turned_v - turned_v.mH
    gaps = s.unsqueeze(-2) ** 2 - s.unsqueeze(-1) ** 2
    core = _scaled(_quotient(turned_u, gaps), s) + s.unsqueeze(-1) * _quotient(turned_v, gaps)
    on_diagonal = g[1] + _diagonal(turned_u) / (s * 2.0) if u.dtype.is_complex else g[1]
    core = core + diag_embed(on_diagonal)
    if u.shape[-2] > k:
        left = g_u / s.unsqueeze(-2)
        core = u @ core + left - u @ (u.mH @ left)
    else:
        core = u @ core
    if vh.shape[-1] > k:
        right = g_vh / s.unsqueeze(-1)
        return core @ vh + u @ (right - (right @ vh.mH) @ vh)
    return core @ vh


@op
class svdvals(Matrices):
    """The singular values of x, the largest first. Their gradient exists also where some are equal.

    Raises  LinAlgError where x has inf or nan
    Source  torch.linalg.svdvals
    """

    autocast = "float32"
    kernel = lambda xp, x: _singular_values(x)
    lower = lambda xp, x: xp.linalg.svd(x, compute_uv=False)
    holomorphic = False
    grad_x = lambda g, x: _singular_slope(g, *svd(x, full_matrices=False))
    samples = [((3, 3),), ((4, 2),), ((2, 2, 3),)]

    def infer(self, x: Any) -> Any:
        check_matrix(self.title, x, square=False)
        return Type(x.dtype.to_real(), (*x.shape[:-2], min(x.shape[-2:])))

    def node_name(self, node: Any) -> str:
        return "LinalgSvdBackward0"


def _singular_values(x: Any) -> Any:
    _refuse_infinite(x, "linalg.svd: The algorithm failed to converge because the input matrix contained non-finite "
                        "values.")
    return np.linalg.svd(x, compute_uv=False)


def _singular_slope(g: Any, u: Any, s: Any, vh: Any) -> Any:
    return _scaled(u, g) @ vh


# Eigenvalues of Hermitian matrices


class Eigen(NamedTuple):
    """What linalg.eigh and linalg.eig return."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class Hermitian(Matrices):
    """An op on a Hermitian matrix, of which one half is read: `uplo` says which."""

    holomorphic = False
    samples: Any = [(positive((3, 3)),), (positive((2, 2, 2)), {"uplo": "U"})]

    def call(self, x: Tensor, UPLO: str = "L") -> Any:  # noqa: N803 (PyTorch's name)
        uplo = UPLO.upper()
        if uplo not in ("L", "U"):
            raise CallError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}"
                            + locations.quote(locations.here()))
        found = apply(self, (x,), {"uplo": uplo})
        return Eigen(*found) if isinstance(found, tuple) else found


@op
class eigh(Hermitian):
    """The eigenvalues of a Hermitian matrix, the smallest first, and its orthonormal eigenvectors, as columns.

    Source  torch.linalg.eigh
    """

    autocast = "float32"
    kernel = lambda xp, x, *, uplo="L": tuple(np.linalg.eigh(x, UPLO=uplo))
    lower = lambda xp, x, *, uplo="L": xp.linalg.eigh(x, UPLO=uplo, symmetrize_input=False)
    results = ("values", "vectors")
    grads = lambda g, values, vectors: (_eigh_slope(g, values, vectors),)
    torch_name = "LinalgEigh"

    def infer(self, x: Any, *, uplo: str) -> Any:
        check_matrix(self.title, x)
        return Type(x.dtype.to_real(), x.shape[:-1]), Type(x.dtype, x.shape)


def _eigh_slope(g: Any, values: Any, vectors: Any) -> Any:
    turned = vectors.mH @ g[1]
    turned = (turned - turned.mH) * 0.5  # the vectors only turn; so the gradient is Hermitian, like x
    core = _quotient(turned, values.unsqueeze(-2) - values.unsqueeze(-1)) + diag_embed(g[0])
    return vectors @ core @ vectors.mH


@op
class eigvalsh(Hermitian):
    """The eigenvalues of a Hermitian matrix, the smallest first. Their gradient exists also where some are equal.

    Source  torch.linalg.eigvalsh
    """

    autocast = "float32"
    kernel = lambda xp, x, *, uplo="L": np.linalg.eigvalsh(x, UPLO=uplo)
    lower = lambda xp, x, *, uplo="L": xp.linalg.eigvalsh(x, UPLO=uplo, symmetrize_input=False)
    grad_x = lambda g, x, uplo: _eigvalsh_slope(g, *eigh(x, uplo))

    def infer(self, x: Any, *, uplo: str) -> Any:
        check_matrix(self.title, x)
        return Type(x.dtype.to_real(), x.shape[:-1])

    def node_name(self, node: Any) -> str:
        return "LinalgEighBackward0"


def _eigvalsh_slope(g: Any, values: Any, vectors: Any) -> Any:
    return _scaled(vectors, g) @ vectors.mH


# Eigenvalues of any square matrix


@op
class eig(Matrices):
    """The eigenvalues of x, in no order, and its eigenvectors, as columns of length 1: complex numbers.

    Source  torch.linalg.eig
    """

    autocast = "float32"
    kernel = lambda xp, x: _eig(x)
    lower = lambda xp, x: _lowered_eig(xp, x)
    results = ("values", "vectors")
    holomorphic = False
    grads = lambda g, values, vectors: (_eig_slope(g, values, vectors),)
    torch_name = "LinalgEig"
    samples = [(positive((3, 3)),), (kinks([[[0.0, 1.0], [-1.0, 0.5]]]),)]

    def infer(self, x: Any) -> Any:
        check_matrix(self.title, x)
        return Type(x.dtype.to_complex(), x.shape[:-1]), Type(x.dtype.to_complex(), x.shape)

    def call(self, x: Tensor) -> Any:
        return Eigen(*apply(self, (x,), {}))


def _eig(x: Any) -> Any:
    _refuse_infinite(x, "torch.linalg.eig: input tensor should not contain infs or NaNs.")
    return _lowered_eig(np, x)


def _lowered_eig(xp: Any, x: Any) -> Any:
    """In double precision, as these eigenvalues magnify rounding, then rounded."""
    kind = np.result_type(x.dtype, np.complex64)
    return tuple(part.astype(kind) for part in xp.linalg.eig(x.astype(np.result_type(x.dtype, np.float64))))


def _eig_slope(g: Any, values: Any, vectors: Any) -> Any:
    turned = vectors.mH @ g[1]
    turned = turned - vectors.mH @ _scaled(vectors, _diagonal(turned).real)
    gaps = (values.unsqueeze(-2) - values.unsqueeze(-1)).conj()
    return linear_solve(vectors.mH, (_quotient(turned, gaps) + diag_embed(g[0])) @ vectors.mH)


@op
class eigvals(Matrices):
    """The eigenvalues of x, in no order: complex numbers.

    Source  torch.linalg.eigvals
    """

    autocast = "float32"
    kernel = lambda xp, x: _eigvals(x)
    lower = lambda xp, x: _lowered_eig(xp, x)[0]
    holomorphic = False
    grad_x = lambda g, x: _eigvals_slope(g, *eig(x))
    samples = [(positive((3, 3)),), (kinks([[[0.0, 1.0], [-1.0, 0.5]]]),)]

    def infer(self, x: Any) -> Any:
        check_matrix(self.title, x)
        return Type(x.dtype.to_complex(), x.shape[:-1])

    def node_name(self, node: Any) -> str:
        return "LinalgEigBackward0"


def _eigvals(x: Any) -> Any:
    _refuse_infinite(x, "torch.linalg.eig: input tensor should not contain infs or NaNs.")
    wide = x.astype(np.result_type(x.dtype, np.float64))
    return np.linalg.eigvals(wide).astype(np.result_type(x.dtype, np.complex64))


def _eigvals_slope(g: Any, values: Any, vectors: Any) -> Any:
    return linear_solve(vectors.mH, g.unsqueeze(-1) * vectors.mH)
