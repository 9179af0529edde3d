"""The trace of a function that a transform runs inside of whatever is on: eager mode, or another trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import locations
from gradc.compiler.capture import StateTracer
from gradc.engine import Run, propagate, seed_of
from gradc.errors import TraceError, TransformError
from gradc.generator import Draw
from gradc.interpreter import execute
from gradc.ir import Value
from gradc.modes import Modes, current, enter
from gradc.ops import drawing
from gradc.passes.dce import dce
from gradc.passes.differentiate import expand_gradients
from gradc.tensor import Tensor, edge, payload


class FunctionTracer(StateTracer):
    """Records a function of one example.

    Every tensor from outside becomes an input, computed or not, of eager mode or of the trace that is on outside. The
    graph is run outside on these very tensors, so gradients flow to where they came from.
    """

    batches = True

    def __init__(self, outside: Modes, size: int, randomness: str) -> None:
        super().__init__({})
        self.own = set()
        self.outside = outside
        self.guards = getattr(outside.trace, "guards", self.guards)  # what this trace assumes, the one outside assumes
        self.size = size
        self.randomness = randomness
        self.sources: dict[Value, Tensor] = {}
        """For each input the tensor outside that it stands for."""
        self.mapped: set[Value] = set()
        """The inputs that differ from example to example."""

    def example(self, whole: Tensor, name: str) -> Tensor:
        """The stand-in for one example of a tensor that has them along its first dimension."""
        tensor = self.input(type(whole.type_)(whole.dtype, tuple(whole.shape[1:])), name)
        value = payload(tensor)
        self.mapped.add(value)
        self._follow(whole, value, tensor)
        return tensor

    def capture(self, tensor: Tensor) -> Value:
        value = self._input_for(tensor, "captured")
        self._follow(tensor, value, tensor)
        return value

    def _meet(self, tensor: Tensor) -> tuple[Value, int]:
        return self.capture(tensor), 0  # a view too is itself an input: its gradient is its own

    def draw(self, draw: Draw) -> Tensor | None:
        """Draw outside: once for all examples, or as many numbers as they need."""
        if self.randomness == "error":
            raise TransformError("vmap: called random operation while in randomness error mode. Please either use the "
                                 "'same' or 'different' randomness flags on vmap or perform the randomness operation "
                                 f"out of vmap{locations.quote(locations.here())}")
        if draw.shape is None:
            raise TransformError(f"vmap: {draw.name} of a random generator cannot be called inside: it would happen "
                                 f"once, not for every example{locations.quote(locations.here())}")
        different = self.randomness == "different" and draw.name != "get_state"
        before = enter(self.outside)
        try:
            drawn = drawing.draw(draw.name, draw.generator, draw.sample,
                                 (self.size, *draw.shape) if different else draw.shape)
        finally:
            enter(before)
        return self.example(drawn, draw.name) if different else drawn

    def _follow(self, outside: Tensor, value: Value, tensor: Tensor) -> None:
        """Note what `value` stands for, and let gradients of it be taken if they can be outside."""
        assert self.own is not None
        self.own.add(value)
        self.sources[value] = outside
        before = enter(self.outside)
        try:
            tracked = outside.requires_grad and self.outside.grad
        finally:
            enter(before)
        if tracked:
            self.tracked.add(value)
            self.leaves[value] = tensor

    def read(self, tensor: Tensor) -> Value:
        value = super().read(tensor)
        if self.own is not None:
            self.own.add(value)
        return value

    def gradients(self, outputs: Sequence[Tensor], seeds: Sequence[Tensor | None], wanted: Sequence[Tensor],
                  create_graph: bool = False, retain_graph: bool | None = None) -> list[Tensor | None]:
        if self.outside.trace is not None or any(map(self.owns, outputs)):
            return super().gradients(outputs, seeds, wanted, create_graph)
        # The outputs were computed eagerly, outside: go back through what they left behind.
        before = enter(current().replace(grad=create_graph))
        try:
            roots = [(edge(y), seed_of(y, s)) for y, s in zip(outputs, seeds, strict=True)]
            targets = [edge(x) for x in wanted]
            found = propagate(Run(roots, True), retain_graph=True, targets=targets)
        finally:
            enter(before)
        return [found.get(to) for to in targets]

    def concrete(self, tensor: Tensor, what: str) -> np.ndarray[Any, Any]:
        """The values of a tensor that is the same for all examples, which are computed outside."""
        value = self.read(tensor)
        if not self._differs(value):
            graph = dce(expand_gradients(self.graph("read", (value,))))
            before = enter(self.outside.replace(grad=False))
            try:
                environment: dict[Value, Any] = dict(self.sources)
                execute(graph.nodes, environment)
                read = environment[graph.outputs[0]]  # type: ignore[index]
                return read._array if self.outside.trace is None else self.outside.trace.concrete(read, what)
            finally:
                enter(before)
        called = what.partition("(")[0]
        if called == "bool":
            raise TraceError("vmap: It looks like you're attempting to use a Tensor in some data-dependent control "
                             "flow. We don't support that yet: every example would have to take the same branch"
                             f"{locations.quote(locations.here())}\n    Express the choice with where().")
        raise TraceError(f"vmap: It looks like you're calling .{called}() on a Tensor. We don't support vmap over "
                         f"calling .{called}() on a Tensor: there is one value per example"
                         f"{locations.quote(locations.here())}\n    Return the tensor and read it outside.")

    def _differs(self, value: Value) -> bool:
        reached = {value}
        for node in reversed(self.nodes):
            if not reached.isdisjoint(node.outputs):
                reached.update(node.reads)
        return not self.mapped.isdisjoint(reached)
