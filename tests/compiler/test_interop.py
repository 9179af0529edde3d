"""to_jax: compiled functions as pure functions for jax.jit, jax.grad, jax.vmap and sharding."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradc
from gradc.errors import TraceError


def data(*shape: int) -> gradc.Tensor:
    return gradc.tensor(np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32))


def loss(x: Any, y: Any) -> Any:
    return (x.tanh() * y).sum()


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(np.asarray(a), b.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_a_pure_function_under_every_transform() -> None:
    x, y = data(3).requires_grad_(), data(3)
    f = gradc.to_jax(gradc.compile(loss), x, y)
    a, b = x.detach().numpy(), y.numpy()
    assert f.state == {}
    for g in (f, jax.jit(f)):
        close(g(a, b), loss(x, y))
        close(jax.grad(g)(a, b), gradc.autograd.grad(loss(x, y), x)[0])
    many = data(5, 3)
    close(jax.vmap(f, (0, None))(many.numpy(), b), gradc.vmap(loss, (0, None))(many, y))
    close(jax.hessian(f)(a, b), gradc.func.hessian(loss)(x.detach(), y))
    assert gradc.to_jax(loss, x, y)(a, b).dtype == jnp.float32


def test_over_a_mesh() -> None:
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("batch",))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("batch"))
    x, y = data(4, 3), data(3)
    f = jax.jit(gradc.to_jax(lambda x, y: (x * y).tanh(), x, y), in_shardings=(sharding, None), out_shardings=sharding)
    result = f(x.numpy(), y.numpy())
    assert result.sharding == sharding
    close(result, (x * y).tanh())


def test_a_training_step_carries_its_state() -> None:
    def made() -> Any:
        w = gradc.ones(3).requires_grad_()
        optimizer = gradc.optim.SGD([w], lr=0.1, momentum=0.9)

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            value = (x * w).sum().square()
            value.backward()
            optimizer.step()
            return value.detach()

        step(data(3))  # makes the momentum
        return step, w

    step, w = made()
    f = gradc.to_jax(step, data(3))
    run, state = jax.jit(f), f.state
    assert "w" in state
    for i in range(3):
        result, state = run({name: state[name] for name in f.state}, data(3).numpy() * i)
        close(result, step(data(3) * i))
    close(state["w"], w)
    close(state["w.grad"], w.grad)


def test_parameters_are_state_by_name() -> None:
    model = gradc.nn.Linear(3, 2)
    f = gradc.to_jax(gradc.compile(model), data(4, 3))
    assert sorted(value.shape for value in f.state.values()) == [(2,), (2, 3)]
    close(f(f.state, data(4, 3).numpy()), model(data(4, 3)))
    slopes = jax.grad(lambda state, x: f(state, x).sum())(f.state, data(4, 3).numpy())
    model(data(4, 3)).sum().backward()
    close(next(g for g in slopes.values() if g.ndim == 2), model.weight.grad)


def test_refused() -> None:
    with pytest.raises(TraceError, match="draws random numbers"):
        gradc.to_jax(lambda x: x + gradc.rand(3), data(3))
    with pytest.raises(TraceError, match="writes one of its arguments"):
        gradc.to_jax(lambda x: x.add_(1), data(3))
    with pytest.raises(TraceError, match="made for other arguments"):
        gradc.to_jax(loss, data(3), data(3))(data(3).numpy())
