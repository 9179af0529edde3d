"""What a probability distribution is, and what distributions share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gradc import dtypes, shapes
from gradc.distributions.constraints import Constraint
from gradc.errors import ArgumentError
from gradc.generator import RandomError
from gradc.modes import current, no_grad
from gradc.ops.creation import tensor
from gradc.tensor import Tensor

__all__ = ["Distribution", "ExponentialFamily", "broadcast_all"]


def broadcast_all(*values: Any) -> tuple[Any, ...]:
    """The values as tensors of one shape; numbers take the dtype of the tensors, or the default one."""
    tensors = [v for v in values if isinstance(v, Tensor)]
    for v in values:
        if not isinstance(v, (Tensor, int, float)):
            raise ArgumentError(f"Input arguments must all be instances of Number or torch.Tensor, got "
                                f"{type(v).__name__}")
    kind = tensors[0].dtype if tensors else dtypes.get_default_dtype()
    found = [v if isinstance(v, Tensor) else tensor(v, dtype=kind) for v in values]
    shape = shapes.broadcast(*[tuple(v.shape) for v in found])
    return tuple([v if tuple(v.shape) == shape else v.expand(shape) for v in found])  # type: ignore[attr-defined]


class Distribution:
    """A probability distribution, or a batch of independent ones, of values of `event_shape`.

    `arg_constraints` names the parameters. Parameters and values are checked, unless validate_args=False, as PyTorch
    checks them; in a compiled function they are not.
    """

    arg_constraints: Mapping[str, Constraint] = {}
    support: Constraint
    has_rsample = False
    has_enumerate_support = False
    _validate_args = True

    def __init__(self, batch_shape: Sequence[int] = (), event_shape: Sequence[int] = (),
                 validate_args: bool | None = None) -> None:
        self._batch_shape = shapes.Size(batch_shape)
        self._event_shape = shapes.Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args and current().trace is None:
            for name, constraint in self.arg_constraints.items():
                if name in self.__dict__:
                    self._check_parameter(name, self.__dict__[name], constraint)

    def _check_parameter(self, name: str, value: Any, constraint: Constraint) -> None:
        if not constraint.check(value.detach()).all():
            raise RandomError(f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of "
                              f"distribution {self!r} to satisfy the constraint {constraint!r}, but found invalid "
                              f"values:\n{value}")

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions check parameters and values where they are not told."""
        Distribution._validate_args = value

    @property
    def batch_shape(self) -> Any:
        """The shape of the batch."""
        return self._batch_shape

    @property
    def event_shape(self) -> Any:
        """The shape of one value."""
        return self._event_shape

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution for a larger batch."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        shape = shapes.Size(batch_shape)
        for name, constraint in self.arg_constraints.items():
            if name in self.__dict__:
                event = tuple(self.__dict__[name].shape)[self.__dict__[name].ndim - constraint.event_dim :]
                new.__dict__[name] = self.__dict__[name].expand((*shape, *event))
        new._batch_shape = shape
        return new

    # Numbers that belong to it

    @property
    def mean(self) -> Any:
        """The expectation."""
        raise NotImplementedError

    @property
    def mode(self) -> Any:
        """The value of the largest density."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Any:
        """The expected square of the distance from the mean."""
        raise NotImplementedError

    @property
    def stddev(self) -> Any:
        """The square root of the variance."""
        return self.variance.sqrt()

    def entropy(self) -> Any:
        """The expectation of -log_prob. Units: nats."""
        raise NotImplementedError

    def perplexity(self) -> Any:
        """exp(entropy)."""
        return self.entropy().exp()

    # Samples

    def sample(self, sample_shape: Any = ()) -> Any:
        """Samples of shape sample_shape + batch_shape + event_shape, without a gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """Samples as a differentiable function of the parameters."""
        raise NotImplementedError(f"{type(self).__name__} has no rsample(): its samples are no differentiable function "
                                  f"of its parameters here. Use sample() and log_prob().")

    def sample_n(self, n: int) -> Any:
        """n samples."""
        return self.sample((n,))

    def enumerate_support(self, expand: bool = True) -> Any:
        """All values of a discrete distribution, along a new first dimension."""
        raise NotImplementedError

    def _extended_shape(self, sample_shape: Any = ()) -> Any:
        return shapes.Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def _enumerated(self, values: Any, expand: bool) -> Any:
        values = values.reshape((-1, *(1,) * len(self._batch_shape)))
        return values.expand((-1, *self._batch_shape)) if expand else values

    # Densities

    def log_prob(self, value: Tensor) -> Any:
        """The logarithm of the density, or of the probability, at `value`."""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Any:
        """The probability of values up to `value`."""
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Any:
        """The inverse of cdf."""
        raise NotImplementedError

    def _validate_sample(self, value: Any) -> None:
        """Raise where a value is none of this distribution's."""
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise RandomError("The value argument to log_prob must be a Tensor")
        rank = value.ndim - len(self._event_shape)
        if tuple(value.shape[max(rank, 0) :]) != tuple(self._event_shape) and any(
                a != b and 1 not in (a, b) for a, b in zip(value.shape[::-1], self._event_shape[::-1], strict=False)):
            raise RandomError(f"The right-most size of value must match event_shape: {value.shape} vs "
                              f"{self._event_shape}.")
        for a, b in zip(value.shape[::-1], (*self._batch_shape, *self._event_shape)[::-1], strict=False):
            if a != 1 != b != a:
                raise RandomError(f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs "
                                  f"{shapes.Size((*self._batch_shape, *self._event_shape))}.")
        if current().trace is None and not self.support.check(value.detach()).all():  # type: ignore[attr-defined]
            raise RandomError(f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be "
                              f"within the support ({self.support!r}) of the distribution {self!r}, but found invalid "
                              f"values:\n{value}")

    def __repr__(self) -> str:
        written = []
        for name in self.arg_constraints:
            if name in self.__dict__:
                value = self.__dict__[name]
                known = math.prod(value.shape) == 1 and current().trace is None
                written.append(f"{name}: {(value if value.ndim else value.item()) if known else value.size()}")
        return f"{type(self).__name__}({', '.join(written)})"


class ExponentialFamily(Distribution):
    """A distribution whose density is exp of an inner product of parameters and statistics."""
