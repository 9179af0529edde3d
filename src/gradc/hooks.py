"""Functions that see, and may replace, gradients on their way through `backward`.

They hang on a node of the graph, or on a leaf in the place of the AccumulateGrad node that it rarely has.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from gradc import locations
from gradc.errors import ArgumentError, DtypeError, GradError, ShapeError
from gradc.modes import current, note_change
from gradc.tensor import Tensor, edge, wrap

Hook = Callable[..., Any]
Gradient = Any
"""An array, or a Tensor when create_graph."""

_number = itertools.count().__next__


class RemovableHandle:
    """What registering a hook returns: `remove()`, or the end of a `with` block, takes the hook away."""

    def __init__(self, hooks: dict[int, Any]) -> None:
        self.hooks = hooks
        self.id = _number()

    def remove(self) -> None:
        """Take the hook away; it need not be there any more."""
        note_change("removes a hook")
        self.hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def refuse_in_trace() -> None:
    """Raise TraceError if a trace is on that cannot do with changes of hooks: a compiled backward calls none."""
    trace = current().trace
    if trace is not None:
        trace.hooks_changed()


def register(hooks: dict[int, Any], hook: Hook) -> RemovableHandle:
    """Add a hook of a tensor or a node behind the others."""
    refuse_in_trace()
    return add(hooks, hook)


def add(hooks: dict[int, Any], hook: Any, prepend: bool = False) -> RemovableHandle:
    """Add a hook behind the others, or in front of them."""
    handle = RemovableHandle(hooks)
    others = dict(hooks) if prepend else {}
    if prepend:
        hooks.clear()
    hooks[handle.id] = hook
    hooks.update(others)
    return handle


class Running(Protocol):
    """The `backward` that is running; engine.py has the class."""

    def reaches(self, node: Any) -> bool:
        """Whether a node, or a leaf, gets a gradient in this run."""


class RunHook:
    """A hook of gradc's own on a tensor: it is called with the run as well."""

    def __call__(self, g: Tensor, run: Running) -> None:
        raise NotImplementedError


class Retain(RunHook):
    """Keeps the gradient of a tensor that is no leaf. It does not keep the tensor alive."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = weakref.ref(tensor)

    def __call__(self, g: Tensor, run: Running) -> None:
        tensor = self.tensor()
        if tensor is not None:
            held = tensor._grad
            tensor._grad = g.clone() if held is None else held + g  # type: ignore[attr-defined, operator]


class Hooks:
    """The hooks of a node: on the cotangents of its `outputs`, `before` and `after` it runs.

    For a leaf they are those of its AccumulateGrad node; `accumulated` are called when its `.grad` is complete.
    """

    __slots__ = ("outputs", "before", "after", "accumulated")

    def __init__(self) -> None:
        self.outputs: dict[int, dict[int, Hook]] = {}
        self.before: dict[int, Hook] = {}
        self.after: dict[int, Hook] = {}
        self.accumulated: dict[int, Hook] = {}

    def __bool__(self) -> bool:
        return any(self.outputs.values()) or bool(self.before or self.after or self.accumulated)

    def on_outputs(self, g: Any, run: Running) -> Any:
        """The cotangent, or the dictionary of them, after the hooks on tensors. Retaining comes last."""
        for index, hooks in list(self.outputs.items()):
            if not isinstance(g, dict):
                g = _run(hooks, g, run)
            elif index in g:
                g[index] = _run(hooks, g[index], run)
        return g

    def before_running(self, cotangents: Sequence[Gradient | None]) -> Sequence[Gradient | None]:
        """The cotangents of a node's outputs after the hooks that come before it."""
        for hook in list(self.before.values()):
            replaced = hook(_shown_all(cotangents))
            if replaced is not None:
                cotangents = _taken_all(hook, replaced, cotangents)
        return cotangents

    def after_running(self, parts: Sequence[Gradient | None],
                      cotangents: Sequence[Gradient | None]) -> Sequence[Gradient | None]:
        """The gradients that a node passes on, after the hooks that come behind it."""
        for hook in list(self.after.values()):
            replaced = hook(_shown_all(parts), _shown_all(cotangents))
            if replaced is not None:
                parts = _taken_all(hook, replaced, parts)
        return parts

    def before_accumulating(self, g: Gradient, run: Running) -> Gradient:
        """The gradient of a leaf as it will be added to `.grad`."""
        return self.before_running((self.on_outputs(g, run),))[0]

    def after_accumulating(self, leaf: Tensor, g: Gradient) -> None:
        """Tell the hooks of a leaf that its gradient has been added."""
        for hook in list(self.accumulated.values()):
            replaced = hook(leaf)
            if replaced is not None and not isinstance(replaced, Tensor):
                raise ArgumentError(f"expected Variable, but hook returned '{type(replaced).__name__}'")
        self.after_running((), (g,))


def _run(hooks: dict[int, Hook], g: Gradient, run: Running) -> Gradient:
    for hook in sorted(hooks.values(), key=lambda hook: isinstance(hook, Retain)):
        replaced = hook(_shown(g), run) if isinstance(hook, RunHook) else hook(_shown(g))
        if replaced is not None:
            g = _taken(hook, replaced, g)
    return g


def _shown(g: Gradient | None) -> Tensor | None:
    """A gradient as hooks see it."""
    return g if g is None or isinstance(g, Tensor) else wrap(np.asarray(g))


def _shown_all(gradients: Sequence[Gradient | None]) -> tuple[Tensor | None, ...]:
    return tuple([_shown(g) for g in gradients])


def _taken(hook: Hook, replaced: Any, g: Gradient | None) -> Gradient | None:
    """What a hook returned, in place of `g`; it must be of the same type."""
    name = getattr(hook, "__name__", type(hook).__name__)
    if replaced is None:
        return None
    if not isinstance(replaced, Tensor):
        raise ArgumentError(f"expected Variable, but hook returned '{type(replaced).__name__}'")
    if g is None:
        raise GradError(f"can't replace a None gradient with a non-None value\n    hook '{name}'")
    kind, shape = (g.dtype.numpy, g._array.shape) if isinstance(g, Tensor) else (g.dtype, g.shape)
    if replaced._array.shape != shape:
        raise ShapeError(f"hook '{name}' has changed the size of value: from {list(shape)} to "
                         f"{list(replaced._array.shape)}")
    if replaced._array.dtype != kind:
        raise DtypeError(f"hook '{name}' has changed the type of value: from {kind} to {replaced._array.dtype}")
    return replaced if isinstance(g, Tensor) else replaced._array


def _taken_all(hook: Hook, replaced: Any, gradients: Sequence[Gradient | None]) -> tuple[Gradient | None, ...]:
    if not isinstance(replaced, tuple):
        raise ArgumentError(f"expected tuple, but hook returned '{type(replaced).__name__}'")
    if len(replaced) != len(gradients):
        name = getattr(hook, "__name__", type(hook).__name__)
        raise GradError(f"hook '{name}' has returned an incorrect number of values (got {len(replaced)}, but expected "
                        f"{len(gradients)})")
    return tuple([_taken(hook, new, old) for new, old in zip(replaced, gradients, strict=True)])


# What tensors offer


def hooks_of(holder: Any) -> Hooks:
    """The hooks of a node, or of a leaf; made now if there are none yet."""
    name = "_hooks" if isinstance(holder, Tensor) else "hooks"
    if getattr(holder, name) is None:
        setattr(holder, name, Hooks())
    return getattr(holder, name)  # type: ignore[no-any-return]


def _tensor_hooks(tensor: Tensor) -> dict[int, Hook]:
    refuse_in_trace()
    to = edge(tensor)
    if to is tensor:
        return hooks_of(tensor).outputs.setdefault(0, {})
    return hooks_of(to.node).outputs.setdefault(to.index, {})


def _register_hook(self: Tensor, hook: Callable[[Tensor], Any]) -> RemovableHandle:
    """Call `hook` with the gradient of this tensor whenever one is computed; what it returns, unless None, replaces it.

    Raises GradError for a tensor that does not require grad.
    """
    if edge(self) is None:
        raise GradError("cannot register a hook on a tensor that doesn't require gradient"
                        + locations.quote(locations.here()))
    return register(_tensor_hooks(self), hook)


def _register_post_accumulate_grad_hook(self: Tensor, hook: Callable[[Tensor], None]) -> RemovableHandle:
    """Call `hook` with this leaf whenever `backward` has added to its `.grad`: the place to step an optimizer at once.

    Raises GradError for a tensor that does not require grad, and for one that is no leaf.
    """
    to = edge(self)
    if to is None:
        raise GradError("cannot register a hook on a tensor that doesn't require gradient"
                        + locations.quote(locations.here()))
    if to is not self:
        raise GradError("post accumulate grad hooks cannot be registered on non-leaf tensors"
                        f"{locations.quote(locations.here())}\n    register_hook() sees the gradient of any tensor.")
    return register(hooks_of(self).accumulated, hook)


def _retain_grad(self: Tensor) -> None:
    """Keep the gradient of this tensor in `.grad`, as for a leaf.

    Raises GradError for a tensor that does not require grad.
    """
    if edge(self) is None:
        raise GradError("can't retain_grad on Tensor that has requires_grad=False"
                        + locations.quote(locations.here()))
    if edge(self) is not self and not self._retains_grad:
        register(_tensor_hooks(self), Retain(self))
        self._retains_grad = True


def move_retained(tensor: Tensor, before: Any) -> None:
    """A tensor that was written in place keeps the gradient of its new value, no longer of that `before`."""
    hooks = before.node.hooks.outputs[before.index]
    for key, hook in list(hooks.items()):
        if isinstance(hook, Retain) and hook.tensor() is tensor:
            del hooks[key]
    tensor._retains_grad = False
    _retain_grad(tensor)


Tensor.register_hook = _register_hook  # type: ignore[attr-defined]
Tensor.register_post_accumulate_grad_hook = _register_post_accumulate_grad_hook  # type: ignore[attr-defined]
Tensor.retain_grad = _retain_grad  # type: ignore[attr-defined]
Tensor.retains_grad = property(lambda self: self._retains_grad)  # type: ignore[attr-defined]
