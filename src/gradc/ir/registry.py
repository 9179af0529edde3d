"""The table of all operations by name. The ops layer fills it; parsing and naming read it."""

from __future__ import annotations

from gradc.errors import ArgumentError
from gradc.ir.graph import Op

OPS: dict[str, Op] = {}
"""Every registered operation, by the name that the text of a graph uses."""


def register(op: Op) -> Op:
    """Enter an operation under its name and return it.

    Raises ArgumentError when the name is taken: two meanings of one word could not be printed.
    """
    if op.name in OPS:
        raise ArgumentError(f"{op.name}: an operation of this name is registered already, {OPS[op.name]!r}")
    OPS[op.name] = op
    return op
