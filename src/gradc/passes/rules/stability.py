"""Rules that compute the same more accurately, or without overflow."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

from gradc.ops.activation import sigmoid, softplus
from gradc.ops.elementary import exp, expm1, log, log1p, reciprocal, rsqrt, sqrt
from gradc.passes.rewriting import Rule, rule

STABILITY: list[Rule] = [
    rule("log_sigmoid", lambda x: log(sigmoid(x)), lambda x: -softplus(-x), error="2 ulp of exact"),
    rule("log1p_exp", lambda x: log1p(exp(x)), lambda x: softplus(x), error="2 ulp of exact"),
    rule("log_one_plus", lambda x: log(x + 1), lambda x: log1p(x), error="2 ulp of exact"),
    rule("exp_minus_one", lambda x: exp(x) - 1, lambda x: expm1(x), error="2 ulp of exact"),
    rule("one_minus_sigmoid", lambda x: 1 - sigmoid(x), lambda x: sigmoid(-x), error="2 ulp of exact"),
    rule("log1p_neg_sigmoid", lambda x: log1p(-sigmoid(x)), lambda x: -softplus(x), error="2 ulp of exact"),
    rule("reciprocal_sqrt", lambda x: reciprocal(sqrt(x)), lambda x: rsqrt(x), error="1 ulp"),
]
