"""Rules about sums, means, extremes and products over dimensions, and about matrix products."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from gradc.ops.activation import relu, sigmoid
from gradc.ops.arithmetic import maximum, minimum
from gradc.ops.comparison import logical_not
from gradc.ops.elementary import exp, sqrt
from gradc.ops.matrices import matmul
from gradc.ops.reduction import all, amax, amin, any, mean, sum
from gradc.ops.shape import t
from gradc.ops.statistics import std, var
from gradc.passes.rewriting import Rule
from gradc.passes.rewriting import theorem as rule

REDUCTIONS: list[Rule] = [
    # What can be done once, behind the reduction, in place of once for each element
    rule("sum_neg", lambda x, *, dim=(1,), keepdim=False: sum(-x, dim, keepdim),
         lambda x, *, dim, keepdim: -sum(x, dim, keepdim), error="sign of zero"),
    rule("mean_neg", lambda x, *, dim=(1,), keepdim=False: mean(-x, dim, keepdim),
         lambda x, *, dim, keepdim: -mean(x, dim, keepdim), error="sign of zero"),
    rule("amax_neg", lambda x, *, dim=(1,), keepdim=False: amax(-x, dim, keepdim),
         lambda x, *, dim, keepdim: -amin(x, dim, keepdim), error="sign of zero"),
    rule("amin_neg", lambda x, *, dim=(1,), keepdim=False: amin(-x, dim, keepdim),
         lambda x, *, dim, keepdim: -amax(x, dim, keepdim), error="sign of zero"),
    rule("amax_mul_number", lambda x, a, *, dim=(1,), keepdim=False: amax(x * a, dim, keepdim),
         lambda x, a, *, dim, keepdim: amax(x, dim, keepdim) * a, when=lambda x, a, *, dim, keepdim: a > 0,
         error="sign of zero"),
    rule("amin_mul_number", lambda x, a, *, dim=(1,), keepdim=False: amin(x * a, dim, keepdim),
         lambda x, a, *, dim, keepdim: amin(x, dim, keepdim) * a, when=lambda x, a, *, dim, keepdim: a > 0,
         error="sign of zero"),
    rule("amax_add_number", lambda x, a, *, dim=(1,), keepdim=False: amax(x + a, dim, keepdim),
         lambda x, a, *, dim, keepdim: amax(x, dim, keepdim) + a, error="sign of zero"),
    rule("amin_add_number", lambda x, a, *, dim=(1,), keepdim=False: amin(x + a, dim, keepdim),
         lambda x, a, *, dim, keepdim: amin(x, dim, keepdim) + a, error="sign of zero"),
    rule("amax_relu", lambda x, *, dim=(1,), keepdim=False: amax(relu(x), dim, keepdim),
         lambda x, *, dim, keepdim: relu(amax(x, dim, keepdim)), error="sign of zero"),
    rule("amin_relu", lambda x, *, dim=(1,), keepdim=False: amin(relu(x), dim, keepdim),
         lambda x, *, dim, keepdim: relu(amin(x, dim, keepdim)), error="sign of zero"),
    rule("amax_exp", lambda x, *, dim=(1,), keepdim=False: amax(exp(x), dim, keepdim),
         lambda x, *, dim, keepdim: exp(amax(x, dim, keepdim)), error="2 ulp"),
    rule("amin_exp", lambda x, *, dim=(1,), keepdim=False: amin(exp(x), dim, keepdim),
         lambda x, *, dim, keepdim: exp(amin(x, dim, keepdim)), error="2 ulp"),
    rule("amax_sigmoid", lambda x, *, dim=(1,), keepdim=False: amax(sigmoid(x), dim, keepdim),
         lambda x, *, dim, keepdim: sigmoid(amax(x, dim, keepdim)), error="4 ulp"),
    rule("amax_maximum_number", lambda x, a, *, dim=(1,), keepdim=False: amax(maximum(x, a), dim, keepdim),
         lambda x, a, *, dim, keepdim: maximum(amax(x, dim, keepdim), a), error="sign of zero"),
    rule("amin_minimum_number", lambda x, a, *, dim=(1,), keepdim=False: amin(minimum(x, a), dim, keepdim),
         lambda x, a, *, dim, keepdim: minimum(amin(x, dim, keepdim), a), error="sign of zero"),
    rule("any_not", lambda condition, *, dim=(1,), keepdim=False: any(~condition, dim, keepdim),
         lambda condition, *, dim, keepdim: ~all(condition, dim, keepdim), kinds="numbers"),
    rule("all_not", lambda condition, *, dim=(1,), keepdim=False: all(~condition, dim, keepdim),
         lambda condition, *, dim, keepdim: ~any(condition, dim, keepdim), kinds="numbers"),
    rule("any_logical_not", lambda condition, *, dim=(1,), keepdim=False: any(logical_not(condition), dim, keepdim),
         lambda condition, *, dim, keepdim: logical_not(all(condition, dim, keepdim)), kinds="numbers"),
    rule("all_logical_not", lambda condition, *, dim=(1,), keepdim=False: all(logical_not(condition), dim, keepdim),
         lambda condition, *, dim, keepdim: logical_not(any(condition, dim, keepdim)), kinds="numbers"),
    # Spread
    rule("variance", lambda x, *, dim=(1,), keepdim=False: mean(x * x, dim, keepdim) - mean(
        x, dim, keepdim) * mean(x, dim, keepdim),
         lambda x, *, dim, keepdim: var(x, dim, correction=0, keepdim=keepdim), error="8 ulp of intermediates"),
    rule("var_neg", lambda x, *, dim=(1,), correction=1, keepdim=False: var(
        -x, dim, correction=correction, keepdim=keepdim),
         lambda x, *, dim, correction, keepdim: var(x, dim, correction=correction, keepdim=keepdim)),
    rule("std_neg", lambda x, *, dim=(1,), correction=1, keepdim=False: std(
        -x, dim, correction=correction, keepdim=keepdim),
         lambda x, *, dim, correction, keepdim: std(x, dim, correction=correction, keepdim=keepdim)),
    rule("sqrt_var", lambda x, *, dim=(1,), correction=1, keepdim=False: sqrt(var(
        x, dim, correction=correction, keepdim=keepdim)),
         lambda x, *, dim, correction, keepdim: std(x, dim, correction=correction, keepdim=keepdim), error="1 ulp"),
    # Matrices
    rule("matmul_neg_neg", lambda m, n: matmul(-m, -n), lambda m, n: matmul(m, n)),
    rule("t_matmul_t", lambda m, n: t(matmul(m, t(n))), lambda m, n: matmul(n, t(m)), error="4 ulp of intermediates"),
    rule("t_t_matmul", lambda m, n: t(matmul(t(m), n)), lambda m, n: matmul(t(n), m), error="4 ulp of intermediates"),
    rule("t_add_t", lambda m, n: t(m) + t(n), lambda m, n: t(m + n), kinds="numbers"),
    rule("fast_sum_mul_number", lambda x, a, *, dim=(1,), keepdim=False: sum(x * a, dim, keepdim),
         lambda x, a, *, dim, keepdim: sum(x, dim, keepdim) * a, only="moderate x",
         error="8 ulp of intermediates"),
    rule("fast_matmul_mul_number", lambda m, n, a: matmul(m * a, n), lambda m, n, a: matmul(m, n) * a,
         only="moderate x", error="8 ulp of intermediates"),
]

