"""Hooks on what the graph saves: the same program on gradc and on PyTorch."""

from __future__ import annotations

import gc
import weakref

import pytest


def leaf(torch, value=3.0):
    return torch.tensor(value, requires_grad=True)


def noting(torch, notes):
    """Hooks that note when they are called and with what."""
    def pack(x):
        notes.append(("pack", x.tolist()))
        return x.detach()

    def unpack(x):
        notes.append(("unpack", x.tolist()))
        return x

    return torch.autograd.graph.saved_tensors_hooks(pack, unpack)


PROGRAMS = {
    "product": (lambda torch, x: x * x, [3.0, 3.0]),
    "product with a number": (lambda torch, x: x * 2, []),
    "result": (lambda torch, x: x.exp(), [20.085536923187668]),
    "square": (lambda torch, x: x ** 2, [3.0]),
    "constant operand": (lambda torch, x: x * torch.tensor(5.0), [5.0]),
    "sum": (lambda torch, x: x + x, []),
    "sigmoid": (lambda torch, x: x.sigmoid(), [0.9525741338729858]),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_saved_tensor_is_packed_once_and_unpacked_once_a_backward(torch, name):
    make, saved = PROGRAMS[name]
    x, notes = leaf(torch), []
    plain = make(torch, x)
    expected = torch.autograd.grad(plain, x)
    for _ in range(4):  # before and after functions are generated
        notes.clear()
        with noting(torch, notes):
            y = make(torch, x)
        assert notes == [("pack", pytest.approx(v)) for v in saved]
        notes.clear()
        assert torch.autograd.grad(y, x, retain_graph=True) == expected
        assert torch.autograd.grad(y, x, create_graph=True) == expected
        assert notes == [("unpack", pytest.approx(v)) for v in saved] * 2


def test_what_pack_is_called_with(torch):
    x, seen = leaf(torch), []

    def pack(v):
        seen.append((v is x, torch.is_grad_enabled()))
        return v.detach()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda v: v):
        (x * 2).sin()
        x.sin()
    assert seen == [(False, False), (True, False)]


def test_values_may_be_kept_as_anything(torch):
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda v: v.tolist(), torch.tensor):
        y = (x.exp() * x).sum() + torch.cat([x, x]).prod()
    y.backward()
    z = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    ((z.exp() * z).sum() + torch.cat([z, z]).prod()).backward()
    assert torch.allclose(x.grad, z.grad)


def test_the_innermost_hooks_are_called(torch):
    x, outer, inner = leaf(torch), [], []
    with noting(torch, outer):
        with noting(torch, inner):
            x.exp()
        x.sin()
    x.cos()
    assert (len(outer), len(inner)) == (1, 1)


def test_gradients_of_gradients_through_hooks(torch):
    x = leaf(torch)
    with torch.autograd.graph.saved_tensors_hooks(lambda v: v.detach().clone(), lambda v: v):
        y = x.exp() * x ** 3
        g, = torch.autograd.grad(y, x, create_graph=True)
    second, = torch.autograd.grad(g, x)
    expected = torch.exp(torch.tensor(3.0)) * (27 + 6 * 9 + 6 * 3)
    assert torch.allclose(second, expected)


def test_writes_to_what_hooks_keep_are_not_looked_for(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda v: v.detach().clone(), lambda v: v):
        y = x.exp()
    with torch.no_grad():
        y.mul_(0)
    y.sum().backward()
    assert torch.allclose(x.grad, torch.tensor([1.0, 2.0]).exp())


def test_an_in_place_op_under_hooks(torch):
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda v: v.detach().clone(), lambda v: v):
        y = x * 3
        y.sigmoid_()
        y.mul_(y.detach())
    y.sum().backward()
    z = torch.tensor([-1.0, 2.0], requires_grad=True)
    s = (z * 3).sigmoid()
    (s * s.detach()).sum().backward()
    assert torch.allclose(x.grad, z.grad)


ERRORS = {
    "unpack gives no tensor": (lambda v: "x", lambda v: "y", TypeError,
                               "Output of saved tensor unpack_hook expected to be a Tensor but got result of type str"),
    "pack writes": (lambda v: v.mul_(2), lambda v: v, RuntimeError,
                    "A saved tensor pack hook is modifying its input in place"),
    "pack fails": (lambda v: {}["boom"], lambda v: v, KeyError, "boom"),
    "unpack fails": (lambda v: v, lambda v: {}["boom"], KeyError, "boom"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_hooks_that_fail(torch, name):
    pack, unpack, error, message = ERRORS[name]
    x = leaf(torch)
    with pytest.raises(error, match=message):
        with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
            y = (x * 1).exp()
        y.backward()
    assert x.grad is None
    (x * x).backward()  # the context is over
    assert x.grad.item() == 6.0


def test_unpack_must_give_the_same_type():
    import gradc
    x = gradc.ones(3, requires_grad=True)
    for unpack in (lambda v: v.sum(), lambda v: v.double()):
        with gradc.autograd.graph.saved_tensors_hooks(lambda v: v, unpack):
            y = x.exp().sum()
        with pytest.raises(gradc.errors.ShapeError, match="unpack_hook '<lambda>' returned f"):
            y.backward()


def test_hooks_can_be_disabled(torch):
    graph = torch.autograd.graph
    hooks = graph.saved_tensors_hooks(lambda v: v, lambda v: v)
    with graph.disable_saved_tensors_hooks("not here"):
        with pytest.raises(RuntimeError, match="not here"), hooks:
            pass
        with graph.disable_saved_tensors_hooks("nor there"), pytest.raises(RuntimeError, match="nor there"), hooks:
            pass
        with pytest.raises(RuntimeError, match="not here"), graph.save_on_cpu():
            pass
    with hooks, pytest.raises(RuntimeError, match="too late"), graph.disable_saved_tensors_hooks("too late"):
        pass
    with graph.save_on_cpu():
        x = leaf(torch)
        y = x * x
    y.backward()
    assert x.grad.item() == 6.0


def test_hooks_of_one_saved_tensor(torch):
    x, notes = leaf(torch), []
    y = x.exp()
    saved = y.grad_fn._raw_saved_result
    saved.register_hooks(lambda v: (notes.append("pack"), v.item())[1],
                         lambda v: (notes.append("unpack"), torch.tensor(v))[1])
    assert y.grad_fn._saved_result.item() == y.item()
    with pytest.raises(RuntimeError, match="whose hooks have already been set"):
        saved.register_hooks(lambda v: v, lambda v: v)
    y.backward()
    assert notes == ["pack", "unpack", "unpack"] and x.grad.item() == pytest.approx(y.item())
    with pytest.raises(RuntimeError, match="Calling register_hooks on a saved tensor after it has been freed"):
        saved.register_hooks(lambda v: v, lambda v: v)


def test_saved_tensors_of_functions_take_hooks(torch):
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            x, = ctx.saved_tensors
            return 2 * x * g

    x, notes = leaf(torch), []
    with noting(torch, notes):
        y = Square.apply(x)
    y.backward()
    assert notes == [("pack", 3.0), ("unpack", 3.0)] and x.grad.item() == 6.0


def test_modules_and_losses_under_hooks(torch):
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    x, labels = torch.rand(5, 3), torch.tensor([0, 1, 0, 1, 1])
    for _ in range(4):
        loss = torch.nn.functional.cross_entropy(model(x), labels)
        expected = torch.autograd.grad(loss, list(model.parameters()))
        with torch.autograd.graph.saved_tensors_hooks(lambda v: v.detach().clone(), lambda v: v):
            loss = torch.nn.functional.cross_entropy(model(x), labels)
        found = torch.autograd.grad(loss, list(model.parameters()))
        assert all(torch.allclose(a, b) for a, b in zip(found, expected, strict=True))


# Mutation


def test_saved_tensors_may_be_written(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        y = x.exp()
        z = y * 1
        y.mul_(0)
        z.sum().backward(retain_graph=True)
    assert torch.allclose(x.grad, torch.tensor([1.0, 2.0]).exp())
    with pytest.raises(AssertionError, match="Trying to backward outside of the 'allow_mutation_on_saved_tensors'"):
        z.sum().backward()


def test_contexts_of_mutation_are_not_nested(torch):
    allow = torch.autograd.graph.allow_mutation_on_saved_tensors
    with allow(), pytest.raises(RuntimeError, match="contexts cannot be nested"), allow():
        pass


# Compiled functions


def test_what_a_compiled_function_saves_is_packed():
    import gradc
    compiled = gradc.compile(lambda x, w: (x * w).exp().sum())
    x, w = gradc.tensor([1.0, 2.0], requires_grad=True), gradc.tensor([0.5, 0.25], requires_grad=True)
    notes = []
    with noting(gradc, notes):
        y = compiled(x, w)
    y.backward()
    packs = [v for kind, v in notes if kind == "pack"]
    assert packs and [v for kind, v in notes if kind == "unpack"] == packs
    assert gradc.allclose(x.grad, (x * w).exp() * w)


def test_hooks_inside_of_a_compiled_function():
    import gradc

    def f(x):
        with gradc.autograd.graph.save_on_cpu():
            return x.exp()

    with pytest.raises(gradc.errors.TraceError, match="saved_tensors_hooks in a compiled function"):
        gradc.compile(f, fullgraph=True)(gradc.ones(2))
    with pytest.warns(RuntimeWarning, match="saved_tensors_hooks in a compiled function"):
        assert gradc.compile(f)(gradc.zeros(2)).tolist() == [1.0, 1.0]


# Memory


@pytest.mark.parametrize("pack", [lambda v: v, lambda v: v.detach()])
def test_hooks_make_no_cycle(pack):
    import gradc
    gc.collect()
    gc.disable()
    try:
        x = leaf(gradc)
        with gradc.autograd.graph.saved_tensors_hooks(pack, lambda v: v):
            y = (x * 2).exp().sigmoid()
        node = weakref.ref(y.grad_fn)
        del y
        assert node() is None
    finally:
        gc.enable()
