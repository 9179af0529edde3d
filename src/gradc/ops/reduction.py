"""Ops that reduce dimensions: sums, products, extremes, and running sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gradc import dtypes, shapes
from gradc.apply import apply
from gradc.dtypes import dtype
from gradc.errors import CallError, DimensionError, DtypeError, EmptyError
from gradc.inplace import into
from gradc.ir import Type
from gradc.ops.arithmetic import where
from gradc.ops.base import Op, once_each
from gradc.ops.batching import Examples, along, moved
from gradc.ops.define import op
from gradc.tensor import Tensor

__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "count_nonzero", "logsumexp", "mean", "prod", "sum",
]


class Reduction(Op):
    """An op that reduces the dimensions `dim`, all by default, and keeps them with size 1 if `keepdim`."""

    widens = True
    flops = once_each
    batched = along("dim", scalars=True)
    samples: Any = [((2, 3, 4), {"dim": (1,)}), ((2, 3), {"dim": (0, 1), "keepdim": True}), ((3,), {"dim": (0,)}),
                    ((), {"dim": ()})]

    def infer(self, x: Any, *, dim: tuple[int, ...], keepdim: bool) -> Type:
        return Type(self.result_dtype(x.dtype), shapes.reduced(x.shape, dim, keepdim))

    def result_dtype(self, computed: dtype) -> dtype:
        return computed

    def call(self, x: Tensor, dim: Any = None, keepdim: bool = False, *, axis: Any = None,
             dtype: dtype | None = None, out: Tensor | None = None) -> Any:
        if out is not None:
            return into(out, self.call(x, dim, keepdim, axis=axis, dtype=dtype), self.name)
        dims = shapes.normal_dims(dim if axis is None else axis, len(x._array.shape))
        attrs = {"dim": dims, "keepdim": keepdim}
        if dtype is None:
            return apply(self, (x,), attrs)
        return apply(self, (x.to(dtype),), attrs).to(dtype)  # type: ignore[attr-defined]

    def node_name(self, node: Any) -> str:
        every = len(node.attrs["dim"]) == len(node.signature[0]) and not node.attrs["keepdim"]
        return f"{self.torch_name}Backward{'0' if every else '1'}"


class Sum(Reduction):
    """A reduction of which integers and bools are computed in int64, as PyTorch does."""

    def compute_dtype(self, operands: Sequence[Any]) -> dtype | None:
        found = dtypes.of(operands[0].dtype)
        return dtypes.int64 if found.category <= dtypes.INT and found is not dtypes.int64 else found


class Mean(Reduction):
    """A reduction that only floating point has; `error` and `refusal` are what PyTorch says to the rest."""

    error: type[DtypeError] = DtypeError
    refusal = ("{name}(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
               "Got: {title}")

    def infer(self, x: Any, *, dim: tuple[int, ...], keepdim: bool, **attrs: Any) -> Type:
        self.check_floating(x.dtype)
        return Type(self.result_dtype(x.dtype), shapes.reduced(x.shape, dim, keepdim))

    def compute_dtype(self, operands: Sequence[Any]) -> dtype | None:
        self.check_floating(operands[0].dtype)
        return None

    def check_floating(self, found: Any) -> None:
        """Raise DtypeError for integers and bools."""
        kind = dtypes.of(found)
        self.check_category(kind)
        if not kind.is_differentiable:
            raise self.error(self.refusal.format(name=self.name, title=dtypes.TITLES[kind]))


def restore(g: Tensor, type: Type, dim: tuple[int, ...], keepdim: bool) -> Tensor:
    """A reduced cotangent with its reduced dimensions back, as size 1."""
    if keepdim or not type.shape:
        return g
    return g.reshape(shapes.reduced(type.shape, dim, True))  # type: ignore[attr-defined]


def spread(g: Tensor, type: Type, dim: tuple[int, ...], keepdim: bool) -> Tensor:
    """A reduced cotangent repeated over the reduced dimensions."""
    return restore(g, type, dim, keepdim).expand(type.shape)  # type: ignore[attr-defined]


def count(type: Type, dim: tuple[int, ...]) -> int:
    """How many elements each result was reduced from."""
    return math.prod(type.shape[d] for d in dim)


@op
class sum(Sum):
    """Σ x over the dimensions `dim`.

    Dtype   integers and bools sum in int64
    Source  torch.sum
    """

    kernel = lambda xp, x, *, dim, keepdim=False: xp.sum(x, axis=dim, keepdims=keepdim)
    grad_x = lambda g, x_type, dim, keepdim: spread(g, x_type, dim, keepdim)


@op
class mean(Mean):
    """The mean of x over the dimensions `dim`.

    Source  torch.mean
    """

    kernel = lambda xp, x, *, dim, keepdim=False: xp.mean(x, axis=dim, keepdims=keepdim)
    grad_x = lambda g, x_type, dim, keepdim: spread(g / count(x_type, dim), x_type, dim, keepdim)


@op
class prod(Sum):
    """The product of x over the dimensions `dim`.

    Source  torch.prod. The gradient is right where an element is 0
    """

    autocast = "float32"
    kernel = lambda xp, x, *, dim, keepdim=False: xp.prod(x, axis=dim, keepdims=keepdim)
    grad_x = lambda g, x, dim, keepdim: restore(g, x.type_, dim, keepdim) * _product_of_others(x, dim)


def _product_of_others(x: Tensor, dim: tuple[int, ...]) -> Tensor:
    """For each element the product of the others that it is reduced with, without dividing by it."""
    zeros = sum(x == 0, dim, True)
    others = where(x == 0, 1.0, x)
    product = prod(others, dim, True)
    return where(zeros == 0, product / others, where((zeros == 1) & (x == 0), product, 0.0))


class Extreme(Reduction):
    """The largest or smallest element; ties share the gradient evenly. `empty` is raised where there is none."""

    empty: type[Exception] = EmptyError

    rejects = (dtypes.COMPLEX,)

    def infer(self, x: Any, *, dim: tuple[int, ...], keepdim: bool) -> Type:
        if 0 in [x.shape[d] for d in dim]:
            raise self.empty(f"{self.name}(): Expected reduction dim to be specified for input.numel() == 0. "
                                 f"Specify the reduction dim with the 'dim' argument." if len(dim) == len(x.shape)
                                 else f"{self.name}(): Expected reduction dim {dim[0]} to have non-zero size.")
        return Type(x.dtype, shapes.reduced(x.shape, dim, keepdim))

    def node_name(self, node: Any) -> str:
        return f"{self.torch_name}Backward0"


def share(g: Tensor, x: Tensor, result: Tensor, dim: tuple[int, ...], keepdim: bool) -> Tensor:
    """The cotangent of an extreme, divided among the elements that attain it."""
    chosen = (x == restore(result, x.type_, dim, keepdim)).to(x.dtype)  # type: ignore[attr-defined]
    return restore(g, x.type_, dim, keepdim) * (chosen / sum(chosen, dim, True))


@op
class amax(Extreme):
    """The largest element over the dimensions `dim`.

    Source  torch.amax
    """

    kernel = lambda xp, x, *, dim, keepdim=False: xp.max(x, axis=dim, keepdims=keepdim)
    grad_x = lambda g, x, result, dim, keepdim: share(g, x, result, dim, keepdim)


@op
class amin(Extreme):
    """The smallest element over the dimensions `dim`.

    Source  torch.amin
    """

    kernel = lambda xp, x, *, dim, keepdim=False: xp.min(x, axis=dim, keepdims=keepdim)
    grad_x = lambda g, x, result, dim, keepdim: share(g, x, result, dim, keepdim)


class Truth(Reduction):
    """A reduction of truth values."""

    samples: Any = [([[True, False], [True, True]], {"dim": (1,)}), ([1.0, 0.0], {"dim": (0,)})]

    def result_dtype(self, computed: dtype) -> dtype:
        return dtypes.uint8 if computed is dtypes.uint8 else dtypes.bool_


def _truth(xp: Any, x: Any, found: Any) -> Any:
    """A truth value as PyTorch has it: of bytes it is a byte."""
    return xp.astype(found, x.dtype) if x.dtype == "uint8" else found


@op
class any(Truth):
    """Whether any element is nonzero.

    Source  torch.any
    """

    kernel = lambda xp, x, *, dim, keepdim=False: _truth(xp, x, xp.any(x, axis=dim, keepdims=keepdim))


@op
class all(Truth):
    """Whether all elements are nonzero.

    Source  torch.all
    """

    kernel = lambda xp, x, *, dim, keepdim=False: _truth(xp, x, xp.all(x, axis=dim, keepdims=keepdim))


@op
class count_nonzero(Reduction):
    """How many elements are nonzero over the dimensions `dim`.

    Source  torch.count_nonzero
    """

    kernel = lambda xp, x, *, dim, keepdim=False: xp.sum(xp.not_equal(x, 0), axis=dim, keepdims=keepdim)
    samples = [([[1.0, 0.0], [0.0, 0.0]], {"dim": (1,)}), ([0.0, 2.0], {"dim": (0,)})]

    def result_dtype(self, computed: dtype) -> dtype:
        return dtypes.int64


class Position(Op):
    """The index of an extreme along one dimension, or in the flattened tensor when dim is None."""

    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    flops = once_each

    samples: Any = [((3, 4), {"dim": 1}), ((3, 4), {"dim": None}), ((5,), {"dim": 0, "keepdim": True})]

    def infer(self, x: Any, *, dim: int | None, keepdim: bool) -> Type:
        dims = shapes.normal_dims(dim, len(x.shape))
        if 0 in [x.shape[d] for d in dims if d < len(x.shape)]:
            raise DimensionError(f"{self.name}(): Expected reduction dim to have non-zero size.")
        return Type(dtypes.int64, shapes.reduced(x.shape, dims, keepdim))

    def call(self, x: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Tensor | None = None) -> Any:
        if out is not None:
            return into(out, self.call(x, dim, keepdim), self.name)
        dim = None if dim is None or not x.ndim else shapes.normal_dim(dim, x.ndim)
        return apply(self, (x,), {"dim": dim, "keepdim": keepdim})

    def batched(self, examples: Examples) -> Any:
        x, dim = examples.operands[0], examples.attrs["dim"]
        if dim is not None:
            return examples.apply(self, dim=moved(dim))
        found = apply(self, (x.reshape((examples.size, math.prod(examples.shape(0)))),), {"dim": 1, "keepdim": False})
        kept = (1,) * examples.rank(0) if examples.attrs["keepdim"] else ()
        return found.reshape((examples.size, *kept)) if kept else found


@op
class argmax(Position):
    """The index of the first largest element.

    Source  torch.argmax
    """

    kernel = lambda xp, x, *, dim=None, keepdim=False: xp.argmax(x, axis=dim, keepdims=keepdim)


@op
class argmin(Position):
    """The index of the first smallest element.

    Source  torch.argmin
    """

    kernel = lambda xp, x, *, dim=None, keepdim=False: xp.argmin(x, axis=dim, keepdims=keepdim)


class ExtremeOfAll(Extreme):
    """max() and min() without a dimension."""

    empty = CallError
    method = False
    samples: Any = [((2, 3), {"dim": (0, 1)}), ((3,), {"dim": (0,)}), ((), {"dim": ()})]

    def node_name(self, node: Any) -> str:
        return f"{self.torch_name}Backward1"


@op
class max_(ExtremeOfAll):
    """The largest element.

    Source  torch.max
    """

    kernel = lambda xp, x, *, dim, keepdim=False: xp.max(x, axis=dim, keepdims=keepdim)
    grad_x = lambda g, x, result, dim, keepdim: share(g, x, result, dim, keepdim)
    torch_name = "Max"


@op
class min_(ExtremeOfAll):
    """The smallest element.

    Source  torch.min
    """

    kernel = lambda xp, x, *, dim, keepdim=False: xp.min(x, axis=dim, keepdims=keepdim)
    grad_x = lambda g, x, result, dim, keepdim: share(g, x, result, dim, keepdim)
    torch_name = "Min"


@op
class logsumexp(Mean):
    """log Σ exp(x) over the dimensions `dim`, without overflow.

    Source  torch.logsumexp
    """

    decompose = lambda x, *, dim, keepdim=False: _logsumexp(x, dim, keepdim)
    grad_x = lambda g, x, result, dim, keepdim: restore(g, x.type_, dim, keepdim) * (
        x - restore(result, x.type_, dim, keepdim)).exp()
    samples = [((2, 3, 4), {"dim": (1,)}), ([-1e4, 1e4, 1e4], {"dim": (0,), "keepdim": True})]

    def compute_dtype(self, operands: Sequence[Any]) -> dtype | None:
        return None if dtypes.of(operands[0].dtype).is_differentiable else dtypes.get_default_dtype()

    def node_name(self, node: Any) -> str:
        return "LogsumexpBackward0"


def _logsumexp(x: Tensor, dim: tuple[int, ...], keepdim: bool) -> Tensor:
    largest = amax(x.real, dim, True)  # type: ignore[attr-defined]
    finite = where(largest.isfinite(), largest, 0.0)  # type: ignore[attr-defined]
    result = sum((x - finite).exp(), dim, True).log() + finite
    return result if keepdim else result.reshape(shapes.reduced(x._array.shape, dim, False))
