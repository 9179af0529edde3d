"""fuse: name the regions of a graph: functions, reductions with what belongs to them, and pointwise blocks."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence

from gradc.ir import OPS, Graph, Node, Operand, everywhere, fresh_names, values
from gradc.ir.traits import is_block, kinds
from gradc.ops.reduction import Reduction
from gradc.passes.named import block, named
from gradc.shapes import Shape

Link = tuple[int, bool]
"""A node, by its position, that another one must follow, and whether both may be in one block."""


@everywhere
def fuse(graph: Graph) -> Graph:
    """Gather nodes into `with` blocks, wherever they stand: named functions, reductions, and pointwise nodes.

    Nodes that compute a function with a name are a block first, see named.py. Then pointwise nodes that exchange values
    of one shape are. Each node has a level: none is below what it follows, and where no block can span the link between
    the two, it is above. The nodes of one level that other links join make a block. So every link between different
    blocks leads to a higher level, and blocks never need each other in a circle. At last a reduction, or a function,
    takes in the pointwise block that only it reads, and the one that alone reads it. All this takes time linear in
    the graph.
    """
    nodes = named(list(_opened(graph.nodes)), graph.outputs)
    links = _links(nodes)
    units = _units(links, _levels(links))
    reasons = _Merging(graph, nodes, units).merge()
    members: dict[int, list[int]] = {}
    for i, unit in enumerate(units):
        members.setdefault(unit, []).append(i)
    stems = ("pointwise", *kinds(OPS["fused"]))
    fresh = fresh_names([value.name for value in values(graph) if value.name.startswith(stems)])
    outside = _read_outside(graph, nodes, units)
    fused: list[Node] = []
    for unit in _ordered(links, units, members):
        inside = [nodes[i] for i in members[unit]]
        whole = inside[0]
        if len(inside) > 1:
            name = next((node.regions[0].name for node in inside if is_block(node)), "")
            name = name or ("reduction" if unit in reasons else "pointwise")
            flat = [inner for node in inside for inner in (node.regions[0].nodes if is_block(node) else (node,))]
            whole = block(flat, name, outside, reasons.get(unit, ""))
        fused.append(_numbered(whole, fresh))
    return graph.replace(nodes=tuple(fused))


def _numbered(node: Node, fresh: Callable[[str], str]) -> Node:
    """A node whose block, and the blocks in it, have names of their own."""
    if not is_block(node):
        return node
    region = node.regions[0]
    name = fresh(f"{region.name}_0")
    inside = tuple([_numbered(inner, fresh) for inner in region.nodes])
    return node.replace(regions=(region.replace(name=name, nodes=inside),))


def _opened(nodes: Iterable[Node]) -> Iterator[Node]:
    """The nodes, with those of blocks in their place."""
    for node in nodes:
        if is_block(node):
            yield from _opened(node.regions[0].nodes)
        else:
            yield node


class _Merging:
    """Reductions and named functions take in pointwise blocks of which they are the only readers, or that are theirs.

    Two blocks become one only where all that one gives goes to the other, or where all that one reads comes from it:
    then no third one can stand between them. `units` has for each node the first one of its block, and is changed.
    """

    def __init__(self, graph: Graph, nodes: Sequence[Node], units: list[int]) -> None:
        self.nodes, self.units = nodes, units
        self.returned = set(graph.outputs)
        self.maker = {value: i for i, node in enumerate(nodes) for value in node.outputs}
        self.readers: dict[Operand, list[int]] = {}
        for i, node in enumerate(nodes):
            for x in node.inputs:
                self.readers.setdefault(x, []).append(i)
        self.members: dict[int, list[int]] = {}
        for i, unit in enumerate(units):
            self.members.setdefault(unit, []).append(i)
        self.reasons: dict[int, str] = {}

    def merge(self) -> dict[int, str]:
        """Merge what can be, and return the reason for each block that grew, by its first node.

        The last come first: where two reductions could take in the block that reads both, the other one has to be
        before it anyway.
        """
        for i, node in reversed(list(enumerate(self.nodes))):
            if self.units[i] not in self.reasons and (isinstance(node.op, Reduction) or is_block(node)):
                reasons = [*self.producers(i), *self.consumers(i)]
                if reasons:
                    self.reasons[self.units[i]] = ", ".join(reasons)
        return self.reasons

    def producers(self, i: int) -> Iterator[str]:
        """Take in the pointwise blocks that node `i` alone reads, or that it and reductions over the same dims do."""
        node = self.nodes[i]
        for x in dict.fromkeys(node.reads):
            unit = self.units[self.maker[x]] if x in self.maker else -1
            if unit < 0 or unit in self.reasons or not self.is_pointwise(unit) or self.is_returned(unit):
                continue
            users = self.users(unit)
            alike = [isinstance(other.op, Reduction) and other.attrs["dim"] == node.attrs.get("dim")
                     and self.units[j] not in self.reasons for j in users if (other := self.nodes[j])]
            if users == {i} or all(alike):
                self.join([unit, *sorted(users)])
                yield f"only {' and '.join([self.nodes[j].outputs[0].name for j in sorted(users)])} reads {x.name}"

    def consumers(self, i: int) -> Iterator[str]:
        """Take in the pointwise block that alone reads what node `i`, and its block, give."""
        users = self.users(self.units[i])
        units = {self.units[j] for j in users}
        result = self.nodes[i].outputs[0]
        if len(units) == 1 and (unit := units.pop()) not in self.reasons and self.is_pointwise(unit) \
                and _kernel_shape(self.nodes[unit]) == result.type.shape:
            yield f"only {self.nodes[min(users)].outputs[0].name} reads {result.name}"
            self.join([self.units[i], unit])

    def is_pointwise(self, unit: int) -> bool:
        return all([_kernel_shape(self.nodes[j]) is not None for j in self.members[unit]])

    def is_returned(self, unit: int) -> bool:
        return any(v in self.returned for j in self.members[unit] for v in self.nodes[j].outputs)

    def users(self, unit: int) -> set[int]:
        """The nodes outside a block that read what it makes."""
        return {r for j in self.members[unit] for v in self.nodes[j].outputs for r in self.readers.get(v, ())
                if self.units[r] != unit}

    def join(self, blocks: Sequence[int]) -> None:
        first = min(self.units[j] for j in blocks)
        for unit in dict.fromkeys([self.units[j] for j in blocks]):
            if unit != first:
                for j in self.members[unit]:
                    self.units[j] = first
                self.members[first] += self.members.pop(unit)


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
