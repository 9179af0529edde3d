"""What passes that make new nodes share: recording gradc functions into a graph under construction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from gradc.ir import Graph, Location, Node, Operand, Value, values
from gradc.tensor import Tensor
from gradc.tracing import Tracer


class Builder(Tracer):
    """A graph in the making from another one: nodes are kept, replaced, or recorded by calling gradc functions.

    `mapping` leads from values of the old graph to what stands for them in the new one.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph.loc, taken=(v.name for v in values(graph)))
        self.source = graph
        self.inputs = list(graph.inputs)
        self.mapping: dict[Value, Operand] = {}

    def current(self, operand: Operand) -> Operand:
        """What an operand of the old graph is in the new one."""
        mapping = self.mapping
        while operand in mapping:
            operand = mapping[operand]  # type: ignore[index]
        return operand

    def keep(self, node: Node) -> Node:
        """Append a node of the old graph, reading what its operands have become."""
        inputs = tuple([self.current(x) for x in node.inputs])
        if any([a is not b for a, b in zip(inputs, node.inputs, strict=True)]):
            node = node.replace(inputs=inputs)
        self.nodes.append(node)
        return node

    def run(self, function: Callable[..., Any], operands: Sequence[Operand], location: Location,
            attrs: dict[str, Any] | None = None) -> tuple[Operand, ...]:
        """Record a gradc function of these operands; its nodes stand at `location`. Returns its results."""
        given = [self.tensor(x) if isinstance(x, Value) else x for x in operands]
        with self.at(location), self.on(grad=False):
            made = function(*given, **(attrs or {}))
        parts = made if isinstance(made, tuple) else (made,)
        return tuple(self.read(x) if isinstance(x, Tensor) else x for x in parts)

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
        outputs = tuple([self.current(x) for x in changes.pop("outputs", self.source.outputs)])
        return self.source.replace(inputs=tuple(self.inputs), nodes=tuple(self.nodes), outputs=outputs, **changes)


def renamed(value: Value, name: str) -> None:
    """Give a value that a builder has just made its final name."""
    object.__setattr__(value, "name", name)
