"""Differences of neighbours, slopes of sampled functions, and the areas under them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc import shapes
from gradc.errors import CallError
from gradc.inplace import into
from gradc.locations import here, quote
from gradc.ops.cumulative import cumsum
from gradc.ops.joining import cat, narrow
from gradc.tensor import Tensor

__all__ = ["cumulative_trapezoid", "diff", "gradient", "trapezoid", "trapz"]


def diff(x: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None, *,
         out: Tensor | None = None) -> Tensor:
    """The n-th differences of neighbours along `dim`, as torch.diff."""
    if not x.ndim:
        raise CallError(f"diff expects input to be at least one-dimensional{quote(here())}")
    if n < 0:
        raise CallError(f"order must be non-negative but got {n}{quote(here())}")
    pieces = [part for part in (prepend, x, append) if part is not None and n]
    result = cat(pieces, dim) if len(pieces) > 1 else x  # without differences PyTorch leaves x alone
    for _ in range(min(n, result._array.shape[dim])):
        after, before = _neighbours(result, dim)
        result = after ^ before if str(x.dtype) == "torch.bool" else after - before
    return into(out, result.clone() if result is x else result, "diff")


def _neighbours(x: Any, dim: int) -> tuple[Any, Any]:
    """The elements along `dim` but for the first, and but for the last."""
    size = max(x._array.shape[dim], 1)
    return narrow(x, dim, min(1, x._array.shape[dim]), size - 1), narrow(x, dim, 0, size - 1)


def gradient(x: Tensor, *, spacing: Any = 1, dim: int | Sequence[int] | None = None,
             edge_order: int = 1) -> tuple[Tensor, ...]:
    """The slopes of x along each of the dimensions `dim` by differences of second order, as torch.gradient.

    `spacing` is the distance of the samples, one for each dimension, or their coordinates as vectors. At the ends the
    differences are of order `edge_order`.
    """
    spacing = 1 if spacing is None else spacing
    dims = [shapes.normal_dim(d, x.ndim) for d in
            (range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim)]
    each = list(spacing) if isinstance(spacing, (list, tuple)) else [spacing] * len(dims)
    if len(each) != len(dims):
        raise CallError(f"torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to "
                        f"the number of dimensions {len(dims)}, but got a list of length {len(each)}{quote(here())}")
    repeated = next((d for i, d in enumerate(dims) if d in dims[:i]), None)
    if repeated is not None:
        raise CallError(f"dim {repeated} appears multiple times in the list of dims{quote(here())}")
    if edge_order not in (1, 2):
        raise CallError(f"torch.gradient only supports edge_order=1 and edge_order=2, got {edge_order}")
    for d in dims:
        if x._array.shape[d] < edge_order + 1:
            raise CallError(f"torch.gradient expected each dimension size to be at least edge_order+1"
                            f"{quote(here())}")
    return tuple([_slopes(x.movedim(d, -1), h, edge_order).movedim(-1, d)  # type: ignore[attr-defined]
                  for d, h in zip(dims, each, strict=True)])


def _slopes(x: Any, spacing: Any, edge_order: int) -> Any:
    """Slopes along the last dimension: of parabolas through three neighbours, at the ends of a line or a parabola."""
    size = x._array.shape[-1]
    if isinstance(spacing, Tensor) and spacing.ndim:
        steps: Any = diff(spacing)
    else:
        steps = x.real.new_ones(size - 1) * spacing
    rise = diff(x) / steps  # between neighbours
    first, last = rise[..., :1], rise[..., -1:]
    if size > 2:
        before, after = steps[:-1], steps[1:]
        middle = (rise[..., :-1] * after + rise[..., 1:] * before) / (before + after)
        if edge_order == 2:
            bend = diff(rise) / (before + after)
            first = first - bend[..., :1] * steps[0]
            last = last + bend[..., -1:] * steps[-1]
        return cat([first, middle, last], -1)
    return cat([first, last], -1)


def _strips(y: Any, x: Any, dx: Any, dim: int) -> Any:
    """The area over each pair of neighbours, twice."""
    after, before = _neighbours(y, dim)
    if x is None:
        return (after + before) * dx
    width = diff(x, dim=-1 if x.ndim == 1 else dim)
    if x.ndim == 1:
        width = width.reshape(-1, *(1,) * (y.ndim - 1 - shapes.normal_dim(dim, y.ndim)))
    return (after + before) * width


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float = 1, dim: int = -1) -> Tensor:
    """The area under y along `dim`, by trapezoids over the places x or of width dx, as torch.trapezoid."""
    return _strips(y, x, dx, dim).sum(dim) / 2  # type: ignore[no-any-return]


trapz = trapezoid


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float = 1, dim: int = -1) -> Tensor:
    """The areas under y up to each place along `dim`, as torch.cumulative_trapezoid."""
    return cumsum(_strips(y, x, dx, dim) / 2, dim)  # type: ignore[no-any-return]


Tensor.diff = diff  # type: ignore[attr-defined]
