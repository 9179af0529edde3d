"""Adafactor: a matrix's second moments by their rows and columns."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from gradc import dtypes
from gradc.optim.formula import FormulaOptimizer, counter
from gradc.optim.optimizer import OptimizerError
from gradc.tensor import Tensor, wrap


class Settings(NamedTuple):
    """What a step reads of a group."""

    lr: Any
    beta2_decay: float
    eps: tuple[float | None, float]
    d: float
    weight_decay: float
    maximize: bool


class Adafactor(FormulaOptimizer):
    """Steps in proportion to the parameter, scaled by a rank-one estimate of the squared gradient's mean.

    As torch.optim.Adafactor. What is kept of a matrix are the means of its rows and of its columns. `foreach` chooses
    among PyTorch's implementations and changes nothing here.

    Source  Shazeer and Stern 2018, "Adafactor: adaptive learning rates with sublinear memory cost", algorithm 4, with
            the step size of torch.optim.Adafactor
    """

    Settings = Settings
    blocks = False

    def __init__(self, params: Any, lr: Any = 1e-2, beta2_decay: float = -0.8,
                 eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0, weight_decay: float = 0.0, *,
                 foreach: bool | None = None, maximize: bool = False) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise OptimizerError("Tensor lr must be 1-element")
        for fits, what, value in (
                (lr >= 0, "Learning rate should be >= 0", lr),
                (beta2_decay <= 0, "beta2_decay should be <= 0", beta2_decay),
                (eps[0] is None or eps[0] >= 0, "epsilon1 should be >= 0", eps[0]),
                (eps[1] >= 0, "epsilon2 should be >= 0", eps[1]),
                (d >= 1, "Clipping threshold d should be >= 1", d),
                (weight_decay >= 0, "weight_decay should be >= 0", weight_decay)):
            if not fits:
                raise OptimizerError(f"{what} but is: {value}")
        super().__init__(params, {"lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d,
                                  "weight_decay": weight_decay, "foreach": foreach, "maximize": maximize})

    def moments(self, settings: Settings) -> tuple[str, ...]:
        """None that all parameters have."""
        return ()

    def begin(self, p: Tensor, group: dict[str, Any], moments: tuple[str, ...]) -> tuple[list[Tensor], list[Tensor]]:
        return super().begin(p, group, ("row_var", "col_var") if p.ndim > 1 else ("variance",))

    def first(self, name: str, p: Tensor, group: dict[str, Any]) -> Tensor:
        if name == "step":
            return counter(0.0)
        shape = list(p.shape)
        if name != "variance":
            shape[-1 if name == "row_var" else -2] = 1
        return wrap(np.zeros(shape, p.dtype.numpy))

    def coefficients(self, xp: Any, settings: Settings, now: Any, before: Any) -> tuple[Any, ...]:
        """The share of the new in the means, the rate per size of the parameter, and the share that decay leaves."""
        (step,) = now
        rate = -xp.maximum(-1 / xp.sqrt(step), -settings.lr)
        return step**settings.beta2_decay, rate, 1 - settings.lr * settings.weight_decay

    def _changed_by(self, settings: Settings) -> Any:
        return self.update  # which decays the parameter itself, after it has seen its size

    def update(self, xp: Any, coefficients: Any, settings: Settings, p: Any, g: Any, *state: Any) -> None:
        """u = g / √(row · column / mean(row)); p = p - rate · max(eps₂, rms(p)) · u / max(1, rms(u) / d)."""
        share, rate, kept = coefficients
        least, smallest = settings.eps
        least = dtypes.finfo(dtypes.of(p.dtype)).eps if least is None else least
        size = math.prod(p.shape)
        rate = rate * xp.maximum(xp.sqrt((p * p).sum() / size), smallest)
        if settings.weight_decay:
            p *= kept
        g = -g if settings.maximize else g
        square = g * g
        if len(state) == 1:
            (estimate,) = state
            estimate += (square - estimate) * share
        else:
            row, column = state
            row += (square.mean(-1)[..., None] - row) * share
            column += (square.mean(-2)[..., None, :] - column) * share
            estimate = row @ column / xp.maximum(row.mean(-2)[..., None, :], least)
        change = g / xp.sqrt(xp.maximum(estimate, least * least))
        p -= change * (rate / xp.maximum(xp.sqrt((change * change).sum() / size) / settings.d, 1.0))
