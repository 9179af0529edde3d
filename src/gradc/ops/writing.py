"""In-place forms of functions that are not ops, and of views; writes at indices under PyTorch's names."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from gradc import dtypes, shapes
from gradc.errors import CallError, DtypeError, ShapeError
from gradc.inplace import takes_out, turn
from gradc.locations import here, quote
from gradc.modes import current
from gradc.ops import activation, arithmetic, distances, gathering, indexing, linear_algebra, rounding
from gradc.ops.arithmetic import where
from gradc.ops.cumulative import cumsum
from gradc.ops.define import inplace
from gradc.ops.gathering import with_rank
from gradc.ops.indexing import Place, index_add_at
from gradc.ops.indices import normal_index, readable
from gradc.tensor import Tensor

__all__ = ["fill", "index_copy", "index_put", "masked_scatter", "put"]


@takes_out
@with_rank
def index_copy(x: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """x with the slices at `index` along `dim` replaced by those of `source`, as torch.index_copy."""
    _check_same("index_copy", x, source)
    expected = list(x.shape)
    expected[shapes.normal_dim(dim, x.ndim)] = index.numel()
    if list(source.shape) != expected:
        raise ShapeError(f"index_copy_(): Source/destination tensor must have same slice shapes. Destination slice "
                         f"shape: {list(x.shape)} at dimension {dim} and source slice shape: {list(source.shape)}, "
                         f"with {index.numel()} indices{quote(here())}")
    place = (slice(None),) * shapes.normal_dim(dim, x.ndim) + (Place(0),)
    return indexing.index_put(x, source, index, index=place)  # type: ignore[no-any-return]


def index_put(x: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False) -> Tensor:
    """x with `values` at the index that the tensors make, added to what is there if `accumulate`: torch.index_put."""
    _check_same("index_put", x, values)
    index, tensors = normal_index(tuple(slice(None) if i is None else i for i in indices), x._array.shape)
    write = index_add_at if accumulate else indexing.index_put
    return write(x, values, *tensors, index=readable(index, x._array.shape))  # type: ignore[no-any-return]


def put(x: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """x with the elements of `source` at `index`, which counts in row-major order, as torch.put."""
    _check_same("put_", x, source)
    flat = index_put(x.reshape(-1), (index,), source.reshape(index.shape), accumulate)  # type: ignore[attr-defined]
    return flat.reshape(x._array.shape)  # type: ignore[attr-defined, no-any-return]


def masked_scatter(x: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """x with the elements of `source`, in order, at the places where the mask holds, as torch.masked_scatter."""
    _check_same("masked_scatter", x, source)
    if mask.dtype is not dtypes.bool_:
        raise DtypeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.dtype}")
    common = shapes.broadcast(x._array.shape, mask._array.shape)
    x, mask = x.expand(common), mask.expand(common)  # type: ignore[attr-defined]
    count = source.numel()
    if current().trace is None and mask._array.sum() > count:
        raise CallError(f"Number of elements of source < number of ones in mask: {count} < {mask._array.sum()}"
                        f"{quote(here())}")
    if not count:
        return x.clone()  # type: ignore[attr-defined, no-any-return]
    order = (cumsum(mask.reshape(-1), 0) - 1).clamp(0, count - 1)  # type: ignore[attr-defined]
    return where(mask, source.reshape(-1)[order].reshape(common), x)  # type: ignore[attr-defined, no-any-return]


def _logit(x: Tensor, eps: float | None = None) -> Tensor:
    """logit of a copy: its first steps save what the write will change."""
    return activation.logit(x.clone(), eps)  # type: ignore[attr-defined]


def _renorm(x: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """renorm of a copy: it saves what the write will change."""
    return distances.renorm(x.clone(), p, dim, maxnorm)  # type: ignore[attr-defined]


def _check_same(name: str, x: Tensor, source: Tensor) -> None:
    if source.dtype is not x.dtype:
        raise DtypeError(f"{name}: expected self and source to have same dtypes but got {dtypes.TITLES[x.dtype]} and "
                         f"{dtypes.TITLES[source.dtype]}{quote(here())}")


def _turner(function: Callable[..., Tensor], name: str) -> Callable[..., Tensor]:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return turn(self, functools.partial(function, **kwargs) if kwargs else function, args, name)

    method.__name__ = name
    method.__doc__ = f"{name[:-1]} in place: this tensor itself gets the new dimensions."
    return method


def fill(x: Tensor, value: Any) -> Tensor:
    """A tensor like x with one number in every element, as torch.fill."""
    return indexing.copy(x, value if isinstance(value, Tensor) else x.new_full((), value))  # type: ignore


IN_PLACE = (
    "abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ as_strided_ asin_ asinh_ atan_ atanh_ "
    "ceil_ clamp_ clamp_max_ clamp_min_ clip_ conj_physical_ cos_ cosh_ deg2rad_ detach_ erf_ erfc_ exp2_ exp_ expm1_ "
    "fill_ fix_ floor_ frac_ gcd_ i0_ index_put_ lcm_ ldexp_ log10_ log1p_ log2_ log_ logit_ nan_to_num_ neg_ "
    "negative_ rad2deg_ reciprocal_ relu_ resize_as_ round_ rsqrt_ sigmoid_ sin_ sinc_ sinh_ sqrt_ square_ tan_ tanh_ "
    "trunc_ xlogy_ zero_").split()
"""The in-place methods that PyTorch also has as functions."""


for _function in (index_copy, index_put, put, masked_scatter):
    setattr(Tensor, _function.__name__, _function)
for _name, _function in {
    "index_copy": index_copy, "index_put": index_put, "put": put, "masked_scatter": masked_scatter,
    "index_add": gathering.index_add, "index_fill": gathering.index_fill, "clamp_min": arithmetic.clamp_min,
    "clamp_max": arithmetic.clamp_max, "addmm": linear_algebra.addmm, "addmv": linear_algebra.addmv,
    "baddbmm": linear_algebra.baddbmm, "logit": _logit, "frac": rounding.frac,
    "renorm": _renorm, "nan_to_num": rounding.nan_to_num,
    "conj_physical": Tensor.conj_physical,  # type: ignore[attr-defined]
}.items():
    setattr(Tensor, f"{_name}_", inplace(_function, f"{_name}_"))
for _name in ("as_strided", "t", "transpose", "swapaxes", "swapdims", "squeeze", "unsqueeze"):
    setattr(Tensor, f"{_name}_", _turner(getattr(Tensor, _name), f"{_name}_"))
