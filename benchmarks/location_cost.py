"""What it costs an eager op to note the user's line: the generated function of `mul`, with and without these lines."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from harness import header, write

import gradc
from gradc.expression import Expression, Namespace
from gradc.ops import fast
from gradc.ops.arithmetic import mul

BLOCKS, CALLS = 61, 4000
LIMIT = 0.3
"""Microseconds per op."""

NOTING = fast.LINK[fast.LINK.index("        f = getframe(1)") :]


def generated(noting: bool) -> Callable[..., Any]:
    """The eager function of mul, with or without the lines that note where it was called."""
    whole = fast.LINK
    fast.LINK = whole if noting else whole.replace(NOTING, "")
    try:
        kernel = str(mul.kernel(Namespace("np", {"special": "special"}), Expression("a"), Expression("b")))
        return fast._compile(mul, fast._source(mul, kernel, False, ""), mul.call)
    finally:
        fast.LINK = whole


def main() -> None:
    x, y = gradc.ones(8, requires_grad=True), gradc.ones(8)
    functions = {True: generated(True), False: generated(False)}
    assert functions[True](x, y).tolist() == functions[False](x, y).tolist()
    assert functions[True](x, y).grad_fn.code is not None
    samples: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(BLOCKS):
        for noting, function in functions.items():
            start = time.perf_counter()
            for _ in range(CALLS):
                function(x, y)
            samples[noting].append((time.perf_counter() - start) / CALLS * 1e6)
    noting, plain = statistics.median(samples[True]), statistics.median(samples[False])
    text = (f"# The cost of noting the user's line in eager mode\n\n{header()}\n\n"
            "| | with, µs | without, µs | difference, µs | limit |\n|---|--:|--:|--:|--:|\n"
            f"| mul (8,), with gradient | {noting:.2f} | {plain:.2f} | {noting - plain:.2f} | {LIMIT} |\n")
    print(text)
    write("location_cost", text)


if __name__ == "__main__":
    main()
