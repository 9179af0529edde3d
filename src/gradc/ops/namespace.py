"""NumPy as the array namespace of kernels, with quick forms of the functions that NumPy spends Python code on.

`np.sum(x)` takes 2 µs on a small array and `np.add.reduce(x)`, which it calls, 0.8; `np.reshape(x, shape)` takes
1.4 µs and `x.reshape(shape)` 0.25. Each form here is NumPy's function for arrays and NumPy scalars, without the
dispatch on other classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Axes = int | Sequence[int] | None


class NumpyNamespace:
    """NumPy as the `xp` of kernels, with scipy.special as `xp.special`, imported when first needed."""

    def __init__(self) -> None:
        for form in (matmul, mean, var, std, reshape, transpose, swapaxes, squeeze, expand_dims, astype, where):
            setattr(self, form.__name__, form)
        self.sum = np.add.reduce
        self.max = np.maximum.reduce
        self.min = np.minimum.reduce

    def __getattr__(self, name: str) -> Any:
        if name == "special":
            import scipy.special as found
        else:
            found = getattr(np, name)
        setattr(self, name, found)
        return found


def matmul(x: Any, y: Any) -> Any:
    """np.matmul; products with one matrix on the right by np.dot, which is quicker."""
    if y.ndim != 2 or x.ndim < 2 or not x.size:
        return np.matmul(x, y)
    if x.ndim == 2:
        return np.dot(x, y)
    return np.dot(x.reshape(-1, x.shape[-1]), y).reshape(*x.shape[:-1], y.shape[1])  # one product, not one per example


def mean(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """np.mean."""
    total = np.add.reduce(x, axis=axis, keepdims=keepdims)
    if x.dtype.char not in "fdFD" or not total.size:  # half precision sums in float32
        return np.mean(x, axis=axis, keepdims=keepdims)
    return total / (x.size // total.size)


def var(x: Any, axis: Axes = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """np.var."""
    if x.dtype.char not in "fd":
        return np.var(x, axis=axis, ddof=ddof, keepdims=keepdims)
    deviation = x - mean(x, axis, True)
    total = np.add.reduce(deviation * deviation, axis=axis, keepdims=keepdims)
    count = x.size // total.size if total.size else 0
    return np.true_divide(total, max(count - ddof, 0))


def std(x: Any, axis: Axes = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """np.std."""
    return np.sqrt(var(x, axis, ddof, keepdims))


def reshape(x: Any, shape: Sequence[int]) -> Any:
    """np.reshape."""
    return x.reshape(shape)


def transpose(x: Any, axes: Axes = None) -> Any:
    """np.transpose."""
    return x.transpose(axes)


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """np.swapaxes."""
    return x.swapaxes(axis1, axis2)


def squeeze(x: Any, axis: Axes = None) -> Any:
    """np.squeeze."""
    return x.squeeze(axis)


def expand_dims(x: Any, axis: int) -> Any:
    """np.expand_dims for one axis."""
    place = axis if axis >= 0 else axis + x.ndim + 1
    return x.reshape((*x.shape[:place], 1, *x.shape[place:]))


def astype(x: Any, dtype: Any) -> Any:
    """np.astype."""
    return x.astype(dtype)


BRANCHES = 1 << 11
"""Elements from which on np.where waits longer for its branches than other functions for their calls."""


def where(test: Any, x: Any, y: Any) -> Any:
    """np.where. It branches at every element, and takes 5 ns for each where the processor cannot guess the conditions.

    So on large arrays the bits are chosen by a mask: y ^ ((x ^ y) & mask), or x & mask where y is 0.
    """
    if test.__class__ is not np.ndarray or test.size < BRANCHES or test.dtype.char != "?" \
            or x.__class__ is not np.ndarray or y.__class__ is not np.ndarray \
            or x.dtype is not y.dtype or x.dtype.char not in "fdilq":
        return np.where(test, x, y)
    bits = np.int32 if x.itemsize == 4 else np.int64
    mask, a, b = np.negative(test.view(np.int8)), x.view(bits), y.view(bits)
    if not b.ndim and not b:
        return np.bitwise_and(a, mask).view(x.dtype)
    if not a.ndim and not a:
        return np.bitwise_and(b, ~mask).view(x.dtype)
    chosen = np.bitwise_and(a ^ b, mask)
    return np.bitwise_xor(chosen, b, out=chosen).view(x.dtype)


class Special:
    """scipy.special for generated functions, imported when a kernel first asks for it."""

    def __getattr__(self, name: str) -> Any:
        import scipy.special
        found = getattr(scipy.special, name)
        setattr(self, name, found)
        return found
