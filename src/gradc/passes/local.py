"""tidy: the passes that make any small graph simpler, in one; what generated gradients and right sides go through."""

from __future__ import annotations

from gradc.ir import Graph
from gradc.passes.cse import cse
from gradc.passes.dce import dce
from gradc.passes.decompose import decompose
from gradc.passes.fold import fold
from gradc.passes.simplify import simplify


def tidy(graph: Graph) -> Graph:
    """Open composites, fold and simplify, compute equal expressions once and drop the unused."""
    return dce(cse(fold(simplify(decompose(graph)))))
