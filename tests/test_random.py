"""Random tensors and dropout: numbers noted from PyTorch 2.13, PyTorch itself, and what a trace does with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc
from gradc import dtypes
from gradc.errors import GradcError, TraceError
from gradc.ops import random
from gradc.tracing import Tracer

Case = Callable[[Any], Any]

DRAWS: dict[str, Case] = {
    "rand": lambda t: t.rand(3, 4),
    "rand of a size": lambda t: t.rand((20,), dtype=t.float64),
    "randn": lambda t: t.randn(3, 5),
    "randint below": lambda t: t.randint(10, (5,)),
    "randint between": lambda t: t.randint(-3, 10, (5,)),
    "randint by keyword": lambda t: t.randint(low=2, high=4, size=(3,), dtype=t.int32),
    "randint mixed": lambda t: t.randint(2, high=4, size=(3,)),
    "randperm": lambda t: t.randperm(10),
    "rand_like": lambda t: t.rand_like(t.ones(3, dtype=t.float64)),
    "randn_like": lambda t: t.randn_like(t.ones(17)),
    "randint_like": lambda t: t.randint_like(t.ones(3), 5),
    "randint_like between": lambda t: t.randint_like(t.ones(3), -5, 5),
    "normal of numbers": lambda t: t.normal(1.0, 2.0, (3,)),
    "normal of a mean": lambda t: t.normal(t.ones(20), 2.0),
    "normal of a deviation": lambda t: t.normal(1.0, t.ones(20) * 3),
    "normal of both": lambda t: t.normal(t.ones(4, 1), t.ones(5) * 0.3),
    "bernoulli of probabilities": lambda t: t.bernoulli(t.full((9,), 0.3)),
    "bernoulli of p": lambda t: t.bernoulli(t.ones(9), 0.6),
    "uniform_": lambda t: t.empty(33).uniform_(-2, 5),
    "normal_": lambda t: t.empty(33).normal_(1, 0.5),
    "bernoulli_": lambda t: t.empty(33).bernoulli_(0.3),
    "bernoulli_ of probabilities": lambda t: t.empty(3, 4).bernoulli_(t.full((4,), 0.3)),
    "random_ below": lambda t: t.empty(9).random_(10),
    "random_ between": lambda t: t.empty(9, dtype=t.int64).random_(-5, 10),
    **{f"random_ of {name}": lambda t, name=name: t.empty(9, dtype=getattr(t, name)).random_()
       for name in ("uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")},
    **{f"dropout of {name}": lambda t, name=name: t.dropout(t.ones(9, dtype=getattr(t, name)), 0.3, True)
       for name in ("float16", "float32", "float64")},
    "a generator": lambda t: t.rand(2, generator=t.Generator().manual_seed(1)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_draws_equal_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    gradc.manual_seed(3)
    expected, drawn = DRAWS[name](torch), DRAWS[name](gradc)
    assert str(drawn.dtype) == str(expected.dtype)
    np.testing.assert_array_equal(drawn.numpy(), expected.numpy())


def test_known_numbers() -> None:
    gradc.manual_seed(0)
    assert repr(gradc.rand(3)) == "tensor([0.4963, 0.7682, 0.0885])"
    assert repr(gradc.rand(2, generator=random.Generator().manual_seed(1))) == "tensor([0.7576, 0.2793])"


def test_seeds() -> None:
    assert gradc.manual_seed(7).initial_seed() == gradc.initial_seed() == 7
    first = gradc.rand(3)
    gradc.manual_seed(7)
    assert gradc.equal(first, gradc.rand(3))
    assert gradc.seed() == gradc.initial_seed() != 7


def test_state() -> None:
    state = gradc.get_rng_state()
    assert state.dtype is dtypes.uint8 and state.shape == (5056,)
    first = gradc.randn(3)
    gradc.set_rng_state(state)
    assert gradc.equal(first, gradc.randn(3))


def test_fork() -> None:
    gradc.manual_seed(0)
    with random.fork_rng():
        gradc.rand(1)
    inside = gradc.rand(1)
    gradc.manual_seed(0)
    assert gradc.equal(inside, gradc.rand(1))


def test_leaves() -> None:
    x = gradc.rand(2, requires_grad=True)
    assert x.requires_grad and x.is_leaf and not gradc.rand_like(x).requires_grad


def test_in_place_ends_the_gradient() -> None:
    x = gradc.ones(3, requires_grad=True)
    y = x * 2
    y.uniform_()
    (y * x).sum().backward()
    assert gradc.equal(x.grad, y.detach())  # nothing comes through 2x, which was overwritten


def test_in_place_on_a_leaf() -> None:
    x = gradc.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.normal_()
    with gradc.no_grad():
        x.normal_()


@pytest.mark.parametrize("call, error, message", [
    (lambda: gradc.randint(3, 3, (1,)), RuntimeError, "random_ expects 'from' to be less than 'to'"),
    (lambda: gradc.randint(3), TypeError, "randint"),
    (lambda: gradc.normal(0.0, 1.0), TypeError, "size"),
    (lambda: gradc.normal(0.0, gradc.tensor([1.0, -1.0])), RuntimeError, "normal expects all elements of std >= 0.0"),
    (lambda: gradc.bernoulli(gradc.tensor([1.5])), RuntimeError, r"p to be in \[0, 1\]"),
    (lambda: gradc.rand(2, dtype=gradc.int64), RuntimeError, "not implemented"),
    (lambda: gradc.dropout(gradc.ones(1), 1.5), ValueError,
     "dropout probability has to be between 0 and 1, but got 1.5"),
    (lambda: gradc.dropout(gradc.ones(1, dtype=gradc.int64), 0.5), RuntimeError, "result type Float can't be cast"),
])
def test_errors(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call()
    assert isinstance(caught.value, GradcError)


def test_dropout() -> None:
    gradc.manual_seed(0)
    x = gradc.ones(4, requires_grad=True)
    y = gradc.dropout(x, 0.5)
    assert repr(y) == "tensor([0., 0., 2., 0.], grad_fn=<MulBackward0>)"
    y.sum().backward()
    assert repr(x.grad) == "tensor([0., 0., 2., 0.])"


def test_dropout_without_randomness() -> None:
    state = gradc.get_rng_state()
    x = gradc.ones(4)
    assert gradc.dropout(x, 0.5, training=False) is x
    assert gradc.dropout(x, 0.0) is x
    assert gradc.equal(gradc.dropout(x, 1.0), gradc.zeros(4))
    assert gradc.equal(gradc.get_rng_state(), state)


def test_dropout_in_place() -> None:
    gradc.manual_seed(0)
    x = gradc.ones(4)
    assert gradc.dropout(x, 0.5, inplace=True) is x
    assert repr(x) == "tensor([0., 0., 2., 0.])"


@pytest.mark.parametrize("draw", [
    lambda: gradc.rand(2), lambda: gradc.randn(2), lambda: gradc.randint(3, (2,)), lambda: gradc.randperm(3),
    lambda: gradc.manual_seed(0), lambda: gradc.get_rng_state(), lambda: gradc.bernoulli(gradc.ones(2), 0.5),
    lambda: gradc.normal(0.0, 1.0, (2,)), lambda: gradc.dropout(gradc.ones(2)), lambda: gradc.ones(2).uniform_(),
])
def test_a_trace_refuses_to_draw(draw: Callable[[], Any]) -> None:
    with pytest.raises(TraceError, match="random numbers cannot be drawn in a compiled function yet") as caught:
        with Tracer().on():
            draw()
    assert "test_random.py:" in str(caught.value)
