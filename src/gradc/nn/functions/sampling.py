"""Images read at places between their pixels, under PyTorch's names and signatures."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from typing import Any

from gradc import dtypes, locations
from gradc.errors import DtypeError, GradcError, ShapeError
from gradc.ops.arithmetic import where
from gradc.ops.creation import linspace, ones
from gradc.ops.joining import stack
from gradc.ops.resampling import cubic_weights
from gradc.tensor import Tensor

__all__ = ["affine_grid", "grid_sample"]

MODES = ("bilinear", "nearest", "bicubic")
PADDING_MODES = ("zeros", "border", "reflection")


class SamplingError(GradcError, ValueError):
    """An argument that grid_sample does not take."""


def grid_sample(input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros",
                align_corners: bool | None = None) -> Tensor:
    """`input` at the places that `grid` names, from -1 at one side of an image to 1 at the other.

    The last dimension of `grid` holds the place along the last dimension of `input` first. With `align_corners` -1 and
    1 are the middles of the outermost pixels, else their outer edges.

    Source  torch.nn.functional.grid_sample
    """
    _check(input, grid, mode, padding_mode)
    if align_corners is None:
        warnings.warn("Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. "
                      "Please specify align_corners=True if the old behavior is desired. See the documentation of "
                      "grid_sample for details.", stacklevel=2)
    sizes, aligned = input._array.shape[2:], bool(align_corners)
    places: list[Any] = []
    for i, n in enumerate(reversed(sizes)):
        x: Any = grid[..., i]  # type: ignore[index]
        places.insert(0, (x + 1) * ((n - 1) / 2) if aligned else ((x + 1) * n - 1) / 2)
    if mode == "bicubic":
        return _cubic(input, places, padding_mode, aligned)
    places = [_moved_inside(x, n, padding_mode, aligned) for x, n in zip(places, sizes, strict=True)]
    if mode == "nearest":
        return _at(input, [x.detach().round() for x in places])
    below = [x.detach().floor() for x in places]
    total: Any = 0.0
    for corner in itertools.product((0, 1), repeat=len(sizes)):
        weight: Any = 1.0
        for x, low, side in zip(places, below, corner, strict=True):
            weight = weight * (x - low if side else low + 1 - x)
        total = total + _at(input, [low + side for low, side in zip(below, corner, strict=True)]) * weight.unsqueeze(1)
    return total  # type: ignore[no-any-return]


def _check(input: Tensor, grid: Tensor, mode: str, padding_mode: str) -> None:
    where_ = locations.quote(locations.here())
    if mode not in MODES:
        raise SamplingError(f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but "
                            f"got: '{mode}'{where_}")
    if padding_mode not in PADDING_MODES:
        raise SamplingError(f"nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
                            f"'reflection', but got: '{padding_mode}'{where_}")
    rank = input.ndim - 2
    if rank not in (2, 3) or grid.ndim != input.ndim:
        raise ShapeError(f"grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got "
                         f"input with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}{where_}")
    if input.shape[0] != grid.shape[0]:
        raise ShapeError(f"grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
                         f"{list(input.shape)} and grid with sizes {list(grid.shape)}{where_}")
    if grid.shape[-1] != rank:
        raise ShapeError(f"grid_sampler(): expected grid to have size {rank} in last dimension, but got grid with "
                         f"sizes {list(grid.shape)}{where_}")
    if 0 in input.shape[2:]:
        raise ShapeError(f"grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
                         f"{list(input.shape)}{where_}")
    if mode == "bicubic" and rank == 3:
        raise ShapeError(f"grid_sampler(): bicubic interpolation only supports 4D input{where_}")
    if not input.dtype.is_floating_point or input.dtype is not grid.dtype:
        raise DtypeError(f"grid_sampler(): expected input and grid to have same dtype, a floating one, but input has "
                         f"{input.dtype} and grid has {grid.dtype}{where_}")


def _moved_inside(x: Any, n: int, padding_mode: str, aligned: bool) -> Any:
    """Places with those outside of n pixels at the edge, or mirrored there; without gradient where they are cut off."""
    if padding_mode == "zeros":
        return x
    if padding_mode == "reflection":
        low, span = (0.0, n - 1.0) if aligned else (-0.5, float(n))
        if span == 0:
            return x.detach() * 0
        away = (x - low).abs()
        flips = (away.detach() / span).floor()
        rest = away - flips * span
        x = where(flips % 2 == 0, rest + low, span + low - rest)
    return where((x > 0) & (x < n - 1), x, x.detach().clamp(0, n - 1))


def _at(input: Any, places: Sequence[Any]) -> Any:
    """The pixels at whole places, zero outside."""
    sizes = input._array.shape[2:]
    inside: Any = None
    flat: Any = 0
    for x, n in zip(places, sizes, strict=True):
        within = (x >= 0) & (x <= n - 1)
        inside = within if inside is None else inside & within
        flat = flat * n + where(within, x, 0.0).to(dtypes.int64)
    images, channels = input._array.shape[:2]
    shape = flat._array.shape
    index = flat.reshape(images, 1, -1).expand(images, channels, math.prod(shape[1:]))
    found = input.reshape(images, channels, -1).gather(2, index).reshape(images, channels, *shape[1:])
    return where(inside.unsqueeze(1), found, 0.0)


def _cubic(input: Any, places: Sequence[Any], padding_mode: str, aligned: bool) -> Any:
    sizes = input._array.shape[2:]
    below = [x.detach().floor() for x in places]
    weights = [cubic_weights(x - low) for x, low in zip(places, below, strict=True)]
    total: Any = 0.0
    for i, j in itertools.product(range(4), repeat=2):
        at = [_moved_inside(low + (k - 1), n, padding_mode, aligned)
              for low, k, n in zip(below, (i, j), sizes, strict=True)]
        at = [x.round() for x in at] if padding_mode == "reflection" else at
        total = total + _at(input, at) * (weights[0][i] * weights[1][j]).unsqueeze(1)
    return total


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The places in an image that its affine maps `theta` take the pixels of an image of `size` to, for grid_sample.

    Source  torch.nn.functional.affine_grid
    """
    if not theta.dtype.is_floating_point:
        raise SamplingError(f"Expected theta to have floating point type, but got {theta.dtype}"
                            f"{locations.quote(locations.here())}")
    if align_corners is None:
        warnings.warn("Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. "
                      "Please specify align_corners=True if the old behavior is desired. See the documentation of "
                      "grid_sample for details.", stacklevel=2)
    images, _, *sizes = (int(n) for n in size)
    rank = len(sizes)
    if rank not in (2, 3) or tuple(theta.shape) != (images, rank, rank + 1):
        raise SamplingError(f"Expected a batch of {rank}D affine matrices of shape Nx{rank}x{rank + 1} for size "
                            f"{tuple(size)}. Got {list(theta.shape)}.{locations.quote(locations.here())}")
    axes: list[Any] = []
    for i, n in enumerate(sizes):
        line: Any = linspace(-1, 1, n, dtype=theta.dtype) if n > 1 else ones(1, dtype=theta.dtype) * 0
        line = line if align_corners else line * ((n - 1) / n)
        axes.insert(0, line.reshape((1,) * i + (n,) + (1,) * (rank - 1 - i)).expand(*sizes))
    base = stack([*axes, ones(*sizes, dtype=theta.dtype)], -1).reshape(1, -1, rank + 1)  # type: ignore
    grid: Any = base.expand(images, math.prod(sizes), rank + 1) @ theta.mT  # type: ignore[attr-defined]
    return grid.reshape(images, *sizes, rank)  # type: ignore[no-any-return]
