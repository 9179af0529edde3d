"""The least that a forward graph must save: a minimum cut of bytes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, cast

from gradc.ir import Graph, Node, Operand, Value
from gradc.ir.traits import is_view

Vertex = Value | tuple[Value] | str
"""A value before it may be saved, `(value,)` after, and the two ends of the network."""

FORWARD, BACKWARD = "forward", "backward"


def least_saved(makers: Mapping[Value, Node], first: Collection[Node], wanted: Iterable[Operand],
                written: Collection[Value]) -> set[Value]:
    """The values with the fewest bytes from which, and from inputs, the `wanted` ones can be made cheaply.

    `makers` are the nodes that may run on either side, by their results; those in `first` run in forward anyway, so
    that backward runs them again. Of equal cuts, the one that computes the fewest elements again. An input costs
    nothing, because its owner has it; except one of `written`, whose old value dies.

    Source  Jain et al., Checkmate (2020); functorch's min_cut_rematerialization_partition
    """
    import networkx

    network = cast(Any, networkx.DiGraph())
    network.add_nodes_from((FORWARD, BACKWARD))
    unit = 1 + sum(value.type.size for value in makers)  # one byte outweighs all that can be computed again
    pending: list[Value] = []
    met: set[Value] = set()

    def lead(operand: Operand, end: Vertex) -> None:
        """Whoever is at `end` needs the operand in backward."""
        if not isinstance(operand, Value) or not (operand in makers or operand in written):
            return
        network.add_edge((operand,), end)
        if operand not in met:
            met.add(operand)
            pending.append(operand)

    for operand in wanted:
        lead(operand, BACKWARD)
    while pending:
        value = pending.pop()
        node = makers.get(value)
        cost = value.type.nbytes * unit
        if node is None:
            network.add_edge(FORWARD, value)
            cost += unit * unit
        elif node not in first or is_cheap(node):
            if node in first:
                network.add_edge(FORWARD, value, capacity=value.type.size)
            for operand in node.inputs:
                lead(operand, value)
        else:
            network.add_edge(FORWARD, value)
        network.add_edge(value, (value,), capacity=cost)
    flow: Any = networkx.algorithms.flow
    _, (before, _) = flow.minimum_cut(network, FORWARD, BACKWARD, flow_func=flow.boykov_kolmogorov)
    return {value for value in met if value in before and (value,) not in before}


def least_kept(graph: Graph, states: Mapping[Value, Node], varying: Iterable[Value], cotangents: Iterable[Value],
               wanted: Sequence[Operand]) -> set[Value]:
    """What the step of a scan keeps for its gradient, which stands behind it in the graph.

    That is the least of what is computed from the `varying` inputs, of which the `states` are to be kept as well.
    """
    made, late = either_side(graph, cotangents, varying)
    makers = {**states, **made}
    asked = [*wanted, *(x for node in late for x in node.inputs)]
    return least_saved(makers, {*makers.values()}, asked, ())


def either_side(graph: Graph, cotangents: Iterable[Value],
                varying: Iterable[Value] | None = None) -> tuple[dict[Value, Node], list[Node]]:
    """The nodes that may run forward or backward, by their results, and those behind `cotangents`, which run backward.

    The first are those that read something; where `varying` is given, something that depends on one of these.
    """
    moving, after = None if varying is None else set[Operand](varying), set[Operand](cotangents)
    makers: dict[Value, Node] = {}
    late: list[Node] = []
    for node in graph.nodes:
        if not after.isdisjoint(node.inputs):
            after.update(node.outputs)
            late.append(node)
        elif node.inputs if moving is None else not moving.isdisjoint(node.inputs):
            makers.update(dict.fromkeys(node.outputs, node))
            if moving is not None:
                moving.update(node.outputs)
    return makers, late


def is_cheap(node: Node) -> bool:
    """Whether computing a node again costs less than keeping what it made: pointwise ops, and views of memory."""
    return (node.op.pointwise or is_view(node)) and not node.op.effect and not node.regions
