"""autograd.Function in traces: the user's gradient is honoured compiled, as a graph, as parsed text and as Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradc
from gradc import interpreter
from gradc.autograd import Function
from gradc.autograd.function import once_differentiable
from gradc.errors import TraceError
from gradc.ir import parse, verify


class Wrong(Function):
    """exp with a gradient that is wrong on purpose, so that no other gradient can pass for it."""

    @staticmethod
    def forward(ctx, x, factor=1):
        y = x.exp()
        ctx.save_for_backward(y)
        ctx.mask, ctx.factor = y > 1, factor
        return y * factor

    @staticmethod
    def backward(ctx, g):
        y, = ctx.saved_tensors
        return g * y * ctx.mask * ctx.factor * 1000, None


class Both(Function):
    """Two results and two arguments, of which one is broadcast."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x * w, (x > 0)

    @staticmethod
    def backward(ctx, g, _):
        x, w = ctx.saved_tensors
        return (g * w * 5).expand(2, 3), g * x * 7


class Through(Function):
    """The straight-through estimator."""

    @staticmethod
    def forward(x):
        return x.round()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, g):
        return g


class Doubled(Function):
    """Writes its argument in place."""

    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, g):
        return g * 20


class Inside(Function):
    """Calls another Function in its forward, and differentiates it there."""

    @staticmethod
    def forward(ctx, x):
        with gradc.enable_grad():
            inner = x.detach().requires_grad_()
            y = Wrong.apply(inner)
            ctx.slope, = gradc.autograd.grad(y.sum(), inner)
        return y.detach()

    @staticmethod
    def backward(ctx, g):
        return Through.apply(g * ctx.slope)


SCALE = gradc.tensor([1.0, 2.0, 3.0])


class Captures(Function):
    """Reads a tensor that is none of its arguments."""

    @staticmethod
    def forward(ctx, x):
        return x * SCALE

    @staticmethod
    def backward(ctx, g):
        return g * SCALE * 10


def written(x: Any) -> Any:
    y = x * 1
    z = Doubled.apply(y)
    return (y + z).sum()


PROGRAMS: dict[str, Any] = {
    "wrong": lambda x: Wrong.apply(x, 3).sum(),
    "twice": lambda x: (Wrong.apply(Wrong.apply(x) * 0.1) * x).sum(),
    "both": lambda x: (Both.apply(x, x[0])[0] * x).sum(),
    "same argument twice": lambda x: Both.apply(x, x)[0].sum(),
    "through": lambda x: (Through.apply(x * 3) ** 2).sum(),
    "written": written,
    "inside": lambda x: Inside.apply(x).sum(),
    "captures": lambda x: Captures.apply(x).sum(),
    "not differentiable": lambda x: (Both.apply(x, x)[1] * x).sum(),
}
SECOND = {"wrong", "twice", "both", "same argument twice", "through", "captures", "not differentiable"}


def data() -> gradc.Tensor:
    return gradc.tensor(np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32), requires_grad=True)


def slope(program: Any) -> Any:
    """The gradient of a program as a function."""
    def gradient(x: Any) -> Any:
        value = program(x)
        return value.detach(), *gradc.autograd.grad(value, x)

    return gradient


def second_slope(program: Any) -> Any:
    def gradient(x: Any) -> Any:
        first, = gradc.autograd.grad(program(x), x, create_graph=True)
        return gradc.autograd.grad((first * first.detach()).sum() + 0 * x.sum(), x)

    return gradient


def equal(a: Any, b: Any) -> None:
    for left, right in zip(a, b, strict=True):
        np.testing.assert_allclose(left.detach().numpy(), right.detach().numpy(), rtol=1e-5)


@pytest.mark.parametrize("name", PROGRAMS)
def test_compiled_equals_eager(name: str) -> None:
    program, x = PROGRAMS[name], data()
    expected = program(x)
    expected.backward()
    first, x.grad = x.grad, None
    compiled = gradc.compile(program)(x)
    compiled.backward()
    equal([expected, first], [compiled, x.grad])
    equal(slope(program)(x), gradc.compile(slope(program))(x))
    if name in SECOND:
        equal(second_slope(program)(x), gradc.compile(second_slope(program))(x))


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_stage_prints_parses_and_runs(name: str) -> None:
    x = data()
    compiled = gradc.compile(slope(PROGRAMS[name]))
    expected = compiled(x)
    for stage, graph in compiled.stages.items():
        if stage == "lowered":
            continue
        verify(graph)
        assert parse(str(graph)) == graph
        given = [x.detach(), *[SCALE] * (len(graph.inputs) - 1)]
        equal(expected, graph(*given))
        equal(expected, parse(str(graph))(*given))
        equal(expected, interpreter.python(str(graph))(*given))


def test_the_text() -> None:
    graph = gradc.make_ir(lambda x: Through.apply(x * 3))(gradc.ones(2).requires_grad_())
    lines = [line.partition("  #")[0].rstrip() for line in str(graph).splitlines()]
    assert "\n".join(lines[1:8]) == """\
    mul_0: f32[2] = mul(x, 3)
    def through(x: f32[2]):
        round_0: f32[2] = round(x)
        return round_0
    def through_backward(d_round_0: f32[2]):
        return d_round_0
    custom_0: f32[2] = custom(through, through_backward, mul_0)"""


def test_a_parsed_graph_inside_another_trace() -> None:
    graph = parse(str(gradc.make_ir(PROGRAMS["wrong"])(data().detach().requires_grad_()).replace(history=())))
    forward = graph.replace(inputs=graph.inputs[:1], outputs=graph.outputs[:1],
                            nodes=tuple(n for n in graph.nodes if n.op.name != "gradient"))
    x = data()
    equal(slope(PROGRAMS["wrong"])(x), gradc.compile(slope(lambda x: forward(x)))(x))


def test_a_training_step_with_a_function() -> None:
    results = []
    for wrap in (lambda f: f, gradc.compile):
        w = gradc.ones(3).requires_grad_()
        optimizer = gradc.optim.SGD([w], lr=0.01)

        def step(x, w=w, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (Through.apply(x @ w) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        step = wrap(step)
        results.append([*(step(data().detach()) for _ in range(3)), w])
    equal(*results)


def reads_a_value(ctx: Any, x: Any) -> Any:
    return x * x.sum().item()


def keeps_a_tensor(ctx: Any, x: Any) -> Any:
    KEPT.append(x * 2)
    return x * 1


def writes_in_backward(ctx: Any, g: Any) -> Any:
    SCALE.mul_(2)
    return g


KEPT: list[Any] = []
REFUSED = {
    "a value is read in forward": (reads_a_value, lambda ctx, g: g, TraceError, "needs the values of a tensor"),
    "a value is read in backward": (lambda ctx, x: x * 1, lambda ctx, g: g * g.sum().item(), TraceError, "needs the"),
    "a tensor escapes": (keeps_a_tensor, lambda ctx, g: g, TraceError, "append.. of a list from outside"),
    "backward writes": (lambda ctx, x: x * 1, writes_in_backward, TraceError, "writes a tensor that exists outside"),
    "backward draws": (lambda ctx, x: x * 1, lambda ctx, g: g * gradc.rand(2, 3), TraceError, "random numbers cannot"),
    "a gradient of the wrong shape": (lambda ctx, x: x * 1, lambda ctx, g: g[:1, :2], RuntimeError, "invalid gradient"),
    "once, twice": (lambda ctx, x: x * x, once_differentiable(lambda ctx, g: g * 2), RuntimeError, "marked with @once"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    forward, backward, error, message = REFUSED[name]
    made = type("Made", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})
    before = SCALE.clone()
    with pytest.raises(error, match=message):
        gradc.compile(second_slope(lambda x: made.apply(x).sum() * x.sum()), fullgraph=True)(data())
    KEPT.clear()
    equal([SCALE], [before])
