"""Functions that see, and may replace, the gradient of one tensor on its way through `backward`."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from gradc import locations
from gradc.errors import ArgumentError, GradError, ShapeError, TraceError
from gradc.modes import current
from gradc.tensor import Tensor, edge, wrap

Hooks = dict[int, Callable[[Tensor], Any]]

_number = itertools.count().__next__


class RemovableHandle:
    """What registering a hook returns: `remove()`, or the end of a `with` block, takes the hook away."""

    def __init__(self, hooks: dict[int, Any]) -> None:
        self.hooks = hooks
        self.id = _number()

    def remove(self) -> None:
        """Take the hook away; it need not be there any more."""
        self.hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class Retain:
    """The hook that keeps the gradient of a tensor that is no leaf. It does not keep the tensor alive."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = weakref.ref(tensor)

    def __call__(self, g: Tensor) -> None:
        tensor = self.tensor()
        if tensor is not None:
            held = tensor._grad
            tensor._grad = g.clone() if held is None else held + g  # type: ignore[attr-defined, operator]


def run_hooks(hooks: Hooks, g: Any) -> Any:
    """`g`, an array or a tensor, after each hook in turn; one that returns None leaves it. Retaining comes last."""
    for hook in sorted(hooks.values(), key=lambda hook: isinstance(hook, Retain)):
        seen = g if isinstance(g, Tensor) else wrap(np.asarray(g))
        replaced = hook(seen)
        if replaced is None:
            continue
        name = getattr(hook, "__name__", type(hook).__name__)
        if not isinstance(replaced, Tensor):
            raise ArgumentError(f"expected Variable, but hook returned '{type(replaced).__name__}'")
        if replaced._array.shape != seen._array.shape:
            raise ShapeError(f"hook '{name}' has changed the size of value")
        g = replaced if isinstance(g, Tensor) else replaced._array
    return g


def _hooks_of(tensor: Tensor, what: str) -> Hooks:
    if current().trace is not None:
        raise TraceError(f"{what}: hooks cannot be changed in a compiled function{locations.quote(locations.here())}")
    to = edge(tensor)
    if to is tensor:
        if tensor._hooks is None:
            tensor._hooks = {}
        return tensor._hooks  # type: ignore[no-any-return]
    if to.node.hooks is None:
        to.node.hooks = {}
    return to.node.hooks.setdefault(to.index, {})  # type: ignore[no-any-return]


def _register_hook(self: Tensor, hook: Callable[[Tensor], Any]) -> RemovableHandle:
    """Call `hook` with the gradient of this tensor whenever one is computed; what it returns, unless None, replaces it.

    Raises GradError for a tensor that does not require grad.
    """
    if edge(self) is None:
        raise GradError("cannot register a hook on a tensor that doesn't require gradient"
                        + locations.quote(locations.here()))
    hooks = _hooks_of(self, "register_hook")
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def _retain_grad(self: Tensor) -> None:
    """Keep the gradient of this tensor in `.grad`, as for a leaf.

    Raises GradError for a tensor that does not require grad.
    """
    if edge(self) is None:
        raise GradError("can't retain_grad on Tensor that has requires_grad=False"
                        + locations.quote(locations.here()))
    if edge(self) is not self and not self._retains_grad:
        _hooks_of(self, "retain_grad")[_number()] = Retain(self)
        self._retains_grad = True


Tensor.register_hook = _register_hook  # type: ignore[attr-defined]
Tensor.retain_grad = _retain_grad  # type: ignore[attr-defined]
Tensor.retains_grad = property(lambda self: self._retains_grad)  # type: ignore[attr-defined]
