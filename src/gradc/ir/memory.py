"""How many bytes a graph holds while it runs, node by node."""

from __future__ import annotations

from collections.abc import Iterable

from gradc.ir.graph import Graph, Node, Operand, Value
from gradc.ir.traits import is_block, is_free, is_view

ROWS = 12
"""How many values the text names of those that are alive at the peak."""


class Memory:
    """The bytes that are alive after each node of a graph, before what only that node read is freed.

    Values die where `free` says, or after their last reader in a graph without `free`. Inputs are their owners' and do
    not count, nor do views, which lie in the memory of another value, nor what stays inside a fused block.

    Units   bytes
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        owner = owners(graph)
        last = _last(graph, owner)
        dying: dict[int, list[Value]] = {}
        for value, i in last.items():
            dying.setdefault(i, []).append(value)
        self.last = last
        self.alive: list[int] = []
        """After each node."""
        self.peak, self.position = 0, -1
        held = 0
        for i, node in enumerate(graph.nodes):
            if is_free(node):
                held -= sum(value.type.nbytes for value in dying.pop(i, ()))
            held += sum(value.type.nbytes for value in node.outputs if owner[value] is value)
            self.alive.append(held)
            inside = 0 if is_block(node) else max((Memory(region).peak for region in node.regions), default=0)
            if held + inside > self.peak:
                self.peak, self.position = held + inside, i
            held -= sum(value.type.nbytes for value in dying.pop(i, ()))

    @property
    def node(self) -> Node | None:
        """The node after which most is alive."""
        return None if self.position < 0 else self.graph.nodes[self.position]

    def at_peak(self) -> list[Value]:
        """The values that are alive when most is, the largest first."""
        born = {value: i for i, node in enumerate(self.graph.nodes) for value in node.outputs}
        held = [v for v, end in self.last.items() if born[v] <= self.position <= end]
        return sorted(held, key=lambda v: -v.type.nbytes)

    def __str__(self) -> str:
        if self.node is None:
            return f"{self.graph.name} holds no memory of its own"
        made = {value: node for node in self.graph.nodes for value in node.outputs}
        held = self.at_peak()
        lines = [f"{self.graph.name} holds {in_units(self.peak)} at most, after "
                 f"{', '.join(v.name for v in self.node.outputs) or self.node.op.name} ({self.node.loc}):"]
        lines += [f"  {in_units(v.type.nbytes):>9}  {v}  # {made[v].loc}" for v in held[:ROWS]]
        if len(held) > ROWS:
            rest = sum(v.type.nbytes for v in held[ROWS:])
            lines.append(f"  {in_units(rest):>9}  in {len(held) - ROWS} more")
        return "\n".join(lines)

    __repr__ = __str__


def memory_of(graph: Graph) -> Memory:
    """The bytes that are alive after each node, the peak, and what is alive there."""
    return Memory(graph)


def owners(graph: Graph) -> dict[Operand, Value]:
    """The value in whose memory each one lies."""
    found: dict[Operand, Value] = {value: value for value in graph.inputs}
    for node in graph.nodes:
        viewed = node.inputs[0] if is_view(node) else None
        for value in node.outputs:
            found[value] = value if viewed is None else found[viewed]
    return found


def _last(graph: Graph, owner: dict[Operand, Value]) -> dict[Value, int]:
    """The position of the node after which the memory of each computed value is free; behind all if it never is."""
    inputs, end = set(graph.inputs), len(graph.nodes)
    last: dict[Value, int] = {}

    def read(values: Iterable[Operand], i: int) -> None:
        for value in values:
            if isinstance(value, Value) and owner[value] not in inputs:
                last[owner[value]] = i

    explicit = any(map(is_free, graph.nodes))
    freed = {value: i for i, node in enumerate(graph.nodes) if is_free(node) for value in node.inputs}
    for i, node in enumerate(graph.nodes):
        if not explicit:
            read(node.inputs, i)
            read(node.outputs, i)
        else:
            for value in node.outputs:
                at, before = freed.get(value, end), last.get(owner[value], -1)
                read((value,), max(at, before))
    read(graph.outputs, end)
    return last


def in_units(count: float) -> str:
    """A number of bytes for people: `1.5 MB`."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
