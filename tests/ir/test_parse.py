"""What the parser accepts beyond what is printed, and every error that it raises."""

from __future__ import annotations

from typing import Any

import pytest

from gradc import dtypes
from gradc.errors import ArgumentError, ParseError
from gradc.ir import UNKNOWN, Graph, Location, Program, Type, parse, register, registry


def graph_of(text: str, ops: Any) -> Graph:
    graph = parse(text, ops)
    assert isinstance(graph, Graph)
    return graph


# What is accepted


def test_indentation_blank_lines_and_notes_do_not_matter(ops: Any) -> None:
    graph = graph_of("""

        # a note
        def f(x: f32):   # a note, no location

          y: f32 = neg(x)  # train.py:3 ~grad
          # another one
          z: f32 = neg(y)  # a note
          return z
    """, ops)
    assert graph.loc is UNKNOWN and graph.history == ()
    assert [node.loc for node in graph.nodes] == [Location("train.py", 3, ("grad",)), UNKNOWN]


def test_statements_may_take_several_lines(ops: Any) -> None:
    graph = graph_of("""
def f(
    x: f32,
    y: f32[2],
):  # gradc · a.py:1 · traced
    z: f32[2] = any(  # first
        y,
        text="# (",
    )  # a.py:2
    with pointwise_0(
        z
    ) as b:  # a.py:3
        b: f32[2] = neg(z)
    return (
        z,
        b,
    )
""", ops)
    assert str(graph) == """\
def f(x: f32, y: f32[2]):  # gradc · a.py:1 · traced
    z: f32[2] = any(y, text='# (')  # a.py:2
    with pointwise_0(z) as b:       # a.py:3
        b: f32[2] = neg(z)
    return z, b"""


def test_values_are_shared_between_a_block_and_its_graph(ops: Any) -> None:
    graph = graph_of("""
def f(x: f32):
    with pointwise_0(x) as (a, b):
        a: f32 = neg(x)
        b: f32 = neg(a)
    return b
""", ops)
    node, = graph.nodes
    block, = node.regions
    assert node.op is ops["pointwise"] and block.name == "pointwise_0"
    assert node.inputs[0] is block.inputs[0] is graph.inputs[0]
    assert [node.outputs[i] is block.outputs[i] is block.nodes[i].outputs[0] for i in (0, 1)] == [True, True]


def test_regions_with_one_name_may_follow_each_other(ops: Any) -> None:
    graph = graph_of("""
def f(x: f32[2]):
    def body(x: f32):
        return x
    y: f32[2] = vmap(body, x)
    def body(x: f32):
        z: f32 = neg(x)
        return z
    z: f32[2] = cond(body, body, x)
    return z
""", ops)
    assert [[len(region) for region in node.regions] for node in graph.nodes] == [[0], [1, 1]]
    assert parse(str(graph), ops) == graph


def test_types(ops: Any) -> None:
    graph = graph_of("def f(a: bool, b: i64[0], c: bf16[()], d: c128[2, 3]):\n return a", ops)
    assert [value.type for value in graph.inputs] == [
        Type(dtypes.bool_), Type(dtypes.int64, (0,)), Type(dtypes.bfloat16), Type(dtypes.complex128, (2, 3))]


def test_program(ops: Any) -> None:
    program = parse("class p:  # gradc 0.1 · a.py:1 · split\n def forward(): return\n def backward():\n  return"
                    .replace(" return\n def b", "\n  return\n def b"), ops)
    assert isinstance(program, Program)
    assert program.forward.history == program.backward.history == ("split",)
    assert program.backward.loc == Location("a.py", 1)


def test_registered_ops_are_the_default(ops: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "OPS", {"neg": ops["neg"]})
    graph = parse("def f(x: f32):\n    y: f32 = neg(x)\n    return y")
    assert isinstance(graph, Graph) and graph.nodes[0].op is ops["neg"]


def test_register(ops: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "OPS", {})
    assert register(ops["neg"]) is ops["neg"] is registry.OPS["neg"]
    with pytest.raises(ArgumentError, match="neg: an operation of this name is registered already"):
        register(ops["neg"])


# Errors: a statement after `def f(x: f32[2]):`, the line at fault, what is wrong

NO_STATEMENT = "is no statement of a graph; use `name: type = op(...)`, `with`, `del`, `def` or `return`"
STATEMENTS = [
    ("y: f32[2] = relux(x)", "relux is not an op; did you mean relu?"),
    ("y: f32[2] = zzz(x)", "zzz is not an op"),
    ("max_0: (f32, i64) = max_dim(x, dim=0)\n    y: f32[2] = neg(max_0[2])",
     "there is no value max_0[2] here; did you mean max_0[1]?"),
    ("y: f32[2] = neg(z)", "there is no value z here"),
    ("y: f32[2] = neg(y)", "there is no value y here"),
    ("y = neg(x)", "y has no type; write `y: f32[4, 3] = ...`"),
    ("y: f33[2] = neg(x)", "f33[2] is not a type; a type is like f32[4, 3], of bool, u8, i8, i16, i32, i64, f16, bf16, "
                           "f32, f64, c64, c128"),
    ("y: f32[n] = neg(x)", "n is not a literal"),
    ("y: f32[-1] = neg(x)", "f32[-1] is not a type: its sizes must be whole numbers"),
    ("y: f32[2.0] = neg(x)", "f32[2.0] is not a type: its sizes must be whole numbers"),
    ("x: f32[2] = neg(x)", "the name x is defined twice"),
    ("max_0: (f32, i64) = max_dim(x, dim=0)\n    max_0: f32 = neg(x)", "the name max_0 is defined twice"),
    ("inf: f32[2] = neg(x)", "inf cannot be a name: it has a meaning of its own in the text"),
    ("f32: f32[2] = neg(x)", "f32 cannot be a name: it has a meaning of its own in the text"),
    ("y[0]: f32[2] = neg(x)", "y[0] cannot be assigned to; a node binds a name"),
    ("y: f32[2] = x", "x applies no op; a node is `name: type = op(operands, attribute=...)`"),
    ("y: f32[2] = neg(neg(x))", "neg(x) is not an operand; an operand is a value, a number or None"),
    ("y: f32[2] = neg('x')", "'x' is not an operand; an operand is a value, a number or None"),
    ("y: f32[2] = neg(x + 1)", "x + 1 is not an operand; an operand is a value, a number or None"),
    ("y: f32[2] = neg(*x)", "*x is not an operand; an operand is a value, a number or None"),
    ("y: f32[2] = any(x, mode=mean)", "mean is not a literal"),
    ("y: f32[2] = any(x, mode=b'a')", "b'a' is not a literal"),
    ("y: f32[2] = any(x, n=-True)", "-True is not a literal"),
    ("y: f32[2] = any(x, n=1 + 1)", "1 + 1 is not a literal"),
    ("y: f32[2] = any(x, n=1 * 1j)", "1 * 1j is not a literal"),
    ("y: f32[2] = any(x, n=slice(1))", "slice(1) is not a literal"),
    ("y: f32[2] = any(x, n=complex('1', 2))", "complex('1', 2) is not a literal"),
    ("y: f32[2] = any(x, n=1, n=2)", "the attribute n=2 is given twice or has no name"),
    ("y: f32[2] = any(x, **n)", "the attribute **n is given twice or has no name"),
    ("y: f32 = constant(value=array([1.5], i64))", "1.5 cannot be an element here; elements are int"),
    ("y: f32 = constant(value=array([300], u8))", "not an array of u8: "),
    ("y: f32 = constant(value=array([[1.0], 2.0], f32))", "not an array of f32: "),
    ("y: f32 = constant(value=array([1.0, 2.0], f32[3]))", "not an array of f32: "),
    ("y: f32 = constant(value=array('0123456789ab', f32[64]))",
     "no array 0123456789ab of type f32[64] is alive in this process: a large constant is printed by its hash, and its "
     "text can be read only where the array exists"),
    ("with pointwise_0(x), pointwise_1(x):\n        pass", "a fused block is `with name(inputs) as results:`"),
    ("with neg_0(x) as y:\n        y: f32[2] = neg(x)", "neg is an op without a block; write `name: type = neg(...)`"),
    ("with pointwise_0(x) as y:\n        z: f32[2] = neg(x)", "there is no value y here"),
    ("with pointwise_0(2.0) as y:\n        y: f32[2] = neg(x)", "2.0 is not the name of a value"),
    ("with pointwise_0(x) as y:\n        return", NO_STATEMENT),
    ("import os", NO_STATEMENT),
    ("y: f32", NO_STATEMENT),
    ("del y", "there is no value y here"),
    ("del x.y", "x.y is not the name of a value"),
    ("m: (f32[2], i64[2]) = max_dim(x, dim=0)\n    del m[0]", "m[0] is not the name of a value, or of a tuple"),
    ("def b(x: f32):\n        return x", "no node uses the graph b"),
    ("def b(x: f32):\n        return x\n    y: f32[2] = neg(b)", "b is a graph and not a value"),
    ("def x(x: f32):\n        return x", "the name x is defined twice"),
    ("def b(x: f32):\n        return x\n    def b(x: f32):\n        return x", "the name b is defined twice"),
    ("def b(x: f32):\n        y: f32 = neg(x)\n    y: f32[2] = vmap(b, x)",
     "the graph b does not end with a return"),
    ("y: f32[2] = neg(x); z: f32[2] = neg(x)", "one line holds one statement"),
    ("y: f32[2] = neg(x)\n      z: f32[2] = neg(x)", "is indented by 6 and not by 4 as the lines above it"),
    ("y: f32[2] = neg(x", "this is not Python: '(' was never closed"),
    ("y: f32[2] = = neg(x)", "this is not Python: invalid syntax"),
    ("return x\n    y: f32 = neg(x)", "nothing can follow the return"),
    ("return updates(y=x)", "y is updated but is no input of the graph"),
    ("return updates(x)", "the end of a graph is `return results, updates(input=value), saved(value, ...)`"),
    ("return saved(a=x)", "the end of a graph is `return results, updates(input=value), saved(value, ...)`"),
    ("return saved(x), x", "saved(x) is not an operand; an operand is a value, a number or None"),
]


@pytest.mark.parametrize(("statement", "message"), STATEMENTS, ids=[statement for statement, _ in STATEMENTS])
def test_error_in_a_statement(statement: str, message: str, ops: Any) -> None:
    end = "" if statement.startswith("return") else "\n    return"
    text = f"def f(x: f32[2]):\n    {statement}{end}"
    with pytest.raises(ParseError) as caught:
        parse(text, ops)
    where, _, rest = str(caught.value).partition(": ")
    assert rest.startswith(message)
    line = text.split("\n")[int(where.removeprefix("line ")) - 1]
    assert rest.endswith(f"\n    {line.strip()}")


HEADS = [
    ("", "the text is empty; a graph is a `def`, a program a `class`"),
    ("x = 1", "line 1: a graph is a `def`, a program a `class`\n    x = 1"),
    ("def f(x): return", "line 1: this is not Python: unexpected indent\n    def f(x): return"),
    ("def f(x):\n    return", "line 1: the input x has no type; write `x: f32[4, 3]`\n    def f(x):"),
    ("def f(x: f32, x: f32):\n    return", "line 1: the name x is defined twice\n    def f(x: f32, x: f32):"),
    ("def f(*x):\n    return", "line 1: the head of a graph is `def name(input: type, ...):`\n    def f(*x):"),
    ("def f(x: f32 = 1):\n    return",
     "line 1: the head of a graph is `def name(input: type, ...):`\n    def f(x: f32 = 1):"),
    ("def f(inf: f32):\n    return",
     "line 1: inf cannot be a name: it has a meaning of its own in the text\n    def f(inf: f32):"),
    ("def f():", "line 1: nothing is indented below it\n    def f():"),
    ("def f():\nreturn", "line 1: nothing is indented below it\n    def f():"),
    ("def f():\n    return\ndef g():\n    return", "line 3: nothing can follow the graph\n    def g():"),
    ("class p:\n    x = 1", "line 2: a program has two graphs, forward and backward, and nothing else\n    x = 1"),
    ("class p:\n    def f():\n        return",
     "line 1: a program has the graphs forward and backward, in this order, and not f\n    class p:"),
]


@pytest.mark.parametrize(("text", "message"), HEADS, ids=[text for text, _ in HEADS])
def test_error_in_a_head(text: str, message: str, ops: Any) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text, ops)
    assert str(caught.value) == message
