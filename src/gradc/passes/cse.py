"""cse: common subexpression elimination."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from gradc.ir import Graph, Node, Operand, Value
from gradc.passes.building import Builder


def cse(graph: Graph) -> Graph:
    """Compute equal expressions once: a node with the op, operands and attributes of an earlier one is that one."""
    builder = Builder(graph)
    seen: dict[Hashable, Node] = {}
    for node in graph.nodes:
        inputs = tuple([builder.current(x) for x in node.inputs])
        key = None if node.op.effect or node.regions else _key(node, inputs)
        first = seen.get(key)
        if first is not None:
            builder.mapping.update(zip(node.outputs, first.outputs, strict=True))
            continue
        kept = builder.keep(node)
        if key is not None:
            seen[key] = kept
    return builder.finish() if len(builder.nodes) < len(graph.nodes) else graph


def _key(node: Node, inputs: tuple[Operand, ...]) -> Hashable:
    return node.op.name, tuple(map(identity, inputs)), tuple([(k, identity(v)) for k, v in node.attrs.items()])


def identity(x: Any) -> Hashable:
    """What makes two operands or attributes the same: numbers by type and digits, so that 1, 1.0, True and -0.0 differ."""
    if isinstance(x, Value):
        return x
    if isinstance(x, tuple):
        return tuple(map(identity, x))
    if isinstance(x, (bool, int, float, complex, slice)):
        return type(x).__name__, repr(x)
    return x if isinstance(x, Hashable) else repr(x)
