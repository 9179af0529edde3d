"""Quantiles, and sums and means that leave nan out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc import dtypes, shapes
from gradc.apply import autocasting
from gradc.dtypes import dtype
from gradc.errors import CallError, DtypeError
from gradc.inplace import into
from gradc.locations import here, quote
from gradc.ops.arithmetic import where
from gradc.ops.define import op
from gradc.ops.ordering import sort
from gradc.ops.reduction import Sum, spread, sum
from gradc.ops.samples import kinks
from gradc.tensor import Tensor

__all__ = ["nanmean", "nanquantile", "nansum", "quantile"]

INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@op
class nansum(Sum):
    """Σ x over the dimensions `dim`, nan counting as 0.

    Source  torch.nansum
    """

    kernel = lambda xp, x, *, dim, keepdim=False: xp.sum(xp.where(x == x, x, 0), axis=dim, keepdims=keepdim)
    grad_x = lambda g, x, dim, keepdim: where(x.isnan(), 0.0, spread(g, x.type_, dim, keepdim))
    rejects = (dtypes.COMPLEX,)
    rejection = "nansum does not support complex inputs"
    samples = [*Sum.samples, (kinks([1.0, float("nan"), 3.0]), {"dim": (0,)})]

    def compute_dtype(self, operands: Sequence[Any]) -> dtype | None:
        self.check_category(dtypes.of(operands[0].dtype))
        return super().compute_dtype(operands)

    def node_name(self, node: Any) -> str:
        return "NansumBackward0"


def nanmean(x: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype | None = None,
            out: Tensor | None = None) -> Tensor:
    """The mean of the elements that are not nan over the dimensions `dim`, as torch.nanmean."""
    if not x.dtype.is_floating_point:
        raise DtypeError(f"nanmean(): expected input to have floating point dtype but got {dtypes.TITLES[x.dtype]}"
                         f"{quote(here())}")
    count = sum(~x.isnan(), dim, keepdim)  # type: ignore[attr-defined]
    return into(out, nansum(x, dim, keepdim, dtype=dtype) / count, "nanmean")


@autocasting("float32")
def quantile(x: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear",
             out: Tensor | None = None) -> Tensor:
    """The number below which the part q of the elements along `dim` lies, as torch.quantile; nan if there is a nan.

    Shape   if q is a vector, its size is the first dimension of the result
    Raises  CallError for an unknown `interpolation`, or a q outside [0, 1]
    """
    return into(out, _quantile(x, q, dim, keepdim, interpolation, "quantile"), "quantile")


@autocasting("float32")
def nanquantile(x: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear",
                out: Tensor | None = None) -> Tensor:
    """The quantile of the elements that are not nan, as torch.nanquantile."""
    return into(out, _quantile(x, q, dim, keepdim, interpolation, "nanquantile"), "nanquantile")


def _quantile(x: Any, q: Any, dim: int | None, keepdim: bool, interpolation: str, name: str) -> Any:
    q = _checked(x, q, interpolation, name)
    rank = x.ndim
    rows = x.reshape(-1) if dim is None else x.movedim(shapes.normal_dim(dim, rank), -1) if rank else x.reshape(1)
    size = rows._array.shape[-1]
    if not size:
        raise CallError(f"{name}() input tensor must be non-empty{quote(here())}")
    rows = sort(rows, -1)[0].unsqueeze(-1)  # nan stands at the end
    nans = rows.isnan().sum(-2)
    last = (size - nans - 1).clamp(0) if name == "nanquantile" else size - 1
    ranks = q.reshape(-1) * last
    if name == "quantile":
        ranks = where(nans > 0, float(size - 1), ranks)
    found = _between(rows.squeeze(-1), ranks, interpolation)
    found = found.movedim(-1, 0)
    if keepdim:
        kept = [1] * rank if dim is None else [1 if d == dim % max(rank, 1) else n for d, n in enumerate(x.shape)]
        found = found.reshape(-1, *kept)
    return found if q.ndim else found.squeeze(0)


def _between(rows: Any, ranks: Any, interpolation: str) -> Any:
    """The elements of sorted rows at ranks that need not be whole numbers."""
    def at(place: Any) -> Any:
        return rows.gather(-1, place.detach().long().expand(*rows.shape[:-1], place.shape[-1]))

    if interpolation == "nearest":
        return at(ranks.round())
    if interpolation == "higher":
        return at(ranks.ceil())
    below = at(ranks.floor())
    if interpolation == "lower":
        return below
    weight = 0.5 if interpolation == "midpoint" else ranks - ranks.floor()
    return below.lerp(at(ranks.ceil()), weight)


def _checked(x: Any, q: Any, interpolation: str, name: str) -> Any:
    """q as a tensor, if it and the other arguments are such as PyTorch takes."""
    if interpolation not in INTERPOLATIONS:
        raise CallError(f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got "
                        f"{interpolation}{quote(here())}")
    if not x.dtype.is_floating_point or x.dtype.bits < 32:
        raise DtypeError(f"{name}() input tensor must be either float or double dtype, got {x.dtype!r}{quote(here())}")
    if not isinstance(q, Tensor):
        if not 0 <= q <= 1:
            raise CallError(f"{name}() q must be in the range [0, 1] but got {q}{quote(here())}")
        return x.new_full((), q)
    if q.dtype is not x.dtype or q.ndim > 1:
        raise CallError(f"{name}() q tensor must be a scalar or 1D tensor of the same dtype as the input tensor, got "
                        f"{q.type_} for {x.type_}{quote(here())}")
    return q


for _function in (nanmean, nanquantile, quantile):
    setattr(Tensor, _function.__name__, _function)
