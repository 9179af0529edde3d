"""The memory of graphs: counted, measured on the interpreter, ordered for, and traded for computing again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradc as torch
from gradc import nn
from gradc.interpreter import execute
from gradc.ir import Graph, Memory, parse, verify
from gradc.ir.memory import in_units
from gradc.passes.free import free
from gradc.passes.fuse import fuse
from gradc.passes.rematerialise import Plan, rematerialise
from gradc.passes.schedule import schedule
from gradc.tensor import Tensor


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        return x + self.down(nn.functional.gelu(self.up(self.norm(x))))


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x):
        return torch.relu(x + self.second(torch.relu(self.first(x))))


def deep(layer: Any, depth: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(*[part for _ in range(depth) for part in layer()])


MODELS = {
    "tanh": (lambda: deep(lambda: [nn.Linear(8, 8), nn.Tanh()], 9), (64, 8)),
    "blocks": (lambda: deep(lambda: [Block(8)], 6), (32, 8)),
    "convolutions": (lambda: deep(lambda: [Residual(2)], 4), (4, 2, 6, 6)),
}


def step_of(name: str) -> tuple[Graph, list[Tensor]]:
    """The joint graph of a model's loss and gradients, and the tensors that are its inputs."""
    build, shape = MODELS[name]
    model = build()

    def step(x):
        loss = model(x).square().mean()
        return loss.detach(), *torch.autograd.grad(loss, list(model.parameters()))

    x = torch.randn(*shape)
    made = torch.compile(step, fullgraph=True).lower(x).specialisation
    return made.stages["dce"], [x if tensor is None else tensor.detach() for tensor, _ in made.inputs]


def reordered(x):
    parts = [x * float(i + 2) for i in range(10)]
    return sum(part.exp().sum() for part in parts)


def early(x):
    weights = [(x + float(i)).tanh() for i in range(10)]
    for weight in weights:
        x = x @ weight
    return x


class Counting(dict[Any, Any]):
    """The values of a running graph, which notes the bytes of the arrays that are alive after each node."""

    def __init__(self, given: dict[Any, Tensor]) -> None:
        super().__init__(given)
        self.given = {id(memory(x)) for x in given.values()}
        self.alive: list[int] = []

    def update(self, *results: Any) -> None:  # type: ignore[override]
        super().update(*results)
        held = {id(a): a.nbytes for a in map(memory, self.values()) if id(a) not in self.given}
        self.alive.append(sum(held.values()))


def memory(tensor: Tensor) -> np.ndarray[Any, Any]:
    """The array that owns a tensor's memory."""
    array = tensor._array
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


@pytest.mark.parametrize("name", MODELS)
def test_the_interpreter_holds_what_the_graph_says(name: str) -> None:
    """Node for node; the interpreter really frees."""
    joint, given = step_of(name)
    graph = free(joint)
    environment = Counting(dict(zip(graph.inputs, given, strict=True)))
    with torch.no_grad():
        execute(graph.nodes, environment)
    said = [alive for alive, node in zip(graph.memory().alive, graph.nodes, strict=True) if node.op.name != "free"]
    if name == "convolutions":  # some of their kernels return views of larger arrays
        assert max(environment.alive) == pytest.approx(max(said), rel=0.02)
    else:
        assert environment.alive == said


GRAPH = """
def f(x: f32[100]):
    a: f32[100] = exp(x)
    b: f32[10, 10] = reshape(a, shape=(10, 10))
    c: f32[100] = sin(x)
    d: f32[10] = sum(b, dim=(0,))
    e: f32 = sum(c, dim=(0,))
    return d, e
"""


def test_memory_is_counted_where_it_is_held() -> None:
    """A view holds nothing, and keeps what it lies in."""
    found = parse(GRAPH).memory()
    assert found.alive == [400, 400, 800, 840, 444]
    assert (found.peak, found.node.op.name) == (840, "sum")
    assert [v.name for v in found.at_peak()] == ["a", "c", "d"]
    assert str(found).splitlines() == [
        "f holds 840 B at most, after d (?:0):",
        "      400 B  a: f32[100]  # ?:0",
        "      400 B  c: f32[100]  # ?:0",
        "       40 B  d: f32[10]  # ?:0"]


def test_a_graph_may_hold_nothing() -> None:
    assert str(parse("def f(x: f32[3]):\n    return x\n").memory()) == "f holds no memory of its own"


@pytest.mark.parametrize("count, text", [
    (0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (64e6, "64.0 MB"), (3e9, "3.0 GB")])
def test_bytes_for_people(count: float, text: str) -> None:
    assert in_units(count) == text


# schedule


@pytest.mark.parametrize("function, most", [(reordered, 0.25), (early, 0.4)], ids=lambda x: getattr(x, "__name__", ""))
def test_schedule_finds_a_better_order(function: Any, most: float) -> None:
    x = torch.randn(16, 16)
    graph = torch.compile(function, fullgraph=True).lower(x).specialisation.stages["dce"]
    ordered = schedule(graph)
    verify(ordered)
    assert Memory(ordered).peak <= most * Memory(graph).peak
    assert schedule(ordered) is ordered
    np.testing.assert_array_equal(ordered(x).numpy(), graph(x).numpy())


@pytest.mark.parametrize("name", MODELS)
def test_schedule_is_never_worse(name: str) -> None:
    joint, given = step_of(name)
    for graph in (joint, fuse(joint)):
        ordered = schedule(graph)
        verify(ordered)
        assert Memory(ordered).peak <= Memory(graph).peak
        for a, b in zip(ordered(*given), graph(*given), strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


# rematerialise


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("plan", [Plan(2, 1), Plan(3, 2), Plan(3, 3), Plan(8, 8)], ids=str)
def test_computing_again_takes_less_memory_and_gives_the_same(name: str, plan: Plan) -> None:
    joint, given = step_of(name)
    again = rematerialise(joint, plan)
    verify(again)
    assert parse(str(again)) == again
    twice = rematerialise(again, Plan(2, 2))
    verify(twice)
    if plan == Plan(3, 2):
        assert Memory(again).peak < 0.8 * Memory(joint).peak
        assert any(node.op.name == "optimization_barrier" for node in again.nodes)
    for graph in (again, twice):
        for a, b in zip(graph(*given), joint(*given), strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_graph_that_keeps_nothing_stays_as_it_is() -> None:
    graph = parse("def f(x: f32[3]):\n    y: f32[3] = exp(x)\n    z: f32[3] = sin(y)\n    return z\n")
    assert rematerialise(graph, Plan(4, 4)) == graph
