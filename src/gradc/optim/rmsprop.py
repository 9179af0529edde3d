"""RMSprop: gradients over their running size."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradc.optim.formula import FormulaOptimizer
from gradc.optim.optimizer import check_rate, check_setting


class Settings(NamedTuple):
    """What a step reads of a group."""

    lr: Any
    momentum: float
    alpha: float
    eps: float
    centered: bool
    weight_decay: float
    maximize: bool


class RMSprop(FormulaOptimizer):
    """Gradients divided by their running root mean square, or deviation if `centered`, as torch.optim.RMSprop.

    Source  Tieleman and Hinton 2012, lecture 6.5; Graves 2013, "Generating sequences with recurrent neural networks"
    """

    Settings = Settings

    def __init__(self, params: Any, lr: Any = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
                 momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: bool | None = None,
                 maximize: bool = False, differentiable: bool = False) -> None:
        check_rate(lr)
        check_setting("epsilon value", eps, eps >= 0)
        check_setting("momentum value", momentum, momentum >= 0)
        check_setting("weight_decay value", weight_decay, weight_decay >= 0)
        check_setting("alpha value", alpha, alpha >= 0)
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable})

    def moments(self, settings: Settings) -> tuple[str, ...]:
        return ("square_avg", *(["momentum_buffer"] if settings.momentum else []),
                *(["grad_avg"] if settings.centered else []))

    def coefficients(self, xp: Any, settings: Settings, now: Any, before: Any) -> tuple[Any, ...]:
        """The rate, momentum, the shares of old and new in the means, the constant added, and weight decay."""
        alpha = settings.alpha
        return settings.lr, settings.momentum, alpha, 1 - alpha, settings.eps, settings.weight_decay

    def update(self, xp: Any, coefficients: Any, settings: Settings, p: Any, g: Any, *state: Any) -> None:
        """v = alpha·v + (1 - alpha)·g²; b = momentum·b + g / (√(v - mean²) + eps); p = p - lr·b."""
        square, *more = state
        lr, momentum, old, new, eps, _ = coefficients
        square *= old
        square += g * g * new
        variance = square
        if settings.centered:
            mean = more[-1]
            mean += (g - mean) * new
            variance = square - mean * mean
        g = g / (xp.sqrt(variance) + eps)
        if settings.momentum:
            buffer = more[0]
            buffer *= momentum
            buffer += g
            g = buffer
        p -= lr * g
