"""free: say where values die."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gradc.ir import OPS, Graph, Node, Operand, Value, everywhere
from gradc.ir.traits import is_block


@everywhere
def free(graph: Graph) -> Graph:
    """Put `del` after the last reader of every value that the graph computes and does not return.

    The parts of a tuple die together, since Python cannot forget one alone: when the last of them was read.
    """
    living = [node for node in graph.nodes if node.op.name != "free"]
    last: dict[Operand, int] = {}
    for i, node in enumerate(living):
        for value in (*node.outputs, *node.inputs):
            last[value] = i
    kept = {*graph.outputs, *graph.inputs}
    dying: dict[int, list[Value]] = {}
    for values in _together(living):
        if kept.isdisjoint(values) and all(value in last for value in values):  # else a part stays in its block
            dying.setdefault(max([last[value] for value in values]), []).extend(values)
    nodes: list[Node] = []
    for i, node in enumerate(living):
        nodes.append(node)
        if i in dying:
            loc = node.regions[0].nodes[-1].loc if is_block(node) else node.loc
            nodes.append(Node(OPS["free"], tuple(dying[i]), {}, (), loc))
    return graph.replace(nodes=tuple(nodes))


def _together(nodes: Iterable[Node]) -> Iterator[tuple[Value, ...]]:
    """The results of the nodes, of those in blocks too; those of one node are one tuple."""
    for node in nodes:
        if is_block(node):
            yield from _together(node.regions[0].nodes)
        else:
            yield node.outputs
