"""Reading and writing parts of a tensor: `x[…]`, gather and scatter, masks, embeddings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import dtypes, shapes
from gradc.apply import apply
from gradc.errors import ArgumentError, DtypeError, ShapeError
from gradc.inplace import write
from gradc.ir import Type
from gradc.ops.arithmetic import where
from gradc.ops.base import NUMBERS, Op
from gradc.ops.batching import Examples
from gradc.ops.conversion import copy, known
from gradc.ops.creation import arange
from gradc.ops.define import op
from gradc.ops.indices import (
    Place,
    advanced_shape,
    bools_as_dimensions,
    indexed_shape,
    is_mask,
    nonzero,
    normal_index,
    place_of_tensors,
    readable,
    with_places,
)
from gradc.ops.samples import ints
from gradc.ops.shape import movedim
from gradc.tensor import Tensor, wrap


@op
class getitem(Op):
    """The part of x at an index of integers, slices and None: a view.

    Source  torch.Tensor.__getitem__ (select, slice, unsqueeze)
    """

    kernel = lambda xp, x, *, index: x[(*index, ...)]  # the dots make a view even of a single element
    lower = lambda xp, x, *, index: x[index]
    grad_x = lambda g, x_type, index: setitem(g.new_zeros(x_type.shape, dtype=x_type.dtype), g, index)
    batched = lambda self, examples: examples.apply(self, index=(slice(None), *examples.attrs["index"]))
    view = True
    method = False
    generates = False
    samples = [((4, 3), {"index": (1,)}), ((4, 3), {"index": (slice(1, 3), 2)}), ((4,), {"index": (None, slice(0, 2))}),
               ((5,), {"index": (slice(None, None, 2),)})]

    def infer(self, x: Any, *, index: tuple[Any, ...]) -> Type:
        return Type(x.dtype, indexed_shape(x.shape, index))

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
    batched = lambda self, examples: examples.apply(
        self, [examples.whole(0), examples.whole(1)], index=(slice(None), *examples.attrs["index"]))
    method = False
    generates = False
    torch_name = "SliceScatter"
    samples = [((4, 3), (3,), {"index": (1,)}), ((4, 3), (2,), {"index": (slice(1, 3), 2)})]

    def infer(self, x: Any, value: Any, *, index: tuple[Any, ...]) -> Type:
        shape = indexed_shape(x.shape, index)
        if value.shape != shape:
            raise ShapeError(f"shape mismatch: value tensor of shape {list(value.shape)} cannot be written to an "
                             f"indexed part of shape {list(shape)}")
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor, value: Tensor, index: Any) -> Any:
        return apply(self, (x, value), {"index": index})


@op
class index(Op):
    """The elements of x at an index with tensors of integers: a copy.

    In `index`, `i0`, `i1`, … stand for the index tensors.

    Source  torch.Tensor.__getitem__ (index), numpy's advanced indexing
    """

    kernel = lambda xp, x, *tensors, index: x[with_places(index, tensors)]
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
        return Type(x.dtype, advanced_shape(x, index, tensors))

    def call(self, x: Tensor, *tensors: Tensor, index: tuple[Any, ...]) -> Any:
        return apply(self, (x, *tensors), {"index": index})

    def batched(self, examples: Examples) -> Any:
        x, at = examples.operands[0], place_of_tensors(examples.attrs["index"])
        if not examples.flags[0]:  # the examples are a dimension of the index tensors
            found = self(x, *_index_tensors(examples, 1), index=examples.attrs["index"])
            return movedim(found, at, 0) if at else found
        tensors, place, rank = _index_of_all(examples, 1)
        found = self(x, *tensors, index=place)
        if not any(examples.flags[1:]):
            return found if place_of_tensors(place) else movedim(found, rank, 0)
        return movedim(found, range(1, rank + 1), range(at + 1, at + rank + 1)) if at else found


def _index_tensors(examples: Examples, first: int) -> list[Any]:
    """The index tensors, from operand `first` on: those that differ of one rank."""
    every = range(first, len(examples.operands))
    rank = max(map(examples.rank, every))
    return [examples.wide(i, rank) for i in every]


def _index_of_all(examples: Examples, first: int) -> tuple[list[Any], tuple[Any, ...], int]:
    """The index tensors and the index for all examples, and how many dimensions the tensors have in one.

    If they differ between examples, the numbers of the examples are a further index tensor, the last.
    """
    tensors = _index_tensors(examples, first)
    rank = max(map(examples.rank, range(first, len(examples.operands))))
    if not any(examples.flags[first:]):
        return tensors, (slice(None), *examples.attrs["index"]), rank
    numbers = arange(examples.size).reshape((examples.size, *(1,) * rank))
    return [*tensors, numbers], (Place(len(tensors)), *examples.attrs["index"]), rank


WIDE = 128
"""Elements of a row that is quicker to add by a call of its own than by np.add.at, which takes 8 ns for each."""


def _add_at(xp: Any, x: Any, value: Any, *tensors: Any, index: tuple[Any, ...]) -> Any:
    result = x.copy()
    if len(index) == len(tensors) == 1 and math.prod(x.shape[1:]) >= WIDE:
        places = tensors[0].reshape(-1)
        values = np.broadcast_to(value, (*tensors[0].shape, *x.shape[1:])).reshape(-1, *x.shape[1:])
        for place, row in zip(places.tolist(), values, strict=True):
            part = result[place]
            np.add(part, row, out=part)
        return result
    np.add.at(result, with_places(index, tensors), value)
    return result


def _put_at(xp: Any, x: Any, value: Any, *tensors: Any, index: tuple[Any, ...]) -> Any:
    result = x.copy()
    result[with_places(index, tensors)] = value
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
        shape = advanced_shape(x, index, tensors)
        if shapes.broadcast(value.shape, shape) != shape:
            raise ShapeError(f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to "
                             f"indexing result of shape {list(shape)}")
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor, value: Tensor, *tensors: Tensor, index: tuple[Any, ...]) -> Any:
        if value.ndim and value._array.shape[0] == 1:
            value = _without_leading_ones(value, len(advanced_shape(x._array, index, [t._array for t in tensors])))
        return apply(self, (x, value, *tensors), {"index": index})

    def batched(self, examples: Examples) -> Any:
        at, (tensors, place, rank) = place_of_tensors(examples.attrs["index"]), _index_of_all(examples, 2)
        x = examples.whole(0)
        value = examples.aligned(1, len(advanced_shape(x, place, tensors)) - 1)
        if not any(examples.flags[2:]):
            value = value if place_of_tensors(place) else movedim(value, 0, rank)
        elif at:
            value = movedim(value, range(at + 1, at + rank + 1), range(1, rank + 1))
        return self(x, value, *tensors, index=place)


@op
class index_add_at(PutAt):
    """x with `value` added at an index with tensors; places that occur twice are added to twice.

    Source  torch.index_put with accumulate=True; x.at[index].add(value) in JAX
    """

    kernel = _add_at
    lower = lambda xp, x, value, *tensors, index: x.at[with_places(index, tensors)].add(value)

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
    lower = lambda xp, x, value, *tensors, index: x.at[with_places(index, tensors)].set(value)
    samples = [((5, 3), (4, 3), ints((4,), 5, distinct=True), {"index": (Place(0),)}),
               ((5, 3), (), ints((4,), 5, distinct=True), {"index": (Place(0),)}),
               ((4, 5), (2, 4), ints((4,), 5, distinct=True), {"index": (slice(1, 3), Place(0))})]
    grads = lambda g, value_type, tensors, index: (
        index_put(g, g.new_zeros(value_type.shape), *tensors, index=index),
        globals()["index"](g, *tensors, index=index), *(None for _ in tensors))


def _get(self: Tensor, item: Any) -> Tensor:
    if item.__class__ is not int and item.__class__ is not slice:
        self, item = bools_as_dimensions(self, item)
    normal, tensors = normal_index(item, self._array.shape)
    if tensors:
        self, normal = _integers_first(self, normal)
    normal = readable(normal, self._array.shape)
    return index(self, *tensors, index=normal) if tensors else getitem(self, normal)


def _integers_first(x: Tensor, index: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
    """PyTorch's rule for integers beside index tensors: they choose first, and do not count as tensors."""
    if not any(isinstance(item, int) for item in index):
        return x, index
    chosen = tuple(item if isinstance(item, int) else slice(None) for item in index if item is not None)
    return getitem(x, chosen), tuple(item for item in index if not isinstance(item, int))


def _set(self: Tensor, item: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        value = wrap(value)
    one_value = not isinstance(value, Tensor) or value.ndim == 0
    if one_value and isinstance(item, Tensor) and is_mask(item) and item.shape == self.shape:
        write(self, where(item, value, self).to(self.dtype), "an indexed assignment")  # type: ignore[attr-defined]
        return
    self, item = bools_as_dimensions(self, item)
    normal, tensors = normal_index(item, self._array.shape)
    if tensors:
        self, normal = _integers_first(self, normal)
    normal = readable(normal, self._array.shape)
    if not isinstance(value, Tensor):
        if type(value) not in NUMBERS and not isinstance(value, np.generic):
            raise ArgumentError(f"can't assign a {type(value).__name__} to a tensor")
        value = self.new_full((), value)  # type: ignore[attr-defined]
    if tensors:
        value = value.to(self.dtype)
        write(self, index_put(self, value, *tensors, index=normal), "an indexed assignment")
    else:
        target = getitem(self, normal)
        write(target, copy(target, _without_leading_ones(value, target.ndim)), "an indexed assignment")


def _without_leading_ones(value: Tensor, rank: int) -> Tensor:
    """`value` without the dimensions of size 1 that it has in front of the last `rank`."""
    while value.ndim > rank and value._array.shape[0] == 1:
        value = value.squeeze(0)  # type: ignore[attr-defined]
    return value


def _copy_(self: Tensor, source: Any, non_blocking: bool = False) -> Tensor:
    """Write the values of `source`, broadcast and cast, into this tensor, as torch.Tensor.copy_."""
    if not isinstance(source, Tensor):
        source = wrap(source) if isinstance(source, np.ndarray) else known(np.asarray(source))
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


Tensor.nonzero = nonzero  # type: ignore[attr-defined]
