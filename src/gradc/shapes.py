"""Arithmetic on shapes: broadcasting, dimensions, and the messages when they do not fit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gradc.errors import ArgumentError, DimensionError, ShapeError

Shape = tuple[int, ...]


class Size(tuple[int, ...]):
    """What `tensor.shape` gives: a tuple that prints as PyTorch's."""

    def numel(self) -> int:
        """Number of elements."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, index):  # type: ignore[no-untyped-def, override]
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found


def broadcast(*shapes: Shape) -> Shape:
    """The common shape of operands under NumPy's and PyTorch's rules.

    Raises ShapeError when two sizes differ and neither is 1.
    """
    first = shapes[0]
    if shapes.count(first) == len(shapes):
        return first
    rank = max(map(len, shapes))
    result = [1] * rank
    for shape in shapes:
        for i, size in enumerate(shape, rank - len(shape)):
            if size != 1 and result[i] != size:
                if result[i] != 1:
                    raise ShapeError(f"The size of tensor a ({result[i]}) must match the size of tensor b ({size}) at "
                                     f"non-singleton dimension {i}")
                result[i] = size
    return tuple(result)


def broadcast_dims(shape: Shape, target: Shape) -> tuple[int, ...]:
    """The dimensions of `target` along which an operand of `shape` was repeated: those a gradient is summed over."""
    extra = len(target) - len(shape)
    return (*range(extra), *(i + extra for i, size in enumerate(shape) if size == 1 and target[i + extra] != 1))


def normal_dim(dim: int, rank: int) -> int:
    """`dim` counted from the front. A 0-d tensor has the one dimension 0, as in PyTorch.

    Raises DimensionError when it is out of range.
    """
    n = max(rank, 1)
    if not -n <= dim < n:
        raise DimensionError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    return dim % n


def normal_dims(dim: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """Dimensions to reduce, sorted and counted from the front; None and () mean all of them."""
    if dim is None:
        return tuple(range(rank))
    dims = [normal_dim(d, rank) for d in ((dim,) if hasattr(dim, "__index__") else dim)]
    if len(set(dims)) != len(dims):
        raise ShapeError(f"dim {max(dims, key=dims.count)} appears multiple times in the list of dims")
    if not dims or rank == 0:
        return tuple(range(rank))
    return tuple(sorted(dims))


def reduced(shape: Shape, dim: tuple[int, ...], keepdim: bool) -> Shape:
    """The shape left after reducing the dimensions `dim`."""
    if keepdim:
        return tuple(1 if i in dim else size for i, size in enumerate(shape))
    return tuple(size for i, size in enumerate(shape) if i not in dim)


def resolve(shape: Sequence[int], count: int) -> Shape:
    """A reshape target with its -1 replaced, for `count` elements.

    Raises ShapeError when the sizes do not multiply to `count`.
    """
    wanted = tuple([int(s) for s in shape])
    product = math.prod(wanted)
    if product == count and (not wanted or min(wanted) >= 0):
        return wanted
    if product < 0 and min(wanted) == -1 and wanted.count(-1) == 1 and count % product == 0:
        return tuple([-(count // product) if size == -1 else size for size in wanted])
    unknown = [i for i, size in enumerate(wanted) if size == -1]
    if len(unknown) > 1:
        raise ShapeError("only one dimension can be inferred")
    if any(size < -1 for size in wanted):
        raise ShapeError(f"invalid shape dimension {min(wanted)}")
    known = math.prod(size for size in wanted if size != -1)
    if unknown:
        if known == 0 or count % known:
            raise ShapeError(f"shape '{list(wanted)}' is invalid for input of size {count}")
        return tuple(count // known if size == -1 else size for size in wanted)
    if known != count:
        raise ShapeError(f"shape '{list(wanted)}' is invalid for input of size {count}")
    return wanted


def from_arguments(sizes: tuple[object, ...]) -> Shape:
    """The shape given as `f(2, 3)`, `f((2, 3))` or `f(torch.Size([2, 3]))`."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    try:
        return tuple([size.__index__() for size in sizes])  # type: ignore[attr-defined]
    except AttributeError:
        raise ArgumentError(f"a size must be an integer, got {sizes!r}") from None


def expand(shape: Shape, target: Sequence[int]) -> Shape:
    """The result of expanding `shape` to `target`, in which -1 keeps a size.

    Raises ShapeError, in PyTorch's words, when a size is neither 1 nor the wanted one.
    """
    extra = len(target) - len(shape)
    if extra < 0:
        raise ShapeError(f"expand(shape {list(shape)}, size={list(target)}): the number of sizes provided "
                         f"({len(target)}) must be greater or equal to the number of dimensions in the tensor "
                         f"({len(shape)})")
    result = list(target)
    for i, wanted in enumerate(target):
        size = shape[i - extra] if i >= extra else None
        if wanted == -1:
            if size is None:
                raise ShapeError(f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing "
                                 f"dimension {i}")
            result[i] = size
        elif size not in (None, 1, wanted):
            raise ShapeError(f"The expanded size of the tensor ({wanted}) must match the existing size ({size}) at "
                             f"non-singleton dimension {i}")
    return tuple(result)
