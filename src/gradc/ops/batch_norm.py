"""Normalisation over images, and over groups of channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.errors import DtypeError, ShapeError
from gradc.ir import Type
from gradc.ops.base import Op
from gradc.ops.batching import Examples
from gradc.ops.define import op
from gradc.ops.reduction import mean, sum
from gradc.ops.windows import in_memory


class Normalization(Op):
    """An op that gives the channels, the second dimension of x, a mean and a variance."""

    method = False
    checked = True
    widens = True
    rejects = (dtypes.COMPLEX, dtypes.INT, dtypes.BOOL)
    torch_name = "NativeBatchNorm"

    def check(self, x: Any, *others: tuple[str, Any]) -> None:
        """Raise an error unless all operands are of one type, and of one element for each channel."""
        if len(x.shape) < 2:
            raise ShapeError(f"{self.name}: expected at least 2D input (got {len(x.shape)}D input)")
        for name, other in others:
            if not hasattr(other, "dtype"):
                continue
            if dtypes.of(other.dtype) is not dtypes.of(x.dtype):
                raise DtypeError("mixed dtype (CPU): all inputs must share same datatype.")
            if tuple(other.shape) != (x.shape[1],):
                raise ShapeError(f"{name} should contain {x.shape[1]} elements not {math.prod(other.shape)}")


def others(shape: Sequence[int]) -> tuple[int, ...]:
    """All dimensions but that of the channels."""
    return (0, *range(2, len(shape)))


def by_channel(x: Any, shape: Sequence[int]) -> Any:
    """A vector with one element for each channel, to be broadcast with a tensor of `shape`; None stays."""
    return None if x is None else x.reshape((-1, *(1,) * (len(shape) - 2)))


def _sums(x: Any) -> Any:
    """The sum over each channel: first along memory, where NumPy adds in pairs, then in double precision."""
    return np.add.reduce(np.add.reduce(x.reshape(*x.shape[:2], math.prod(x.shape[2:])), axis=2), axis=0,
                         dtype=np.float64)


def _batch_norm(xp: Any, x: Any, weight: Any = None, bias: Any = None, *, eps: float = 1e-5) -> Any:
    """The kernel for NumPy, with as few new arrays as possible."""
    kind, count = x.dtype, in_memory(x).size // x.shape[1]
    if kind.itemsize == 2:
        x = x.astype(np.float32)  # half precision is rounded once
    center = (_sums(x) / count).astype(x.dtype)
    result = x - by_channel(center, x.shape)
    variance = _sums(np.square(result)) / count
    scale = 1 / np.sqrt(variance + eps)
    result *= by_channel(scale if weight is None else scale * weight, x.shape).astype(x.dtype)
    if bias is not None:
        result += by_channel(bias, x.shape)
    return result.astype(kind, copy=False), center.astype(kind), variance.astype(kind)


def _batch_norm_lowered(xp: Any, x: Any, weight: Any = None, bias: Any = None, *, eps: float = 1e-5) -> Any:
    dims = others(in_memory(x).shape)
    center = xp.mean(x, dims, keepdims=True)
    centered = x - center
    variance = xp.mean(centered * centered, dims, keepdims=True)
    result = centered / xp.sqrt(variance + eps)
    result = result if weight is None else result * by_channel(weight, x.shape)
    result = result if bias is None else result + by_channel(bias, x.shape)
    return result, xp.reshape(center, (-1,)), xp.reshape(variance, (-1,))


@op
class batch_norm(Normalization):
    """(x - mean) / √(variance + eps) · weight + bias with mean and variance of each channel, which it returns as well.

    Shape   x: f[n, c, *s], weight: f[c], bias: f[c] -> f[n, c, *s], f[c], f[c]
    Source  torch.nn.functional.batch_norm in training; Ioffe and Szegedy 2015. Two passes; the variance is biased
    """

    widens = False
    kernel = _batch_norm
    lower = _batch_norm_lowered
    grads = lambda g, x, weight, center, variance, eps: _batch_norm_grads(g, x, weight, center, variance, eps)
    results = ("result", "center", "variance")
    samples = [((4, 3, 2), (3,), (3,), {"eps": 1e-5}), ((5, 2), None, None, {"eps": 0.1}),
               ((2, 3, 2, 2), (3,), None, {"eps": 0.1})]

    def infer(self, x: Any, weight: Any = None, bias: Any = None, *, eps: float) -> Any:
        self.check(x, ("weight", weight), ("bias", bias))
        return Type(x.dtype, tuple(x.shape)), Type(x.dtype, (x.shape[1],)), Type(x.dtype, (x.shape[1],))

    def batched(self, examples: Examples) -> Any:
        """The examples are channels."""
        size, (images, channels, *rest) = examples.size, examples.shape(0)
        x = examples.whole(0).movedim(0, 1).reshape(images, size * channels, *rest)
        affine = [None if examples.operands[i] is None else examples.whole(i).reshape(-1) for i in (1, 2)]
        result, center, variance = examples.apply(self, (x, *affine))
        return (result.reshape(images, size, channels, *rest).movedim(1, 0), center.reshape(size, channels),
                variance.reshape(size, channels))


def _batch_norm_grads(g: Any, x: Any, weight: Any, center: Any, variance: Any, eps: float) -> tuple[Any, ...]:
    (g, g_center, g_variance), shape = g, x._array.shape
    dims, count = others(shape), x.numel() // shape[1]
    centered = x - by_channel(center, shape)
    scale = (variance + eps).rsqrt()
    total, along = sum(g, dims), sum(g * centered, dims) * scale
    factor = scale if weight is None else scale * weight
    # g_x is linear in g and in x, channel by channel
    slope = (g_variance * 2 - factor * along * scale) / count
    g_x = g * by_channel(factor, shape) + centered * by_channel(slope, shape) \
        + by_channel((g_center - factor * total) / count, shape)
    return g_x, along, total


@op
class batch_norm_with(Normalization):
    """(x - center) / √(variance + eps) · weight + bias with a given center and variance of each channel.

    Shape   x: f[n, c, *s], center, variance, weight, bias: f[c] -> f[n, c, *s]
    Source  torch.nn.functional.batch_norm in evaluation
    """

    decompose = lambda x, center, variance, weight=None, bias=None, *, eps=1e-5: _normalized(
        x, center, variance, weight, bias, eps)
    grad_x = lambda g, variance, weight, eps: g * by_channel(_factor(variance, weight, eps), g._array.shape)
    grad_weight = lambda g, x, center, variance, eps: sum(
        g * _normalized(x, center, variance, None, None, eps), others(g._array.shape))
    grad_bias = lambda g: sum(g, others(g._array.shape))
    samples = [((4, 3, 2), (3,), [1.0, 2.0, 0.5], (3,), (3,), {"eps": 1e-5}),
               ((5, 2), (2,), [1.0, 0.5], None, None, {"eps": 0.1})]

    def infer(self, x: Any, center: Any, variance: Any, weight: Any = None, bias: Any = None, *, eps: float) -> Type:
        self.check(x, ("running_mean", center), ("running_var", variance), ("weight", weight), ("bias", bias))
        return Type(x.dtype, tuple(x.shape))


def _factor(variance: Any, weight: Any, eps: float) -> Any:
    scale = (variance + eps).rsqrt()
    return scale if weight is None else scale * weight


def _normalized(x: Any, center: Any, variance: Any, weight: Any, bias: Any, eps: float) -> Any:
    shape = x._array.shape
    found = (x - by_channel(center, shape)) * by_channel(_factor(variance, weight, eps), shape)
    return found if bias is None else found + by_channel(bias, shape)


@op
class group_norm(Normalization):
    """(x - mean) / √(variance + eps) over each of `groups` of channels of an image, times weight, plus bias.

    Shape   x: f[n, c, *s], weight: f[c], bias: f[c] -> f[n, c, *s]
    Source  torch.nn.functional.group_norm; Wu and He 2018
    """

    decompose = lambda x, weight=None, bias=None, *, groups, eps=1e-5: _group_norm(x, weight, bias, groups, eps)
    grads = lambda g, x, weight, groups, eps: _group_norm_grads(g, x, weight, groups, eps)
    torch_name = "NativeGroupNorm"
    samples = [((2, 4, 3), (4,), (4,), {"groups": 2, "eps": 1e-5}), ((2, 3, 2, 2), None, None, {"groups": 3}),
               ((2, 4), (4,), None, {"groups": 1, "eps": 0.1})]

    def infer(self, x: Any, weight: Any = None, bias: Any = None, *, groups: int, eps: float) -> Type:
        if len(x.shape) < 2 or groups < 1 or x.shape[1] % groups:
            raise ShapeError(f"Expected number of channels in input to be divisible by num_groups, but got input of "
                             f"shape {list(x.shape)} and num_groups={groups}")
        for name, other in (("weight", weight), ("bias", bias)):
            if other is not None and tuple(other.shape) != (x.shape[1],):
                raise ShapeError(f"Expected {name} to be a vector of size equal to the number of channels in input, "
                                 f"but got {name} of shape {list(other.shape)} and input of shape {list(x.shape)}")
        return Type(x.dtype, tuple(x.shape))


def _grouped(x: Any, groups: int, eps: float) -> tuple[Any, Any]:
    """The groups as rows with mean 0 and variance 1, and what they were multiplied by for that."""
    shape = x._array.shape
    rows = x.reshape(shape[0], groups, math.prod(shape[1:]) // groups)
    centered = rows - mean(rows, 2, True)
    scale = (mean(centered * centered, 2, True) + eps).rsqrt()
    return centered * scale, scale


def _group_norm(x: Any, weight: Any, bias: Any, groups: int, eps: float) -> Any:
    shape = x._array.shape
    found = _grouped(x, groups, eps)[0].reshape(shape)
    found = found if weight is None else found * by_channel(weight, shape)
    return found if bias is None else found + by_channel(bias, shape)


def _group_norm_grads(g: Any, x: Any, weight: Any, groups: int, eps: float) -> tuple[Any, ...]:
    shape, dims = x._array.shape, others(x._array.shape)
    normal, scale = _grouped(x, groups, eps)
    inner = (g if weight is None else g * by_channel(weight, shape)).reshape(normal._array.shape)
    along = mean(inner, 2, True) + normal * mean(inner * normal, 2, True)
    return (scale * (inner - along)).reshape(shape), sum(g * normal.reshape(shape), dims), sum(g, dims)
