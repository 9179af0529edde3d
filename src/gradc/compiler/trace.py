"""From a user's function and one set of arguments to a graph, and what its inputs and outputs mean to the caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gradc.compiler import naming
from gradc.compiler.arguments import is_array, leaves, tree_map
from gradc.compiler.capture import Reading, StateTracer
from gradc.compiler.guards import Guards
from gradc.generator import Draw
from gradc.ir import OPS, Graph, Value
from gradc.modes import current
from gradc.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Source:
    """Where a tensor comes from: the "argument", "state", "draw" or "result" (output of the graph) of this number."""

    kind: str
    index: int


@dataclass
class Traced:
    """A traced function.

    `inputs` says for each input of the graph which tensor it is; `result` is the returned tree with a Source in the
    place of each tensor; `updates` are the tensors whose new values are the graph's updates; `grads` what `.grad` of
    a tensor becomes: None, or the output that is added as a new tensor; `draws` what is to be done with random
    generators before each call, in order.

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
    draws: list[Draw | Reading] = field(default_factory=list)


def trace(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any],
          tensors: list[Tensor]) -> Traced:
    """Run `function` once on stand-ins for its tensors and record what it does; nothing is computed or changed.

    `tensors` are those among the arguments, in order, as `arguments.signature` finds them.

    Raises TraceError, with the user's line, for what cannot be traced.
    """
    tracer = StateTracer(naming.of_tensors(function, args, kwargs))
    grad = current().grad
    arguments: dict[int, Source] = {}
    names = iter(naming.of_arguments(function, args, kwargs))
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
    with tracer.on(grad=grad, autocast=current().autocast):
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
        differentiable = [i for i in tracked if i < returned and self.outputs[i] not in spent]
        reached = tracer.leaves_of([self.outputs[i] for i in differentiable])
        leaves_used = {v: leaf for v, leaf in reached.items() if id(leaf) in tracer.first}  # others die with the call
        differentiable = differentiable if leaves_used else []
        if differentiable:
            self._differentiate([self.outputs[i] for i in differentiable], list(leaves_used))
        written = tracer.written()
        graph = Graph(
            naming.graph_name(function), tuple(tracer.inputs), tuple(tracer.nodes),
            (*self.outputs, *self.gradients, *(after for _, _, after in written)),
            updates=tuple(before for _, before, _ in written), loc=naming.location(function))
        return Traced(
            graph, tracer.state, tracer.guards,
            inputs=self._inputs(), draws=tracer.draws,
            result=tree, updates=[self._source(tensor) for tensor, _, _ in written], grads=grads,
            spent={i for i in tracked if self.outputs[i] in spent},
            differentiable=differentiable, cotangents=self.cotangents,
            wrt=[self._source(tensor) for tensor in leaves_used.values()])

    def _inputs(self) -> list[Source]:
        """Where the inputs of the graph come from, without cotangents."""
        tracer = self.tracer
        tensors = {value: tensor for tensor, value in tracer.first.values()}
        return [self._source(tensors[value]) if value in tensors else Source("draw", tracer.drawn[value])
                for value in tracer.inputs if value in tensors or value in tracer.drawn]

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
                                     {"of": len(outputs), "seeded": True}, name="gradient")
