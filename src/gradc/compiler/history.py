"""What the passes made of a function, stage by stage: the graphs, how they differ, and what each pass cost and won."""

from __future__ import annotations

import difflib
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from gradc.errors import ArgumentError
from gradc.ir import Graph, Program
from gradc.ir.memory import in_units
from gradc.passes.cost import Cost, cost

ALIASES = {"joint": "differentiate"}
"""Other names of stages: the first graph that has forward and backward in one."""


class Stages(Mapping[str, Any]):
    """The graph after each pass, by the pass's name, in order; the last, "lowered", is the source that runs.

    A graph of a stage can say how it differs from another stage: `f.stages["cse"].diff("joint")`.
    """

    def __init__(self, graphs: Mapping[str, Any]) -> None:
        self._graphs = graphs

    def __getitem__(self, name: str) -> Any:
        found = self._graphs[ALIASES.get(name, name)]
        return _STAGED[found.__class__](found, self) if found.__class__ in _STAGED else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._graphs)

    def __len__(self) -> int:
        return len(self._graphs)

    def __repr__(self) -> str:
        return f"stages: {', '.join(self)}"


class _Staged:
    """A graph or program that knows the other stages of its function."""

    __slots__ = ()

    def diff(self, other: str | Graph | Program) -> str:
        """What changed from another stage to this one, as a unified diff of the two texts.

        Raises ArgumentError where there is no stage of that name.
        """
        stages: Mapping[str, Any] = getattr(self, "among", {})
        if isinstance(other, str):
            if other not in stages and ALIASES.get(other) not in stages:
                raise ArgumentError(f"diff: there is no stage {other!r}; there are {', '.join(stages)}")
            before, title = stages[other], other
        else:
            before, title = other, _last_pass(other)
        found = difflib.unified_diff(_lines(before), _lines(self), title, _last_pass(self), lineterm="")
        return "\n".join(found)


class StagedGraph(_Staged, Graph):
    """A graph among the stages of a function."""

    __slots__ = ("among",)

    def __init__(self, graph: Graph, among: Mapping[str, Any]) -> None:
        super().__init__(**{field.name: getattr(graph, field.name) for field in fields(graph)})
        object.__setattr__(self, "among", among)

    def replace(self, **changes: Any) -> Graph:
        return Graph(**{field.name: getattr(self, field.name) for field in fields(Graph)} | changes)


class StagedProgram(_Staged, Program):
    """A program among the stages of a function."""

    __slots__ = ("among",)

    def __init__(self, program: Program, among: Mapping[str, Any]) -> None:
        super().__init__(program.name, program.forward, program.backward)
        object.__setattr__(self, "among", among)

    def replace(self, **changes: Any) -> Program:
        return Program(**{field.name: getattr(self, field.name) for field in fields(Program)} | changes)


_STAGED: dict[type, Any] = {Graph: StagedGraph, Program: StagedProgram}


def _last_pass(graph: Any) -> str:
    history = (graph.forward if isinstance(graph, Program) else graph).history
    return history[-1] if history else "graph"


def _lines(graph: Any) -> list[str]:
    """The lines of a text, without what every pass changes: its history, and the column of the comments."""
    if not isinstance(graph, (Graph, Program)):
        return str(graph).splitlines()
    plain = Program(graph.name, graph.forward.replace(history=()), graph.backward.replace(history=())) \
        if isinstance(graph, Program) else graph.replace(history=())
    return [re.sub(r"(\S) +  # ", r"\1  # ", line) for line in str(plain).splitlines()]


# The table of passes


@dataclass(frozen=True)
class Row:
    """A pass, the milliseconds that it took, and the costs before and after it."""

    name: str
    milliseconds: float
    before: Cost | None
    after: Cost


def rows(stages: Mapping[str, Any], seconds: Mapping[str, float]) -> list[Row]:
    """A row for each stage that is a graph or a program."""
    found: list[Row] = []
    for name, graph in stages.items():
        if isinstance(graph, (Graph, Program)):
            taken = seconds.get("trace" if name == "traced" else name, 0.0)
            found.append(Row(name, taken * 1e3, found[-1].after if found else None, cost(graph)))
    return found


HEADINGS = ("pass", "ms", "nodes", "FLOPs", "bytes", "peak")


def cells(row: Row) -> list[str]:
    """The columns of a row: each number with its change, where it has changed."""
    counts = [(field.name, getattr(row.after, field.name), row.before and getattr(row.before, field.name))
              for field in fields(Cost)]
    return [row.name, f"{row.milliseconds:.2f}",
            *(f"{in_units(now) if name in ('bytes', 'peak') else f'{now:,}'}{_change(now, then)}"
              for name, now, then in counts)]


def _change(now: int, then: int | None) -> str:
    """` -40%`, or nothing where nothing changed."""
    if then is None or now == then:
        return ""
    if not then or now > 10 * then:
        return " new" if not then else f" ×{now / then:.0f}"
    return f" {(now / then - 1) * 100:+.0f}%" if round((now / then - 1) * 100) else f" {now - then:+,}"


def show(title: str, found: Sequence[Row]) -> None:
    """Print the table of passes: with rich on a terminal, where it is installed, else as plain text."""
    table = [cells(row) for row in found]
    if sys.stdout.isatty() and importlib.util.find_spec("rich") is not None:
        console = importlib.import_module("rich.console").Console()
        made = importlib.import_module("rich.table").Table(title=title)
        for heading in HEADINGS:
            made.add_column(heading, justify="left" if heading == "pass" else "right")
        for line in table:
            made.add_row(*line)
        console.print(made)
    else:
        print(text(title, table))


def text(title: str, table: Sequence[Sequence[str]]) -> str:
    """A table in plain text."""
    lines = [HEADINGS, *table]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    body = [[name.ljust(widths[0]), *(cell.rjust(n) for cell, n in zip(rest, widths[1:], strict=True))]
            for name, *rest in lines]
    return "\n".join([title, *("  ".join(line).rstrip() for line in body)])
