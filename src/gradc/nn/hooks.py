"""Functions that a module calls before and after `forward`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from gradc.errors import GradcError
from gradc.hooks import RemovableHandle


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


def register(hooks: dict[int, Hook], hook: Hook, prepend: bool) -> RemovableHandle:
    """Add a hook behind the others, or in front of them."""
    handle = RemovableHandle(hooks)
    others = dict(hooks) if prepend else {}
    if prepend:
        hooks.clear()
    hooks[handle.id] = hook
    hooks.update(others)
    return handle


def call(module: Any, before: dict[int, Hook], after: dict[int, Hook], args: tuple[Any, ...],
         kwargs: dict[str, Any]) -> Any:
    """`module.forward(*args, **kwargs)` between its hooks, each of which may replace what it sees."""
    waiting = [hook for hook in after.values() if hook.always_call]
    result = None
    try:
        for hook in list(before.values()):
            args, kwargs = _arguments(hook, module, args, kwargs)
        result = module.forward(*args, **kwargs)
        for hook in list(after.values()):
            if hook.always_call:
                waiting.remove(hook)
            replaced = hook(module, args, kwargs, result)
            result = result if replaced is None else replaced
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
