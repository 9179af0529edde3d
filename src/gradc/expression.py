"""Kernels as source text: running a kernel on Expressions prints it instead of computing it.

A kernel is written once over an array namespace, `lambda xp, x: xp.log1p(xp.exp(x))`. With xp = NumPy it computes; with
xp = Namespace("jnp") and x = Expression("x") it returns the expression `jnp.log1p(jnp.exp(x))`, which is how the
generated NumPy functions of eager mode and the jax.numpy source of a compiled graph are made.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc.dtypes import dtype
from gradc.ir.types import Type

ATOM, CALL, POWER, UNARY, PRODUCT, SUM, SHIFT, AND, XOR, OR, COMPARE = range(11, 0, -1)
"""How tightly an expression binds, so that only needed parentheses are written."""

DTYPE_NAMES = {"bool": "bool_"}


class Expression:
    """A piece of Python source that stands for an array. `type` is known for operands, not for results.

    `call` is, where known, the function that gives the array, by name, and the text of its arguments: where that is a
    ufunc, the array has memory of its own, and can be written into another.
    """

    __slots__ = ("text", "binding", "prefix", "type", "call")

    def __init__(self, text: str, binding: int = ATOM, prefix: str = "np", type: Type | None = None,
                 call: tuple[str, tuple[str, ...]] | None = None) -> None:
        self.text = text
        self.binding = binding
        self.prefix = prefix
        self.type = type
        self.call = call

    def __getattr__(self, name: str) -> Any:
        if name in ("shape", "ndim") and self.type is not None:
            return getattr(self.type, name)
        if name == "dtype" and self.type is not None:
            return self.type.dtype.numpy
        if name == "at":
            return Expression(f"{self.within(CALL)}.at", CALL, self.prefix)
        if name in ("set", "add"):
            return _Function(f"{self.text}.{name}", self.prefix)
        raise Unprintable(f"a kernel that reads .{name}")

    def __str__(self) -> str:
        return self.text

    def within(self, binding: int) -> str:
        """The text, in parentheses if it binds less tightly than its surroundings."""
        return self.text if self.binding >= binding else f"({self.text})"

    def __getitem__(self, index: Any) -> Expression:
        return Expression(f"{self.within(CALL)}[{literal(index, self.prefix, subscript=True)}]", CALL, self.prefix)

    def __neg__(self) -> Expression:
        return Expression(f"-{self.within(UNARY)}", UNARY, self.prefix, None, ("negative", (self.text,)))

    def __invert__(self) -> Expression:
        return Expression(f"~{self.within(UNARY)}", UNARY, self.prefix)

    def __bool__(self) -> bool:
        raise Unprintable("a kernel that branches on its values")

    def __iter__(self) -> Any:
        raise Unprintable("a kernel that iterates over its values")


class Unprintable(Exception):
    """Raised by kernels that are more than one expression; they print as a call of the kernel itself."""


UFUNCS = {"+": "add", "-": "subtract", "*": "multiply", "/": "true_divide", "//": "floor_divide", "%": "remainder",
          "&": "bitwise_and", "|": "bitwise_or", "^": "bitwise_xor", "==": "equal", "!=": "not_equal", "<": "less",
          "<=": "less_equal", ">": "greater", ">=": "greater_equal", "**": "power"}
"""NumPy's name of the function that an operator calls; of `**` only where the exponent is an array."""


def _operator(symbol: str, binding: int, reflected: bool = False) -> Any:
    def operate(self: Expression, other: Any) -> Expression:
        left, right = (other, self) if reflected else (self, other)
        tight = POWER + 1 if symbol == "**" else binding
        first = left.within(tight) if isinstance(left, Expression) else literal(left, self.prefix)
        second = right.within(binding + (symbol != "**")) if isinstance(right, Expression) \
            else literal(right, self.prefix)
        if second.startswith("-"):
            second = f"({second})"
        call = (UFUNCS[symbol], tuple([literal(x, self.prefix) for x in (left, right)])) if symbol in UFUNCS else None
        return Expression(f"{first} {symbol} {second}", binding, self.prefix, None, call)

    return operate


for _name, _symbol, _binding in [
    ("add", "+", SUM), ("sub", "-", SUM), ("mul", "*", PRODUCT), ("truediv", "/", PRODUCT),
    ("floordiv", "//", PRODUCT), ("mod", "%", PRODUCT), ("pow", "**", POWER), ("matmul", "@", PRODUCT),
    ("and", "&", AND), ("or", "|", OR), ("xor", "^", XOR),
]:
    setattr(Expression, f"__{_name}__", _operator(_symbol, _binding))
    setattr(Expression, f"__r{_name}__", _operator(_symbol, _binding, reflected=True))
for _name, _symbol in [("eq", "=="), ("ne", "!="), ("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">=")]:
    setattr(Expression, f"__{_name}__", _operator(_symbol, COMPARE))


class Namespace:
    """An array namespace that prints: `Namespace("jnp").exp(x)` is the expression `jnp.exp(x)`."""

    def __init__(self, prefix: str, modules: dict[str, str] | None = None) -> None:
        self._prefix = prefix
        self._modules = modules or {}

    def __getattr__(self, name: str) -> Any:
        if name in self._modules:
            return Namespace(self._modules[name])
        return _Function(f"{self._prefix}.{name}", self._prefix)


class _Function:
    def __init__(self, name: str, prefix: str) -> None:
        self.name = name
        self.prefix = prefix

    def __call__(self, *args: Any, **kwargs: Any) -> Expression:
        written = [literal(a, self.prefix) for a in args]
        written += [f"{key}={literal(value, self.prefix)}" for key, value in kwargs.items()]
        name = self.name.removeprefix(f"{self.prefix}.")
        return Expression(f"{self.name}({', '.join(written)})", CALL, self.prefix, None, (name, tuple(written)))

    def __getattr__(self, name: str) -> _Function:
        return _Function(f"{self.name}.{name}", self.prefix)  # a ufunc's method, as in maximum.accumulate

    def __str__(self) -> str:
        return self.name


def literal(value: Any, prefix: str, subscript: bool = False) -> str:
    """Python source for an operand, an attribute or an index."""
    if isinstance(value, (Expression, _Function)):
        return str(value)
    if isinstance(value, slice):
        return _slice(value, subscript)
    if isinstance(value, tuple):
        if subscript and value:
            inside = ", ".join(literal(v, prefix, subscript=True) for v in value)
            return inside + ("," if len(value) == 1 and ":" not in inside else "")
        inside = ", ".join(literal(v, prefix) for v in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, list):
        return f"[{', '.join(literal(v, prefix) for v in value)}]"
    if isinstance(value, dtype):
        value = value.numpy
    if isinstance(value, np.dtype):
        if value.name == "bfloat16" and prefix == "np":
            return "ml_dtypes.bfloat16"
        return f"{prefix}.{DTYPE_NAMES.get(value.name, value.name)}"
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return f"{prefix}.nan" if value != value else f"{'-' if value < 0 else ''}{prefix}.inf"
    if value is Ellipsis:
        return "..."
    if value is None or isinstance(value, (bool, int, float, complex, str)):
        return repr(value)
    raise Unprintable(f"{type(value).__name__} has no source text")


def _slice(value: slice, subscript: bool) -> str:
    if not subscript:
        return f"slice({value.start}, {value.stop}, {value.step})"
    start, stop = ("" if part is None else str(part) for part in (value.start, value.stop))
    return f"{start}:{stop}" + ("" if value.step in (None, 1) else f":{value.step}")
