"""Functions that PyTorch keeps under their old names and signatures; torch.linalg has their successors."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradc.inplace import takes_out
from gradc.ops.creation import arange, eye
from gradc.ops.factorizations import QR, svdvals
from gradc.ops.factorizations import qr as factorize
from gradc.ops.factorizations import svd as decompose
from gradc.ops.linear_algebra import mm
from gradc.ops.matrices import matrix_power
from gradc.tensor import Tensor

__all__ = ["matrix_power", "qr", "spmm", "svd", "vander"]

spmm = mm
"""The product of two matrices: the first is sparse in PyTorch, and may be dense."""


class OldSVD(NamedTuple):
    """What torch.svd returns: V, not its adjoint."""

    U: Tensor
    S: Tensor
    V: Tensor


@takes_out
def svd(x: Tensor, some: bool = True, compute_uv: bool = True) -> OldSVD:
    """U, S and V with x = U diag(S) Vᴴ, as torch.svd; zeros for U and V where they are not wanted."""
    if not compute_uv:
        *batch, m, n = x.shape
        u, v = (eye(k, dtype=x.dtype).mul(0).expand((*batch, k, k)).clone() for k in (m, n))
        return OldSVD(u, svdvals(x), v)
    u, s, vh = decompose(x, not some)
    return OldSVD(u, s, vh.mH)


@takes_out
def qr(x: Tensor, some: bool = True) -> QR:
    """Q and R whose product is x, as torch.qr."""
    return factorize(x, "reduced" if some else "complete")  # type: ignore[no-any-return]


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Any:  # noqa: N803 (PyTorch's name)
    """The powers of each element of a vector, the largest first unless `increasing`, as torch.vander."""
    count = x.shape[-1] if N is None else N
    powers = x.unsqueeze(-1) ** arange(count)  # type: ignore[attr-defined]
    return powers if increasing else powers.flip(-1)


for _function in (matrix_power, qr, svd):
    setattr(Tensor, _function.__name__, _function)
