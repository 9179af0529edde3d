"""How long `import gradc` takes beyond NumPy's own import, each in fresh processes that take turns, bytecode cached."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

from harness import header, write

RUNS = 11
LIMIT = 0.25
"""Seconds beyond NumPy."""


def seconds(module: str) -> float:
    """The time that a fresh process takes to import NumPy and then `module`, the latter alone."""
    code = f"import time, numpy; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return float(subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True,
                                check=True).stdout)


def main() -> None:
    found: dict[str, list[float]] = {"gradc": [], "torch": [], "jax": []}
    for _ in range(RUNS + 1):
        for module, times in found.items():
            try:
                times.append(seconds(module))
            except subprocess.CalledProcessError:
                continue
    lines = ["| | seconds beyond NumPy | limit |", "|---|--:|--:|"]
    for module, times in found.items():
        if times:  # the first run writes the bytecode
            limit = f"{LIMIT}" if module == "gradc" else ""
            lines.append(f"| import {module} | {statistics.median(times[1:]):.3f} | {limit} |")
    text = f"# The time to import\n\n{header()}\n\n" + "\n".join(lines) + "\n"
    print(text)
    write("import_time", text)


if __name__ == "__main__":
    main()
