"""The small functions that passes share."""

from __future__ import annotations

from typing import Any

import networkx
import pytest

from gradc.ir import (
    OPS,
    Graph,
    Value,
    flatten,
    fresh_names,
    parse,
    producers,
    rename,
    substitute,
    to_networkx,
    users,
    values,
    verify,
)

TEXT = """\
def f(x: f32[2], y: f32[2]):
    a: f32[2] = add(x, x)
    with pointwise_0(a, y) as (b, c):
        b: f32[2] = neg(a)
        i: f32[2] = add(b, y)
        c: f32[2] = neg(i)
    def body(x: f32):
        with pointwise_0(x) as z:
            z: f32 = neg(x)
        return z
    d: f32[2] = vmap(body, b)
    e: f32[2] = neg(c)
    return d, updates(y=c), saved(c)"""


@pytest.fixture
def graph(ops: Any) -> Graph:
    graph = parse(TEXT, ops)
    assert isinstance(graph, Graph)
    return graph


def named(graph: Graph) -> dict[str, Value]:
    return {value.name: value for value in values(graph)}


def test_values(graph: Graph) -> None:
    assert [value.name for value in values(graph)] == ["x", "y", "a", "b", "i", "c", "d", "e"]


def test_producers(graph: Graph) -> None:
    found = {value.name: str(node).split(":")[0] for value, node in producers(graph).items()}
    block = "with pointwise_0(a, y) as (b, c)"
    assert found == {"a": "a", "b": block, "c": block, "d": "d", "e": "e"}


def test_users(graph: Graph) -> None:
    a, block, d, e = graph.nodes
    assert {value.name: nodes for value, nodes in users(graph).items()} == {
        "x": [a], "y": [block], "a": [block], "b": [d], "c": [e], "d": [], "e": []}


def test_flatten(graph: Graph, ops: Any) -> None:
    flat = flatten(graph)
    verify(flat)
    assert str(flat) == """\
def f(x: f32[2], y: f32[2]):
    a: f32[2] = add(x, x)
    b: f32[2] = neg(a)
    i: f32[2] = add(b, y)
    c: f32[2] = neg(i)
    def body(x: f32):
        z: f32 = neg(x)
        return z
    d: f32[2] = vmap(body, b)
    e: f32[2] = neg(c)
    return d, updates(y=c), saved(c)"""


def substituted(graph: Graph, **names: Any) -> str:
    known = named(graph)
    result = substitute(graph, {known[name]: known.get(to, to) for name, to in names.items()})
    verify(result)
    return str(result)


def test_substitute_operands_and_outputs(graph: Graph) -> None:
    assert "return a, updates(y=c), saved(c)" in substituted(graph, d="a")
    assert "a: f32[2] = add(y, y)" in substituted(graph, x="y")


def test_substitute_reaches_into_blocks(graph: Graph) -> None:
    text = substituted(graph, a="y")
    assert "with pointwise_0(y) as (b, c):\n        b: f32[2] = neg(y)" in text
    text = substituted(graph, y=2.0)
    assert "with pointwise_0(a) as (b, c):" in text and "i: f32[2] = add(b, 2.0)" in text


def test_substitute_the_result_of_a_block(graph: Graph) -> None:
    assert "with pointwise_0(a, y) as (b, i):" in substituted(graph, c="i")
    assert "return d, updates(y=i), saved(i)" in substituted(graph, c="i")
    assert "with pointwise_0(a, y) as c:" in substituted(graph, b="a")


def test_substitute_reaches_into_closed_regions(graph: Graph) -> None:
    body = graph.nodes[2].regions[0]
    text = str(substitute(graph, {body.nodes[0].outputs[0]: body.inputs[0]}))
    assert "        with pointwise_0(x):\n            z: f32 = neg(x)\n        return x" in text


def test_substitute_nothing_gives_the_same_graph(graph: Graph) -> None:
    assert substitute(graph, {}) is graph
    assert substitute(graph, {Value("q", graph.inputs[0].type): 1}) == graph


def test_rename(graph: Graph, ops: Any) -> None:
    known = named(graph)
    result = rename(graph, {known["y"]: "state", known["a"]: "sum_0", known["c"]: "d_y",
                            graph.nodes[2].regions[0].inputs[0]: "row"})
    verify(result)
    assert str(result) == """\
def f(x: f32[2], state: f32[2]):
    sum_0: f32[2] = add(x, x)
    with pointwise_0(sum_0, state) as (b, d_y):
        b: f32[2] = neg(sum_0)
        i: f32[2] = add(b, state)
        d_y: f32[2] = neg(i)
    def body(row: f32):
        with pointwise_0(row) as z:
            z: f32 = neg(row)
        return z
    d: f32[2] = vmap(body, b)
    e: f32[2] = neg(d_y)
    return d, updates(state=d_y), saved(d_y)"""
    assert str(graph) == TEXT


def test_fresh_names(ops: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPS, "neg", ops["neg"])
    fresh = fresh_names(["x", "neg_1", "max_0[0]", "max_0[1]"])
    names = {
        "z": ["z", "z_1", "z_2"],
        "x": ["x_1"],
        "neg": ["neg_0", "neg_2", "neg_3"],
        "neg_0": ["neg_4"],
        "max_0": ["max_1"],
        "max_0[1]": ["max_2"],
        "inf": ["inf_0", "inf_1"],
        "z_1": ["z_3"],
        "z_9": ["z_9"],
        "_1": ["_1", "_2"],
    }
    assert {base: [fresh(base) for _ in given] for base, given in names.items()} == names


def test_fresh_names_stay_fast() -> None:
    fresh = fresh_names(())
    assert len({fresh("neg") for _ in range(100_000)}) == 100_000


def test_networkx(graph: Graph) -> None:
    view, known = to_networkx(graph), named(graph)
    a, block, d, e = graph.nodes
    assert set(view.successors(known["a"])) == {block} and set(view.successors(block)) == {known["b"], known["c"]}
    assert view.nodes[known["c"]] == {"label": "c: f32[2]", "output": True}
    assert view.nodes[d]["label"] == "d: f32[2] = vmap(body, b)"
    assert networkx.is_directed_acyclic_graph(view)
    assert view.number_of_nodes() == 7 + 4
