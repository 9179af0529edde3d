"""Optimizers of optax, against optax itself."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import gradc
from gradc import nn, optim

optax = pytest.importorskip("optax")

TRANSFORMATIONS = {
    "sgd": lambda: optax.sgd(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: optax.adam(0.01),
    "adamw": lambda: optax.chain(optax.clip_by_global_norm(0.5), optax.adamw(0.01)),
    "lion": lambda: optax.lion(0.01),
    "a schedule": lambda: optax.adam(optax.cosine_decay_schedule(0.1, 5)),
    "hyperparameters": lambda: optax.inject_hyperparams(optax.rmsprop)(learning_rate=0.01),
}
X = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
W = np.random.default_rng(1).standard_normal((1, 3)).astype(np.float32)
B = np.zeros(1, np.float32)


def expected(transformation: Any, steps: int) -> list[float]:
    import jax

    def loss(params: Any) -> Any:
        w, b = params
        return ((X @ w.T + b - 1) ** 2).mean()

    losses = []
    with jax.enable_x64(True):
        params = [jax.numpy.asarray(W), jax.numpy.asarray(B)]
        state = transformation.init(params)
        for _ in range(steps):
            value, gradients = jax.value_and_grad(loss)(params)
            updates, state = transformation.update(gradients, state, params)
            params = optax.apply_updates(params, updates)
            losses.append(float(value))
    return losses


def model() -> nn.Linear:
    layer = nn.Linear(3, 1)
    layer.load_state_dict({"weight": gradc.from_numpy(W.copy()), "bias": gradc.from_numpy(B.copy())})
    return layer


def stepper(layer: nn.Module, optimizer: optim.Optimizer) -> Any:
    def step(x: gradc.Tensor) -> gradc.Tensor:
        optimizer.zero_grad()
        loss = (layer(x) - 1).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_losses_equal_optax(name: str, compiled: bool) -> None:
    layer = model()
    step = stepper(layer, optim.Optax(layer.parameters(), TRANSFORMATIONS[name]()))
    run = gradc.compile(step) if compiled else step
    found = [run(gradc.from_numpy(X)).item() for _ in range(8)]
    assert found == pytest.approx(expected(TRANSFORMATIONS[name](), 8), rel=1e-5)


def test_states_continue() -> None:
    layer = model()
    optimizer = optim.Optax(layer.parameters(), optax.adam(0.01))
    step = stepper(layer, optimizer)
    first = [step(gradc.from_numpy(X)).item() for _ in range(4)]
    other = copy.deepcopy(layer)
    resumed = optim.Optax(other.parameters(), optax.adam(0.01))
    resumed.load_state_dict(optimizer.state_dict())
    rest = [stepper(other, resumed)(gradc.from_numpy(X)).item() for _ in range(4)]
    assert first + rest == pytest.approx(expected(optax.adam(0.01), 8), rel=1e-5)
    with pytest.raises(ValueError, match="of another transformation"):
        optim.Optax(other.parameters(), optax.sgd(0.1)).load_state_dict(optimizer.state_dict())


def test_all_parameters_need_a_gradient() -> None:
    optimizer = optim.Optax([nn.Parameter(gradc.ones(1))], optax.sgd(0.1))
    with pytest.raises(ValueError, match="parameter 0 of 1 has no gradient"):
        optimizer.step()
