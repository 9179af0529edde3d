"""Nodes of the dynamic graph: what an eager op leaves behind for `backward`."""

from __future__ import annotations

import functools
import itertools
import weakref
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from gradc import locations
from gradc.errors import ArgumentError, GradError, ShapeError
from gradc.hooks import Hook, Hooks, RemovableHandle, hooks_of, refuse_in_trace, register
from gradc.locations import Location
from gradc.modes import enter, with_grad
from gradc.tensor import Tensor, wrap

count: Callable[[], int] = itertools.count().__next__
"""Numbers nodes in the order of their making; an edge always leads to a smaller number."""

FREED: tuple[Any, ...] = tuple(["freed"])
"""Stands for the saved values of a node after `backward` has used them. Compared by identity."""


class Freed:
    """Stands in `guards` for the saved values that a `backward` called at `where` has used; never of its version."""

    version = 0

    def __init__(self, where: Location) -> None:
        self.where = where


class Constant:
    """Stands in `guards` for the storage of a number, which nothing can write."""

    version = 0


CONSTANT = Constant()


class Hookable:
    """What all nodes offer: hooks, and a dictionary for whatever the user wants to keep with them."""

    __slots__ = ()

    def _holder(self) -> Any:
        """What has the hooks: the node, or the leaf that an AccumulateGrad stands for."""
        return self

    def register_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(grad_inputs, grad_outputs)` whenever the node has run; what it returns replaces `grad_inputs`."""
        return register(hooks_of(self._holder()).after, hook)

    def register_prehook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(grad_outputs)` before the node runs; what it returns replaces them."""
        return register(hooks_of(self._holder()).before, hook)

    @functools.cached_property
    def metadata(self) -> dict[Any, Any]:
        """The user's own notes."""
        return {}


class Node(Hookable):
    """One op of the dynamic graph, PyTorch's grad_fn.

    `edges` has one entry per operand: a Node, an Output, a leaf Tensor, or None where no gradient is wanted.
    `saved` holds what the op's gradient formulas name, in the order of `op.saved_names`; None where not needed.
    `guards` is (storage, version) for each of them, flat, as they were when saved.
    `signature` is each operand's shape (None for a Python number), then the dtype of all or a tuple of dtypes.
    `code` and `instruction` say where in the user's code it was made.
    `numbers` has the operands that are Python numbers, None in the place of tensors; it is only set if there are any.
    """

    __slots__ = ("op", "attrs", "edges", "saved", "guards", "signature", "number", "code", "instruction", "numbers",
                 "__dict__", "__weakref__")

    op: Any
    attrs: dict[str, Any]
    edges: tuple[Any, ...]
    saved: tuple[Any, ...]
    guards: tuple[Any, ...]
    signature: tuple[Any, ...]
    number: int
    code: CodeType | None
    instruction: int
    numbers: tuple[Any, ...]

    index = 0  # as an edge, a node stands for its first output
    label: str | None = None
    hooks: Hooks | None = None
    types: tuple[Any, ...] | None = None
    """The types of the results, where the op does not infer them."""
    inputs: list[tuple[Tensor, int]] = []
    """What a compiled function was called with, and the versions then."""

    @property
    def node(self) -> Node:
        return self

    @property
    def held(self) -> tuple[Any, ...]:
        """`saved` as it stands in memory: reading it unpacks nothing."""
        return self.saved

    def name(self) -> str:
        """PyTorch's name for it, as `MulBackward0`."""
        return self.label or self.op.node_name(self)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """For each operand the node that made it (AccumulateGrad for a leaf, None for no gradient) and its output."""
        return tuple((None, 0) if e is None else (AccumulateGrad.of(e), 0) if isinstance(e, Tensor)
                     else (e.node, e.index) for e in self.edges)

    @property
    def location(self) -> Location:
        """The user's line that made it."""
        if self.code is None:
            return locations.UNKNOWN
        return locations.of_instruction(self.code, self.instruction)

    def __repr__(self) -> str:
        return f"<{self.name().rpartition('::')[2]} object at {id(self):#x}>"

    def _sequence_nr(self) -> int:
        return self.number

    def __getattr__(self, name: str) -> Any:
        """What it saved: `_saved_result`, `_saved_self` and `_saved_other` for the operands, or by their names.

        `_raw_saved_` before a name gives a handle on it, which takes hooks of its own.
        """
        raw = name.startswith("_raw_saved_")
        if not raw and not name.startswith("_saved_"):
            raise AttributeError(f"{self.name()} has no attribute {name!r}")
        wanted = name.removeprefix("_raw").removeprefix("_saved_")
        position = {**self._places(), **{name: i for i, name in enumerate(self.op.saved_names or ())}}.get(wanted)
        if position is None:
            if wanted in self.attrs and not raw:
                return self.attrs[wanted]
            saves = ", ".join(self._places()) or "nothing"
            raise AttributeError(f"{self.name()} saves {saves}, not {wanted}")
        if raw:
            return SavedTensor(self, position)
        self.check_saved()
        return _as_saved(self.saved[position])

    def _places(self) -> dict[str, int]:
        """PyTorch's names for what it saved, and where each is in `saved`."""
        op = self.op
        spelled = dict(zip(op.operands, op.torch_operands, strict=False)) if op.saved_names else {}
        return {spelled.get(name, name): i for i, name in enumerate(op.saved_names or ())
                if self.held is FREED or self.held[i] is not None}

    def __dir__(self) -> list[str]:
        names = [*object.__dir__(self), *(f"_saved_{name}" for name in self.attrs)]
        for name, i in self._places().items():
            number = self.held is not FREED and isinstance(self.held[i], (int, float, complex))
            names += [f"_saved_{name}"] if number else [f"_saved_{name}", f"_raw_saved_{name}"]
        return names

    def check_saved(self) -> None:
        """Raise GradError if the saved values were freed, or written in place since they were saved."""
        if self.held is FREED:
            first = locations.quote(self.guards[0].where)
            raise GradError(
                "Trying to backward through the graph a second time (or directly access saved tensors after they have "
                "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
                "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time."
                f"\n    {self.name()}, made at{locations.quote(self.location)}\n    the first backward ran at{first}")
        guards = self.guards
        for i, value in enumerate(self.held):
            storage = guards[2 * i]
            if value is not None and storage.version != guards[2 * i + 1]:
                raise modified(self, i, self.op.saved_names[i])


def _as_saved(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple([_as_saved(part) for part in value])
    return wrap(value) if isinstance(value, np.ndarray) else value


def modified(node: Node, i: int, name: str) -> GradError:
    """The error to raise when what a node saved as `name`, guarded by its `i`-th guard, was written in place."""
    storage, version = node.guards[2 * i], node.guards[2 * i + 1]
    text = (f"one of the variables needed for gradient computation has been modified by an inplace operation: "
            f"{node.name()} saved `{name}` at version {version}, it is now at version {storage.version}."
            f"\n    saved at{locations.quote(node.location)}")
    if storage.writer is not None:
        text += f"\n    written by {storage.writer[0]} at{locations.quote(storage.writer[1])}"
    return GradError(text + f"\n    Give the gradient its own copy: call .clone() on the tensor before the write, or "
                            f"use the out-of-place form of {storage.writer[0] if storage.writer else 'the write'}.")


class Output:
    """One of several outputs of a node, as an edge."""

    __slots__ = ("node", "index")

    def __init__(self, node: Node, index: int) -> None:
        self.node = node
        self.index = index


class Packed:
    """What a pack function made of a saved tensor; `opened` is the array that the unpack function makes of it again."""

    __slots__ = ("content", "unpack", "shape", "dtype")

    def __init__(self, tensor: Tensor, hooks: SavingHooks) -> None:
        pack, self.unpack = hooks
        self.shape, self.dtype = tensor._array.shape, tensor._array.dtype
        version = tensor._storage.version
        before = enter(with_grad(False))
        try:
            self.content = pack(tensor)
        finally:
            enter(before)
        if tensor._storage.version != version:
            raise GradError(
                "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook "
                "cannot be modified by in-place operations as this can lead to unexpected side-effects.\n    hook "
                f"'{_name(pack)}'{locations.quote(locations.here())}\n    Let it work on a clone().")

    def opened(self) -> np.ndarray[Any, Any]:
        found = self.unpack(self.content)
        if not isinstance(found, Tensor):
            raise ArgumentError(f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                                f"{type(found).__name__}\n    hook '{_name(self.unpack)}'")
        if found._array.shape != self.shape or found._array.dtype != self.dtype:
            raise ShapeError(f"saved tensor unpack_hook '{_name(self.unpack)}' returned {found.type_} for a tensor of "
                             f"shape {list(self.shape)} and type {self.dtype}")
        return found._array


SavingHooks = tuple[Callable[[Tensor], Any], Callable[[Any], Tensor]]


class PackedNode(Node):
    """A node whose saved tensors user functions have packed: reading `saved` unpacks them, each time anew."""

    __slots__ = ()

    @property
    def held(self) -> tuple[Any, ...]:
        return Node.saved.__get__(self)  # type: ignore[attr-defined, no-any-return]

    @property
    def saved(self) -> tuple[Any, ...]:
        return tuple([_opened(value) for value in self.held]) if self.held is not FREED else FREED

    @saved.setter
    def saved(self, value: tuple[Any, ...]) -> None:
        Node.saved.__set__(self, value)  # type: ignore[attr-defined]


def pack(node: Node, hooks: SavingHooks, tensors: Iterable[tuple[int, Any]]) -> None:
    """Pack some of what a node saves: by their places, a tensor or a tuple of tensors for each."""
    held, guards = list(node.held), list(node.guards)
    for i, x in tensors:
        held[i] = tuple([Packed(part, hooks) for part in x]) if isinstance(x, tuple) else Packed(x, hooks)
        guards[2 * i : 2 * i + 2] = CONSTANT, 0  # what a user function keeps is the user's to guard
    node.__class__ = PackedNode
    node.saved, node.guards = tuple(held), tuple(guards)


def _opened(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple([_opened(part) for part in value])
    return value.opened() if value.__class__ is Packed else value


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


class SavedTensor:
    """A handle on one value that a node saves."""

    def __init__(self, node: Node, position: int) -> None:
        self._node = node
        self._position = position

    def register_hooks(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        """Pack this value now, and unpack it whenever it is used, as torch's SavedTensor."""
        node, i = self._node, self._position
        if node.held is FREED:
            raise GradError("Calling register_hooks on a saved tensor after it has been freed. Saved intermediate "
                            "values of the graph are freed when you call .backward() or autograd.grad(). Specify "
                            "retain_graph=True.")
        value = _as_saved(node.held[i])
        if value.__class__ is Packed or value.__class__ is tuple and value[0].__class__ is Packed:
            raise GradError("Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only "
                            "one pair of hooks is allowed at a time.")
        if not isinstance(value, (Tensor, tuple)):
            raise ArgumentError(f"Calling register_hooks on a saved tensor with value {value!r} is forbidden.")
        node.check_saved()
        pack(node, (pack_hook, unpack_hook), [(i, value)])

    def unpack(self) -> Any:
        """The value, as a tensor."""
        self._node.check_saved()
        return _as_saved(_opened(self._node.held[self._position]))


class AccumulateGrad(Hookable):
    """The node that adds to a leaf's `.grad`. It exists only while somebody looks at it: edges hold the leaf."""

    next_functions: tuple[Any, ...] = ()

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable

    @staticmethod
    def of(leaf: Tensor) -> AccumulateGrad:
        """The node of a leaf: the same one as long as somebody has it."""
        held = leaf.__dict__.get("_accumulator")
        node = None if held is None else held()
        if node is None:
            node = AccumulateGrad(leaf)
            leaf.__dict__["_accumulator"] = weakref.ref(node)
        return node  # type: ignore[no-any-return]

    def _holder(self) -> Tensor:
        return self.variable

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    def _sequence_nr(self) -> int:
        return 2**64 - 1  # it runs as soon as it can

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self):#x}>"


class GradientEdge(NamedTuple):
    """One output of a node, or a leaf by its AccumulateGrad: what `grad` and `backward` take in place of a tensor."""

    node: Any
    output_nr: int
    ownership_token: Any = None

    @property
    def edge(self) -> Any:
        """The edge as the engine has it."""
        if isinstance(self.node, AccumulateGrad):
            return self.node.variable
        if isinstance(self.ownership_token, Output):
            return self.ownership_token
        return self.node if self.output_nr == 0 else Output(self.node, self.output_nr)


class TracedNode:
    """What stands for a Node while a function is traced: it has a name, and the trace has the rest."""

    __slots__ = ("op", "attrs", "signature")
    index = 0
    saved: tuple[Any, ...] = ()

    def __init__(self, op: Any, attrs: dict[str, Any], signature: tuple[Any, ...]) -> None:
        self.op = op
        self.attrs = attrs
        self.signature = signature

    @property
    def node(self) -> TracedNode:
        return self

    def name(self) -> str:
        return self.op.node_name(self)

    def register_hook(self, hook: Hook) -> RemovableHandle:
        refuse_in_trace()
        raise GradError("the trace that made this node is over")

    register_prehook = register_hook
