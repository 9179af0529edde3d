"""fold: compute while compiling what does not depend on the inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc.apply import compute
from gradc.ir import Array, Graph, Node, Operand, Value, everywhere, opening
from gradc.ir.literals import shortest
from gradc.ops.conversion import constant
from gradc.passes.building import Builder
from gradc.passes.dce import dce
from gradc.passes.rules.constants import CONSTANTS, uniform
from gradc.passes.simplify import simplify
from gradc.tensor import wrap

LARGEST = 1024
"""Elements of the largest result that is folded: a program should not grow by its constants."""


@opening
@everywhere
def fold(graph: Graph) -> Graph:
    """Replace nodes whose operands are all constants by the constant they compute."""
    builder = Builder(graph)
    known: dict[Operand, Node] = {}
    folded = False
    for node in graph.nodes:
        kept = builder.keep(node)
        if _foldable(kept, known):
            builder.nodes.pop()
            since = len(builder.nodes)
            builder.replace(node, [_computed(builder, kept, known)], since)
            kept = builder.nodes[-1]
            folded = True
        if kept.op.name in ("full", "constant"):
            known[kept.outputs[0]] = kept
    return simplify(dce(builder.finish()), CONSTANTS) if folded else graph


def _foldable(node: Node, known: dict[Operand, Node]) -> bool:
    """Whether a node has operands, all of them constants, and its result is one value or not large."""
    if not node.inputs or node.regions or node.op.kernel is None or node.op.effect or len(node.outputs) != 1:
        return False
    if any(isinstance(x, Value) and x not in known for x in node.inputs):
        return False
    return node.outputs[0].type.size <= LARGEST or _uniform(node, known)


def _uniform(node: Node, known: dict[Operand, Node]) -> bool:
    """Whether it is clear that all elements of the result are equal: a pointwise op of tensors of one value."""
    return node.op.pointwise and all(known[x].op.name == "full" for x in node.inputs if isinstance(x, Value))


def _computed(builder: Builder, node: Node, known: dict[Operand, Node]) -> Operand:
    """Record the result of a node whose operands are constants, computed as in eager mode."""
    result, why = node.outputs[0], node.loc.because("fold")
    single = _uniform(node, known)
    operands = [wrap(_value(known[x], single)) if isinstance(x, Value) else x for x in node.inputs]
    with np.errstate(all="ignore"):
        array = np.asarray(compute(node.op, operands, dict(node.attrs))).astype(result.dtype.numpy)
    if array.size and array.tobytes() == array.reshape(-1)[:1].tobytes() * array.size:
        first = array.reshape(-1)[0]
        value = shortest(first) if result.dtype.is_floating_point else first.item()
        return builder.run(uniform, [], why, {"shape": result.shape, "value": value, "dtype": result.dtype})[0]
    return builder.run(constant, [], why, {"value": Array(array)})[0]


def _value(node: Node, single: bool) -> NDArray[Any]:
    """What a constant node holds; of a tensor of one value only that if `single`."""
    if node.op.name == "constant":
        return node.attrs["value"].numpy
    shape = () if single else node.attrs["shape"]
    return np.full(shape, node.attrs["value"], node.attrs["dtype"].numpy)
