"""PyTorch's older word for a tensor."""

from __future__ import annotations

import warnings
from typing import Any

from gradc.errors import ArgumentError
from gradc.ops.conversion import detach
from gradc.ops.creation import empty
from gradc.tensor import Tensor

__all__ = ["Variable"]


class _AnyTensor(type):
    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, Tensor)


class Variable(metaclass=_AnyTensor):
    """A leaf with the memory of a tensor, as torch.autograd.Variable. Every tensor is an instance."""

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: bool = False) -> Any:
        if volatile:
            warnings.warn("volatile was removed and now has no effect. Use `with torch.no_grad():` instead.",
                          UserWarning, stacklevel=2)
        if data is not None and not isinstance(data, Tensor):
            raise ArgumentError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return (empty(0) if data is None else detach(data)).requires_grad_(requires_grad)
