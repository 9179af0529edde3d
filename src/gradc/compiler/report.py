"""What a compiled function tells of itself: its programs, why each was made, and what else it does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from gradc.compiler.effects import Effect
from gradc.compiler.naming import of_parameters
from gradc.dtypes import dtype
from gradc.errors import TraceError
from gradc.tensor import Tensor


@dataclass(frozen=True)
class ProgramInfo:
    """One program of a compiled function: why it was made, and the seconds that each stage of it took."""

    reason: str
    seconds: dict[str, float]
    nodes: int

    def __str__(self) -> str:
        return f"{self.reason}: {self.nodes} nodes, {sum(self.seconds.values()):.3f} s"


@dataclass
class CacheInfo:
    """The programs of a compiled function in the order of their making; calls that found one, and that did not."""

    programs: list[ProgramInfo] = field(default_factory=list)
    hits: int = 0
    misses: int = 0

    def __len__(self) -> int:
        return len(self.programs)

    def __str__(self) -> str:
        counts = ((len(self.programs), "program"), (self.hits, "hit"), (self.misses, "miss"))
        lines = [", ".join([f"{n} {word}{'' if n == 1 else 'es' if word == 'miss' else 's'}" for n, word in counts])]
        return "\n".join([*lines, *(f"  {i}. {program}" for i, program in enumerate(self.programs, 1))])

    __repr__ = __str__


@dataclass
class EffectsInfo:
    """What a compiled function reads and writes besides its arguments and results, and what it repeats at every call.

    `repeats` is empty for a function that is one program; of others the Python runs at every call, because of these,
    and `reads` and `writes` do not list what it does.
    """

    reads: list[str]
    writes: list[str]
    repeats: list[Effect]
    eager: str | None = None

    def __str__(self) -> str:
        none = "not listed: its Python runs" if self.repeats or self.eager else "nothing"
        lines = [f"reads    {', '.join(self.reads) or none}", f"writes   {', '.join(self.writes) or none}",
                 "repeats  " + ("\n         ".join(map(str, self.repeats)) or "nothing")]
        return "\n".join(lines + ([f"eager    {self.eager}"] if self.eager else []))

    __repr__ = __str__


def description(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, str]:
    """The arguments of a call as lines to compare: a path for each leaf, and its type or value."""
    found: dict[str, str] = {}
    for name, value in zip(of_parameters(function, args, kwargs), [*args, *kwargs.values()], strict=True):
        _describe(name, value, found)
    return found


def _describe(path: str, value: Any, found: dict[str, str]) -> None:
    if isinstance(value, Tensor):
        found[path] = f"{value.type_}{' that requires grad' if value.requires_grad else ''}"
    elif isinstance(value, dict):
        for key, item in value.items():
            _describe(f"{path}[{key!r}]", item, found)
    elif isinstance(value, (tuple, list)):
        for i, item in enumerate(value):
            _describe(f"{path}[{i}]", item, found)
    elif isinstance(value, (int, float, str, bool, complex, type(None), dtype)):
        found[path] = repr(value)[:40]
    else:
        found[path] = type(value).__name__


def difference(before: dict[str, str], after: dict[str, str]) -> str:
    """The first difference of two descriptions, as `x: f32[32, 784] → f32[17, 784]`."""
    for path in {**before, **after}:
        old, new = before.get(path, "absent"), after.get(path, "absent")
        if old != new:
            return f"{path}: {old} → {new}"
    return "modes of gradients or autocast, or which arguments share memory"


_forbidden: ContextVar[bool] = ContextVar("retracing is forbidden", default=False)


@contextlib.contextmanager
def no_retrace() -> Iterator[None]:
    """Inside, a compiled function that has no program for a call raises TraceError, with the reason."""
    token = _forbidden.set(True)
    try:
        yield
    finally:
        _forbidden.reset(token)


def check_allowed(title: str, reason: str) -> None:
    """Raise TraceError where `no_retrace` forbids to make a program."""
    if _forbidden.get():
        raise TraceError(f"{title} would have to be traced, which no_retrace() forbids: {reason}")
