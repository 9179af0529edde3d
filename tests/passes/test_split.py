"""split: what backward reads is a minimum cut of bytes, found quickly, and the gradients stay what they were."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc as torch
from gradc import nn
from gradc.ir import Graph, Program, Value
from gradc.nn import functional as F
from gradc.passes.cut import is_cheap
from gradc.passes.split import split


def program_of(function: Callable[..., Any], *args: Any) -> tuple[Graph, Program]:
    """The joint graph of a function, and what split makes of it."""
    made = torch.compile(function, fullgraph=True).lower(*args).specialisation
    return made.stages["dce"], made.stages["split"]


def saved(program: Program) -> list[Value]:
    return [v for v in program.forward.saved_values if v not in set(program.forward.inputs)]


def nbytes(values: Any) -> int:
    return sum(v.type.nbytes for v in values)


def leaf(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, requires_grad=True)


def chain(x):
    return ((x * 2.0).exp().sin() + 1.0).tanh()


def network(x, w, b):
    return F.softmax(F.gelu(x @ w + b) @ w.t(), dim=-1)


def normalised(x, w, b):
    return F.layer_norm(x @ w, (w.shape[1],)).relu() + b


def shared(x, w, b):
    h = (x @ w).sigmoid()
    return (h * b).exp() * h.cos() + h.sum(dim=0)


def masked(x, w, b):
    return torch.where(x @ w > b, x @ w, b).square()


def taken_apart(x, w, b):
    first, second = (x @ w).chunk(2, dim=1)
    return first.tanh() * second.exp()


FUNCTIONS = [network, normalised, shared, masked, taken_apart]


def operands() -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [leaf(6, 4), leaf(4, 4), leaf(4)]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_gradients_are_those_of_eager_mode(function: Callable[..., Any]) -> None:
    given = operands()
    if function is taken_apart:
        given = [*given[:2], leaf(1)]
    weights = torch.randn(*function(*given).shape)
    used = given[:2] if function is taken_apart else given
    expected = torch.autograd.grad((function(*given) * weights).sum(), used)
    found = torch.autograd.grad((torch.compile(function, fullgraph=True)(*given) * weights).sum(), used)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_no_choice_of_saved_values_has_fewer_bytes(function: Callable[..., Any]) -> None:
    """Every set of values is tried: whoever is not saved is made again by cheap nodes, or the set is not enough."""
    given = operands()
    joint, program = program_of(function, *given)
    cotangents = program.backward.inputs[len(program.forward.saved_values) :]
    late: set[Any] = {v for v in joint.inputs if v.name in {c.name for c in cotangents}}
    makers = {}
    asked: list[Any] = list(joint.results[-len(program.backward.outputs) :])
    for node in joint.nodes:
        if not late.isdisjoint(node.inputs):
            late.update(node.outputs)
            asked += node.reads
        else:
            makers.update(dict.fromkeys(node.outputs, node))
    forward = set(_ancestors(joint, [x for x in joint.results[: -len(program.backward.outputs)]]))
    required = [v for v in dict.fromkeys(asked) if v in makers]

    def enough(kept: set[Any]) -> bool:
        pending = list(required)
        while pending:
            value = pending.pop()
            if value in kept or value not in makers:
                continue
            node = makers[value]
            if node in forward and not is_cheap(node) and node.inputs:
                return False
            pending += node.reads
        return True

    candidates = [v for v in makers if v.type.nbytes]
    if len(candidates) > 16:  # those that are larger than the whole cut are in no smaller one
        candidates = [v for v in candidates if v.type.nbytes <= nbytes(saved(program))][:16]
    least = min(nbytes(kept) for n in range(len(candidates) + 1) for kept in itertools.combinations(candidates, n)
                if enough(set(kept)))
    assert nbytes(saved(program)) == least


def _ancestors(graph: Graph, values: list[Any]) -> list[Any]:
    live, found = set(values), []
    for node in reversed(graph.nodes):
        if not live.isdisjoint(node.outputs):
            found.append(node)
            live.update(node.inputs)
    return found


def test_a_chain_of_cheap_ops_saves_its_input_only() -> None:
    _, program = program_of(chain, leaf(5))
    assert [v.name for v in program.forward.saved_values] == ["x"]
    again = [node.op.name for node in program.backward.nodes if "again" in node.loc.reasons]
    assert "exp" in again


def test_matmuls_and_reductions_are_not_computed_again() -> None:
    for function in FUNCTIONS:
        _, program = program_of(function, *operands())
        again = {node.op.name for node in program.backward.nodes if "again" in node.loc.reasons}
        assert again.isdisjoint({"matmul", "linear", "sum", "mean", "amax"}), function.__name__


def test_a_graph_without_gain_is_cut_plainly() -> None:
    """exp saves its result, which is one value either way."""
    _, program = program_of(lambda x, w, b: (x @ w).exp(), *operands())
    assert [node.op.name for node in program.backward.nodes if "again" in node.loc.reasons] == []
    assert nbytes(saved(program)) == 6 * 4 * 4


def test_a_mask_is_saved_in_place_of_numbers() -> None:
    """What relu's gradient needs of a value that nothing else needs is one bit, kept as a byte."""
    _, program = program_of(lambda x, w, b: (x @ w).relu().sum(dim=0), *operands())
    assert nbytes(saved(program)) <= 6 * 4 * 4


def test_the_old_value_of_state_that_is_written_is_not_preferred() -> None:
    """Backward could make exp(count) again from the input, but its memory is written."""
    count = torch.zeros(3)

    def f(x):
        scale = (count + 1).exp()
        count.add_(1)
        return x * scale

    g, x = torch.compile(f, fullgraph=True), leaf(3)
    for i in range(1, 3):
        x.grad = None
        g(x).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), np.exp(np.full(3, float(i))), rtol=1e-6)


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return x + self.down(F.gelu(self.up(self.norm(x))))


def test_the_cut_of_48_layers_takes_less_than_a_second() -> None:
    model = nn.Sequential(*[Block(16) for _ in range(48)])
    made = torch.compile(model, fullgraph=True).lower(torch.randn(8, 16)).specialisation
    times = []
    for _ in range(3):
        start = time.perf_counter()
        program = split(made.stages["dce"], made.traced.cotangents, len(made.traced.wrt))
        times.append(time.perf_counter() - start)
    assert min(times) < 1
    # a block keeps the operand of gelu, what enters the sum, and two numbers a row of its normalisation
    assert nbytes(saved(program)) <= 48 * 8 * (64 + 16 + 2) * 4
