"""The text of a graph: Python, one line a node, that parses back (parse.py) and runs.

    def loss(x: f32[4, 3], w: f32[3]):  # gradc · train.py:7 · simplify cse
        z: f32[4] = matmul(x, w)           # train.py:8
        with pointwise_0(z) as neg_0:      # train.py:9
            neg_0: f32[4] = neg(z)         # train.py:9 ~grad
        del z
        return neg_0, updates(w=w_1), saved(x, z)

A node of several results binds one tuple, `max_0: (f32[3], i64[3]) = ...`, whose parts are the values `max_0[0]` and
`max_0[1]`. A fused block is a `with` in the scope of its graph; every other region is a nested `def` with its own.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gradc.ir import literals
from gradc.ir.graph import Graph, Node, Operand, Program, Value
from gradc.ir.traits import defaults, is_block, is_free
from gradc.ir.types import SCALARS
from gradc.locations import UNKNOWN

WORDS = frozenset([*keyword.kwlist, *SCALARS, "inf", "nan", "slice", "complex", "array", "updates", "saved"])
"""Words with a meaning of their own in the text, which no value may have as its name."""

MARK = "gradc"
"""The first word of the comment on the head of a graph."""

_NOWHERE = str(UNKNOWN)
_COMMENT_COLUMN = 72  # comments are lined up left of it; a line of code that is longer has its comment right behind
_PART = re.compile(r"(.+)\[(\d+)\]")


@dataclass(slots=True)
class Row:
    """One line of a text. `owner` is the node that it shows, or the graph whose head or return it is."""

    code: str
    comment: str
    owner: Node | Graph | None

    @property
    def text(self) -> str:
        return f"{self.code}  # {self.comment}" if self.comment else self.code


def to_text(graph: Graph | Program) -> str:
    """The graph as Python text, for which `parse(to_text(graph)) == graph`.

    A graph that is not well formed prints as well, though its text may not parse.
    """
    return "\n".join(row.text for row in rows(graph))


def rows(graph: Graph | Program) -> list[Row]:
    """The lines of a graph's text, each with the node or graph it belongs to."""
    if isinstance(graph, Graph):
        return _graph_rows(graph, 0, _header(graph))
    forward, backward = _header(graph.forward), _header(graph.backward)
    return [
        Row(f"class {graph.name}:", forward, None),
        *_graph_rows(graph.forward, 1, ""),
        Row("", "", None),
        *_graph_rows(graph.backward, 1, "" if backward == forward else backward or MARK),
    ]


def is_name(word: str) -> bool:
    """Whether Python reads the word as a name, and as this one: it folds some letters of other scripts into others."""
    return (word.isidentifier() and not keyword.iskeyword(word)
            and (word.isascii() or unicodedata.normalize("NFKC", word) == word))


def part(name: str) -> tuple[str, int] | None:
    """Base and index of a name like `max_0[1]`, a part of a tuple; None for a plain name."""
    found = _PART.fullmatch(name) if name.endswith("]") else None
    return (found[1], int(found[2])) if found else None


def _whole(value: Value) -> str:
    """The name of a value, of a part of a tuple that of the tuple."""
    found = part(value.name)
    return found[0] if found else value.name


def operand(x: Operand) -> str:
    """The text of an operand: a name, a number or None."""
    return x.name if isinstance(x, Value) else literals.text(x)


def statement(node: Node) -> str:
    """The line that a node prints as, without its comment; of a fused block, the `with` line."""
    if is_block(node):
        region = node.regions[0]
        call = f"{region.name}({', '.join(_arguments(node))})"
        return f"with {call} as {_targets(region.outputs)}:" if region.outputs else f"with {call}:"
    if is_free(node):
        return f"del {', '.join(dict.fromkeys(map(_whole, node.reads)))}"
    call = f"{node.op.name}({', '.join([*(region.name for region in node.regions), *_arguments(node)])})"
    if not node.outputs:
        return call
    if len(node.outputs) == 1 and not part(node.outputs[0].name):
        return f"{node.outputs[0].name}: {node.outputs[0].type} = {call}"
    types = ", ".join(str(value.type) for value in node.outputs)
    return f"{_base(node.outputs)}: ({types}{',' * (len(node.outputs) == 1)}) = {call}"


def _graph_rows(graph: Graph, depth: int, header: str) -> list[Row]:
    """A function definition, its comments in one column."""
    indent = "    " * depth
    inputs = ", ".join(map(repr, graph.inputs))
    body = [*_body(graph.nodes, indent + "    "), Row(f"{indent}    {_return(graph)}", "", graph)]
    return [Row(f"{indent}def {graph.name}({inputs}):", header, graph), *_aligned(body)]


def _body(nodes: Iterable[Node], indent: str) -> Iterator[Row]:
    for node in nodes:
        if is_block(node):
            yield Row(indent + statement(node), _where(node), node)
            inner = node.regions[0].nodes
            yield from _body(inner, indent + "    ") if inner else [Row(f"{indent}    pass", "", None)]
        else:
            yield from _definitions(node, indent)
            yield Row(indent + statement(node), _where(node), node)


def _definitions(node: Node, indent: str) -> Iterator[Row]:
    """The closed regions of a node: finished text with a column of its own, so its comments move into the code."""
    for region in {region.name: region for region in node.regions}.values():
        for row in _graph_rows(region, len(indent) // 4, _header(region)):
            yield Row(row.text, "", row.owner)


def _aligned(body: list[Row]) -> list[Row]:
    """Pad the code so that the comments start in one column."""
    lengths = [len(row.code) for row in body if row.comment]
    column = max((length for length in lengths if length + 2 <= _COMMENT_COLUMN), default=0)
    for row in body:
        if row.comment:
            row.code = row.code.ljust(column)
    return body


def _header(graph: Graph) -> str:
    """The comment on the head of a graph: where it was written and which passes made it."""
    parts = [where] if (where := _where(graph)) else []
    if graph.history:
        parts.append(" ".join(graph.history))
    return " · ".join([MARK, *parts]) if parts else ""


def _where(owner: Node | Graph) -> str:
    """The location as a comment, empty when it is unknown."""
    where = str(owner.loc)
    return "" if where == _NOWHERE else where


def _arguments(node: Node) -> list[str]:
    """Operands, then the attributes that differ from their defaults as keywords."""
    standard = defaults(node.op)
    return [
        *map(operand, node.inputs),
        *(f"{name}={literals.text(value)}" for name, value in node.attrs.items()
          if name not in standard or not literals.same(value, standard[name])),
    ]


def _targets(outputs: tuple[Operand, ...]) -> str:
    names = ", ".join(map(operand, outputs))
    return names if len(outputs) == 1 else f"({names})"


def _base(outputs: tuple[Value, ...]) -> str:
    """The name of the tuple whose parts are the outputs; names that are no parts are listed, to show the fault."""
    names = [value.name for value in outputs]
    first = part(names[0])
    if first and names == [f"{first[0]}[{index}]" for index in range(len(names))]:
        return first[0]
    return ", ".join(names)


def _return(graph: Graph) -> str:
    """The last line: results, then updates, then saved values."""
    items = [operand(x) for x in graph.results]
    if graph.updates:
        updates = zip(graph.updates, graph.updated, strict=False)
        items.append(f"updates({', '.join(f'{state.name}={operand(new)}' for state, new in updates)})")
    if graph.saved:
        items.append(f"saved({', '.join(map(operand, graph.saved_values))})")
    return f"return {', '.join(items)}" if items else "return"
