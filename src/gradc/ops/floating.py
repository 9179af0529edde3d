"""How numbers are written: their signs, exponents, neighbours and divisors, and comparison within a tolerance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from gradc import dtypes
from gradc.apply import apply
from gradc.errors import CallError, DtypeError
from gradc.inplace import into, write
from gradc.ir import Type
from gradc.locations import here, quote
from gradc.ops.arithmetic import pow, sub, where
from gradc.ops.base import Op, Pointwise
from gradc.ops.batching import alike
from gradc.ops.comparison import Comparison
from gradc.ops.define import inplace, op
from gradc.ops.elementary import Function, exp2
from gradc.ops.samples import kinks
from gradc.tensor import Tensor

__all__ = [
    "bitwise_left_shift", "bitwise_right_shift", "copysign", "deg2rad", "float_power", "fmax", "fmin", "frexp", "gcd",
    "heaviside", "isclose", "isneginf", "isposinf", "lcm", "ldexp", "logaddexp2", "nextafter", "positive", "rad2deg",
    "rsub", "signbit",
]


@op
class copysign(Pointwise):
    """|x| with the sign of y. The gradient at 0 is 0.

    Source  torch.copysign
    """

    kernel = lambda xp, x, y: xp.copysign(x, y)
    grad_x = lambda g, x, result: where(x == 0, 0.0, g * (result / where(x == 0, 1.0, x)))
    grad_y = lambda g: g.zeros_like()
    promotion = "float"
    rejects = (dtypes.COMPLEX,)
    inplace = True
    samples = [((5,), (5,)), ((3,), -1.0), (kinks([0.0, -0.0]), [-1.0, 1.0])]

    def node_name(self, node: Any) -> str:
        return f"CopysignBackward{int(not isinstance(node.signature[1], tuple))}"


@op
class nextafter(Pointwise):
    """The neighbour of x in the direction of y among the numbers of the dtype. The gradient is that of x.

    Source  torch.nextafter
    """

    kernel = lambda xp, x, y: xp.nextafter(x, y)
    grad_x = lambda g: g
    rejects = (dtypes.BOOL, dtypes.INT, dtypes.COMPLEX)
    widens = False
    inplace = True
    samples = [([1.0, -1.0, 0.5], [2.0, 2.0, 0.0])]


@op
class fmax(Pointwise):
    """The larger of x and y; where one is nan, the other.

    Source  torch.fmax
    """

    kernel = lambda xp, x, y: xp.fmax(x, y)
    grad_x = lambda g, x, y: where((x >= y) | y.isnan(), g, 0.0)
    grad_y = lambda g, x, y: where((x >= y) | y.isnan(), 0.0, g)
    rejects = (dtypes.COMPLEX,)
    samples = [((3, 4), (4,)), (kinks([1.0, float("nan"), 2.0]), kinks([float("nan"), 3.0, 2.0]))]


@op
class fmin(Pointwise):
    """The smaller of x and y; where one is nan, the other.

    Source  torch.fmin
    """

    kernel = lambda xp, x, y: xp.fmin(x, y)
    grad_x = lambda g, x, y: where((x <= y) | y.isnan(), g, 0.0)
    grad_y = lambda g, x, y: where((x <= y) | y.isnan(), 0.0, g)
    rejects = (dtypes.COMPLEX,)
    samples = [((3, 4), (4,)), (kinks([1.0, float("nan"), 2.0]), kinks([float("nan"), 3.0, 2.0]))]


@op
class heaviside(Pointwise):
    """0 below 0, 1 above, and y at 0. It has no gradient.

    Source  torch.heaviside
    """

    kernel = lambda xp, x, y: xp.where(x == 0, y, xp.where(x == x, xp.astype(x > 0, x.dtype), x))
    rejects = (dtypes.COMPLEX,)
    inplace = True
    samples = [([-1.5, 0.0, 2.0], [0.5, 0.5, 0.5])]


@op
class logaddexp2(Pointwise):
    """log₂(2ˣ + 2ʸ), without overflow.

    Source  torch.logaddexp2
    """

    kernel = lambda xp, x, y: xp.logaddexp2(x, y)
    grad_x = lambda g, x, y: g / (1 + exp2(y - x))
    grad_y = lambda g, x, y: g / (1 + exp2(x - y))
    rejects = (dtypes.BOOL, dtypes.INT, dtypes.COMPLEX)
    samples = [((3,), (3,)), ((3, 1), (2,)), ([500.0, -300.0], [500.0, 0.0])]


class Integers(Pointwise):
    """An op of whole numbers."""

    rejects = (dtypes.BOOL, dtypes.FLOAT, dtypes.COMPLEX)
    inplace = True


@op
class gcd(Integers):
    """The greatest common divisor of |x| and |y|.

    Source  torch.gcd
    """

    commutative = True
    kernel = lambda xp, x, y: xp.gcd(x, y)
    samples = [([12, -18, 0], [18, 24, 5]), ([12, 7], [[8], [14]])]


@op
class lcm(Integers):
    """The least common multiple of |x| and |y|.

    Source  torch.lcm
    """

    commutative = True
    kernel = lambda xp, x, y: xp.lcm(x, y)
    samples = [([4, -6, 0], [6, 4, 5])]


@op
class bitwise_left_shift(Integers):
    """x · 2ʸ, within the bits of x.

    Source  torch.bitwise_left_shift
    """

    kernel = lambda xp, x, y: xp.left_shift(x, y)
    operators = ("__lshift__", "__rlshift__", "__ilshift__")
    samples = [([1, -3, 5], [2, 1, 0]), ([1, 5], 3)]


@op
class bitwise_right_shift(Integers):
    """⌊x / 2ʸ⌋.

    Source  torch.bitwise_right_shift
    """

    kernel = lambda xp, x, y: xp.right_shift(x, y)
    operators = ("__rshift__", "__rrshift__", "__irshift__")
    samples = [([8, -3, 5], [2, 1, 0]), ([16, 5], 3)]


@op
class signbit(Comparison):
    """Whether x is negative, or the zero below 0. Source: torch.signbit"""

    kernel = lambda xp, x: xp.signbit(x) if x.dtype.kind in "fV" else x < 0
    inplace = False
    rejects = (dtypes.COMPLEX,)
    samples = [([-1.0, 2.0, -0.0],)]


@op
class isneginf(Comparison):
    """Whether x is -∞. Source: torch.isneginf"""

    kernel = lambda xp, x: x == float("-inf")
    inplace = False
    rejects = (dtypes.COMPLEX,)
    rejection = "isneginf does not support complex inputs."
    samples = [([1.0, float("-inf"), float("inf")],)]


@op
class isposinf(Comparison):
    """Whether x is +∞. Source: torch.isposinf"""

    kernel = lambda xp, x: x == float("inf")
    inplace = False
    rejects = (dtypes.COMPLEX,)
    rejection = "isposinf does not support complex inputs."
    samples = [([1.0, float("-inf"), float("inf")],)]


@op
class isclose(Comparison):
    """Whether |x - y| ≤ atol + rtol·|y|; infinities and, if asked for, nan are close to themselves.

    Source  torch.isclose
    """

    kernel = lambda xp, x, y, *, rtol=1e-5, atol=1e-8, equal_nan=False: _close(xp, x, y, rtol, atol, equal_nan)
    inplace = False
    samples = [([1.0, 2.0, float("inf")], [1.0 + 1e-7, 2.1, float("inf")]),
               ([1.0, float("nan")], [1.4, float("nan")], {"atol": 0.5, "equal_nan": True})]

    def call(self, x: Tensor, y: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
        if x.dtype is not y.dtype:
            raise DtypeError(f"{dtypes.TITLES[x.dtype]} did not match {dtypes.TITLES[y.dtype]}{quote(here())}")
        for name, size in (("rtol", rtol), ("atol", atol)):
            if size < 0:
                raise CallError(f"{name} must be greater than or equal to zero, but got {size}{quote(here())}")
        return apply(self, (x, y), {"rtol": rtol, "atol": atol, "equal_nan": equal_nan})


def _close(xp: Any, x: Any, y: Any, rtol: float, atol: float, equal_nan: bool) -> Any:
    if x.dtype.kind == "b":
        return x == y
    near = (xp.abs(x - y) <= atol + rtol * xp.abs(y)) & xp.isfinite(x) & xp.isfinite(y) | (x == y)
    return near | ((x != x) & (y != y)) if equal_nan else near


class Mantissa(NamedTuple):
    """What frexp returns."""

    mantissa: Tensor
    exponent: Tensor


@op
class frexp(Op):
    """The m and n with x = m · 2ⁿ and 1/2 ≤ |m| < 1; both 0 for 0.

    Source  torch.frexp
    """

    kernel = lambda xp, x: xp.frexp(x)
    grad_x = lambda g, exponent: g[0] / exp2(exponent.to(g[0].dtype))
    results = ("mantissa", "exponent")
    batched = alike
    rejects = (dtypes.BOOL, dtypes.INT, dtypes.COMPLEX)
    samples = [([0.3, -5.0, 1000.0],), (kinks([0.0]),)]

    def infer(self, x: Any) -> tuple[Type, ...]:
        return Type(x.dtype, x.shape), Type(dtypes.int32, x.shape)

    def call(self, x: Tensor, *, out: Sequence[Tensor] | None = None) -> Any:
        found = apply(self, (x,), {})
        if out is not None:
            found = [into(o, part, self.name) for o, part in zip(out, found, strict=True)]
        return Mantissa(*found)


def ldexp(x: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """x · 2 to the power `other`, as torch.ldexp."""
    kind = x.dtype if x.dtype.is_differentiable else dtypes.get_default_dtype()
    return into(out, x * exp2(other.to(kind)), "ldexp")  # type: ignore[attr-defined, operator]


def float_power(x: Any, exponent: Any, *, out: Tensor | None = None) -> Tensor:
    """x to a power, computed in double precision, as torch.float_power."""
    of_complex = any(isinstance(v, complex) or isinstance(v, Tensor) and v.dtype.is_complex for v in (x, exponent))
    kind = dtypes.complex128 if of_complex else dtypes.float64
    wide = [v.to(kind) if isinstance(v, Tensor) else v for v in (x, exponent)]  # type: ignore[attr-defined]
    return into(out, pow(*wide), "float_power")


@op
class deg2rad(Function):
    """x degrees in radians.

    Source  torch.deg2rad
    """

    kernel = lambda xp, x: xp.multiply(x, math.pi / 180)
    grad_x = lambda g: g * (math.pi / 180)
    torch_name = "Deg2Rad"
    rejects = (dtypes.COMPLEX,)
    rejection = "deg2rad is not supported for complex tensors."


@op
class rad2deg(Function):
    """x radians in degrees.

    Source  torch.rad2deg
    """

    kernel = lambda xp, x: xp.multiply(x, 180 / math.pi)
    grad_x = lambda g: g * (180 / math.pi)
    torch_name = "Rad2Deg"
    rejects = (dtypes.COMPLEX,)
    rejection = "rad2deg is not supported for complex tensors."


def positive(x: Tensor) -> Tensor:
    """x itself, as torch.positive."""
    if x.dtype is dtypes.bool_:
        raise DtypeError(f"The `+` operator, on a bool tensor is not supported.{quote(here())}")
    return x


def rsub(x: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """other - alpha · x, as torch.rsub."""
    return sub(other, x, alpha=alpha)  # type: ignore[no-any-return]


for _function in (ldexp, float_power, positive):
    setattr(Tensor, _function.__name__, _function)
def _float_power_(self: Tensor, exponent: Any) -> Tensor:
    """float_power in place, of a tensor that can hold its double precision."""
    found = float_power(self, exponent)
    if found.dtype is not self.dtype:
        raise DtypeError(f"the base given to float_power_ has dtype {dtypes.TITLES[self.dtype]} but the operation's "
                         f"result requires dtype {dtypes.TITLES[found.dtype]}{quote(here())}")
    return write(self, found, "float_power_")


Tensor.float_power_ = _float_power_  # type: ignore[attr-defined]
for _function in (ldexp,):
    setattr(Tensor, f"{_function.__name__}_", inplace(_function, f"{_function.__name__}_"))
