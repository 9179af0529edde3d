"""Normalisation under PyTorch's names and signatures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gradc import locations
from gradc.apply import apply
from gradc.errors import CallError, GradcError, ShapeError
from gradc.modes import no_grad
from gradc.ops import batch_norm as channels
from gradc.ops import normalization
from gradc.ops.arrangement import pad
from gradc.ops.pooling import avg_pool
from gradc.tensor import Tensor

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm"]


class StatisticsError(GradcError, ValueError):
    """Too few values for a variance."""


def batch_norm(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
               bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """Each channel with mean 0 and variance 1, times weight, plus bias, as torch.nn.functional.batch_norm.

    In training by the mean and variance of `input`, of which the running ones take up the part `momentum`; else by the
    running ones.
    """
    shape = input._array.shape
    if not training:
        for name, x in (("running_mean", running_mean), ("running_var", running_var)):
            if x is None:
                raise CallError(f"{name} must be defined in evaluation mode{locations.quote(locations.here())}")
        return apply(channels.batch_norm_with, (input, running_mean, running_var, weight, bias),  # type: ignore
                     {"eps": eps})
    if eps <= 0:
        raise StatisticsError(f"batch_norm eps must be positive during training, but got {eps}")
    count = math.prod((*shape[:1], *shape[2:]))
    if count == 1:
        raise StatisticsError(f"Expected more than 1 value per channel when training, got input size {input.shape}"
                              f"{locations.quote(locations.here())}")
    for name, x in (("running_mean", running_mean), ("running_var", running_var)):
        if x is not None and x._array.shape != shape[1:2]:
            raise ShapeError(f"{name} should contain {shape[1]} elements not {x.numel()}"
                             f"{locations.quote(locations.here())}")
    result, center, variance = apply(channels.batch_norm, (input, weight, bias), {"eps": eps})
    if not count:
        return result  # type: ignore[no-any-return]
    with no_grad():
        _take_up(running_mean, center, momentum)
        _take_up(running_var, variance * (count / (count - 1)), momentum)
    return result  # type: ignore[no-any-return]


def _take_up(running: Any, new: Any, momentum: float) -> None:
    """Move running statistics, if there are any, towards new ones by the part `momentum`."""
    if running is not None:
        running.copy_(new.to(running.dtype) * momentum + running * (1 - momentum))


def instance_norm(input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None,
                  weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: bool = True,
                  momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """Each channel of each image with mean 0 and variance 1, times weight, plus bias.

    The running statistics are means over the images.
    """
    images, many, *sizes = input._array.shape
    if use_input_stats and math.prod(sizes) == 1:
        raise StatisticsError(f"Expected more than 1 spatial element when training, got input size {input.shape}"
                              f"{locations.quote(locations.here())}")
    repeated = [None if x is None else x.repeat(images)  # type: ignore[attr-defined]
                for x in (running_mean, running_var, weight, bias)]
    rows = input.reshape(1, images * many, *sizes)  # type: ignore[attr-defined]
    found = batch_norm(rows, *repeated, use_input_stats, momentum, eps)
    if use_input_stats:
        with no_grad():
            for running, x in zip((running_mean, running_var), repeated[:2], strict=True):
                if running is not None and x is not None:
                    running.copy_(x.reshape(images, many).mean(0))  # type: ignore[attr-defined]
    return found.reshape(input._array.shape)  # type: ignore[attr-defined, no-any-return]


def group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-5) -> Tensor:
    """Each of `num_groups` groups of channels of an image with mean 0 and variance 1, times weight, plus bias."""
    return apply(channels.group_norm, (input, weight, bias), {"groups": num_groups, "eps": eps})  # type: ignore


def layer_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None,
               bias: Tensor | None = None, eps: float = 1e-5) -> Tensor:
    """The last dimensions with mean 0 and variance 1, times weight, plus bias."""
    return normalization.layer_norm(input, normalized_shape, weight, bias, eps)  # type: ignore[no-any-return]


def rms_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None,
             eps: float | None = None) -> Tensor:
    """The last dimensions divided by the root of the mean of their squares, times weight."""
    return normalization.rms_norm(input, normalized_shape, weight, eps)  # type: ignore[no-any-return]


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """input / (k + alpha · mean of the squares of `size` neighbouring channels) ** beta."""
    shape = input._array.shape
    if len(shape) < 3:
        raise DimensionalityError(f"Expected 3D or higher dimensionality input (got {len(shape)} dimensions)")
    if not input.numel():
        return input
    rows: Any = (input * input).reshape(shape[0], shape[1], -1)  # type: ignore[attr-defined, operator]
    squares = pad(rows, (0, 0, size // 2, (size - 1) // 2))
    means = apply(avg_pool, (squares,), {"kernel": (size, 1), "stride": (1, 1), "padding": (0, 0), "ceil_mode": False,
                                         "count_include_pad": True, "divisor_override": None})
    return input / (means.reshape(shape) * alpha + k) ** beta  # type: ignore[operator, no-any-return]


class DimensionalityError(GradcError, ValueError):
    """An input with too few or too many dimensions."""
