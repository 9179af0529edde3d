"""From a user's function and one set of arguments to a graph, and what its inputs and outputs mean to the caller."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gradc.compiler import naming
from gradc.compiler.arguments import is_array, leaves, tree_map
from gradc.compiler.capture import Reading, StateTracer
from gradc.compiler.guards import Guards
from gradc.compiler.numbers import plain
from gradc.compiler.watch import Watch
from gradc.generator import Draw
from gradc.ir import OPS, Graph, Value
from gradc.modes import current
from gradc.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Source:
    """Where a tensor comes from: the "argument", "state", "draw", "result" (output of the graph) or "view" (of another
    source) of this number.
    """

    kind: str
    index: int


@dataclass
class Traced:
    """A traced function.

    `inputs` says for each input of the graph which tensor it is; `result` is the returned tree with a Source in the
    place of each tensor; `updates` are the tensors whose new values are the graph's updates; `grads` what `.grad` of
    a tensor becomes: None, or the output that is added as a new tensor; `views` are the sources, ops and attributes of
    results that share memory, and whether gradients flow through them; `draws` what is to be done with random
    generators before each call, in order.

    A differentiable function's graph has one more input per output in `differentiable`, its cotangent, and one more
    output per tensor in `wrt`, its gradient.
    """

    graph: Graph
    state: list[Tensor]
    guards: Guards
    inputs: list[Source] = field(default_factory=list)
    result: Any = None
    views: list[tuple[Source, Any, dict[str, Any], bool]] = field(default_factory=list)
    updates: list[Source] = field(default_factory=list)
    grads: list[tuple[Source, Source | None]] = field(default_factory=list)
    spent: set[int] = field(default_factory=set)
    differentiable: list[int] = field(default_factory=list)
    cotangents: list[Value] = field(default_factory=list)
    gradients: tuple[Value, ...] = ()
    wrt: list[Source] = field(default_factory=list)
    draws: list[Draw | Reading] = field(default_factory=list)


def trace(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any],
          tensors: list[Tensor], watch: Watch | None = None, numbers: bool = False) -> Traced:
    """Run `function` once on stand-ins for its tensors and record what it does; nothing is computed or changed.

    `tensors` are those among the arguments, in order, as `arguments.signature` finds them. `watch` looks at what else
    the function does. `numbers` says that there are stand-ins for numbers among what the function reads.

    Raises TraceError, with the user's line, for what cannot be traced.
    """
    tracer = StateTracer(naming.of_tensors(function, args, kwargs))
    tracer.numbers = {} if numbers else None
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
        with watch.on() if watch is not None else contextlib.nullcontext():
            result = function(*args, **kwargs)
        result = tree_map(plain, result) if numbers else result
        traced = _Outputs(tracer, arguments).collect(function, result, grad)
    del result
    tracer.release()
    tracer.check_escapes()
    return traced


def collect(tracer: StateTracer, function: Any, result: Any, arguments: dict[int, Source]) -> Traced:
    """What a tracer has recorded of `function`, which returned `result`; `arguments` says which tensors are these."""
    return _Outputs(tracer, arguments).collect(function, result, True)


def _root(tensor: Tensor) -> Tensor:
    """The tensor whose memory this one is a part of, detached or not."""
    while tensor._view is not None:
        tensor = tensor._view.parent
    return tensor


def root_of(tensor: Tensor) -> int:
    """What tensors with common memory have in common."""
    return id(_root(tensor))


class _Outputs:
    """Sorts what a traced function left behind into results, gradients, updates and cotangents."""

    def __init__(self, tracer: StateTracer, arguments: dict[int, Source]) -> None:
        self.tracer = tracer
        self.arguments = arguments
        self.sources: dict[int, Source] = {}
        self.shared: set[int] = set()
        self.views: list[tuple[Source, Any, dict[str, Any], bool]] = []
        self.outputs: list[Value] = []
        self.cotangents: list[Value] = []
        self.gradients: tuple[Value, ...] = ()

    def collect(self, function: Any, result: Any, grad: bool) -> Traced:
        tracer = self.tracer
        spent = tracer.spent()
        self._note_shared(result)
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
            result=tree, views=self.views, updates=[self._source(tensor) for tensor, _, _ in written], grads=grads,
            spent={i for i in tracked if self.outputs[i] in spent},
            differentiable=differentiable, cotangents=self.cotangents, gradients=self.gradients,
            wrt=[self._source(tensor) for tensor in leaves_used.values()])

    def _note_shared(self, result: Any) -> None:
        """Find the memory that results share with tensors from outside, or among each other."""
        returned = {id(x): x for x in leaves(result) if isinstance(x, Tensor)}
        roots = [root_of(x) for x in returned.values()]
        self.shared = {root for x, root in zip(returned.values(), roots, strict=True)
                       if roots.count(root) > 1 or not self.tracer.owns(_root(x))}

    def _inputs(self) -> list[Source]:
        """Where the inputs of the graph come from, without cotangents."""
        tracer = self.tracer
        tensors = {value: tensor for tensor, value in tracer.first.values()}
        return [self._source(tensors[value]) if value in tensors else Source("draw", tracer.drawn[value])
                for value in tracer.inputs if value in tensors or value in tracer.drawn]

    def _source(self, tensor: Tensor) -> Source:
        """Where a tensor comes from; one made in the trace becomes an output, or a view of another one."""
        found = self.sources.get(id(tensor))
        if found is None:
            view = tensor._view
            if view is not None and self.tracer.owns(tensor) and root_of(tensor) in self.shared:
                self.views.append((self._source(view.parent), view.op, view.attrs, tensor._node is not None))
                found = Source("view", len(self.views) - 1)
            else:
                found = self._value_source(tensor)
            self.sources[id(tensor)] = found
        return found

    def _value_source(self, tensor: Tensor) -> Source:
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
