"""The language of an op's `samples`: the calls that its documentation shows and its tests make.

A sample is a tuple of operands, then, if the op has attributes, a dict of them. An operand is

    (3, 4)            random normal numbers of that shape
    [1.0, -2.0]       these numbers, in the dtype under test; integers and bools stay what they are
    2.5, None         a Python number; an absent operand
    ints((3,), 4)     random integers 0 … 3, an index for instance
    reals((3,))       random numbers that are real where the others are complex
    positive((3, 3))  a random Hermitian positive definite matrix
    kinks([0.0])      numbers at which the op has no derivative: its gradient there is a choice, PyTorch's
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.dtypes import dtype
from gradc.shapes import Shape
from gradc.tensor import Tensor, wrap


class ints:
    """Random integers from 0 up to but not including `below`; `distinct` along the last dimension if it says so."""

    def __init__(self, shape: Shape, below: int, distinct: bool = False) -> None:
        self.shape = shape
        self.below = below
        self.distinct = distinct

    def __repr__(self) -> str:
        return f"ints({self.shape}, {self.below}{', distinct=True' if self.distinct else ''})"


class reals:
    """Random normal numbers; real ones, of the same precision, where the dtype under test is complex."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def __repr__(self) -> str:
        return f"reals({self.shape})"


class kinks:
    """Numbers at which the op jumps or bends, so that finite differences say nothing about its gradient."""

    def __init__(self, data: list[Any]) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"kinks({self.data})"


class positive(kinks):
    """A random Hermitian positive definite matrix. An op that reads one half of it has no derivative by elements."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def __repr__(self) -> str:
        return f"positive({self.shape})"


def split(sample: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The operands and the attributes of a sample."""
    if sample and isinstance(sample[-1], dict):
        return tuple(sample[:-1]), sample[-1]
    return tuple(sample), {}


def operands(sample: Sequence[Any], kind: dtype, variant: int = 0) -> list[Any]:
    """Tensors and numbers for the operands of a sample, numbers in the dtype `kind`: the same ones at each call.

    Another `variant` has other random numbers, and the given ones in another order.
    """
    parts, _ = split(sample)
    return [_operand(part, kind, zlib.crc32(f"{i} {part!r}".encode()) + variant, variant > 0)
            for i, part in enumerate(parts)]


def _operand(part: Any, kind: dtype, seed: int, shuffled: bool) -> Any:
    random = np.random.default_rng(seed)
    if isinstance(part, tuple):
        return wrap(_random(random, part, kind))
    if isinstance(part, reals):
        return wrap(_random(random, part.shape, kind.to_real()))
    if isinstance(part, positive):
        x = _random(random, part.shape, kind)
        return wrap(x @ np.swapaxes(x, -1, -2).conj() + np.eye(part.shape[-1], dtype=x.dtype))
    if isinstance(part, ints):
        return wrap(_integers(random, part))
    if isinstance(part, (list, kinks)):
        data = np.asarray(part.data if isinstance(part, kinks) else part)
        data = random.permutation(data.reshape(-1)).reshape(data.shape) if shuffled else data
        return wrap(data.astype(kind.numpy) if data.dtype.kind == "f" else data)
    return part


def _random(random: np.random.Generator, shape: Shape, kind: dtype) -> np.ndarray[Any, Any]:
    if kind is dtypes.bool_:
        return np.asarray(random.random(shape) < 0.5)
    if kind.category == dtypes.INT:  # no zeros: an integer divided by zero has no value
        return np.asarray(random.integers(1, 6, shape) * random.choice([1, 1 if kind is dtypes.uint8 else -1], shape),
                          kind.numpy)
    if kind.category == dtypes.COMPLEX:
        return np.asarray(random.standard_normal(shape) + 1j * random.standard_normal(shape), kind.numpy)
    return np.asarray(random.standard_normal(shape), kind.numpy)


def _integers(random: np.random.Generator, part: ints) -> np.ndarray[Any, Any]:
    if part.distinct:
        rows = [random.permutation(part.below)[: part.shape[-1]] for _ in range(int(np.prod(part.shape[:-1])))]
        return np.asarray(rows, np.int64).reshape(part.shape)
    return np.asarray(random.integers(0, part.below, part.shape))


def smooth(sample: Sequence[Any]) -> bool:
    """Whether the op has derivatives at the sample."""
    return not any(isinstance(part, kinks) for part in sample)


def differentiable(found: Sequence[Any]) -> Iterator[int]:
    """The positions of the operands that can require grad."""
    return (i for i, x in enumerate(found) if isinstance(x, Tensor) and x.dtype.is_differentiable)
