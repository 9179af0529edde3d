"""Every rewrite rule is a theorem: its sides are evaluated on random and special values, within its stated error."""

from __future__ import annotations

import inspect
import itertools
import re

import numpy as np
import pytest
from exact import OutOfReach, evaluate, ulps
from graphs import arrays, numbers, traced

from gradc import dtypes
from gradc.apply import apply
from gradc.ir import Type, verify
from gradc.ir.types import SCALARS
from gradc.ops.arithmetic import add, div, maximum, minimum, mul, pow, sub, where
from gradc.ops.conversion import to
from gradc.ops.creation import full
from gradc.ops.indexing import setitem
from gradc.passes.rules import FAST, RULES
from gradc.passes.simplify import simplify
from gradc.tensor import wrap

ALL = [*RULES, *FAST]
THEOREMS = [rule for rule in ALL if rule.left is not None]
REWRITES = [rule for rule in ALL if rule.left is None]
f32, bools = SCALARS["f32"], SCALARS["bool"]

# Values

ONLY = {
    None: lambda x: np.full(x.shape, True),
    "x >= 0": lambda x: x >= 0,
    "x > -inf": lambda x: ~np.isneginf(x),
    "finite x": np.isfinite,
    "finite nonzero x": lambda x: np.isfinite(x) & (x != 0),
}
"""The words that a rule may restrict its values with."""


def values(kind: np.dtype) -> np.ndarray:
    """Special values of a floating type, and random ones of all magnitudes."""
    info = np.finfo(kind)
    tiny, small, huge = info.smallest_subnormal, info.tiny, info.max
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 2.0, 0.5, tiny, -tiny, small, -small, small * 3,
               huge, -huge, np.sqrt(huge), 1 + info.eps, 1 - info.epsneg, -1 + info.epsneg, 30.0, -30.0, 88.8, -104.0,
               710.0, -745.5]
    random = np.random.default_rng(0)
    near_one = random.standard_normal(20)
    wide = random.choice([-1, 1], 20) * 10.0 ** random.uniform(np.log10(small) + 1, np.log10(huge) - 1, 20)
    return np.array([*special, *near_one, *wide]).astype(kind)


def samples(rule, kind: np.dtype) -> list[np.ndarray]:
    """A column of values for each parameter of a rule: all pairs where there are two."""
    names = list(inspect.signature(rule.left).parameters)
    columns = [np.array([False, True]) if name == "condition" else values(kind) for name in names]
    table = [np.array(column) for column in zip(*itertools.product(*columns), strict=True)]
    kept = np.logical_and.reduce([ONLY[rule.only](x) for x in table if x.dtype == kind])
    return [x[kept] for x in table]


def bits(x: np.ndarray) -> np.ndarray:
    """What tells two arrays apart; all nan are one."""
    return np.where(np.isnan(x), np.nan, x).view(f"u{x.itemsize}")


def units_apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How far two arrays are apart in units in the last place of the larger; signs of zeros do not count."""
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    larger = np.minimum(np.maximum(np.abs(a), np.abs(b)), np.finfo(a.dtype).max)
    return np.where(same, 0, np.abs(a - b) / np.spacing(larger))


def allowed(error: str | None) -> tuple[float, bool, bool]:
    """What an error statement allows: units in the last place, any sign of zero, and whether the exact value counts."""
    parsed = re.fullmatch(r"(?:(\d+) ulp( of exact)?)?(?:, )?(sign of zero)?", error or "")
    assert parsed, f"{error!r}: an error is 'N ulp', 'N ulp of exact', 'sign of zero', or the first and the last"
    return float(parsed[1] or 0), parsed[3] is not None, parsed[2] is not None


# Theorems


@pytest.mark.parametrize("kind", [np.float64, np.float32], ids=["f64", "f32"])
@pytest.mark.parametrize("rule", THEOREMS, ids=lambda rule: rule.name)
def test_both_sides_are_equal(rule, kind):
    given = samples(rule, np.dtype(kind))
    units, any_zero, exact = allowed(rule.error)
    with np.errstate(all="ignore"):
        sides = [side(*map(wrap, given))._array for side in (rule.left, rule.right)]
        left, right = (np.broadcast_to(side, given[0].shape) for side in sides)
        apart = units_apart(left, right)
    assert left.dtype == right.dtype == kind
    if exact:  # infinities and nans have no exact value: there, the sides are held against each other
        graph = traced(rule.left, *[Type(dtypes.of(kind))] * len(given))
        for i in np.flatnonzero(np.logical_and.reduce([np.isfinite(x) for x in given])):
            try:
                apart[i] = ulps(right[i], evaluate(graph, *[float(x[i]) for x in given]))
            except OutOfReach:
                apart[i] = 0 if not np.isnan(right[i]) else np.inf
    elif units == 0 and not any_zero:
        apart = np.where(bits(left) == bits(right), 0, np.inf)
    elif not any_zero:
        apart = np.where((left == 0) & (right == 0) & (np.signbit(left) != np.signbit(right)), np.inf, apart)
    worst = np.argmax(apart)
    assert apart[worst] <= units, (
        f"{rule.name}: {apart[worst]} ulp, stated is {rule.error}, at {[x[worst] for x in given]}: "
        f"left {left[worst]!r}, right {right[worst]!r}")


@pytest.mark.parametrize("rule", THEOREMS, ids=lambda rule: rule.name)
def test_the_left_side_is_found_and_replaced(rule):
    kinds = [bools if name == "condition" else f32 for name in inspect.signature(rule.left).parameters]
    before = traced(rule.left, *[kind[3] for kind in kinds])
    after = simplify(before, [rule])
    assert after != before
    verify(after)
    assert [node.op.name for node in after.nodes] == [
        node.op.name for node in simplify(traced(rule.right, *[kind[3] for kind in kinds]), [rule]).nodes]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_other_rule_hides_it(rule):
    """With all rules at once, what a rule replaces is replaced as well, if by another way."""
    function, types = (rule.left, None) if rule.left is not None else CASES[rule.name]
    if types is None:
        types = [bools[3] if name == "condition" else f32[3] for name in inspect.signature(function).parameters]
    alone, together = (simplify(traced(function, *types), rules) for rules in ([rule], RULES))
    assert len(together.nodes) <= len(alone.nodes)


def test_names_are_unique():
    names = [rule.name for rule in ALL]
    assert len(set(names)) == len(names)


def test_what_is_wrong_for_some_values_says_so_or_is_fast():
    assert all(rule.fast for rule in ALL if rule.only is not None and rule.only.startswith("finite"))


# Rules that are functions of a node: a gradc function on which each fires


def pointwise_with_full(op):
    return lambda x: op(x, full((2, 3), 0.25))


CASES = {
    "reshape_same": (lambda x: x.reshape(2, 3), [f32[2, 3]]),
    "squeeze_same": (lambda x: x.squeeze(0), [f32[2, 3]]),
    "expand_same": (lambda x: x.expand(2, 3), [f32[2, 3]]),
    "to_same": (lambda x: apply(to, (x,), {"dtype": dtypes.float32}), [f32[2, 3]]),
    "getitem_same": (lambda x: x[0:2, ...], [f32[2, 3]]),
    "sum_same": (lambda x: x.sum(1, keepdim=True), [f32[3, 1]]),
    "mean_same": (lambda x: x.mean(1, keepdim=True), [f32[3, 1]]),
    "amax_same": (lambda x: x.amax(1, keepdim=True), [f32[3, 1]]),
    "amin_same": (lambda x: x.amin(), [f32]),
    "reshape_of_reshape": (lambda x: x.reshape(6).reshape(3, 2), [f32[2, 3]]),
    "reshape_of_squeeze": (lambda x: x.squeeze(0).reshape(2, 3), [f32[1, 6]]),
    "reshape_of_unsqueeze": (lambda x: x.unsqueeze(0).reshape(2, 3), [f32[6]]),
    "squeeze_of_reshape": (lambda x: x.reshape(1, 6).squeeze(0), [f32[2, 3]]),
    "squeeze_of_squeeze": (lambda x: x.squeeze(0).squeeze(1), [f32[1, 6, 1]]),
    "squeeze_of_unsqueeze": (lambda x: x.unsqueeze(1).squeeze(1), [f32[2, 3]]),
    "unsqueeze_of_reshape": (lambda x: x.reshape(6).unsqueeze(0), [f32[2, 3]]),
    "unsqueeze_of_squeeze": (lambda x: x.squeeze(0).unsqueeze(1), [f32[1, 6]]),
    "unsqueeze_of_unsqueeze": (lambda x: x.unsqueeze(0).unsqueeze(2), [f32[6]]),
    "expand_of_reshape": (lambda x: x.reshape(1, 1, 3).expand(4, 2, 3), [f32[3]]),
    "expand_of_unsqueeze": (lambda x: x.unsqueeze(0).expand(4, 3), [f32[3]]),
    "transpose_transpose": (lambda x: x.transpose(0, 2).transpose(2, 0), [f32[2, 3, 4]]),
    "t_t": (lambda x: x.t().t(), [f32[2, 3]]),
    "permute_same": (lambda x: x.permute(0, 1, 2), [f32[2, 3, 4]]),
    "permute_permute": (lambda x: x.permute(1, 2, 0).permute(0, 2, 1), [f32[2, 3, 4]]),
    "flip_flip": (lambda x: x.flip(0, 1).flip(1, 0), [f32[2, 3]]),
    "setitem_whole": (lambda x, y: apply(setitem, (x, y), {"index": (slice(None),)}), [f32[2, 3], f32[2, 3]]),
    "to_to": (lambda x: x.to(dtypes.float64).to(dtypes.int64), [f32[3]]),
    "clone_away": (lambda x: x.clone(), [f32[3]]),
    "contiguous_away": (lambda x: x.t().contiguous(), [f32[2, 3]]),
    "add_expand": (lambda x, y: x + y.expand(2, 3), [f32[2, 3], f32[3]]),
    "sub_expand": (lambda x, y: x.expand(2, 3) - y, [f32[3], f32[2, 3]]),
    "mul_expand": (lambda x, y: x * y.expand(2, 3), [f32[2, 3], f32[3]]),
    "div_expand": (lambda x, y: x / y.expand(2, 3), [f32[2, 3], f32[3]]),
    "where_expand": (lambda x, y, z: where(x, y.expand(2, 3), z), [bools[2, 3], f32[3], f32[3]]),
    "maximum_expand": (lambda x, y: maximum(x, y.expand(2, 3)), [f32[2, 3], f32[3]]),
    "minimum_expand": (lambda x, y: minimum(x, y.expand(2, 3)), [f32[2, 3], f32[3]]),
    "reshape_of_full": (lambda x: x * full((6,), 0.25).reshape(2, 3), [f32[2, 3]]),
    "expand_of_full": (lambda x: x * full((3,), 0.25).expand(2, 3), [f32[2, 3]]),
    "squeeze_of_full": (lambda x: x * full((1, 2, 3), 0.25).squeeze(0), [f32[2, 3]]),
    "unsqueeze_of_full": (lambda x: x * full((3,), 0.25).unsqueeze(0), [f32[2, 3]]),
    "transpose_of_full": (lambda x: x * full((3, 2), 0.25).transpose(0, 1), [f32[2, 3]]),
    "permute_of_full": (lambda x: x * full((3, 2), 0.25).permute(1, 0), [f32[2, 3]]),
    "t_of_full": (lambda x: x * full((3, 2), 0.25).t(), [f32[2, 3]]),
    "flip_of_full": (lambda x: x * full((2, 3), 0.25).flip(0), [f32[2, 3]]),
    **{f"{op.name}_with_full": (pointwise_with_full(op), [f32[2, 3]])
       for op in (add, sub, mul, div, pow, maximum, minimum)},
}


@pytest.mark.parametrize("rule", REWRITES, ids=lambda rule: rule.name)
def test_a_rewrite_fires_and_changes_no_bit(rule):
    assert rule.name in CASES, f"{rule.name} has no case: give a function on which it fires"
    function, types = CASES[rule.name]
    before = traced(function, *types)
    after = simplify(before, [rule])
    verify(after)
    assert after != before, f"{rule.name} did not fire:\n{before}"
    generator = np.random.default_rng(1)
    for _ in range(3):
        given = [numbers(v.type, generator) for v in before.inputs]
        for a, b in zip(arrays(before(*given)), arrays(after(*given)), strict=True):
            np.testing.assert_array_equal(bits(a) if a.dtype.kind == "f" else a, bits(b) if b.dtype.kind == "f" else b)


@pytest.mark.parametrize("first", [*SCALARS.values()], ids=str)
def test_to_to_only_leaves_out_what_loses_nothing(first):
    """For all three types, on every value that the first can tell apart from its neighbours."""
    rule = next(rule for rule in REWRITES if rule.name == "to_to")
    if first.dtype.is_complex:
        return
    special = [0, 1, 2, 127, 200, 255, 1 / 3, 65504.0, 1e30, -1, -128, 2**24 + 1, 2**31 - 1]
    with np.errstate(all="ignore"):
        given = wrap(np.array(special).astype(first.dtype.numpy))
    for middle, last in itertools.product([t.dtype for t in SCALARS.values() if not t.dtype.is_complex], repeat=2):
        before = traced(lambda x: x.to(middle).to(last), first[13])  # noqa: B023
        after = simplify(before, [rule])
        if after is not before:
            with np.errstate(all="ignore"):
                np.testing.assert_array_equal(before(given)._array, after(given)._array, f"{first} {middle} {last}")
