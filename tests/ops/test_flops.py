"""The floating-point operations that ops count, against what XLA counts for every op at every sample."""

from __future__ import annotations

import pytest
from samples import Case, cases

from gradc import dtypes
from gradc.backends.jax import Lowered
from gradc.ir.registry import OPS
from gradc.ops.base import Op
from gradc.passes.cost import cost
from gradc.tensor import Tensor
from gradc.tracing import Tracer


def flops_of_xla(graph) -> float:
    """What XLA counts in the program before it changes it: transcendental functions are apart from flops there."""
    found = Lowered(graph).lower().cost_analysis()
    return found.get("flops", 0.0) + found.get("transcendentals", 0.0)


COUNTED = sorted(name for name, op in OPS.items()
                 if op.kernel is not None and not op.region and (op.pointwise or type(op).flops is not Op.flops))
FACTOR, SERIES = 40, 200
"""Pointwise ops count one for each element, whatever their formula takes; XLA counts the formula, which for special
functions is a series.
"""


@pytest.mark.parametrize("name", COUNTED)
def test_flops_of_each_op_are_no_less_than_a_small_part_of_those_of_xla_and_no_more(name: str) -> None:
    found = []
    for parameter in cases(dtypes.float32, names=[name]):
        case = Case(*parameter.values)
        if case.rejected() is None and any(isinstance(x, Tensor) for x in case.operands):
            tensors = [x for x in case.operands if isinstance(x, Tensor)]
            tracer = Tracer()
            given = iter([tracer.input(x.type_, f"x{i}") for i, x in enumerate(tensors)])
            with tracer.on():
                result = case(*[next(given) if isinstance(x, Tensor) else x for x in case.operands])
            graph = tracer.graph("f", result if isinstance(result, tuple) else (result,))
            found.append((cost(graph).flops, flops_of_xla(graph), graph))
    for ours, theirs, graph in found:
        if theirs:
            factor = SERIES if ".special" in type(OPS[name]).__module__ or name in ("erfc", "lgamma") else FACTOR
            assert theirs / factor <= ours <= theirs * 3, graph
