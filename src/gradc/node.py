"""Nodes of the dynamic graph: what an eager op leaves behind for `backward`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import CodeType
from typing import Any

import numpy as np

from gradc import locations
from gradc.errors import GradError
from gradc.locations import Location
from gradc.tensor import Tensor, wrap

count: Callable[[], int] = itertools.count().__next__
"""Numbers nodes in the order of their making; an edge always leads to a smaller number."""

FREED: tuple[Any, ...] = tuple(["freed"])
"""Stands for the saved values of a node after `backward` has used them. Compared by identity."""


class Freed:
    """Stands in `guards` for the saved values that a `backward` called at `where` has used; never of its version."""

    version = 0

    def __init__(self, where: Location) -> None:
        self.where = where


class Constant:
    """Stands in `guards` for the storage of a number, which nothing can write."""

    version = 0


CONSTANT = Constant()


class Node:
    """One op of the dynamic graph, PyTorch's grad_fn.

    `edges` has one entry per operand: a Node, an Output, a leaf Tensor, or None where no gradient is wanted.
    `saved` holds what the op's gradient formulas name, in the order of `op.saved_names`; None where not needed.
    `guards` is (storage, version) for each of them, flat, as they were when saved.
    `signature` is each operand's shape (None for a Python number), then the dtype of all or a tuple of dtypes.
    `code` and `instruction` say where in the user's code it was made.
    `numbers` has the operands that are Python numbers, None in the place of tensors; it is only set if there are any.
    """

    __slots__ = ("op", "attrs", "edges", "saved", "guards", "signature", "number", "code", "instruction", "numbers",
                 "__dict__", "__weakref__")

    op: Any
    attrs: dict[str, Any]
    edges: tuple[Any, ...]
    saved: tuple[Any, ...]
    guards: tuple[Any, ...]
    signature: tuple[Any, ...]
    number: int
    code: CodeType | None
    instruction: int
    numbers: tuple[Any, ...]

    index = 0  # as an edge, a node stands for its first output
    label: str | None = None
    hooks: dict[int, dict[int, Any]] | None = None
    """By output, what to call with its cotangent before it goes on."""

    @property
    def node(self) -> Node:
        return self

    def name(self) -> str:
        """PyTorch's name for it, as `MulBackward0`."""
        return self.label or self.op.node_name(self)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """For each operand the node that made it (AccumulateGrad for a leaf, None for no gradient) and its output."""
        return tuple((None, 0) if e is None else (AccumulateGrad.of(e), 0) if isinstance(e, Tensor)
                     else (e.node, e.index) for e in self.edges)

    @property
    def location(self) -> Location:
        """The user's line that made it."""
        if self.code is None:
            return locations.UNKNOWN
        return locations.of_instruction(self.code, self.instruction)

    def __repr__(self) -> str:
        return f"<{self.name().rpartition('::')[2]} object at {id(self):#x}>"

    def __getattr__(self, name: str) -> Any:
        """What it saved: `_saved_result`, `_saved_self` and `_saved_other` for the operands, or by their names."""
        if not name.startswith("_saved_"):
            raise AttributeError(f"{self.name()} has no attribute {name!r}")
        self.check_saved()
        wanted = name.removeprefix("_saved_")
        wanted = dict(zip(("self", "other"), self.op.operands, strict=False)).get(wanted, wanted)
        if wanted not in (self.op.saved_names or ()):
            saves = ", ".join(self.op.saved_names or ()) or "nothing"
            raise AttributeError(f"{self.name()} saves {saves}, not {wanted}")
        value = self.saved[self.op.saved_names.index(wanted)]
        return wrap(value) if isinstance(value, np.ndarray) else value

    def check_saved(self) -> None:
        """Raise GradError if the saved values were freed, or written in place since they were saved."""
        if self.saved is FREED:
            first = locations.quote(self.guards[0].where)
            raise GradError(
                "Trying to backward through the graph a second time (or directly access saved tensors after they have "
                "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
                "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time."
                f"\n    {self.name()}, made at{locations.quote(self.location)}\n    the first backward ran at{first}")
        guards = self.guards
        for i, value in enumerate(self.saved):
            storage = guards[2 * i]
            if value is not None and storage.version != guards[2 * i + 1]:
                raise _modified(self, i)


def _modified(node: Node, i: int) -> GradError:
    storage, version = node.guards[2 * i], node.guards[2 * i + 1]
    name = node.op.saved_names[i]
    text = (f"one of the variables needed for gradient computation has been modified by an inplace operation: "
            f"{node.name()} saved `{name}` at version {version}, it is now at version {storage.version}."
            f"\n    saved at{locations.quote(node.location)}")
    if storage.writer is not None:
        text += f"\n    written by {storage.writer[0]} at{locations.quote(storage.writer[1])}"
    return GradError(text + f"\n    Give the gradient its own copy: call .clone() on the tensor before the write, or "
                            f"use the out-of-place form of {storage.writer[0] if storage.writer else 'the write'}.")


class Output:
    """One of several outputs of a node, as an edge."""

    __slots__ = ("node", "index")

    def __init__(self, node: Node, index: int) -> None:
        self.node = node
        self.index = index


class AccumulateGrad:
    """The node that adds to a leaf's `.grad`. It exists only while somebody looks at it: edges hold the leaf."""

    next_functions: tuple[Any, ...] = ()

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable

    @staticmethod
    def of(leaf: Tensor) -> AccumulateGrad:
        return AccumulateGrad(leaf)

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return id(self.variable)

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self.variable):#x}>"


class TracedNode:
    """What stands for a Node while a function is traced: it has a name, and the trace has the rest."""

    __slots__ = ("op", "attrs", "signature")
    index = 0
    saved: tuple[Any, ...] = ()

    def __init__(self, op: Any, attrs: dict[str, Any], signature: tuple[Any, ...]) -> None:
        self.op = op
        self.attrs = attrs
        self.signature = signature

    @property
    def node(self) -> TracedNode:
        return self

    def name(self) -> str:
        return self.op.node_name(self)
