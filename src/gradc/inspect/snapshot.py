"""Trying something out on tensors and putting everything back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc.tensor import Tensor


class Snapshot:
    """A context that puts back the values, versions and `.grad` of tensors when it is left.

    It holds copies, not the arrays themselves: an array that somebody else holds is one that a compiled function
    cannot replace, and copying into it would count as time.
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self.tensors = tensors

    def __enter__(self) -> Snapshot:
        self.values = [_values(t) for t in self.tensors]
        self.grads = [(t._grad, None if t._grad is None else _values(t._grad)) for t in self.tensors]
        return self

    def __exit__(self, *exception: object) -> None:
        for tensor, values, (grad, grad_values) in zip(self.tensors, self.values, self.grads, strict=True):
            _put_back(tensor, *values)
            tensor._grad = grad
            if grad is not None and grad_values is not None:
                _put_back(grad, *grad_values)


def _values(tensor: Tensor) -> tuple[np.ndarray[Any, Any], int, Any]:
    return tensor._array.copy(), tensor._storage.version, tensor._storage.writer


def _put_back(tensor: Tensor, array: np.ndarray[Any, Any], version: int, writer: Any) -> None:
    """Write values where they came from; since they are the same again, so is their version."""
    if tensor._array.flags.writeable:
        np.copyto(tensor._array, array)
    storage = tensor._storage
    storage.version, storage.writer = version, writer
