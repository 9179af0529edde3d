"""simplify: apply the rewrite rules until none applies."""

from __future__ import annotations

from collections.abc import Iterable

from gradc.ir import Graph, Node, Value
from gradc.passes.building import Builder, renamed
from gradc.passes.dce import dce
from gradc.passes.rewriting import Rule, Site
from gradc.passes.rules import RULES

RuleTable = dict[str, list[Rule]]


def simplify(graph: Graph, rules: Iterable[Rule] = RULES) -> Graph:
    """Replace nodes by what the rules say equals them, and drop what that leaves unused.

    A rule looks at a node and at what made its operands. So one walk in program order is enough: what a rule records
    is tried at once, and readers come later and see what their operands have become.
    """
    table = by_root(rules)
    builder = Builder(graph)
    made: dict[Value, Node] = {}
    changed = False
    for node in graph.nodes:
        changed |= _settle(node, builder, made, table)
    return dce(builder.finish()) if changed else graph


def by_root(rules: Iterable[Rule]) -> RuleTable:
    """The rules by the op of the node that they look at."""
    table: RuleTable = {}
    for rule in rules:
        table.setdefault(rule.root, []).append(rule)
    return table


def _settle(node: Node, builder: Builder, made: dict[Value, Node], table: RuleTable) -> bool:
    """Append a node, or what the rules make of it; whether any rule applied."""
    waiting = [node]
    applied = 0
    while waiting:
        kept = builder.keep(waiting.pop())
        start = len(builder.nodes)
        found = _rewritten(kept, builder, made, table) if applied < LONGEST_CHAIN else None
        if found is None:
            made.update((value, kept) for value in kept.outputs)
            continue
        applied += 1
        recorded = builder.nodes[start:]
        del builder.nodes[start - 1 :]
        if isinstance(found, Value) and any(found in new.outputs for new in recorded):
            renamed(found, kept.outputs[0].name)
        builder.mapping[kept.outputs[0]] = found
        waiting.extend(reversed(recorded))
    return applied > 0


LONGEST_CHAIN = 100
"""Rules only make a graph smaller or move it toward a normal form; this ends the work of a table that does not."""


def _rewritten(node: Node, builder: Builder, made: dict[Value, Node], table: RuleTable) -> object | None:
    """What the first rule that applies says equals the node."""
    rules = table.get(node.op.name)
    if not rules:
        return None
    site = Site(node, builder, made)
    reads = site.reads()
    for rule in rules:
        if not rule.reads <= reads:
            continue
        start = len(builder.nodes)
        found = rule.apply(site)
        if found is not None and getattr(found, "type", None) == node.outputs[0].type:
            return found
        del builder.nodes[start:]  # the sides differ in type here: x * 1 may promote or broadcast
    return None
