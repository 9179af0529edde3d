"""batch: every op, at every sample, for every choice of operands that differ, computes what the examples alone do."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import jax
import numpy as np
import pytest
from graphs import arrays, numbers, traced
from quick_xla import QUICK

import gradc
from gradc import dtypes
from gradc.apply import apply
from gradc.autograd.function import Function
from gradc.backends.jax import Lowered
from gradc.errors import GradcError, GradError, TraceError
from gradc.ir import OPS, UNKNOWN, Graph, Type, parse, verify
from gradc.nn import functional as F
from gradc.ops import samples
from gradc.ops.arrangement import pad
from gradc.ops.indexing import index_add_at
from gradc.ops.indices import Place
from gradc.ops.normalization import layer_norm, rms_norm
from gradc.passes import batch as module
from gradc.passes.batch import batch
from gradc.passes.decompose import decompose
from gradc.passes.differentiate import differentiate
from gradc.passes.pipeline import run
from gradc.tensor import Tensor, wrap
from gradc.tracing import Tracer

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

SIZE = 3
KINDS = (dtypes.float64, dtypes.complex128, dtypes.bool_)


class Example:
    """A sample of an op: its graph, and the inputs of SIZE examples."""

    def __init__(self, op: Any, sample: Any, kind: dtypes.dtype) -> None:
        self.op = op
        self.attrs = {**op.defaults, **samples.split(sample)[1]}
        self.operands = [samples.operands(sample, kind, variant) for variant in range(SIZE)]
        self.tensors = [i for i, x in enumerate(self.operands[0]) if isinstance(x, Tensor)]

    @property
    def inputs(self) -> list[list[np.ndarray]]:
        """The arrays of each example."""
        return [[operands[i]._array for i in self.tensors] for operands in self.operands]

    def recorded(self) -> tuple[Tracer, list[Any], tuple[Tensor, ...]]:
        """A tracer that has recorded the op, its operands there, and the results."""
        tracer = Tracer(UNKNOWN)
        given = [tracer.input(x.type_, f"x{i}") if isinstance(x, Tensor) else x
                 for i, x in enumerate(self.operands[0])]
        with tracer.on():
            found = apply(self.op, tuple(given), self.attrs)
        return tracer, given, found if isinstance(found, tuple) else (found,)

    def graph(self) -> Graph:
        tracer, _, results = self.recorded()
        return tracer.graph("f", results)

    def gradient(self) -> Graph | None:
        """The graph of the gradients, from cotangents that are further inputs; None where there are none."""
        tracer, given, results = self.recorded()
        op = self.op
        outputs = [tracer.read(r) for r in results if r.dtype.is_differentiable]
        targets = [tracer.read(x) for i, x in enumerate(given) if isinstance(x, Tensor) and x.dtype.is_differentiable
                   and (op.joint is not None or i in op.formulas)]
        if not outputs or not targets:
            return None
        seeds = [tracer.read(tracer.input(value.type, f"g{i}")) for i, value in enumerate(outputs)]
        found = tracer.emit(OPS["gradient"], (*outputs, *seeds, *targets), {"of": len(outputs), "seeded": True})
        return differentiate(tracer.graph("f", found))


def examples(kinds: Sequence[dtypes.dtype]) -> list[Any]:
    found = []
    for op in list(OPS.values()):
        for i, sample in enumerate(op.samples):
            for kind in kinds:
                example = Example(op, sample, kind)
                try:
                    apply(op, tuple(example.operands[0]), example.attrs)
                except (GradcError, TypeError):
                    continue
                if example.tensors:
                    found.append(pytest.param(example, id=f"{op.name}-{i}-{kind.short}"))
    return found


EXAMPLES = examples(KINDS)
DOUBLES = [p for p in EXAMPLES if p.id.endswith("-f64")]
"""Those in the first of the dtypes: every sample that the op takes in it."""


def choices(count: int) -> Iterator[tuple[bool, ...]]:
    """Every choice of at least one of `count` inputs."""
    return (flags for flags in product((True, False), repeat=count) if any(flags))


def check(graph: Graph, inputs: Sequence[Sequence[np.ndarray]], flags: tuple[bool, ...]) -> Graph:
    """Batch a graph, and hold what it computes against the examples one by one."""
    many, differ = batch(graph, len(inputs), flags)
    verify(many)
    assert parse(str(many)) == many
    given = [np.stack(column) if flag else column[0] for flag, column in zip(flags, zip(*inputs, strict=True),
                                                                             strict=True)]
    found = arrays(many(*map(wrap, given)))
    alone = [arrays(graph(*(wrap(row[i] if flag else inputs[0][i]) for i, flag in enumerate(flags))))
             for row in inputs]
    for ours, column, differs in zip(found, zip(*alone, strict=True), differ, strict=True):
        expected = np.stack(column) if differs else column[0]
        assert (ours.dtype, ours.shape) == (expected.dtype, expected.shape)
        np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-13)
        assert differs or all(np.array_equal(column[0], other, equal_nan=True) for other in column)
    return many


# Every op


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_together_are_the_examples_alone(example: Example) -> None:
    graph = example.graph()
    for flags in choices(len(example.tensors)):
        check(graph, example.inputs, flags)


@pytest.mark.parametrize("example", DOUBLES)
def test_gradients_together_are_the_gradients_alone(example: Example) -> None:
    graph = example.gradient()
    if graph is None:
        pytest.skip("the op has no gradient here")
    generator = np.random.default_rng(0)
    seeds = graph.inputs[len(example.tensors) :]
    inputs = [[*row, *(numbers(v.type, generator)._array for v in seeds)] for row in example.inputs]
    for flags in choices(len(example.tensors) + 1):
        check(graph, inputs, (*flags[:-1], *flags[-1:] * len(seeds)))


def test_examples_together_on_xla() -> None:
    """XLA computes the batched graph, and what jax.vmap makes of the graph of one example, to the same numbers."""
    cases = [p.values[0] for p in DOUBLES]
    graphs = [example.graph() for example in cases]
    alone = [Lowered(decompose(graph)).function for graph in graphs]
    many = [Lowered(decompose(batch(graph, SIZE, (True,) * len(graph.inputs))[0])).function for graph in graphs]
    given = [[np.stack(column) for column in zip(*example.inputs, strict=True)] for example in cases]
    with jax.enable_x64(True):
        theirs, ours = jax.jit(lambda given: (
            [jax.vmap(f)(*x) for f, x in zip(alone, given, strict=True)],
            [f(*x) for f, x in zip(many, given, strict=True)]), compiler_options=QUICK)(given)
    for example, a, b in zip(cases, theirs, ours, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-13, err_msg=example.op.name)


@pytest.mark.parametrize("example", DOUBLES)
def test_batches_of_batches(example: Example) -> None:
    flags = (True,) * len(example.tensors)
    pairs = [[np.stack([x, y]) for x, y in zip(row, example.inputs[0], strict=True)] for row in example.inputs]
    check(batch(example.graph(), 2, flags)[0], pairs, flags)


IN_TURN = {"rnn_layer", "gru_layer", "lstm_layer", "recurrence_pull", "ctc_alignment", "ctc_posterior"}
"""Ops without a rule: recurrent layers and alignments have a batch of their own, the way to compute many examples."""


def test_no_other_op_takes_the_examples_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []
    monkeypatch.setattr(module, "_one_by_one", lambda node, given: turns.append(node.op.name))
    for parameter in EXAMPLES:
        graph = parameter.values[0].graph()
        for flags in choices(len(graph.inputs)):
            try:
                batch(graph, SIZE, flags)
            except AttributeError:  # the stand-in computes nothing
                assert turns
    assert set(turns) == IN_TURN


# Functions


def drops_and_keeps(x, y):
    return x.exp(), y * 2, x + y


def writes(x, y):
    z = x * 1
    z[1:, 0] = y[0]
    z[0].mul_(y)
    z.t()[2] += 1
    return z


def products(names: str, function: Any, *shapes: Sequence[Any]) -> dict[str, Any]:
    """The function for every combination of shapes."""
    return {f"{names} of {' and '.join(map(str, each))}": (function, *each) for each in product(*shapes)}


ROWS = [(2,), (3, 2), (5, 3, 2), (4, 1, 3, 2)]
COLUMNS = [(2,), (2, 3), (5, 2, 3), (4, 5, 2, 3)]

FUNCTIONS = {
    "scalars along a dimension": (
        lambda x: (x.softmax(0), x.log_softmax(-1), x.cumsum(0), x.cumprod(0), x.sort()[1], x.flip(0)), ()),
    "scalars reduced": (
        lambda x: (x.sum(), x.mean(), x.amax(), x.prod(), x.argmax(), x.max(), x.logsumexp(0), x.norm()), ()),
    "scalars in other shapes": (
        lambda x: (x.reshape(1), x.unsqueeze(0), x.expand(2, 3), x.squeeze(), x[None], x.t(), x.repeat(2)), ()),
    "scalars and matrices": (
        lambda x, y: (x + y, x * 2, y > x, gradc.where(x > 0, x, y), gradc.stack([x, x]), y.to(gradc.float32)),
        (), (2, 3)),
    "broadcasting": (
        lambda x, y, z: (x + y * z, gradc.maximum(x, z), gradc.lerp(x, y, z), x.clamp(y, z)), (3,), (2, 3), (4, 1, 1)),
    "expanding": (lambda x, y: x.expand(4, 2, 3) * y.expand(2, 3), (3,), (2, 1)),
    "reductions": (
        lambda x: (x.sum(-1), x.mean((0, -1), keepdim=True), x.var(), x.std(1), x.argmin(), x.argmin(0, True),
                   x.max(dim=2), x.softmax(-2), x.all(), x.any(-1)), (2, 3, 4)),
    "shapes": (
        lambda x: (x.transpose(0, -1), x.permute(2, 0, 1), x.movedim(0, 2), x.mT, x.flatten(1), x.flip(0, 2),
                   x.diagonal(0, 1, 2), x.tril(), pad(x, (1, 0, 0, 2)), x.reshape(-1, 4), x.repeat(2, 1, 1, 3),
                   x.split(2, 2), x.chunk(2, -1), x.unbind(1), x.roll(1), x.roll(1, 2)), (2, 3, 4)),
    "indices known": (
        lambda x: (x[0], x[-1, 1:], x[..., None, ::2], x[:, 1, 2:3], x[[1, 0]], x[:, [0, 2, 2]], x[1, :, [0, 3]],
                   x[[0, 1], :, [1, 2]], x[None, [1]], x[:, [[0], [1]], [1, 2]]), (2, 3, 4)),
    "indices given": (
        lambda x, i: (x[i], x[:, i], x[i, 1], x[i, :, i], x[:, i, i[0]], x[i, None, i], x.index_select(0, i),
                      x.index_add(0, i, x[i]), x.gather(2, i.reshape(1, 1, 2)), F.one_hot(i, 5)), (3, 3, 3), "index"),
    "writes at indices": (
        lambda x, y, i: (index_add_at(x, y, i, i, index=(Place(0), slice(None), Place(1))),
                         index_add_at(x, y[0], i, index=(slice(1, 3), Place(0))),
                         index_add_at(x, y[:, :2], i, index=(slice(1, 3), 0, Place(0))),
                         F.embedding(i, x[0])), (3, 3, 3), (2, 3), "index"),
    "writes": (writes, (3, 4), (4,)),
    **products("matmul", lambda x, y: x @ y, ROWS, COLUMNS),
    **products("linear", F.linear, ROWS, [(3, 2)], [(3,), (1,)]),
    "einsum": (lambda x, y: (gradc.einsum("ij,kj->ik", x, y), gradc.einsum("ij,ij", x, y)), (3, 2), (3, 2)),
    "normalisation": (
        lambda x, w, b: layer_norm(x, (4,), w, b).sum() + rms_norm(x, (4,), w).mean(), (3, 4), (4,), (4,)),
    "losses": (
        lambda x, y, i: (F.mse_loss(x, y), F.cross_entropy(x, i), F.nll_loss(x, i, reduction="none"),
                         F.binary_cross_entropy_with_logits(x, y, reduction="sum")), (2, 3), (2, 3), "index"),
    "attention": (lambda q, k, v: F.gelu((q @ k.mT / 2).softmax(-1) @ v), (3, 4), (5, 4), (5, 2)),
    "results that do not differ": (drops_and_keeps, (3,), (3,)),
    "a copy, which reads only its source": (lambda x, y: (gradc.zeros_like(x), (y * 1).copy_(x)), (3,), (2, 3)),
}


def given(shapes: Sequence[Any], count: int) -> list[list[np.ndarray]]:
    """The inputs of `count` examples: numbers, or two indices into a dimension of size 3."""
    generator = np.random.default_rng(1)
    return [[generator.integers(0, 3, 2) if shape == "index" else np.asarray(generator.standard_normal(shape))
             for shape in shapes] for _ in range(count)]


def flat(results: Any) -> tuple[Any, ...]:
    """Results of any structure of tuples in one tuple."""
    return tuple(x for part in results for x in flat(part)) if isinstance(results, tuple) else (results,)


def graph_of(function: Any, inputs: Sequence[np.ndarray]) -> Graph:
    return traced(lambda *given: flat(function(*given)), *(Type(dtypes.of(x.dtype), x.shape) for x in inputs))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("size", [1, 4])
def test_functions_of_many_examples(name: str, size: int) -> None:
    function, *shapes = FUNCTIONS[name]
    inputs = given(shapes, size)
    graph = graph_of(function, inputs[0])
    for flags in choices(len(shapes)):
        check(graph, inputs, flags)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_examples(name: str) -> None:
    """A batch of size 0 has results of size 0 in front, of the types of one example."""
    function, *shapes = FUNCTIONS[name]
    graph = graph_of(function, given(shapes, 1)[0])
    many, differ = batch(graph, 0, (True,) * len(shapes))
    verify(many)
    found = arrays(many(*[wrap(np.zeros((0, *v.shape), v.dtype.numpy)) for v in graph.inputs]))
    assert [x.shape for x in found] == [(0, *v.shape) if flag else v.shape
                                        for v, flag in zip(graph.outputs, differ, strict=True)]


# The graph


def test_what_does_not_differ_is_kept() -> None:
    """Nodes of what is the same for all examples are the very same; names and places stay."""
    graph = traced(lambda x, y: ((y.exp() @ y).sum() * x, y + 1), Type(dtypes.float64, (3,)),
                   Type(dtypes.float64, (2, 2)))
    many, differ = batch(graph, SIZE, (True, False))
    assert differ == (True, False)
    assert [node in many.nodes for node in graph.nodes] == [True, True, True, False, True]
    names = [[v.name for node in g.nodes for v in node.outputs] for g in (graph, many)]
    assert set(names[0]) <= set(names[1])
    assert {node.loc for node in many.nodes} == {node.loc for node in graph.nodes}


def test_each_op_may_lack_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an op says nothing the examples are computed one by one."""
    cumsum = OPS["cumsum"]
    monkeypatch.setattr(type(cumsum), "batched", lambda self, examples: None)
    graph = graph_of(lambda x, y: x.cumsum(0) * y, [np.zeros((2, 3)), np.zeros(3)])
    for flags in choices(2):
        check(graph, given([(2, 3), (3,)], SIZE), flags)
    empty, _ = batch(graph, 0, (True, True))
    assert arrays(empty(wrap(np.zeros((0, 2, 3))), wrap(np.zeros((0, 3)))))[0].shape == (0, 2, 3)


def updating(flags: tuple[bool, bool]) -> tuple[Graph, tuple[bool, ...]]:
    """A graph that writes y + 1 to its state x, batched."""
    tracer = Tracer(UNKNOWN)
    x, y = (tracer.input(Type(dtypes.float64, (2,)), name) for name in "xy")
    with tracer.on():
        new = y + 1
    return batch(tracer.graph("f", (y, new), updates=(tracer.read(x),)), SIZE, flags)


def test_state_of_each_example_is_updated() -> None:
    many, differ = updating((True, False))
    verify(many)
    assert differ == (False, True)
    assert many.updates == many.inputs[:1]
    y, new = arrays(many(wrap(np.zeros((SIZE, 2))), wrap(np.ones(2))))
    assert y.shape == (2,)
    np.testing.assert_array_equal(new, np.full((SIZE, 2), 2.0))


def test_state_of_all_examples_takes_nothing_that_differs() -> None:
    with pytest.raises(GradError, match=r"vmap: inplace arithmetic.*\n.*give each example a tensor of its own"):
        updating((False, True))


class Scaled(Function):
    """x · w, with gradients that are not its own."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, w):
        return x * w, w + 1

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g, g_w):
        x, w = ctx.saved_tensors
        return 10 * g * w, 100 * g * x + 7 * g_w


@pytest.mark.parametrize("flags", [*choices(2)])
def test_gradient_of_a_user_function(flags: tuple[bool, bool]) -> None:
    """The regions of the node are batched: its gradient is the user's, summed where an operand is shared."""
    x, w = (wrap(np.random.default_rng(i).standard_normal((SIZE, 2) if flag else (2,))).requires_grad_()
            for i, flag in enumerate(flags))
    product, other = gradc.func.vmap(Scaled.apply, tuple(0 if flag else None for flag in flags))(x, w)
    np.testing.assert_array_equal(product._array, x._array * w._array)
    np.testing.assert_array_equal(other._array, np.broadcast_to(w._array + 1, (SIZE, 2)))
    d_x, d_w = gradc.autograd.grad([product.sum(), other.sum()], [x, w])
    expected = [np.broadcast_to(part, (SIZE, 2)) for part in (10 * w._array, 100 * x._array + 7)]
    for found, each, flag in zip((d_x, d_w), expected, flags, strict=True):
        np.testing.assert_allclose(found._array, each if flag else each.sum(0), rtol=1e-12)


def test_gradients_must_be_derived_before() -> None:
    tracer = Tracer(UNKNOWN)
    x = tracer.input(Type(dtypes.float64, ()), "x")
    with tracer.on():
        y = x.exp()
    found = tracer.emit(OPS["gradient"], (tracer.read(y), tracer.read(x)), {"of": 1})
    with pytest.raises(TraceError, match="no rule for gradient"):
        batch(tracer.graph("f", found), SIZE, (True,))


def test_the_pipeline_takes_a_batched_graph() -> None:
    inputs = given([(3, 2), (3,)], SIZE)
    graph = graph_of(lambda x, y: F.binary_cross_entropy_with_logits(x @ x[0], y), inputs[0])
    many, _ = batch(graph, SIZE, (True, True))
    columns = [wrap(np.stack(column)) for column in zip(*inputs, strict=True)]
    for stage in run(many, check=True):
        np.testing.assert_allclose(arrays(stage.graph(*columns))[0], arrays(many(*columns))[0], rtol=1e-12)


def test_time_is_linear_in_the_graph() -> None:
    """Ten times the nodes take about ten times as long, also where composites are opened."""
    def chain(x: Any, length: int) -> Any:
        for _ in range(length):
            x = F.mse_loss(x, x * 2).sin()
        return x

    seconds = []
    for length in (100, 1000):
        graph = traced(lambda x, length=length: chain(x, length), Type(dtypes.float64, ()))
        start = time.perf_counter()
        batch(graph, SIZE, (True,))
        seconds.append(time.perf_counter() - start)
    assert seconds[1] < 30 * seconds[0]
