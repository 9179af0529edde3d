"""Running a function whose Python must run at every call, with what it asks of tensors deferred into programs.

Everything that the function does besides computing on tensors simply happens, in order. The ops are recorded; they are
computed together when a value is read, when something needs the autograd graph itself, and when the function returns.
The tensors that are then alive become ordinary ones, so that nobody can tell them from those of eager mode.

What earlier calls have recorded is a tree of steps: each call walks down from the root, and branches off where it
differs, as after an `if` on a value. The programs hang on the steps where calls came to compute. A loop walks the same
steps again, so its rounds share a program.
"""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from gradc import engine, locations
from gradc.apply import apply
from gradc.compiler import naming
from gradc.compiler.arguments import is_array, leaves, tree_map
from gradc.compiler.capture import Reading, StateTracer
from gradc.compiler.effects import Effects
from gradc.compiler.guards import UNGUARDED
from gradc.compiler.options import Options
from gradc.compiler.report import check_allowed
from gradc.compiler.specialisation import Specialisation
from gradc.compiler.trace import Source, collect
from gradc.errors import TraceError
from gradc.generator import Draw
from gradc.ir import Graph, Node, Type, Value, fresh_names
from gradc.modes import current, enter
from gradc.passes.cse import identity
from gradc.tensor import LEAF, Tensor, edge


class Step:
    """What a call recorded next: an input's value, a node, or None; and what calls have recorded after it.

    `next` has the following steps by what leads to them, `programs` what was computed here, by what was alive.
    `numbers` has the first node of each form whose Python numbers may differ.
    """

    __slots__ = ("made", "next", "programs", "numbers")

    def __init__(self, made: Value | Node | None = None) -> None:
        self.made = made
        self.next: dict[Hashable, Step] = {}
        self.programs: dict[Hashable, Specialisation] = {}
        self.numbers: set[Hashable] = set()


class Rerun(StateTracer):
    """Records one call of `function`, walking the tree at `root`; `effects` notes what a graph cannot hold."""

    def __init__(self, function: Any, root: Step, names: dict[int, str], effects: Effects,
                 given: Sequence[Tensor], options: Options, watched: bool) -> None:
        self.function = function
        self.root = root
        self.effects = effects
        self.options = options
        self.watched = watched
        self.given = given
        self.arguments: dict[int, Source] = {}
        for i, tensor in enumerate(given):
            self.arguments.setdefault(id(tensor), Source("argument", i))
        self.compiled: list[Specialisation] = []
        self.flushed = False
        self.errors = TraceError.made  # as many as there may have been when the function returns
        super().__init__(names)
        self._begin()

    def _begin(self) -> None:
        """Start at the root of the tree, with nothing recorded."""
        self.place = self.root
        self._walking = True
        self._new: set[Value] = set()
        if not self.watched:
            self.guards = UNGUARDED
        self.outside: list[Tensor] = []  # the tensors that are inputs

    def begin(self, names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """Make the tensors among the arguments inputs, by these names; the arguments, arrays replaced by tensors."""
        for tensor, name in zip(self.given, names, strict=True):
            if id(tensor) not in self.first:
                self.names.setdefault(id(tensor), name)
                self._know(tensor, self.capture(tensor), 0)
        if not any(is_array(x) for x in leaves((args, kwargs))):
            return args, kwargs
        given = iter(self.given)
        return tree_map(  # type: ignore[no-any-return]
            lambda x: next(given) if isinstance(x, Tensor) or is_array(x) else x, (args, kwargs))

    def check_errors(self) -> None:
        """Raise TraceError if the function has caught one: what it did then, it would not do in eager mode."""
        if TraceError.made > self.errors:
            raise TraceError(f"{naming.graph_name(self.function)} catches the error by which gradc refuses to trace "
                             f"something, and went another way than in eager mode{locations.quote(locations.here())}"
                             f"\n    Catch narrower errors, or keep the function eager.")

    # Walking and growing the tree

    def take(self, kind: Hashable, name: str, type: Type) -> Value:
        step = self.place.next.get((kind, type))
        if step is None:
            self._leave()
            step = self._grow((kind, type), super().take(kind, name, type))
        else:
            self.inputs.append(step.made)  # type: ignore[arg-type]
        self.place = step
        return step.made  # type: ignore[return-value]

    def draw(self, draw: Draw) -> Tensor | None:
        key = ("draw", None if draw.shape is None else draw.infer())
        step = self.place.next.get(key)
        if step is None:
            self._leave()
            tensor = super().draw(draw)
            self.place = self._grow(key, None if tensor is None else self.inputs[-1])
            return tensor
        self.place = step
        self.draws.append(draw)
        if step.made is None:
            return None
        assert isinstance(step.made, Value)
        self.inputs.append(step.made)
        self.drawn[step.made] = len(self.draws) - 1
        return self.tensor(step.made)

    def emit(self, op: Any, operands: Iterable[Any], attrs: dict[str, Any], regions: tuple[Graph, ...] = (),
             name: str | None = None) -> tuple[Value, ...]:
        operands = tuple(operands)
        named = tuple([(key, identity(value)) for key, value in attrs.items()]) if attrs else ()
        key = (op, tuple([x if x.__class__ is Value else identity(x) for x in operands]), named, *map(str, regions))
        step = self.place.next.get(key)
        if step is None:
            form = (op, tuple([x if x.__class__ is Value else x.__class__ for x in operands]), named)
            if form in self.place.numbers:
                taken = self._numbers_as_inputs(op, operands, attrs)
                if taken is not operands:
                    return self.emit(op, taken, attrs, regions, name)
            self._leave()
            self.place.numbers.add(form)
            outputs = super().emit(op, operands, attrs, regions, name)
            step = self._grow(key, self.nodes[-1])
            self._new.update(outputs)
        else:
            self.nodes.append(step.made)  # type: ignore[arg-type]
        self.place = step
        return step.made.outputs  # type: ignore[union-attr]

    def _numbers_as_inputs(self, op: Any, operands: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, ...]:
        """The operands with Python numbers, which differ from call to call, as inputs; where that changes no type."""
        dtypes = {x.dtype for x in operands if isinstance(x, Value)}
        if not op.pointwise or len(dtypes) != 1 or not any(isinstance(x, (int, float)) for x in operands):
            return operands
        (dtype,) = dtypes
        if not dtype.is_floating_point:
            return operands
        kinds = tuple([Type(dtype, ()) if isinstance(x, (int, float)) else x.type if isinstance(x, Value) else x
                       for x in operands])
        if op.infer(*kinds, **attrs) != op.infer(*operands, **attrs):
            return operands
        return tuple([self._number_now(x, dtype) if isinstance(x, (int, float)) else x for x in operands])

    def _number_now(self, number: float, dtype: Any) -> Value:
        value = self.take("number", "number", Type(dtype, ()))
        self.draws.append(Reading(lambda: number, dtype.numpy))
        self.drawn[value] = len(self.draws) - 1
        return value

    def _leave(self) -> None:
        """Leave the steps of earlier calls: from here on names are needed, and those passed are taken."""
        if self._walking:
            self._walking = False
            taken = [v.name for v in self.inputs] + [v.name for node in self.nodes for v in node.outputs]
            self.name = fresh_names(taken)

    def _grow(self, key: Hashable, made: Value | Node | None) -> Step:
        step = self.place.next[key] = Step(made)
        if isinstance(made, Value):
            self._new.add(made)
        return step

    def rename(self, value: Value, name: str) -> None:
        if value in self._new:  # others belong to earlier calls as well
            super().rename(value, name)

    # What other traces refuse

    def capture(self, tensor: Tensor) -> Value:
        self.outside.append(tensor)
        if id(tensor) not in self.arguments:
            self.state.append(tensor)
            self.guards.tensor(tensor)
        value = self._input_for(tensor, self.names.get(id(tensor), "state"))
        if edge(tensor) is not None:
            self.leaves[value] = tensor
            self.tracked.add(value)
        return value

    def _meet(self, tensor: Tensor) -> tuple[Value, int]:
        """An argument is an input by itself, also where it is a view of something larger."""
        return (self.capture(tensor), 0) if id(tensor) in self.arguments else super()._meet(tensor)

    def concrete(self, tensor: Tensor, what: str) -> np.ndarray[Any, Any]:
        """The values of a tensor. Those of one that the function computed or wrote are computed now."""
        self.effects.note("read", what, locations.here())
        if self.owns(tensor) or self._is_written(tensor):
            self.flush()
        return tensor._array  # type: ignore[no-any-return]

    def _is_written(self, tensor: Tensor) -> bool:
        if id(tensor._storage) in self._versions:
            return True
        first = self.first.get(id(tensor))
        return first is not None and self.read(tensor) is not first[1]

    def described(self, tensor: Tensor) -> str | None:
        self.concrete(tensor, "repr() (as print() needs it)")
        return None

    def check_own(self, tensor: Tensor, what: str) -> None:
        if not self.owns(tensor):
            self.effects.note("write", f"sets {what} of a tensor", locations.here())
            self.flush()

    def changed(self, what: str) -> None:
        self.effects.note("write", what, locations.here())

    def hooks_changed(self) -> None:
        self.effects.note("write", "adds a hook", locations.here())
        self.flush()

    def record(self, op: Any, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        made = TraceError.made
        try:
            return super().record(op, operands, attrs)
        except TraceError:  # the shape of the result depends on values
            self.errors += TraceError.made - made
            self.effects.note("read", f"{op.name}() (its shape depends on values)", locations.here())
        self.flush()
        with self.paused():
            return apply(op, operands, attrs)

    def backward(self, outputs: Sequence[Tensor], seeds: Sequence[Tensor | None], wanted: Sequence[Tensor] | None,
                 create_graph: bool = False, retain_graph: bool | None = None) -> None:
        if self._stays_inside(outputs, wanted or ()):
            super().backward(outputs, seeds, wanted, create_graph, retain_graph)
            return
        self._flush_for_backward()
        with self.paused():
            engine.backward(list(outputs), list(seeds), retain_graph, create_graph, wanted)

    def gradients(self, outputs: Sequence[Tensor], seeds: Sequence[Tensor | None], wanted: Sequence[Tensor],
                  create_graph: bool = False, retain_graph: bool | None = None) -> list[Tensor | None]:
        if self._stays_inside(outputs, wanted):
            return super().gradients(outputs, seeds, wanted, create_graph)
        self._flush_for_backward()
        with self.paused():
            return list(engine.grad(list(outputs), list(wanted), list(seeds), retain_graph, create_graph,
                                    allow_unused=True))

    def _stays_inside(self, outputs: Sequence[Tensor], wanted: Sequence[Tensor]) -> bool:
        """Whether the gradients of outputs end at leaves without hooks: then a node of the graph computes them."""
        values = [self.read(x) for x in outputs]
        if not self.consumed.isdisjoint(values):
            return False  # a second time, which the engine allows or refuses
        inside = {id(x) for x in wanted}
        for leaf in self.leaves_of(values).values():
            if not leaf.is_leaf and id(leaf) not in inside or leaf._hooks or leaf._retains_grad:
                return False
        return not any(x._hooks or x._retains_grad for x in (*outputs, *wanted))

    def _flush_for_backward(self) -> None:
        self.effects.note("graph", "backward() through hooks, or into a graph from outside", locations.here())
        self.flush()

    # Computing

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Eager mode in between."""
        before = current()
        enter(before.replace(trace=None))
        try:
            yield
        finally:
            enter(before)

    def alive(self) -> list[Tensor]:
        """The tensors of this trace that somebody outside of it still holds, in the order of their making."""
        self._entry = None  # a frame, which holds its variables
        self._kept.clear()
        self.leaves = {value: leaf for value, leaf in self.leaves.items() if id(leaf) in self.first}
        return [tensor for reference, _ in self._made if (tensor := reference()) is not None]

    def flush(self) -> None:
        """Compute what was recorded, write what was written, make the tensors that are alive real, and start anew."""
        with self.effects.unwatched():
            self._flush()

    def _flush(self) -> None:
        self.flushed = True
        alive = self.alive()
        owners = [x for x in alive if x._view is None]
        values = [self.read(x) for x in owners]
        leaves = self._leaves_made(owners, values)
        written = self.written()
        self.effects.committed |= bool(written or self.grads or self.draws)
        if values or written or self.draws:
            key = (*values, None, *[v in self.tracked for v in values], frozenset(self.consumed))
            program = self.place.programs.get(key)
            if program is None:
                program = self._compile(key, owners)
            program.bind(self.outside, self.draws)
            try:
                with self.paused():
                    results = program(())
            finally:
                program.bind(None, ())
            for tensor, result in zip(owners, results, strict=True):
                leaf = any(tensor is x for x in leaves)
                tensor._device, tensor._node = result._device, LEAF if leaf else result._node
                if result._device is None:
                    tensor._array = result._array
                else:
                    del tensor._array
        with self.paused():
            for tensor in alive:
                if tensor._view is not None:
                    self._make_view(tensor)
        for tensor, grad in self.grads.values():
            tensor._grad = grad
        StateTracer.__init__(self, self.names)
        self._begin()

    def _leaves_made(self, owners: list[Tensor], values: list[Value]) -> list[Tensor]:
        """The leaves that the function made. Raises TraceError for one through which another tensor has a gradient."""
        leaves = [x for x in owners if x._node is LEAF]
        for leaf in leaves:
            own = self.read(leaf)
            if any(own in self._ancestors([v]) for v in values if v is not own and v in self.tracked):
                raise TraceError(f"a compiled function makes a leaf ({leaf.type_}) and keeps it, and something with a "
                                 f"gradient to it, while more is to come{locations.quote(locations.here())}\n    Make "
                                 f"the leaf outside.")
        return leaves

    def _compile(self, key: Hashable, owners: list[Tensor]) -> Specialisation:
        check_allowed(naming.graph_name(self.function), "values that were read led to another path")
        at, grads = self.place, self.grads
        self.place, self.grads = Step(), {}  # .grad is set here, not by the program
        self._leave()
        self.state = self.outside
        traced = collect(self, self.function, owners, {})
        program = at.programs[key] = Specialisation(traced, self.effects.elapsed(), self.options)
        self.compiled.append(program)
        self.place, self.grads = at, grads
        return program

    def _make_view(self, tensor: Tensor) -> None:
        """Make a traced view the view that eager mode makes of its parent, which is real by now."""
        view = tensor._view
        assert view is not None
        modes = current()
        enter(modes.replace(grad=tensor._node is not None))
        try:
            real = apply(view.op, (view.parent,), view.attrs)
        finally:
            enter(modes)
        tensor._array, tensor._storage, tensor._node, tensor._view = (
            real._array, real._storage, real._node, real._view)
