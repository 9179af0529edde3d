"""Functions of one real variable, and rounding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gradc import dtypes
from gradc.apply import apply
from gradc.ir import Type
from gradc.ops import approximations
from gradc.ops.arithmetic import where
from gradc.ops.base import Op, Pointwise
from gradc.ops.define import op
from gradc.ops.samples import kinks
from gradc.tensor import Tensor

__all__ = [
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "erf", "erfc", "erfinv", "exp",
    "exp2", "expm1", "log", "log10", "log1p", "log2", "neg", "reciprocal", "rsqrt", "sign", "sin", "sinh", "sqrt",
    "square", "tan", "tanh",
]

POSITIVE = [0.1, 0.5, 1.0, 3.0, 20.0]
UNIT = [-0.9, -0.3, 0.1, 0.6, 0.95]


class Function(Pointwise):
    """A real function of one operand; integers become the default float."""

    promotion = "float"
    inplace = True
    samples: Any = [((7,),), ((2, 3),), ((),)]


@op
class neg(Pointwise):
    """-x.

    Source  torch.neg
    """

    kernel = lambda xp, x: xp.negative(x)
    grad_x = lambda g: -g
    operators = ("__neg__",)
    aliases = ("negative",)
    inplace = True
    rejects = (dtypes.BOOL,)
    rejection = ("Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, "
                 "use the `~` or `logical_not()` operator instead.")
    samples = [((7,),), ((),)]


def _positive(x: Tensor) -> Tensor:
    return x


Tensor.__pos__ = _positive  # type: ignore[attr-defined]


@op
class abs(Pointwise):
    """|x|. The gradient at 0 is 0.

    Source  torch.abs
    """

    kernel = lambda xp, x: xp.absolute(x)
    grad_x = lambda g, x: g * sgn(x)
    result = "real"
    operators = ("__abs__",)
    aliases = ("absolute",)
    inplace = True
    rejects = (dtypes.BOOL,)
    samples = [((7,),), ([-2.0, 3.0],), (kinks([0.0, -0.0]),)]


@op
class sign(Pointwise):
    """-1, 0 or 1, the sign of x. Its gradient is 0.

    Source  torch.sign
    """

    kernel = lambda xp, x: xp.sign(x)
    grad_x = lambda g: g.zeros_like()
    inplace = True
    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    samples = [([-2.0, 0.5, 3.0],), (kinks([-2.0, 0.0, 3.0]),)]


@op
class sgn(Op):
    """z / |z|, the direction of z, and 0 at 0; the sign of a real number.

    Source  torch.sgn
    """

    kernel = lambda xp, x: xp.sign(x)
    grad_x = lambda g, x, result: _turning(g, x, result)
    pointwise = True
    holomorphic = False
    inplace = True
    rejects = (dtypes.BOOL,)
    samples = [((7,),), (kinks([0.0]),)]

    def infer(self, x: Any) -> Type:
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor) -> Any:
        return apply(self, (x,), {}) if x.dtype.is_complex else sign(x)


def _turning(g: Tensor, x: Tensor, direction: Tensor) -> Any:
    """The part of g that is at right angles to the direction, over |x|; 0 at 0."""
    along = (direction.conj() * g).real
    size = abs(x)
    return where(size == 0, 0.0, (g - direction * along) / where(size == 0, 1.0, size))


@op
class square(Pointwise):
    """x².

    Source  torch.square
    """

    kernel = lambda xp, x: xp.multiply(x, x)
    grad_x = lambda g, x: g * (2 * x)
    inplace = True
    torch_name = "Pow"
    rejects = (dtypes.BOOL,)
    samples = [((7,),)]

    def compute_dtype(self, operands: Sequence[Any]) -> dtypes.dtype:
        found = dtypes.of(operands[0].dtype)
        return dtypes.int64 if found is dtypes.bool_ else found


@op
class reciprocal(Function):
    """1 / x.

    Source  torch.reciprocal
    """

    kernel = lambda xp, x: xp.true_divide(1, x)
    grad_x = lambda g, result: -g * (result * result)
    samples = [(POSITIVE,)]


@op
class exp(Function):
    """eˣ.

    Source  torch.exp
    """

    kernel = lambda xp, x: xp.exp(x)
    grad_x = lambda g, result: g * result


@op
class exp2(Function):
    """2ˣ.

    Source  torch.exp2
    """

    kernel = lambda xp, x: xp.exp2(x)
    grad_x = lambda g, result: g * result * math.log(2)


@op
class expm1(Function):
    """eˣ - 1, accurate near 0.

    Source  torch.expm1
    """

    kernel = lambda xp, x: xp.expm1(x)
    grad_x = lambda g, result: g * (result + 1)


@op
class log(Function):
    """The natural logarithm.

    Source  torch.log
    """

    kernel = lambda xp, x: xp.log(x)
    grad_x = lambda g, x: g / x
    samples = [(POSITIVE,)]


@op
class log2(Function):
    """The logarithm to base 2.

    Source  torch.log2
    """

    kernel = lambda xp, x: xp.log2(x)
    grad_x = lambda g, x: g / (x * math.log(2))
    samples = [(POSITIVE,)]


@op
class log10(Function):
    """The logarithm to base 10.

    Source  torch.log10
    """

    kernel = lambda xp, x: xp.log10(x)
    grad_x = lambda g, x: g / (x * math.log(10))
    samples = [(POSITIVE,)]


@op
class log1p(Function):
    """log(1 + x), accurate near 0.

    Source  torch.log1p
    """

    kernel = lambda xp, x: xp.log1p(x)
    grad_x = lambda g, x: g / (x + 1)
    torch_name = "Log1P"
    samples = [(POSITIVE,), (UNIT,)]


@op
class sqrt(Function):
    """√x.

    Source  torch.sqrt
    """

    kernel = lambda xp, x: xp.sqrt(x)
    grad_x = lambda g, result: g / (2 * result)
    samples = [(POSITIVE,)]


@op
class rsqrt(Function):
    """1 / √x.

    Source  torch.rsqrt
    """

    kernel = lambda xp, x: xp.true_divide(1, xp.sqrt(x))
    grad_x = lambda g, result: -0.5 * g * (result * result * result)
    samples = [(POSITIVE,)]


@op
class sin(Function):
    """The sine of x radians.

    Source  torch.sin
    """

    kernel = lambda xp, x: xp.sin(x)
    grad_x = lambda g, x: g * cos(x)


@op
class cos(Function):
    """The cosine of x radians.

    Source  torch.cos
    """

    kernel = lambda xp, x: xp.cos(x)
    grad_x = lambda g, x: -g * sin(x)


@op
class tan(Function):
    """The tangent of x radians.

    Source  torch.tan
    """

    kernel = lambda xp, x: xp.tan(x)
    grad_x = lambda g, result: g * (1 + result * result)


@op
class asin(Function):
    """The angle in radians whose sine is x.

    Source  torch.asin
    """

    kernel = lambda xp, x: xp.arcsin(x)
    grad_x = lambda g, x: g * rsqrt(1 - x * x)
    aliases = ("arcsin",)
    samples = [(UNIT,)]


@op
class acos(Function):
    """The angle in radians whose cosine is x.

    Source  torch.acos
    """

    kernel = lambda xp, x: xp.arccos(x)
    grad_x = lambda g, x: -g * rsqrt(1 - x * x)
    aliases = ("arccos",)
    samples = [(UNIT,)]


@op
class atan(Function):
    """The angle in radians whose tangent is x.

    Source  torch.atan
    """

    kernel = lambda xp, x: xp.arctan(x)
    grad_x = lambda g, x: g / (x * x + 1)
    aliases = ("arctan",)


@op
class sinh(Function):
    """The hyperbolic sine.

    Source  torch.sinh
    """

    kernel = lambda xp, x: xp.sinh(x)
    grad_x = lambda g, x: g * cosh(x)


@op
class cosh(Function):
    """The hyperbolic cosine.

    Source  torch.cosh
    """

    kernel = lambda xp, x: xp.cosh(x)
    grad_x = lambda g, x: g * sinh(x)


@op
class tanh(Function):
    """The hyperbolic tangent.

    Source  torch.tanh
    """

    kernel = lambda xp, x: xp.tanh(x)
    grad_x = lambda g, result: g * (1 - result * result)


@op
class asinh(Function):
    """The inverse of the hyperbolic sine.

    Source  torch.asinh
    """

    kernel = lambda xp, x: xp.arcsinh(x)
    grad_x = lambda g, x: g * rsqrt(x * x + 1)
    aliases = ("arcsinh",)


@op
class acosh(Function):
    """The inverse of the hyperbolic cosine, for x ≥ 1.

    Source  torch.acosh
    """

    kernel = lambda xp, x: xp.arccosh(x)
    grad_x = lambda g, x: g * rsqrt(x * x - 1)
    aliases = ("arccosh",)
    samples = [([1.5, 2.0, 10.0],)]


@op
class atanh(Function):
    """The inverse of the hyperbolic tangent, for |x| < 1.

    Source  torch.atanh
    """

    kernel = lambda xp, x: xp.arctanh(x)
    grad_x = lambda g, x: g / (1 - x * x)
    aliases = ("arctanh",)
    samples = [(UNIT,)]


@op
class erf(Function):
    """The error function, 2/√π ∫₀ˣ exp(-t²) dt.

    Source  torch.erf
    """

    kernel = lambda xp, x: approximations.erf(xp, x)
    into = staticmethod(approximations.erf_into)
    lower = lambda xp, x: xp.special.erf(x)
    rejects = (dtypes.COMPLEX,)
    grad_x = lambda g, x: g * (2 / math.sqrt(math.pi) * exp(-(x * x)))


@op
class erfc(Function):
    """1 - erf(x), accurate for large x.

    Source  torch.erfc
    """

    kernel = lambda xp, x: xp.special.erfc(x)
    rejects = (dtypes.COMPLEX,)
    grad_x = lambda g, x: -g * (2 / math.sqrt(math.pi) * exp(-(x * x)))


@op
class erfinv(Function):
    """The number whose error function is x, for |x| < 1.

    Source  torch.erfinv
    """

    kernel = lambda xp, x: xp.special.erfinv(x)
    rejects = (dtypes.COMPLEX,)
    grad_x = lambda g, result: g * (math.sqrt(math.pi) / 2 * exp(result * result))
    samples = [(UNIT,)]
