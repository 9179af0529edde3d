"""decompose: open composite ops."""

from __future__ import annotations

from gradc.ir import Graph, everywhere, opening
from gradc.ir.traits import is_call
from gradc.ops.custom import defined
from gradc.passes.building import Builder


@opening
@everywhere
def decompose(graph: Graph) -> Graph:
    """Replace composite ops by their decomposition, and calls by what they call, until only kernels are left."""
    while any(composite(node.op) or is_call(node) for node in graph.nodes):
        builder = Builder(graph)
        for node in graph.nodes:
            if not composite(node.op) and not is_call(node):
                builder.keep(node)
                continue
            since = len(builder.nodes)
            operands = [builder.current(x) for x in node.inputs]
            if is_call(node):
                inside = builder.inline(node.regions[0], operands)
                builder.replace(node, [inside[v] for v in defined(node.regions[0])], since)
                continue
            location = node.loc.because(node.op.name)
            results = builder.run(node.op.decompose, operands, location, dict(node.attrs))
            builder.replace(node, results, since)
        graph = builder.finish()
    return graph


def composite(op: object) -> bool:
    """Whether an op is defined by other ops."""
    return getattr(op, "kernel", None) is None and getattr(op, "decompose", None) is not None
