"""Rules that compute the same, or nearly, by cheaper operations."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from functools import partial

from gradc.ops.arithmetic import div, mul, pow
from gradc.ops.creation import ones_like
from gradc.ops.elementary import abs, cos, exp, exp2, log, reciprocal, rsqrt, sin, sqrt, square, tan
from gradc.passes.rewriting import alike, theorem

number = partial(theorem, kinds="numbers")


def power_of_two(x: object, a: float) -> bool:
    """Whether dividing by a number is multiplying by another one, bit for bit."""
    return a != 0 and abs_log2(a).is_integer() and abs_log2(a) <= 24


def abs_log2(a: float) -> float:
    """The size of the logarithm of a number's size to the base 2."""
    return math.fabs(math.log2(math.fabs(a)))


def squared(x: object) -> object:
    """x · x."""
    return x * x  # type: ignore[operator]


STRENGTH = [
    number("square_mul", lambda x: square(x), lambda x: x * x),
    theorem("pow_zero", lambda x: pow(x, 0), lambda x: ones_like(x)),
    number("pow_one", lambda x: pow(x, 1), lambda x: x),
    number("pow_two", lambda x: pow(x, 2), lambda x: x * x, error="1 ulp"),
    number("pow_three", lambda x: pow(x, 3), lambda x: x * x * x, error="2 ulp"),
    theorem("pow_four", lambda x: pow(x, 4), lambda x: squared(x * x), error="2 ulp"),
    theorem("pow_minus_one", lambda x: pow(x, -1), lambda x: reciprocal(x), error="1 ulp"),
    theorem("pow_minus_two", lambda x: pow(x, -2), lambda x: reciprocal(x) / x, error="2 ulp"),
    theorem("pow_half", lambda x: pow(x, 0.5), lambda x: sqrt(x), error="1 ulp, sign of zero", only="x > -inf"),
    theorem("pow_three_halves", lambda x: pow(x, 1.5), lambda x: x * sqrt(x), error="2 ulp", only="x > -inf"),
    theorem("pow_five_halves", lambda x: pow(x, 2.5), lambda x: x * x * sqrt(x),
            error="4 ulp, sign of zero", only="x > -inf"),
    theorem("pow_minus_half", lambda x: pow(x, -0.5), lambda x: abs(rsqrt(x)), error="2 ulp", only="x > -inf"),
    theorem("one_pow", lambda x: pow(1, x), lambda x: ones_like(x)),
    theorem("two_pow", lambda x: pow(2, x), lambda x: exp2(x), error="2 ulp"),
    theorem("div_power_of_two", lambda x, a: x / a, lambda x, a: x * (1 / a), when=power_of_two),
    theorem("mul_reciprocal", lambda x, y: mul(x, reciprocal(y)), lambda x, y: div(x, y), error="1 ulp of exact",
            when=alike),
    theorem("div_reciprocal", lambda x, y: x / reciprocal(y), lambda x, y: x * y, error="1 ulp of exact"),
    theorem("reciprocal_reciprocal", lambda x: reciprocal(reciprocal(x)), lambda x: x, error="1 ulp of exact"),
    theorem("reciprocal_div", lambda x, y: reciprocal(x / y), lambda x, y: y / x, error="1 ulp of exact"),
    theorem("reciprocal_exp", lambda x: reciprocal(exp(x)), lambda x: exp(-x), error="2 ulp of exact"),
    theorem("reciprocal_sqrt", lambda x: reciprocal(sqrt(x)), lambda x: rsqrt(x), error="1 ulp"),
    theorem("reciprocal_rsqrt", lambda x: reciprocal(rsqrt(x)), lambda x: sqrt(x), error="1 ulp of exact"),
    theorem("sqrt_reciprocal", lambda x: sqrt(reciprocal(x)), lambda x: rsqrt(x), error="2 ulp of exact",
            only="x > -inf"),
    theorem("div_rsqrt", lambda x, y: x / rsqrt(y), lambda x, y: x * sqrt(y), error="2 ulp of exact"),
    theorem("mul_rsqrt_self", lambda x: x * rsqrt(x), lambda x: sqrt(x), error="1 ulp of exact"),
    theorem("div_sqrt_self", lambda x: x / sqrt(x), lambda x: sqrt(x), error="1 ulp of exact"),
    theorem("sqrt_of_square", lambda x: sqrt(x * x), lambda x: abs(x), error="1 ulp of exact"),
    theorem("sin_div_cos", lambda x: sin(x) / cos(x), lambda x: tan(x), error="4 ulp"),
    theorem("fast_exp_mul_exp", lambda x, y: exp(x) * exp(y), lambda x, y: exp(x + y), only="moderate x",
            error="400 ulp"),
    theorem("fast_exp_div_exp", lambda x, y: exp(x) / exp(y), lambda x, y: exp(x - y), only="moderate x",
            error="400 ulp"),
    theorem("fast_sqrt_mul_sqrt", lambda x, y: sqrt(x) * sqrt(y), lambda x, y: sqrt(x * y), only="moderate x > 0",
            error="2 ulp"),
    theorem("fast_rsqrt_mul_self", lambda x: rsqrt(x) * rsqrt(x), lambda x: reciprocal(x), only="moderate x > 0",
            error="4 ulp"),
    theorem("fast_log_add_log", lambda x, y: log(x) + log(y), lambda x, y: log(x * y), only="moderate x > 0",
            error="3 ulp of intermediates"),
    theorem("fast_pythagoras", lambda x: sin(x) * sin(x) + cos(x) * cos(x), lambda x: ones_like(x), only="finite x",
            error="2 ulp"),
]
