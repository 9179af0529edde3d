"""What a trace assumed of the world, checked before its program is used again."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from gradc.tensor import Tensor

PLAIN = (int, float, bool, str, bytes, complex, type(None), tuple)
"""Types whose values are compared; everything else is compared by identity."""

_MISSING = object()


class Guards:
    """The entries of dictionaries, the closure cells and the gradients that a trace has read, with what they were."""

    def __init__(self) -> None:
        self._entries: dict[tuple[int, Any], tuple[Callable[..., Any], Any, Any]] = {}
        self._containers: list[dict[Any, Any]] = []
        self._cells: list[tuple[Any, str, Any]] = []
        self._grads: dict[int, tuple[Tensor, bool]] = {}
        self._modules: set[int] = set()

    def entry(self, container: dict[Any, Any], key: Any) -> None:
        """Assume that `container[key]` stays what it is."""
        if (id(container), key) not in self._entries:
            self._containers.append(container)  # its id must stay its own
            self._entries[id(container), key] = (container.get, key, container.get(key, _MISSING))

    def grad(self, tensor: Tensor) -> None:
        """Assume that `tensor.grad` stays None, or stays a tensor of its shape."""
        self._grads.setdefault(id(tensor), (tensor, tensor._grad is None))

    def module(self, module: Any) -> None:
        """Assume that a module's parameters, buffers, submodules and plain attributes stay."""
        if id(module) in self._modules:
            return
        self._modules.add(id(module))
        for key, value in list(module.__dict__.items()):
            if isinstance(value, (*PLAIN, Tensor)) or hasattr(value, "_parameters"):
                self.entry(module.__dict__, key)
        self.function(type(module).forward)

    def function(self, function: Any) -> None:
        """Assume that the globals and the closure that a user's function reads stay."""
        function = getattr(function, "__func__", function)
        if not isinstance(function, FunctionType) or function.__module__.partition(".")[0] == "gradc":
            return
        for name in _global_names(function.__code__):
            if name in function.__globals__:
                self.entry(function.__globals__, name)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            self._cells.append((cell, name, _contents(cell)))

    def broken(self) -> str | None:
        """What has changed, in words; None while all assumptions hold."""
        for get, key, expected in self._entries.values():  # at every call: mind the time
            if get(key, _MISSING) is not expected and not _equal(get(key, _MISSING), expected):
                return f"{key}: {_short(expected)} → {_short(get(key, _MISSING))}"
        for cell, name, expected in self._cells:
            value = _contents(cell)
            if value is not expected and not _equal(value, expected):
                return f"{name}: {_short(expected)} → {_short(value)}"
        for tensor, was_none in self._grads.values():
            if (tensor._grad is None) is not was_none:
                return ".grad: None → a tensor" if was_none else ".grad: a tensor → None"
        return None


def _equal(a: Any, b: Any) -> bool:
    return type(a) is type(b) and isinstance(a, PLAIN) and (a == b or a != a and b != b)


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return _MISSING


def _global_names(code: CodeType) -> list[str]:
    """The names that a function, and the functions inside it, may read from its globals."""
    names = list(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names += _global_names(constant)
    return names


def _short(value: Any) -> str:
    if value is _MISSING:
        return "absent"
    text = repr(value) if isinstance(value, PLAIN) else f"{type(value).__name__} at {id(value):#x}"
    return text if len(text) < 60 else text[:57] + "..."
