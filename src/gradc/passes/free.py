"""free: say where values die."""

from __future__ import annotations

from gradc.ir import OPS, Graph, Node, Operand, Value, everywhere
from gradc.ir.traits import is_block


@everywhere
def free(graph: Graph) -> Graph:
    """Put `del` after the last reader of every value that the graph computes and does not return."""
    living = [node for node in graph.nodes if node.op.name != "free"]
    last: dict[Operand, int] = {}
    for i, node in enumerate(living):
        for value in (*node.outputs, *node.inputs):
            last[value] = i
    kept = {*graph.outputs, *graph.inputs}
    dying: dict[int, list[Value]] = {}
    for value, i in last.items():
        # A part of a tuple has no `del` of its own in Python.
        if isinstance(value, Value) and value not in kept and "[" not in value.name:
            dying.setdefault(i, []).append(value)
    nodes: list[Node] = []
    for i, node in enumerate(living):
        nodes.append(node)
        if i in dying:
            loc = node.regions[0].nodes[-1].loc if is_block(node) else node.loc
            nodes.append(Node(OPS["free"], tuple(dying[i]), {}, (), loc))
    return graph.replace(nodes=tuple(nodes))
