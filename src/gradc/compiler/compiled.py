"""`gradc.compile`: a function that runs as one XLA program per kind of arguments."""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from gradc.compiler.arguments import signature
from gradc.compiler.specialisation import Code, Specialisation
from gradc.compiler.stages import LoweredStage
from gradc.compiler.trace import trace
from gradc.errors import ArgumentError
from gradc.ir import Graph, Program
from gradc.modes import current
from gradc.tensor import Tensor

RECOMPILE_LIMIT = 8
"""Programs kept for arguments of one kind; needing more is a sign of a value that ought to be a tensor."""

BACKENDS = ("xla", "inductor", "eager", "aot_eager", "cudagraphs")
MODES = (None, "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")
"""What PyTorch's programs ask for; all of it is XLA."""


class CompiledFunction:
    """A function under `gradc.compile`. Calling it traces, compiles or reuses, and runs.

    What it does not have itself it has from the function: `compile(model).parameters()` are the model's.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function, updated=())  # a module's attributes are to stay the module's
        self.function = function
        self._cache: dict[Any, list[Specialisation]] = {}
        self._last: Specialisation | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        modes = current()
        if modes.trace is not None:
            return self.function(*args, **kwargs)  # inside another compiled function it is part of that one
        tensors: list[Tensor] = []
        key = signature(args, tensors), signature(kwargs, tensors) if kwargs else None, modes.grad, modes.autocast, \
            _aliases(tensors)
        cached = self._cache.setdefault(key, [])
        reason = None
        for found in cached:
            broken = found.guards.broken()
            if broken is None:
                self._last = found
                return found(tensors)
            reason = reason or broken
        made = self._specialise(args, kwargs, tensors)
        if len(cached) == RECOMPILE_LIMIT:
            warnings.warn(f"{graph_title(self.function)} was traced more than {RECOMPILE_LIMIT} times for arguments of "
                          f"one kind, because of what it reads besides them; the last time, {reason}",
                          RuntimeWarning, stacklevel=2)
        cached.insert(0, made)
        del cached[RECOMPILE_LIMIT + 1 :]
        return made(tensors)

    def _specialise(self, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]) -> Specialisation:
        start = time.perf_counter()
        traced = trace(self.function, args, kwargs, tensors)
        self._last = Specialisation(traced, time.perf_counter() - start)
        return self._last

    def __getattr__(self, name: str) -> Any:
        if name == "function":  # not set yet, as while unpickling
            raise AttributeError(name)
        return getattr(self.function, name)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A compiled method is bound like any other."""
        return self if instance is None else functools.partial(self, instance)

    # What can be seen

    def lower(self, *args: Any, **kwargs: Any) -> LoweredStage:
        """Trace and lower for these arguments without running; `.compile()` then compiles ahead of time."""
        tensors: list[Tensor] = []
        signature((args, kwargs), tensors)
        return LoweredStage(self._specialise(args, kwargs, tensors))

    @property
    def last(self) -> Specialisation:
        """The specialisation that ran last. Raises ArgumentError before the first call."""
        if self._last is None:
            raise ArgumentError(f"{graph_title(self.function)} has not been called yet: call it, or lower it for some "
                                f"arguments, to have something to see")
        return self._last

    @property
    def stages(self) -> Mapping[str, Graph | Program | Code]:
        """The graph after each pass, by the pass's name, in order. The last, "lowered", prints as `code`."""
        return MappingProxyType(self.last.stages)

    @property
    def code(self) -> str:
        """The jax.numpy source that runs."""
        return str(self.last.code)


def graph_title(function: Any) -> str:
    """What to call a function in a message."""
    return str(getattr(function, "__name__", type(function).__name__))


def _aliases(tensors: list[Tensor]) -> Any:
    """Which of the arguments are the same tensor, or lie in the same memory and where; None if all are apart."""
    if len({id(t._storage) for t in tensors}) == len(tensors):
        return None
    first: dict[int, int] = {}
    places = [(first.setdefault(id(t), i), first.setdefault(id(t._storage), i)) for i, t in enumerate(tensors)]
    return tuple([place if tensors[place[1]] is t else (*place, _offset(t, tensors[place[1]]), t.stride())
                  for place, t in zip(places, tensors, strict=True)])


def _offset(tensor: Tensor, other: Tensor) -> int:
    """How many bytes the memory of one tensor begins behind that of the other."""
    start, origin = (x._array.__array_interface__["data"][0] for x in (tensor, other))
    return int(start - origin)


def compile(function: Callable[..., Any] | None = None, *, fullgraph: bool = True, dynamic: bool | None = None,
            backend: str = "xla", mode: str | None = None, options: Any = None, disable: bool = False) -> Any:
    """Make a function run as one XLA program, traced anew when the kind of its arguments changes.

    Works on pure functions, modules, and whole training steps: parameters, gradients and optimizer state that the
    function touches are found, carried as state, updated in place and donated. `@compile` and `@compile(...)` both do.

    Raises TraceError, at the first call, for what cannot be traced.
    Source  torch.compile, jax.jit
    """
    if backend not in BACKENDS or mode not in MODES:
        wrong, known = (f"backend {backend!r}", BACKENDS) if backend not in BACKENDS else (f"mode {mode!r}", MODES)
        raise ArgumentError(f"compile: {wrong} is not known; there is 'xla', and PyTorch's {known[1:]} mean the same")
    if not fullgraph or dynamic:
        raise ArgumentError("compile: gradc traces whole graphs with fixed shapes; fullgraph=False and dynamic=True "
                            "are not supported")
    if function is None:
        return lambda given: compile(given, disable=disable)
    if disable or isinstance(function, CompiledFunction):
        return function
    if not callable(function):
        raise ArgumentError(f"compile: expected a function or a module, got {type(function).__name__}")
    return CompiledFunction(function)


def make_ir(function: Callable[..., Any]) -> Callable[..., Graph]:
    """`make_ir(f)(*args)` is the traced graph of f for these arguments; nothing runs. As jax.make_jaxpr."""
    function = function.function if isinstance(function, CompiledFunction) else function

    @functools.wraps(function, updated=())
    def traced(*args: Any, **kwargs: Any) -> Graph:
        tensors: list[Tensor] = []
        signature((args, kwargs), tensors)
        return trace(function, args, kwargs, tensors).graph.replace(history=("traced",))

    return traced

