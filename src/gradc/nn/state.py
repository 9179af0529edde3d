"""The state of modules: the methods that save and load it, and hooks around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradc.errors import CallError
from gradc.hooks import RemovableHandle, add
from gradc.nn import saving

Hooks = dict[int, Callable[..., Any]]


class Stateful:
    """What modules can do with their state."""

    _version: int = 1
    """Of the state's form: what saves it notes the number, and `_load_from_state_dict` is told it."""

    # No hooks by default; a module makes dictionaries of its own when it gets the first.
    _state_dict_pre_hooks: Hooks = {}
    _state_dict_hooks: Hooks = {}
    _load_state_dict_pre_hooks: Hooks = {}
    _load_state_dict_post_hooks: Hooks = {}

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """All parameters and persistent buffers by their paths, detached unless `keep_vars`; they share memory."""
        older = dict(zip(("destination", "prefix", "keep_vars"), args, strict=False))  # PyTorch's older order
        destination = older.get("destination", destination)
        prefix, keep_vars = older.get("prefix", prefix), older.get("keep_vars", keep_vars)
        return saving.save(self, destination, prefix, keep_vars)

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Copy tensors into the parameters and buffers with their names, or with `assign` replace them.

        Returns the names that only one side has; if `strict` they are an error, a RuntimeError.
        """
        return saving.load(self, state_dict, strict, assign)

    def get_extra_state(self) -> Any:
        """What else the state dictionary is to hold of this module; a subclass may define it."""
        raise CallError("Reached a code path in Module.get_extra_state() that should never be called.")

    def set_extra_state(self, state: Any) -> None:
        """Take over what get_extra_state gave; a subclass that defines one defines both."""
        raise CallError("Reached a code path in Module.set_extra_state() that should never be called.")

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        for name, x in saving.persistent(self).items():
            destination[prefix + name] = x if keep_vars else x.detach()  # type: ignore[attr-defined]
        if type(self).get_extra_state is not Stateful.get_extra_state:
            destination[f"{prefix}{saving.EXTRA}"] = self.get_extra_state()

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool,
                              missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str]) -> None:
        for hook in list(self._load_state_dict_pre_hooks.values()):
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        saving.load_own(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        if self._loads_more():
            key = f"{prefix}{saving.EXTRA}"
            if key in state_dict:
                self.set_extra_state(state_dict[key])
            elif strict:
                missing_keys.append(key)

    def _loads_more(self) -> bool:
        """Whether the module takes over more than tensors."""
        return type(self).set_extra_state is not Stateful.set_extra_state

    # Hooks

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before the state of this module is saved."""
        return self._add_hook("_state_dict_pre_hooks", hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after the state of this module was saved."""
        return self._add_hook("_state_dict_hooks", hook)

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        return self._add_hook("_state_dict_hooks", hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, metadata, strict, missing, unexpected, errors)` before loading."""
        return self._add_hook("_load_state_dict_pre_hooks", lambda *args: hook(self, *args))

    def _register_load_state_dict_pre_hook(self, hook: Callable[..., Any],
                                           with_module: bool = False) -> RemovableHandle:
        if with_module:
            return self.register_load_state_dict_pre_hook(hook)
        return self._add_hook("_load_state_dict_pre_hooks", hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after loading; it may change what is missing or unexpected."""
        return self._add_hook("_load_state_dict_post_hooks", hook)

    def _add_hook(self, kind: str, hook: Callable[..., Any]) -> RemovableHandle:
        return add(self.__dict__.setdefault(kind, {}), hook)
