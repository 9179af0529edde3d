"""Graphs as text: what is printed, and that every graph reads back as itself."""

from __future__ import annotations

import cmath
import copy
import math
import pickle
import time
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from gradc import dtypes
from gradc.errors import ParseError
from gradc.ir import (
    UNKNOWN,
    Array,
    Graph,
    Location,
    Node,
    Program,
    Type,
    Value,
    fresh_names,
    parse,
    to_text,
    verify,
)
from gradc.ir import literals as literal_text

F32 = Type(dtypes.float32)

LOSS = """\
def loss(x: f32[4, 3], w: f32[3], y: f32[4]):  # gradc · train.py:7 · traced simplify cse
    z: f32[4] = matmul(x, w)                     # train.py:8
    with pointwise_0(z, y) as add_0:             # train.py:9
        neg_0: f32[4] = neg(z)                   # train.py:9 ~log_sigmoid
        add_0: f32[4] = add(neg_0, 2.0)
    max_0: (f32[3], i64[3]) = max_dim(x, dim=0)  # train.py:10
    b: f32[3] = add(max_0[0], w, alpha=-1)
    log(b, text='a # in a text')                 # train.py:11
    del add_0, z
    def body_0(x: f32):  # gradc · train.py:12
        neg_0: f32 = neg(x)  # train.py:13
        return neg_0
    c: f32[3] = vmap(body_0, b, in_dims=(0,))
    only_0: (f32[3],) = only(c)
    a_value_with_a_long_name: f32[3] = any(only_0[0], None, True, 1j, inf, -inf, nan)  # train.py:14
    return b, 2.0, updates(w=c), saved(x, max_0[1])"""

PROGRAM = """\
class loss:  # gradc · train.py:7 · differentiate split
    def forward(x: f32[3]):
        neg_0: f32[3] = neg(x)  # train.py:8
        return neg_0, saved(x)

    def backward(x: f32[3], d_loss: f32[3]):
        d_x: f32[3] = add(d_loss, x)  # train.py:8 ~grad
        return d_x"""


def function(*nodes: Node, inputs: tuple[Value, ...] = (), outputs: tuple[Any, ...] = (), **fields: Any) -> Graph:
    return Graph("f", inputs, nodes, outputs, **fields)


def attribute(value: Any, ops: Any) -> Graph:
    """A graph with one node that has one attribute."""
    result = Value("y", F32)
    return function(Node(ops["any"], (), {"attribute": value}, (result,)), outputs=(result,))


# What is printed


@pytest.mark.parametrize("text", [LOSS, PROGRAM])
def test_text_is_the_one_that_was_parsed(text: str, ops: Any) -> None:
    graph = parse(text, ops)
    assert to_text(graph) == str(graph) == repr(graph) == text
    verify(graph)


def test_empty_return(ops: Any) -> None:
    assert str(function()) == "def f():\n    return"
    assert str(function(outputs=(None,))) == "def f():\n    return None"


@pytest.mark.parametrize(("loc", "history", "comment"), [
    (UNKNOWN, (), ""),
    (Location("a.py", 3), (), "  # gradc · a.py:3"),
    (UNKNOWN, ("cse", "dce"), "  # gradc · cse dce"),
    (Location("a.py", 3, ("grad",)), ("cse",), "  # gradc · a.py:3 ~grad · cse"),
])
def test_head(loc: Location, history: tuple[str, ...], comment: str) -> None:
    graph = function(loc=loc, history=history)
    assert str(graph) == f"def f():{comment}\n    return"
    assert parse(str(graph)) == graph


def test_location_that_is_unknown_but_has_reasons_is_printed(ops: Any) -> None:
    y = Value("y", F32)
    graph = function(Node(ops["any"], (), {}, (y,), UNKNOWN.because("grad")))
    assert "y: f32 = any()  # ?:0 ~grad" in str(graph)
    assert parse(str(graph), ops) == graph


@pytest.mark.parametrize("loc", [UNKNOWN, Location("a.py", 3), Location("b.py", 4)])
def test_backward_has_a_comment_when_it_differs_from_forward(loc: Location) -> None:
    head = {"loc": Location("a.py", 3), "history": ()}
    program = Program("p", Graph("forward", (), (), (), **head), Graph("backward", (), (), (), loc=loc))
    assert ("# gradc" in str(program).split("backward")[1]) == (loc.line != 3)
    assert parse(str(program)) == program


def test_comment_column_is_that_of_the_longest_line_below_the_limit(ops: Any) -> None:
    x = Value("x", F32)
    lines = [Node(ops["any"], (x,), {"text": "a" * n}, (Value(f"y{n}", F32),), Location("a.py", n)) for n in (1, 9, 80)]
    short, middle, long = str(function(*lines, inputs=(x,))).split("\n")[1:-1]
    assert middle == "    y9: f32 = any(x, text='aaaaaaaaa')  # a.py:9"
    assert short.index("#") == middle.index("#")
    assert long.endswith("a')  # a.py:80")


def test_defaults_are_left_out_and_filled_in(ops: Any) -> None:
    x = Value("x", F32)
    graph = function(Node(ops["add"], (x, x), {"alpha": 1}, (Value("y", F32),)), inputs=(x,))
    assert "y: f32 = add(x, x)" in str(graph)
    read = parse(str(graph), ops)
    assert read == graph and read.nodes[0].attrs == {"alpha": 1}
    for alpha in (1.0, True):
        other = graph.replace(nodes=(graph.nodes[0].replace(attrs={"alpha": alpha}),))
        assert f"add(x, x, alpha={alpha})" in str(other)
        assert parse(str(other), ops) == other != graph
    assert graph.replace(nodes=(graph.nodes[0].replace(attrs={}),)) == graph


def test_attributes_print_in_their_order_and_compare_in_any(ops: Any) -> None:
    y = Value("y", F32)
    a, b = (function(Node(ops["any"], (), attrs, (y,))) for attrs in ({"p": 1, "q": 2}, {"q": 2, "p": 1}))
    assert a == b and "p=1, q=2" in str(a) and "q=2, p=1" in str(b)


def test_node_prints_as_its_line(ops: Any) -> None:
    assert str(parse(LOSS, ops).nodes[0]) == "z: f32[4] = matmul(x, w)"


def test_what_is_not_well_formed_prints_as_well(ops: Any) -> None:
    x, y = Value("x", F32), Value("y", F32)
    graph = function(Node(ops["free"], (2.0,), {"how": object}, ()), Node(ops["pointwise"], (), {}, ()),
                     Node(ops["any"], (), {}, (x, y)), outputs=(x,), saved=3, updates=(x, y))
    assert "free(2.0, how=<class 'object'>)" in str(graph)
    assert "x, y: (f32, f32) = any()" in str(graph)


# Literals


LITERALS: list[tuple[Any, str]] = [
    (True, "True"), (1, "1"), (-3, "-3"), (2.0, "2.0"), (-0.0, "-0.0"), (1e300, "1e+300"), (math.inf, "inf"),
    (-math.inf, "-inf"), (math.nan, "nan"), (1j, "1j"), (1 - 2j, "(1-2j)"), (complex(-0.0, 1), "complex(-0.0, 1.0)"),
    (complex(0, -1), "complex(0.0, -1.0)"), (complex(math.nan, -math.inf), "complex(nan, -inf)"), (None, "None"),
    ("mean", "'mean'"), ("a\n# 'b' \u2028", "\"a\\n# 'b' \\u2028\""), (dtypes.bool_, "bool"), (dtypes.bfloat16, "bf16"),
    (..., "..."), ((), "()"), ((1,), "(1,)"), ((1, (2.0, None)), "(1, (2.0, None))"),
    (slice(0, 4, 2), "slice(0, 4, 2)"), ((slice(None, -1, None), ...), "(slice(None, -1, None), ...)"),
    (Array([[1.0, 2.0], [3.0, 4.0]], dtypes.float32), "array([[1.0, 2.0], [3.0, 4.0]], f32)"),
    (Array(3, dtypes.int64), "array(3, i64)"), (Array([True, False]), "array([True, False], bool)"),
    (Array([0.1, -0.0, math.nan, -math.inf], dtypes.bfloat16), "array([0.100098, -0.0, nan, -inf], bf16)"),
    (Array([1j, complex(0, math.nan)], dtypes.complex64), "array([1j, complex(0.0, nan)], c64)"),
    (Array(np.zeros((0, 3), "int8")), "array([], i8[0, 3])"), (Array(np.zeros((2, 0))), "array([[], []], f64[2, 0])"),
]


@pytest.mark.parametrize(("value", "text"), LITERALS, ids=[text for _, text in LITERALS])
def test_literal(value: Any, text: str, ops: Any) -> None:
    assert literal_text.text(value) == text
    graph = attribute(value, ops)
    read = parse(str(graph), ops)
    assert read == graph
    assert literal_text.same(read.nodes[0].attrs["attribute"], value)
    verify(graph)


def test_literals_differ_by_type_and_sign(ops: Any) -> None:
    values = [0, False, 0.0, -0.0, 0j, complex(0, -0.0), None, "0", (), (0,), (False,), math.nan, 1, 1.0, True,
              Array([0.0]), Array([-0.0]), Array([0.0], dtypes.float32), Array([[0.0]]), dtypes.float32, dtypes.float64]
    graphs = [attribute(value, ops) for value in values]
    assert [[a == b for b in graphs] for a in graphs] == [[i == j for j in range(len(values))]
                                                          for i in range(len(values))]


def test_operands_differ_by_type_and_name(ops: Any) -> None:
    x, y = Value("x", F32), Value("y", F32)
    graphs = [function(Node(ops["neg"], (operand,), {}, (Value("z", F32),)), inputs=(x, y))
              for operand in (x, y, 1, 1.0, True, None)]
    assert [graphs.index(graph) for graph in graphs] == list(range(6))
    assert graphs[0] == function(Node(ops["neg"], (x,), {}, (Value("z", F32),)), inputs=(x, y))


# Arrays


def test_array_is_a_private_read_only_copy() -> None:
    numbers = np.ones(3)
    array = Array(numbers)
    numbers[0] = 7
    assert array.numpy[0] == 1 and array.type == Type(dtypes.float64, (3,))
    with pytest.raises(ValueError, match="read-only"):
        array.numpy[0] = 2


def test_arrays_of_equal_content_are_one_object() -> None:
    a, b = Array([1.0, math.nan]), Array(np.array([1.0, -math.nan]))
    assert a is b and a == b and hash(a) == hash(b)
    assert a != Array([1.0, 2.0]) and a != [1.0, math.nan]
    assert len(a.hash) == 12


def test_array_can_be_copied_and_pickled() -> None:
    array = Array([1.0, 2.0], dtypes.bfloat16)
    assert copy.deepcopy(array) is array and pickle.loads(pickle.dumps(array)) is array


def test_large_array_is_found_by_its_hash_while_it_lives(ops: Any) -> None:
    array = Array(np.arange(640).reshape(10, 64), dtypes.float32)
    graph = attribute(array, ops)
    text = str(graph)
    assert f'array("{array.hash}", f32[10, 64])' in text
    assert parse(text, ops) == graph
    del array, graph
    with pytest.raises(SyntaxError, match="is alive in this process"):
        parse(text, ops)


# Every graph reads back as itself

numbers = st.one_of(
    st.booleans(), st.integers(), st.floats(), st.complex_numbers(),
    st.sampled_from([0.0, -0.0, math.nan, cmath.nanj, cmath.infj, complex(-0.0, -0.0), complex(1, -0.0)]))
arrays = st.builds(
    lambda kind, shape, seed: Array(np.random.default_rng(seed).normal(size=shape) * 3, kind),
    st.sampled_from([d for d in dtypes.ALL if d is not dtypes.uint8]),
    st.sampled_from([(), (0,), (3,), (2, 2), (0, 2), (5, 5)]), st.integers(0, 9))
literals = st.recursive(
    st.one_of(numbers, st.none(), st.text(max_size=8), st.just(...), st.sampled_from(dtypes.ALL), arrays,
              st.builds(slice, st.none() | st.integers(), st.none() | st.integers(), st.none() | st.integers())),
    lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=4)
locations = st.just(UNKNOWN) | st.builds(
    Location, st.sampled_from(["train.py", "my file.py", "<ipython-input-3>", "größe~.py"]), st.integers(0, 999),
    st.lists(st.sampled_from(["grad", "log_sigmoid", "two words"]), max_size=2).map(tuple))
histories = st.lists(st.sampled_from(["traced", "simplify", "cse", "fuse[8]"]), max_size=3).map(tuple)
types = st.builds(Type, st.sampled_from(dtypes.ALL), st.sampled_from([(), (3,), (2, 3), (0,)]))


class Builder:
    """Draws a random graph, statement by statement."""

    def __init__(self, draw: Any, ops: Any) -> None:
        self.draw = draw
        self.ops = ops

    def graph(self, name: str, depth: int = 2) -> Graph:
        fresh = fresh_names(self.ops)
        inputs = tuple(Value(fresh(hint), self.draw(types)) for hint in self.draw(
            st.lists(st.sampled_from(["x", "y", "größe"]), max_size=4)))
        seen: list[Value] = list(inputs)
        nodes = self.nodes(seen, fresh, depth)
        results = self.draw(st.lists(self.operand(seen), max_size=3))
        updates = tuple(state for state in inputs if self.draw(st.booleans()))
        updated = [self.draw(st.sampled_from([v for v in seen if v.type == state.type])) for state in updates]
        saved = self.draw(st.lists(st.sampled_from(seen), max_size=2)) if seen else []
        return Graph(name, inputs, tuple(nodes), (*results, *updated, *saved), updates, len(saved),
                     self.draw(locations), self.draw(histories))

    def operand(self, seen: list[Value]) -> Any:
        return st.sampled_from(seen) | numbers | st.none() if seen else numbers | st.none()

    def nodes(self, seen: list[Value], fresh: Any, depth: int) -> list[Node]:
        kinds = ["any", "any", "max_dim", "log", "only", *["pointwise", "vmap"] * bool(depth)]
        return [getattr(self, kind)(seen, fresh, depth)
                for kind in self.draw(st.lists(st.sampled_from(kinds), max_size=4))]

    def node(self, op: str, operands: Any, outputs: tuple[Value, ...], attrs: Any, **fields: Any) -> Node:
        return Node(self.ops[op], tuple(operands), attrs, outputs, self.draw(locations), **fields)

    def attributes(self) -> Any:
        return self.draw(st.dictionaries(st.sampled_from(["dim", "mode", "value"]), literals, max_size=2))

    def any(self, seen: list[Value], fresh: Any, depth: int) -> Node:
        operands = self.draw(st.lists(self.operand(seen), max_size=3))
        kind = next((x.type for x in operands if isinstance(x, Value)), F32)
        seen.append(Value(fresh(self.draw(st.sampled_from(["any", "z"]))), kind))
        return self.node("any", operands, (seen[-1],), self.attributes())

    def only(self, seen: list[Value], fresh: Any, depth: int) -> Node:
        if not seen:
            return self.any(seen, fresh, depth)
        operand = self.draw(st.sampled_from(seen))
        seen.append(Value(f"{fresh('only')}[0]", operand.type))
        return self.node("only", (operand,), (seen[-1],), {})

    def max_dim(self, seen: list[Value], fresh: Any, depth: int) -> Node:
        wide = [value for value in seen if value.ndim]
        if not wide:
            return self.any(seen, fresh, depth)
        operand, base = self.draw(st.sampled_from(wide)), fresh("max_dim")
        attrs = {"dim": 0, "keepdim": self.draw(st.booleans())}
        kinds = self.ops["max_dim"].infer(operand, **attrs)
        outputs = tuple(Value(f"{base}[{i}]", kind) for i, kind in enumerate(kinds))
        seen.extend(outputs)
        return self.node("max_dim", (operand,), outputs, attrs)

    def log(self, seen: list[Value], fresh: Any, depth: int) -> Node:
        return self.node("log", self.draw(st.lists(self.operand(seen), max_size=2)), (), self.attributes())

    def pointwise(self, seen: list[Value], fresh: Any, depth: int) -> Node:
        inputs = tuple(dict.fromkeys(self.draw(st.lists(st.sampled_from(seen), max_size=3)) if seen else []))
        inner = list(inputs)
        nodes = tuple(self.nodes(inner, fresh, depth - 1))
        outputs = tuple(value for value in inner[len(inputs):] if self.draw(st.booleans()))
        seen.extend(outputs)
        region = Graph(fresh("pointwise"), inputs, nodes, outputs)
        return self.node("pointwise", inputs, outputs, self.attributes(), regions=(region,))

    def vmap(self, seen: list[Value], fresh: Any, depth: int) -> Node:
        region = self.graph(fresh("body_0"), depth - 1)
        if not region.outputs:
            return self.any(seen, fresh, depth)
        operands = self.draw(st.lists(self.operand(seen), max_size=2))
        seen.append(Value(fresh("vmap"), self.ops["vmap"].infer(region, *operands)))
        return self.node("vmap", operands, (seen[-1],), self.attributes(), regions=(region,))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_graph_reads_back_as_itself(data: st.DataObject, ops: Any) -> None:
    graph = Builder(data.draw, ops).graph("f")
    verify(graph)
    read = parse(str(graph), ops)
    assert read == graph and hash(read) == hash(graph)
    assert str(read) == str(graph)
    verify(read)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_program_reads_back_as_itself(data: st.DataObject, ops: Any) -> None:
    builder = Builder(data.draw, ops)
    program = Program("loss", builder.graph("forward", 1), builder.graph("backward", 1))
    read = parse(str(program), ops)
    assert read == program and hash(read) == hash(program) and str(read) == str(program)


@settings(max_examples=300, deadline=None)
@given(value=literals)
def test_every_literal_reads_back_as_itself(value: Any, ops: Any) -> None:
    graph = attribute(value, ops)
    assert parse(str(graph), ops) == graph


@settings(max_examples=100, deadline=None)
@given(text=st.sampled_from([LOSS, PROGRAM]), start=st.integers(0, 1100), length=st.integers(0, 30),
       put=st.text("()[]:=, #\n'\".-xz01_+", max_size=4) | st.sampled_from(["del x", "return", "neg(x)", "inf", "..."]))
def test_a_damaged_text_gives_another_graph_or_a_parse_error(text: str, start: int, length: int, put: str,
                                                             ops: Any) -> None:
    try:
        graph = parse(text[:start] + put + text[start + length :], ops)
    except ParseError:
        return
    assert parse(str(graph), ops) == graph


# Equality


@pytest.mark.parametrize("change", [
    {"name": "other"}, {"inputs": ()}, {"nodes": ()}, {"outputs": ()}, {"updates": ()}, {"saved": 0},
    {"loc": Location("other.py", 7)}, {"history": ("traced",)},
], ids=lambda change: next(iter(change)))
def test_every_field_of_a_graph_counts(change: dict[str, Any], ops: Any) -> None:
    graph = parse(LOSS, ops)
    assert graph == parse(LOSS, ops) and graph != graph.replace(**change) and graph != LOSS


@pytest.mark.parametrize(("old", "new"), [
    ("f32[4, 3]", "f64[4, 3]"), ("matmul(x, w)", "add(x, w)"), ("neg(z)", "neg(y)"), ("alpha=-1", "alpha=-1.0"),
    ("~log_sigmoid", "~grad"), ("add_0", "add_1"), ("body_0", "body_1"), ("train.py:12", "train.py:2"),
    ("updates(w=c)", "updates(w=b)"), ("2.0, updates", "2, updates"), ("pointwise_0", "pointwise_1"),
])
def test_every_part_of_a_text_counts(old: str, new: str, ops: Any) -> None:
    assert old in LOSS
    assert parse(LOSS.replace(old, new), ops) != parse(LOSS, ops)


# Size


@pytest.mark.slow
def test_fifty_thousand_nodes(ops: Any) -> None:
    """Printing, parsing, checking and comparing take time linear in the nodes."""
    def chain(length: int) -> Graph:
        x = last = Value("x", Type(dtypes.float32, (4, 3)))
        nodes: list[Node] = []
        for i in range(length):
            result = Value(f"add_{i}", x.type)
            nodes.append(Node(ops["add"], (last, 2.0), {"alpha": 1}, (result,), Location("train.py", i, ("grad",))))
            last = result
        return Graph("chain", (x,), tuple(nodes), (last,))

    def seconds(graph: Graph) -> float:
        start = time.perf_counter()
        read = parse(to_text(graph), ops)
        verify(read)
        assert read == graph
        return time.perf_counter() - start

    small, large = seconds(chain(10_000)), seconds(chain(50_000))
    assert large < 15 * small
