"""Generators of random numbers, eager and in traces: a traced function draws the numbers that eager code would draw.

A trace does not draw. It notes each use of a generator; what is drawn becomes an input of the graph, and at every call
the host draws these inputs, in the order of the program, before the graph runs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from gradc import locations
from gradc.errors import TraceError
from gradc.generator import Draw, as_dimensions
from gradc.generator import Generator as Stream
from gradc.modes import current
from gradc.shapes import Shape
from gradc.tensor import CPU, Tensor, host_array, wrap

__all__ = ["Generator", "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed",
           "set_rng_state"]


class Generator(Stream):
    """A stream of random numbers, as torch.Generator.

    In a compiled function its state is set and read at every call, like that of any other state.
    """

    device = CPU

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to `seed`. Negative seeds count from 2**64 down."""
        if current().trace is not None:
            Stream().manual_seed(seed)  # raises for what is no seed
        _change(self, "manual_seed", lambda stream: Stream.manual_seed(stream, seed))
        return self

    def seed(self) -> int:
        """Start a stream that nobody can foresee, and return its seed."""
        _refuse("seed()")
        return super().seed()

    def initial_seed(self) -> int:
        """The seed of the stream, as last set."""
        _refuse("initial_seed()")
        return super().initial_seed()

    def get_state(self) -> Tensor:  # type: ignore[override]
        """The point in the stream, as a tensor of bytes that PyTorch can read."""
        return draw("get_state", self, lambda stream, shape: Stream.get_state(stream), (_STATE_BYTES,))

    def set_state(self, state: Any) -> Generator:
        """Continue at a point that get_state gave, here or in PyTorch."""
        array = host_array(state, "set_state()") if isinstance(state, Tensor) else state
        if current().trace is not None:
            Stream().set_state(array)
        _change(self, "set_state", lambda stream: Stream.set_state(stream, array))
        return self

    def clone_state(self) -> Generator:
        """Another generator at the same point of the same stream."""
        return Generator().set_state(self.get_state())

    def _words(self, count: int) -> np.ndarray[Any, Any]:
        _refuse("drawing NumPy arrays")
        return super()._words(count)


_STATE_BYTES = Stream.get_state(Stream()).size


def _refuse(what: str) -> None:
    """Raise TraceError in a trace, for what gives Python a number: it would be the same in every later call."""
    if current().trace is not None:
        raise TraceError(f"{what} of a random generator cannot be used in a compiled function: what it gives would be "
                         f"written into the program{locations.quote(locations.here())}\n    Call it outside.")


def draw(name: str, generator: Stream | None, sample: Callable[[Any, Shape], Any], shape: Any) -> Tensor:
    """What `sample(generator, shape)` draws, as a tensor; in a trace an input of the graph, called by `name`.

    A trace calls `sample` with an empty shape, for its errors and its dtype.
    """
    source = _own.get() if generator is None else generator
    shape = as_dimensions(shape)
    modes = current()
    if modes.trace is None:
        drawn = wrap(sample(source, shape))
        if modes.watch is not None:
            modes.watch("drawn", f"{name}()", (), drawn)
        return drawn
    return modes.trace.draw(Draw(name, source, sample, shape))  # type: ignore[no-any-return]


def _change(generator: Stream, name: str, change: Callable[[Any], object]) -> None:
    """Change the state of a generator; in a trace, at this point of every call."""
    trace = current().trace
    if trace is None:
        change(generator)
    else:
        trace.draw(Draw(name, generator, lambda stream, shape: change(stream), None))


default_generator = Generator()
"""The generator of all functions that are given none."""

_own: ContextVar[Generator] = ContextVar("gradc generator", default=default_generator)


def use_generator(generator: Generator) -> None:
    """Have this thread draw from `generator` where none is given: a worker of a loader has a stream of its own."""
    _own.set(generator)


def manual_seed(seed: int) -> Generator:
    """Start the stream of random numbers that belongs to `seed`, as torch.manual_seed."""
    return _own.get().manual_seed(seed)


def seed() -> int:
    """Start a stream that nobody can foresee, and return its seed, as torch.seed."""
    return _own.get().seed()


def initial_seed() -> int:
    """The seed of the stream, as torch.initial_seed."""
    return _own.get().initial_seed()


def get_rng_state() -> Tensor:
    """The point in the stream as a tensor of bytes, as torch.get_rng_state."""
    return _own.get().get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Continue at a point that get_rng_state gave, here or in PyTorch."""
    _own.get().set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, **ignored: Any) -> Iterator[None]:
    """At the end of the `with` block the stream goes on where it was before, as torch.random.fork_rng."""
    if not enabled:
        yield
        return
    saved: list[Any] = []
    _change(_own.get(), "fork_rng", lambda stream: saved.append(Stream.get_state(stream)))
    try:
        yield
    finally:
        _change(_own.get(), "fork_rng", lambda stream: Stream.set_state(stream, saved.pop()))
