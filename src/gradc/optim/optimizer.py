"""What all optimizers share: groups of parameters with their settings, and state that can be saved."""

from __future__ import annotations

import copy
import warnings
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from gradc.errors import ArgumentError, GradcError
from gradc.hooks import RemovableHandle
from gradc.modes import current, note_change
from gradc.nn.parameter import clear_grad, typename
from gradc.optim import hooks
from gradc.tensor import Tensor, wrap


class OptimizerError(GradcError, ValueError):
    """Parameters or settings that an optimizer cannot work with."""


class StepError(GradcError, NotImplementedError):
    """A subclass that does not say what a step is."""


class required:
    """Stands in `defaults` for a setting that each group must give."""


class Optimizer:
    """Base class of optimizers, as torch.optim.Optimizer.

    `param_groups` are dictionaries of "params" and settings; `state` holds a dictionary of tensors per parameter.
    """

    _opt_called = False
    """Whether a step was taken: what a scheduler of the rate wants to know."""

    def __init_subclass__(cls) -> None:
        if "step" in cls.__dict__:
            cls.step = hooks.around(cls.__dict__["step"])  # type: ignore[method-assign]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise ArgumentError(f"params argument given to the optimizer should be an iterable of Tensors or dicts, "
                                f"but got {typename(params)}")
        self.defaults = defaults
        self._hooks: dict[str, dict[int, Any]] = {}
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise OptimizerError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own; what they leave out has its default."""
        note_change("changes the groups or the state of an optimizer")
        if not isinstance(param_group, dict):
            raise ArgumentError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise ArgumentError("optimizer parameters need to be organized in ordered collections, but the ordering of "
                                "tensors in sets will change between runs. Please use a list instead.")
        params = [params] if isinstance(params, Tensor) else list(params)
        names = None
        if params and isinstance(params[0], tuple):  # as named_parameters() gives them
            if not all(isinstance(p, tuple) for p in params):
                raise OptimizerError("all optimizer params should be with/without names. Some param names are missing")
            names, params = map(list, zip(*params, strict=True))
        for parameter in params:
            if not isinstance(parameter, Tensor):
                raise ArgumentError(f"optimizer can only optimize Tensors, but one of the params is "
                                    f"{typename(parameter)}")
            if not (parameter.is_leaf or self.defaults.get("differentiable") or parameter._retains_grad):
                raise OptimizerError("can't optimize a non-leaf Tensor")
        param_group["params"] = params
        if self.param_groups and ("param_names" in self.param_groups[0]) != (names is not None):
            raise OptimizerError("all optimizer param groups should be with/without names. Cannot add param group "
                                 f"with{'' if names else 'out'} names to the optimizer that has "
                                 f"{'none' if names else 'them'}")
        if names is not None:
            param_group["param_names"] = names
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise OptimizerError(f"parameter group didn't specify a value of required optimization parameter "
                                     f"{name}")
            param_group.setdefault(name, default)
        if len(params) != len(set(params)):
            warnings.warn("optimizer contains a parameter group with duplicate parameters; in future, this will cause "
                          "an error; see github.com/pytorch/pytorch/issues/40967 for more information", UserWarning,
                          stacklevel=3)
        if not set(params).isdisjoint(p for group in self.param_groups for p in group["params"]):
            raise OptimizerError("some parameters appear in more than one parameter group")
        self.param_groups = [*self.param_groups, param_group]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or make them zero."""
        forget = set_to_none and current().trace is None
        for group in self.param_groups:
            for p in group["params"]:
                if forget:
                    p._grad = None
                else:
                    clear_grad(p, set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient; each subclass says how."""
        raise StepError(f"{type(self).__name__} has no step()")

    def _guard(self, trace: Any) -> None:
        """Have a trace depend on the groups: a step that it records has their numbers in it."""
        trace.guard(self.__dict__, "state")
        trace.guard(self.__dict__, "param_groups")
        for group in self.param_groups:
            for key in group:
                trace.guard(group, key)

    # Hooks

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; what it returns, if not None, replaces both."""
        return hooks.register(self, "step_pre", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return hooks.register(self, "step_post", hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before each state_dict()."""
        return hooks.register(self, "state_dict_pre", hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after each state_dict(); what it returns, if not None, replaces it."""
        return hooks.register(self, "state_dict_post", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before each load; what it returns, if not None, is loaded instead."""
        return hooks.register(self, "load_pre", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after each load_state_dict()."""
        return hooks.register(self, "load_post", hook, prepend)

    # State

    def state_dict(self) -> dict[str, Any]:
        """The state and the settings, with parameters replaced by their numbers, as torch's state_dict."""
        for hook in self._called("state_dict_pre"):
            hook(self)
        params = [p for group in self.param_groups for p in group["params"]]
        number: dict[Any, int] = {}
        for i, p in enumerate(params):
            number.setdefault(p, i)
        groups = [{key: value for key, value in group.items() if key != "params"}
                  | {"params": [number[p] for p in group["params"]]} for group in self.param_groups]
        found = {"state": {number.get(p, p): state for p, state in self.state.items()}, "param_groups": groups}
        for hook in self._called("state_dict_post"):
            replaced = hook(self, found)
            found = found if replaced is None else replaced
        return found

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a copy of the state and the settings of an optimizer with parameters of the same number.

        Raises OptimizerError, a ValueError, if groups or numbers of parameters differ.
        """
        note_change("changes the groups or the state of an optimizer")
        state_dict = dict(state_dict)
        for hook in self._called("load_pre"):
            replaced = hook(self, state_dict)
            state_dict = state_dict if replaced is None else replaced
        saved = copy.deepcopy(state_dict["param_groups"])
        if len(saved) != len(self.param_groups):
            raise OptimizerError("loaded state dict has a different number of parameter groups")
        pairs = list(zip(self.param_groups, saved, strict=True))
        if any(len(group["params"]) != len(other["params"]) for group, other in pairs):
            raise OptimizerError("loaded state dict contains a parameter group that doesn't match the size of "
                                 "optimizer's group")
        named = {i: p for group, other in pairs for i, p in zip(other["params"], group["params"], strict=True)}
        loaded: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for i, state in state_dict["state"].items():
            p = named.get(i, i)
            loaded[p] = {key: _fitted(p, key, value) for key, value in state.items()} if i in named else state
        self.state = loaded
        self.param_groups = [
            {**other, "params": group["params"]} | {key: group[key] for key in ("param_names",) if key in group}
            for group, other in pairs]
        for hook in self._called("load_post"):
            hook(self)

    def _called(self, kind: str) -> list[Callable[..., Any]]:
        return list(self._hooks.get(kind, {}).values())

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_hooks": {}}

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            text += "".join(f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params")
        return text + ")"


def check_rate(lr: Any) -> None:
    """Raise OptimizerError for a learning rate that is negative, or a tensor of several."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise OptimizerError("Tensor lr must be 1-element")
    check_setting("learning rate", lr, bool(lr >= 0))


def check_betas(betas: Any) -> None:
    """Raise OptimizerError for shares of the past that are not in [0, 1)."""
    for i, beta in enumerate(betas):
        check_setting(f"beta parameter at index {i}", beta, 0 <= beta < 1)


def check_setting(name: str, value: Any, fits: bool) -> None:
    """Raise OptimizerError, in PyTorch's words, for a setting that does not fit."""
    if not fits:
        raise OptimizerError(f"Invalid {name}: {value}")


def _fitted(p: Tensor, key: str, value: Any) -> Any:
    """A copy of loaded state, in the parameter's dtype unless it counts steps; of tensors of PyTorch, or arrays, too.
    """
    if isinstance(value, (list, tuple)):
        return type(value)(_fitted(p, key, x) for x in value)
    if not isinstance(value, Tensor):
        if not hasattr(value, "__array__"):
            return copy.deepcopy(value)
        value = wrap(np.asarray(value).copy())
    keeps = key == "step" or not p.is_floating_point()
    return value.detach().to(value.dtype if keeps else p.dtype, copy=True)  # type: ignore[attr-defined]
