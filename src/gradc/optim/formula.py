"""Optimizers that are a formula, and the two ways to run one.

Outside a trace a step runs on the NumPy arrays, in place. In a trace it is written with tensors, so that it becomes
part of the program. A subclass states its formula once, for both: arrays and tensors understand the same arithmetic.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from gradc import locations
from gradc.errors import GradError
from gradc.modes import current, enable_grad, no_grad
from gradc.ops.arithmetic import maximum
from gradc.ops.elementary import expm1, sqrt
from gradc.optim.optimizer import Optimizer, OptimizerError
from gradc.tensor import Tensor, wrap

BLOCK = 1 << 15
"""Elements of a large parameter that are updated at a time, so that what lies between two operations stays in cache."""

TENSORS = SimpleNamespace(sqrt=sqrt, expm1=expm1, maximum=lambda x, y, out: out.copy_(maximum(x, y)))
"""The functions that formulas use, for tensors. For arrays it is NumPy, and for numbers the module math."""


class FormulaOptimizer(Optimizer):
    """An optimizer that changes each parameter by one formula, which a subclass states.

    `begin` gives the state of a parameter, `coefficients` the numbers in the formula, `update` is the formula.
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if defaults.get("differentiable"):
            raise OptimizerError("differentiable=True is not supported: write the update with tensors, without "
                                 "optimizer")
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient. `closure` computes it first; what it returns is returned."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        trace = current().trace
        if trace is None:
            self._step_on_arrays()
        else:
            with no_grad():
                self._step_on_tensors(trace)
        return loss

    Settings: Any = None
    """What the formula reads of a group: a NamedTuple class whose fields are the group's keys."""

    def begin(self, p: Tensor, settings: Any, trace: Any) -> tuple[Sequence[Tensor], Any]:
        """The state of `p`, made if it is missing, and what the coefficients depend on besides the settings."""
        raise NotImplementedError

    def coefficients(self, xp: Any, settings: Any, count: Any) -> tuple[Any, ...]:
        """The numbers in the formula. `count` is what `begin` gave, a tensor in a trace; `xp` has functions for it."""
        raise NotImplementedError

    def update(self, xp: Any, coefficients: Any, settings: Any, p: Any, g: Any, *state: Any) -> None:
        """The formula: change a parameter and its state in place, by the gradient `g`; arrays or tensors."""
        raise NotImplementedError

    def _step_on_arrays(self) -> None:
        writer = (f"{type(self).__name__}.step", locations.here())
        for group in self.param_groups:
            settings = self._settings(group)
            kind = count = coefficients = None
            for p in group["params"]:
                grad = p._grad
                if grad is None:
                    continue
                state, now = self.begin(p, settings, None)
                array = p._array
                if array.dtype is not kind or now != count:
                    kind, count = array.dtype, now
                    coefficients = self._scalars(settings, kind, count)
                if not array.flags.writeable:
                    array = _own_memory(p)
                if array.size <= 2 * BLOCK:
                    self.update(np, coefficients, settings, array, grad._array, *[x._array for x in state])
                else:
                    self._update_blocks(coefficients, settings, array, grad._array, [x._array for x in state])
                storage = p._storage
                storage.version += 1
                storage.writer = writer

    def _settings(self, group: dict[str, Any]) -> Any:
        settings = self.Settings._make([group[key] for key in self.Settings._fields])
        return settings._replace(lr=settings.lr.item()) if isinstance(settings.lr, Tensor) else settings

    _made: tuple[Any, Any] = (None, None)

    def _scalars(self, settings: Any, kind: np.dtype[Any], count: Any) -> tuple[Any, ...]:
        """The coefficients as arrays of no dimensions, by which NumPy multiplies twice as fast as by Python numbers."""
        key = (settings, kind, count)
        if self._made[0] != key:
            wide = np.float32 if kind.itemsize == 2 else kind
            self._made = key, tuple([np.array(c, wide) for c in self.coefficients(math, settings, count)])
        return self._made[1]  # type: ignore[no-any-return]

    def _update_blocks(self, coefficients: Any, settings: Any, p: Any, g: Any, state: list[Any]) -> None:
        """Apply the formula to a large parameter block by block."""
        if not all([x.flags.c_contiguous for x in (p, *state)]):
            self.update(np, coefficients, settings, p, g, *state)
            return
        flat = [x.reshape(-1) for x in (p, np.ascontiguousarray(g), *state)]
        for start in range(0, p.size, BLOCK):
            self.update(np, coefficients, settings, *[x[start : start + BLOCK] for x in flat])

    def _step_on_tensors(self, trace: Any) -> None:
        # A state or groups that were loaded, or a group that was added, are new objects: the guards see them.
        trace.guard(self.__dict__, "state")
        trace.guard(self.__dict__, "param_groups")
        for group in self.param_groups:
            for key in ("params", *self.Settings._fields):
                trace.guard(group, key)
            settings = self.Settings._make([group[key] for key in self.Settings._fields])
            for p in group["params"]:
                g = p.grad
                if g is not None:
                    state, count = self.begin(p, settings, trace)
                    coefficients = self.coefficients(TENSORS, settings, count)
                    self.update(TENSORS, coefficients, settings, p, g, *state)


def zeros_of(p: Tensor) -> Tensor:
    """A new state tensor in the shape and dtype of a parameter. It is no op: a trace meets it as a tensor from outside.
    """
    return wrap(np.zeros(p.shape, p.dtype.numpy))


def _own_memory(p: Tensor) -> np.ndarray[Any, Any]:
    """Give a parameter over read-only memory an array of its own; impossible if other tensors share that memory."""
    if p._view is not None or sys.getrefcount(p._storage) > 2:
        raise GradError(f"a parameter of type {p.type_} shares read-only memory with other tensors, and cannot be "
                        f"updated: make it from a clone(){locations.quote(locations.here())}")
    p._array = p._array.copy()
    return p._array  # type: ignore[no-any-return]
