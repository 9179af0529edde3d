"""Ways through a graph: small pure functions that passes share.

A fused block counts as one node of the graph that it stands in, which reads the block's inputs and defines its outputs;
`flatten` opens it. The values of a closed region are its own.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from gradc.ir import registry
from gradc.ir.graph import Graph, Node, Operand, Value
from gradc.ir.text import WORDS, statement
from gradc.ir.traits import is_block, is_closed

_NUMBER = re.compile(r"_\d+$")


def values(graph: Graph) -> Iterator[Value]:
    """Every value in the scope of the graph once: its inputs, then what nodes define, inside of blocks too."""
    yield from graph.inputs
    yield from _defined(graph.nodes)


def _defined(nodes: Iterable[Node]) -> Iterator[Value]:
    for node in nodes:
        if is_block(node):
            yield from _defined(node.regions[0].nodes)
        else:
            yield from node.outputs


def names(graph: Graph) -> Iterator[str]:
    """Every name that is taken in the scope of the graph: of values, and of closed regions."""
    for value in values(graph):
        yield value.name
    yield from _functions(graph.nodes)


def _functions(nodes: Iterable[Node]) -> Iterator[str]:
    for node in nodes:
        if is_block(node):
            yield from _functions(node.regions[0].nodes)
        else:
            for region in node.regions:
                yield region.name


def producers(graph: Graph) -> dict[Value, Node]:
    """The node that defines each value; an input of the graph has none."""
    return {value: node for node in graph.nodes for value in node.outputs}


def users(graph: Graph) -> dict[Value, list[Node]]:
    """The nodes that read each value, in program order and each once; an empty list when only outputs read it."""
    found: dict[Value, list[Node]] = {value: [] for value in graph.inputs}
    for node in graph.nodes:
        for value in dict.fromkeys(node.reads):
            found.setdefault(value, []).append(node)
        for value in node.outputs:
            found.setdefault(value, [])
    return found


def substitute(graph: Graph, mapping: Mapping[Value, Operand]) -> Graph:
    """The graph with other operands in place of the values in `mapping`, wherever they are read.

    Definitions stay. A replacement is not replaced again. A block's inputs follow what is read in it; an output of a
    block follows its replacement when that is defined in the block, and is an output no more when it is not.
    """
    return _Substitution(mapping).graph(graph) if mapping else graph


class _Substitution:
    def __init__(self, mapping: Mapping[Value, Operand]) -> None:
        self.mapping = mapping

    def graph(self, graph: Graph) -> Graph:
        return graph.replace(nodes=tuple(map(self.node, graph.nodes)), outputs=self.operands(graph.outputs))

    def operands(self, operands: tuple[Operand, ...]) -> tuple[Operand, ...]:
        mapping = self.mapping
        return tuple([mapping.get(x, x) if isinstance(x, Value) else x for x in operands])

    def node(self, node: Node) -> Node:
        if is_block(node):
            return self.block(node, node.regions[0])
        if node.regions:
            return node.replace(inputs=self.operands(node.inputs), regions=tuple(map(self.graph, node.regions)))
        if any(value in self.mapping for value in node.reads):
            return node.replace(inputs=self.operands(node.inputs))
        return node

    def block(self, node: Node, region: Graph) -> Node:
        inner = tuple(map(self.node, region.nodes))
        local = set(_defined(inner))
        inputs = _distinct(self.operands(node.inputs))
        outputs = tuple(value for value in _distinct(self.operands(node.outputs)) if value in local)
        region = region.replace(inputs=inputs, nodes=inner, outputs=outputs)
        return node.replace(inputs=inputs, outputs=outputs, regions=(region,))


def _distinct(operands: Iterable[Operand]) -> tuple[Value, ...]:
    """The values among the operands, each once."""
    return tuple(dict.fromkeys(x for x in operands if isinstance(x, Value)))


def rename(graph: Graph, names: Mapping[Value, str]) -> Graph:
    """The graph with other names for some of its values, definitions and uses alike.

    Each value in `names` becomes a new Value. The values of closed regions can be renamed as well.
    """
    return _Renaming({value: Value(name, value.type) for value, name in names.items()}).graph(graph)


class _Renaming:
    def __init__(self, renamed: Mapping[Value, Value]) -> None:
        self.renamed = renamed

    def values(self, values: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple([self.renamed.get(value, value) for value in values])

    def operands(self, operands: tuple[Operand, ...]) -> tuple[Operand, ...]:
        return tuple([self.renamed.get(x, x) if isinstance(x, Value) else x for x in operands])

    def node(self, node: Node) -> Node:
        return node.replace(inputs=self.operands(node.inputs), outputs=self.values(node.outputs),
                            regions=tuple(map(self.graph, node.regions)))

    def graph(self, graph: Graph) -> Graph:
        return graph.replace(inputs=self.values(graph.inputs), nodes=tuple(map(self.node, graph.nodes)),
                             outputs=self.operands(graph.outputs), updates=self.values(graph.updates))


def fresh_names(taken: Iterable[str]) -> Callable[[str], str]:
    """A function that gives, for a base, a name that is not taken and that it has not given before.

    A user's name is kept where it is free: `z`, then `z_1`, `z_2`. The name of an op, and any word with a meaning of
    its own, is always numbered: `neg_0`, `neg_1`. A base with a number continues its row: `z_1` gives `z_2`.
    """
    used = {name.partition("[")[0] for name in taken}
    following: dict[str, int] = {}

    def fresh(base: str) -> str:
        if base[-1:] == "]":
            base = base.partition("[")[0]
        ops = registry.OPS
        reserved = base in ops or base in WORDS
        name = base
        if reserved or base in used:
            stem = base if base in following else _NUMBER.sub("", base)
            number = following.get(stem)
            if number is None:
                number = 0 if stem in ops or stem in WORDS else 1
            while (name := f"{stem}_{number}") in used or name in ops:
                number += 1
            following[stem] = number + 1
        used.add(name)
        return name

    return fresh


def flatten(graph: Graph) -> Graph:
    """The graph with every fused block opened: its nodes stand in its place, in closed regions too."""
    return graph.replace(nodes=tuple(_opened(graph.nodes)))


def _opened(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        if is_block(node):
            yield from _opened(node.regions[0].nodes)
        elif node.regions:
            yield node.replace(regions=tuple(map(flatten, node.regions)))
        else:
            yield node


def bare(graph: Graph) -> Graph:
    """The graph without what `fuse` and `free` say of its nodes, in closed regions too."""
    if not any(node.regions or node.op.name == "free" for node in graph.nodes):
        return graph
    return graph.replace(nodes=tuple([
        node.replace(regions=tuple(map(bare, node.regions))) if node.regions else node
        for node in flatten(graph).nodes if node.op.name != "free"]))


def opening(each: Callable[..., Graph]) -> Callable[..., Graph]:
    """A pass that knows single nodes only: blocks are opened and deaths forgotten before it runs.

    Where it changes nothing, the graph stays as it was.
    """
    @functools.wraps(each)
    def run(graph: Graph, *args: Any) -> Graph:
        opened = bare(graph)
        made = each(opened, *args)
        return graph if made is opened else made

    return run


def everywhere(each: Callable[..., Graph]) -> Callable[..., Graph]:
    """A pass that runs in the closed regions of a graph as well, in the innermost first."""
    @functools.wraps(each)
    def run(graph: Graph, *args: Any) -> Graph:
        return each(in_regions(graph, lambda region: run(region, *args)), *args)

    return run


def in_regions(graph: Graph, function: Callable[[Graph], Graph]) -> Graph:
    """The graph with `function` applied to the closed regions of its nodes."""
    if not any(node.regions for node in graph.nodes):
        return graph
    nodes = tuple([_in_regions(node, function) if is_closed(node) else node for node in graph.nodes])
    return graph if all(map(operator.is_, nodes, graph.nodes)) else graph.replace(nodes=nodes)


def _in_regions(node: Node, function: Callable[[Graph], Graph]) -> Node:
    regions = tuple(map(function, node.regions))
    return node if all(map(operator.is_, regions, node.regions)) else node.replace(regions=regions)


def to_networkx(graph: Graph) -> Any:
    """The graph as a networkx.DiGraph of its Values and Nodes, with an edge for each read and each definition.

    A vertex has a `label` for drawings; a value in the graph's outputs has `output=True`.
    """
    import networkx

    view = cast(Any, networkx.DiGraph(name=graph.name))
    outputs = {x for x in graph.outputs if isinstance(x, Value)}
    for value in graph.inputs:
        view.add_node(value, label=repr(value), output=value in outputs)
    for node in graph.nodes:
        view.add_node(node, label=statement(node))
        view.add_edges_from((value, node) for value in node.reads)
        for value in node.outputs:
            view.add_node(value, label=repr(value), output=value in outputs)
            view.add_edge(node, value)
    return view
