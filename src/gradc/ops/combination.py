"""Arithmetic of three operands, as optimisers and normalisations write it."""

from __future__ import annotations

from typing import Any

from gradc import dtypes
from gradc.apply import apply
from gradc.ops.base import Pointwise, operand
from gradc.ops.define import op
from gradc.tensor import Tensor

__all__ = ["addcdiv", "addcmul"]


class Combination(Pointwise):
    """x + value · f(y, z)."""

    inplace = True
    rejects: Any = (dtypes.BOOL, dtypes.INT)

    def call(self, x: Tensor, y: Any, z: Any, *, value: float = 1) -> Any:
        return apply(self, (x, operand(self, y), operand(self, z)), {"value": value})


@op
class addcmul(Combination):
    """x + value · y · z.

    Source  torch.addcmul
    """

    decompose = lambda x, y, z, *, value=1: x + (value if x.dtype.category >= dtypes.FLOAT else int(value)) * y * z
    grad_x = lambda g: g
    grad_y = lambda g, z, value: g * (value * z)
    grad_z = lambda g, y, value: g * (value * y)
    rejects = (dtypes.BOOL,)
    samples = [((3,), (3,), (3,)), ((2, 3), (3,), (2, 1), {"value": 0.5})]


@op
class addcdiv(Combination):
    """x + value · y / z.

    Source  torch.addcdiv
    """

    decompose = lambda x, y, z, *, value=1: x + value * (y / z)
    grad_x = lambda g: g
    grad_y = lambda g, z, value: g * (value / z)
    grad_z = lambda g, y, z, value: -g * (value * y / (z * z))
    samples = [((3,), (3,), [1.0, -2.0, 0.5]), ((2, 3), (3,), [[2.0], [3.0]], {"value": 0.5})]
