"""Rprop: steps by the sign of the gradient, of sizes that grow and shrink."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradc.optim.formula import FormulaOptimizer, filled
from gradc.optim.optimizer import OptimizerError, check_rate
from gradc.tensor import Tensor


class Settings(NamedTuple):
    """What a step reads of a group."""

    lr: Any
    etas: tuple[float, float]
    step_sizes: tuple[float, float]
    maximize: bool


class Rprop(FormulaOptimizer):
    """Steps whose sizes grow while the sign of the gradient stays, and shrink when it turns, as torch.optim.Rprop.

    Source  Riedmiller and Braun 1993, "A direct adaptive method for faster backpropagation learning"
    """

    Settings = Settings

    def __init__(self, params: Any, lr: Any = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
                 step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False,
                 foreach: bool | None = None, maximize: bool = False, differentiable: bool = False) -> None:
        check_rate(lr)
        if not 0 < etas[0] < 1 < etas[1]:
            raise OptimizerError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(params, {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable})

    def moments(self, settings: Settings) -> tuple[str, ...]:
        return "prev", "step_size"

    def first(self, name: str, p: Tensor, group: dict[str, Any]) -> Tensor:
        return filled(p, float(group["lr"])) if name == "step_size" else super().first(name, p, group)

    def coefficients(self, xp: Any, settings: Settings, now: Any, before: Any) -> tuple[Any, ...]:
        """The factors by which a step size shrinks and grows, and its bounds."""
        return (*settings.etas, *settings.step_sizes)

    def update(self, xp: Any, coefficients: Any, settings: Settings, p: Any, g: Any, *state: Any) -> None:
        """Sizes by the sign of g·before; p = p - size·sign(g), but not where the sign has turned."""
        before, size = state
        shrink, grow, least, most = coefficients
        agreement = g * before
        turned = agreement < 0
        size[...] = xp.where(turned, size * shrink, xp.where(agreement > 0, size * grow, size))
        xp.clip(size, least, most, out=size)
        before *= 0
        before += xp.where(turned, 0.0, g)
        p -= xp.sign(before) * size
