"""Distributions of vectors, and of independent parts."""

from __future__ import annotations

import math
from typing import Any

from gradc import shapes
from gradc.distributions import constraints
from gradc.distributions.distribution import Distribution
from gradc.ops.creation import eye
from gradc.ops.elementary import log
from gradc.ops.factorizations import cholesky
from gradc.ops.matrices import solve_triangle
from gradc.ops.random import randn
from gradc.tensor import Tensor

__all__ = ["Independent", "MultivariateNormal"]


class MultivariateNormal(Distribution):
    """The normal distribution of vectors: of mean `loc`, and a covariance, its inverse, or its Cholesky factor."""

    arg_constraints = {"loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
                       "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, covariance_matrix: Any = None, precision_matrix: Any = None,
                 scale_tril: Any = None, validate_args: bool | None = None) -> None:
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        matrices = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix,
                    "scale_tril": scale_tril}
        given = [name for name, matrix in matrices.items() if matrix is not None]
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        matrix = matrices[given[0]]
        if matrix.ndim < 2:
            raise ValueError(f"{given[0]} must be at least two-dimensional, with optional leading batch dimensions")
        batch = shapes.broadcast(tuple(matrix.shape[:-2]), tuple(loc.shape[:-1]))
        n = loc.shape[-1]
        self.loc: Any = loc.expand((*batch, n))  # type: ignore[attr-defined]
        self.__dict__[given[0]] = matrix.expand((*batch, n, n))
        super().__init__(batch, (n,), validate_args)

    def __getattr__(self, name: str) -> Any:
        known = self.__dict__
        if name == "scale_tril" and "covariance_matrix" in known:
            return cholesky(known["covariance_matrix"])
        if name == "scale_tril" and "precision_matrix" in known:
            factor = cholesky(known["precision_matrix"].flip((-2, -1))).flip((-2, -1)).mT
            return solve_triangle(factor, eye(factor.shape[-1], dtype=factor.dtype), upper=False)
        if name == "covariance_matrix" and ("scale_tril" in known or "precision_matrix" in known):
            return self.scale_tril @ self.scale_tril.mT
        if name == "precision_matrix" and ("scale_tril" in known or "covariance_matrix" in known):
            inverse = solve_triangle(self.scale_tril, eye(self.event_shape[0], dtype=self.loc.dtype), upper=False)
            return inverse.mT @ inverse
        raise AttributeError(f"'MultivariateNormal' object has no attribute {name!r}")

    @property
    def mean(self) -> Any:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Any:
        return (self.scale_tril**2).sum(-1)

    def rsample(self, sample_shape: Any = ()) -> Any:
        eps: Any = randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + (self.scale_tril @ eps.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        scaled = solve_triangle(self.scale_tril, (value - self.loc).unsqueeze(-1), upper=False).squeeze(-1)
        return -0.5 * (self.event_shape[0] * math.log(2 * math.pi) + (scaled**2).sum(-1)) - self._half_log_det()

    def _half_log_det(self) -> Any:
        return log(self.scale_tril.diagonal(0, -2, -1)).sum(-1)

    def entropy(self) -> Any:
        return 0.5 * self.event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._half_log_det()


class Independent(Distribution):
    """A distribution with the last dimensions of its batch made dimensions of its values."""

    def __init__(self, base_distribution: Distribution, reinterpreted_batch_ndims: int,
                 validate_args: bool | None = None) -> None:
        if reinterpreted_batch_ndims > len(base_distribution.batch_shape):
            raise ValueError(f"Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), actual "
                             f"{reinterpreted_batch_ndims} vs {len(base_distribution.batch_shape)}")
        whole = base_distribution.batch_shape + base_distribution.event_shape
        rank = len(base_distribution.batch_shape) - reinterpreted_batch_ndims
        self.base_dist = base_distribution
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        super().__init__(whole[:rank], whole[rank:], validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether the parts have rsample."""
        return self.base_dist.has_rsample

    @property
    def support(self) -> Any:  # type: ignore[override]
        """Values all of whose parts are in the support of the parts."""
        return constraints.independent(self.base_dist.support, self.reinterpreted_batch_ndims)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        inner = tuple(self.event_shape)[: self.reinterpreted_batch_ndims]
        return Independent(self.base_dist.expand((*batch_shape, *inner)), self.reinterpreted_batch_ndims)

    @property
    def mean(self) -> Any:
        return self.base_dist.mean

    @property
    def mode(self) -> Any:
        return self.base_dist.mode

    @property
    def variance(self) -> Any:
        return self.base_dist.variance

    def sample(self, sample_shape: Any = ()) -> Any:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.base_dist.rsample(sample_shape)

    def _summed(self, x: Any) -> Any:
        dims = self.reinterpreted_batch_ndims
        return x.sum(tuple(range(-dims, 0))) if dims else x

    def log_prob(self, value: Any) -> Any:
        return self._summed(self.base_dist.log_prob(value))

    def entropy(self) -> Any:
        return self._summed(self.base_dist.entropy())

    def __repr__(self) -> str:
        return f"Independent({self.base_dist!r}, {self.reinterpreted_batch_ndims})"
