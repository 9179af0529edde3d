"""Programs that hold for other values of the Python numbers that a function reads, made when one of them changes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradc.compiler.arguments import is_array, leaves, tree_map
from gradc.compiler.effects import Refusing
from gradc.compiler.guards import PLAIN_BUT_TUPLES
from gradc.compiler.numbers import Number
from gradc.compiler.trace import Source, Traced, trace
from gradc.compiler.watch import Watch
from gradc.passes.cse import identity
from gradc.tensor import Tensor


@dataclass
class Numbers:
    """The numbers among the arguments of one kind, and those elsewhere, that were seen to change."""

    arguments: set[int] = field(default_factory=set)
    entries: dict[tuple[int, Any], tuple[dict[Any, Any], Any]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.arguments or self.entries)


def generalised(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor],
                changing: Numbers, values: list[Any]) -> tuple[Traced, dict[int, Hashable]] | None:
    """A trace in which `changing` numbers are read at every call from `values` and where they stand, if it can be.

    With it come the arguments that the trace holds for at one value only. Nothing is computed, and nothing happens
    that would have to happen again.
    """
    fixed: set[Hashable] = set()
    count = iter(range(len(values)))

    def stand_in(x: Any) -> Any:
        if isinstance(x, Tensor) or is_array(x) or type(x) not in (int, float):
            return x
        i = next(count)
        if i not in changing.arguments:
            fixed.add(i)
            return x
        return Number(x, lambda: values[i], frozenset((i,)), fixed)

    args, kwargs = tree_map(stand_in, (args, kwargs))
    watch = Watch(Refusing())
    try:
        with _substituted(list(changing.entries.values()), fixed):
            traced = trace(function, args, kwargs, tensors, watch, numbers=True)
    except Exception:  # whatever a stand-in cannot do: the function then runs with the numbers themselves
        return None
    if any("type" in code.co_names for code in watch.codes):  # the one question that a stand-in cannot answer
        return None
    if not all(isinstance(x, (Source, *PLAIN_BUT_TUPLES)) for x in leaves(traced.result)):
        return None
    traced.guards.follow(function, leaves((args, kwargs)), watch.codes)
    if traced.guards.unseen:
        return None
    for key, (container, name) in changing.entries.items():
        traced.guards.forget(container, name)
        if key in fixed:
            traced.guards.entry(container, name)
        else:
            traced.guards.number(container, name, False)
    return traced, {i: identity(values[i]) for i in fixed if isinstance(i, int)}


@contextlib.contextmanager
def _substituted(entries: Sequence[tuple[dict[Any, Any], Any]], fixed: set[Hashable]) -> Iterator[None]:
    """Stand-ins in the place of numbers in dictionaries."""
    before = [container[name] for container, name in entries]
    for (container, name), value in zip(entries, before, strict=True):
        source = frozenset(((id(container), name),))
        container[name] = Number(value, lambda c=container, n=name: c[n], source, fixed)
    try:
        yield
    finally:
        for (container, name), value in zip(entries, before, strict=True):
            container[name] = value
