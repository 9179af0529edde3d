"""Every fault that the verifier finds, and the dump that it quotes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from gradc import dtypes
from gradc.errors import VerifyError
from gradc.ir import OPS, Graph, Node, Program, Type, Value, parse, verify

F32 = Type(dtypes.float32)
PAIR = Type(dtypes.float32, (2,))


def value(name: str, type: Type = PAIR) -> Value:
    return Value(name, type)


def fails(graph: Graph | Program, message: str) -> None:
    with pytest.raises(VerifyError, match=re.escape(message)):
        verify(graph)


# The quotation


def test_error_quotes_the_lines_around_the_fault(ops: Any) -> None:
    graph = parse("""
def f(x: f32[2]):
    a: f32[2] = neg(x)  # a.py:1
    b: f32[2] = neg(a)
    c: f32[3] = neg(b)  # a.py:3
    d: f32[3] = neg(c)
    e: f32[3] = neg(d)
    g: f32[3] = neg(e)
    return g
""", ops)
    with pytest.raises(VerifyError) as caught:
        verify(graph)
    assert str(caught.value) == """\
verify: the graph says f32[3], but neg gives f32[2]

          a: f32[2] = neg(x)  # a.py:1
          b: f32[2] = neg(a)
    >     c: f32[3] = neg(b)  # a.py:3
          d: f32[3] = neg(c)
          e: f32[3] = neg(d)"""


def test_error_in_a_return_quotes_it(ops: Any) -> None:
    with pytest.raises(VerifyError) as caught:
        verify(parse("def f(x: f32):\n    y: f32 = neg(x)\n    del y\n    return y", ops))
    assert str(caught.value) == """\
verify: y is read after it was freed

          y: f32 = neg(x)
          del y
    >     return y"""


# Faults in texts that parse

TEXTS = [
    ("y: f32 = neg(x)", "the graph says f32, but neg gives f32[2]"),
    ("m: (f32, f32) = max_dim(x, dim=0)", "the graph says (f32, f32), but max_dim gives (f32, i64)"),
    ("m: f32 = max_dim(x, dim=0)", "the graph says f32, but max_dim gives (f32, i64)"),
    ("y: f32[2] = only(x)", "only gives a tuple, so its result is named y[0]"),
    ("y: f32 = matmul(x, w)",
     "matmul does not take (x: f32[2], w: f32[3]): a f32[2] and b f32[3] do not contract (2 != 3)"),
    ("y: f32 = max_dim(x, 2.0, None, axis=0)", "max_dim does not take (x: f32[2], 2.0, None): "),
    ("del x\n    y: f32[2] = neg(x)", "x is read after it was freed"),
    ("del x\n    return x", "x is read after it was freed"),
    ("del x, x", "x is freed twice"),
    ("free()", "free takes values, at least one, and gives nothing"),
    ("free(2.0)", "free takes values, at least one, and gives nothing"),
    ("with pointwise_0(x) as y:\n        y: f32[3] = neg(w)",
     "w is not seen here: a block reads only its inputs and what it defines"),
    ("with pointwise_0(x) as y:\n        z: f32[2] = neg(x)\n        y: f32[2] = neg(x)\n    return z",
     "z is not seen here: a block reads only its inputs and what it defines, and only its results are read behind it"),
    ("with pointwise_0(x) as x:\n        pass", "x is a result of the block but is not defined in it"),
    ("with pointwise_0(x) as y:\n        y: f32[2] = neg(x)\n        del y", "y is read after it was freed"),
    ("with pointwise_0(x) as y:\n        y: f32 = neg(x)", "the graph says f32, but neg gives f32[2]"),
    ("def b(x: f32):\n        y: f32[2] = neg(x)\n        return y\n    y: f32[2] = vmap(b, x)",
     "the graph says f32[2], but neg gives f32"),
    ("def b(x: f32):\n        return x\n    y: f32 = vmap(b, x)", "the graph says f32, but vmap gives f32[2]"),
    ("y: f32[2] = vmap(x)", "vmap has regions, but this node has none"),
    ("return updates(x=w)", "x: f32[2] cannot be updated by w: f32[3]: the types differ"),
    ("return updates(x=2.0)", "x: f32[2] cannot be updated by 2.0: the types differ"),
    ("return updates(x=x, x=x)", "an input is updated twice"),
]


@pytest.mark.parametrize(("statement", "message"), TEXTS, ids=[statement for statement, _ in TEXTS])
def test_fault_in_a_text(statement: str, message: str, ops: Any) -> None:
    end = "" if "\n    return" in statement or statement.startswith("return") else "\n    return"
    graph = parse(f"def f(x: f32[2], w: f32[3]):\n    {statement}{end}", ops)
    with pytest.raises(VerifyError, match=re.escape(message)) as caught:
        verify(graph)
    assert re.search(r"^    >", str(caught.value), re.M)


# Faults that no text can have


@pytest.mark.parametrize("parts", [(0,), (1, 0)])
def test_a_tuple_is_freed_whole(parts: tuple[int, ...], ops: Any) -> None:
    graph = parse("def f(x: f32[2]):\n    m: (f32, i64) = max_dim(x, dim=0)\n    del m\n    return x", ops)
    verify(graph)
    assert graph.nodes[1].inputs == graph.nodes[0].outputs
    assert parse(str(graph), ops) == graph
    freed = graph.nodes[1].replace(inputs=tuple(graph.nodes[0].outputs[i] for i in parts))
    with pytest.raises(VerifyError, match=r"m\[.\] is freed, but not its whole tuple"):
        verify(graph.replace(nodes=(graph.nodes[0], freed)))


def test_value_that_is_read_before_its_definition(ops: Any) -> None:
    x, y = value("x"), value("y")
    late = Node(ops["neg"], (x,), {}, (y,))
    fails(Graph("f", (x,), (Node(ops["neg"], (y,), {}, (value("z"),)), late), ()), "y is read before it is defined")


def test_other_value_of_the_same_name(ops: Any) -> None:
    fails(Graph("f", (value("x"),), (), (value("x"),)),
          "x is read, but it is another value than the one defined by this name")


def test_single_assignment(ops: Any) -> None:
    x, y = value("x"), value("y")
    once = Node(ops["neg"], (x,), {}, (y,))
    fails(Graph("f", (x,), (once, once), ()), "the name y is defined twice")
    fails(Graph("f", (x,), (Node(ops["neg"], (x,), {}, (x,)),), ()), "the name x is defined twice")
    fails(Graph("f", (x, x), (), ()), "the name x is defined twice")
    both = (value("m[0]", F32), value("m[1]", Type(dtypes.int64)))
    parts = Node(ops["max_dim"], (x,), {"dim": 0}, both)
    fails(Graph("f", (x,), (parts, Node(ops["neg"], (x,), {}, (value("m"),))), ()), "the name m is defined twice")
    twice = value("m[0]", F32)
    fails(Graph("f", (x,), (Node(ops["max_dim"], (x,), {"dim": 0}, (twice, twice)),), ()),
          "results m[0], m[0] are not named m[0], m[1], ...")


@pytest.mark.parametrize("name", ["a b", "", "inf", "f32", "lambda", "saved", "x[0]", "ﬁ"])
def test_names_that_a_value_cannot_have(name: str) -> None:
    fails(Graph("f", (value(name),), (), ()), f"{name} cannot be the name of a value")


def test_value_named_like_an_op(ops: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPS, "neg", ops["neg"])
    fails(Graph("f", (value("neg"),), (), ()), "neg cannot be the name of a value: it is the name of an op")


def test_names_of_several_results(ops: Any) -> None:
    x = value("x")
    for names in (("a", "b"), ("a[1]", "a[0]"), ("a[0]", "b[1]")):
        outputs = (value(names[0], F32), value(names[1], Type(dtypes.int64)))
        fails(Graph("f", (x,), (Node(ops["max_dim"], (x,), {"dim": 0}, outputs),), ()),
              f"results {', '.join(names)} are not named a[0], a[1], ...")


@pytest.mark.parametrize("name", ["<lambda>", "", "f32"])
def test_name_of_a_graph(name: str) -> None:
    fails(Graph(name, (), (), ()), f"{name} cannot be the name of a graph")


@pytest.mark.parametrize("word", ["two words", "a:3", "", "a·b"])
def test_history(word: str) -> None:
    fails(Graph("f", (), (), (), history=("cse", word)),
          f"the history has {word!r}; it consists of single words without a colon")


def test_operands_and_attributes_without_a_text(ops: Any) -> None:
    def one(operand: Any, attrs: Any) -> Graph:
        return Graph("f", (), (Node(ops["any"], (operand,), attrs, (value("y", F32),)),), ())

    fails(one("text", {}), "'text' is not an operand; an operand is a value, a Python number or None")
    fails(one(np.float64(2.0), {}), "np.float64(2.0) is not an operand")
    fails(one(1, {"p": [1]}), "the attribute p of any is [1] of list, which has no text")
    fails(one(1, {"p": (np.int64(1),)}), "the attribute p of any is (np.int64(1),) of tuple, which has no text")
    fails(one(1, {"in": 1}), "'in' cannot be the name of an attribute")
    fails(one(1, {"a b": 1}), "'a b' cannot be the name of an attribute")
    fails(Graph("f", (), (), (np.float32(1),)), "np.float32(1.0) is not an operand")


def test_block_shares_its_values_with_the_node(ops: Any) -> None:
    x, y = value("x"), value("y")
    inner = (Node(ops["neg"], (x,), {}, (y,)),)

    def with_block(region: Graph, inputs: Any = (x,), outputs: Any = (y,)) -> Graph:
        return Graph("f", (x,), (Node(ops["pointwise"], inputs, {}, outputs, regions=(region,)),), ())

    right = Graph("pointwise_0", (x,), inner, (y,))
    verify(with_block(right))
    fails(with_block(right.replace(name="block")), "the block block is not named after its op, as pointwise_0")
    fails(with_block(right, outputs=()), "the inputs and outputs of the block are not the values of the node")
    fails(with_block(right.replace(inputs=()), inputs=(x,)), "the inputs and outputs of the block are not the values")
    fails(with_block(right.replace(saved=1)), "a block updates and saves nothing; the graph around it does")
    numbers: Any = (x, 2.0)
    fails(with_block(right.replace(inputs=numbers), inputs=numbers), "the inputs of a block are values")
    fails(Graph("f", (x,), (Node(ops["pointwise"], (x,), {}, (y,)),), ()),
          "pointwise has one region, a block, but this node has 0")
    fails(Graph("f", (x,), (Node(ops["neg"], (x,), {}, (y,), regions=(right,)),), ()),
          "neg has no regions, but this node has 1")


def test_regions_of_one_name(ops: Any) -> None:
    x, y, a = value("x"), value("y"), value("a")
    one, other = Graph("body", (a,), (), (a,)), Graph("body", (a,), (), (2.0,))
    fails(Graph("f", (x,), (Node(ops["cond"], (x,), {}, (y,), regions=(one, other)),), ()),
          "two different regions are named body")
    verify(Graph("f", (x,), (Node(ops["cond"], (x,), {}, (y,), regions=(one, one)),), ()))
    body = value("body")
    fails(Graph("f", (body,), (Node(ops["cond"], (body,), {}, (y,), regions=(one, one)),), ()),
          "the name body is defined twice")


def test_updates_and_saved(ops: Any) -> None:
    x, y = value("x"), value("y")
    fails(Graph("f", (x,), (), (x,), saved=2), "2 values are saved and 0 updated, of 1 outputs")
    fails(Graph("f", (x,), (), (x,), saved=-1), "-1 values are saved and 0 updated, of 1 outputs")
    fails(Graph("f", (x,), (), (), updates=(x,)), "0 values are saved and 1 updated, of 0 outputs")
    fails(Graph("f", (x,), (), (x,), updates=(y,)), "y is updated but is no input of the graph")


def test_programs() -> None:
    x = value("x")
    forward, backward = Graph("forward", (x,), (), (x, x), saved=1), Graph("backward", (x,), (), ())
    verify(Program("p", forward, backward))
    fails(Program("a b", forward, backward), "a b cannot be the name of a program")
    fails(Program("p", backward, backward), "the forward graph of a program is called forward, and not backward")
    fails(Program("p", forward, forward), "the backward graph of a program is called backward, and not forward")
    fails(Program("p", forward, backward.replace(inputs=())),
          "the first inputs of backward are not of the types that forward saves")
    fails(Program("p", forward, backward.replace(outputs=(value("y"),))), "y is read before it is defined")


def test_op_without_a_type_rule_is_taken_at_its_word() -> None:
    class Untyped:
        name, pointwise, effect = "untyped", False, False

    op: Any = Untyped()
    verify(Graph("f", (), (Node(op, (), {}, (value("y"),)),), ()))
