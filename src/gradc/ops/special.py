"""Special functions, as torch.special has them. On NumPy they are computed in approximations.py, on XLA by JAX."""

from __future__ import annotations

import math
from typing import Any

from gradc import dtypes
from gradc.apply import apply
from gradc.errors import ArgumentError, CallError
from gradc.inplace import into
from gradc.ops import approximations
from gradc.ops.arithmetic import where
from gradc.ops.base import Pointwise, operand
from gradc.ops.define import inplace, op
from gradc.ops.elementary import Function, erfc, exp, log, log1p
from gradc.ops.samples import kinks
from gradc.tensor import Tensor

__all__ = ["digamma", "i0", "igamma", "igammac", "lgamma", "mvlgamma", "polygamma", "sinc", "xlogy"]

POSITIVE = [1.3, 2.5, 7.0, 30.0]
LARGE = [7.0, 12.0, 30.0]
"""Where torch's trigamma, of nine digits, is good enough to compare with."""

REAL = [-20.0, -2.5, -0.3, 0.1, 1.5, 6.0, 40.0]


class Special(Function):
    """A special function of one real number."""

    inplace = False
    method = False
    rejects = (dtypes.COMPLEX,)
    samples: Any = [((7,),), (REAL,), ((),)]


@op
class lgamma(Special):
    """log |Γ(x)|.

    Error   4 ulp, absolute near 1 and 2, where it is 0
    Source  torch.lgamma
    """

    kernel = lambda xp, x: approximations.lgamma(x)
    lower = lambda xp, x: xp.special.gammaln(x)
    grad_x = lambda g, x: g * digamma(x)
    method = inplace = True
    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    rejects_each = True
    samples = [(POSITIVE,), ([-1.5, -2.7, 3.2],)]


@op
class digamma(Special):
    """The derivative of log Γ(x); ∓∞ at ±0, nan at negative integers.

    Error   40 ulp for x > 0
    Source  torch.digamma
    """

    kernel = lambda xp, x: approximations.digamma(x)
    lower = lambda xp, x: xp.special.digamma(x)
    grad_x = lambda g, x: g * polygamma(1, x)
    method = inplace = True
    samples = [(LARGE,)]


@op
class polygamma_(Special):
    """The n-th derivative of digamma.

    Source  torch.polygamma; Abramowitz and Stegun 6.4.10
    """

    kernel = lambda xp, x, *, n: _derivative(n) * approximations.zeta(n + 1.0, x)
    lower = lambda xp, x, *, n: _derivative(n) * xp.special.zeta(n + 1.0, x)
    grad_x = lambda g, x, n: g * polygamma(n + 1, x)
    torch_name = "Polygamma"
    samples = [(LARGE, {"n": 1}), (POSITIVE, {"n": 2}), ([1.7, 3.2], {"n": 4})]


def _derivative(n: int) -> float:
    return (-1.0) ** (n + 1) * math.factorial(n)


def polygamma(n: int, x: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The n-th derivative of digamma, as torch.polygamma."""
    if n < 0:
        raise CallError(f"polygamma(n, x) does not support negative n, got {n}.")
    return into(out, digamma(x) if n == 0 else apply(polygamma_, (x,), {"n": n}), "polygamma")


@op
class mvlgamma(Special):
    """log of the multivariate gamma function of dimension p.

    Source  torch.mvlgamma
    """

    decompose = lambda x, *, p: _mvlgamma(x, p)
    grad_x = lambda g, x, p: g * _sum([digamma(x - 0.5 * j) for j in range(p)])
    samples = [([2.5, 3.0, 7.0], {"p": 2}), ([4.0], {"p": 3})]
    method = inplace = True
    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    rejects_each = True

    def call(self, x: Tensor, p: int, *, out: Tensor | None = None) -> Any:
        if p < 1:
            raise CallError(f"p has to be greater than or equal to 1, got {p}")
        return into(out, apply(self, (x,), {"p": p}), self.name)


def _mvlgamma(x: Tensor, p: int) -> Any:
    return _sum([lgamma(x - 0.5 * j) for j in range(p)]) + p * (p - 1) / 4 * math.log(math.pi)  # type: ignore


def _sum(terms: list[Any]) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


class OfTwo(Pointwise):
    """A function of two operands, of which one may be a number."""

    promotion = "float"
    rejects = (dtypes.COMPLEX,)

    def call(self, x: Any, y: Any, *, out: Tensor | None = None) -> Any:
        if not isinstance(x, Tensor) and not isinstance(y, Tensor):
            raise ArgumentError(f"{self.name}(): one argument must be a Tensor, got {x!r} and {y!r}")
        return into(out, apply(self, (operand(self, x), operand(self, y)), {}), self.name)

    def node_name(self, node: Any) -> str:
        first, second = (isinstance(shape, tuple) for shape in node.signature[:2])
        return f"{self.torch_name}Backward{0 if first and second else 2 if first else 1}"


@op
class zeta(OfTwo):
    """Σ (q + n)⁻ˢ over n ≥ 0, Hurwitz's zeta function. It has a gradient with respect to q only.

    Error   4 ulp
    Source  torch.special.zeta
    """

    kernel = lambda xp, s, q: approximations.zeta(s, q)
    lower = lambda xp, s, q: xp.special.zeta(s, q)
    grad_q = lambda g, s, q: -g * s * zeta(s + 1, q)
    method = False
    torch_name = "SpecialZeta"
    samples = [([1.5, 2.0, 3.0], [0.5, 1.0, 20.0]), (2.0, POSITIVE)]


@op
class i0(Special):
    """The modified Bessel function of the first kind of order 0.

    Error   |x| ulp
    Source  torch.special.i0
    """

    kernel = lambda xp, x: approximations.i0(x)
    lower = lambda xp, x: xp.special.i0(x)
    grad_x = lambda g, x: g * i1(x)
    method = inplace = True


@op
class i0e(Special):
    """I₀(x)·exp(-|x|), the scaled modified Bessel function of the first kind of order 0.

    Error   4 ulp
    Source  torch.special.i0e
    """

    kernel = lambda xp, x: approximations.i0e(x)
    lower = lambda xp, x: xp.special.i0e(x)
    grad_x = lambda g, x, result: g * (i1e(x) - x.sign() * result)
    torch_name = "SpecialI0E"


@op
class i1(Special):
    """The modified Bessel function of the first kind of order 1.

    Error   |x| ulp
    Source  torch.special.i1
    """

    kernel = lambda xp, x: approximations.i1(x)
    lower = lambda xp, x: xp.special.i1(x)
    grad_x = lambda g, x, result: g * (i0(x) - _per(result, x))
    torch_name = "SpecialI1"


@op
class i1e(Special):
    """I₁(x)·exp(-|x|), the scaled modified Bessel function of the first kind of order 1.

    Error   6 ulp
    Source  torch.special.i1e
    """

    kernel = lambda xp, x: approximations.i1e(x)
    lower = lambda xp, x: xp.special.i1e(x)
    grad_x = lambda g, x, result: g * (i0e(x) - x.sign() * result - _per(result, x))
    torch_name = "SpecialI1E"


def _per(result: Tensor, x: Tensor) -> Any:
    """I₁(x) / x, which is 1/2 at 0."""
    return where(x == 0, 0.5, result / where(x == 0, 1.0, x))  # type: ignore[arg-type]


@op
class erfcx(Special):
    """exp(x²)·erfc(x), which does not underflow.

    Error   20 ulp for x > 0, 130 ulp below, where exp(x²) has the rounding of x²
    Source  torch.special.erfcx
    """

    kernel = lambda xp, x: approximations.erfcx(x)
    lower = lambda xp, x: xp.special.erfcx(x)
    grad_x = lambda g, x, result: g * (2 * x * result - 2 / math.sqrt(math.pi))
    torch_name = "SpecialErfcx"
    samples = [((7,),), ([-4.0, -0.3, 0.1, 1.5, 6.0, 40.0],)]


def ndtr(x: Any, *, out: Tensor | None = None) -> Tensor:
    """The part of the normal distribution that lies below x, as torch.special.ndtr."""
    return into(out, 0.5 * erfc(x * -math.sqrt(0.5)), "ndtr")


@op
class log_ndtr(Special):
    """log of the part of the normal distribution that lies below x, also where that underflows.

    Source  torch.special.log_ndtr
    """

    decompose = lambda x: where(
        x < -1, log(erfcx(x.clamp_max(-1) * -math.sqrt(0.5)) / 2) - x * x / 2,
        log1p(-erfc(x.clamp_min(-1) * math.sqrt(0.5)) / 2))
    grad_x = lambda g, x: g * (math.sqrt(2 / math.pi) / erfcx(x * -math.sqrt(0.5)))
    torch_name = "SpecialLogNdtr"
    samples = [((7,),), ([-30.0, -5.0, -0.3, 2.0, 6.0],)]


@op
class ndtri(Special):
    """The number below which the part x of the normal distribution lies.

    Error   4 ulp
    Source  torch.special.ndtri
    """

    kernel = lambda xp, x: approximations.ndtri(x)
    lower = lambda xp, x: xp.special.ndtri(x)
    grad_x = lambda g, result: g * (math.sqrt(2 * math.pi) * exp(result * result / 2))
    torch_name = "SpecialNdtri"
    samples = [([0.2, 0.5, 0.7],), (kinks([0.0, 1.0]),)]


@op
class entr(Special):
    """-x·log(x), 0 at 0 and -∞ below.

    Source  torch.special.entr
    """

    kernel = lambda xp, x: xp.where(x > 0, -x * xp.log(xp.where(x > 0, x, 1)), xp.where(x < 0, float("-inf"), x))
    grad_x = lambda g, x: g * (-log(x) - 1)
    torch_name = "SpecialEntr"
    samples = [(POSITIVE,), (kinks([0.0, -1.0]),)]


@op
class xlogy(OfTwo):
    """x · log(y), and 0 where x is 0, unless y is nan.

    Source  torch.xlogy
    """

    kernel = lambda xp, x, y: _times_log(xp, x, y, xp.log)
    lower = lambda xp, x, y: xp.where((x == 0) & (y == y), 0, x * xp.log(y))
    grad_x = lambda g, x, y: g * xlogy((x != 0).to(g.dtype), y)
    grad_y = lambda g, x, y: g * (x / y)
    inplace = True
    samples = [((7,), [0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), (kinks([0.0, 2.0]), [0.0, 3.0]), ((3,), 2.0),
               (2.0, POSITIVE)]


def _times_log(xp: Any, x: Any, y: Any, logarithm: Any) -> Any:
    kind = x.dtype if type(y) in (int, float) else y.dtype  # NumPy's logarithm of a Python number is a double
    return xp.where((x == 0) & (y == y), 0, x * logarithm(y, dtype=kind))


@op
class xlog1py(OfTwo):
    """x · log(1 + y), and 0 where x is 0, unless y is nan.

    Source  torch.special.xlog1py
    """

    kernel = lambda xp, x, y: _times_log(xp, x, y, xp.log1p)
    lower = lambda xp, x, y: xp.where((x == 0) & (y == y), 0, x * xp.log1p(y))
    grad_x = lambda g, x, y: g * xlog1py((x != 0).to(g.dtype), y)
    grad_y = lambda g, x, y: g * (x / (y + 1))
    method = False
    torch_name = "SpecialXlog1Py"
    samples = [((3,), [-0.5, 1.0, 2.0]), (kinks([0.0, 2.0]), [-1.0, 3.0])]


@op
class sinc(Special):
    """sin(πx) / (πx), and 1 at 0.

    Source  torch.sinc
    """

    kernel = lambda xp, x: xp.sinc(x)
    grad_x = lambda g, x: g * _sinc_slope(x)
    rejects = ()
    method = inplace = True
    samples = [((7,),), ([0.5, -1.5, 3.0],), (kinks([0.0]),)]


def _sinc_slope(x: Any) -> Any:
    wide = x.float() if x.dtype.is_floating_point and x.dtype.bits < 32 else x  # differences of near numbers
    size = where(wide == 0, 1.0, wide)
    return where(wide == 0, 0.0, ((wide * math.pi).cos() - sinc(size)) / size).to(x.dtype)  # type: ignore


class IncompleteGamma(Pointwise):
    """A regularised incomplete gamma function. It has a gradient with respect to x only."""

    inplace = True
    rejects = (dtypes.BOOL, dtypes.INT, dtypes.COMPLEX)
    samples = [([0.5, 2.0, 10.0], [0.3, 4.0, 8.0]), ([[0.7], [30.0]], [1.0, 20.0, 50.0])]


@op
class igamma(IncompleteGamma):
    """The part of the integral of Γ(a) from 0 to x.

    Error   1e-12 for a up to 1000
    Source  torch.igamma
    """

    kernel = lambda xp, a, x: approximations.igamma(a, x)
    lower = lambda xp, a, x: xp.special.gammainc(a, x)
    grad_x = lambda g, a, x: g * exp(xlogy(a - 1, x) - x - lgamma(a))


@op
class igammac(IncompleteGamma):
    """The part of the integral of Γ(a) from x to ∞.

    Error   1e-12 for a up to 1000
    Source  torch.igammac
    """

    kernel = lambda xp, a, x: approximations.igammac(a, x)
    lower = lambda xp, a, x: xp.special.gammaincc(a, x)
    grad_x = lambda g, a, x: -g * exp(xlogy(a - 1, x) - x - lgamma(a))


def _polygamma_method(self: Tensor, n: int) -> Tensor:
    return polygamma(n, self)


Tensor.polygamma = _polygamma_method  # type: ignore[attr-defined]
Tensor.polygamma_ = inplace(lambda x, n: polygamma(n, x.clone()), "polygamma_")  # type: ignore[attr-defined]
