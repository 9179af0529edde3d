"""The sets of values that parameters and samples may have, as torch.distributions.constraints."""

from __future__ import annotations

from typing import Any

from gradc.ops.comparison import eq
from gradc.ops.factorizations import eigvalsh
from gradc.ops.reduction import all as all_of
from gradc.tensor import Tensor

__all__ = [
    "Constraint", "boolean", "dependent", "greater_than", "greater_than_eq", "half_open_interval", "independent",
    "integer_interval", "interval", "less_than", "lower_cholesky", "nonnegative", "nonnegative_integer", "one_hot",
    "positive", "positive_definite", "positive_integer", "real", "real_vector", "simplex", "symmetric", "unit_interval",
]


class Constraint:
    """A set of values of `event_dim` dimensions: `check(x)` says which of x are in it."""

    is_discrete = False
    event_dim = 0

    def check(self, x: Any) -> Tensor:
        """For each value whether it is in the set."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__.lstrip('_')}()"


class _Dependent(Constraint):
    """A set that depends on other values: a subclass of Distribution has the real one as a property."""


class _Bounded(Constraint):
    """A set with bounds, which may be tensors."""

    def __init__(self, **bounds: Any) -> None:
        self.bounds = bounds
        self.__dict__.update(bounds)

    def __repr__(self) -> str:
        shown = {k: v.item() if isinstance(v, Tensor) and not v.ndim else v for k, v in self.bounds.items()}
        return f"{type(self).__name__.lstrip('_')}({', '.join(f'{k}={v}' for k, v in shown.items())})"


class _Boolean(Constraint):
    is_discrete = True

    def check(self, x: Any) -> Any:
        return (x == 0) | (x == 1)


class _OneHot(Constraint):
    is_discrete = True
    event_dim = 1

    def check(self, x: Any) -> Any:
        return all_of((x == 0) | (x == 1), -1) & (x.sum(-1) == 1)


class _IntegerInterval(_Bounded):
    is_discrete = True

    def check(self, x: Any) -> Any:
        return (x % 1 == 0) & (x >= self.bounds["lower_bound"]) & (x <= self.bounds["upper_bound"])


class _IntegerGreaterThan(_Bounded):
    is_discrete = True

    def check(self, x: Any) -> Any:
        return (x % 1 == 0) & (x >= self.bounds["lower_bound"])


class _Real(Constraint):
    def check(self, x: Any) -> Any:
        return eq(x, x)  # only nan differs from itself


class _GreaterThan(_Bounded):
    def check(self, x: Any) -> Any:
        return x > self.bounds["lower_bound"]


class _GreaterThanEq(_Bounded):
    def check(self, x: Any) -> Any:
        return x >= self.bounds["lower_bound"]


class _LessThan(_Bounded):
    def check(self, x: Any) -> Any:
        return x < self.bounds["upper_bound"]


class _Interval(_Bounded):
    def check(self, x: Any) -> Any:
        return (x >= self.bounds["lower_bound"]) & (x <= self.bounds["upper_bound"])


class _HalfOpenInterval(_Bounded):
    def check(self, x: Any) -> Any:
        return (x >= self.bounds["lower_bound"]) & (x < self.bounds["upper_bound"])


class _Simplex(Constraint):
    event_dim = 1

    def check(self, x: Any) -> Any:
        return all_of(x >= 0, -1) & ((x.sum(-1) - 1).abs() < 1e-6)


class _LowerCholesky(Constraint):
    event_dim = 2

    def check(self, x: Any) -> Any:
        return all_of(x.tril() == x, (-2, -1)) & all_of(x.diagonal(0, -2, -1) > 0, -1)


class _Symmetric(Constraint):
    event_dim = 2

    def check(self, x: Any) -> Any:
        return all_of((x - x.mT).abs() <= 1e-6 + 1e-5 * x.mT.abs(), (-2, -1))


class _PositiveDefinite(_Symmetric):
    def check(self, x: Any) -> Any:
        return super().check(x) & all_of(eigvalsh(x) > 0, -1)


class _IndependentConstraint(Constraint):
    def __init__(self, base: Constraint, dims: int) -> None:
        self.base, self.dims = base, dims
        self.event_dim = base.event_dim + dims
        self.is_discrete = base.is_discrete

    def check(self, x: Any) -> Any:
        return all_of(self.base.check(x), tuple(range(-self.dims, 0)))

    def __repr__(self) -> str:
        return f"IndependentConstraint({self.base!r}, {self.dims})"


def greater_than(lower_bound: Any) -> Constraint:
    """Numbers above a bound."""
    return _GreaterThan(lower_bound=lower_bound)


def greater_than_eq(lower_bound: Any) -> Constraint:
    """Numbers that are not below a bound."""
    return _GreaterThanEq(lower_bound=lower_bound)


def less_than(upper_bound: Any) -> Constraint:
    """Numbers below a bound."""
    return _LessThan(upper_bound=upper_bound)


def interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Numbers between two bounds, which belong to them."""
    return _Interval(lower_bound=lower_bound, upper_bound=upper_bound)


def half_open_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Numbers between two bounds, of which the lower belongs to them."""
    return _HalfOpenInterval(lower_bound=lower_bound, upper_bound=upper_bound)


def integer_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Integers between two bounds, which belong to them."""
    return _IntegerInterval(lower_bound=lower_bound, upper_bound=upper_bound)


def independent(base: Constraint, reinterpreted_batch_ndims: int) -> Constraint:
    """Values all of whose parts are in a set."""
    return _IndependentConstraint(base, reinterpreted_batch_ndims) if reinterpreted_batch_ndims else base


boolean = _Boolean()
dependent = _Dependent()
lower_cholesky = _LowerCholesky()
nonnegative = greater_than_eq(0.0)
nonnegative_integer = _IntegerGreaterThan(lower_bound=0)
one_hot = _OneHot()
positive = greater_than(0.0)
positive_definite = _PositiveDefinite()
positive_integer = _IntegerGreaterThan(lower_bound=1)
real = _Real()
real_vector = independent(real, 1)
simplex = _Simplex()
symmetric = _Symmetric()
unit_interval = interval(0.0, 1.0)
