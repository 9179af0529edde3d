"""Index expressions in normal form: what may stand in `x[…]`, and the shape that it selects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import dtypes, shapes
from gradc.errors import ArgumentError, DimensionError, ShapeError
from gradc.ops.conversion import known
from gradc.tensor import Tensor, host_array, wrap

__all__ = ["nonzero"]

# An index is a tuple of integers, slices, None and Ellipsis. A tensor among them is an operand: its place in the
# tuple holds a Place.


class Place(str):
    """Stands in an index for the n-th index tensor: `i0`, `i1`, …"""

    def __new__(cls, n: int) -> Place:
        return super().__new__(cls, f"i{n}")


def normal_index(index: Any, shape: shapes.Shape) -> tuple[tuple[Any, ...], list[Tensor]]:
    """An index of a tensor of `shape` in normal form, and the index tensors in it.

    Ellipsis is spelled out, slices are in range with a positive step, integers count from the front.

    Raises DimensionError for what is out of range, and ArgumentError for what is no index.
    """
    items = list(index) if isinstance(index, tuple) else [index]
    items = [_item(item) for item in items]
    taken = sum([item.ndim if is_mask(item) else 1 for item in items if item is not None and item is not Ellipsis])
    rank = len(shape)
    if taken > rank:
        if rank == 0:
            raise DimensionError("invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                                 "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number")
        raise DimensionError(f"too many indices for tensor of dimension {rank}")
    at = items.index(Ellipsis) if any(item is Ellipsis for item in items) else len(items)
    items[at : at + 1] = [slice(None)] * (rank - taken)
    normal: list[Any] = []
    tensors: list[Tensor] = []
    dim = 0
    for item in items:
        if item is None:
            normal.append(None)
        elif isinstance(item, (Tensor, np.ndarray)):
            for part in _mask_indices(item, shape[dim : dim + item.ndim], dim) if is_mask(item) else [item]:
                normal.append(Place(len(tensors)))
                tensors.append(part)
            dim += item.ndim if is_mask(item) else 1
        else:
            normal.append(_in_range(item, shape[dim], dim))
            dim += 1
    while normal and normal[-1] == slice(0, shape[dim - 1], 1) and dim:
        normal.pop()  # a trailing full slice says nothing
        dim -= 1
    return tuple(normal), tensors


def _item(item: Any) -> Any:
    """One part of an index, with lists, arrays and NumPy numbers converted."""
    if isinstance(item, Tensor):
        if item.dtype.is_floating_point or item.dtype.is_complex:
            raise DimensionError(f"tensors used as indices must be long, int, byte or bool tensors, not {item.dtype}")
        return item
    if isinstance(item, (bool, np.bool_)):
        if not item:
            raise ArgumentError("an index of False selects nothing: use x[None][:0]")
        return None  # one new dimension, as in PyTorch
    if isinstance(item, (list, np.ndarray, range)):
        array = np.asarray([int(i) if isinstance(i, Tensor) else i for i in item] if isinstance(item, list) else item)
        if array.dtype == bool:
            return array  # a mask whose values are known, also in a trace
        array = array.astype(np.int64) if not array.size else array
        return wrap(array) if isinstance(item, np.ndarray) else known(array)
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    try:
        return item.__index__()
    except AttributeError:
        raise ArgumentError(f"only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are "
                            f"valid indices (got {type(item).__name__})") from None


def is_mask(item: Any) -> bool:
    """Whether a part of an index is a mask: a bool tensor, or a bool array whose values are known."""
    return isinstance(item, np.ndarray) or isinstance(item, Tensor) and item.dtype is dtypes.bool_


def _mask_indices(mask: Tensor | np.ndarray[Any, Any], shape: shapes.Shape, dim: int) -> list[Tensor]:
    if tuple(mask.shape) != shape:
        raise DimensionError(f"The shape of the mask {list(mask.shape)} at index {dim} does not match the "
                             f"shape of the indexed tensor {list(shape)}")
    if isinstance(mask, np.ndarray):
        return [known(part) for part in np.nonzero(mask)]
    return list(nonzero(mask, as_tuple=True))


def _in_range(item: Any, size: int, dim: int) -> Any:
    if isinstance(item, slice):
        if item.step is not None and item.step <= 0:
            raise ValueError("step must be greater than zero")
        start, stop, step = slice(*[None if part is None else part.__index__() for part in
                                    (item.start, item.stop, item.step)]).indices(size)
        return slice(start, stop if stop > start else start, step)
    if not -size <= item < size:
        raise DimensionError(f"index {item} is out of bounds for dimension {dim} with size {size}")
    return item % size


def readable(index: tuple[Any, ...], shape: shapes.Shape) -> tuple[Any, ...]:
    """A normal index for the kernel and the text: slices lose the bounds that say nothing."""
    result = []
    dims = iter(shape)
    for item in index:
        size = next(dims) if item is not None else 0
        if isinstance(item, slice):
            item = slice(item.start or None, None if item.stop >= size else item.stop,
                         None if item.step == 1 else item.step)
        result.append(item)
    return tuple(result)


def indexed_shape(shape: shapes.Shape, index: tuple[Any, ...]) -> shapes.Shape:
    """The shape of a basic index."""
    result: list[int] = []
    dims = list(shape)
    for item in index:
        if item is None:
            result.append(1)
        else:
            size = dims.pop(0)
            if isinstance(item, slice):
                result.append(len(range(*item.indices(size))))
            elif not -size <= item < size:
                raise DimensionError(f"index {item} is out of bounds for dimension with size {size}")
    return (*result, *dims)


def with_places(index: tuple[Any, ...], tensors: Sequence[Any]) -> tuple[Any, ...]:
    """The index with its places filled by the index tensors."""
    return tuple(tensors[int(item[1:])] if isinstance(item, str) else item for item in index)


def advanced_shape(x: Any, index: tuple[Any, ...], tensors: Sequence[Any]) -> shapes.Shape:
    """The shape of an index with tensors, by NumPy's rule: adjacent tensors stay in place, others go first."""
    try:
        common = shapes.broadcast(*[t.shape for t in tensors])
    except ShapeError:
        raise DimensionError(f"shape mismatch: indexing tensors could not be broadcast together with shapes "
                             f"{', '.join(str(list(t.shape)) for t in tensors)}") from None
    dims = list(x.shape)
    basic: list[int] = []
    places: list[int] = []
    before = 0
    for i, item in enumerate(index):
        if item is None:
            basic.append(1)
            continue
        size = dims.pop(0)
        if isinstance(item, slice):
            basic.append(len(range(*item.indices(size))))
        else:  # an integer counts as an index tensor of no dimensions
            if isinstance(item, str) and not places:
                before = len(basic)
            if not places and not isinstance(item, str):
                before = len(basic)
            places.append(i)
    together = places == list(range(places[0], places[-1] + 1))
    at = before if together else 0
    return (*basic[:at], *common, *basic[at:], *dims)


def nonzero(x: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of the nonzero elements, as torch.nonzero. Its shape depends on the values."""
    found = np.nonzero(host_array(x, "nonzero() (or an index by a mask)"))
    if as_tuple:
        return tuple(known(part) for part in found)
    return known(np.stack(found, axis=1))
