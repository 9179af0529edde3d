"""Running sums and products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc import dtypes, shapes
from gradc.apply import apply
from gradc.dtypes import dtype
from gradc.inplace import into
from gradc.ir import Type
from gradc.ops.arithmetic import where
from gradc.ops.base import Op, once_each
from gradc.ops.batching import along
from gradc.ops.creation import eye
from gradc.ops.define import op
from gradc.ops.reduction import sum
from gradc.tensor import Tensor

__all__ = ["cumprod", "cumsum", "logcumsumexp"]


@op
class cumsum(Op):
    """The running sum of x along `dim`.

    Source  torch.cumsum
    """

    kernel = lambda xp, x, *, dim: xp.cumsum(x, axis=dim) if x.ndim else xp.array(x, copy=True)
    widens = True
    grad_x = lambda g, dim: cumsum(g.flip((dim,)), dim).flip((dim,))
    batched = along("dim", scalars=True)
    inplace = True
    flops = once_each
    samples = [((3, 4), {"dim": 1}), ((5,), {"dim": 0}), ((), {"dim": 0})]

    def infer(self, x: Any, *, dim: int) -> Type:
        return Type(x.dtype, x.shape)

    def compute_dtype(self, operands: Sequence[Any]) -> dtype | None:
        return type(sum).compute_dtype(self, operands)

    def call(self, x: Tensor, dim: int, *, dtype: dtype | None = None, out: Tensor | None = None) -> Any:
        if out is not None:
            return into(out, self.call(x, dim, dtype=dtype), self.name)
        attrs = {"dim": shapes.normal_dim(dim, x.ndim)}
        if dtype is None:
            return apply(self, (x,), attrs)
        return apply(self, (x.to(dtype),), attrs).to(dtype)  # type: ignore[attr-defined]


@op
class cumprod(Op):
    """The running product of x along `dim`.

    Source  torch.cumprod. The gradient is right where an element is 0; it takes memory quadratic in the size of `dim`
    """

    kernel = lambda xp, x, *, dim: xp.cumprod(x, axis=dim) if x.ndim else xp.array(x, copy=True)
    widens = True
    grad_x = lambda g, x, dim: _cumprod_slope(g, x, dim)
    batched = along("dim", scalars=True)
    inplace = True
    flops = once_each
    samples = [((3, 4), {"dim": 1}), ([2.0, 0.0, 3.0, -1.0], {"dim": 0}), ((), {"dim": 0})]
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


@op
class logcumsumexp(Op):
    """log Σ exp(x) of the elements so far along `dim`, without overflow.

    Source  torch.logcumsumexp. The gradient takes memory quadratic in the size of `dim`
    """

    kernel = lambda xp, x, *, dim: xp.logaddexp.accumulate(x, axis=dim) if x.ndim else xp.array(x, copy=True)
    widens = True
    grad_x = lambda g, x, result, dim: _logcumsumexp_slope(g, x, result, dim)
    batched = along("dim", scalars=True)
    rejects = (dtypes.BOOL, dtypes.INT, dtypes.COMPLEX)
    samples = [((3, 4), {"dim": 1}), ([-20.0, 3.0, 3.0], {"dim": 0}), ((), {"dim": 0})]
    infer = type(cumsum).infer

    def call(self, x: Tensor, dim: int, *, out: Tensor | None = None) -> Any:
        return into(out, apply(self, (x,), {"dim": shapes.normal_dim(dim, x.ndim)}), self.name)


def _logcumsumexp_slope(g: Tensor, x: Tensor, result: Tensor, dim: int) -> Tensor:
    if not x.ndim:
        return g
    g, x, result = [v.movedim(dim, -1) for v in (g, x, result)]  # type: ignore[attr-defined]
    size = x.shape[-1]
    reaches = eye(size, dtype=dtypes.bool_).cumsum(0).bool()  # row i: the sums that element i is in
    share = where(reaches.mT, x.unsqueeze(-1) - result.unsqueeze(-2), float("-inf")).exp()  # type: ignore
    return (g.unsqueeze(-2) * share).sum(-1).movedim(-1, dim)  # type: ignore
