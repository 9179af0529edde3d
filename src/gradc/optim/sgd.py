"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradc import locations
from gradc.errors import TraceError
from gradc.modes import current
from gradc.optim.formula import FormulaOptimizer, counter
from gradc.optim.optimizer import OptimizerError, check_rate, check_setting
from gradc.tensor import Tensor


class Settings(NamedTuple):
    """What a step reads of a group."""

    lr: Any
    momentum: float
    dampening: float
    weight_decay: float
    nesterov: bool
    maximize: bool


class SGD(FormulaOptimizer):
    """Stochastic gradient descent with momentum, as torch.optim.SGD.

    `foreach` and `fused` choose among PyTorch's implementations and change nothing here; with `differentiable` the
    update is part of the graph.

    Source  Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning"
    """

    Settings = Settings

    def __init__(self, params: Any, lr: Any = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: float = 0,
                 nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None,
                 differentiable: bool = False, fused: bool | None = None) -> None:
        check_rate(lr)
        check_setting("momentum value", momentum, momentum >= 0)
        check_setting("weight_decay value", weight_decay, weight_decay >= 0)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise OptimizerError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused})

    counters = ()

    def moments(self, settings: Settings) -> tuple[str, ...]:
        return ("momentum_buffer",) if settings.momentum else ()

    def begin(self, p: Tensor, group: dict[str, Any], moments: tuple[str, ...]) -> tuple[list[Tensor], list[Tensor]]:
        """The momentum buffer, if there is momentum; with a counter where its first gradient is not to be dampened."""
        if not moments:
            return [], []
        state = self.state[p]
        if state.get("momentum_buffer") is not None:
            return [], [state["momentum_buffer"]]
        if group["dampening"] and current().trace is not None:
            raise TraceError(f"SGD: the first step with dampening differs from all later ones"
                             f"{locations.quote(locations.here())}\n    Take one step outside the compiled "
                             f"function first.")
        buffer = state["momentum_buffer"] = self.first("momentum_buffer", p, group)
        return [counter(1.0)] if group["dampening"] else [], [buffer]

    def advance(self, xp: Any, settings: Settings, *counters: Any) -> tuple[Any, ...]:
        return counters

    def coefficients(self, xp: Any, settings: Settings, now: Any, before: Any) -> tuple[Any, ...]:
        """Learning rate, momentum, the share of a gradient that enters the buffer, weight decay."""
        share = 1 if now else 1 - settings.dampening
        return settings.lr, settings.momentum, share, settings.weight_decay

    def update(self, xp: Any, coefficients: Any, settings: Settings, p: Any, g: Any, *state: Any) -> None:
        """b = momentum·b + share·g; p = p - lr·b."""
        lr, momentum, share, _ = coefficients
        if settings.momentum:
            (buffer,) = state
            buffer *= momentum
            buffer += share * g if settings.dampening else g
            g = g + momentum * buffer if settings.nesterov else buffer
        p -= lr * g
