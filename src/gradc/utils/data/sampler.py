"""The order in which items are taken: samplers give indices, drawn as PyTorch draws them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from gradc import dtypes
from gradc.errors import CallError
from gradc.ops.creation import as_tensor, empty
from gradc.ops.random import Generator, multinomial, randint, randperm

__all__ = ["BatchSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler",
           "WeightedRandomSampler"]

T = TypeVar("T", covariant=True)


class SamplerError(CallError, ValueError, TypeError):
    """Options of a sampler or a loader that make no sense."""


class Sampler(Generic[T]):
    """Gives indices of a dataset; a subclass defines `__iter__`, and `__len__` where it has a length."""

    def __init__(self, data_source: Any = None) -> None:
        pass

    def __iter__(self) -> Iterator[T]:
        raise NotImplementedError


class SequentialSampler(Sampler[int]):
    """All indices in order."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


def random_seed(generator: Any = None) -> int:
    """A number that PyTorch's loaders draw to seed something else."""
    return int(empty((), dtype=dtypes.int64).random_(generator=generator).item())  # type: ignore[attr-defined]


class RandomSampler(Sampler[int]):
    """Indices in random order; with `replacement`, or more `num_samples` than there are, some more than once."""

    def __init__(self, data_source: Any, replacement: bool = False, num_samples: int | None = None,
                 generator: Any = None) -> None:
        self.data_source = data_source
        self.replacement = _checked_flag("replacement", replacement)
        self._num_samples = num_samples
        self.generator = generator
        _checked_count("num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many indices are given: as many as the dataset has now, unless it was said."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, count = len(self.data_source), self.num_samples
        generator = self.generator
        if generator is None:
            generator = Generator().manual_seed(random_seed())
        if self.replacement:
            for size in [32] * (count // 32) + [count % 32]:
                yield from randint(n, (size,), generator=generator).tolist()
        else:
            for size in [n] * (count // n) + [count % n]:
                yield from randperm(n, generator=generator).tolist()[:size]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given indices in random order."""

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices drawn with probabilities in proportion to weights."""

    def __init__(self, weights: Any, num_samples: int, replacement: bool = True, generator: Any = None) -> None:
        self.num_samples = _checked_count("num_samples", num_samples)
        self.replacement = _checked_flag("replacement", replacement)
        self.weights = as_tensor(weights, dtype=dtypes.float64)
        if self.weights.ndim != 1:
            raise SamplerError(f"weights should be a 1d sequence but given weights have shape "
                               f"{tuple(self.weights.shape)}")
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        yield from multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """What a sampler gives, in lists of `batch_size`; a shorter last one is left out with `drop_last`."""

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        self.sampler: Any = sampler
        self.batch_size = _checked_count("batch_size", batch_size)
        self.drop_last = _checked_flag("drop_last", drop_last)

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        return (len(self.sampler) + (0 if self.drop_last else self.batch_size - 1)) // self.batch_size


def _checked_count(name: str, count: Any) -> int:
    if not isinstance(count, int) or isinstance(count, bool) or count <= 0:
        raise SamplerError(f"{name} should be a positive integer value, but got {name}={count}")
    return count


def _checked_flag(name: str, flag: Any) -> bool:
    if not isinstance(flag, bool):
        raise SamplerError(f"{name} should be a boolean value, but got {name}={flag}")
    return flag
