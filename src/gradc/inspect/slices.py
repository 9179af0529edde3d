"""The part of a graph that computes certain values."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from gradc.errors import ArgumentError
from gradc.ir import Graph, Node, Program, Value, flatten, values, verify
from gradc.ir.traits import is_free


def slice_for(graph: Graph | Program, names: str | Iterable[str]) -> Graph:
    """The nodes of `graph` that the values called `names` need, as a graph that takes what they need and returns them.

    Fused blocks are opened, so that nothing comes along but what is needed. Of a program split into forward and
    backward, the part that defines the values is sliced.

    Raises ArgumentError for a name that no value has.
    """
    wanted = [names] if isinstance(names, str) else list(names)
    parts = [graph] if isinstance(graph, Graph) else [graph.backward, graph.forward]
    for part in parts:
        named = {value.name: value for value in values(part)}
        if all(name in named for name in wanted):
            return _slice(flatten(part), [named[name] for name in wanted])
    known = [value.name for part in parts for value in values(part)]
    missing = next((name for name in wanted if name not in known), wanted[0])
    close = difflib.get_close_matches(missing, known, 3)
    raise ArgumentError(f"slice_for: {graph.name} has no value {missing!r}"
                        + (f"; did you mean {', '.join(close)}?" if close else ""))


def _slice(graph: Graph, outputs: list[Value]) -> Graph:
    needed = set(outputs)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if not is_free(node) and not needed.isdisjoint(node.outputs):
            kept.append(node)
            needed.update(node.reads)
    made = graph.replace(inputs=tuple(v for v in graph.inputs if v in needed), nodes=tuple(reversed(kept)),
                         outputs=tuple(outputs), updates=(), saved=0, history=(*graph.history, "slice"))
    verify(made)
    return made
