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
from gradc.ops.conversion import copy
from gradc.ops.define import op
from gradc.ops.samples import ints
from gradc.tensor import Tensor, host_array, wrap

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
        elif isinstance(item, Tensor):
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
        return wrap(np.asarray(bool(item)))
    if isinstance(item, (list, np.ndarray, range)):
        array = np.asarray([int(i) if isinstance(i, Tensor) else i for i in item] if isinstance(item, list) else item)
        return wrap(array.astype(np.int64) if not array.size else array)
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    try:
        return item.__index__()
    except AttributeError:
        raise ArgumentError(f"only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are "
                            f"valid indices (got {type(item).__name__})") from None


def _is_mask(item: Any) -> bool:
    return isinstance(item, Tensor) and item.dtype is dtypes.bool_


def _mask_indices(mask: Tensor, shape: shapes.Shape, dim: int) -> list[Tensor]:
    if mask._array.shape != shape:
        raise DimensionError(f"The shape of the mask {list(mask._array.shape)} at index {dim} does not match the "
                             f"shape of the indexed tensor {list(shape)}")
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
    normal = _readable(normal, self._array.shape)
    return index(self, *tensors, index=normal) if tensors else getitem(self, normal)


def _set(self: Tensor, item: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        value = wrap(value)
    if _is_mask(item) and (not isinstance(value, Tensor) or value.ndim == 0) and item.shape == self.shape:
        write(self, where(item, value, self).to(self.dtype), "an indexed assignment")  # type: ignore[attr-defined]
        return
    normal, tensors = normal_index(item, self._array.shape)
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
        source = wrap(np.asarray(source))
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


def _gather_infer(self: Op, x: Any, index: Any, *, dim: int) -> Type:
    if index.dtype.category != dtypes.INT:
        raise DtypeError(f"{self.name}(): Expected dtype int64 for index, got {index.dtype}")
    if len(index.shape) != len(x.shape):
        raise ShapeError("Index tensor must have the same number of dimensions as input tensor")
    for d, (a, b) in enumerate(zip(index.shape, x.shape, strict=True)):
        if d != dim and a > b:
            raise ShapeError(f"Size does not match at dimension {d} expected index {list(index.shape)} to be no "
                             f"larger than self {list(x.shape)} apart from dimension {dim}")
    return Type(x.dtype, index.shape)


def _grid(xp: Any, index: Any, dim: int, shape: shapes.Shape) -> tuple[Any, ...]:
    """The full index that takes, at each place of `index`, its element as the position along `dim`."""
    return tuple(index if d == dim else xp.reshape(xp.arange(n), (1,) * d + (n,) + (1,) * (len(shape) - d - 1))
                 for d, n in enumerate(shape))


def _gather(xp: Any, x: Any, index: Any, *, dim: int) -> Any:
    return x[_grid(xp, index, dim, index.shape)] if index.ndim else x


def _scatter_add(xp: Any, x: Any, index: Any, source: Any, *, dim: int) -> Any:
    result = x.copy()
    np.add.at(result, _grid(np, index, dim, index.shape), source[tuple(slice(n) for n in index.shape)])
    return result


@op
class gather(Op):
    """result[i][j] = x[index[i][j]][j] for dim = 0, and so on.

    Source  torch.gather
    """

    kernel = _gather
    grad_x = lambda g, index, x_type, dim: scatter_add(g.new_zeros(x_type.shape, dtype=x_type.dtype), dim, index, g)
    infer = _gather_infer
    samples = [((4, 3), ints((2, 3), 4), {"dim": 0}), ((4, 3), ints((4, 5), 3), {"dim": 1}),
               ((3, 4, 2), ints((2, 4, 1), 3), {"dim": 0}), ((), ints((), 1), {"dim": 0})]

    def call(self, x: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Any:
        return apply(self, (x, index), {"dim": shapes.normal_dim(dim, x.ndim)})


@op
class scatter_add(Op):
    """x with source[i][j] added to x[index[i][j]][j] for dim = 0, and so on.

    Source  torch.scatter_add
    """

    kernel = _scatter_add
    lower = lambda xp, x, index, source, *, dim: x.at[_grid(xp, index, dim, index.shape)].add(
        source[tuple(slice(n) for n in index.shape)])
    grad_x = lambda g: g
    grad_source = lambda g, index, dim: gather(g, dim, index)
    inplace = True
    samples = [((4, 3), ints((2, 3), 4), (2, 3), {"dim": 0}), ((4, 3), ints((4, 5), 3), (4, 6), {"dim": 1}),
               ((3, 4, 2), ints((2, 4, 1), 3), (3, 4, 2), {"dim": 0})]

    def infer(self, x: Any, index: Any, source: Any, *, dim: int) -> Type:
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor, dim: int, index: Tensor, source: Tensor) -> Any:
        return apply(self, (x, index, source), {"dim": shapes.normal_dim(dim, x.ndim)})


def index_select(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of x at `index` along `dim`, as torch.index_select."""
    return x[(slice(None),) * shapes.normal_dim(dim, x.ndim) + (index,)]  # type: ignore[index]


def masked_fill(x: Tensor, mask: Tensor, value: Any) -> Tensor:
    """x with `value` where the mask holds, as torch.masked_fill."""
    return where(mask, value, x)


def masked_select(x: Tensor, mask: Tensor) -> Tensor:
    """The elements of x where the mask holds, in row-major order, as torch.masked_select."""
    common = shapes.broadcast(x._array.shape, mask._array.shape)
    return x.expand(common)[mask.expand(common)]  # type: ignore[attr-defined]


def _masked_fill_(self: Tensor, mask: Tensor, value: Any) -> Tensor:
    return write(self, masked_fill(self, mask, value).to(self.dtype), "masked_fill_")  # type: ignore[attr-defined]


def nonzero(x: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of the nonzero elements, as torch.nonzero. Its shape depends on the values."""
    found = np.nonzero(host_array(x, "nonzero() (or an index by a mask)"))
    if as_tuple:
        return tuple(wrap(part) for part in found)
    return wrap(np.stack(found, axis=1))


for _function in (index_select, masked_fill, masked_select, nonzero):
    setattr(Tensor, _function.__name__, _function)
Tensor.masked_fill_ = _masked_fill_  # type: ignore[attr-defined]


@op
class embedding(Op):
    """The rows of `weight` at the integers `x`.

    Source  torch.nn.functional.embedding
    """

    kernel = lambda xp, x, weight: weight[x]
    grad_weight = lambda g, x, weight_type: index_add_at(
        g.new_zeros(weight_type.shape, dtype=weight_type.dtype), g, x, index=(Place(0),))
    method = False
    samples = [(ints((4,), 5), (5, 3)), (ints((2, 3), 5), (5, 2)), (ints((), 5), (5, 3))]

    def infer(self, x: Any, weight: Any) -> Type:
        if x.dtype.category != dtypes.INT:
            raise DtypeError(f"embedding(): indices must be integers, got {x.dtype}")
        return Type(weight.dtype, (*x.shape, *weight.shape[1:]))

    def call(self, x: Tensor, weight: Tensor) -> Any:
        array = x._array
        if isinstance(array, np.ndarray) and array.size and not (0 <= array.min() and array.max() < weight.shape[0]):
            raise DimensionError("index out of range in self")
        return apply(self, (x, weight), {})


@op
class one_hot(Op):
    """1 at the position that each integer of x names, 0 elsewhere, along a new last dimension.

    Source  torch.nn.functional.one_hot
    """

    kernel = lambda xp, x, *, num_classes: xp.astype(
        xp.equal(xp.expand_dims(x, -1), xp.arange(num_classes)), "int64")
    method = False
    samples = [(ints((4,), 3), {"num_classes": 3}), (ints((2, 2), 3), {"num_classes": 4})]

    def infer(self, x: Any, *, num_classes: int) -> Type:
        return Type(dtypes.int64, (*x.shape, num_classes))

    def call(self, x: Tensor, num_classes: int = -1) -> Any:
        if num_classes == -1:
            num_classes = int(x.max().item()) + 1  # type: ignore[attr-defined]
        return apply(self, (x,), {"num_classes": num_classes})

