"""Reading and writing parts of a tensor: `x[…]`, gather and scatter, masks, embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import dtypes, shapes
from gradc.apply import apply, write
from gradc.errors import ArgumentError, DimensionError, DtypeError, ShapeError
from gradc.ir import Type
from gradc.ops.arithmetic import where
from gradc.ops.base import NUMBERS, Op
from gradc.ops.conversion import copy, known
from gradc.ops.define import op
from gradc.ops.samples import ints
from gradc.tensor import Tensor, host_array

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
    taken = sum([item.ndim if _is_mask(item) else 1 for item in items if item is not None and item is not Ellipsis])
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
            for part in _mask_indices(item, shape[dim : dim + item.ndim], dim) if _is_mask(item) else [item]:
                normal.append(Place(len(tensors)))
                tensors.append(part)
            dim += item.ndim if _is_mask(item) else 1
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
        return known(array.astype(np.int64) if not array.size else array)
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    try:
        return item.__index__()
    except AttributeError:
        raise ArgumentError(f"only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are "
                            f"valid indices (got {type(item).__name__})") from None


def _is_mask(item: Any) -> bool:
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


def _readable(index: tuple[Any, ...], shape: shapes.Shape) -> tuple[Any, ...]:
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


def _indexed_shape(shape: shapes.Shape, index: tuple[Any, ...]) -> shapes.Shape:
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


@op
class getitem(Op):
    """The part of x at an index of integers, slices and None: a view.

    Source  torch.Tensor.__getitem__ (select, slice, unsqueeze)
    """

    kernel = lambda xp, x, *, index: x[(*index, ...)]  # the dots make a view even of a single element
    lower = lambda xp, x, *, index: x[index]
    grad_x = lambda g, x_type, index: setitem(g.new_zeros(x_type.shape, dtype=x_type.dtype), g, index)
    view = True
    method = False
    generates = False
    samples = [((4, 3), {"index": (1,)}), ((4, 3), {"index": (slice(1, 3), 2)}), ((4,), {"index": (None, slice(0, 2))}),
               ((5,), {"index": (slice(None, None, 2),)})]

    def infer(self, x: Any, *, index: tuple[Any, ...]) -> Type:
        return Type(x.dtype, _indexed_shape(x.shape, index))

    def call(self, x: Tensor, index: Any) -> Any:
        return apply(self, (x,), {"index": index})

    def writer(self, base: Type, attrs: dict[str, Any]) -> tuple[Op, dict[str, Any], bool]:
        return setitem, attrs, True

    def node_name(self, node: Any) -> str:
        index = node.attrs["index"]
        last = index[-1] if index else slice(None)
        kind = "Unsqueeze" if last is None else "Slice" if isinstance(last, slice) else "Select"
        return f"{kind}Backward0"


def _put(xp: Any, x: Any, value: Any, *, index: tuple[Any, ...]) -> Any:
    result = x.copy()
    result[index] = value
    return result


@op
class setitem(Op):
    """x with the part at an index of integers, slices and None replaced by `value`.

    Source  torch.select_scatter, torch.slice_scatter; x.at[index].set(value) in JAX
    """

    kernel = _put
    lower = lambda xp, x, value, *, index: x.at[index].set(value)
    grad_x = lambda g, value_type, index: setitem(g, g.new_zeros(value_type.shape), index)
    grad_value = lambda g, index: getitem(g, index)
    method = False
    generates = False
    torch_name = "SliceScatter"
    samples = [((4, 3), (3,), {"index": (1,)}), ((4, 3), (2,), {"index": (slice(1, 3), 2)})]

    def infer(self, x: Any, value: Any, *, index: tuple[Any, ...]) -> Type:
        shape = _indexed_shape(x.shape, index)
        if value.shape != shape:
            raise ShapeError(f"shape mismatch: value tensor of shape {list(value.shape)} cannot be written to an "
                             f"indexed part of shape {list(shape)}")
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor, value: Tensor, index: Any) -> Any:
        return apply(self, (x, value), {"index": index})


def _with_places(index: tuple[Any, ...], tensors: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(tensors[int(item[1:])] if isinstance(item, str) else item for item in index)


def _advanced_shape(x: Any, index: tuple[Any, ...], tensors: Sequence[Any]) -> shapes.Shape:
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


@op
class index(Op):
    """The elements of x at an index with tensors of integers: a copy.

    In `index`, `i0`, `i1`, … stand for the index tensors.

    Source  torch.Tensor.__getitem__ (index), numpy's advanced indexing
    """

    kernel = lambda xp, x, *tensors, index: x[_with_places(index, tensors)]
    grads = lambda g, x_type, tensors, index: (
        index_add_at(g.new_zeros(x_type.shape, dtype=x_type.dtype), g, *tensors, index=index),
        *(None for _ in tensors))
    method = False
    generates = False
    samples = [((5, 3), ints((4,), 5), {"index": (Place(0),)}), ((5, 3), ints((2, 2), 3), {"index": (2, Place(0))}),
               ((4, 5, 3), ints((2, 1), 4), ints((3,), 3), {"index": (Place(0), slice(1, 4), Place(1))}),
               ((4, 5, 3), ints((6,), 5), {"index": (None, slice(None, None, 2), Place(0))}),
               ((4, 5), ints((6,), 4), ints((6,), 5), {"index": (Place(0), Place(1))})]

    def infer(self, x: Any, *tensors: Any, index: tuple[Any, ...]) -> Type:
        return Type(x.dtype, _advanced_shape(x, index, tensors))

    def call(self, x: Tensor, *tensors: Tensor, index: tuple[Any, ...]) -> Any:
        return apply(self, (x, *tensors), {"index": index})


def _add_at(xp: Any, x: Any, value: Any, *tensors: Any, index: tuple[Any, ...]) -> Any:
    result = x.copy()
    np.add.at(result, _with_places(index, tensors), value)
    return result


def _put_at(xp: Any, x: Any, value: Any, *tensors: Any, index: tuple[Any, ...]) -> Any:
    result = x.copy()
    result[_with_places(index, tensors)] = value
    return result


def check_addable(self: Op, x: Any, value: Any) -> None:
    """Raise DtypeError unless `value` can be added into x: of its dtype, which is not bool."""
    a, b = dtypes.of(x.dtype), dtypes.of(value.dtype)
    if a is not b:
        raise DtypeError(f"{self.name}(): Expected self.dtype to be equal to src.dtype, got {a!r} and {b!r}")
    if a is dtypes.bool_:
        raise DtypeError(f'"{self.name}" not implemented for \'Bool\'')


class PutAt(Op):
    """Writes at an index with tensors; `value` has the shape of what is there."""

    method = False
    generates = False

    def infer(self, x: Any, value: Any, *tensors: Any, index: tuple[Any, ...]) -> Type:
        shape = _advanced_shape(x, index, tensors)
        if shapes.broadcast(value.shape, shape) != shape:
            raise ShapeError(f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to "
                             f"indexing result of shape {list(shape)}")
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor, value: Tensor, *tensors: Tensor, index: tuple[Any, ...]) -> Any:
        return apply(self, (x, value, *tensors), {"index": index})


@op
class index_add_at(PutAt):
    """x with `value` added at an index with tensors; places that occur twice are added to twice.

    Source  torch.index_put with accumulate=True; x.at[index].add(value) in JAX
    """

    kernel = _add_at
    lower = lambda xp, x, value, *tensors, index: x.at[_with_places(index, tensors)].add(value)

    def compute_dtype(self, operands: Sequence[Any]) -> None:
        check_addable(self, *operands[:2])

    samples = [((5, 3), (4, 3), ints((4,), 5), {"index": (Place(0),)}),
               ((5, 3), (), ints((4,), 5), {"index": (Place(0),)}),
               ((4, 5), (6,), ints((6,), 4), ints((6,), 5), {"index": (Place(0), Place(1))})]
    grads = lambda g, tensors, index: (g, globals()["index"](g, *tensors, index=index), *(None for _ in tensors))


@op
class index_put(PutAt):
    """x with the elements at an index with tensors replaced by `value`.

    Source  torch.index_put; x.at[index].set(value) in JAX
    """

    kernel = _put_at
    lower = lambda xp, x, value, *tensors, index: x.at[_with_places(index, tensors)].set(value)
    samples = [((5, 3), (4, 3), ints((4,), 5, distinct=True), {"index": (Place(0),)}),
               ((5, 3), (), ints((4,), 5, distinct=True), {"index": (Place(0),)}),
               ((4, 5), (2, 4), ints((4,), 5, distinct=True), {"index": (slice(1, 3), Place(0))})]
    grads = lambda g, value_type, tensors, index: (
        index_put(g, g.new_zeros(value_type.shape), *tensors, index=index),
        globals()["index"](g, *tensors, index=index), *(None for _ in tensors))


def _get(self: Tensor, item: Any) -> Tensor:
    normal, tensors = normal_index(item, self._array.shape)
    if tensors:
        self, normal = _integers_first(self, normal)
    normal = _readable(normal, self._array.shape)
    return index(self, *tensors, index=normal) if tensors else getitem(self, normal)


def _integers_first(x: Tensor, index: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
    """PyTorch's rule for integers beside index tensors: they choose first, and do not count as tensors."""
    if not any(isinstance(item, int) for item in index):
        return x, index
    chosen = tuple(item if isinstance(item, int) else slice(None) for item in index if item is not None)
    return getitem(x, chosen), tuple(item for item in index if not isinstance(item, int))


def _set(self: Tensor, item: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        value = known(value)
    if isinstance(item, Tensor) and _is_mask(item) and (not isinstance(value, Tensor) or value.ndim == 0) and item.shape == self.shape:
        write(self, where(item, value, self).to(self.dtype), "an indexed assignment")  # type: ignore[attr-defined]
        return
    normal, tensors = normal_index(item, self._array.shape)
    if tensors:
        self, normal = _integers_first(self, normal)
    normal = _readable(normal, self._array.shape)
    if not isinstance(value, Tensor):
        if type(value) not in NUMBERS and not isinstance(value, np.generic):
            raise ArgumentError(f"can't assign a {type(value).__name__} to a tensor")
        value = self.new_full((), value)  # type: ignore[attr-defined]
    if tensors:
        value = value.to(self.dtype)
        write(self, index_put(self, value, *tensors, index=normal), "an indexed assignment")
    else:
        target = getitem(self, normal)
        write(target, copy(target, _without_leading_ones(value, target)), "an indexed assignment")


def _without_leading_ones(value: Tensor, target: Tensor) -> Tensor:
    """`value` without the dimensions of size 1 that it has in front of those of `target`."""
    while value.ndim > target.ndim and value._array.shape[0] == 1:
        value = value.squeeze(0)  # type: ignore[attr-defined]
    return value


def _copy_(self: Tensor, source: Any, non_blocking: bool = False) -> Tensor:
    """Write the values of `source`, broadcast and cast, into this tensor, as torch.Tensor.copy_."""
    if not isinstance(source, Tensor):
        source = known(np.asarray(source))
    return write(self, copy(self, source), "copy_")


def _fill_(self: Tensor, value: Any) -> Tensor:
    """Write one number into every element."""
    return _copy_(self, value if isinstance(value, Tensor) else self.new_full((), value))  # type: ignore[attr-defined]


def _zero_(self: Tensor) -> Tensor:
    """Write 0 into every element."""
    return _fill_(self, 0)


Tensor.__getitem__ = _get  # type: ignore[attr-defined]
Tensor.__setitem__ = _set  # type: ignore[attr-defined]
Tensor.copy_ = _copy_  # type: ignore[attr-defined]
Tensor.fill_ = _fill_  # type: ignore[attr-defined]
Tensor.zero_ = _zero_  # type: ignore[attr-defined]


def nonzero(x: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of the nonzero elements, as torch.nonzero. Its shape depends on the values."""
    found = np.nonzero(host_array(x, "nonzero() (or an index by a mask)"))
    if as_tuple:
        return tuple(known(part) for part in found)
    return known(np.stack(found, axis=1))


Tensor.nonzero = nonzero  # type: ignore[attr-defined]
