"""PyTorch's operator database in gradc's terms: its functions, and the arguments of its samples."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import torch

import gradc
from gradc.tensor import wrap


class Missing(Exception):
    """A name of torch that gradc does not have."""


def named(path: str) -> Callable[..., Any]:
    """gradc's function under the name of an OpInfo: of the package, else a method."""
    found: Any = gradc
    try:
        for name in path.removeprefix("torch.").split("."):
            found = getattr(found, name)
    except AttributeError:
        return method(path)
    return found if callable(found) else method(path)  # gradc.cfloat is a type


def method(name: str) -> Callable[..., Any]:
    found = getattr(gradc.Tensor, name, None)
    if found is None:
        raise Missing(name)
    return found if callable(found) else found.__get__  # a property


def _seeded(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Stands for the database's wrapper_set_seed, which forks generators of devices."""
    gradc.manual_seed(42)
    return function(*args, **kwargs)


def of_the_database(function: Any) -> bool:
    """Whether it is a function that the database itself defines, as a lambda that calls a method."""
    return isinstance(function, types.FunctionType) and function.__module__.startswith("torch.testing")


def rebound(function: Any) -> Callable[..., Any]:
    """A function of the database that finds gradc where it says torch."""
    if isinstance(function, functools.partial):
        return functools.partial(counterpart(function.func), *function.args, **function.keywords)
    names = {**function.__globals__, "torch": gradc, "wrapper_set_seed": _seeded, "F": gradc.nn.functional}
    for name in function.__code__.co_names:
        if name != "wrapper_set_seed" and of_the_database(names.get(name)):
            names[name] = rebound(names[name])
    cells = tuple(types.CellType(translated(cell.cell_contents, {})) for cell in function.__closure__ or ())
    result = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, cells)
    result.__kwdefaults__ = function.__kwdefaults__
    return result


def counterpart(function: Any) -> Callable[..., Any]:
    """gradc's function for one of torch that is known by itself only."""
    if of_the_database(function) or isinstance(function, functools.partial):
        return rebound(function)
    if isinstance(function, (types.MethodDescriptorType, types.WrapperDescriptorType)):
        return method(function.__name__)
    if getattr(function, "__module__", None) in ("_operator", "operator"):
        return function
    if getattr(torch.Tensor, function.__name__, None) is function:
        return method(function.__name__)
    module = getattr(function, "__module__", None) or "torch"
    known = module.startswith(("torch.nn.functional", "torch.linalg", "torch.special"))
    return named(f"{module if known else 'torch'}.{function.__name__}")


FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)
CONSTANTS = (torch.dtype, torch.memory_format, torch.layout)


def translated(x: Any, memo: dict[int, tuple[Any, Any]]) -> Any:
    """An argument for gradc; `memo` keeps which tensor stands for which, by the id of torch's."""
    if isinstance(x, torch.Tensor):
        if id(x) not in memo:
            memo[id(x)] = x, tensor(x)
        return memo[id(x)][1]
    if isinstance(x, CONSTANTS):
        found = getattr(gradc, str(x).removeprefix("torch."), None)
        if found is None:
            raise Missing(str(x))
        return found
    if isinstance(x, torch.Size):
        return gradc.Size(x)
    if isinstance(x, torch.device):
        return gradc.device(str(x))
    if isinstance(x, torch.Generator):
        return gradc.Generator().manual_seed(x.initial_seed())
    if isinstance(x, (list, tuple)):
        items = [translated(item, memo) for item in x]
        return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
    if isinstance(x, dict):
        return {key: translated(item, memo) for key, item in x.items()}
    if isinstance(x, type) and issubclass(x, torch.Tensor):
        return gradc.Tensor
    if isinstance(x, torch.nn.Module):
        return getattr(gradc.nn, type(x).__name__)()
    if isinstance(x, FUNCTIONS) and (getattr(x, "__module__", None) or "torch").startswith("torch"):
        return counterpart(x)
    return x


def tensor(x: torch.Tensor) -> gradc.Tensor:
    """A leaf with the numbers, the strides and the flag of torch's."""
    if x.layout is not torch.strided or x.is_quantized or x.device.type != "cpu":
        raise Missing(f"a tensor of layout {x.layout} on {x.device}")
    if x.dtype is torch.bfloat16:
        return gradc.tensor(x.detach().float().tolist(), dtype=gradc.bfloat16).requires_grad_(x.requires_grad)
    if x.dtype is torch.complex32 or x.ndim > 64:
        raise Missing(f"a tensor of type {x.dtype} with {x.ndim} dimensions")  # NumPy has neither
    values = x.detach().resolve_conj().resolve_neg()
    if 0 not in values.stride():
        values = values.clone() if values.is_contiguous() else torch.empty_strided(
            values.size(), values.stride(), dtype=values.dtype).copy_(values)
    found = wrap(values.numpy())
    return found.requires_grad_() if x.requires_grad else found
