"""split: cut a joint graph into its forward and its backward part."""

from __future__ import annotations

from collections.abc import Collection

from gradc.ir import Graph, Node, Operand, Program, Value, rename, values


def split(graph: Graph, cotangents: Collection[Value], gradients: int) -> Program:
    """The forward and the backward graph of a joint one whose last `gradients` results are gradients.

    Forward is what the other outputs need. Everything else is backward; what it reads of forward is saved.
    """
    end = len(graph.results) - gradients
    results, wanted = (*graph.results[:end], *graph.updated), graph.results[end:]
    forward = _needed(graph, results)
    backward = [node for node in graph.nodes if node not in forward]
    made = {v for node in backward for v in node.outputs} | set(cotangents)
    saved = tuple(dict.fromkeys(
        v for operands in (*(node.inputs for node in backward), wanted) for v in operands
        if isinstance(v, Value) and v not in made))
    inputs = tuple(v for v in graph.inputs if v not in cotangents)
    first = graph.replace(name="forward", inputs=inputs, nodes=tuple(n for n in graph.nodes if n in forward),
                          outputs=(*results, *saved), saved=len(saved))
    second = Graph("backward", (*saved, *cotangents), tuple(backward), wanted, loc=graph.loc, history=graph.history)
    parts = {v: v.name.replace("[", "_").rstrip("]") for v in saved if "[" in v.name}
    return Program(graph.name, first, _renamed(second, parts))


def _needed(graph: Graph, outputs: Collection[Operand]) -> set[Node]:
    """The nodes that outputs depend on, and all nodes with effects."""
    live = set(outputs)
    needed: set[Node] = set()
    for node in reversed(graph.nodes):
        if node.op.effect or not live.isdisjoint(node.outputs):
            needed.add(node)
            live.update(node.reads)
    return needed


def _renamed(graph: Graph, parts: dict[Value, str]) -> Graph:
    """A part of a tuple cannot be a parameter: in the backward graph it has a name of its own."""
    taken = {v.name for v in values(graph)}
    return rename(graph, {v: name if name not in taken else f"{name}_saved" for v, name in parts.items()})
