"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from gradc import locations
from gradc.errors import TraceError
from gradc.optim.formula import FormulaOptimizer, zeros_of
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

    `foreach` and `fused` choose among PyTorch's implementations and change nothing here; `differentiable` is refused.

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

    def begin(self, p: Tensor, settings: Settings, trace: Any) -> tuple[Sequence[Tensor], Any]:
        """The momentum buffer, if there is momentum, and whether its first gradient is not dampened as others are."""
        if not settings.momentum:
            return (), False
        state = self.state[p]
        buffer = state.get("momentum_buffer")
        first = buffer is None
        if first:
            if trace is not None and settings.dampening:
                raise TraceError(f"SGD: the first step with dampening differs from all later ones"
                                 f"{locations.quote(locations.here())}\n    Take one step outside the compiled "
                                 f"function first.")
            buffer = state["momentum_buffer"] = zeros_of(p)
        if trace is not None:
            trace.guard(state, "momentum_buffer")
        return (buffer,), first and settings.dampening != 0

    def coefficients(self, xp: Any, settings: Settings, count: Any) -> tuple[Any, ...]:
        """Learning rate, momentum, the share of a gradient that enters the buffer, weight decay."""
        share = 1 if count else 1 - settings.dampening
        return settings.lr, settings.momentum, share, settings.weight_decay

    def update(self, xp: Any, coefficients: Any, settings: Settings, p: Any, g: Any, *state: Any) -> None:
        """b = momentum·b + share·g; p = p - lr·b."""
        lr, momentum, share, weight_decay = coefficients
        if settings.maximize:
            g = -g
        if settings.weight_decay:
            g = g + weight_decay * p
        if settings.momentum:
            (buffer,) = state
            buffer *= momentum
            buffer += share * g if settings.dampening else g
            g = g + momentum * buffer if settings.nesterov else buffer
        p -= lr * g
