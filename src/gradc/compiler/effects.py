"""What a function does besides computing on tensors, as far as a trace has seen it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from gradc.errors import TraceError
from gradc.locations import UNKNOWN, Location, quote


@dataclass(frozen=True)
class Effect:
    """One thing that a program of tensors alone could not repeat.

    `kind` is "read" (the value of a tensor decides, or leaves the graph), "write" (something outside changes), "call"
    (a function whose result or effect is not known to be always the same), "graph" (the autograd graph itself is
    needed) or "object" (something is used whose changes nobody can see).
    """

    kind: str
    what: str
    location: Location

    def __str__(self) -> str:
        return f"{self.location}: {self.what}"


UNSEEN = Effect("object", "returns what a program cannot make anew", UNKNOWN)


@dataclass
class Effects:
    """What was found in one run, each line once."""

    found: dict[Effect, None] = field(default_factory=dict)
    start: float = field(default_factory=time.perf_counter)
    committed: bool = False
    """Whether tensors from outside have been written, or random numbers drawn."""
    unwatched: Callable[[], AbstractContextManager[Any]] = nullcontext
    """A context in which nobody looks."""

    def note(self, kind: str, what: str, location: Location) -> None:
        """Something was done that a program of tensors alone would not do."""
        self.found.setdefault(Effect(kind, what, location))

    def elapsed(self) -> float:
        """Seconds since the run began, or since this was asked last."""
        now = time.perf_counter()
        seconds, self.start = now - self.start, now
        return seconds

    def __bool__(self) -> bool:
        return bool(self.found)


class Refusing(Effects):
    """Refuses what `fullgraph=True` does not allow, before it happens."""

    def note(self, kind: str, what: str, location: Location) -> None:
        """Raise TraceError, naming the effect and the line."""
        raise TraceError(f"with fullgraph=True, a compiled function that does more than compute on tensors is refused: "
                         f"{what}{quote(location)}\n    Do it outside, with what the function returns, or leave "
                         f"fullgraph away: then the Python code runs at every call.")
