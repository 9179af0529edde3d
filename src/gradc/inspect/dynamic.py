"""The dynamic graph behind an eager tensor, as a graph of the IR and as a tree of its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gradc import locations
from gradc.errors import GradError
from gradc.gradients import operand_types
from gradc.ir import Graph, Type
from gradc.node import Node
from gradc.ops.base import Op
from gradc.tensor import Tensor, edge
from gradc.tracing import Tracer


def graph(tensor: Tensor) -> Graph:
    """The dynamic graph behind `tensor`: the same kind of graph as a traced one, printable, parsable and runnable.

    Leaves are inputs, under the user's names for them where those can be seen; so are the operands that need no
    gradient, since eager mode keeps only what backward needs.

    Raises GradError for a tensor without a graph.
    """
    start = edge(tensor)
    if start is None or start is tensor:
        raise GradError(f"graph: this tensor ({tensor.type_}) was not computed from tensors that require grad"
                        f"{locations.quote(locations.here())}")
    tracer = Tracer()
    recorder = _Recorder(tracer)
    for node in _in_order(start.node):
        recorder.record(node)
    last = recorder.results[start.node]
    result = last[start.index] if isinstance(last, tuple) else last
    return tracer.graph("dynamic", (result,), history=("dynamic",), loc=start.node.location)


def _in_order(start: Node) -> Iterator[Node]:
    """The nodes that `start` depends on and itself, in the order of their making."""
    seen: set[Node] = set()
    stack = [start]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        stack.extend(e.node for e in node.edges if e is not None and not isinstance(e, Tensor))
    return iter(sorted(seen, key=lambda node: node.number))


class _Recorder:
    """Records nodes of the dynamic graph into a trace."""

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer
        self.results: dict[Node, Any] = {}
        self.leaves: dict[int, Tensor] = {}

    def record(self, node: Node) -> None:
        types = operand_types(node)
        if not isinstance(node.op, Op):
            raise GradError(f"graph: {node.name()} was made by compiled code; its graph is in the compiled function's "
                            f".stages")
        operands = tuple(self._operand(node, i, t) for i, t in enumerate(types))
        with self.tracer.at(node.location), self.tracer.on(grad=True):
            made = self.tracer.record(node.op, operands, node.attrs)
        name = None if node.code is None else locations.name_of_instruction(node.code, node.instruction)
        if name is not None and isinstance(made, Tensor):
            self.tracer.rename(self.tracer.read(made), name)
        self.results[node] = made

    def _operand(self, node: Node, i: int, type: Any) -> Any:
        """What the i-th operand was: an earlier result, a leaf, a number, or a tensor of which only the type is known."""
        to = node.edges[i]
        if isinstance(to, Tensor):
            if id(to) not in self.leaves:
                self.leaves[id(to)] = self.tracer.input(to.type_, "leaf")
            return self.leaves[id(to)]
        if to is not None:
            made = self.results[to.node]
            return made[to.index] if isinstance(made, tuple) else made
        if isinstance(type, Type):
            return self.tracer.input(type, "constant")
        return self._number(node, i, type)

    def _number(self, node: Node, i: int, type: Any) -> Any:
        """A Python number operand, from what was saved of it; the class's 1 where nothing was."""
        for value, (is_result, position, _) in zip(node.saved, node.op.saved_sources, strict=False):
            if position == i and not is_result and isinstance(value, (int, float, complex)):
                return value
        if type is None or type is NoneType:
            return None
        return type if not callable(type) else type(1)


NoneType = type(None)


def tree(tensor: Tensor) -> str:
    """The dynamic graph behind `tensor` as a tree of grad_fns, each with its user's line; a shared node once.

        MeanBackward0  train.py:9
        └─ MulBackward0  train.py:8
           ├─ AccumulateGrad f32[3]
           └─ (seen above) ...
    """
    start = tensor.grad_fn
    if start is None:
        return "(no graph)"
    lines: list[str] = []
    seen: set[Any] = set()
    stack: list[tuple[Any, str, str]] = [(start, "", "")]
    while stack:
        node, lead, rest = stack.pop()
        name = node.name().rpartition("::")[2]
        if isinstance(node, Node):
            where = f"  {node.location}" if node.code is not None else ""
            lines.append(f"{lead}{name}{where}{'  (above)' if node in seen else ''}")
            if node in seen:
                continue
            seen.add(node)
            below = [n for n, _ in node.next_functions if n is not None]
            for i, child in reversed(list(enumerate(below))):
                last = i == len(below) - 1
                stack.append((child, f"{rest}{'└─ ' if last else '├─ '}", f"{rest}{'   ' if last else '│  '}"))
        else:
            lines.append(f"{lead}{name} {node.variable.type_}")
    return "\n".join(lines)

