"""The modes an op runs under: whether gradients are recorded, and which trace, if any, is on.

Modes belong to a thread (and to an asyncio task). They are one immutable record in a context variable, because the
hottest code of the project reads them once per op.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from gradc.tracing import Tracer

F = TypeVar("F", bound=Callable[..., Any])


class Modes:
    """What is on: `grad` (record gradients), `trace` (the tracer that records ops, or None).

    `plain` is true for ordinary eager code with gradients on: the one case that fast paths serve.
    """

    __slots__ = ("grad", "trace", "plain")

    def __init__(self, grad: bool, trace: Tracer | None) -> None:
        self.grad = grad
        self.trace = trace
        self.plain = grad and trace is None


EAGER = Modes(True, None)
EAGER_NO_GRAD = Modes(False, None)

_current: ContextVar[Modes] = ContextVar("gradc modes", default=EAGER)
current = _current.get
"""The modes of this thread."""


def enter(modes: Modes) -> Modes:
    """Switch to `modes` and return the ones before, which the caller must restore."""
    before = current()
    _current.set(modes)
    return before


def with_grad(grad: bool) -> Modes:
    """The current modes with gradients on or off."""
    trace = current().trace
    if trace is None:
        return EAGER if grad else EAGER_NO_GRAD
    return Modes(grad, trace)


class _GradMode:
    """A grad mode as a context and as a decorator, with or without parentheses."""

    grad: bool

    def __init__(self) -> None:
        self._before: list[Modes] = []

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        instance = super().__new__(cls)
        if function is None:
            return instance
        instance.__init__()  # type: ignore[misc]
        return instance(function)

    def __enter__(self) -> None:
        self._before.append(enter(with_grad(self.grad)))

    def __exit__(self, *exception: object) -> None:
        # The trace may have changed inside, the grad mode may not: restore only what this context set.
        enter(with_grad(self._before.pop().grad))

    def __call__(self, function: F) -> F:
        """Run every call of `function` in this mode; a generator runs each of its steps in it."""
        if inspect.isgeneratorfunction(function):
            return _wrap_generator(function, type(self))  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with type(self)():
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]


def _wrap_generator(function: Callable[..., Any], mode: type[_GradMode]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        steps = function(*args, **kwargs)
        reply = None
        while True:
            try:
                with mode():
                    item = steps.send(reply)
            except StopIteration as stop:
                return stop.value
            reply = yield item

    return wrapped


class no_grad(_GradMode):
    """Do not record gradients, as torch.no_grad: `with no_grad():`, `@no_grad()` or `@no_grad`."""

    grad = False


class enable_grad(_GradMode):
    """Record gradients even inside no_grad, as torch.enable_grad."""

    grad = True


class set_grad_enabled:
    """Turn gradients on or off at once, and back at the end of a `with`, as torch.set_grad_enabled."""

    def __init__(self, mode: bool) -> None:
        self._before = enter(with_grad(mode))

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        enter(with_grad(self._before.grad))


def is_grad_enabled() -> bool:
    """Whether gradients are recorded now."""
    return current().grad
