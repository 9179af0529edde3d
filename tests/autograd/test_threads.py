"""Several threads at once: modes belong to each, leaves to all."""

from __future__ import annotations

import contextlib
import sys
import threading

import pytest

import gradc


@pytest.fixture(autouse=True)
def switching():
    """Threads take turns as often as Python lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(functions):
    """Run functions in a thread each, started as one; raise the first error."""
    barrier, errors = threading.Barrier(len(functions)), []

    def run(function):
        try:
            barrier.wait(30)
            function()
        except BaseException as problem:  # told by the test
            errors.append(problem)

    threads = [threading.Thread(target=run, args=(f,)) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("create_graph", [False, True])
def test_backwards_add_to_the_same_leaves(create_graph):
    x = gradc.ones(64, requires_grad=True)
    w = gradc.full((64,), 2.0, requires_grad=True)

    def work():
        for _ in range(200):
            (x * w + x).sum().backward(create_graph=create_graph)

    with pytest.warns(UserWarning) if create_graph else contextlib.nullcontext():
        together([work] * 4)
    assert x.grad.detach().tolist() == [800 * 3.0] * 64 and w.grad.detach().tolist() == [800 * 1.0] * 64


def test_backwards_of_one_graph():
    x = gradc.full((32,), 3.0, requires_grad=True)
    h = x * x
    losses = [(h * k).sum() for k in range(1, 5)]
    together([lambda loss=loss: [loss.backward(retain_graph=True) for _ in range(100)] for loss in losses])
    assert x.grad.tolist() == [100 * (1 + 2 + 3 + 4) * 6.0] * 32


def test_new_shapes_in_all_threads():
    """Functions are generated, and forgotten, by all threads at once."""
    def work():
        for n in range(1, 60):
            for _ in range(4):
                x = gradc.ones(n, requires_grad=True)
                (x * x).exp().sum().backward()
                assert x.grad.shape == (n,)

    together([work] * 4)


def test_modes_belong_to_a_thread():
    x = gradc.ones(3, requires_grad=True)

    def recording():
        for _ in range(2000):
            assert gradc.is_grad_enabled() and (x * 2).requires_grad

    def not_recording():
        for _ in range(500):
            with gradc.no_grad():
                assert not (x * 2).requires_grad
                with gradc.enable_grad():
                    assert (x * 2).requires_grad
                assert not gradc.is_grad_enabled()

    def inferring():
        for _ in range(500):
            with gradc.inference_mode():
                assert (x * 2).is_inference()

    def packing():
        notes = []
        for i in range(500):
            with gradc.autograd.graph.saved_tensors_hooks(lambda v: notes.append(v), lambda v: v):
                x.exp()
            assert len(notes) == i + 1

    with gradc.no_grad():  # of this thread alone
        together([recording, not_recording, inferring, packing])


def test_hooks_of_one_leaf_in_several_threads():
    x, sums = gradc.ones(8, requires_grad=True), []
    x.register_hook(lambda g: g * 2)
    x.register_post_accumulate_grad_hook(lambda p: sums.append(1))

    def work():
        for _ in range(100):
            (x * 3).sum().backward()

    together([work] * 4)
    assert x.grad.tolist() == [2400.0] * 8 and len(sums) == 400


def test_a_hook_on_several_gradients_in_several_threads():
    a, b = gradc.ones(4, requires_grad=True), gradc.ones(4, requires_grad=True)
    calls = []
    gradc.autograd.graph.register_multi_grad_hook([a, b], lambda gs: calls.append([g[0].item() for g in gs]))

    def work(k):
        for _ in range(100):
            (a * k + b * (10 * k)).sum().backward()

    together([lambda k=k: work(float(k)) for k in range(1, 5)])
    assert sorted(calls) == [[float(k), 10.0 * k] for k in range(1, 5) for _ in range(100)]


def test_a_hook_may_wait_for_the_backward_of_another_thread():
    x, y = gradc.ones(1, requires_grad=True), gradc.ones(1, requires_grad=True)

    def elsewhere(g):
        with gradc.enable_grad():
            thread = threading.Thread(target=lambda: (y * 2).sum().backward())
            thread.start()
            thread.join(30)
            assert not thread.is_alive()

    x.register_hook(elsewhere)
    x.register_post_accumulate_grad_hook(elsewhere)
    (x * y).sum().backward()
    assert x.grad.item() == 1.0 and y.grad.item() == 5.0
