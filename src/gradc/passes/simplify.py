"""simplify: apply the rewrite rules until none applies."""

from __future__ import annotations

from collections.abc import Iterable

from gradc.ir import Graph, Node, Value
from gradc.passes.building import Builder
from gradc.passes.dce import dce
from gradc.passes.rewriting import Rule, Site
from gradc.passes.rules import RULES

ROUNDS = 8
"""Rules only ever make a graph smaller or move it toward a normal form; real graphs settle in two or three rounds."""


def simplify(graph: Graph, rules: Iterable[Rule] = RULES) -> Graph:
    """Replace nodes by what the rules say equals them, and drop what that leaves unused."""
    by_root: dict[str, list[Rule]] = {}
    for rule in rules:
        by_root.setdefault(rule.root, []).append(rule)
    for _ in range(ROUNDS):
        simpler = _once(graph, by_root)
        if simpler is graph:
            break
        graph = dce(simpler)
    return graph


def _once(graph: Graph, by_root: dict[str, list[Rule]]) -> Graph:
    builder = Builder(graph)
    made: dict[Value, Node] = {}
    changed = False
    for node in graph.nodes:
        kept = builder.keep(node)
        start = len(builder.nodes)
        for rule in by_root.get(kept.op.name, ()):
            found = rule.apply(Site(kept, builder, made))
            if found is None:
                continue
            if getattr(found, "type", None) == kept.outputs[0].type:
                del builder.nodes[start - 1]
                builder.replace(kept, [found], start - 1)
                changed = True
                break
            del builder.nodes[start:]  # the sides differ in type here: x * 1 may promote or broadcast
        for new in builder.nodes[start - 1 :]:
            made.update((value, new) for value in new.outputs)
    return builder.finish() if changed else graph
