"""Rules of arithmetic: neutral elements, signs, absolute values, maxima, and numbers that come together."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from functools import partial

from gradc.ops.activation import relu, sigmoid, softplus
from gradc.ops.arithmetic import clamp, maximum, minimum, where
from gradc.ops.comparison import isfinite, isinf, isnan
from gradc.ops.creation import ones_like, zeros_like
from gradc.ops.elementary import (
    abs,
    asin,
    asinh,
    atan,
    cos,
    cosh,
    erf,
    exp,
    log,
    neg,
    reciprocal,
    sign,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)
from gradc.ops.rounding import ceil, floor, round, trunc
from gradc.passes.rewriting import alike, theorem

real = partial(theorem, kinds="reals")
number = partial(theorem, kinds="numbers")


def same_side_of_one(x: object, a: float, b: float) -> bool:
    """Whether two factors both make numbers larger, or both smaller: then no factor undoes what the other loses."""
    return 1 <= min(a * a, b * b) and a * a * b * b < 1e30 or 1e-30 < a * a * b * b and max(a * a, b * b) <= 1


ALGEBRA = [
    # Neutral elements
    number("add_zero", lambda x: x + 0, lambda x: x, error="sign of zero"),
    number("sub_zero", lambda x: x - 0, lambda x: x),
    number("zero_sub", lambda x: 0 - x, lambda x: -x, error="sign of zero"),
    number("mul_one", lambda x: x * 1, lambda x: x),
    number("div_one", lambda x: x / 1, lambda x: x),
    number("mul_minus_one", lambda x: x * -1, lambda x: -x),
    theorem("div_minus_one", lambda x: x / -1, lambda x: -x),
    theorem("one_div", lambda x: 1 / x, lambda x: reciprocal(x)),
    # Signs: minus moves outward, to where two of them meet
    number("neg_neg", lambda x: neg(neg(x)), lambda x: x),
    number("add_neg", lambda x, y: x + (-y), lambda x, y: x - y),
    number("sub_neg", lambda x, y: x - (-y), lambda x, y: x + y),
    number("mul_neg_neg", lambda x, y: (-x) * (-y), lambda x, y: x * y),
    theorem("div_neg_neg", lambda x, y: (-x) / (-y), lambda x, y: x / y),
    number("neg_sub", lambda x, y: -(x - y), lambda x, y: y - x, error="sign of zero"),
    theorem("neg_mul_number", lambda x, a: (-x) * a, lambda x, a: x * -a),
    theorem("mul_number_neg", lambda x, a: -(x * a), lambda x, a: x * -a),
    theorem("neg_div_number", lambda x, a: (-x) / a, lambda x, a: x / -a),
    theorem("div_number_neg", lambda x, a: -(x / a), lambda x, a: x / -a),
    theorem("number_div_neg", lambda x, a: a / (-x), lambda x, a: -a / x),
    theorem("neg_number_div", lambda x, a: -(a / x), lambda x, a: -a / x),
    theorem("mul_neg", lambda x, y: (-x) * y, lambda x, y: -(x * y), when=alike),
    theorem("neg_div", lambda x, y: (-x) / y, lambda x, y: -(x / y), when=alike),
    theorem("div_neg", lambda x, y: x / (-y), lambda x, y: -(x / y), when=alike),
    theorem("reciprocal_neg", lambda x: reciprocal(-x), lambda x: -reciprocal(x)),
    theorem("sin_neg", lambda x: sin(-x), lambda x: -sin(x)),
    theorem("cos_neg", lambda x: cos(-x), lambda x: cos(x)),
    theorem("tan_neg", lambda x: tan(-x), lambda x: -tan(x)),
    theorem("sinh_neg", lambda x: sinh(-x), lambda x: -sinh(x)),
    theorem("cosh_neg", lambda x: cosh(-x), lambda x: cosh(x)),
    theorem("tanh_neg", lambda x: tanh(-x), lambda x: -tanh(x)),
    theorem("asin_neg", lambda x: asin(-x), lambda x: -asin(x)),
    theorem("atan_neg", lambda x: atan(-x), lambda x: -atan(x)),
    theorem("asinh_neg", lambda x: asinh(-x), lambda x: -asinh(x)),
    theorem("erf_neg", lambda x: erf(-x), lambda x: -erf(x)),
    theorem("sign_neg", lambda x: sign(-x), lambda x: -sign(x), error="sign of zero"),
    theorem("floor_neg", lambda x: floor(-x), lambda x: -ceil(x)),
    theorem("ceil_neg", lambda x: ceil(-x), lambda x: -floor(x)),
    theorem("round_neg", lambda x: round(-x), lambda x: -round(x)),
    theorem("trunc_neg", lambda x: trunc(-x), lambda x: -trunc(x)),
    theorem("isnan_neg", lambda x: isnan(-x), lambda x: isnan(x)),
    theorem("isinf_neg", lambda x: isinf(-x), lambda x: isinf(x)),
    theorem("isfinite_neg", lambda x: isfinite(-x), lambda x: isfinite(x)),
    # Absolute values
    real("abs_abs", lambda x: abs(abs(x)), lambda x: abs(x)),
    theorem("abs_neg", lambda x: abs(neg(x)), lambda x: abs(x)),
    theorem("abs_mul_abs", lambda x: abs(x) * abs(x), lambda x: x * x),
    theorem("abs_of_square", lambda x: abs(x * x), lambda x: x * x),
    theorem("abs_exp", lambda x: abs(exp(x)), lambda x: exp(x)),
    theorem("abs_sqrt", lambda x: abs(sqrt(x)), lambda x: sqrt(x), error="sign of zero"),
    theorem("abs_sigmoid", lambda x: abs(sigmoid(x)), lambda x: sigmoid(x)),
    theorem("abs_softplus", lambda x: abs(softplus(x)), lambda x: softplus(x)),
    theorem("abs_relu", lambda x: abs(relu(x)), lambda x: relu(x), error="sign of zero"),
    theorem("cos_abs", lambda x: cos(abs(x)), lambda x: cos(x)),
    theorem("cosh_abs", lambda x: cosh(abs(x)), lambda x: cosh(x)),
    theorem("abs_where", lambda x: where(x < 0, -x, x), lambda x: abs(x), error="sign of zero"),
    theorem("abs_where_positive", lambda x: where(x > 0, x, -x), lambda x: abs(x), error="sign of zero"),
    theorem("abs_where_not_negative", lambda x: where(x >= 0, x, -x), lambda x: abs(x), error="sign of zero"),
    # What changes nothing a second time, or where it has no effect
    theorem("relu_relu", lambda x: relu(relu(x)), lambda x: relu(x)),
    theorem("relu_exp", lambda x: relu(exp(x)), lambda x: exp(x)),
    theorem("relu_sigmoid", lambda x: relu(sigmoid(x)), lambda x: sigmoid(x)),
    theorem("relu_softplus", lambda x: relu(softplus(x)), lambda x: softplus(x)),
    theorem("relu_abs", lambda x: relu(abs(x)), lambda x: abs(x)),
    theorem("relu_of_square", lambda x: relu(x * x), lambda x: x * x),
    theorem("floor_floor", lambda x: floor(floor(x)), lambda x: floor(x)),
    theorem("ceil_ceil", lambda x: ceil(ceil(x)), lambda x: ceil(x)),
    theorem("trunc_trunc", lambda x: trunc(trunc(x)), lambda x: trunc(x)),
    theorem("floor_ceil", lambda x: floor(ceil(x)), lambda x: ceil(x)),
    theorem("ceil_floor", lambda x: ceil(floor(x)), lambda x: floor(x)),
    theorem("trunc_floor", lambda x: trunc(floor(x)), lambda x: floor(x)),
    theorem("sign_sign", lambda x: sign(sign(x)), lambda x: sign(x)),
    # Maxima and minima
    real("maximum_self", lambda x: maximum(x, x), lambda x: x),
    real("minimum_self", lambda x: minimum(x, x), lambda x: x),
    real("maximum_maximum", lambda x, y: maximum(maximum(x, y), y), lambda x, y: maximum(x, y), error="sign of zero"),
    real("minimum_minimum", lambda x, y: minimum(minimum(x, y), y), lambda x, y: minimum(x, y), error="sign of zero"),
    theorem("maximum_numbers", lambda x, a, b: maximum(maximum(x, a), b), lambda x, a, b: maximum(x, max(a, b)),
            error="sign of zero"),
    theorem("minimum_numbers", lambda x, a, b: minimum(minimum(x, a), b), lambda x, a, b: minimum(x, min(a, b)),
            error="sign of zero"),
    theorem("maximum_neg_neg", lambda x, y: maximum(-x, -y), lambda x, y: -minimum(x, y), error="sign of zero",
            when=alike),
    theorem("minimum_neg_neg", lambda x, y: minimum(-x, -y), lambda x, y: -maximum(x, y), error="sign of zero",
            when=alike),
    theorem("maximum_zero", lambda x: maximum(x, 0), lambda x: relu(x), error="sign of zero"),
    theorem("clamp_zero", lambda x: clamp(x, 0, None), lambda x: relu(x), error="sign of zero"),
    theorem("where_relu", lambda x: where(x < 0, 0, x), lambda x: relu(x), error="sign of zero"),
    theorem("clamp_clamp", lambda x, a, b: clamp(clamp(x, a, b), a, b), lambda x, a, b: clamp(x, a, b)),
    theorem("clamp_maximum", lambda x, a, b: minimum(maximum(x, a), b), lambda x, a, b: clamp(x, a, b),
            error="sign of zero"),
    # Numbers that come together
    theorem("mul_mul_numbers", lambda x, a, b: x * a * b, lambda x, a, b: x * (a * b), error="2 ulp of exact",
            when=same_side_of_one),
    theorem("div_div_numbers", lambda x, a, b: x / a / b, lambda x, a, b: x / (a * b), error="2 ulp of exact",
            when=lambda x, a, b: a != 0 != b and same_side_of_one(x, a, b)),
    # Wrong for some infinities, nans or zeros, or where rounding was the point
    number("fast_mul_zero", lambda x: x * 0, lambda x: zeros_like(x), only="finite x", error="sign of zero"),
    number("fast_sub_self", lambda x: x - x, lambda x: zeros_like(x), only="finite x"),
    theorem("fast_div_self", lambda x: x / x, lambda x: ones_like(x), only="finite nonzero x"),
    theorem("fast_zero_div", lambda x: 0 / x, lambda x: zeros_like(x), only="moderate x", error="sign of zero"),
    theorem("fast_add_numbers", lambda x, a, b: x + a + b, lambda x, a, b: x + (a + b), error="2 ulp of intermediates"),
    theorem("fast_sub_add", lambda x, y: (x - y) + y, lambda x, y: x, only="finite x",
            error="2 ulp of intermediates"),
    theorem("fast_add_sub", lambda x, y: (x + y) - y, lambda x, y: x, only="finite x",
            error="2 ulp of intermediates"),
    theorem("fast_div_mul", lambda x, y: (x / y) * y, lambda x, y: x, only="moderate x", error="2 ulp"),
    theorem("fast_mul_div", lambda x, y: (x * y) / y, lambda x, y: x, only="moderate x", error="2 ulp"),
    theorem("fast_div_div", lambda x, y, z: (x / y) / z, lambda x, y, z: x / (y * z), only="moderate x",
            error="3 ulp"),
    theorem("fast_div_number", lambda x, a: x / a, lambda x, a: x * (1 / a), only="moderate x", error="2 ulp",
            when=lambda x, a: a != 0),
    theorem("fast_distribute", lambda x, y, z: x * y + x * z, lambda x, y, z: x * (y + z), only="moderate x",
            error="3 ulp of intermediates"),
    theorem("fast_maximum", lambda x, y: where(x > y, x, y), lambda x, y: maximum(x, y), only="finite x",
            error="sign of zero"),
    theorem("fast_minimum", lambda x, y: where(x < y, x, y), lambda x, y: minimum(x, y), only="finite x",
            error="sign of zero"),
    theorem("fast_relu", lambda x: where(x > 0, x, 0), lambda x: relu(x), only="finite x", error="sign of zero"),
    theorem("fast_mul_reciprocal", lambda x: x * reciprocal(x), lambda x: ones_like(x), only="moderate x",
            error="1 ulp"),
    theorem("fast_square_root", lambda x: sqrt(x) * sqrt(x), lambda x: x, only="x >= 0",
            error="2 ulp, sign of zero"),
    theorem("fast_exp_log", lambda x: exp(log(x)), lambda x: x, only="moderate x > 0", error="400 ulp"),
]
