"""The graph: values, nodes and graphs in single-assignment form. All are immutable; passes make new graphs.

    Graph(name, inputs, nodes, outputs)
    Node(op, inputs, attrs, outputs, loc, regions)
    Value(name, type)

An operand is a Value or a Python number (which has no dtype of its own and takes that of its neighbours, as in
PyTorch) or None for an optional operand that is absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from gradc.dtypes import dtype
from gradc.ir.types import Type
from gradc.locations import UNKNOWN, Location
from gradc.shapes import Shape


class Op(Protocol):
    """What the IR and the passes need to know of an operation; ops/ has the real ones and says what the traits mean."""

    name: str
    operands: tuple[str, ...]
    results: tuple[str, ...]
    variadic: bool
    pointwise: bool
    commutative: bool
    effect: bool
    detaches: bool
    kernel: Any
    decompose: Any
    saved_names: tuple[str, ...] | None
    joint: Any
    batched: Any
    formulas: Mapping[int, Any]

    def infer(self, *operands: Operand, **attrs: Any) -> Type | tuple[Type, ...]: ...
    def gradients(self, names: Mapping[str, Any], needs: Sequence[bool]) -> tuple[Any, ...]: ...
    def flops(self, operands: Sequence[Any], results: Sequence[Any], attrs: Mapping[str, Any]) -> int: ...


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """The result of one node or an input of a graph. Compared by identity; its name is unique in its graph."""

    name: str
    type: Type

    @property
    def dtype(self) -> dtype:
        return self.type.dtype

    @property
    def shape(self) -> Shape:
        return self.type.shape

    @property
    def ndim(self) -> int:
        return len(self.type.shape)

    def __repr__(self) -> str:
        return f"{self.name}: {self.type}"


Number = bool | int | float | complex
Operand = Value | Number | None


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One application of an op. `regions` are the graphs it contains: a fused block, a loop body, a branch."""

    op: Op
    inputs: tuple[Operand, ...]
    attrs: Mapping[str, Any]
    outputs: tuple[Value, ...]
    loc: Location = UNKNOWN
    regions: tuple[Graph, ...] = ()

    def replace(self, **changes: Any) -> Node:
        return replace(self, **changes)

    @property
    def reads(self) -> Iterator[Value]:
        """The values among the operands."""
        return (v for v in self.inputs if isinstance(v, Value))


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A function: inputs, nodes in program order, outputs.

    The outputs are, in this order: what the function returns; the new values of the inputs in `updates` (state that a
    training step writes: parameters, optimizer moments); and `saved` values that a backward graph will read.
    `history` names the passes that made the graph.
    """

    name: str
    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Operand, ...]
    updates: tuple[Value, ...] = ()
    saved: int = 0
    loc: Location = UNKNOWN
    history: tuple[str, ...] = field(default=())

    def replace(self, **changes: Any) -> Graph:
        return replace(self, **changes)

    @property
    def results(self) -> tuple[Operand, ...]:
        """What the function returns, without updates and saved values."""
        return self.outputs[: len(self.outputs) - self.saved - len(self.updates)]

    @property
    def updated(self) -> tuple[Operand, ...]:
        """The new values of `updates`, in their order."""
        end = len(self.outputs) - self.saved
        return self.outputs[end - len(self.updates) : end]

    @property
    def saved_values(self) -> tuple[Operand, ...]:
        return self.outputs[len(self.outputs) - self.saved :]

    def __len__(self) -> int:
        """Number of nodes, those inside regions included."""
        return sum(1 + sum(map(len, node.regions)) for node in self.nodes)


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A function cut into a forward and a backward graph.

    `forward` returns the results and saves values; `backward` takes the saved values, then one cotangent per
    differentiable result, and returns the gradients.
    """

    name: str
    forward: Graph
    backward: Graph

    def replace(self, **changes: Any) -> Program:
        return replace(self, **changes)
