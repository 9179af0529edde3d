"""Windows as columns of a matrix, and back; channels as pixels, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.errors import CallError, ShapeError
from gradc.ir import Type
from gradc.ops.base import Op
from gradc.ops.batching import Examples, alike
from gradc.ops.define import op
from gradc.ops.windows import (
    Sizes,
    counts,
    cropped,
    in_memory,
    overlap_add,
    padded,
    places,
    symmetric,
    windows,
)

__all__ = ["channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]


def _whole(sizes: Sizes, padding: Sizes) -> Sizes:
    return tuple([n + 2 * p for n, p in zip(sizes, padding, strict=True)])


def _columns(xp: Any, x: Any, *, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Any:
    view = windows(padded(in_memory(x), symmetric(padding)), kernel, stride, dilation)
    columns = view.reshape(x.shape[0], x.shape[1] * math.prod(kernel), math.prod(view.shape[2 + len(kernel) :]))
    return columns.copy() if np.may_share_memory(columns, x) else columns


def _columns_lowered(xp: Any, x: Any, *, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Any:
    out = counts(_whole(in_memory(x).shape[2:], padding), kernel, stride, dilation)
    whole = xp.pad(x, ((0, 0), (0, 0), *symmetric(padding)))
    parts = xp.stack([whole[where] for _, where in places(kernel, stride, dilation, out)], 2)
    return xp.reshape(parts, (x.shape[0], x.shape[1] * math.prod(kernel), math.prod(out)))


class Folding(Op):
    """An op between images and the windows of images as columns."""

    method = False
    checked = True
    rejects = (dtypes.INT,)
    widens = True

    def batched(self, examples: Examples) -> Any:
        """Examples of images are more images."""
        x = examples.whole(0)
        found = examples.apply(self, (x.reshape(math.prod(x._array.shape[:2]), *x._array.shape[2:]),))
        return found.reshape(*x._array.shape[:2], *found._array.shape[1:])


@op
class unfold_windows(Folding):
    """All windows of images as the columns of a matrix, channel by channel.

    Shape   x: [n, c, *s] -> [n, c · ∏ kernel, number of windows]
    Source  torch.nn.functional.unfold
    """

    kernel = _columns
    lower = _columns_lowered
    grad_x = lambda g, x_type, kernel, stride, padding, dilation: fold_windows(
        g, sizes=x_type.shape[2:], kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    torch_name = "Im2Col"
    samples = [((2, 3, 4, 5), {"kernel": (2, 3), "stride": (1, 2), "padding": (1, 0), "dilation": (2, 1)}),
               ((1, 2, 3, 3), {"kernel": (1, 1), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)})]

    def infer(self, x: Any, *, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Type:
        if min(kernel) < 1 or min(stride) < 1 or min(dilation) < 1 or min(padding) < 0:
            raise CallError(f"kernel_size, stride and dilation should be greater than zero and padding not negative, "
                            f"but got kernel_size={kernel}, stride={stride}, dilation={dilation}, padding={padding}")
        out = counts(_whole(x.shape[2:], padding), kernel, stride, dilation)
        if min(out) < 1:
            raise ShapeError(f"Given input with spatial size {tuple(x.shape[2:])}, kernel_size={kernel}, "
                             f"dilation={dilation}, padding={padding}, calculated shape of the array of sliding "
                             f"blocks as {out}, but its components must be at least one.")
        return Type(x.dtype, (x.shape[0], x.shape[1] * math.prod(kernel), math.prod(out)))


def _images(xp: Any, x: Any, *, sizes: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Any:
    whole = _whole(sizes, padding)
    channels = x.shape[1] // math.prod(kernel)
    parts = in_memory(x).reshape(x.shape[0], channels, *kernel, *counts(whole, kernel, stride, dilation))
    result = np.zeros((*parts.shape[:2], *whole), x.dtype)
    if x.dtype == bool:
        result = result.astype(np.int8)
    overlap_add(result, parts, kernel, stride, dilation)
    return cropped(result, padding).astype(x.dtype, copy=False)


def _images_lowered(xp: Any, x: Any, *, sizes: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes,
                    dilation: Sizes) -> Any:
    whole = _whole(sizes, padding)
    out = counts(whole, kernel, stride, dilation)
    kind = "int8" if in_memory(x).dtype == bool else x.dtype
    parts = xp.reshape(x, (x.shape[0], x.shape[1] // math.prod(kernel), math.prod(kernel), *out)).astype(kind)
    result = xp.zeros((*parts.shape[:2], *whole), kind)
    for i, (_, where) in enumerate(places(kernel, stride, dilation, out)):
        result = result.at[where].add(parts[:, :, i])
    return result[(..., *(slice(p, p + n) for p, n in zip(padding, sizes, strict=True)))].astype(x.dtype)


@op
class fold_windows(Folding):
    """Images of `sizes` that are the sums of windows, which are given as the columns of a matrix.

    Shape   x: [n, c · ∏ kernel, number of windows] -> [n, c, *sizes]
    Source  torch.nn.functional.fold
    """

    kernel = _images
    lower = _images_lowered
    grad_x = lambda g, kernel, stride, padding, dilation: unfold_windows(
        g, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    torch_name = "Col2Im"
    samples = [((2, 12, 4), {"sizes": (4, 5), "kernel": (2, 3), "stride": (2, 2), "padding": (0, 0),
                             "dilation": (1, 1)}),
               ((1, 4, 9), {"sizes": (2, 2), "kernel": (2, 2), "stride": (1, 1), "padding": (1, 1),
                            "dilation": (1, 1)})]

    def infer(self, x: Any, *, sizes: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Type:
        if x.shape[1] % math.prod(kernel):
            raise ShapeError(f"Expected size of input's dimension 1 to be divisible by the product of kernel_size, but "
                             f"got input.size(1)={x.shape[1]} and kernel_size={kernel}.")
        out = counts(_whole(sizes, padding), kernel, stride, dilation)
        if min(out) < 1 or x.shape[2] != math.prod(out):
            raise ShapeError(f"Given output_size={sizes}, kernel_size={kernel}, dilation={dilation}, padding={padding},"
                             f" stride={stride}, expected size of input's dimension 2 to match the calculated number "
                             f"of sliding blocks {' * '.join(map(str, out))} = {math.prod(out)}, but got "
                             f"input.size(2)={x.shape[2]}.")
        return Type(x.dtype, (x.shape[0], x.shape[1] // math.prod(kernel), *sizes))


# Channels and pixels


class Shuffle(Op):
    """A rearrangement of the last three dimensions."""

    factor: str
    """PyTorch's name of the argument."""
    batched = alike
    checked = True
    method = False

    def call(self, x: Any, factor: int | None = None, **named: int) -> Any:
        return super().call(x, factor=int(named.pop(self.factor) if factor is None else factor), **named)


@op
class pixel_shuffle(Shuffle):
    """Images with groups of factor² channels laid out as squares of pixels.

    Shape   x: [*lead, c · r², h, w] -> [*lead, c, h · r, w · r] with r = factor
    Source  torch.nn.functional.pixel_shuffle
    """

    kernel = lambda xp, x, *, factor: _rearranged(
        xp, x, (x.shape[-3] // factor**2, factor, factor, *x.shape[-2:]), (0, 3, 1, 4, 2),
        (x.shape[-3] // factor**2, x.shape[-2] * factor, x.shape[-1] * factor))
    grad_x = lambda g, factor: pixel_unshuffle(g, factor)
    factor = "upscale_factor"
    samples = [((2, 8, 2, 3), {"factor": 2}), ((9, 1, 2), {"factor": 3})]

    def infer(self, x: Any, *, factor: int) -> Type:
        if len(x.shape) < 3:
            raise ShapeError(f"pixel_shuffle expects input to have at least 3 dimensions, but got input with "
                             f"{len(x.shape)} dimension(s)")
        if factor < 1:
            raise CallError(f"pixel_shuffle expects a positive upscale_factor, but got {factor}")
        *lead, c, h, w = x.shape
        if c % factor**2:
            raise ShapeError(f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
                             f"upscale_factor, but input.size(-3)={c} is not divisible by {factor**2}")
        return Type(x.dtype, (*lead, c // factor**2, h * factor, w * factor))


@op
class pixel_unshuffle(Shuffle):
    """Images with squares of factor · factor pixels laid out as channels.

    Shape   x: [*lead, c, h · r, w · r] -> [*lead, c · r², h, w] with r = factor
    Source  torch.nn.functional.pixel_unshuffle
    """

    kernel = lambda xp, x, *, factor: _rearranged(
        xp, x, (x.shape[-3], x.shape[-2] // factor, factor, x.shape[-1] // factor, factor), (0, 2, 4, 1, 3),
        (x.shape[-3] * factor**2, x.shape[-2] // factor, x.shape[-1] // factor))
    grad_x = lambda g, factor: pixel_shuffle(g, factor)
    factor = "downscale_factor"
    samples = [((2, 2, 4, 6), {"factor": 2}), ((1, 3, 6), {"factor": 3})]

    def infer(self, x: Any, *, factor: int) -> Type:
        if len(x.shape) < 3:
            raise ShapeError(f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with "
                             f"{len(x.shape)} dimension(s)")
        if factor < 1:
            raise CallError(f"pixel_unshuffle expects a positive downscale_factor, but got {factor}")
        *lead, c, h, w = x.shape
        for name, n, dim in (("height", h, -2), ("width", w, -1)):
            if n % factor:
                raise ShapeError(f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                                 f"input.size({dim})={n} is not divisible by {factor}")
        return Type(x.dtype, (*lead, c * factor**2, h // factor, w // factor))


def _rearranged(xp: Any, x: Any, apart: Sizes, order: Sizes, shape: Sizes) -> Any:
    """x with its last three dimensions taken apart, put in another order, and made three again; never its memory."""
    lead = tuple(x.shape[:-3])
    order = (*range(len(lead)), *(len(lead) + i for i in order))
    return xp.array(xp.reshape(xp.transpose(xp.reshape(x, (*lead, *apart)), order), (*lead, *shape)), copy=True)


@op
class channel_shuffle(Op):
    """Images whose channels, in `groups`, are dealt out anew: the first of each group, then the second ones, …

    Source  torch.nn.functional.channel_shuffle; Zhang et al. 2017, "ShuffleNet"
    """

    kernel = lambda xp, x, *, groups: xp.array(xp.reshape(xp.swapaxes(xp.reshape(
        x, (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])), 1, 2), tuple(x.shape)), copy=True)
    grad_x = lambda g, x_type, groups: channel_shuffle(g, x_type.shape[1] // groups)
    checked = True
    method = False
    samples = [((2, 6, 3), {"groups": 2}), ((1, 4, 2, 2), {"groups": 4})]

    def infer(self, x: Any, *, groups: int) -> Type:
        if len(x.shape) < 3:
            raise ShapeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(x.shape)}")
        if groups < 1:
            raise CallError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
        if x.shape[1] % groups:
            raise ShapeError(f"Number of channels must be divisible by groups. Got {x.shape[1]} channels and {groups} "
                             f"groups.")
        return Type(x.dtype, tuple(x.shape))

    def batched(self, examples: Examples) -> Any:
        """Examples of images are more images."""
        x = examples.whole(0)
        return examples.apply(self, (x.reshape(-1, *x._array.shape[2:]),)).reshape(x._array.shape)
