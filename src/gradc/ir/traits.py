"""Traits: what an op may declare beyond the Op protocol, with what holds when it does not.

    region    None; "block" for a fused block, part of the scope around it; "call" for closed regions of which the
              first computes the node's results from its operands; any other text for closed regions that are
              functions, which run as often as values say
    view      whether the results lie in the memory of the first operand
    kinds     of a block: the names that blocks may have, numbered; the op's own
    defaults  the attributes that the text leaves out when they have these values
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradc.ir.graph import Node, Op, Value


def region(op: Op) -> str | None:
    """The kind of region that nodes of the op have."""
    return getattr(op, "region", None)


def kinds(op: Op) -> Sequence[str]:
    """The names, but for numbers, that blocks of the op may have."""
    return getattr(op, "kinds", (op.name,))


def is_block(node: Node) -> bool:
    """Whether the node is a fused block: its region reads values from around it and defines the node's results."""
    return len(node.regions) == 1 and region(node.op) == "block"


def is_call(node: Node) -> bool:
    """Whether the node calls its first region, which may be opened in its place."""
    return bool(node.regions) and region(node.op) == "call"


def is_closed(node: Node) -> bool:
    """Whether the node has regions that are functions of their own: branches, steps of loops."""
    return bool(node.regions) and region(node.op) not in ("block", "call")


def is_free(node: Node) -> bool:
    """Whether the node ends the life of values, which prints as `del`."""
    return (node.op.name == "free" and not node.outputs and not node.attrs
            and bool(node.inputs) and all(isinstance(x, Value) for x in node.inputs))


def is_view(node: Node) -> bool:
    """Whether what the node makes lies in the memory of its first operand."""
    return bool(getattr(node.op, "view", False)) and bool(node.inputs) and isinstance(node.inputs[0], Value)


def defaults(op: Op) -> Mapping[str, Any]:
    """The attributes of the op that need not be given, with their values."""
    return getattr(op, "defaults", {})


def complete(op: Op, attrs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The attributes, followed by the defaults of those that are left out."""
    missing = {name: value for name, value in defaults(op).items() if name not in attrs}
    return {**attrs, **missing} if missing else attrs
