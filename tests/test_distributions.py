"""Distributions: samples of the same seed, densities, gradients, moments, divergences and refusals are torch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc

torch = pytest.importorskip("torch")

Program = Callable[[Any, Any], Any]

P = [0.2, 1.5, 0.7]

MADE: dict[str, Program] = {
    "Normal": lambda t, p: t.distributions.Normal(p - 1, p),
    "Normal of numbers": lambda t, p: t.distributions.Normal(0.5, 2),
    "LogNormal": lambda t, p: t.distributions.LogNormal(p - 1, p),
    "Laplace": lambda t, p: t.distributions.Laplace(p - 1, p),
    "Cauchy": lambda t, p: t.distributions.Cauchy(p - 1, p),
    "Gumbel": lambda t, p: t.distributions.Gumbel(p - 1, p),
    "HalfNormal": lambda t, p: t.distributions.HalfNormal(p),
    "Uniform": lambda t, p: t.distributions.Uniform(-p, p + 1),
    "Exponential": lambda t, p: t.distributions.Exponential(p),
    "Gamma": lambda t, p: t.distributions.Gamma(p, p + 1),
    "Chi2": lambda t, p: t.distributions.Chi2(p),
    "Beta": lambda t, p: t.distributions.Beta(p, p + 1),
    "Dirichlet": lambda t, p: t.distributions.Dirichlet(p),
    "Bernoulli": lambda t, p: t.distributions.Bernoulli(p / 2),
    "Bernoulli by logits": lambda t, p: t.distributions.Bernoulli(logits=p - 1),
    "Geometric": lambda t, p: t.distributions.Geometric(p / 2),
    "Binomial": lambda t, p: t.distributions.Binomial(5, p / 2),
    "Poisson": lambda t, p: t.distributions.Poisson(p),
    "Categorical": lambda t, p: t.distributions.Categorical(p),
    "Categorical by logits": lambda t, p: t.distributions.Categorical(logits=t.stack([p, -p])),
    "OneHotCategorical": lambda t, p: t.distributions.OneHotCategorical(p),
    "straight through": lambda t, p: t.distributions.OneHotCategoricalStraightThrough(logits=t.stack([p, -p])),
    "MultivariateNormal": lambda t, p: t.distributions.MultivariateNormal(p, t.diag(p) + t.outer(p, p)),
    "by precision": lambda t, p: t.distributions.MultivariateNormal(
        t.stack([p, -p]), precision_matrix=t.diag(p) + t.outer(p, p)),
    "by scale_tril": lambda t, p: t.distributions.MultivariateNormal(p, scale_tril=t.tril(t.outer(p, p) + t.diag(p))),
    "Independent": lambda t, p: t.distributions.Independent(t.distributions.Normal(t.stack([p, -p]), p), 1),
    "expanded": lambda t, p: t.distributions.Normal(p - 1, p).expand((2, 3)),
    "expanded Categorical": lambda t, p: t.distributions.Categorical(p).expand((2,)),
    "expanded vectors": lambda t, p: t.distributions.MultivariateNormal(p, t.diag(p)).expand((2,)),
}
"""A distribution for positive parameters p; `t` is gradc or torch."""

UNSAMPLED = {"Binomial": "gradc has no sampler"}
WITHOUT_GRADIENT = {"Gamma", "Chi2", "Beta", "Dirichlet"}
"""torch has a derivative of the samples by the concentration."""


def parameter(t: Any) -> Any:
    return t.tensor(P, requires_grad=True)


def numbers(x: Any) -> Any:
    return np.asarray((x.detach() + 0).tolist())


def agree(ours: Any, theirs: Any, tolerance: float = 2e-5) -> None:
    assert (str(ours.dtype), list(ours.shape)) == (str(theirs.dtype), list(theirs.shape))
    np.testing.assert_allclose(numbers(ours), numbers(theirs), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", MADE)
def test_samples_of_a_seed(name: str) -> None:
    ours, theirs = (MADE[name](t, parameter(t)) for t in (gradc, torch))
    for d in (ours, theirs):
        assert [list(d.batch_shape), list(d.event_shape)] == [list(ours.batch_shape), list(ours.event_shape)]
    assert repr(ours) == repr(theirs) or repr(theirs) == f"{type(theirs).__name__}()"  # which says nothing
    if name in UNSAMPLED:
        with pytest.raises(NotImplementedError):
            ours.sample()
        return
    for shape in ((), (4,), (20, 2)):
        found = []
        for t, d in ((gradc, ours), (torch, theirs)):
            t.manual_seed(5)
            found.append(d.sample(shape))
        agree(*found)
        assert not found[0].requires_grad


@pytest.mark.parametrize("name", MADE)
def test_rsample_and_its_gradient(name: str) -> None:
    found = []
    for t in (gradc, torch):
        p = parameter(t)
        d = MADE[name](t, p)
        if not d.has_rsample or name in WITHOUT_GRADIENT:
            if t is gradc:
                with pytest.raises(NotImplementedError):
                    d.rsample()
            return
        t.manual_seed(6)
        sample = d.rsample((3,))
        if name != "Normal of numbers":
            (sample * t.arange(sample.numel()).reshape(sample.shape)).sum().backward()
            found.append((sample, p.grad))
    for ours, theirs in zip(*found, strict=True) if found else ():
        agree(ours, theirs, 1e-4)


@pytest.mark.parametrize("name", MADE)
def test_log_prob_and_entropy(name: str) -> None:
    torch.manual_seed(7)
    value = MADE[name](torch, parameter(torch)).sample((4,))
    found = []
    for t in (gradc, torch):
        p = parameter(t)
        d = MADE[name](t, p)
        results = [d.log_prob(t.tensor(value.tolist(), dtype=getattr(t, str(value.dtype).split(".")[1])))]
        if name not in ("Poisson", "Binomial"):  # torch sums over all values, or has none
            results.append(d.entropy())
        if name != "Normal of numbers":
            sum(r.sum() for r in results).backward()
            results.append(p.grad)
        found.append(results)
    for ours, theirs in zip(*found, strict=True):
        agree(ours, theirs, 1e-4)


@pytest.mark.parametrize("name", MADE)
def test_moments(name: str) -> None:
    ours, theirs = (MADE[name](t, parameter(t)) for t in (gradc, torch))
    for what in ("mean", "variance", "stddev", "mode"):
        if what == "mode" and name in ("Dirichlet", "Beta", "Geometric", "Binomial"):
            continue
        agree(getattr(ours, what), getattr(theirs, what))


@pytest.mark.parametrize("name", ["Normal", "LogNormal", "Laplace", "Cauchy", "Gumbel", "HalfNormal", "Uniform",
                                  "Exponential"])
def test_cdf_and_its_inverse(name: str) -> None:
    ours, theirs = (MADE[name](t, parameter(t)) for t in (gradc, torch))
    unit = [0.1, 0.5, 0.9]
    a, b = ours.icdf(gradc.tensor(unit)), theirs.icdf(torch.tensor(unit))
    agree(a, b)
    agree(ours.cdf(a), theirs.cdf(b))
    np.testing.assert_allclose(ours.cdf(a).tolist(), unit, atol=1e-5)


PAIRS = [(name, name) for name in MADE if name not in ("Normal of numbers", "Gumbel", "Chi2", "Binomial")] + [
    ("Uniform", "Normal"), ("Exponential", "Normal"), ("Laplace", "Normal"), ("Bernoulli", "Bernoulli by logits")]


@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_divergences(p: str, q: str) -> None:
    found = []
    for t in (gradc, torch):
        x, y = parameter(t), t.tensor([0.4, 1.0, 0.3], requires_grad=True)
        value = t.distributions.kl_divergence(MADE[p](t, x), MADE[q](t, y))
        value.sum().backward()
        found.append((value, x.grad, y.grad))
    for ours, theirs in zip(*found, strict=True):
        agree(ours, theirs, 2e-4)


REFUSED: dict[str, Callable[[Any], Any]] = {
    "negative scale": lambda t: t.distributions.Normal(0.0, -1.0),
    "nan": lambda t: t.distributions.Normal(t.tensor([0.0, float("nan")]), 1.0),
    "probability above 1": lambda t: t.distributions.Bernoulli(t.tensor(1.5)),
    "both": lambda t: t.distributions.Bernoulli(0.5, 0.1),
    "neither": lambda t: t.distributions.Categorical(),
    "negative probabilities": lambda t: t.distributions.Categorical(t.tensor([-0.5, 1.5])),
    "not positive definite": lambda t: t.distributions.MultivariateNormal(t.zeros(2), -t.eye(2)),
    "value outside": lambda t: t.distributions.Exponential(1.0).log_prob(t.tensor(-1.0)),
    "no class": lambda t: t.distributions.Categorical(t.ones(3)).log_prob(t.tensor(3)),
    "no one_hot": lambda t: t.distributions.OneHotCategorical(t.ones(2)).log_prob(t.tensor([1.0, 1.0])),
    "not a tensor": lambda t: t.distributions.Normal(0.0, 1.0).log_prob(1.0),
    "shape": lambda t: t.distributions.Normal(t.zeros(3), 1.0).log_prob(t.zeros(2)),
    "empty interval": lambda t: t.distributions.Uniform(2.0, 1.0),
    "too many dimensions": lambda t: t.distributions.Independent(t.distributions.Normal(0.0, 1.0), 1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_torch(name: str) -> None:
    messages = {}
    for t in (torch, gradc):
        with pytest.raises(ValueError) as found:
            REFUSED[name](t)
        messages[t] = str(found.value)
    ours, theirs = (messages[t].split(", but found")[0].replace("OneHotCategorical()", "OneHotCategorical(probs: "
                    "torch.Size([2]))") for t in (gradc, torch))
    assert ours == theirs


def test_no_divergence() -> None:
    for t in (gradc, torch):
        with pytest.raises(NotImplementedError, match=r"No KL\(p \|\| q\) is implemented for p type Categorical and q"):
            t.distributions.kl_divergence(t.distributions.Categorical(t.ones(2)), t.distributions.Normal(0.0, 1.0))


def test_support_of_discrete_ones() -> None:
    for name in ("Bernoulli", "Categorical by logits", "OneHotCategorical"):
        ours, theirs = (MADE[name](t, parameter(t)) for t in (gradc, torch))
        for expand in (True, False):
            agree(ours.enumerate_support(expand), theirs.enumerate_support(expand))


def test_a_policy_gradient_compiles() -> None:
    def step(logits: Any, advantage: Any) -> Any:
        policy = gradc.distributions.Categorical(logits=logits)
        action = policy.sample()
        loss = -(policy.log_prob(action) * advantage).sum() - 0.1 * policy.entropy().sum()
        return loss, gradc.autograd.grad(loss, logits)[0]

    logits, advantage = gradc.randn(4, 3, requires_grad=True), gradc.randn(4)
    found = []
    for run in (step, gradc.compile(step)):
        gradc.manual_seed(2)
        found.append(run(logits, advantage))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.tolist(), b.tolist(), rtol=1e-5, atol=1e-6)


def test_checks_can_be_switched_off() -> None:
    gradc.distributions.Normal(0.0, -1.0, validate_args=False)
    with pytest.raises(ValueError):
        gradc.distributions.Normal(0.0, -1.0, validate_args=True)


@pytest.mark.parametrize("name", ["HalfNormal", "HalfCauchy"])
def test_half_a_distribution_has_nothing_below_zero(name):
    for t in (gradc, torch):
        half = getattr(t.distributions, name)(t.tensor(2.0), validate_args=False)
        assert half.log_prob(t.tensor([-1.0, 0.0, 1.0])).isinf().tolist() == [True, False, False]
