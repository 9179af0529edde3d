"""rematerialise: compute values of the forward part again in the backward part, instead of keeping them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gradc.ir import OPS, Graph, Memory, Node, Operand, Value, fresh_names, names
from gradc.ir.memory import owners
from gradc.ir.traits import is_view


@dataclass(frozen=True)
class Plan:
    """How much is computed again.

    What stands before the peak is cut into `segments`, of which the first `again` keep only what leads to the next.
    """

    segments: int
    again: int


def rematerialise(graph: Graph, plan: Plan) -> Graph:
    """The graph with segments of what stands before its peak computed once more, each just before it is read.

    A segment starts again from what was alive where it began, behind an `optimization_barrier`: without that, XLA
    would find that the two are equal and keep the first. The barrier also waits for a value of the part that reads
    the segment, so that nothing is computed again before its time.

    Source  Chen et al., Training Deep Nets with Sublinear Memory Cost (2016)
    """
    return Rematerialisation(graph).graph(plan)


@dataclass(frozen=True, eq=False)
class _Segment:
    """The values to be computed again, the nodes that do, in order, and the values that they start from."""

    again: set[Value]
    nodes: tuple[Node, ...]
    given: tuple[Value, ...]


class Rematerialisation:
    """What plans for one graph have in common: positions are those of its nodes, `peak` is where most is alive."""

    def __init__(self, graph: Graph) -> None:
        self.source = graph
        self.nodes = graph.nodes
        self.peak = _peak(graph)
        self.born = {value: i for i, node in enumerate(graph.nodes) for value in node.outputs}
        self.outputs = set(graph.outputs)
        self.sooner, self.later = self._last(0, self.peak + 1), self._last(self.peak + 1, len(graph.nodes))
        self.crossing = self._crossing()
        self.alive = self._alive_in_forward()

    def graph(self, plan: Plan) -> Graph:
        """The graph that a plan leads to."""
        bounds = self._bounds(plan.segments)
        found = [self._segment(start, end) for start, end in zip([-1, *bounds], [*bounds, self.peak - 1], strict=True)]
        self.name = fresh_names(names(self.source))
        return self.source.replace(nodes=tuple(self._emit([each for each in found if each.again][: plan.again])))

    def _last(self, start: int, end: int) -> dict[Value, int]:
        """The position of the last reader of each value among some nodes."""
        return {x: i for i in range(start, end) for x in self.nodes[i].reads}

    def _crossing(self) -> set[Value]:
        """The values that are made up to the peak, read behind it, not returned, and not in the memory of inputs."""
        owner = owners(self.source)
        return {x for x in self.later.keys() - self.outputs
                if self.born.get(x, self.peak) < self.peak and owner[x] in self.born}

    def _bounds(self, segments: int) -> list[int]:
        """Positions that cut what stands before the peak into parts with equal bytes, where little leads across."""
        taken: list[int] = []
        total = 0
        for node in self.nodes[: self.peak + 1]:
            total += sum(v.type.nbytes for v in node.outputs if v in self.crossing)
            taken.append(total)
        bounds: list[int] = []
        for j in range(1, segments):
            low, ideal, high = [total * (j + shift) / segments for shift in (-0.5, 0, 0.5)]
            near = [i for i in range(self.peak) if low <= taken[i] <= high and i > (bounds[-1] if bounds else -1)]
            if near:
                bounds.append(min(near, key=lambda i: (self.alive[i], abs(taken[i] - ideal))))
        return bounds

    def _alive_in_forward(self) -> list[int]:
        """The bytes that lead from the nodes up to each position to those behind it, before the peak."""
        change = [0] * (self.peak + 2)
        for value, end in self.sooner.items():
            if value in self.born:
                change[self.born[value]] += value.type.nbytes
                change[end] -= value.type.nbytes
        alive: list[int] = []
        held = 0
        for each in change:
            held += each
            alive.append(held)
        return alive

    def _segment(self, start: int, end: int) -> _Segment:
        """What is to be computed again of the nodes behind `start` up to `end`: all that no later segment needs."""
        again = {v for node in self.nodes[start + 1 : end + 1] if _is_repeatable(node) for v in node.outputs
                 if v in self.crossing and self.sooner.get(v, -1) <= end}
        positions: set[int] = set()
        given: dict[Value, None] = {}
        pending = [*again]
        while pending:
            i = self.born[pending.pop()]
            if i in positions:
                continue
            positions.add(i)
            for x in self.nodes[i].reads:
                maker = self.born.get(x, -1)
                if maker <= start or not _is_repeatable(self.nodes[maker]) or x in self.crossing and x not in again:
                    given[x] = None
                else:
                    pending.append(x)
        return _Segment(again, tuple([self.nodes[i] for i in sorted(positions)]), tuple(given))

    def _emit(self, segments: Sequence[_Segment]) -> list[Node]:
        """The nodes, with those of each segment again in front of the first reader behind the peak."""
        segment_of = {v: segment for segment in segments for v in segment.again}
        current: dict[Operand, Operand] = {}
        nodes = [*self.nodes[: self.peak + 1]]
        done: set[_Segment] = set()
        for i in range(self.peak + 1, len(self.nodes)):
            node = self.nodes[i]
            for segment in dict.fromkeys(segment_of[x] for x in node.reads if x in segment_of):
                if segment not in done:
                    done.add(segment)
                    nodes += self._again(segment, self._trigger(i), current)
            if not current.keys().isdisjoint(node.inputs):
                node = node.replace(inputs=tuple([current.get(x, x) for x in node.inputs]))
            nodes.append(node)
        return nodes

    def _trigger(self, position: int) -> Value | None:
        """The youngest value made behind the peak and before `position` that something behind reads; not a view."""
        made = (v for i in range(position - 1, self.peak, -1) if not is_view(self.nodes[i])
                for v in self.nodes[i].outputs)
        return next((v for v in made if self.later.get(v, -1) >= position), None)

    def _again(self, segment: _Segment, trigger: Value | None, current: dict[Operand, Operand]) -> list[Node]:
        """The barrier and the nodes of a segment again; `current` learns what stands for what they make."""
        held = [*segment.given, *([] if trigger is None else [trigger])]
        barrier = self.name("optimization_barrier")
        behind = tuple([Value(f"{barrier}[{i}]", v.type) for i, v in enumerate(held)])
        inside: dict[Operand, Operand] = dict(zip(held, behind, strict=True))
        nodes = [Node(OPS["optimization_barrier"], tuple([current.get(v, v) for v in held]), {}, behind,
                      segment.nodes[0].loc.because("rematerialise"))]
        for node in segment.nodes:
            made = _renamed(node, self.name)
            nodes.append(node.replace(inputs=tuple([inside.get(x, x) for x in node.inputs]), outputs=made,
                                      loc=node.loc.because("rematerialise")))
            inside.update(zip(node.outputs, made, strict=True))
        current.update((v, inside[v]) for v in segment.again)
        if trigger is not None:
            current[trigger] = inside[trigger]
        return nodes


def _peak(graph: Graph) -> int:
    """The position of the node after which most is alive that will be read, and not only returned."""
    return Memory(graph.replace(outputs=(), updates=(), saved=0)).position


def _is_repeatable(node: Node) -> bool:
    """Whether a node may run twice."""
    return not node.op.effect and not node.regions


def _renamed(node: Node, name: Callable[[str], str]) -> tuple[Value, ...]:
    """New values for the results of a node; the parts of a tuple keep one name."""
    made: dict[str, str] = {}
    values: list[Value] = []
    for value in node.outputs:
        base, bracket, index = value.name.partition("[")
        if base not in made:
            made[base] = name(base)
        values.append(Value(f"{made[base]}{bracket}{index}", value.type))
    return tuple(values)
