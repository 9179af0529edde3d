"""What a function records for operands of some types, kept as a template, and filled in for others of the same types.

Formulas and the right sides of rules are functions of what is known of their operands: types, numbers, attributes, and
which of them are the same. A graph has few such signatures and many nodes. So each is recorded once, by running the
function, and copied from then on, which takes a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradc.ir import Location, Node, Operand, Value
from gradc.passes.building import Builder
from gradc.passes.cse import identity


@dataclass(frozen=True, slots=True)
class _Slot:
    """The place of a value: among the operands of a template, or behind them, of what its nodes make."""

    place: int


@dataclass(frozen=True, slots=True)
class _Template:
    """Nodes whose operands, and results of which, are places."""

    nodes: tuple[tuple[Node, tuple[Any, ...]], ...]
    results: tuple[Any, ...]

    @staticmethod
    def of(nodes: Sequence[Node], operands: Sequence[Operand], results: Sequence[Operand]) -> _Template | None:
        """The template of what was recorded; None if it reads more than the operands, or has regions."""
        places: dict[Operand, _Slot] = {}
        for i, x in enumerate(operands):
            if isinstance(x, Value):
                places.setdefault(x, _Slot(i))
        count = len(operands)
        kept: list[tuple[Node, tuple[Any, ...]]] = []
        for node in nodes:
            if node.regions or any(isinstance(x, Value) and x not in places for x in node.inputs):
                return None
            kept.append((node, tuple([places.get(x, x) for x in node.inputs])))
            for value in node.outputs:
                places[value] = _Slot(count)
                count += 1
        if any(isinstance(x, Value) and x not in places for x in results):
            return None
        return _Template(tuple(kept), tuple([places.get(x, x) for x in results]))

    def fill(self, builder: Builder, operands: Sequence[Operand], location: Location) -> list[Operand]:
        """Append the nodes with these operands. Returns the results."""
        values: list[Any] = list(operands)
        for like, inputs in self.nodes:
            name = builder.name(like.op.name)
            types = [value.type for value in like.outputs]
            if len(types) == 1:
                outputs: tuple[Value, ...] = (Value(name, types[0]),)
            else:
                outputs = tuple([Value(f"{name}[{i}]", type) for i, type in enumerate(types)])
            read = tuple([values[x.place] if x.__class__ is _Slot else x for x in inputs])
            builder.nodes.append(Node(like.op, read, like.attrs, outputs, location))
            values += outputs
        return [values[x.place] if x.__class__ is _Slot else x for x in self.results]


class Templates:
    """The templates of one pass over a graph, by signature."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self._made: dict[Hashable, _Template | None] = {}

    def record(self, what: Hashable, operands: Sequence[Operand], attrs: Mapping[str, Any], location: Location,
               make: Callable[[], Sequence[Operand]]) -> Sequence[Operand]:
        """What `make` records and returns; copied, where it has recorded before for operands of these types.

        `what` stands for all else that it depends on.
        """
        key = what, _signature(operands), tuple([(name, identity(x)) for name, x in attrs.items()]) if attrs else ()
        template = self._made.get(key)
        if template is not None:
            return template.fill(self.builder, operands, location)
        start = len(self.builder.nodes)
        results = make()
        if key not in self._made:
            self._made[key] = _Template.of(self.builder.nodes[start:], operands, results)
        return results


def _signature(operands: Sequence[Operand]) -> Hashable:
    """What is known of operands: the types of values, or which earlier one each is; and numbers."""
    first: dict[Value, int] = {}
    found: list[Hashable] = []
    for i, x in enumerate(operands):
        if isinstance(x, Value):
            place = first.setdefault(x, i)
            found.append(x.type if place == i else place)
        else:
            found.append(None if x is None else identity(x))
    return tuple(found)
