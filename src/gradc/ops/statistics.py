"""Variance, standard deviation and norms."""

from __future__ import annotations

import math
from typing import Any

from gradc import shapes
from gradc.apply import apply
from gradc.ops.arithmetic import where
from gradc.ops.define import op
from gradc.ops.reduction import Mean, amax, count, mean, restore, sum
from gradc.tensor import Tensor

__all__ = ["norm", "std", "std_mean", "var", "var_mean"]


@op
class var(Mean):
    """The variance of x over the dimensions `dim`: Σ (x - mean)² / (n - correction).

    Source  torch.var, two passes
    """

    kernel = lambda xp, x, *, dim, correction=1, keepdim=False: xp.var(x, axis=dim, ddof=correction, keepdims=keepdim)
    grad_x = lambda g, x, dim, correction, keepdim: restore(g, x.type_, dim, keepdim) * (
        (x - mean(x, dim, True)) * (2.0 / (count(x.type_, dim) - correction)))
    samples = [((2, 3, 4), {"dim": (1,)}), ((5,), {"dim": (0,), "correction": 0, "keepdim": True})]

    def call(self, x: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
             correction: Any = None) -> Any:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        dims = shapes.normal_dims(dim, x.ndim)
        degrees = (1 if unbiased else 0) if correction is None else correction
        return apply(self, (x,), {"dim": dims, "correction": degrees, "keepdim": keepdim})

    def node_name(self, node: Any) -> str:
        return "VarBackward0"


@op
class std(Mean):
    """The standard deviation of x over the dimensions `dim`: the square root of the variance.

    Source  torch.std
    """

    kernel = lambda xp, x, *, dim, correction=1, keepdim=False: xp.std(x, axis=dim, ddof=correction, keepdims=keepdim)
    grad_x = lambda g, x, result, dim, correction, keepdim: restore(g / result, x.type_, dim, keepdim) * (
        (x - mean(x, dim, True)) * (1.0 / (count(x.type_, dim) - correction)))
    samples = [((2, 3, 4), {"dim": (1,)}), ((5,), {"dim": (0,), "correction": 0, "keepdim": True})]
    call = type(var).call

    def node_name(self, node: Any) -> str:
        return "StdBackward0"


def var_mean(x: Tensor, dim: Any = None, *, correction: float = 1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """The variance and the mean of x over the dimensions `dim`, as torch.var_mean."""
    return var(x, dim, correction=correction, keepdim=keepdim), mean(x, dim, keepdim)


def std_mean(x: Tensor, dim: Any = None, *, correction: float = 1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """The standard deviation and the mean of x over the dimensions `dim`, as torch.std_mean."""
    return std(x, dim, correction=correction, keepdim=keepdim), mean(x, dim, keepdim)


def norm(x: Tensor, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The p-norm of x over the dimensions `dim`, as torch.norm. Its gradient at 0 is 0."""
    if p in ("fro", None):
        p = 2
    if p == math.inf:
        return amax(x.abs(), dim, keepdim)  # type: ignore[attr-defined]
    if p == 1:
        return sum(x.abs(), dim, keepdim)  # type: ignore[attr-defined]
    if p == 2:
        return norm2(x, dim, keepdim)
    return sum(x.abs() ** p, dim, keepdim) ** (1.0 / p)  # type: ignore[attr-defined]


@op
class norm2(Mean):
    """√ Σ x² over the dimensions `dim`. The gradient at 0 is 0.

    Source  torch.linalg.vector_norm
    """

    kernel = lambda xp, x, *, dim, keepdim=False: xp.sqrt(xp.sum(xp.multiply(x, x), axis=dim, keepdims=keepdim))
    grad_x = lambda g, x, result, dim, keepdim: where(
        restore(result, x.type_, dim, keepdim) == 0, 0.0, restore(g / result, x.type_, dim, keepdim) * x)
    torch_name = "LinalgVectorNorm"
    method = False

    def node_name(self, node: Any) -> str:
        return "LinalgVectorNormBackward0"


Tensor.norm = norm  # type: ignore[attr-defined]
