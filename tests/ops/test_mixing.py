"""NumPy arrays and scalars, JAX arrays and Python numbers beside tensors: on either side, and in NumPy's functions."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import gradc
from gradc.tensor import Tensor

OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lt", "le", "gt", "ge", "eq", "ne"]

OTHERS: dict[str, Callable[[], Any]] = {
    "array": lambda: np.array([3.0, -4.0], np.float32),
    "array of float64": lambda: np.array([3.0, -4.0]),
    "array of integers": lambda: np.array([3, 4], np.int32),
    "0-d array": lambda: np.array(2.0),
    "float32": lambda: np.float32(2),
    "float64": lambda: np.float64(2),
    "int64": lambda: np.int64(2),
    "jax array": lambda: jnp.array([3.0, -4.0]),
    "jax number": lambda: jnp.float32(2),
    "int": lambda: 2,
    "float": lambda: 2.5,
    "bool": lambda: True,
}


def as_gradc(other: Any) -> Any:
    """What `other` counts as: arrays are tensors of their dtype, scalars are numbers."""
    if isinstance(other, np.generic):
        return other.item()
    return gradc.tensor(np.asarray(other)) if hasattr(other, "shape") else other


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_makes_a_tensor_on_either_side(name: str, kind: str) -> None:
    other = OTHERS[kind]()
    if name == "matmul" and (not hasattr(other, "shape") or not other.shape or other.dtype != np.float32):
        pytest.skip("a matrix product takes arrays of one dtype")
    function = getattr(operator, name)
    for swapped in (False, True):
        x = gradc.tensor([1.5, 2.0], requires_grad=True)
        found = function(other, x) if swapped else function(x, other)
        same = x.detach().requires_grad_()
        expected = function(as_gradc(other), same) if swapped else function(same, as_gradc(other))
        assert type(found) is Tensor and found.type_ == expected.type_
        np.testing.assert_allclose(found.tolist(), expected.tolist(), rtol=1e-6)
        assert found.requires_grad == expected.requires_grad
        if found.requires_grad:
            found.sum().backward()
            expected.sum().backward()
            np.testing.assert_allclose(x.grad.tolist(), same.grad.tolist(), rtol=1e-6)


FUNCTIONS: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
    "sin": (np.sin, np.sin([1.0, 4.0]).tolist()),
    "sqrt": (np.sqrt, [1.0, 2.0]),
    "arctan": (np.arctan, np.arctan([1.0, 4.0]).tolist()),
    "negative": (np.negative, [-1.0, -4.0]),
    "absolute": (np.absolute, [1.0, 4.0]),
    "maximum": (lambda x: np.maximum(x, 2.0), [2.0, 4.0]),
    "matmul": (lambda x: np.matmul(x, x), 17.0),  # type: ignore[dict-item]
    "add of an array": (lambda x: np.add(np.ones(2, np.float32), x), [2.0, 5.0]),
    "power": (lambda x: np.power(x, 2), [1.0, 16.0]),
    "divide": (lambda x: np.divide(2.0, x), [2.0, 0.5]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_numpy_is_the_op(name: str) -> None:
    function, values = FUNCTIONS[name]
    x = gradc.tensor([1.0, 4.0], requires_grad=True)
    found = function(x)
    assert type(found) is Tensor and found.requires_grad
    np.testing.assert_allclose(found.tolist(), values, rtol=1e-6)


def test_a_function_that_is_no_op_runs_on_values() -> None:
    x = gradc.tensor([1.0, 4.0])
    assert type(np.spacing(x)) is Tensor and np.spacing(x).tolist() == np.spacing(np.float32([1, 4])).tolist()
    fraction, exponent = np.frexp(x)
    assert (fraction.tolist(), exponent.tolist()) == ([0.5, 0.5], [1, 3])
    assert np.add.reduce(x).item() == 5.0
    with pytest.raises(RuntimeError, match="Can't call numpy\\(\\) on Tensor that requires grad"):
        np.spacing(x.requires_grad_())


def test_arrays_of_tensors() -> None:
    x = gradc.tensor([1.0, 4.0])
    for array, expected in ((np.asarray(x), [1.0, 4.0]), (np.stack([x, x]), [[1.0, 4.0]] * 2),
                            (np.concatenate([x, x]), [1.0, 4.0, 1.0, 4.0]), (np.array(x, np.float64), [1.0, 4.0])):
        assert type(array) is np.ndarray and array.tolist() == expected
    assert np.shares_memory(np.asarray(x), x.numpy())
    assert np.mean(x).item() == 2.5 and np.sum(x).item() == 5.0
    array = np.zeros(2, np.float32)
    array += x
    assert type(array) is np.ndarray and array.tolist() == [1.0, 4.0]
    x += array
    assert type(x) is Tensor and x.tolist() == [2.0, 8.0]


def test_a_tensor_is_no_place_for_numpy_to_write() -> None:
    x = gradc.tensor([1.0, 4.0])
    with pytest.raises(TypeError, match="in-place method"):
        np.add(np.ones(2), 1.0, out=x)
    assert x.tolist() == [1.0, 4.0]


def test_in_a_trace() -> None:
    array = np.array([3.0, 4.0], np.float32)

    def f(x: Any) -> Any:
        return np.sin(x) * array + np.float64(2) * x

    x = gradc.tensor([1.0, 2.0])
    np.testing.assert_allclose(gradc.compile(f)(x).tolist(), f(x).tolist(), rtol=1e-6)


@pytest.mark.parametrize("other", [None, [1.0, 2.0], "text", {}], ids=str)
def test_what_is_no_number_is_declined(other: Any) -> None:
    x = gradc.tensor([1.0, 2.0])
    for operation in (operator.add, operator.mul, operator.matmul):
        with pytest.raises(TypeError):
            operation(x, other)
