"""Rules of arithmetic."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

from gradc.ops.activation import relu
from gradc.ops.arithmetic import div, maximum, minimum, mul, pow, where
from gradc.ops.creation import zeros_like
from gradc.ops.elementary import abs, neg, reciprocal, sqrt, square
from gradc.passes.rewriting import rule

ALGEBRA = [
    rule("add_zero", lambda x: x + 0, lambda x: x, error="sign of zero"),
    rule("sub_zero", lambda x: x - 0, lambda x: x),
    rule("mul_one", lambda x: x * 1, lambda x: x),
    rule("div_one", lambda x: x / 1, lambda x: x),
    rule("mul_minus_one", lambda x: x * -1, lambda x: -x),
    rule("neg_neg", lambda x: neg(neg(x)), lambda x: x),
    rule("add_neg", lambda x, y: x + (-y), lambda x, y: x - y),
    rule("sub_neg", lambda x, y: x - (-y), lambda x, y: x + y),
    rule("mul_neg_neg", lambda x, y: (-x) * (-y), lambda x, y: x * y),
    rule("div_neg_neg", lambda x, y: (-x) / (-y), lambda x, y: x / y),
    rule("neg_sub", lambda x, y: -(x - y), lambda x, y: y - x, error="sign of zero"),
    rule("square_mul", lambda x: square(x), lambda x: x * x),
    rule("pow_one", lambda x: pow(x, 1), lambda x: x),
    rule("pow_two", lambda x: pow(x, 2), lambda x: x * x, error="1 ulp"),
    rule("pow_three", lambda x: pow(x, 3), lambda x: x * x * x, error="2 ulp"),
    rule("pow_minus_one", lambda x: pow(x, -1), lambda x: reciprocal(x), error="1 ulp"),
    rule("pow_half", lambda x: pow(x, 0.5), lambda x: sqrt(x), error="1 ulp, sign of zero", only="x > -inf"),
    rule("mul_reciprocal", lambda x, y: mul(x, reciprocal(y)), lambda x, y: div(x, y), error="1 ulp of exact"),
    rule("relu_relu", lambda x: relu(relu(x)), lambda x: relu(x)),
    rule("abs_abs", lambda x: abs(abs(x)), lambda x: abs(x)),
    rule("abs_neg", lambda x: abs(neg(x)), lambda x: abs(x)),
    rule("maximum_self", lambda x: maximum(x, x), lambda x: x),
    rule("minimum_self", lambda x: minimum(x, x), lambda x: x),
    rule("where_same", lambda condition, x: where(condition, x, x), lambda condition, x: x),
    rule("mul_zero", lambda x: x * 0, lambda x: zeros_like(x), only="finite x", error="sign of zero", fast=True),
    rule("sub_self", lambda x: x - x, lambda x: zeros_like(x), only="finite x", fast=True),
    rule("div_self", lambda x: x / x, lambda x: zeros_like(x) + 1, only="finite nonzero x", fast=True),
]
