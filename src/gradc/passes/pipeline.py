"""The pipeline: which passes run, in which order, and the record of what each made."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gradc.ir import Graph, verify
from gradc.passes.cse import cse
from gradc.passes.dce import dce
from gradc.passes.decompose import decompose
from gradc.passes.differentiate import differentiate
from gradc.passes.fold import fold
from gradc.passes.free import free
from gradc.passes.fuse import fuse
from gradc.passes.schedule import schedule
from gradc.passes.simplify import simplify

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (
    differentiate,  # while composites are whole, so that gradients read as the named functions' own
    decompose,      # opens composites; what follows sees only ops with a kernel
    simplify,       # rewrite rules
    fold,           # computes what is constant
    cse,            # forward and backward share what they have in common
    dce,            # drops what the sharing left over
    fuse,           # names the blocks that one kernel computes
    schedule,       # orders what is left for memory; behind fuse, because a block is one step
    free,           # says where values die; last, because every other pass moves deaths
)


@dataclass(frozen=True)
class Stage:
    """A graph, the pass that made it, and the seconds that it took."""

    name: str
    graph: Graph
    seconds: float


def run(graph: Graph, passes: Sequence[Pass] = PASSES, check: bool = False) -> list[Stage]:
    """The stages of a traced graph: itself, then the result of each pass. `check` verifies every one.

    Raises VerifyError, naming the pass, when a pass makes a graph that is not well formed.
    """
    traced = Stage("traced", graph.replace(history=("traced",)), 0.0)
    return [traced, *go_on(traced.graph, passes, check)]


def go_on(before: Graph, passes: Sequence[Pass], check: bool = False) -> list[Stage]:
    """The stages that more passes make of a graph that others have made."""
    stages: list[Stage] = []
    collecting = gc.isenabled()
    gc.disable()  # a graph has no cycles; to look for some costs a large one up to a third of the time
    try:
        for each in passes:
            start = time.perf_counter()
            after = each(before).replace(history=(*before.history, each.__name__))
            stages.append(Stage(each.__name__, after, time.perf_counter() - start))
            before = after
            if check:
                verify(after)
    finally:
        if collecting:
            gc.enable()
    return stages
