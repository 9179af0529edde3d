"""Window functions of signal processing, and other sequences of numbers."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.dtypes import dtype
from gradc.errors import ArgumentError, CallError
from gradc.locations import here, quote
from gradc.ops.conversion import known
from gradc.ops.creation import arange, as_leaf, as_tensor, empty, full, linspace
from gradc.tensor import Tensor

__all__ = [
    "bartlett_window", "blackman_window", "empty_permuted", "empty_strided", "hamming_window", "hann_window",
    "kaiser_window", "logspace", "range", "scalar_tensor",
]


def _window(size: int, periodic: bool, kind: dtype | None, device: Any, requires_grad: bool,
            shape: Callable[[Any], Any]) -> Tensor:
    """`shape` of `size` places from -1 to 1; a periodic window leaves out the last place of one that is longer."""
    kind = dtypes.chosen(kind, dtypes.get_default_dtype())
    if size < 0 or not kind.is_floating_point:
        raise CallError(f"a window has a length that is not negative and a floating dtype, got {size} and {kind!r}")
    if size < 2:
        return as_leaf(full((size,), 1.0, dtype=kind), requires_grad, device)
    places = np.linspace(-1, 1, size + periodic)[:size]
    return as_leaf(known(shape(places).astype(kind.numpy)), requires_grad, device)


def hann_window(window_length: int, periodic: bool = True, *, dtype: dtype | None = None, device: Any = None,
                requires_grad: bool = False, layout: Any = None) -> Tensor:
    """One period of a raised cosine, as torch.hann_window."""
    return hamming_window(window_length, periodic, 0.5, 0.5, dtype=dtype, device=device, requires_grad=requires_grad)


def hamming_window(window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *,
                   dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
                   layout: Any = None) -> Tensor:
    """alpha + beta · cos(π t) for t from -1 to 1, as torch.hamming_window."""
    return _window(window_length, periodic, dtype, device, requires_grad,
                   lambda t: alpha + beta * np.cos(math.pi * t))


def blackman_window(window_length: int, periodic: bool = True, *, dtype: dtype | None = None, device: Any = None,
                    requires_grad: bool = False, layout: Any = None) -> Tensor:
    """0.42 + 0.5 · cos(π t) + 0.08 · cos(2 π t) for t from -1 to 1, as torch.blackman_window."""
    return _window(window_length, periodic, dtype, device, requires_grad,
                   lambda t: 0.42 + 0.5 * np.cos(math.pi * t) + 0.08 * np.cos(2 * math.pi * t))


def bartlett_window(window_length: int, periodic: bool = True, *, dtype: dtype | None = None, device: Any = None,
                    requires_grad: bool = False, layout: Any = None) -> Tensor:
    """1 - |t| for t from -1 to 1, as torch.bartlett_window."""
    return _window(window_length, periodic, dtype, device, requires_grad, lambda t: 1 - np.abs(t))


def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: dtype | None = None,
                  device: Any = None, requires_grad: bool = False, layout: Any = None) -> Tensor:
    """I₀(beta·√(1 - t²)) / I₀(beta) for t from -1 to 1, as torch.kaiser_window."""
    return _window(window_length, periodic, dtype, device, requires_grad,
                   lambda t: np.i0(beta * np.sqrt(np.maximum(1 - t * t, 0))) / np.i0(beta))


def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: dtype | None = None, device: Any = None,
             requires_grad: bool = False, out: Any = None, layout: Any = None) -> Tensor:
    """`steps` powers of `base`, with exponents evenly spaced from start to end, as torch.logspace."""
    kind = dtypes.chosen(dtype, dtypes.get_default_dtype())
    if kind.category == dtypes.INT:
        start, end = int(start), int(end)
    exponents = linspace(start, end, steps, dtype=dtypes.float64)
    return as_leaf((base ** exponents).to(kind), requires_grad, device, out)


def range(start: Any, end: Any = None, step: Any = 1, *, dtype: dtype | None = None, device: Any = None,
          requires_grad: bool = False, out: Any = None, layout: Any = None) -> Tensor:
    """start, start + step, … up to and including end, as torch.range."""
    if end is None:
        start, end = 0, start
    if step == 0 or (end - start) * step < 0:
        raise ArgumentError(f"upper bound and lower bound inconsistent with step sign: {start}, {end}, {step}")
    kind = dtypes.chosen(dtype, dtypes.get_default_dtype())
    count = math.floor((end - start) / step) + 1
    return as_leaf((start + arange(count, dtype=dtypes.float64) * step).to(kind), requires_grad, device, out)


def scalar_tensor(s: Any, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
                  layout: Any = None) -> Tensor:
    """A number as a tensor without dimensions, of the default dtype, as torch.scalar_tensor."""
    return as_leaf(as_tensor(s, dtype=dtypes.chosen(dtype, dtypes.get_default_dtype())), requires_grad, device)


def empty_permuted(size: Sequence[int], physical_layout: Sequence[int], *, dtype: dtype | None = None,
                   device: Any = None, requires_grad: bool = False, layout: Any = None,
                   pin_memory: bool = False) -> Tensor:
    """Memory that is not initialised, with its dimensions in memory in another order, as torch.empty_permuted."""
    if sorted(physical_layout) != list(builtins.range(len(size))):
        raise CallError(f"empty_permuted: physical_layout {list(physical_layout)} is not a permutation of "
                        f"the dimensions of {list(size)}{quote(here())}")
    order = [list(physical_layout).index(d) for d in builtins.range(len(size))]
    found: Any = empty([size[d] for d in physical_layout], dtype=dtype, device=device)
    return as_leaf(found.permute(order).detach(), requires_grad)


def empty_strided(size: Sequence[int], stride: Sequence[int], *, dtype: dtype | None = None, device: Any = None,
                  requires_grad: bool = False, layout: Any = None) -> Tensor:
    """Memory that is not initialised, seen by the given strides, as torch.empty_strided."""
    count = 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if 0 not in size else 0
    memory: Any = empty(count, dtype=dtype, device=device)
    return as_leaf(memory.as_strided(size, stride).detach(), requires_grad)


def _new_empty_strided(self: Tensor, size: Sequence[int], stride: Sequence[int], *, dtype: dtype | None = None,
                       device: Any = None, requires_grad: bool = False, layout: Any = None) -> Tensor:
    """empty_strided, in the type of this tensor unless another is given."""
    return empty_strided(size, stride, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


Tensor.new_empty_strided = _new_empty_strided  # type: ignore[attr-defined]
