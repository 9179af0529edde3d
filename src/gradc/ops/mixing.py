"""NumPy's functions on tensors: `np.sin(x)` and `array * x` are gradc's ops, and differentiable like them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from gradc.errors import ArgumentError
from gradc.ir.registry import OPS
from gradc.ops.base import operand
from gradc.tensor import Tensor, wrap

NAMES = {"power": "pow", "equal": "eq", "invert": "bitwise_not", "rint": "round"}
"""NumPy's names of ops that gradc does not know as an alias."""


@functools.cache
def _op(name: str) -> Any:
    """The op that is NumPy's function `name`, or None."""
    wanted = NAMES.get(name, name)
    return next((op for op in OPS.values() if wanted == op.name or wanted in op.aliases), None)  # type: ignore


def _array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
    """What NumPy calls for a universal function of a tensor.

    One that is an op is applied as the op; another is computed on the values of tensors that need no gradient. An
    array given as `out`, as by `array += x`, is written, and stays an array.

    Raises GradError for a tensor that requires grad where the graph would be lost.
    """
    op = _op(ufunc.__name__)
    if op is not None and method == "__call__" and out is None and not options:
        return op(*[operand(op, x) for x in inputs])
    if out is not None and any(isinstance(x, Tensor) for x in out):
        raise ArgumentError(f"{ufunc.__name__}(): out= is an array where NumPy's function is called; use gradc's "
                            f"function, or an in-place method, to write a tensor")
    arrays = [x.numpy() if isinstance(x, Tensor) else x for x in inputs]
    result = getattr(ufunc, method)(*arrays, **({} if out is None else {"out": out}), **options)
    if out is not None:
        return result
    return tuple(map(_wrapped, result)) if isinstance(result, tuple) else _wrapped(result)


def _wrapped(result: Any) -> Tensor:
    return wrap(np.asarray(result))


Tensor.__array_ufunc__ = _array_ufunc  # type: ignore[method-assign, assignment]
