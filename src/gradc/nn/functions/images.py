"""Images of another size or arrangement, under PyTorch's names and signatures."""

from __future__ import annotations

import math
import warnings
from typing import Any

from gradc import locations
from gradc.apply import apply
from gradc.errors import GradcError, ShapeError
from gradc.nn.functions.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from gradc.ops import folding
from gradc.ops.convolution import sizes as per_dimension
from gradc.ops.resampling import resample
from gradc.tensor import Tensor

__all__ = ["channel_shuffle", "fold", "interpolate", "native_channel_shuffle", "pixel_shuffle", "pixel_unshuffle",
           "unfold", "upsample", "upsample_bilinear", "upsample_nearest"]

RANKS = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}
"""How many dimensions the modes are for."""


class InterpolationError(GradcError, ValueError):
    """Arguments that together make no sense."""


class ModeError(GradcError, NotImplementedError):
    """A mode that is not there, or not for so many dimensions."""


def interpolate(input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
                antialias: bool = False) -> Tensor:
    """`input` with its dimensions behind the second of another size, as torch.nn.functional.interpolate.

    Raises ModeError for `antialias`, which is not supported.
    """
    where, rank, given = locations.quote(locations.here()), input.ndim - 2, input._array.shape[2:]
    if antialias:
        raise ModeError(f"interpolate: antialias=True is not supported{where}\n    Blur the image first, for instance "
                        f"with avg_pool2d.")
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise InterpolationError("align_corners option can only be set with the interpolating modes: linear | "
                                     f"bilinear | bicubic | trilinear{where}")
    elif mode not in RANKS or rank not in (1, 2, 3):
        raise ModeError(f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the modes: "
                        f"nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact (got {mode}){where}")
    elif RANKS[mode] != rank:
        raise ModeError(f"Got {input.ndim}D input, but {mode} mode needs {RANKS[mode] + 2}D input{where}")
    if rank not in (1, 2, 3):
        raise ModeError(f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the modes: "
                        f"nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact (got {mode}){where}")
    target, scales = _target(given, size, scale_factor, recompute_scale_factor)
    if mode == "area":
        function: Any = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[rank - 1]
        return function(input, target)  # type: ignore[no-any-return]
    found: Tensor = apply(resample, (input,), {"size": target, "mode": mode, "align_corners": bool(align_corners),
                                               "scales": scales})
    return found


def _target(given: tuple[int, ...], size: Any, scale_factor: Any, recompute: bool | None) -> tuple[Any, Any]:
    """The new size, and the scale of the coordinates where it is not the ratio of the sizes."""
    where, rank = locations.quote(locations.here()), len(given)
    if size is not None and scale_factor is not None:
        raise InterpolationError(f"only one of size or scale_factor should be defined{where}")
    if size is None and scale_factor is None:
        raise InterpolationError(f"either size or scale_factor should be defined{where}")
    name, value = ("output size", size) if scale_factor is None else ("scale_factor", scale_factor)
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(values) != rank:
        raise InterpolationError(f"Input and output must have the same number of spatial dimensions, but got input "
                                 f"with spatial dimensions of {list(given)} and {name} of {values}. Please provide "
                                 f"input tensor in (N, C, d1, d2, ...,dK) format and {name} in (o1, o2, ...,oK) "
                                 f"format.{where}")
    if scale_factor is None:
        if recompute:
            raise InterpolationError(f"recompute_scale_factor is not meaningful with an explicit size.{where}")
        return tuple([int(n) for n in values]), None
    factors = tuple(map(float, values))
    target = tuple([math.floor(n * factor) for n, factor in zip(given, factors, strict=True)])
    return target, None if recompute else factors


def upsample(input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
             align_corners: bool | None = None) -> Tensor:
    """interpolate under its older name."""
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """interpolate with mode "nearest"."""
    return interpolate(input, size, scale_factor)


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """interpolate with mode "bilinear" and aligned corners."""
    return interpolate(input, size, scale_factor, "bilinear", True)


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Groups of upscale_factor² channels laid out as squares of pixels."""
    return folding.pixel_shuffle(input, upscale_factor)  # type: ignore[no-any-return]


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Squares of downscale_factor · downscale_factor pixels laid out as channels."""
    return folding.pixel_unshuffle(input, downscale_factor)  # type: ignore[no-any-return]


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """The first channel of each group, then the second ones, …"""
    return folding.channel_shuffle(input, groups)  # type: ignore[no-any-return]


native_channel_shuffle = channel_shuffle


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """All windows of images as columns of a matrix, channel by channel."""
    images, single = _images(input, 3)
    attrs = _windows(kernel_size, dilation, padding, stride)
    found: Any = apply(folding.unfold_windows, (images,), attrs)
    return found.squeeze(0) if single else found  # type: ignore[no-any-return]


def fold(input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0,
         stride: Any = 1) -> Tensor:
    """Images that are the sums of windows, which are given as columns of a matrix."""
    columns, single = _images(input, 2)
    attrs = {"sizes": per_dimension(output_size, 2, "output_size"),
             **_windows(kernel_size, dilation, padding, stride)}
    found: Any = apply(folding.fold_windows, (columns,), attrs)
    return found.squeeze(0) if single else found  # type: ignore[no-any-return]


def _windows(kernel: Any, dilation: Any, padding: Any, stride: Any) -> dict[str, Any]:
    return {"kernel": per_dimension(kernel, 2, "kernel_size"), "stride": per_dimension(stride, 2, "stride"),
            "padding": per_dimension(padding, 2, "padding"), "dilation": per_dimension(dilation, 2, "dilation")}


def _images(input: Any, rank: int) -> tuple[Any, bool]:
    """`input` with a dimension of images, and whether it had none."""
    if input.ndim not in (rank, rank + 1):
        raise ShapeError(f"Expected {rank}D or {rank + 1}D (batch mode) tensor for input with possibly 0 batch size, "
                         f"but got: {list(input.shape)}{locations.quote(locations.here())}")
    return (input.unsqueeze(0), True) if input.ndim == rank else (input, False)
