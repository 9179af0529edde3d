"""Distributions of functions of random variables, and mixtures."""

from __future__ import annotations

import math
from typing import Any

from gradc import shapes
from gradc.distributions import constraints
from gradc.distributions.continuous import EULER, Exponential, LocationScale
from gradc.distributions.distribution import Distribution, broadcast_all
from gradc.distributions.gammas import Chi2
from gradc.distributions.multivariate import Independent
from gradc.distributions.transforms import (
    AffineTransform,
    ComposeTransform,
    ExpTransform,
    PowerTransform,
    Transform,
    sum_rightmost,
)
from gradc.modes import no_grad
from gradc.ops.arithmetic import where
from gradc.ops.creation import ones_like, zeros_like
from gradc.ops.elementary import log, log1p
from gradc.ops.random import normal
from gradc.ops.reduction import logsumexp

__all__ = ["MixtureSameFamily", "Pareto", "StudentT", "TransformedDistribution", "Weibull"]


class TransformedDistribution(Distribution):
    """The distribution of transforms, one after the other, of a random variable."""

    def __init__(self, base_distribution: Distribution, transforms: Any, validate_args: bool | None = None) -> None:
        self.transforms = [transforms] if isinstance(transforms, Transform) else transforms
        if not isinstance(self.transforms, list) or not all(isinstance(t, Transform) for t in self.transforms):
            raise ValueError(f"transforms must be a Transform or a list of Transforms, but was {transforms}")
        whole = base_distribution.batch_shape + base_distribution.event_shape
        rank = len(base_distribution.event_shape)
        transform = ComposeTransform(self.transforms)
        if len(whole) < transform.domain.event_dim:
            raise ValueError(f"base_distribution needs to have shape with size at least {transform.domain.event_dim}, "
                             f"but got {whole}.")
        shape = transform.forward_shape(whole)
        needed = transform.inverse_shape(shape)
        if tuple(needed) != tuple(whole):
            base_distribution = base_distribution.expand(needed[: len(needed) - rank])
        if transform.domain.event_dim > rank:
            base_distribution = Independent(base_distribution, transform.domain.event_dim - rank)
        self.base_dist = base_distribution
        event = max(transform.codomain.event_dim, rank + transform.codomain.event_dim - transform.domain.event_dim)
        cut = len(shape) - event
        super().__init__(shape[:cut], shape[cut:], validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        shape = shapes.Size((*batch_shape, *self.event_shape))
        for transform in reversed(self.transforms):
            shape = transform.inverse_shape(shape)
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.base_dist = self.base_dist.expand(shape[: len(shape) - len(self.base_dist.event_shape)])
        new._batch_shape = shapes.Size(batch_shape)
        for name in self.arg_constraints:
            if name in self.__dict__:
                new.__dict__[name] = self.__dict__[name].expand(batch_shape)
        return new

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether the variable that is transformed has rsample."""
        return self.base_dist.has_rsample

    @property
    def support(self) -> Any:  # type: ignore[override]
        """The values of the last transform."""
        if not self.transforms:
            return self.base_dist.support
        found = self.transforms[-1].codomain
        return constraints.independent(found, len(self.event_shape) - found.event_dim)

    def _forward(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            return self._forward(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self._forward(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        rank, total, y = len(self.event_shape), 0.0, value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            rank += transform.domain.event_dim - transform.codomain.event_dim
            total = total - sum_rightmost(transform.log_abs_det_jacobian(x, y), rank - transform.domain.event_dim)
            y = x
        return total + sum_rightmost(self.base_dist.log_prob(y), rank - len(self.base_dist.event_shape))

    def _turned(self, value: Any) -> Any:
        """A probability, or what is left to 1 where the transforms fall."""
        sign = math.prod(transform.sign for transform in self.transforms)
        return value if isinstance(sign, (int, float)) and sign == 1 else sign * (value - 0.5) + 0.5

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        return self._turned(self.base_dist.cdf(value))

    def icdf(self, value: Any) -> Any:
        return self._forward(self.base_dist.icdf(self._turned(value)))

    def __repr__(self) -> str:
        return super().__repr__() if self.arg_constraints else f"{type(self).__name__}()"


class Pareto(TransformedDistribution):
    """The distribution of density alpha · scale^alpha / x^(alpha + 1) above `scale`."""

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        super().__init__(Exponential(self.alpha, validate_args=validate_args),
                         [ExpTransform(), AffineTransform(0, self.scale)], validate_args)

    @property
    def mean(self) -> Any:
        a = self.alpha.clamp(min=1)
        return a * self.scale / (a - 1)

    @property
    def mode(self) -> Any:
        return self.scale

    @property
    def variance(self) -> Any:
        a = self.alpha.clamp(min=2)
        return self.scale**2 * a / ((a - 1) ** 2 * (a - 2))

    @property
    def support(self) -> Any:  # type: ignore[override]
        return constraints.greater_than_eq(self.scale)

    def entropy(self) -> Any:
        return log(self.scale / self.alpha) + (1 + self.alpha.reciprocal())


class Weibull(TransformedDistribution):
    """The distribution of cdf 1 - exp(-(x / scale)^concentration)."""

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        super().__init__(Exponential(ones_like(self.scale), validate_args=validate_args),
                         [PowerTransform(self.concentration_reciprocal), AffineTransform(0, self.scale)], validate_args)

    support = constraints.positive  # type: ignore[assignment]

    @property
    def mean(self) -> Any:
        return self.scale * (1 + self.concentration_reciprocal).lgamma().exp()

    @property
    def mode(self) -> Any:
        c = self.concentration
        return self.scale * ((c - 1) / c) ** c.reciprocal()

    @property
    def variance(self) -> Any:
        r = self.concentration_reciprocal
        return self.scale**2 * ((1 + 2 * r).lgamma().exp() - (2 * (1 + r).lgamma()).exp())

    def entropy(self) -> Any:
        r = self.concentration_reciprocal
        return EULER * (1 - r) + log(self.scale * r) + 1


class StudentT(LocationScale):
    """Student's t distribution of `df` degrees of freedom, moved by `loc` and stretched by `scale`."""

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    has_rsample = False

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        Distribution.__init__(self, self.df.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return where(self.df > 1, self.loc, math.nan)

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        wide = where(self.df > 2, self.df, 3.0)
        found = where(self.df > 2, self.scale**2 * wide / (wide - 2), math.inf)
        return where(self.df > 1, found, math.nan)

    def sample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            x = normal(zeros_like(self.df.expand(shape)), ones_like(self.df.expand(shape)))
            z = Chi2(self.df, validate_args=False).sample(sample_shape)
            return self.loc + self.scale * (x * (z / self.df).rsqrt())

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        y = (value - self.loc) / self.scale
        constant = (log(self.scale) + 0.5 * log(self.df) + 0.5 * math.log(math.pi) + (0.5 * self.df).lgamma()
                    - (0.5 * (self.df + 1.0)).lgamma())
        return -0.5 * (self.df + 1.0) * log1p(y**2.0 / self.df) - constant

    def entropy(self) -> Any:
        beta = (0.5 * self.df).lgamma() + math.lgamma(0.5) - (0.5 * (self.df + 1)).lgamma()
        spread = (0.5 * (self.df + 1)).digamma() - (0.5 * self.df).digamma()
        return log(self.scale) + 0.5 * (self.df + 1) * spread + 0.5 * log(self.df) + beta


class MixtureSameFamily(Distribution):
    """One of the distributions of a batch, along its last dimension, which a Categorical chooses."""

    def __init__(self, mixture_distribution: Any, component_distribution: Distribution,
                 validate_args: bool | None = None) -> None:
        mixed, parts = mixture_distribution, component_distribution
        if type(mixed).__name__ != "Categorical":
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(parts, Distribution):
            raise ValueError("The Component distribution need to be an instance of torch.distributions.Distribution")
        for a, b in zip(mixed.batch_shape[::-1], parts.batch_shape[:-1][::-1], strict=False):
            if a != 1 and b != 1 and a != b:
                raise ValueError(f"`mixture_distribution.batch_shape` ({mixed.batch_shape}) is not compatible with "
                                 f"`component_distribution.batch_shape`({parts.batch_shape})")
        count = mixed.logits.shape[-1]
        if parts.batch_shape[-1] != count:
            raise ValueError(f"`mixture_distribution component` ({count}) does not equal "
                             f"`component_distribution.batch_shape[-1]` ({parts.batch_shape[-1]})")
        self.mixture_distribution, self.component_distribution = mixed, parts
        super().__init__(parts.batch_shape[:-1], parts.event_shape, validate_args)

    @property
    def support(self) -> Any:  # type: ignore[override]
        """The values of the parts."""
        return self.component_distribution.support

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        count = self.mixture_distribution.logits.shape[-1]
        return MixtureSameFamily(self.mixture_distribution.expand(batch_shape),
                                 self.component_distribution.expand((*batch_shape, count)))

    def _shares(self) -> Any:
        probs = self.mixture_distribution.probs
        return probs.reshape((*probs.shape, *[1] * len(self.event_shape)))

    def _mixed(self, x: Any) -> Any:
        return (self._shares() * x).sum(-1 - len(self.event_shape))

    @property
    def mean(self) -> Any:
        return self._mixed(self.component_distribution.mean)

    @property
    def variance(self) -> Any:
        parts = self.component_distribution
        away = parts.mean - self.mean.unsqueeze(-1 - len(self.event_shape))
        return self._mixed(parts.variance) + self._mixed(away**2)

    def _each(self, x: Any) -> Any:
        return x.unsqueeze(-1 - len(self.event_shape))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        found = self.component_distribution.log_prob(self._each(value))
        return logsumexp(found + self.mixture_distribution.logits, -1)

    def cdf(self, value: Any) -> Any:
        return (self.component_distribution.cdf(self._each(value)) * self.mixture_distribution.probs).sum(-1)

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            chosen = self.mixture_distribution.sample(sample_shape)
            drawn = self.component_distribution.sample(sample_shape)
            place = chosen.reshape((*chosen.shape, *[1] * (len(self.event_shape) + 1)))
            place = place.expand((*chosen.shape, 1, *self.event_shape))
            dim = len(tuple(sample_shape)) + len(self.batch_shape)
            return drawn.gather(dim, place).squeeze(dim)

    def __repr__(self) -> str:
        return (f"MixtureSameFamily(\n  {self.mixture_distribution!r},\n  {self.component_distribution!r})")
