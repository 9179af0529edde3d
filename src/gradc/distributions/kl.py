"""How far one distribution is from another: Kullback-Leibler divergences, by pairs of classes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gradc.distributions.continuous import Cauchy, Exponential, HalfNormal, Laplace, LogNormal, Normal, Uniform
from gradc.distributions.discrete import Bernoulli, Categorical, Geometric, OneHotCategorical, Poisson
from gradc.distributions.distribution import Distribution
from gradc.distributions.gammas import Beta, Dirichlet, Gamma
from gradc.distributions.multivariate import Independent, MultivariateNormal
from gradc.ops.activation import softplus
from gradc.ops.arithmetic import where
from gradc.ops.elementary import exp, log
from gradc.ops.matrices import solve_triangle

__all__ = ["kl_divergence", "register_kl"]

DIVERGENCES: dict[tuple[type, type], Callable[[Any, Any], Any]] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """Decorates the function (p, q) -> KL(p ‖ q) for two classes, as torch.distributions.register_kl."""
    def register(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        DIVERGENCES[type_p, type_q] = function
        return function

    return register


def kl_divergence(p: Distribution, q: Distribution) -> Any:
    """KL(p ‖ q): the expectation under p of log p(x) - log q(x). Units: nats.

    Raises NotImplementedError for classes between which none is registered.
    """
    for a in type(p).__mro__:
        for b in type(q).__mro__:
            function = DIVERGENCES.get((a, b))
            if function is not None:
                return function(p, q)
    raise NotImplementedError(f"No KL(p || q) is implemented for p type {type(p).__name__} and q type "
                              f"{type(q).__name__}")


@register_kl(Normal, Normal)
@register_kl(HalfNormal, HalfNormal)
@register_kl(LogNormal, LogNormal)
def _normal(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale) ** 2
    distance = ((p.loc - q.loc) / q.scale) ** 2 if hasattr(p, "loc") else 0.0
    return 0.5 * (ratio + distance - 1 - log(ratio))


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Any:
    first = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    second = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    first = where(q.probs == 0, math.inf, first)
    second = where(q.probs == 1, math.inf, second)
    return where(p.probs == 0, 0.0, first) + where(p.probs == 1, 0.0, second)


@register_kl(Categorical, Categorical)
@register_kl(OneHotCategorical, OneHotCategorical)
def _categorical(p: Any, q: Any) -> Any:
    terms = p.probs * (p.logits - q.logits)
    terms = where((q.probs == 0).expand(terms.shape), math.inf, terms)
    return where((p.probs == 0).expand(terms.shape), 0.0, terms).sum(-1)


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Any:
    return p.rate * (log(p.rate) - log(q.rate)) - (p.rate - q.rate)


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Any:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Any:
    inside = (q.low <= p.low) & (q.high >= p.high)
    return where(inside, log((q.high - q.low) / (p.high - p.low)), math.inf)


@register_kl(Uniform, Normal)
def _uniform_normal(p: Any, q: Any) -> Any:
    width = p.high - p.low
    distance = ((p.high + p.low - 2 * q.loc) / 2) ** 2
    return log(math.sqrt(math.pi * 2) * q.scale / width) + 0.5 * ((width**2 / 12 + distance) / q.scale**2)


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Any:
    ratio = q.rate / p.rate
    return -log(ratio) + ratio - 1


@register_kl(Exponential, Normal)
def _exponential_normal(p: Any, q: Any) -> Any:
    variance, squared = q.scale**2, p.rate**2
    first = 0.5 * log(squared * variance * 2 * math.pi)
    return first - 1 + (1 / squared - q.loc / p.rate + q.loc**2 / 2) / variance


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Any:
    ratio, distance = p.scale / q.scale, (p.loc - q.loc).abs()
    return -log(ratio) + distance / q.scale + ratio * exp(-distance / p.scale) - 1


@register_kl(Laplace, Normal)
def _laplace_normal(p: Any, q: Any) -> Any:
    variance = q.scale**2
    ratio = p.scale**2 / variance
    first = 0.5 * log(2 * ratio / math.pi)
    return -first + ratio + (0.5 * p.loc**2 - p.loc * q.loc + 0.5 * q.loc**2) / variance - 1


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Any, q: Any) -> Any:
    return log((p.scale + q.scale) ** 2 + (p.loc - q.loc) ** 2) - log(4 * p.scale * q.scale)


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Any:
    return (q.concentration * log(p.rate / q.rate) + q.concentration.lgamma() - p.concentration.lgamma()
            + (p.concentration - q.concentration) * p.concentration.digamma()
            + (q.rate - p.rate) * (p.concentration / p.rate))


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Any:
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Any:
    total_p, total_q = p.concentration.sum(-1), q.concentration.sum(-1)
    first = total_p.lgamma() - total_q.lgamma() + (q.concentration.lgamma() - p.concentration.lgamma()).sum(-1)
    digammas = p.concentration.digamma() - total_p.digamma().unsqueeze(-1)
    return first + ((p.concentration - q.concentration) * digammas).sum(-1)


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p: Any, q: Any) -> Any:
    if p.event_shape != q.event_shape:
        raise ValueError("KL-divergence between two Multivariate Normals with different event shapes cannot be "
                         "computed")
    scaled = solve_triangle(q.scale_tril, p.scale_tril, upper=False)
    distance = solve_triangle(q.scale_tril, (q.loc - p.loc).unsqueeze(-1), upper=False)
    return q._half_log_det() - p._half_log_det() + 0.5 * (
        (scaled**2).sum((-2, -1)) + (distance**2).sum((-2, -1)) - p.event_shape[0])


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("KL(p || q) of Independent distributions needs as many dimensions of both")
    return p._summed(kl_divergence(p.base_dist, q.base_dist))
