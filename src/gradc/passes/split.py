"""split: cut a joint graph into its forward and its backward part."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gradc.ir import Graph, Node, Operand, Program, Value, bare, fresh_names, names, rename
from gradc.passes.cut import either_side, least_saved


def split(graph: Graph, cotangents: Collection[Value], gradients: int) -> Program:
    """The forward and the backward graph of a joint one whose last `gradients` results are gradients.

    Forward is what the other outputs need, all effects, and what is saved. Backward is the rest that the gradients
    need. What is saved is a minimum cut of bytes: pointwise work and views are computed again where that saves
    memory; constants always are. Blocks and deaths, which are of the whole graph, are forgotten.
    """
    graph = bare(graph)
    end = len(graph.results) - gradients
    results, wanted = (*graph.results[:end], *graph.updated), graph.results[end:]
    effects = [node for node in graph.nodes if node.op.effect]
    demanded = [*results, *(x for node in effects for x in node.inputs)]
    first = _needed(graph.nodes, demanded).union(effects)
    saved = _plainly_saved(graph, first, wanted)
    if _bytes(graph, saved):
        saved = min(saved, _least_saved(graph, cotangents, first, wanted), key=lambda each: _bytes(graph, each))
    later = _needed(graph.nodes, wanted, saved)
    backward = _ordered(graph, later)
    read = _read(backward, wanted, made={*cotangents, *(v for node in backward for v in node.outputs)})
    sooner = first | _needed(graph.nodes, read)
    forward, backward = _ordered(graph, sooner), tuple([_again(n) if n in sooner and n.inputs else n for n in backward])
    return Program(
        graph.name,
        graph.replace(name="forward", inputs=tuple([v for v in graph.inputs if v not in cotangents]), nodes=forward,
                      outputs=(*results, *read), saved=len(read)),
        _plain(Graph("backward", (*read, *cotangents), backward, wanted, loc=graph.loc, history=graph.history)))


def _plainly_saved(graph: Graph, first: Collection[Node], wanted: Iterable[Operand]) -> set[Operand]:
    """What backward reads if it computes nothing again, except constants."""
    later = [node for node in _needed(graph.nodes, wanted) if node not in first or not node.inputs]
    return {*_read(later, wanted, made={v for node in later for v in node.outputs})}


def _least_saved(graph: Graph, cotangents: Collection[Value], first: Collection[Node],
                 wanted: Iterable[Operand]) -> set[Operand]:
    """What backward reads if it computes again what is cheap, where that saves bytes."""
    makers, late = either_side(graph, cotangents)
    live = _needed(late, wanted)
    asked = [*wanted, *(x for node in late if node in live for x in node.inputs)]
    return {*least_saved(makers, first, asked, graph.updates)}


def _again(node: Node) -> Node:
    """A node of forward as it stands in backward."""
    return node.replace(loc=node.loc.because("again"))


def _bytes(graph: Graph, saved: Iterable[Operand]) -> int:
    """The memory that saved values take; an input's is its owner's."""
    inputs = set(graph.inputs)
    return sum(v.type.nbytes for v in saved if isinstance(v, Value) and v not in inputs)


def _needed(nodes: Iterable[Node], outputs: Iterable[Operand], given: Collection[Operand] = ()) -> set[Node]:
    """The nodes that outputs depend on, where some values are given."""
    live = {x for x in outputs if x not in given}
    needed: set[Node] = set()
    for node in reversed([*nodes]):
        if not live.isdisjoint(node.outputs):
            needed.add(node)
            live.update(x for x in node.inputs if x not in given)
    return needed


def _ordered(graph: Graph, nodes: Collection[Node]) -> tuple[Node, ...]:
    """Some nodes of a graph in its order."""
    return tuple([node for node in graph.nodes if node in nodes])


def _read(nodes: Iterable[Node], outputs: Iterable[Operand], made: Collection[Value]) -> tuple[Value, ...]:
    """The values that nodes and outputs read and that are not `made`, in the order in which they are read."""
    operands = (*(x for node in nodes for x in node.inputs), *outputs)
    return tuple(dict.fromkeys(x for x in operands if isinstance(x, Value) and x not in made))


def _plain(graph: Graph) -> Graph:
    """The graph with plain names for its inputs: the part of a tuple, `max_0[1]`, cannot be a parameter."""
    name = fresh_names(names(graph))
    return rename(graph, {v: name(v.name.replace("[", "_").rstrip("]")) for v in graph.inputs if "[" in v.name})
