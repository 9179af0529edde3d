"""A user's passes and rules among gradc's: their places, what is refused, and random graphs in random orders."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import compare, in_random_order
from test_pipeline import STEPS, inputs, program

import gradc
from gradc import autograd, nn
from gradc.errors import ArgumentError, VerifyError
from gradc.ir import OPS, Graph, parse
from gradc.passes import after, before, using, without
from gradc.passes.order import arranged
from gradc.passes.pipeline import PASSES
from gradc.passes.simplify import simplify

STANDARD = [each.__name__ for each in PASSES]


def nothing(graph: Graph) -> Graph:
    return graph


def names(passes: list) -> list[str]:
    order = arranged(passes)
    return [each.__name__ for each in (*order.whole, *order.parts)]


@pytest.mark.parametrize(("passes", "expected"), [
    ([], STANDARD),
    ([nothing], [*STANDARD[:6], "nothing", *STANDARD[6:]]),
    ([before("split", nothing)], [*STANDARD[:6], "nothing", *STANDARD[6:]]),
    ([before("simplify", nothing)], [*STANDARD[:2], "nothing", *STANDARD[2:]]),
    ([after("free", nothing)], [*STANDARD, "nothing"]),
    ([after("cse", nothing, nothing)], [*STANDARD[:5], "nothing", "nothing_2", *STANDARD[5:]]),
    ([without("fuse"), without("cse")], [name for name in STANDARD if name not in ("fuse", "cse")]),
])
def test_places(passes: list, expected: list[str]) -> None:
    assert names(passes) == expected


def test_what_comes_behind_split_runs_on_both_parts() -> None:
    seen = []

    def see(graph: Graph) -> Graph:
        seen.append(graph.name)
        return graph

    f = gradc.compile(lambda x: (x * x).sum(), passes=[see, before("fuse", see), after("split", see)])
    f(gradc.ones(3, requires_grad=True))
    assert seen == ["lambda_graph", *["forward", "backward"] * 2]
    assert [name for name in f.stages if name.startswith("see")] == ["see", "see_3", "see_2"]


@pytest.mark.parametrize(("wrong", "message"), [
    (3, "a pass is a function from graph to graph"), (int, "a pass is a function from graph to graph"),
    (before("cze", nothing), "there is no pass 'cze'"), (without("decompose"), "nothing runs without decompose"),
])
def test_what_is_no_pass_is_refused_at_once(wrong: object, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        gradc.compile(nothing, passes=[wrong])


@pytest.mark.parametrize(("wrong", "error", "message"), [
    (lambda graph: None, ArgumentError, "returned NoneType"),
    (lambda graph: graph.replace(nodes=graph.nodes[1:]), VerifyError, r"<lambda> \(test_order.py:\d+\) made a graph"),
    (lambda graph: graph.replace(outputs=graph.outputs * 2), VerifyError, "changed the outputs"),
    (lambda graph: graph.replace(inputs=graph.inputs[:1]), VerifyError, "is read before it is defined"),
])
def test_a_pass_that_breaks_a_graph_is_named(wrong, error, message: str) -> None:
    with pytest.raises(error, match=message):
        gradc.compile(lambda x, y: (x + y).exp(), passes=[wrong])(gradc.ones(2), gradc.ones(2))


def test_rules_join_those_of_simplify_and_are_tried_first() -> None:
    double = gradc.rule("double", lambda x: x + x, lambda x: x * 2)
    with using(double):
        f = gradc.compile(lambda x: x + x + 0)
    assert f(gradc.ones(2)).tolist() == [2, 2]
    assert "~double" in str(f.stages["simplify"])
    alone = gradc.compile(lambda x: x + x + 0, passes=[double, without("simplify")])
    alone(gradc.ones(2))
    assert [node.op.name for node in alone.stages["simplify"].nodes] == ["mul", "add"]
    assert gradc.compile(lambda x: x + x).options.passes == ()


@pytest.mark.parametrize(("name", "left", "right", "message"), [
    ("two words", lambda x: x + x, lambda x: x, "is to be one word"),
    ("r", lambda x: x + x, lambda y: y, "functions of the same parameters"),
    ("r", lambda x: x, lambda x: x, "is to be an expression of ops"),
    ("r", lambda x: 3, lambda x: x, "is to be an expression of ops"),
    ("r", lambda x, y: x + x, lambda x, y: y, "reads all of"),
])
def test_what_is_no_rule_is_refused(name, left, right, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        gradc.rule(name, left, right)


def test_a_rule_holds_for_the_attributes_that_it_names_and_for_alike_ones() -> None:
    first = gradc.rule("first", lambda x: x.neg().sum(0), lambda x: -x.sum(0))
    same = gradc.rule("same", lambda x, *, dim=(0,): x.exp().sum(dim) - x.sum(dim), lambda x, *, dim: x.mean(dim))
    graph = gradc.make_ir(lambda x: (x.neg().sum(1), x.neg().sum(0), x.exp().sum(0) - x.sum(1)))(gradc.ones(3, 3))
    after = simplify(graph, [first, same])
    assert str(after).count("~first") == 2  # the two nodes of one right side
    assert "~same" not in str(after)
    assert "~same" in str(simplify(gradc.make_ir(lambda x: x.exp().sum(1) - x.sum(1))(gradc.ones(3, 3)), [first, same]))


@pytest.mark.parametrize(("left", "right"), [
    (lambda x, y: x + y, lambda x, y: y + x), (lambda x: x.exp(), lambda x: (x / 2).exp() * (x / 2).exp()),
    (lambda x: x.neg(), lambda x: 0 - x.neg().neg()), (lambda x, y: x @ y, lambda x, y: (y.t() @ x.t()).t()),
])
def test_a_rule_that_applies_without_end_is_refused(left, right) -> None:
    with pytest.raises(ArgumentError, match="(?s)contains the left side.*test_order.py.*Exchange the two sides"):
        gradc.rule("r", left, right)


@pytest.mark.parametrize(("left", "right", "options"), [
    (lambda x: x.neg().neg(), lambda x: x.abs().neg().neg().abs(), {"unless": "abs"}),
    (lambda x, y: x + y, lambda x, y: y + x, {"when": lambda x, y: x.ndim < y.ndim}),
    (lambda x: x.sum((0,)), lambda x: x.t().sum((1,)), {}),
    (lambda x, a: x + a, lambda x, a: (a + x) * 1, {"when": lambda x, a: a < 0}),
])
def test_a_rule_that_finds_its_own_right_side_once_more_is_none_of_these(left, right, options) -> None:
    assert gradc.rule("r", left, right, **options)


@pytest.fixture
def log_cosh():
    """An op of a user's own, which is forgotten afterwards."""
    def define():
        @gradc.op
        class log_cosh(gradc.Pointwise):
            promotion = "float"
            kernel = lambda xp, x: xp.logaddexp(x, -x) - np.log(2.0).item()
            grad_x = lambda g, x: g * x.tanh()

        return log_cosh

    yield define
    OPS.pop("log_cosh", None)
    del gradc.Tensor.log_cosh


def test_an_op_of_a_user_prints_parses_compiles_and_has_gradients(log_cosh) -> None:
    made = log_cosh()
    x = gradc.tensor([0.5, 1.0, -2.0], requires_grad=True)
    f = gradc.compile(lambda x: made(x).sum(), check="each")
    f(x).backward()
    np.testing.assert_allclose(x.grad.numpy(), np.tanh([0.5, 1.0, -2.0]), rtol=1e-6)
    assert parse(str(f.stages["free"])) == f.stages["free"]
    assert gradc.autograd.gradcheck(made, x.detach().double().requires_grad_())
    assert gradc.autograd.gradgradcheck(made, x.detach().double().requires_grad_())
    again = log_cosh()
    assert again is not made
    assert OPS["log_cosh"] is again


@pytest.mark.parametrize(("cls", "message"), [
    (type("add", (gradc.Pointwise,), {"kernel": lambda xp, x: x}), "has a meaning in the text"),
    (type("lambda", (gradc.Pointwise,), {"kernel": lambda xp, x: x}), "has a meaning in the text"),
    (type("shape", (gradc.Pointwise,), {"kernel": lambda xp, x: x}), "Tensor.shape exists already"),
    (type("mine", (), {}), "derived from gradc.Pointwise or gradc.Op"),
    (type("mine", (gradc.Pointwise,), {}), "neither a kernel nor a decompose"),
    (type("mine", (gradc.Op,), {"kernel": lambda xp, x: x}), "has no infer"),
    (type("mine", (gradc.Pointwise,), {"decompose": lambda x: x.exp()}), "a decompose and no gradient"),
])
def test_what_is_no_op_is_refused(cls: type, message: str) -> None:
    before_it = dict(OPS)
    with pytest.raises(ArgumentError, match=message):
        gradc.op(cls)
    assert before_it == OPS


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(STEPS, st.integers(0, 1000))
def test_random_graphs_in_random_orders(steps: list[tuple[int, int, int]], seed: int) -> None:
    graph = gradc.make_ir(program(steps))(*inputs([(2, 3), (3,), ()]))
    with np.errstate(all="ignore"):
        compare(graph, in_random_order(random.Random(seed)), check=True)


def training(x, w, b):
    """A step with a loss that has a block of each kind, and writes."""
    z = (x @ w + b).tanh()
    loss = nn.functional.cross_entropy(z, gradc.tensor([0, 1, 2, 0])) - x.neg().neg().amax()
    loss = loss + (x.exp() * x.exp() + 0).sum()
    g, = autograd.grad(loss, w, create_graph=True)
    with gradc.no_grad():
        b -= 0.1 * b.exp()
    return loss + g.square().sum()


PLACES = st.builds(lambda place, name, passes: place(name, *passes), st.sampled_from([before, after]),
                   st.sampled_from([*STANDARD, "split"]), st.lists(st.sampled_from(PASSES), min_size=1, max_size=2))


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(PLACES, min_size=1, max_size=3), st.sampled_from(["xla", "numpy"]))
def test_gradcs_own_passes_at_any_place(places: list, backend: str) -> None:
    def results(function) -> list:
        x, w, b = inputs([(4, 3), (3, 3), (3,)])
        b.requires_grad_(False)
        loss = function(x, w, b)
        loss.backward()
        return [t.detach().numpy() for t in (loss, b, x.grad, w.grad)]

    compiled = gradc.compile(training, passes=places, backend=backend)
    for a, b in zip(results(compiled), results(training), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


BLOCKS = """
def f(x: f32[3], y: f32[3, 3]):
    a: f32[3] = matmul(y, x)
    with pointwise_0(a) as (c,):
        b: f32[3] = exp(a)
        c: f32[3] = tanh(b)
    del a
    d: f32[3] = matmul(y, x)
    with pointwise_1(c, d) as (g,):
        e: f32[3] = exp(d)
        g: f32[3] = add(c, e)
    del c, d
    return g
"""


def test_a_pass_of_single_nodes_opens_blocks_where_it_changes_something() -> None:
    fused = parse(BLOCKS)
    shared = PASSES[4](fused)
    assert [node.op.name for node in shared.nodes] == ["matmul", "exp", "tanh", "add"]
    assert not [each.__name__ for each in PASSES[:4] + PASSES[5:6] if each(fused) is not fused]
