"""Index expressions in normal form: what may stand in `x[…]`, and the shape that it selects."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import dtypes, shapes
from gradc.errors import ArgumentError, DimensionError, ShapeError
from gradc.inplace import takes_out
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
    items = [_item(item) for item in parts_of(index)]
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
    while normal and dim and normal[-1] == slice(0, shape[dim - 1], 1):
        normal.pop()  # a trailing full slice says nothing
        dim -= 1
    return tuple(normal), tensors


def parts_of(index: Any) -> list[Any]:
    """The parts of an index, with one Ellipsis at most: of a tuple, and of a list that holds more than numbers."""
    if isinstance(index, list) and any(part is None or part is Ellipsis or isinstance(part, COMPOUND)
                                       for part in index):
        index = tuple(index)
    if not isinstance(index, tuple):
        return [index]
    dots = [i for i, part in enumerate(index) if part is Ellipsis]
    return [part for i, part in enumerate(index) if part is not Ellipsis or i == dots[0]]


COMPOUND = (Tensor, list, tuple, range, slice, np.ndarray)


def bools_as_dimensions(x: Any, index: Any) -> tuple[Any, Any]:
    """PyTorch's rule for True and False in an index: each is a mask of no dimensions.

    So x gets a new dimension in its place, of which it chooses the only element, or none.
    """
    items = parts_of(index)
    if not any(_is_bool(item) for item in items):
        return x, index
    items = [_item(item) if not _is_bool(item) else item for item in items]
    taken = sum([0 if item is None or item is Ellipsis or _is_bool(item) else item.ndim if is_mask(item) else 1
                 for item in items])
    at = next((i for i, item in enumerate(items) if item is Ellipsis), len(items))
    items[at : at + 1] = [slice(None)] * max(x.ndim - taken, 0)
    dim = 0
    for i, item in enumerate(items):
        if _is_bool(item):
            chosen = bool(host_array(item, "an index by a bool") if isinstance(item, Tensor) else item)
            x, items[i] = x.unsqueeze(dim), known(np.zeros(int(chosen), np.int64))
        dim += 0 if item is None else item.ndim if is_mask(item) and not _is_bool(item) else 1
    return x, tuple(items)


def _is_bool(item: Any) -> bool:
    return isinstance(item, (bool, np.bool_)) or isinstance(item, (Tensor, np.ndarray)) and item.ndim == 0 and \
        item.dtype in (dtypes.bool_, np.bool_)


def _item(item: Any) -> Any:
    """One part of an index, with lists, arrays and NumPy numbers converted."""
    if isinstance(item, Tensor):
        if item.dtype not in INDICES:
            raise DimensionError(f"tensors used as indices must be long, int, byte or bool tensors, not {item.dtype}")
        if item.dtype is dtypes.uint8:
            warnings.warn("indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.",
                          UserWarning, stacklevel=5)
            return item.bool()  # type: ignore[attr-defined]
        return item
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


INDICES = (dtypes.int64, dtypes.int32, dtypes.uint8, dtypes.bool_)


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
    for item in index:
        size = 1 if item is None else dims.pop(0)
        if item is None or isinstance(item, slice):
            basic.append(1 if item is None else len(range(*item.indices(size))))
    at = place_of_tensors(index)
    return (*basic[:at], *common, *basic[at:], *dims)


def place_of_tensors(index: tuple[Any, ...]) -> int:
    """Where in the result the dimensions of the index tensors start. An integer counts as a tensor of none."""
    places = [i for i, item in enumerate(index) if item is not None and not isinstance(item, slice)]
    return places[0] if places[-1] - places[0] == len(places) - 1 else 0


@takes_out
def nonzero(x: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of the nonzero elements, as torch.nonzero. Its shape depends on the values."""
    array = host_array(x, "nonzero() (or an index by a mask)")
    found = np.nonzero(np.atleast_1d(array))
    if as_tuple:
        return tuple(known(part) for part in found)
    return known(np.stack(found[: array.ndim], axis=1) if array.ndim else np.zeros((len(found[0]), 0), np.int64))
