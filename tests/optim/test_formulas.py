"""Every optimizer against PyTorch's, step by step, and compiled against eager."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from trajectories import TOLERANCE, check_compiled, compare

import gradc
from gradc import nn, optim

TABLE: list[tuple[str, dict[str, Any]]] = [
    ("Adadelta", {}), ("Adadelta", {"weight_decay": 0.1, "rho": 0.8, "maximize": True}),
    ("Adagrad", {}), ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("Adamax", {}), ("Adamax", {"weight_decay": 0.1, "betas": (0.0, 0.5), "maximize": True}),
    ("ASGD", {}), ("ASGD", {"t0": 2, "lambd": 0.1, "weight_decay": 0.1, "maximize": True}),
    ("NAdam", {}), ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}), ("NAdam", {"weight_decay": 0.1}),
    ("RAdam", {}), ("RAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "betas": (0.8, 0.9)}),
    ("RAdam", {"betas": (0.5, 0.5)}),
    ("RMSprop", {}), ("RMSprop", {"momentum": 0.5, "centered": True, "weight_decay": 0.1}),
    ("RMSprop", {"centered": True, "maximize": True}),
    ("Rprop", {}), ("Rprop", {"etas": (0.3, 1.5), "step_sizes": (1e-3, 0.011), "maximize": True}),
]
IDS = [f"{name} {settings}" for name, settings in TABLE]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("name, settings", TABLE, ids=IDS)
def test_trajectories_equal_torch(name: str, settings: dict[str, Any], kind: Any) -> None:
    compare(name, kind, steps=12, **settings)


@pytest.mark.parametrize("name, settings", TABLE, ids=IDS)
def test_a_compiled_step_does_the_same(name: str, settings: dict[str, Any]) -> None:
    check_compiled(lambda params: getattr(optim, name)(params, **settings), lambda groups: groups[0].update(lr=0.02))


@pytest.mark.parametrize("name", ["SGD", "Adam", *dict(TABLE)])
def test_the_update_is_part_of_the_graph_where_differentiable(name: str) -> None:
    def trained(w: gradc.Tensor) -> gradc.Tensor:
        x = w.clone()
        x.retain_grad()
        optimizer = getattr(optim, name)([x], lr=0.1, differentiable=True)
        for _ in range(3):
            x.grad = gradc.autograd.grad((x.clone() ** 3).sum(), x, create_graph=True)[0]
            optimizer.step()
        return x

    w = gradc.tensor([0.5, -1.0, 2.0], dtype=gradc.float64, requires_grad=True)
    assert gradc.autograd.gradcheck(trained, w)


@pytest.mark.parametrize("name, settings", TABLE + [("SGD", {"momentum": 0.9}), ("Adam", {"amsgrad": True})],
                         ids=str)
def test_states_go_to_torch_and_back(name: str, settings: dict[str, Any]) -> None:
    """A state of PyTorch is loaded here, another step is taken with both, and its state loaded there."""
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    start, gradients = random.standard_normal(4), random.standard_normal((3, 4))
    p, q = nn.Parameter(gradc.tensor(start)), torch.nn.Parameter(torch.tensor(start))
    ours, theirs = getattr(optim, name)([p], **settings), getattr(torch.optim, name)([q], **settings)
    for i, g in enumerate(gradients):
        p.grad, q.grad = gradc.tensor(g), torch.tensor(g)
        if i != 1:
            theirs.step()
        if i == 0:
            ours.load_state_dict(theirs.state_dict())
            p.data = gradc.tensor(q.detach().numpy())
        else:
            ours.step()
        if i == 1:
            plain = ours.state_dict()
            plain["state"] = {k: {name: torch.from_numpy(x.numpy().copy()) for name, x in state.items()}
                              for k, state in plain["state"].items()}
            theirs.load_state_dict(plain)
            q.data = torch.tensor(p.detach().numpy())
    np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=TOLERANCE[np.float64])


ERRORS: list[tuple[str, dict[str, Any]]] = [
    ("Adadelta", {"rho": 2.0}), ("Adadelta", {"eps": -1.0}), ("Adagrad", {"lr_decay": -1.0}), ("Rprop", {"lr": -1.0}),
    ("Adagrad", {"initial_accumulator_value": -1.0}), ("Adamax", {"betas": (1.0, 0.5)}), ("ASGD", {"lr": -0.5}),
    ("NAdam", {"momentum_decay": -1.0}), ("RAdam", {"betas": (0.5, -0.5)}), ("RMSprop", {"alpha": -1.0}),
    ("RMSprop", {"momentum": -1.0}), ("Rprop", {"etas": (1.5, 1.2)}), ("ASGD", {"weight_decay": -1.0}),
]


@pytest.mark.parametrize("name, settings", ERRORS, ids=str)
def test_errors_are_those_of_torch(name: str, settings: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError) as ours:
        getattr(optim, name)([nn.Parameter(gradc.ones(1))], **settings)
    with pytest.raises(ValueError) as theirs:
        getattr(torch.optim, name)([torch.nn.Parameter(torch.ones(1))], **settings)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", *dict(TABLE)])
def test_printing(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours = getattr(optim, name)([nn.Parameter(gradc.ones(1))])
    theirs = getattr(torch.optim, name)([torch.nn.Parameter(torch.ones(1))])
    assert repr(ours) == repr(theirs)


# Numbers that change


def counted(make: Any, change: Any, steps: int = 12, compiled: bool = True) -> tuple[int, list[float]]:
    """How often a training step is traced whose settings change at every step, and what its parameter becomes."""
    p = nn.Parameter(gradc.tensor([1.0, -2.0]))
    optimizer = make([p])

    def step() -> None:
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()

    run = gradc.compile(step) if compiled else step
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(steps):
            change(optimizer.param_groups[0], i)
            run()
    return len(run.cache_info()) if compiled else 0, p.tolist()


@pytest.mark.parametrize("make, change, traces", [
    (lambda p: optim.SGD(p, lr=0.1), lambda group, i: group.update(lr=0.1 / (i + 1)), 2),
    (lambda p: optim.SGD(p, lr=0.1), lambda group, i: group.update(lr=0.01 * i), 2),
    (lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda group, i: group.update(momentum=0.5 + 0.01 * i), 3),
    (lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda group, i: group.update(momentum=0.9 * (i % 2)), 4),
    (lambda p: optim.Adam(p), lambda group, i: group.update(lr=0.1 / (i + 1), betas=(0.8 + 0.01 * i, 0.99)), 3),
    (lambda p: optim.RAdam(p), lambda group, i: group.update(betas=(0.8, 0.9 + 0.001 * i)), 3),
    (lambda p: optim.NAdam(p), lambda group, i: group.update(betas=(0.8 + 0.01 * i, 0.9), weight_decay=0.01 * i), 4),
], ids=["rate", "rate from zero", "momentum", "momentum on and off", "betas", "RAdam", "several"])
def test_a_number_that_changes_is_an_input(make: Any, change: Any, traces: int) -> None:
    """The rate is read at every call, other numbers from their first change on. One trace is for .grad being None."""
    found, values = counted(make, change)
    assert found <= traces
    assert values == pytest.approx(counted(make, change, compiled=False)[1], rel=1e-5)


def test_the_numbers_of_an_optimizer_of_the_user_are_guarded() -> None:
    class Sign(optim.Optimizer):
        def __init__(self, params: Any) -> None:
            super().__init__(params, {"lr": 0.5})

        @gradc.no_grad()
        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    p.sub_(p.grad.sign() * group["lr"])

    def change(group: Any, i: int) -> None:
        group["lr"] = 0.5 if i < 2 else 0.25

    assert counted(Sign, change, 4)[1] == counted(Sign, change, 4, compiled=False)[1]


# Hooks and names


def test_step_hooks() -> None:
    p = nn.Parameter(gradc.ones(1))
    p.grad = gradc.ones(1)
    optimizer = optim.SGD([p], lr=0.5)
    seen: list[Any] = []
    handles = [optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(("pre", o is args[0], p.item()))),
               optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(("post", kwargs, p.item())))]
    optimizer.step()
    assert seen == [("pre", True, 1.0), ("post", {}, 0.5)]
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert len(seen) == 2
    optimizer.register_step_pre_hook(lambda o, args, kwargs: (args, {"closure": lambda: 7}))
    assert optimizer.step() == 7
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple of"):
        optimizer.step()


def test_state_hooks() -> None:
    optimizer = optim.SGD([nn.Parameter(gradc.ones(1))], lr=0.5)
    optimizer.register_state_dict_post_hook(lambda o, found: found | {"more": 1})
    assert optimizer.state_dict()["more"] == 1
    optimizer.register_load_state_dict_pre_hook(
        lambda o, given: given | {"param_groups": [given["param_groups"][0] | {"lr": 0.25}]})
    optimizer.load_state_dict(optimizer.state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.25


def test_named_parameters() -> None:
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.named_parameters())
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.param_groups[0]["params"][0] is model.weight
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ValueError, match="all optimizer param groups should be with/without names"):
        optimizer.add_param_group({"params": nn.Parameter(gradc.ones(1))})
