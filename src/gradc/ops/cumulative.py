"""Running sums and products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc import dtypes, shapes
from gradc.apply import apply
from gradc.dtypes import dtype
from gradc.ir import Type
from gradc.ops.arithmetic import where
from gradc.ops.base import Op
from gradc.ops.creation import eye
from gradc.ops.define import op
from gradc.ops.reduction import sum
from gradc.tensor import Tensor

__all__ = ["cumprod", "cumsum"]


@op
class cumsum(Op):
    """The running sum of x along `dim`.

    Source  torch.cumsum
    """

    kernel = lambda xp, x, *, dim: xp.cumsum(x, axis=dim)
    grad_x = lambda g, dim: cumsum(g.flip((dim,)), dim).flip((dim,))
    samples = [((3, 4), {"dim": 1}), ((5,), {"dim": 0})]

    def infer(self, x: Any, *, dim: int) -> Type:
        return Type(x.dtype, x.shape)

    def compute_dtype(self, operands: Sequence[Any]) -> dtype | None:
        return type(sum).compute_dtype(self, operands)

    def call(self, x: Tensor, dim: int, *, dtype: dtype | None = None) -> Any:
        x = x if dtype is None else x.to(dtype)  # type: ignore[attr-defined]
        return apply(self, (x,), {"dim": shapes.normal_dim(dim, x.ndim)})


@op
class cumprod(Op):
    """The running product of x along `dim`.

    Source  torch.cumprod. The gradient is right where an element is 0; it takes memory quadratic in the size of `dim`
    """

    kernel = lambda xp, x, *, dim: xp.cumprod(x, axis=dim)
    grad_x = lambda g, x, dim: _cumprod_slope(g, x, dim)
    samples = [((3, 4), {"dim": 1}), ([2.0, 0.0, 3.0, -1.0], {"dim": 0})]
    compute_dtype = type(cumsum).compute_dtype
    infer = type(cumsum).infer
    call = type(cumsum).call


def _cumprod_slope(g: Tensor, x: Tensor, dim: int) -> Tensor:
    if not x.ndim:
        return g
    rows = x.movedim(dim, -1).unsqueeze(-2)  # type: ignore[attr-defined]
    size = rows.shape[-1]
    others = where(eye(size, dtype=dtypes.bool_), 1.0, rows)  # row i lacks element i
    products = cumprod(others, -1).triu()
    return (g.movedim(dim, -1).unsqueeze(-2) * products).sum(-1).movedim(-1, dim)  # type: ignore
