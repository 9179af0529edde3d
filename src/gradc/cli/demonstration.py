"""`gradc demo`: the program in demo.py, eager and compiled, and what can be seen of it."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from rich import box
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from gradc.cli.problem import Problem
from gradc.demo import BATCH, Training, digits
from gradc.inspect.contrast import contrast, in_seconds
from gradc.inspect.slices import slice_for

WIDTH = 100
COLOURS = {"eager": "cyan", "compiled": "magenta"}
INSTALL = "the demonstration needs scikit-learn, which has the images: pip install 'gradc[demo]'"


@dataclass(frozen=True)
class Outcome:
    """What one mode came to: the loss of every step, the seconds of each, and test images read correctly."""

    losses: list[float]
    seconds: list[float]
    correct: int


def demonstrate(epochs: int, seed: int, progress: bool) -> int:
    """Train in both modes, show what happened, and return 1 if the modes do not agree.

    Raises Problem when scikit-learn is missing.
    """
    try:
        train, test = digits(seed)
    except ModuleNotFoundError as missing:
        raise Problem(INSTALL) from missing
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    images = len(test[0])
    console.print(f"[bold]gradc demo[/]  a network of 64-64-10 neurons learns to read handwritten digits\n"
                  f"[dim]{len(train[0])} images of 8 × 8 pixels to train on, {images} to test on; SGD with momentum; "
                  f"seed {seed}[/]\n")
    outcomes, compiled = _train_both(console, epochs, seed, progress, train, test)
    console.print(_curves(outcomes))
    console.print(_results(outcomes, images))
    problem = disagreement(outcomes["eager"], outcomes["compiled"])
    if problem:
        console.print(f"[red]The two modes do not agree: {problem}[/]")
        return 1
    console.print(_agreement(outcomes), "", sep="\n")
    again = Training(seed, compiled=True)
    console.print(contrast(again.step, train[0][:BATCH], train[1][:BATCH]), "")
    console.print(_gradient(compiled))
    console.print(_next_steps())
    return 0


def _train_both(console: Console, epochs: int, seed: int, progress: bool, train: Any,
                test: Any) -> tuple[dict[str, Outcome], Training]:
    """The outcome of each mode, and the compiled run."""
    bars = Progress(TextColumn("{task.description:9}"), BarColumn(32),
                    TextColumn("{task.completed:>3}/{task.total} epochs"), TextColumn("loss {task.fields[loss]}"),
                    TimeElapsedColumn(), console=console, disable=not (progress and console.is_terminal))
    outcomes: dict[str, Outcome] = {}
    with bars:
        tasks = {mode: bars.add_task(f"[{colour}]{mode}[/]", total=epochs, loss="") for mode, colour in COLOURS.items()}
        for mode, task in tasks.items():
            training = Training(seed, compiled=mode == "compiled")
            for _ in training.run(*train, epochs):
                _advance(bars, task, training)
            outcomes[mode] = Outcome(training.losses, training.seconds, training.correct(*test))
    if not bars.disable:
        console.print()
    return outcomes, training


def _advance(bars: Progress, task: TaskID, training: Training) -> None:
    steps = len(training.losses) // (bars.tasks[task].completed + 1)
    bars.update(task, advance=1, loss=f"{fmean(training.losses[-int(steps):]):.4f}")


def disagreement(eager: Outcome, compiled: Outcome) -> str | None:
    """What is wrong when the same program with the same seed did not come to the same in both modes."""
    difference = relative(eager.losses[-1], compiled.losses[-1])
    if not difference < 1e-3:
        return (f"the final loss is {eager.losses[-1]:.6g} eagerly and {compiled.losses[-1]:.6g} compiled, which "
                f"differ by {difference:.1e} of the loss; rounding explains 1e-3 at most.")
    if abs(eager.correct - compiled.correct) > 1:
        return f"eagerly {eager.correct} test images are read correctly, compiled {compiled.correct}."
    return None


def relative(a: float, b: float) -> float:
    """The difference of two numbers in units of the first."""
    return abs(a - b) / abs(a) if a else abs(b)


# What is shown


def _curves(outcomes: dict[str, Outcome]) -> RenderableType:
    charts = []
    for mode, outcome in outcomes.items():
        title = f"[bold]{mode}[/], loss of {len(outcome.losses)} steps"
        charts.append(Group(title, Text("\n".join(chart(outcome.losses, 40, 5)), style=COLOURS[mode])))
    return Padding(Columns(charts, padding=(0, 3)), (0, 0, 1, 0))


def chart(losses: list[float], columns: int, rows: int) -> list[str]:
    """Lines of text that draw losses on a logarithmic scale, which the first and last line name."""
    groups = [losses[i * len(losses) // columns : max((i + 1) * len(losses) // columns, i * len(losses) // columns + 1)]
              for i in range(columns)]
    means = [math.log(max(fmean(group), 1e-12)) for group in groups]
    low, high = min(means), max(means)
    heights = [round((m - low) / (high - low or 1.0) * (8 * rows - 1)) + 1 for m in means]
    lines = []
    for row in reversed(range(rows)):
        label = {rows - 1: f"{math.exp(high):5.2f}", 0: f"{math.exp(low):5.2f}"}.get(row, "     ")
        blocks = "".join(" ▁▂▃▄▅▆▇█"[min(max(height - 8 * row, 0), 8)] for height in heights)
        lines.append(f"{label} {blocks}")
    return lines


def _results(outcomes: dict[str, Outcome], images: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "loss at the end", "test images read", "time per step", "all steps"):
        table.add_column(heading, justify="right" if heading else "left")
    for mode, outcome in outcomes.items():
        table.add_row(f"[{COLOURS[mode]}]{mode}[/]", f"{outcome.losses[-1]:.6f}",
                      f"{outcome.correct} of {images}, {outcome.correct / images:.1%}",
                      in_seconds(median(outcome.seconds)), in_seconds(sum(outcome.seconds)))
    return table


def _agreement(outcomes: dict[str, Outcome]) -> str:
    eager, compiled = outcomes.values()
    difference = relative(eager.losses[-1], compiled.losses[-1])
    return (f"[green]✓[/] Both modes agree: the final loss to {max(difference, 1e-7):.0e} of itself, the images read "
            f"correctly to {abs(eager.correct - compiled.correct)}.\n"
            f"[dim]  The first compiled step took {in_seconds(compiled.seconds[0])}: importing JAX, tracing, passes "
            f"and XLA.[/]")


def _gradient(training: Training) -> RenderableType:
    """The text of the gradient of the first layer's weight."""
    graph = slice_for(training.step.last.final, "d_model_0_weight")
    text = folded(str(graph), WIDTH)
    code = Syntax(text, "python", theme="ansi_dark", background_color="default").highlight(text)
    code.rstrip()
    code.no_wrap, code.overflow = True, "ellipsis"
    head = ("[bold]The gradient of the first layer's weight, as the compiled step computes it[/]\n"
            f"[dim]{len(graph.nodes)} lines of the optimised graph; each says which line of demo.py it is there for, "
            "and why[/]")
    return Group(head, "", code, "")


def folded(text: str, width: int) -> str:
    """The text of a graph with its head broken into one line per argument where it is longer than `width`."""
    head, newline, body = text.partition("\n")
    if len(head) <= width:
        return text
    start, _, rest = head.partition("(")
    arguments, _, comment = rest.partition("):")
    lines = [f"{start}(", *(f"        {line}" for line in _filled(arguments, width - 8)), f"):{comment}"]
    return "\n".join(lines) + newline + body


def _filled(arguments: str, width: int) -> Iterator[str]:
    """Arguments on lines of at most `width`, broken behind the comma of an argument and not inside of a shape."""
    line, depth, word = "", 0, ""
    for character in arguments + ",":
        depth += (character == "[") - (character == "]")
        word += character
        if character == "," and not depth:
            if line and len(line) + len(word) > width:
                yield line.strip()
                line = ""
            line, word = line + word, ""
    yield line.strip()


def _next_steps() -> RenderableType:
    table = Table.grid(padding=(0, 3))
    table.add_row('gradc ir FILE.py:FUNCTION "f32[4,3] f32[3]"', "[dim]any function of yours, at every stage[/]")
    table.add_row("src/gradc/demo.py", "[dim]the program that ran[/]")
    table.add_row("docs/", "[dim]a tutorial, and how to add an op, a rule or a pass[/]")
    return Group("[bold]Where to go next[/]", table)
