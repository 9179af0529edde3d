"""The trace of a region: a function inside of the function that is being traced, with a graph of its own."""

from __future__ import annotations

from typing import Any

from gradc import locations
from gradc.compiler.capture import StateTracer
from gradc.errors import TraceError
from gradc.generator import Draw
from gradc.ir import Value
from gradc.modes import current, enter
from gradc.tensor import Tensor
from gradc.tracing import Tracer


class RegionTracer(StateTracer):
    """Records a function that runs inside of the trace `parent`.

    Every tensor that it reads from outside becomes an input; `outer` has the parent's value for each of them, and they
    are tracked where they are outside. Writes to them are found as those of a compiled function to its state.
    """

    def __init__(self, parent: Tracer, draws: bool = True) -> None:
        super().__init__(getattr(parent, "names", {}))
        self.own = set()
        self.parent = parent
        self.outside = current()
        self.outer: dict[Value, Value] = {}
        self.may_draw = draws
        self.guards = getattr(parent, "guards", self.guards)

    def take(self, tensor: Tensor, name: str | None = None) -> Value:
        """A tensor from outside becomes an input, under the parent's name for it where no other is given."""
        if id(tensor) in self.first:
            return self.first[id(tensor)][1]
        before = enter(self.outside)
        try:
            outer = self.parent.read(tensor)
            tracked = self.parent.requires_grad(tensor)
        finally:
            enter(before)
        value = self._input_for(tensor, name or outer.name.replace("[", "_").rstrip("]"))
        assert self.own is not None
        self.own.add(value)
        self.outer[value] = outer
        self._know(tensor, value, 0)
        if tracked:
            self.tracked.add(value)
            self.leaves[value] = tensor
        return value

    def capture(self, tensor: Tensor) -> Value:
        return self.take(tensor)

    def draw(self, draw: Draw) -> Tensor | None:
        """A draw is the parent's: it is made at every call, in the order in which the program asks for it."""
        if not self.may_draw:
            raise TraceError(f"{draw.name}: random numbers cannot be drawn in the backward of a Function that is traced"
                             f"{locations.quote(locations.here())}\n    Draw them in forward and save them.")
        before = enter(self.outside)
        try:
            return self.parent.draw(draw)
        finally:
            enter(before)

    def guard(self, container: dict[Any, Any], key: Any) -> None:
        self.parent.guard(container, key)

    def check_unwritten(self, what: str) -> None:
        """Raise TraceError if the region wrote a tensor from outside, or its `.grad`."""
        written = [tensor for tensor, _, _ in self.written()]
        if written or self.grads:
            which = f"{written[0].type_}" if written else ".grad"
            raise TraceError(f"{what} writes a tensor that exists outside of it ({which}), which a traced function "
                             f"cannot do there{locations.quote(locations.here())}\n    Write a clone() of it.")
