"""Adamax: Adam with the largest gradient in place of the mean of squares."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradc.optim.adam import bias_correction
from gradc.optim.formula import FormulaOptimizer
from gradc.optim.optimizer import check_betas, check_rate, check_setting


class Settings(NamedTuple):
    """What a step reads of a group."""

    lr: Any
    betas: tuple[float, float]
    eps: float
    weight_decay: float
    maximize: bool


class Adamax(FormulaOptimizer):
    """Adam whose steps are scaled by the largest recent gradient, as torch.optim.Adamax.

    Source  Kingma and Ba 2015, "Adam: a method for stochastic optimization", section 7.1
    """

    Settings = Settings

    def __init__(self, params: Any, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False,
                 differentiable: bool = False, capturable: bool = False) -> None:
        check_rate(lr)
        check_setting("epsilon value", eps, eps >= 0)
        check_betas(betas)
        check_setting("weight_decay value", weight_decay, weight_decay >= 0)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable})

    def moments(self, settings: Settings) -> tuple[str, ...]:
        return "exp_avg", "exp_inf"

    def coefficients(self, xp: Any, settings: Settings, now: Any, before: Any) -> tuple[Any, ...]:
        """The shares of the new gradient and of the old largest, the constant added, the rate, and weight decay."""
        beta1, beta2 = settings.betas
        return 1 - beta1, beta2, settings.eps, settings.lr / bias_correction(xp, beta1, now[0]), settings.weight_decay

    def update(self, xp: Any, coefficients: Any, settings: Settings, p: Any, g: Any, *state: Any) -> None:
        """m = beta1·m + (1 - beta1)·g; u = max(beta2·u, |g| + eps); p = p - rate·m / u."""
        mean, largest = state
        new1, old2, eps, rate, _ = coefficients
        mean += (g - mean) * new1
        largest *= old2
        xp.maximum(largest, xp.abs(g) + eps, out=largest)
        p -= mean / largest * rate
