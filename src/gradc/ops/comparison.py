"""Comparison, logic and bits. None of these has a gradient."""

from __future__ import annotations

from gradc import dtypes
from gradc.ops.base import Pointwise
from gradc.ops.define import op

__all__ = [
    "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "eq", "ge", "gt", "isfinite", "isinf", "isnan",
    "le", "logical_and", "logical_not", "logical_or", "logical_xor", "lt", "ne",
]


class Comparison(Pointwise):
    """A pointwise op whose result is bool."""

    inplace = True
    result = dtypes.bool_


@op
class eq(Comparison):
    """Whether x = y. Source: torch.eq"""

    commutative = True
    kernel = lambda xp, x, y: xp.equal(x, y)
    operators = ("__eq__",)
    samples = [([1.0, 2.0], [1.0, 3.0]), ([1.0, 2.0], 1)]


@op
class ne(Comparison):
    """Whether x ≠ y. Source: torch.ne"""

    commutative = True
    kernel = lambda xp, x, y: xp.not_equal(x, y)
    operators = ("__ne__",)
    aliases = ("not_equal",)
    samples = [([1.0, 2.0], [1.0, 3.0]), ([1.0, 2.0], 1)]


@op
class lt(Comparison):
    """Whether x < y. Source: torch.lt"""

    kernel = lambda xp, x, y: xp.less(x, y)
    rejects = (dtypes.COMPLEX,)
    operators = ("__lt__",)
    aliases = ("less",)
    samples = [([1.0, 2.0], [1.0, 3.0]), ([1.0, 2.0], 1.5)]


@op
class le(Comparison):
    """Whether x ≤ y. Source: torch.le"""

    kernel = lambda xp, x, y: xp.less_equal(x, y)
    rejects = (dtypes.COMPLEX,)
    operators = ("__le__",)
    aliases = ("less_equal",)
    samples = [([1.0, 2.0], [1.0, 3.0]), ([1.0, 2.0], 1.5)]


@op
class gt(Comparison):
    """Whether x > y. Source: torch.gt"""

    kernel = lambda xp, x, y: xp.greater(x, y)
    rejects = (dtypes.COMPLEX,)
    operators = ("__gt__",)
    aliases = ("greater",)
    samples = [([1.0, 2.0], [1.0, 3.0]), ([1.0, 2.0], 1.5)]


@op
class ge(Comparison):
    """Whether x ≥ y. Source: torch.ge"""

    kernel = lambda xp, x, y: xp.greater_equal(x, y)
    rejects = (dtypes.COMPLEX,)
    operators = ("__ge__",)
    aliases = ("greater_equal",)
    samples = [([1.0, 2.0], [1.0, 3.0]), ([1.0, 2.0], 1.5)]


@op
class logical_and(Comparison):
    """Whether x and y are both nonzero. Source: torch.logical_and"""

    commutative = True
    kernel = lambda xp, x, y: xp.logical_and(x, y)
    samples = [([True, False], [True, True]), ([1.0, 0.0], [2.0, 3.0])]


@op
class logical_or(Comparison):
    """Whether x or y is nonzero. Source: torch.logical_or"""

    commutative = True
    kernel = lambda xp, x, y: xp.logical_or(x, y)
    samples = [([True, False], [False, False])]


@op
class logical_xor(Comparison):
    """Whether exactly one of x and y is nonzero. Source: torch.logical_xor"""

    commutative = True
    kernel = lambda xp, x, y: xp.logical_xor(x, y)
    samples = [([True, False], [True, True])]


@op
class logical_not(Comparison):
    """Whether x is zero. Source: torch.logical_not"""

    kernel = lambda xp, x: xp.logical_not(x)
    samples = [([True, False],), ([0.0, 2.0],)]


class Bits(Pointwise):
    """An op on the bits of integers, or on bools."""

    inplace = True
    rejects = (dtypes.FLOAT, dtypes.COMPLEX)


@op
class bitwise_and(Bits):
    """x & y. Source: torch.bitwise_and"""

    commutative = True
    kernel = lambda xp, x, y: xp.bitwise_and(x, y)
    operators = ("__and__", "__rand__", "__iand__")
    samples = [([True, False], [True, True]), ([6, 3], 5)]


@op
class bitwise_or(Bits):
    """x | y. Source: torch.bitwise_or"""

    commutative = True
    kernel = lambda xp, x, y: xp.bitwise_or(x, y)
    operators = ("__or__", "__ror__", "__ior__")
    samples = [([True, False], [False, False]), ([6, 3], 5)]


@op
class bitwise_xor(Bits):
    """x ^ y. Source: torch.bitwise_xor"""

    commutative = True
    kernel = lambda xp, x, y: xp.bitwise_xor(x, y)
    operators = ("__xor__", "__rxor__", "__ixor__")
    samples = [([True, False], [True, True]), ([6, 3], 5)]


@op
class bitwise_not(Bits):
    """~x. Source: torch.bitwise_not"""

    kernel = lambda xp, x: xp.bitwise_not(x)
    operators = ("__invert__",)
    samples = [([True, False],), ([6, 3],)]


@op
class isnan(Comparison):
    """Whether x is nan. Source: torch.isnan"""

    kernel = lambda xp, x: xp.isnan(x)
    samples = [([1.0, float("nan"), float("inf")],)]


@op
class isinf(Comparison):
    """Whether x is infinite. Source: torch.isinf"""

    kernel = lambda xp, x: xp.isinf(x)
    samples = [([1.0, float("nan"), float("-inf")],)]


@op
class isfinite(Comparison):
    """Whether x is neither infinite nor nan. Source: torch.isfinite"""

    kernel = lambda xp, x: xp.isfinite(x)
    samples = [([1.0, float("nan"), float("-inf")],)]
