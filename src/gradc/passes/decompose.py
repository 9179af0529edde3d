"""decompose: open composite ops."""

from __future__ import annotations

from gradc.ir import Graph
from gradc.passes.building import Builder


def decompose(graph: Graph) -> Graph:
    """Replace every composite op by its decomposition, until only ops with a kernel are left."""
    while any(composite(node.op) for node in graph.nodes):
        builder = Builder(graph)
        for node in graph.nodes:
            if not composite(node.op):
                builder.keep(node)
                continue
            since = len(builder.nodes)
            operands = [builder.current(x) for x in node.inputs]
            location = node.loc.because(node.op.name)
            results = builder.run(node.op.decompose, operands, location, dict(node.attrs))
            builder.replace(node, results, since)
        graph = builder.finish()
    return graph


def composite(op: object) -> bool:
    """Whether an op is defined by other ops."""
    return getattr(op, "kernel", None) is None and getattr(op, "decompose", None) is not None
