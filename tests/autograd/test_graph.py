"""The graph in the user's hands: nodes, edges, versions, and anomalies: the same program on gradc and on PyTorch."""

from __future__ import annotations

import warnings

import pytest


def leaf(torch, value=3.0):
    return torch.tensor(value, requires_grad=True)


def test_every_grad_fn_is_a_node(torch):
    x = leaf(torch)
    node = (x * 2).grad_fn
    assert isinstance(node, torch.autograd.graph.Node)
    assert isinstance(node.next_functions[0][0], torch.autograd.graph.Node)
    assert not isinstance(x, torch.autograd.graph.Node)


def test_notes_and_numbers_of_a_node(torch):
    x = leaf(torch)
    y = x * 2
    z = y * 2
    y.grad_fn.metadata["k"] = 1
    assert y.grad_fn.metadata == {"k": 1} and z.grad_fn.metadata == {}
    assert z.grad_fn._sequence_nr() - y.grad_fn._sequence_nr() == 1


SAVED = {
    "square": (lambda x: x ** 2, ["_raw_saved_self", "_saved_exponent", "_saved_self"]),
    "power": (lambda x: x ** x, ["_raw_saved_exponent", "_raw_saved_result", "_raw_saved_self", "_saved_exponent",
                                 "_saved_result", "_saved_self"]),
    "product": (lambda x: x * x, ["_raw_saved_other", "_raw_saved_self", "_saved_other", "_saved_self"]),
    "exp": (lambda x: x.exp(), ["_raw_saved_result", "_saved_result"]),
}


@pytest.mark.parametrize("name", SAVED)
def test_what_a_node_says_it_saves(torch, name):
    make, names = SAVED[name]
    node = make(leaf(torch)).grad_fn
    found = [n for n in dir(node) if n.startswith(("_saved", "_raw"))]
    assert [n for n in found if n in names] == names
    for n in names:
        assert getattr(node, n) is not None


def test_saved_values_can_be_read_until_they_are_freed(torch):
    x = leaf(torch)
    y = x.exp()
    assert y.grad_fn._saved_result.item() == y.item()
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.grad_fn._saved_result


# Edges


def test_gradients_of_edges(torch):
    x = leaf(torch)
    y = x * 2
    edge_of = torch.autograd.graph.get_gradient_edge
    edges = [edge_of(y), edge_of(x)]
    assert [e.output_nr for e in edges] == [0, 0] and edges[0].node is y.grad_fn
    found = torch.autograd.grad(y * y, edges, retain_graph=True)
    assert [g.item() for g in found] == [12.0, 24.0]
    (y * y).backward(inputs=[edge_of(x)], retain_graph=True)
    assert x.grad.item() == 24.0
    assert torch.autograd.grad(edge_of(y), x, torch.tensor(5.0), retain_graph=True)[0].item() == 10.0
    torch.autograd.backward(edge_of(y), torch.tensor(1.0))
    assert x.grad.item() == 26.0


def test_edges_outlive_their_tensors(torch):
    x = leaf(torch)
    y = x * 2
    edge = torch.autograd.graph.get_gradient_edge(y)
    loss = y * y
    del y
    assert torch.autograd.grad(loss, edge)[0].item() == 12.0


def test_the_edge_of_one_of_several_results(torch):
    x = torch.tensor([[3.0, 1.0], [2.0, 4.0]], requires_grad=True)
    values, _ = x.sort(dim=1)
    edge = torch.autograd.graph.get_gradient_edge(values)
    g, = torch.autograd.grad((values * values).sum(), edge)
    assert g.tolist() == [[2.0, 6.0], [4.0, 8.0]]


def test_edges_where_they_cannot_be(torch):
    edge_of = torch.autograd.graph.get_gradient_edge
    with pytest.raises(RuntimeError, match="It is not possible to get the gradient edge"):
        edge_of(torch.tensor(1.0))
    x = leaf(torch)
    with pytest.raises(RuntimeError, match="materialize_grads cannot be used when the given input is a GradientEdge"):
        torch.autograd.grad(leaf(torch) * 2, edge_of(x), materialize_grads=True)


# Versions


def test_a_write_behind_the_graphs_back_can_be_told(torch):
    x = torch.tensor([1.0, 2.0])
    w = leaf(torch)
    y = x * w
    torch.autograd.graph.increment_version(x)
    assert x._version == 1
    with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
        y.sum().backward()
    torch.autograd.graph.increment_version([x, x])
    assert x._version == 3


def test_writes_that_are_not_counted(torch):
    x = torch.tensor([1.0, 2.0])
    w = leaf(torch)
    y = x * w
    with torch.autograd._unsafe_preserve_version_counter(x):
        x.mul_(10)
    assert x._version == 0
    y.sum().backward()
    assert w.grad.item() == 30.0


# detach() of computed tensors


def test_a_detached_tensor_shares_memory_and_version(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    z = y.detach()
    z[0] = 5.0
    assert y[0].item() == 5.0 and y._version == 1 and not z.requires_grad
    with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
        y.sum().backward()


def test_a_compiled_function_is_not_fooled_by_detached_memory():
    import gradc

    def f(a, b):
        a.mul_(2)
        return a + b

    y = gradc.ones(2, requires_grad=True) * 1
    compiled = gradc.compile(f)
    assert compiled(gradc.ones(2), gradc.ones(2)).tolist() == [3.0, 3.0]
    with pytest.raises(gradc.errors.TraceError, match="writes a tensor that shares its memory with another one"):
        gradc.compile(f, fullgraph=True)(y.detach(), y.detach())
    with pytest.warns(RuntimeWarning, match="runs without being compiled"):
        assert compiled(y.detach(), y.detach()).tolist() == [4.0, 4.0]
    base = gradc.ones(4)
    assert compiled(base[:2], base[:2]).tolist() == [4.0, 4.0]
    assert compiled(base[:2], base[1:3]).tolist() == [8.0, 5.0]
    assert compiled(base[:2], base[2:]).tolist() == [9.0, 9.0]
    assert base.tolist() == [8.0, 8.0, 1.0, 1.0]


# Anomalies


def root_of_minus_one(torch):
    return leaf(torch, -1.0).sqrt() * 0


def test_the_op_whose_gradient_is_nan_is_found(torch):
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"), torch.autograd.detect_anomaly():
        assert torch.is_anomaly_enabled() and torch.is_anomaly_check_nan_enabled()
        y = root_of_minus_one(torch)
        with pytest.warns(UserWarning, match="Error detected in SqrtBackward0"), \
                pytest.raises(RuntimeError, match="Function 'SqrtBackward0' returned nan values in its 0th output"):
            y.backward()
    assert not torch.is_anomaly_enabled()


def test_nan_is_no_anomaly_if_told_so(torch):
    x = leaf(torch, -1.0)
    with pytest.warns(UserWarning, match="Anomaly"), torch.autograd.detect_anomaly(check_nan=False):
        (x.sqrt() * 0).backward()
    assert x.grad.isnan()


def test_the_search_is_switched_on_and_off(torch):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with torch.autograd.set_detect_anomaly(True, check_nan=False):
            assert torch.is_anomaly_enabled() and not torch.is_anomaly_check_nan_enabled()
        assert not torch.is_anomaly_enabled()
        torch.autograd.set_detect_anomaly(True)
        assert torch.is_anomaly_enabled()
        torch.autograd.set_detect_anomaly(False)
        assert not torch.is_anomaly_enabled()
        x = leaf(torch, -1.0)
        (x.sqrt() * 0).backward()
    assert x.grad.isnan()


def test_the_message_of_an_anomaly_says_where_and_what():
    import gradc
    with pytest.warns(UserWarning), gradc.autograd.detect_anomaly(), pytest.raises(gradc.errors.GradError) as caught:
        root_of_minus_one(gradc).backward()
    text = str(caught.value)
    assert "return leaf(torch, -1.0).sqrt() * 0" in text
    assert "operands: f32" in text and "saved result: shape [], 1 nan" in text
    assert "gradient that came in: shape [], from 0.0 to 0.0" in text
