"""A function of tensors as a pure function of JAX arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradc import locations
from gradc.backends.jax import Lowered
from gradc.compiler.arguments import leaves, signature, tree_map
from gradc.compiler.trace import Source, Traced, trace
from gradc.errors import TraceError
from gradc.generator import Draw
from gradc.ir import Graph
from gradc.passes import pipeline
from gradc.tensor import Tensor, payload


class PureFunction:
    """What a function of tensors computes, as a pure function of JAX arrays, for jax.jit, jax.grad, jax.vmap.

    `f(*args, **kwargs)` if the function reads nothing besides its arguments. Else `f(state, *args, **kwargs)`, where
    `state` is a dictionary of what it reads by name, a learning rate included, and `f.state` has the present values.
    If it writes some of them, or gradients, it returns (result, new state); the entry `name.grad` is the gradient of
    that tensor. Arguments are trees like those it was made with; what is no tensor in them is fixed.
    """

    def __init__(self, traced: Traced, arguments: tuple[Any, ...]) -> None:
        self.traced = traced
        self.__name__ = traced.graph.name
        self.graph = _without_cotangents(traced)
        self.lowered = Lowered(pipeline.run(self.graph)[-1].graph)
        self.structure = _structure(arguments)
        inputs = zip(traced.inputs, traced.graph.inputs, strict=False)
        self.names = {s: v.name for s, v in inputs if s.kind != "argument"}
        self.state = {name: np.array(payload(traced.state[s.index])) if s.kind == "state" else traced.draws[s.index]()
                      for s, name in self.names.items()}
        self.writes = bool(traced.updates or traced.grads)
        if any(s.kind != "state" for s in [*traced.updates, *(s for s, _ in traced.grads)]):
            raise TraceError(f"to_jax: {self.__name__} writes one of its arguments, or its .grad, and JAX's arrays "
                             f"cannot be written{locations.quote(locations.here())}\n    Return the new value.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result, or (result, new state), for arrays."""
        state: dict[str, Any] = {}
        if self.names:
            state, args = args[0], args[1:]
        given = leaves((args, kwargs))
        if _structure((args, kwargs)) != self.structure:
            raise TraceError(f"to_jax: {self.__name__} was made for other arguments{locations.quote(locations.here())}")
        arrays = [x for x, old in zip(given, leaves(self.structure), strict=True) if old is _TENSOR]
        inputs = [arrays[s.index] if s.kind == "argument" else state[self.names[s]] for s in self.traced.inputs]
        with self.lowered.wide(True):
            outputs = self.lowered.function(*inputs)
        find = {"argument": arrays.__getitem__, "result": outputs.__getitem__,
                "state": lambda i: (state | changed)[self.names[Source("state", i)]]}
        changed = self._changed(outputs)
        result = tree_map(lambda x: find[x.kind](x.index) if isinstance(x, Source) else x, self.traced.result)
        if not self.writes:
            return result
        for target, grad in self.traced.grads:
            changed[f"{self.names[target]}.grad"] = None if grad is None else find[grad.kind](grad.index)
        return result, {**state, **changed}

    def _changed(self, outputs: Any) -> dict[str, Any]:
        """The new values of the tensors that are written."""
        first = len(self.graph.results)
        return {self.names[s]: outputs[first + i] for i, s in enumerate(self.traced.updates)}


_TENSOR = object()


def _structure(arguments: Any) -> Any:
    return tree_map(lambda x: _TENSOR if isinstance(x, Tensor) or hasattr(x, "shape") else x, arguments)


def _without_cotangents(traced: Traced) -> Graph:
    """The graph of the function alone, without the gradient that a caller's backward would ask for."""
    graph = traced.graph
    count = len(traced.wrt) if traced.differentiable else 0
    if not count:
        return graph
    first = len(graph.outputs) - len(graph.updates) - count
    return graph.replace(
        inputs=tuple([v for v in graph.inputs if v not in traced.cotangents]), nodes=graph.nodes[:-1],
        outputs=(*graph.outputs[:first], *graph.outputs[first + count :]))


def to_jax(function: Callable[..., Any], *args: Any, **kwargs: Any) -> PureFunction:
    """The pure function of JAX arrays that `function` is for arguments like these.

    Raises TraceError for what cannot be one: random draws, and writes to its arguments.
    Source  jax.stages.Lowered
    """
    tensors: list[Tensor] = []
    signature((args, kwargs), tensors)
    traced = trace(getattr(function, "function", function), args, kwargs, tensors)
    if any(isinstance(draw, Draw) for draw in traced.draws):
        raise TraceError(f"to_jax: {traced.graph.name} draws random numbers, which a pure function cannot"
                         f"{locations.quote(traced.graph.loc)}\n    Pass them as arguments.")
    return PureFunction(traced, (args, kwargs))
