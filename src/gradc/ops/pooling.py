"""Pooling: the largest element, or the mean, of each window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.errors import CallError, ShapeError
from gradc.ir import Type
from gradc.ops.base import Op
from gradc.ops.batching import alike
from gradc.ops.conversion import known
from gradc.ops.define import op
from gradc.ops.windows import Sizes, count, in_memory, padded, places, spread, totals
from gradc.shapes import Shape
from gradc.tensor import Tensor

Widths = tuple[tuple[int, int], ...]


def pooled(sizes: Sequence[int], kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes,
           ceil_mode: bool) -> Sizes:
    """How many windows there are along each dimension; with `ceil_mode` also those that are cut off at the end."""
    found = []
    for n, k, s, p, d in zip(sizes, kernel, stride, padding, dilation, strict=True):
        many = count(n + 2 * p + (s - 1 if ceil_mode else 0), k, s, d)
        found.append(many - (ceil_mode and (many - 1) * s >= n + p))  # none begins behind the end
    return tuple(found)


def widths(sizes: Sequence[int], out: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Widths:
    """What is missing before and behind each dimension for `out` whole windows."""
    return tuple((p, max(0, (m - 1) * s + d * (k - 1) + 1 - n - p))
                 for n, m, k, s, p, d in zip(sizes, out, kernel, stride, padding, dilation, strict=True))


class Pool(Op):
    """An op on the windows along the last dimensions; it leaves the dimensions before them alone."""

    method = False
    checked = True
    batched = alike
    rejects: tuple[int, ...] = (dtypes.BOOL, dtypes.COMPLEX)
    titles: tuple[str, ...] = ()

    def infer(self, x: Any, *, kernel: Sizes, stride: Sizes, padding: Sizes, ceil_mode: bool,
              dilation: Sizes | None = None, **attrs: Any) -> Type:
        rank, dilation = len(kernel), dilation or (1,) * len(kernel)
        lead, sizes = tuple(x.shape[:-rank]), tuple(x.shape[len(x.shape) - rank :])
        if min(kernel) < 1 or min(stride) < 1 or min(dilation) < 1:
            raise CallError(f"{self.name}{rank}d: kernel_size, stride and dilation must be greater than zero, but got "
                            f"kernel_size={kernel}, stride={stride}, dilation={dilation}. stride should not be zero")
        if any(p < 0 or p > (d * (k - 1) + 1) // 2 for p, k, d in zip(padding, kernel, dilation, strict=True)):
            raise CallError(f"pad should be at most half of effective kernel size, but got pad={padding}, "
                            f"kernel_size={kernel} and dilation={dilation}")
        out = pooled(sizes, kernel, stride, padding, dilation, ceil_mode)
        if min(out) < 1:
            raise ShapeError(f"Given input size: ({'x'.join(map(str, (lead[-1], *sizes)))}). Calculated output size: "
                             f"({'x'.join(map(str, (lead[-1], *out)))}). Output size is too small")
        return Type(x.dtype, (*lead, *out))

    def node_name(self, node: Any) -> str:
        rank = len(node.attrs["kernel"])
        return f"{self.titles[rank - 2]}Backward0" if rank > 1 else "SqueezeBackward1"


# The largest element


def _padding_of(x: Any, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil_mode: bool) -> Widths:
    sizes = x.shape[len(x.shape) - len(kernel) :]
    out = pooled(sizes, kernel, stride, padding, dilation, ceil_mode)
    return widths(sizes, out, kernel, stride, padding, dilation)


def _least(kind: Any) -> Any:
    """The smallest value of a NumPy dtype."""
    return np.iinfo(kind).min if kind.kind in "iu" else -math.inf


def _max_pool(xp: Any, x: Any, *, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes,
              ceil_mode: bool = False) -> Any:
    around = _padding_of(in_memory(x), kernel, stride, padding, dilation, ceil_mode)
    found = totals(np.maximum, padded(x, around, _least(x.dtype)), kernel, stride, dilation)
    return found if found.flags.c_contiguous and found.base is None else found.copy()


def _max_pool_lowered(xp: Any, x: Any, *, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes,
                      ceil_mode: bool = False) -> Any:
    lead = len(x.shape) - len(kernel)
    ones = (1,) * lead
    around = ((0, 0),) * lead + _padding_of(x, kernel, stride, padding, dilation, ceil_mode)
    return xp.lax.reduce_window(x, xp.array(_least(x.dtype), x.dtype), xp.lax.max, ones + kernel, ones + stride,
                                around, None, ones + dilation)


@op
class max_pool(Pool):
    """The largest element of each window along the last dimensions; ties go to the first.

    Shape   x: [*lead, *s] -> [*lead, *t] with len(s) = len(kernel)
    Source  torch.nn.functional.max_pool2d
    """

    kernel = _max_pool
    lower = _max_pool_lowered
    grad_x = lambda g, x, x_type, kernel, stride, padding, dilation, ceil_mode: put_at(
        g, max_pool_positions(x, max_pool(x, kernel=kernel, stride=stride, padding=padding, dilation=dilation,
                                          ceil_mode=ceil_mode), kernel=kernel, stride=stride, padding=padding,
                              dilation=dilation, ceil_mode=ceil_mode), x_type.shape[-len(kernel):])
    titles = ("MaxPool2DWithIndices", "MaxPool3DWithIndices")
    flops = lambda self, operands, results, attrs: results[0].type.size * math.prod(attrs["kernel"])
    samples = [
        ((2, 5, 6), {"kernel": (3, 2), "stride": (2, 2), "padding": (1, 0), "dilation": (1, 2)}),
        ((1, 2, 6, 5), {"kernel": (2, 2), "stride": (2, 3), "padding": (1, 1), "dilation": (1, 1), "ceil_mode": True}),
        ((1, 1, 3, 4, 3), {"kernel": (2, 2, 2), "stride": (1, 2, 1), "padding": (0, 0, 0), "dilation": (1, 1, 1)}),
    ]


def _positions(xp: Any, x: Any, y: Any, *, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes,
               ceil_mode: bool = False) -> Any:
    around = _padding_of(in_memory(x), kernel, stride, padding, dilation, ceil_mode)
    sizes, out = x.shape[-len(kernel):], y.shape[-len(kernel):]
    whole = xp.pad(x, ((0, 0),) * (x.ndim - len(kernel)) + around, constant_values=_least(x.dtype))
    found = xp.zeros(y.shape, "int64")
    for place, where in reversed(list(places(kernel, stride, dilation, out))):
        part = whole[where]
        found = xp.where((part == y) | (part != part), _flat(place, sizes, out, stride, padding, dilation), found)
    return found


def _flat(place: Sizes, sizes: Sizes, out: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Any:
    """For each window, the position in the flattened input of what is at one place; never outside of the input."""
    flat: Any = 0
    for k, n, m, s, p, d in zip(place, sizes, out, stride, padding, dilation, strict=True):
        flat = np.expand_dims(flat * n, -1) + np.clip(np.arange(m) * s + (k * d - p), 0, n - 1)
    return flat


@op
class max_pool_positions(Op):
    """Where in the flattened dimensions of the windows x first has the largest element y of each window.

    Source  torch.nn.functional.max_pool2d with return_indices=True
    """

    kernel = _positions
    batched = lambda self, examples: examples.apply(self, (examples.whole(0), examples.whole(1)))
    method = False
    samples = [([[1.0, 3.0, 3.0, 2.0]], [[3.0, 3.0]],
                {"kernel": (2,), "stride": (2,), "padding": (0,), "dilation": (1,)})]

    def infer(self, x: Any, y: Any, **attrs: Any) -> Type:
        return Type(dtypes.int64, y.shape)


def put_at(g: Any, positions: Any, sizes: Sizes) -> Tensor:
    """Zeros of `sizes` along the last dimensions with the elements of g added at positions in them, flattened."""
    lead = g._array.shape[: g.ndim - len(sizes)]
    rows = g.new_zeros((*lead, math.prod(sizes)), dtype=g.dtype)
    flat = rows.scatter_add(-1, positions.reshape(*lead, -1), g.reshape(*lead, -1))
    return flat.reshape(*lead, *sizes)  # type: ignore[no-any-return]


def take_at(x: Any, positions: Any, rank: int) -> Tensor:
    """The elements of x at positions in its last `rank` dimensions, flattened."""
    lead = x._array.shape[: x.ndim - rank]
    found = x.reshape(*lead, -1).gather(-1, positions.reshape(*lead, -1))
    return found.reshape(positions._array.shape)  # type: ignore[no-any-return]


# The mean


class Windowed(Op):
    """A linear map between a tensor and its windows along its last dimensions."""

    method = False
    batched = alike
    widens = True


@op
class window_sum(Windowed):
    """The sum of each window along the last dimensions of x with zeros around it, `widths` many.

    Source  jax.lax.reduce_window
    """

    flops = lambda self, operands, results, attrs: results[0].type.size * math.prod(attrs["kernel"])
    kernel = lambda xp, x, *, kernel, stride, widths: np.ascontiguousarray(totals(
        np.add, padded(in_memory(x), widths), kernel, stride, (1,) * len(kernel)))
    lower = lambda xp, x, *, kernel, stride, widths: xp.lax.reduce_window(
        x, xp.array(0, x.dtype), xp.lax.add, _lead(x, kernel, 1) + kernel, _lead(x, kernel, 1) + stride,
        _lead(x, kernel, (0, 0)) + widths)
    grad_x = lambda g, x_type, kernel, stride, widths: window_spread(
        g, sizes=x_type.shape[-len(kernel):], kernel=kernel, stride=stride, widths=widths)
    rejects = (dtypes.BOOL,)
    samples = [((2, 5, 6), {"kernel": (3, 2), "stride": (2, 3), "widths": ((1, 1), (0, 0))}),
               ((1, 4), {"kernel": (1,), "stride": (2,), "widths": ((0, 0),)})]

    def infer(self, x: Any, *, kernel: Sizes, stride: Sizes, widths: Widths) -> Type:
        rank = len(kernel)
        whole = [n + a + b for n, (a, b) in zip(x.shape[len(x.shape) - rank :], widths, strict=True)]
        return Type(x.dtype, (*x.shape[: len(x.shape) - rank], *map(count, whole, kernel, stride, (1,) * rank)))


@op
class window_spread(Windowed):
    """Each element of x added to all places of its window, in zeros of `sizes`: the adjoint of window_sum.

    Source  the gradient of jax.lax.reduce_window
    """

    flops = lambda self, operands, results, attrs: operands[0].type.size * math.prod(attrs["kernel"])
    kernel = lambda xp, x, *, sizes, kernel, stride, widths: _inside(spread(
        in_memory(x), tuple(n + a + b for n, (a, b) in zip(sizes, widths, strict=True)), kernel, stride), sizes, widths)
    lower = lambda xp, x, *, sizes, kernel, stride, widths: xp.lax.reduce_window(
        xp.lax.pad(x, xp.array(0, x.dtype), _lead(x, kernel, (0, 0, 0)) + tuple(
            (k - 1 - a, n + a - (m - 1) * s - 1, s - 1)
            for n, m, k, s, (a, _) in zip(sizes, x.shape[-len(kernel):], kernel, stride, widths, strict=True))),
        xp.array(0, x.dtype), xp.lax.add, _lead(x, kernel, 1) + kernel, (1,) * len(x.shape), "VALID")
    grad_x = lambda g, kernel, stride, widths, x_type: window_sum(g, kernel=kernel, stride=stride, widths=widths)
    rejects = (dtypes.BOOL,)
    samples = [((2, 3, 2), {"sizes": (5, 6), "kernel": (3, 2), "stride": (2, 3), "widths": ((1, 1), (0, 0))}),
               ((1, 2), {"sizes": (4,), "kernel": (1,), "stride": (2,), "widths": ((0, 0),)})]

    def infer(self, x: Any, *, sizes: Sizes, kernel: Sizes, stride: Sizes, widths: Widths) -> Type:
        return Type(x.dtype, (*x.shape[: len(x.shape) - len(kernel)], *sizes))


def _lead(x: Any, kernel: Sizes, value: Any) -> tuple[Any, ...]:
    """`value` for each dimension that has no windows."""
    return (value,) * (len(x.shape) - len(kernel))


def _inside(x: Any, sizes: Sizes, widths: Widths) -> Any:
    if not any(map(any, widths)):
        return x
    return np.ascontiguousarray(x[(..., *(slice(a, a + n) for n, (a, _) in zip(sizes, widths, strict=True)))])


@op
class avg_pool(Pool):
    """The mean of each window along the last dimensions. Zeros of `padding` count if `count_include_pad` says so.

    Shape   x: f[*lead, *s] -> f[*lead, *t] with len(s) = len(kernel)
    Source  torch.nn.functional.avg_pool2d
    """

    decompose = lambda x, *, kernel, stride, padding, ceil_mode=False, count_include_pad=True, divisor_override=None: \
        _avg_pool(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override)
    grad_x = lambda g, x_type, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override: _avg_pool_grad(
        g, x_type.shape, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override)
    titles = ("AvgPool2D", "AvgPool3D")
    rejects = (dtypes.BOOL, dtypes.INT, dtypes.COMPLEX)
    samples = [
        ((2, 5, 6), {"kernel": (3, 2), "stride": (2, 2), "padding": (1, 0)}),
        ((1, 2, 6, 5), {"kernel": (2, 3), "stride": (2, 2), "padding": (1, 1), "ceil_mode": True}),
        ((1, 2, 6, 5), {"kernel": (2, 3), "stride": (2, 3), "padding": (1, 1), "ceil_mode": True,
                        "count_include_pad": False}),
        ((1, 1, 3, 4, 3), {"kernel": (2, 2, 2), "stride": (1, 2, 1), "padding": (0, 0, 0), "divisor_override": 3}),
    ]


def _avg_pool(x: Any, kernel: Sizes, stride: Sizes, padding: Sizes, ceil_mode: bool, count_include_pad: bool,
              divisor_override: int | None) -> Tensor:
    around, divisor = _averaging(x._array.shape, x.dtype, kernel, stride, padding, ceil_mode, count_include_pad,
                                 divisor_override)
    wide = x.to(dtypes.float32) if x.dtype.bits == 16 else x  # rounded once, after the division
    found = window_sum(wide, kernel=kernel, stride=stride, widths=around) / divisor
    return found if wide is x else found.to(x.dtype)  # type: ignore[no-any-return]


def _avg_pool_grad(g: Any, shape: Shape, kernel: Sizes, stride: Sizes, padding: Sizes, ceil_mode: bool,
                   count_include_pad: bool, divisor_override: int | None) -> Tensor:
    around, divisor = _averaging(shape, g.dtype, kernel, stride, padding, ceil_mode, count_include_pad,
                                 divisor_override)
    return window_spread(g / divisor, sizes=shape[len(shape) - len(kernel) :],  # type: ignore[no-any-return]
                         kernel=kernel, stride=stride, widths=around)


def _averaging(shape: Shape, kind: Any, kernel: Sizes, stride: Sizes, padding: Sizes, ceil_mode: bool,
               count_include_pad: bool, divisor_override: int | None) -> tuple[Widths, Any]:
    """What to put around x, and what to divide the sum of each window by: a number, or a tensor of them."""
    sizes, ones = shape[len(shape) - len(kernel) :], (1,) * len(kernel)
    out = pooled(sizes, kernel, stride, padding, ones, ceil_mode)
    around = widths(sizes, out, kernel, stride, padding, ones)
    if divisor_override is not None:
        return around, float(divisor_override)
    counted: Any = 1
    for n, m, k, s, p in zip(sizes, out, kernel, stride, padding, strict=True):
        start = np.arange(m) * s - p
        last = np.minimum(start + k, n + p if count_include_pad else n)
        counted = np.expand_dims(counted, -1) * (last - (start if count_include_pad else np.maximum(start, 0)))
    if (counted == counted.flat[0]).all():
        return around, float(counted.flat[0])
    return around, known(counted.astype(kind.numpy))
