"""The largest and smallest elements together with their places: max, min, aminmax, cummax, cummin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from gradc import dtypes, locations, shapes
from gradc.apply import apply
from gradc.errors import DimensionError, EmptyError
from gradc.inplace import into
from gradc.ir import Type
from gradc.ops.arithmetic import maximum, minimum
from gradc.ops.base import Op
from gradc.ops.batching import Examples, along
from gradc.ops.define import op
from gradc.ops.gathering import scatter_add
from gradc.ops.reduction import max_, min_, share
from gradc.tensor import Tensor

__all__ = ["aminmax", "cummax", "cummin", "max", "min"]


class Chosen(NamedTuple):
    """Elements chosen along a dimension, and their indices."""

    values: Tensor
    indices: Tensor


class Choice(Op):
    """An op that chooses elements along the dimension `dim`: `values`, and `indices`, where they were."""

    results = ("values", "indices")
    rejects: tuple[int, ...] = (dtypes.COMPLEX,)
    method = False
    samples: Any = [((3, 4), {"dim": 1}), ((5,), {"dim": 0}), ((2, 3, 2), {"dim": 1}), ((), {"dim": 0})]

    def __init__(self) -> None:
        name = (self.torch_name or type(self).__name__).lower()
        self.returns = type(name, (Chosen,), {"__slots__": (), "__repr__": lambda pair: _written(name, pair)})

    def infer(self, x: Any, *, dim: int, keepdim: bool = True, **attrs: Any) -> tuple[Type, ...]:
        shape = self.chosen_shape(tuple(x.shape), dim, **attrs)
        if not keepdim:
            shape = shapes.reduced(shape, (dim,), False)
        return Type(x.dtype, shape), Type(dtypes.int64, shape)

    def chosen_shape(self, shape: shapes.Shape, dim: int) -> shapes.Shape:
        """The shape of what is chosen from a tensor of this shape, the dimension kept."""
        if shape and not shape[dim]:
            raise DimensionError(f"{self.torch_name.lower()}(): Expected reduction dim {dim} to have non-zero size.")
        return (*shape[:dim], 1, *shape[dim + 1 :]) if shape else ()

    def chosen(self, x: Tensor, dim: int, out: Sequence[Tensor] | None, **attrs: Any) -> Any:
        """The op applied, written into the two tensors of `out` if there are any."""
        found = apply(self, (x,), {"dim": shapes.normal_dim(dim, x.ndim), **attrs})
        if out is not None:
            found = [into(o, part, self.name) for o, part in zip(out, found, strict=True)]
        return self.returns(*found)

    def batched(self, examples: Examples) -> Any:
        if examples.rank(0):
            return along("dim")(self, examples)
        found = examples.apply(self, [examples.operands[0].reshape((examples.size, 1))], dim=1)
        return tuple([part.reshape((examples.size,)) for part in found])

    def node_name(self, node: Any) -> str:
        return f"{self.torch_name}Backward0"


def _written(name: str, pair: tuple[Any, ...]) -> str:
    """A pair as PyTorch prints it."""
    fields = zip(pair._fields, pair, strict=True)  # type: ignore[attr-defined]
    return f"torch.return_types.{name}(\n" + ",\n".join(f"{field}={value!r}" for field, value in fields) + ")"


def taken(xp: Any, x: Any, indices: Any, dim: int, keepdim: bool = True) -> tuple[Any, Any]:
    """The elements of x at `indices` along `dim`, and the indices."""
    values = xp.take_along_axis(x, indices, axis=dim)
    return (values, indices) if keepdim else (xp.squeeze(values, dim), xp.squeeze(indices, dim))


def put_back(g: Sequence[Tensor], indices: Tensor, type: Type, dim: int, keepdim: bool = True) -> Tensor:
    """Zeros, with the cotangent of what was chosen added at its indices."""
    values: Any = g[0]
    if not keepdim and type.shape:
        values, indices = values.unsqueeze(dim), indices.unsqueeze(dim)  # type: ignore[attr-defined]
    return scatter_add(values.new_zeros(type.shape), dim, indices, values)  # type: ignore[no-any-return]


class ExtremeAlong(Choice):
    """The first extreme element along one dimension."""

    grad_x: Any
    samples = [((3, 4), {"dim": 1}), ((5,), {"dim": 0, "keepdim": True}), ((2, 3, 2), {"dim": 1}), ((), {"dim": 0})]


def _extreme(xp: Any, x: Any, find: Any, dim: int, keepdim: bool) -> Any:
    if not x.ndim:
        return xp.array(x, copy=True), xp.asarray(0, dtype="int64")
    return taken(xp, x, find(x, axis=dim, keepdims=True), dim, keepdim)


@op
class max_along(ExtremeAlong):
    """The largest element along `dim`, and the index of the first such; nan is the largest.

    Source  torch.max with dim
    """

    kernel = lambda xp, x, *, dim, keepdim=False: _extreme(xp, x, xp.argmax, dim, keepdim)
    grad_x = lambda g, indices, x_type, dim, keepdim: put_back(g, indices, x_type, dim, keepdim)
    torch_name = "Max"


@op
class min_along(ExtremeAlong):
    """The smallest element along `dim`, and the index of the first such; nan is the smallest.

    Source  torch.min with dim
    """

    kernel = lambda xp, x, *, dim, keepdim=False: _extreme(xp, x, xp.argmin, dim, keepdim)
    grad_x = lambda g, indices, x_type, dim, keepdim: put_back(g, indices, x_type, dim, keepdim)
    torch_name = "Min"


def max(x: Tensor, *args: Any, dim: int | None = None, keepdim: bool = False, other: Any = None,
        out: Any = None) -> Any:
    """The largest element; with `dim` the largest along it and their indices; with a tensor, maximum. As torch.max."""
    return _extreme_of(x, args, dim, keepdim, other, out, (max_, max_along, maximum))


def min(x: Tensor, *args: Any, dim: int | None = None, keepdim: bool = False, other: Any = None,
        out: Any = None) -> Any:
    """The smallest element; with `dim` the smallest along it and their indices; with a tensor, minimum. torch.min."""
    return _extreme_of(x, args, dim, keepdim, other, out, (min_, min_along, minimum))


def _extreme_of(x: Tensor, args: tuple[Any, ...], dim: int | None, keepdim: bool, other: Any, out: Any,
                forms: tuple[Any, Any, Any]) -> Any:
    of_all, along_one, of_two = forms
    if args and isinstance(args[0], Tensor):
        other = args[0]
    elif args:
        dim, keepdim = args[0], args[1] if len(args) > 1 else keepdim
    if other is not None:
        return into(out, of_two(x, other), of_two.name)
    if dim is None:
        return into(out, of_all(x), of_all.name)
    if x.ndim and not x._array.shape[shapes.normal_dim(dim, x.ndim)]:
        raise DimensionError(f"{of_all.name}(): Expected reduction dim {dim} to have non-zero size."
                             + locations.quote(locations.here()))
    return along_one.chosen(x, dim, out, keepdim=keepdim)


Tensor.max = max  # type: ignore[attr-defined]
Tensor.min = min  # type: ignore[attr-defined]


class RunningExtreme(Choice):
    """The extreme of the elements so far along one dimension, and the index of the last such."""

    samples = Choice.samples[:3]

    def chosen_shape(self, shape: shapes.Shape, dim: int) -> shapes.Shape:
        return shape

    def call(self, x: Tensor, dim: int, *, out: Sequence[Tensor] | None = None) -> Any:
        return self.chosen(x, dim, out)


def _running(xp: Any, x: Any, extreme: Any, dim: int) -> tuple[Any, Any]:
    if not x.ndim:
        return xp.array(x, copy=True), xp.asarray(0, dtype="int64")
    values = extreme.accumulate(x, axis=dim)
    here = xp.reshape(xp.arange(x.shape[dim]), (-1, *(1,) * (x.ndim - 1 - dim)))
    attained = xp.logical_or(x == values, x != x)  # nan stays, and counts again where it comes again
    return values, xp.maximum.accumulate(xp.where(attained, here, 0), axis=dim)


@op
class cummax(RunningExtreme):
    """The largest of the elements so far along `dim`, and the index of the last such.

    Source  torch.cummax
    """

    kernel = lambda xp, x, *, dim: _running(xp, x, xp.maximum, dim)
    grad_x = lambda g, indices, x_type, dim: put_back(g, indices, x_type, dim)
    method = True


@op
class cummin(RunningExtreme):
    """The smallest of the elements so far along `dim`, and the index of the last such.

    Source  torch.cummin
    """

    kernel = lambda xp, x, *, dim: _running(xp, x, xp.minimum, dim)
    grad_x = lambda g, indices, x_type, dim: put_back(g, indices, x_type, dim)
    method = True


@op
class aminmax(Op):
    """The smallest and the largest element along `dim`, or of all. Ties share the gradient.

    Source  torch.aminmax
    """

    kernel = lambda xp, x, *, dim, keepdim=False: (
        xp.min(x, axis=dim, keepdims=keepdim), xp.max(x, axis=dim, keepdims=keepdim))
    grads = lambda g, x, min, max, dim, keepdim: (
        share(g[0], x, min, dim, keepdim) + share(g[1], x, max, dim, keepdim),)
    results = ("min", "max")
    rejects = (dtypes.COMPLEX,)
    batched = along("dim")
    samples = [((3, 4), {"dim": (1,)}), ((5,), {"dim": (0,), "keepdim": True}), ((2, 3), {"dim": (0, 1)})]

    def infer(self, x: Any, *, dim: tuple[int, ...], keepdim: bool) -> tuple[Type, ...]:
        if 0 in [x.shape[d] for d in dim]:
            raise EmptyError("aminmax(): Expected reduction dim to have non-zero size.")
        return (Type(x.dtype, shapes.reduced(x.shape, dim, keepdim)),) * 2

    def call(self, x: Tensor, *, dim: int | None = None, keepdim: bool = False, out: Any = None) -> Any:
        found = apply(self, (x,), {"dim": shapes.normal_dims(dim, x.ndim), "keepdim": keepdim})
        if out is not None:
            found = [into(o, part, self.name) for o, part in zip(out, found, strict=True)]
        return Extremes(*found)


class Extremes(NamedTuple):
    """What aminmax returns."""

    min: Tensor
    max: Tensor

    def __repr__(self) -> str:
        return _written("aminmax", self)
