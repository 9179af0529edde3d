"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from trajectories import check_compiled, compare

import gradc
from gradc import nn, optim
from gradc.errors import GradcError
from gradc.tensor import wrap


def after(steps: int, kind: type[optim.Adam], gradient: float = 1.0, **settings: Any) -> float:
    """A parameter that starts at 1, after steps with one gradient."""
    p = nn.Parameter(gradc.tensor([1.0], dtype=gradc.float64))
    optimizer = kind([p], **settings)
    for _ in range(steps):
        p.grad = gradc.full_like(p, gradient)
        optimizer.step()
    return p.item()


def test_steps_are_known() -> None:
    # Under a constant gradient both means, corrected, are the gradient and its square: each step is lr.
    assert after(5, optim.Adam, lr=0.1, eps=0.0) == pytest.approx(0.5, rel=1e-12)
    assert after(5, optim.Adam, gradient=1e-3, lr=0.1, eps=0.0, maximize=True) == pytest.approx(1.5, rel=1e-12)
    assert after(1, optim.Adam, lr=0.1, eps=1.0) == pytest.approx(0.95, rel=1e-12)
    assert after(1, optim.AdamW, lr=0.1, weight_decay=0.5, eps=0.0) == pytest.approx(0.85, rel=1e-12)
    assert after(1, optim.Adam, lr=0.1, weight_decay=0.5, eps=0.0) == pytest.approx(0.9, rel=1e-12)
    assert after(2, optim.Adam, lr=0.1, betas=(0.0, 0.0), eps=0.0) == pytest.approx(0.8, rel=1e-12)


def test_amsgrad_keeps_the_largest_square() -> None:
    p = nn.Parameter(gradc.tensor([1.0]))
    optimizer = optim.Adam([p], amsgrad=True, betas=(0.9, 0.5))
    for g in (1.0, 0.0, 0.0):
        p.grad = gradc.tensor([g])
        optimizer.step()
    state = optimizer.state[p]
    assert state["max_exp_avg_sq"].tolist() == [0.5] and state["exp_avg_sq"].tolist() == [0.125]


SETTINGS: list[dict[str, Any]] = [
    {}, {"weight_decay": 0.1, "amsgrad": True}, {"lr": 0.1, "maximize": True}, {"betas": (0.0, 0.9)},
]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_trajectories_equal_torch(name: str, settings: dict[str, Any], kind: Any) -> None:
    compare(name, kind, **settings)


def test_trajectories_equal_torch_in_half_precision() -> None:
    compare("AdamW", np.float16, lr=0.01, eps=1e-4)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("kind", [optim.Adam, optim.AdamW])
def test_a_compiled_step_does_the_same(kind: type[optim.Adam], settings: dict[str, Any]) -> None:
    check_compiled(lambda params: kind(params, **settings), lambda groups: groups[0].update(lr=0.02))


def test_compiled_and_eager_steps_mix() -> None:
    def losses(compiled: Callable[[int], bool]) -> list[float]:
        gradc.manual_seed(0)
        model, x = nn.Linear(3, 1), gradc.ones(2, 3)
        optimizer = optim.AdamW(model.parameters(), lr=0.1)

        def step() -> gradc.Tensor:
            optimizer.zero_grad()
            loss = model(x).square().sum()
            loss.backward()
            optimizer.step()
            return loss

        fast = gradc.compile(step)
        found = []
        for i in range(6):
            found.append((fast if compiled(i) else step)().item())
            if i == 3:
                optimizer.load_state_dict(optimizer.state_dict())
        return found

    assert losses(lambda i: i % 2 == 0) == pytest.approx(losses(lambda i: False), rel=1e-5)


def test_the_step_count_of_long_training_is_exact_in_single_precision() -> None:
    """1 - beta^count, computed as -expm1(count·log beta), in the compiled step too."""
    p = nn.Parameter(gradc.tensor([1.0]))
    optimizer = optim.Adam([p], lr=1.0, betas=(0.0, 0.9999), eps=0.0)

    @gradc.compile
    def step() -> gradc.Tensor:
        optimizer.zero_grad()
        loss = p.sum()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        step()
    assert p.item() == pytest.approx(-2.0, abs=1e-6)  # 1 - 0.9999 alone loses 4 digits in float32


def test_state_dict() -> None:
    p = nn.Parameter(gradc.tensor([1.0]))
    optimizer = optim.AdamW([p])
    p.grad = gradc.tensor([1.0])
    optimizer.step()
    assert repr(optimizer.state_dict()["state"]) == (
        "{0: {'step': tensor(1.), 'exp_avg': tensor([0.1000]), 'exp_avg_sq': tensor([0.0010])}}")
    assert optimizer.state_dict()["param_groups"] == [{
        "lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01, "amsgrad": False, "maximize": False,
        "foreach": None, "capturable": False, "differentiable": False, "fused": None, "decoupled_weight_decay": True,
        "params": [0]}]
    other = optim.AdamW([nn.Parameter(wrap(np.ones(1)))])
    other.load_state_dict(optimizer.state_dict())
    assert repr(list(other.state.values())[0]["step"]) == "tensor(1.)"


@pytest.mark.parametrize("act, message", [
    (lambda p: optim.Adam(p, lr=-1.0), "Invalid learning rate: -1.0"),
    (lambda p: optim.Adam(p, eps=-1.0), "Invalid epsilon value: -1.0"),
    (lambda p: optim.AdamW(p, betas=(1.0, 0.9)), "Invalid beta parameter at index 0: 1.0"),
    (lambda p: optim.AdamW(p, betas=(0.9, -0.1)), "Invalid beta parameter at index 1: -0.1"),
    (lambda p: optim.AdamW(p, weight_decay=-1.0), "Invalid weight_decay value: -1.0"),
])
def test_errors(act: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        act([nn.Parameter(gradc.ones(1))])
    assert isinstance(caught.value, GradcError)


def test_complex_parameters() -> None:
    p = nn.Parameter(gradc.ones(1, dtype=gradc.complex64))
    p.grad = gradc.ones(1, dtype=gradc.complex64)
    with pytest.raises(RuntimeError, match="does not support complex parameters"):
        optim.Adam([p]).step()
