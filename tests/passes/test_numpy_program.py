"""compile(backend="numpy"): the numbers of eager mode and of XLA, memory of its own, and none of it too long."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from graphs import numbers
from test_pipeline import FUNCTIONS, assert_same, inputs, traced_function

import gradc
from gradc import nn
from gradc.backends import program, tiles
from gradc.backends.program import NumpyProgram
from gradc.ir import Graph, parse
from gradc.nn import functional as F
from gradc.passes.pipeline import run


@pytest.mark.parametrize("smallest", [0, program.REUSED])
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_the_numbers_of_the_graph(function: Callable[..., Any], smallest: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(program, "REUSED", smallest)
    traced = traced_function(function)
    generator = np.random.default_rng(1)
    given = [numbers(v.type, generator) for v in traced.inputs]
    made = NumpyProgram(run(traced)[-1].graph)
    arrays = [x._array for x in given]
    before = [x.copy() for x in arrays]
    found = made(*arrays)
    assert_same(tuple(found), traced(*given), made.source)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy, "an input was written")
    for i, x in enumerate(found):
        assert isinstance(x, np.ndarray) and x.flags.writeable
        assert not any(np.shares_memory(x, other) for other in (*arrays, *found[:i])), made.source


SHARING = """
def f(x: f32[8, 8], y: f32[8, 8]):
    a: f32[8, 8] = add(x, y)
    b: f32[8, 8] = t(a)
    c: f32[8, 8] = exp(a)
    d: f32[8, 8] = mul(c, b)
    e: f32[8, 8] = t(x)
    s: f32[8, 8] = expand(x, shape=(8, 8))
    r: f32[64] = reshape(d, shape=(64,))
    return a, b, e, x, x, r, s, 2.0
"""


def test_results_share_no_memory(monkeypatch: Any) -> None:
    monkeypatch.setattr(program, "REUSED", 0)
    graph = parse(SHARING)
    x, y = np.random.default_rng(0).standard_normal((2, 8, 8)).astype(np.float32)
    kept = x.copy()
    found = NumpyProgram(graph)(x, y)  # type: ignore[arg-type]
    a, b, e, *_ = found
    np.testing.assert_array_equal(found[5], (np.exp(a) * a.T).reshape(64))
    np.testing.assert_array_equal(b, a.T)
    for i, array in enumerate(found):
        assert not any(np.shares_memory(array, other) for other in (x, y, *found[:i]))
        array[...] = 0
    np.testing.assert_array_equal(x, kept)


def test_memory_dies_and_is_reused() -> None:
    lines = "\n".join(f"    v{i + 1}: f32[1024, 256] = {'tanh' if i % 2 else 'neg'}(v{i})" for i in range(40))
    graph = parse(f"def f(v0: f32[1024, 256]):\n{lines}\n    return v40\n")
    made = NumpyProgram(graph)  # type: ignore[arg-type]
    assert "out=" in made.source
    x = np.ones((1024, 256), np.float32)
    tracemalloc.start()
    made(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * x.nbytes  # one array, taken over forty times


def large_step(x: Any, w: Any) -> Any:
    y = F.layer_norm((x @ w).exp() / 3, (512,)).softmax(-1)
    return (y * y).sum(), *gradc.autograd.grad((y * y).sum(), (x, w))


def test_large_regions_work_by_tiles() -> None:
    generator = np.random.default_rng(0)
    x, w = (gradc.tensor(generator.standard_normal((512, 512)) / 20, requires_grad=True) for _ in range(2))
    assert 512 * 512 >= tiles.LARGE
    expected = large_step(x, w)
    compiled = gradc.compile(large_step, backend="numpy")
    for _ in range(2):
        assert_same(compiled(x, w), expected, compiled.code if compiled._last else "")
    assert "softmax_" in str(compiled.stages["fuse"])


def trained(backend: str | None) -> list[Any]:
    """Losses, and the state behind them, of steps with an optimizer, draws and statistics."""
    gradc.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16, bias=False), nn.BatchNorm1d(16), nn.GELU(), nn.Dropout(0.2),
                          nn.Linear(16, 3))
    optimizer = gradc.optim.AdamW(model.parameters(), lr=0.01)

    def step(x: Any, labels: Any) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss

    if backend is not None:
        step = gradc.compile(step, backend=backend)
    x, labels = gradc.randn(12, 6), gradc.randint(0, 3, (12,))
    losses = [step(x, labels).item() for _ in range(5)]
    return [np.array(losses), *[p.detach().numpy() for p in model.state_dict().values()],
            *[p.grad.numpy() for p in model.parameters()]]


@pytest.mark.parametrize("other", [None, "xla"])
def test_training(other: str | None) -> None:
    for a, b in zip(trained("numpy"), trained(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def half(x: Any) -> Any:
    y = (x.to(gradc.bfloat16) * 2).exp()
    return y, y.sum(0), (y @ y.t()).softmax(1), x.half().sin() / 3


def test_half_precision_is_eager_mode_s() -> None:
    x = gradc.tensor(np.random.default_rng(0).standard_normal((5, 5)))
    for a, b in zip(gradc.compile(half, backend="numpy")(x), half(x), strict=True):
        assert a.dtype is b.dtype and a.float().tolist() == b.float().tolist()


def test_backward_of_results() -> None:
    def function(x: Any, w: Any) -> Any:
        hidden = (x @ w).tanh()
        return hidden, hidden.t(), (hidden * x).sum()

    found = []
    for compiled in (function, gradc.compile(function, backend="numpy")):
        x, w = (y.requires_grad_() for y in inputs([(3, 3), (3, 3)]))
        hidden, turned, total = compiled(x, w)
        hidden.detach().mul_(0)  # what is saved for backward is not what is returned
        if compiled is function:
            x.grad = w.grad = None
            hidden, turned, total = compiled(x, w)
        g, = gradc.autograd.grad(total, w, create_graph=True)
        (turned.sum() + (g * g).sum() * 0 + total).backward()
        found.append([x.grad.numpy(), w.grad.numpy()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_no_xla_is_needed() -> None:
    text = ("import sys, gradc; f = gradc.compile(lambda x: (x.exp() * x).softmax(0).sum(), backend='numpy')\n"
            "x = gradc.ones(3, requires_grad=True); f(x).backward(); f(x); print('jax' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_there_is_no_xla_program_to_look_at() -> None:
    stage = gradc.compile(lambda x: x + 1, backend="numpy").lower(gradc.ones(3))
    assert "np.add" in stage.as_text("jax")
    with pytest.raises(RuntimeError, match=r'backend="numpy"\) makes no XLA program'):
        stage.as_text("stablehlo")


def names_of(graph: Graph) -> list[str]:
    return [node.regions[0].name.rpartition("_")[0] for node in graph.nodes if node.op.region == "block"]


SOFTMAX_BY_HAND = lambda x: (x - x.amax(1, True)).exp() / (x - x.amax(1, True)).exp().sum(1, True)  # noqa: E731
REGIONS: dict[str, tuple[Callable[..., Any], list[Any], list[str]]] = {
    "pointwise": (lambda x: (x.sin() * 2).exp(), [(4, 3)], ["pointwise"]),
    "a sum and what it reads": (lambda x, y: (x * y).exp().sum(0), [(4, 3), (4, 3)], ["reduction"]),
    "two of one": (lambda x: ((y := x.sin()).sum(1), y.amax(1)), [(4, 3)], ["reduction"]),
    "a sum and what reads it": (lambda x: x.sum(0).exp() * 2, [(4, 3)], ["reduction"]),
    "what is read elsewhere stays": (lambda x: ((y := x.sin().exp()).sum(0), y), [(4, 3)], ["pointwise"]),
    "softmax": (lambda x: x.softmax(-1), [(4, 3)], ["softmax"]),
    "softmax of three dimensions": (lambda x: x.softmax(1), [(4, 3, 2)], ["softmax"]),
    "softmax by hand": (SOFTMAX_BY_HAND, [(4, 3)], ["softmax"]),
    "no softmax: other dims": (lambda x: (e := (x - x.amax(1, True)).exp()) / e.sum(0, True), [(4, 4)], ["pointwise"]),
    "log_softmax": (lambda x: x.log_softmax(0), [(4, 3)], ["log_softmax"]),
    "layer_norm": (lambda x: F.layer_norm(x, (3,)), [(4, 3)], ["layer_norm"]),
    "affine layer_norm": (lambda x, w: F.layer_norm(x, (3,), w, w), [(4, 3), (3,)], ["layer_norm"]),
    "cross_entropy": (lambda x, y: F.cross_entropy(x, y), [(4, 3), "labels"], ["cross_entropy"]),
    "attention": (lambda x, y: (x @ y.t() / 2).softmax(-1) @ y, [(4, 3), (4, 3)], ["attention"]),
}


@pytest.mark.parametrize("name", REGIONS)
def test_regions_and_their_names(name: str) -> None:
    function, shapes, expected = REGIONS[name]
    graph = run(gradc.make_ir(function)(*[x.detach() for x in inputs(shapes)]), check=True)[-1].graph
    assert names_of(graph) == expected, str(graph)
    assert parse(str(graph)) == graph
