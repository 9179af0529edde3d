"""Rounding. The gradient of each is 0 everywhere."""

from __future__ import annotations

from typing import Any

import ml_dtypes

from gradc import dtypes
from gradc.apply import apply
from gradc.errors import UnsupportedError
from gradc.inplace import takes_out
from gradc.ops.arithmetic import where
from gradc.ops.base import Pointwise, operand
from gradc.ops.define import op
from gradc.ops.samples import kinks
from gradc.tensor import Tensor

__all__ = ["ceil", "floor", "frac", "nan_to_num", "round", "trunc"]


class Rounding(Pointwise):
    """Rounds to an integer; the gradient is 0 everywhere."""

    inplace = True
    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    samples: Any = [([-1.6, -0.4, 0.3, 1.6, 2.7],), (kinks([-1.5, -0.5, 0.5, 1.5, 2.5, -2.0, 2.0]),)]


@op
class floor(Rounding):
    """⌊x⌋, rounded down.

    Source  torch.floor
    """

    kernel = lambda xp, x: xp.floor(x)
    grad_x = lambda g: g.zeros_like()


@op
class ceil(Rounding):
    """⌈x⌉, rounded up.

    Source  torch.ceil
    """

    kernel = lambda xp, x: xp.ceil(x)
    grad_x = lambda g: g.zeros_like()


@op
class round(Rounding):
    """x rounded to the nearest integer, halves to the even one; to `decimals` places where they are given.

    Source  torch.round
    """

    kernel = lambda xp, x: xp.round(x)
    grad_x = lambda g: g.zeros_like()

    def call(self, x: Tensor, *, decimals: int = 0) -> Any:
        if not decimals:
            return apply(self, (operand(self, x),), {})
        if x.dtype.category < dtypes.FLOAT:
            raise UnsupportedError(f'"round_vml_cpu" not implemented for {dtypes.TITLES[x.dtype]!r}: its elements have '
                                   f"no decimals")
        scale = 10.0 ** abs(decimals)
        return round(x * scale) / scale if decimals > 0 else round(x / scale) * scale  # type: ignore[operator]


@op
class trunc(Rounding):
    """x rounded toward 0.

    Source  torch.trunc
    """

    kernel = lambda xp, x: xp.trunc(x)
    grad_x = lambda g: g.zeros_like()
    aliases = ("fix",)


@takes_out
def frac(x: Any) -> Any:
    """x - trunc(x), the fractional part, as torch.frac."""
    return x - trunc(x)


@takes_out
def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """x with nan and infinities replaced by numbers, infinities by the largest ones, as torch.nan_to_num."""
    if not x.dtype.is_floating_point:
        return x.clone()
    largest = float(ml_dtypes.finfo(x.dtype.numpy).max)
    x = where(x.isnan(), nan, x)
    x = where(x == float("inf"), largest if posinf is None else posinf, x)
    return where(x == float("-inf"), -largest if neginf is None else neginf, x)


Tensor.nan_to_num = nan_to_num  # type: ignore[attr-defined]
Tensor.frac = frac  # type: ignore[attr-defined]
