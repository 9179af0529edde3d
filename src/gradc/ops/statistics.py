"""Variance, standard deviation and norms."""

from __future__ import annotations

import math
import warnings
from typing import Any

from gradc import shapes
from gradc.apply import apply
from gradc.dtypes import dtype
from gradc.inplace import into
from gradc.ops.arithmetic import where
from gradc.ops.define import op
from gradc.ops.reduction import Mean, count, mean, restore
from gradc.tensor import Tensor

__all__ = ["std", "std_mean", "var", "var_mean"]


class Spread(Mean):
    """A size that is real for complex numbers too."""

    refusal = "std and var only support floating point and complex dtypes"

    def result_dtype(self, computed: dtype) -> dtype:
        return computed.to_real()


def _check_degrees(x: Tensor, dims: tuple[int, ...], correction: float, name: str) -> None:
    """Warn as PyTorch does where nothing is left to divide by."""
    if math.prod([x._array.shape[d] for d in dims]) <= correction and x.numel():
        warnings.warn(f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction "
                      "factor (input numel divided by output numel).", UserWarning, stacklevel=4)


@op
class var(Spread):
    """The variance of x over the dimensions `dim`: Σ (x - mean)² / (n - correction).

    Source  torch.var, two passes
    """

    kernel = lambda xp, x, *, dim, correction=1, keepdim=False: xp.var(x, axis=dim, ddof=correction, keepdims=keepdim)
    grad_x = lambda g, x, dim, correction, keepdim: restore(g, x.type_, dim, keepdim) * (
        (x - mean(x, dim, True)) * (2.0 / (count(x.type_, dim) - correction)))
    samples = [((2, 3, 4), {"dim": (1,)}), ((5,), {"dim": (0,), "correction": 0, "keepdim": True})]

    def call(self, x: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
             correction: Any = None, out: Tensor | None = None) -> Any:
        if out is not None:
            return into(out, self.call(x, dim, unbiased, keepdim, correction=correction), self.name)
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        dims = shapes.normal_dims(dim, x.ndim)
        degrees = (1 if unbiased else 0) if correction is None else correction
        _check_degrees(x, dims, degrees, self.name)
        return apply(self, (x,), {"dim": dims, "correction": degrees, "keepdim": keepdim})

    def node_name(self, node: Any) -> str:
        return "VarBackward0"


@op
class std(Spread):
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


def var_mean(x: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
             correction: float | None = None) -> tuple[Tensor, Tensor]:
    """The variance and the mean of x over the dimensions `dim`, as torch.var_mean."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return var(x, dim, unbiased, keepdim, correction=correction), mean(x, dim, keepdim)


def std_mean(x: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
             correction: float | None = None) -> tuple[Tensor, Tensor]:
    """The standard deviation and the mean of x over the dimensions `dim`, as torch.std_mean."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return std(x, dim, unbiased, keepdim, correction=correction), mean(x, dim, keepdim)


@op
class norm2(Spread):
    """√ Σ x² over the dimensions `dim`. The gradient at 0 is 0.

    Source  torch.linalg.vector_norm
    """

    refusal = "linalg.vector_norm: Expected a floating point or complex tensor as input. Got {title}"

    kernel = lambda xp, x, *, dim, keepdim=False: xp.sqrt(xp.sum(xp.multiply(x, x), axis=dim, keepdims=keepdim))
    complex_kernel = lambda xp, x, *, dim, keepdim=False: xp.sqrt(xp.sum(
        xp.square(xp.real(x)) + xp.square(xp.imag(x)), axis=dim, keepdims=keepdim))
    grad_x = lambda g, x, result, dim, keepdim: where(
        restore(result, x.type_, dim, keepdim) == 0, 0.0, restore(g / result, x.type_, dim, keepdim) * x)
    torch_name = "LinalgVectorNorm"
    method = False

    def node_name(self, node: Any) -> str:
        return "LinalgVectorNormBackward0"
