"""memory_budget: met on XLA's own account, with the same gradients, or refused with the least that can be."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import gradc as torch
from gradc import nn
from gradc.backends.jax import _options
from gradc.compiler.budget import in_bytes
from gradc.errors import ArgumentError
from gradc.ir import parse

WIDTH, ROWS, DEPTH = 32, 512, 16


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(*[part for _ in range(DEPTH) for part in (nn.Linear(WIDTH, WIDTH), nn.Tanh())])


def gradients(model: nn.Module) -> Any:
    def step(x):
        loss = model(x).square().mean()
        return loss.detach(), *torch.autograd.grad(loss, list(model.parameters()))

    return step


def account(specialisation: Any) -> int:
    """What XLA says that a program takes besides its arguments."""
    found = specialisation.lowered.lower().compile().memory_analysis()
    return found.temp_size_in_bytes + found.output_size_in_bytes - found.alias_size_in_bytes


def test_budgets_are_met_and_the_peak_falls_with_them(model: nn.Module) -> None:
    x = torch.randn(ROWS, WIDTH)
    expected = gradients(model)(x)
    peaks, plain = [], None
    for share in (None, 1.0, 0.8, 0.65, 0.55):
        budget = None if share is None else int(share * plain)
        f = torch.compile(gradients(model), fullgraph=True, memory_budget=budget)
        for a, b in zip(f(x), expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-7)
        peaks.append(account(f.last))
        plain = plain or peaks[0]
        assert budget is None or peaks[-1] <= budget
        assert ("rematerialise" in f.stages) == (share not in (None, 1.0))
    assert peaks == sorted(peaks, reverse=True)


def test_a_training_step_stays_within_its_budget(model: nn.Module) -> None:
    x = torch.randn(ROWS, WIDTH)
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def trained(**options: Any) -> tuple[list[float], int]:
        model.load_state_dict(before)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        @torch.compile(fullgraph=True, **options)
        def step(x):
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            return loss

        losses = [step(x).item() for _ in range(3)]
        return losses, account(step.last)

    plain, taken = trained()
    losses, less = trained(memory_budget=int(0.7 * taken))
    assert less <= 0.7 * taken
    np.testing.assert_allclose(losses, plain, rtol=1e-5)


def test_a_backward_outside_is_within_the_budget_too(model: nn.Module) -> None:
    x = torch.randn(ROWS, WIDTH)
    plain = torch.compile(model, fullgraph=True)
    expected = torch.autograd.grad(plain(x).sum(), list(model.parameters()))
    budget = 850_000
    assert taken(plain.last) > budget
    f = torch.compile(model, fullgraph=True, memory_budget=budget)
    found = torch.autograd.grad(f(x).sum(), list(model.parameters()))
    assert taken(f.last) <= budget
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5)


def taken(specialisation: Any) -> int:
    """The more of what forward takes, and backward with what was saved for it."""
    forward = specialisation.forward
    saved = sum(v.type.nbytes for v in forward.saved_values if v not in set(forward.inputs))
    return max(account(specialisation), saved + account(specialisation.backward))


def test_what_cannot_be_met_is_refused_with_the_least_that_can(model: nn.Module) -> None:
    x = torch.randn(ROWS, WIDTH)
    with pytest.raises(ArgumentError, match=r"memory_budget: step cannot do with 1\.0 kB; the least") as refused:
        torch.compile(gradients(model), memory_budget="1 kB")(x)
    text = str(refused.value)
    assert "Its results alone are 67.6 kB" in text and "step holds" in text and "test_budget.py" in text
    least = int(re.search(r"memory_budget=(\d+)", text)[1])
    f = torch.compile(gradients(model), fullgraph=True, memory_budget=least)
    f(x)
    assert account(f.last) <= least


@pytest.mark.parametrize("given, expected", [
    (None, None), (1000, 1000), ("64MB", 64_000_000), ("1.5 MiB", 1_572_864), ("2kb", 2000), ("7", 7), ("1GiB", 2**30)])
def test_budgets_are_bytes_or_text(given: Any, expected: Any) -> None:
    assert in_bytes(given) == expected


@pytest.mark.parametrize("given", ["much", "64 parsecs", -5, 0, 1.5, True, [], "-3MB"])
def test_other_budgets_are_refused(given: Any) -> None:
    with pytest.raises(ArgumentError, match="memory_budget is a number of bytes or a text"):
        torch.compile(lambda x: x, memory_budget=given)


def test_a_budget_needs_the_account_of_xla() -> None:
    with pytest.raises(ArgumentError, match="backend='numpy'"):
        torch.compile(lambda x: x, memory_budget=100, backend="numpy")


# Options of XLA

PLAIN = parse("def f(x: f32[3]):\n    y: f32[3] = exp(x)\n    return y\n")
BARRED = parse("def f(x: f32[3]):\n    y: (f32[3],) = optimization_barrier(x)\n    return y[0]\n")
OFF = "xla_disable_hlo_passes"


@pytest.mark.parametrize("graph, flags, given, expected", [
    (PLAIN, "", {}, None),
    (PLAIN, "--xla_disable_hlo_passes=a", {}, None),
    (PLAIN, "", {"xla_cpu_enable_fast_math": True}, {"xla_cpu_enable_fast_math": True}),
    (PLAIN, "--xla_disable_hlo_passes=a,b", {OFF: "c"}, {OFF: "c,a,b"}),
    (BARRED, "", {}, {OFF: "cse_barrier_expander"}),
    (BARRED, "--xla_x=1 --xla_disable_hlo_passes=a,b", {OFF: "c", "xla_y": 2},
     {OFF: "c,cse_barrier_expander,a,b", "xla_y": 2}),
])
def test_passes_that_are_off_are_one_list(monkeypatch: Any, graph: Any, flags: str, given: Any, expected: Any) -> None:
    monkeypatch.setenv("XLA_FLAGS", flags)
    assert _options(graph, given) == expected


def test_compiler_options_reach_xla() -> None:
    """Without a pass that XLA:CPU needs its program is another one."""
    x = torch.randn(4, 4)

    def f(x):
        return (x @ x).exp().sin()

    texts = [torch.compile(f, fullgraph=True, compiler_options=options).lower(x).compile().as_text("hlo")
             for options in (None, {OFF: "fusion,cpu-instruction-fusion,fusion-wrapper"})]
    assert texts[0] != texts[1]
    with pytest.raises(Exception, match="No such compile option"):
        torch.compile(f, fullgraph=True, compiler_options={"xla_no_such_option": 1})(x)
