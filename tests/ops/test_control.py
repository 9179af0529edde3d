"""Control flow: eager, compiled and parsed from its text, against jax.lax, with gradients of two orders and vmap."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from quick_xla import QUICK

import gradc as torch
from gradc.interpreter import python
from gradc.ir import parse
from gradc.passes import pipeline


@dataclass
class Case:
    """The same function of float64 arrays twice; `size` numbers in each, of which `batch` shows where examples lie."""

    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    reverse: bool = True
    """Whether jax has its gradient in reverse mode."""

    def arrays(self, *leading: int) -> list[np.ndarray]:
        generator = np.random.default_rng(0)
        return [generator.normal(size=(*leading, *shape)) for shape in self.shapes]


def elman(xp: Any, scan: Any, **settings: Any) -> Callable[..., Any]:
    def run(h: Any, xs: Any, w: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            h = xp.tanh(h @ w + x)
            return h, (h.sum(), h * x)

        last, (sums, rows) = scan(step, h, xs, **settings)
        return (last * xp.sin(sums[0])).sum() + (sums * sums).sum() + xp.cos(rows).sum()

    return run


def nested(xp: Any, lib: Any) -> Callable[..., Any]:
    """A scan in a scan, with a branch in it."""
    def run(c: Any, xs: Any) -> Any:
        def outer(c: Any, row: Any) -> Any:
            def inner(a: Any, x: Any) -> Any:
                a = choice(x > 0, lambda a: xp.sin(a) * x, lambda a: a * a + c, a)
                return a, a * x

            a, ys = lib.scan(inner, c, row)
            return a + c, ys

        def choice(p: Any, f: Any, g: Any, x: Any) -> Any:
            return lib.cond(p, f, g, (x,)) if lib is torch else lib.cond(p, f, g, x)

        c, ys = lib.scan(outer, c, xs)
        return c * c + (ys * ys).sum()

    return run


def newton(lib: Any, **settings: Any) -> Callable[..., Any]:
    """The square root of x² + 1, started at 3, until it stands still."""
    def run(x: Any) -> Any:
        a = x * x + 1

        def going(i: Any, y: Any) -> Any:
            return abs(y * y - a).sum() > 1e-11

        def step(i: Any, y: Any) -> Any:
            return i + 1, (y + a / y) / 2

        start = x * 0 + 3
        if lib is torch:
            return torch.while_loop(going, step, (0, start), **settings)[1].sum()
        return lax.while_loop(lambda s: going(*s), lambda s: step(*s), (0, start))[1].sum()

    return run


def prefix(xp: Any, lib: Any, cat: Any, **settings: Any) -> Callable[..., Any]:
    """A linear recurrence by an associative function of pairs."""
    def run(a: Any, b: Any) -> Any:
        def combine(left: Any, right: Any) -> Any:
            return left[0] * right[0], left[1] * right[0] + right[1]

        a, b = lib.associative_scan(combine, (xp.cos(a), b), **settings)
        return (a * a * b).sum() + (b[2] * b).sum()

    return run


def both(x: Any, cond: Any) -> Any:
    y = cond(x.sum() > 0, lambda x: (x * x, x.sum()), lambda x: (x * x * x, x[0] * 2), x)
    return (y[0] * y[1]).sum()


CASES = {
    "cond": Case(lambda x: both(x, lambda p, f, g, x: torch.cond(p, f, g, (x,))), lambda x: both(x, lax.cond), ((3,),)),
    "cond of a closure": Case(
        lambda x, w: torch.cond((x > w).any(), lambda: (x * w).sum(), lambda: w.sin().sum()) * x.sum(),
        lambda x, w: lax.cond((x > w).any(), lambda: (x * w).sum(), lambda: jnp.sin(w).sum()) * x.sum(), ((3,), (3,))),
    "scan": Case(elman(torch, torch.scan), elman(jnp, lax.scan), ((3,), (4, 3), (3, 3))),
    "scan back": Case(elman(torch, torch.scan, reverse=True), elman(jnp, lax.scan, reverse=True),
                      ((3,), (4, 3), (3, 3))),
    "scan by length": Case(
        lambda x: torch.scan(lambda c, _: ((c[0].sin() * c[1], c[1]), None), (x, x * 2), length=5)[0][0].sum(),
        lambda x: lax.scan(lambda c, _: ((jnp.sin(c[0]) * c[1], c[1]), None), (x, x * 2), length=5)[0][0].sum(),
        ((3,),)),
    "fori_loop": Case(lambda x: torch.fori_loop(1, 5, lambda i, c: c.sin() * i + x, x).sum(),
                      lambda x: lax.fori_loop(1, 5, lambda i, c: jnp.sin(c) * i + x, x).sum(), ((3,),)),
    "nested": Case(nested(torch, torch), nested(jnp, lax), ((), (3, 2))),
    "while": Case(newton(torch), newton(jnp), ((),), reverse=False),
    "while of several": Case(newton(torch), newton(jnp), ((2,),), reverse=False),
    "while with a bound": Case(newton(torch, max_steps=12), lambda x: jnp.sqrt(x * x + 1).sum(), ((2,),)),
    "associative_scan": Case(prefix(torch, torch, torch.cat), prefix(jnp, lax, jnp.concatenate), ((7, 2), (7, 2))),
    "associative_scan back": Case(prefix(torch, torch, torch.cat, reverse=True),
                                  prefix(jnp, lax, jnp.concatenate, reverse=True), ((6,), (6,))),
}


def tensors(arrays: list[np.ndarray], grad: bool = False) -> list[Any]:
    return [torch.tensor(x, requires_grad=grad) for x in arrays]


def double(function: Callable[..., Any]) -> Callable[..., Any]:
    """A gradient of a gradient."""
    def run(*args: Any) -> Any:
        found = torch.func.grad(function, tuple(range(len(args))))(*args)
        return sum((torch.sin(g) * g).sum() for g in found)

    return torch.func.grad(run)


@functools.cache
def theirs(name: str, how: str) -> Any:
    """What JAX gives for a case: its value, gradients, gradients of those, tangents, or that for many examples."""
    case = CASES[name]
    bounded = case.theirs if case.reverse else CASES["while with a bound"].theirs
    every = tuple(range(len(case.shapes)))
    gradient = jax.grad(bounded, every)
    arrays = case.arrays()

    def slopes(*args: Any) -> Any:
        return sum((jnp.sin(g) * g).sum() for g in gradient(*args))

    ways: dict[str, tuple[Callable[..., Any], list[Any]]] = {
        "values": (case.theirs, arrays),
        "gradients": (gradient, arrays),
        "second order": (jax.grad(slopes), arrays),
        "tangents": (lambda *args: jax.jvp(case.theirs, args, tuple(map(jnp.cos, args))), arrays),
        "vmap": (jax.vmap(case.theirs), case.arrays(4)),
        "vmap of the first": (jax.vmap(case.theirs, first(arrays)), [*case.arrays(4)[:1], *arrays[1:]]),
        "vmap of the gradient": (jax.vmap(gradient), case.arrays(4)),
    }
    function, given = ways[how]
    return jax.jit(function, compiler_options=QUICK)(*given)


def first(arrays: list[np.ndarray]) -> tuple[int | None, ...]:
    """The dims of operands of which only the first differs between examples."""
    return (0, *[None] * (len(arrays) - 1))


def close(ours: Any, theirs: Any) -> None:
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b, rtol=1e-7, atol=1e-9)


@pytest.fixture(autouse=True)
def wide() -> Any:
    with jax.enable_x64(True):
        yield


MODES = {"eager": lambda f: f, "compiled": torch.compile(compiler_options=QUICK)}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CASES)
class TestAgainstJax:
    def test_values(self, name: str, mode: str) -> None:
        case = CASES[name]
        close(MODES[mode](case.ours)(*tensors(case.arrays())), theirs(name, "values"))

    def test_gradients(self, name: str, mode: str) -> None:
        case = CASES[name]
        given = tensors(case.arrays(), grad=True)
        if not case.reverse and mode == "compiled":
            with pytest.raises(torch.errors.GradError, match="without a bound"):
                MODES[mode](case.ours)(*given).backward()
            return
        MODES[mode](case.ours)(*given).backward()
        close([x.grad for x in given], theirs(name, "gradients"))

    def test_second_order(self, name: str, mode: str) -> None:
        case = CASES[name]
        if not case.reverse and mode == "compiled":
            pytest.skip("no reverse mode")
        close(MODES[mode](double(case.ours))(*tensors(case.arrays())), theirs(name, "second order"))

    def test_tangents(self, name: str, mode: str) -> None:
        case = CASES[name]
        directions = [np.cos(x) for x in case.arrays()]

        def pushed(*args: Any) -> Any:
            return torch.func.jvp(case.ours, args[: len(directions)], args[len(directions) :])

        close(MODES[mode](pushed)(*tensors([*case.arrays(), *directions])), theirs(name, "tangents"))

    def test_vmap(self, name: str, mode: str) -> None:
        case = CASES[name]
        close(MODES[mode](torch.vmap(case.ours))(*tensors(case.arrays(4))), theirs(name, "vmap"))

    def test_vmap_of_the_first(self, name: str, mode: str) -> None:
        case = CASES[name]
        arrays = [*case.arrays(4)[:1], *case.arrays()[1:]]
        found = MODES[mode](torch.vmap(case.ours, first(arrays)))(*tensors(arrays))
        close(found, theirs(name, "vmap of the first"))

    def test_vmap_of_the_gradient(self, name: str, mode: str) -> None:
        case = CASES[name]
        if not case.reverse:
            pytest.skip("no reverse mode in a trace")
        every = tuple(range(len(case.shapes)))
        found = MODES[mode](torch.vmap(torch.func.grad(case.ours, every)))(*tensors(case.arrays(4)))
        close(found, theirs(name, "vmap of the gradient"))


@pytest.mark.parametrize("name", CASES)
def test_every_stage_has_a_text_that_runs(name: str) -> None:
    case = CASES[name]
    given = tensors(case.arrays(), grad=case.reverse)
    graph = torch.make_ir(case.ours)(*given)
    inputs = [x.detach() for x in given] + [torch.tensor(1.0, dtype=torch.float64)] * case.reverse
    expected = [np.asarray(x) for x in jax.tree.leaves(
        jax.value_and_grad(case.theirs, tuple(range(len(given))))(*case.arrays()) if case.reverse
        else case.theirs(*case.arrays()))]
    for stage in pipeline.run(graph, check=True):
        assert parse(str(stage.graph)) == stage.graph
        close(stage.graph(*inputs), expected)
        close(python(str(stage.graph))(*inputs), expected)


# What is refused


WRITTEN = torch.zeros(3)
KEPT: list[Any] = []
X = torch.tensor([1.0, 2.0, 3.0])

REFUSED = {
    "branches of other types": (lambda x: torch.cond(x.sum() > 0, lambda: x, lambda: x.sum()),
                                "same structure, shapes and dtypes.*f32.3..*f32"),
    "branches of other trees": (lambda x: torch.cond(x.sum() > 0, lambda: (x, x), lambda: [x, x]), "same structure"),
    "a predicate of three": (lambda x: torch.cond(x > 0, lambda: x, lambda: x), "single-element tensor, but got bool"),
    "operands that are none": (lambda x: torch.cond(True, lambda x: x, lambda x: x, x), "operands to be a tuple"),
    "a write in a branch": (lambda x: torch.cond(x.sum() > 0, lambda: WRITTEN.add_(1) + 0, lambda: x),
                            "writes a tensor that exists outside of it"),
    "a value read in a branch": (lambda x: torch.cond(x.sum() > 0, lambda: x if x[0] > 1 else -x, lambda: x),
                                 "true_fn of cond has none while it is traced"),
    "a draw in a branch": (lambda x: torch.cond(x.sum() > 0, lambda: x + torch.rand(3), lambda: x),
                           "random numbers cannot be drawn in true_fn of cond"),
    "a tensor that is kept": (lambda x: torch.cond(x.sum() > 0, lambda: (KEPT.append(x + 1), x)[1], lambda: x), "kept"),
    "a carry of another type": (lambda x: torch.scan(lambda c, y: (c + 1.5, y), 0, x),
                                "same structure, shapes and dtypes as before the step.*i64.*f32"),
    "a carry of another shape": (lambda x: torch.scan(lambda c, y: (c + x, c), torch.zeros(()), x),
                                 "same structure, shapes and dtypes as before the step.*f32.*f32.3."),
    "a carry written in place": (lambda x: torch.scan(lambda c, y: (c.add_(y), y), torch.zeros(()), x),
                                 "input mutation"),
    "no pair": (lambda x: torch.scan(lambda c, y: c + y, torch.zeros(()), x), r"a tuple \(carry, y\), but got Tensor"),
    "an empty sequence": (lambda x: torch.scan(lambda c, y: (c, y), x, x[:0]), "scan dimension > 0"),
    "sequences of two lengths": (lambda x: torch.scan(lambda c, y: (c, y[0]), x, (x, x[:2])), "same length"),
    "a condition of three": (lambda x: torch.while_loop(lambda x: x > 0, lambda x: (x,), (x,)), "boolean scalar"),
    "a step of one more": (lambda x: torch.while_loop(lambda x: x.sum() > 0, lambda x: (x, x), (x,)), "same structure"),
    "an element that grows": (lambda x: torch.associative_scan(lambda a, b: torch.stack([a, b]), x, 0),
                              "return what its arguments are"),
}
EAGER_TOO = {name for name in REFUSED if "branch" not in name and name != "a tensor that is kept"}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    function, message = REFUSED[name]
    with pytest.raises(torch.errors.GradcError, match=f"(?s){message}") as caught:
        torch.make_ir(function)(X)
    assert "test_control.py" in str(caught.value)
    KEPT.clear()
    if name in EAGER_TOO:
        with pytest.raises(torch.errors.GradcError, match=f"(?s){message}"):
            function(X.clone())


def test_a_loop_without_an_end() -> None:
    def run(x: Any) -> Any:
        return torch.while_loop(lambda x: x.sum() > 0, lambda x: (x + 1,), (x,), max_steps=5)[0]

    with pytest.raises(torch.errors.ArgumentError, match="still holds after max_steps=5"):
        run(X)
    assert torch.compile(run)(X).isnan().all()
    x = X.clone().requires_grad_()
    y = torch.compile(run)(x)
    y.sum().backward()
    assert y.isnan().all()
    np.testing.assert_array_equal(torch.compile(run)(-X).numpy(), run(-X).numpy())


# How it is recorded


def test_one_node_with_its_regions() -> None:
    """Closed-over tensors are operands; numbers become tensors; the steps are functions in the text."""
    w = torch.tensor([0.5, 1.5, 2.5])
    graph = torch.make_ir(lambda x: torch.scan(lambda c, y: (c * w + y, c.sum()), torch.zeros(3), x))(torch.ones(4, 3))
    (node,) = [node for node in graph.nodes if node.regions]
    assert node.op.name == "scan" and len(node.inputs) == 3
    assert [str(v.type) for v in node.outputs] == ["f32[3]", "f32[4]"]
    assert "def scan_step(" in str(graph)


def test_passes_reach_into_regions() -> None:
    def run(x: Any) -> Any:
        return torch.cond(x.sum() > 0, lambda: (x * 1).exp().log() + torch.ones(3) * 2 + x.exp() * 0, lambda: x)

    stages = {stage.name: stage.graph for stage in pipeline.run(torch.make_ir(run)(X), check=True)}
    before, after = (next(n for n in stages[name].nodes if n.regions).regions[0] for name in ("traced", "dce"))
    assert len(after) < len(before)


def test_a_compiled_function_in_a_compiled_function_is_part_of_it() -> None:
    inner = torch.compile(lambda x, w: (x @ w).tanh())
    w = torch.tensor(np.eye(3, dtype=np.float32) * 2, requires_grad=True)

    def run(x: Any) -> Any:
        return inner(x, w).sum() + torch.cond(x.sum() > 0, lambda: inner(x, w).sum(), lambda: x.sum())

    graph = torch.make_ir(run)(X)
    assert sum(node.op.name == "matmul" for node in graph.nodes) == 1
    torch.compile(run)(X).backward()
    compiled, w.grad = w.grad, None
    run(X).backward()
    np.testing.assert_allclose(compiled.numpy(), w.grad.numpy(), rtol=1e-6)


def test_gradients_end_at_no_grad_in_a_region() -> None:
    def run(x: Any) -> Any:
        def step(c: Any, y: Any) -> Any:
            with torch.no_grad():
                scale = c * 2
            return c * scale + y, scale

        c, scales = torch.scan(step, x[0], x)
        assert c.requires_grad and not scales.requires_grad
        return c

    x = torch.tensor([0.5, 0.25, 0.75], requires_grad=True)
    run(x).backward()
    eager, x.grad = x.grad, None
    torch.compile(run)(x).backward()
    np.testing.assert_allclose(x.grad.numpy(), eager.numpy(), rtol=1e-6)


# checkpoint in a trace


def chain(x: Any, weights: Any, wrap: Any) -> Any:
    for w in weights:
        x = wrap(lambda x, w=w: (x @ w).tanh().sin().tanh(), x)
    return x.square().mean()


def checkpointed(function: Any, x: Any) -> Any:
    return torch.utils.checkpoint.checkpoint(function, x, use_reentrant=False)


def test_checkpoint_computes_again_and_keeps_less() -> None:
    generator = np.random.default_rng(0)
    weights = [torch.tensor(generator.normal(size=(64, 64)) * 0.1, requires_grad=True) for _ in range(12)]
    x = torch.tensor(generator.normal(size=(2048, 64)))

    def step(wrap: Any) -> Any:
        return torch.compile(lambda x: torch.autograd.grad(chain(x, weights, wrap), weights))

    plain, again = step(lambda function, x: function(x)), step(checkpointed)
    close(again(x), [g.numpy() for g in plain(x)])
    memory = [torch.backends.jax.Lowered(f.stages["free"]).lower().compile().memory_analysis().temp_size_in_bytes
              for f in (plain, again)]
    assert memory[1] < 0.65 * memory[0]


def test_checkpoint_to_second_order_with_state_and_vmap() -> None:
    norm = torch.nn.BatchNorm1d(3).double()
    w = torch.tensor(np.eye(3) * 0.5 + 0.1, requires_grad=True)

    def run(wrap: Any) -> Any:
        def function(x: Any) -> Any:
            (g,) = torch.autograd.grad(wrap(lambda x: norm(x @ w).tanh(), x).square().sum(), [w], create_graph=True)
            return torch.autograd.grad(g.sin().sum(), [w])[0]

        norm.reset_running_stats()
        return torch.compile(function)(torch.tensor(np.sin(np.arange(12.0)).reshape(4, 3))), norm.running_mean.clone()

    close(run(checkpointed), [x.numpy() for x in run(lambda function, x: function(x))])
    x = torch.tensor(np.sin(np.arange(12.0)).reshape(4, 3))

    def row(x: Any) -> Any:
        return torch.func.grad(lambda x: checkpointed(lambda x: (x @ w).tanh(), x).sum())(x)

    close(torch.compile(torch.vmap(row))(x), torch.stack([row(each) for each in x]).detach().numpy())


def test_a_scan_keeps_its_products_for_the_gradient() -> None:
    """The gradient computes no product of the state again; nothing of the step where `checkpoint` says so."""
    w, u = (torch.tensor(np.eye(3) * 0.4 + 0.1, requires_grad=True) for _ in range(2))

    def gradient(wrap: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            h = wrap(lambda h: (h @ (w @ u)).tanh() * x, h)
            return h, h.sum()

        return torch.compile(lambda h, xs: torch.autograd.grad(torch.scan(step, h, xs)[1].sum(), [w, u]))

    found = {}
    generator = np.random.default_rng(0)
    h, xs = torch.tensor(generator.normal(size=(2, 3))), torch.tensor(generator.normal(size=(5, 2, 3)))
    for name, wrap in (("plain", lambda f, h: f(h)), ("checkpoint", checkpointed)):
        function = gradient(wrap)
        results = function(h, xs)
        loops = [node for node in function.stages["dce"].nodes if node.op.name == "scan"]
        products = [sum(node.op.name == "matmul" for node in loop.regions[0].nodes) for loop in loops]
        rows = sum(math.prod(value.shape) for value in loops[0].outputs[2:]) // len(xs)
        found[name] = results, products, rows
    close(found["plain"][0], [g.numpy() for g in found["checkpoint"][0]])
    # Forward h @ (w @ u). Backward w @ u again, the same in all steps, and a product for each of h, w @ u, w, u.
    assert found["plain"][1] == [2, 5]
    assert found["checkpoint"][1] == [2, 6]
    assert (found["plain"][2], found["checkpoint"][2]) == (12, 6)
