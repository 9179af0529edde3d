"""What the parts of a traced function are called: its graph, its arguments, and the tensors that it finds."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from gradc import locations
from gradc.compiler.arguments import is_array, leaves
from gradc.ir import OPS, Location
from gradc.tensor import Tensor


def code_of(function: Any) -> Any:
    """The Python function behind a callable: of a module its forward, of a method its function."""
    if hasattr(type(function), "named_parameters"):
        function = type(function).forward
    return getattr(function, "__func__", function)


def graph_name(function: Any) -> str:
    """The name of the function as the name of its graph."""
    name = getattr(function, "__name__", type(function).__name__.lower())
    return name if name.isidentifier() and name not in OPS else f"{name.strip('<>')}_graph"


def location(function: Any) -> Location:
    """Where a function is defined."""
    code = getattr(code_of(function), "__code__", None)
    return locations.UNKNOWN if code is None else locations.of_instruction(code, -1)


def of_arguments(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
    """A name for each tensor in the arguments: the parameter's, with a number inside containers."""
    names: list[str] = []
    for name, value in zip(of_parameters(function, args, kwargs), [*args, *kwargs.values()], strict=True):
        inside = [x for x in leaves(value) if isinstance(x, Tensor) or is_array(x)]
        names += [name] if inside and inside[0] is value else [f"{name}_{i}" for i in range(len(inside))]
    return names


def of_parameters(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
    """What the function calls its arguments."""
    try:
        found = inspect.signature(code_of(function)).parameters.values()
        parameters = [p for p in found if p.kind is not p.VAR_KEYWORD]
    except (TypeError, ValueError):
        parameters = []
    if code_of(function) is not function:  # bound: its first parameter is self
        parameters = parameters[1:]
    names: list[str] = []
    for i in range(len(args)):
        parameter = parameters[min(i, len(parameters) - 1)] if parameters else None
        if parameter is None or parameter.kind is parameter.VAR_POSITIONAL:
            names.append(f"{parameter.name if parameter else 'argument'}_{i}")
        else:
            names.append(parameter.name)
    return names + list(kwargs)


def of_tensors(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[int, str]:
    """What to call the tensors that a function can reach by name: `model.fc.weight` is `model_fc_weight`.

    It sees its own object, closure and globals, its arguments, and the attributes of the objects among these.
    """
    names: dict[int, str] = {}
    arguments = zip(of_parameters(function, args, kwargs), [*args, *kwargs.values()], strict=False)
    named = [*_reachable(function), *arguments]
    inside = [(attribute, held) for _, value in named if type(value).__module__.partition(".")[0] != "gradc"
              for attribute, held in _attributes(value)]
    for name, value in [*named, *inside]:
        for path, tensor in _tensors_in(value):
            names.setdefault(id(tensor), f"{name}_{path.replace('.', '_')}" if path else name)
    return names


def _reachable(function: Any) -> Iterator[tuple[str, Any]]:
    """The objects that a function has names for without its arguments."""
    owner = getattr(function, "__self__", function if hasattr(type(function), "named_parameters") else None)
    if owner is not None:
        yield type(owner).__name__.lower(), owner
    function = code_of(function)
    if not hasattr(function, "__code__"):
        return
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for name in function.__code__.co_names:
        if name in function.__globals__:
            yield name, function.__globals__[name]


def _attributes(value: Any) -> Iterable[tuple[str, Any]]:
    """The tensors and modules that a plain object holds."""
    if isinstance(value, type) or inspect.ismodule(value) or inspect.isfunction(value):
        return []
    return [(name, held) for name, held in getattr(value, "__dict__", {}).items()
            if isinstance(held, Tensor) or hasattr(type(held), "named_parameters")]


def _tensors_in(value: Any) -> Iterator[tuple[str, Tensor]]:
    """A tensor itself, or the parameters and buffers of a module with their paths."""
    if isinstance(value, Tensor):
        yield "", value
    elif hasattr(type(value), "named_parameters"):
        yield from value.named_parameters()
        yield from value.named_buffers()
