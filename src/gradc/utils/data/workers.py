"""The threads or processes that make a loader's batches, and what they know about themselves."""

from __future__ import annotations

import copy
import queue
import random
import threading
import traceback
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradc.errors import GradcError
from gradc.ops.drawing import Generator, manual_seed, use_generator
from gradc.utils.data.collate import default_collate, stacks_tensors
from gradc.utils.data.dataset import IterableDataset, items_of, rows_at

ALIVE_SECONDS = 5.0
"""How long to wait for a process before asking whether it is still there."""


class WorkerError(GradcError, RuntimeError):
    """A worker that does not answer."""


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker knows: its number, how many there are, its seed, and its own copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_here: ContextVar[WorkerInfo | None] = ContextVar("gradc worker", default=None)


def get_worker_info() -> WorkerInfo | None:
    """The worker that runs this code; None outside of workers."""
    return _here.get()


@dataclass(frozen=True)
class Source:
    """How batches are made: from a dataset, by a collating function."""

    dataset: Any
    collate: Callable[[Any], Any]
    batched: bool
    drop_last: bool

    def opened(self) -> Callable[[Any], Any]:
        """A function from what the sampler gave to a batch. It raises StopIteration at the end of an iterable."""
        if isinstance(self.dataset, IterableDataset):
            items = iter(self.dataset)
            return lambda index: self._next(items, index)
        return self._at

    def _at(self, index: Any) -> Any:
        if not self.batched:
            return self.collate(self.dataset[index])
        rows = rows_at(self.dataset, index) if self.collate is default_collate and stacks_tensors() else None
        return self.collate(items_of(self.dataset, index)) if rows is None else rows

    def _next(self, items: Iterator[Any], index: Any) -> Any:
        if not self.batched:
            return self.collate(next(items))
        batch = [item for _, item in zip(index, items, strict=False)]
        if not batch or (self.drop_last and len(batch) < len(index)):
            raise StopIteration
        return self.collate(batch)


class End:
    """What a worker answers when its part of an iterable dataset is over."""


@dataclass(frozen=True)
class Failure:
    """What a worker answers when it failed; a process sends its traceback as text."""

    error: BaseException
    text: str

    def raised(self, worker: int) -> BaseException:
        """The error to raise in the loop over the loader."""
        self.error.add_note(f"Caught {type(self.error).__name__} in DataLoader worker {worker}." + self.text)
        return self.error


STOP, RESTART = "stop", "restart"


def _work(info: WorkerInfo, source: Source, start: Callable[[int], None] | None, requests: Any, answers: Any,
          separate: bool) -> None:
    """Answer requests until one says to stop."""
    _here.set(info)
    if separate:
        random.seed(info.seed)
        np.random.seed(info.seed % 2**32)
        manual_seed(info.seed)
    else:
        use_generator(Generator().manual_seed(info.seed))
    batch = failure = None
    try:
        if start is not None:
            start(info.id)
    except Exception as error:
        failure = _failure(error, separate)
    while (request := requests.get()) != STOP:
        if request == RESTART:
            batch = None
            continue
        answer: Any = failure
        if failure is None:
            try:
                batch = batch or source.opened()
                answer = batch(request[0])
            except StopIteration:
                answer = End()
            except Exception as error:
                answer = _failure(error, separate)
        answers.put(answer)


def _failure(error: Exception, separate: bool) -> Failure:
    return Failure(error, "\n" + traceback.format_exc() if separate else "")


class Worker:
    """A thread or, with a multiprocessing context, a process that makes batches in the order they are asked for."""

    def __init__(self, id: int, count: int, seed: int, source: Source, start: Callable[[int], None] | None,
                 context: Any) -> None:
        self.id = id
        self.active = True
        self.waiting = 0
        self.process = context is not None
        self.requests = context.SimpleQueue() if self.process else queue.SimpleQueue()
        self.answers = context.Queue() if self.process else queue.SimpleQueue()
        dataset = source.dataset if self.process else _copied(source.dataset)
        source = Source(dataset, source.collate, source.batched, source.drop_last)
        info = WorkerInfo(id, count, seed + id, dataset)
        self.runner = (context.Process if self.process else threading.Thread)(
            target=_work, args=(info, source, start, self.requests, self.answers, self.process), daemon=True)
        self.runner.start()

    def ask(self, index: Any) -> None:
        """Have the batch of these indices made."""
        self.waiting += 1
        self.requests.put((index,))

    def answer(self, timeout: float) -> Any:
        """The oldest batch asked for. Raises WorkerError if it does not come in time, or the process is gone."""
        waited = 0.0
        while True:
            patience = timeout - waited if timeout else ALIVE_SECONDS if self.process else None
            try:
                answer = self.answers.get(timeout=min(patience, ALIVE_SECONDS) if patience else None)
                break
            except queue.Empty:
                waited += min(patience, ALIVE_SECONDS) if patience else 0
            if timeout and waited >= timeout:
                raise WorkerError(f"DataLoader timed out after {timeout} seconds: worker {self.id} is not ready. Give "
                                  f"it more with timeout=, or 0 for no limit") from None
            if not self.runner.is_alive():
                raise WorkerError(f"DataLoader worker (pid(s) {self.runner.pid}) exited unexpectedly") from None
        self.waiting -= 1
        if isinstance(answer, Failure):
            raise answer.raised(self.id)
        return answer

    def restart(self) -> None:
        """Forget what was asked for, and begin the dataset anew."""
        while self.waiting:
            self.waiting -= 1
            self.answers.get()
        self.active = True
        self.requests.put(RESTART)


def stop(workers: list[Worker]) -> None:
    """End workers, which finish the batch that they are at."""
    for worker in workers:
        worker.requests.put(STOP)


def _copied(dataset: Any) -> Any:
    """A copy for one thread, so that what it sets on its dataset is its own, as with processes; else the dataset."""
    try:
        return copy.copy(dataset)
    except Exception:
        return dataset
