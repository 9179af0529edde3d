"""What a user chooses for a compiled function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradc.backends.jax import Lowered
from gradc.backends.program import NumpyProgram
from gradc.ir import Graph


@dataclass(frozen=True)
class Options:
    """The choices of `compile`, which every program of the function is made by.

    `passes` are the user's own, each a function of graphs, or a pair of where it goes and the function;
    `memory_budget` is in bytes; `compiler_options` are XLA's; `check` is None or "each"; `backend` "xla" or "numpy".
    """

    fullgraph: bool = False
    passes: tuple[Any, ...] = ()
    memory_budget: int | None = None
    compiler_options: Mapping[str, Any] = field(default_factory=dict)
    check: str | None = None
    backend: str = "xla"

    def lower(self, graph: Graph, donate: Sequence[int] = ()) -> Any:
        """A graph as a program of the backend; `donate` are the inputs whose memory XLA may give to results."""
        return NumpyProgram(graph) if self.backend == "numpy" else Lowered(graph, donate, self.compiler_options)


DEFAULT = Options()
