"""Modules as functions of their parameters: functional_call and stack_module_state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradc.func.levels import refused
from gradc.modes import current
from gradc.nn.module import Module
from gradc.ops.joining import stack
from gradc.tensor import Tensor


def functional_call(module: Module, parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
                    args: Any = None, kwargs: dict[str, Any] | None = None, *, tie_weights: bool = True,
                    strict: bool = False) -> Any:
    """Call a module with the tensors of these dictionaries in place of its parameters and buffers of these names.

    The module is as before afterwards. With `tie_weights` a parameter that the module holds under several names is
    replaced under all of them. `strict` demands an entry for every parameter and buffer, and no other.

    Raises TransformError for names that the module does not have.
    Source  torch.func.functional_call
    """
    given: dict[str, Tensor] = {}
    parts = [parameter_and_buffer_dicts] if isinstance(parameter_and_buffer_dicts, Mapping) \
        else list(parameter_and_buffer_dicts)
    for part in parts:
        twice = given.keys() & part.keys()
        if twice:
            raise refused(f"functional_call: {sorted(twice)[0]} appeared in multiple dictionaries; behavior of "
                          f"functional call is ambiguous")
        given.update(part)
    held = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers(remove_duplicate=False))
    unknown = sorted(given.keys() - held.keys())
    missing = sorted(held.keys() - given.keys())
    if unknown or strict and missing:
        raise refused(f"functional_call: Error(s) in loading state for {type(module).__name__}: "
                      + (f"Unexpected key(s): {', '.join(unknown)}. " if unknown else "")
                      + (f"Missing key(s): {', '.join(missing)}." if missing and strict else ""))
    if tie_weights:
        names: dict[int, list[str]] = {}
        for name, known in held.items():
            names.setdefault(id(known), []).append(name)
        for name, tensor in list(given.items()):
            for other in names[id(held[name])]:
                given.setdefault(other, tensor)
    arguments = () if args is None else args if isinstance(args, tuple) else (args,)
    before = [(*_owner(module, name), held[name]) for name in given]
    trace = current().trace
    try:
        for name, tensor in given.items():
            owner, attribute = _owner(module, name)
            if trace is not None:
                trace.guard(owner.__dict__, attribute)  # as it is outside of this call
            owner.__dict__[attribute] = tensor
        return module(*arguments, **(kwargs or {}))
    finally:
        for owner, attribute, tensor in before:
            owner.__dict__[attribute] = tensor


def _owner(module: Module, name: str) -> tuple[Module, str]:
    path, _, attribute = name.rpartition(".")
    return module.get_submodule(path), attribute


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters and the buffers of modules of one class, stacked along a new first dimension, by name.

    Raises TransformError for no modules, or of several classes or modes, or where some train a parameter and others
    do not.
    Source  torch.func.stack_module_state
    """
    if not models:
        raise refused("stack_module_state: Expected at least one model, got 0.")
    if len({m.training for m in models}) > 1:
        raise refused("stack_module_state: Expected all models to have the same training/eval mode.")
    if len({type(m) for m in models}) > 1:
        raise refused("stack_module_state: Expected all models to be of the same class.")
    parameters = _stacked([dict(m.named_parameters()) for m in models])
    return parameters, _stacked([dict(m.named_buffers()) for m in models])


def _stacked(states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Leaves that stack the tensors of each name."""
    found = {}
    for name, first in states[0].items():
        parts = [state[name] for state in states]
        if any(x.requires_grad != first.requires_grad for x in parts):
            raise refused(f"stack_module_state: Expected {name} from each model to have the same .requires_grad")
        found[name] = stack([x.detach() for x in parts]).requires_grad_(first.requires_grad)  # type: ignore[attr-defined]
    return found
