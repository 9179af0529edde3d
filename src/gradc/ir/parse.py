"""From text back to graphs: the grammar of text.py read backwards, one method a construct."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradc.errors import ParseError
from gradc.ir import literals, registry, traits
from gradc.ir.graph import Graph, Node, Op, Operand, Program, Value
from gradc.ir.literals import LiteralError
from gradc.ir.reader import Reader, Statement, fail, location, origin
from gradc.ir.text import WORDS
from gradc.ir.types import Type

_NUMBERED = re.compile(r"_\d+$")


def parse(text: str, ops: Mapping[str, Op] | None = None) -> Graph | Program:
    """The graph of a `def`, or the program of a `class`, equal to the one that was printed.

    `ops` gives the operations by name; the registered ones when it is left out.
    Raises ParseError with the line, its text and what is wrong with it.
    """
    parser = _Parser(registry.OPS if ops is None else ops)
    reader = Reader(text)
    head = reader.next()
    if head is None:
        raise ParseError("the text is empty; a graph is a `def`, a program a `class`")
    if isinstance(head.tree, ast.ClassDef):
        found = parser.program(head, reader)
    elif isinstance(head.tree, ast.FunctionDef):
        found = parser.graph(head, reader)
    else:
        fail(head, "a graph is a `def`, a program a `class`")
    rest = reader.next()
    if rest is not None:
        fail(rest, "nothing can follow the graph")
    return found


@dataclass(slots=True)
class _Scope:
    """The names of one function: its values, and the nested graphs, of which `unused` ones wait for a node."""

    names: set[str] = field(default_factory=set[str])
    values: dict[str, Value] = field(default_factory=dict[str, Value])
    tuples: dict[str, tuple[Value, ...]] = field(default_factory=dict[str, "tuple[Value, ...]"])
    graphs: dict[str, Graph] = field(default_factory=dict[str, Graph])
    unused: dict[str, Statement] = field(default_factory=dict[str, Statement])

    def take(self, name: str, at: Statement) -> None:
        if name in self.names or name in self.graphs:
            fail(at, f"the name {name} is defined twice")
        if name in WORDS:
            fail(at, f"{name} cannot be a name: it has a meaning of its own in the text")
        self.names.add(name)

    def define(self, name: str, type: Type) -> Value:
        value = self.values[name] = Value(name, type)
        return value

    def enter(self, graph: Graph, at: Statement) -> None:
        """Keep a nested graph for the next node. A later one may have the same name when a node has taken this one."""
        if graph.name in self.names or graph.name in self.unused:
            fail(at, f"the name {graph.name} is defined twice")
        self.graphs[graph.name] = graph
        self.unused[graph.name] = at

    def whole(self, tree: ast.expr, at: Statement) -> Sequence[Value]:
        """What `del` forgets: a value, or all parts of a tuple."""
        if isinstance(tree, ast.Name) and tree.id in self.tuples:
            return self.tuples[tree.id]
        value = self.value(tree, at)
        if value is None or isinstance(tree, ast.Subscript):
            fail(at, f"{ast.unparse(tree)} is not the name of a value, or of a tuple")
        return [value]

    def value(self, tree: ast.expr, at: Statement) -> Value | None:
        """The value that an expression names, None when it is no name of a value."""
        name = _name(tree)
        if name is None or name in WORDS:
            return None
        if name in self.values:
            return self.values[name]
        if name in self.graphs:
            fail(at, f"{name} is a graph and not a value")
        fail(at, f"there is no value {name} here{_suggestion(name, self.values)}")


class _Parser:
    def __init__(self, ops: Mapping[str, Op]) -> None:
        self.ops = ops
        self.blocks = {kind: op for op in ops.values() if traits.region(op) == "block" for kind in traits.kinds(op)}

    def program(self, head: Statement, reader: Reader) -> Program:
        assert isinstance(head.tree, ast.ClassDef)
        graphs: list[Graph] = []
        for statement in reader.block(head):
            if not isinstance(statement.tree, ast.FunctionDef):
                fail(statement, "a program has two graphs, forward and backward, and nothing else")
            graphs.append(self.graph(statement, reader, inherited=head.comment))
        names = [graph.name for graph in graphs]
        if names != ["forward", "backward"]:
            fail(head, f"a program has the graphs forward and backward, in this order, and not {', '.join(names)}")
        return Program(head.tree.name, *graphs)

    def graph(self, head: Statement, reader: Reader, inherited: str = "") -> Graph:
        """A function definition. Without a comment of its own it has the location and history of the program."""
        assert isinstance(head.tree, ast.FunctionDef)
        scope = _Scope()
        inputs = self.inputs(head.tree, head, scope)
        nodes: list[Node] = []
        end: Statement | None = None
        for statement in reader.block(head):
            if end is not None:
                fail(statement, "nothing can follow the return")
            if isinstance(statement.tree, ast.Return):
                end = statement
            else:
                nodes.extend(self.nodes(statement, reader, scope))
        if end is None:
            fail(head, f"the graph {head.tree.name} does not end with a return")
        for name, definition in scope.unused.items():
            fail(definition, f"no node uses the graph {name}")
        outputs, updates, saved = self.outputs(end, scope, inputs)
        place, history = origin(head.comment or inherited)
        return Graph(head.tree.name, inputs, tuple(nodes), outputs, updates, saved, place, history)

    def inputs(self, tree: ast.FunctionDef, head: Statement, scope: _Scope) -> tuple[Value, ...]:
        arguments = tree.args
        if (arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults
                or arguments.posonlyargs or tree.decorator_list or tree.returns):
            fail(head, "the head of a graph is `def name(input: type, ...):`")
        inputs: list[Value] = []
        for argument in arguments.args:
            if argument.annotation is None:
                fail(head, f"the input {argument.arg} has no type; write `{argument.arg}: f32[4, 3]`")
            scope.take(argument.arg, head)
            inputs.append(scope.define(argument.arg, self.type(argument.annotation, head)))
        return tuple(inputs)

    def nodes(self, statement: Statement, reader: Reader, scope: _Scope) -> Iterable[Node]:
        """The node that a statement writes; none for a nested graph, which the next node will take."""
        tree = statement.tree
        if isinstance(tree, ast.AnnAssign) and tree.value is not None:
            return [self.assignment(tree, tree.value, statement, scope)]
        if isinstance(tree, ast.With):
            return [self.with_block(tree, statement, reader, scope)]
        if isinstance(tree, ast.Delete):
            freed = tuple([value for target in tree.targets for value in scope.whole(target, statement)])
            return [Node(self.op("free", statement), freed, {}, (), location(statement.comment))]
        if isinstance(tree, ast.Expr):
            return [self.node(tree.value, statement, scope)]
        if isinstance(tree, ast.FunctionDef):
            scope.enter(self.graph(statement, reader), statement)
            return []
        if isinstance(tree, ast.Pass):
            return []
        if isinstance(tree, ast.Assign):
            target = ast.unparse(tree.targets[0])
            fail(statement, f"{target} has no type; write `{target}: f32[4, 3] = ...`")
        fail(statement, "is no statement of a graph; use `name: type = op(...)`, `with`, `del`, `def` or `return`")

    def assignment(self, tree: ast.AnnAssign, call: ast.expr, statement: Statement, scope: _Scope) -> Node:
        if not isinstance(tree.target, ast.Name):
            fail(statement, f"{ast.unparse(tree.target)} cannot be assigned to; a node binds a name")
        name = tree.target.id
        node = self.node(call, statement, scope)
        scope.take(name, statement)
        if not isinstance(tree.annotation, ast.Tuple):
            return node.replace(outputs=(scope.define(name, self.type(tree.annotation, statement)),))
        types = [self.type(annotation, statement) for annotation in tree.annotation.elts]
        parts = scope.tuples[name] = tuple([scope.define(f"{name}[{i}]", type) for i, type in enumerate(types)])
        return node.replace(outputs=parts)

    def node(self, tree: ast.expr, statement: Statement, scope: _Scope) -> Node:
        """An application of an op, without results."""
        if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
            fail(statement, f"{ast.unparse(tree)} applies no op; a node is `name: type = op(operands, attribute=...)`")
        op = self.op(tree.func.id, statement)
        regions: list[Graph] = []
        if traits.region(op) is not None:
            for argument in tree.args:
                if not isinstance(argument, ast.Name) or argument.id not in scope.graphs:
                    break
                regions.append(scope.graphs[argument.id])
                scope.unused.pop(argument.id, None)
        operands = tuple([self.operand(argument, statement, scope) for argument in tree.args[len(regions):]])
        attrs = self.attributes(op, tree.keywords, statement)
        return Node(op, operands, attrs, (), location(statement.comment), tuple(regions))

    def with_block(self, tree: ast.With, statement: Statement, reader: Reader, scope: _Scope) -> Node:
        """A fused block. Its region shares the names, and the values, of the graph around it."""
        call = tree.items[0].context_expr
        if len(tree.items) != 1 or not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            fail(statement, "a fused block is `with name(inputs) as results:`")
        kind = _NUMBERED.sub("", call.func.id)
        op = self.blocks[kind] if kind in self.blocks else self.op(kind, statement)
        if traits.region(op) != "block":
            fail(statement, f"{op.name} is an op without a block; write `name: type = {op.name}(...)`")
        inputs = tuple(self.reads(call.args, statement, scope))
        attrs = self.attributes(op, call.keywords, statement)
        nodes = [node for inner in reader.block(statement) for node in self.nodes(inner, reader, scope)]
        targets = tree.items[0].optional_vars
        listed = targets.elts if isinstance(targets, ast.Tuple) else [targets] if targets else []
        outputs = tuple(self.reads(listed, statement, scope))
        region = Graph(call.func.id, inputs, tuple(nodes), outputs)
        return Node(op, inputs, attrs, outputs, location(statement.comment), (region,))

    def outputs(self, end: Statement, scope: _Scope,
                inputs: Sequence[Value]) -> tuple[tuple[Operand, ...], tuple[Value, ...], int]:
        """Everything that a return line gives: all outputs, the inputs it updates, the number of saved values."""
        assert isinstance(end.tree, ast.Return)
        tree = end.tree.value
        items = list(tree.elts) if isinstance(tree, ast.Tuple) else [tree] if tree else []
        saved, updates = _take_call(items, "saved"), _take_call(items, "updates")
        if saved.keywords or updates.args:
            fail(end, "the end of a graph is `return results, updates(input=value), saved(value, ...)`")
        states = {value.name: value for value in inputs}
        for keyword in updates.keywords:
            if keyword.arg not in states:
                name = str(keyword.arg)
                fail(end, f"{name} is updated but is no input of the graph{_suggestion(name, states)}")
        trees = [*items, *(keyword.value for keyword in updates.keywords), *saved.args]
        outputs = tuple([self.operand(tree, end, scope) for tree in trees])
        return outputs, tuple(states[str(keyword.arg)] for keyword in updates.keywords), len(saved.args)

    # Parts of a statement

    def op(self, name: str, at: Statement) -> Op:
        if name not in self.ops:
            fail(at, f"{name} is not an op{_suggestion(name, self.ops)}")
        return self.ops[name]

    def attributes(self, op: Op, keywords: Sequence[ast.keyword], at: Statement) -> Mapping[str, Any]:
        written: dict[str, Any] = {}
        for keyword in keywords:
            if keyword.arg is None or keyword.arg in written:
                fail(at, f"the attribute {ast.unparse(keyword)} is given twice or has no name")
            written[keyword.arg] = self.literal(keyword.value, at)
        return traits.complete(op, written)

    def reads(self, trees: Sequence[ast.expr], at: Statement, scope: _Scope) -> Iterator[Value]:
        for tree in trees:
            value = scope.value(tree, at)
            if value is None:
                fail(at, f"{ast.unparse(tree)} is not the name of a value")
            yield value

    def operand(self, tree: ast.expr, at: Statement, scope: _Scope) -> Operand:
        value = scope.value(tree, at)
        if value is not None:
            return value
        try:
            found = literals.read(tree)
            if found is None or literals.is_number(found):
                return found
        except LiteralError:
            pass  # what follows says what an operand is
        fail(at, f"{ast.unparse(tree)} is not an operand; an operand is a value, a number or None")

    def literal(self, tree: ast.expr, at: Statement) -> Any:
        try:
            return literals.read(tree)
        except LiteralError as error:
            fail(at, str(error))

    def type(self, tree: ast.expr, at: Statement) -> Type:
        try:
            return literals.read_type(tree)
        except LiteralError as error:
            fail(at, str(error))


def _name(tree: ast.expr) -> str | None:
    """`x` or `max_0[1]` as the name of a value."""
    if isinstance(tree, ast.Name):
        return tree.id
    if (isinstance(tree, ast.Subscript) and isinstance(tree.value, ast.Name)
            and isinstance(tree.slice, ast.Constant) and type(tree.slice.value) is int):
        return f"{tree.value.id}[{tree.slice.value}]"
    return None


def _take_call(items: list[ast.expr], function: str) -> ast.Call:
    """Take the call of `updates` or `saved` off the end of what is returned; a call without arguments when absent."""
    last = items[-1] if items else None
    if isinstance(last, ast.Call) and isinstance(last.func, ast.Name) and last.func.id == function:
        items.pop()
        return last
    return ast.Call(ast.Name(function), [], [])


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
