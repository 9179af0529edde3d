"""What all schedulers share: counting steps, and writing learning rates into the groups of an optimizer."""

from __future__ import annotations

import contextlib
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gradc import locations
from gradc.errors import ArgumentError, GradcError, TraceError
from gradc.modes import current, no_grad
from gradc.optim.optimizer import Optimizer, OptimizerError
from gradc.tensor import Tensor

STEP_FIRST = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you should call "
    "them in the opposite order: `optimizer.step()` before `lr_scheduler.step()`.  Failure to do this will result in "
    "PyTorch skipping the first value of the learning rate schedule. See more details at "
    "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate")
EPOCH = ("The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please "
         "use `scheduler.step()` to step the scheduler. During the deprecation, if epoch is different from None, the "
         "closed form is used instead of the new chainable form, where available.")


class ScheduleError(GradcError, NotImplementedError):
    """A scheduler that does not say what the learning rates are."""


class InitialRateError(GradcError, KeyError):
    """A group without the rate that a schedule continues from."""


class LRScheduler:
    """Base class of schedulers, as torch.optim.lr_scheduler.LRScheduler. A subclass defines `get_lr`.

    Rates may change between the calls of a compiled training step: it reads them at every call.
    """

    _get_lr_called_within_step = False
    _is_initial = False
    unsaved: tuple[str, ...] = ("optimizer",)
    """The attributes that state_dict leaves out."""

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", value(group["lr"]))
            elif "initial_lr" not in group:
                raise InitialRateError(f"param 'initial_lr' is not specified in param_groups[{i}] when resuming "
                                       f"scheduler with last_epoch >= 0. Load the optimizer's state first, or start "
                                       f"with last_epoch=-1.")
        self.base_lrs = [value(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[Any]:
        """The rates at `last_epoch`, from those that the groups have now."""
        raise ScheduleError(f"{type(self).__name__} has no get_lr()")

    def get_last_lr(self) -> list[Any]:
        """The rates that were set last, one per group."""
        return self._last_lr

    def step(self, epoch: Any = None) -> None:
        """Go on to the next rates; to be called after the optimizer's step."""
        check_untraced(self)
        if self._step_count == 1 and not self.optimizer._opt_called:
            warnings.warn(STEP_FIRST, UserWarning, stacklevel=2)
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: Any = None) -> None:
        closed = getattr(self, "_get_closed_form_lr", None)
        with self._inside():
            self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
            self._set(self.get_lr() if epoch is None or closed is None else closed())

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        self._get_lr_called_within_step = True
        try:
            yield
        finally:
            self._get_lr_called_within_step = False

    def _set(self, rates: Sequence[Any]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            assign(group, rate)
        self._last_lr = self._now()

    def _now(self) -> list[Any]:
        """The rates that the groups have."""
        return [value(group["lr"]) for group in self.optimizer.param_groups]

    def _times(self, factor: Any) -> list[Any]:
        """The rates that the groups have, times a factor."""
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _warn_outside(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn("To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                          UserWarning, stacklevel=3)

    # State

    def state_dict(self) -> dict[str, Any]:
        """All that the scheduler has, but the optimizer. Functions of the user's are left out."""
        return {key: x for key, x in self.__dict__.items() if key not in self.unsaved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what state_dict of another scheduler gave."""
        self.__dict__.update(state_dict)


def check_optimizer(optimizer: Any) -> None:
    """Raise ArgumentError for what is no optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"{type(optimizer).__name__} is not an Optimizer")


def check_untraced(scheduler: Any) -> None:
    """Raise TraceError inside a compiled function, where a step would be taken once, at tracing."""
    if current().trace is not None:
        raise TraceError(f"{type(scheduler).__name__}.step() in a compiled function would happen once, when it is "
                         f"traced, and not at every call{locations.quote(locations.here())}\n    Call it outside: the "
                         f"compiled step reads the rate at every call.")


def value(rate: Any) -> Any:
    """A rate, copied if it is a tensor."""
    return rate.clone() if isinstance(rate, Tensor) else rate  # type: ignore[attr-defined]


def assign(group: dict[str, Any], rate: Any) -> None:
    """Give a group its rate; one that is a tensor is written in place."""
    if isinstance(group["lr"], Tensor):
        with no_grad():
            group["lr"].fill_(float(rate))  # type: ignore[attr-defined]
    else:
        group["lr"] = rate


def per_group(name: str, optimizer: Optimizer, given: Any) -> list[Any]:
    """A setting for each group, from one for all or a list. Raises OptimizerError for a list of another length."""
    count = len(optimizer.param_groups)
    if not isinstance(given, (list, tuple)):
        return [given] * count
    if len(given) != count:
        raise OptimizerError(f"{name} must have the same length as optimizer.param_groups. {name} has {len(given)} "
                             f"values, param_groups has {count}.")
    return list(given)


def saved_function(function: Any) -> Any:
    """What a state dictionary holds of a function: the attributes of a callable object, None of a plain function."""
    return None if function is None or isinstance(function, types.FunctionType) else function.__dict__.copy()


Function = Callable[[int], float]
