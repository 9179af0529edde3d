"""ASGD: gradient descent, and the mean of the parameters along it."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradc.optim.formula import FormulaOptimizer, counter
from gradc.optim.optimizer import check_rate, check_setting
from gradc.tensor import Tensor


class Settings(NamedTuple):
    """What a step reads of a group."""

    lr: Any
    lambd: float
    alpha: float
    t0: float
    weight_decay: float
    maximize: bool


class ASGD(FormulaOptimizer):
    """Averaged gradient descent, as torch.optim.ASGD; the state "ax" is the mean of the parameters after step t0.

    Source  Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging"
    """

    Settings = Settings
    counters = ("step", "eta", "mu")

    def __init__(self, params: Any, lr: Any = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
                 weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False,
                 differentiable: bool = False, capturable: bool = False) -> None:
        check_rate(lr)
        check_setting("weight_decay value", weight_decay, weight_decay >= 0)
        super().__init__(params, {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable})

    def moments(self, settings: Settings) -> tuple[str, ...]:
        return ("ax",)

    def first(self, name: str, p: Tensor, group: dict[str, Any]) -> Tensor:
        if name == "eta":
            return counter(float(group["lr"]))
        return counter(1.0) if name == "mu" else super().first(name, p, group)

    def advance(self, xp: Any, settings: Settings, *counters: Any) -> tuple[Any, ...]:
        """The step, and the rate and the share in the mean of the step after it."""
        step = xp.number(counters[0]) + 1
        eta = settings.lr / (1 + settings.lambd * settings.lr * step) ** settings.alpha
        return step, eta, 1 / xp.maximum(step - settings.t0, 1.0)

    def coefficients(self, xp: Any, settings: Settings, now: Any, before: Any) -> tuple[Any, ...]:
        """What is left of p, the rate, the shares of old and new in the mean, and weight decay."""
        _, eta, mu = before
        return 1 - settings.lambd * eta, eta, 1 - mu, mu, settings.weight_decay

    def update(self, xp: Any, coefficients: Any, settings: Settings, p: Any, g: Any, *state: Any) -> None:
        """p = (1 - lambd·eta)·p - eta·g; mean = (1 - mu)·mean + mu·p."""
        (mean,) = state
        kept, eta, old, new, _ = coefficients
        p *= kept
        p -= eta * g
        mean *= old
        mean += new * p
