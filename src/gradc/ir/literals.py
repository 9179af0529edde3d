"""Literals: the constants that a graph may hold, as Python text and back.

    2.0  -3  True  1j  None        numbers and None: operands and attributes
    inf  -inf  nan                 floats that Python has no literal for
    "mean"  f32  ...               text, element types, Ellipsis
    (0, 1)  slice(0, 4, 2)         tuples and slices of literals
    array([1.0, 2.0], f32)         a small Array; array("3f9a2b4c5d6e", f32[10, 64]) a large one, by its hash
"""

from __future__ import annotations

import ast
import math
from types import EllipsisType
from typing import Any, TypeGuard, cast

import numpy as np

from gradc import dtypes
from gradc.dtypes import dtype
from gradc.ir import constants
from gradc.ir.constants import Array
from gradc.ir.graph import Number
from gradc.ir.types import SCALARS, Type

WRITTEN_OUT = 16
"""An Array of at most this many elements is printed whole, a larger one by its hash."""

NUMBERS = (bool, int, float, complex)
_ELEMENTS = {
    dtypes.BOOL: (bool,),
    dtypes.INT: (int,),
    dtypes.FLOAT: (int, float),
    dtypes.COMPLEX: (int, float, complex),
}
_FLOATS = {"inf": math.inf, "nan": math.nan}


class LiteralError(ValueError):
    """An expression that is not a literal. The parser adds the line."""


def is_number(x: object) -> TypeGuard[Number]:
    """Whether x is exactly a Python number: a NumPy scalar prints otherwise than it behaves, so it is none."""
    return type(x) in NUMBERS


def is_literal(x: object) -> bool:
    """Whether x has a text that reads back as the same thing."""
    if isinstance(x, tuple):
        return all(map(is_literal, cast("tuple[object, ...]", x)))
    if isinstance(x, slice):
        return is_literal(_bounds(x))
    return x is None or is_number(x) or isinstance(x, (str, EllipsisType, dtype, Array))


def same(a: object, b: object) -> bool:
    """Whether two literals mean the same: `nan` is `nan`, while 1, 1.0, True and 0.0, -0.0 all differ."""
    if a is b:
        return True
    if isinstance(a, tuple):
        both = isinstance(b, tuple)  # of any two classes: a Size is a tuple
        return both and _same_items(cast("tuple[Any, ...]", a), cast("tuple[Any, ...]", b))
    if isinstance(a, str) and isinstance(b, str):
        return a == b
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return repr(a) == repr(b)
    if isinstance(a, complex) and isinstance(b, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, slice):
        return _same_items(_bounds(a), _bounds(b))
    return bool(a == b)


def _same_items(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return len(a) == len(b) and all(map(same, a, b))


def _bounds(x: Any) -> tuple[Any, Any, Any]:
    return x.start, x.stop, x.step


# Printing


def text(x: object) -> str:
    """The text of a literal; of anything else its repr, which does not parse, since a faulty graph must print too."""
    if isinstance(x, dtype):
        return x.short
    if x is ...:
        return "..."
    if type(x) is complex:
        return _complex_text(x)
    if isinstance(x, tuple):
        items = [text(item) for item in cast("tuple[object, ...]", x)]
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    if isinstance(x, slice):
        return f"slice{text(_bounds(x))}"
    if isinstance(x, Array):
        return _array_text(x)
    return str.__repr__(x) if isinstance(x, str) else repr(x)


def _complex_text(z: complex) -> str:
    """`1j` or `(1+2j)` where Python adds the parts up to the same number, else `complex(-0.0, inf)`."""
    finite = math.isfinite(z.real) and math.isfinite(z.imag)
    if finite and ((z.real and z.imag) or (math.copysign(1, z.imag) > 0 and repr(z.real) != "-0.0")):
        return repr(z)
    return f"complex({z.real!r}, {z.imag!r})"


def _array_text(array: Array) -> str:
    size = array.numpy.size
    if size > WRITTEN_OUT:
        return f'array("{array.hash}", {array.type})'
    numbers = array.numpy
    if array.dtype.is_floating_point:
        numbers = np.array([shortest(x) for x in numbers.flat], "float64").reshape(numbers.shape)
    kind = array.dtype.short if size else array.type  # the nesting of an empty list does not tell its shape
    return f"array({_nested(numbers.tolist())}, {kind})"


def shortest(x: np.floating[Any]) -> float:
    """The float with the fewest digits that becomes `x` in the type of `x`: 0.1 for float32's 0.10000000149."""
    short, kind = float(str(x)), type(x)
    return short if kind(short) == x else float(x)


def _nested(numbers: object) -> str:
    if isinstance(numbers, list):
        return f"[{', '.join(map(_nested, cast('list[object]', numbers)))}]"
    return text(numbers)


# Reading


def read(tree: ast.expr) -> Any:
    """The literal that a Python expression writes.

    Raises LiteralError when it writes none.
    """
    if isinstance(tree, ast.Constant) and not isinstance(tree.value, bytes):
        return tree.value
    if isinstance(tree, ast.Tuple):
        return tuple(map(read, tree.elts))
    if isinstance(tree, ast.Name) and tree.id in _FLOATS:
        return _FLOATS[tree.id]
    if isinstance(tree, ast.Name) and tree.id in SCALARS:
        return SCALARS[tree.id].dtype
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return _negative(tree)
    if isinstance(tree, ast.BinOp):
        return _sum(tree)
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and not tree.keywords:
        return _call(tree, tree.func.id)
    raise _wrong(tree)


def read_type(tree: ast.expr) -> Type:
    """The type that an expression like `f32[4, 3]` writes.

    Raises LiteralError when it writes none.
    """
    name = tree.value if isinstance(tree, ast.Subscript) else tree
    if not isinstance(name, ast.Name) or name.id not in SCALARS:
        raise LiteralError(f"{ast.unparse(tree)} is not a type; a type is like f32[4, 3], of "
                           f"{', '.join(SCALARS)}")
    scalar = SCALARS[name.id]
    if not isinstance(tree, ast.Subscript):
        return scalar
    shape = read(tree.slice)
    sizes = cast("tuple[object, ...]", shape if isinstance(shape, tuple) else (shape,))
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise LiteralError(f"{ast.unparse(tree)} is not a type: its sizes must be whole numbers")
    return scalar[cast("tuple[int, ...]", sizes)]


def _wrong(tree: ast.expr) -> LiteralError:
    return LiteralError(f"{ast.unparse(tree)} is not a literal")


def _negative(tree: ast.UnaryOp) -> Number:
    number = read(tree.operand)
    if not is_number(number) or number is True or number is False:
        raise _wrong(tree)
    return -number


def _sum(tree: ast.BinOp) -> Number:
    """`1+2j`, the only sum that is a literal."""
    left, right = read(tree.left), read(tree.right)
    if type(left) not in (int, float) or type(right) is not complex:
        raise _wrong(tree)
    if isinstance(tree.op, ast.Add):
        return left + right
    if isinstance(tree.op, ast.Sub):
        return left - right
    raise _wrong(tree)


def _call(tree: ast.Call, function: str) -> Any:
    if function == "array" and len(tree.args) == 2:
        return _read_array(tree.args[0], tree.args[1])
    arguments = [read(argument) for argument in tree.args]
    if function == "slice" and len(arguments) == 3:
        return slice(*arguments)
    if function == "complex" and len(arguments) == 2 and all(type(part) in (int, float) for part in arguments):
        return complex(*arguments)
    raise _wrong(tree)


def _read_array(content: ast.expr, kind: ast.expr) -> Array:
    type = read_type(kind)
    if isinstance(content, ast.Constant) and isinstance(content.value, str):
        found = constants.find(content.value)
        if found is None or found.type != type:
            raise LiteralError(f"no array {content.value} of type {type} is alive in this process: a large constant is "
                               "printed by its hash, and its text can be read only where the array exists")
        return found
    numbers = _read_nested(content, _ELEMENTS[type.dtype.category])
    try:
        array = Array(numbers, type.dtype)
        return Array(array.numpy.reshape(type.shape), type.dtype) if type.shape else array
    except (ValueError, OverflowError) as error:
        raise LiteralError(f"not an array of {type.dtype.short}: {error}") from None


def _read_nested(tree: ast.expr, allowed: tuple[type, ...]) -> Any:
    if isinstance(tree, ast.List):
        return [_read_nested(item, allowed) for item in tree.elts]
    number = read(tree)
    if type(number) not in allowed:
        raise LiteralError(f"{ast.unparse(tree)} cannot be an element here; "
                           f"elements are {' or '.join(kind.__name__ for kind in allowed)}")
    return number
