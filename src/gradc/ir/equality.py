"""Structural equality: whether two graphs have the same text, without printing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradc.ir.graph import Graph, Node, Operand, Program, Value
from gradc.ir.literals import same
from gradc.ir.traits import complete, is_block


def equal_graphs(a: Graph, b: object) -> bool:
    """Whether two graphs agree in every name, type, operation, attribute, operand, region and location.

    An attribute left out counts as its default.
    """
    if a is b:
        return True
    return (isinstance(b, Graph) and str(a.loc) == str(b.loc) and a.history == b.history and _equal_code(a, b))


def equal_programs(a: Program, b: object) -> bool:
    """Whether two programs agree in name, forward and backward."""
    return (isinstance(b, Program) and a.name == b.name
            and equal_graphs(a.forward, b.forward) and equal_graphs(a.backward, b.backward))


def hash_graph(graph: Graph) -> int:
    """A hash that equal graphs share; cheap, for tables with few graphs of one name and length."""
    return hash((graph.name, len(graph.nodes)))


def hash_program(program: Program) -> int:
    """A hash that equal programs share."""
    return hash((program.name, hash_graph(program.forward), hash_graph(program.backward)))


def _equal_code(a: Graph, b: Graph) -> bool:
    return (a.name == b.name
            and a.saved == b.saved
            and _equal_definitions(a.inputs, b.inputs)
            and len(a.nodes) == len(b.nodes)
            and _equal_operands(a.updates, b.updates)
            and _equal_operands(a.outputs, b.outputs)
            and all(map(_equal_nodes, a.nodes, b.nodes)))


def _equal_nodes(a: Node, b: Node) -> bool:
    # A block is part of its graph's text, so it has no location and history of its own to compare.
    compare = _equal_code if is_block(a) and is_block(b) else equal_graphs
    return (a.op.name == b.op.name
            and _equal_definitions(a.outputs, b.outputs)
            and _equal_operands(a.inputs, b.inputs)
            and (a.loc is b.loc or str(a.loc) == str(b.loc))
            and _equal_attributes(complete(a.op, a.attrs), complete(b.op, b.attrs))
            and len(a.regions) == len(b.regions)
            and all(map(compare, a.regions, b.regions)))


def _equal_attributes(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return a.keys() == b.keys() and all(same(value, b[name]) for name, value in a.items())


def _equal_definitions(a: Sequence[Value], b: Sequence[Value]) -> bool:
    return len(a) == len(b) and all(x.name == y.name and x.type == y.type for x, y in zip(a, b, strict=True))


def _equal_operands(a: Sequence[Operand], b: Sequence[Operand]) -> bool:
    return len(a) == len(b) and all(map(_equal_operand, a, b))


def _equal_operand(a: Operand, b: Operand) -> bool:
    if isinstance(a, Value) and isinstance(b, Value):
        return a.name == b.name
    return same(a, b)
