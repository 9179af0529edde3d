"""dce: dead code elimination."""

from __future__ import annotations

from gradc.ir import Graph, Node, Operand, everywhere, opening


@opening
@everywhere
def dce(graph: Graph) -> Graph:
    """Drop every node whose results nobody reads."""
    live: set[Operand] = set(graph.outputs)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if node.op.effect or not live.isdisjoint(node.outputs):
            kept.append(node)
            live.update(node.inputs)
    return graph.replace(nodes=tuple(reversed(kept))) if len(kept) < len(graph.nodes) else graph
