"""Schedulers: the rates of PyTorch's, step by step."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import gradc
from gradc import nn, optim

Make = Callable[[Any, Any], Any]

SCHEDULES: dict[str, Make] = {
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda i: 0.95**i),
    "LambdaLR each": lambda s, o: s.LambdaLR(o, [lambda i: i / 50, lambda i: 1 / (i + 1)]),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda i: 0.9 + i / 1000),
    "StepLR": lambda s, o: s.StepLR(o, 7, 0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [3, 8, 8, 30], 0.5),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.25, 9),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.1, 0.9, 20),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.93),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 40, 2.0),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 17, 0.001),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, 2, 0.001),
    "CyclicLR": lambda s, o: s.CyclicLR(o, 0.01, [0.1, 0.2], 6, 9),
    "CyclicLR triangular2": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 6, mode="triangular2", cycle_momentum=False),
    "CyclicLR exp_range": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 6, mode="exp_range", gamma=0.98),
    "CyclicLR function": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 6, scale_fn=lambda x: 1 / x),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.5, 60),
    "OneCycleLR three": lambda s, o: s.OneCycleLR(o, [0.5, 0.2], epochs=6, steps_per_epoch=10, three_phase=True,
                                                 anneal_strategy="linear"),
    "SequentialLR": lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 0.1, 1.0, 10), s.StepLR(o, 5, 0.5),
                                                    s.ExponentialLR(o, 0.9)], [10, 30]),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9)]),
    "ReduceLROnPlateau": lambda s, o: s.ReduceLROnPlateau(o, patience=3, cooldown=2, factor=0.5, min_lr=[0.01, 0.0]),
    "ReduceLROnPlateau max": lambda s, o: s.ReduceLROnPlateau(o, "max", threshold_mode="abs", threshold=0.5,
                                                              patience=2),
}


def pair(library: Any, name: str = "SGD", **settings: Any) -> Any:
    """An optimizer of a library with two groups."""
    p, q = library.nn.Parameter(library.ones(2)), library.nn.Parameter(library.ones(2))
    settings = settings or {"momentum": 0.9}
    return getattr(library.optim, name)([{"params": [p]}, {"params": [q], "lr": 0.3}], lr=0.1, **settings)


def metric(i: int) -> tuple[float, ...]:
    return (((i * 7) % 11) / (1 + i // 10),)


def rates(library: Any, make: Make, steps: int, **settings: Any) -> list[Any]:
    """What a schedule sets at each step: rates, momenta, and what it says its last rates are."""
    optimizer = pair(library, **settings)
    scheduler = make(library.optim.lr_scheduler, optimizer)
    found: list[Any] = []
    for i in range(steps):
        optimizer.step()
        scheduler.step(*metric(i) if isinstance(scheduler, library.optim.lr_scheduler.ReduceLROnPlateau) else ())
        for group in optimizer.param_groups:
            found += [group["lr"], group.get("momentum", 0.0), *group.get("betas", ())]
        found += scheduler.get_last_lr()
    return found


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_equal_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    assert rates(gradc, SCHEDULES[name], 60) == pytest.approx(rates(torch, SCHEDULES[name], 60), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("name", ["CyclicLR", "OneCycleLR"])
def test_the_first_beta_cycles_too(name: str) -> None:
    torch = pytest.importorskip("torch")
    given = {"name": "Adam", "betas": (0.9, 0.99)}
    assert rates(gradc, SCHEDULES[name], 30, **given) == pytest.approx(rates(torch, SCHEDULES[name], 30, **given))


@pytest.mark.parametrize("name", SCHEDULES)
def test_states_continue(name: str) -> None:
    """A schedule stopped in the middle goes on, from its own state and from that of PyTorch's."""
    torch = pytest.importorskip("torch")
    make = SCHEDULES[name]

    def run(library: Any, optimizer: Any, scheduler: Any, start: int, stop: int) -> list[float]:
        found = []
        for i in range(start, stop):
            optimizer.step()
            scheduler.step(*metric(i) if isinstance(scheduler, library.optim.lr_scheduler.ReduceLROnPlateau) else ())
            found += scheduler.get_last_lr()
        return found

    whole = pair(torch)
    scheduler = make(torch.optim.lr_scheduler, whole)
    run(torch, whole, scheduler, 0, 12)
    states = whole.state_dict(), scheduler.state_dict()
    other = pair(gradc)
    continued = make(gradc.optim.lr_scheduler, other)
    other.load_state_dict(states[0])
    continued.load_state_dict(states[1])
    expected = run(torch, whole, scheduler, 12, 40)
    assert run(gradc, other, continued, 12, 25) == pytest.approx(expected[:26], rel=1e-13, abs=1e-15)
    third = pair(gradc)
    resumed = make(gradc.optim.lr_scheduler, third)
    third.load_state_dict(other.state_dict())
    resumed.load_state_dict(continued.state_dict())
    assert run(gradc, third, resumed, 25, 40) == pytest.approx(expected[26:], rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("name", ["LinearLR", "CosineAnnealingLR", "OneCycleLR"])
def test_a_compiled_step_follows_the_rate(name: str) -> None:
    """A changing rate is read at every call: the step is traced for .grad, for momentum, and not again."""
    def losses(compiled: bool) -> tuple[list[float], int]:
        gradc.manual_seed(0)
        model, x = nn.Linear(3, 1), gradc.ones(2, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        scheduler = SCHEDULES[name](optim.lr_scheduler, optimizer)

        def step() -> gradc.Tensor:
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        run = gradc.compile(step) if compiled else step
        found = []
        for _ in range(20):
            found.append(run().item())
            scheduler.step()
        return found, len(run.cache_info()) if compiled else 0

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, traces = losses(True)
    assert found == pytest.approx(losses(False)[0], rel=1e-4) and traces <= 3


def test_a_scheduler_does_not_step_in_a_trace() -> None:
    optimizer = pair(gradc)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 2)

    def step(x: gradc.Tensor) -> gradc.Tensor:
        scheduler.step()
        return x

    with pytest.raises(gradc.errors.TraceError, match="would happen once, when it is traced"):
        gradc.compile(step, fullgraph=True)(gradc.ones(1))
    run = gradc.compile(step)
    with pytest.warns(RuntimeWarning, match="runs without being compiled"):
        run(gradc.ones(1))
    run(gradc.ones(1))
    assert scheduler.last_epoch == 2


def test_a_rate_that_is_a_tensor_is_written() -> None:
    p = nn.Parameter(gradc.ones(1))
    rate = gradc.tensor(0.5)
    optimizer = optim.SGD([p], lr=rate)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is rate and rate.item() == 0.25
    assert scheduler.get_last_lr()[0] is not rate


def test_warnings() -> None:
    scheduler = optim.lr_scheduler.StepLR(pair(gradc), 2)
    with pytest.warns(UserWarning, match=r"Detected call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()
    with pytest.warns(UserWarning, match="please use `get_last_lr"):
        scheduler.get_lr()
    with pytest.warns(UserWarning, match="The epoch parameter"):
        scheduler.step(5)
    assert scheduler.get_last_lr() == pytest.approx([0.001, 0.003])


ERRORS: list[Make] = [
    lambda s, o: s.LambdaLR(o, [abs]), lambda s, o: s.MultiplicativeLR(o, 3), lambda s, o: s.StepLR(3, 1),
    lambda s, o: s.ConstantLR(o, 2.0), lambda s, o: s.LinearLR(o, 0.0), lambda s, o: s.LinearLR(o, 0.5, 2.0),
    lambda s, o: s.CosineAnnealingWarmRestarts(o, 0), lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, 0),
    lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="square"), lambda s, o: s.OneCycleLR(o, 0.1),
    lambda s, o: s.OneCycleLR(o, 0.1, -1), lambda s, o: s.OneCycleLR(o, 0.1, 5, pct_start=2.0),
    lambda s, o: s.OneCycleLR(o, 0.1, 5, anneal_strategy="up"), lambda s, o: s.ReduceLROnPlateau(o, factor=2.0),
    lambda s, o: s.ReduceLROnPlateau(o, "up"), lambda s, o: s.ReduceLROnPlateau(o, min_lr=[1.0]),
    lambda s, o: s.SequentialLR(o, [], []), lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [1]),
    lambda s, o: s.ChainedScheduler([]), lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]),
]


@pytest.mark.parametrize("make", ERRORS)
def test_errors_are_those_of_torch(make: Make) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(Exception) as ours:
        make(optim.lr_scheduler, pair(gradc))
    with pytest.raises(Exception) as theirs:
        make(torch.optim.lr_scheduler, pair(torch))
    assert str(ours.value) == str(theirs.value) and isinstance(ours.value, type(theirs.value))


def test_resuming_needs_the_initial_rate() -> None:
    with pytest.raises(KeyError, match="param 'initial_lr' is not specified in param_groups"):
        optim.lr_scheduler.StepLR(pair(gradc), 2, last_epoch=3)
