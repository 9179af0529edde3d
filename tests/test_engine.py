"""`backward`, `autograd.grad` and hooks, on gradc and, where installed, on PyTorch."""

from __future__ import annotations

import gc
import importlib
import threading
import time
import warnings

import numpy as np
import pytest


@pytest.fixture(params=["gradc", "torch"])
def torch(request):
    if request.param == "torch":
        pytest.importorskip("torch")
    return importlib.import_module(request.param)


@pytest.fixture
def gradc():
    return importlib.import_module("gradc")


# What each statement gives. The names are those of torch_semantics: x = 3, v = [1, 2], w = 2, all leaves.

VALUES = {
    "(x * x).backward(); (x * x).backward(); x.grad": "tensor(12.)",
    "(v * 2).backward(t([1., 10.])); v.grad": "tensor([ 2., 20.])",
    "(v * 2).backward(t([1, 1])); v.grad": "tensor([2., 2.])",
    "(v * 2).backward(t([1., 1.], dtype=torch.float64)); v.grad.dtype": "torch.float32",
    "y = x * x; y.backward(retain_graph=True); y.backward(); x.grad": "tensor(12.)",
    "y = (-(v + 1)).view(2, 1).sum(); y.backward(); y.backward(); v.grad": "tensor([-2., -2.])",
    "(x * w).backward(inputs=[x]); (x.grad, w.grad)": "(tensor(2.), None)",
    "y = x * x; (y * 2).backward(inputs=[y]); y.grad": "tensor(2.)",
    "ag.backward([x * 2, x * x]); x.grad": "tensor(8.)",
    "x.backward(); x.grad": "tensor(1.)",
    "y = x * x\nwith torch.no_grad(): y.backward()\nx.grad": "tensor(6.)",
    "(torch.ones(3, 2) * v).sum().backward(); v.grad": "tensor([3., 3.])",
    "(x * x + x).backward(); x.grad": "tensor(7.)",
    "(ag.grad(x * x, x), x.grad)": "((tensor(6.),), None)",
    "ag.grad(x * x, [x, w], allow_unused=True)": "(tensor(6.), None)",
    "ag.grad(x * x, [x, v], materialize_grads=True)": "(tensor(6.), tensor([0., 0.]))",
    "ag.grad(v * v, v, grad_outputs=t([1., 10.]))": "(tensor([ 2., 40.]),)",
    "ag.grad(v * v, v, grad_outputs=torch.eye(2), is_grads_batched=True)":
        "(tensor([[2., 0.],\n        [0., 4.]]),)",
    "y = x * x; ag.grad(y * y, y)": "(tensor(18.),)",
    "ag.grad([x * x, x * 2], x, grad_outputs=[None, t(10.)])": "(tensor(26.),)",
    "g, = ag.grad(x**3, x, create_graph=True); ag.grad(g, x)": "(tensor(18.),)",
    "g, = ag.grad(x**4, x, create_graph=True); h, = ag.grad(g, x, create_graph=True); ag.grad(h, x)":
        "(tensor(72.),)",
    "y = x**3; ag.grad(y, x, create_graph=True); ag.grad(y, x)": "(tensor(27.),)",
    "y = x * 2; y.retain_grad(); (y * y).backward(); (y.grad, y.retains_grad, x.retains_grad)":
        "(tensor(12.), True, False)",
    "x.retain_grad(); x.retains_grad": "False",
    "y = x * x; y.register_hook(lambda g: g * 10); y.backward(); x.grad": "tensor(60.)",
    "y = x * 1; y.register_hook(lambda g: g + 1); y.register_hook(lambda g: g * 10); y.backward(); x.grad":
        "tensor(20.)",
    "h = x.register_hook(lambda g: g * 5); (x * 2).backward(); h.remove(); (x * 2).backward(); x.grad":
        "tensor(12.)",
    "s = []; x.register_hook(lambda g: s.append(g.item())); (x * x + x).backward(); (x * x).backward(); (s, x.grad)":
        "([7.0, 6.0], tensor(13.))",
    "y = x * 2; y.retain_grad(); y.register_hook(lambda g: g * 10); y.backward(); (y.grad, x.grad)":
        "(tensor(10.), tensor(20.))",
    "x.register_hook(lambda g: g * 3); ag.grad(x * x, x)": "(tensor(18.),)",
}

ERRORS = {
    "(v * 2).backward()": (RuntimeError, "grad can be implicitly created only for scalar outputs"),
    "(v * 2).backward(torch.ones(3))": (RuntimeError, "Mismatch in shape: grad_output\\[0\\] has a shape of"),
    "(v * 2).backward([1., 1.])": (TypeError, "gradients can be either Tensors or None, but got float"),
    "t(1.).backward()": (RuntimeError, "element 0 of tensors does not require grad and does not have a grad_fn"),
    "y = x * x; y.backward(); y.backward()": (RuntimeError, "Trying to backward through the graph a second time"),
    "y = x * x; y.backward(); y.grad_fn._saved_self": (RuntimeError, "Trying to backward through the graph a second"),
    "(x * x).backward(inputs=[])": (RuntimeError, "`inputs` argument to `backward\\(\\)` cannot be empty"),
    "(x * t(1.)).backward(inputs=[t(1.)])": (RuntimeError, "can't retain_grad on Tensor that has requires_grad=False"),
    "ag.backward([x * 2, x * x], [t(1.)])": (RuntimeError, "got 2 tensors and 1 gradients"),
    "ag.grad(x * x, [x, w])": (RuntimeError, "The differentiated Tensor at index 1 appears to not have been used"),
    "ag.grad(x * x, [x], materialize_grads=True, allow_unused=False)": (ValueError, "Expected allow_unused to be True"),
    "c = t(1.); ag.grad(x * c, c)": (RuntimeError, "One of the differentiated Tensors does not require grad"),
    "ag.grad(v * 2, v)": (RuntimeError, "grad can be implicitly created only for scalar outputs"),
    "g, = ag.grad(x**3, x); ag.grad(g, x)": (RuntimeError, "element 0 of tensors does not require grad"),
    "ag.grad(x * x, [])": (RuntimeError, "`inputs` argument to `grad\\(\\)` cannot be empty"),
    "y = x * x; ag.grad(y, x); ag.grad(y, x)": (RuntimeError, "Trying to backward through the graph a second time"),
    "y = v.exp(); v2 = y * 1; y.add_(1); v2.sum().backward(); y.sum().backward()":
        (RuntimeError, "one of the variables needed for gradient computation has been modified by an inplace"),
    "t(1.).retain_grad()": (RuntimeError, "can't retain_grad on Tensor that has requires_grad=False"),
    "t(1.).register_hook(print)": (RuntimeError, "cannot register a hook on a tensor that doesn't require gradient"),
    "v.register_hook(lambda g: torch.ones(3)); (v * 2).sum().backward()":
        (RuntimeError, "hook '<lambda>' has changed the size of value"),
    "v.register_hook(lambda g: 3); (v * 2).sum().backward()":
        (TypeError, "expected Variable, but hook returned 'int'"),
}


def run(torch, code: str):
    """The value of the last expression of `code`."""
    t = torch.tensor
    names = {"torch": torch, "t": t, "ag": torch.autograd, "x": t(3.0, requires_grad=True),
             "v": t([1.0, 2.0], requires_grad=True), "w": t(2.0, requires_grad=True)}
    *before, last = (line for part in code.split("\n") for line in ([part] if part.startswith("with") else
                                                                     part.split("; ")))
    exec("\n".join(before), names)
    return eval(last, names)


@pytest.mark.parametrize("code", VALUES)
def test_value(torch, code):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert repr(run(torch, code)) == VALUES[code]


@pytest.mark.parametrize("code", ERRORS)
def test_error(torch, code):
    kind, message = ERRORS[code]
    with pytest.raises(kind, match=message):
        run(torch, code)


@pytest.mark.parametrize("code, message", [
    ("y = x * 2; (y * y).backward(); y.grad", "The .grad attribute of a Tensor that is not a leaf Tensor"),
    ("(x**3).backward(create_graph=True); x.grad", "Using backward\\(\\) with create_graph=True"),
])
def test_warning(torch, code, message):
    with pytest.warns(UserWarning, match=message):
        run(torch, code)


def test_the_error_of_a_freed_graph_names_both_lines(gradc):
    x = gradc.tensor(3.0, requires_grad=True)
    y = x * x  # the node
    y.backward()  # the first backward
    with pytest.raises(RuntimeError) as caught:
        y.backward()
    text = str(caught.value)
    assert "y = x * x  # the node" in text and "y.backward()  # the first backward" in text


def test_the_error_of_a_write_names_both_lines(gradc):
    x = gradc.tensor([1.0, 2.0], requires_grad=True)
    h = x * 1
    y = h * h  # saves h
    h.add_(1)  # writes h
    with pytest.raises(RuntimeError) as caught:
        y.sum().backward()
    assert "saves h" in str(caught.value) and "writes h" in str(caught.value)


# Generated functions: the same gradient at every use of a key


def test_gradients_agree_before_and_after_a_function_is_generated(gradc):
    x = gradc.tensor([0.3, -0.7, 1.9], requires_grad=True)
    y = gradc.tensor([[1.0], [2.0]], requires_grad=True)
    seen = []
    for _ in range(5):
        x.grad = y.grad = None
        loss = ((x * y).tanh() * 2.0 - 1.0 / (x * x + 1)).sum() + (3 - x).relu().mean()
        loss.backward()
        seen.append((x.grad.tolist(), y.grad.tolist()))
    for found in seen[1:]:
        np.testing.assert_allclose(found[0], seen[0][0], rtol=1e-6)
        np.testing.assert_allclose(found[1], seen[0][1], rtol=1e-6)


def test_composites_agree_before_and_after_a_function_is_generated(gradc):
    cross_entropy = gradc.nn.functional.cross_entropy
    x = gradc.tensor([[0.5, -1.0, 2.0], [0.1, 0.2, 0.3]], requires_grad=True)
    for labels in ([2, 0], [2, -100]):
        target = gradc.tensor(labels)
        losses = [cross_entropy(x, target).item() for _ in range(5)]
        np.testing.assert_allclose(losses, losses[0], rtol=1e-6)


def test_a_number_operand_is_not_baked_into_a_generated_function(gradc):
    for factor in (2.0, 3.0, 4.0, 5.0, 6.0):
        x = gradc.tensor([1.0, 2.0], requires_grad=True)
        (x * factor).sum().backward()
        assert x.grad.tolist() == [factor, factor]
        x.grad = None
        (x**factor).sum().backward()
        np.testing.assert_allclose(x.grad.tolist(), [factor, factor * 2 ** (factor - 1)], rtol=1e-6)


# Size


def deep(gradc, n):
    """Seconds to build a graph of n nodes and go back through it, the cycle collector's own walks left out."""
    gc.disable()
    try:
        start = time.perf_counter()
        x = gradc.tensor([1.0], requires_grad=True)
        y = x
        for _ in range(n):
            y = y + x
        y.backward()
        assert x.grad.item() == n + 1
        del y
        return time.perf_counter() - start
    finally:
        gc.enable()


def test_a_graph_of_100000_nodes_takes_linear_time(gradc):
    deep(gradc, 1000)
    small = min(deep(gradc, 10_000) for _ in range(3))
    assert deep(gradc, 100_000) < 50 * small  # ten times the work; a quadratic walk would take a hundred times as long


def test_deep_graphs_in_every_mode_without_recursion(gradc):
    x = gradc.tensor([1.0], requires_grad=True)
    y = x
    for _ in range(20_000):
        y = y * 1.0
    assert gradc.autograd.grad(y, x, retain_graph=True)[0].item() == 1
    found, = gradc.autograd.grad(y, x, create_graph=True)
    assert found.item() == 1


def test_a_wide_graph(gradc):
    leaves = [gradc.tensor([float(i)], requires_grad=True) for i in range(5000)]
    total = leaves[0] * 2
    for leaf in leaves[1:]:
        total = total + leaf * 2
    total.backward()
    assert all(leaf.grad.item() == 2 for leaf in leaves)


# Threads


def test_grad_mode_belongs_to_a_thread(torch):
    x = torch.tensor([1.0], requires_grad=True)
    entered, checked = threading.Event(), threading.Event()
    found = {}

    def without_grad():
        with torch.no_grad():
            entered.set()
            checked.wait(5)
            found["inside"] = (x * 2).requires_grad

    other = threading.Thread(target=without_grad)
    other.start()
    entered.wait(5)
    found["outside"] = (x * 2).requires_grad
    checked.set()
    other.join()
    assert found == {"inside": False, "outside": True}


def test_two_threads_go_backward_through_graphs_of_their_own(gradc):
    results = {}

    def work(k):
        x = gradc.tensor([1.0, 2.0], requires_grad=True)
        for _ in range(200):
            x.grad = None
            (x * float(k)).sum().backward()
        results[k] = x.grad.tolist()

    threads = [threading.Thread(target=work, args=(k,)) for k in (2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {k: [float(k)] * 2 for k in (2, 3, 4)}


# Whose memory a gradient is


def test_gradients_share_no_memory_with_each_other_or_with_the_cotangent(gradc):
    for _ in range(4):
        x, y = gradc.ones(3).requires_grad_(), gradc.ones(3).requires_grad_()
        seed = gradc.ones(3)
        (x + y).backward(seed)
        x.grad.zero_()
        assert y.grad.tolist() == seed.tolist() == [1.0, 1.0, 1.0]


def test_a_gradient_is_accumulated_in_place(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    first = x.grad
    (x * x).sum().backward()
    assert x.grad is first and first.tolist() == [4.0, 8.0]
