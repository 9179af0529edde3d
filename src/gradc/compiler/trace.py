"""From a user's function and one set of arguments to a graph, and what its inputs and outputs mean to the caller."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from gradc import locations
from gradc.compiler.arguments import is_array, leaves, tree_map
from gradc.compiler.capture import StateTracer
from gradc.compiler.guards import Guards
from gradc.ir import OPS, Graph, Location, Value
from gradc.modes import current
from gradc.tensor import Tensor

@dataclass(frozen=True, slots=True)
class Source:
    """Where a tensor comes from: the "argument", the "state" or the "result" (output of the graph) of this number."""

    kind: str
    index: int


@dataclass
class Traced:
    """A traced function.

    `inputs` says for each input of the graph which tensor it is; `result` is the returned tree with a Source in the
    place of each tensor; `updates` are the tensors whose new values are the graph's updates; `grads` what `.grad` of
    a tensor becomes: None, or the output that is added as a new tensor.

    A differentiable function's graph has one more input per output in `differentiable`, its cotangent, and one more
    output per tensor in `wrt`, its gradient.
    """

    graph: Graph
    state: list[Tensor]
    guards: Guards
    inputs: list[Source] = field(default_factory=list)
    result: Any = None
    updates: list[Source] = field(default_factory=list)
    grads: list[tuple[Source, Source | None]] = field(default_factory=list)
    spent: set[int] = field(default_factory=set)
    differentiable: list[int] = field(default_factory=list)
    cotangents: list[Value] = field(default_factory=list)
    wrt: list[Source] = field(default_factory=list)


def trace(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any],
          tensors: list[Tensor]) -> Traced:
    """Run `function` once on stand-ins for its tensors and record what it does; nothing is computed or changed.

    `tensors` are those among the arguments, in order, as `arguments.signature` finds them.

    Raises TraceError, with the user's line, for what cannot be traced.
    """
    roots = [*_roots(function), *zip(_parameter_names(function, args, kwargs), [*args, *kwargs.values()],
                                     strict=False)]
    tracer = StateTracer(_tensor_names(roots))
    grad = current().grad
    arguments: dict[int, Source] = {}
    names = iter(_argument_names(function, args, kwargs))
    for i, tensor in enumerate(tensors):
        name = next(names)
        if id(tensor) not in arguments:
            arguments[id(tensor)] = Source("argument", i)
            tracer.argument(tensor, name)
    given = iter(tensors)
    args, kwargs = tree_map(lambda x: next(given) if isinstance(x, Tensor) or is_array(x) else x, (args, kwargs))
    tracer.guards.function(function)
    for leaf in leaves((args, kwargs)):
        tracer.guards.inside(leaf)
    with tracer.on(grad=grad):
        result = function(*args, **kwargs)
        traced = _Outputs(tracer, arguments).collect(function, result, grad)
    del result
    tracer.release()
    tracer.check_escapes()
    return traced


class _Outputs:
    """Sorts what a traced function left behind into results, gradients, updates and cotangents."""

    def __init__(self, tracer: StateTracer, arguments: dict[int, Source]) -> None:
        self.tracer = tracer
        self.arguments = arguments
        self.outputs: list[Value] = []
        self.cotangents: list[Value] = []
        self.gradients: tuple[Value, ...] = ()

    def collect(self, function: Any, result: Any, grad: bool) -> Traced:
        tracer = self.tracer
        spent = tracer.spent()
        tree = tree_map(lambda x: self._source(x) if isinstance(x, Tensor) else x, result)
        returned = len(self.outputs)
        grads = [(self._source(tensor), None if held is None else self._source(held))
                 for tensor, held in list(tracer.grads.values()) if held is not tensor._grad]
        tracked = [i for i, v in enumerate(self.outputs) if v in tracer.tracked and grad]
        differentiable = [i for i in tracked[:returned] if i < returned and self.outputs[i] not in spent]
        leaves_used = tracer.leaves_of([self.outputs[i] for i in differentiable])
        if differentiable:
            self._differentiate([self.outputs[i] for i in differentiable], list(leaves_used))
        written = tracer.written()
        graph = Graph(
            graph_name(function), tuple(tracer.inputs), tuple(tracer.nodes),
            (*self.outputs, *self.gradients, *(after for _, _, after in written)),
            updates=tuple(before for _, before, _ in written), loc=function_location(function))
        return Traced(
            graph, tracer.state, tracer.guards,
            inputs=[self._source(tensor) for tensor, _ in tracer.first.values()],
            result=tree, updates=[self._source(tensor) for tensor, _, _ in written], grads=grads,
            spent={i for i in tracked if self.outputs[i] in spent},
            differentiable=differentiable, cotangents=self.cotangents,
            wrt=[self._source(tensor) for tensor in leaves_used.values()])

    def _source(self, tensor: Tensor) -> Source:
        """Where a tensor comes from; one made in the trace becomes an output."""
        tracer = self.tracer
        if id(tensor) in self.arguments:
            return self.arguments[id(tensor)]
        value = tracer.read(tensor)  # a tensor from outside that was only written becomes state here
        if id(tensor) in tracer.first:
            return Source("state", next(i for i, held in enumerate(tracer.state) if held is tensor))
        self.outputs.append(value)
        return Source("result", len(self.outputs) - 1)

    def _differentiate(self, outputs: list[Value], wrt: list[Value]) -> None:
        """Append the gradients of outputs as a gradient node, with their cotangents as inputs."""
        tracer = self.tracer
        for value in outputs:
            cotangent = Value(tracer.name(f"d_{value.name.replace('[', '_').rstrip(']')}"), value.type)
            tracer.inputs.append(cotangent)
            self.cotangents.append(cotangent)
        self.gradients = tracer.emit(OPS["gradient"], (*outputs, *self.cotangents, *wrt),
                                     {"of": len(outputs), "seeded": True})


# Names


def graph_name(function: Any) -> str:
    """The name of the function as the name of its graph."""
    name = getattr(function, "__name__", type(function).__name__.lower())
    return name if name.isidentifier() and name not in OPS else f"{name.strip('<>')}_graph"


def function_location(function: Any) -> Location:
    """Where a function is defined."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None:
        return locations.UNKNOWN
    return locations.of_instruction(code, -1)


def _parameter_names(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
    """What the function calls its arguments."""
    try:
        parameters = [p for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_KEYWORD]
    except (TypeError, ValueError):
        parameters = []
    names: list[str] = []
    for i in range(len(args)):
        parameter = parameters[min(i, len(parameters) - 1)] if parameters else None
        if parameter is None or parameter.kind is parameter.VAR_POSITIONAL:
            names.append(f"{parameter.name if parameter else 'argument'}_{i}")
        else:
            names.append(parameter.name)
    return names + list(kwargs)


def _argument_names(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
    """A name for each tensor in the arguments: the parameter's, with a number inside containers."""
    names: list[str] = []
    for name, value in zip(_parameter_names(function, args, kwargs), [*args, *kwargs.values()], strict=True):
        inside = [x for x in leaves(value) if isinstance(x, Tensor) or is_array(x)]
        names += [name] if inside and inside[0] is value else [f"{name}_{i}" for i in range(len(inside))]
    return names


def _roots(function: Any) -> Iterable[tuple[str, Any]]:
    """The named objects that a function can reach without arguments: its self, closure and globals."""
    owner = getattr(function, "__self__", None)
    if owner is not None:
        yield type(owner).__name__.lower(), owner
    function = getattr(function, "__func__", function)
    if hasattr(function, "__code__"):
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                yield name, cell.cell_contents
            except ValueError:  # not assigned yet
                continue
        for name in function.__code__.co_names:
            if name in function.__globals__:
                yield name, function.__globals__[name]
    if hasattr(function, "named_parameters"):
        yield type(function).__name__.lower(), function


def _tensor_names(roots: Iterable[tuple[str, Any]]) -> dict[int, str]:
    """What to call the tensors that named objects hold: `model.fc.weight` is `model_fc_weight`."""
    names: dict[int, str] = {}
    for name, value in roots:
        if isinstance(value, Tensor):
            names.setdefault(id(value), name)
        for method in ("named_parameters", "named_buffers"):
            if not isinstance(value, type) and callable(getattr(value, method, None)):
                for path, tensor in getattr(value, method)():
                    names.setdefault(id(tensor), f"{name}_{path.replace('.', '_')}")
    return names
