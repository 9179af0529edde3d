"""Distributions of integers and classes."""

from __future__ import annotations

import math
from typing import Any

from gradc import dtypes
from gradc.distributions import constraints
from gradc.distributions.distribution import Distribution, ExponentialFamily, broadcast_all
from gradc.modes import no_grad
from gradc.ops.activation import log_softmax, sigmoid, softmax, softplus
from gradc.ops.creation import arange, eye, full_like, zeros
from gradc.ops.elementary import log, log1p
from gradc.ops.gathering import one_hot
from gradc.ops.random import bernoulli, multinomial, poisson
from gradc.tensor import Tensor

__all__ = ["Bernoulli", "Binomial", "Categorical", "Geometric", "OneHotCategorical", "OneHotCategoricalStraightThrough",
           "Poisson"]


def clamp_probs(probs: Any) -> Any:
    """Probabilities away from 0 and 1 by the rounding of their type, so that their logarithms are finite."""
    eps = dtypes.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


class ByProbsOrLogits(Distribution):
    """A distribution of one parameter, given as `probs` or as `logits`; the other one is computed from it."""

    given: str

    def take(self, probs: Any, logits: Any) -> Any:
        """Keep the parameter that was given, and return it."""
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        self.given = "logits" if probs is None else "probs"
        (value,) = broadcast_all(logits if probs is None else probs)
        self.__dict__[self.given] = value
        return value

    def __getattr__(self, name: str) -> Any:
        if name == "probs" and "logits" in self.__dict__:
            return self.to_probs(self.__dict__["logits"])
        if name == "logits" and "probs" in self.__dict__:
            return self.to_logits(self.__dict__["probs"])
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def _param(self) -> Any:
        return self.__dict__[self.given]

    @property
    def param_shape(self) -> Any:
        """The shape of the parameter."""
        return self._param.shape

    def to_probs(self, logits: Any) -> Any:
        """Probabilities from their log-odds."""
        return sigmoid(logits)

    def to_logits(self, probs: Any) -> Any:
        """The log-odds of probabilities."""
        clamped = clamp_probs(probs)
        return log(clamped) - log1p(-clamped)


class Bernoulli(ByProbsOrLogits, ExponentialFamily):
    """1 with probability `probs`, else 0."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        super().__init__(self.take(probs, logits).shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.probs

    @property
    def mode(self) -> Any:
        found = (self.probs >= 0.5).to(self.probs.dtype)
        return found.masked_fill(self.probs == 0.5, math.nan)

    @property
    def variance(self) -> Any:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -_cross_entropy(logits, value)

    def entropy(self) -> Any:
        return _cross_entropy(self.logits, self.probs)

    def enumerate_support(self, expand: bool = True) -> Any:
        return self._enumerated(arange(2, dtype=self._param.dtype), expand)


def _cross_entropy(logits: Any, target: Any) -> Any:
    return target * softplus(-logits) + (1 - target) * softplus(logits)


class Geometric(ByProbsOrLogits):
    """The number of failures before the first success of independent trials."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        super().__init__(self.take(probs, logits).shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return 1.0 / self.probs - 1.0

    @property
    def variance(self) -> Any:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Any = ()) -> Any:
        kind = self.probs.dtype
        with no_grad():
            u: Any = zeros(self._extended_shape(sample_shape), dtype=kind)
            u.uniform_(dtypes.finfo(kind).tiny, 1)
            return (log(u) / log1p(-self.probs)).floor()

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        failed = (-probs).masked_fill((probs == 1) & (value == 0), 0)
        return value * log1p(failed) + log(self.probs)

    def entropy(self) -> Any:
        return _cross_entropy(self.logits, self.probs) / self.probs


class Binomial(ByProbsOrLogits):
    """The number of successes of `total_count` independent trials."""

    arg_constraints = {"total_count": constraints.nonnegative_integer, "probs": constraints.unit_interval,
                       "logits": constraints.real}

    def __init__(self, total_count: Any = 1, probs: Any = None, logits: Any = None,
                 validate_args: bool | None = None) -> None:
        value = self.take(probs, logits)
        self.total_count, self.__dict__[self.given] = broadcast_all(total_count, value)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def support(self) -> Any:  # type: ignore[override]
        """The integers up to total_count."""
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Any:
        return self.total_count * self.probs

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        raise NotImplementedError("Binomial.sample(): gradc has not PyTorch's binomial sampler\n    Add up samples of "
                                  "Bernoulli instead.")

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        n, logits = self.total_count, self.logits
        ways = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        return ways + value * logits - n * softplus(logits)


class Poisson(ExponentialFamily):
    """The number of independent events where `rate` are expected."""

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.rate

    variance = mean

    @property
    def mode(self) -> Any:
        return self.rate.floor()

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            return poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        rate, value = broadcast_all(self.rate, value)
        return value.xlogy(rate) - rate - (value + 1).lgamma()


class Categorical(ByProbsOrLogits):
    """One of n classes. `probs` need not add up to 1: they are divided by their sum; so are exp(logits)."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(self, probs: Tensor | None = None, logits: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        value = self.take(probs, logits)
        if value.ndim < 1:
            raise ValueError(f"`{self.given}` parameter must be at least one-dimensional.")
        normal = value / value.sum(-1, keepdim=True) if self.given == "probs" else log_softmax(value, -1)
        self.__dict__[self.given] = normal
        self._num_events = value.shape[-1]
        super().__init__(value.shape[:-1], validate_args=validate_args)

    def to_probs(self, logits: Any) -> Any:
        """Probabilities from logarithms."""
        return softmax(logits, -1)

    def to_logits(self, probs: Any) -> Any:
        """Logarithms of probabilities."""
        return log(clamp_probs(probs))

    @property
    def support(self) -> Any:  # type: ignore[override]
        """The numbers of the classes."""
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Any:
        return full_like(self.probs.sum(-1), math.nan)

    variance = mean

    @property
    def mode(self) -> Any:
        return self.probs.argmax(-1)

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            rows = multinomial(self.probs.reshape((-1, self._num_events)), math.prod(sample_shape), True)
            return rows.t().reshape(self._extended_shape(sample_shape))  # type: ignore[attr-defined]

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        found, logits = value.long().unsqueeze(-1), self.logits
        rank = max(found.ndim, logits.ndim)
        shape = broadcast_all(found[..., 0], logits[..., 0])[0].shape if rank > 1 else ()
        return logits.expand((*shape, self._num_events)).gather(-1, found.expand((*shape, 1))).squeeze(-1)

    def entropy(self) -> Any:
        logits = self.logits.clamp(min=dtypes.finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Any:
        return self._enumerated(arange(self._num_events), expand)


class OneHotCategorical(Distribution):
    """One of n classes, as a vector with 1 at its place and 0 elsewhere."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._categorical = Categorical(probs, logits, validate_args)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape)
        new._categorical = self._categorical.expand(batch_shape)
        return new

    @property
    def probs(self) -> Any:
        """The probabilities of the classes."""
        return self._categorical.probs

    @property
    def logits(self) -> Any:
        """Their logarithms."""
        return self._categorical.logits

    @property
    def mean(self) -> Any:
        return self.probs

    @property
    def mode(self) -> Any:
        return one_hot(self.probs.argmax(-1), self.probs.shape[-1]).to(self.probs.dtype)

    @property
    def variance(self) -> Any:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        return one_hot(self._categorical.sample(sample_shape), self.event_shape[-1]).to(self.probs.dtype)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self) -> Any:
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Any:
        n = self.event_shape[0]
        values: Any = eye(n, dtype=self.probs.dtype).reshape((n, *(1,) * len(self.batch_shape), n))
        return values.expand((n, *self.batch_shape, n)) if expand else values

    def __repr__(self) -> str:
        return repr(self._categorical).replace("Categorical(", f"{type(self).__name__}(", 1)


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """OneHotCategorical whose rsample has the gradient of the probabilities."""

    has_rsample = True

    def rsample(self, sample_shape: Any = ()) -> Any:
        samples = self.sample(sample_shape)
        return samples + (self.probs - self.probs.detach())
