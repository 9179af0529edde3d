"""Graphs as NumPy functions: what the generated gradients of eager mode are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes

from gradc.backends import allocator  # noqa: F401 - keeps the memory of large arrays
from gradc.backends.source import NUMPY, SPECIAL, Source, compiled
from gradc.backends.tiles import tiled
from gradc.ir import Graph
from gradc.ops.base import Op


def function(graph: Graph) -> Callable[..., Any]:
    """The graph as a NumPy function of arrays that returns a tuple of arrays. Its `source` is what it is made of."""
    printed = whole(graph)
    by_tiles = tiled(graph, whole)
    if by_tiles is None:
        return printed
    by_tiles.source = printed.source  # type: ignore[attr-defined]
    return by_tiles


def whole(graph: Graph) -> Callable[..., Any]:
    """The graph as one function, line by line."""
    source = Source(NUMPY, hoists=True)
    text = source.function(graph, comments=False)
    names = {"__name__": "gradc.generated", "np": Op.namespace, "ml_dtypes": ml_dtypes, "special": SPECIAL,
             **source.kernels, **source.numbers}
    exec(compiled(text), names)
    made: Callable[..., Any] = names[graph.name]
    made.source = text  # type: ignore[attr-defined]
    return made
