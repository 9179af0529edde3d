"""simplify: apply the rewrite rules until none applies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter

from gradc.ir import Graph, Node, Operand, Value, everywhere
from gradc.passes.building import Builder, renamed
from gradc.passes.dce import dce
from gradc.passes.rewriting import Finder, Rule, Site, reads
from gradc.passes.rules import RULES
from gradc.passes.templates import Templates

Entry = tuple[int, Finder]
RuleTable = dict[str, dict[object, list[Entry]]]
"""What looks for rules, with their places, by the op of the node that they look at and by one thing that it reads."""


@everywhere
def simplify(graph: Graph, rules: Iterable[Rule] = RULES) -> Graph:
    """Replace nodes by what the rules say equals them, and drop what that leaves unused.

    A rule looks at a node and at what made its operands. So one walk in program order is enough: what a rule records
    is tried at once, and readers come later and see what their operands have become.
    """
    table = by_root(tuple(rules))
    builder = Builder(graph)
    templates = Templates(builder)
    made: dict[Operand, Node] = {}
    changed = False
    for node in graph.nodes:
        changed |= _settle(node, builder, made, table, templates)
    return dce(builder.finish()) if changed else graph


@lru_cache(16)
def by_root(rules: tuple[Rule, ...]) -> RuleTable:
    """The rules in a table. A node is held only against rules whose op and one of whose operands it has."""
    table: RuleTable = {}
    for place, rule in enumerate(rules):
        finder = rule.finder
        key = min(finder.reads, key=str) if finder.reads else _ANYTHING
        table.setdefault(finder.root, {}).setdefault(key, []).append((place, finder))
    return table


_ANYTHING = object()


def _settle(node: Node, builder: Builder, made: dict[Operand, Node], table: RuleTable, templates: Templates) -> bool:
    """Append a node, or what the rules make of it; whether any rule applied."""
    waiting = [node]
    applied = 0
    while waiting:
        kept = builder.keep(waiting.pop())
        start = len(builder.nodes)
        rules = table.get(kept.op.name)
        found = _rewritten(kept, builder, made, rules, templates) if rules and applied < LONGEST_CHAIN else None
        if found is None:
            for value in kept.outputs:
                made[value] = kept
            continue
        applied += 1
        recorded = builder.nodes[start:]
        del builder.nodes[start - 1 :]
        if any(found in new.outputs for new in recorded):
            renamed(found, kept.outputs[0].name)
        builder.mapping[kept.outputs[0]] = found
        waiting.extend(reversed(recorded))
    return applied > 0


LONGEST_CHAIN = 100
"""Rules only make a graph smaller or move it toward a normal form; this ends the work of a table that does not."""


def _rewritten(node: Node, builder: Builder, made: dict[Operand, Node],
               rules: Mapping[object, Sequence[Entry]], templates: Templates) -> Value | None:
    """What the first rule that applies says equals the node."""
    found = reads(node, made)
    keyed = [entry for key in (_ANYTHING, *found) if key in rules for entry in rules[key]]
    if not keyed:
        return None
    site, start = Site(node, builder, made, templates), len(builder.nodes)
    for _, finder in sorted(keyed, key=itemgetter(0)) if len(keyed) > 1 else keyed:
        if not finder.reads <= found:
            continue
        result = finder.apply(site)
        if isinstance(result, Value) and result.type == node.outputs[0].type:
            return result
        del builder.nodes[start:]  # the sides differ in type here: x * 1 may promote or broadcast
    return None
