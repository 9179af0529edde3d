"""Functions that an optimizer calls before and after its steps, and when its state is saved and loaded."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gradc.errors import GradcError
from gradc.hooks import RemovableHandle, add
from gradc.modes import current

STEP_PRE: dict[int, Callable[..., Any]] = {}
STEP_POST: dict[int, Callable[..., Any]] = {}
"""The hooks of the steps of every optimizer."""


class HookError(GradcError, RuntimeError):
    """A hook that returned what no hook may return."""


def around(step: Callable[..., Any]) -> Callable[..., Any]:
    """A `step` method between the hooks of the optimizer."""
    @functools.wraps(step)
    def hooked(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._opt_called = True
        trace = current().trace
        if trace is not None:
            self._guard(trace)
            for kind in ("step_pre", "step_post"):
                trace.guard(self._hooks, kind)
        if not (self._hooks or STEP_PRE or STEP_POST):
            return step(self, *args, **kwargs)
        for hook in (*STEP_PRE.values(), *self._called("step_pre")):
            replaced = hook(self, (self, *args), kwargs)
            if replaced is not None:
                if not (isinstance(replaced, tuple) and len(replaced) == 2):
                    raise HookError(f"{step} must return None or a tuple of (new_args, new_kwargs), but got "
                                    f"{replaced}.")
                (_, *args), kwargs = replaced  # type: ignore[assignment]
        result = step(self, *args, **kwargs)
        for hook in (*self._called("step_post"), *STEP_POST.values()):
            hook(self, (self, *args), kwargs)
        return result

    return hooked


def register(optimizer: Any, kind: str, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
    """Add a hook of a kind to an optimizer, behind the others or in front of them."""
    return add(optimizer._hooks.setdefault(kind, {}), hook, prepend)


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before each step of every optimizer."""
    return add(STEP_PRE, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after each step of every optimizer."""
    return add(STEP_POST, hook)
