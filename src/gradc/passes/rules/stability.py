"""Rules that compute the same more accurately, or without overflow."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from gradc.ops.activation import sigmoid, softplus
from gradc.ops.arithmetic import hypot, logaddexp, where
from gradc.ops.comparison import isfinite
from gradc.ops.elementary import (
    abs,
    cosh,
    erf,
    erfc,
    exp,
    exp2,
    expm1,
    log,
    log1p,
    log2,
    reciprocal,
    rsqrt,
    sinh,
    sqrt,
    tanh,
)
from gradc.ops.floating import logaddexp2
from gradc.ops.reduction import amax, logsumexp, sum
from gradc.passes.rewriting import Rule, alike
from gradc.passes.rewriting import theorem as rule


def below(x: object, dim: object) -> object:
    """x less its largest element."""
    return x - amax(x, dim, True)  # type: ignore[operator]


def below_finite(x: object, dim: object) -> object:
    """x less its largest element, where that is finite."""
    largest = amax(x, dim, True)
    return x - where(isfinite(largest), largest, 0.0)  # type: ignore[operator]


def shares(x: object, dim: object) -> object:
    """Powers of numbers that are not large, divided by their sum: what softmax is made of."""
    return exp(x) / sum(exp(x), dim, True)


def log_shares(x: object, dim: object) -> object:
    """The logarithm of the shares: what log_softmax is made of."""
    return x - log(sum(exp(x), dim, True))  # type: ignore[operator]


STABILITY: list[Rule] = [
    # Logarithms
    rule("log_sigmoid", lambda x: log(sigmoid(x)), lambda x: -softplus(-x), error="2 ulp of exact"),
    rule("log1p_exp", lambda x: log1p(exp(x)), lambda x: softplus(x), error="2 ulp of exact"),
    rule("log_one_plus", lambda x: log(x + 1), lambda x: log1p(x), error="2 ulp of exact"),
    rule("log_one_minus", lambda x: log(1 - x), lambda x: log1p(-x), error="2 ulp of exact"),
    rule("log1p_minus_one", lambda x: log1p(x - 1), lambda x: log(x), error="2 ulp of exact", only="x >= 0"),
    rule("log1p_neg_sigmoid", lambda x: log1p(-sigmoid(x)), lambda x: -softplus(x), error="2 ulp of exact"),
    rule("log1p_expm1", lambda x: log1p(expm1(x)), lambda x: x, error="1 ulp of exact"),
    rule("log_exp", lambda x: log(exp(x)), lambda x: x, error="1 ulp of exact"),
    rule("log2_exp2", lambda x: log2(exp2(x)), lambda x: x, error="1 ulp of exact"),
    rule("log_sqrt", lambda x: log(sqrt(x)), lambda x: log(x) * 0.5, error="2 ulp of exact"),
    rule("log_rsqrt", lambda x: log(rsqrt(x)), lambda x: log(x) * -0.5, error="2 ulp of exact"),
    rule("log_reciprocal", lambda x: log(reciprocal(x)), lambda x: -log(x), error="2 ulp of exact",
         only="x > -inf"),
    rule("log_of_square", lambda x: log(x * x), lambda x: log(abs(x)) * 2, error="2 ulp of exact"),
    rule("log_add_exp", lambda x, y: log(exp(x) + exp(y)), lambda x, y: logaddexp(x, y),
         error="8 ulp of intermediates"),
    rule("log2_add_exp2", lambda x, y: log2(exp2(x) + exp2(y)), lambda x, y: logaddexp2(x, y),
         error="8 ulp of intermediates"),
    rule("log_sum_exp", lambda x, *, dim=(1,): log(sum(exp(x), dim, True)),
         lambda x, *, dim: logsumexp(x, dim, True), error="4 ulp of intermediates", unless="sub"),
    rule("shares", lambda x, *, dim=(1,): exp(x) / sum(exp(x), dim, True),
         lambda x, *, dim: shares(below_finite(x, dim), dim), error="4 ulp of intermediates", unless="sub"),
    rule("log_shares", lambda x, *, dim=(1,): log(shares(below_finite(x, dim), dim)),
         lambda x, *, dim: log_shares(below_finite(x, dim), dim), error="4 ulp of intermediates"),
    rule("log_softmax", lambda x, *, dim=(1,): log(shares(below(x, dim), dim)),
         lambda x, *, dim: log_shares(below(x, dim), dim), error="4 ulp of intermediates"),
    # Exponentials
    rule("exp_minus_one", lambda x: exp(x) - 1, lambda x: expm1(x), error="2 ulp of exact"),
    rule("one_minus_exp", lambda x: 1 - exp(x), lambda x: -expm1(x), error="2 ulp of exact"),
    rule("expm1_plus_one", lambda x: expm1(x) + 1, lambda x: exp(x), error="2 ulp of exact"),
    rule("expm1_log1p", lambda x: exp(log1p(expm1(x))), lambda x: exp(x), error="2 ulp of exact"),
    rule("exp_neg_softplus", lambda x: exp(-softplus(x)), lambda x: sigmoid(-x), error="4 ulp of exact"),
    # Sigmoid and softplus
    rule("sigmoid", lambda x: reciprocal(exp(-x) + 1), lambda x: sigmoid(x), error="4 ulp of exact"),
    rule("silu", lambda x: x / (exp(-x) + 1), lambda x: x * sigmoid(x), error="4 ulp of exact"),
    rule("exp_share", lambda x: exp(x) / (exp(x) + 1), lambda x: sigmoid(x), error="4 ulp of exact"),
    rule("one_minus_sigmoid", lambda x: 1 - sigmoid(x), lambda x: sigmoid(-x), error="2 ulp of exact"),
    rule("softplus_minus_self", lambda x: softplus(x) - x, lambda x: softplus(-x), error="2 ulp of exact"),
    rule("self_minus_softplus", lambda x: x - softplus(x), lambda x: -softplus(-x), error="2 ulp of exact"),
    # Hyperbolic functions
    rule("tanh_of_sigmoid", lambda x: sigmoid(x * 2) * 2 - 1, lambda x: tanh(x), error="4 ulp of exact"),
    rule("sinh_div_cosh", lambda x: sinh(x) / cosh(x), lambda x: tanh(x), error="4 ulp of exact"),
    rule("sinh_of_exp", lambda x: (exp(x) - exp(-x)) * 0.5, lambda x: sinh(x), error="4 ulp of exact"),
    rule("cosh_of_exp", lambda x: (exp(x) + exp(-x)) * 0.5, lambda x: cosh(x), error="4 ulp of exact"),
    rule("tanh_of_exp", lambda x: (exp(x) - exp(-x)) / (exp(x) + exp(-x)), lambda x: tanh(x), error="4 ulp of exact"),
    rule("tanh_of_expm1", lambda x: expm1(x * 2) / (exp(x * 2) + 1), lambda x: tanh(x), error="4 ulp of exact"),
    # The error function
    rule("one_minus_erf", lambda x: 1 - erf(x), lambda x: erfc(x), error="8 ulp of exact"),
    rule("one_minus_erfc", lambda x: 1 - erfc(x), lambda x: erf(x), error="4 ulp of exact"),
    # Squares
    rule("hypot", lambda x, y: sqrt(x * x + y * y), lambda x, y: hypot(x, y), error="2 ulp of exact"),
    rule("difference_of_squares", lambda x, y: x * x - y * y, lambda x, y: (x - y) * (x + y),
         error="3 ulp of exact", when=alike),
]
