"""Functions that a module calls before and after `forward`, and when gradients pass through it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from gradc import locations
from gradc.autograd.function import Function
from gradc.errors import GradcError, TraceError
from gradc.hooks import RemovableHandle, add
from gradc.modes import current, note_change
from gradc.tensor import Tensor


class HookError(GradcError, RuntimeError):
    """A hook that returned what no hook may return."""


class Hook(NamedTuple):
    """A function and how to call it: with the keyword arguments too, and even when `forward` raised."""

    function: Callable[..., Any]
    with_kwargs: bool
    always_call: bool = False

    def __call__(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *result: Any) -> Any:
        return self.function(module, args, kwargs, *result) if self.with_kwargs \
            else self.function(module, args, *result)


FORWARD_PRE: dict[int, Hook] = {}
FORWARD: dict[int, Hook] = {}
BACKWARD_PRE: dict[int, Hook] = {}
BACKWARD: dict[int, Hook] = {}
"""The hooks of every module."""

GLOBAL = {"global module hooks": 0}
"""How often they have changed: what a compiled function depends on."""


class _GlobalHandle(RemovableHandle):
    def remove(self) -> None:
        super().remove()
        GLOBAL["global module hooks"] += 1


def register(module: Any, kind: str, hook: Hook, prepend: bool) -> RemovableHandle:
    """Add a hook of a kind to a module, behind the others or in front of them."""
    note_change("adds a hook to a module")
    hooks: dict[int, Hook] = module.__dict__.setdefault(kind, {})
    module.__dict__["_hooked"] = True
    return add(hooks, hook, prepend)


def _register_globally(hooks: dict[int, Hook], hook: Hook) -> RemovableHandle:
    note_change("adds a hook to all modules")
    GLOBAL["global module hooks"] += 1
    handle = _GlobalHandle(hooks)
    hooks[handle.id] = hook
    return handle


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, args)` before each forward of every module, before its own hooks."""
    return _register_globally(FORWARD_PRE, Hook(hook, False))


def register_module_forward_hook(hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
                                 ) -> RemovableHandle:
    """Call `hook(module, args, result)` after each forward of every module, before its own hooks."""
    return _register_globally(FORWARD, Hook(hook, with_kwargs, always_call))


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_output)` when gradients reach a module, whichever it is, before its own hooks."""
    return _register_globally(BACKWARD_PRE, Hook(hook, False))


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` when gradients have passed a module, before its own hooks."""
    return _register_globally(BACKWARD, Hook(hook, False))


def call(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`module.forward(*args, **kwargs)` between its hooks, each of which may replace what it sees."""
    after = [*FORWARD.values(), *module._forward_hooks.values()]
    waiting = [hook for hook in after if hook.always_call]
    result = None
    try:
        for hook in [*FORWARD_PRE.values(), *module._forward_pre_hooks.values()]:
            args, kwargs = _arguments(hook, module, args, kwargs)
        passage = _passage(module)
        if passage is not None:
            args = passage.enter(args)
        result = module.forward(*args, **kwargs)
        for hook in after:
            if hook.always_call:
                waiting.remove(hook)
            replaced = hook(module, args, kwargs, result)
            result = result if replaced is None else replaced
        if passage is not None:
            result = passage.leave(result)
    except Exception:
        for hook in waiting:
            try:
                hook(module, args, kwargs, result)
            except Exception as problem:  # the first error is the one to report
                warnings.warn(f"module forward hook with ``always_call=True`` raised an exception that was silenced "
                              f"as another error was raised in forward: {problem}", stacklevel=4)
        raise
    return result


def _arguments(hook: Hook, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The arguments of `forward` after a hook that comes before it."""
    replaced = hook(module, args, kwargs)
    if replaced is None:
        return args, kwargs
    if not hook.with_kwargs:
        return (replaced if isinstance(replaced, tuple) else (replaced,)), kwargs
    if not isinstance(replaced, tuple) or len(replaced) != 2:
        raise HookError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {replaced}.")
    return replaced


# Gradients that pass through a module


class BackwardHookFunction(Function):
    """Its arguments as they are, at a node of their own, where hooks see all their gradients at once."""

    @staticmethod
    def forward(ctx: Any, *args: Tensor) -> tuple[Tensor, ...]:
        ctx.mark_non_differentiable(*[x for x in args if not x.requires_grad])
        return args

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Any, ...]:
        return grads


def _passage(module: Any) -> _Passage | None:
    """What calls the backward hooks of a module for one call of its forward; None if it has no such hooks."""
    before = [*BACKWARD_PRE.values(), *module._backward_pre_hooks.values()]
    after = [*BACKWARD.values(), *module._backward_hooks.values()]
    if not before and not after:
        return None
    if current().trace is not None:
        raise TraceError(f"backward hooks of a module in a compiled function: a compiled backward would not call them"
                         f"{locations.quote(locations.here())}\n    Remove them, or keep this function eager.")
    return _Passage(module, before, after)


class _Passage:
    """One way of gradients through a module, from its outputs to its inputs."""

    def __init__(self, module: Any, before: list[Hook], after: list[Hook]) -> None:
        self.module = module
        self.before = before
        self.after = after
        self.cotangents: tuple[Any, ...] | None = None
        self.inputs: list[int] | None = None
        self.outputs: list[int] = []
        self.size = 0

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of forward, from which gradients will leave the module."""
        self.size = len(args)
        args, self.inputs = _at_one_node(args, self._left)
        return args

    def leave(self, result: Any) -> Any:
        """The result of forward, at which gradients will reach the module."""
        if not isinstance(result, (Tensor, tuple)):
            warnings.warn(f"For backward hooks to be called, module output should be a Tensor or a tuple of Tensors "
                          f"but received {type(result)}", stacklevel=5)
        several = isinstance(result, tuple)
        results = result if several else (result,)
        count = len(results)
        results, places = _at_one_node(results, lambda parts, g: self._reached(g, count))
        self.outputs = places or []
        return results if several else results[0]

    def _reached(self, grads: tuple[Any, ...], count: int) -> tuple[Any, ...]:
        """Gradients have come to the module's outputs."""
        cotangents = _spread(grads, self.outputs, count)
        for hook in self.before:
            replaced = hook.function(self.module, cotangents)
            if replaced is not None:
                replaced = _as_many(replaced, count, "Backward pre hook", "grad_output")
                cotangents = replaced
        self.cotangents = cotangents
        if self.inputs is None:
            self._stop()
        return tuple(cotangents[i] for i in self.outputs)

    def _left(self, parts: tuple[Any, ...], grads: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Gradients have come to the module's inputs; not through its outputs, if those had none."""
        if self.cotangents is None or self.inputs is None:
            return None
        found = _spread(parts, self.inputs, self.size)
        for hook in self.after:
            replaced = hook.function(self.module, found, self.cotangents)
            if replaced is not None:
                found = _as_many(replaced, self.size, "Backward hook", "grad_input")
        self.cotangents = None
        return tuple(found[i] for i in self.inputs)

    def _stop(self) -> None:
        """No input requires grad: the hooks are called at once, without gradients of inputs."""
        warnings.warn("Full backward hook is firing when gradients are computed with respect to module outputs since "
                      "no inputs require gradients.", stacklevel=5)
        for hook in self.after:
            replaced = hook.function(self.module, (None,) * self.size, self.cotangents)
            if replaced is not None and not (isinstance(replaced, tuple) and all(x is None for x in replaced)):
                raise HookError("Backward hook for Modules where no input requires gradient should always return None "
                                "or None for all gradients.")
        self.cotangents = None


def _at_one_node(values: tuple[Any, ...], hook: Callable[..., Any]) -> tuple[tuple[Any, ...], list[int] | None]:
    """The values with their tensors at one node that has `hook`, and where those are; None if none requires grad."""
    places = [i for i, x in enumerate(values) if isinstance(x, Tensor)]
    if not current().grad or not any(values[i].requires_grad for i in places):
        return values, None
    found = BackwardHookFunction.apply(*[values[i] for i in places])
    next(x.grad_fn for x in found if x.grad_fn is not None).register_hook(hook)
    merged = list(values)
    for i, x in zip(places, found, strict=True):
        merged[i] = x
    return tuple(merged) if type(values) is tuple else type(values)(*merged), places


def _spread(values: tuple[Any, ...], places: list[int], size: int) -> tuple[Any, ...]:
    """Values at their places, None at the others."""
    spread = [None] * size
    for i, x in zip(places, values, strict=True):
        spread[i] = x
    return tuple(spread)


def _as_many(replaced: Any, count: int, what: str, name: str) -> tuple[Any, ...]:
    if len(replaced) != count:
        raise HookError(f"{what} returned an invalid number of {name}, got {len(replaced)}, but expected {count}")
    return tuple(replaced)
