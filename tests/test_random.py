"""Random tensors and dropout: numbers noted from PyTorch 2.13, PyTorch itself, and what a trace does with them."""

from __future__ import annotations

import pickle
import warnings
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
    "multinomial": lambda t: t.multinomial(t.arange(1.0, 21), 5),
    "multinomial of one": lambda t: t.multinomial(t.arange(1.0, 21).reshape(4, 5), 1),
    "multinomial of rows": lambda t: t.multinomial(t.arange(1.0, 21).reshape(4, 5), 5),
    "multinomial with replacement": lambda t: t.multinomial(t.arange(1.0, 21), 500, replacement=True),
    "multinomial of doubles": lambda t: t.multinomial(t.arange(20, dtype=t.float64).reshape(2, 10), 90, True),
    "poisson of few": lambda t: t.poisson(t.linspace(0, 9, 200)),
    "poisson of many": lambda t: t.poisson(t.linspace(10, 400, 200, dtype=t.float64)),
    "geometric_ of integers": lambda t: t.empty(9, dtype=t.int64).geometric_(0.2),
    "bernoulli_ of double probabilities": lambda t: t.empty(5).bernoulli_(t.full((5,), 0.3, dtype=t.float64)),
    "bernoulli of halves": lambda t: t.bernoulli(t.full((9,), 0.3, dtype=t.float16)),
    "random_ of booleans": lambda t: t.empty(9, dtype=t.bool).random_(),
    "uniform_ of complex": lambda t: t.empty(5, dtype=t.complex64).uniform_(),
    "randn of complex doubles": lambda t: t.randn(5, dtype=t.complex128),
    "rand into out": lambda t: t.rand(3, out=t.empty(3, dtype=t.float64)),
    "randperm of int32": lambda t: t.randperm(12, dtype=t.int32),
    "init.sparse_": lambda t: t.nn.init.sparse_(t.empty(7, 5), 0.4),
    "init.dirac_": lambda t: t.nn.init.dirac_(t.empty(6, 2, 3, 3), 2),
    "init.kaiming_uniform_": lambda t: t.nn.init.kaiming_uniform_(t.empty(3, 5, 2), a=0.3, mode="fan_out"),
    "init.kaiming_normal_": lambda t: t.nn.init.kaiming_normal_(t.empty(8, 5), nonlinearity="relu"),
    "init.xavier_uniform_": lambda t: t.nn.init.xavier_uniform_(t.empty(8, 5), 2.0),
    "init.xavier_normal_": lambda t: t.nn.init.xavier_normal_(t.empty(8, 5)),
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
    (lambda: gradc.multinomial(gradc.ones(2), 3), RuntimeError, "cannot sample n_sample > prob_dist.size"),
    (lambda: gradc.multinomial(gradc.tensor([1.0, -1.0]), 1), RuntimeError, "contains either `inf`, `nan` or element"),
    (lambda: gradc.multinomial(gradc.zeros(2), 1), RuntimeError, "invalid multinomial distribution"),
    (lambda: gradc.multinomial(gradc.ones(2, 2, 2), 1), RuntimeError, "prob_dist must be 1 or 2 dim"),
    (lambda: gradc.poisson(gradc.tensor([-1.0])), RuntimeError, "invalid Poisson rate, expected rate to be"),
    (lambda: gradc.ones(2).exponential_(0.0), RuntimeError, "exponential_ expects lambda > 0.0, but found lambda=0"),
    (lambda: gradc.ones(2).geometric_(1.0), RuntimeError, r"geometric_ expects p to be in \(0, 1\), but got p=1"),
    (lambda: gradc.ones(2).cauchy_(0.0, 0.0), RuntimeError, "cauchy_ expects sigma > 0.0, but found sigma=0"),
    (lambda: gradc.ones(2).log_normal_(0.0, -1.0), RuntimeError, "log_normal_ expects std > 0.0, but found std=-1"),
    (lambda: gradc.zeros(2, dtype=gradc.int64).exponential_(), RuntimeError, "is a continuous probability distrib"),
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


def test_other_traces_refuse_to_draw() -> None:
    with pytest.raises(TraceError, match="rand: random numbers cannot be drawn in this trace") as caught:
        with Tracer().on():
            gradc.rand(2)
    assert "test_random.py:" in str(caught.value)


ROUNDED: dict[str, Case] = {
    **{f"{method} of {count} {name}": lambda t, method=method, given=given, count=count, name=name: getattr(
        t.empty(count, dtype=getattr(t, name)), method)(*given)
       for method, given in (("exponential_", ()), ("exponential_", (2.5,)), ("geometric_", (0.3,)),
                             ("cauchy_", (0.5, 2.0)), ("log_normal_", ()), ("log_normal_", (0.0, 0.5)))
       for count in (0, 5, 100) for name in ("float16", "float32", "float64")},
    **{f"trunc_normal_ from {a} to {b}": lambda t, a=a, b=b: t.nn.init.trunc_normal_(t.empty(40), a=a, b=b)
       for a, b in ((-2.0, 2.0), (0.5, 1.0), (2.0, 3.0))},
    **{f"orthogonal_ of {shape}": lambda t, shape=shape: t.nn.init.orthogonal_(t.empty(*shape), 0.5)
       for shape in ((4, 4), (3, 5), (5, 3), (4, 2, 3))},
}
"""What passes through logarithms, tangents and matrix factorisations, and is the same up to their rounding."""


@pytest.mark.parametrize("name", ROUNDED)
def test_distributions_equal_torch_up_to_rounding(name: str) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    gradc.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, drawn = ROUNDED[name](torch), ROUNDED[name](gradc)
    assert str(drawn.dtype) == str(expected.dtype)
    unit = np.finfo(drawn.numpy().dtype).eps
    np.testing.assert_allclose(drawn.numpy(), expected.numpy(), rtol=4 * unit, atol=10 * unit * ("orthogonal" in name))
    assert gradc.equal(gradc.rand(2), gradc.tensor(torch.rand(2).tolist())), "the streams must be at the same point"


def test_gradients_of_distributions_are_zero() -> None:
    p = gradc.full((3,), 0.5, requires_grad=True)
    for drawn, name in ((gradc.bernoulli(p), "BernoulliBackward0"), (gradc.normal(p, 1.0), "NormalBackward0"),
                        (gradc.normal(0.0, p), "NormalBackward0"), (gradc.poisson(p), "PoissonBackward0")):
        assert drawn.grad_fn.name() == name
        assert gradc.autograd.grad(drawn.sum(), p)[0].tolist() == [0.0, 0.0, 0.0]


def test_generators_as_torch() -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = gradc.Generator().manual_seed(4), torch.Generator().manual_seed(4)
    assert repr(ours.device) == repr(theirs.device)
    gradc.randn(3, generator=ours), torch.randn(3, generator=theirs)
    state = ours.get_state()
    assert state.dtype is dtypes.uint8 and state.tolist() == theirs.get_state().tolist()
    clone = pickle.loads(pickle.dumps(ours))
    assert type(clone) is gradc.Generator
    ahead = gradc.rand(2, generator=ours).tolist()
    assert ahead == torch.rand(2, generator=theirs).tolist()
    for other in (clone, gradc.Generator().set_state(state)):
        assert gradc.rand(2, generator=other).tolist() == ahead


def test_out() -> None:
    gradc.manual_seed(0)
    held = gradc.empty(3)
    assert gradc.rand(3, out=held) is held
    assert repr(held) == "tensor([0.4963, 0.7682, 0.0885])"
    with pytest.raises(RuntimeError, match="Expected object of scalar type Float"):
        gradc.rand(3, dtype=gradc.float32, out=gradc.empty(3, dtype=gradc.float64))
