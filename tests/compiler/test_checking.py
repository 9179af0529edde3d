"""`check="each"`, the table of passes, and the differences of stages."""

from __future__ import annotations

import re
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc.errors import ArgumentError, CheckError
from gradc.ir import OPS, Graph, parse
from gradc.nn import functional as F
from gradc.passes import before, pipeline
from gradc.passes.differentiate import differentiate


def loss(x, w, y):
    z = x @ w
    return F.binary_cross_entropy_with_logits(z, y)


def arguments():
    random = np.random.default_rng(0)
    return (gradc.tensor(random.standard_normal((4, 3))), gradc.tensor(random.standard_normal(3), requires_grad=True),
            gradc.tensor(random.random(4)))


def step(x, w, y):
    value = loss(x, w, y)
    value.backward()
    with gradc.no_grad():
        w -= 0.1 * w.grad
        w.grad = None
    return value.detach()


@pytest.mark.parametrize("function", [loss, step])
@pytest.mark.parametrize("dtype", [gradc.float32, gradc.float64])
def test_what_is_right_passes_at_every_call(function, dtype) -> None:
    x, w, y = (a.detach().to(dtype).requires_grad_(a.requires_grad) for a in arguments())
    plain = w.detach().clone().requires_grad_()
    checked = gradc.compile(function, check="each")
    for _ in range(2):
        assert checked(x, w, y).item() == pytest.approx(function(x, plain, y).item(), rel=1e-5)


def caught(**options) -> str:
    """The message about a fault, whose reproduction is run."""
    with pytest.raises(CheckError) as found:
        gradc.compile(loss, check="each", **options)(*arguments())
    message = str(found.value)
    folder = Path(re.search(r"reproduction  (\S+)", message)[1])
    try:
        names = runpy.run_path(str(folder))
        texts = [parse(folder.with_name(f"{side}.py").read_text()) for side in ("before", "after")]
        results = [graph(*names["inputs"]).numpy() for graph in texts]
        assert not np.allclose(*results, rtol=1e-6)
    finally:
        shutil.rmtree(folder.parent)
    return message


def test_a_wrong_rule_is_found_with_its_node_and_line() -> None:
    message = caught(passes=[gradc.rule("wrong", lambda x: gradc.sigmoid(x), lambda x: gradc.tanh(x))])
    assert re.search(r"simplify changed output \d of loss: .* became .*, \d of \d elements", message)
    assert "rule  wrong" in message
    assert "node  sigmoid_0: f64[4] = sigmoid(z)" in message
    assert "return F.binary_cross_entropy_with_logits(z, y)" in message


def adds(graph: Graph) -> Graph:
    """A pass that makes a sum of one product."""
    nodes = [node.replace(op=OPS["add"]) if node.outputs and node.outputs[0].name == "mul_1" else node
             for node in graph.nodes]
    return graph.replace(nodes=tuple(nodes))


@pytest.mark.parametrize("place", [lambda each: each, lambda each: before("fuse", each)], ids=["whole", "part"])
def test_a_wrong_pass_is_found_with_its_node(place) -> None:
    message = caught(passes=[place(adds)])
    assert "adds changed output" in message
    assert "node  mul_1: f64[4] = add(y, sigmoid_1)" in message


def test_a_wrong_gradient_is_found_with_the_node_of_the_forward(monkeypatch) -> None:
    formula = OPS["matmul"].formulas[1]

    def wrong(graph: Graph) -> Graph:
        twice = type(formula)(lambda g, x, x_type, y_type: 2 * formula.function(g, x, x_type, y_type))
        OPS["matmul"].formulas[1] = twice
        try:
            return differentiate(graph)
        finally:
            OPS["matmul"].formulas[1] = formula

    wrong.__name__ = "differentiate"
    monkeypatch.setattr(pipeline, "PASSES", (wrong, *pipeline.PASSES[1:]))
    message = caught()
    assert "differentiate changed output 1" in message
    assert "node  z: f64[4] = matmul(x, w)" in message
    assert "z = x @ w" in message


def test_only_each_is_a_check() -> None:
    with pytest.raises(ArgumentError, match="check is None or 'each'"):
        gradc.compile(loss, check="all")


def test_the_report_has_a_row_for_each_pass(capsys) -> None:
    f = gradc.compile(loss)
    f(*arguments())
    f.report()
    title, head, *rows = capsys.readouterr().out.splitlines()
    assert title == "loss: what each pass made of it"
    assert head.split() == ["pass", "ms", "nodes", "FLOPs", "bytes", "peak"]
    assert [row.split()[0] for row in rows] == [name for name in f.stages if name != "lowered"]
    assert any("%" in row for row in rows)


def test_stages_say_how_they_differ() -> None:
    f = gradc.compile(loss)
    f(*arguments())
    text = f.stages["cse"].diff("joint").splitlines()
    assert text[:2] == ["--- joint", "+++ cse"]
    assert any(line.startswith("-") and " = binary_cross_entropy_with_logits(" in line for line in text)
    assert any(line.startswith("+") and " = softplus(" in line for line in text)
    assert f.stages["dce"].diff("dce") == ""
    assert "+        del" in f.stages["free"].diff("split")
    assert f.stages["cse"].diff(f.stages["joint"]).splitlines()[2:] == text[2:]
    with pytest.raises(ArgumentError, match="there is no stage 'cze'; there are traced, differentiate"):
        f.stages["cse"].diff("cze")
    assert f.stages["joint"] == f.stages["differentiate"]
    assert isinstance(f.stages["cse"], Graph)
