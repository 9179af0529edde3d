"""utils.checkpoint in both forms: the same program on gradc and on PyTorch."""

from __future__ import annotations

import gc
import importlib
import weakref

import pytest

FORMS = pytest.mark.parametrize("reentrant", [True, False], ids=["reentrant", "not reentrant"])


def leaf(torch, value=3.0):
    return torch.tensor(value, requires_grad=True)


def checkpointed(torch, function, *args, **options):
    return torch.utils.checkpoint.checkpoint(function, *args, **{"use_reentrant": False} | options)


def counted(function):
    def run(*args, **kwargs):
        run.count += 1
        return function(*args, **kwargs)

    run.count = 0
    return run


@FORMS
def test_the_gradients_are_the_same(torch, reentrant):
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    x = torch.rand(5, 3, requires_grad=True)
    expected = torch.autograd.grad(model(x).sin().sum(), [x, *model.parameters()])
    for _ in range(4):  # before and after functions are generated
        x.grad = None
        model.zero_grad()
        run = counted(model)
        y = checkpointed(torch, run, x, use_reentrant=reentrant).sin().sum()
        assert run.count == 1
        y.backward()
        assert run.count == 2
        for g, e in zip([x.grad, *[p.grad for p in model.parameters()]], expected, strict=True):
            assert torch.allclose(g, e)


@FORMS
def test_several_arguments_and_results(torch, reentrant):
    a, b = leaf(torch, 2.0), leaf(torch, 5.0)
    p, q, n = checkpointed(torch, lambda a, n, b: (a * b * n, a + b, n), a, 3, b, use_reentrant=reentrant)
    (p * q).backward()
    assert n == 3 and (a.grad.item(), b.grad.item()) == (135.0, 72.0)


def test_each_backward_runs_the_function_once_more(torch):
    run, x = counted(lambda v: v.exp() * v.sin()), leaf(torch)
    y = checkpointed(torch, run, x)
    y.backward(retain_graph=True)
    y.backward()
    assert run.count == 3
    assert x.grad.item() == pytest.approx(2 * (leaf(torch).exp() * (x.sin() + x.cos())).item())


def test_second_order(torch):
    x = leaf(torch)
    g, = torch.autograd.grad(checkpointed(torch, lambda v: v.exp() * v, x), x, create_graph=True)
    second, = torch.autograd.grad(g, x)
    assert second.item() == pytest.approx(5 * x.exp().item())


@FORMS
def test_random_numbers_are_the_same_again(torch, reentrant):
    x = torch.ones(64, requires_grad=True)
    y = checkpointed(torch, lambda v: torch.nn.functional.dropout(v, 0.5), x, use_reentrant=reentrant)
    state = torch.get_rng_state()
    y.sum().backward()
    assert (y.detach() == x.grad).all() and 0 < y.sum().item() < 128
    assert (torch.get_rng_state() == state).all()


def test_random_numbers_may_be_new(torch):
    x, drawn = torch.ones(64, requires_grad=True), []
    checkpointed(torch, lambda v: (drawn.append(torch.rand(4)), v.exp())[1], x, preserve_rng_state=False,
                 early_stop=False).sum().backward()
    assert len(drawn) == 2 and (drawn[0] != drawn[1]).any()


def test_checkpoints_in_checkpoints(torch):
    inner = counted(lambda v: v.sin().exp())
    x = leaf(torch, 0.3)
    expected, = torch.autograd.grad(x.cos().sin().exp().sin(), x)
    y = checkpointed(torch, lambda v: checkpointed(torch, inner, v.cos()).sin(), x)
    y.backward()
    assert torch.allclose(x.grad, expected) and inner.count == 3


def test_keyword_arguments_and_gradients_inside(torch):
    def slope(v, *, k):
        g, = torch.autograd.grad((v * v * v).sum(), v, create_graph=True)
        return g * k

    x = leaf(torch, 2.0)
    checkpointed(torch, slope, x, k=3.0).backward()
    assert x.grad.item() == 36.0


def test_the_contexts_of_both_runs(torch):
    notes = []

    class Noting:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            notes.append(f"into {self.name}")

        def __exit__(self, *exception):
            notes.append(f"out of {self.name}")

    y = checkpointed(torch, lambda v: v.exp(), leaf(torch), context_fn=lambda: (Noting("first"), Noting("second")))
    assert notes == ["into first", "out of first"]
    y.backward()
    assert notes[2:] == ["into second", "out of second"]


def test_the_second_run_stops_early(torch):
    ends = []

    def run(v):
        y = v.exp()
        ends.append(1)
        return y

    checkpointed(torch, run, leaf(torch)).backward()
    checkpointed(torch, run, leaf(torch), early_stop=False).backward()
    with torch.utils.checkpoint.set_checkpoint_early_stop(False):
        y = checkpointed(torch, run, leaf(torch))
    y.backward()
    assert len(ends) == 5


# What cannot be


def changing(first, second):
    """A function that does something else the second time."""
    runs = []

    def run(v):
        runs.append(1)
        return (first if len(runs) == 1 else second)(v)

    return run


CHANGES = {
    "fewer": (lambda v: v.exp() * v, lambda v: v.exp(), {}, "A different number of tensors was saved"),
    "more": (lambda v: v.exp(), lambda v: v.exp() * v, {"early_stop": False},
             "trying to save more tensors during recomputation"),
    "shape": (lambda v: v.exp(), lambda v: v.reshape(1).exp(), {}, "have different metadata than during the forward"),
    "dtype": (lambda v: v.exp(), lambda v: v.double().exp(), {}, "have different metadata than during the forward"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_function_that_changes(torch, name):
    first, second, options, message = CHANGES[name]
    x = leaf(torch)
    y = checkpointed(torch, changing(first, second), x, **options)
    with pytest.raises(torch.utils.checkpoint.CheckpointError, match=message):
        y.backward()
    assert x.grad is None


def test_debug_shows_both_runs():
    gradc = importlib.import_module("gradc")
    y = checkpointed(gradc, changing(lambda v: v.exp() * v, lambda v: v.exp()), leaf(gradc), debug=True)
    with pytest.raises(gradc.utils.checkpoint.CheckpointError) as caught:
        y.backward()
    first, second = str(caught.value).split("Saved during the recomputation:")
    assert first.count("lambda v: v.exp() * v, lambda v: v.exp()") == 3 and second.count("test_checkpoint.py") == 1


@FORMS
def test_an_argument_written_meanwhile(torch, reentrant):
    z = torch.ones(2, requires_grad=True) * 1
    y = checkpointed(torch, lambda v: v.exp(), z, use_reentrant=reentrant)
    with torch.no_grad():
        z.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_the_reentrant_form_is_for_backward_alone(torch):
    x = leaf(torch)
    with pytest.raises(RuntimeError, match="When use_reentrant=True, torch.utils.checkpoint is incompatible"):
        torch.autograd.grad(checkpointed(torch, lambda v: v * v, x, use_reentrant=True), x)
    with pytest.raises(RuntimeError, match="When use_reentrant=True, torch.utils.checkpoint is incompatible"):
        checkpointed(torch, lambda v: v * v, x, use_reentrant=True).backward(inputs=[x])


def test_options_that_do_not_fit(torch):
    x = leaf(torch)
    for options in ({"determinism_check": "some"}, {"use_reentrant": True, "debug": True},
                    {"use_reentrant": True, "k": 1}, {"debug": True, "context_fn": lambda: None}):
        with pytest.raises(ValueError):
            checkpointed(torch, lambda v, **k: v, x, **options)
    with pytest.warns(UserWarning, match="the use_reentrant parameter should be passed"):
        torch.utils.checkpoint.checkpoint(lambda v: v * v, x).backward()
    assert x.grad.item() == 6.0
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        checkpointed(torch, lambda v: v * v, torch.ones(2), use_reentrant=True)


# Around


@FORMS
def test_a_chain_in_segments(torch, reentrant):
    layers = [counted(torch.nn.Linear(2, 2)) for _ in range(5)]
    x = torch.ones(3, 2, requires_grad=True)
    y = x
    for layer in layers:
        y = layer(y)
    expected, = torch.autograd.grad(y.sum(), x)
    y = torch.utils.checkpoint.checkpoint_sequential(layers, 2, x, use_reentrant=reentrant)
    y.sum().backward()
    assert torch.allclose(x.grad, expected)
    assert [layer.count for layer in layers] == [3, 3, 2, 2, 2]


def test_inside_of_a_compiled_function_it_is_a_call():
    gradc = importlib.import_module("gradc")
    x = gradc.tensor([1.0, 2.0], requires_grad=True)
    for reentrant in (True, False):
        compiled = gradc.compile(lambda x, r=reentrant: checkpointed(gradc, gradc.exp, x, use_reentrant=r).sum())
        g, = gradc.autograd.grad(compiled(x), x)
        assert gradc.allclose(g, x.exp())


def test_nothing_is_kept_but_the_arguments():
    gradc = importlib.import_module("gradc")
    kept = []

    def run(v):
        h = v * 2
        kept.append(weakref.ref(h))
        return h.exp().sin()

    gc.collect()
    gc.disable()
    try:
        x = leaf(gradc)
        y = checkpointed(gradc, run, x)
        node = weakref.ref(y.grad_fn)
        assert kept[0]() is None
        y.backward()
        assert kept[1]() is None
        del y
        assert node() is None
    finally:
        gc.enable()
