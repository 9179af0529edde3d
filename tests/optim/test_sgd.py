"""SGD, and what all optimizers share."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from trajectories import check_compiled, compare

import gradc
from gradc import nn, optim
from gradc.errors import GradcError, TraceError


def parameter(*values: float) -> nn.Parameter:
    return nn.Parameter(gradc.tensor(list(values)))


def stepped(p: nn.Parameter, optimizer: optim.Optimizer, steps: int = 1) -> list[float]:
    """The values of p after steps with the gradient 1."""
    for _ in range(steps):
        p.grad = gradc.ones_like(p)
        optimizer.step()
    return pytest.approx(p.detach().reshape(-1).tolist())  # type: ignore[return-value]


# The numbers


@pytest.mark.parametrize("settings, steps, expected", [
    ({}, 2, [0.8]),
    ({"momentum": 0.5}, 2, [0.75]),  # buffers 1, 1.5
    ({"momentum": 0.5, "dampening": 0.5}, 2, [0.8]),  # buffers 1, 0.5 + 0.5: the first gradient enters whole
    ({"momentum": 0.5, "nesterov": True}, 1, [0.85]),
    ({"weight_decay": 1.0}, 1, [0.8]),
    ({"maximize": True}, 1, [1.1]),
])
def test_steps_are_known(settings: dict[str, Any], steps: int, expected: list[float]) -> None:
    p = parameter(1.0)
    assert stepped(p, optim.SGD([p], lr=0.1, **settings), steps) == expected


SETTINGS: list[dict[str, Any]] = [
    {"lr": 0.1}, {"lr": 0.1, "momentum": 0.9}, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3},
    {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, {"lr": 0.1, "maximize": True},
]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_trajectories_equal_torch(settings: dict[str, Any], kind: Any) -> None:
    compare("SGD", kind, **settings)


@pytest.mark.parametrize("settings", [s for s in SETTINGS if "dampening" not in s], ids=str)
def test_a_compiled_step_does_the_same(settings: dict[str, Any]) -> None:
    check_compiled(lambda params: optim.SGD(params, **settings), lambda groups: groups[0].update(lr=0.02))


def test_the_first_dampened_step_cannot_be_compiled() -> None:
    p = parameter(1.0)
    optimizer = optim.SGD([p], lr=0.1, momentum=0.9, dampening=0.5)

    def step() -> gradc.Tensor:
        loss = (p * p).sum()
        loss.backward()
        optimizer.step()
        return loss

    with pytest.raises(TraceError, match="the first step with dampening differs from all later ones"):
        gradc.compile(step, fullgraph=True)()


def test_a_learning_rate_may_be_a_tensor() -> None:
    p, rate = parameter(1.0), gradc.tensor(0.1)
    optimizer = optim.SGD([p], lr=rate)
    assert stepped(p, optimizer) == [0.9]
    rate.mul_(2)
    assert stepped(p, optimizer) == [0.7]
    check_compiled(lambda params: optim.SGD(params, lr=gradc.tensor(0.1), momentum=0.9),
                   lambda groups: groups[0]["lr"].mul_(0.5))


def test_bfloat16() -> None:
    p = nn.Parameter(gradc.ones(2, dtype=gradc.bfloat16))
    assert stepped(p, optim.SGD([p], lr=0.25, momentum=0.5)) == [0.75, 0.75]
    assert p.dtype is gradc.bfloat16


# Memory


def test_parameters_without_gradient_stay() -> None:
    p = parameter(1.0)
    optim.SGD([p], lr=0.1).step()
    assert repr(p) == "Parameter containing:\ntensor([1.], requires_grad=True)"


def test_a_step_is_a_write() -> None:
    p = parameter(1.0)
    loss = (p * p).sum()
    version = p._version
    stepped(p, optim.SGD([p], lr=0.1))
    assert p._version == version + 1
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation(.|\n)*SGD.step"):
        loss.backward()


def test_a_step_is_seen_through_views() -> None:
    data = gradc.ones(2, 2)
    p = nn.Parameter(data)
    row = p.detach()[0]
    stepped(p, optim.SGD([p], lr=0.5))
    assert row.tolist() == [0.5, 0.5] and data[1].tolist() == [0.5, 0.5]


def test_read_only_memory_is_replaced_unless_it_is_shared() -> None:
    array = np.ones(2, np.float32)
    array.flags.writeable = False
    p = nn.Parameter(gradc.from_numpy(array))
    assert stepped(p, optim.SGD([p], lr=0.5)) == [0.5, 0.5] and array.tolist() == [1, 1]
    shared = gradc.from_numpy(array)
    p = nn.Parameter(shared)
    with pytest.raises(RuntimeError, match="shares read-only memory with other tensors"):
        stepped(p, optim.SGD([p], lr=0.5))


def test_parameters_in_any_order_of_memory() -> None:
    large = gradc.ones(300, 400)
    p = nn.Parameter(large.t())
    p.grad = gradc.ones(300, 400).t()
    optim.SGD([p], lr=0.5, momentum=0.9).step()
    assert gradc.equal(p.detach(), gradc.full((400, 300), 0.5))


# Groups, gradients, state


def test_groups_have_settings_of_their_own() -> None:
    p, q = parameter(1.0), parameter(1.0)
    optimizer = optim.SGD([{"params": p}, {"params": [q], "lr": 1.0}], lr=0.1)
    p.grad = q.grad = gradc.ones(1)
    optimizer.step()
    assert p.tolist() == pytest.approx([0.9]) and q.tolist() == [0]
    optimizer.param_groups[0]["lr"] = 0.4
    optimizer.step()
    assert p.tolist() == pytest.approx([0.5])


def test_zero_grad() -> None:
    p = parameter(1.0)
    optimizer = optim.SGD([p])
    g = p.grad = gradc.ones(1)
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is g and g.tolist() == [0]
    optimizer.zero_grad()
    assert p.grad is None


def test_a_closure_computes_the_gradient() -> None:
    p = parameter(2.0)
    optimizer = optim.SGD([p], lr=0.25)

    def closure() -> gradc.Tensor:
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with gradc.no_grad():
        assert optimizer.step(closure).item() == 4
    assert p.tolist() == [1]


def test_state_dict() -> None:
    p = parameter(1.0)
    optimizer = optim.SGD([p], lr=0.1, momentum=0.9)
    stepped(p, optimizer)
    assert repr(optimizer.state_dict()) == (
        "{'state': {0: {'momentum_buffer': tensor([1.])}}, 'param_groups': [{'lr': 0.1, 'momentum': 0.9, 'dampening': "
        "0, 'weight_decay': 0, 'nesterov': False, 'maximize': False, 'foreach': None, 'differentiable': False, "
        "'fused': None, 'params': [0]}]}")


def test_loaded_state_is_a_copy() -> None:
    p, q = parameter(1.0), nn.Parameter(gradc.ones(1, dtype=gradc.float64))
    first, second = optim.SGD([p], lr=0.1, momentum=0.5), optim.SGD([q], lr=7.0)
    stepped(p, first)
    second.load_state_dict(first.state_dict())
    assert second.param_groups[0]["lr"] == 0.1 and second.state[q]["momentum_buffer"].dtype is gradc.float64
    stepped(q, second)
    assert q.tolist() == pytest.approx([0.85]) and first.state[p]["momentum_buffer"].tolist() == [1]


def test_state_that_does_not_fit() -> None:
    optimizer = optim.SGD([parameter(1.0)])
    with pytest.raises(ValueError, match="loaded state dict has a different number of parameter groups"):
        optimizer.load_state_dict({"state": {}, "param_groups": []})
    with pytest.raises(ValueError, match="contains a parameter group that doesn't match the size of optimizer's gro"):
        optimizer.load_state_dict(optim.SGD([parameter(1.0), parameter(2.0)]).state_dict())


def test_copies() -> None:
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.parameters(), momentum=0.9)
    model(gradc.ones(2)).sum().backward()
    optimizer.step()
    for other_model, other in (copy.deepcopy((model, optimizer)), pickle.loads(pickle.dumps((model, optimizer)))):
        assert other.param_groups[0]["params"][0] is other_model.weight
        assert other.state[other_model.weight]["momentum_buffer"].shape == (1, 2)
        assert other_model.weight is not model.weight


def test_printing() -> None:
    assert repr(optim.SGD([parameter(1.0)], lr=0.1)) == (
        "SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n    foreach: None\n    fused: None\n"
        "    lr: 0.1\n    maximize: False\n    momentum: 0\n    nesterov: False\n    weight_decay: 0\n)")


def test_an_optimizer_of_the_user() -> None:
    class Sign(optim.Optimizer):
        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, {"lr": lr})

        @gradc.no_grad()
        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    p.sub_(p.grad.sign() * group["lr"])

    p = parameter(1.0)
    assert stepped(p, Sign([p], lr=0.5)) == [0.5]


@pytest.mark.parametrize("act, error, message", [
    (lambda p: optim.SGD([p * 1]), ValueError, "^can't optimize a non-leaf Tensor$"),
    (lambda p: optim.SGD([]), ValueError, "^optimizer got an empty parameter list$"),
    (lambda p: optim.SGD(p), TypeError, "^params argument given to the optimizer should be an iterable of Tensors or "
                                        "dicts, but got torch.FloatTensor$"),
    (lambda p: optim.SGD([3]), TypeError, "^optimizer can only optimize Tensors, but one of the params is int$"),
    (lambda p: optim.SGD([{"params": {p}}]), TypeError, "optimizer parameters need to be organized in ordered"),
    (lambda p: optim.SGD([{"params": p}, {"params": p}]), ValueError, "some parameters appear in more than one"),
    (lambda p: optim.SGD([p]).add_param_group([p]), TypeError, "param_group must be a dict, but got <class 'list'>"),
    (lambda p: optim.SGD([p], lr=-1.0), ValueError, "^Invalid learning rate: -1.0$"),
    (lambda p: optim.SGD([p], momentum=-1.0), ValueError, "^Invalid momentum value: -1.0$"),
    (lambda p: optim.SGD([p], weight_decay=-1.0), ValueError, "^Invalid weight_decay value: -1.0$"),
    (lambda p: optim.SGD([p], nesterov=True), ValueError, "Nesterov momentum requires a momentum and zero dampening"),
    (lambda p: optim.SGD([p], lr=gradc.ones(2)), ValueError, "^Tensor lr must be 1-element$"),
    (lambda p: optim.Optimizer([p], {}).step(), NotImplementedError, "step"),
])
def test_errors(act: Callable[[Any], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        act(parameter(1.0))
    assert isinstance(caught.value, GradcError)


def test_a_parameter_twice() -> None:
    p = parameter(1.0)
    with pytest.warns(UserWarning, match="optimizer contains a parameter group with duplicate parameters"):
        optim.SGD([p, p])
