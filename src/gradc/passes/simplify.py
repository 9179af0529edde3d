"""simplify: apply the rewrite rules until none applies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from gradc import locations
from gradc.errors import ArgumentError
from gradc.ir import UNKNOWN, Graph, Node, Operand, Value, everywhere, opening
from gradc.passes.building import Builder, renamed
from gradc.passes.dce import dce
from gradc.passes.decompose import decompose
from gradc.passes.rewriting import Finder, Rule, Site, examples, reads, theorem
from gradc.passes.rules import RULES
from gradc.passes.templates import Templates
from gradc.tensor import Tensor
from gradc.tracing import Tracer

Entry = tuple[int, Finder]
RuleTable = dict[str, dict[object, list[Entry]]]
"""What looks for rules, with their places, by the op of the node that they look at and by one thing that it reads."""


@opening
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


def rule(name: str, left: Callable[..., Any], right: Callable[..., Any], *, error: str | None = None,
         only: str | None = None, kinds: str = "floats", when: Callable[..., bool] | None = None,
         unless: str | None = None) -> Rule:
    """The rule that `left` equals `right`, two gradc functions of the same parameters.

    A parameter called `condition` or `other` is a tensor of bools, `a` or `b` a number, any other one a tensor of
    floats or a number. Keyword-only parameters are attributes, whatever they are; their defaults are an example. A rule
    whose name starts with `fast_` is off by default.

    Raises ArgumentError where the two sides make no rule, or one that applies to its own right side without end.
    """
    made = theorem(name, left, right, error=error, only=only, kinds=kinds, when=when, unless=unless)
    assert made.finder
    check_end(made, left, right)
    return made


def check_end(made: Rule, left: Callable[..., Any], right: Callable[..., Any]) -> None:
    """Raise ArgumentError if a rule still applies after the longest chain of applications to its own right side."""
    tracer = Tracer(UNKNOWN)
    operands, attrs = examples(left, tracer)
    shown = [tracer.read(x) if isinstance(x, Tensor) else x for x in operands]
    if made.when is not None and not made.when(*shown, **attrs):
        return  # the example says nothing of this rule
    with tracer.on():
        result = right(*operands, **attrs)
    applied: list[Value] = []

    def apply(site: Site) -> Operand | None:
        found = made.finder.apply(site)
        applied.extend(() if found is None else site.node.outputs)
        return found

    counted = Rule(made.name, lambda: Finder(made.root, made.reads, apply))
    simplify(decompose(tracer.graph(made.name, (result,))), [counted])
    if len(applied) >= LONGEST_CHAIN:
        raise ArgumentError(
            f"rule {made.name}: the right side contains the left side, so that the rule applies to what it has made, "
            f"without end{locations.quote(locations.here())}\n    Exchange the two sides, or say with when=… or "
            f"unless=… which operands it is not for.")
