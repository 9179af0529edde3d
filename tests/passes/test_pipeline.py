"""The pipeline on real functions: after every pass the graph verifies, prints, parses, runs, and gives the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from graphs import arrays, numbers, traced
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gradc
from gradc import autograd
from gradc.backends.jax import Lowered
from gradc.interpreter import python
from gradc.ir import Graph, Type, parse, verify
from gradc.nn import functional as F
from gradc.ops.recurrent import rnn_layer
from gradc.passes.pipeline import PASSES, run
from gradc.passes.templates import Templates
from gradc.tensor import Tensor

FLAT, MATRIX, LABELS, SQUARE = (4,), (4, 3), "labels", (3, 3)


# Functions: each takes tensors of float64 that require grad, or labels, as its list says


def multilayer_perceptron(x, w, v):
    return F.mse_loss((x @ w).tanh() @ v, x @ v)


def binary_cross_entropy(x, w, b, y):
    z = gradc.matmul(x, w) + b
    loss = F.binary_cross_entropy_with_logits(z, y.sigmoid())
    loss.backward()
    return loss, w.grad, b.grad


def cross_entropy_step(x, w, labels):
    loss = F.cross_entropy(x @ w, labels)
    loss.backward()
    with gradc.no_grad():
        w -= 0.1 * w.grad
    return loss


def attention(query, key, value):
    scores = query @ key.t() / 3**0.5
    return (scores.softmax(-1) @ value).sum()


def views_and_writes(x):
    y = x * 2
    y[1:, 0] = 1.5
    y[0].mul_(3)
    return (y * y.t()).sum()


def writes_state(x, w):
    with gradc.no_grad():
        w.mul_(0.9).add_(x.detach().t() @ x)
        w[0] = 0
    return w.sum()


def indexing(x, labels):
    rows = x[labels]
    return rows[:, 1:].sum() + x.gather(1, labels.reshape(4, 1)).square().sum()


def reductions(x):
    centred = x - x.mean(0, keepdim=True)
    return centred.var(0).sum() + x.amax(1).sum() + x.logsumexp((0, 1)) + x.prod()


def second_order(x):
    loss = (x.sin() * x.exp()).sum()
    g, = autograd.grad(loss, x, create_graph=True)
    return (g * g).sum()


def constant_first_gradient(x):
    g, = autograd.grad((x**3).sum(), x)
    return (g * x).sum()


def scalars(x):
    return ((x.sum() * 2 + 1).log1p() - 1) / 3


def constants(x):
    weights = gradc.tensor([1.0, 2.0, 4.0], dtype=gradc.float64)
    return (x * (weights / weights.sum())).sum() + gradc.ones(2).sum()


def mixed_types(x, labels):
    return (x.float() * labels.reshape(4, 1)).sum() * 2 + labels.sum()


def masks(x):
    return gradc.where(x > 0, x, 0.1 * x).clamp(-0.5, 0.5).sum() + (x.abs() < 1).sum()


def broadcasts(x, b):
    return ((x + b.unsqueeze(1)) * b.reshape(4, 1).expand(4, 3) * x.sum()).mean()


def repeated_outputs(x):
    y = x.neg()
    return y, y, x, -y


def in_a_loop(x, w):
    for _ in range(3):
        x = (x @ w).relu()
        x = x / (1 + x.sum())
    return x.sum()


def two_recurrences(x: Tensor, w: Tensor, b: Tensor) -> Any:
    """Two layers of one signature, whose formula records a node with several results."""
    y = x.unsqueeze(1)
    for _ in range(2):
        y = rnn_layer(y @ w + b, y.new_zeros((1, 3)), w, None)
    return autograd.grad(y.square().sum(), [x, w, b])


FUNCTIONS: dict[Callable[..., Any], list[Any]] = {
    multilayer_perceptron: [MATRIX, SQUARE, SQUARE], binary_cross_entropy: [MATRIX, (3,), (), FLAT],
    cross_entropy_step: [MATRIX, SQUARE, LABELS], attention: [MATRIX, MATRIX, MATRIX], views_and_writes: [SQUARE],
    writes_state: [MATRIX, SQUARE], indexing: [MATRIX, LABELS], reductions: [MATRIX], second_order: [FLAT],
    constant_first_gradient: [FLAT], scalars: [FLAT], constants: [MATRIX], mixed_types: [MATRIX, LABELS],
    masks: [MATRIX], broadcasts: [MATRIX, FLAT], repeated_outputs: [FLAT], in_a_loop: [MATRIX, SQUARE],
    two_recurrences: [MATRIX, SQUARE, (3,)],
}


def inputs(shapes: list[Any]) -> list[Tensor]:
    generator = np.random.default_rng(0)
    return [gradc.tensor([2, 0, 1, 2]) if shape is LABELS
            else gradc.tensor(generator.standard_normal(shape), requires_grad=True) for shape in shapes]


def traced_function(function: Callable[..., Any]) -> Graph:
    return gradc.make_ir(function)(*inputs(FUNCTIONS[function]))


def assert_same(actual: Any, expected: Any, message: str = "", tolerance: float = 1e-11) -> None:
    for a, b in zip(arrays(actual), arrays(expected), strict=True):
        assert a.dtype == b.dtype, message
        loose = tolerance if a.dtype != np.float32 else 1e-5
        np.testing.assert_allclose(a, b, rtol=loose, atol=loose, err_msg=message)


def check(graph: Graph) -> None:
    """Everything that must hold of a traced graph and of what each pass makes of it."""
    generator = np.random.default_rng(1)
    given = [numbers(v.type, generator) for v in graph.inputs]
    expected = graph(*given)
    for each in PASSES:
        before = str(graph)
        after = each(graph)
        assert str(graph) == before, f"{each.__name__} changed the graph that it was given"
        verify(after)
        assert parse(str(after)) == after
        assert each(after) == after, f"{each.__name__} is not idempotent"
        assert_same(after(*given), expected, f"after {each.__name__}\n{after}")
        assert_same(python(str(after))(*given), expected, f"the text after {each.__name__}, run by Python\n{after}")
        graph = after
    lowered = Lowered(graph)
    assert [v.type for v in graph.outputs if v is not None] == lowered.result_types()
    assert_same(tuple(map(np.asarray, lowered(*[x._array for x in given]))), expected, lowered.source, 1e-9)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_every_pass_keeps_the_function(function: Callable[..., Any]) -> None:
    check(traced_function(function))


def test_the_stages_are_named_after_the_passes_in_their_order() -> None:
    stages = run(traced_function(multilayer_perceptron), check=True)
    names = ["traced", "differentiate", "decompose", "simplify", "fold", "cse", "dce", "fuse", "schedule", "free"]
    assert [stage.name for stage in stages] == names
    assert stages[-1].graph.history == tuple(names)


def test_a_pass_that_breaks_a_graph_is_named() -> None:
    def forget(graph: Graph) -> Graph:
        return graph.replace(nodes=graph.nodes[1:])

    with pytest.raises(gradc.errors.VerifyError, match="forget"):
        run(traced_function(scalars), [forget], check=True)


# Random graphs

UNARY = [lambda x: x.tanh(), lambda x: x.sin(), lambda x: -x, lambda x: x.sigmoid().log(), lambda x: x * 1,
         lambda x: x.square() + 0, lambda x: F.softplus(x), lambda x: x.reshape(x.numel()), lambda x: x.clone(),
         lambda x: x.sum(), lambda x: x.detach(), lambda x: x / 2, lambda x: x.t() if x.ndim == 2 else x.unsqueeze(0),
         lambda x: x.sum(-1, keepdim=True) if x.ndim else x, lambda x: 1 - x.sigmoid(), lambda x: x.neg().neg()]
BINARY = [lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, gradc.maximum, lambda x, y: x + (-y),
          lambda x, y: gradc.where(x > 0, x, y), lambda x, y: (-x) * (-y), lambda x, y: x / (1 + y * y)]
STEPS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 1000), st.integers(0, 1000)), min_size=3, max_size=14)


def program(steps: list[tuple[int, int, int]]) -> Callable[..., Any]:
    """A function made of random ops, whose gradient is part of its results."""
    def function(x: Tensor, w: Tensor, b: Tensor) -> Any:
        pool = [x, w, b]
        for kind, i, j in steps:
            a, c = pool[i % len(pool)], pool[j % len(pool)]
            if kind % 2 and (a.shape == c.shape or 0 in (a.ndim, c.ndim)):
                pool.append(BINARY[kind // 2 % len(BINARY)](a, c))
            else:
                pool.append(UNARY[kind // 2 % len(UNARY)](a))
        loss = pool[-1].sum() + (x * x).sum() + (w * b).sum()
        gradients = autograd.grad(loss, [x, w, b], create_graph=True)
        return loss.detach(), (gradients[0] * gradients[1].sum()).sum().detach(), pool[-2].detach()

    return function


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(STEPS)
def test_random_graphs(steps: list[tuple[int, int, int]]) -> None:
    check(gradc.make_ir(program(steps))(*inputs([(2, 3), (3,), ()])))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(STEPS)
def test_what_is_copied_from_a_template_is_what_would_be_recorded(steps: list[tuple[int, int, int]]) -> None:
    graph = gradc.make_ir(program(steps + steps))(*inputs([(2, 3), (3,), ()]))
    copied = [stage.graph for stage in run(graph)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Templates, "record", lambda self, what, operands, attrs, location, make: make())
        recorded = [stage.graph for stage in run(graph)]
    assert copied == recorded


# Time


def chain(length: int) -> Graph:
    """A function of so many nodes, and its gradient."""
    def function(x: Tensor) -> Tensor:
        y = x
        for _ in range(length // 3):
            y = (y * 1.01).tanh() + x
        g, = autograd.grad(y.sum(), x)
        return g

    return gradc.make_ir(function)(gradc.ones(4, requires_grad=True))


def seconds(length: int) -> dict[str, float]:
    """The time of each pass on a chain, the shortest of three."""
    graph = chain(length)
    tries = [run(graph) for _ in range(3)]
    return {stages[0].name: min(s.seconds for s in stages) for stages in zip(*tries, strict=True)}


def assert_near_linear(small: int, large: int, factor: float) -> None:
    few, many = seconds(small), seconds(large)
    for name in few:
        if many[name] > 0.02:
            ratio = many[name] / few[name] / (large / small)
            assert ratio < factor, f"{name}: {ratio:.1f} times as long per node at {large} nodes as at {small}"


def test_passes_are_near_linear() -> None:
    """A hundred thousand nodes are measured in benchmarks/passes.py."""
    assert_near_linear(1_000, 10_000, factor=6)  # a quadratic pass takes ten times as long per node


def test_many_gradients_in_one_graph_take_linear_time() -> None:
    """An unrolled training loop has a gradient per step, each of a small part of the graph."""
    def steps(count: int) -> float:
        def function(w: Tensor) -> Tensor:
            for _ in range(count):
                g, = autograd.grad((w * w).sum().tanh(), w)
                w = (w - 0.1 * g).detach().requires_grad_()
            return w.detach()

        graph = gradc.make_ir(function)(gradc.ones(4, requires_grad=True))
        return min(timed(graph) for _ in range(3))

    def timed(graph: Graph) -> float:
        start = time.process_time()
        PASSES[0](graph)
        return time.process_time() - start

    assert steps(400) / steps(40) < 40


def test_traced_helper_takes_types() -> None:
    graph = traced(lambda x: x + 1, Type(gradc.float32, (3,)))
    assert str(graph.outputs[0].type) == "f32[3]"
