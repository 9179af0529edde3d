"""Datasets: things with an item for each index, or things to iterate over; and datasets made of datasets."""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from gradc.errors import CallError
from gradc.ops.random import randperm
from gradc.tensor import Tensor

__all__ = ["ChainDataset", "ConcatDataset", "Dataset", "IterableDataset", "StackDataset", "Subset", "TensorDataset",
           "random_split"]

T = TypeVar("T", covariant=True)


class DatasetError(CallError, AssertionError, ValueError):
    """Datasets that do not go together."""


class Dataset(Generic[T]):
    """Data with an item for each index; a subclass defines `__getitem__`, and `__len__` where it has a length."""

    def __getitem__(self, index: Any) -> T:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: Dataset[Any]) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T], Iterable[T]):
    """Data to iterate over, with no index; a subclass defines `__iter__`."""

    def __add__(self, other: Dataset[Any]) -> Any:
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """The rows of tensors, side by side."""

    def __init__(self, *tensors: Tensor) -> None:
        if any(x.size(0) != tensors[0].size(0) for x in tensors):
            raise DatasetError(f"Size mismatch between tensors: they have "
                               f"{', '.join(str(x.size(0)) for x in tensors)} rows")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple([x[index] for x in self.tensors])  # type: ignore[index]

    def __len__(self) -> int:
        return int(self.tensors[0].size(0))  # type: ignore[arg-type]


class StackDataset(Dataset[Any]):
    """The items of datasets of one length, side by side: as tuples, or as dictionaries for datasets given by name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise DatasetError("Supported either ``tuple``- (via ``args``) or``dict``- (via ``kwargs``) like "
                               "input/output, but both types are given." if args else
                               "At least one dataset should be passed")
        self.datasets: Any = args or kwargs
        lengths = [len(part) for part in self._parts()]
        if len(set(lengths)) > 1:
            raise DatasetError(f"Size mismatch between datasets: they have {', '.join(map(str, lengths))} items")

    def _parts(self) -> list[Any]:
        return list(self.datasets.values() if isinstance(self.datasets, dict) else self.datasets)

    def _joined(self, items: Iterable[Any]) -> Any:
        return dict(zip(self.datasets, items, strict=True)) if isinstance(self.datasets, dict) else tuple(items)

    def __getitem__(self, index: Any) -> Any:
        return self._joined([part[index] for part in self._parts()])

    def __getitems__(self, indices: list[int]) -> list[Any]:
        columns = [items_of(part, indices) for part in self._parts()]
        for column in columns:
            if len(column) != len(indices):
                raise DatasetError(f"Nested dataset's output size mismatch. Expected {len(indices)}, got {len(column)}")
        return [self._joined(row) for row in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return len(self._parts()[0])


class ConcatDataset(Dataset[Any]):
    """Datasets one behind the other."""

    def __init__(self, datasets: Iterable[Dataset[Any]]) -> None:
        self.datasets: list[Any] = list(datasets)
        if not self.datasets:
            raise DatasetError("datasets should not be an empty iterable")
        if any(isinstance(part, IterableDataset) for part in self.datasets):
            raise DatasetError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = list(itertools.accumulate(map(len, self.datasets)))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        if index < 0:
            if -index > len(self):
                raise DatasetError("absolute value of index should not exceed dataset length")
            index += len(self)
        part = bisect.bisect_right(self.cumulative_sizes, index)
        return self.datasets[part][index - (self.cumulative_sizes[part - 1] if part else 0)]


class ChainDataset(IterableDataset[Any]):
    """Iterable datasets one behind the other."""

    def __init__(self, datasets: Iterable[Dataset[Any]]) -> None:
        self.datasets = datasets

    def _parts(self) -> Iterator[Any]:
        for part in self.datasets:
            if not isinstance(part, IterableDataset):
                raise DatasetError("ChainDataset only supports IterableDataset")
            yield part

    def __iter__(self) -> Iterator[Any]:
        for part in self._parts():
            yield from part

    def __len__(self) -> int:
        return sum(map(len, self._parts()))


class Subset(Dataset[T]):
    """The items of a dataset at some indices."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        kind = type(self)
        if kind.__getitem__ is not Subset.__getitem__ and kind.__getitems__ is Subset.__getitems__:
            raise NotImplementedError(
                f"{kind.__name__} overrides __getitem__ but not __getitems__. DataLoader asks for the items of a batch "
                "at once: define `def __getitems__(self, indices): return [self.__getitem__(i) for i in indices]`")
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        return self.dataset[[self.indices[i] for i in index] if isinstance(index, list) else self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list[Any]:
        return items_of(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)


def items_of(dataset: Any, indices: list[int]) -> list[Any]:
    """The items at these indices, all at once where the dataset can do that."""
    together = getattr(dataset, "__getitems__", None)
    return together(indices) if callable(together) else [dataset[i] for i in indices]  # type: ignore[no-any-return]


def rows_at(dataset: Any, indices: Any) -> list[Tensor] | None:
    """The batch of a TensorDataset, or of a subset of one, in one indexing of each tensor; None for other datasets."""
    while type(dataset) is Subset:
        dataset, indices = dataset.dataset, [dataset.indices[i] for i in indices]
    if type(dataset) is not TensorDataset or any(type(i) is not int for i in indices) or \
            any(x.requires_grad for x in dataset.tensors):
        return None
    return [x[indices] for x in dataset.tensors]  # type: ignore[index]


def random_split(dataset: Any, lengths: Sequence[float], generator: Any = None) -> list[Subset[Any]]:
    """The dataset in random parts of these lengths, or of these fractions if they add up to 1."""
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = _counts(len(dataset), lengths)
    if sum(lengths) != len(dataset):
        raise DatasetError(f"Sum of input lengths does not equal the length of the input dataset! ({sum(lengths)} and "
                           f"{len(dataset)})")
    indices = randperm(len(dataset), generator=generator).tolist()
    ends = itertools.accumulate(map(int, lengths))
    return [Subset(dataset, indices[end - int(length) : end]) for end, length in zip(ends, lengths, strict=True)]


def _counts(total: int, fractions: Sequence[float]) -> list[int]:
    """As many items as each fraction says, rounded down; what is left over goes to the first parts."""
    for i, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise DatasetError(f"Fraction at index {i} is not between 0 and 1")
    counts = [math.floor(total * fraction) for fraction in fractions]
    for i in range(total - sum(counts)):
        counts[i % len(counts)] += 1
    for i, count in enumerate(counts):
        if count == 0:
            warnings.warn(f"Length of split at index {i} is 0. This might result in an empty dataset.", stacklevel=3)
    return counts
