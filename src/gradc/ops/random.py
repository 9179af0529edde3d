"""Random tensors and dropout, drawn from PyTorch's generator: the same seed gives the numbers that PyTorch gives.

In a trace the numbers are inputs of the graph (see drawing.py); what depends on tensors of the trace, such as the
comparison of `bernoulli` with its probabilities, is ops.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import dtypes, shapes
from gradc.dtypes import dtype
from gradc.errors import ArgumentError, DtypeError, ShapeError
from gradc.generator import Generator as Stream
from gradc.generator import RandomError
from gradc.inplace import write
from gradc.modes import current
from gradc.ops.arithmetic import mul, where
from gradc.ops.conversion import copy
from gradc.ops.creation import as_leaf, zeros
from gradc.ops.drawing import (
    Generator,
    default_generator,
    draw,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from gradc.ops.filling import below, exponential
from gradc.ops.ordering import topk
from gradc.ops.reduction import argmax
from gradc.tensor import Tensor, edge, host_array, payload, wrap

__all__ = [
    "Generator", "bernoulli", "default_generator", "dropout", "fork_rng", "get_rng_state", "initial_seed",
    "manual_seed", "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randint_like", "randn",
    "randn_like", "randperm", "seed", "set_rng_state",
]


def _made(drawn: Tensor, requires_grad: bool = False, device: Any = None, out: Tensor | None = None,
          name: str = "") -> Tensor:
    """What a function gives back: the numbers as a leaf, or written into `out`."""
    if out is None:
        return as_leaf(drawn, requires_grad, device)
    if out.dtype is not drawn.dtype:
        raise DtypeError(f"{name}: Expected object of scalar type {dtypes.TITLES[drawn.dtype]} but got scalar type "
                         f"{dtypes.TITLES[out.dtype]} for argument 'out'")
    return write(out, drawn, f"{name}(out=...)")


# New tensors


def rand(*sizes: Any, size: Any = (), generator: Stream | None = None, out: Any = None, dtype: dtype | None = None,
         layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """Numbers spread evenly over [0, 1), as torch.rand."""
    kind = _kind(dtype, out)
    shape = shapes.from_arguments(sizes or (size,))
    drawn = draw("rand", generator, lambda stream, shape: stream.rand(shape, kind), shape)
    return _made(drawn, requires_grad, device, out, "rand")


def randn(*sizes: Any, size: Any = (), generator: Stream | None = None, out: Any = None, dtype: dtype | None = None,
          layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """Numbers of the standard normal distribution, as torch.randn."""
    kind = _kind(dtype, out)
    shape = shapes.from_arguments(sizes or (size,))
    drawn = draw("randn", generator, lambda stream, shape: stream.randn(shape, kind), shape)
    return _made(drawn, requires_grad, device, out, "randn")


def randint(*bounds_and_size: Any, low: int = 0, high: int | None = None, size: Any = None,
            generator: Stream | None = None, out: Any = None, dtype: dtype | None = None, layout: Any = None,
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
    kind = _kind(dtype, out, dtypes.int64)
    drawn = draw("randint", generator, lambda stream, shape: stream.randint(low, high, shape, kind),
                 shapes.from_arguments((size,)))
    return _made(drawn, requires_grad, device, out, "randint")


def randperm(n: int, *, generator: Stream | None = None, out: Any = None, dtype: dtype | None = None,
             layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """The integers below `n` in random order, as torch.randperm."""
    kind = _kind(dtype, out, dtypes.int64)
    drawn = draw("randperm", generator, lambda stream, shape: stream.randperm(shape[0], kind), (n,))
    return _made(drawn, requires_grad, device, out, "randperm")


def _kind(dtype: dtype | None, out: Tensor | None, default: dtype | None = None) -> dtype:
    """The dtype to draw: the one asked for, else that of `out`, else the default one."""
    if dtype is None and out is not None:
        return out.dtype
    return dtypes.chosen(dtype, default or dtypes.get_default_dtype())


def rand_like(x: Tensor, *, generator: Stream | None = None, dtype: dtype | None = None, layout: Any = None,
              device: Any = None, requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    """rand in the shape and dtype of x, as torch.rand_like."""
    return rand(payload(x).shape, generator=generator, dtype=dtypes.chosen(dtype, x.dtype), device=device,
                requires_grad=requires_grad)


def randn_like(x: Tensor, *, generator: Stream | None = None, dtype: dtype | None = None, layout: Any = None,
               device: Any = None, requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    """randn in the shape and dtype of x, as torch.randn_like."""
    return randn(payload(x).shape, generator=generator, dtype=dtypes.chosen(dtype, x.dtype), device=device,
                 requires_grad=requires_grad)


def randint_like(x: Tensor, low: int, high: int | None = None, *, generator: Stream | None = None,
                 dtype: dtype | None = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
                 memory_format: Any = None) -> Tensor:
    """randint in the shape and dtype of x, as torch.randint_like: bounds are `(high)` or `(low, high)`."""
    bounds = (low,) if high is None else (low, high)
    return randint(*bounds, payload(x).shape, generator=generator, dtype=dtypes.chosen(dtype, x.dtype), device=device,
                   requires_grad=requires_grad)


# Drawn from distributions that tensors describe. A gradient of these tensors is zero.


def bernoulli(x: Tensor, p: float | None = None, *, generator: Stream | None = None, out: Any = None) -> Tensor:
    """Ones with the probabilities x, or all with the probability p, and zeros, as torch.bernoulli.

    A compiled function does not check that the probabilities x are within [0, 1].
    """
    kind, shape = x.dtype, payload(x).shape
    if p is not None:
        return _made(draw("bernoulli", generator, lambda stream, shape: stream.bernoulli(p, shape, kind), shape),
                     out=out, name="bernoulli")
    ones = below(x, shape, generator, "bernoulli").to(kind)  # type: ignore[attr-defined]
    return _made(_in_place_of(x, ones, "Bernoulli"), out=out, name="bernoulli")


def normal(mean: Any, std: Any = 1.0, size: Sequence[int] | None = None, *, generator: Stream | None = None,
           out: Any = None, dtype: dtype | None = None, layout: Any = None, device: Any = None,
           requires_grad: bool = False) -> Tensor:
    """Normally distributed numbers, as torch.normal. The mean and the standard deviation are numbers or tensors.

    A compiled function does not check that the standard deviations are not negative.
    """
    given = [x for x in (mean, std) if isinstance(x, Tensor)]
    if not given:
        if size is None:
            raise ArgumentError("normal(): a size is needed where the mean and the standard deviation are numbers")
        kind = _kind(dtype, out)
        drawn = draw("normal", generator, lambda stream, shape: stream.normal(shape, kind, mean, std), size)
        return _made(drawn, requires_grad, device, out, "normal")
    varied = isinstance(std, Tensor)
    if varied and current().trace is None and np.any(host_array(std, "normal()") < 0):
        raise RandomError("normal expects all elements of std >= 0.0")
    kind = given[0].dtype
    factor = 1.0 if varied else std
    drawn = draw("normal", generator, lambda stream, shape: stream.normal(shape, kind, 0.0, factor),
                 shapes.broadcast(*[payload(x).shape for x in given]))
    if varied:
        drawn = drawn * std.detach()
    drawn = (drawn + (mean.detach() if isinstance(mean, Tensor) else mean)).to(kind)
    for x in given:
        drawn = _in_place_of(x, drawn, "Normal")
    return _made(drawn, out=out, name="normal")


def _in_place_of(x: Tensor, drawn: Tensor, title: str) -> Tensor:
    """`drawn` as a function of x, whose gradient is zero."""
    if not current().grad or not x.requires_grad:
        return drawn
    result: Tensor = copy(x.expand(payload(drawn).shape), drawn)  # type: ignore[attr-defined]
    if current().trace is None:
        edge(result).label = f"{title}Backward0"
    return result


def poisson(x: Tensor, generator: Stream | None = None) -> Tensor:
    """Numbers of events where the numbers x are expected, as torch.poisson.

    Raises TraceError in a compiled function: how many numbers it takes from the generator depends on x.
    """
    rates = host_array(x, "poisson()")
    if not x.dtype.is_floating_point:
        raise DtypeError(f'"poisson_cpu" not implemented for {dtypes.TITLES[x.dtype]!r}')
    if not (rates >= 0).all():
        raise RandomError("invalid Poisson rate, expected rate to be non-negative")
    stream = default_generator if generator is None else generator
    counts = [_events(stream, rate) for rate in rates.astype(np.float64).reshape(-1).tolist()]
    return _in_place_of(x, wrap(np.array(counts).astype(rates.dtype).reshape(rates.shape)), "Poisson")


def _events(stream: Stream, rate: float) -> int:
    """One sample of the Poisson distribution.

    Source  Hörmann 1993, "The transformed rejection method for generating Poisson random variables"
    """
    def unit() -> float:
        return float(stream.rand((), dtypes.float64))

    if rate == 0:
        return 0
    if rate < 10:
        events, product = 0, unit()
        while product > math.exp(-rate):
            events, product = events + 1, product * unit()
        return events
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    while True:
        u, v = unit() - 0.5, unit()
        margin = 0.5 - abs(u)
        k = math.floor((2 * a / margin + b) * u + rate + 0.43) if margin else -1
        if margin >= 0.07 and v <= 0.9277 - 3.6224 / (b - 2):
            return k
        if k < 0 or margin < 0.013 and v > margin:
            continue
        accepted = math.log(v) + math.log(1.1239 + 1.1328 / (b - 3.4)) - math.log(a / margin**2 + b) if v else -math.inf
        if accepted <= -rate + k * math.log(rate) - math.lgamma(k + 1):
            return k


def multinomial(x: Tensor, num_samples: int, replacement: bool = False, *, generator: Stream | None = None,
                out: Any = None) -> Tensor:
    """Indices drawn with probabilities proportional to x, row by row for a matrix, as torch.multinomial.

    A compiled function does not check the probabilities.
    """
    _check_multinomial(x, num_samples, replacement)
    kind, shape = x.dtype, payload(x).shape
    weights: Any = x.detach()  # type: ignore[attr-defined]
    if not replacement or num_samples == 1:
        waits = draw("multinomial", generator, lambda stream, shape: exponential(stream, shape, kind), shape)
        keys = weights / waits
        found = argmax(keys, -1, keepdim=True) if num_samples == 1 else topk(keys, num_samples).indices
        return _made(found, out=out, name="multinomial")
    unit = draw("multinomial", generator, lambda stream, shape: stream.rand(shape, dtypes.float64),
                (*shape[:-1], num_samples))
    sums = weights.cumsum(-1)
    return _made(_search(sums / sums[..., -1:], unit), out=out, name="multinomial")


def _search(sums: Any, unit: Tensor) -> Tensor:
    """By binary search, how many of the growing `sums`, without the last, which is 1, are below each sample."""
    last = sums.shape[-1] - 1
    position: Any = zeros(unit.shape, dtype=dtypes.int64)
    for bit in reversed(range(last.bit_length())):
        further = position + (1 << bit)
        smaller = sums.gather(-1, (further - 1).clamp(max=last)) < unit
        position = where(smaller & (further <= last), further, position)
    return position  # type: ignore[no-any-return]


def _check_multinomial(x: Tensor, count: int, replacement: bool) -> None:
    shape, kind = payload(x).shape, x.dtype
    if not 1 <= len(shape) <= 2:
        raise ShapeError(f"prob_dist must be 1 or 2 dim, got {list(shape)}")
    if not kind.is_floating_point:
        raise DtypeError(f"multinomial only supports floating-point dtypes for input, got: {dtypes.TITLES[kind]}")
    if count <= 0:
        raise RandomError(f"cannot sample n_sample <= 0 samples, got {count}")
    if not replacement and count > shape[-1]:
        raise RandomError(f"cannot sample n_sample > prob_dist.size(-1) samples without replacement: {count} of "
                          f"{shape[-1]}")
    if shape[-1] > 2**24:
        raise RandomError("number of categories cannot exceed 2^24")
    if current().trace is None:
        weights = host_array(x, "multinomial()").astype(np.float64)
        if not ((weights >= 0) & (weights < np.inf)).all():
            raise RandomError("probability tensor contains either `inf`, `nan` or element < 0")
        if not (weights.sum(-1) > 0).all():
            raise RandomError("invalid multinomial distribution (sum of probabilities <= 0)")


Tensor.bernoulli = bernoulli  # type: ignore[attr-defined]
Tensor.multinomial = multinomial  # type: ignore[attr-defined]


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
        factors = zeros(payload(x).shape, dtype=kind)
    else:
        factors = draw("dropout", None, lambda stream, shape: _factors(stream, shape, kind, p), payload(x).shape)
    return x.mul_(factors) if inplace else mul(x, factors)  # type: ignore[attr-defined]


def _factors(stream: Stream, shape: shapes.Shape, kind: dtype, p: float) -> np.ndarray[Any, Any]:
    """0 with probability p, else 1 / (1 - p)."""
    drawn = stream.bernoulli(1 - p, shape, kind)
    number = np.float64 if kind in (dtypes.float64, dtypes.complex128) else np.float32
    drawn *= kind.numpy.type(number(1) / number(1 - p))
    return drawn
