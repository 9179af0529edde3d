"""What is asked and changed about the size of a tensor, and functions applied to each of its elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradc import shapes
from gradc.errors import CallError, GradError, ShapeError
from gradc.inplace import takes_out, write
from gradc.locations import here, quote
from gradc.modes import current
from gradc.ops.conversion import copy
from gradc.ops.joining import narrow
from gradc.ops.shape import flatten, movedim
from gradc.tensor import Tensor, host_array, wrap

__all__ = ["is_same_size", "is_signed", "moveaxis", "narrow_copy", "numel", "ravel"]

ravel, moveaxis = flatten, movedim


def numel(x: Tensor) -> int:
    """The number of elements, as torch.numel."""
    return x.numel()


def is_signed(x: Tensor) -> bool:
    """Whether the dtype has negative numbers, as torch.is_signed."""
    return x.dtype.is_signed


def is_same_size(x: Tensor, other: Tensor) -> bool:
    """Whether two tensors have one shape, as torch.is_same_size."""
    return x._array.shape == other._array.shape


@takes_out
def narrow_copy(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A copy of the elements of a dimension from `start` on, as torch.narrow_copy."""
    return narrow(x, dim, start, length).clone()  # type: ignore[attr-defined, no-any-return]


def _sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """This tensor summed over the dimensions along which one of the given size is broadcast to it."""
    target = shapes.from_arguments(size)
    shape = self._array.shape
    if len(target) > len(shape) or shapes.broadcast(target, shape) != shape:
        raise ShapeError(f"size {{{list(target)}}} is not expandable to size {{{list(shape)}}}.{quote(here())}")
    dims = shapes.broadcast_dims(target, shape)
    found = self.sum(dims) if dims or not target else self  # type: ignore[attr-defined]
    return found.reshape(target)  # type: ignore[no-any-return]


def _resize_(self: Tensor, *size: Any, memory_format: Any = None) -> Tensor:
    """Give this tensor another size: its elements stay in row-major order, new ones are not initialised."""
    shape = shapes.from_arguments(size)
    if self.requires_grad:
        raise GradError(f"cannot resize variables that require grad{quote(here())}")
    if current().trace is not None or self._view is not None:
        raise CallError(f"Trying to resize storage that is not resizable: resize_ of a view, or in a compiled "
                        f"function.{quote(here())}")
    old, new = self._array, np.empty(shape, self._array.dtype)
    count = min(old.size, new.size)
    new.reshape(-1)[:count] = old.reshape(-1)[:count]
    self._array = new
    self._storage.written()
    return self


def _resize_as_(self: Tensor, other: Tensor, *, memory_format: Any = None) -> Tensor:
    """Give this tensor the size of another."""
    return _resize_(self, other._array.shape)


def _computed(self: Tensor, function: Callable[..., Any], others: tuple[Tensor, ...], name: str) -> Tensor:
    if current().grad and self.requires_grad:
        raise GradError(f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead."
                        f"{quote(here())}")
    arrays = [np.broadcast_to(host_array(x, name), self._array.shape).reshape(-1).tolist() for x in (self, *others)]
    found = np.array([function(*row) for row in zip(*arrays, strict=True)], self._array.dtype)
    return write(self, copy(self, wrap(found.reshape(self._array.shape))), name)


def _apply_(self: Tensor, function: Callable[[Any], Any]) -> Tensor:
    """Replace each element by what a Python function makes of it: slow."""
    return _computed(self, function, (), "apply_")


def _map_(self: Tensor, other: Tensor, function: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each element by what a Python function makes of it and that of another tensor: slow."""
    return _computed(self, function, (other,), "map_")


for _function in (is_same_size, narrow_copy):
    setattr(Tensor, _function.__name__, _function)
for _name, _method in {"sum_to_size": _sum_to_size, "resize_": _resize_, "resize_as_": _resize_as_, "apply_": _apply_,
                       "map_": _map_, "ndimension": Tensor.dim, "unsafe_split": Tensor.split,  # type: ignore
                       "unsafe_chunk": Tensor.chunk,  # type: ignore[attr-defined]
                       "itemsize": property(Tensor.element_size, doc="Bytes per element.")}.items():
    setattr(Tensor, _name, _method)
