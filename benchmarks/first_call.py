"""The first call of an op on a shape it has not seen: no compile pause.

    python benchmarks/first_call.py
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import harness
import numpy as np

LIMIT = 1.0
"""Milliseconds."""

OPS = {
    "add": lambda torch, x: x + x,
    "mul": lambda torch, x: x * x,
    "exp": lambda torch, x: torch.exp(x),
    "tanh": lambda torch, x: torch.tanh(x),
    "sum": lambda torch, x: x.sum(),
    "mean": lambda torch, x: x.mean(0),
    "softmax": lambda torch, x: torch.softmax(x, 0),
    "matmul": lambda torch, x: x @ x,
    "transpose": lambda torch, x: x.t(),
    "index": lambda torch, x: x[1:],
    "cat": lambda torch, x: torch.cat([x, x]),
    "exp and backward": lambda torch, x: torch.exp(x).sum().backward(),
}


def first_calls(torch: Any, call: Any) -> float:
    """The median time in milliseconds of a call on 30 shapes, each for the first time."""
    times = []
    for n in range(3, 33):
        x = torch.tensor(np.ones((n, n), np.float32), requires_grad=True)
        start = time.perf_counter()
        call(torch, x)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def main() -> None:
    libraries = {name: harness.needed(name) for name in ("gradc", "torch")}
    lines = ["| | gradc, ms | torch, ms | limit |", "|---|--:|--:|--:|"]
    for name, call in OPS.items():
        times = [f"{first_calls(torch, call):.3f}" if torch is not None else "" for torch in libraries.values()]
        lines.append(f"| {name} | {' | '.join(times)} | {LIMIT} |")
    text = "\n".join(["# The first call of an op on a fresh shape", "", harness.header(), "", *lines, ""])
    print(text)
    harness.write("first_call", text)


if __name__ == "__main__":
    main()
