"""Rewrite rules: theorems whose two sides are gradc functions, and how they are found in a graph.

    rule("log_sigmoid", lambda x: log(sigmoid(x)), lambda x: -softplus(-x), error="2 ulp")

The left side is traced into a pattern: its parameters stand for any operand, its numbers for themselves. What a
pattern cannot say, because attributes take part, is a function of the node: see `rewrite`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradc import dtypes
from gradc.ir import UNKNOWN, Node, Operand, Type, Value
from gradc.passes.building import Builder
from gradc.passes.cse import identity
from gradc.tracing import Tracer

Rewrite = Callable[["Site"], Operand | None]


@dataclass(frozen=True)
class Rule:
    """A theorem: what `apply` finds at a node of op `root` equals the node.

    `reads` must be among the node's operands for the rule to be tried: numbers, and names of the ops that made them.
    `left` and `right` are the two sides where they are functions. `error` states how far their values may be apart
    (None: not at all), or the right side from the exact value where it is the better one; `only` for which values the
    rule holds; both in words that the test suite knows. `fast` marks a rule that needs fast-math and is off by default.
    """

    name: str
    root: str
    apply: Rewrite
    reads: frozenset[object] = frozenset()
    left: Callable[..., Any] | None = None
    right: Callable[..., Any] | None = None
    error: str | None = None
    only: str | None = None
    fast: bool = False


@dataclass(slots=True)
class Site:
    """A node that a rule looks at, in the graph under construction; `made` leads from values to their nodes."""

    node: Node
    builder: Builder
    made: dict[Operand, Node]

    def producer(self, operand: Operand, op: str | None = None) -> Node | None:
        """The node that made an operand, if there is one and it is of the op named."""
        node = self.made.get(operand)
        return node if node is not None and (op is None or node.op.name == op) else None

    def record(self, rule: str, function: Callable[..., Any], *operands: Operand, **attrs: Any) -> Operand:
        """Record a gradc function of operands here; the nodes say that `rule` made them."""
        return self.builder.run(function, operands, self.node.loc.because(rule), attrs)[0]


def reads(node: Node, made: Mapping[Operand, Node]) -> set[object]:
    """The numbers among the operands of a node, and the names of the ops that made the others."""
    found: set[object] = set()
    for x in node.inputs:
        inner = made.get(x)
        if inner is not None:
            found.add(inner.op.name)
        elif not isinstance(x, Value):
            found.add(x)
    return found


def rule(name: str, left: Callable[..., Any], right: Callable[..., Any], *, error: str | None = None,
         only: str | None = None, fast: bool = False) -> Rule:
    """The rule that `left` equals `right`, two gradc functions of the same parameters.

    A parameter called `condition` is a tensor of bools, any other one a tensor of floats or a number.
    """
    pattern = _Pattern.of(left)

    def apply(site: Site) -> Operand | None:
        operands = pattern.match(site)
        return None if operands is None else site.record(name, right, *operands)

    return Rule(name, pattern.root.op.name, apply, pattern.reads(), left, right, error, only, fast)


def rewrite(root: str, of: str | None = None, *, error: str | None = None, only: str | None = None,
            fast: bool = False) -> Callable[[Rewrite], Rule]:
    """Make a function that looks at a node of op `root`, reading a result of op `of`, a rule.

    The function returns what equals the node, or None.
    """
    def made(function: Rewrite) -> Rule:
        needed: frozenset[object] = frozenset() if of is None else frozenset({of})
        return Rule(function.__name__, root, function, needed, error=error, only=only, fast=fast)

    return made


@dataclass
class _Pattern:
    """The left side of a rule as nodes; `variables` are its parameters."""

    root: Node
    variables: list[Value]
    made: dict[Value, Node]

    @staticmethod
    def of(left: Callable[..., Any]) -> _Pattern:
        tracer = Tracer(UNKNOWN)
        names = list(inspect.signature(left).parameters)
        kinds = [dtypes.bool_ if name == "condition" else dtypes.float32 for name in names]
        parameters = [tracer.input(Type(kind), name) for kind, name in zip(kinds, names, strict=True)]
        with tracer.on():
            left(*parameters)
        made = {value: node for node in tracer.nodes for value in node.outputs}
        return _Pattern(tracer.nodes[-1], tracer.inputs, made)

    def reads(self) -> frozenset[object]:
        """What the operands of a node must be for the pattern to fit; see `reads`."""
        return frozenset(self.made[x].op.name if isinstance(x, Value) else x for x in self.root.inputs
                         if x not in self.variables)

    def match(self, site: Site) -> list[Operand] | None:
        """The operands that the parameters stand for, in their order, if the pattern is found at the site."""
        bound: dict[Value, Operand] = {}
        if not self._match_node(self.root, site.node, site, bound):
            return None
        return [bound[value] for value in self.variables]

    def _match_node(self, pattern: Node, node: Node, site: Site, bound: dict[Value, Operand]) -> bool:
        if pattern.op is not node.op or pattern.attrs != node.attrs:
            return False
        orders: list[Sequence[Operand]] = [node.inputs]
        if getattr(pattern.op, "commutative", False):
            orders.append(node.inputs[::-1])
        for operands in orders:
            attempt = dict(bound)
            if all(self._match(p, x, site, attempt) for p, x in zip(pattern.inputs, operands, strict=True)):
                bound.clear()
                bound.update(attempt)
                return True
        return False

    def _match(self, pattern: Operand, operand: Operand, site: Site, bound: dict[Value, Operand]) -> bool:
        if not isinstance(pattern, Value):
            return not isinstance(operand, Value) and type(operand) in _NUMBERS and operand == pattern \
                and (operand != 0 or str(operand)[0] != "-")
        if pattern in self.variables:
            return identity(bound.setdefault(pattern, operand)) == identity(operand)
        node = site.producer(operand)
        return node is not None and self._match_node(self.made[pattern], node, site, bound)


_NUMBERS = (int, float)
