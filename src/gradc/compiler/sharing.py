"""Inputs whose memory is NumPy's: who else has that memory, and when it moves to the device."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc import locations
from gradc.backends.jax import on_device
from gradc.compiler.capture import Reading
from gradc.errors import TraceError
from gradc.tensor import Tensor

REPEATS = 8
"""How often the same argument or number comes before it moves to the device, which costs more than ten copies."""


def moved(tensor: Tensor) -> Any:
    """The values of state as a jax array of their own, so that it can be donated.

    The tensor keeps it in place of its NumPy array, unless somebody else holds that memory.
    """
    array = tensor._array
    base = array.base
    # Held by the tensor, by `array` and by getrefcount; what it may be a view of by `array`, `base` and getrefcount.
    alone = sys.getrefcount(array) <= 3 and (base is None or isinstance(base, np.ndarray) and base.base is None
                                             and sys.getrefcount(base) <= 3)
    device = on_device(array)
    if alone and tensor._view is None:
        tensor._device = device
        del tensor._array
    return device


def check(name: str, inputs: Sequence[Tensor], written: Sequence[Tensor]) -> None:
    """Raise TraceError if memory that the function `name` writes is also that of an input which is no view of it.

    The trace took the two for different tensors, so that one would not see what was written to the other.
    """
    near = _Near([tensor for tensor in inputs if tensor._device is None])
    for tensor in written:
        for other in near.of(tensor) if tensor._device is None else ():
            if other._storage is not tensor._storage and np.may_share_memory(other._array, tensor._array):
                raise TraceError(f"{name} writes a tensor ({tensor.type_}) that shares memory with another of its "
                                 f"inputs ({other.type_}), both made from one NumPy array"
                                 f"{locations.quote(locations.here())}\n    Make one of them a view of the other, or "
                                 f"clone() it.")


class _Near:
    """Tensors by the array that their memory belongs to: only those of one array can share some.

    Memory that NumPy has from elsewhere may be anybody's.
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self.tensors = tensors
        self.by_owner: dict[int | None, list[Tensor]] = {}
        for tensor in tensors:
            self.by_owner.setdefault(_owner(tensor._array), []).append(tensor)

    def of(self, tensor: Tensor) -> Sequence[Tensor]:
        """The tensors that can share memory with this one."""
        owner = _owner(tensor._array)
        foreign = self.by_owner.get(None)
        if owner is None:
            return self.tensors
        return self.by_owner.get(owner, []) + foreign if foreign else self.by_owner.get(owner, ())


def _owner(array: Any) -> int | None:
    """The array, by its identity, that owns the memory of another; None if that is no array."""
    while (base := array.base) is not None:
        if not isinstance(base, np.ndarray):
            return None
        array = base
    return id(array)


class Argument:
    """The memory of one argument as XLA takes it, where it is NumPy's."""

    def __init__(self) -> None:
        self.last: Callable[[], Tensor | None] = bool  # nothing
        self.times = 0

    def __call__(self, tensor: Tensor) -> Any:
        if self.last() is not tensor:
            self.last, self.times = weakref.ref(tensor), 0
        self.times += 1
        if self.times == REPEATS:  # once: eager code may want it back
            return moved(tensor)
        return tensor._array.copy()  # XLA may read it when the call has returned, and the caller write to it


class Number:
    """A number that is read before each call."""

    def __init__(self, reading: Reading) -> None:
        self.read, self.dtype = reading.read, reading.dtype
        self.last: Any = self  # nothing
        self.times = 0
        self.array: Any = None

    def __call__(self) -> Any:
        value = self.read()
        if value is not self.last:
            self.last, self.times, self.array = value, 0, np.asarray(value, self.dtype)
        if self.times < REPEATS:
            self.times += 1
            if self.times == REPEATS:
                self.array = on_device(self.array)
        return self.array
