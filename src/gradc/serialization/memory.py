"""Tensors as pieces of memory: what several tensors of a file share, and tensors over such pieces."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.serialization.problem import LoadError
from gradc.storage import Storage
from gradc.tensor import LEAF, Parameter, Tensor, new


def whole(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The memory that `array` is a view of, in one dimension; of another type, its own values."""
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    if root.dtype == array.dtype and all(step >= 0 for step in array.strides):
        for order in "CF":
            if root.flags[f"{order}_CONTIGUOUS"]:
                return root.reshape(-1, order=order)  # type: ignore[call-overload, no-any-return]
    return np.ascontiguousarray(array).reshape(-1)


def address(array: np.ndarray[Any, Any]) -> int:
    """Where the first element lies."""
    return int(array.__array_interface__["data"][0])


class Piece:
    """Memory that was read from a file: its elements, and the storage cell of all tensors over it."""

    def __init__(self, content: bytes, kind: dtypes.dtype, count: int) -> None:
        if count < 0 or len(content) < count * kind.itemsize:
            raise LoadError(f"the file is cut off: {count} elements of {kind} do not fit in {len(content)} bytes")
        self.kind = kind
        self.array = np.frombuffer(bytearray(content), kind.numpy, count)
        self.storage = Storage()

    def tensor(self, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], requires_grad: bool) -> Tensor:
        """The tensor that begins at an element and goes on in these strides. Raises LoadError beyond the memory."""
        last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
        if min(offset, *shape, *stride, 0) < 0 or (math.prod(shape) and last >= self.array.size):
            raise LoadError(f"a tensor of shape {shape} and strides {stride} from element {offset} on reaches beyond "
                            f"its memory of {self.array.size} elements")
        size = self.kind.itemsize
        array = np.lib.stride_tricks.as_strided(
            self.array[offset:], shape, [step * size for step in stride], writeable=True)
        made = new(Tensor)
        made._array, made._storage = array, self.storage
        made._node = LEAF if requires_grad and self.kind.is_differentiable else None
        return made


def parameter(data: Tensor, requires_grad: bool) -> Parameter:
    """A Parameter over the memory of a tensor."""
    return Parameter(data, requires_grad)
