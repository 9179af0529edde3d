"""Muon: steps of matrices that are nearly orthogonal."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from gradc import dtypes
from gradc.optim.formula import FormulaOptimizer
from gradc.optim.optimizer import OptimizerError
from gradc.tensor import Tensor

ADJUSTMENTS = (None, "original", "match_rms_adamw")


class Settings(NamedTuple):
    """What a step reads of a group."""

    lr: Any
    weight_decay: float
    momentum: float
    nesterov: bool
    ns_coefficients: tuple[float, float, float]
    eps: float
    ns_steps: int
    adjust_lr_fn: str | None


class Muon(FormulaOptimizer):
    """Steps of a matrix in the direction of the nearest orthogonal matrix to its momentum, as torch.optim.Muon.

    Source  Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; Newton–Schulz in bfloat16
    """

    Settings = Settings
    counters = ()
    blocks = False

    def __init__(self, params: Any, lr: Any = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95,
                 nesterov: bool = True, ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
                 eps: float = 1e-7, ns_steps: int = 5, adjust_lr_fn: str | None = None) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise OptimizerError("Tensor lr must be 1-element")
        for what, value in (("Learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if not value >= 0:
                raise OptimizerError(f"{what} should be >= 0 but is: {value}")
        if adjust_lr_fn not in ADJUSTMENTS:
            raise OptimizerError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        super().__init__(params, {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn})
        for p in [p for group in self.param_groups for p in group["params"]]:
            if p.ndim != 2:
                raise OptimizerError(f"Muon only supports 2D parameters whereas we found a parameter with size: "
                                     f"{p.size()}")

    def moments(self, settings: Settings) -> tuple[str, ...]:
        return ("momentum_buffer",)

    def advance(self, xp: Any, settings: Settings, *counters: Any) -> tuple[Any, ...]:
        return counters

    def coefficients(self, xp: Any, settings: Settings, now: Any, before: Any) -> tuple[Any, ...]:
        """The rate, momentum, and the share of the parameter that decay leaves."""
        if settings.ns_steps >= 100:
            raise OptimizerError("Number of steps must be less than 100 for computational efficiency")
        if len(settings.ns_coefficients) != 3:
            raise OptimizerError("Coefficients must be a tuple of exactly 3 values")
        return settings.lr, settings.momentum, 1 - settings.lr * settings.weight_decay

    def _changed_by(self, settings: Settings) -> Any:
        return self.update

    def update(self, xp: Any, coefficients: Any, settings: Settings, p: Any, g: Any, *state: Any) -> None:
        """b = b + (1 - momentum)·(g - b); p = (1 - lr·decay)·p - rate·orthogonal(b)."""
        lr, momentum, kept = coefficients
        (buffer,) = state
        buffer += (g - buffer) * (1 - momentum)
        change = _orthogonal(g + (buffer - g) * momentum if settings.nesterov else buffer, settings)
        rows, columns = p.shape
        ratio = 0.2 * math.sqrt(max(rows, columns)) if settings.adjust_lr_fn == "match_rms_adamw" else math.sqrt(
            max(1, rows / columns))
        p *= kept
        p -= (change * (lr * ratio)).astype(p.dtype) if isinstance(p, np.ndarray) else (change * (lr * ratio)).to(
            p.dtype)


def _orthogonal(x: Any, settings: Settings) -> Any:
    """Newton–Schulz iterations from x: its singular vectors, with singular values near 1."""
    a, b, c = settings.ns_coefficients
    tall = x.shape[0] > x.shape[1]
    x = _rounded(x.T if tall else x)
    length = _rounded((x * x).sum() ** 0.5)
    x = _rounded(x / (length + (length < settings.eps) * settings.eps))
    for _ in range(settings.ns_steps):
        gram = _rounded(x @ x.T)
        x = _rounded(a * x + _rounded(b * gram + c * (gram @ gram)) @ x)
    return x.T if tall else x


def _rounded(x: Any) -> Any:
    """x rounded to bfloat16, in single precision: products add up in it."""
    if isinstance(x, Tensor):
        return x.to(dtypes.bfloat16).to(dtypes.float32)  # type: ignore[attr-defined]
    return x.astype(dtypes.bfloat16.numpy).astype(np.float32)
