"""Adadelta: steps measured by the steps before them."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradc.optim.formula import FormulaOptimizer
from gradc.optim.optimizer import check_rate, check_setting


class Settings(NamedTuple):
    """What a step reads of a group."""

    lr: Any
    rho: float
    eps: float
    weight_decay: float
    maximize: bool


class Adadelta(FormulaOptimizer):
    """Steps scaled by the running size of earlier steps over that of gradients, as torch.optim.Adadelta.

    Source  Zeiler 2012, "ADADELTA: an adaptive learning rate method"
    """

    Settings = Settings

    def __init__(self, params: Any, lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
                 foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False,
                 differentiable: bool = False) -> None:
        check_rate(lr)
        check_setting("rho value", rho, 0 <= rho <= 1)
        check_setting("epsilon value", eps, eps >= 0)
        check_setting("weight_decay value", weight_decay, weight_decay >= 0)
        super().__init__(params, {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable})

    def moments(self, settings: Settings) -> tuple[str, ...]:
        return "square_avg", "acc_delta"

    def coefficients(self, xp: Any, settings: Settings, now: Any, before: Any) -> tuple[Any, ...]:
        """The rate, the shares of old and new in both means, the constant in the roots, and weight decay."""
        return settings.lr, settings.rho, 1 - settings.rho, settings.eps, settings.weight_decay

    def update(self, xp: Any, coefficients: Any, settings: Settings, p: Any, g: Any, *state: Any) -> None:
        """v = rho·v + (1 - rho)·g²; d = √(u + eps) / √(v + eps)·g; u = rho·u + (1 - rho)·d²; p = p - lr·d."""
        square, steps = state
        lr, old, new, eps, _ = coefficients
        square *= old
        square += g * g * new
        d = xp.sqrt(steps + eps) / xp.sqrt(square + eps) * g
        steps *= old
        steps += d * d * new
        p -= lr * d
