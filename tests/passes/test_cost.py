"""The costs of graphs: floating-point operations against what XLA says, and bytes against what is plain to see."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import traced

import gradc
from gradc.backends.jax import Lowered
from gradc.ir import Type, parse
from gradc.ir.types import SCALARS
from gradc.nn import functional as F
from gradc.passes.cost import cost
from gradc.passes.pipeline import PASSES, run

f32 = SCALARS["f32"]


def flops_of_xla(graph) -> float:
    """What XLA counts in the program before it changes it: transcendental functions are apart from flops there."""
    found = Lowered(graph).lower().cost_analysis()
    return found.get("flops", 0.0) + found.get("transcendentals", 0.0)


EXACT = {
    "matmul": (lambda x, y: x @ y, [f32[32, 16], f32[16, 8]]),
    "batched matmul": (lambda x, y: x @ y, [f32[4, 32, 16], f32[4, 16, 8]]),
    "linear": (F.linear, [f32[32, 16], f32[8, 16]]),
    "pointwise": (lambda x, y: (x * y + x).exp(), [f32[100], f32[100]]),
    "sum": (lambda x: x.sum(), [f32[100, 10]]),
    "convolution": (F.conv2d, [f32[2, 4, 16, 16], f32[8, 4, 3, 3]]),
    "groups": (lambda x, w: F.conv2d(x, w, groups=2), [f32[2, 4, 16, 16], f32[8, 2, 3, 3]]),
    "reshape": (lambda x: x.reshape(-1), [f32[3, 4]]),
    "transpose": (lambda x: x.t(), [f32[3, 4]]),
}


@pytest.mark.parametrize("name", EXACT)
def test_flops_are_those_of_xla_within_two_percent(name: str) -> None:
    function, types = EXACT[name]
    graph = traced(function, *types)
    assert cost(graph).flops == pytest.approx(flops_of_xla(graph), rel=0.02)


def test_bytes_and_peak() -> None:
    graph = parse("""
def f(x: f32[100], y: f32[100]):
    a: f32[100] = mul(x, y)
    b: f32[100] = exp(a)
    c: f32 = sum(b, dim=(0,))
    return c
""")
    found = cost(graph)
    assert (found.nodes, found.flops, found.bytes, found.peak) == (3, 300, 400 * 3 + 400 * 2 + 404, 800)
    fused = cost(run(graph, PASSES)[-1].graph)
    assert (fused.nodes, fused.flops) == (3, 300)
    assert fused.bytes <= 404 + 400 * 3


def test_a_composite_costs_what_its_decomposition_does() -> None:
    graph = traced(lambda x: x.log_softmax(-1), Type(gradc.float32, (10, 10)))
    stages = {stage.name: stage.graph for stage in run(graph)}
    assert cost(stages["traced"]).flops == cost(stages["decompose"]).flops > 0
    assert np.isfinite(cost(stages["free"]).bytes)
