"""Modules that hold modules or parameters as a sequence or a dictionary."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, TypeVar

from gradc.errors import ArgumentError, DimensionError, GradError
from gradc.nn.module import Module, ModuleError, described, indented
from gradc.nn.parameter import Parameter
from gradc.tensor import Tensor

__all__ = ["ModuleDict", "ModuleList", "ParameterList", "Sequential"]

S = TypeVar("S", bound="ModuleSequence")


def position(index: Any, size: int) -> int:
    """`index` counted from the front. Raises DimensionError, an IndexError, if it is out of range."""
    found = operator.index(index)
    if not -size <= found < size:
        raise DimensionError(f"index {found} is out of range")
    return found % size


class ModuleSequence(Module):
    """Modules in order; Sequential and ModuleList."""

    def _hold(self, modules: Iterable[Module]) -> None:
        """Hold these modules and no others, under their numbers."""
        found = list(modules)
        self._modules.clear()
        for module in found:
            self.append(module)

    def __len__(self) -> int:
        return len(self._module_names)

    def __iter__(self) -> Iterator[Module]:
        return iter([self.__dict__[name] for name in self._module_names])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._part(list(self._module_names)[index])
        return self.__dict__[self._name(index)]

    def _part(self, names: list[str]) -> Module:
        """A sequence of the modules with these names."""
        raise NotImplementedError

    def _name(self, index: Any) -> str:
        return list(self._module_names)[position(index, len(self))]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name(index), module)

    def __delitem__(self, index: Any) -> None:
        kept = list(self)
        del kept[index if isinstance(index, slice) else position(index, len(self))]
        self._hold(kept)

    def append(self: S, module: Module) -> S:
        """Add a module at the end."""
        self.register_module(str(len(self)), module)
        return self

    def extend(self: S, modules: Iterable[Module]) -> S:
        """Add modules at the end."""
        if not isinstance(modules, Iterable):
            raise ArgumentError(f"{type(self).__name__}.extend should be called with an iterable, but got "
                                f"{type(modules).__name__}")
        for module in list(modules):
            self.append(module)
        return self

    def insert(self: S, index: int, module: Module) -> S:
        """Add a module in front of the one at `index`."""
        if not -len(self) <= index <= len(self):
            raise DimensionError(f"Index out of range: {index}")
        modules = list(self)
        modules.insert(index, module)
        self._hold(modules)
        return self

    def pop(self, index: Any) -> Any:
        """Remove the module at `index` and return it."""
        module = self[index]
        del self[index]
        return module


class Sequential(ModuleSequence):
    """The composition of modules: each gets what the one before it returns, as torch.nn.Sequential.

    They come as arguments, or with names in one OrderedDict.
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], OrderedDict):
            for name, module in modules[0].items():
                self.register_module(name, module)
        else:
            self.extend(modules)

    def forward(self, input: Any) -> Any:
        """The last module of … of the first module of `input`."""
        attributes = self.__dict__
        for name in self._module_names:
            input = attributes[name](input)
        return input

    def _part(self, names: list[str]) -> Sequential:
        return type(self)(OrderedDict((name, self.__dict__[name]) for name in names))

    def __add__(self, other: Any) -> Sequential:
        return Sequential(*self, *self._other(other))

    def __iadd__(self, other: Any) -> Sequential:
        return self.extend(self._other(other))

    def __mul__(self, count: int) -> Sequential:
        return Sequential(*self._repeated(count))

    __rmul__ = __mul__

    def __imul__(self, count: int) -> Sequential:
        self._hold(self._repeated(count))
        return self

    def _other(self, other: Any) -> Sequential:
        if not isinstance(other, Sequential):
            raise ModuleError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")
        return other

    def _repeated(self, count: int) -> list[Module]:
        if not isinstance(count, int):
            raise ArgumentError(f"unsupported operand type(s) for *: {type(self)} and {type(count)}")
        if count <= 0:
            raise ModuleError(f"Non-positive multiplication factor {count} for {type(self)}")
        return list(self) * count


class ModuleList(ModuleSequence):
    """A list of modules whose parameters the module that has it finds, as torch.nn.ModuleList."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def _part(self, names: list[str]) -> ModuleList:
        return type(self)([self.__dict__[name] for name in names])

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, other: Iterable[Module]) -> ModuleList:
        return self.extend(other)

    def __repr__(self) -> str:
        """Neighbours with one text are printed once, with the range of their numbers."""
        runs: list[list[Any]] = []
        for i, module in enumerate(self):
            text = indented(module)
            if runs and runs[-1][2] == text:
                runs[-1][1] = i
            else:
                runs.append([i, i, text])
        return described(self._get_name(), [], [
            f"({first}): {text}" if first == last else f"({first}-{last}): {last - first + 1} x {text}"
            for first, last, text in runs])


class ModuleDict(Module):
    """A dictionary of modules whose parameters the module that has it finds, as torch.nn.ModuleDict."""

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        found: Module = self._modules[key]
        return found

    def __setitem__(self, key: str, module: Module) -> None:
        self.register_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._module_names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._module_names)

    def __contains__(self, key: object) -> bool:
        return key in self._module_names

    def keys(self) -> KeysView[str]:
        """The names, in order."""
        return self._modules.keys()

    def values(self) -> ValuesView[Module]:
        """The modules, in order."""
        return self._modules.values()

    def items(self) -> ItemsView[str, Module]:
        """The names with their modules, in order."""
        return self._modules.items()

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Remove the module called `key` and return it."""
        found: Module = self._modules.pop(key)
        return found

    def update(self, modules: Any) -> None:
        """Add modules from a mapping or from pairs of a name and a module."""
        if not isinstance(modules, Iterable):
            raise ArgumentError(f"ModuleDict.update should be called with an iterable of key/value pairs, but got "
                                f"{type(modules).__name__}")
        pairs = modules.items() if isinstance(modules, (Mapping, ModuleDict)) else modules
        for key, module in pairs:
            self[key] = module


class ParameterList(Module):
    """A list of parameters that the module that has it finds, as torch.nn.ParameterList.

    Tensors become parameters; other objects stay what they are.
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return iter([self.__dict__[str(i)] for i in range(self._size)])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self.__dict__[str(position(index, self._size))]

    def __setitem__(self, index: int, value: Any) -> None:
        if isinstance(value, Tensor) and not isinstance(value, Parameter):
            value = Parameter(value)
        setattr(self, str(position(index, self._size)), value)

    def append(self, value: Any) -> ParameterList:
        """Add a parameter at the end."""
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add parameters at the end."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise ArgumentError(f"ParameterList.extend should be called with an iterable, but got "
                                f"{type(values).__name__}")
        for value in list(values):
            self.append(value)
        return self

    __iadd__ = extend

    def extra_repr(self) -> str:
        return "\n".join(listed(i, x, getattr(x, "dtype", None)) for i, x in enumerate(self))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise GradError("ParameterList should not be called.")


def listed(name: Any, x: Any, of: Any) -> str:
    """PyTorch's line for what a list or dictionary of parameters holds under `name`. `of` is how it calls the type."""
    if not isinstance(x, Tensor):
        return f"  ({name}): Object of type: {type(x).__name__}"
    kind = "Parameter" if isinstance(x, Parameter) else "Tensor"
    return f"  ({name}): {kind} containing: [{of} of size {'x'.join(map(str, x.shape))}]"
