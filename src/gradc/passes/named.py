"""The regions of a graph that compute a function with a name: softmax, layer_norm, attention and others.

A composite that was opened, or written out by hand, is recognised by its structure. What to look for is not listed
here: it is what the function itself becomes when the passes open it.
"""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gradc import dtypes
from gradc.ir import OPS, Graph, Node, Operand, Type, Value
from gradc.ops.activation import log_softmax, softmax
from gradc.ops.loss import cross_entropy
from gradc.ops.normalization import layer_norm
from gradc.ops.products import matmul
from gradc.ops.reduction import Reduction
from gradc.passes.cse import cse
from gradc.passes.dce import dce
from gradc.passes.decompose import decompose
from gradc.passes.simplify import simplify
from gradc.tracing import Tracer

MATRIX, VECTOR, LABELS = Type(dtypes.float32, (6, 5)), Type(dtypes.float32, (5,)), Type(dtypes.int64, (6,))
SQUARE = Type(dtypes.float32, (6, 6))

FUNCTIONS: tuple[tuple[str, Callable[..., Any], tuple[Type, ...]], ...] = (
    ("attention", lambda q, k, v: matmul(softmax(matmul(q, k) * 0.3, 1), v), (SQUARE, SQUARE, SQUARE)),
    ("attention", lambda q, k, v: matmul(softmax(matmul(q, k) / 0.3, 1), v), (SQUARE, SQUARE, SQUARE)),
    ("attention", lambda q, k, v: matmul(softmax(matmul(q, k), 1), v), (SQUARE, SQUARE, SQUARE)),
    ("cross_entropy", lambda x, labels: cross_entropy(x, labels), (MATRIX, LABELS)),
    ("layer_norm", lambda x, weight, bias: layer_norm(x, (5,), weight, bias), (MATRIX, VECTOR, VECTOR)),
    ("layer_norm", lambda x: layer_norm(x, (5,)), (MATRIX,)),
    ("log_softmax", lambda x: log_softmax(x, 1), (MATRIX,)),
    ("softmax", lambda x: softmax(x, 1), (MATRIX,)),
)
"""The functions that are looked for, with examples of their operands; one that contains another stands before it."""


def named(nodes: Sequence[Node], kept: Sequence[Operand], skipped: str = "") -> list[Node]:
    """The nodes, with a block for each part that computes one of the functions, where its first node stood.

    `kept` are the values that are read elsewhere; the function `skipped` is not looked for. What a part reads is made
    before its first node, so no two blocks need each other.
    """
    if not any(isinstance(node.op, Reduction) for node in nodes):
        return list(nodes)  # every one of the functions has some
    place = {value: i for i, node in enumerate(nodes) for value in node.outputs}
    by_op: dict[str, list[int]] = {}
    for i, node in enumerate(nodes):
        by_op.setdefault(node.op.name, []).append(i)
    block_of: dict[int, str] = {}
    members: list[tuple[str, list[int]]] = []
    for name, pattern in _patterns():
        if name == skipped or not all(op in by_op for op in pattern.ops):
            continue
        for i in by_op[pattern.root.op.name]:
            found = pattern.match(i, nodes, place)
            if found and block_of.keys().isdisjoint(found) and _starts_ready(found, nodes, place):
                block_of.update(dict.fromkeys(found, name))
                members.append((name, found))
    return list(_blocks(nodes, kept, block_of, members)) if members else list(nodes)


def _blocks(nodes: Sequence[Node], kept: Sequence[Operand], taken: Mapping[int, str],
            members: Sequence[tuple[str, list[int]]]) -> Iterator[Node]:
    readers: dict[Operand, list[int]] = {}
    for i, node in enumerate(nodes):
        for x in node.inputs:
            readers.setdefault(x, []).append(i)
    starting = {found[0]: (name, found) for name, found in members}
    returned = set(kept)
    for i, node in enumerate(nodes):
        if i in starting:
            name, found = starting[i]
            own = set(found)
            outside = {v for j in found for v in nodes[j].outputs
                       if v in returned or any(r not in own for r in readers.get(v, ()))}
            inside: Sequence[Node] = [nodes[j] for j in found]
            if name == "attention":  # the softmax in it keeps its name
                inside = named(inside, tuple(outside), name)
            yield block(inside, name, outside, f"the ops of {name}")
        elif i not in taken:
            yield node


def block(inside: Sequence[Node], name: str, outside: set[Any], reason: str = "") -> Node:
    """One node for several: it reads what they read from elsewhere and gives what is read elsewhere."""
    made = {value for node in inside for value in node.outputs}
    inputs = tuple(dict.fromkeys(x for node in inside for x in node.inputs if isinstance(x, Value) and x not in made))
    outputs = tuple(value for node in inside for value in node.outputs if value in outside)
    loc = inside[-1].loc.because(reason) if reason else inside[-1].loc
    kind = OPS["pointwise" if name.startswith("pointwise") else "fused"]
    return Node(kind, inputs, {}, outputs, loc, (Graph(name, inputs, tuple(inside), outputs),))


def _starts_ready(found: Sequence[int], nodes: Sequence[Node], place: Mapping[Any, int]) -> bool:
    """Whether all that the nodes read from elsewhere is made before the first of them."""
    own = set(found)
    return all([j < found[0] or j in own for i in found for x in nodes[i].inputs
                if (j := place.get(x)) is not None])


class _Pattern:
    """A function as the nodes it becomes. Its inputs stand for any values, its numbers for any numbers."""

    def __init__(self, graph: Graph) -> None:
        self.nodes = graph.nodes
        self.made = {value: node for node in graph.nodes for value in node.outputs}
        self.root = self.made[graph.outputs[0]]  # type: ignore[index]
        self.ops = {node.op.name for node in graph.nodes}

    def match(self, root: int, nodes: Sequence[Node], place: Mapping[Any, int]) -> list[int] | None:
        """The positions of the nodes that compute the function and end with the one at `root`; None if they do not."""
        values: dict[Any, Any] = {}
        attributes: dict[Any, Any] = {}
        found: set[int] = set()
        waiting = [(self.root, root)]
        while waiting:
            wanted, i = waiting.pop()
            node = nodes[i]
            if node.op is not wanted.op or len(node.inputs) != len(wanted.inputs) or node.regions:
                return None
            if not _agree(wanted.attrs, node.attrs, attributes):
                return None
            found.add(i)
            for x, y in zip(wanted.inputs, node.inputs, strict=True):
                if isinstance(x, Value) is not isinstance(y, Value):
                    return None
                if not isinstance(x, Value):
                    continue
                if x in values:
                    if values[x] is not y:
                        return None
                    continue
                values[x] = y
                if x in self.made:
                    j = place.get(y)
                    if j is None:
                        return None
                    waiting.append((self.made[x], j))
        return sorted(found) if len(found) == len(self.nodes) else None


def _agree(wanted: Mapping[str, Any], given: Mapping[str, Any], attributes: dict[Any, Any]) -> bool:
    """Whether attributes that are equal in the pattern are equal here; dimensions and types may be others."""
    for name, value in wanted.items():
        if attributes.setdefault((name, value), given[name]) != given[name]:
            return False
        if isinstance(value, bool) and value is not given[name]:
            return False
    return True


@functools.cache
def _patterns() -> tuple[tuple[str, _Pattern], ...]:
    """The functions as patterns, opened and simplified; made at the first use, because tracing takes a while."""
    found: dict[str, tuple[str, _Pattern]] = {}
    for name, function, types in FUNCTIONS:
        tracer = Tracer()
        operands = [tracer.input(type, f"x{i}") for i, type in enumerate(types)]
        with tracer.on(grad=False):
            result = function(*operands)
        opened = decompose(tracer.graph(name, (result,)))
        for graph in (opened, dce(cse(simplify(opened)))):
            found.setdefault(str(graph), (name, _Pattern(graph)))
    return tuple(found.values())
