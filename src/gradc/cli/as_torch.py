"""gradc under PyTorch's name: inside `with gradc.as_torch():` every import of `torch` is answered by gradc."""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from gradc import coverage
from gradc.version import __version__

__all__ = ["TorchVersion", "as_torch"]


class TorchVersion(str):
    """A version that compares by its numbers: with another version, or with a tuple."""

    def numbers(self, other: Any = None) -> tuple[int, ...]:
        """The numbers of this version, or of another one."""
        given = self if other is None else other
        if isinstance(given, str):
            return tuple(int(n) for n in re.findall(r"\d+", given.partition("+")[0])[:3])
        return tuple(int(n) for n in given)

    def __lt__(self, other: Any) -> bool:
        return self.numbers() < self.numbers(other)

    def __le__(self, other: Any) -> bool:
        return self.numbers() <= self.numbers(other)

    def __gt__(self, other: Any) -> bool:
        return self.numbers() > self.numbers(other)

    def __ge__(self, other: Any) -> bool:
        return self.numbers() >= self.numbers(other)


class _Loader(importlib.abc.Loader):
    """Gives a module of gradc under a name of PyTorch."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.spec = module.__spec__

    def create_module(self, spec: Any) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec  # importing has put in its place that of the name it was asked for


class _Finder(importlib.abc.MetaPathFinder):
    """Finds `torch.x.y` as `gradc.x.y`."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: Any = None) -> Any:
        if fullname != "torch" and not fullname.startswith("torch."):
            return None
        name = coverage.own(fullname)
        try:
            module = _module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not name.startswith(error.name):
                raise
            hint = coverage.nearest(fullname)
            raise ModuleNotFoundError(f"No module named {fullname!r}: gradc has nothing in its place."
                                      f"{f' Instead: {hint}.' if hint else ''}", name=fullname) from None
        coverage.guard()
        return importlib.machinery.ModuleSpec(fullname, _Loader(module), is_package=hasattr(module, "__path__"))


def _module(name: str) -> ModuleType:
    """A module of gradc: a file, or what another module has under this name.

    Raises ModuleNotFoundError if it is neither.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        owner, _, last = name.rpartition(".")
        found = getattr(importlib.import_module(owner), last, None) if error.name == name else None
        if not isinstance(found, ModuleType):
            raise
        return found


@contextlib.contextmanager
def as_torch() -> Iterator[None]:
    """Answer `import torch`, and imports of its submodules, with gradc's modules until the end of the block.

    A real PyTorch that was imported before is back afterwards. Inside, `__version__` is that of the PyTorch which gradc
    was compared with, for programs that ask.
    """
    gradc = sys.modules["gradc"]
    outside = _torch_modules()
    for name in outside:
        del sys.modules[name]
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    before = vars(gradc)["__version__"]
    vars(gradc)["__version__"] = TorchVersion(f"{coverage.torch_version()}+gradc.{__version__}")
    try:
        yield
    finally:
        vars(gradc)["__version__"] = before
        sys.meta_path.remove(finder)
        for name in _torch_modules():
            del sys.modules[name]
        sys.modules.update(outside)


def _torch_modules() -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name == "torch" or name.startswith("torch.")}
