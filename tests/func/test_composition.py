"""Transforms in any order and depth, and compiled, against the same composition in JAX."""

from __future__ import annotations

import functools
import itertools
import random

import numpy as np
import pytest
from quick_xla import QUICK

import gradc
from gradc import func

jax = pytest.importorskip("jax")

C = np.array([0.5, -1.0, 2.0])
V = np.array([1.0, 0.25, -0.5])
X = np.array([0.3, -0.7, 1.1])


class Gradc:
    """gradc under the names that the table below uses."""

    grad, jvp, vjp, vmap = func.grad, func.jvp, func.vjp, func.vmap
    jacrev, jacfwd, linearize = func.jacrev, func.jacfwd, func.linearize
    sin, stack, cumsum = gradc.sin, gradc.stack, gradc.cumsum
    array = staticmethod(lambda a: gradc.tensor(a))


class Jax:
    """JAX under the same names."""

    grad, jvp, vjp, vmap = jax.grad, jax.jvp, jax.vjp, jax.vmap
    jacrev, jacfwd, linearize = jax.jacrev, jax.jacfwd, jax.linearize
    sin, stack, cumsum, array = jax.numpy.sin, jax.numpy.stack, jax.numpy.cumsum, jax.numpy.asarray


TRANSFORMS = {
    "grad": lambda m, f: m.grad(lambda x: (f(x) * m.array(C)).sum()),
    "jvp": lambda m, f: lambda x: m.jvp(f, (x,), (m.array(V),))[1],
    "vjp": lambda m, f: lambda x: m.vjp(f, x)[1](m.array(C))[0],
    "vmap": lambda m, f: lambda x: m.vmap(f)(m.stack([x, x * 2])).sum(0),
    "jacrev": lambda m, f: lambda x: m.jacrev(f)(x) @ m.array(C),
    "jacfwd": lambda m, f: lambda x: m.jacfwd(f)(x) @ m.array(C),
    "linearize": lambda m, f: lambda x: m.linearize(f, x)[1](m.array(V) * x),
}
"""Each makes a function of three numbers to three numbers out of another."""

PAIRS = list(itertools.product(TRANSFORMS, repeat=2))
TRIPLES = random.Random(0).sample(list(itertools.product(TRANSFORMS, repeat=3)), 20)


def curve(m, x):
    return m.sin(x * m.cumsum(x, 0)) * x.sum() + x**3


def composed(m, names):
    function = lambda x: curve(m, x)  # noqa: E731
    for name in names:
        function = TRANSFORMS[name](m, function)
    return function


@functools.cache
def expected(names):
    """By JAX."""
    with jax.enable_x64(True):
        function = jax.jit(composed(Jax, names), compiler_options=QUICK)
        return np.asarray(function(jax.numpy.asarray(X)))


@pytest.mark.parametrize("names", [*[(n,) for n in TRANSFORMS], *PAIRS, *TRIPLES], ids=".".join)
def test_eager(names):
    found = composed(Gradc, names)(gradc.tensor(X))
    assert not found.requires_grad
    np.testing.assert_allclose(found.numpy(), expected(names), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("names", [*[(n,) for n in TRANSFORMS], *PAIRS[::2], *TRIPLES[::5]], ids=".".join)
def test_compiled(names):
    found = gradc.compile(composed(Gradc, names), backend="numpy" if len(names) > 1 else "xla")(gradc.tensor(X))
    np.testing.assert_allclose(found.numpy(), expected(names), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("names", [*[(n,) for n in TRANSFORMS], *PAIRS[1::3]], ids=".".join)
def test_the_result_can_be_differentiated_by_backward(names):
    x = gradc.tensor(X, requires_grad=True)
    (composed(Gradc, names)(x) * gradc.tensor(C)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), expected((*names, "grad")), rtol=1e-9, atol=1e-9)
