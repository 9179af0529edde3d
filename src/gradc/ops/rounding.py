"""Rounding. The gradient of each is 0 everywhere."""

from __future__ import annotations

from typing import Any

from gradc import dtypes
from gradc.ops.base import Pointwise
from gradc.ops.define import op
from gradc.ops.samples import kinks


class Rounding(Pointwise):
    """Rounds to an integer; the gradient is 0 everywhere."""

    inplace = True
    rejects = (dtypes.BOOL,)
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
    """x rounded to the nearest integer, halves to the even one.

    Source  torch.round
    """

    kernel = lambda xp, x: xp.round(x)
    grad_x = lambda g: g.zeros_like()


@op
class trunc(Rounding):
    """x rounded toward 0.

    Source  torch.trunc
    """

    kernel = lambda xp, x: xp.trunc(x)
    grad_x = lambda g: g.zeros_like()
    aliases = ("fix",)


def frac(x: Any) -> Any:
    """x - trunc(x), the fractional part, as torch.frac."""
    return x - trunc(x)
