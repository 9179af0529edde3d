"""`compile(check="each")`: what each pass made of a graph is run beside what it was given, on the inputs of the call.

Where the numbers differ, the pass is named, the rule and the node by which it changed them, and a folder that has the
graphs as text, the arrays, and a program that shows the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc import locations
from gradc.compiler.reproduction import save
from gradc.errors import CheckError
from gradc.ir import OPS, Graph, Node, Operand, Program, Value, flatten, users
from gradc.ir.traits import is_free
from gradc.passes.dce import dce
from gradc.passes.order import rules_of
from gradc.passes.pipeline import Pass
from gradc.passes.rewriting import Finder, Rule, Site
from gradc.passes.simplify import simplify
from gradc.tensor import Tensor, wrap

Stage = tuple[str, "Pass | None", "Graph | Program"]
"""A stage's name, the pass that made it if it is one of graphs, and what it made."""

TOLERANCE = {"float64": 1e-8, "complex128": 1e-8, "float32": 1e-3, "complex64": 1e-3}
"""How far results may be apart, as a part of the largest: passes round differently. Half precision 0.05, else 0."""


class Checked:
    """A lowered function that checks at every call all the stages it came from, and its own results."""

    def __init__(self, lowered: Any, stages: Sequence[Stage], cotangents: Sequence[Value]) -> None:
        self.lowered = lowered
        self.stages = stages
        self.cotangents = cotangents

    def __call__(self, *arrays: Any) -> Any:
        inputs = [wrap(np.array(x)) for x in arrays]  # the program may take over the memory of the arrays
        random = np.random.default_rng(0)
        cotangents = [wrap(np.asarray(random.standard_normal(v.shape)).astype(v.dtype.numpy)) for v in self.cotangents]
        found = check_stages(self.stages, [*inputs, *cotangents])
        outputs = self.lowered(*arrays)
        end = len(found) - len(self.cotangents)
        name, _, graph = self.stages[-1]
        if isinstance(graph, Graph):
            for i, (ours, theirs) in enumerate(zip(found[:end], outputs, strict=False)):
                if ours is not None and (problem := difference(ours, np.asarray(theirs))):
                    raise CheckError(f"check: the lowered program gives another output {i} of {graph.name} than the "
                                     f"interpreter does after {name}: {problem}{locations.quote(graph.loc)}")
        return outputs

    def __getattr__(self, name: str) -> Any:
        return getattr(self.lowered, name)


def check_stages(stages: Sequence[Stage], inputs: Sequence[Tensor]) -> list[Any]:
    """The outputs of the last stage.

    Raises CheckError, for the first pass that changed what the function computes for these inputs.
    """
    before, outputs = stages[0][2], outputs_of(stages[0][2], inputs)
    for name, function, after in stages[1:]:
        found = outputs_of(after, inputs)
        if first_difference(outputs, found) is not None:
            raise CheckError(_located(name, function, before, after, inputs))
        before, outputs = after, found
    return outputs


def outputs_of(graph: Graph | Program, inputs: Sequence[Tensor]) -> list[Any]:
    """The outputs of a graph as arrays, in the order of the joint graph for a program; None for one that is none."""
    with np.errstate(all="ignore"):
        made: Any = graph(*inputs)  # type: ignore[operator]
    outputs = made if isinstance(made, tuple) else (made,)
    return [np.asarray(x._array) if isinstance(x, Tensor) else x for x in outputs]


def first_difference(before: Sequence[Any], after: Sequence[Any]) -> int | None:
    """The number of the first output that differs."""
    if len(before) != len(after):
        return min(len(before), len(after))
    return next((i for i, (a, b) in enumerate(zip(before, after, strict=True)) if difference(a, b)), None)


def difference(before: Any, after: Any) -> str | None:
    """What is different in two arrays by more than rounding; a number in the place of inf or nan is an improvement."""
    if not isinstance(before, np.ndarray) or not isinstance(after, np.ndarray):
        return None if np.array_equal(before, after) else f"{before} became {after}"
    if before.shape != after.shape or before.dtype != after.dtype:
        return f"{before.dtype}{list(before.shape)} became {after.dtype}{list(after.shape)}"
    if before.dtype.kind in "biu":
        wrong = before != after
    else:
        a, b = (x if x.dtype.kind in "fc" else x.astype(np.float32) for x in (before, after))
        wrong = _apart(a, b, TOLERANCE.get(str(before.dtype), 0.05))
    if not wrong.any():
        return None
    at = tuple(map(int, np.argwhere(wrong)[0]))
    return f"{before[at]!s} became {after[at]!s}{f' at {list(at)}' if at else ''}, " \
           f"{int(wrong.sum())} of {before.size} elements"


def _apart(before: NDArray[Any], after: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    """Where two arrays of floats differ by more than rounding."""
    finite = np.isfinite(before)
    scale = np.abs(before[finite]).max(initial=0.0)
    with np.errstate(all="ignore"):
        near = np.abs(before - after) <= tolerance * scale
    return np.asarray(np.where(finite, ~near, ~np.isfinite(after) & (np.nan_to_num(before) != np.nan_to_num(after))))


# Where it happened


def _located(name: str, function: Pass | None, before: Any, after: Any, inputs: Sequence[Tensor]) -> str:
    """The message about a pass that changed what a graph computes, down to rule and node; leaves a reproduction."""
    if isinstance(before, Program):
        before, after, inputs = _part(before, after, inputs)
    old, new = outputs_of(before, inputs), outputs_of(after, inputs)
    number = first_difference(old, new) or 0
    rule: str | None = None
    node: Node | None = None
    table = rules_of(function) if isinstance(after, Graph) else None
    if table is not None:
        rule, node, before, after = _bisected(table, before, after, inputs)
    elif isinstance(after, Graph) and function is not None:
        node = _node_of_gradient(function, before, inputs) or _node_that_differs(before, after, inputs)
    if isinstance(after, Graph):
        before, after = _sliced(before, number), _sliced(after, number)
    folder = save(name, before, after, inputs)
    what = difference(old[number], new[number]) if number < min(len(old), len(new)) else "their number changed"
    where = node.loc if node is not None else (after.loc if isinstance(after, Graph) else after.forward.loc)
    lines = [f"check: {name} changed output {number} of {before.name}: {what}"]
    lines += [f"    rule  {rule}"] if rule else []
    lines += [f"    node  {node}"] if node is not None else []
    lines += [f"    reproduction  {folder}/check.py"]
    return "\n".join(lines) + locations.quote(where)


def _part(before: Program, after: Any, inputs: Sequence[Tensor]) -> tuple[Graph, Graph, Sequence[Tensor]]:
    """The part of a program that a pass changed, with its inputs."""
    count = len(before.forward.inputs)
    given = list(inputs[:count])
    found = outputs_of(before.forward, given)
    if first_difference(found, outputs_of(after.forward, given)) is not None:
        return before.forward, after.forward, given
    saved = [wrap(x) for x in found[len(found) - before.forward.saved :]] if before.forward.saved else []
    return before.backward, after.backward, [*saved, *inputs[count:]]


def _bisected(table: Sequence[Rule], before: Graph, after: Graph,
              inputs: Sequence[Tensor]) -> tuple[str | None, Node | None, Graph, Graph]:
    """The rule and the node whose rewriting changes the outputs, and the graphs just before and after that."""
    counted = _Counted(table)
    expected = outputs_of(before, inputs)

    def graph_of(count: int) -> Graph:
        counted.left = count
        return simplify(before, counted.rules)

    good, bad = 0, counted.count(before)
    while bad - good > 1:
        middle = (good + bad) // 2
        if first_difference(expected, outputs_of(graph_of(middle), inputs)) is None:
            good = middle
        else:
            bad = middle
    last = graph_of(bad)
    if counted.last is None or first_difference(expected, outputs_of(last, inputs)) is None:
        return None, None, before, after
    rule, node = counted.last
    return rule.name, node, graph_of(good), last


class _Counted:
    """Rules that apply only so many times, all together, and remember where the last one did."""

    def __init__(self, table: Sequence[Rule]) -> None:
        self.left = 0
        self.last: tuple[Rule, Node] | None = None
        self.rules = [replace(rule, make=self._made(rule)) for rule in table]

    def count(self, graph: Graph) -> int:
        """How often the rules apply to a graph."""
        self.left = most = 1 << 60
        simplify(graph, self.rules)
        return most - self.left

    def _made(self, rule: Rule) -> Callable[[], Finder]:
        finder = rule.finder

        def apply(site: Site) -> Operand | None:
            if self.left <= 0:
                return None
            found = finder.apply(site)
            if found is not None:
                self.left -= 1
                self.last = rule, site.node
            return found

        return lambda: Finder(finder.root, finder.reads, apply)


def _node_that_differs(before: Graph, after: Graph, inputs: Sequence[Tensor]) -> Node | None:
    """The first node whose result has another value than the value of the same name had before the pass."""
    old, new = (_values(graph, inputs) for graph in (before, after))
    for node in flatten(after).nodes:
        for value in node.outputs:
            if value.name in old and difference(old[value.name], new[value.name]):
                return node
    return None


def _values(graph: Graph, inputs: Sequence[Tensor]) -> dict[str, Any]:
    """The arrays of all values that a graph computes, by their names."""
    flat = flatten(graph)
    nodes = tuple([node for node in flat.nodes if not is_free(node)])
    values = [value for node in nodes for value in node.outputs]
    if not values:
        return {}
    probe = flat.replace(nodes=nodes, outputs=tuple(values), updates=(), saved=0)
    return dict(zip([value.name for value in values], outputs_of(probe, inputs), strict=True))


def _node_of_gradient(function: Pass, before: Graph, inputs: Sequence[Tensor]) -> Node | None:
    """The node whose gradient a pass gets wrong: that of its result is right, and that of an operand is not."""
    for position, node in enumerate(before.nodes):
        if node.op is not OPS["gradient"]:
            continue
        of = node.attrs["of"]
        seeds = of if node.attrs.get("seeded") else 0
        earlier = before.nodes[:position]
        known = [v for v in before.inputs if v not in node.inputs[of : of + seeds]]
        wanted = [v for v in [*known, *(v for n in earlier for v in n.outputs)] if v.dtype.is_differentiable]
        results = tuple([Value(f"probed[{i}]", v.type) for i, v in enumerate(wanted)])
        probe = Node(node.op, (*node.inputs[: of + seeds], *wanted), node.attrs, results, node.loc)
        graph = before.replace(nodes=(*earlier, probe), outputs=results, updates=(), saved=0)
        old, new = outputs_of(graph, inputs), outputs_of(function(graph), inputs)
        wrong = [v for v, a, b in zip(wanted, old, new, strict=True) if difference(a, b)]
        if wrong:
            readers = [n for n in users(before).get(wrong[-1], []) if n in earlier]
            return readers[-1] if readers else None
    return None


def _sliced(graph: Graph, number: int) -> Graph:
    """The part of a graph that computes one of its outputs."""
    if number >= len(graph.outputs):
        return graph
    return dce(flatten(graph).replace(outputs=(graph.outputs[number],), updates=(), saved=0))
