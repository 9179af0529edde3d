"""fuse: name the blocks of pointwise ops that one kernel computes."""

from __future__ import annotations

from collections.abc import Iterable

from gradc.ir import OPS, Graph, Node, Value, fresh_names, values


def fuse(graph: Graph) -> Graph:
    """Gather neighbouring pointwise nodes that depend on each other into `with` blocks.

    A block is taken from nodes that stand together, so nothing outside of it can come between them.
    """
    fresh = fresh_names(v.name for v in values(graph))
    readers = _reader_counts(graph)
    nodes: list[Node] = []
    run: list[Node] = []
    for node in (*graph.nodes, None):
        if node is not None and node.op.pointwise and len(node.outputs) == 1:
            run.append(node)
            continue
        for part in _connected(run):
            nodes.extend([_block(part, fresh("pointwise"), readers)] if len(part) > 1 else part)
        run = []
        if node is not None:
            nodes.append(node)
    return graph.replace(nodes=tuple(nodes))


def _reader_counts(graph: Graph) -> dict[Value, int]:
    """How often each value is read, by nodes and as an output."""
    counts: dict[Value, int] = {}
    for node in graph.nodes:
        for value in node.reads:
            counts[value] = counts.get(value, 0) + 1
    for value in graph.outputs:
        if isinstance(value, Value):
            counts[value] = counts.get(value, 0) + 1
    return counts


def _connected(run: list[Node]) -> Iterable[list[Node]]:
    """The nodes of a run in groups of the same shape that exchange values, each in program order."""
    group: dict[Value, list[Node]] = {}
    groups: dict[int, list[Node]] = {}
    for node in run:
        joined = [node]
        for value in node.reads:
            other = group.get(value)
            if other is not None and other is not joined and other[0].outputs[0].shape == node.outputs[0].shape:
                small, large = sorted((joined, other), key=len)
                groups.pop(id(small), None)
                large.extend(small)
                for member in small:
                    group[member.outputs[0]] = large
                joined = large
        group[node.outputs[0]] = joined
        groups[id(joined)] = joined
    position = {node.outputs[0]: i for i, node in enumerate(run)}
    parts = [sorted(g, key=lambda n: position[n.outputs[0]]) for g in groups.values()]
    return _ordered(parts, position)


def _ordered(parts: list[list[Node]], position: dict[Value, int]) -> list[list[Node]]:
    """The groups in an order in which each stands after those it reads from; a group that cannot is taken apart."""
    owner = {node.outputs[0]: i for i, part in enumerate(parts) for node in part}
    needs = [{owner[v] for node in part for v in node.reads if v in owner and owner[v] != i}
             for i, part in enumerate(parts)]
    waiting = [len(n) for n in needs]
    readers: list[list[int]] = [[] for _ in parts]
    for i, n in enumerate(needs):
        for j in n:
            readers[j].append(i)
    ready = [i for i, n in enumerate(waiting) if n == 0]
    result = []
    while ready:
        i = ready.pop()
        result.append(parts[i])
        for j in readers[i]:
            waiting[j] -= 1
            if waiting[j] == 0:
                ready.append(j)
    if len(result) < len(parts):  # groups that read from each other
        nodes = sorted((node for part in parts for node in part), key=lambda n: position[n.outputs[0]])
        return [[node] for node in nodes]
    return result


def _block(part: list[Node], name: str, readers: dict[Value, int]) -> Node:
    inside: dict[Value, int] = {}
    for node in part:
        for value in node.reads:
            inside[value] = inside.get(value, 0) + 1
    made = {node.outputs[0] for node in part}
    inputs = tuple(v for v in inside if v not in made)
    outputs = tuple(v for node in part for v in node.outputs if readers.get(v, 0) > inside.get(v, 0))
    region = Graph(name, inputs, tuple(part), outputs)
    return Node(OPS["pointwise"], inputs, {}, outputs, part[-1].loc, (region,))
