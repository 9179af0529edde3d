"""Adam that leaves rows alone which no gradient reaches."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from gradc.optim.adam import bias_correction
from gradc.optim.formula import FormulaOptimizer
from gradc.optim.optimizer import OptimizerError, check_betas, check_rate, check_setting


class Settings(NamedTuple):
    """What a step reads of a group."""

    lr: Any
    betas: tuple[float, float]
    eps: float
    maximize: bool


class SparseAdam(FormulaOptimizer):
    """Adam for tables of which a step uses few rows: the others, and their means, stay as they are.

    As torch.optim.SparseAdam. Gradients are dense here, also that of an Embedding with `sparse`: a row is one that a
    step does not use if its gradient is zero.

    Source  Kingma and Ba 2015
    """

    Settings = Settings
    blocks = False

    def __init__(self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 maximize: bool = False) -> None:
        check_rate(lr)
        check_setting("learning rate", lr, bool(lr > 0))
        check_setting("epsilon value", eps, eps > 0)
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        found = [[i, j] for i, group in enumerate(self.param_groups) for j, p in enumerate(group["params"])
                 if p.is_complex()]
        if found:
            raise OptimizerError(f"Complex params at indices {found}: SparseAdam does not support complex parameters")

    def moments(self, settings: Settings) -> tuple[str, ...]:
        return "exp_avg", "exp_avg_sq"

    def coefficients(self, xp: Any, settings: Settings, now: Any, before: Any) -> tuple[Any, ...]:
        """The shares of the new in both means, and the rate."""
        beta1, beta2 = settings.betas
        missing1, missing2 = [bias_correction(xp, beta, now[0]) for beta in (beta1, beta2)]
        return 1 - beta1, 1 - beta2, settings.lr * xp.sqrt(missing2) / missing1

    def update(self, xp: Any, coefficients: Any, settings: Settings, p: Any, g: Any, *state: Any) -> None:
        """m = m + (1 - beta1)·(g - m); v = v + (1 - beta2)·(g² - v); p = p - rate·m / (√v + eps), where g is not 0."""
        mean, square = state
        new1, new2, rate = coefficients
        used = g != 0
        if len(p.shape) > 1:
            used = used.reshape((p.shape[0], math.prod(p.shape[1:]))).sum(1) > 0
            used = used.reshape((-1,) + (1,) * (len(p.shape) - 1))
        mean += xp.where(used, (g - mean) * new1, 0.0)
        square += xp.where(used, (g * g - square) * new2, 0.0)
        p -= xp.where(used, mean / (xp.sqrt(square) + settings.eps) * rate, 0.0)
