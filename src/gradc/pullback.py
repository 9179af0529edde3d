"""Nodes of the dynamic graph whose gradient is a Python function of tensors, not the formulas of an op.

A user's autograd.Function makes one, and so does a `custom` node of a graph that is run eagerly.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc.locations import outside
from gradc.modes import current, enter, with_grad
from gradc.node import CONSTANT, FREED, Node, Output, Packed, count, modified
from gradc.ops.creation import zeros
from gradc.tensor import Tensor, edge, new, wrap


class PullbackOp:
    """The op of such nodes: what the engine asks of any op, answered by the node itself."""

    name = "pullback"
    saved_names: tuple[str, ...] = ()
    saved_sources: tuple[Any, ...] = ()
    generates = pointwise = variadic = specialises = False

    def __init__(self, title: str) -> None:
        self.title = title

    def node_name(self, node: Any) -> str:
        return self.title

    def backward(self, node: PullbackNode, g: Any, needs: Sequence[bool]) -> list[Any]:
        """The gradients as arrays, outside every graph."""
        return [None if x is None else x._array for x in _pulled(node, g, False)]

    def backward_on_tensors(self, node: PullbackNode, g: Any, needs: Sequence[bool]) -> Sequence[Tensor | None]:
        """The gradients as tensors with a graph of their own."""
        return _pulled(node, g, True)


def _pulled(node: PullbackNode, g: Any, grad: bool) -> Sequence[Tensor | None]:
    given = g if isinstance(g, dict) else {0: g}
    before = enter(with_grad(grad))
    try:
        return node.pull([node.cotangent(i, given.get(i)) for i in range(len(node.types or ()))])
    finally:
        enter(before)


class PullbackNode(Node):
    """A node that pulls cotangents back by a method of its own.

    `types` has None for a result that is no tensor. `saved` holds a Kept for each tensor that the gradient needs; they
    are checked when they are read, and freed as those of every node.
    """

    op: PullbackOp
    materializes = True
    """Whether a result that nothing depends on has a cotangent of zeros, and not None."""

    def pull(self, cotangents: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        """The cotangent of each operand, from those of the results."""
        raise NotImplementedError

    def check_saved(self) -> None:
        """Nothing: what is saved is checked where it is read."""

    def cotangent(self, i: int, g: Any) -> Tensor | None:
        """The cotangent of result `i` as `pull` takes it, from what arrived."""
        type = self.types[i]  # type: ignore[index]
        if g is not None:
            return g if isinstance(g, Tensor) else wrap(np.asarray(g))
        return zeros(type.shape, dtype=type.dtype) if self.materializes and type is not None else None

    def link(self, operands: Sequence[Any]) -> None:
        """Enter the node into the graph, above what made the operands."""
        self.attrs = {}
        self.edges = tuple([edge(x) if isinstance(x, Tensor) else None for x in operands])
        self.number = count()
        self.saved = self.guards = ()
        self.signature = (*[x._array.shape if isinstance(x, Tensor) else None for x in operands],
                          tuple([x._array.dtype if isinstance(x, Tensor) else x.__class__ for x in operands]))
        frame = outside(sys._getframe(1))
        self.code, self.instruction = frame.f_code, frame.f_lasti

    def edge_of(self, i: int) -> Any:
        """Result `i` as an edge."""
        return self if len(self.types or ()) == 1 else Output(self, i)

    def keep(self, tensors: Sequence[Tensor | None], results: Sequence[Any]) -> None:
        """Save tensors for `unpack`; those among the results without a circle of references."""
        kept: list[Kept | None] = []
        guards: list[Any] = []
        hooks = current().saving
        for x in tensors:
            storage = CONSTANT if x is None or hooks is not None else x._storage
            guards += storage, storage.version
            kept.append(None if x is None else Kept.of(x, results, hooks))
        self.saved, self.guards = tuple(kept), tuple(guards)

    def unpack(self) -> tuple[Tensor | None, ...]:
        """The saved tensors, with their places in the graph.

        Raises GradError if they were freed, or written in place since.
        """
        if self.saved is FREED:
            super().check_saved()
        for i in range(len(self.saved)):
            if self.guards[2 * i].version != self.guards[2 * i + 1]:
                raise modified(self, i, f"saved_tensors[{i}]")
        return tuple([None if x is None else x.read(self) for x in self.saved])


class Kept:
    """A tensor that a node saves: itself, or, as result number `index`, what it takes to make it again."""

    __slots__ = ("value", "index", "origin")

    def __init__(self, tensor: Tensor, index: int | None, hooks: Any) -> None:
        self.index = index
        held = tensor if index is None else alias(tensor)
        self.origin = None if hooks is None or index is not None else edge(tensor)
        self.value = held if hooks is None else Packed(held, hooks)

    @staticmethod
    def of(tensor: Tensor, results: Sequence[Any], hooks: Any = None) -> Kept:
        """What to keep of a tensor that may be one of a node's results."""
        return Kept(tensor, next((i for i, y in enumerate(results) if y is tensor), None), hooks)

    def read(self, node: PullbackNode) -> Tensor:
        """The tensor, linked to where it came from."""
        if self.index is None and isinstance(self.value, Tensor):
            return self.value
        tensor = alias(self.value) if isinstance(self.value, Tensor) else wrap(self.value.opened())
        tensor._node = self.origin if self.index is None else node.edge_of(self.index)
        return tensor


def alias(tensor: Tensor) -> Tensor:
    """Another tensor over the same memory, outside every graph."""
    other = new(Tensor)
    other._array = tensor._array
    other._storage = tensor._storage
    other._node = None
    return other
