"""Recording ops into a graph instead of computing them.

Tensors of a trace have an ir.Value as payload. A tensor that existed before keeps its own payload: what it is in the
trace stands in the tracer, so that a trace that fails has changed nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

import numpy as np

from gradc import dtypes, locations
from gradc.apply import located
from gradc.errors import GradcError, TraceError
from gradc.generator import Draw
from gradc.ir import OPS, Array, Graph, Location, Node, Type, Value, fresh_names
from gradc.modes import Modes, current, enter
from gradc.node import TracedNode
from gradc.storage import Storage
from gradc.tensor import LEAF, VIEW, Tensor, View, new, payload


class Tracer:
    """Records ops. `inputs` and `nodes` grow as it runs; `graph` makes the result.

    `location` fixes the place of all nodes (a pass that opens a node sets it); None means the user's current line.
    """

    batches = False
    """Whether what it records is to be computed for many examples at once."""

    def __init__(self, location: Location | None = None, taken: Iterable[str] = ()) -> None:
        self.inputs: list[Value] = []
        self.nodes: list[Node] = []
        self.location = location
        self.naming_frame: object = None
        self._entry: FrameType | None = None
        self._named: tuple[str, Value] | None = None
        self.tracked: set[Value] = set()
        self.leaves: dict[Value, Tensor] = {}
        self._known: dict[int, tuple[Value, int]] = {}
        self._versions: dict[int, int] = {}
        self._kept: list[Tensor] = []
        self._detached: dict[Value, Value] = {}
        self.name: Callable[[str], str] = fresh_names(taken)
        """Makes a base into a name that is not taken."""
        self.released: set[str] = set()
        """Names that a value has given up, for the one that comes next."""
        self.chosen: set[str] = set()
        """The names that come from the user's variables."""
        self.own: set[Value] | None = None
        """The values of this trace, where it runs inside another; None if every value is its own."""

    # Values and tensors

    def input(self, type: Type, name: str) -> Tensor:
        """A new input of the graph, as a tensor."""
        value = Value(self.name(name), type)
        self.inputs.append(value)
        return self.tensor(value)

    def tensor(self, value: Value) -> Tensor:
        """A tensor that stands for `value`."""
        if self.own is not None:
            self.own.add(value)
        tensor = new(Tensor)
        tensor._array = value
        tensor._storage = Storage()
        tensor._node = None
        return tensor

    def read(self, tensor: Tensor) -> Value:
        """The value of `tensor` now."""
        known = self._known.get(id(tensor))
        view = tensor._view
        if known is not None:
            value, version = known
        else:
            value, version = tensor._array if tensor._device is None else None, 0
            if value.__class__ is not Value or self.own is not None and value not in self.own:
                value, version = self._meet(tensor)
                self._know(tensor, value, version)
        if version != self._versions.get(id(tensor._storage), 0):
            if view is None:
                raise TraceError(f"a compiled function writes a tensor that shares its memory with another one "
                                 f"({tensor.type_}), which it also uses{locations.quote(locations.here())}\n    The "
                                 f"two came in as strangers (one was detached outside from a computed tensor): call "
                                 f"detach() inside, or clone() one of them.")
            value = self.read(view.parent)
            value = self._without_gradient(value) if view.op.detaches else self._emit(view.op, (value,), view.attrs)
            self._know(tensor, value, self._versions.get(id(tensor._storage), 0))
        if tensor._node is LEAF:
            self.leaves[value] = tensor
            self.tracked.add(value)
        return value

    def _know(self, tensor: Tensor, value: Value, version: int) -> None:
        if id(tensor) not in self._known:
            self._kept.append(tensor)  # its id must stay its own
        self._known[id(tensor)] = (value, version)

    def _meet(self, tensor: Tensor) -> tuple[Value, int]:
        """A tensor from outside the trace, seen for the first time."""
        view = tensor._view
        if view is None:
            return self.capture(tensor), 0
        return self.read(view.parent), -1  # read() applies the view op, since no version is -1

    def capture(self, tensor: Tensor) -> Value:
        """What a tensor from outside becomes in the graph: here a constant; a compiled function makes it state."""
        return self.constant(tensor._array)

    def constant(self, array: np.ndarray[Any, Any]) -> Value:
        return self._emit(OPS["constant"], (), {"value": Array(array)})

    def write(self, tensor: Tensor, result: Tensor) -> None:
        """`tensor` was written in place: it, its base and all their views now come from `result`."""
        value = self.cast(self.read(result), self.read(tensor).dtype)
        base, before = tensor, []
        while base._view is not None:  # what it is part of, as it was until now
            base = base._view.parent
            before.append(self.read(base))
        version = self._versions.get(id(tensor._storage), 0) + 1
        self._versions[id(tensor._storage)] = version
        self._know(tensor, value, version)
        for old in before:
            view = tensor._view
            assert view is not None
            if view.op.detaches:  # it is to be read anew, so that no gradient of the parent's value flows through it
                self._know(tensor, value, -1)
            else:
                op, attrs, reads_base = view.op.writer(old.type, view.attrs)
                value = self._emit(op, (old, value) if reads_base else (value,), attrs)
            tensor = view.parent
            self._know(tensor, value, version)

    def cast(self, value: Value, dtype: dtypes.dtype) -> Value:
        return value if value.dtype is dtype else self._emit(OPS["to"], (value,), {"dtype": dtype})

    # Recording

    def record(self, op: Any, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        """Record one op applied to tensors and numbers; the result is a tensor, or a tuple of tensors."""
        read = self.read
        values = [read(x) if isinstance(x, Tensor) else x for x in operands]
        tracked = False
        if self.tracked:  # nothing is, in a pass
            if not current().grad:
                values = [self._without_gradient(v) for v in values]
            tracked = self._flows(op, values)
        try:
            outputs = self.emit(op, op.promoted_values(values, self.cast), attrs)
        except GradcError as problem:
            raise located(op.name, operands, attrs, problem) from None
        if len(outputs) == 1:
            return self._result(op, operands, attrs, outputs[0], tracked)
        return tuple([self._result(op, operands, attrs, value, tracked) for value in outputs])

    def _flows(self, op: Any, values: Iterable[Any]) -> bool:
        """Whether a gradient can flow through an op of these values."""
        return op.saved_names is not None and not self.tracked.isdisjoint(values)

    def _without_gradient(self, value: Any) -> Any:
        """`value` behind a detach node if it is tracked: what no_grad means in a graph."""
        if not isinstance(value, Value) or value not in self.tracked:
            return value
        if value not in self._detached:
            self._detached[value] = self._emit(OPS["detach"], (value,), {})
        return self._detached[value]

    def _result(self, op: Any, operands: tuple[Any, ...], attrs: dict[str, Any], value: Value,
                tracked: bool) -> Tensor:
        tensor = self.tensor(value)
        if op.view:
            parent = operands[0]
            tensor._storage = parent._storage
            tensor._view = View(parent, op, attrs, None, parent._storage.history)
            self._know(tensor, value, self._versions.get(id(parent._storage), 0))
        if tracked and value.dtype.is_differentiable:
            self.tracked.add(value)
            shapes = [payload(x).shape if isinstance(x, Tensor) else None for x in operands]
            node = TracedNode(op, attrs, (*shapes, None))
            if tensor._view is not None:
                tensor._view.node = node
                tensor._node = VIEW
            else:
                tensor._node = node
        return tensor

    def _emit(self, op: Any, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Value:
        """Append a node that the user did not write: a cast, a view applied anew, a write into a base."""
        value = self.emit(op, operands, attrs)[0]
        if value.dtype.is_differentiable and self._flows(op, operands) and current().grad:
            self.tracked.add(value)
        return value

    def emit(self, op: Any, operands: Iterable[Any], attrs: dict[str, Any], regions: tuple[Graph, ...] = (),
             name: str | None = None) -> tuple[Value, ...]:
        """Append a node and return its results. `name` is what its result is called, if nothing better is known."""
        operands = tuple(operands)
        types = op.infer(*regions, *operands, **attrs)
        location = self.location
        if location is None:
            frame, entry = locations.user_call(2)
            location = locations.UNKNOWN if frame is None else locations.of_frame(frame)
            if frame is not None and name is None and frame is not self.naming_frame:
                name = self._given_name(frame, entry)
        called = name if name is not None and name in self.released else self.name(name or op.name)
        self.released.discard(called)
        if types.__class__ is Type:
            outputs: tuple[Value, ...] = (Value(called, types),)
        else:
            outputs = tuple([Value(f"{called}[{i}]", type) for i, type in enumerate(types)])
        if name:
            self.chosen.add(called)
            self._named = (op.name, outputs[0])
        self.nodes.append(Node(op, operands, attrs, outputs, location, regions))
        return outputs

    # Names

    def _given_name(self, frame: FrameType, entry: FrameType | None) -> str | None:
        """The user's name for a result. Of several nodes that one call of a gradc function records, the last has it."""
        name = locations.assigned_name(frame)
        if name is not None and entry is self._entry and self._named is not None:
            op, earlier = self._named
            if "[" not in earlier.name:
                name = earlier.name
                self.rename(earlier, op)
                self.released.add(name)
        self._entry, self._named = entry, None
        return name

    def rename(self, value: Value, name: str) -> None:
        """Call `value` by the user's name for it. Only while tracing: the values of a graph never change."""
        if "[" not in value.name:
            object.__setattr__(value, "name", self.name(name))
            self.chosen.add(value.name)

    # What a trace answers when the user asks

    def requires_grad(self, tensor: Tensor) -> bool:
        return self.read(tensor) in self.tracked

    def described(self, tensor: Tensor) -> str | None:
        """What a tensor is in the trace, `name: type`; None for one that the trace has not met."""
        met = id(tensor) in self._known or self.owns(tensor)
        return repr(self.read(tensor)) if met else None

    def read_grad(self, tensor: Tensor) -> Tensor | None:
        return tensor._grad

    def owns(self, tensor: Tensor) -> bool:
        """Whether a tensor was made in this trace."""
        value = payload(tensor)
        return isinstance(value, Value) and (self.own is None or value in self.own)

    def write_grad(self, tensor: Tensor, grad: Tensor | None) -> None:
        raise TraceError("this trace cannot write .grad")

    def backward(self, *args: Any) -> None:
        raise TraceError("this trace cannot run backward()")

    def gradients(self, *args: Any) -> Any:
        raise TraceError("this trace cannot run autograd.grad()")

    def check_own(self, tensor: Tensor, what: str) -> None:
        """Raise TraceError if `tensor` is from outside the trace: setting `what` would happen once, at tracing."""
        if not self.owns(tensor):
            raise TraceError(f"a compiled function sets {what} of a tensor that exists outside of it: that would "
                             f"happen once, when it is traced, and not at every call"
                             f"{locations.quote(locations.here())}\n"
                             f"    Set it outside.")

    def changed(self, what: str) -> None:
        """Something that is no tensor is changed, which a graph does not hold: `what` says how."""

    def hooks_changed(self) -> None:
        """A hook is about to be added or removed. Raises TraceError: a graph has none."""
        raise TraceError(f"hooks cannot be changed in a compiled function{locations.quote(locations.here())}\n    "
                         f"Keep this function eager.")

    def draw(self, draw: Draw) -> Any:
        """The numbers of a draw as a tensor of the trace; None for a change of a generator's state."""
        raise TraceError(f"{draw.name}: random numbers cannot be drawn in this trace"
                         f"{locations.quote(locations.here())}\n    Draw them outside and pass them in.")

    def call_module(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a module's forward, with its hooks."""
        return module._call_with_hooks(*args, **kwargs)

    def guard(self, container: dict[Any, Any], key: Any) -> None:
        """Note that the trace depends on `container[key]`; what is compiled is traced anew when it changes."""

    def number(self, container: dict[Any, Any], key: Any, nonzero: bool) -> Any:
        """The number, or the tuple of numbers, `container[key]`: here what it is now. A compiled function reads it at
        every call, as long as it is a number, other than zero if `nonzero`.
        """
        self.guard(container, key)
        return container[key]

    def concrete(self, tensor: Tensor, what: str) -> np.ndarray[Any, Any]:
        """The values of a tensor that does not depend on the trace.

        Raises TraceError for all others: they are not known while tracing.
        """
        raise TraceError(f"{what} needs the values of a tensor, and a traced function has none yet"
                         f"{locations.quote(locations.here())}\n    Return the tensor and read it outside, or express "
                         f"the choice with where().")

    # Running

    @contextlib.contextmanager
    def on(self, grad: bool = False, autocast: Any = None) -> Iterator[Tracer]:
        """Record the ops of this thread."""
        before = enter(Modes(grad, self, autocast=autocast))
        try:
            yield self
        finally:
            enter(before)

    @contextlib.contextmanager
    def at(self, location: Location) -> Iterator[None]:
        """Give the nodes recorded inside this location."""
        before, self.location = self.location, location
        try:
            yield
        finally:
            self.location = before

    def graph(self, name: str, outputs: tuple[Any, ...], **fields: Any) -> Graph:
        """The graph recorded so far, with these tensors, values or numbers as outputs."""
        values = tuple(self.read(x) if isinstance(x, Tensor) else x for x in outputs)
        return Graph(name, tuple(self.inputs), tuple(self.nodes), values, **fields)
