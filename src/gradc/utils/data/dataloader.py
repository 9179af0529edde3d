"""The loop over a dataset in batches, in the order of a sampler, in the foreground or by workers.

Workers are threads: NumPy, files and images work while the program goes on, and nothing is copied between processes.
Each has its own stream of random numbers, seeded as PyTorch seeds its worker processes. With
`multiprocessing_context="fork"` (or "spawn", "forkserver") workers are processes, as PyTorch's always are.
"""

from __future__ import annotations

import itertools
import math
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from gradc.utils.data.collate import default_collate, default_convert
from gradc.utils.data.dataset import IterableDataset
from gradc.utils.data.sampler import BatchSampler, RandomSampler, SamplerError, SequentialSampler, random_seed
from gradc.utils.data.workers import End, Source, Worker, get_worker_info, stop

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T = TypeVar("T", covariant=True)


class _Endless:
    """The sampler of a dataset that has no indices."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class DataLoader(Generic[T]):
    """The batches of a dataset, as torch.utils.data.DataLoader.

    `num_workers` threads make them in the background; with a `multiprocessing_context` they are processes.
    `pin_memory` and `in_order` change nothing here: batches live on the host and come in order.
    """

    def __init__(self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None, sampler: Any = None,
                 batch_sampler: Any = None, num_workers: int = 0, collate_fn: Callable[[Any], Any] | None = None,
                 pin_memory: bool = False, drop_last: bool = False, timeout: float = 0,
                 worker_init_fn: Callable[[int], None] | None = None, multiprocessing_context: Any = None,
                 generator: Any = None, *, prefetch_factor: int | None = None, persistent_workers: bool = False,
                 pin_memory_device: str = "", in_order: bool = True) -> None:
        iterable = isinstance(dataset, IterableDataset)
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context)
        _check_order(iterable, batch_size, shuffle, sampler, batch_sampler, drop_last)
        self.dataset = dataset
        self.generator = generator
        self.num_workers, self.timeout = num_workers, timeout
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.persistent_workers = persistent_workers
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = _context(multiprocessing_context)
        self.pin_memory, self.pin_memory_device, self.in_order = pin_memory, pin_memory_device, in_order
        if sampler is None:
            sampler = _Endless() if iterable else RandomSampler(dataset, generator=generator) if shuffle \
                else SequentialSampler(dataset)
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size, self.drop_last = batch_size, drop_last
        self.sampler, self.batch_sampler = sampler, batch_sampler
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)
        self._iterator: Any = None
        self._promised: int | None = None

    def __iter__(self) -> Any:
        if not self.num_workers:
            return _InForeground(self)
        if not self.persistent_workers:
            return _ByWorkers(self)
        if self._iterator is None:
            self._iterator = _ByWorkers(self)
        else:
            self._iterator.restart()
        return self._iterator

    def __len__(self) -> int:
        if not isinstance(self.dataset, IterableDataset):
            return len(self.indices)
        self._promised = length = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else math.ceil(length / self.batch_size)

    @property
    def indices(self) -> Any:
        """The sampler whose indices become batches."""
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def source(self) -> Source:
        """How a batch is made."""
        return Source(self.dataset, self.collate_fn, self.batch_sampler is not None, self.drop_last)


class _Loop:
    """One pass through the batches of a loader."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self.loader = loader
        self.indices = iter(loader.indices)
        self.seed = random_seed(loader.generator)  # PyTorch draws it always, before the order
        self.count = 0

    def __iter__(self) -> _Loop:
        return self

    def __len__(self) -> int:
        return len(self.loader.indices)

    def __next__(self) -> Any:
        batch = self.batch()
        self.count += 1
        promised = self.loader._promised
        if promised is not None and self.count > promised:
            warnings.warn(f"Length of IterableDataset {self.loader.dataset} was reported to be {promised}(when "
                          f"accessing len(dataloader)), but {self.count} samples have been fetched. ", stacklevel=2)
        return batch

    def batch(self) -> Any:
        """The next batch. Raises StopIteration when there is none."""
        raise NotImplementedError


class _InForeground(_Loop):
    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        self.make = loader.source().opened()

    def batch(self) -> Any:
        return self.make(next(self.indices))


class _ByWorkers(_Loop):
    """Batches go to the workers in turn, some in advance, and come back in the same order."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        self.workers = [Worker(i, loader.num_workers, self.seed, loader.source(), loader.worker_init_fn,
                               loader.multiprocessing_context) for i in range(loader.num_workers)]
        weakref.finalize(self, stop, self.workers)
        self.start()

    def start(self) -> None:
        """Ask for the first batches."""
        self.turn = itertools.cycle(self.workers)
        self.asked: list[Worker] = []
        for _ in range(self.loader.prefetch_factor * len(self.workers)):  # type: ignore[operator]
            self.ask()

    def restart(self) -> None:
        """Begin a new pass with the same workers."""
        self.indices, self.count = iter(self.loader.indices), 0
        for worker in self.workers:
            worker.restart()
        self.start()

    def ask(self) -> None:
        """Have one more batch made, by the next worker that has any left."""
        if not any(worker.active for worker in self.workers):
            return
        try:
            index = next(self.indices)
        except StopIteration:
            return
        worker = next(worker for worker in self.turn if worker.active)
        worker.ask(index)
        self.asked.append(worker)

    def batch(self) -> Any:
        while self.asked:
            worker = self.asked.pop(0)
            answer = worker.answer(self.loader.timeout)
            if not isinstance(answer, End):
                self.ask()
                return answer
            if worker.active:  # else it was asked before it was known to be at its end
                worker.active = False
                self.ask()
        raise StopIteration


def _context(given: Any) -> Any:
    """What makes processes; None for threads."""
    if not isinstance(given, str):
        return given
    import multiprocessing  # slow to import, and few need it
    try:
        return multiprocessing.get_context(given)
    except ValueError:
        raise SamplerError(f"multiprocessing_context option should specify a valid start method in "
                           f"{multiprocessing.get_all_start_methods()!r}, but got multiprocessing_context={given!r}"
                           ) from None


def _check_workers(count: int, timeout: float, prefetch: int | None, persistent: bool, context: Any) -> None:
    """Raise SamplerError, a ValueError, for options about workers that make no sense."""
    if count < 0:
        raise SamplerError("num_workers option should be non-negative; use num_workers=0 to load in the foreground.")
    if timeout < 0:
        raise SamplerError("timeout option should be non-negative")
    if not count and prefetch is not None:
        raise SamplerError("prefetch_factor option could only be specified in multiprocessing. let num_workers > 0 to "
                           "enable multiprocessing, otherwise set prefetch_factor to None.")
    if prefetch is not None and prefetch < 0:
        raise SamplerError("prefetch_factor option should be non-negative")
    if persistent and not count:
        raise SamplerError("persistent_workers option needs num_workers > 0")
    if context is not None and not count:
        raise SamplerError(f"multiprocessing_context can only be used with multi-process loading (num_workers > 0), "
                           f"but got num_workers={count}")


def _check_order(iterable: bool, batch_size: int | None, shuffle: bool | None, sampler: Any, batch_sampler: Any,
                 drop_last: bool) -> None:
    """Raise SamplerError, a ValueError, for options about the order that contradict each other."""
    if iterable:
        for name, given in (("shuffle", shuffle or None), ("sampler", sampler), ("batch_sampler", batch_sampler)):
            if given is not None:
                raise SamplerError(f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
                                   f"{name}={given}")
    if sampler is not None and shuffle:
        raise SamplerError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise SamplerError("batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and "
                           "drop_last")
    if batch_sampler is None and batch_size is None and drop_last:
        raise SamplerError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
