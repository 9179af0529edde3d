"""A memory budget: how much is computed again so that a program stays within it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gradc import locations
from gradc.errors import ArgumentError
from gradc.ir import Graph, Memory
from gradc.ir.memory import in_units
from gradc.passes.rematerialise import Plan, Rematerialisation

UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
SEGMENTS = (2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Into how many parts the forward graph may be cut."""

LEVELS = 2
"""How often what is computed again may be cut once more."""


def in_bytes(budget: Any) -> int | None:
    """A memory budget given as a number of bytes or as text: `64_000_000`, "64MB", "61 MiB".

    Raises ArgumentError for anything else.
    """
    if budget is None:
        return None
    if isinstance(budget, int) and not isinstance(budget, bool) and budget > 0:
        return budget
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", budget) if isinstance(budget, str) else None
    if found is None or found[2].lower() not in UNITS:
        raise ArgumentError(f"compile: memory_budget is a number of bytes or a text such as '64MB' or '61MiB', got "
                            f"{budget!r}{locations.quote(locations.here())}")
    return round(float(found[1]) * UNITS[found[2].lower()])


def fit(graph: Graph, budget: int, estimate: Callable[[Graph], int], make: Callable[[Graph], int]) -> None:
    """Make the program of a graph that takes no more than `budget` bytes, computing again as little as that needs.

    `make` makes the program of a graph and tells what it takes, as its backend accounts for it; the last one stays.
    The graphs are tried from the one that computes nothing again on, without those whose own estimate, in proportion,
    is too much.

    Raises ArgumentError, with the least that was reached and what is alive then, if none takes so little.
    """
    taken = make(graph)
    if taken <= budget:
        return
    least = estimate(graph)
    scale, reached = taken / max(least, 1), [taken]
    best = made = graph
    for _ in range(LEVELS):
        start = best
        for candidate in _candidates(start):
            estimated = estimate(candidate)
            if estimated >= least:
                continue
            best, least = candidate, estimated
            if estimated * scale <= budget:
                made = candidate
                reached.append(make(made))
                if reached[-1] <= budget:
                    return
        if best is start:
            break
    if made is not best:
        reached.append(make(best))
        if reached[-1] <= budget:
            return
    raise ArgumentError(_refusal(budget, min(reached), best))


def _candidates(graph: Graph) -> list[Graph]:
    """Graphs that compute more and more again."""
    plans = {Plan(n, -(-part * n // 4)) for n in SEGMENTS for part in (1, 2, 3, 4)} | {Plan(n, n - 1) for n in SEGMENTS}
    again = Rematerialisation(graph)
    made = [again.graph(plan) for plan in sorted(plans, key=lambda plan: (plan.segments, plan.again))]
    return sorted(made, key=_size)


def _size(graph: Graph) -> int:
    """The number of elements that a graph computes."""
    return sum(value.type.size for node in graph.nodes for value in node.outputs)


def _refusal(budget: int, taken: int, graph: Graph) -> str:
    """Why a program cannot be made smaller."""
    returned = sum(x.type.nbytes for x in set(graph.outputs) - set(graph.inputs) if hasattr(x, "type"))
    return (f"memory_budget: {graph.name} cannot do with {in_units(budget)}; the least that was reached, computing the "
            f"forward part again, is {in_units(taken)}\n    Its results alone are {in_units(returned)}. "
            f"{Memory(graph)}\n    Allow memory_budget={taken}, or take smaller batches.")
