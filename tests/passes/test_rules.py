"""Every rewrite rule is a theorem: its sides are evaluated on random and special values, within its stated error."""

from __future__ import annotations

import inspect
import itertools
import re

import numpy as np
import pytest
from exact import OutOfReach, evaluate, ulps
from graphs import arrays, numbers, traced

import gradc
from gradc import dtypes
from gradc.apply import apply
from gradc.errors import GradcError
from gradc.ir import Type, verify
from gradc.ir.types import SCALARS
from gradc.ops.arithmetic import add, div, maximum, minimum, mul, pow, sub, where
from gradc.ops.conversion import to
from gradc.ops.creation import full
from gradc.ops.indexing import setitem
from gradc.passes.decompose import decompose
from gradc.passes.rules import FAST, RULES
from gradc.passes.simplify import check_end, simplify
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
    "moderate x": lambda x: (np.abs(x) > 1e-9) & (np.abs(x) < 80),
    "moderate x > 0": lambda x: (x > 1e-9) & (x < 80),
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


def few(kind: np.dtype) -> np.ndarray:
    """Values for rows of three: all triples of them are looked at."""
    info = np.finfo(kind)
    return np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.5, 1e-3, info.tiny, info.max, 30.0]).astype(kind)


def attributes(rule) -> dict:
    """The attributes of a rule, as its left side has them for an example."""
    return {name: p.default for name, p in inspect.signature(rule.left).parameters.items() if p.kind is p.KEYWORD_ONLY}


def samples(rule, kind: np.dtype) -> list[list]:
    """Operands for a rule: columns with all pairs of values, or rows of three if it has attributes.

    There is one list for each choice of its numbers that it holds for. `m` and `n` are matrices.
    """
    names = [name for name, p in inspect.signature(rule.left).parameters.items() if p.kind is not p.KEYWORD_ONLY]
    tensors = [name for name in names if name not in ("a", "b")]
    if attributes(rule):
        table = [np.array([*itertools.product(few(kind), repeat=3)])]
        mixed = np.random.default_rng(2)
        table += [mixed.permutation(table[0]) for _ in tensors[1:]]
        kept = np.logical_and.reduce([ONLY[rule.only](x).all(1) for x in table])
        table = [x[kept] for x in table]
        table = [x > 0 if name in CONDITIONS else x for name, x in zip(tensors, table, strict=True)]
    else:
        columns = [np.array([False, True]) if name in CONDITIONS else values(kind) for name in tensors]
        columns = [column if i < 2 or name in CONDITIONS else column[::9] for i, (name, column) in enumerate(
            zip(tensors, columns, strict=True))]
        table = [np.array(column) for column in zip(*itertools.product(*columns), strict=True)]
        kept = np.logical_and.reduce([ONLY[rule.only](x) for x in table if x.dtype == kind] or [[True] * len(table[0])])
        table = [x[kept] for x in table]
    numbers_of = [name for name in names if name in ("a", "b")]
    if "m" in names:
        random = np.random.default_rng(5)
        return [[*(random.choice(values_, (3, 3)).astype(kind) for _ in tensors), *[2.0 for _ in numbers_of]]
                for values_ in (few(kind), random.standard_normal(9)) for _ in range(30)
                if rule.only is None or len(values_) == 9]
    choices = itertools.product([2.0, 0.5, -3.0, 0.1, 7, 1 / 1024, 0.0, 64], repeat=len(numbers_of))
    found = []
    for choice in choices:
        chosen = dict(zip(numbers_of, choice, strict=True))
        given = iter(table)
        operands = [chosen[name] if name in chosen else next(given) for name in names]
        tensors_ = [x if isinstance(x, (int, float)) else wrap(x) for x in operands]
        if rule.when is None or rule.when(*tensors_, **attributes(rule)):
            found.append(operands)
    assert found, f"{rule.name}: no example meets its condition"
    return found


CONDITIONS = ("condition", "other")


def bits(x: np.ndarray) -> np.ndarray:
    """What tells two arrays apart; all nan are one."""
    return np.where(np.isnan(x), np.nan, x).view(f"u{x.itemsize}")


def units_apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How far two arrays are apart in units in the last place of the larger; signs of zeros do not count."""
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    larger = np.minimum(np.maximum(np.abs(a), np.abs(b)), np.finfo(a.dtype).max)
    return np.where(same, 0, np.abs(a - b) / np.spacing(larger))


def allowed(error: str | None) -> tuple[float, str | None, bool]:
    """What an error statement allows: units in the last place, of what, and any sign of zero."""
    parsed = re.fullmatch(r"(?:(\d+) ulp(?: of (exact|intermediates))?)?(?:, )?(sign of zero)?", error or "")
    assert parsed, (f"{error!r}: an error is 'N ulp', 'N ulp of exact', 'N ulp of intermediates', 'sign of zero', or "
                    f"two of them")
    return float(parsed[1] or 0), parsed[2], parsed[3] is not None


# Theorems


@pytest.mark.parametrize("kind", [np.float64, np.float32], ids=["f64", "f32"])
@pytest.mark.parametrize("rule", THEOREMS, ids=lambda rule: rule.name)
def test_both_sides_are_equal(rule, kind):
    for given in samples(rule, np.dtype(kind)):
        check_sides(rule, given)


def check_sides(rule, given: list) -> None:
    units, of, any_zero = allowed(rule.error)
    attrs = attributes(rule)
    operands = [x if isinstance(x, (int, float)) else wrap(x) for x in given]
    rows = next(x for x in given if isinstance(x, np.ndarray)).shape
    with np.errstate(all="ignore"):
        left, right = (side(*operands, **attrs)._array for side in (rule.left, rule.right))
        if not attrs and rows != (3, 3):
            left, right = (np.broadcast_to(side, rows) for side in (left, right))
    assert left.dtype == right.dtype
    if left.dtype.kind != "f":
        apart = np.where(left == right, 0, np.inf)
    else:
        with np.errstate(all="ignore"):
            apart = units_apart(left, right)
        if of is not None:
            apart[~np.isfinite(left) & np.isfinite(right)] = 0  # what the left side has lost may be mended
            if of == "exact":
                apart[np.isnan(left) & ~np.isnan(right)] = 0
            HELD[of](rule, given, left, right, apart)
        elif units == 0 and not any_zero:
            apart = np.where(bits(left) == bits(right), 0, np.inf)
        elif not any_zero:
            apart = np.where((left == 0) & (right == 0) & (np.signbit(left) != np.signbit(right)), np.inf, apart)
    worst = np.unravel_index(np.argmax(apart), apart.shape)
    assert apart[worst] <= units, (
        f"{rule.name}: {apart[worst]} ulp, stated is {rule.error}, at "
        f"{[x if isinstance(x, (int, float)) else x[worst[0]] for x in given]}: "
        f"left {left[worst]!r}, right {right[worst]!r}")


def against_the_exact_value(rule, given, left, right, apart) -> None:
    """Measure the right side from the exact value of the left; infinities and nans have none and stay as they are."""
    graph = left_graph(rule, given)
    columns = [x for x in given if isinstance(x, np.ndarray)]
    rows = np.logical_and.reduce([np.isfinite(x).reshape(len(x), -1).all(1) for x in columns])
    finite = np.flatnonzero(rows)
    many = len(finite) > EXACT_ROWS
    apart[rows] = 0
    for i in np.random.default_rng(4).choice(finite, EXACT_ROWS, replace=False) if many else finite:
        try:
            exact = evaluate(graph, *[x[i : i + 1] for x in columns])
        except OutOfReach:
            exact = None
        for j in np.ndindex(right[i].shape):
            value, other = right[i][j], left[i][j]
            if exact is None or exact[(0, *j)].is_nan():  # a nan of the left side may be mended
                apart[(i, *j)] = np.inf if np.isnan(value) and not np.isnan(other) else 0
            else:
                apart[(i, *j)] = ulps(value, exact[(0, *j)])


EXACT_ROWS = 70
"""Of so many rows the exact value is computed, to a thousand digits."""


def against_the_intermediates(rule, given, left, right, apart) -> None:
    """Measure the difference of the sides in units of the largest number that the left side computes for a row."""
    graph = left_graph(rule, given)
    graph = graph.replace(outputs=tuple(v for node in graph.nodes for v in node.outputs))
    columns = [x for x in given if isinstance(x, np.ndarray)]
    with np.errstate(all="ignore"):
        parts = [*columns, *arrays(graph(*map(wrap, columns)))]
        by_row = (1, -1) if right.shape == (3, 3) else (len(right), -1)  # the rows of matrices mix
        largest = np.max([np.abs(x).reshape(by_row).max(1) for x in parts if x.dtype.kind == "f"], axis=0)
        scale = largest.reshape(-1, *[1] * (right.ndim - 1))
        measured = np.abs(left - right) / np.spacing(np.minimum(scale, np.finfo(right.dtype).max))
    measured = np.where(np.isnan(measured) & ~np.isnan(right), 0, measured)  # the left side left the range of numbers
    apart[...] = np.where(apart == 0, 0, measured)


def left_graph(rule, given):
    """The left side as a graph of its tensors, with its numbers in it."""
    types = [Type(dtypes.of(x.dtype), x.shape) for x in given if isinstance(x, np.ndarray)]

    def function(*tensors):
        rest = iter(tensors)
        return rule.left(*[next(rest) if isinstance(x, np.ndarray) else x for x in given], **attributes(rule))

    return decompose(traced(function, *types))


HELD = {"exact": against_the_exact_value, "intermediates": against_the_intermediates}


def types_of(rule, kind=f32) -> list:
    """Types of tensors for a rule, and examples of its numbers."""
    given = samples(rule, np.dtype(np.float64))[0]
    names = [name for name, p in inspect.signature(rule.left).parameters.items() if p.kind is not p.KEYWORD_ONLY]
    return [(bools if name in CONDITIONS else kind)[3, 3] if isinstance(x, np.ndarray) else x
            for name, x in zip(names, given, strict=True)]


def side_graph(rule, side, kind=f32):
    """A side of a rule as a graph of tensors of 3 by 3."""
    given = types_of(rule, kind)

    def function(*tensors):
        rest = iter(tensors)
        return side(*[x if isinstance(x, (int, float)) else next(rest) for x in given], **attributes(rule))

    return decompose(traced(function, *[x for x in given if not isinstance(x, (int, float))]))


@pytest.mark.parametrize("rule", THEOREMS, ids=lambda rule: rule.name)
def test_the_left_side_is_found_and_replaced(rule):
    before = side_graph(rule, rule.left)
    after = simplify(before, [rule])
    assert after != before
    verify(after)
    assert [node.op.name for node in after.nodes] == [
        node.op.name for node in simplify(side_graph(rule, rule.right), [rule]).nodes]


@pytest.mark.parametrize("rule", THEOREMS, ids=lambda rule: rule.name)
def test_it_comes_to_an_end(rule):
    check_end(rule, rule.left, rule.right)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_other_rule_hides_it(rule):
    """With all rules at once, what a rule replaces is replaced as well, if by another way."""
    before = side_graph(rule, rule.left) if rule.left is not None else traced(*flat(CASES[rule.name]))
    alone, together = (simplify(before, rules) for rules in ([rule], RULES))
    assert len(together.nodes) <= len(alone.nodes)


def flat(case) -> tuple:
    return case[0], *case[1]


KINDS = [kind for kind in SCALARS.values() if not kind.dtype.is_floating_point or kind.dtype.bits < 32]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("rule", [rule for rule in THEOREMS if rule.kinds != "floats"], ids=lambda rule: rule.name)
def test_rules_hold_for_other_types_where_they_say_so(rule, kind):
    """A rule for integers, bools or complex numbers either does not fit or gives the same there."""
    if kind.dtype.is_complex and rule.kinds == "reals":
        return
    try:
        before = side_graph(rule, rule.left, kind)
    except (GradcError, TypeError, RuntimeError, OverflowError):
        return  # the left side is no function of this type
    after = simplify(before, [rule])
    generator = np.random.default_rng(3)
    given = [numbers(v.type, generator) for v in before.inputs]
    with np.errstate(all="ignore"):
        try:
            expected = arrays(before(*given))
        except OverflowError:
            return  # nor has the type its numbers
        for a, b in zip(expected, arrays(after(*given)), strict=True):
            assert a.dtype == b.dtype
            if allowed(rule.error)[0]:
                unit = float(np.finfo(a.real.dtype).eps) if a.real.dtype.kind == "f" else 2**-7
                np.testing.assert_allclose(a.astype(np.complex128), b.astype(np.complex128),
                                           rtol=2 * allowed(rule.error)[0] * unit)
            else:
                np.testing.assert_array_equal(a, b)


def test_there_are_enough():
    assert len(RULES) >= 100
    assert sum(rule.left is not None for rule in RULES) >= 100


def test_names_are_unique():
    names = [rule.name for rule in ALL]
    assert len(set(names)) == len(names)


def test_what_is_wrong_for_some_values_says_so_or_is_fast():
    assert all(rule.fast for rule in ALL if rule.only is not None and rule.only.startswith(("finite", "moderate")))


# Rules that are functions of a node: a gradc function on which each fires


def pointwise_with_full(op):
    return lambda x: op(x, full((2, 3), 0.25))


REDUCED = {"sum": f32, "mean": f32, "amax": f32, "amin": f32, "any": bools, "all": bools}
AT = {"index": (slice(1, None),)}

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
    "pad_same": (lambda x: gradc.nn.functional.pad(x, (0, 0)), [f32[2, 3]]),
    "repeat_same": (lambda x: x.repeat(1, 1), [f32[2, 3]]),
    "prod_same": (lambda x: x.prod(1, keepdim=True), [f32[3, 1]]),
    "getitem_of_full": (lambda x: x * full((4, 3), 0.25)[1:3], [f32[2, 3]]),
    "repeat_of_full": (lambda x: x * full((1, 3), 0.25).repeat(2, 1), [f32[2, 3]]),
    "roll_of_full": (lambda x: x * full((2, 3), 0.25).roll(1, 0), [f32[2, 3]]),
    "amax_of_full": (lambda x: x * full((2, 3), 0.25).amax(0), [f32[2, 3]]),
    "amin_of_full": (lambda x: x * full((2, 3), 0.25).amin(0), [f32[2, 3]]),
    **{f"{name}_over_ones": (lambda x, name=name: getattr(x, name)(1), [f32[2, 1, 3]])
       for name in ("sum", "mean", "prod", "amax", "amin")},
    **{f"{name}_{name}": (lambda x, name=name: getattr(getattr(x, name)(1), name)(1), [f32[2, 3, 4]])
       for name in ("sum", "amax", "amin")},
    **{f"{name}_{name}": (lambda x, name=name: getattr(getattr(x, name)(1, True), name)(2, True), [bools[2, 3, 4]])
       for name in ("any", "all")},
    **{f"{name}_of_expand": (lambda x, name=name: getattr(x.expand(4, 2, 3), name)(0), [kind[1, 3]])
       for name, kind in REDUCED.items()},
    **{f"{name}_of_permute": (lambda x, name=name: getattr(x.permute(2, 0, 1), name)((0, 1, 2)), [kind[2, 3, 4]])
       for name, kind in REDUCED.items()},
    **{f"{name}_of_transpose": (lambda x, name=name: getattr(x.transpose(2, 0), name)((0, 1, 2)), [kind[2, 3, 4]])
       for name, kind in REDUCED.items()},
    **{f"{name}_of_t": (lambda x, name=name: getattr(x.t(), name)((0, 1)), [kind[2, 3]])
       for name, kind in REDUCED.items()},
    **{f"{name}_of_flip": (lambda x, name=name: getattr(x.flip(0), name)((0, 1)), [kind[2, 3]])
       for name, kind in REDUCED.items()},
    "permute_of_ones": (lambda x: x.permute(0, 2, 1), [f32[2, 3, 1]]),
    "transpose_of_ones": (lambda x: x.transpose(1, 2), [f32[2, 3, 1]]),
    "t_of_ones": (lambda x: x.t(), [f32[2, 1]]),
    "permute_matrix": (lambda x: x.permute(1, 0), [f32[2, 3]]),
    "transpose_matrix": (lambda x: x.transpose(0, 1), [f32[2, 3]]),
    "permute_of_transpose": (lambda x: x.transpose(0, 1).permute(2, 0, 1), [f32[2, 3, 4]]),
    "transpose_of_permute": (lambda x: x.permute(2, 0, 1).transpose(0, 1), [f32[2, 3, 4]]),
    "transpose_of_other": (lambda x: x.transpose(0, 1).transpose(1, 2), [f32[2, 3, 4]]),
    "expand_expand": (lambda x: x.expand(2, 3).expand(4, 2, 3), [f32[3]]),
    "getitem_getitem": (lambda x: x[1:6:2, 1, 1:][1:, -1], [f32[7, 2, 4]]),
    "getitem_of_cat": (lambda x, y: gradc.cat([x, y], 1)[0, 3:5], [f32[2, 3], f32[2, 4]]),
    "cat_of_slices": (lambda x: gradc.cat([x[:, :2], x[:, 2:3], x[:, 3:]], 1), [f32[2, 5]]),
    "cat_of_one": (lambda x: gradc.cat([x], 1), [f32[2, 5]]),
    "stack_of_one": (lambda x: gradc.stack([x], 1), [f32[2, 5]]),
    "getitem_of_setitem": (lambda x, y: apply(setitem, (x, y), {"index": (slice(1, None),)})[1:], [f32[3], f32[2]]),
    "setitem_setitem": (lambda x, y, z: apply(setitem, (apply(setitem, (x, y), AT), z), AT), [f32[3], f32[2], f32[2]]),
    "index_by_arange": (lambda x: x[gradc.arange(1, 3)], [f32[4, 2]]),
    "roll_nowhere": (lambda x: x.roll(3, 1), [f32[2, 3]]),
    "flip_of_ones": (lambda x: x.flip(1), [f32[2, 1]]),
    **{f"{op.name}_with_full": (pointwise_with_full(op), [f32[2, 3]])
       for op in (add, sub, mul, div, pow, maximum, minimum)},
}


@pytest.mark.parametrize("rule", REWRITES, ids=lambda rule: rule.name)
def test_a_rewrite_fires_and_changes_no_bit_that_counts(rule):
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
            if rule.error is not None:
                assert allowed(rule.error) == (4, "intermediates", False)
                np.testing.assert_allclose(a, b, rtol=1e-6, atol=4 * np.spacing(np.float32(max(
                    np.abs(x._array).sum() for x in given))))
            else:
                np.testing.assert_array_equal(*[bits(x) if x.dtype.kind == "f" else x for x in (a, b)])


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
