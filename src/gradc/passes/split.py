"""split: cut a joint graph into its forward and its backward part."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gradc.ir import Graph, Node, Operand, Program, Value, fresh_names, names, rename


def split(graph: Graph, cotangents: Collection[Value], gradients: int) -> Program:
    """The forward and the backward graph of a joint one whose last `gradients` results are gradients.

    Forward is what the other outputs need, and all effects. Backward is the rest that the gradients need; what it
    reads of forward is saved, except constants, which it makes itself.
    """
    end = len(graph.results) - gradients
    results, wanted = (*graph.results[:end], *graph.updated), graph.results[end:]
    effects = [node for node in graph.nodes if node.op.effect]
    first = _needed(graph.nodes, [*results, *(x for node in effects for x in node.inputs)]).union(effects)
    later = {node for node in _needed(graph.nodes, wanted) if node not in first or not node.inputs}
    backward = tuple([node for node in graph.nodes if node in later])
    saved = _read(backward, wanted, made={*cotangents, *(v for node in backward for v in node.outputs)})
    return Program(
        graph.name,
        graph.replace(name="forward", inputs=tuple([v for v in graph.inputs if v not in cotangents]),
                      nodes=tuple([node for node in graph.nodes if node in first]),
                      outputs=(*results, *saved), saved=len(saved)),
        _plain(Graph("backward", (*saved, *cotangents), backward, wanted, loc=graph.loc, history=graph.history)))


def _needed(nodes: Iterable[Node], outputs: Iterable[Operand]) -> set[Node]:
    """The nodes that outputs depend on."""
    live = set(outputs)
    needed: set[Node] = set()
    for node in reversed([*nodes]):
        if not live.isdisjoint(node.outputs):
            needed.add(node)
            live.update(node.inputs)
    return needed


def _read(nodes: Iterable[Node], outputs: Iterable[Operand], made: Collection[Value]) -> tuple[Value, ...]:
    """The values that nodes and outputs read and that are not `made`, in the order in which they are read."""
    operands = (*(x for node in nodes for x in node.inputs), *outputs)
    return tuple(dict.fromkeys(x for x in operands if isinstance(x, Value) and x not in made))


def _plain(graph: Graph) -> Graph:
    """The graph with plain names for its inputs: the part of a tuple, `max_0[1]`, cannot be a parameter."""
    name = fresh_names(names(graph))
    return rename(graph, {v: name(v.name.replace("[", "_").rstrip("]")) for v in graph.inputs if "[" in v.name})
