"""What passes that make new nodes share: recording gradc functions into a graph under construction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from gradc.ir import Graph, Location, Node, Operand, Value, fresh_names, names
from gradc.modes import Modes, enter
from gradc.tensor import Tensor
from gradc.tracing import Tracer


class Builder(Tracer):
    """A graph in the making from another one: nodes are kept, replaced, or recorded by calling gradc functions.

    `mapping` leads from values of the old graph to what stands for them in the new one.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph.loc)
        self.source = graph
        self.inputs = list(graph.inputs)
        self.mapping: dict[Operand, Operand] = {}
        self.name = self._first_name
        self._modes = Modes(False, self)

    def _first_name(self, base: str) -> str:
        """A name that is not taken. Most graphs that a pass looks at need none, so the names are gathered here."""
        self.name = fresh_names(names(self.source))
        return self.name(base)

    def current(self, operand: Operand) -> Operand:
        """What an operand of the old graph is in the new one."""
        mapping = self.mapping
        while operand in mapping:
            operand = mapping[operand]
        return operand

    def keep(self, node: Node) -> Node:
        """Append a node of the old graph, reading what its operands have become."""
        if not self.mapping.keys().isdisjoint(node.inputs):
            inputs = tuple([self.current(x) for x in node.inputs])
            node = Node(node.op, inputs, node.attrs, node.outputs, node.loc, node.regions)
        self.nodes.append(node)
        return node

    def differentiable(self, on: bool) -> None:
        """Whether what is recorded will be differentiated: a formula may ask by the grad mode, as in eager mode."""
        self._modes = Modes(on, self)

    def call(self, location: Location, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function, recording what it does at `location`."""
        modes, place = enter(self._modes), self.location
        self.location = location
        try:
            return function(*args, **kwargs)
        finally:
            self.location = place
            enter(modes)

    def run(self, function: Callable[..., Any], operands: Sequence[Operand], location: Location,
            attrs: Mapping[str, Any] | None = None) -> tuple[Operand, ...]:
        """Record a gradc function of these operands; its nodes stand at `location`. Returns its results."""
        given = [self.tensor(x) if isinstance(x, Value) else x for x in operands]
        made = self.call(location, function, *given, **(attrs or {}))
        parts = cast("tuple[Any, ...]", made if isinstance(made, tuple) else (made,))
        return tuple([self.read(x) if isinstance(x, Tensor) else x for x in parts])

    def inline(self, graph: Graph, operands: Iterable[Operand], reason: str | None = None) -> dict[Operand, Operand]:
        """Append the nodes of a region, called with these operands. Returns what its values are in this graph."""
        inside: dict[Operand, Operand] = dict(zip(graph.inputs, operands, strict=True))
        for node in graph.nodes:
            made: dict[str, str] = {}
            for value in node.outputs:
                base, bracket, index = value.name.partition("[")
                if base not in made:
                    made[base] = self.name(base)
                inside[value] = Value(f"{made[base]}{bracket}{index}", value.type)
            self.nodes.append(node.replace(
                inputs=tuple([inside[x] if isinstance(x, Value) else x for x in node.inputs]),
                outputs=tuple([cast(Value, inside[v]) for v in node.outputs]),
                regions=tuple([region.replace(name=self.name(region.name)) for region in node.regions]),
                loc=node.loc if reason is None else node.loc.because(reason)))
        return inside

    def replace(self, node: Node, results: Iterable[Operand], since: int) -> None:
        """Let `results` stand for those of a node that is not kept; what was made since node `since` takes its name."""
        made = {value for new in self.nodes[since:] for value in new.outputs}
        for old, new in zip(node.outputs, results, strict=True):
            if isinstance(new, Value) and new in made:
                renamed(new, old.name)
                made.discard(new)
            self.mapping[old] = new

    def finish(self, **changes: Any) -> Graph:
        """The new graph."""
        outputs = tuple(map(self.current, changes.pop("outputs", self.source.outputs)))
        return self.source.replace(inputs=tuple(self.inputs), nodes=tuple(self.nodes), outputs=outputs, **changes)


def renamed(value: Value, name: str) -> None:
    """Give a value that a builder has just made its final name; the parts of a tuple keep theirs, which go together."""
    if "[" not in name and "[" not in value.name:
        object.__setattr__(value, "name", name)
