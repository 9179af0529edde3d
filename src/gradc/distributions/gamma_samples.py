"""Samples of the gamma and Dirichlet distributions: the numbers that PyTorch draws on a CPU.

Source: ATen/native/Distributions.h, the method of Marsaglia and Tsang (2000). Its constants are single precision.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.ops.drawing import default_generator
from gradc.tensor import Tensor, host_array, wrap

__all__ = ["dirichlet_samples", "gamma_samples"]

THIRD, SQUEEZE = np.float32(1) / np.float32(3), float(np.float32(0.0331))


def _uniform() -> float:
    return float(default_generator.rand((1,), dtypes.float64)[0])


def _normal() -> float:
    return float(default_generator.randn((1,), dtypes.float64)[0])


def _one(alpha: Any) -> float:
    """One sample, computed in double precision; alpha is a NumPy number, and is rounded to its own type."""
    kind, scale = type(alpha), 1.0
    if alpha < 1:
        if alpha == 0:
            return 0.0
        scale = math.pow(1 - _uniform(), float(kind(1) / alpha))
        alpha = alpha + kind(1)
    d = float(alpha - kind(THIRD))
    c = 1 / math.sqrt(9 * d)
    while True:
        y = 0.0
        while y <= 0:
            x = _normal()
            y = 1 + c * x
        v, u, square = y**3, 1 - _uniform(), x * x
        if u < 1 - SQUEEZE * square * square or math.log(u) < 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v


def gamma_samples(concentration: Tensor) -> Tensor:
    """Samples of the gamma distributions of rate 1 and these concentrations.

    Raises TraceError in a compiled function: how many random numbers they take depends on the values.
    """
    array = host_array(concentration, "Gamma.sample()")
    drawn = np.array([_one(alpha) for alpha in array.reshape(-1)], np.float64).astype(array.dtype)
    return wrap(np.maximum(drawn, np.finfo(array.dtype).tiny).reshape(array.shape))


def dirichlet_samples(concentration: Tensor) -> Tensor:
    """Samples of the Dirichlet distributions of these concentrations along the last dimension.

    Raises TraceError in a compiled function.
    """
    array = host_array(concentration, "Dirichlet.sample()")
    drawn = np.array([_one(np.float64(alpha)) for alpha in array.reshape(-1)]).reshape(array.shape)
    shares = (drawn / drawn.sum(-1, keepdims=True)).astype(array.dtype)
    return wrap(np.maximum(shares, np.finfo(array.dtype).tiny))
