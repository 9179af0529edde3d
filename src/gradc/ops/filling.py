"""Tensor's in-place methods that fill it with random numbers, as PyTorch's: `x.uniform_()`, `x.normal_()` and so on.

Distributions are computed in double precision and rounded to the tensor's dtype, as PyTorch does; samples that pass
through a logarithm, a tangent or an exponential may differ from PyTorch's in the last bits of a double.

Source: ATen/core/TransformationHelper.h and ATen/native/cpu/DistributionTemplates.h.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.dtypes import dtype
from gradc.errors import DtypeError
from gradc.generator import Generator, RandomError
from gradc.inplace import write
from gradc.modes import current
from gradc.ops.conversion import copy
from gradc.ops.drawing import draw
from gradc.shapes import Shape
from gradc.tensor import Tensor, host_array, payload

Array = np.ndarray[Any, Any]


def below(probabilities: Tensor, shape: Shape, generator: Generator | None, name: str) -> Tensor:
    """True with these probabilities: where a sample of [0, 1) is below. In a trace they are not checked.

    Raises RandomError for a probability outside [0, 1].
    """
    if current().trace is None:
        array = host_array(probabilities, name)
        if not ((array >= 0) & (array <= 1)).all():
            raise RandomError(f"{name} expects all elements of p to be in [0, 1], but got p={array}")
    kind = probabilities.dtype
    if not kind.is_floating_point:
        raise DtypeError(f"{name}: probabilities must be floats, got {kind!r}")
    kind = dtypes.float64 if kind is dtypes.float64 else dtypes.float32
    unit = draw(name, generator, lambda stream, shape: stream.rand(shape, kind), shape)
    return unit < probabilities.detach().to(kind)  # type: ignore[attr-defined, no-any-return]


def _uniform_(self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill this tensor with numbers spread evenly over [from_, to), as torch.Tensor.uniform_."""
    return _fill(self, "uniform_", generator, lambda stream, shape, kind: stream.uniform(shape, kind, from_, to))


def _normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill this tensor with normally distributed numbers, as torch.Tensor.normal_."""
    return _fill(self, "normal_", generator, lambda stream, shape, kind: stream.normal(shape, kind, mean, std))


def _bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill this tensor with ones, with probability p each, and zeros, as torch.Tensor.bernoulli_."""
    if isinstance(p, Tensor):
        return write(self, copy(self, below(p, self.shape, generator, "bernoulli_")), "bernoulli_")
    return _fill(self, "bernoulli_", generator, lambda stream, shape, kind: stream.bernoulli(p, shape, kind))


def _random_(self: Tensor, from_: int | None = None, to: int | None = None, *,
             generator: Generator | None = None) -> Tensor:
    """Fill this tensor with integers, as torch.Tensor.random_.

    `random_(to)` draws from [0, to), `random_(from_, to)` from [from_, to), and `random_()` from all that are not
    negative and that the dtype holds exactly.
    """
    def sample(stream: Generator, shape: Shape, kind: dtype) -> Array:
        if from_ is None:
            return _all_integers(stream, shape, kind)
        return stream.randint(0, from_, shape, kind) if to is None else stream.randint(from_, to, shape, kind)

    return _fill(self, "random_", generator, sample)


_EXACT_BITS = {dtypes.float16: 11, dtypes.bfloat16: 8, dtypes.float32: 24, dtypes.float64: 53}


def _all_integers(stream: Generator, shape: Shape, kind: dtype) -> Array:
    """Integers from 0 up to the largest that `kind` holds, or up to which it holds all."""
    if kind.is_complex:
        raise DtypeError(f"random_: handles only integral, floating-point and boolean types, got {kind!r}")
    if kind.is_floating_point:
        return stream.randint(0, 2 ** _EXACT_BITS[kind] + 1, shape, kind)
    if kind is dtypes.bool_:
        return stream.randint(0, 2, shape, kind)
    if kind is dtypes.int32:  # randint takes two words for each integer where there are this many
        return (stream._words(math.prod(shape)) & np.uint32(2**31 - 1)).astype(np.int32).reshape(shape)
    return stream.randint(0, int(np.iinfo(kind.numpy).max) + 1, shape, kind)


def exponential(stream: Generator, shape: Shape, kind: dtype, lambd: float = 1.0) -> Array:
    """Waiting times of rate `lambd`."""
    if not lambd > 0:
        raise RandomError(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
    _needs_fractions("Exponential distribution", kind)
    return (-1.0 / lambd * np.log1p(-_unit(stream, shape))).astype(kind.numpy)


def _exponential_(self: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill this tensor with waiting times of rate `lambd`, as torch.Tensor.exponential_."""
    return _fill(self, "exponential_", generator, lambda stream, shape, kind: exponential(stream, shape, kind, lambd))


def _geometric_(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Fill this tensor with numbers of trials up to the first success, of probability p, as torch.Tensor.geometric_."""
    def sample(stream: Generator, shape: Shape, kind: dtype) -> Array:
        if not 0 < p < 1:
            raise RandomError(f"geometric_ expects p to be in (0, 1), but got p={p}")
        with np.errstate(divide="ignore"):
            return np.ceil(np.log(_unit(stream, shape)) / math.log1p(-p)).astype(kind.numpy)

    return _fill(self, "geometric_", generator, sample)


def _cauchy_(self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill this tensor with numbers of the Cauchy distribution, as torch.Tensor.cauchy_."""
    def sample(stream: Generator, shape: Shape, kind: dtype) -> Array:
        if not sigma > 0:
            raise RandomError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
        _needs_fractions("Cauchy distribution", kind)
        tiny = float(np.finfo(np.float64).eps)
        unit = np.clip(_unit(stream, shape), tiny, 1 - tiny)  # so that the tangent is finite
        return (median + sigma * np.tan(math.pi * (unit - 0.5))).astype(kind.numpy)

    return _fill(self, "cauchy_", generator, sample)


def _log_normal_(self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None) -> Tensor:
    """Fill this tensor with numbers whose logarithm is normally distributed, as torch.Tensor.log_normal_."""
    def sample(stream: Generator, shape: Shape, kind: dtype) -> Array:
        if not std > 0:
            raise RandomError(f"log_normal_ expects std > 0.0, but found std={std:g}")
        _needs_fractions("log_normal", kind)
        return np.exp(stream.pairwise_normals(shape) * std + mean).astype(kind.numpy)

    return _fill(self, "log_normal_", generator, sample)


for _function in (_uniform_, _normal_, _bernoulli_, _random_, _exponential_, _geometric_, _cauchy_, _log_normal_):
    setattr(Tensor, _function.__name__.removeprefix("_"), _function)


def _fill(x: Tensor, name: str, generator: Generator | None, sample: Callable[[Any, Shape, dtype], Array]) -> Tensor:
    """Write what is drawn into x; through `copy`, so that a gradient of the old values ends here."""
    kind = x.dtype
    drawn = draw(name.rstrip("_"), generator, lambda stream, shape: sample(stream, shape, kind), payload(x).shape)
    return write(x, copy(x, drawn), name)


def _unit(stream: Generator, shape: Shape) -> Array:
    """Samples of [0, 1) in double precision."""
    return stream.rand(shape, dtypes.float64)


def _needs_fractions(what: str, kind: dtype) -> None:
    if not kind.is_floating_point:
        raise DtypeError(f"{what} is a continuous probability distribution. dtype must be a floating point but you "
                         f"specified {dtypes.TITLES[kind]}")
