"""Running a graph eagerly, op by op, on tensors: what the text of a graph means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc import engine
from gradc.apply import apply
from gradc.errors import ArgumentError, DtypeError, ShapeError
from gradc.ir import Graph, Node, Operand, Program, Value
from gradc.modes import EAGER, current, enter
from gradc.tensor import Tensor


def run(graph: Graph, *tensors: Tensor) -> Any:
    """The results of a graph on these inputs, and after them its updates and saved values.

    One output comes back bare, several as a tuple. `gradient` nodes are computed by eager autograd, so a traced graph
    and what each pass made of it give the same numbers.

    Raises ArgumentError, ShapeError or DtypeError when the inputs are not what the graph takes.
    """
    _check_inputs(graph, tensors)
    recorded = any(node.op.name == "gradient" for node in graph.nodes)
    before = enter(EAGER) if recorded and current().trace is None else current()
    try:
        environment: dict[Value, Any] = {}
        for value, tensor in zip(graph.inputs, tensors, strict=True):
            environment[value] = _input(tensor, recorded and value.dtype.is_differentiable)
        execute(graph.nodes, environment)
        outputs = tuple(_read(environment, v) for v in graph.outputs)
    finally:
        enter(before)
    if recorded:
        outputs = tuple(x.detach() if isinstance(x, Tensor) else x for x in outputs)  # type: ignore[attr-defined]
    return outputs[0] if len(outputs) == 1 else outputs


def _input(tensor: Tensor, requires_grad: bool) -> Tensor:
    """The tensor, or where gradients will be taken a leaf of the same values."""
    if not requires_grad:
        return tensor
    return tensor.detach().requires_grad_()  # type: ignore[attr-defined, no-any-return]


def _check_inputs(graph: Graph, tensors: Sequence[Any]) -> None:
    if len(tensors) != len(graph.inputs):
        raise ArgumentError(f"{graph.name} takes {len(graph.inputs)} tensors "
                            f"({', '.join(map(repr, graph.inputs))}), got {len(tensors)}")
    for value, tensor in zip(graph.inputs, tensors, strict=True):
        if not isinstance(tensor, Tensor):
            raise ArgumentError(f"{graph.name}: {value.name} is to be a tensor {value.type}, got "
                                f"{type(tensor).__name__}")
        if tuple(tensor.shape) != value.shape:
            raise ShapeError(f"{graph.name}: {value.name} is {value.type}, got {tensor.type_}")
        if tensor.dtype is not value.dtype:
            raise DtypeError(f"{graph.name}: {value.name} is {value.type}, got {tensor.type_}")


def execute(nodes: Sequence[Node], environment: dict[Value, Any]) -> None:
    """Compute nodes in order; `environment` holds the values, and loses those that are freed."""
    for node in nodes:
        if node.op.name == "free":
            for value in node.inputs:
                environment.pop(value, None)  # type: ignore[call-overload]
        elif getattr(node.op, "region", None) == "block":
            inner = dict(zip(node.inputs, (environment[v] for v in node.inputs), strict=True))  # type: ignore[index]
            execute(node.regions[0].nodes, inner)  # type: ignore[arg-type]
            environment.update((v, inner[v]) for v in node.outputs)
        else:
            operands = tuple(_read(environment, x) for x in node.inputs)
            results = _gradient(node, operands) if node.op.name == "gradient" else apply(
                node.op, operands, dict(node.attrs))
            environment.update(zip(node.outputs, results if isinstance(results, tuple) else (results,), strict=True))


def _read(environment: dict[Value, Any], operand: Operand) -> Any:
    return environment[operand] if isinstance(operand, Value) else operand


def _gradient(node: Node, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    of = node.attrs["of"]
    seeds = list(operands[of : 2 * of]) if node.attrs["seeded"] else None
    wanted = operands[2 * of if seeds else of :]
    return engine.grad(list(operands[:of]), list(wanted), seeds, create_graph=True, materialize_grads=True)


def _run_program(program: Program, *tensors: Tensor) -> Any:
    """The results of a split program on the inputs of its forward part followed by the cotangents: as the joint."""
    count = len(program.forward.inputs)
    outputs = run(program.forward, *tensors[:count])
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    end = len(outputs) - program.forward.saved
    gradients = run(program.backward, *outputs[end:], *tensors[count:])
    return (*outputs[:end], *(gradients if isinstance(gradients, tuple) else (gradients,)))


Graph.__call__ = run  # type: ignore[attr-defined]
Program.__call__ = _run_program  # type: ignore[attr-defined]
