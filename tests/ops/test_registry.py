"""Every op, at every sample: its type rule, NumPy against XLA, its gradients, its decomposition, its documentation."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from samples import COMPLEX, FLOATS, OTHERS, Case, cases, close, normal, noting, together_on_xla

from gradc import dtypes, engine
from gradc.gradients import formula_names, saved_tensors
from gradc.ir.registry import OPS
from gradc.ops.samples import differentiable, smooth
from gradc.tensor import Tensor, wrap

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


# Documentation


@pytest.mark.parametrize("name", sorted(OPS))
def test_says_what_it_is(name: str) -> None:
    op: Any = OPS[name]
    lines = (op.__doc__ or "").strip().splitlines()
    assert lines and re.search(r"[.:]( |$)", lines[0]), "the docstring starts with a sentence"
    assert re.search(r"Source[:\s]", op.__doc__), "the docstring names a source"
    assert op.samples or op.region or op.name in ("gradient", "free", "foreign", "once"), "there is a sample"


# Types and values

UNSEEN = {"copy"}
"""Ops whose result nobody gets: what `x.copy_(source)` makes is written into x at once."""


@pytest.mark.parametrize("name", sorted(OPS))
def test_types_and_values_are_those_of_xla(name: str) -> None:
    """The rule says the type that NumPy computes, which is that of XLA's result."""
    accepted, computed, notes = [], [], []
    for parameter in cases(*FLOATS, *OTHERS, *COMPLEX, names=[name]):
        op, _, kind = parameter.values
        case = Case(*parameter.values)
        with noting(parameter.id):
            if problem := case.rejected():
                assert kind not in FLOATS or kind.category in op.rejects, problem
                continue
            computed.append(case.results())
            check_types(case, computed[-1])
            accepted.append(case)
            notes.append(parameter.id)
    found = together_on_xla(accepted, [case.operands for case in accepted])
    for note, ours, theirs in zip(notes, computed, found, strict=True):
        with noting(note):
            for a, b in zip(ours, theirs, strict=True):
                close(b, a._array)


def check_types(case: Case, computed: tuple[Tensor, ...]) -> None:
    inferred = case.op.infer(*case.op.promoted_types(case.operands), **case.attrs)
    assert [x.type_ for x in computed] == list(inferred if isinstance(inferred, tuple) else (inferred,))
    given = [x._array for x in case.operands if isinstance(x, Tensor)]
    shared = any(np.shares_memory(x._array, array) for x in computed for array in given)
    assert case.op.view or case.op.name in UNSEEN or not shared, \
        "only a view shares the memory of an operand: a write to it would be seen in the other"


# Gradients


def linear_in_results(results: tuple[Tensor, ...], seed: int = 7) -> Any:
    """Σ wᵢ·resultᵢ with random weights: a scalar that depends on every element, and on both parts of a complex one."""
    random = np.random.default_rng(seed)
    total: Any = 0.0
    for result in results:
        if result.dtype.is_differentiable:
            total = total + (result * wrap(normal(random, result))).sum().real
    return total


def gradients_of(case: Any, tensors: list[Any], positions: list[int], create_graph: bool = False) -> list[Any]:
    total = linear_in_results(case.results(*tensors))
    found = engine.grad(total, [tensors[i] for i in positions], create_graph=create_graph, materialize_grads=True)
    return list(found)


def leaves(case: Any, positions: list[int]) -> list[Any]:
    return [wrap(x._array.copy()).requires_grad_() if i in positions else x for i, x in enumerate(case.operands)]


def differentiable_cases() -> list[Any]:
    found = []
    for parameter in cases(dtypes.float64, dtypes.complex128):
        op, sample, kind = parameter.values
        case = Case(op, sample, kind)
        if case.rejected() is None and positions_with_gradient(case):
            found.append(parameter)
    return found


def positions_with_gradient(case: Any) -> list[int]:
    """The operands that the op has a formula for; none where the result is not differentiable."""
    if case.op.saved_names is None or case.rejected() or not any(x.dtype.is_differentiable for x in case.results()):
        return []
    return [i for i in differentiable(case.operands) if case.op.joint is not None or i in case.op.formulas]


def moved(tensors: list[Any], directions: dict[int, Any], step: float) -> list[Any]:
    return [wrap(np.asarray(x._array + step * directions[i])) if i in directions else x for i, x in enumerate(tensors)]


def inner(g: Any, direction: Any) -> Any:
    """How much the loss changes along a direction, in the plane of real and imaginary parts, by its gradient."""
    return np.sum(np.real(np.conj(g) * direction))


DIFFERENTIABLE = differentiable_cases()
STEP = 1e-5


@pytest.mark.parametrize(("op", "sample", "kind"), DIFFERENTIABLE)
def test_gradient_is_the_limit_of_differences(op: Any, sample: Any, kind: dtypes.dtype) -> None:
    case = Case(op, sample, kind)
    positions = positions_with_gradient(case)
    if not smooth(sample):
        pytest.skip("the sample is a kink of the function")
    random = np.random.default_rng(3)
    for i in positions:
        directions = {i: normal(random, case.operands[i])}
        up, down = (linear_in_results(case.results(*moved(case.operands, directions, s))).item()
                    for s in (STEP, -STEP))
        found = gradients_of(case, leaves(case, [i]), [i])[0]
        assert found.type_ == case.operands[i].type_
        slope = inner(found._array, directions[i])
        scale = max(1.0, abs(up), np.abs(found._array * directions[i]).sum())
        assert abs(slope - (up - down) / (2 * STEP)) < 1e-7 * scale, op.operands[min(i, len(op.operands) - 1)]


@pytest.mark.parametrize(("op", "sample", "kind"), DIFFERENTIABLE)
def test_second_gradient_is_the_limit_of_differences(op: Any, sample: Any, kind: dtypes.dtype) -> None:
    case = Case(op, sample, kind)
    positions = positions_with_gradient(case)
    if not smooth(sample):
        pytest.skip("the sample is a kink of the function")
    random = np.random.default_rng(4)
    directions = {i: normal(random, case.operands[i]) for i in positions}
    weights = [normal(random, case.operands[i]) for i in positions]

    def along(tensors: list[Any], create_graph: bool = False) -> Any:
        total: Any = 0.0
        for g, w in zip(gradients_of(case, tensors, positions, create_graph), weights, strict=True):
            total = total + (g * wrap(w)).sum().real
        return total

    tensors = leaves(case, positions)
    total = along(tensors, create_graph=True)
    if not total.requires_grad:
        second = [np.zeros_like(case.operands[i]._array) for i in positions]
    else:
        second = [g._array for g in engine.grad(total, [tensors[i] for i in positions], materialize_grads=True)]
    shifted = []
    for step in (STEP, -STEP):
        at = [x.requires_grad_() if i in positions else x
              for i, x in enumerate(moved(case.operands, directions, step))]
        shifted.append(along(at).item())
    slope = sum(inner(s, directions[i]) for s, i in zip(second, positions, strict=True))
    scale = max(1.0, abs(shifted[0]), *(np.abs(s).sum() for s in second))
    assert abs(slope - (shifted[0] - shifted[1]) / (2 * STEP)) < 1e-6 * scale


@pytest.mark.parametrize(("op", "sample", "kind"), cases(*FLOATS, *COMPLEX))
def test_generated_gradient_is_the_formula(op: Any, sample: Any, kind: dtypes.dtype) -> None:
    case = Case(op, sample, kind)
    positions = positions_with_gradient(case)
    if not positions:
        return
    rounds = [[g._array for g in gradients_of(case, leaves(case, positions), positions)] for _ in range(4)]
    for later in rounds[1:]:
        for first, again in zip(rounds[0], later, strict=True):
            close(again, first)
    for i in positions if len(positions) > 1 else []:  # each operand alone: other needs, another function
        for _ in range(4):
            close(gradients_of(case, leaves(case, [i]), [i])[0]._array, rounds[0][positions.index(i)])


# Composites


def composite_cases() -> list[Any]:
    found = [p for p in cases(*FLOATS, *COMPLEX) if p.values[0].decompose is not None]
    return [p for p in found if Case(*p.values).rejected() is None]


@pytest.mark.parametrize(("op", "sample", "kind"), composite_cases())
def test_composite_is_its_decomposition(op: Any, sample: Any, kind: dtypes.dtype) -> None:
    case = Case(op, sample, kind)

    class Opened(Case):
        def __call__(self, *tensors: Any) -> Any:
            return op.decompose(*op.promoted_tensors(tensors or self.operands), **self.attrs)

    opened = Opened(op, sample, kind)
    for whole, parts in zip(case.results(), opened.results(), strict=True):
        close(parts._array, whole._array)
    positions = positions_with_gradient(case)
    if not positions or not smooth(sample):
        return
    whole = gradients_of(case, leaves(case, positions), positions)
    parts = gradients_of(opened, leaves(opened, positions), positions)
    for a, b in zip(whole, parts, strict=True):
        if np.isfinite(b._array).all():  # the formula may be stabler than the decomposition
            close(a._array, b._array, factor=20)


@pytest.mark.parametrize("name", sorted({parameter.values[0].name for parameter in DIFFERENTIABLE}))
def test_gradients_on_xla_are_the_eager_ones(name: str) -> None:
    """The formulas, traced and printed for jax.numpy, compute what backward() does."""
    programs, operands, expected, notes = [], [], [], []
    for parameter in DIFFERENTIABLE:
        if parameter.values[0].name == name:
            with noting(parameter.id):
                if found := gradient_program(Case(*parameter.values)):
                    for each, part in zip((programs, operands, expected), found, strict=True):
                        each.append(part)
                    notes.append(parameter.id)
    for note, ours, theirs in zip(notes, expected, together_on_xla(programs, operands), strict=True):
        with noting(note):
            for a, b in zip(ours, theirs, strict=True):
                close(b, a._array, factor=10)


def gradient_program(case: Case) -> tuple[Any, list[Any], list[Any]] | None:
    """The formulas of a call as a function, its operands, and the gradients by backward().

    None for several results, and for a variable number of operands.
    """
    positions = positions_with_gradient(case)
    results = case.results(*leaves(case, positions))
    node = results[0].grad_fn
    saved = saved_tensors(node, linked=False)
    if len(results) > 1 or any(isinstance(value, list) for value in saved):
        return None
    g = wrap(normal(np.random.default_rng(7), results[0]))
    needs = tuple(e is not None for e in node.edges)

    def formulas(g: Tensor, *saved: Any) -> Any:
        found = case.op.gradients(formula_names(node, g, list(saved)), needs)
        return tuple(found[i] for i in positions)

    return formulas, [g, *saved], engine.grad(results[0], [node.edges[i] for i in positions], g)
