"""NAdam: Adam with Nesterov momentum."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradc.optim.adam import bias_correction
from gradc.optim.formula import FormulaOptimizer, counter
from gradc.optim.optimizer import check_betas, check_rate, check_setting
from gradc.tensor import Tensor


class Settings(NamedTuple):
    """What a step reads of a group."""

    lr: Any
    betas: tuple[float, float]
    eps: float
    weight_decay: float
    momentum_decay: float
    maximize: bool
    decoupled_weight_decay: bool


class NAdam(FormulaOptimizer):
    """Adam that looks one step of momentum ahead, as torch.optim.NAdam.

    Source  Dozat 2016, "Incorporating Nesterov momentum into Adam"
    """

    Settings = Settings
    counters = ("step", "mu_product")

    def __init__(self, params: Any, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
                 foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
                 differentiable: bool = False) -> None:
        check_rate(lr)
        check_setting("epsilon value", eps, eps >= 0)
        check_betas(betas)
        check_setting("weight_decay value", weight_decay, weight_decay >= 0)
        check_setting("momentum_decay value", momentum_decay, momentum_decay >= 0)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize, "foreach": foreach,
            "capturable": capturable, "differentiable": differentiable})

    def moments(self, settings: Settings) -> tuple[str, ...]:
        return "exp_avg", "exp_avg_sq"

    def first(self, name: str, p: Tensor, group: dict[str, Any]) -> Tensor:
        return counter(1.0) if name == "mu_product" else super().first(name, p, group)

    def advance(self, xp: Any, settings: Settings, *counters: Any) -> tuple[Any, ...]:
        """The step, and the product of the momenta of all steps."""
        step, product = counters
        return step + 1, product * _momentum(settings, xp.number(step) + 1)

    def coefficients(self, xp: Any, settings: Settings, now: Any, before: Any) -> tuple[Any, ...]:
        """The shares of old and new in both means, what corrects the second, eps, the rates of the gradient and of the
        first mean, and weight decay.
        """
        lr, (beta1, beta2), (step, product) = settings.lr, settings.betas, now
        this, following = _momentum(settings, step), _momentum(settings, step + 1)
        decay = 1 - lr * settings.weight_decay if settings.decoupled_weight_decay else settings.weight_decay
        return (1 - beta1, beta2, 1 - beta2, bias_correction(xp, beta2, step), settings.eps,
                lr * (1 - this) / (1 - product), lr * following / (1 - product * following), decay)

    def update(self, xp: Any, coefficients: Any, settings: Settings, p: Any, g: Any, *state: Any) -> None:
        """m and v as in Adam; p = p - (rate·g + ahead·m) / (√(v / correction) + eps)."""
        mean, square = state
        new1, old2, new2, correction, eps, rate, ahead, _ = coefficients
        mean += (g - mean) * new1
        square *= old2
        square += g * g * new2
        p -= (g * rate + mean * ahead) / (xp.sqrt(square / correction) + eps)


def _momentum(settings: Settings, step: Any) -> Any:
    """The momentum at a step, which grows towards the first beta."""
    return settings.betas[0] * (1.0 - 0.5 * (0.96 ** (step * settings.momentum_decay)))
