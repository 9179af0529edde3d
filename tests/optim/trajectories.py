"""The same gradients, step by step, given to an optimizer of gradc and to PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradc
from gradc import nn, optim
from gradc.optim import formula
from gradc.tensor import wrap

SHAPES = ((3, 4), (), (5,), (2, 0), (3, formula.BLOCK))  # the last is updated in blocks
TOLERANCE = {np.float16: 1e-2, np.float32: 2e-6, np.float64: 1e-14}


def compare(name: str, kind: Any, steps: int = 6, **settings: Any) -> None:
    """Take steps with both, and hold parameters and states against each other after each."""
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    initial = [np.asarray(random.standard_normal(shape), kind) for shape in SHAPES]
    ours = [nn.Parameter(wrap(x.copy())) for x in initial]
    theirs = [torch.nn.Parameter(torch.tensor(x)) for x in initial]
    optimizers = getattr(optim, name)(ours, **settings), getattr(torch.optim, name)(theirs, **settings)
    for _ in range(steps):
        for p, q in zip(ours, theirs, strict=True):
            g = np.asarray(random.standard_normal(q.shape), kind)
            p.grad, q.grad = wrap(g.copy()), torch.tensor(g)
        for each in optimizers:
            each.step()
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=TOLERANCE[kind],
                                       atol=TOLERANCE[kind])
    mine, other = [each.state_dict() for each in optimizers]
    assert mine["param_groups"] == other["param_groups"]
    assert [list(state) for state in mine["state"].values()] == [list(state) for state in other["state"].values()]
    for i, state in mine["state"].items():
        for key, x in state.items():
            y = other["state"][i][key]
            assert str(x.dtype) == str(y.dtype)
            np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=TOLERANCE[kind], atol=TOLERANCE[kind])


def train(make: Any, compiled: bool, changes: Any = lambda groups: None) -> tuple[list[float], Any]:
    """Losses of a small network trained eagerly or compiled, with a change of settings in the middle."""
    gradc.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    chosen = make(model.parameters())
    x = gradc.randn(5, 3)

    def step(x: gradc.Tensor) -> gradc.Tensor:
        chosen.zero_grad()
        loss = (model(x) - 1).square().mean()
        loss.backward()
        chosen.step()
        return loss

    run = gradc.compile(step) if compiled else step
    losses = [run(x).item() for _ in range(3)]
    changes(chosen.param_groups)
    return losses + [run(x).item() for _ in range(3)], chosen


def check_compiled(make: Any, changes: Any = lambda groups: None) -> None:
    """A compiled training step gives the losses and the state of an eager one."""
    expected, eager = train(make, False, changes)
    found, compiled = train(make, True, changes)
    assert found == pytest.approx(expected, rel=1e-5)
    states = eager.state_dict()["state"], compiled.state_dict()["state"]
    assert [list(s) for s in states[0].values()] == [list(s) for s in states[1].values()]
    for i, state in states[0].items():
        for key, x in state.items():
            np.testing.assert_allclose(states[1][i][key].numpy(), x.numpy(), rtol=1e-4, atol=1e-7)
