"""Operands of an op may be called anything but what gradient formulas call something else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gradc
from gradc.errors import ArgumentError
from gradc.ir.registry import OPS
from gradc.ops.base import Pointwise
from gradc.ops.define import op

SOURCE = """
class product_of_three(Pointwise):
    kernel = lambda space, {x}, y, z: {x} * y * z
    grad_{x} = lambda g, y, z: g * y * z
    grad_y = lambda g, {x}, z: g * {x} * z
    grad_z = lambda g, {x}, y: g * {x} * y
"""


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without what a test registers."""
    before = dict(OPS)
    yield
    OPS.clear()
    OPS.update(before)
    for name in ("product_of_three", "product_of_three_"):
        if hasattr(gradc.Tensor, name):
            delattr(gradc.Tensor, name)


def define(x: str) -> Any:
    names: dict[str, Any] = {"Pointwise": Pointwise}
    exec(SOURCE.format(x=x), names)
    return op(names["product_of_three"])


@pytest.mark.parametrize("x", "k d t r f op kernel np modes attrs out node x_type a_x0 x0 self".split())
def test_names_of_the_generated_code(x: str) -> None:
    product = define(x)
    given = [gradc.tensor([1.5, 2.0]), gradc.tensor([3.0, 4.0]), gradc.tensor([0.5, 0.25])]
    for _ in range(4):  # by the formulas, then by generated code
        leaves = [a.clone().requires_grad_() for a in given]
        result = product(*leaves)
        np.testing.assert_allclose(result.detach().numpy(), [2.25, 2.0])
        found = gradc.autograd.grad(result.sum(), leaves)
        np.testing.assert_allclose([g.numpy() for g in found], [[1.5, 1.0], [0.75, 0.5], [4.5, 8.0]])


def test_names_of_the_formulas_are_taken() -> None:
    with pytest.raises(ArgumentError, match="no operand or attribute may be called result"):
        define("result")
