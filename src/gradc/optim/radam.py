"""RAdam: Adam that waits for its mean of squares to be worth something."""

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
    decoupled_weight_decay: bool


class RAdam(FormulaOptimizer):
    """Adam whose first steps are those of momentum alone, and later ones rectified, as torch.optim.RAdam.

    Source  Liu et al. 2020, "On the variance of the adaptive learning rate and beyond"
    """

    Settings = Settings

    def __init__(self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
                 maximize: bool = False, capturable: bool = False, differentiable: bool = False) -> None:
        check_rate(lr)
        check_setting("epsilon value", eps, eps >= 0)
        check_betas(betas)
        check_setting("weight_decay value", weight_decay, weight_decay >= 0)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable})

    def moments(self, settings: Settings) -> tuple[str, ...]:
        return "exp_avg", "exp_avg_sq"

    def coefficients(self, xp: Any, settings: Settings, now: Any, before: Any) -> tuple[Any, ...]:
        """The shares of old and new in both means, eps, the rate, whether this step is rectified, and weight decay."""
        lr, (beta1, beta2), (step,) = settings.lr, settings.betas, now
        missing = bias_correction(xp, beta2, step)
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * step * beta2**step / missing
        rectified = length > 5
        known, limit = xp.maximum(length, 5.0), xp.maximum(longest, 5.0)
        factor = xp.sqrt(missing * (known - 4) * (known - 2) * limit / ((limit - 4) * (limit - 2) * known))
        rate = lr / bias_correction(xp, beta1, step) * xp.where(rectified, factor, 1.0)
        decay = 1 - lr * settings.weight_decay if settings.decoupled_weight_decay else settings.weight_decay
        return 1 - beta1, beta2, 1 - beta2, settings.eps, rate, xp.where(rectified, 1.0, 0.0), decay

    def update(self, xp: Any, coefficients: Any, settings: Settings, p: Any, g: Any, *state: Any) -> None:
        """m and v as in Adam; p = p - rate·m, divided by √v + eps if rectified."""
        mean, square = state
        new1, old2, new2, eps, rate, rectified, _ = coefficients
        mean += (g - mean) * new1
        square *= old2
        square += g * g * new2
        p -= mean / xp.where(rectified > 0, xp.sqrt(square) + eps, 1.0) * rate
