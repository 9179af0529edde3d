"""Random numbers in compiled functions: those that eager code draws, and those that PyTorch draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc
from gradc.errors import TraceError
from gradc.ir import parse
from gradc.nn import functional as F
from gradc.nn import init

P = gradc.linspace(0.05, 0.95, 40).reshape(8, 5)
DRAWS: dict[str, Callable[[Any], Any]] = {
    "rand": lambda x: x * gradc.rand(8, 5),
    "randn": lambda x: gradc.randn(8, 1) + x,
    "alone": lambda x: gradc.rand(3),
    "few normals": lambda x: (gradc.randn(3), gradc.randn(2), x),
    "wide": lambda x: gradc.rand(3, dtype=gradc.float64) + x.sum(),
    "half": lambda x: gradc.rand(3, dtype=gradc.bfloat16) * 2,
    "complex": lambda x: gradc.randn(3, dtype=gradc.complex64),
    "randint": lambda x: gradc.randint(-3, 9, (8, 5)) * x,
    "randperm": lambda x: x[gradc.randperm(8)],
    "like": lambda x: (gradc.rand_like(x), gradc.randn_like(x), gradc.randint_like(x, 4)),
    "bernoulli": lambda x: gradc.bernoulli(x),
    "bernoulli of a number": lambda x: gradc.bernoulli(x, 0.3),
    "bernoulli of doubles": lambda x: gradc.bernoulli(x.double()),
    "normal of numbers": lambda x: gradc.normal(1.0, 2.0, (20,)),
    "normal of a mean": lambda x: gradc.normal(x, 0.5),
    "multinomial": lambda x: gradc.multinomial(x, 3),
    "multinomial of one": lambda x: gradc.multinomial(x, 1),
    "multinomial with replacement": lambda x: gradc.multinomial(x, 30, replacement=True),
    "dropout": lambda x: gradc.dropout(x, 0.3),
    "dropout in place": lambda x: F.dropout(x * 2, 0.3, inplace=True),
    "dropout of all": lambda x: gradc.dropout(x, 1.0),
    "uniform_": lambda x: (x * 2).uniform_(-1, 4),
    "normal_ of a view": lambda x: _first_row_normal(x.clone()),
    "bernoulli_": lambda x: x.clone().bernoulli_(0.3) + x.clone().bernoulli_(x[0]),
    "random_": lambda x: gradc.zeros(9, dtype=gradc.int64).random_(-5, 10),
    "exponential_": lambda x: x.clone().exponential_(2.0),
    "others": lambda x: (x.clone().geometric_(0.3), x.clone().cauchy_(), x.clone().log_normal_()),
    "init": lambda x: (init.kaiming_uniform_(x.clone()), init.xavier_normal_(x.clone()),
                       init.trunc_normal_(x.clone(), std=2.0), init.trunc_normal_(x.clone(), a=1.5, b=3.0)),
    "init of orthogonal rows": lambda x: (init.orthogonal_(x.clone()), init.sparse_(x.clone(), 0.4)),
    "the state": lambda x: gradc.get_rng_state(),
    "a seed": lambda x: (gradc.rand(2), gradc.manual_seed(7) and gradc.rand(2), gradc.rand(3)),
    "a fork": lambda x: (_forked(), gradc.rand(2)),
    "a generator of its own": lambda x: gradc.rand(2, generator=gradc.Generator().manual_seed(1)) + gradc.rand(2),
}


def _first_row_normal(x: Any) -> Any:
    x[0].normal_()
    return x


def _forked() -> Any:
    with gradc.random.fork_rng():
        return gradc.rand(4)


def leaves(result: Any) -> list[np.ndarray]:
    return [part.numpy() for part in (result if isinstance(result, tuple) else (result,))]


@pytest.mark.parametrize("name", DRAWS)
def test_compiled_draws_equal_eager_ones(name: str) -> None:
    function = DRAWS[name]
    compiled = gradc.compile(function)
    gradc.manual_seed(3)
    expected = [leaves(function(P)) for _ in range(3)]
    state = gradc.get_rng_state()
    gradc.manual_seed(3)
    for wanted in expected:
        for a, b in zip(leaves(compiled(P)), wanted, strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype
    assert gradc.equal(gradc.get_rng_state(), state), "the stream must be at the same point afterwards"


def test_the_graph_draws_nothing() -> None:
    def noisy(x: Any) -> Any:
        noise = gradc.normal(x, 0.5)
        return F.dropout(noise, 0.25) + gradc.rand(3)

    before = gradc.get_rng_state()
    graph = gradc.make_ir(noisy)(gradc.ones(3))
    assert [str(v) for v in graph.inputs] == ["x: f32[3]", "normal_0: f32[3]", "dropout_0: f32[3]", "rand_0: f32[3]"]
    assert parse(str(graph)) == graph
    compiled = gradc.compile(noisy)
    lowered = compiled.lower(gradc.ones(3))
    assert "def noisy(x, normal_0, dropout_0, rand_0)" in lowered.as_text("jax")
    assert "rng" not in lowered.as_text("stablehlo")
    lowered.compile()
    assert gradc.equal(gradc.get_rng_state(), before), "tracing and lowering must not draw"
    assert compiled.stages["lowered"]


def test_a_draw_has_the_users_name() -> None:
    def masked(x: Any) -> Any:
        mask = gradc.rand(3)
        return x * mask

    assert [v.name for v in gradc.make_ir(masked)(gradc.ones(3)).inputs] == ["x", "mask"]


def model_of(torch: Any) -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Dropout(0.4), torch.nn.Linear(16, 1))


def trained(torch: Any, compile: Callable[[Any], Any]) -> list[float]:
    """The losses of a training with noisy inputs and dropout."""
    model = model_of(torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    inputs = torch.linspace(-1, 1, 48).reshape(8, 6)
    targets = inputs.sum(1, keepdim=True)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = ((model(x + 0.1 * torch.randn(8, 6)) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    run = compile(step)
    return [float(run(inputs, targets).item()) for _ in range(25)]


def test_training_with_dropout_is_the_same_eager_and_compiled() -> None:
    eager = trained(gradc, lambda step: step)
    np.testing.assert_allclose(trained(gradc, gradc.compile), eager, rtol=2e-5)
    assert eager[-1] < eager[0]


def test_training_with_dropout_is_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    np.testing.assert_allclose(trained(gradc, gradc.compile), trained(torch, lambda step: step), rtol=2e-5)


def test_the_backward_uses_the_draws_of_its_forward() -> None:
    dropped = gradc.compile(lambda x: gradc.dropout(x, 0.5) * gradc.rand(6))
    x = gradc.ones(6, requires_grad=True)
    gradc.manual_seed(0)
    first, second = dropped(x), dropped(x)
    for result in (second, first):
        (slope,) = gradc.autograd.grad(result.sum(), x)
        assert gradc.equal(slope, result.detach())
    assert not gradc.equal(first, second)


def test_generators_are_state() -> None:
    class Noise:
        def __init__(self) -> None:
            self.generator = gradc.Generator().manual_seed(1)

    noise = Noise()
    drawn = gradc.compile(lambda: gradc.rand(2, generator=noise.generator))
    twin = gradc.Generator().manual_seed(1)
    assert gradc.equal(drawn(), gradc.rand(2, generator=twin))
    assert gradc.equal(drawn(), gradc.rand(2, generator=twin))
    noise.generator = gradc.Generator().manual_seed(5)
    assert gradc.equal(drawn(), gradc.rand(2, generator=gradc.Generator().manual_seed(5)))
    given = gradc.compile(lambda g: gradc.rand(2, generator=g))
    for seed in (1, 2):
        assert gradc.equal(given(gradc.Generator().manual_seed(seed)),
                           gradc.rand(2, generator=gradc.Generator().manual_seed(seed)))


def test_contrast_leaves_generators_alone() -> None:
    generator = gradc.Generator().manual_seed(1)
    before = gradc.get_rng_state(), generator.get_state()
    gradc.contrast(lambda x: x * gradc.rand(3) * gradc.rand(3, generator=generator), gradc.ones(3), repeats=2)
    assert gradc.equal(gradc.get_rng_state(), before[0]) and gradc.equal(generator.get_state(), before[1])


REFUSED: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "seed": (lambda x: gradc.seed(), TraceError, r"seed\(\) of a random generator cannot be used"),
    "initial_seed": (lambda x: gradc.initial_seed(), TraceError, r"initial_seed\(\) of a random generator"),
    "raw numbers": (lambda x: gradc.default_generator.rand(3), TraceError, "drawing NumPy arrays of a random"),
    "a state": (lambda x: gradc.set_rng_state(gradc.get_rng_state()), TraceError, "needs the values of a tensor"),
    "poisson": (lambda x: gradc.poisson(x), TraceError, r"poisson\(\) needs the values"),
    "wrong bounds": (lambda x: gradc.randint(3, 3, (2,)), RuntimeError, "random_ expects 'from' to be less than 'to'"),
    "a negative size": (lambda x: gradc.rand(-1), RuntimeError, "negative dimension -1"),
    "a wrong probability": (lambda x: x.clone().bernoulli_(2.0), RuntimeError, r"p to be in \[0, 1\]"),
    "no seed": (lambda x: gradc.manual_seed(2**64), RuntimeError, "Overflow when unpacking"),
    "no fractions": (lambda x: gradc.rand(2, dtype=gradc.int64), RuntimeError, "not implemented"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_changes_nothing(name: str) -> None:
    function, error, message = REFUSED[name]
    before = gradc.get_rng_state()
    with pytest.raises(error, match=message):
        gradc.compile(function, fullgraph=True)(P)
    assert gradc.equal(gradc.get_rng_state(), before)
