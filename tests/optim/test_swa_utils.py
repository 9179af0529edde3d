"""Averaged models, against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradc
from gradc.optim import swa_utils

AVERAGES: dict[str, Any] = {
    "mean": lambda s: {}, "ema": lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.9)},
    "ema of one": lambda s: {"avg_fn": s.get_ema_avg_fn(0.7)}, "buffers": lambda s: {"use_buffers": True},
}


def averaged(library: Any, name: str) -> list[float]:
    model = library.nn.Linear(2, 1)
    model.register_buffer("seen", library.tensor([0.0]))
    tools = library.optim.swa_utils
    mean = tools.AveragedModel(model, **AVERAGES[name](tools))
    found = []
    for i in range(4):
        with library.no_grad():
            for p in [*model.parameters(), model.seen]:
                p.fill_(float(i * i))
        mean.update_parameters(model)
        found += [*mean.module.weight[0].tolist(), mean.module.seen.item(), mean.n_averaged.item(),
                  mean(library.ones(1, 2)).item()]
    return [*found, *sorted(mean.state_dict())]


@pytest.mark.parametrize("name", AVERAGES)
def test_averages_equal_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = averaged(gradc, name), averaged(torch, name)
    assert ours[20:] == theirs[20:]
    assert ours[:20] == pytest.approx(theirs[:20], rel=1e-6)


@pytest.mark.parametrize("settings", [{}, {"anneal_epochs": 4, "anneal_strategy": "linear"}, {"anneal_epochs": 0}],
                         ids=str)
def test_rates_equal_torch(settings: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    found = []
    for library in (gradc, torch):
        optimizer = library.optim.SGD([library.nn.Parameter(library.ones(1))], lr=1.0)
        scheduler = library.optim.swa_utils.SWALR(optimizer, 0.05, **settings)
        rates = []
        for _ in range(15):
            optimizer.step()
            scheduler.step()
            rates += scheduler.get_last_lr()
        found.append(rates)
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_statistics_of_batches_are_computed_anew() -> None:
    torch = pytest.importorskip("torch")
    batches = np.random.default_rng(0).standard_normal((3, 4, 2)).astype(np.float32)
    found = []
    for library in (gradc, torch):
        model = library.nn.Sequential(library.nn.BatchNorm1d(2))
        model.eval()
        library.optim.swa_utils.update_bn([library.from_numpy(x.copy()) for x in batches], model)
        assert not model.training and model[0].momentum == 0.1
        found.append(model[0].running_mean.tolist() + model[0].running_var.tolist())
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_errors() -> None:
    with pytest.raises(ValueError, match="Invalid decay value 2"):
        swa_utils.get_ema_avg_fn(2)
    with pytest.raises(ValueError, match="Only one of avg_fn and multi_avg_fn"):
        swa_utils.AveragedModel(gradc.nn.Linear(1, 1), avg_fn=1, multi_avg_fn=2)
