"""Losses scaled up, so that their gradients are not too small for a narrow dtype."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from gradc import locations
from gradc.errors import GradcError
from gradc.modes import current, no_grad
from gradc.ops.arithmetic import where
from gradc.optim.formula import FormulaOptimizer
from gradc.optim.optimizer import Optimizer, OptimizerError
from gradc.tensor import Tensor, wrap


class ScalerError(GradcError, RuntimeError):
    """Steps of a scaler in an order that they do not have."""


class GradScaler:
    """Scales a loss, and the gradients back before the step, as torch.amp.GradScaler.

    A step whose gradients are not finite is left out, and the scale is reduced; after `growth_interval` steps without
    it grows. All of it works in a compiled training step as well, where the scale is state.
    """

    def __init__(self, device: str = "cuda", init_scale: float = 2.0**16, growth_factor: float = 2.0,
                 backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True) -> None:
        if enabled and growth_factor <= 1.0:
            raise OptimizerError("The growth factor must be > 1.0.")
        if enabled and backoff_factor >= 1.0:
            raise OptimizerError("The backoff factor must be < 1.0.")
        self._device = device
        self._enabled = enabled
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._scale = wrap(np.array(init_scale, np.float32))
        self._growth_tracker = wrap(np.array(0, np.int32))
        self._found: dict[Optimizer, Any] = {}
        self._stepped: set[Optimizer] = set()

    def scale(self, outputs: Any) -> Any:
        """The loss, or each of several in a list or a tuple, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._scale.clone()  # type: ignore[attr-defined, operator]
        if isinstance(outputs, Iterable):
            scaled = [self.scale(x) for x in outputs]
            return type(outputs)(scaled) if isinstance(outputs, (list, tuple)) else scaled
        raise OptimizerError("outputs must be a Tensor or an iterable of Tensors")

    @no_grad()
    def unscale_(self, optimizer: Optimizer) -> None:
        """Divide the gradients of an optimizer's parameters by the scale, before they are clipped for instance."""
        if not self._enabled:
            return
        if optimizer in self._stepped:
            raise ScalerError(f"unscale_() is being called after step().{locations.quote(locations.here())}")
        if optimizer in self._found:
            raise ScalerError(f"unscale_() has already been called on this optimizer since the last update()."
                              f"{locations.quote(locations.here())}")
        inverse = 1.0 / self._scale.clone()  # type: ignore[attr-defined]
        found: Any = None
        for p in [p for group in optimizer.param_groups for p in group["params"]]:
            g = p.grad
            if g is not None:
                g.mul_(inverse)
                bad = g.isfinite().logical_not().any()
                found = bad if found is None else found.logical_or(bad)
        if found is None:
            raise ScalerError(f"No inf checks were recorded for this optimizer.{locations.quote(locations.here())}"
                              f"\n    None of its parameters has a gradient: call backward() before.")
        self._found[optimizer] = found

    def step(self, optimizer: Optimizer, *args: Any, **kwargs: Any) -> Any:
        """Take the optimizer's step if all gradients are finite; they are divided by the scale if they are not yet."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise ScalerError("Closure use is not currently supported if GradScaler is enabled.")
        if optimizer in self._stepped:
            raise ScalerError(f"step() has already been called since the last update()."
                              f"{locations.quote(locations.here())}")
        if optimizer not in self._found:
            self.unscale_(optimizer)
        self._stepped.add(optimizer)
        found = self._found[optimizer]
        if current().trace is None:
            return None if found.item() else optimizer.step(*args, **kwargs)
        if not isinstance(optimizer, FormulaOptimizer):
            raise ScalerError(f"GradScaler.step in a compiled function takes gradc's own optimizers, got "
                              f"{type(optimizer).__name__}{locations.quote(locations.here())}\n    Take the step "
                              f"outside.")
        optimizer.found_inf = found
        try:
            return optimizer.step(*args, **kwargs)
        finally:
            optimizer.found_inf = None

    @no_grad()
    def update(self, new_scale: Any = None) -> None:
        """Adjust the scale after the steps of all optimizers, or set it."""
        if not self._enabled:
            return
        scale, good = self._scale, self._growth_tracker
        if new_scale is not None:
            scale.fill_(new_scale) if not isinstance(new_scale, Tensor) else scale.copy_(new_scale)  # type: ignore
        else:
            if not self._found:
                raise ScalerError(f"No inf checks were recorded prior to update.{locations.quote(locations.here())}")
            bad: Any = None
            for found in self._found.values():
                bad = found if bad is None else bad.logical_or(found)
            count = where(bad, 0, good + 1)  # type: ignore[operator]
            grows = count == self._growth_interval
            grown = scale * self._growth_factor  # type: ignore[operator]
            grown = where(grows.logical_and(grown.isfinite()), grown, scale)
            scale.copy_(where(bad, scale * self._backoff_factor, grown))  # type: ignore[attr-defined, operator]
            good.copy_(where(grows, 0, count))  # type: ignore[attr-defined]
        self._found.clear()
        self._stepped.clear()

    def get_scale(self) -> float:
        """The scale now; 1 if the scaler is not enabled."""
        return self._scale.item() if self._enabled else 1.0  # type: ignore[return-value]

    def is_enabled(self) -> bool:
        """Whether it scales at all."""
        return self._enabled

    def get_growth_factor(self) -> float:
        """By what the scale grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set by what the scale grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """By what the scale shrinks."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set by what the scale shrinks."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """After how many good steps the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set after how many good steps the scale grows."""
        self._growth_interval = new_interval

    def state_dict(self) -> dict[str, Any]:
        """The scale, what changes it, and the count of good steps; empty if the scaler is not enabled."""
        if not self._enabled:
            return {}
        return {"scale": self.get_scale(), "growth_factor": self._growth_factor,
                "backoff_factor": self._backoff_factor, "growth_interval": self._growth_interval,
                "_growth_tracker": self._growth_tracker.item()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what state_dict gave, here or in PyTorch."""
        if not self._enabled:
            return
        if not state_dict:
            raise ScalerError("The source state dict is empty, possibly because it was saved from a disabled instance "
                              "of GradScaler.")
        self._scale.fill_(state_dict["scale"])  # type: ignore[attr-defined]
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker.fill_(state_dict["_growth_tracker"])  # type: ignore[attr-defined]
