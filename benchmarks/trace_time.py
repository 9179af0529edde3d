"""How long tracing, and each pass, takes per traced node: what compiling costs before XLA, by the size of the function.

    python benchmarks/trace_time.py
"""

from __future__ import annotations

import time

import harness

import gradc
from gradc import autograd
from gradc.ir import Graph
from gradc.passes.pipeline import run

SIZES = (100, 1_000, 10_000)
TRIES = 5


def chain(x: gradc.Tensor, length: int) -> gradc.Tensor:
    """A function of `length` ops, and its gradient."""
    y = x
    for _ in range(length // 3):
        y = (y * 1.01).tanh() + x
    g, = autograd.grad(y.sum(), x)
    return g


def trace(length: int) -> tuple[Graph, float]:
    """The traced graph of a chain, and the seconds that tracing took."""
    x = gradc.ones(4, requires_grad=True)
    start = time.perf_counter()
    graph = gradc.make_ir(chain)(x, length)
    return graph, time.perf_counter() - start


def measure(length: int) -> dict[str, float]:
    """Microseconds per traced node for the trace, each pass, and all; the shortest of some tries."""
    rows: list[dict[str, float]] = []
    for _ in range(TRIES):
        graph, seconds = trace(length)
        stages = run(graph)
        row = {"trace": seconds, **{stage.name: stage.seconds for stage in stages[1:]}}
        rows.append({**row, "all": sum(row.values())})
    return {name: min(row[name] for row in rows) / length * 1e6 for name in rows[0]}


def main() -> None:
    """Measure and write the table."""
    columns = {length: measure(length) for length in SIZES}
    lines = [f"| µs per node | {' | '.join(f'{length:,} nodes' for length in SIZES)} |",
             f"|---|{'--:|' * len(SIZES)}"]
    for name in columns[SIZES[0]]:
        lines.append(f"| {name} | {' | '.join(f'{columns[length][name]:.1f}' for length in SIZES)} |")
    body = "\n".join(lines)
    text = f"# Tracing and the passes: a chain of ops and its gradient\n\n{harness.header()}\n\n{body}\n"
    print(text)
    harness.write("trace_time", text)


if __name__ == "__main__":
    main()
