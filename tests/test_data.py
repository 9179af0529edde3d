"""Datasets, samplers and loaders: the same programs give the same batches in PyTorch, for the same seed."""

from __future__ import annotations

import collections
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gradc
import gradc.utils.data as data

Point = collections.namedtuple("Point", ["x", "y"])


def plain(x: Any) -> Any:
    """A structure of tensors of either library as text that compares: values, dtypes and containers."""
    if hasattr(x, "detach"):
        return f"{x.dtype} {tuple(x.shape)}", x.tolist()
    if isinstance(x, dict):
        return {key: plain(item) for key, item in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x).__name__, [plain(item) for item in x]
    return type(x).__name__, x


def squares(d: Any, first: int = 0, last: int = 7) -> Any:
    class Squares(d.Dataset):
        def __getitem__(self, i: int) -> Any:
            return i, float(i * i), str(i)

        def __len__(self) -> int:
            return last - first

    return Squares()


def counting(d: Any, last: int = 11, says: int | None = None) -> Any:
    class Counting(d.IterableDataset):
        first = 0

        def __iter__(self) -> Iterator[int]:
            info = d.get_worker_info()
            first, step = (info.id, info.num_workers) if info else (self.first, 1)
            return iter(range(first, last, step))

    if says is not None:
        Counting.__len__ = lambda self: says  # type: ignore[attr-defined]
    return Counting()


def drawing(t: Any, d: Any) -> Any:
    class Drawing(d.Dataset):
        def __getitem__(self, i: int) -> Any:
            return t.rand(2) + i

        def __len__(self) -> int:
            return 9

    return Drawing()


def epochs(loader: Any, count: int = 2) -> list[Any]:
    return [list(loader) for _ in range(count)]


ROWS = {
    "batches in order": lambda t, d: epochs(d.DataLoader(squares(d), batch_size=3)),
    "shuffled": lambda t, d: epochs(d.DataLoader(squares(d), batch_size=2, shuffle=True)) + [t.rand(2)],
    "shuffled by a generator": lambda t, d: epochs(d.DataLoader(
        squares(d), 2, shuffle=True, generator=t.Generator().manual_seed(5))) + [t.rand(2)],
    "the last left out": lambda t, d: epochs(d.DataLoader(squares(d), 4, drop_last=True)),
    "one by one": lambda t, d: epochs(d.DataLoader(d.TensorDataset(t.arange(4), t.eye(4)), batch_size=None)),
    "a sampler": lambda t, d: epochs(d.DataLoader(squares(d), 2, sampler=d.SubsetRandomSampler([4, 1, 3]))),
    "a batch sampler": lambda t, d: epochs(d.DataLoader(squares(d), batch_sampler=[[0, 1, 2], [3], [4, 5]])),
    "a collating function": lambda t, d: epochs(d.DataLoader(squares(d), 3, collate_fn=lambda batch: len(batch))),
    "lists": lambda t, d: epochs(d.DataLoader([[1, 2.0], [3, 4.0], [5, 6.0]], 2)),
    "workers": lambda t, d: epochs(d.DataLoader(squares(d), 2, shuffle=True, num_workers=2)) + [t.rand(1)],
    "workers that draw": lambda t, d: epochs(d.DataLoader(drawing(t, d), 2, num_workers=2)) + [t.rand(1)],
    "one worker more than batches": lambda t, d: epochs(d.DataLoader(squares(d), 4, num_workers=3)),
    "workers that stay": lambda t, d: epochs(d.DataLoader(
        drawing(t, d), 2, shuffle=True, num_workers=2, persistent_workers=True), 3),
    "an iterable": lambda t, d: epochs(d.DataLoader(counting(d), 3)),
    "an iterable, the last left out": lambda t, d: epochs(d.DataLoader(counting(d), 4, drop_last=True)),
    "an iterable, one by one": lambda t, d: epochs(d.DataLoader(counting(d), None)),
    "an iterable by workers": lambda t, d: epochs(d.DataLoader(counting(d), 3, num_workers=2)),
    "an iterable by unequal workers": lambda t, d: epochs(d.DataLoader(counting(d, 4), 1, num_workers=3)),
    "length of an iterable": lambda t, d: [len(d.DataLoader(counting(d, says=11), n, drop_last=drop))
                                           for n in (3, None) for drop in ((True, False) if n else (False,))],
    "length": lambda t, d: [len(d.DataLoader(squares(d), n, drop_last=drop))
                            for n in (1, 2, 3) for drop in (True, False)],
    "random with replacement": lambda t, d: list(d.RandomSampler(range(10), True, num_samples=70)),
    "random, more than there are": lambda t, d: list(d.RandomSampler(range(10), num_samples=25)),
    "random by weights": lambda t, d: [list(d.WeightedRandomSampler([0.1, 0.9, 3.0, 0.0], n, r))
                                       for n, r in ((6, True), (3, False))],
    "random split": lambda t, d: [list(part) for part in d.random_split(range(10), [3, 7])],
    "random split by fractions": lambda t, d: [part.indices for part in d.random_split(
        range(11), [0.3, 0.3, 0.4], generator=t.Generator().manual_seed(1))],
    "stacked": lambda t, d: [d.StackDataset(range(3), t.eye(3))[1], d.StackDataset(a=range(3), b=t.eye(3))[2],
                             d.StackDataset(a=range(3)).__getitems__([0, 2])],
    "stacked, in batches": lambda t, d: epochs(d.DataLoader(d.StackDataset(squares(d), squares(d)), 3)),
    "one behind the other": lambda t, d: [(squares(d) + squares(d))[i] for i in (0, 6, 7, -1)],
    "chained": lambda t, d: list(counting(d, 3) + counting(d, 2)),
    "rows of a subset": lambda t, d: epochs(d.DataLoader(
        d.Subset(d.Subset(d.TensorDataset(t.eye(6), t.arange(6)), [5, 0, 2, 3]), [3, 1, 0]), 2)),
    "rows of one tensor": lambda t, d: epochs(d.DataLoader(d.TensorDataset(t.eye(4)), 3, shuffle=True)),
    "a subset": lambda t, d: epochs(d.DataLoader(d.Subset(squares(d), [5, 0, 2]), 2)),
    "collate": lambda t, d: [d.default_collate(batch) for batch in (
        [1, 2], [1.5, 2.5], ["a", "b"], [{"x": 1, "y": [1, 2]}, {"x": 3, "y": [4, 5]}], [Point(1, 2.0), Point(3, 4.0)],
        [np.ones((2, 2)), np.zeros((2, 2))], [np.float32(1), np.float32(2)], [True, False], [(1, 2), (3, 4)],
        [t.ones(2), t.zeros(2)], [collections.OrderedDict(a=1), collections.OrderedDict(a=2)])],
    "convert": lambda t, d: [d.default_convert(x) for x in (
        1, "a", np.ones(2), [np.ones(1), 2], {"x": np.zeros(1)}, Point(np.ones(1), 1), (np.ones(1),), np.array(["a"]))],
}


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("name", ROWS)
def test_as_in_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    import torch.utils.data as torch_data
    found = []
    for t, d in ((gradc, data), (torch, torch_data)):
        t.manual_seed(3)
        found.append(plain(ROWS[name](t, d)))
    assert found[0] == found[1]


ERRORS: dict[str, Callable[[Any, Any], Any]] = {
    "workers below 0": lambda t, d: d.DataLoader([1], num_workers=-1),
    "timeout below 0": lambda t, d: d.DataLoader([1], timeout=-1),
    "prefetch without workers": lambda t, d: d.DataLoader([1], prefetch_factor=2),
    "persistent without workers": lambda t, d: d.DataLoader([1], persistent_workers=True),
    "batch size 0": lambda t, d: d.DataLoader([1], batch_size=0),
    "shuffle and a sampler": lambda t, d: d.DataLoader([1], sampler=[0], shuffle=True),
    "batch sampler and size": lambda t, d: d.DataLoader([1], batch_sampler=[[0]], batch_size=2),
    "drop_last without batches": lambda t, d: d.DataLoader([1], batch_size=None, drop_last=True),
    "iterable shuffled": lambda t, d: d.DataLoader(counting(d), shuffle=True),
    "iterable with a sampler": lambda t, d: d.DataLoader(counting(d), sampler=[0]),
    "no samples": lambda t, d: d.RandomSampler([], num_samples=0),
    "replacement is no flag": lambda t, d: d.RandomSampler([1], replacement=1),
    "weights in two dimensions": lambda t, d: d.WeightedRandomSampler([[1.0]], 1),
    "split of another length": lambda t, d: d.random_split(range(5), [1, 2]),
    "fraction below 0": lambda t, d: d.random_split(range(5), [-0.5, 1.5]),
    "rows of other lengths": lambda t, d: d.TensorDataset(t.ones(2), t.ones(3)),
    "stack of other lengths": lambda t, d: d.StackDataset([1], [1, 2]),
    "nothing to join": lambda t, d: d.ConcatDataset([]),
    "iterables joined": lambda t, d: d.ConcatDataset([counting(d)]),
    "lists of other lengths": lambda t, d: d.default_collate([[1, 2], [3]]),
    "objects": lambda t, d: d.default_collate([object(), object()]),
    "text in an array": lambda t, d: d.default_collate([np.array(["a"])]),
    "worker that fails": lambda t, d: list(d.DataLoader(
        squares(d, 0, 3), 1, num_workers=1, collate_fn=lambda b: 1 / 0)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_as_in_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    import torch.utils.data as torch_data
    with pytest.raises(Exception) as theirs:
        ERRORS[name](torch, torch_data)
    with pytest.raises(type(theirs.value)) as ours:
        ERRORS[name](gradc, data)
    if name not in ("worker that fails", "workers below 0"):
        start = str(theirs.value).split(",")[0].split("!")[0][:50].strip()
        assert str(ours.value).startswith(start)


def test_processes_give_what_torch_gives() -> None:
    torch = pytest.importorskip("torch")
    import torch.utils.data as torch_data
    found = []
    for t, d in ((gradc, data), (torch, torch_data)):
        t.manual_seed(7)
        loader = d.DataLoader(drawing(t, d), 2, num_workers=2, multiprocessing_context="fork")
        found.append(plain(epochs(loader, 1)))
    assert found[0] == found[1]


def test_a_process_that_fails_sends_its_error() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        list(data.DataLoader([1, 2], num_workers=1, multiprocessing_context="fork", collate_fn=lambda batch: 1 / 0))
    assert "Caught ZeroDivisionError in DataLoader worker 0" in caught.value.__notes__[0]
    assert "test_data.py" in caught.value.__notes__[0]


def test_a_worker_has_its_own_dataset() -> None:
    def begin(worker: int) -> None:
        info = data.get_worker_info()
        assert info is not None and info.id == worker and info.num_workers == 2
        info.dataset.values = range(10 * worker, 10 * worker + 2)

    class Part(data.IterableDataset):
        values = range(0)

        def __iter__(self) -> Iterator[int]:
            return iter(self.values)

    dataset = Part()
    loader = data.DataLoader(dataset, 2, num_workers=2, worker_init_fn=begin)
    assert [batch.tolist() for batch in loader] == [[0, 1], [10, 11]]
    assert dataset.values == range(0) and data.get_worker_info() is None


def test_workers_end() -> None:
    loader = iter(data.DataLoader(range(100), num_workers=3))
    next(loader)
    workers = [worker.runner for worker in loader.workers]
    assert all(worker.is_alive() for worker in workers)
    del loader
    for worker in workers:
        worker.join(5)
    assert not any(worker.is_alive() for worker in workers)


def test_a_worker_that_takes_too_long() -> None:
    ready = threading.Event()
    loader = data.DataLoader(range(2), num_workers=1, timeout=0.05, collate_fn=lambda batch: ready.wait(5))
    with pytest.raises(RuntimeError, match="DataLoader timed out after 0.05 seconds"):
        list(loader)
    ready.set()


def test_a_loop_that_is_broken_off_begins_anew() -> None:
    loader = data.DataLoader(range(20), 2, num_workers=2, persistent_workers=True)
    for batch in loader:
        assert batch.tolist() == [0, 1]
        break
    assert [batch.tolist()[0] for batch in loader] == list(range(0, 20, 2))


def test_an_iterable_that_is_longer_than_it_says() -> None:
    loader = data.DataLoader(counting(data, 4, says=2), None)
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="was reported to be 2"):
        assert len(list(loader)) == 4


def test_python_random_numbers_of_the_program_are_left_alone() -> None:
    random.seed(1)
    first = random.random()
    random.seed(1)
    list(data.DataLoader(range(6), shuffle=True, num_workers=2))
    assert random.random() == first
