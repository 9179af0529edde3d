"""schedule: order the nodes so that less memory is alive at once."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from gradc.ir import Graph, Memory, Node, Operand, Value, everywhere
from gradc.ir.traits import is_view


@everywhere
def schedule(graph: Graph) -> Graph:
    """The nodes in an order with a lower peak of memory, or the given order where none was found.

    Two list schedules are tried: nodes come in the given order, or as late as their first reader allows; in both, a
    node that frees more than it takes comes as soon as it can. Nodes with effects keep their order, and stay behind
    the readers of what they take.
    """
    if len(graph.nodes) < 3:
        return graph
    best, peak = graph, Memory(graph).peak
    schedules = _Schedules(graph)
    for turns in (range(len(graph.nodes)), _latest(graph.nodes)):
        ordered = graph.replace(nodes=tuple([graph.nodes[i] for i in schedules.order(turns)]))
        reached = Memory(ordered).peak
        if reached < peak:
            best, peak = ordered, reached
    return best if best is graph else schedule(best)


def _latest(nodes: Sequence[Node]) -> list[int]:
    """For each node the position before which something needs it."""
    latest: list[int] = []
    needed: dict[Operand, int] = {}
    for i in reversed(range(len(nodes))):
        turn = min([needed.get(value, i) for value in nodes[i].outputs], default=i)
        latest.append(turn)
        for value in nodes[i].inputs:
            needed[value] = min(turn, needed.get(value, turn))
    return latest[::-1]


class _Schedules:
    """List schedules of a graph.

    A piece of memory is named by the value that owns it. `left` counts the nodes that have yet to touch it, and
    `rest` is the sum of their positions: so the last one is known without a search.
    """

    def __init__(self, graph: Graph) -> None:
        touched, kept = _touched(graph)
        self.sizes = {owner: owner.type.nbytes for owners in touched for owner in owners}
        self.taken = [sum([self.sizes[v] for v in node.outputs if v in owners])
                      for node, owners in zip(graph.nodes, touched, strict=True)]
        self.touched = [[v for v in owners if v not in kept] for owners in touched]
        self.waits = [0] * len(touched)
        self.after: list[list[int]] = [[] for _ in touched]
        for i, found in enumerate(_before(graph.nodes)):
            self.waits[i] = len(found)
            for j in found:
                self.after[j].append(i)
        self.counts: dict[Value, int] = {}
        self.sums: dict[Value, int] = {}
        for i, owners in enumerate(self.touched):
            for owner in owners:
                self.counts[owner] = self.counts.get(owner, 0) + 1
                self.sums[owner] = self.sums.get(owner, 0) + i

    def order(self, turns: Sequence[int]) -> list[int]:
        """The positions of the nodes in a schedule where they take their `turns`."""
        left, rest, waits = dict(self.counts), dict(self.sums), [*self.waits]
        sizes, touched, taken = self.sizes, self.touched, self.taken
        ready: list[tuple[int, int, int]] = []
        done = [False] * len(waits)
        order: list[int] = []

        def push(i: int) -> None:
            """Node i can come next: by the bytes that it frees, then by its turn."""
            more = taken[i]
            for owner in touched[i]:
                if left[owner] == 1:
                    more -= sizes[owner]
            heapq.heappush(ready, (min(more, 1), turns[i], i))

        for i, count in enumerate(waits):
            if not count:
                push(i)
        while ready:
            i = heapq.heappop(ready)[2]
            if done[i]:
                continue
            done[i] = True
            order.append(i)
            for owner in touched[i]:
                left[owner] -= 1
                rest[owner] -= i
                if left[owner] == 1 and not waits[rest[owner]]:
                    push(rest[owner])  # it is the last that needs this memory: its turn may come earlier
            for j in self.after[i]:
                waits[j] -= 1
                if not waits[j]:
                    push(j)
        return order


def _touched(graph: Graph) -> tuple[list[set[Value]], set[Value]]:
    """The pieces of memory that each node reads or makes, and those that are never freed."""
    owners: dict[Operand, Value] = {}
    touched: list[set[Value]] = []
    for node in graph.nodes:
        for value in node.outputs:
            owners[value] = owners.get(node.inputs[0], value) if is_view(node) else value
        touched.append({owners[x] for x in (*node.inputs, *node.outputs) if x in owners})
    return touched, {owners[x] for x in graph.outputs if x in owners}


def _before(nodes: Sequence[Node]) -> list[set[int]]:
    """The positions of the nodes that each one must follow."""
    maker: dict[Operand, int] = {}
    readers: dict[Operand, list[int]] = {}
    effect: int | None = None
    found: list[set[int]] = []
    for i, node in enumerate(nodes):
        before = {maker[x] for x in node.inputs if x in maker}
        if node.op.effect:
            before.update(j for x in node.inputs for j in readers.get(x, ()))
            before.update(() if effect is None else (effect,))
            effect = i
        for x in node.inputs:
            if isinstance(x, Value):
                readers.setdefault(x, []).append(i)
        for value in node.outputs:
            maker[value] = i
        before.discard(i)
        found.append(before)
    return found
