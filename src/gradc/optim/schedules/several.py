"""Schedulers made of schedulers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from gradc.errors import ArgumentError
from gradc.optim.optimizer import Optimizer, OptimizerError
from gradc.optim.schedules.plateau import ReduceLROnPlateau
from gradc.optim.schedules.scheduler import LRScheduler, assign, check_untraced


class _Several(LRScheduler):
    """A scheduler made of others, of one optimizer."""

    unsaved = ("optimizer", "_schedulers")
    _schedulers: Sequence[LRScheduler]

    def _check(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None, purpose: str) -> Optimizer:
        name = type(self).__name__
        if len(schedulers) < 1:
            raise OptimizerError(f"{name} expects at least one scheduler{purpose}, but got no scheduler.")
        optimizer = optimizer or schedulers[0].optimizer
        for i, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise ArgumentError(f"{name} at index {i} should have `optimizer` as its attribute.")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise OptimizerError(f"{name} does not support `ReduceLROnPlateau` scheduler as it requires additional "
                                     f"kwargs to be specified when calling `step`, but got one at index {i} in the "
                                     f"given schedulers sequence.")
            if optimizer is not scheduler.optimizer:
                raise OptimizerError(f"{name} expects all schedulers to belong to the same optimizer, but got "
                                     f"scheduler {type(scheduler).__name__} at index {i} has {scheduler.optimizer}, "
                                     f"which is different from {type(optimizer).__name__}.")
        return optimizer

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)
        super().load_state_dict({key: x for key, x in state_dict.items() if key != "_schedulers"})


class SequentialLR(_Several):
    """One scheduler after the other, from milestone to milestone, as torch's SequentialLR."""

    def __init__(self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int],
                 last_epoch: int = -1) -> None:
        self.optimizer = self._check(schedulers, optimizer, "")
        if len(milestones) != len(schedulers) - 1:
            raise OptimizerError(f"Sequential Schedulers expects number of schedulers provided to be one more than the "
                                 f"number of milestone points, but got number of schedulers {len(schedulers)} and the "
                                 f"number of milestones to be equal to {len(milestones)}")
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:
            assign(group, group["initial_lr"])
        self._undo(self)  # each of them took its first step when it was made
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def _undo(self, scheduler: Any) -> None:
        if hasattr(scheduler, "_schedulers"):
            for each in scheduler._schedulers:
                self._undo(each)
        elif hasattr(scheduler, "last_epoch"):
            scheduler.last_epoch -= 1

    def step(self) -> None:  # type: ignore[override]
        """Take a step of the scheduler whose turn it is."""
        check_untraced(self)
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[i]
        if i > 0 and self._milestones[i - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Several):
    """Several schedulers at every step, as torch's ChainedScheduler."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self.optimizer = self._check(schedulers, optimizer, " to be chained")
        self._schedulers = schedulers
        self._last_lr = self._now()

    def step(self) -> None:  # type: ignore[override]
        """Take a step of each scheduler."""
        check_untraced(self)
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._now()
