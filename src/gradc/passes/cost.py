"""What a graph costs by its text: nodes, floating-point operations, bytes read and written, bytes alive at the peak."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gradc.ir import Graph, Memory, Node, Program, Value, flatten
from gradc.ir.traits import is_block, is_closed, is_free, is_view
from gradc.passes.decompose import decompose


@dataclass(frozen=True)
class Cost:
    """What a graph costs. A loop's body, and each of the branches of a choice, counts once."""

    nodes: int
    """Without blocks and `del`, which compute nothing themselves."""
    flops: int
    """Numbers that are added, multiplied or taken a function of."""
    bytes: int
    """Bytes that nodes read and write, a block as a whole; views move nothing."""
    peak: int
    """Bytes alive when most are, without inputs; see ir/memory.py."""


def cost(graph: Graph | Program) -> Cost:
    """What a graph costs; composites and calls as what `decompose` makes of them, gradients as nothing.

    Of a program the costs of both parts together, and the higher peak.
    """
    if isinstance(graph, Program):
        a, b = cost(graph.forward), cost(graph.backward)
        return Cost(a.nodes + b.nodes, a.flops + b.flops, a.bytes + b.bytes, max(a.peak, b.peak))
    opened = decompose(graph)
    return Cost(sum(not is_free(node) for node in _all(flatten(graph).nodes)),
                sum(node.op.flops(node.inputs, node.outputs, node.attrs) for node in _all(flatten(opened).nodes)),
                sum(map(_bytes, _all(opened.nodes))),
                Memory(graph).peak)


def _all(nodes: Iterable[Node]) -> Iterator[Node]:
    """The nodes, and those in their closed regions."""
    for node in nodes:
        yield node
        if is_closed(node):
            for region in node.regions:
                yield from _all(region.nodes)


def _bytes(node: Node) -> int:
    """The bytes that a node reads and writes."""
    if is_free(node) or is_view(node) or is_closed(node):
        return 0
    if is_block(node) and not node.outputs:
        return 0
    read = {x for x in node.inputs if isinstance(x, Value)}
    return sum(x.type.nbytes for x in read) + sum(v.type.nbytes for v in node.outputs)
