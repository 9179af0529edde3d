"""fold: compute while compiling what does not depend on the inputs."""

from __future__ import annotations

import numpy as np

from gradc.ir import Array, Graph, Node, Operand, Value
from gradc.ops.conversion import constant
from gradc.ops.creation import full
from gradc.passes.building import Builder
from gradc.passes.dce import dce
from gradc.passes.rules.constants import CONSTANTS
from gradc.passes.simplify import simplify

LARGEST = 1024
"""Elements of the largest result that is folded: a program should not grow by its constants."""


def fold(graph: Graph) -> Graph:
    """Replace nodes whose operands are all constants by the constant they compute."""
    builder = Builder(graph)
    known: dict[Operand, Node] = {}
    changed = False
    for node in graph.nodes:
        inputs = [builder.current(x) for x in node.inputs]
        foldable = bool(inputs) and getattr(node.op, "kernel", None) is not None and not node.op.effect and all(
            x in known for x in inputs if isinstance(x, Value))
        if foldable and len(node.outputs) == 1 and (node.op.pointwise or node.outputs[0].type.size <= LARGEST):
            since = len(builder.nodes)
            result = _computed(builder, node, [known.get(x, x) for x in inputs])
            builder.replace(node, [result], since)
            node = builder.nodes[-1]
            changed = True
        else:
            node = builder.keep(node)
        if node.op.name in ("full", "constant"):
            known[node.outputs[0]] = node
    return simplify(dce(builder.finish()), CONSTANTS) if changed else graph


def _computed(builder: Builder, node: Node, operands: list[Node | Operand]) -> Operand:
    """Record the result of a node whose operands are constants, or numbers."""
    result = node.outputs[0]
    uniform = node.op.pointwise and all(not isinstance(x, Node) or x.op.name == "full" for x in operands)
    kernel = node.op.kernel  # type: ignore[attr-defined]
    values = [_value(x, uniform) if isinstance(x, Node) else x for x in operands]
    array = np.asarray(kernel(node.op.namespace, *values, **node.attrs))  # type: ignore[attr-defined]
    array = array.astype(result.dtype.numpy)
    if uniform:
        return builder.run(full, [], node.loc.because("fold"), {
            "size": result.shape, "fill_value": array.item(), "dtype": result.dtype})[0]
    return builder.run(constant, [], node.loc.because("fold"), {"value": Array(array)})[0]


def _value(node: Node, uniform: bool) -> np.ndarray:  # type: ignore[type-arg]
    """What a constant node holds; only its one value if `uniform`."""
    if node.op.name == "constant":
        return node.attrs["value"].numpy  # type: ignore[no-any-return]
    shape = () if uniform else node.attrs["shape"]
    return np.full(shape, node.attrs["value"], node.attrs["dtype"].numpy)
