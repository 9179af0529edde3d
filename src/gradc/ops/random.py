"""Random tensors and dropout, drawn from PyTorch's generator: the same seed gives the numbers that PyTorch gives.

They are computed at once and are no ops of a graph, so a trace cannot record them: drawing in one raises TraceError.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradc import dtypes, locations, shapes
from gradc.apply import write
from gradc.dtypes import dtype
from gradc.errors import ArgumentError, DtypeError, TraceError
from gradc.generator import Generator, RandomError, default_generator
from gradc.modes import current
from gradc.ops.arithmetic import mul
from gradc.ops.conversion import copy
from gradc.ops.creation import as_leaf
from gradc.tensor import Tensor, host_array, wrap

__all__ = [
    "Generator", "bernoulli", "default_generator", "dropout", "fork_rng", "get_rng_state", "initial_seed",
    "manual_seed", "normal", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "seed",
    "set_rng_state",
]


def source(name: str, generator: Generator | None = None) -> Generator:
    """The generator that the function `name` draws from.

    Raises TraceError in a trace: a number drawn there would be the same in every later call.
    """
    if current().trace is not None:
        raise TraceError(f"{name}: random numbers cannot be drawn in a compiled function yet"
                         f"{locations.quote(locations.here())}\n    Draw them outside and pass them in.")
    return default_generator if generator is None else generator


# State


def manual_seed(seed: int) -> Generator:
    """Start the stream of random numbers that belongs to `seed`, as torch.manual_seed."""
    return source("manual_seed").manual_seed(seed)


def seed() -> int:
    """Start a stream that nobody can foresee, and return its seed, as torch.seed."""
    return source("seed").seed()


def initial_seed() -> int:
    """The seed of the stream, as torch.initial_seed."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The point in the stream as a tensor of bytes, as torch.get_rng_state."""
    return wrap(source("get_rng_state").get_state())


def set_rng_state(new_state: Tensor) -> None:
    """Continue at a point that get_rng_state gave, here or in PyTorch."""
    source("set_rng_state").set_state(host_array(new_state, "set_rng_state()"))


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """At the end of the `with` block the stream goes on where it was before, as torch.random.fork_rng."""
    before = source("fork_rng").get_state()
    try:
        yield
    finally:
        if enabled:
            default_generator.set_state(before)


# New tensors


def rand(*size: Any, generator: Generator | None = None, out: Any = None, dtype: dtype | None = None,
         layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """Numbers spread evenly over [0, 1), as torch.rand."""
    drawn = source("rand", generator).rand(shapes.from_arguments(size), dtype)
    return as_leaf(wrap(drawn), requires_grad, device)


def randn(*size: Any, generator: Generator | None = None, out: Any = None, dtype: dtype | None = None,
          layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """Numbers of the standard normal distribution, as torch.randn."""
    drawn = source("randn", generator).randn(shapes.from_arguments(size), dtype)
    return as_leaf(wrap(drawn), requires_grad, device)


def randint(*bounds_and_size: Any, low: int = 0, high: int | None = None, size: Any = None,
            generator: Generator | None = None, out: Any = None, dtype: dtype | None = None, layout: Any = None,
            device: Any = None, requires_grad: bool = False) -> Tensor:
    """Integers spread evenly over [low, high), as torch.randint: `randint(high, size)`, `randint(low, high, size)`."""
    given = list(bounds_and_size)
    if size is None and given:
        size = given.pop()
    if high is None and given:
        high = given.pop()
    if given:
        low = given.pop()
    if given or high is None or size is None:
        raise ArgumentError(f"randint() takes (high, size) or (low, high, size), got {bounds_and_size}")
    drawn = source("randint", generator).randint(low, high, shapes.from_arguments((size,)), dtype)
    return as_leaf(wrap(drawn), requires_grad, device)


def randperm(n: int, *, generator: Generator | None = None, out: Any = None, dtype: dtype | None = None,
             layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """The integers below `n` in random order, as torch.randperm."""
    return as_leaf(wrap(source("randperm", generator).randperm(n, dtype)), requires_grad, device)


def rand_like(x: Tensor, *, generator: Generator | None = None, dtype: dtype | None = None, layout: Any = None,
              device: Any = None, requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    """rand in the shape and dtype of x, as torch.rand_like."""
    return rand(x._array.shape, generator=generator, dtype=dtypes.chosen(dtype, x.dtype), device=device,
                requires_grad=requires_grad)


def randn_like(x: Tensor, *, generator: Generator | None = None, dtype: dtype | None = None, layout: Any = None,
               device: Any = None, requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    """randn in the shape and dtype of x, as torch.randn_like."""
    return randn(x._array.shape, generator=generator, dtype=dtypes.chosen(dtype, x.dtype), device=device,
                 requires_grad=requires_grad)


def randint_like(x: Tensor, low: int, high: int | None = None, *, generator: Generator | None = None,
                 dtype: dtype | None = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
                 memory_format: Any = None) -> Tensor:
    """randint in the shape and dtype of x, as torch.randint_like: bounds are `(high)` or `(low, high)`."""
    bounds = (low,) if high is None else (low, high)
    return randint(*bounds, x._array.shape, generator=generator, dtype=dtypes.chosen(dtype, x.dtype), device=device,
                   requires_grad=requires_grad)


def bernoulli(x: Tensor, p: float | None = None, *, generator: Generator | None = None, out: Any = None) -> Tensor:
    """Ones with the probabilities x, or all with the probability p, and zeros, as torch.bernoulli."""
    drawn_from = source("bernoulli", generator)
    if p is not None:
        return wrap(drawn_from.bernoulli(p, x._array.shape, x.dtype))
    return wrap(drawn_from.bernoulli(host_array(x, "bernoulli()")))


def normal(mean: Any, std: Any = 1.0, size: Sequence[int] | None = None, *, generator: Generator | None = None,
           out: Any = None, dtype: dtype | None = None, layout: Any = None, device: Any = None,
           requires_grad: bool = False) -> Tensor:
    """Normally distributed numbers, as torch.normal. The mean and the standard deviation are numbers or tensors."""
    drawn_from = source("normal", generator)
    means, deviations = [host_array(x, "normal()") if isinstance(x, Tensor) else x for x in (mean, std)]
    given = [x for x in (means, deviations) if isinstance(x, np.ndarray)]
    if not given:
        if size is None:
            raise ArgumentError("normal(): a size is needed where the mean and the standard deviation are numbers")
        return as_leaf(wrap(drawn_from.normal(size, dtype, mean, std)), requires_grad, device)
    if np.any(np.asarray(deviations) < 0):
        raise RandomError("normal expects all elements of std >= 0.0")
    kind = dtypes.of(given[0].dtype)
    shape = shapes.broadcast(*[x.shape for x in given])
    if not isinstance(deviations, np.ndarray):
        drawn = drawn_from.normal(shape, kind, 0.0, std)
    else:
        drawn = drawn_from.normal(shape, kind)
        drawn *= deviations
    drawn += means
    return as_leaf(wrap(drawn), requires_grad, device)


# In place


def _fill(x: Tensor, drawn: np.ndarray[Any, Any], name: str) -> Tensor:
    """Write what was drawn into x; through `copy`, so that a gradient of the old values ends here."""
    return write(x, copy(x, wrap(drawn)), name)


def _uniform_(self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill this tensor with numbers spread evenly over [from_, to), as torch.Tensor.uniform_."""
    drawn = source("uniform_", generator).uniform(self._array.shape, self.dtype, from_, to)
    return _fill(self, drawn, "uniform_")


def _normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill this tensor with normally distributed numbers, as torch.Tensor.normal_."""
    return _fill(self, source("normal_", generator).normal(self._array.shape, self.dtype, mean, std), "normal_")


def _bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill this tensor with ones, with probability p each, and zeros, as torch.Tensor.bernoulli_."""
    drawn_from = source("bernoulli_", generator)
    if isinstance(p, Tensor):
        p = np.broadcast_to(host_array(p, "bernoulli_()"), self._array.shape)
    return _fill(self, drawn_from.bernoulli(p, self._array.shape, self.dtype), "bernoulli_")


def _random_(self: Tensor, from_: int | None = None, to: int | None = None, *,
             generator: Generator | None = None) -> Tensor:
    """Fill this tensor with integers, as torch.Tensor.random_.

    `random_(to)` draws from [0, to), `random_(from_, to)` from [from_, to), and `random_()` from all that are not
    negative and that the dtype holds exactly.
    """
    drawn_from = source("random_", generator)
    shape, kind = self._array.shape, self.dtype
    if from_ is None:
        drawn = _all_integers(drawn_from, shape, kind)
    elif to is None:
        drawn = drawn_from.randint(0, from_, shape, kind)
    else:
        drawn = drawn_from.randint(from_, to, shape, kind)
    return _fill(self, drawn, "random_")


_EXACT_BITS = {dtypes.float16: 11, dtypes.bfloat16: 8, dtypes.float32: 24, dtypes.float64: 53}


def _all_integers(drawn_from: Generator, shape: tuple[int, ...], kind: dtype) -> np.ndarray[Any, Any]:
    """Integers from 0 up to the largest that `kind` holds, or up to which it holds all."""
    if kind.is_complex:
        raise DtypeError(f"random_: handles only integral, floating-point and boolean types, got {kind!r}")
    if kind.is_floating_point:
        return drawn_from.randint(0, 2 ** _EXACT_BITS[kind] + 1, shape, kind)
    if kind is dtypes.bool_:
        return drawn_from.randint(0, 2, shape, kind)
    if kind is dtypes.int32:  # randint takes two words for each integer where there are this many
        return (drawn_from._words(math.prod(shape)) & np.uint32(2**31 - 1)).astype(np.int32).reshape(shape)
    return drawn_from.randint(0, int(np.iinfo(kind.numpy).max) + 1, shape, kind)


for _function in (_uniform_, _normal_, _bernoulli_, _random_):
    setattr(Tensor, _function.__name__.removeprefix("_"), _function)


def dropout(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """x with each element zero with probability p and else divided by 1 - p, so that its expectation is x.

    Where not `training` it is x itself.

    Raises RandomError, a ValueError, for p outside [0, 1].
    Source  torch.nn.functional.dropout
    """
    if not 0 <= p <= 1:
        raise RandomError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return x
    kind = x.dtype
    if not kind.is_differentiable:
        raise DtypeError(f"dropout: result type Float can't be cast to the desired output type {dtypes.TITLES[kind]}")
    if p == 1:
        factors = wrap(np.zeros(x._array.shape, kind.numpy))
    else:
        drawn = source("dropout").bernoulli(1 - p, x._array.shape, kind)
        number = np.float64 if kind in (dtypes.float64, dtypes.complex128) else np.float32
        drawn *= kind.numpy.type(number(1) / number(1 - p))
        factors = wrap(drawn)
    return x.mul_(factors) if inplace else mul(x, factors)  # type: ignore[attr-defined]
