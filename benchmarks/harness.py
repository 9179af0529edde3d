"""Interleaved timing of the same work done by several libraries in one process.

A `Case` names the work and holds one callable for each library. The callables take turns in short blocks, so that the
noise of the machine falls on all alike, and the median over the blocks is compared. They must return the same
numbers, as far as floating point goes, or the case is refused.

Work that is worth several threads is measured by `take_turns`: a process for each library, so that the pools of threads
do not meet, and one step of each in turn.
"""

from __future__ import annotations

import datetime
import importlib
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as torch.set_num_threads(1): small products are not worth threads

import numpy as np  # noqa: E402

RESULTS = Path(__file__).parent / "results"
EXAMPLES = Path(__file__).parents[1] / "examples"


def needed(name: str) -> Any:
    """The module `name`, or None with a line that says it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} is not installed: its column is left out")
        return None


@dataclass
class Case:
    """One piece of work: a callable per library, and the share of torch's time that gradc may take."""

    name: str
    calls: dict[str, Callable[[], Any]]
    limit: float | None = None
    tolerance: float = 1e-4
    medians: dict[str, float] = field(default_factory=dict)
    """Seconds per call, by library, once measured."""

    @property
    def ratio(self) -> float | None:
        """gradc's time as a multiple of torch's."""
        if "gradc" not in self.medians or "torch" not in self.medians:
            return None
        return self.medians["gradc"] / self.medians["torch"]


def check(case: Case) -> None:
    """Raise AssertionError if the libraries disagree on the results of a case."""
    results = {library: _numbers(call()) for library, call in case.calls.items()}
    first, *rest = results
    for other in rest:
        for a, b in zip(results[first], results[other], strict=True):
            np.testing.assert_allclose(a, b, rtol=case.tolerance, atol=case.tolerance,
                                       err_msg=f"{case.name}: {first} and {other} disagree")


def _numbers(result: Any) -> list[np.ndarray[Any, Any]]:
    parts = result if isinstance(result, (list, tuple)) else [result]
    return [np.asarray(x.detach() if hasattr(x, "detach") else x) for x in parts]


def measure(case: Case, blocks: int = 61, block_seconds: float = 0.004) -> Case:
    """Time the callables of a case in turn and keep the median of each."""
    check(case)
    calls = {library: _repeats(call, block_seconds) for library, call in case.calls.items()}
    samples: dict[str, list[float]] = {library: [] for library in calls}
    for _ in range(blocks):
        for library, repeats in calls.items():
            samples[library].append(_block(case.calls[library], repeats) / repeats)
    case.medians = {library: statistics.median(values) for library, values in samples.items()}
    return case


def _repeats(call: Callable[[], Any], seconds: float) -> int:
    """How many calls fill a block, after a warm-up."""
    for _ in range(20):
        call()
    return max(1, round(seconds / max(_block(call, 10) / 10, 1e-9)))


def _block(call: Callable[[], Any], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return time.perf_counter() - start


def header() -> str:
    """The date and the versions that a table was measured with; nothing that names the machine."""
    versions = [f"Python {platform.python_version()}"]
    for name in ("numpy", "torch", "jax"):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    return f"{datetime.date.today()} · {', '.join(versions)} · {os.cpu_count()} cores"


def table(cases: Sequence[Case]) -> str:
    """The cases as a markdown table, in microseconds, with gradc's multiple of torch's time."""
    libraries = list(dict.fromkeys(library for case in cases for library in case.medians))
    lines = [f"| | {' | '.join(f'{library}, µs' for library in libraries)} | gradc / torch | limit |",
             f"|---|{'--:|' * (len(libraries) + 2)}"]
    for case in cases:
        times = " | ".join(f"{case.medians[x] * 1e6:.1f}" if x in case.medians else "" for x in libraries)
        ratio = "" if case.ratio is None else f"{case.ratio:.2f}"
        limit = "" if case.limit is None else f"{case.limit:.2f}"
        lines.append(f"| {case.name} | {times} | {ratio} | {limit} |")
    return "\n".join(lines)


def report(name: str, title: str, cases: Sequence[Case]) -> None:
    """Measure the cases, print their table and write it to results/`name`.md."""
    text = f"# {title}\n\n{header()}\n\n{table([measure(case) for case in cases])}\n"
    print(text)
    write(name, text)


def write(name: str, text: str) -> None:
    """Keep a report under results/."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")


def single_thread(torch: Any) -> None:
    """Keep torch from spreading small work over threads, which would slow it down."""
    if torch is not None:
        torch.set_num_threads(1)


# Large steps, with all threads


def example(name: str, torch: Any) -> dict[str, Any]:
    """The names of examples/`name`.py, run on a library."""
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": name}
    exec(compile(text.replace("import gradc as torch", f"import {torch.__name__} as torch"), name, "exec"), names)
    return names


Work = Callable[[Any], Callable[[], Any]]
"""Given a library under the name of torch, the step to be measured; it returns the loss."""

ROUNDS, WARM_UP = 25, 4


def take_turns(name: str, case: str, work: Work, limit: float, checked: int = 5) -> None:
    """Measure the step of each library in a process of its own and keep the table as results/`name`.md.

    The processes are this program itself, called with a library. The first `checked` losses must agree to 1e-3.
    """
    if len(sys.argv) > 1:
        return _answer(work, sys.argv[1])
    libraries = [x for x in ("gradc", "torch", "gradc.compile") if needed(x.partition(".")[0]) is not None]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": str(os.cpu_count())}
    workers = {x: subprocess.Popen([sys.executable, sys.argv[0], x], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, env=environment) for x in libraries}
    seconds: dict[str, list[float]] = {x: [] for x in libraries}
    for i in range(ROUNDS):
        losses = {}
        for library, worker in workers.items():
            print("step", file=worker.stdin, flush=True)
            time_taken, losses[library] = json.loads(worker.stdout.readline())
            seconds[library] += [time_taken] * (i >= WARM_UP)
        if i < checked:
            np.testing.assert_allclose(list(losses.values()), losses["gradc"], rtol=1e-3, err_msg=f"{losses}")
    for worker in workers.values():
        worker.communicate()
    medians = {library: statistics.median(values) for library, values in seconds.items()}
    lines = ["| | median, ms | fastest, ms | of torch's time | limit |", "|---|--:|--:|--:|--:|"]
    for library, median in medians.items():
        ratio = f"{median / medians['torch']:.2f}" if "torch" in medians else ""
        lines.append(f"| {library} | {median * 1e3:.1f} | {min(seconds[library]) * 1e3:.1f} | {ratio} | "
                     f"{limit if library == 'gradc' else ''} |")
    text = f"# {case}\n\n{header()}\n\n" + "\n".join(lines) + "\n"
    print(text)
    write(name, text)


def _answer(work: Work, library: str) -> None:
    """A step for each line that comes in: its seconds and its loss go out."""
    name, _, compiled = library.partition(".")
    torch = importlib.import_module(name)
    step = work(torch)
    if compiled:
        step = torch.compile(step)
    for _ in sys.stdin:
        start = time.perf_counter()
        loss = step().item()
        print(json.dumps((time.perf_counter() - start, loss)), flush=True)
