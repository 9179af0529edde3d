"""What a trace assumed of the world, checked before its program is used again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from gradc.generator import Generator
from gradc.locations import package_files
from gradc.passes.cse import identity
from gradc.tensor import Tensor

PLAIN = (int, float, bool, str, bytes, complex, type(None), tuple)
"""Types whose values are compared; everything else is compared by identity."""

LARGEST_GUARDED_ARRAY = 65536
"""Bytes. What a function computes from a larger NumPy array, outside of tensors, is taken as fixed."""

_MISSING = object()


class Guards:
    """The entries of dictionaries, closure cells, containers and tensors that a trace relied on, with what they were.

    For a function these are the globals and closure cells that it reads, and those of the functions it names there; of
    the modules, objects, dictionaries and lists among them the plain values that they hold.
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[int, Any], tuple[Callable[..., Any], Any, Any]] = {}
        self._cells: list[tuple[Any, str, Any]] = []
        self._sizes: list[tuple[Any, int]] = []
        self._tensors: list[tuple[Tensor, Any, Any]] = []
        self._grads: dict[int, tuple[Tensor, bool]] = {}
        self._seen: dict[int, Any] = {}

    # What is assumed

    def entry(self, container: dict[Any, Any], key: Any) -> None:
        """Assume that `container[key]` stays what it is."""
        if (id(container), key) not in self._entries:  # the bound get keeps the container, and so its id
            self._entries[id(container), key] = (container.get, key, container.get(key, _MISSING))

    def number(self, container: dict[Any, Any], key: Any, nonzero: bool) -> None:
        """Assume that `container[key]` stays a number, or a tuple of as many; other than zero if `nonzero`."""
        self._cells.append((_Number(container, key, nonzero), str(key), _kind(container[key], nonzero)))

    def tensor(self, tensor: Tensor) -> None:
        """Assume that a tensor of the state keeps its memory, and whether it requires grad, and has no hooks."""
        self._tensors.append((tensor, tensor._storage, tensor._node))

    def grad(self, tensor: Tensor) -> None:
        """Assume that `tensor.grad` stays None, or stays a tensor."""
        self._grads.setdefault(id(tensor), (tensor, tensor._grad is None))

    def module(self, module: Any) -> None:
        """Assume that a module's parameters, buffers, submodules, hooks and plain attributes stay."""
        if self._first(module):
            read = names_read(type(module))
            for key, value in list(module.__dict__.items()):
                if isinstance(value, (Tensor, Generator)) or hasattr(value, "_parameters"):
                    self.entry(module.__dict__, key)
                elif isinstance(value, PLAIN) and (read is None or key in read):
                    self.entry(module.__dict__, key)
                elif isinstance(value, dict):
                    self._sizes.append((value, len(value)))
            self.function(type(module).forward)

    def function(self, function: Any) -> None:
        """Assume that the globals and the closure that a user's function reads stay."""
        function = getattr(function, "__func__", function)
        if not isinstance(function, FunctionType) or not self._first(function):
            return
        if package_files[function.__code__.co_filename]:
            return
        for name in _global_names(function.__code__):
            if name in function.__globals__:
                self.entry(function.__globals__, name)
                self.inside(function.__globals__[name])
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            self._cells.append((cell, name, _contents(cell)))
            self.inside(_contents(cell))

    def inside(self, value: Any) -> None:
        """Assume that what a named object holds stays, as far as a trace may have read it."""
        if isinstance(value, (*PLAIN, Tensor, type, ModuleType)) or value is _MISSING:
            return
        if isinstance(value, FunctionType):
            self.function(value)
        elif isinstance(value, np.ndarray):
            if value.nbytes <= LARGEST_GUARDED_ARRAY and self._first(value):
                self._cells.append((_Array(value), "an array", value.tobytes()))
        elif isinstance(value, dict):
            if self._first(value):
                self._plain_entries(value)
                self._sizes.append((value, len(value)))
        elif isinstance(value, (list, set)):
            if self._first(value) and all(isinstance(item, PLAIN) for item in value):
                self._cells.append((_Items(value), f"a {type(value).__name__}", tuple(value)))
            self._sizes.append((value, len(value)))
        elif isinstance(getattr(value, "__dict__", None), dict) and type(value).__module__.partition(".")[0] != "gradc":
            if self._first(value):
                self._plain_entries(value.__dict__)

    def _plain_entries(self, container: dict[Any, Any]) -> None:
        for key, value in list(container.items()):
            if isinstance(value, (*PLAIN, Tensor, Generator)):
                self.entry(container, key)

    def _first(self, x: Any) -> bool:
        """Whether x is seen for the first time; it is kept, so that its id stays its own."""
        first = id(x) not in self._seen
        self._seen[id(x)] = x
        return first

    # Whether it still holds

    def broken(self) -> str | None:
        """What has changed, in words; None while all assumptions hold. Called at every call: mind the time."""
        missing = _MISSING
        for get, key, expected in self._entries.values():
            if get(key, missing) is not expected and not _equal(get(key, missing), expected):
                return f"{key}: {_short(expected)} → {_short(get(key, missing))}"
        for tensor, storage, node in self._tensors:
            if tensor._storage is not storage or tensor._node is not node or tensor._hooks:
                return f"a tensor of the state ({tensor.type_}): its memory, requires_grad or hooks changed"
        for cell, name, expected in self._cells:
            value = _contents(cell)
            if value is not expected and not _equal(value, expected):
                return f"{name}: {_short(expected)} → {_short(value)}"
        for container, size in self._sizes:
            if len(container) != size:
                return f"a {type(container).__name__} of {size} items has {len(container)}"
        for tensor, was_none in self._grads.values():
            if (tensor._grad is None) is not was_none:
                return ".grad: None → a tensor" if was_none else ".grad: a tensor → None"
        return None


@functools.cache
def names_read(kind: type) -> frozenset[str] | None:
    """The attributes that the methods of one of gradc's own modules may read; None for a user's class: all of them."""
    names: set[str] = set()
    for base in kind.__mro__:
        for name, method in vars(base).items():
            code = getattr(method, "__code__", None)
            if code is None or name in ("__init__", "extra_repr", "reset_parameters"):
                continue
            if not package_files[code.co_filename]:
                return None
            if base.__name__ != "Module":
                names.update(code.co_names)
    return frozenset(names)


class _Array:
    """A NumPy array, looked at like a closure cell that holds its bytes."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array

    @property
    def cell_contents(self) -> bytes:
        return self.array.tobytes()


class _Items:
    """A list or a set of plain values, looked at like a closure cell."""

    def __init__(self, items: list[Any] | set[Any]) -> None:
        self.items = items

    @property
    def cell_contents(self) -> tuple[Any, ...]:
        return tuple(self.items)


class _Number:
    """A number among others, looked at like a closure cell that holds what kind of number it is."""

    def __init__(self, container: dict[Any, Any], key: Any, nonzero: bool) -> None:
        self.container, self.key, self.nonzero = container, key, nonzero

    @property
    def cell_contents(self) -> Any:
        return _kind(self.container.get(self.key, _MISSING), self.nonzero)


def _kind(value: Any, nonzero: bool) -> Any:
    """ "a number", or a tuple of such words; of anything else, its class."""
    if isinstance(value, tuple):
        return tuple([_kind(x, nonzero) for x in value])
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return type(value).__name__
    return "zero" if nonzero and value == 0 else "a number"


def _equal(a: Any, b: Any) -> bool:
    if type(a) is not type(b) or not isinstance(a, PLAIN):
        return False
    try:
        return bool(identity(a) == identity(b))
    except Exception:  # a tuple of what cannot be compared as one truth value, as tensors cannot
        return False


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
