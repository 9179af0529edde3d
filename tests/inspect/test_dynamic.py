"""The dynamic graph as a graph: it prints, parses back, and runs to the number that eager mode computed."""

from __future__ import annotations

import numpy as np
import pytest

import gradc as torch
from gradc import nn
from gradc.errors import GradError
from gradc.inspect.dynamic import graph, tree
from gradc.ir import parse, verify
from gradc.ops.joining import cat

F = nn.functional


def checked(result, **tensors):
    """The dynamic graph of `result`; running its text on the named tensors gives `result` again."""
    made = graph(result)
    verify(made)
    again = parse(str(made))
    assert again == made
    given = [tensors[value.name].detach() for value in again.inputs]
    np.testing.assert_array_equal(again(*given).detach().numpy(), result.detach().numpy())
    return made


def leaves(*shapes):
    torch.manual_seed(0)
    return [torch.randn(*shape).requires_grad_() for shape in shapes]


def test_a_chain_with_the_users_names_and_lines():
    (w,) = leaves((3,))
    torch.manual_seed(1)
    x = torch.randn(4, 3)
    z = x @ w
    loss = F.softplus(z).sum()
    made = checked(loss, x=x, w=w)
    assert [v.name for v in made.inputs] == ["x", "w"]
    assert [n.op.name for n in made.nodes] == ["matmul", "softplus", "sum"]
    assert made.nodes[0].outputs[0].name == "z" and made.outputs[0].name == "loss"
    assert {n.loc.file for n in made.nodes} == {"test_dynamic.py"}
    assert made.nodes[1].loc.line == made.nodes[0].loc.line + 1
    assert made.nodes[1].loc.source() == "loss = F.softplus(z).sum()"


def test_a_leaf_used_twice_is_one_input():
    a, b = leaves((3,), (3,))
    product = a * b
    checked((product + a).sum(), a=a, b=b)
    assert len(graph((product + a).sum()).inputs) == 2


def test_a_shared_result_is_computed_once():
    (a,) = leaves((3,))
    e = a.exp()
    made = checked((e * e + e).sum(), a=a)
    assert [n.op.name for n in made.nodes].count("exp") == 1


def test_saved_numbers_come_back():
    (a,) = leaves((3,))
    checked((a * 3).sum(), a=a)
    checked((a**2).sum(), a=a)
    checked((2 / a).sum(), a=a)
    checked(a.clamp(-0.5, None).sum(), a=a)


def test_numbers_that_no_formula_needs_come_back():
    (a,) = leaves((3,))
    checked((a + 2).sum(), a=a)
    checked((2 - a).sum(), a=a)


def test_attributes_and_views():
    (a,) = leaves((2, 3))
    checked(a.t().reshape(6)[1:4].sum(), a=a)
    checked(a.mean(1, keepdim=True).amax(), a=a)


def test_what_the_user_has_no_name_for_is_a_constant():
    (a,) = leaves((4, 3))
    made = graph(a.gather(1, a.argmax(1, keepdim=True)).sum())
    assert [v.name for v in made.inputs] == ["a", "constant_0"]
    np.testing.assert_allclose(made(a.detach(), a.argmax(1, keepdim=True)).item(), a.max(1).values.sum().item())


def test_a_variable_number_of_operands():
    a, b = leaves((2,), (3,))
    checked(cat([a, b]).exp().sum(), a=a, b=b)


def test_a_module_names_its_parameters():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    x = torch.randn(5, 3)
    made = graph(model(x).sum())
    names = [value.name for value in made.inputs]
    assert names == ["x", "model_0_weight", "model_0_bias", "model_2_weight", "model_2_bias"]
    parameters = {f"model_{name.replace('.', '_')}": p for name, p in model.named_parameters()}
    checked(model(x).sum(), x=x, **parameters)


def test_composites_stay_whole():
    (scores,) = leaves((4, 3))
    y = torch.tensor([0, 2, 1, 1])
    loss = F.cross_entropy(scores, y)
    made = checked(loss, scores=scores, y=y)
    assert [n.op.name for n in made.nodes] == ["cross_entropy"]


def test_the_graph_is_there_after_backward_too():
    (a,) = leaves((3,))
    loss = a.exp().sum()
    before = graph(loss)
    loss.backward()
    assert graph(loss) == before


def test_a_long_chain_does_not_recurse():
    (a,) = leaves((2,))
    x = a
    for _ in range(3000):
        x = x * 1.0
    assert len(graph(x).nodes) == 3000
    assert tree(x).count("\n") == 3000


@pytest.mark.parametrize("make", [lambda: torch.ones(3), lambda: torch.ones(3, requires_grad=True)])
def test_without_a_graph(make):
    with pytest.raises(GradError, match="was not computed from tensors that require grad"):
        graph(make())


def test_of_compiled_code_says_where_to_look():
    (a,) = leaves((3,))
    with pytest.raises(GradError, match="stages"):
        graph(torch.compile(lambda a: a.exp().sum())(a) * 2)


def test_tree():
    a, b = leaves((3,), (3,))
    e = a.exp()
    text = tree((e * b + e).sum())
    assert [line.split("  test_dynamic")[0] for line in text.splitlines()] == [
        "SumBackward0",
        "└─ AddBackward0",
        "   ├─ MulBackward0",
        "   │  ├─ ExpBackward0",
        "   │  │  └─ AccumulateGrad f32[3]",
        "   │  └─ AccumulateGrad f32[3]",
        "   └─ ExpBackward0",
    ]
    assert text.endswith("(above)")
    assert tree(a) == "(no graph)"
