"""Probability distributions, as torch.distributions: the same numbers for the same seed."""

from __future__ import annotations

import re
import sys

from gradc.distributions import constraint_registry, constraints, kl, transforms
from gradc.distributions.constraint_registry import biject_to, transform_to
from gradc.distributions.continuous import (
    Cauchy,
    Exponential,
    Gumbel,
    HalfCauchy,
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
from gradc.distributions.transformed import (
    MixtureSameFamily,
    Pareto,
    StudentT,
    TransformedDistribution,
    Weibull,
)
from gradc.distributions.transforms import (
    AbsTransform,
    AffineTransform,
    ComposeTransform,
    CumulativeDistributionTransform,
    ExpTransform,
    IndependentTransform,
    LowerCholeskyTransform,
    PositiveDefiniteTransform,
    PowerTransform,
    ReshapeTransform,
    SigmoidTransform,
    SoftmaxTransform,
    SoftplusTransform,
    StickBreakingTransform,
    TanhTransform,
    Transform,
    identity_transform,
)

__all__ = [
    "AbsTransform", "AffineTransform", "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2",
    "ComposeTransform", "CumulativeDistributionTransform", "Dirichlet", "Distribution", "ExpTransform",
    "Exponential", "ExponentialFamily", "Gamma", "Geometric", "Gumbel", "HalfCauchy", "HalfNormal", "Independent",
    "IndependentTransform", "Laplace", "LogNormal", "LowerCholeskyTransform", "MixtureSameFamily",
    "MultivariateNormal", "Normal", "OneHotCategorical", "OneHotCategoricalStraightThrough", "Pareto", "Poisson",
    "PositiveDefiniteTransform", "PowerTransform", "ReshapeTransform", "SigmoidTransform", "SoftmaxTransform",
    "SoftplusTransform", "StickBreakingTransform", "StudentT", "TanhTransform", "Transform",
    "TransformedDistribution", "Uniform", "Weibull", "biject_to", "constraint_registry", "constraints",
    "identity_transform", "kl", "kl_divergence", "register_kl", "transform_to", "transforms",
]

for _name in [name for name in __all__ if name[0].isupper()]:  # PyTorch has a file for each: distributions.log_normal
    globals().setdefault(re.sub(r"(?<!^)(?=[A-Z])", "_", _name).lower(), sys.modules[__name__])
