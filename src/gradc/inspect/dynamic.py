"""The dynamic graph behind an eager tensor, as a graph of the IR and as a tree of its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from types import FrameType, NoneType
from typing import Any

from gradc import locations
from gradc.errors import GradError
from gradc.gradients import operand_types
from gradc.ir import Graph, Type
from gradc.node import FREED, Node
from gradc.ops.base import Op
from gradc.tensor import Tensor, edge, payload
from gradc.tracing import Tracer


def graph(tensor: Tensor) -> Graph:
    """The dynamic graph behind `tensor`: the same kind of graph as a traced one, printable, parsable and runnable.

    Leaves are inputs, and so are the operands that need no gradient, since eager mode keeps only what backward needs.
    They have the user's names, where a variable of the calling functions or a module in one holds them.

    Raises GradError for a tensor without a graph.
    """
    start = edge(tensor)
    if start is None or start is tensor:
        raise GradError(f"graph: this tensor ({tensor.type_}) was not computed from tensors that require grad"
                        f"{locations.quote(locations.here())}")
    tracer = Tracer()
    recorder = _Recorder(tracer, visible_names(locations.user_frame()))
    for node in in_order(start.node):
        recorder.record(node)
    last = recorder.results[start.node]
    result = last[start.index] if isinstance(last, tuple) else last
    return tracer.graph("dynamic", (result,), history=("dynamic",), loc=start.node.location)


def in_order(start: Node) -> Iterator[Node]:
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


def visible_names(frame: FrameType | None) -> dict[int, str]:
    """What to call the tensors that the variables of a frame and of its callers hold, and their arrays.

    A parameter of a module is called `model_fc_weight`. Of several names, that of the innermost frame counts.
    """
    names: dict[int, str] = {}
    while frame is not None:
        for variable, value in [*frame.f_locals.items(), *frame.f_globals.items()]:
            found = [(variable, value)] if isinstance(value, Tensor) else []
            if not isinstance(value, type) and callable(getattr(value, "named_parameters", None)):
                found = [(f"{variable}_{path.replace('.', '_')}", tensor) for path, tensor in value.named_parameters()]
            for name, tensor in found:
                names.setdefault(id(tensor), name)
                names.setdefault(id(payload(tensor)), name)
        frame = frame.f_back
    return names


class _Recorder:
    """Records nodes of the dynamic graph into a trace. `names` says what tensors and arrays are called, by their id."""

    def __init__(self, tracer: Tracer, names: dict[int, str]) -> None:
        self.tracer = tracer
        self.names = names
        self.results: dict[Node, Any] = {}
        self.inputs: dict[int, Tensor] = {}

    def record(self, node: Node) -> None:
        types = operand_types(node)
        if not isinstance(node.op, Op):
            raise GradError(f"graph: {node.name()} was made by a compiled function, whose graph is in its .stages, or "
                            f"by a Function of the user's own, of which no graph is kept: trace it with gradc.make_ir")
        operands = tuple(self._operand(node, i, t) for i, t in enumerate(types))
        with self.tracer.at(node.location), self.tracer.on(grad=True):
            made = self.tracer.record(node.op, operands, node.attrs)
        name = None if node.code is None else locations.name_of_instruction(node.code, node.instruction)
        if name is not None and isinstance(made, Tensor):
            self.tracer.rename(self.tracer.read(made), name)
        self.results[node] = made

    def _operand(self, node: Node, i: int, type: Any) -> Any:
        """What the i-th operand was: an earlier result, a leaf, a tensor that needs no gradient, or a number."""
        to = node.edges[i]
        if isinstance(to, Tensor):
            return self._input(to, to.type_, "leaf")
        if to is not None:
            made = self.results[to.node]
            return made[to.index] if isinstance(made, tuple) else made
        saved = saved_operand(node, i)
        if isinstance(type, Type):
            return self._input(saved, type, "constant")
        return number_operand(node, i, saved)

    def _input(self, held: Any, type: Type, otherwise: str) -> Tensor:
        """The input for a leaf or a saved array: one for each, under the user's name."""
        if held is None:
            return self.tracer.input(type, otherwise)
        if id(held) not in self.inputs:
            self.inputs[id(held)] = self.tracer.input(type, self.names.get(id(held), otherwise))
        return self.inputs[id(held)]


def saved_operand(node: Node, i: int) -> Any:
    """What was saved of the i-th operand of a node; None where nothing was, or backward has freed it."""
    for value, (is_result, position, _) in zip(node.held, node.op.saved_sources, strict=False):
        if not is_result and node.held is not FREED:
            if position == i and not isinstance(value, tuple):
                return value
            if isinstance(value, tuple) and i >= position:  # all of a variable number of operands
                return value[i - position]
    return None


def number_operand(node: Node, i: int, saved: Any) -> Any:
    """A Python number operand: what was saved of it, or stands in the node."""
    kinds = node.signature[-1]
    if isinstance(kinds, tuple) and kinds[i] is NoneType:
        return None  # an optional operand that is absent
    if saved is not None:
        return saved
    specialised = node.signature[i]
    if specialised is not None:
        return specialised
    return node.numbers[i]


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

