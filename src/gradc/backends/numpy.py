"""Graphs as NumPy functions: what the generated gradients of eager mode are."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import CodeType
from typing import Any

import ml_dtypes
import numpy as np

from gradc.backends.source import NUMPY, Source
from gradc.ir import Graph
from gradc.ops.base import Op


@functools.lru_cache(maxsize=4096)
def _compiled(source: str) -> CodeType:
    return compile(source, "<gradc generated>", "exec")


def function(graph: Graph) -> Callable[..., Any]:
    """The graph as a NumPy function of arrays that returns a tuple of arrays. Its `source` is what it is made of."""
    source = Source(NUMPY)
    text = source.function(graph, comments=False)
    names = {"__name__": "gradc.generated", "np": np, "ml_dtypes": ml_dtypes, "special": _special, **source.kernels}
    exec(_compiled(text), names)
    made: Callable[..., Any] = names[graph.name]
    made.source = text  # type: ignore[attr-defined]
    return made


class _Special:
    """scipy.special, imported when a kernel first asks for it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(Op.namespace.special, name)


_special = _Special()
