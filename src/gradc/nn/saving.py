"""The tensors of a module by name: saving them in a dictionary, and loading them from one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from gradc.errors import ArgumentError, GradcError
from gradc.modes import no_grad
from gradc.nn.parameter import Parameter, is_lazy
from gradc.tensor import Tensor

EXTRA = "_extra_state"
"""The name under which a state dictionary holds what else a module saves."""


class StateDictError(GradcError, RuntimeError):
    """A state dictionary that does not fit the module."""


class IncompatibleKeys(NamedTuple):
    """What load_state_dict returns: the names that only the module has, and those that only the dictionary has."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def persistent(module: Any) -> dict[str, Tensor]:
    """The parameters and buffers of `module` alone that a state dictionary holds."""
    kept = {name: x for name, x in module._parameters.items() if x is not None}
    buffers = module._buffers
    kept.update({name: x for name, x in buffers.items() if x is not None and buffers.names[name]})
    return kept


def save(module: Any, destination: Any, prefix: str, keep_vars: bool) -> Any:
    """Put the tensors of `module` and those below it into `destination`, each name with `prefix` in front."""
    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()  # type: ignore[attr-defined]
    version = {"version": module._version}
    metadata = getattr(destination, "_metadata", {})
    metadata[prefix[:-1]] = version
    for hook in list(module._state_dict_pre_hooks.values()):
        hook(module, prefix, keep_vars)
    module._save_to_state_dict(destination, prefix, keep_vars)
    for name, child in module._modules.items():
        if child is not None:
            child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    for hook in list(module._state_dict_hooks.values()):
        replaced = hook(module, destination, prefix, version)
        destination = destination if replaced is None else replaced
    return destination


def load(module: Any, state_dict: Any, strict: bool, assign: bool) -> IncompatibleKeys:
    """Copy the tensors of a state dictionary into `module` and those below it, as torch's load_state_dict.

    Raises StateDictError, a RuntimeError, for shapes that differ and, if `strict`, for names that do.
    """
    if not isinstance(state_dict, Mapping):
        raise ArgumentError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    missing: list[str] = []
    unexpected: list[str] = []
    errors: list[str] = []
    versions = getattr(state_dict, "_metadata", None) or {}

    def descend(module: Any, part: dict[str, Any], prefix: str) -> None:
        metadata = {**versions.get(prefix[:-1], {}), **({"assign_to_params_buffers": True} if assign else {})}
        module._load_from_state_dict(part, prefix, metadata, True, missing, unexpected, errors)
        for name, child in module._modules.items():
            if child is not None:
                below = f"{prefix}{name}."
                descend(child, {key: x for key, x in part.items() if key.startswith(below)}, below)
        keys = IncompatibleKeys(missing, unexpected)
        for hook in list(module._load_state_dict_post_hooks.values()):
            if hook(module, keys) is not None:
                raise StateDictError("Hooks registered with ``register_load_state_dict_post_hook`` are not expected to "
                                     "return new values, if incompatible_keys need to be modified, it should be done "
                                     "inplace.")

    descend(module, OrderedDict(state_dict), "")
    if strict and unexpected:
        errors.insert(0, f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
    if strict and missing:
        errors.insert(0, f"Missing key(s) in state_dict: {_quoted(missing)}. ")
    if errors:
        raise StateDictError("Error(s) in loading state_dict for {}:\n\t{}".format(
            type(module).__name__, "\n\t".join(errors)))
    return IncompatibleKeys(missing, unexpected)


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def load_own(module: Any, state_dict: Any, prefix: str, metadata: dict[str, Any], strict: bool, missing: list[str],
             unexpected: list[str], errors: list[str]) -> None:
    """Copy what belongs to `module` alone, and note what does not fit."""
    own = persistent(module)
    for name, x in own.items():
        key = prefix + name
        if key in state_dict:
            _load_one(module, name, x, key, state_dict[key], bool(metadata.get("assign_to_params_buffers")), errors)
        elif strict:
            missing.append(key)
    if not strict:
        return
    known = {*own, EXTRA} if module._loads_more() else set(own)
    for key in state_dict:
        if key.startswith(prefix):
            first, dot, _ = key[len(prefix):].partition(".")
            if first not in (module._modules if dot else known):
                unexpected.append(key)


def _load_one(module: Any, name: str, x: Tensor, key: str, loaded: Any, assign: bool, errors: list[str]) -> None:
    if not isinstance(loaded, Tensor):
        errors.append(f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from '
                      f"checkpoint but received {type(loaded)}")
        return
    if is_lazy(x):
        return  # as is what was saved of it: otherwise a lazy module has given it a shape before
    if x.ndim == 0 and loaded.shape == (1,):
        loaded = loaded[0]  # type: ignore[index]
    if loaded.shape != x.shape:
        errors.append(f"size mismatch for {key}: copying a param with shape {loaded.shape} from checkpoint, the shape "
                      f"in current model is {x.shape}.")
        return
    try:
        with no_grad():
            if not assign:
                x.copy_(loaded)  # type: ignore[attr-defined]
            elif isinstance(x, Parameter) and not isinstance(loaded, Parameter):
                setattr(module, name, Parameter(loaded, x.requires_grad))
            else:
                setattr(module, name, loaded.requires_grad_(x.requires_grad))
    except Exception as problem:
        errors.append(f'While copying the parameter named "{key}", whose dimensions in the model are {x.size()} and '
                      f"whose dimensions in the checkpoint are {loaded.size()}, an exception occurred : "
                      f"{problem.args}.")
