"""How the time of each pass grows with the graph: microseconds per traced node, and the exponent of the growth.

The whole is given for each node of the differentiated graph, too, which is what all passes but the first work on.

    python benchmarks/passes.py
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable
from typing import Any

import harness
from trace_time import chain

import gradc
from gradc import autograd
from gradc.ir import Graph
from gradc.passes.differentiate import differentiate
from gradc.passes.pipeline import PASSES, go_on

SIZES = (1_000, 10_000, 100_000)
TRIES = {1_000: 5, 10_000: 3, 100_000: 1}
DIFFERENTIATED = "all, per differentiated node"
LIMIT = 100
"""Microseconds per node that the whole pipeline may take at 10,000 nodes."""


def layers(x: gradc.Tensor, length: int) -> gradc.Tensor:
    """A network of `length` ops, eight in each layer, and its gradient."""
    w = x.new_ones((4, 4))
    y = x
    for _ in range(length // 8):
        z = (y @ w + x).relu()
        y = (z - z.mean()) / (z.square().sum() + 1).sqrt()
    g, = autograd.grad(y.sum(), x)
    return g


CASES: dict[str, tuple[Callable[..., Any], tuple[int, ...], tuple[int, ...]]] = {
    "layers": (layers, (4, 4), SIZES[:2]), "chain": (chain, (4,), SIZES)}


def graph_of(function: Callable[..., Any], shape: tuple[int, ...], length: int) -> Graph:
    """The traced graph."""
    return gradc.make_ir(function)(gradc.ones(shape, requires_grad=True), length)


def measure(graph: Graph, length: int) -> dict[str, float]:
    """Microseconds per traced node for each pass, and all; the shortest of some tries."""
    rows: list[dict[str, float]] = []
    for _ in range(TRIES[length]):
        row: dict[str, float] = {}
        made = graph
        for each in PASSES:
            gc.collect()
            start = time.process_time()  # of the processor: others that run do not count
            made = go_on(made, [each])[0].graph
            row[each.__name__] = time.process_time() - start
            if each is differentiate:
                growth = len(made.nodes) / len(graph.nodes)
        rows.append({**row, "all": sum(row.values()), DIFFERENTIATED: sum(row.values()) / growth})
    return {name: min(row[name] for row in rows) / len(graph.nodes) * 1e6 for name in rows[0]}


def table(function: Callable[..., Any], shape: tuple[int, ...], sizes: tuple[int, ...]) -> list[str]:
    """The lines of a table: a pass each, the sizes, and the slope of the time between the smallest and the largest."""
    columns = {length: measure(graph_of(function, shape, length), length) for length in sizes}
    lines = [f"| µs per node | {' | '.join(f'{length:,} nodes' for length in sizes)} | slope |",
             f"|---|{'--:|' * (len(sizes) + 1)}"]
    for name in columns[sizes[0]]:
        numbers = [columns[length][name] for length in sizes]
        slope = 1 + math.log(numbers[-1] / numbers[0]) / math.log(sizes[-1] / sizes[0])
        lines.append(f"| {name} | {' | '.join(f'{x:.2f}' for x in numbers)} | {slope:.2f} |")
    whole = columns[10_000]["all"]
    lines.append(f"\nAt 10,000 nodes {whole:.0f} µs per traced node, {columns[10_000][DIFFERENTIATED]:.0f} per node of "
                 f"the differentiated graph; the limit is {LIMIT}.")
    return lines


def main() -> None:
    """Measure and write the tables."""
    parts = [f"# The passes: time by the size of the graph\n\n{harness.header()}\n\nThe time goes as the size to the "
             f"power `slope`; 1 is linear."]
    for name, case in CASES.items():
        parts.append(f"## {name}\n\n" + "\n".join(table(*case)))
        print(parts[-1], flush=True)
    harness.write("passes", "\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
