"""Running a graph eagerly, op by op, on tensors: what the text of a graph means."""

from __future__ import annotations

import ast
import functools
import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradc import calls, engine
from gradc.apply import apply
from gradc.errors import ArgumentError, DtypeError, ShapeError, TraceError
from gradc.ir import OPS, Array, Graph, Node, Operand, Program, Type, Value, constants
from gradc.ir.traits import is_call, is_closed
from gradc.ir.types import SCALARS
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
            environment[value] = _leaf(tensor.detach()) if recorded else tensor  # type: ignore[attr-defined]
        execute(graph.nodes, environment, recorded)
        outputs = tuple(_read(environment, v) for v in graph.outputs)
    finally:
        enter(before)
    if recorded:
        outputs = tuple(x.detach() if isinstance(x, Tensor) else x for x in outputs)  # type: ignore[attr-defined]
    return outputs[0] if len(outputs) == 1 else outputs


def replay(graph: Graph, *tensors: Tensor) -> tuple[Any, ...]:
    """The outputs of a graph as if its ops were called on these tensors: gradients flow from outputs to inputs."""
    environment: dict[Value, Any] = dict(zip(graph.inputs, tensors, strict=True))
    execute(graph.nodes, environment)
    return tuple(_read(environment, v) for v in graph.outputs)


def _leaf(result: Any) -> Any:
    """What an op gave, as leaves where no gradient flows through it: a `gradient` node may ask for any value's."""
    for x in result if isinstance(result, tuple) else (result,):
        if x.dtype.is_differentiable and not x.requires_grad:
            x.requires_grad_()
    return result


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


def execute(nodes: Sequence[Node], environment: dict[Value, Any], recorded: bool = False) -> None:
    """Compute nodes in order; `environment` holds the values, and loses those that are freed.

    Where `recorded`, gradients of all values can be taken.
    """
    for node in nodes:
        if node.op.name == "free":
            for value in node.inputs:
                environment.pop(value, None)  # type: ignore[call-overload]
        elif getattr(node.op, "region", None) == "block":
            inner = dict(zip(node.inputs, (environment[v] for v in node.inputs), strict=True))  # type: ignore[index]
            execute(node.regions[0].nodes, inner, recorded)  # type: ignore[arg-type]
            environment.update((v, inner[v]) for v in node.outputs)
        else:
            operands = tuple(_read(environment, x) for x in node.inputs)
            if is_call(node):
                results = _called(node, operands)
            elif is_closed(node):
                results = _controlled(node, operands)
            elif node.op.name == "gradient":
                results = _differentiated(node.attrs, operands)
            else:
                results = apply(node.op, operands, dict(node.attrs))
            results = _leaf(results) if recorded else results
            environment.update(zip(node.outputs, results if isinstance(results, tuple) else (results,), strict=True))


def _called(node: Node, operands: tuple[Any, ...]) -> Any:
    """The results of a node that calls its regions."""
    trace = current().trace
    if trace is not None:
        return calls.record(trace, node.regions, operands, dict(node.attrs))
    forward, *others = node.regions

    def run_forward(*tensors: Any) -> tuple[Sequence[Any], ...]:
        outputs = _outputs(forward, *tensors)
        end = len(outputs) - forward.saved
        return outputs[: len(forward.results)], outputs[len(forward.results) : end], outputs[end:]

    backward = None if not others else functools.partial(_outputs, others[0])
    return calls.call(run_forward, backward, operands)


def _controlled(node: Node, operands: tuple[Any, ...]) -> Any:
    """The results of a node whose regions are branches, or steps of a loop."""
    op: Any = node.op
    trace = current().trace
    if trace is not None:
        return calls.control(trace, op, node.regions, operands, dict(node.attrs))
    return op.run([functools.partial(_outputs, region) for region in node.regions], operands, dict(node.attrs))


def _outputs(region: Graph, *tensors: Any) -> list[Any]:
    """The outputs of a closed region for these inputs."""
    environment: dict[Value, Any] = dict(zip(region.inputs, tensors, strict=True))
    execute(region.nodes, environment)
    return [_read(environment, x) for x in region.outputs]


def _read(environment: dict[Value, Any], operand: Operand) -> Any:
    return environment[operand] if isinstance(operand, Value) else operand


def _differentiated(attrs: Mapping[str, Any], operands: tuple[Any, ...]) -> tuple[Any, ...]:
    of = attrs["of"]
    seeds = list(operands[of : 2 * of]) if attrs.get("seeded") else None
    wanted = operands[2 * of if seeds else of :]
    found = engine.grad(list(operands[:of]), list(wanted), seeds, create_graph=True, materialize_grads=True)
    return found if attrs.get("create_graph") else tuple(g.detach() for g in found)  # type: ignore[union-attr]


def _run_program(program: Program, *tensors: Tensor) -> Any:
    """The results of a split program on the inputs of its forward part followed by the cotangents: as the joint."""
    forward = program.forward
    count, returned = len(forward.inputs), len(forward.results)
    outputs = _tuple(run(forward, *tensors[:count]))
    end = len(outputs) - forward.saved
    gradients = _tuple(run(program.backward, *outputs[end:], *tensors[count:]))
    return (*outputs[:returned], *gradients, *outputs[returned:end])


def _tuple(outputs: Any) -> tuple[Any, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


# The text itself as Python


def python(text: str) -> Any:
    """The function, or the class of a program, that the text of a graph is when Python runs it, on eager tensors.

    It returns what `run` returns: results, updates and saved values in one tuple, a single one bare.
    """
    tree = ast.parse(text)
    recorded = any(isinstance(node, ast.Name) and node.id == "gradient" for node in ast.walk(tree))
    names = namespace(recorded)
    for node in ast.walk(tree):
        if isinstance(node, ast.withitem) and isinstance(node.context_expr, ast.Call):
            called = f"{ast.unparse(node.context_expr.func)} {len(names)}"  # functions may use one name for two blocks
            names[called] = _Block(node.optional_vars)
            node.context_expr.func = ast.copy_location(ast.Name(called, ast.Load()), node.context_expr.func)
    exec(compile(tree, "<gradc graph>", "exec"), names)
    made = names[tree.body[0].name]  # type: ignore[attr-defined]
    if isinstance(made, type):
        graphs = {name: staticmethod(_flat(getattr(made, name), recorded)) for name in ("forward", "backward")}
        return type(made.__name__, (), graphs)
    return _flat(made, recorded)


def namespace(recorded: bool = False) -> dict[str, Any]:
    """What the words in the text of a graph mean to Python, except the names of its blocks.

    Where `recorded`, gradients of all values can be taken.
    """
    return {**SCALARS, "inf": math.inf, "nan": math.nan, "array": _array, "updates": _updates, "saved": _Saved,
            **{name: _applied(op, recorded) for name, op in OPS.items()}}


def _applied(op: Any, recorded: bool) -> Any:
    """An op as a function of operands and attributes as they stand in a graph."""
    def function(*operands: Any, **attrs: Any) -> Any:
        given = {name: value.dtype if isinstance(value, Type) else value for name, value in attrs.items()}
        if op.name == "gradient":
            return _differentiated(op.defaults | given, operands)
        if op.region == "control":
            result = _controlled_function(op, operands, op.defaults | given)
            return _leaf(result) if recorded else result
        if op.region == "call":
            result = _called_function(op, operands)
            return _bare(_leaf(result) if recorded else result)
        result = apply(op, operands, op.defaults | given)
        return _leaf(result) if recorded else result

    return function


def _called_function(op: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The results of a node that calls its regions, the nested `def`s of a text."""
    functions, operands = _functions(op, arguments)

    def run_forward(*tensors: Any) -> tuple[Sequence[Any], ...]:
        outputs = [*_tuple(functions[0](*tensors))]
        saved = outputs.pop() if isinstance(outputs[-1], _Saved) and not isinstance(outputs[-1], _Updated) else ()
        updated = outputs.pop() if outputs and isinstance(outputs[-1], _Updated) else ()
        return outputs, updated, saved

    backward = None if len(functions) < 2 else lambda *tensors: _tuple(functions[1](*tensors))
    return calls.call(run_forward, backward, operands)


def _controlled_function(op: Any, arguments: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, ...]:
    """The results of a node whose regions are branches, or steps of a loop, the nested `def`s of a text."""
    functions, operands = _functions(op, arguments)
    return op.run([lambda *x, f=f: _tuple(f(*x)) for f in functions], operands, attrs)  # type: ignore[no-any-return]


def _functions(op: Any, arguments: tuple[Any, ...]) -> tuple[list[Any], tuple[Any, ...]]:
    """Regions and operands among the arguments of a node."""
    functions = [x for x in arguments if inspect.isfunction(x)]
    if current().trace is not None:
        raise TraceError(f"the text of a graph is run as Python in a trace, where the regions of {op.name} are "
                         f"functions and not graphs\n    Parse the text, and call the graph.")
    return functions, arguments[len(functions) :]


def _bare(results: tuple[Any, ...]) -> Any:
    return results[0] if len(results) == 1 else results


class _Saved(tuple[Any, ...]):
    """Values at the end of a return that belong to the list of outputs: updates and saved values."""

    def __new__(cls, *values: Any) -> _Saved:
        return super().__new__(cls, values)


class _Updated(_Saved):
    """The new values of inputs."""


def _updates(**values: Any) -> _Saved:
    return _Updated(*values.values())


def _flat(function: Any, recorded: bool) -> Any:
    """The function with updates and saved values in line with the results."""
    def flat(*tensors: Tensor) -> Any:
        made = function(*[_leaf(x.detach()) if recorded else x for x in tensors])  # type: ignore[attr-defined]
        parts: list[Any] = []
        for item in made if type(made) is tuple else (made,):
            parts += item if isinstance(item, _Saved) else [item]
        return parts[0] if len(parts) == 1 else tuple(parts)

    return flat


def _array(content: Any, type: Type) -> Array:
    """`array([1.0, 2.0], f32)`, or by the hash of an array that is alive."""
    if not isinstance(content, str):
        return Array(np.reshape(np.array(content, type.dtype.numpy), type.shape or np.shape(content)), type.dtype)
    found = constants.find(content)
    if found is None:
        raise ArgumentError(f"no array {content} is alive in this process")
    return found


class _Block:
    """The head of a fused block: it runs as if it were not there. Its names get their values inside."""

    def __init__(self, targets: ast.expr | None) -> None:
        self.placeholders = (None,) * len(targets.elts) if isinstance(targets, ast.Tuple) else None

    def __call__(self, *inputs: Tensor) -> _Block:
        return self

    def __enter__(self) -> Any:
        return self.placeholders

    def __exit__(self, *exception: object) -> None:
        pass


Graph.__call__ = run  # type: ignore[attr-defined]
Program.__call__ = _run_program  # type: ignore[attr-defined]
