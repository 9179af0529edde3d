"""What a trace assumed of the world, checked before its program is used again."""

from __future__ import annotations

import contextvars
import enum
import functools
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import (
    BuiltinFunctionType,
    BuiltinMethodType,
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np

from gradc.generator import Generator
from gradc.locations import package_files
from gradc.passes.cse import identity
from gradc.tensor import Tensor

PLAIN = (int, float, bool, str, bytes, complex, type(None), tuple)
"""Types whose values are compared; everything else is compared by identity."""

PLAIN_BUT_TUPLES = (int, float, bool, str, bytes, complex, type(None))

LARGEST_GUARDED_ARRAY = 65536
"""Bytes. What a function computes from a larger NumPy array, outside of tensors, is not guarded."""

UNCHANGING = (BuiltinFunctionType, BuiltinMethodType, MethodDescriptorType, WrapperDescriptorType, GetSetDescriptorType,
              MemberDescriptorType, np.ufunc, np.dtype, np.generic, re.Pattern, range, slice, frozenset, enum.Enum,
              type(Ellipsis), type(NotImplemented))
"""Types of what holds nothing that can change."""

_MISSING = object()


class Guards:
    """The entries of dictionaries, closure cells, containers and tensors that a trace relied on, with what they were.

    For a function these are the globals and closure cells that it reads, and those of the functions it names there; of
    the modules, objects, dictionaries and lists among them the plain values that they hold.
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[int, Any], tuple[Callable[..., Any], Any, Any]] = {}
        self._cells: list[tuple[Any, str, Any]] = []
        self._sizes: dict[int, tuple[Any, int]] = {}
        self._tensors: list[tuple[Tensor, Any, Any, bool]] = []
        self._classes: dict[int, tuple[Any, type]] = {}
        self._functions: dict[int, tuple[Any, ...]] = {}
        self._grads: dict[int, tuple[Tensor, bool]] = {}
        self._seen: dict[int, Any] = {}
        self._names: frozenset[str] | None = None
        self._asked: frozenset[str] = frozenset()
        self._named: set[tuple[int, Any]] = set()
        self.unseen: list[str] = []
        self._check: Callable[[], bool] | None = None

    # What is assumed

    def entry(self, container: dict[Any, Any], key: Any) -> None:
        """Assume that `container[key]` stays what it is."""
        if self._names is not None:
            self._named.add((id(container), key))
        if (id(container), key) not in self._entries:  # the bound get keeps the container, and so its id
            self._entries[id(container), key] = (container.get, key, container.get(key, _MISSING))

    def reach(self, function: Any, objects: Iterable[Any]) -> None:
        """Assume that what a function has names for stays, as far as that can be told before it runs."""
        code = getattr(function, "__code__", None)
        self._names = frozenset() if code is None else _attribute_names(code)
        for each in objects:
            self.inside(each)

    def forget(self, container: dict[Any, Any], key: Any) -> None:
        """Assume nothing more of `container[key]`."""
        self._entries.pop((id(container), key), None)

    def number(self, container: dict[Any, Any], key: Any, nonzero: bool) -> None:
        """Assume that `container[key]` stays a number, or a tuple of as many; other than zero if `nonzero`."""
        self._cells.append((_Number(container, key, nonzero), str(key), _kind(container[key], nonzero)))

    def tensor(self, tensor: Tensor) -> None:
        """Assume that a tensor of the state keeps its memory, and whether it requires grad and has hooks."""
        self._tensors.append((tensor, tensor._storage, tensor._node, bool(tensor._hooks)))

    def grad(self, tensor: Tensor) -> None:
        """Assume that `tensor.grad` stays None, or stays a tensor."""
        self._grads.setdefault(id(tensor), (tensor, tensor._grad is None))

    def module(self, module: Any) -> None:
        """Assume that a module's parameters, buffers, submodules, hooks and plain attributes stay."""
        if self._first(module):
            read = names_read(type(module))
            for key, value in list(module.__dict__.items()):
                if isinstance(value, (Tensor, Generator)) or hasattr(type(value), "named_parameters"):
                    self.entry(module.__dict__, key)
                elif isinstance(value, PLAIN) and (read is None or key in read):
                    self.entry(module.__dict__, key)
            self._sizes[id(module.__dict__)] = (module.__dict__, len(module.__dict__))  # hooks, a forward of its own
            self._classes[id(module)] = (module, type(module))
            self.function(getattr(type(module), "forward", None))

    def function(self, function: Any) -> None:
        """Assume that the globals, the closure and the defaults that a user's function reads stay."""
        function = getattr(function, "__func__", function)
        if not isinstance(function, FunctionType) or package_files[function.__code__.co_filename] \
                or not self._first(function):
            return
        self.code(function.__code__, function.__globals__)
        self._functions[id(function)] = (function, function.__code__, function.__defaults__, function.__kwdefaults__)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            self._cells.append((cell, name, _contents(cell)))
            self.inside(_contents(cell))
        self.inside(function.__defaults__)
        self.inside(function.__kwdefaults__)

    def code(self, code: CodeType, names: dict[str, Any]) -> None:
        """Assume that the globals that the code of a function reads stay."""
        if self._first(code):
            for name in _global_names(code):
                if name in names:
                    self.entry(names, name)
                    self.inside(names[name])

    def inside(self, value: Any) -> None:
        """Assume that what a named object holds stays, as far as a trace may have read it."""
        if isinstance(value, (*PLAIN_BUT_TUPLES, *UNCHANGING)) or value is _MISSING:
            return
        if isinstance(value, FunctionType):
            self.function(value)
        elif isinstance(value, MethodType) and not isinstance(value.__func__, FunctionType):
            self.unseen.append(f"the method {value.__qualname__}")
        elif isinstance(value, MethodType):
            self.function(value.__func__)
            self.inside(value.__self__)
        elif isinstance(value, functools.partial):
            for part in (value.func, *value.args, *value.keywords.values()):
                self.inside(part)
        elif isinstance(value, tuple):
            for item in value:
                self.inside(item)
        elif self._first(value):
            self._inside_object(value)

    def _inside_object(self, value: Any) -> None:
        if isinstance(value, np.ndarray):
            if value.nbytes <= LARGEST_GUARDED_ARRAY:
                self._cells.append((_Array(value), "an array", value.tobytes()))
            else:
                self.unseen.append(f"a NumPy array of {value.nbytes} bytes")
        elif isinstance(value, dict):
            self._entries_of(value, value)
            self._sizes[id(value)] = (value, len(value))
        elif isinstance(value, (list, set, deque)):
            self._cells.append((_Items(value), f"a {type(value).__name__}", tuple(value)))
            for item in value:
                self.inside(item)
        elif isinstance(value, Tensor):
            self._attributes(value, {k: v for k, v in vars(value).items() if not hasattr(Tensor, k)})
        elif isinstance(value, (type, ModuleType)):
            self._entries_of(vars(value), self._names or (), deep=not _is_library(value))
        elif hasattr(type(value), "named_parameters"):
            self._seen.pop(id(value))
            self.module(value)
            self._attributes(value, value.__dict__)
        elif type(value).__module__.partition(".")[0] == "gradc":
            return
        elif isinstance(value, Iterator):
            self.unseen.append(f"an iterator ({type(value).__name__})")
        elif hasattr(type(value), "__slots__") and not hasattr(value, "__dict__"):
            for name in (n for base in type(value).__mro__ for n in getattr(base, "__slots__", ())):
                self._cells.append((_Attribute(value, name), name, getattr(value, name, _MISSING)))
                self.inside(getattr(value, name, _MISSING))
            self.inside(type(value))
        elif isinstance(getattr(value, "__dict__", None), dict) and _is_plain_object(value):
            self._classes[id(value)] = (value, type(value))
            self._attributes(value, value.__dict__)
            self.inside(type(value))
        else:
            self.unseen.append(f"an object of class {type(value).__name__}")

    def _attributes(self, owner: Any, held: dict[str, Any]) -> None:
        """The attributes of an object that may have been read, also those that it does not have yet."""
        if self._names is None:
            self._entries_of(held, held)
            return
        self._entries_of(vars(owner), self._names.intersection(held))
        for name in self._names.difference(held):
            if name in self._asked or any(name in vars(base) for base in type(owner).__mro__):
                self.entry(vars(owner), name)

    def _entries_of(self, container: Any, names: Iterable[Any], deep: bool = True) -> None:
        """The entries of a dictionary with these keys, and what they hold; if not `deep`, what cannot change is passed.
        """
        for key in [name for name in names if name in container]:
            value = container[key]
            if self._names is None and not isinstance(value, (*PLAIN, Tensor, Generator)):
                continue  # nobody watched what was read: only what is surely cheap to compare
            self.entry(container, key)
            if deep or isinstance(value, (ModuleType, MethodType)):
                self.inside(value.fget if isinstance(value, property) else
                            value.__func__ if isinstance(value, (staticmethod, classmethod)) else value)

    def follow(self, function: Any, arguments: Iterable[Any], codes: dict[CodeType, dict[str, Any]]) -> None:
        """Assume that all stays that a run has read, which called these functions of the user, with their globals.

        `unseen` then names what cannot be followed.
        """
        self._seen.clear()
        self._names = frozenset().union(*map(_attribute_names, codes))
        self.unseen += [f"{name} of a tensor" for name in self._names.intersection(("_version", "data_ptr"))]
        if self._names.intersection(("hasattr", "getattr", "AttributeError")):
            self._asked = self._names.difference(*[code.co_names for code in codes])
        self.inside(function)
        for argument in arguments:
            self.inside(argument)
        for code, names in codes.items():
            self.code(code, names)
        known = {f.__code__ for f in self._seen.values() if isinstance(f, FunctionType)}
        for code in codes:
            inner = any(code in outer.co_consts for outer in codes)
            if code.co_freevars and not inner and code not in known:
                self.unseen.append(f"the closure of {code.co_qualname}")

    def changed_number(self) -> tuple[dict[Any, Any], Any] | None:
        """The entry of a dictionary by which the assumptions fail, if the user's code named it and it is a number."""
        for place, (get, key, expected) in self._entries.items():
            now = get(key, _MISSING)
            if now is not expected and not _equal(now, expected):
                container = get.__self__
                both = type(expected) in (int, float) and type(now) is type(expected)
                return (container, key) if both and type(container) is dict and place in self._named else None
        return None

    def _first(self, x: Any) -> bool:
        """Whether x is seen for the first time; it is kept, so that its id stays its own."""
        first = id(x) not in self._seen
        self._seen[id(x)] = x
        return first

    # Whether it still holds

    def hold(self) -> bool:
        """Whether all assumptions hold. Called at every call: it is a function written for these very assumptions."""
        if self._check is None:
            self._check = self._written_out()
        return self._check()

    def _written_out(self) -> Callable[[], bool]:
        self._seen.clear()  # the arguments of the first call are among it
        names: dict[str, Any] = {"missing": _MISSING, "same": _equal, "contents": _contents}
        tests: list[str] = []

        def test(text: str, **values: Any) -> None:
            number = len(tests)
            names.update({f"{name}_{number}": value for name, value in values.items()})
            tests.append(f"    if {text.replace('#', f'_{number}')}: return False")

        for get, key, expected in self._entries.values():
            entries = get.__self__
            there = entries.__class__ is dict and expected is not _MISSING  # or else it is a KeyError
            known = repr(key) if type(key) is str and key.isidentifier() else "key#"
            found = f"entries#[{known}]" if there else "get#(key#, missing)"
            test(f"{found} is not was# and not same({found}, was#)", entries=entries, get=get, key=key, was=expected)
        for tensor, storage, node, hooked in self._tensors:
            hooks = "not t._hooks" if hooked else "t._hooks"
            test(f"(t := tensor#)._storage is not storage# or t._node is not node# or {hooks}", tensor=tensor,
                 storage=storage, node=node)
        for cell, _, expected in self._cells:
            known = cell.__class__ is CellType and expected is not _MISSING  # or else it is a ValueError
            found = "cell#.cell_contents" if known else "contents(cell#)"
            test(f"{found} is not was# and not same({found}, was#)", cell=cell, was=expected)
        for function, code, defaults, named in self._functions.values():
            test("f#.__code__ is not code# or f#.__defaults__ is not defaults# or f#.__kwdefaults__ is not named#",
                 f=function, code=code, defaults=defaults, named=named)
        for owner, kind in self._classes.values():
            test("type(owner#) is not kind#", owner=owner, kind=kind)
        for container, size in self._sizes.values():
            test(f"len(container#) != {size}", container=container)
        for tensor, was_none in self._grads.values():
            test(f"tensor#._grad is {'not ' if was_none else ''}None", tensor=tensor)
        exec("\n".join(["def check():", "  try:", *tests, "    return True", "  except (KeyError, ValueError):",
                        "    return False"]), names)
        return names["check"]  # type: ignore[no-any-return]

    def broken(self) -> str | None:
        """What has changed, in words; None while all assumptions hold."""
        missing = _MISSING
        for get, key, expected in self._entries.values():
            if get(key, missing) is not expected and not _equal(get(key, missing), expected):
                return f"{key}: {_short(expected)} → {_short(get(key, missing))}"
        for tensor, storage, node, hooked in self._tensors:
            if tensor._storage is not storage or tensor._node is not node or bool(tensor._hooks) is not hooked:
                return f"a tensor of the state ({tensor.type_}): its memory, requires_grad or hooks changed"
        for cell, name, expected in self._cells:
            value = _contents(cell)
            if value is not expected and not _equal(value, expected):
                return f"{name}: {_short(expected)} → {_short(value)}"
        for function, code, defaults, named in self._functions.values():
            if (function.__code__, function.__defaults__, function.__kwdefaults__) != (code, defaults, named):
                return f"the code or the defaults of {function.__name__}"
        for owner, kind in self._classes.values():
            if owner.__class__ is not kind:
                return f"an object of class {kind.__name__} is now of class {type(owner).__name__}"
        for container, size in self._sizes.values():
            if len(container) != size:
                return f"a {type(container).__name__} of {size} items has {len(container)}"
        for tensor, was_none in self._grads.values():
            if (tensor._grad is None) is not was_none:
                return ".grad: None → a tensor" if was_none else ".grad: a tensor → None"
        return None


class Unguarded(Guards):
    """Assumes nothing: for a trace that is used once."""

    def entry(self, container: dict[Any, Any], key: Any) -> None:
        """Nothing."""

    def number(self, container: dict[Any, Any], key: Any, nonzero: bool) -> None:
        """Nothing."""

    def tensor(self, tensor: Tensor) -> None:
        """Nothing."""

    def module(self, module: Any) -> None:
        """Nothing."""

    def grad(self, tensor: Tensor) -> None:
        """Nothing."""


UNGUARDED = Unguarded()


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


class _Attribute:
    """An attribute in a slot, looked at like a closure cell."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name = owner, name

    @property
    def cell_contents(self) -> Any:
        return getattr(self.owner, self.name, _MISSING)


class _Items:
    """A list or a set, looked at like a closure cell."""

    def __init__(self, items: Iterable[Any]) -> None:
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
    """Whether two objects are the same, or plain values that are equal; of tuples, all their items."""
    if a is b:
        return True
    if type(a) is not type(b) or not isinstance(a, PLAIN):
        return False
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    return identity(a) == identity(b)


def _is_library(x: Any) -> bool:
    """Whether a module or a class comes from Python's own library, or was made to be imported and left alone."""
    name = (x.__name__ if isinstance(x, ModuleType) else x.__module__).partition(".")[0]
    return name in sys.stdlib_module_names and name != "__main__" or name in ("gradc", "numpy", "jax", "torch")


def _is_plain_object(x: Any) -> bool:
    """Whether all that an object holds is in its dictionary and slots: its classes are all written in Python."""
    return all(base is object or base.__flags__ & HEAP_TYPE for base in type(x).__mro__) \
        and not isinstance(x, (threading.local, contextvars.ContextVar))


HEAP_TYPE = 1 << 9


@functools.cache
def _attribute_names(code: CodeType) -> frozenset[str]:
    """The names by which a function, and those inside it, may read attributes and items: its names and its texts."""
    found = {*code.co_names, *(x for x in code.co_consts if isinstance(x, str))}
    return frozenset(found).union(*[_attribute_names(x) for x in code.co_consts if isinstance(x, CodeType)])


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
