"""Windows of signal processing, as torch.signal.windows: numbers computed once, in double precision."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.dtypes import dtype
from gradc.locations import here, quote
from gradc.ops.conversion import known
from gradc.ops.creation import as_leaf
from gradc.tensor import Tensor

__all__ = ["bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming",
           "hann", "kaiser", "nuttall"]


def _window(name: str, M: int, shape: Callable[[Any], Any], dtype: dtype | None = None,  # noqa: N803 (PyTorch's name)
            layout: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """`shape` of the places 0 … M - 1, as a tensor."""
    kind = dtypes.chosen(dtype, dtypes.get_default_dtype())
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}{quote(here())}")
    if layout is not None and str(layout) != "torch.strided":
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}{quote(here())}")
    if kind not in (dtypes.float32, dtypes.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {kind}{quote(here())}")
    return as_leaf(known(shape(np.arange(M)).astype(kind.numpy)), requires_grad, device)


def _period(M: int, sym: bool) -> int:  # noqa: N803
    """The places between the ends of a symmetric window, or to the start of the next period."""
    return M - 1 if sym or M < 2 else M


def _checked(value: float, least: float, message: str) -> None:
    if value < least or value == least == 0 and "non-negative" not in message:
        raise ValueError(message + quote(here()))


def exponential(M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True,  # noqa: N803
                **options: Any) -> Tensor:
    """exp(-|n - center| / tau), the center by default in the middle."""
    _checked(tau, 0, f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError(f"Center must be None for symmetric windows{quote(here())}")
    middle = _period(M, sym) / 2 if center is None else center
    return _window("exponential", M, lambda n: np.exp(-np.abs(n - middle) / tau), **options)


def cosine(M: int, *, sym: bool = True, **options: Any) -> Tensor:  # noqa: N803
    """sin(π (n + ½) / M)."""
    return _window("cosine", M, lambda n: np.sin(math.pi * (n + 0.5) / (_period(M, sym) + 1)), **options)


def gaussian(M: int, *, std: float = 1.0, sym: bool = True, **options: Any) -> Tensor:  # noqa: N803
    """exp(-½ ((n - middle) / std)²)."""
    _checked(std, 0, f"Standard deviation must be positive, got: {std} instead.")
    return _window("gaussian", M, lambda n: np.exp(-0.5 * ((n - _period(M, sym) / 2) / std) ** 2), **options)


def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, **options: Any) -> Tensor:  # noqa: N803
    """I₀(β √(1 - t²)) / I₀(β) with t from -1 to 1."""
    _checked(beta, 0, f"beta must be non-negative, got: {beta} instead.")
    def shape(n: Any) -> Any:
        t = _centred(n, M, sym)
        return np.i0(beta * np.sqrt(np.maximum(1 - t * t, 0))) / np.i0(beta)

    return _window("kaiser", M, shape, **options)


def bartlett(M: int, *, sym: bool = True, **options: Any) -> Tensor:  # noqa: N803
    """A triangle from 0 to 1 and back."""
    return _window("bartlett", M, lambda n: 1 - np.abs(_centred(n, M, sym)), **options)


def _centred(n: Any, M: int, sym: bool) -> Any:  # noqa: N803
    """The places from -1 to 1; the only one is 0."""
    return 2 * n / _period(M, sym) - 1 if M > 1 else n * 0.0


def general_cosine(M: int, *, a: Iterable[float], sym: bool = True, **options: Any) -> Tensor:  # noqa: N803
    """Σ (-1)ᵏ aₖ cos(2π k n / (M - 1))."""
    if not isinstance(a, Iterable):
        raise TypeError(f"Coefficients must be a list/tuple{quote(here())}")
    weights = list(a)
    if not weights:
        raise ValueError(f"Coefficients cannot be empty{quote(here())}")
    def shape(n: Any) -> Any:
        turn = 2 * math.pi * n / max(_period(M, sym), 1)
        waves = [(-1) ** k * weight * np.cos(k * turn) for k, weight in enumerate(weights)]
        return sum(waves) if M != 1 else np.ones(1)

    return _window("general_cosine", M, shape, **options)


def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, **options: Any) -> Tensor:  # noqa: N803
    """α - (1 - α) cos(2π n / (M - 1))."""
    return general_cosine(M, a=[alpha, 1.0 - alpha], sym=sym, **options)


def hamming(M: int, *, sym: bool = True, **options: Any) -> Tensor:  # noqa: N803
    """general_hamming with α = 0.54."""
    return general_hamming(M, sym=sym, **options)


def hann(M: int, *, sym: bool = True, **options: Any) -> Tensor:  # noqa: N803
    """general_hamming with α = ½: a sine squared."""
    return general_hamming(M, alpha=0.5, sym=sym, **options)


def blackman(M: int, *, sym: bool = True, **options: Any) -> Tensor:  # noqa: N803
    """general_cosine with 0.42, 0.5 and 0.08."""
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, **options)


def nuttall(M: int, *, sym: bool = True, **options: Any) -> Tensor:  # noqa: N803
    """general_cosine with Nuttall's four terms.

    Source  Nuttall 1981, "Some windows with very good sidelobe behavior"
    """
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, **options)
