"""fuse: name the blocks of pointwise ops that one kernel computes."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from gradc.ir import OPS, Graph, Node, Operand, Value, fresh_names, values
from gradc.ir.traits import is_block
from gradc.shapes import Shape

Link = tuple[int, bool]
"""A node, by its position, that another one must follow, and whether both may be in one block."""


def fuse(graph: Graph) -> Graph:
    """Gather pointwise nodes that exchange values of one shape into `with` blocks, wherever they stand.

    Each node has a level: none is below what it follows, and where no block can span the link between the two, it is
    above. The nodes of one level that other links join make a block. So every link between different blocks leads to
    a higher level, blocks never need each other in a circle, and all this takes time linear in the graph.
    """
    nodes = _opened(graph)
    links = _links(nodes)
    units = _units(links, _levels(links))
    members: dict[int, list[int]] = {}
    for i, unit in enumerate(units):
        members.setdefault(unit, []).append(i)
    fresh = fresh_names([value.name for value in values(graph) if value.name.startswith("pointwise")])
    outside = _read_outside(graph, nodes, units)
    fused: list[Node] = []
    for unit in _ordered(links, units, members):
        inside = [nodes[i] for i in members[unit]]
        fused.append(_block(inside, fresh("pointwise"), outside) if len(inside) > 1 else inside[0])
    return graph.replace(nodes=tuple(fused))


def _opened(graph: Graph) -> list[Node]:
    """The nodes of a graph, those of its blocks in their place."""
    nodes: list[Node] = []
    for node in graph.nodes:
        nodes.extend(node.regions[0].nodes if is_block(node) else [node])
    return nodes


def _links(nodes: Sequence[Node]) -> list[list[Link]]:
    """What each node must follow: the makers of its operands; for one with an effect also all that stood before it.

    That is the last effect, and the earlier readers of what it takes, because it may free or change it.
    """
    shapes = [_kernel_shape(node) for node in nodes]
    maker: dict[Operand, int] = {}
    readers: dict[Operand, list[int]] = {}
    effects: list[int] = []
    links: list[list[Link]] = []
    for i, node in enumerate(nodes):
        found: list[Link] = []
        for x in node.inputs:
            j = maker.get(x)
            if j is not None:
                found.append((j, shapes[i] is not None and shapes[i] == shapes[j]))
        if node.op.effect:
            found += [(reader, False) for x in node.inputs for reader in readers.get(x, ())]
            found += [(j, False) for j in effects[-1:]]
            effects.append(i)
        for x in node.inputs:
            readers.setdefault(x, []).append(i)
        for value in node.outputs:
            maker[value] = i
        links.append(found)
    return links


def _kernel_shape(node: Node) -> Shape | None:
    """The shape over which a kernel can compute the node together with others; None if it cannot."""
    if node.op.pointwise and not node.op.effect and len(node.outputs) == 1:
        return node.outputs[0].type.shape
    return None


def _levels(links: Sequence[Sequence[Link]]) -> list[int]:
    """The lowest level of each node; of one that only a block further up needs, the level of that block.

    So what the backward pass alone needs is computed there, from values that exist anyway.
    """
    levels: list[int] = []
    for found in links:
        level = 0
        for j, joined in found:
            level = max(level, levels[j] if joined else levels[j] + 1)
        levels.append(level)
    bounds: list[tuple[int, bool] | None] = [None] * len(links)
    for i in reversed(range(len(links))):
        bound = bounds[i]
        if bound is not None and bound[1]:
            levels[i] = bound[0]
        for j, joined in links[i]:
            mine, held = (levels[i] if joined else levels[i] - 1, joined), bounds[j]
            if held is None or mine < held:
                bounds[j] = mine
    return levels


def _units(links: Sequence[Sequence[Link]], levels: Sequence[int]) -> list[int]:
    """For each node the first one of its block, or itself."""
    first = list(range(len(links)))
    for i, found in enumerate(links):
        for j, joined in found:
            if joined and levels[j] == levels[i]:
                a, b = _root(first, i), _root(first, j)
                first[max(a, b)] = min(a, b)
    return [_root(first, i) for i in first]


def _root(first: list[int], i: int) -> int:
    while first[i] != i:
        first[i] = first[first[i]]  # halves the way for those who come later
        i = first[i]
    return i


def _read_outside(graph: Graph, nodes: Sequence[Node], units: Sequence[int]) -> set[Operand]:
    """The values that are outputs of the graph or that a node of another block reads."""
    unit_of = {value: unit for node, unit in zip(nodes, units, strict=True) for value in node.outputs}
    outside: set[Operand] = set(graph.outputs)
    for node, unit in zip(nodes, units, strict=True):
        outside.update([x for x in node.inputs if unit_of.get(x, unit) != unit])  # type: ignore[call-overload]
    return outside


def _ordered(links: Sequence[Sequence[Link]], units: Sequence[int], members: dict[int, list[int]]) -> list[int]:
    """The blocks, each behind those it must follow, and otherwise in the order of their last nodes."""
    before = {unit: {units[j] for i in inside for j, _ in links[i]} - {unit} for unit, inside in members.items()}
    after: dict[int, list[int]] = {unit: [] for unit in members}
    for unit, others in before.items():
        for other in others:
            after[other].append(unit)
    waiting = {unit: len(others) for unit, others in before.items()}
    ready = [(members[unit][-1], unit) for unit, count in waiting.items() if not count]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        _, unit = heapq.heappop(ready)
        order.append(unit)
        for other in after[unit]:
            waiting[other] -= 1
            if not waiting[other]:
                heapq.heappush(ready, (members[other][-1], other))
    return order


def _block(inside: Sequence[Node], name: str, outside: set[Operand]) -> Node:
    """One node for several: it reads what they read from elsewhere and gives what is read elsewhere."""
    made = {node.outputs[0] for node in inside}
    inputs = tuple(dict.fromkeys(x for node in inside for x in node.inputs if isinstance(x, Value) and x not in made))
    outputs = tuple(node.outputs[0] for node in inside if node.outputs[0] in outside)
    region = Graph(name, inputs, tuple(inside), outputs)
    return Node(OPS["pointwise"], inputs, {}, outputs, inside[-1].loc, (region,))
