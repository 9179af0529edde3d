"""Transforms of random variables, and the distributions made of them: torch's values, Jacobians, gradients, samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc

torch = pytest.importorskip("torch")

X = [[-1.5, 0.3, 0.8], [2.0, -0.2, 0.1]]
UNIT = [[0.2, 0.5, 0.9], [0.1, 0.3, 0.6]]
MATRIX = [[0.5, 1.0, -2.0], [0.3, -0.4, 0.2], [0.7, 0.1, 0.9]]

TRANSFORMS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "exp": (lambda t: t.ExpTransform(), X),
    "sigmoid": (lambda t: t.SigmoidTransform(), X),
    "tanh": (lambda t: t.TanhTransform(), X),
    "softplus": (lambda t: t.SoftplusTransform(), X),
    "affine": (lambda t: t.AffineTransform(1.0, -2.0), X),
    "affine of vectors": (lambda t: t.AffineTransform(1.0, 0.5, event_dim=1), X),
    "power": (lambda t: t.PowerTransform(2.0), UNIT),
    "stick breaking": (lambda t: t.StickBreakingTransform(), X),
    "composed": (lambda t: t.ComposeTransform([t.AffineTransform(0.1, 2.0), t.TanhTransform(), t.ExpTransform()]), X),
    "mixed ranks": (lambda t: t.ComposeTransform([t.ExpTransform(), t.StickBreakingTransform()]), X),
    "inverse": (lambda t: t.ComposeTransform([t.SigmoidTransform(), t.AffineTransform(0.0, 2.0)]).inv, UNIT),
    "independent": (lambda t: t.IndependentTransform(t.ExpTransform(), 1), X),
    "reshaped": (lambda t: t.ReshapeTransform((2, 3), (6,)), X),
    "cached": (lambda t: t.TanhTransform(cache_size=1), X),
}


def numbers(x: Any) -> Any:
    return np.asarray(x.tolist(), float)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transform(name: str) -> None:
    make, data = TRANSFORMS[name]
    found = []
    for t in (gradc, torch):
        transform = make(t.distributions.transforms)
        x = t.tensor(data, dtype=t.float64, requires_grad=True)
        y = transform(x)
        back = transform.inv(y)
        jacobian = transform.log_abs_det_jacobian(x, y)
        (jacobian.sum() + (y * y).sum()).backward()
        shapes = list(transform.forward_shape(x.shape)), list(transform.inverse_shape(y.shape))
        found.append(([y, back, jacobian, x.grad], transform.domain.event_dim, transform.codomain.event_dim, shapes,
                      transform.bijective))
    assert found[0][1:] == found[1][1:]
    for a, b in zip(found[0][0], found[1][0], strict=True):
        np.testing.assert_allclose(numbers(a), numbers(b), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["SoftmaxTransform", "LowerCholeskyTransform", "PositiveDefiniteTransform",
                                  "AbsTransform"])
def test_transforms_without_a_jacobian(name: str) -> None:
    found = []
    for t in (gradc, torch):
        transform = getattr(t.distributions.transforms, name)()
        y = transform(t.tensor(MATRIX, dtype=t.float64))
        found.append((y, transform.inv(y)))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(numbers(a), numbers(b), rtol=1e-7, atol=1e-10)


CONSTRAINTS: dict[str, Callable[[Any], Any]] = {
    "real": lambda c: c.real, "positive": lambda c: c.positive, "above": lambda c: c.greater_than(2.0),
    "below": lambda c: c.less_than(2.0), "unit": lambda c: c.unit_interval, "interval": lambda c: c.interval(-1.0, 3.0),
    "simplex": lambda c: c.simplex, "vectors": lambda c: c.real_vector, "nonnegative": lambda c: c.nonnegative,
    "cholesky": lambda c: c.lower_cholesky, "definite": lambda c: c.positive_definite,
}


@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_registries(registry: str, name: str) -> None:
    found = []
    for t in (gradc, torch):
        if registry == "biject_to" and name in ("cholesky", "definite"):
            return
        constraint = CONSTRAINTS[name](t.distributions.constraints)
        y = getattr(t.distributions, registry)(constraint)(t.tensor(MATRIX, dtype=t.float64))
        assert constraint.check(y).all()
        found.append(numbers(y))
    np.testing.assert_allclose(*found, rtol=1e-7)


P = [0.2, 1.5, 2.7]

MADE: dict[str, Callable[[Any, Any], Any]] = {
    "StudentT": lambda d, p: d.StudentT(p + 2.5, p - 1, p),
    "HalfCauchy": lambda d, p: d.HalfCauchy(p),
    "Pareto": lambda d, p: d.Pareto(p, p + 3),
    "Weibull": lambda d, p: d.Weibull(p, p + 1),
    "mixture": lambda d, p: d.MixtureSameFamily(d.Categorical(p), d.Normal(p - 1, p)),
    "mixture of vectors": lambda d, p: d.MixtureSameFamily(
        d.Categorical(p), d.Independent(d.Normal(p.reshape(3, 1) - p, 1 + p), 1)),
    "log normal": lambda d, p: d.TransformedDistribution(d.Normal(p - 1, p), d.ExpTransform()),
    "logistic": lambda d, p: d.TransformedDistribution(
        d.Uniform(p * 0, p * 0 + 1), [d.SigmoidTransform().inv, d.AffineTransform(1.0, 2.0)]),
    "falling": lambda d, p: d.TransformedDistribution(d.Normal(p - 1, p), [d.AffineTransform(p, -2.0)]),
    "squashed": lambda d, p: d.TransformedDistribution(
        d.Independent(d.Normal(p - 1, p), 1), [d.TanhTransform(cache_size=1)]),
    "on a simplex": lambda d, p: d.TransformedDistribution(d.Normal(p - 1, p), [d.StickBreakingTransform()]),
    "expanded": lambda d, p: d.Weibull(p, p + 1).expand((2, 3)),
}
WITHOUT = {"StudentT": {"cdf", "rsample"}, "mixture": {"entropy", "rsample"}, "mixture of vectors": {
    "cdf", "entropy", "rsample"}, "squashed": {"cdf"}, "on a simplex": {"cdf"}}
MOMENTS = {"StudentT", "HalfCauchy", "Pareto", "Weibull", "mixture", "mixture of vectors"}


@pytest.mark.parametrize("name", MADE)
def test_distribution(name: str) -> None:
    found: list[list[Any]] = []
    missing = WITHOUT.get(name, set())
    value = None
    for t in (torch, gradc):
        p = t.tensor(P, dtype=t.float64, requires_grad=True)
        d = MADE[name](t.distributions, p)
        results = [t.tensor([*d.batch_shape, -1, *d.event_shape])]
        if value is None:
            t.manual_seed(3)
            value = numbers(d.sample((4,)).clamp(-0.999, None) if name != "squashed" else d.sample((4,)).clamp(
                -0.999, 0.999))
        x = t.tensor(value.tolist(), dtype=t.float64)
        results.append(d.log_prob(x))
        if "cdf" not in missing:
            results.append(d.cdf(x))
        if "entropy" not in missing and name in MOMENTS:
            results.append(d.entropy())
        if name in MOMENTS:
            results += [d.mean, d.variance]
        sum(r.where(r.isfinite(), t.zeros_like(r)).sum() for r in results[1:]).backward()
        results.append(p.grad)
        for how in {"sample", "rsample"} - missing:
            t.manual_seed(8)
            results.append(getattr(d, how)((5,)))
        found.append(results)
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(numbers(b), numbers(a), rtol=2e-5, atol=1e-6)
