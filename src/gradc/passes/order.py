"""Where a user's own passes and rules stand among those of the pipeline.

    compile(f, passes=[my_rule, my_pass, before("fuse", other_pass), without("cse")])

A rule joins those of `simplify`. A pass without a place runs when the graph is simplified and still whole, forward
and backward in one: behind `dce`, before `split`.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Generator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradc.errors import ArgumentError, VerifyError
from gradc.ir import Graph, Type, Value, verify
from gradc.passes.pipeline import PASSES, Pass
from gradc.passes.rewriting import Rule
from gradc.passes.rules import RULES
from gradc.passes.simplify import simplify

IN_PARTS = ("schedule", "fuse", "free")
"""The passes that run behind `split`, on the forward and the backward graph each."""

NEEDED = ("differentiate", "decompose")
"""The passes without which a graph has no kernels to run."""


@dataclass(frozen=True)
class Placed:
    """Passes with the place that they are to have, or the names of passes that are not to run."""

    where: str
    name: str
    functions: tuple[Pass, ...] = ()


@dataclass(frozen=True)
class Order:
    """The passes of a function: those of the whole graph, then those of what `split` makes of it."""

    whole: tuple[Pass, ...]
    parts: tuple[Pass, ...]


def before(name: str, *passes: Pass) -> Placed:
    """Passes that run just before the pass of this name; "split" is a place too."""
    return Placed("before", name, passes)


def after(name: str, *passes: Pass) -> Placed:
    """Passes that run just behind the pass of this name; "split" is a place too."""
    return Placed("after", name, passes)


def without(name: str) -> Placed:
    """The pass of this name is not to run. Where `simplify` is not to, rules that are given apply all the same."""
    return Placed("without", name)


_everywhere: ContextVar[tuple[Any, ...]] = ContextVar("passes of every compiled function", default=())


@contextlib.contextmanager
def using(*passes: Any) -> Generator[None, None, None]:
    """What `compile` makes inside has these passes and rules as well, before those that it is given."""
    arranged(passes)
    token = _everywhere.set((*_everywhere.get(), *passes))
    try:
        yield
    finally:
        _everywhere.reset(token)


def chosen(passes: Sequence[Any]) -> tuple[Any, ...]:
    """These passes, behind those of `using`.

    Raises ArgumentError for what is no pass, rule or place.
    """
    found = (*_everywhere.get(), *passes)
    arranged(found)
    return found


def arranged(passes: Sequence[Any], standard: Sequence[Pass] = PASSES) -> Order:
    """The order of the standard passes and a user's.

    Raises ArgumentError for what is no pass, rule or place.
    """
    if not passes:
        return _Arrangement(standard).order()
    made = _Arrangement(standard)
    for each in passes:
        made.add(each)
    return made.order()


class _Arrangement:
    """Passes by the places of the pipeline: `split` has one between the whole graph and its parts."""

    def __init__(self, standard: Sequence[Pass]) -> None:
        names = [each.__name__ for each in standard]
        cut = next((i for i, name in enumerate(names) if name in IN_PARTS), len(names))
        self.standard: dict[str, Pass | None] = dict(zip(names[:cut], standard[:cut], strict=True))
        self.standard["split"] = None
        self.standard |= zip(names[cut:], standard[cut:], strict=True)
        self.before: dict[str, list[Pass]] = {name: [] for name in self.standard}
        self.after: dict[str, list[Pass]] = {name: [] for name in self.standard}
        self.rules: list[Rule] = []
        self.left_out: set[str] = set()
        self.taken = {"traced", "lowered", *self.standard}

    def add(self, each: Any) -> None:
        """Take in what a user gives."""
        if isinstance(each, Rule):
            self.rules.append(each)
        elif isinstance(each, Placed):
            self._check_place(each)
            if each.where == "without":
                self.left_out.add(each.name)
            place = self.after if each.where == "after" else self.before
            place[each.name] += [self._own(function) for function in each.functions]
        else:
            self.before["split"].append(self._own(each))

    def _check_place(self, each: Placed) -> None:
        if each.name not in self.standard:
            raise ArgumentError(f"passes: there is no pass {each.name!r} to be {each.where}; there are "
                                f"{', '.join(self.standard)}")
        if each.where == "without" and each.name in (*NEEDED, "split"):
            raise ArgumentError(f"passes: nothing runs without {each.name}; what can be left out is "
                                f"{', '.join(name for name in self.standard if name not in (*NEEDED, 'split'))}")

    def _own(self, function: Any) -> Pass:
        """A user's pass, under a name of its own, with what it makes verified."""
        name = getattr(function, "__name__", None)
        if not callable(function) or not isinstance(name, str) or isinstance(function, type):
            raise ArgumentError(f"passes: a pass is a function from graph to graph, a rule is what gradc.rule() gives, "
                                f"and a place before(name, …), after(name, …) or without(name); got {function!r}")
        number, unique = 1, name
        while unique in self.taken:
            number += 1
            unique = f"{name}_{number}"
        self.taken.add(unique)

        def run(graph: Graph) -> Graph:
            return _run_own(function, graph)

        run.__name__ = unique
        return run

    def order(self) -> Order:
        """What runs, in order."""
        whole: list[Pass] = []
        parts: list[Pass] = []
        found = whole
        for name, function in self.standard.items():
            found += self.before[name]
            if function is None:
                found = parts
            elif name == "simplify" and self.rules:
                found.append(_simplify_with(self.rules, name in self.left_out))
            elif name not in self.left_out:
                found.append(function)
            found += self.after[name]
        return Order(tuple(whole), tuple(parts))


def _simplify_with(rules: list[Rule], alone: bool) -> Pass:
    """simplify with a user's rules, which are tried first."""
    table = [*rules] if alone else [*rules, *RULES]

    def run(graph: Graph) -> Graph:
        return simplify(graph, table)

    run.__name__ = "simplify"
    run.rules = table  # type: ignore[attr-defined]
    return run


def rules_of(function: Pass | None) -> Sequence[Rule] | None:
    """The rules that a pass applies, if it is a `simplify`."""
    return RULES if function is simplify else getattr(function, "rules", None)


def _run_own(function: Callable[[Graph], Any], graph: Graph) -> Graph:
    """What a user's pass makes of a graph.

    Raises ArgumentError or VerifyError, which name the pass, if that is no graph to go on with.
    """
    made = function(graph)
    if not isinstance(made, Graph):
        raise ArgumentError(f"{_title(function)} returned {type(made).__name__}; a pass returns a graph")
    try:
        verify(made)
    except VerifyError as problem:
        raise VerifyError(f"{_title(function)} made a graph that is not well formed\n{problem}") from None
    for what, old, new in (("inputs", graph.inputs, made.inputs), ("outputs", graph.outputs, made.outputs)):
        if [*map(_kind, old)] != [*map(_kind, new)]:
            raise VerifyError(f"{_title(function)} changed the {what} of {graph.name} from "
                              f"({', '.join(map(str, map(_kind, old)))}) to ({', '.join(map(str, map(_kind, new)))}); "
                              f"a pass keeps their number, order and types")
    if len(made.updates) != len(graph.updates) or made.saved != graph.saved:
        raise VerifyError(f"{_title(function)} changed how many of the outputs of {graph.name} are updates or saved; "
                          f"a pass keeps that")
    return made


def _kind(x: Any) -> Type | str:
    return x.type if isinstance(x, Value) else type(x).__name__


def _title(function: Any) -> str:
    """A pass and where it was written."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    where = "" if code is None else f" ({Path(code.co_filename).name}:{code.co_firstlineno})"
    return f"the pass {function.__name__}{where}"
