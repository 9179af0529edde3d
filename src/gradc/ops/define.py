"""The `@op` decorator: reads an op class, makes its one instance, registers it and gives Tensor its methods."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from gradc.apply import general
from gradc.errors import ArgumentError
from gradc.inplace import takes_out, write
from gradc.ir.registry import register
from gradc.ops.base import NUMBERS, Formula, Op, is_jax
from gradc.ops.eager import generate_eager
from gradc.ops.fast import accelerate
from gradc.tensor import Tensor


def op(cls: type[Op]) -> Any:
    """Make the one instance of an op class, complete it from its signatures and register it."""
    self = cls()
    self.name = cls.__name__.rstrip("_")
    self.generated = {}
    _read_signature(self, cls)
    _read_formulas(self, cls)
    if cls.torch_name is None:
        cls.torch_name = "".join(part.capitalize() for part in self.name.split("_"))
    self.eager = _on_first_use(self)
    make = accelerate(self)
    if make is None and "__call__" not in cls.__dict__:
        code = cls.call.__code__
        knows_out = "out" in code.co_varnames or code.co_flags & inspect.CO_VARKEYWORDS
        cls.__call__ = cls.call if knows_out else takes_out(cls.call, self.name)  # type: ignore[method-assign]
    register(self)  # type: ignore[arg-type]
    attach(self, make)
    return self


def _read_signature(self: Op, cls: type[Op]) -> None:
    """Operands and attributes from the kernel's, else the decomposition's, parameters."""
    for field in ("kernel", "decompose", "lower", "complex_kernel"):
        if callable(getattr(cls, field, None)):
            setattr(cls, field, staticmethod(getattr(cls, field)))
    source = cls.kernel or cls.decompose
    parameters = list(inspect.signature(source).parameters.values()) if source else []
    if cls.kernel:
        parameters = parameters[1:]
    positional = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    cls.variadic = any(p.kind is p.VAR_POSITIONAL for p in positional)
    cls.operands = tuple(p.name for p in positional)
    taken = {"g", "result", "result_type", "operand_types", *cls.results, *(f"{name}_type" for name in cls.operands)}
    differentiated = cls.grads is not None or any(name.startswith("grad_") for name in cls.__dict__)
    if differentiated and (clash := taken.intersection(p.name for p in parameters)):
        raise ArgumentError(f"{self.name}: no operand or attribute may be called {', '.join(sorted(clash))}: "
                            "gradient formulas know something else by that name")
    if source is None:
        cls.defaults = dict(cls.__dict__.get("defaults", {}))
        return
    cls.defaults = {p.name: None if p.default is p.empty else p.default
                    for p in parameters if p.kind is p.KEYWORD_ONLY}


def _read_formulas(self: Op, cls: type[Op]) -> None:
    """Formulas by operand, and from their names what is saved and for whom."""
    cls.formulas = {i: Formula(cls.__dict__[f"grad_{name}"]) for i, name in enumerate(cls.operands)
                    if f"grad_{name}" in cls.__dict__}
    if cls.grads is not None:
        cls.joint = Formula(cls.grads)
    everyone = tuple(range(64 if cls.variadic else len(cls.operands)))
    formulas = [((i,), f) for i, f in cls.formulas.items()] + ([(everyone, cls.joint)] if cls.joint else [])
    if not formulas:
        return
    readers: dict[str, list[int]] = {}
    for positions, formula in formulas:
        for name in formula.names:
            if name in cls.operands or name == "result" or name in cls.results:
                readers.setdefault(name, []).extend(positions)
    cls.saved_names = tuple(readers)
    cls.saved_sources = tuple(
        (name not in cls.operands, _position(cls, name), tuple(positions)) for name, positions in readers.items())


def _position(cls: type[Op], name: str) -> int:
    """The place of an operand among the operands, or of a result among the results."""
    if name in cls.operands:
        return cls.operands.index(name)
    return cls.results.index(name) if name in cls.results else 0


def _on_first_use(self: Op) -> Callable[..., Any]:
    """Stands for the eager function of an op, which is generated when it is first called: importing stays quick."""
    def first(modes: Any, attrs: dict[str, Any], *operands: Any) -> Any:
        self.eager = generate_eager(self)
        if self.eager is None:
            return general(self, operands, attrs, modes)
        return self.eager(modes, attrs, *operands)

    return first


def attach(self: Op, make: Any = None) -> None:
    """Give Tensor the op's method, in-place method and operators; `make` makes generated functions, see fast.py."""
    call = type(self).__dict__.get("__call__")
    function = call.__func__ if isinstance(call, staticmethod) else _bound(self)
    if self.method:
        for name in (self.name, *self.aliases):
            setattr(Tensor, name, function)
    if self.inplace:
        for name in (self.name, *self.aliases):
            setattr(Tensor, f"{name}_", inplace(self, f"{name}_"))
    for name in self.operators:
        special = _special(self, name)
        if make is not None and len(self.operands) == special.__code__.co_argcount:
            reflected = _is_reflected(name)
            if reflected or not name.startswith("__i") or name == "__invert__":
                special = make(special, reflected, [(Tensor, name)])
        setattr(Tensor, name, special)


def _bound(self: Op) -> Callable[..., Any]:
    def method(*args: Any, **kwargs: Any) -> Any:
        return self.call(*args, **kwargs)

    method.__name__ = self.name
    method.__doc__ = self.__doc__
    return method


def inplace(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The in-place method `name` of an op or a function of a tensor."""
    def method(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return write(x, function(x, *args, **kwargs), name)

    method.__name__ = name
    method.__doc__ = f"{name[:-1]} in place: writes the result into this tensor and returns it."
    return method


def _is_reflected(name: str) -> bool:
    return name.startswith("__r") and name != "__rshift__"


def _special(self: Op, name: str) -> Callable[..., Any]:
    """A special method of Tensor: reflected ones swap, in-place ones write, and unknown operands are declined."""
    def declined(x: Any) -> bool:
        return x.__class__ is not Tensor and not isinstance(x, (Tensor, np.ndarray, np.generic, *NUMBERS)) \
            and not is_jax(x)

    call = self.call
    if name.startswith("__i") and name != "__invert__":
        def special(x: Tensor, y: Any) -> Any:
            return NotImplemented if declined(y) else write(x, self(x, y), f"{name} (an augmented assignment)")
    elif _is_reflected(name):
        def special(x: Tensor, y: Any) -> Any:
            return NotImplemented if declined(y) else call(y, x)
    elif len(self.operands) == 1:
        def special(x: Tensor) -> Any:  # type: ignore[misc]
            return call(x)
    else:
        def special(x: Tensor, y: Any) -> Any:
            return NotImplemented if declined(y) else call(x, y)
    special.__name__ = name
    return special
