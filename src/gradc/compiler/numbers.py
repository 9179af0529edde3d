"""Python numbers that a compiled function reads anew at every call.

While a function is traced such a number is a stand-in, which behaves as the number does. What is computed from it with
Python's operators is computed again on the host at every call, and enters the program where it meets a tensor.
Everything else that looks at its value (a comparison, range(), int(), a format, any function of C) fixes it: then the
program holds for this value only.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np


class Number:
    """A number that may be another one at the next call: `plain` now, `compute()` then.

    `sources` are what it comes from, and `fixed` collects the sources whose value was looked at.
    """

    __slots__ = ("plain", "compute", "sources", "fixed")

    def __init__(self, plain: Any, compute: Callable[[], Any], sources: frozenset[Hashable],
                 fixed: set[Hashable]) -> None:
        self.plain = plain
        self.compute = compute
        self.sources = sources
        self.fixed = fixed

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self.plain)

    def read(self) -> Any:
        """The value now, which is fixed from here on."""
        self.fixed.update(self.sources)
        return self.plain


def is_number(x: Any) -> bool:
    """Whether x is a stand-in."""
    return type(x) is Number


def plain(x: Any) -> Any:
    """x with stand-ins in it, also in tuples and lists, looked at."""
    if type(x) in (tuple, list):
        return type(x)(map(plain, x))
    return x.read() if is_number(x) else x


def _operation(name: str) -> Callable[..., Any]:
    function = getattr(operator, name)

    def forward(self: Number, other: Any) -> Any:
        return _computed(function, self, other)

    return forward


def _reflected(name: str) -> Callable[..., Any]:
    function = getattr(operator, name)

    def backward(self: Number, other: Any) -> Any:
        return _computed(function, other, self)

    return backward


def _computed(function: Callable[..., Any], a: Any, b: Any) -> Any:
    """A number computed from two, of which at least one is a stand-in."""
    if not all(is_number(x) or type(x) in (int, float) for x in (a, b)):
        return NotImplemented
    x, y = (n.plain if is_number(n) else n for n in (a, b))
    mine = a if is_number(a) else b
    sources = frozenset[Hashable]().union(*[n.sources for n in (a, b) if is_number(n)])
    first, second = (n.compute if is_number(n) else lambda n=n: n for n in (a, b))
    return Number(function(x, y), lambda: function(first(), second()), sources, mine.fixed)


def _unary(name: str) -> Callable[[Number], Number]:
    function = getattr(operator, name)
    return lambda self: Number(function(self.plain), lambda: function(self.compute()), self.sources, self.fixed)


def _looked_at(name: str) -> Callable[..., Any]:
    def look(self: Number, *args: Any) -> Any:
        return getattr(self.read(), name)(*[x.read() if is_number(x) else x for x in args])

    return look


def _power(self: Number, other: Any, modulus: None = None) -> Any:
    if type(self.plain) is float or type(other) is float:
        return _computed(operator.pow, self, other)
    return self.read() ** (other.read() if is_number(other) else other)  # the type of int ** int depends on values


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod"):
    setattr(Number, f"__{_name}__", _operation(_name))
    setattr(Number, f"__r{_name}__", _reflected(_name))
for _name in ("neg", "pos", "abs"):
    setattr(Number, f"__{_name}__", _unary(_name))
for _name in ("__float__", "__int__", "__index__", "__complex__", "__bool__", "__hash__", "__eq__", "__ne__", "__lt__",
              "__le__", "__gt__", "__ge__", "__round__", "__trunc__", "__floor__", "__ceil__", "__str__", "__repr__",
              "__format__", "__divmod__", "__rdivmod__", "__rpow__", "__and__", "__or__", "__xor__", "__lshift__",
              "__rshift__", "__invert__", "is_integer", "bit_length", "hex", "as_integer_ratio", "conjugate"):
    setattr(Number, _name, _looked_at(_name))
Number.__pow__ = _power  # type: ignore[attr-defined]
Number.real = property(Number.read)  # type: ignore[attr-defined]
Number.imag = property(lambda self: self.read().imag)  # type: ignore[attr-defined]
Number.__array__ = lambda self, dtype=None, copy=None: np.asarray(self.read(), dtype)  # type: ignore[attr-defined]
