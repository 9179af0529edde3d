"""Eager next to compiled, and slices of graphs: the numbers make sense, and nothing of the user's is changed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import gradc as torch
from gradc import nn
from gradc.errors import ArgumentError
from gradc.inspect.contrast import contrast, eager_kernels, hlo_kernels, in_bytes, in_seconds
from gradc.inspect.slices import slice_for
from gradc.ir import flatten

F = nn.functional


def training(optimizer_of):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = optimizer_of(model.parameters())

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return model, optimizer, step, torch.randn(5, 8), torch.tensor([0, 1, 2, 1, 0])


def values(tensors):
    return [None if t is None else t.detach().numpy().copy() for t in tensors]


def same(before, after):
    return all(a is b is None or np.array_equal(a, b) for a, b in zip(before, after, strict=True))


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("steps_before", [0, 2])
def test_a_training_step_leaves_model_and_optimizer_as_they_were(name, steps_before):
    model, optimizer, step, x, y = training(OPTIMIZERS[name])
    for _ in range(steps_before):
        step(x, y)
    parameters = list(model.parameters())

    def state():
        return [t for p in parameters for t in optimizer.state[p].values()]

    before, grads, moments = values(parameters), values(p.grad for p in parameters), values(state())
    versions = [p._version for p in parameters]
    contrast(step, x, y, repeats=2)
    assert same(before, values(parameters))
    assert same(grads, values(p.grad for p in parameters))
    assert same(moments if steps_before else [np.zeros_like(m) for m in values(state())], values(state()))
    assert versions == [p._version for p in parameters]


def test_training_goes_on_as_if_nothing_had_been():
    losses = []
    for look in (False, True):
        _, _, step, x, y = training(OPTIMIZERS["sgd"])
        if look:
            contrast(step, x, y, repeats=2)
        losses.append([step(x, y).item() for _ in range(4)])
    assert losses[0] == losses[1]


def test_the_random_generator_stays_where_it_was():
    torch.manual_seed(3)
    before = torch.get_rng_state().tolist()
    contrast(lambda x: x * 2, torch.ones(2), repeats=1)
    assert torch.get_rng_state().tolist() == before


def test_how_often_it_calls():
    calls = itertools.count()

    def counted(x):
        next(calls)
        return x * 2

    contrast(counted, torch.ones(2), repeats=3)
    # Traced for the state, called eagerly 2 + repeats times and once for the graph; compiled, its Python runs at each
    # of 1 + repeats calls, because it counts.
    assert next(calls) == 1 + (2 + 3) + 1 + (1 + 3)


def test_the_numbers_of_a_pure_function_with_backward():
    w = torch.randn(64, 64, requires_grad=True)
    x = torch.randn(64, 64)
    found = contrast(lambda x, w: (x @ w).tanh().sum(), x, w, repeats=3)
    assert found.differentiated and w.grad is None
    assert found.argument_bytes == 2 * 64 * 64 * 4
    assert found.eager.nodes == 3
    assert found.eager.kernels == 3 + 3
    assert found.compiled.kernels >= 2
    assert found.eager.peak_bytes >= 2 * 64 * 64 * 4
    assert found.eager.kept_bytes >= 64 * 64 * 4 and found.compiled.kept_bytes >= 64 * 64 * 4
    assert 0 < found.eager.seconds and 0 < found.compiled.seconds < found.compiled.first_seconds
    assert found.speedup == found.eager.seconds / found.compiled.seconds
    assert "matmul" in found.eager.graph and "def backward" in found.compiled.graph


def test_a_function_without_gradients():
    found = contrast(lambda x: (x.exp() + 1).log(), torch.ones(1000), repeats=2)
    assert not found.differentiated
    assert found.eager.kernels == 3 and found.compiled.kernels >= 1
    assert found.compiled.kept_bytes == 4000


def test_a_compiled_function_is_compared_with_its_eager_self():
    compiled = torch.compile(lambda x: x.exp())
    found = contrast(compiled, torch.ones(3), repeats=1)
    assert found.eager.graph.partition("\n")[0].endswith("traced") or "exp" in found.eager.graph
    with pytest.raises(ArgumentError):
        compiled.last  # its cache was not touched


def test_the_table():
    text = str(contrast(lambda x: x.exp(), torch.ones(3), repeats=1))
    lines = text.splitlines()
    for word in ("eager", "compiled", "kernels", "peak memory", "first call", "later calls"):
        assert any(word in line for line in lines), text
    assert max(map(len, lines)) <= 100 and not any(line != line.rstrip() for line in lines)


def test_eager_kernels_count_ops_and_gradient_functions():
    def f(x, w):
        return F.relu(x @ w.t()).sum()

    x, w = torch.ones(2, 3), torch.ones(4, 3, requires_grad=True)
    # matmul, relu and sum, and their gradients and that of t; t itself only makes a new header.
    traced = torch.compile(f)
    traced(x, w)
    assert eager_kernels(traced.stages["traced"]) == 3 + 4


def test_hlo_kernels():
    text = """\
HloModule jit_f

%fused (p: f32[4]) -> f32[4] {
  %p = f32[4]{0} parameter(0)
  ROOT %e = f32[4]{0} exponential(%p)
}

ENTRY %main (x.1: f32[4], y.1: s32[]) -> (f32[4], s32[]) {
  %x.1 = f32[4]{0} parameter(0), metadata={op_name="x"}
  %y.1 = s32[] parameter(1)
  %c = s32[] constant(3)
  %fusion = f32[4]{0} fusion(%x.1), kind=kLoop, calls=%fused
  %both = (f32[4]{0}, /*index=1*/s32[]) custom-call(%fusion), custom_call_target="sort"
  %a = f32[4]{0} get-tuple-element(%both), index=0
  ROOT %tuple = (f32[4]{0}, s32[]) tuple(%a, %y.1)
}
"""
    assert hlo_kernels(text) == 2


@pytest.mark.parametrize("count, text", [(0, "0 B"), (999, "999 B"), (27432, "27.4 KB"), (5e6, "5.0 MB"),
                                         (7.25e9, "7.2 GB"), (-100, "-100 B")])
def test_in_bytes(count, text):
    assert in_bytes(count) == text


@pytest.mark.parametrize("seconds, text", [(2.13e-4, "213 µs"), (0.0056, "5.6 ms"), (1.26, "1.26 s")])
def test_in_seconds(seconds, text):
    assert in_seconds(seconds) == text


# Slices


@pytest.fixture(scope="module")
def step_graph():
    _, _, step, x, y = training(OPTIMIZERS["sgd"])
    compiled = torch.compile(step)
    compiled(x, y)
    return compiled.last.final


def test_a_slice_has_what_its_value_needs_and_nothing_else(step_graph):
    made = slice_for(step_graph, "d_model_2_bias")
    read = {v for node in made.nodes for v in node.reads} | set(made.outputs)
    assert all(not read.isdisjoint(node.outputs) for node in made.nodes)
    assert set(made.inputs) <= read
    assert len(made.nodes) < len(flatten(step_graph).nodes)
    assert not made.updates and made.history[-1] == "slice"
    assert [v.name for v in made.outputs] == ["d_model_2_bias"]


def test_a_slice_of_several_values(step_graph):
    made = slice_for(step_graph, ["loss", "d_model_0_weight"])
    assert [v.name for v in made.outputs] == ["loss", "d_model_0_weight"]


def test_a_slice_runs_to_the_same_numbers():
    w = torch.tensor([0.5, -1.0], requires_grad=True)

    def loss(w):
        return (w.exp() * w).sum()

    compiled = torch.compile(loss)
    compiled(w).backward()
    part = slice_for(compiled.stages["dce"], "d_w")
    given = [w.detach() if v.name == "w" else torch.ones(()) for v in part.inputs]
    np.testing.assert_allclose(part(*given).numpy(), w.grad.numpy(), rtol=1e-6)


def test_a_slice_of_a_program(step_graph):
    compiled = torch.compile(lambda w: (w * w).sum())
    compiled(torch.ones(2, requires_grad=True))
    assert slice_for(compiled.last.final, "d_w").name == "backward"


def test_a_slice_for_a_name_that_is_not_there(step_graph):
    with pytest.raises(ArgumentError, match="did you mean d_model_2_bias"):
        slice_for(step_graph, "d_model_2_bia")
