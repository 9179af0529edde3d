"""`gradc.compile`: a function that runs as one XLA program per kind of arguments."""

from __future__ import annotations

import functools
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from gradc.backends.jax import Lowered
from gradc.backends.jax import on_device as to_device
from gradc.compiler.arguments import signature, tree_map
from gradc.compiler.backward import CompiledBackward
from gradc.compiler.stages import LoweredStage
from gradc.compiler.trace import Source, Traced, trace
from gradc.errors import ArgumentError
from gradc.ir import Graph, Location, Program
from gradc.modes import current
from gradc.node import FREED, Freed, Node, count
from gradc.passes import pipeline
from gradc.passes.free import free
from gradc.passes.fuse import fuse
from gradc.passes.split import split
from gradc.tensor import Tensor, on_device


class Code(str):
    """Source text that shows as itself."""

    def __repr__(self) -> str:
        return str(self)


class Specialisation:
    """One traced and compiled form of a function: for arguments of one signature, while its guards hold."""

    def __init__(self, traced: Traced, seconds: float) -> None:
        self.traced = traced
        self.guards = traced.guards
        self.seconds = {"trace": seconds}
        self.stages: dict[str, Graph | Program | Code] = {}
        joint = bool(traced.differentiable)
        passes = [p for p in pipeline.PASSES if not joint or p not in (fuse, free)]
        for stage in pipeline.run(traced.graph, passes):
            self.stages[stage.name] = stage.graph
            self.seconds[stage.name] = stage.seconds
        final: Any = self.stages[passes[-1].__name__]
        self.backward: CompiledBackward | None = None
        if joint:
            final = self._split(final)
            self.backward = CompiledBackward(final.backward, len(traced.differentiable))
        self.final = final
        self.forward: Graph = final.forward if joint else final
        self.returned = len(self.forward.results)
        self.lowered = Lowered(_without_saved_inputs(self.forward), donate=self._donated(self.forward))
        backward = "" if self.backward is None else f"\n\n{self.backward.source}"
        self.stages["lowered"] = self.code = Code(self.lowered.source + backward)
        self.inputs = [self._place(source) for source in traced.inputs]
        self.updates = [self._place(source) for source in traced.updates]
        self.writer = ("a compiled function", traced.graph.loc)
        self.spent = _spent_node(traced.graph.loc)

    def _split(self, joint: Graph) -> Program:
        program = split(joint, self.traced.cotangents, len(self.traced.wrt))
        program = _made_by("split", program, program.forward, program.backward)
        self.stages["split"] = program
        for each in (fuse, free):
            program = _made_by(each.__name__, program, each(program.forward), each(program.backward))
            self.stages[each.__name__] = program
        return program

    def _donated(self, forward: Graph) -> list[int]:
        """The inputs whose memory XLA may reuse: state that is replaced, unless the backward still reads it."""
        saved = set(forward.saved_values)
        targets = {v for v in forward.updates if v not in saved}
        states = [s.kind == "state" for s in self.traced.inputs]
        return [i for i, v in enumerate(forward.inputs) if v in targets and states[i]]

    def __call__(self, arguments: list[Tensor]) -> Any:
        """Run on these arguments, write the state back, and return what the function returned."""
        arrays = []
        for tensor, argument in self.inputs:
            if tensor is None:
                tensor = arguments[argument]
                arrays.append(tensor._array if tensor._device is None else tensor._device)
            else:
                arrays.append(_on_device(tensor) if tensor._device is None else tensor._device)
        outputs = self.lowered(*arrays)
        returned = self.returned
        results = [on_device(array) for array in outputs[:returned]]
        if self.backward is not None:
            self._link(arguments, results, arrays, outputs[returned + len(self.updates):])
        for i in self.traced.spent:
            results[i]._node = self.spent
        for (tensor, argument), array in zip(self.updates, outputs[returned:], strict=False):
            if tensor is None:
                tensor = arguments[argument]
            storage = tensor._storage
            storage.version += 1
            storage.writer = self.writer
            if tensor._device is not None:
                tensor._device = array
            else:  # somebody shares this memory and must see the new values in it
                np.copyto(tensor._array, np.asarray(array))
        for target, grad in self.traced.grads:
            self._find(target, arguments, results)._grad = None if grad is None else self._find(
                grad, arguments, results)
        result = self.traced.result
        if result.__class__ is Source:
            return self._find(result, arguments, results)
        return tree_map(lambda x: self._find(x, arguments, results) if isinstance(x, Source) else x, result)

    def _find(self, source: Source, arguments: list[Tensor], results: list[Tensor]) -> Tensor:
        if source.kind == "result":
            return results[source.index]
        return arguments[source.index] if source.kind == "argument" else self.traced.state[source.index]

    def _place(self, source: Source) -> tuple[Tensor | None, int]:
        """A tensor of the state, or the number of an argument."""
        return (self.traced.state[source.index], 0) if source.kind == "state" else (None, source.index)

    def _link(self, arguments: list[Tensor], results: list[Tensor], arrays: list[Any],
              computed: tuple[Any, ...]) -> None:
        """Enter a call of a differentiable function into the dynamic graph; `computed` are the saved results."""
        traced = self.traced
        assert self.backward is not None
        given = dict(zip(self.forward.inputs, arrays, strict=True))
        rest = iter(computed)
        saved = [given[v] if v in given else next(rest) for v in self.forward.saved_values]  # type: ignore[index]
        inputs = [arguments[i] if tensor is None else tensor for tensor, i in self.inputs]
        self.backward.link(self.forward, saved, inputs, [self._find(s, arguments, results) for s in traced.wrt],
                           [results[i] for i in traced.differentiable])


def _on_device(tensor: Tensor) -> Any:
    """The values of state as a jax array of their own, so that it can be donated.

    The tensor keeps it in place of its NumPy array, unless somebody else holds that memory.
    """
    array = tensor._array
    base = array.base
    # Held by the tensor, by `array` and by getrefcount; what it may be a view of by `array`, `base` and getrefcount.
    alone = sys.getrefcount(array) <= 3 and (base is None or isinstance(base, np.ndarray) and base.base is None
                                             and sys.getrefcount(base) <= 3)
    device = to_device(array)
    if alone and tensor._view is None:
        tensor._device = device
        del tensor._array
    return device


class _Spent:
    """The op of a node whose backward ran inside a compiled function."""

    name = "compiled"
    saved_names: tuple[str, ...] = ()
    backward = backward_on_tensors = None
    generates = False

    def node_name(self, node: Any) -> str:
        return "CompiledBackward"


def _spent_node(location: Location) -> Node:
    """The node of results whose graph a backward() inside the function has used up."""
    node = Node()
    node.op, node.attrs, node.edges = _Spent(), {}, ()
    node.saved, node.guards = FREED, (Freed(location), 1)
    node.signature, node.number, node.code, node.instruction = (), count(), None, 0
    return node


RECOMPILE_LIMIT = 8
"""Programs kept for arguments of one kind; needing more is a sign of a value that ought to be a tensor."""


def _without_saved_inputs(forward: Graph) -> Graph:
    """A forward graph that does not return inputs which are saved: the caller has them."""
    saved = [v for v in forward.saved_values if v not in forward.inputs]
    return forward.replace(outputs=(*forward.results, *forward.updated, *saved), saved=len(saved))


def _made_by(name: str, before: Program, forward: Graph, backward: Graph) -> Program:
    """The program that a pass made of the two graphs, with its name in their history."""
    history = (*before.forward.history, name)
    return Program(before.name, forward.replace(history=history), backward.replace(history=history))


class CompiledFunction:
    """A function under `gradc.compile`. Calling it traces, compiles or reuses, and runs."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self._cache: dict[Any, list[Specialisation]] = {}
        self._last: Specialisation | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        modes = current()
        if modes.trace is not None:
            return self.function(*args, **kwargs)  # inside another compiled function it is part of that one
        tensors: list[Tensor] = []
        key = signature(args, tensors), signature(kwargs, tensors) if kwargs else None, modes.grad, _aliases(tensors)
        cached = self._cache.setdefault(key, [])
        reason = None
        for found in cached:
            broken = found.guards.broken()
            if broken is None:
                self._last = found
                return found(tensors)
            reason = reason or broken
        made = self._specialise(args, kwargs, tensors)
        if len(cached) == RECOMPILE_LIMIT:
            warnings.warn(f"{graph_title(self.function)} was traced more than {RECOMPILE_LIMIT} times for arguments of "
                          f"one kind, because of what it reads besides them; the last time, {reason}",
                          RuntimeWarning, stacklevel=2)
        cached.insert(0, made)
        del cached[RECOMPILE_LIMIT + 1 :]
        return made(tensors)

    def _specialise(self, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]) -> Specialisation:
        start = time.perf_counter()
        traced = trace(self.function, args, kwargs, tensors)
        self._last = Specialisation(traced, time.perf_counter() - start)
        return self._last

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A compiled method is bound like any other."""
        return self if instance is None else functools.partial(self, instance)

    # What can be seen

    def lower(self, *args: Any, **kwargs: Any) -> LoweredStage:
        """Trace and lower for these arguments without running; `.compile()` then compiles ahead of time."""
        tensors: list[Tensor] = []
        signature((args, kwargs), tensors)
        return LoweredStage(self._specialise(args, kwargs, tensors))

    @property
    def last(self) -> Specialisation:
        """The specialisation that ran last. Raises ArgumentError before the first call."""
        if self._last is None:
            raise ArgumentError(f"{graph_title(self.function)} has not been called yet: call it, or lower it for some "
                                f"arguments, to have something to see")
        return self._last

    @property
    def stages(self) -> Mapping[str, Graph | Program | Code]:
        """The graph after each pass, by the pass's name, in order. The last, "lowered", prints as `code`."""
        return MappingProxyType(self.last.stages)

    @property
    def code(self) -> str:
        """The jax.numpy source that runs."""
        return str(self.last.code)


def graph_title(function: Any) -> str:
    """What to call a function in a message."""
    return str(getattr(function, "__name__", type(function).__name__))


def _aliases(tensors: list[Tensor]) -> Any:
    """Which of the arguments are the same tensor."""
    if len(tensors) < 2:
        return None
    first: dict[int, int] = {}
    return tuple([first.setdefault(id(t), i) for i, t in enumerate(tensors)])


def compile(function: Callable[..., Any] | None = None, *, fullgraph: bool = True, dynamic: bool | None = None,
            backend: str = "xla", disable: bool = False) -> Any:
    """Make a function run as one XLA program, traced anew when the kind of its arguments changes.

    Works on pure functions, modules, and whole training steps: parameters, gradients and optimizer state that the
    function touches are found, carried as state, updated in place and donated. `@compile` and `@compile(...)` both do.

    Raises TraceError, at the first call, for what cannot be traced.
    Source  torch.compile, jax.jit
    """
    if backend != "xla":
        raise ArgumentError(f"compile: backend {backend!r} is not known; there is 'xla'")
    if not fullgraph or dynamic:
        raise ArgumentError("compile: gradc traces whole graphs with fixed shapes; fullgraph=False and dynamic=True "
                            "are not supported")
    if function is None:
        return lambda given: compile(given, disable=disable)
    if disable or isinstance(function, CompiledFunction):
        return function
    if not callable(function):
        raise ArgumentError(f"compile: expected a function or a module, got {type(function).__name__}")
    return CompiledFunction(function)


def make_ir(function: Callable[..., Any]) -> Callable[..., Graph]:
    """`make_ir(f)(*args)` is the traced graph of f for these arguments; nothing runs. As jax.make_jaxpr."""
    function = function.function if isinstance(function, CompiledFunction) else function

    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Graph:
        tensors: list[Tensor] = []
        signature((args, kwargs), tensors)
        return trace(function, args, kwargs, tensors).graph.replace(history=("traced",))

    return traced

