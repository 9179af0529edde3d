"""free: say where values die."""

from __future__ import annotations

from gradc.ir import OPS, Graph, Node, Value


def free(graph: Graph) -> Graph:
    """Put `del` after the last reader of every value that the graph computes and does not return."""
    last: dict[Value, int] = {}
    for i, node in enumerate(graph.nodes):
        for value in (*node.outputs, *node.reads):
            last[value] = i
    kept = {*graph.outputs, *graph.inputs}
    dying: dict[int, list[Value]] = {}
    for value, i in last.items():
        if value not in kept and "[" not in value.name:  # a part of a tuple dies with the others
            dying.setdefault(i, []).append(value)
    nodes: list[Node] = []
    for i, node in enumerate(graph.nodes):
        nodes.append(node)
        if i in dying:
            nodes.append(Node(OPS["free"], tuple(dying[i]), {}, (), node.loc))
    return graph.replace(nodes=tuple(nodes))
