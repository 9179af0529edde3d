"""Composites in eager mode: their decomposition as one NumPy function.

The first uses of (op, operand types, attributes) run the decomposition op by op; later ones a function generated from
it, exactly as gradients are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradc import dtypes
from gradc.backends import numpy as numpy_backend
from gradc.errors import GradcError
from gradc.ir import Type
from gradc.modes import EAGER_NO_GRAD, enter
from gradc.ops.base import NARROW, Op
from gradc.passes.local import tidy
from gradc.tensor import Tensor
from gradc.tracing import Tracer

USES_BEFORE_GENERATING = 2


def run(op: Op, operands: Sequence[Any], attrs: dict[str, Any]) -> Any:
    """The values of a composite on the values of its operands.

    Raises the errors of `op.infer`; a generated function is for types that it has accepted.
    """
    if not op.generates:
        return _decomposed(op, operands, attrs)
    arrays = [x._array for x in operands if isinstance(x, Tensor)]
    key = ("forward", *[(x._array.shape, x._array.dtype) if isinstance(x, Tensor) else (x.__class__, x)
                        for x in operands], *attrs.values())
    try:
        function = op.generated.get(key, 0)
    except TypeError:  # an attribute that cannot be hashed
        function = run_directly
    if function.__class__ is int:
        if function < USES_BEFORE_GENERATING:
            op.generated[key] = function + 1
            function = run_directly
        else:
            function = op.generated[key] = _generated(op, operands, attrs)
    if function is run_directly:
        return _decomposed(op, operands, attrs)
    found = function(*arrays)
    return found if len(found) > 1 else found[0]


def run_directly() -> None:
    """Stands for the function of a composite that runs op by op: it reads values, or is of half precision."""


def _decomposed(op: Any, operands: Sequence[Any], attrs: dict[str, Any]) -> Any:
    if op.checked:
        op.infer(*op.promoted_types(operands), **attrs)
    before = enter(EAGER_NO_GRAD)
    try:
        result = op.decompose(*op.promoted_tensors(operands), **attrs)
    finally:
        enter(before)
    return tuple([part._array for part in result]) if isinstance(result, tuple) else result._array


def _generated(op: Any, operands: Sequence[Any], attrs: dict[str, Any]) -> Callable[..., Any]:
    if any(isinstance(x, Tensor) and x._array.dtype in NARROW for x in operands):
        return run_directly  # each op computes half precision in float32
    tracer = Tracer()
    stand_ins = [tracer.input(Type(dtypes.of(x._array.dtype), x._array.shape), name) if isinstance(x, Tensor) else x
                 for x, name in zip(operands, op.operands, strict=False)]
    try:
        with tracer.on(grad=False):
            result = op.decompose(*op.promoted_tensors(stand_ins), **attrs)
        results = result if isinstance(result, tuple) else (result,)
        return numpy_backend.function(tidy(tracer.graph(op.name, results)))
    except GradcError:
        return run_directly


Op.run_composite = run
