"""Optimizers that are a formula, and the two ways to run one.

Outside a trace a step runs on the NumPy arrays, in place. In a trace it is written with tensors, so that it becomes
part of the program. A subclass states its formula once, for both: arrays and tensors understand the same arithmetic.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from gradc import dtypes, locations
from gradc.dtypes import float64
from gradc.errors import DtypeError, GradError
from gradc.modes import current, enable_grad, no_grad, set_grad_enabled
from gradc.ops.arithmetic import maximum, minimum, where
from gradc.ops.elementary import expm1, log, sign, sqrt
from gradc.ops.threads import share, threads
from gradc.optim.optimizer import Optimizer
from gradc.tensor import Tensor, wrap

BLOCK = 1 << 15
"""Elements of a large parameter that are updated at a time, so that what lies between two operations stays in cache."""

NUMBERS = SimpleNamespace(sqrt=math.sqrt, expm1=math.expm1, log=math.log, maximum=max, number=float,
                          where=lambda test, x, y: x if test else y)
"""The functions that coefficients use, for numbers."""


def _of_either(function: Callable[..., Any], of_numbers: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *more: (function if isinstance(x, Tensor) else of_numbers)(x, *more)


def _largest(x: Any, y: Any, out: Any = None) -> Any:
    if out is not None:
        return out.copy_(maximum(x.clone(), y))  # of a copy, for a gradient may need what it was
    return maximum(x, y) if isinstance(x, Tensor) else max(x, y)


def _limited(x: Any, low: Any, high: Any, out: Any) -> Any:
    return out.copy_(minimum(maximum(x.clone(), low), high))


TENSORS = SimpleNamespace(
    sqrt=_of_either(sqrt, math.sqrt), expm1=expm1, log=_of_either(log, math.log), maximum=_largest, abs=abs, sign=sign,
    clip=_limited, where=where, number=lambda x: x.to(float64))
"""The functions that formulas use, for tensors. For arrays it is NumPy."""


class FormulaOptimizer(Optimizer):
    """An optimizer that changes each parameter by one formula, which a subclass states.

    The state of a parameter is a few numbers, `counters`, and tensors of its shape, `moments`. At a step `advance`
    gives the next counters, `coefficients` the numbers in the formula, and `update` is the formula. The settings
    `maximize` and `weight_decay`, where a group has them, are applied before it.
    """

    Settings: Any = None
    """What the formula reads of a group: a NamedTuple class whose fields are the group's keys."""

    counters: tuple[str, ...] = ("step",)
    blocks = True
    """Whether the formula is one for each element, so that large parameters may be updated in parts."""

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        super().__init__(params, defaults)
        self._first_traced: dict[tuple[int, str], Any] = {}

    def moments(self, settings: Any) -> tuple[str, ...]:
        """The names of the state tensors in the shape of a parameter, in the order in which `update` takes them."""
        raise NotImplementedError

    def first(self, name: str, p: Tensor, group: dict[str, Any]) -> Tensor:
        """The state of this name before the first step of a parameter: zero, unless a subclass says otherwise."""
        return filled(p, 0.0) if name not in self.counters else counter(0.0)

    def advance(self, xp: Any, settings: Any, *counters: Any) -> tuple[Any, ...]:
        """The counters at this step, from those before it: arrays or tensors without dimensions."""
        return (counters[0] + 1,)

    def coefficients(self, xp: Any, settings: Any, now: Any, before: Any) -> tuple[Any, ...]:
        """The numbers in the formula, from the counters at this step and before it: tensors in a trace.

        The last one is that of the weight decay, where the settings have it.
        """
        raise NotImplementedError

    def update(self, xp: Any, coefficients: Any, settings: Any, p: Any, g: Any, *state: Any) -> None:
        """The formula: change a parameter and its state in place, by the gradient `g`; arrays or tensors."""
        raise NotImplementedError

    def _changed_by(self, settings: Any) -> Callable[..., None]:
        """`update`, or what calls it with the gradient to follow down, if that is not the gradient itself."""
        plain = not settings.maximize and not getattr(settings, "weight_decay", 0)
        return self.update if plain else self._update_decayed

    def _update_decayed(self, xp: Any, coefficients: Any, settings: Any, p: Any, g: Any, *state: Any) -> None:
        """Turn the gradient round to maximize, and add weight decay, unless that scales `p` at once."""
        if settings.maximize:
            g = -g
        if getattr(settings, "weight_decay", 0):
            if getattr(settings, "decoupled_weight_decay", False):
                p *= coefficients[-1]
            else:
                g = g + coefficients[-1] * p
        self.update(xp, coefficients, settings, p, g, *state)

    def _guard(self, trace: Any) -> None:
        """Nothing: what the formula reads of the groups is guarded where it is read."""

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient. `closure` computes it first; what it returns is returned."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        trace = current().trace
        differentiable = self.defaults.get("differentiable", False)
        if trace is None and not differentiable:
            self._step_on_arrays()
        else:
            with set_grad_enabled(differentiable and current().grad):
                self._step_on_tensors(trace)
        return loss

    def begin(self, p: Tensor, group: dict[str, Any], moments: tuple[str, ...]) -> tuple[list[Tensor], list[Tensor]]:
        """The counters and the moments of `p`, made if they are missing."""
        state = self.state[p]
        last = moments[-1] if moments else self.counters[-1]
        if last not in state:
            if p.dtype.is_complex:
                raise DtypeError(f"{type(self).__name__} does not support complex parameters, got {p.type_}")
            for name in (*self.counters, *moments):
                if name not in state:
                    state[name] = self.first(name, p, group)
        return [state[name] for name in self.counters], [state[name] for name in moments]

    # On arrays

    def _step_on_arrays(self) -> None:
        writer = (f"{type(self).__name__}.step", locations.here())
        for group in self.param_groups:
            settings = self._settings(group)
            moments = self.moments(settings)
            update = self._changed_by(settings)
            kind = before = now = coefficients = None
            for p in group["params"]:
                grad = p._grad
                if grad is None:
                    continue
                counters, state = self.begin(p, group, moments)
                array = p._array
                old = [x._array.item() for x in counters]
                if old != before:
                    before, now, kind = old, self._advanced(settings, counters), None
                elif counters:  # as those of the parameter before, which is the usual case
                    for x, value in zip(counters, now, strict=True):
                        x._array[...] = value
                if array.dtype is not kind:
                    kind = array.dtype
                    coefficients = self._scalars(settings, kind, now, before)
                if not array.flags.writeable:
                    array = _own_memory(p)
                if array.size <= 2 * BLOCK or not self.blocks:
                    update(np, coefficients, settings, array, grad._array, *[x._array for x in state])
                else:
                    _in_blocks(update, coefficients, settings, array, grad._array, [x._array for x in state])
                storage = p._storage
                storage.version += 1
                storage.writer = writer

    def _settings(self, group: dict[str, Any]) -> Any:
        settings = self.Settings._make([group[key] for key in self.Settings._fields])
        betas = getattr(settings, "betas", ())
        if betas and isinstance(betas[0], Tensor) and current().trace is None:
            settings = settings._replace(betas=tuple([beta.item() for beta in betas]))
        if isinstance(settings.lr, Tensor) and current().trace is None:
            return settings._replace(lr=settings.lr.item())
        return settings

    def _advanced(self, settings: Any, counters: list[Tensor]) -> list[Any]:
        """The counters at this step, where they are left, as numbers."""
        if not counters:
            return []
        arrays = [x._array for x in counters]
        for array, value in zip(arrays, self.advance(NUMBERS, settings, *arrays), strict=True):
            array[...] = value
        return [x.item() for x in arrays]

    _made: tuple[Any, Any] = (None, None)

    def _scalars(self, settings: Any, kind: np.dtype[Any], now: Any, before: Any) -> tuple[Any, ...]:
        """The coefficients as arrays of no dimensions, by which NumPy multiplies twice as fast as by Python numbers."""
        key = (settings, kind, now, before)
        if self._made[0] != key:
            wide = np.float32 if kind.itemsize == 2 else kind
            self._made = key, tuple([np.array(c, wide) for c in self.coefficients(NUMBERS, settings, now, before)])
        return self._made[1]  # type: ignore[no-any-return]

    # On tensors

    def _step_on_tensors(self, trace: Any) -> None:
        if trace is not None:  # a state or groups that were loaded, or a group that was added, are new objects
            trace.guard(self.__dict__, "state")
            trace.guard(self.__dict__, "param_groups")
        for i, group in enumerate(self.param_groups):
            settings = self._settings(group)
            numbers = settings if trace is None else self._traced_settings(trace, i, group)
            moments = self.moments(settings)
            update = self._changed_by(settings)
            for p in group["params"]:
                g = p.grad
                if g is not None:
                    counters, state = self.begin(p, group, moments)
                    if trace is None:
                        state = self._apart(p, moments, state)
                    else:
                        trace.guard(self.state, p)
                        for name in (*self.counters, *moments):
                            trace.guard(self.state[p], name)
                    with _skipping(self.found_inf, (p, *counters, *state)):
                        coefficients = self._traced_coefficients(p, numbers, counters)
                        update(TENSORS, coefficients, settings, p, g, *state)

    found_inf: Any = None
    """A tensor that says, in a trace, whether this step is to change nothing; amp.GradScaler sets it."""

    def _traced_settings(self, trace: Any, i: int, group: dict[str, Any]) -> Any:
        """The settings of a group in a trace. The rate, and numbers that have changed since they were first traced, are
        read at every call; all others are guarded.
        """
        trace.guard(group, "params")
        values = []
        for key in self.Settings._fields:
            value = group[key]
            rate = key == "lr"
            varies = rate or self._first_traced.setdefault((i, key), value) != value
            if varies and _is_number(value, rate):
                values.append(trace.number(group, key, nonzero=not rate))
            else:
                trace.guard(group, key)
                values.append(value)
        return self.Settings._make(values)

    def _traced_coefficients(self, p: Tensor, settings: Any, counters: Sequence[Any]) -> list[Any]:
        """The coefficients as tensors, computed in double precision as those of arrays are."""
        with no_grad():
            before = [x.to(float64) for x in counters]
            for x, value in zip(counters, self.advance(TENSORS, settings, *counters), strict=True):
                x.copy_(value)
            now = [x.to(float64) for x in counters]
            found = self.coefficients(TENSORS, settings, now, before)
            return [c.to(p.dtype) if isinstance(c, Tensor) else c for c in found]  # type: ignore[attr-defined]

    def _apart(self, p: Tensor, moments: tuple[str, ...], state: list[Tensor]) -> list[Tensor]:
        """Copies of the moments in their place: a graph may hold those of the step before."""
        copies = [x.clone() for x in state]  # type: ignore[attr-defined]
        self.state[p].update(zip(moments, copies, strict=True))
        return copies


def _is_number(value: Any, zero: bool) -> bool:
    """Whether a setting is a number, or several, that a program can read anew at every call.

    Zero is none, unless `zero`: formulas leave out what it switches off.
    """
    if isinstance(value, tuple):
        return bool(value) and all([_is_number(x, zero) for x in value])
    return isinstance(value, (int, float)) and not isinstance(value, bool) and (zero or value != 0)


@contextlib.contextmanager
def _skipping(skip: Tensor | None, changed: Sequence[Any]) -> Iterator[None]:
    """Undo what happens to tensors where `skip` is true."""
    before = [] if skip is None else [x.clone() for x in changed]
    yield
    for x, old in zip(changed, before, strict=False):
        x.copy_(where(skip, old, x))


def _in_blocks(update: Callable[..., None], coefficients: Any, settings: Any, p: Any, g: Any, state: list[Any]) -> None:
    """Apply a formula to a large parameter block by block, on all processors."""
    if not all([x.flags.c_contiguous for x in (p, *state)]):
        update(np, coefficients, settings, p, g, *state)
        return
    flat = [x.reshape(-1) for x in (p, np.ascontiguousarray(g), *state)]
    starts = range(0, p.size, BLOCK)

    def some(part: slice) -> None:
        for start in starts[part]:
            update(np, coefficients, settings, *[x[start : start + BLOCK] for x in flat])

    share(some, len(starts), threads(p.size))


def filled(p: Tensor, value: float) -> Tensor:
    """A new state tensor in the shape and dtype of a parameter. It is no op: a trace meets it as a tensor from outside.
    """
    return wrap(np.full(p.shape, value, p.dtype.numpy))


def counter(value: float) -> Tensor:
    """A new state tensor for one number."""
    return wrap(np.array(value, np.float64 if dtypes.get_default_dtype() is float64 else np.float32))


def _own_memory(p: Tensor) -> np.ndarray[Any, Any]:
    """Give a parameter over read-only memory an array of its own; impossible if other tensors share that memory."""
    if p._view is not None or sys.getrefcount(p._storage) > 2:
        raise GradError(f"a parameter of type {p.type_} shares read-only memory with other tensors, and cannot be "
                        f"updated: make it from a clone(){locations.quote(locations.here())}")
    p._array = p._array.copy()
    return p._array  # type: ignore[no-any-return]
