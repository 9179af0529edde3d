"""The trace of a user's function: tensors it touches without receiving them become state.

State is read from the tensors when the compiled function is called and written back when the call has succeeded.
While tracing, nothing outside changes: what a tensor, or its `.grad`, becomes stands here.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradc import dtypes, locations
from gradc.compiler.guards import Guards
from gradc.compiler.numbers import is_number, plain
from gradc.engine import seed_of
from gradc.errors import GradError, TraceError
from gradc.generator import Draw
from gradc.ir import OPS, Type, Value
from gradc.modes import current
from gradc.tensor import Tensor, edge
from gradc.tracing import Tracer


@dataclass(frozen=True)
class Reading:
    """A number that lives outside of tensors, and is read before each call as a draw is made."""

    read: Callable[[], Any]
    dtype: Any = np.float64
    shape = ()

    def __call__(self) -> np.ndarray[Any, Any]:
        return np.asarray(self.read(), self.dtype)


class StateTracer(Tracer):
    """Records a user's function, finding the state it reads and writes.

    `first` has the input made for every tensor from outside, arguments and state; `state` are the latter, in order;
    `grads` is what `.grad` of a tensor becomes. `draws` are the uses of random generators, in order, and `drawn` says
    which of them an input holds. `names` says what tensors from outside are called.
    """

    def __init__(self, names: dict[int, str]) -> None:
        super().__init__()
        self.names = names
        self.guards = Guards()
        self.state: list[Tensor] = []
        self.first: dict[int, tuple[Tensor, Value]] = {}
        self.grads: dict[int, tuple[Tensor, Tensor | None]] = {}
        self.consumed: set[Value] = set()
        self.draws: list[Draw | Reading] = []
        self.drawn: dict[Value, int] = {}
        self._made: list[tuple[weakref.ref[Tensor], Value]] = []
        self.numbers: dict[Any, tuple[Any, Tensor]] | None = None
        """The inputs that stand for numbers of the host, where these are not fixed."""

    # State

    def capture(self, tensor: Tensor) -> Value:
        """A tensor from outside becomes an input, whose value is read at every call."""
        if tensor._node is not None and not tensor.is_leaf:
            raise TraceError(f"a compiled function uses a tensor that was computed outside and requires grad "
                             f"({tensor.type_}, {tensor.grad_fn!r}){locations.quote(locations.here())}\n    Pass it "
                             f"as an argument, or detach() it.")
        if tensor._hooks or tensor._retains_grad:
            raise TraceError(f"a compiled function uses a tensor with hooks{locations.quote(locations.here())}\n"
                             f"    Remove the hooks, or keep this function eager.")
        self.state.append(tensor)
        self.guards.tensor(tensor)
        return self._input_for(tensor, self.names.get(id(tensor), "state"))

    def _input_for(self, tensor: Tensor, name: str) -> Value:
        value = self.take(("tensor", edge(tensor) is not None), name, tensor.type_)
        self.first[id(tensor)] = (tensor, value)
        return value

    def take(self, kind: Hashable, name: str, type: Type) -> Value:
        """A new input of the graph. `kind` is what else the recording depends on, besides its type."""
        value = Value(self.name(name), type)
        self.inputs.append(value)
        return value

    def argument(self, tensor: Tensor, name: str) -> Value:
        """An argument of the function becomes an input.

        Raises TraceError if it has hooks, which a compiled backward would not call.
        """
        if tensor._hooks or tensor._retains_grad:
            raise TraceError(f"an argument of a compiled function has hooks ({name}: {tensor.type_}): a compiled "
                             f"backward would not call them\n    Remove the hooks, or keep this function eager.")
        value = self._input_for(tensor, name)
        self._know(tensor, value, 0)
        if edge(tensor) is not None:
            self.leaves[value] = tensor
            self.tracked.add(value)
        return value

    def draw(self, draw: Draw) -> Tensor | None:
        """A draw becomes an input, drawn at every call."""
        type = None if draw.shape is None else draw.infer()
        self.draws.append(draw)
        if type is None:
            return None
        frame, entry = locations.user_call(1)
        name = None if frame is None or frame is self.naming_frame else self._given_name(frame, entry)
        value = Value(name if name in self.released else self.name(name or f"{draw.name}_0"), type)
        self.released.discard(value.name)
        if name:
            self.chosen.add(value.name)
            self._named = (f"{draw.name}_0", value)
        self.inputs.append(value)
        self.drawn[value] = len(self.draws) - 1
        return self.tensor(value)

    def written(self) -> list[tuple[Tensor, Value, Value]]:
        """The tensors from outside whose value the trace changed, with the first value and the new one."""
        now = [(tensor, value, self.read(tensor)) for tensor, value in list(self.first.values())]
        changed = [(tensor, before, after) for tensor, before, after in now if after is not before]
        for _, before, after in changed:
            if after.name not in self.chosen:  # nobody named it: `w` becomes `w_1`
                self.rename(after, before.name)
        return changed

    def guard(self, container: dict[Any, Any], key: Any) -> None:
        """Trace again when `container[key]` is no longer what it is now."""
        self.guards.entry(container, key)
        value = container.get(key)
        if isinstance(value, Tensor) and isinstance(key, str):
            self.names.setdefault(id(value), key)

    def number(self, container: dict[Any, Any], key: Any, nonzero: bool) -> Any:
        """A number of the host becomes an input without dimensions, in double precision, read at every call."""
        self.guards.number(container, key, nonzero)
        value = container[key]
        if isinstance(value, tuple):
            return tuple([self._reading(f"{key}_{i}", lambda i=i: container[key][i]) for i in range(len(value))])
        return self._reading(key, lambda: container[key])

    def record(self, op: Any, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        if self.numbers is not None:
            operands, attrs = self._with_numbers(op, operands, attrs)
        return super().record(op, operands, attrs)

    def _with_numbers(self, op: Any, operands: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Operands in which numbers that are read at every call are inputs; elsewhere these are fixed."""
        attrs = {name: plain(value) for name, value in attrs.items()}
        if not any(map(is_number, operands)):
            return operands, attrs
        kinds = op.promoted_types([x.plain if is_number(x) else x for x in operands])
        found = {kind.dtype for kind in kinds if isinstance(kind, Type)}
        if not op.pointwise or len(found) != 1:
            return tuple(map(plain, operands)), attrs
        (dtype,) = found
        return tuple([self._number(x, dtype) if is_number(x) else x for x in operands]), attrs

    def _number(self, number: Any, dtype: dtypes.dtype) -> Tensor:
        assert self.numbers is not None
        key = id(number), dtype
        if key not in self.numbers:
            value = self.take("number", "number", Type(dtype, ()))
            self.draws.append(Reading(number.compute, dtype.numpy))
            self.drawn[value] = len(self.draws) - 1
            self.numbers[key] = number, self.tensor(value)
        return self.numbers[key][1]

    def _reading(self, name: str, read: Callable[[], Any]) -> Tensor:
        value = self.take("number", name, Type(dtypes.float64, ()))
        self.draws.append(Reading(read))
        self.drawn[value] = len(self.draws) - 1
        return self.tensor(value)

    def tensor(self, value: Value) -> Tensor:
        made = super().tensor(value)
        self._made.append((weakref.ref(made), value))
        return made

    def check_escapes(self) -> None:
        """Raise TraceError if a tensor of the trace lives on in a global, an attribute or a container.

        It would be a side effect that happens once, at tracing, and never again. To be called when nothing of the
        trace's own holds tensors any more.
        """
        if not any(reference() is not None for reference, _ in self._made):
            return
        gc.collect()  # a reference cycle of the user's function is no escape
        for reference, value in self._made:
            if reference() is None:
                continue
            node = next((n for n in self.nodes if value in n.outputs), None)
            raise TraceError(f"a tensor made in a compiled function ({value}) is kept outside of it, in a global, an "
                             f"attribute or a container: that would happen once, when the function is traced, and not "
                             f"at every call{locations.quote(node.loc) if node is not None else ''}\n    Return it, or "
                             f"write it into a tensor that exists before with copy_().")

    def release(self) -> None:
        """Let go of all tensors of the trace."""
        self._entry = None  # a frame, which holds its variables
        self._kept.clear()
        self._known.clear()
        self.leaves.clear()
        self.grads.clear()
        self.first.clear()
        self.numbers = None

    # Gradients

    def read_grad(self, tensor: Tensor) -> Tensor | None:
        if id(tensor) in self.grads:
            return self.grads[id(tensor)][1]
        if self.owns(tensor):
            return tensor._grad
        self.guards.grad(tensor)
        held = tensor._grad
        if held is not None:
            self.names.setdefault(id(held), f"{self.names.get(id(tensor), 'state')}_grad")
        return held

    def write_grad(self, tensor: Tensor, grad: Tensor | None) -> None:
        if self.owns(tensor):
            tensor._grad = grad
        else:
            self.grads[id(tensor)] = (tensor, grad)

    def backward(self, outputs: Sequence[Tensor], seeds: Sequence[Tensor | None],
                 wanted: Sequence[Tensor] | None, create_graph: bool = False,
                 retain_graph: bool | None = None) -> None:
        """What `backward()` means in a trace: a gradient node, and its results added to `.grad`."""
        values = [self.read(x) for x in outputs]
        if wanted is None:
            leaves = self.leaves_of(values)
            for leaf in leaves.values():
                if not leaf.is_leaf:
                    raise TraceError(f"backward() in a compiled function reaches a tensor that was computed outside of "
                                     f"it ({leaf.type_}, {leaf.grad_fn!r}), whose graph it cannot go on through"
                                     f"{locations.quote(locations.here())}\n    detach() it, or call backward() "
                                     f"outside on what the function returns.")
        else:
            leaves = {self.read(x): x for x in wanted}
        found = self._gradient_node(outputs, seeds, list(leaves), create_graph)
        if not (create_graph if retain_graph is None else retain_graph):
            self.consumed.update(values)
        for leaf, g in zip(leaves.values(), found, strict=True):
            held = self.read_grad(leaf)
            if held is None:
                self.write_grad(leaf, g)
            elif self.owns(held):
                self.write_grad(leaf, held + g)  # type: ignore[operator]
            else:
                held.add_(g)  # type: ignore[attr-defined]

    def gradients(self, outputs: Sequence[Tensor], seeds: Sequence[Tensor | None],
                  wanted: Sequence[Tensor], create_graph: bool = False,
                  retain_graph: bool | None = None) -> list[Tensor | None]:
        """What `autograd.grad()` means in a trace; None for what the outputs do not depend on."""
        for x in wanted:
            if not self.requires_grad(x):
                raise GradError("One of the differentiated Tensors does not require grad"
                                + locations.quote(locations.here()))
        reached = self._ancestors([self.read(x) for x in outputs])
        used = [x for x in wanted if self.read(x) in reached]
        found = iter(self._gradient_node(outputs, seeds, [self.read(x) for x in used], create_graph))
        return [next(found) if any(x is y for y in used) else None for x in wanted]

    def _gradient_node(self, outputs: Sequence[Tensor], seeds: Sequence[Tensor | None],
                       targets: list[Value], create_graph: bool) -> list[Tensor]:
        for i, output in enumerate(outputs):
            if not self.requires_grad(output):
                raise GradError(f"element {i} of tensors does not require grad and does not have a grad_fn"
                                + locations.quote(locations.here()))
        cotangents: list[Value] = []
        if any(s is not None for s in seeds) or any(x.numel() != 1 or x.ndim for x in outputs):
            cotangents = [self.read(seed_of(x, s)) for x, s in zip(outputs, seeds, strict=True)]
        if not targets:
            return []
        attrs = {"of": len(outputs), "seeded": bool(cotangents), "create_graph": create_graph}
        made = self.emit(OPS["gradient"], (*map(self.read, outputs), *cotangents, *targets), attrs,
                         name="gradient")
        if create_graph and current().grad:
            self.tracked.update(made)
        return [self.tensor(v) for v in made]

    def leaves_of(self, values: Sequence[Value]) -> dict[Value, Tensor]:
        """The leaves that values depend on, in the order in which the trace met them."""
        reached = self._ancestors(values)
        return {value: leaf for value, leaf in self.leaves.items() if value in reached}

    def _ancestors(self, values: Sequence[Value]) -> set[Value]:
        """The tracked values that these depend on, themselves included."""
        reached = set(values)
        for node in reversed(self.nodes):
            if not reached.isdisjoint(node.outputs):
                reached.update(v for v in node.reads if v in self.tracked)
        return reached

    def spent(self) -> set[Value]:
        """The values whose graph a backward() in the trace has used up."""
        return self._ancestors(list(self.consumed)) if self.consumed else set()

    # Calls and reads

    def call_module(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a module's forward: guard what it holds, and call its result by the user's name for it."""
        self.guards.module(module)
        frame = locations.user_frame(2)
        before, self.naming_frame = self.naming_frame, frame
        try:
            result = module._call_with_hooks(*args, **kwargs)
        finally:
            self.naming_frame = before
        name = locations.assigned_name(frame) if frame is not None and frame is not before else None
        if name is not None and isinstance(result, Tensor) and self.owns(result):
            self.rename(self.read(result), name)
        return result

    def concrete(self, tensor: Tensor, what: str) -> np.ndarray[Any, Any]:
        if self.owns(tensor) or id(tensor) in self._known:
            return super().concrete(tensor, what)
        raise TraceError(f"{what} would write the present values of a tensor into the compiled function, and not see "
                         f"later ones{locations.quote(locations.here())}\n    Read it outside, and pass the result.")
