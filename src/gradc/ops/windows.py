"""Windows that slide over the last dimensions of NumPy arrays: the kernels of convolution, pooling and folding.

A convolution here is a copy of windows and one matrix product. The copy is made for as many images at once as fit in
the processor's cache, so that it costs little and its memory stays bounded. Measured against XLA's convolutions,
compiled per shape: of the same speed for large images, several times faster for small ones with many channels, and
without the compile at the first call.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from gradc.shapes import Shape

Sizes = tuple[int, ...]
Widths = Sequence[tuple[int, int]]

CACHED = 1 << 20
"""Bytes of windows that are copied at once."""


def count(size: int, kernel: int, stride: int, dilation: int) -> int:
    """How many windows fit into `size`."""
    return (size - dilation * (kernel - 1) - 1) // stride + 1


def counts(sizes: Sequence[int], kernel: Sizes, stride: Sizes, dilation: Sizes) -> Sizes:
    """How many windows fit along each dimension."""
    return tuple(map(count, sizes, kernel, stride, dilation))


def padded(x: Any, widths: Widths, value: Any = 0) -> Any:
    """x with `value` around its last dimensions; x itself where nothing is added."""
    if not any(map(any, widths)):
        return x
    lead = x.shape[: x.ndim - len(widths)]
    sizes = x.shape[len(lead) :]
    shape = (*lead, *(n + a + b for n, (a, b) in zip(sizes, widths, strict=True)))
    result = np.full(shape, value, x.dtype) if value else np.zeros(shape, x.dtype)
    result[(..., *(slice(a, a + n) for n, (a, _) in zip(sizes, widths, strict=True)))] = x
    return result


def symmetric(padding: Sizes) -> Widths:
    """As much on both sides."""
    return [(p, p) for p in padding]


def totals(function: Any, x: Any, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Any:
    """`function`, np.add or np.maximum, over the elements of each window: one dimension after the other."""
    for i, (k, s, d) in enumerate(zip(kernel, stride, dilation, strict=True), -len(kernel)):
        many = count(x.shape[i], k, s, d)
        rest = (slice(None),) * (-1 - i)
        parts = [x[(..., slice(j * d, j * d + s * (many - 1) + 1, s), *rest)] for j in range(k)]
        x = function(parts[0], parts[1]) if k > 1 else parts[0]
        for part in parts[2:]:
            function(x, part, out=x)
    return x


def spread(g: Any, sizes: Sizes, kernel: Sizes, stride: Sizes) -> Any:
    """Each element of g added at all places of its window in zeros of `sizes`: the adjoint of adding windows up."""
    for i, (n, k, s) in enumerate(zip(sizes, kernel, stride, strict=True), -len(kernel)):
        result = np.zeros((*g.shape[:i], n, *(g.shape[i + 1 :] if i < -1 else ())), g.dtype)
        for j in range(k):
            result[(..., slice(j, j + s * (g.shape[i] - 1) + 1, s), *(slice(None),) * (-1 - i))] += g
        g = result
    return g


def windows(x: Any, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Any:
    """A view of x of shape (*leading, *kernel, *counts): all windows, first by the place inside them."""
    rank = len(kernel)
    lead, sizes = x.shape[: x.ndim - rank], x.shape[x.ndim - rank :]
    steps = x.strides[len(lead) :]
    inside = tuple([n * d for n, d in zip(steps, dilation, strict=True)])
    across = tuple([n * s for n, s in zip(steps, stride, strict=True)])
    shape = (*lead, *kernel, *counts(sizes, kernel, stride, dilation))
    return as_strided(x, shape, (*x.strides[: len(lead)], *inside, *across), writeable=False)


def places(kernel: Sizes, stride: Sizes, dilation: Sizes, out: Sizes) -> Iterator[tuple[Sizes, tuple[Any, ...]]]:
    """Each place inside a window, and the index of the elements that all windows have there."""
    for place in itertools.product(*map(range, kernel)):
        yield place, (..., *(slice(k * d, k * d + s * (n - 1) + 1, s)
                             for k, s, d, n in zip(place, stride, dilation, out, strict=True)))


def overlap_add(result: Any, parts: Any, kernel: Sizes, stride: Sizes, dilation: Sizes) -> None:
    """Add windows of shape (*leading, *kernel, *counts) to where they were taken from."""
    rank = len(kernel)
    for place, where in places(kernel, stride, dilation, parts.shape[parts.ndim - rank :]):
        result[where] += parts[(..., *place, *(slice(None),) * rank)]


def cropped(x: Any, padding: Sizes) -> Any:
    """x without what padding has added on both sides."""
    if not any(padding):
        return x
    sizes = x.shape[x.ndim - len(padding) :]
    return np.ascontiguousarray(x[(..., *(slice(p, n - p) for p, n in zip(padding, sizes, strict=True)))])


def chunks(images: int, bytes_each: int, bytes_weight: int) -> Iterator[slice]:
    """Slices of images whose windows are copied together: few, but as many as it takes to outweigh the weight."""
    size = max(1, max(CACHED, bytes_weight) // max(bytes_each, 1))
    return (slice(i, min(i + size, images)) for i in range(0, images, size))


def _images_last(x: Any, padding: Sizes) -> Any:
    """Images (images, channels, *sizes) with zeros around them, in memory that has the images last.

    Windows are then copied and added in longer pieces, which is several times quicker for small images.
    """
    sizes = tuple([n + 2 * p for n, p in zip(x.shape[2:], padding, strict=True)])
    result = np.moveaxis(np.zeros((x.shape[1], *sizes, len(x)), x.dtype), -1, 0)
    result[(..., *(slice(p, p + n) for n, p in zip(x.shape[2:], padding, strict=True)))] = x
    return result


def _columns(x: Any, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int,
             out: Sizes | None = None) -> Any:
    """The windows of images as matrices (groups, channels·kernel, counts·images); of the first `out` of them only."""
    x = _images_last(x, padding) if len(x) > 1 or any(padding) else x
    view = windows(x, kernel, stride, dilation)
    if out is not None:
        view = view[(..., *map(slice, out))]
    return np.moveaxis(view, 0, -1).reshape(groups, x.shape[1] // groups * math.prod(kernel), -1)


def _by_channel(x: Any, groups: int) -> Any:
    """Images (images, channels, *sizes) as matrices (groups, channels, sizes·images)."""
    return np.moveaxis(x, 0, -1).reshape(groups, x.shape[1] // groups, -1)


def _product(x: Any, y: Any) -> Any:
    """The matrix products of all groups. One is np.dot's, which is quicker, in one pass also for integers."""
    return np.dot(x[0], y[0])[None] if len(x) == 1 else np.matmul(x, y)


def correlate(x: Any, weight: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int) -> Any:
    """The products of weights (results, channels / groups, *kernel) with windows of x (images, channels, *sizes)."""
    kernel, (results, channels) = weight.shape[2:], weight.shape[:2]
    out = counts([n + 2 * p for n, p in zip(x.shape[2:], padding, strict=True)], kernel, stride, dilation)
    result = np.empty((len(x), results, *out), np.result_type(x, weight))
    if channels == 1 and groups > 1:
        return _depthwise(windows(padded(x, symmetric(padding)), kernel, stride, dilation), weight, result)
    matrices = weight.reshape(groups, results // groups, -1)
    for part in chunks(len(x), math.prod((x.shape[1], *kernel, *out)) * x.itemsize, weight.nbytes):
        product = _product(matrices, _columns(x[part], kernel, stride, padding, dilation, groups))
        result[part] = np.moveaxis(product.reshape(results, *out, -1), -1, 0)
    return result


def _depthwise(view: Any, weight: Any, result: Any) -> Any:
    """One channel per group: as many multiplications and additions of whole images as a window has places."""
    images, channels, *rest = view.shape
    rank = len(rest) // 2
    target = result.reshape(images, channels, -1, *rest[rank:])
    factors = weight.reshape(channels, -1, *weight.shape[2:])
    target[:] = 0
    for place in itertools.product(*map(range, rest[:rank])):
        factor = factors[(..., *place)].reshape(channels, -1, *(1,) * rank)
        target += view[(slice(None), slice(None), None, *place)] * factor
    return result


def correlate_weight(x: Any, g: Any, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes,
                     groups: int) -> Any:
    """The cotangent of the weight of `correlate`, of which g is that of the result."""
    out, shape = g.shape[2:], (g.shape[1], x.shape[1] // groups, *kernel)
    total: Any = None
    for part in chunks(len(x), math.prod((x.shape[1], *kernel, *out)) * x.itemsize, math.prod(shape) * x.itemsize):
        columns = _columns(x[part], kernel, stride, padding, dilation, groups, out)
        product = _product(_by_channel(g[part], groups), columns.swapaxes(1, 2))
        total = product if total is None else np.add(total, product, out=total)
    return np.zeros(shape, x.dtype) if total is None else total.reshape(shape)


def correlate_input(g: Any, weight: Any, sizes: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes,
                    groups: int) -> Any:
    """The cotangent of the images of `correlate`, of `sizes`, of which g is that of the result.

    It is also what PyTorch calls a transposed convolution, of g.
    """
    kernel, out = weight.shape[2:], g.shape[2:]
    channels = weight.shape[1] * groups
    if max(stride) == 1 and max(kernel) > 1 and weight.nbytes < CACHED and all(
            m == n + 2 * p - d * (k - 1) for m, n, p, k, d in zip(out, sizes, padding, kernel, dilation, strict=True)):
        around = tuple([d * (k - 1) - p for d, k, p in zip(dilation, kernel, padding, strict=True)])
        if min(around) >= 0:  # quicker as a correlation, if it is cheap to turn the weights around
            return correlate(g, _reversed(weight, groups), stride, around, dilation, groups)
    whole = tuple([n + 2 * p for n, p in zip(sizes, padding, strict=True)])
    result = np.empty((len(g), channels, *sizes), np.result_type(g, weight))
    matrices = weight.reshape(groups, len(weight) // groups, -1).swapaxes(1, 2)
    for part in chunks(len(g), math.prod((channels, *kernel, *out)) * g.itemsize, weight.nbytes):
        parts = _product(matrices, _by_channel(g[part], groups)).reshape(channels, *kernel, *out, -1)
        images = np.moveaxis(np.zeros((channels, *whole, parts.shape[-1]), result.dtype), -1, 0)
        overlap_add(images, np.moveaxis(parts, -1, 0), kernel, stride, dilation)
        result[part] = images[(..., *(slice(p, p + n) for n, p in zip(sizes, padding, strict=True)))]
    return result


def _reversed(weight: Any, groups: int) -> Any:
    """The weights of the correlation that is the adjoint of one with `weight`, for windows that touch."""
    rank = weight.ndim - 2
    apart = weight.reshape(groups, -1, *weight.shape[1:]).swapaxes(1, 2)
    return np.flip(apart, range(3, 3 + rank)).reshape(groups * weight.shape[1], -1, *weight.shape[2:])


def spread_shape(sizes: Shape, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes,
                 more: Sizes | None = None) -> Sizes:
    """The sizes of a transposed convolution's result, with `more` at the ends."""
    more = more or (0,) * len(sizes)
    return tuple([(n - 1) * s - 2 * p + d * (k - 1) + 1 + m
                  for n, k, s, p, d, m in zip(sizes, kernel, stride, padding, dilation, more, strict=True)])


def in_memory(x: Any) -> Any:
    """The array x itself. One that only stands for a piece of source is refused: then the source calls the kernel."""
    return x if x.size is not None else None
