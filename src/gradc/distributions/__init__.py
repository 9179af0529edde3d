"""Probability distributions, as torch.distributions: the same numbers for the same seed."""

from __future__ import annotations

from gradc.distributions import constraints, kl
from gradc.distributions.continuous import (
    Cauchy,
    Exponential,
    Gumbel,
    HalfNormal,
    Laplace,
    LogNormal,
    Normal,
    Uniform,
)
from gradc.distributions.discrete import (
    Bernoulli,
    Binomial,
    Categorical,
    Geometric,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
    Poisson,
)
from gradc.distributions.distribution import Distribution, ExponentialFamily
from gradc.distributions.gammas import Beta, Chi2, Dirichlet, Gamma
from gradc.distributions.kl import kl_divergence, register_kl
from gradc.distributions.multivariate import Independent, MultivariateNormal

__all__ = [
    "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2", "Dirichlet", "Distribution", "Exponential",
    "ExponentialFamily", "Gamma", "Geometric", "Gumbel", "HalfNormal", "Independent", "Laplace", "LogNormal",
    "MultivariateNormal", "Normal", "OneHotCategorical", "OneHotCategoricalStraightThrough", "Poisson", "Uniform",
    "constraints", "kl", "kl_divergence", "register_kl",
]
