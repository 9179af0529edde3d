"""The dynamic graph in the user's hands, as torch.autograd.graph: its nodes, hooks on several gradients, what it saves.
"""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from gradc import locations, node
from gradc.errors import GradError, TraceError
from gradc.hooks import RemovableHandle, RunHook, Running, refuse_in_trace
from gradc.modes import current, enter
from gradc.node import GradientEdge, SavedTensor
from gradc.tensor import Tensor, edge

__all__ = ["GradientEdge", "Node", "SavedTensor", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks",
           "get_gradient_edge", "increment_version", "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks"]


# Nodes


class Node(ABC):
    """What every `grad_fn` is, AccumulateGrad and the nodes of Functions among them: a class for isinstance."""

    @abstractmethod
    def name(self) -> str:
        """Its name, as `MulBackward0`."""

    @property
    @abstractmethod
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """For each operand the node that made it and the number of its output."""

    @property
    @abstractmethod
    def metadata(self) -> dict[Any, Any]:
        """The user's own notes."""

    @abstractmethod
    def register_hook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call `fn(grad_inputs, grad_outputs)` whenever the node has run; what it returns replaces `grad_inputs`."""

    @abstractmethod
    def register_prehook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call `fn(grad_outputs)` before the node runs; what it returns replaces them."""


Node.register(node.Node)
Node.register(node.AccumulateGrad)
Node.register(node.TracedNode)


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The place in the graph where the gradient of `tensor` arrives: it stands for the tensor in `grad`.

    Raises GradError for a tensor that does not require grad.
    """
    to = edge(tensor)
    if to is None:
        raise GradError("It is not possible to get the gradient edge for a Tensor that does not require gradients"
                        + locations.quote(locations.here()))
    if current().trace is not None:
        raise TraceError(f"get_gradient_edge() in a compiled function{locations.quote(locations.here())}\n    Pass "
                         f"the tensor itself to autograd.grad.")
    if isinstance(to, Tensor):
        return GradientEdge(node.AccumulateGrad.of(to), 0)
    return GradientEdge(to.node, to.index, None if to is to.node else to)


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Note that a tensor was written in a way that gradc cannot see, so that a stale saved value is an error."""
    for x in [tensor] if isinstance(tensor, Tensor) else tensor:
        if not x.is_inference():
            x._storage.version += 1


@contextlib.contextmanager
def unsafe_preserve_version_counter(tensor: Tensor | Iterable[Tensor]) -> Iterator[None]:
    """Inside, writes to tensors are not counted: backward will use what is in their memory then, whatever that is."""
    storages = [x._storage for x in ([tensor] if isinstance(tensor, Tensor) else tensor)]
    versions = [storage.version for storage in storages]
    try:
        yield
    finally:
        for storage, version in zip(storages, versions, strict=True):
            storage.version = version


# Hooks on several gradients


class _Handles(RemovableHandle):
    def __init__(self, handles: Iterable[RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()


class _Part(RunHook):
    """The hook on one of the tensors of a multi-grad hook."""

    def __init__(self, receive: Callable[[int, Tensor, Running], None], position: int) -> None:
        self.receive = receive
        self.position = position

    def __call__(self, g: Tensor, run: Running) -> None:
        self.receive(self.position, g, run)


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable[..., None], *, mode: str = "all"
                             ) -> RemovableHandle:
    """Call `fn` with the gradients of several tensors when all that this backward computes are there (None for others).

    With mode "any" it is called with the first one that is there.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    nodes = [e if e is None or isinstance(e, Tensor) else e.node for e in map(edge, tensors)]
    if mode == "all" and any(n is None for n in nodes):
        raise GradError("cannot register a hook on a tensor that doesn't require gradient"
                        + locations.quote(locations.here()))
    received: WeakKeyDictionary[Running, dict[int, Tensor]] = WeakKeyDictionary()
    lock = threading.Lock()

    def receive(position: int, g: Tensor, run: Running) -> None:
        with lock:
            found = received.setdefault(run, {})
            found[position] = g
            complete = len(found) == (1 if mode == "any" else sum(map(run.reaches, nodes)))
        if complete and mode == "any":
            fn(g)
        elif complete:
            del received[run]
            fn([found.get(i) for i in range(len(nodes))])

    return _Handles([x.register_hook(_Part(receive, i))  # type: ignore[attr-defined]
                     for i, (x, n) in enumerate(zip(tensors, nodes, strict=True)) if n is not None])


# Saved tensors

_refusal: ContextVar[str | None] = ContextVar("why saved tensors take no hooks", default=None)


class saved_tensors_hooks:
    """Inside, `pack_hook` gets each tensor that the graph saves, and its result is kept in the tensor's place.

    `unpack_hook` makes the tensor of it again, each time that a gradient needs it. Only the innermost pair is called.
    The two decide what is kept: writes to a packed tensor are not looked for.
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook
        self._before: list[Any] = []

    def __enter__(self) -> None:
        message = _refusal.get()
        if message is not None:
            raise GradError(message + locations.quote(locations.here()))
        modes = current()
        if modes.trace is not None:
            raise TraceError("saved_tensors_hooks in a compiled function: what it saves is decided when it is compiled"
                             f"{locations.quote(locations.here())}\n    Put the context around the call.")
        self._before.append(modes.saving)
        enter(modes.replace(saving=(self.pack_hook, self.unpack_hook)))

    def __exit__(self, *exception: object) -> None:
        enter(current().replace(saving=self._before.pop()))


class save_on_cpu(saved_tensors_hooks):
    """Keep saved tensors in host memory, as torch.autograd.graph.save_on_cpu: they are there already, so nothing moves.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda tensor: tensor.detach(), lambda tensor: tensor)  # type: ignore[attr-defined]


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Inside, saved_tensors_hooks raises a GradError of `error_message`."""
    if current().saving is not None:
        raise GradError(error_message)
    token = _refusal.set(error_message)
    try:
        yield
    finally:
        _refusal.reset(token)


_mutation: ContextVar[bool] = ContextVar("saved tensors may be written", default=False)


class _Copy:
    def __init__(self, tensor: Tensor) -> None:
        self.tensor: Tensor | None = tensor


class _Copies(saved_tensors_hooks):
    """Saves copies, which live as long as the node that needs them, and no longer than the context."""

    def __init__(self) -> None:
        super().__init__(self._copied, self._copy)
        self.copies: WeakSet[_Copy] = WeakSet()

    def _copied(self, tensor: Tensor) -> _Copy:
        copy = _Copy(tensor.clone())  # type: ignore[attr-defined]
        self.copies.add(copy)
        return copy

    def _copy(self, copy: _Copy) -> Tensor:
        if copy.tensor is None:
            raise AssertionError("Trying to backward outside of the 'allow_mutation_on_saved_tensors' context in which "
                                 "the graph was originally recorded.")
        return copy.tensor

    def clear(self) -> None:
        for copy in self.copies:
            copy.tensor = None


@contextlib.contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[_Copies]:
    """Inside, tensors may be written after the graph has saved them: it keeps copies, until the end of the context.

    Forward and backward both belong inside. PyTorch copies when a tensor is written, gradc when it is saved.
    """
    if _mutation.get():
        raise GradError("allow_mutation_on_saved_tensors contexts cannot be nested")
    refuse_in_trace()
    token = _mutation.set(True)
    copies = _Copies()
    try:
        with copies:
            yield copies
    finally:
        copies.clear()
        _mutation.reset(token)
