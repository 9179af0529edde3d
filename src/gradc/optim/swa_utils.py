"""Averages of a model's parameters along its training: torch.optim.swa_utils."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

from gradc import locations
from gradc.errors import TraceError
from gradc.modes import current, no_grad
from gradc.nn.module import Module
from gradc.ops.creation import tensor
from gradc.optim.optimizer import Optimizer, OptimizerError
from gradc.optim.schedules.scheduler import LRScheduler, per_group

__all__ = ["AveragedModel", "SWALR", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn",
           "update_bn"]


def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Any, Any, Any], Any]:
    """decay · average + (1 - decay) · parameter."""
    _check_decay(decay)
    return lambda averaged, model, count: decay * averaged + (1 - decay) * model


def get_swa_avg_fn() -> Callable[[Any, Any, Any], Any]:
    """The mean of all parameters so far, each with the same weight."""
    return lambda averaged, model, count: averaged + (model - averaged) / (count + 1)


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[Any, Any, Any], None]:
    """get_ema_avg_fn of many tensors, written in place."""
    return _of_many(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Callable[[Any, Any, Any], None]:
    """get_swa_avg_fn of many tensors, written in place."""
    return _of_many(get_swa_avg_fn())


def _check_decay(decay: float) -> None:
    if not 0 <= decay <= 1:
        raise OptimizerError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def _of_many(average: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], None]:
    @no_grad()
    def averaged(averages: Any, values: Any, count: Any) -> None:
        for old, new in zip(averages, values, strict=True):
            old.copy_(average(old, new, count))

    return averaged


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of the model's, as torch.optim.swa_utils.AveragedModel.

    Source  Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization"
    """

    def __init__(self, model: Module, device: Any = None, avg_fn: Any = None, multi_avg_fn: Any = None,
                 use_buffers: bool = False) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise OptimizerError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        self.register_buffer("n_averaged", tensor(0))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn or _of_many(avg_fn or get_swa_avg_fn())
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model computes."""
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the parameters that a model has now into the average."""
        if current().trace is not None:
            raise TraceError(f"AveragedModel.update_parameters looks at a count, and cannot be traced"
                             f"{locations.quote(locations.here())}\n    Call it outside of the compiled function.")
        pairs = [(list(x.parameters()), list(x.buffers())) for x in (self.module, model)]
        (own, buffers), (new, new_buffers) = pairs
        copied = list(zip(buffers, new_buffers, strict=True))
        if self.use_buffers:
            own, new, copied = own + buffers, new + new_buffers, []
        first = self.n_averaged.item() == 0
        if first:
            copied += zip(own, new, strict=True)
        else:
            floats = [(x, y.detach()) for x, y in zip(own, new, strict=True) if x.is_floating_point()]
            copied += [(x, y) for x, y in zip(own, new, strict=True) if not x.is_floating_point()]
            if floats:
                self.multi_avg_fn(*zip(*floats, strict=True), self.n_averaged)
        for x, y in copied:
            x.copy_(y)
        self.n_averaged += 1


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of batch normalization anew, over all inputs of a loader."""
    layers = [m for m in model.modules() if hasattr(m, "running_mean") and hasattr(m, "momentum")]
    if not layers:
        return
    momenta = [m.momentum for m in layers]
    was_training = model.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    try:
        model.train()
        for x in loader:
            model(x[0] if isinstance(x, (list, tuple)) else x)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """From the rates that the groups have to a constant rate, in `anneal_epochs` steps, as torch's SWALR."""

    def __init__(self, optimizer: Optimizer, swa_lr: Any, anneal_epochs: int = 10, anneal_strategy: str = "cos",
                 last_epoch: int = -1) -> None:
        rates = per_group("swa_lr", optimizer, swa_lr)
        if anneal_strategy not in ("cos", "linear"):
            raise OptimizerError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise OptimizerError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        for rate, group in zip(rates, optimizer.param_groups, strict=True):
            group["swa_lr"] = rate
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step: float) -> float:
        """How much of the way is done."""
        done = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return done if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * done)) / 2

    def get_lr(self) -> list[Any]:
        self._warn_outside()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(max(0, min(self.anneal_epochs, step - 1))), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            goal, rate = group["swa_lr"], group["lr"]
            start = goal if before == 1 else (rate - before * goal) / (1 - before)
            rates.append(goal * now + start * (1 - now))
        return rates
