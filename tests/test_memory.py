"""A graph dies with its last reference, without the help of the garbage collector, and training does not grow."""

from __future__ import annotations

import gc
import sys
import tracemalloc
import weakref

import pytest

import gradc


@pytest.fixture(autouse=True)
def no_collector():
    """Only reference counts free memory in these tests."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def leaf():
    return gradc.tensor([[0.5, 1.5], [2.5, -0.5]], requires_grad=True)


def written(x):
    y = x * 1.0
    y[0] = y[1] * 2.0
    y.mul_(3.0)
    return y


BUILDS = {
    "pointwise": lambda x: (x * x).exp() + x,
    "matrix product": lambda x: x @ x,
    "view": lambda x: (x * 2.0).t().reshape(-1)[1:],
    "view of a view, written": lambda x: (x * 2.0).view(-1)[1:].mul_(2.0),
    "in place": written,
    "composite": lambda x: gradc.nn.functional.cross_entropy(x, gradc.tensor([0, 1])),
    "loss of another": lambda x: gradc.nn.functional.binary_cross_entropy_with_logits(x, gradc.zeros(2, 2)),
    "several results": lambda x: (x * 2.0).max(0).values,
    "reduction": lambda x: (x * 2.0).std() + x.mean(),
}


def refs_of_graph(result):
    """Weak references to the nodes that a result depends on, and to the result."""
    found, stack = [weakref.ref(result)], [result.grad_fn]
    while stack:
        node = stack.pop()
        if isinstance(node, gradc.node.Node):
            found.append(weakref.ref(node))
            stack.extend(n for n, _ in node.next_functions)
    return found


def dead(refs):
    return all(ref() is None for ref in refs)


@pytest.mark.parametrize("name", BUILDS)
def test_a_graph_dies_with_its_result(name):
    for _ in range(4):  # before and after functions are generated
        y = BUILDS[name](leaf())
        refs = refs_of_graph(y)
        assert len(refs) > 1
        del y
        assert dead(refs)


@pytest.mark.parametrize("name", BUILDS)
def test_a_graph_dies_after_backward(name):
    for _ in range(4):
        x = leaf()
        y = BUILDS[name](x).sum()
        refs = refs_of_graph(y)
        y.backward()
        del y
        assert dead(refs) and x.grad is not None


@pytest.mark.parametrize("name", ["pointwise", "matrix product", "view", "reduction"])
def test_a_second_order_graph_dies(name):
    x = leaf()
    y = BUILDS[name](x).sum()
    g, = gradc.autograd.grad(y, x, create_graph=True)
    refs = refs_of_graph(y) + (refs_of_graph(g) if g.grad_fn is not None else [])
    if g.grad_fn is not None:
        g.sum().backward()
    del y, g
    assert dead(refs)


def test_a_retained_graph_dies():
    x = leaf()
    y = (x * x).exp().sum()
    refs = refs_of_graph(y)
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    del y
    assert dead(refs)


def test_backward_frees_what_was_saved_while_the_result_lives():
    x = leaf()
    h = x * 2.0
    y = h.exp()
    saved = weakref.ref(h)
    total = (y * h).sum()
    del h, y
    total.backward()
    assert saved() is None


def test_hooks_and_retained_gradients_make_no_cycle():
    x = leaf()
    y = x * 2.0
    y.retain_grad()
    y.register_hook(lambda g: None)
    z = (y * y).sum()
    z.backward()
    refs = refs_of_graph(z) + [weakref.ref(y)]
    del y, z
    assert dead(refs)


def test_a_failed_backward_keeps_nothing():
    x = leaf()
    y = x * x
    refs = refs_of_graph(y)
    with pytest.raises(RuntimeError):
        y.backward()
    del y
    assert dead(refs)


def test_a_training_loop_does_not_grow():
    model = gradc.nn.Sequential(gradc.nn.Linear(8, 16), gradc.nn.ReLU(), gradc.nn.Linear(16, 4))
    optimizer = gradc.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, labels = gradc.rand(16, 8), gradc.tensor([0, 1, 2, 3] * 4)

    def train(steps):
        for _ in range(steps):
            optimizer.zero_grad()
            gradc.nn.functional.cross_entropy(model(x), labels).backward()
            optimizer.step()

    tracemalloc.start()
    train(200)
    before = tracemalloc.get_traced_memory()[0]
    train(2000)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 20_000


def training_step(model, x, y, losses):
    """One step with most of what can hang on a graph: hooks, views, writes, a gradient of a gradient, packed values."""
    pred = model(x)
    pred.register_hook(lambda g: g * 1.0)
    pred.grad_fn.register_prehook(lambda outputs: None)
    hidden = pred.view(-1)[1:].reshape(-1)
    hidden.retain_grad()
    with gradc.autograd.graph.saved_tensors_hooks(lambda v: v, lambda v: v):
        loss = (pred - y).square().mean() + hidden.exp().sum() * 1e-3
    slopes = gradc.autograd.grad(loss, list(model.parameters()), create_graph=True)
    penalty = sum((g * g).sum() for g in slopes)
    (loss + gradc.utils.checkpoint.checkpoint(lambda p: p * 0.1, penalty, use_reentrant=False)).backward()
    pred.detach().mul_(2.0)
    losses[len(losses) % 10 :] = [loss.detach()]
    with gradc.no_grad():
        for p in model.parameters():
            p -= 1e-3 * p.grad
            p.grad = None


@pytest.mark.slow
def test_thousands_of_steps_of_everything_do_not_grow():
    model = gradc.nn.Linear(3, 2)
    model.weight.register_post_accumulate_grad_hook(lambda p: None)
    gradc.autograd.graph.register_multi_grad_hook(list(model.parameters()), lambda gs: None)
    model.register_full_backward_hook(lambda m, inputs, outputs: None)
    x, y, losses = gradc.rand(4, 3, requires_grad=True), gradc.rand(4, 2), []
    for _ in range(1500):  # until Python's own free lists are full
        training_step(model, x, y, losses)
    before = sys.getallocatedblocks()
    for _ in range(2500):
        training_step(model, x, y, losses)
    assert sys.getallocatedblocks() - before < 500


def test_a_detached_loss_does_not_keep_its_graph():
    x = leaf()
    y = (x * x).exp()
    refs = refs_of_graph(y)[1:]
    kept = [y.detach(), y[0].detach(), y.sum().detach(), y.detach()[0], y.data]
    del y
    assert dead(refs)
    assert all(not k.requires_grad for k in kept)


def test_shapes_that_change_at_every_step_do_not_fill_memory():
    x = gradc.tensor([1.0], requires_grad=True)
    for n in range(1, 1500):
        (x.expand(n) * 2.0).sum().backward()
    assert all(len(op.generated) <= 1002 for op in gradc.ir.registry.OPS.values())
