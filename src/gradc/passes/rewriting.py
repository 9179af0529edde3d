"""Rewrite rules: theorems whose two sides are gradc functions, and how they are found in a graph.

    rule("log_sigmoid", lambda x: log(sigmoid(x)), lambda x: -softplus(-x), error="2 ulp")

The left side is traced into a pattern: its parameters stand for any operand, its numbers for themselves. What a
pattern cannot say, because attributes take part, is a function of the node: see `rewrite`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType
from typing import Any, cast

from gradc import dtypes
from gradc.errors import ArgumentError
from gradc.ir import UNKNOWN, Location, Node, Operand, Type, Value
from gradc.ir.text import is_name
from gradc.passes.building import Builder
from gradc.passes.cse import identity
from gradc.passes.decompose import composite, decompose
from gradc.passes.templates import Templates
from gradc.tensor import Tensor
from gradc.tracing import Tracer

Rewrite = Callable[["Site"], Operand | None]


@dataclass(frozen=True, eq=False)
class Rule:
    """A theorem: what its finder finds at a node of op `root` equals the node.

    `left` and `right` are the two sides where they are functions. `error` states how far their values may be apart
    (None: not at all), or the right side from the exact value where it is the better one; `only` for which values the
    rule holds; both in words that the test suite knows. `kinds` are the categories of dtypes that it holds for.
    `when` says of the operands and attributes whether it holds; the first operand must not be made by the op `unless`,
    which keeps a rule from its own right side.
    """

    name: str
    make: Callable[[], Finder]
    left: Callable[..., Any] | None = None
    right: Callable[..., Any] | None = None
    error: str | None = None
    only: str | None = None
    kinds: str = "floats"
    when: Callable[..., bool] | None = None
    unless: str | None = None

    @cached_property
    def finder(self) -> Finder:
        """What looks for the rule; made at the first use, since tracing all left sides takes a while."""
        return self.make()

    @property
    def root(self) -> str:
        """The op of the nodes that the rule looks at."""
        return self.finder.root

    @property
    def reads(self) -> frozenset[object]:
        """What must be among a node's operands for the rule to be tried: numbers, and the ops that made others."""
        return self.finder.reads

    @property
    def fast(self) -> bool:
        """Whether the rule needs fast-math, being wrong for some infinities, nans or zeros: it is off by default."""
        return self.name.startswith("fast_")


@dataclass(frozen=True)
class Finder:
    """What looks for a rule at a node: `apply` gives what equals the node, or None."""

    root: str
    reads: frozenset[object]
    apply: Rewrite


@dataclass(slots=True)
class Site:
    """A node that a rule looks at, in the graph under construction; `made` leads from values to their nodes."""

    node: Node
    builder: Builder
    made: dict[Operand, Node]
    templates: Templates

    def producer(self, operand: Operand, op: str | None = None) -> Node | None:
        """The node that made an operand, if there is one and it is of the op named."""
        node = self.made.get(operand)
        return node if node is not None and (op is None or node.op.name == op) else None

    def record(self, rule: str, function: Callable[..., Any], *operands: Operand, **attrs: Any) -> Operand:
        """Record a gradc function of operands here; the nodes say that `rule` made them."""
        builder, location = self.builder, self.node.loc.because(rule)

        def run() -> tuple[Operand]:
            since = len(builder.nodes)
            result, = builder.run(function, operands, location, attrs)
            while any(composite(node.op) for node in builder.nodes[since:]):  # rules are for graphs of kernels
                result = _opened(builder, since, result, location)
            return (result,)

        result, = self.templates.record(_what(function), operands, attrs, location, run)
        return result


def _what(function: Callable[..., Any]) -> Hashable:
    """What a function does, apart from its arguments: rules make the same lambda anew at every node."""
    if not isinstance(function, FunctionType):
        return function
    held = [cell.cell_contents for cell in function.__closure__ or ()] + [*(function.__defaults__ or ())]
    if not all(isinstance(x, Hashable) for x in held):
        return function
    return function.__code__, tuple(map(identity, held))


def _opened(builder: Builder, since: int, result: Operand, location: Location) -> Operand:
    """Replace the composites among the last nodes of a graph by what they are made of, once."""
    nodes = builder.nodes[since:]
    inside: dict[Operand, Operand] = {}
    del builder.nodes[since:]
    for node in nodes:
        node = node.replace(inputs=tuple([inside.get(x, x) for x in node.inputs]))
        if composite(node.op):
            parts = builder.run(node.op.decompose, node.inputs, location, node.attrs)
            inside.update(zip(node.outputs, parts, strict=True))
        else:
            builder.nodes.append(node)
    return inside.get(result, result)


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


def theorem(name: str, left: Callable[..., Any], right: Callable[..., Any], *, error: str | None = None,
            only: str | None = None, kinds: str = "floats", when: Callable[..., bool] | None = None,
            unless: str | None = None) -> Rule:
    """The rule that `left` equals `right`, two gradc functions of the same parameters.

    A parameter called `condition` or `other` is a tensor of bools, `a` or `b` a number, any other one a tensor of
    floats or a number. Keyword-only parameters are attributes, whatever they are; their defaults are an example. A rule
    whose name starts with `fast_` is off by default. The left side is traced when it is first looked for.
    """
    def make() -> Finder:
        pattern = _Pattern.of(name, left, right)

        def apply(site: Site) -> Operand | None:
            found = pattern.match(site)
            if found is None or not _holds(found, KINDS[kinds], when):
                return None
            operands, attrs = found
            if unless is not None and site.producer(operands[0], unless) is not None:
                return None
            return site.record(name, right, *operands, **attrs)

        return Finder(pattern.root.op.name, pattern.reads(), apply)

    return Rule(name, make, left, right, error, only, kinds, when, unless)


Match = tuple[list[Operand], dict[str, Any]]

KINDS = {"floats": (dtypes.FLOAT,), "reals": (dtypes.BOOL, dtypes.INT, dtypes.FLOAT),
         "numbers": (dtypes.BOOL, dtypes.INT, dtypes.FLOAT, dtypes.COMPLEX)}
"""The categories of dtypes that a rule may hold for, by the word."""


def _holds(found: Match, kinds: tuple[int, ...], when: Callable[..., bool] | None) -> bool:
    """Whether a rule holds for these operands and attributes."""
    operands, attrs = found
    for x in operands:
        if isinstance(x, Value):
            if x.dtype.category not in kinds and x.dtype is not dtypes.bool_:
                return False
        elif isinstance(x, complex) and dtypes.COMPLEX not in kinds:
            return False
    return when is None or when(*operands, **attrs)


def rewrite(root: str, of: str | None = None, *, error: str | None = None,
            only: str | None = None) -> Callable[[Rewrite], Rule]:
    """Make a function that looks at a node of op `root`, reading a result of op `of`, a rule.

    The function returns what equals the node, or None.
    """
    def made(function: Rewrite) -> Rule:
        needed: frozenset[object] = frozenset() if of is None else frozenset({of})
        return Rule(function.__name__, lambda: Finder(root, needed, function), error=error, only=only, kinds="numbers")

    return made


@dataclass
class _Pattern:
    """The left side of a rule as nodes: `variables` are its parameters, numbers too, `attrs` examples of attributes."""

    root: Node
    variables: list[Operand]
    made: dict[Value, Node]
    attrs: Mapping[str, Any]

    @staticmethod
    def of(name: str, left: Callable[..., Any], right: Callable[..., Any]) -> _Pattern:
        """The pattern of a rule's left side.

        Raises ArgumentError where the two sides make no rule.
        """
        tracer = Tracer(UNKNOWN)
        names = list(inspect.signature(left).parameters)
        if not is_name(name):
            raise ArgumentError(f"rule: the name {name!r} is to be one word, which the text of graphs shows")
        if names != list(inspect.signature(right).parameters):
            raise ArgumentError(f"rule {name}: the two sides are functions of the same parameters, and not of "
                                f"({', '.join(names)}) and ({', '.join(inspect.signature(right).parameters)})")
        given, attrs = examples(left, tracer)
        with tracer.on():
            result = left(*given)
        if not isinstance(result, Tensor) or tracer.read(result) in tracer.inputs:
            raise ArgumentError(f"rule {name}: the left side is to be an expression of ops, and one tensor")
        graph = decompose(tracer.graph(name, (result,)))
        made = {value: node for node in graph.nodes for value in node.outputs}
        root = made[cast(Value, graph.outputs[0])]
        variables = [tracer.read(x) if isinstance(x, Tensor) else x for x in given]
        used = {x for node in graph.nodes for x in node.inputs}
        used |= {attr for node in graph.nodes for attr in node.attrs}
        if len(root.outputs) != 1 or not used.issuperset([*variables, *attrs]):
            raise ArgumentError(f"rule {name}: the left side is to be an expression of ops that reads all of "
                                f"({', '.join(names)}) and gives one tensor")
        return _Pattern(root, variables, made, attrs)

    def reads(self) -> frozenset[object]:
        """What the operands of a node must be for the pattern to fit; see `reads`."""
        return frozenset(self.made[x].op.name if isinstance(x, Value) else x for x in self.root.inputs
                         if x not in self.variables)

    def match(self, site: Site) -> Match | None:
        """What the parameters stand for, in their order, and the attributes, if the pattern is found at the site."""
        bound: dict[object, Any] = {}
        if not self._match_node(self.root, site.node, site, bound):
            return None
        return [bound[x] for x in self.variables], {name: bound[name] for name in self.attrs}

    def _match_node(self, pattern: Node, node: Node, site: Site, bound: dict[object, Any]) -> bool:
        if pattern.op is not node.op or len(pattern.inputs) != len(node.inputs) \
                or not self._match_attrs(pattern, node, bound):
            return False
        for operands in (node.inputs, node.inputs[::-1]) if pattern.op.commutative else (node.inputs,):
            attempt = dict(bound)
            for p, x in zip(pattern.inputs, operands, strict=True):
                if not self._match(p, x, site, attempt):
                    break
            else:
                bound.update(attempt)
                return True
        return False

    def _match_attrs(self, pattern: Node, node: Node, bound: dict[object, Any]) -> bool:
        """Whether the attributes are those of the pattern; what the pattern has from its example may be anything."""
        if not pattern.attrs and not node.attrs:
            return True
        if pattern.attrs.keys() != node.attrs.keys():
            return False
        for name, x in node.attrs.items():
            expected = pattern.attrs[name]
            if name in self.attrs and expected == self.attrs[name]:
                expected = bound.setdefault(name, x)
            if expected is not x and identity(expected) != identity(x):
                return False
        return True

    def _match(self, pattern: Operand, operand: Operand, site: Site, bound: dict[object, Any]) -> bool:
        if not isinstance(pattern, Value):
            if type(operand) not in (int, float) or isinstance(operand, Value):
                return pattern is None and operand is None
            if pattern in self.variables:
                return identity(bound.setdefault(pattern, operand)) == identity(operand)
            return operand == pattern and (operand != 0 or str(operand)[0] != "-")
        if pattern in self.variables:
            return operand is not None and identity(bound.setdefault(pattern, operand)) == identity(operand)
        node = site.producer(operand)
        return node is not None and self._match_node(self.made[pattern], node, site, bound)


def examples(left: Callable[..., Any], tracer: Tracer) -> tuple[list[Any], dict[str, Any]]:
    """What a side of a rule is traced with: an input or a number for each operand, and the attributes."""
    parameters = inspect.signature(left).parameters
    attrs = {name: parameter.default for name, parameter in parameters.items()
             if parameter.kind is parameter.KEYWORD_ONLY}
    return [NUMBERS[n] if n in NUMBERS else tracer.input(Type(_kind(n), (3, 3)), n)
            for n in parameters if n not in attrs], attrs


def alike(*operands: Any, **attrs: Any) -> bool:
    """Whether all operands that are tensors have one shape; work on one that is broadcast is cheap as it stands."""
    return len({tuple(x.shape) for x in operands if not isinstance(x, (int, float))}) == 1


NUMBERS = {"a": 7.25, "b": 11.75}
"""The parameters that stand for numbers, and the number that stands for each in a pattern."""


def _kind(name: str) -> dtypes.dtype:
    """The element type of the operand that a parameter stands for in a pattern."""
    return dtypes.bool_ if name in ("condition", "other") else dtypes.float32
