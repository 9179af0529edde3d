"""The verifier: whether a graph is well formed. Its errors quote the text around the fault.

    verify: the graph says f32[4], but neg gives f32[3]

          def loss(x: f32[3]):
        >     neg_0: f32[4] = neg(x)  # train.py:8
              return neg_0
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NoReturn

from gradc.errors import VerifyError
from gradc.ir import literals, registry
from gradc.ir.equality import equal_graphs
from gradc.ir.graph import Graph, Node, Operand, Program, Value
from gradc.ir.text import WORDS, is_name, operand, part, rows
from gradc.ir.traits import is_block, is_free, kinds, region
from gradc.ir.types import Type

_AROUND = 2  # lines quoted before and after the fault
_HISTORY = re.compile(r"[^\s:·]+")


def verify(graph: Graph | Program) -> None:
    """Check that a graph is well formed.

    Every value is defined once, under a name of its own, before it is read and not read after it is freed; every node
    has the results, of the types, that its op infers; blocks say what they read; updates write inputs of their type.
    Raises VerifyError, which quotes the text around the fault.
    """
    if isinstance(graph, Program):
        _verify_program(graph)
    else:
        _Scope(graph, graph).check()


def _verify_program(program: Program) -> None:
    forward, backward = program.forward, program.backward
    if not is_name(program.name):
        _fail(program, forward, f"{program.name} cannot be the name of a program")
    for graph, name in ((forward, "forward"), (backward, "backward")):
        if graph.name != name:
            _fail(program, graph, f"the {name} graph of a program is called {name}, and not {graph.name}")
        _Scope(program, graph).check()
    saved = [x.type if isinstance(x, Value) else None for x in forward.saved_values]
    if saved != [value.type for value in backward.inputs[: len(saved)]]:
        _fail(program, backward, "the first inputs of backward are not of the types that forward saves")


def _fail(root: Graph | Program, at: Node | Graph, message: str, *, at_return: bool = False) -> NoReturn:
    """Raise with the lines around the fault. The line itself has a mark: of a graph its head, or its return."""
    lines = rows(root)
    faults = [i for i, row in enumerate(lines) if row.owner is at] or [0]
    fault = faults[-1] if at_return else faults[0]
    first = max(fault - _AROUND, 0)
    quoted = (f"{'>' if i == fault else ' '} {row.text}".rstrip()
              for i, row in enumerate(lines[first : fault + _AROUND + 1], first))
    raise VerifyError(f"verify: {message}\n\n    " + "\n    ".join(quoted))


class _Scope:
    """One function under check: the names and values defined so far and the values freed."""

    def __init__(self, root: Graph | Program, graph: Graph) -> None:
        self.root = root
        self.graph = graph
        self.names: set[str] = set()
        self.functions: set[str] = set()
        self.values: set[Value] = set()
        self.freed: set[Value] = set()
        self.tuples: dict[Value, tuple[Value, ...]] = {}

    def fail(self, at: Node | Graph, message: str) -> NoReturn:
        _fail(self.root, at, message)

    def fail_reading(self, at: Node | Graph, message: str) -> NoReturn:
        """A fault in what a node or, in its return, a graph reads."""
        _fail(self.root, at, message, at_return=isinstance(at, Graph))

    def check(self) -> None:
        graph = self.graph
        if not is_name(graph.name) or graph.name in WORDS:
            self.fail(graph, f"{graph.name} cannot be the name of a graph")
        for word in graph.history:
            if not _HISTORY.fullmatch(word):
                self.fail(graph, f"the history has {word!r}; it consists of single words without a colon")
        for value in graph.inputs:
            self.take_name(value.name, graph)
        self.define(graph.inputs, graph)
        visible = set(graph.inputs)
        self.nodes(graph.nodes, visible)
        self.reads(graph.outputs, graph, visible)
        self.updates_and_saved()

    def nodes(self, nodes: Iterable[Node], visible: set[Value]) -> None:
        """Check nodes in order. `visible` is what they may read, and grows by what they define."""
        for node in nodes:
            self.reads(node.inputs, node, visible)
            self.attributes(node)
            if is_free(node):
                self.free(node)
            elif is_block(node):
                self.block(node, node.regions[0])
            else:
                self.regions(node)
                self.result_names(node)
                self.result_types(node)
                self.define(node.outputs, node)
            visible.update(node.outputs)

    # What is read

    def reads(self, operands: Iterable[Operand], at: Node | Graph, visible: set[Value]) -> None:
        for x in operands:
            if not isinstance(x, Value):
                if x is not None and not literals.is_number(x):
                    self.fail_reading(at, f"{x!r} is not an operand; an operand is a value, a Python number or None")
            elif x in self.freed:
                self.fail_reading(at, f"{x.name} is read after it was freed")
            elif x not in visible:
                self.fail_reading(at, self.why_unseen(x))

    def why_unseen(self, value: Value) -> str:
        if value in self.values:
            return (f"{value.name} is not seen here: a block reads only its inputs and what it defines, and only its "
                    "results are read behind it")
        if value.name in self.names:
            return f"{value.name} is read, but it is another value than the one defined by this name"
        return f"{value.name} is read before it is defined"

    def attributes(self, node: Node) -> None:
        for name, value in node.attrs.items():
            if not is_name(name):
                self.fail(node, f"{name!r} cannot be the name of an attribute")
            if not literals.is_literal(value):
                self.fail(node, f"the attribute {name} of {node.op.name} is {value!r} of {type(value).__name__}, "
                                "which has no text")

    def free(self, node: Node) -> None:
        for value in node.reads:
            if value in self.freed:
                self.fail(node, f"{value.name} is freed twice")
            parts = self.tuples.get(value, (value,))
            start = node.inputs.index(parts[0]) if parts[0] in node.inputs else 0
            if node.inputs[start : start + len(parts)] != parts:
                self.fail(node, f"{value.name} is freed, but not its whole tuple in one row, as Python's `del` does")
            self.freed.add(value)

    # What is defined

    def take_name(self, name: str, at: Node | Graph) -> None:
        if not is_name(name) or name in WORDS:
            self.fail(at, f"{name} cannot be the name of a value")
        if name in registry.OPS:
            self.fail(at, f"{name} cannot be the name of a value: it is the name of an op")
        if name in self.names or name in self.functions:
            self.fail(at, f"the name {name} is defined twice")
        self.names.add(name)

    def define(self, values: Sequence[Value], at: Node | Graph) -> None:
        for value in values:
            if value in self.values:
                self.fail(at, f"{value.name} is defined twice")
            self.values.add(value)
            if value.name[-1:] == "]":
                self.tuples[value] = tuple(values)

    def result_names(self, node: Node) -> None:
        """The names of results are one plain name, or `base[0]`, `base[1]` and so on."""
        if not node.outputs:
            return
        names = [value.name for value in node.outputs]
        first = part(names[0])
        base = first[0] if first else names[0]
        if (first or len(names) > 1) and names != [f"{base}[{i}]" for i in range(len(names))]:
            self.fail(node, f"results {', '.join(names)} are not named {base}[0], {base}[1], ...")
        self.take_name(base, node)

    def result_types(self, node: Node) -> None:
        if node.op.name == "free":
            self.fail(node, "free takes values, at least one, and gives nothing")
        infer = getattr(node.op, "infer", None)
        if infer is None:
            return
        try:
            found: Type | tuple[Type, ...] = infer(*node.regions, *node.inputs, **node.attrs)
        except Exception as error:
            operands = ", ".join(repr(x) if isinstance(x, Value) else operand(x) for x in node.inputs)
            self.fail(node, f"{node.op.name} does not take ({operands}): {error}")
        written = tuple(value.type for value in node.outputs)
        inferred = found if isinstance(found, tuple) else (found,)
        if written != inferred:
            self.fail(node, f"the graph says {_types(written)}, but {node.op.name} gives {_types(inferred)}")
        if isinstance(found, tuple) and any(part(value.name) is None for value in node.outputs):
            self.fail(node, f"{node.op.name} gives a tuple, so its result is named {node.outputs[0].name}[0]")

    # Regions

    def block(self, node: Node, block: Graph) -> None:
        """A block reads its inputs and what it defines. Only its outputs are seen behind it."""
        if re.sub(r"_\d+$", "", block.name) not in kinds(node.op):
            self.fail(node, f"the block {block.name} is not named after its op, as {node.op.name}_0")
        if block.inputs != node.inputs or block.outputs != node.outputs:
            self.fail(node, "the inputs and outputs of the block are not the values of the node")
        if not all(isinstance(x, Value) for x in node.inputs):
            self.fail(node, "the inputs of a block are values; a number stands in the nodes that use it")
        if block.updates or block.saved:
            self.fail(node, "a block updates and saves nothing; the graph around it does")
        inner = set(block.inputs)
        self.nodes(block.nodes, inner)
        for value in node.outputs:
            if value not in inner or value in block.inputs:
                self.fail(node, f"{value.name} is a result of the block but is not defined in it")
        self.reads(node.outputs, node, inner)

    def regions(self, node: Node) -> None:
        """Closed regions are graphs of their own."""
        kind, count = region(node.op), len(node.regions)
        if kind is None and count:
            self.fail(node, f"{node.op.name} has no regions, but this node has {count}")
        if kind == "block":
            self.fail(node, f"{node.op.name} has one region, a block, but this node has {count}")
        if kind is not None and not count:
            self.fail(node, f"{node.op.name} has regions, but this node has none")
        named: dict[str, Graph] = {}
        for graph in node.regions:
            if graph.name in self.names:
                self.fail(node, f"the name {graph.name} is defined twice")
            if not equal_graphs(named.setdefault(graph.name, graph), graph):
                self.fail(node, f"two different regions are named {graph.name}")
            self.functions.add(graph.name)
            _Scope(self.root, graph).check()

    # Outputs

    def updates_and_saved(self) -> None:
        graph = self.graph
        if not 0 <= graph.saved <= len(graph.outputs) - len(graph.updates):
            self.fail_reading(graph, f"{graph.saved} values are saved and {len(graph.updates)} updated, "
                                     f"of {len(graph.outputs)} outputs")
        inputs = set(graph.inputs)
        for state, new in zip(graph.updates, graph.updated, strict=False):
            if state not in inputs:
                self.fail_reading(graph, f"{state.name} is updated but is no input of the graph")
            if not isinstance(new, Value) or new.type != state.type:
                self.fail_reading(graph, f"{state} cannot be updated by {new!r}: the types differ")
        if len(set(graph.updates)) < len(graph.updates):
            self.fail_reading(graph, "an input is updated twice")


def _types(types: tuple[Type, ...]) -> str:
    return str(types[0]) if len(types) == 1 else f"({', '.join(map(str, types))})"
