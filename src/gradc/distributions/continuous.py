"""Distributions of real numbers."""

from __future__ import annotations

import math
from typing import Any

from gradc import dtypes
from gradc.distributions import constraints
from gradc.distributions.distribution import Distribution, ExponentialFamily, broadcast_all
from gradc.modes import no_grad
from gradc.ops.arithmetic import where
from gradc.ops.creation import full_like, zeros, zeros_like
from gradc.ops.elementary import erf, erfinv, exp, log, log1p
from gradc.ops.random import normal, rand, randn

__all__ = ["Cauchy", "Exponential", "Gumbel", "HalfCauchy", "HalfNormal", "Laplace", "LogNormal", "Normal", "Uniform"]

EULER = 0.5772156649015329
"""The limit of 1 + 1/2 + … + 1/n - log n."""


class LocationScale(Distribution):
    """A distribution that is moved by `loc` and stretched by `scale`."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    loc: Any
    scale: Any

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)


class Normal(LocationScale, ExponentialFamily):
    """The normal distribution of mean `loc` and standard deviation `scale`."""

    @property
    def mean(self) -> Any:
        return self.loc

    mode = mean

    @property
    def stddev(self) -> Any:
        return self.scale

    @property
    def variance(self) -> Any:
        return self.scale**2

    def sample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return normal(self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.loc + randn(self._extended_shape(sample_shape), dtype=self.loc.dtype) * self.scale

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return -((value - self.loc) ** 2) / (2 * self.variance) - log(self.scale) - math.log(math.sqrt(2 * math.pi))

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return 0.5 * (1 + erf((value - self.loc) / (self.scale * math.sqrt(2))))

    def icdf(self, value: Any) -> Any:
        return self.loc + self.scale * erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self) -> Any:
        return 0.5 + 0.5 * math.log(2 * math.pi) + log(self.scale)


class LogNormal(LocationScale):
    """The distribution of exp(x) where x is normal, of mean `loc` and standard deviation `scale`."""

    support = constraints.positive

    @property
    def base_dist(self) -> Normal:
        """The distribution of the logarithm."""
        return Normal(self.loc, self.scale, validate_args=False)

    @property
    def mean(self) -> Any:
        return exp(self.loc + self.scale**2 / 2)

    @property
    def mode(self) -> Any:
        return exp(self.loc - self.scale**2)

    @property
    def variance(self) -> Any:
        squared = self.scale**2
        return squared.expm1() * exp(2 * self.loc + squared)

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            return exp(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return exp(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return self.base_dist.log_prob(log(value)) - log(value)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return self.base_dist.cdf(log(value))

    def icdf(self, value: Any) -> Any:
        return exp(self.base_dist.icdf(value))

    def entropy(self) -> Any:
        return self.base_dist.entropy() + self.loc


class Laplace(LocationScale):
    """The distribution of density exp(-|x - loc| / scale) / (2 scale)."""

    @property
    def mean(self) -> Any:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Any:
        return 2 * self.scale**2

    @property
    def stddev(self) -> Any:
        return math.sqrt(2) * self.scale

    def rsample(self, sample_shape: Any = ()) -> Any:
        kind = self.loc.dtype
        u: Any = zeros(self._extended_shape(sample_shape), dtype=kind)
        u.uniform_(dtypes.finfo(kind).eps - 1, 1)
        return self.loc - self.scale * u.sign() * log1p(-u.abs())

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return -log(2 * self.scale) - (value - self.loc).abs() / self.scale

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        offset = value - self.loc
        return 0.5 - 0.5 * offset.sign() * (-offset.abs() / self.scale).expm1()

    def icdf(self, value: Any) -> Any:
        term = value - 0.5
        return self.loc - self.scale * term.sign() * log1p(-2 * term.abs())

    def entropy(self) -> Any:
        return 1 + log(2 * self.scale)


class Cauchy(LocationScale):
    """The distribution of the quotient of two normal numbers, moved and stretched. It has no mean."""

    @property
    def mean(self) -> Any:
        return full_like(self.loc, math.nan)

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        return full_like(self.loc, math.inf)

    def rsample(self, sample_shape: Any = ()) -> Any:
        eps: Any = zeros(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + eps.cauchy_() * self.scale

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return -math.log(math.pi) - log(self.scale) - log1p(((value - self.loc) / self.scale) ** 2)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return ((value - self.loc) / self.scale).atan() / math.pi + 0.5

    def icdf(self, value: Any) -> Any:
        return (math.pi * (value - 0.5)).tan() * self.scale + self.loc

    def entropy(self) -> Any:
        return math.log(4 * math.pi) + log(self.scale)


class Gumbel(LocationScale):
    """The distribution of the largest of many numbers: of cdf exp(-exp(-(x - loc) / scale))."""

    @property
    def mean(self) -> Any:
        return self.loc + self.scale * EULER

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        return self.stddev**2

    @property
    def stddev(self) -> Any:
        return (math.pi / math.sqrt(6)) * self.scale

    def rsample(self, sample_shape: Any = ()) -> Any:
        info = dtypes.finfo(self.loc.dtype)
        low, high = (full_like(self.loc, bound) for bound in (info.tiny, 1 - info.eps))
        u = Uniform(low, high, validate_args=False).rsample(sample_shape)
        return self.loc - self.scale * log(-log(u))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        y = (self.loc - value) / self.scale
        return y - exp(y) - log(self.scale)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return exp(-exp((self.loc - value) / self.scale))

    def icdf(self, value: Any) -> Any:
        return self.loc - self.scale * log(-log(value))

    def entropy(self) -> Any:
        return log(self.scale) + (1 + EULER)


class Half(Distribution):
    """The distribution of |x| where x has that of the class `whole`, around 0."""

    whole: type[LocationScale]
    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        (self.scale,) = broadcast_all(scale)
        super().__init__(self.scale.shape, validate_args=validate_args)

    @property
    def base_dist(self) -> LocationScale:
        """The distribution on both sides of 0."""
        return self.whole(zeros_like(self.scale), self.scale, validate_args=False)

    @property
    def mode(self) -> Any:
        return zeros_like(self.scale)

    def sample(self, sample_shape: Any = ()) -> Any:
        return self.base_dist.sample(sample_shape).abs()

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.base_dist.rsample(sample_shape).abs()

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -math.inf)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Any) -> Any:
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Any:
        return self.base_dist.entropy() - math.log(2)


class HalfNormal(Half):
    """The distribution of |x| where x is normal, of mean 0 and standard deviation `scale`."""

    whole = Normal

    @property
    def mean(self) -> Any:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Any:
        return self.scale**2 * (1 - 2 / math.pi)


class HalfCauchy(Half):
    """The distribution of |x| where x is Cauchy's, around 0."""

    whole = Cauchy

    @property
    def mean(self) -> Any:
        return full_like(self.scale, math.inf)

    @property
    def variance(self) -> Any:
        return self.base_dist.variance


class Uniform(Distribution):
    """The distribution of numbers spread evenly over [low, high)."""

    arg_constraints = {"low": constraints.real, "high": constraints.real}
    has_rsample = True

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)

    def _check_parameter(self, name: str, value: Any, constraint: Any) -> None:
        above = constraints.less_than(self.high.detach()) if name == "low" else constraints.greater_than(
            self.low.detach())
        super()._check_parameter(name, value, above)

    @property
    def support(self) -> Any:  # type: ignore[override]
        """The numbers between low and high."""
        return constraints.interval(self.low, self.high)

    @property
    def mean(self) -> Any:
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Any:
        return full_like(self.low, math.nan)

    @property
    def variance(self) -> Any:
        return (self.high - self.low) ** 2 / 12

    @property
    def stddev(self) -> Any:
        return (self.high - self.low) / math.sqrt(12)

    def rsample(self, sample_shape: Any = ()) -> Any:
        drawn = rand(self._extended_shape(sample_shape), dtype=self.low.dtype)
        return self.low + drawn * (self.high - self.low)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        inside = ((self.low <= value) & (self.high > value)).to(self.low.dtype)
        return log(inside) - log(self.high - self.low)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return ((value - self.low) / (self.high - self.low)).clamp(0, 1)

    def icdf(self, value: Any) -> Any:
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Any:
        return log(self.high - self.low)


class Exponential(ExponentialFamily):
    """The distribution of the time until an event that happens `rate` times in a unit of time."""

    arg_constraints = {"rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.rate.reciprocal()

    stddev = mean

    @property
    def mode(self) -> Any:
        return zeros_like(self.rate)

    @property
    def variance(self) -> Any:
        return self.rate ** (-2)

    def rsample(self, sample_shape: Any = ()) -> Any:
        drawn: Any = zeros(self._extended_shape(sample_shape), dtype=self.rate.dtype)
        return drawn.exponential_() / self.rate

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return log(self.rate) - self.rate * value

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return 1 - exp(-self.rate * value)

    def icdf(self, value: Any) -> Any:
        return -log1p(-value) / self.rate

    def entropy(self) -> Any:
        return 1.0 - log(self.rate)
