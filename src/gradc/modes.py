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

from gradc.storage import InferenceStorage, Storage

if TYPE_CHECKING:
    from gradc.tracing import Tracer

F = TypeVar("F", bound=Callable[..., Any])


class Modes:
    """What is on, for one thread; never changed, only replaced.

    `grad` records gradients; `trace` is the tracer that records ops, or None; `inference` marks new tensors as never
    to be differentiated; `saving` is the pair of functions (pack, unpack) for what the graph saves, or None;
    `functional` is true inside a transform of gradc.func, where backward() has no meaning; `watch` is called with
    everything that happens to tensors, or None (see inspect/explain_forward.py); `autocast` is the dtype that products
    are computed in, or None (see amp).

    `quick` is true for eager code without `saving`, `watch` and `autocast`: what generated functions serve. `storage`
    is the class of the memory of new tensors.
    """

    __slots__ = ("grad", "trace", "inference", "saving", "functional", "watch", "autocast", "quick", "storage")

    def __init__(self, grad: bool, trace: Tracer | None, inference: bool = False, saving: Any = None,
                 functional: bool = False, watch: Any = None, autocast: Any = None) -> None:
        self.grad = grad
        self.trace = trace
        self.inference = inference
        self.saving = saving
        self.functional = functional
        self.watch = watch
        self.autocast = autocast
        self.quick = trace is None and saving is None and watch is None and autocast is None
        self.storage = InferenceStorage if inference and trace is None else Storage

    def replace(self, **changes: Any) -> Modes:
        """These modes with some changed."""
        if self.watch is not None and "grad" in changes and "watch" not in changes:
            self.watch("mode", "", (), changes["grad"])
        fields = {name: getattr(self, name) for name in FIELDS}
        fields |= changes
        plain = not any(fields[name] for name in FIELDS if name != "grad")
        if plain:  # with_grad knows these two by identity
            return EAGER if fields["grad"] else EAGER_NO_GRAD
        return Modes(**fields)


FIELDS = ("grad", "trace", "inference", "saving", "functional", "watch", "autocast")

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
    """The current modes with gradients on or off; they stay off in inference mode."""
    modes = current()
    if modes is EAGER or modes is EAGER_NO_GRAD:
        return EAGER if grad else EAGER_NO_GRAD
    return modes.replace(grad=grad and not modes.inference)


def note_change(what: str) -> None:
    """Tell the trace that is on, if one is, of a change to something that is no tensor."""
    trace = current().trace
    if trace is not None:
        trace.changed(what)


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
        return _wrapped(function, type(self))


def _wrapped(function: F, mode: Callable[[], Any]) -> F:
    if inspect.isgeneratorfunction(function):
        return _wrapped_generator(function, mode)  # type: ignore[return-value]

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with mode():
            return function(*args, **kwargs)

    return wrapped  # type: ignore[return-value]


def _wrapped_generator(function: Callable[..., Any], mode: Callable[[], Any]) -> Callable[..., Any]:
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
    """Turn gradients on or off at once, and back at the end of a `with`, as torch.set_grad_enabled.

    As a decorator it runs every call of the function in this mode, and leaves the mode outside as it was.
    """

    def __init__(self, mode: bool) -> None:
        self._mode = mode
        self._before = enter(with_grad(mode))

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        enter(with_grad(self._before.grad))

    def __call__(self, function: F) -> F:
        """Run every call of `function` in this mode; a generator runs each of its steps in it."""
        self.__exit__()
        return _wrapped(function, lambda: type(self)(self._mode))


class inference_mode:
    """No gradients, and no tensor made here may ever meet one, as torch.inference_mode; a context or a decorator.

    `inference_mode(False)` allows gradients again inside of it.
    """

    def __new__(cls, mode: Any = True) -> Any:
        instance = super().__new__(cls)
        if isinstance(mode, bool):
            return instance
        instance.__init__()  # type: ignore[misc]
        return instance(mode)

    def __init__(self, mode: bool = True) -> None:
        self._mode = mode
        self._before: list[Modes] = []

    def __enter__(self) -> None:
        before = current()
        self._before.append(before)
        grad = not self._mode and (before.grad or before.inference)
        enter(before.replace(grad=grad, inference=self._mode))

    def __exit__(self, *exception: object) -> None:
        before = self._before.pop()
        enter(current().replace(grad=before.grad, inference=before.inference))

    def __call__(self, function: F) -> F:
        """Run every call of `function` in this mode; a generator runs each of its steps in it."""
        return _wrapped(function, lambda: type(self)(self._mode))


def is_inference_mode_enabled() -> bool:
    """Whether inference mode is on now."""
    return current().inference


def is_grad_enabled() -> bool:
    """Whether gradients are recorded now."""
    return current().grad
