"""LBFGS against PyTorch's, iteration by iteration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradc
from gradc import nn, optim

START = np.array([-1.2, 1.0, 0.5])
SETTINGS: list[dict[str, Any]] = [
    {"lr": 1e-3}, {"lr": 1e-3, "history_size": 3, "max_iter": 7}, {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "history_size": 2, "max_iter": 4}, {"lr": 0.5, "line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "max_eval": 6},
]


def rosenbrock(p: Any, q: Any) -> Any:
    return 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2 + (q[0] - p[1]) ** 4 + q[0].exp()


def run(library: Any, settings: dict[str, Any], between: Any = None) -> list[list[float]]:
    p, q = [library.nn.Parameter(library.tensor(x)) for x in (START[:2], START[2:])]
    optimizer = library.optim.LBFGS([p, q], **settings)
    found = []

    def closure() -> Any:
        optimizer.zero_grad()
        loss = rosenbrock(p, q)
        loss.backward()
        return loss

    for _ in range(4):
        loss = optimizer.step(closure)
        state = optimizer.state[p]
        found.append([loss.item(), *p.tolist(), *q.tolist(), state["n_iter"], state["func_evals"]])
        if between is not None:
            optimizer = between(optimizer, [p, q])
    return found


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_steps_equal_torch(settings: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    for ours, theirs in zip(run(gradc, settings), run(torch, settings), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-9)


def test_a_loaded_state_goes_on() -> None:
    settings = SETTINGS[3]

    def reload(optimizer: Any, params: Any) -> Any:
        other = optim.LBFGS(params, **settings)
        other.load_state_dict(optimizer.state_dict())
        return other

    assert run(gradc, settings, reload) == run(gradc, settings)


def test_it_is_not_for_traces() -> None:
    optimizer = optim.LBFGS([nn.Parameter(gradc.ones(1))])

    def step(x: gradc.Tensor) -> gradc.Tensor:
        optimizer.step(lambda: x)
        return x

    with pytest.raises(gradc.errors.TraceError, match="LBFGS decides by values how far it goes"):
        gradc.compile(step, fullgraph=True)(gradc.ones(1))


@pytest.mark.parametrize("act, message", [
    (lambda p: optim.LBFGS([{"params": [p]}, {"params": [nn.Parameter(p.detach())]}]), "doesn't support per-parameter"),
    (lambda p: optim.LBFGS([p], line_search_fn="golden"), "only 'strong_wolfe' is supported"),
    (lambda p: optim.LBFGS([p]).step(), "needs a closure"),
])
def test_errors(act: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        act(nn.Parameter(gradc.ones(1)))
