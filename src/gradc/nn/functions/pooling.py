"""Pooling under PyTorch's names and signatures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc import dtypes, locations
from gradc.apply import apply
from gradc.errors import CallError, DtypeError, ShapeError
from gradc.ops.adaptive_pooling import adaptive_avg_pool, adaptive_max_pool, largest_positions
from gradc.ops.convolution import sizes as per_dimension
from gradc.ops.pooling import avg_pool, max_pool, max_pool_positions
from gradc.ops.windows import Sizes
from gradc.tensor import Tensor

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d", "adaptive_max_pool3d_with_indices",
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d",
    "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices", "max_pool3d", "max_pool3d_with_indices",
    "max_unpool1d", "max_unpool2d", "max_unpool3d",
]


def check_rank(name: str, x: Tensor, rank: int) -> None:
    """Raise ShapeError unless x has `rank` dimensions behind one or two others, and elements."""
    shape = list(x._array.shape)
    if rank > 1 and len(shape) not in (rank + 1, rank + 2):
        raise ShapeError(f"non-empty {rank + 1}D or {rank + 2}D (batch mode) tensor expected for input, but {name} "
                         f"got: {shape}{locations.quote(locations.here())}")
    if len(shape) not in (rank + 1, rank + 2) or 0 in shape[-rank - 1 :]:
        raise ShapeError(f"{name}: Expected {rank + 1}D or {rank + 2}D (batch mode) tensor with optional 0 dim batch "
                         f"size for input, but got:{shape}{locations.quote(locations.here())}")


def _windows(rank: int, kernel: Any, stride: Any, padding: Any) -> dict[str, Any]:
    kernel = per_dimension(kernel, rank, "kernel_size")
    stride = kernel if stride is None or stride == () else per_dimension(stride, rank, "stride")
    return {"kernel": kernel, "stride": stride, "padding": per_dimension(padding, rank, "padding")}


def _max_pool_function(rank: int, both: bool) -> Callable[..., Any]:
    name = f"max_pool{rank}d"

    def pool(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
             ceil_mode: bool = False, return_indices: bool = both) -> Any:
        check_rank(name, input, rank)
        attrs = {**_windows(rank, kernel_size, stride, padding),
                 "dilation": per_dimension(dilation, rank, "dilation"), "ceil_mode": bool(ceil_mode)}
        found = apply(max_pool, (input,), attrs)
        if not return_indices:
            return found
        return found, apply(max_pool_positions, (input.detach(), found.detach()), attrs)  # type: ignore

    pool.__name__ = pool.__qualname__ = f"{name}_with_indices" if both else name
    pool.__doc__ = (f"The largest element of each window along the last {rank} dimensions, as "
                    f"torch.nn.functional.{name}{'; and its position in these dimensions, flattened' if both else ''}.")
    return pool


def _avg_pool_function(rank: int) -> Callable[..., Tensor]:
    name = f"avg_pool{rank}d"

    def pool(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
             count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor:
        check_rank(name, input, rank)
        if divisor_override == 0:
            raise CallError(f"divisor must be not zero{locations.quote(locations.here())}")
        found: Tensor = apply(avg_pool, (input,), {
            **_windows(rank, kernel_size, stride, padding), "ceil_mode": bool(ceil_mode),
            "count_include_pad": bool(count_include_pad), "divisor_override": divisor_override})
        return found

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = f"The mean of each window along the last {rank} dimensions, as torch.nn.functional.{name}."
    return pool


max_pool1d, max_pool2d, max_pool3d = (_max_pool_function(rank, False) for rank in (1, 2, 3))
max_pool1d_with_indices, max_pool2d_with_indices, max_pool3d_with_indices = (
    _max_pool_function(rank, True) for rank in (1, 2, 3))
avg_pool1d, avg_pool2d, avg_pool3d = map(_avg_pool_function, (1, 2, 3))


def _lp_pool_function(rank: int) -> Callable[..., Tensor]:
    def pool(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
        kernel = per_dimension(kernel_size, rank, "kernel_size")
        means: Any = (avg_pool1d, avg_pool2d, avg_pool3d)[rank - 1](
            input.pow(norm_type), kernel, stride, 0, ceil_mode)  # type: ignore[attr-defined]
        found: Tensor = (means.sign() * means.abs().relu() * math.prod(kernel)).pow(1.0 / norm_type)
        return found

    pool.__name__ = pool.__qualname__ = f"lp_pool{rank}d"
    pool.__doc__ = f"The norm_type-th root of the sum of powers in each window, as torch.nn.functional.lp_pool{rank}d."
    return pool


lp_pool1d, lp_pool2d, lp_pool3d = map(_lp_pool_function, (1, 2, 3))


def _unpool_function(rank: int) -> Callable[..., Tensor]:
    name = f"max_unpool{rank}d"

    def unpool(input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0,
               output_size: Sequence[int] | None = None) -> Tensor:
        check_rank(name, input, rank)
        attrs = _windows(rank, kernel_size, stride, padding)
        if indices.shape != input.shape:
            raise ShapeError(f"Expected shape of indices to be same as that of the input tensor ({list(input.shape)}) "
                             f"but got indices tensor with shape: {list(indices.shape)}"
                             f"{locations.quote(locations.here())}")
        lead, given = input._array.shape[:-rank], input._array.shape[-rank:]
        sizes = tuple([(n - 1) * s - 2 * p + k for n, s, p, k in zip(
            given, attrs["stride"], attrs["padding"], attrs["kernel"], strict=True)])
        if output_size is not None:
            sizes = _unpooled_size(tuple(output_size)[-rank:], sizes, attrs["stride"])
        if indices.dtype is not dtypes.int64:
            raise DtypeError(f"elements in indices should be type int64 but got: {dtypes.TITLES[indices.dtype]}")
        wrong = _outside(indices, math.prod(sizes))
        if wrong is not None:
            raise CallError(f"Found an invalid max index: {wrong} (output volumes are of size "
                            f"{'x'.join(map(str, sizes))}){locations.quote(locations.here())}")
        rows: Any = input.new_zeros((*lead, math.prod(sizes)), dtype=input.dtype)  # type: ignore[attr-defined]
        found: Tensor = rows.scatter(-1, indices.reshape(*lead, -1), input.reshape(*lead, -1))  # type: ignore
        return found.reshape(*lead, *sizes)  # type: ignore[attr-defined, no-any-return]

    unpool.__name__ = unpool.__qualname__ = name
    unpool.__doc__ = (f"Zeros with the elements of `input` at `indices`, where max_pool{rank}d found them, as "
                      f"torch.nn.functional.{name}.")
    return unpool


def _unpooled_size(wanted: Sizes, usual: Sizes, stride: Sizes) -> Sizes:
    if any(not n - s < w < n + s for w, n, s in zip(wanted, usual, stride, strict=True)):
        raise OutputSizeError(f"invalid output_size {wanted!r} (each dimension must be less than a stride away from "
                              f"{usual})")
    return wanted


class OutputSizeError(ShapeError):
    """A size that pooling could not have come from."""


def _outside(indices: Tensor, size: int) -> int | None:
    """The first index that is not below `size`, where it can be known now."""
    array = indices._array
    if not isinstance(array, np.ndarray) or not array.size or 0 <= array.min() <= array.max() < size:
        return None
    return int(array[(array < 0) | (array >= size)][0])


max_unpool1d, max_unpool2d, max_unpool3d = map(_unpool_function, (1, 2, 3))


def _adaptive_size(name: str, input: Tensor, size: Any, rank: int) -> tuple[int, ...]:
    """The size of the result, in which None keeps that of `input`."""
    check_rank(name, input, rank)
    values = tuple(size) if isinstance(size, (tuple, list)) else (size,) * rank
    if len(values) != rank:
        raise CallError(f"{name}(): output_size must have {rank} elements, got {values}"
                        f"{locations.quote(locations.here())}")
    return tuple([n if m is None else int(m) for n, m in zip(input._array.shape[-rank:], values, strict=True)])


def _adaptive_avg_function(rank: int) -> Callable[..., Tensor]:
    name = f"adaptive_avg_pool{rank}d"

    def pool(input: Tensor, output_size: Any) -> Tensor:
        size = _adaptive_size(name, input, output_size, rank)
        if rank > 1 and set(size) == {1}:
            return input.mean(tuple(range(-rank, 0)), keepdim=True)  # type: ignore[attr-defined, no-any-return]
        return apply(adaptive_avg_pool, (input,), {"size": size})  # type: ignore[no-any-return]

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = f"The means of windows that cover the last {rank} dimensions evenly, `output_size` many."
    return pool


def _adaptive_max_function(rank: int, both: bool) -> Callable[..., Any]:
    name = f"adaptive_max_pool{rank}d"

    def pool(input: Tensor, output_size: Any, return_indices: bool = both) -> Any:
        size = _adaptive_size(name, input, output_size, rank)
        found = apply(adaptive_max_pool, (input,), {"size": size})
        return (found, largest_positions(input, size)) if return_indices else found

    pool.__name__ = pool.__qualname__ = f"{name}_with_indices" if both else name
    pool.__doc__ = (f"The largest elements of windows that cover the last {rank} dimensions evenly, `output_size` many"
                    f"{'; and their positions in these dimensions, flattened' if both else ''}.")
    return pool


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = map(_adaptive_avg_function, (1, 2, 3))
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = (
    _adaptive_max_function(rank, False) for rank in (1, 2, 3))
adaptive_max_pool1d_with_indices, adaptive_max_pool2d_with_indices, adaptive_max_pool3d_with_indices = (
    _adaptive_max_function(rank, True) for rank in (1, 2, 3))
