"""Work on large arrays that several threads share: NumPy lets go of the interpreter while it computes."""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import numpy as np

SHARED = 1 << 18
"""Elements of an array that is worth starting threads."""

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads(size: int) -> int:
    """How many threads work on arrays of `size` elements is worth."""
    return THREADS if size >= SHARED else 1


def share(work: Callable[[slice], None], count: int, threads: int) -> None:
    """Do `work` on all of `count` pieces, a consecutive part of them on each of some threads."""
    threads = min(threads, count)
    if threads < 2:
        return work(slice(0, count))
    bounds = [count * i // threads for i in range(threads + 1)]
    errors: list[BaseException] = []

    def attempt(start: int, stop: int) -> None:
        try:
            work(slice(start, stop))
        except BaseException as error:  # of whatever kind: it is raised where the work was ordered
            errors.append(error)

    # Each thread in a copy of the caller's context, where np.errstate keeps what it says.
    others = [Thread(target=contextvars.copy_context().run, args=(attempt, *bounds[i : i + 2]))
              for i in range(1, threads)]
    with products_by_one_thread():
        for other in others:
            other.start()
        attempt(*bounds[:2])
        for other in others:
            other.join()
    if errors:
        raise errors[0]


_lock = Lock()
_sharing = 0
_before = 1


@contextlib.contextmanager
def products_by_one_thread() -> Iterator[None]:
    """Keep NumPy's matrix products from starting threads of their own, which would fight with those that call them."""
    global _sharing, _before
    library = openblas()
    if library is None:
        yield
        return
    read, write = library
    with _lock:  # other threads may be here as well: the first remembers the number, the last restores it
        if not _sharing:
            _before = read()
            write(1)
        _sharing += 1
    try:
        yield
    finally:
        with _lock:
            _sharing -= 1
            if not _sharing:
                write(_before)


@functools.cache
def openblas() -> tuple[Any, Any] | None:
    """Two functions of the OpenBLAS inside of NumPy's wheels, which read and write how many threads it uses."""
    for path in (Path(np.__file__).parents[1] / "numpy.libs").glob("*openblas*"):
        with contextlib.suppress(OSError):
            library = ctypes.CDLL(str(path))  # NumPy has loaded it before
            for form in ("scipy_openblas_{}_num_threads64_", "scipy_openblas_{}_num_threads",
                         "openblas_{}_num_threads64_", "openblas_{}_num_threads"):
                if hasattr(library, form.format("set")):
                    return getattr(library, form.format("get")), getattr(library, form.format("set"))
    return None
