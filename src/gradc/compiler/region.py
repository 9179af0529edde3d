"""The trace of a region: a function inside of the function that is being traced, with a graph of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gradc import locations
from gradc.compiler import naming
from gradc.compiler.capture import StateTracer
from gradc.errors import TraceError
from gradc.generator import Draw
from gradc.ir import Graph, Type, Value
from gradc.modes import current, enter
from gradc.node import TracedNode
from gradc.passes.differentiate import expand_gradients
from gradc.pullback import PullbackOp
from gradc.tensor import Tensor, payload
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
        self.effects = getattr(parent, "effects", None)
        self.effects_before = len(self.effects.found) if self.effects is not None else 0

    def found(self, tensor: Tensor, name: str | None = None) -> Value:
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
        return self.found(tensor)

    def _meet(self, tensor: Tensor) -> tuple[Value, int]:
        return self.found(tensor), 0  # a view too is itself an input: its gradient is its own

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

    def number(self, container: dict[Any, Any], key: Any, nonzero: bool) -> Any:
        """A number of the host is the parent's."""
        before = enter(self.outside)
        try:
            return self.parent.number(container, key, nonzero)
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
        new = [] if self.effects is None else list(self.effects.found)[self.effects_before :]
        if new:
            raise TraceError(f"{what} does more than compute, which would happen once and not as often as it runs: "
                             f"{new[0].what}{locations.quote(new[0].location)}\n    Do it outside, with what is "
                             f"returned.")


STAND_IN = TracedNode(PullbackOp("StateBackward"), {}, ())


class ControlTracer(RegionTracer):
    """The trace of a branch, or of the step of a loop: `what` runs as often as values say, on `state` of its own."""

    def __init__(self, parent: Tracer, what: str) -> None:
        super().__init__(parent)
        self.what = what
        self.state: list[tuple[Tensor, Value]] = []

    def stand_in(self, type: Type, name: str, grad: bool) -> Tensor:
        """What the function is called with: a value that is another one each time."""
        tensor = self.input(type, name)
        value = payload(tensor)
        self.state.append((tensor, value))
        if grad and type.dtype.is_differentiable:
            self.tracked.add(value)
            tensor._node = STAND_IN  # no leaf: it may be written, which then is refused with a better reason
        return tensor

    def draw(self, draw: Draw) -> Tensor | None:
        raise TraceError(f"{draw.name}: random numbers cannot be drawn in {self.what}: a compiled function draws "
                         f"before it runs, and does not know how often this will{locations.quote(locations.here())}\n"
                         f"    Draw them outside, for a loop as one of the sequences of scan.")

    def concrete(self, tensor: Tensor, what: str) -> Any:
        raise TraceError(f"{what} needs the values of a tensor, and {self.what} has none while it is traced"
                         f"{locations.quote(locations.here())}\n    Express the choice with cond() or where(), and "
                         f"return the tensor to read it outside.")

    def check_unwritten(self, what: str) -> None:
        for tensor, value in self.state:
            if self.read(tensor) is not value:
                raise TraceError(f"{what} writes its argument {value!r} in place, which might be input mutation of the "
                                 f"tensor outside{locations.quote(locations.here())}\n    Return the new value, which "
                                 f"is what the next step gets, or write a clone() of it.")
        super().check_unwritten(what)


@dataclass
class Region:
    """A function to be traced as a region: `function` takes and returns tensors, `source` is the user's."""

    function: Callable[..., Sequence[Tensor]]
    source: Callable[..., Any]
    what: str
    name: str


def trace_regions(regions: Sequence[Region], state: Sequence[tuple[Type, str]]) -> tuple[list[Graph], list[Tensor]]:
    """The regions as graphs of the same operands: those of `state`, which are new each time, and the tensors from
    outside that one of them reads, which are returned."""
    parent = current().trace
    assert parent is not None
    traced = [_trace(region, state) for region in regions]
    outside = list(dict.fromkeys(outer for tracer, _ in traced for outer in tracer.outer.values()))
    graphs: list[Graph] = []
    for region, (tracer, outputs) in zip(regions, traced, strict=True):
        inner = {outer: value for value, outer in tracer.outer.items()}
        read = [inner.get(v) or Value(tracer.name(v.name), v.type) for v in outside]
        graphs.append(expand_gradients(Graph(
            region_name(region), (*tracer.inputs[: len(state)], *read), tuple(tracer.nodes), outputs,
            loc=naming.location(region.source))))
        tracer.release()
        tracer.state.clear()
        tracer.check_escapes()
    return graphs, [parent.tensor(value) for value in outside]


def _trace(region: Region, state: Sequence[tuple[Type, str]]) -> tuple[ControlTracer, tuple[Value, ...]]:
    modes = current()
    assert modes.trace is not None
    tracer = ControlTracer(modes.trace, region.what)
    before = enter(modes.replace(trace=tracer))
    try:
        found = region.function(*[tracer.stand_in(type, name, modes.grad) for type, name in state])
        outputs = tuple([tracer.read(y) for y in found])
        tracer.check_unwritten(region.what)
    finally:
        enter(before)
    return tracer, outputs


def region_name(region: Region) -> str:
    """What the graph of a region is called: as the user's function, if that has a name."""
    name = getattr(region.source, "__name__", "")
    return name if name.isidentifier() else region.name
