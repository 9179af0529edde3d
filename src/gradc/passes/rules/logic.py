"""Rules about comparisons, bools and choices between two values."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from functools import partial

from gradc import dtypes
from gradc.ops.arithmetic import where
from gradc.ops.comparison import eq, ge, gt, isnan, le, logical_not, lt, ne
from gradc.ops.conversion import to
from gradc.ops.elementary import abs, exp
from gradc.passes.rewriting import alike, theorem

number = partial(theorem, kinds="numbers")

LOGIC = [
    # Choices
    number("where_same", lambda condition, x: where(condition, x, x), lambda condition, x: x),
    number("where_not", lambda condition, x, y: where(~condition, x, y),
           lambda condition, x, y: where(condition, y, x)),
    number("where_logical_not", lambda condition, x, y: where(logical_not(condition), x, y),
           lambda condition, x, y: where(condition, y, x)),
    number("where_where_left", lambda condition, x, y, z: where(condition, where(condition, x, y), z),
           lambda condition, x, y, z: where(condition, x, z)),
    number("where_where_right", lambda condition, x, y, z: where(condition, x, where(condition, y, z)),
           lambda condition, x, y, z: where(condition, x, z)),
    number("where_or", lambda condition, other, x, y: where(condition, x, where(other, x, y)),
           lambda condition, other, x, y: where(condition | other, x, y)),
    number("where_and", lambda condition, other, x, y: where(condition, where(other, x, y), y),
           lambda condition, other, x, y: where(condition & other, x, y)),
    theorem("where_neg_neg", lambda condition, x, y: where(condition, -x, -y),
            lambda condition, x, y: -where(condition, x, y), when=alike),
    theorem("where_exp_exp", lambda condition, x, y: where(condition, exp(x), exp(y)),
            lambda condition, x, y: exp(where(condition, x, y)), when=alike),
    # Bools
    number("not_not", lambda condition: ~~condition, lambda condition: condition),
    number("logical_not_not", lambda condition: logical_not(logical_not(condition)), lambda condition: condition),
    number("and_same", lambda condition: condition & condition, lambda condition: condition),
    number("or_same", lambda condition: condition | condition, lambda condition: condition),
    number("and_and", lambda condition, other: condition & (condition & other),
           lambda condition, other: condition & other),
    number("or_or", lambda condition, other: condition | (condition | other),
           lambda condition, other: condition | other),
    number("and_or", lambda condition, other: condition & (condition | other), lambda condition, other: condition),
    number("or_and", lambda condition, other: condition | (condition & other), lambda condition, other: condition),
    number("not_and_not", lambda condition, other: ~condition & ~other, lambda condition, other: ~(condition | other)),
    number("not_or_not", lambda condition, other: ~condition | ~other, lambda condition, other: ~(condition & other)),
    number("bool_of_cast", lambda condition, *, dtype=dtypes.float32: to(condition, dtype) != 0,
           lambda condition, *, dtype: condition),
    # Comparisons
    number("not_eq", lambda x, y: logical_not(eq(x, y)), lambda x, y: ne(x, y)),
    number("not_ne", lambda x, y: logical_not(ne(x, y)), lambda x, y: eq(x, y)),
    number("invert_eq", lambda x, y: ~eq(x, y), lambda x, y: ne(x, y)),
    number("invert_ne", lambda x, y: ~ne(x, y), lambda x, y: eq(x, y)),
    theorem("ne_self", lambda x: ne(x, x), lambda x: isnan(x)),
    theorem("gt_neg_neg", lambda x, y: gt(-x, -y), lambda x, y: lt(x, y)),
    theorem("lt_neg_neg", lambda x, y: lt(-x, -y), lambda x, y: gt(x, y)),
    theorem("ge_neg_neg", lambda x, y: ge(-x, -y), lambda x, y: le(x, y)),
    theorem("le_neg_neg", lambda x, y: le(-x, -y), lambda x, y: ge(x, y)),
    theorem("gt_neg_number", lambda x, a: gt(-x, a), lambda x, a: lt(x, -a)),
    theorem("lt_neg_number", lambda x, a: lt(-x, a), lambda x, a: gt(x, -a)),
    theorem("ge_neg_number", lambda x, a: ge(-x, a), lambda x, a: le(x, -a)),
    theorem("le_neg_number", lambda x, a: le(-x, a), lambda x, a: ge(x, -a)),
    theorem("sub_gt_zero", lambda x, y: gt(x - y, 0), lambda x, y: gt(x, y)),
    theorem("sub_lt_zero", lambda x, y: lt(x - y, 0), lambda x, y: lt(x, y)),
    theorem("isnan_abs", lambda x: isnan(abs(x)), lambda x: isnan(x)),
]
