"""cse: common subexpression elimination."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from gradc.ir import Graph, Node, Value, everywhere, opening
from gradc.passes.building import Builder


@opening
@everywhere
def cse(graph: Graph) -> Graph:
    """Compute equal expressions once: a node with the op, operands and attributes of an earlier one is that one.

    The operands of a commutative op may stand in either order.
    """
    builder = Builder(graph)
    seen: dict[Hashable, Node] = {}
    for node in graph.nodes:
        kept = builder.keep(node)
        if node.op.effect or node.regions:
            continue
        first = seen.setdefault(_key(kept), kept)
        if first is not kept:
            builder.nodes.pop()
            builder.mapping.update(zip(node.outputs, first.outputs, strict=True))
    return builder.finish() if len(builder.nodes) < len(graph.nodes) else graph


def _key(node: Node) -> Hashable:
    """What equal expressions share."""
    operands = [x if x.__class__ is Value else identity(x) for x in node.inputs]
    if node.op.commutative:
        operands.sort(key=hash)
    if not node.attrs:
        return node.op.name, *operands
    return node.op.name, *operands, tuple([(name, identity(value)) for name, value in node.attrs.items()])


def identity(x: Any) -> Hashable:
    """What makes two operands or attributes the same: numbers by type and digits, so that 1, 1.0 and True differ."""
    if isinstance(x, Value):
        return x
    if isinstance(x, tuple):
        return tuple(map(identity, x))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(x, (bool, int, float, complex, slice)):
        return type(x).__name__, repr(x)  # pyright: ignore[reportUnknownArgumentType]
    return x if isinstance(x, Hashable) else repr(x)
