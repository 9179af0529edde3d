"""Adagrad: steps scaled by all gradients so far."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradc.optim.formula import FormulaOptimizer, filled
from gradc.optim.optimizer import check_rate, check_setting
from gradc.tensor import Tensor


class Settings(NamedTuple):
    """What a step reads of a group."""

    lr: Any
    lr_decay: float
    eps: float
    weight_decay: float
    initial_accumulator_value: float
    maximize: bool


class Adagrad(FormulaOptimizer):
    """Steps scaled by the root of the sum of all squared gradients, as torch.optim.Adagrad.

    Source  Duchi, Hazan and Singer 2011, "Adaptive subgradient methods for online learning"
    """

    Settings = Settings

    def __init__(self, params: Any, lr: Any = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
                 initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
                 maximize: bool = False, differentiable: bool = False, fused: bool | None = None) -> None:
        check_rate(lr)
        check_setting("lr_decay value", lr_decay, lr_decay >= 0)
        check_setting("weight_decay value", weight_decay, weight_decay >= 0)
        check_setting("initial_accumulator_value value", initial_accumulator_value, initial_accumulator_value >= 0)
        check_setting("epsilon value", eps, eps >= 0)
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused})
        for group in self.param_groups:  # as in PyTorch, there is a state before the first step
            for p in group["params"]:
                self.begin(p, group, ("sum",))

    def moments(self, settings: Settings) -> tuple[str, ...]:
        return ("sum",)

    def first(self, name: str, p: Tensor, group: dict[str, Any]) -> Tensor:
        return filled(p, group["initial_accumulator_value"]) if name == "sum" else super().first(name, p, group)

    def coefficients(self, xp: Any, settings: Settings, now: Any, before: Any) -> tuple[Any, ...]:
        """The rate, the constant in the denominator, and weight decay."""
        return settings.lr / (1 + before[0] * settings.lr_decay), settings.eps, settings.weight_decay

    def update(self, xp: Any, coefficients: Any, settings: Settings, p: Any, g: Any, *state: Any) -> None:
        """s = s + g²; p = p - rate·g / (√s + eps)."""
        (total,) = state
        rate, eps, _ = coefficients
        total += g * g
        p -= g / (xp.sqrt(total) + eps) * rate
