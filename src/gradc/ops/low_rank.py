"""Factorizations of matrices of low rank, by random projections."""

from __future__ import annotations

from typing import Any

from gradc.errors import CallError, ShapeError
from gradc.locations import here, quote
from gradc.ops.factorizations import qr, svd
from gradc.ops.random import randn
from gradc.tensor import Tensor

__all__ = ["pca_lowrank", "svd_lowrank"]


def svd_lowrank(A: Tensor, q: int | None = 6, niter: int | None = 2,  # noqa: N803
                M: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:  # noqa: N803
    """U, S and V with A - M ≈ U diag(S) Vᴴ, of rank q, as torch.svd_lowrank: Halko, Martinsson and Tropp 2009, 5.1.

    It draws a random matrix of q columns, and multiplies it `niter` times by A and Aᴴ.
    """
    x: Any = A if M is None else A - M  # type: ignore[operator]
    wide = x.shape[-2] < x.shape[-1]
    x = x.mH if wide else x
    basis = _range_of(x, 6 if q is None else q, 2 if niter is None else niter)
    u, s, vh = svd(basis.mH @ x, full_matrices=False)
    left, right = basis @ u, vh.mH
    return (right, s, left) if wide else (left, s, right)


def _range_of(x: Any, q: int, niter: int) -> Any:
    """An orthonormal basis of q vectors of what x maps to: approximately, where x has a larger rank."""
    basis = qr(x @ randn(x.shape[-1], q, dtype=x.dtype))[0]
    for _ in range(niter):
        basis = qr(x @ qr(x.mH @ basis)[0])[0]
    return basis


def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True,  # noqa: N803
                niter: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """svd_lowrank of A, whose columns are made of mean 0 if `center`, as torch.pca_lowrank.

    The columns of the third result are the q principal directions of the rows of A.
    """
    least = min(A.shape[-2:])
    q = min(6, least) if q is None else q
    if not 0 <= q <= least:
        raise ShapeError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={least}{quote(here())}")
    if niter < 0:
        raise CallError(f"niter(={niter}) must be non-negative integer{quote(here())}")
    return svd_lowrank(A - A.mean(-2, True) if center else A, q, niter)  # type: ignore[attr-defined]
