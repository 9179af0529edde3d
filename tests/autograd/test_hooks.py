"""Hooks on tensors, nodes, leaves and modules: the same program on gradc and on PyTorch."""

from __future__ import annotations

import gc
import warnings
import weakref

import pytest


def leaf(torch, value=3.0):
    return torch.tensor(value, requires_grad=True)


def product(torch):
    x, w = leaf(torch, 3.0), leaf(torch, 2.0)
    return x, w, x * w


# Nodes


def test_a_hook_behind_a_node_sees_and_replaces_its_gradients(torch):
    x, w, y = product(torch)
    seen = []
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append((inputs, outputs)))
    y.grad_fn.register_hook(lambda inputs, outputs: tuple(10 * g for g in inputs))
    y.grad_fn.register_hook(lambda inputs, outputs: tuple(g + 1 for g in inputs))
    y.backward()
    assert seen == [((torch.tensor(2.0), torch.tensor(3.0)), (torch.tensor(1.0),))]
    assert (x.grad, w.grad) == (torch.tensor(21.0), torch.tensor(31.0))


def test_a_hook_before_a_node_replaces_its_cotangent(torch):
    x, w, y = product(torch)
    order = []
    y.register_hook(lambda g: order.append(("tensor", g.item())))
    y.grad_fn.register_prehook(lambda outputs: (order.append(("node", outputs[0].item())), (outputs[0] * 5,))[1])
    y.grad_fn.register_prehook(lambda outputs: order.append(("next", outputs[0].item())))
    y.backward()
    assert order == [("tensor", 1.0), ("node", 1.0), ("next", 5.0)]
    assert (x.grad.item(), w.grad.item()) == (10.0, 15.0)


def test_hooks_of_a_node_go_with_their_handles(torch):
    x, _, y = product(torch)
    calls = []
    handle = y.grad_fn.register_prehook(lambda outputs: calls.append("before"))
    with y.grad_fn.register_hook(lambda inputs, outputs: calls.append("behind")):
        y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    handle.remove()
    handle.remove()
    y.backward()
    assert calls == ["before", "behind", "before"]


def test_a_missing_gradient_is_none(torch):
    x = leaf(torch)
    y = x * 2
    seen = []
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append(inputs))
    y.backward()
    assert seen == [(torch.tensor(2.0), None)]


WRONG = {
    "few": (lambda inputs, outputs: inputs[:1], RuntimeError, "has returned an incorrect number of values"),
    "number": (lambda inputs, outputs: 3, TypeError, "expected tuple, but hook returned 'int'"),
    "numbers": (lambda inputs, outputs: (3, 3), TypeError, "expected Variable, but hook returned 'int'"),
    "invented": (lambda inputs, outputs: (inputs[0], inputs[0]), RuntimeError,
                 "can't replace a None gradient with a non-None value"),
    "size": (lambda inputs, outputs: (inputs[0].reshape(1), None), RuntimeError, "has changed the size of value"),
    "type": (lambda inputs, outputs: (inputs[0].double(), None), RuntimeError, "has changed the type of value"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_a_node_hook_may_not_return(torch, name):
    hook, error, message = WRONG[name]
    x = leaf(torch)
    y = x * 2
    y.grad_fn.register_hook(hook)
    with pytest.raises(error, match=message):
        y.backward()
    assert x.grad is None


def test_hooks_of_a_node_with_several_results(torch):
    x = torch.tensor([[3.0, 1.0], [2.0, 4.0]], requires_grad=True)
    values, order = x.sort(dim=1)
    seen = []
    values.grad_fn.register_prehook(lambda outputs: seen.append(len(outputs)))
    values.grad_fn.register_hook(lambda inputs, outputs: tuple(g if g is None else 2 * g for g in inputs))
    (values * torch.tensor([1.0, 10.0])).sum().backward()
    assert seen[0] in (1, 2)  # torch counts the order too
    assert x.grad.tolist() == [[20.0, 2.0], [2.0, 20.0]]


def test_hooks_run_without_recording_unless_a_graph_is_made(torch):
    x, _, y = product(torch)
    seen = []
    y.register_hook(lambda g: seen.append((x * 2).requires_grad))
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append((x * 2).requires_grad))
    y.backward(retain_graph=True)
    torch.autograd.grad(y, x, create_graph=True)
    assert seen == [False, False, True, True]


def test_create_graph_goes_through_hooks(torch):
    x = leaf(torch)
    y = x ** 3
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * x, *inputs[1:]))
    g, = torch.autograd.grad(y, x, create_graph=True)  # 3 x² · x
    second, = torch.autograd.grad(g, x)
    assert (g.item(), second.item()) == (81.0, 81.0)


# Leaves


def test_the_node_of_a_leaf_is_one(torch):
    x = leaf(torch)
    node = (x * 2).grad_fn.next_functions[0][0]
    assert node is (x * 3).grad_fn.next_functions[0][0]
    assert node.variable is x and node.next_functions == () and node.metadata == {}
    assert node._sequence_nr() == 2**64 - 1
    node.metadata["note"] = 1
    assert (x + 1).grad_fn.next_functions[0][0].metadata == {"note": 1}


def test_all_hooks_of_a_leaf_in_their_order(torch):
    x = leaf(torch)
    node = (x * 2).grad_fn.next_functions[0][0]
    order = []
    node.register_hook(lambda inputs, outputs: order.append(("behind", inputs, outputs)))
    x.register_post_accumulate_grad_hook(lambda p: order.append(("accumulated", p is x, p.grad.item())))
    node.register_prehook(lambda outputs: (order.append("before"), (outputs[0] * 2,))[1])
    x.register_hook(lambda g: order.append("tensor"))
    (x * 2).backward()
    assert order == ["tensor", "before", ("accumulated", True, 4.0), ("behind", (), (torch.tensor(4.0),))]


def test_accumulation_hooks_are_for_backward_alone(torch):
    x = leaf(torch)
    calls = []
    x.register_post_accumulate_grad_hook(lambda p: calls.append(p.grad.item()))
    x.register_hook(lambda g: calls.append("tensor"))
    torch.autograd.grad(x * x, x)
    assert calls == ["tensor"]
    (x * x).backward(inputs=[x])
    assert calls == ["tensor", "tensor", 6.0]


def test_an_optimizer_inside_of_backward(torch):
    model = torch.nn.Linear(2, 1)
    optimizers = {p: torch.optim.SGD([p], lr=0.5) for p in model.parameters()}

    def step(p):
        optimizers[p].step()
        optimizers[p].zero_grad()

    for p in model.parameters():
        p.data.fill_(1.0)
        p.register_post_accumulate_grad_hook(step)
    model(torch.ones(1, 2)).sum().backward()
    assert model.weight.tolist() == [[0.5, 0.5]] and model.bias.tolist() == [0.5]
    assert model.weight.grad is None


def test_a_failing_hook_changes_no_leaf():
    import gradc as torch
    x, w, y = product(torch)
    x.register_hook(lambda g: None)
    w.register_hook(lambda g: {}["missing"])
    with pytest.raises(KeyError, match="missing"):
        y.backward()
    assert x.grad is None and w.grad is None


# Inside of a backward


def test_backward_and_grad_from_hooks(torch):
    x = leaf(torch, 2.0)
    inner = leaf(torch, 5.0)
    found = []

    def hook(g):
        with torch.enable_grad():
            (inner * inner).backward()
            found.append(torch.autograd.grad(inner ** 3, inner)[0].item())

    y = x * x
    y.register_hook(hook)
    y.backward()
    assert (x.grad.item(), inner.grad.item(), found) == (4.0, 10.0, [75.0])


def test_a_hook_backs_through_the_same_leaf(torch):
    x = leaf(torch, 2.0)
    y = x * x

    def hook(g):
        with torch.enable_grad():
            (x * 10).backward()

    y.register_hook(hook)
    y.backward()
    assert x.grad.item() == 14.0


def test_retain_grad_follows_a_write(torch):
    x = leaf(torch)
    y = x * 1
    y.retain_grad()
    y.mul_(2)
    (y * 3).backward()
    assert (y.grad.item(), x.grad.item(), y.retains_grad) == (3.0, 6.0, True)


# Several gradients


@pytest.mark.parametrize("mode", ["all", "any"])
def test_a_hook_on_several_gradients(torch, mode):
    a, b = leaf(torch, 2.0), leaf(torch, 5.0)
    c, d = a * b, a * b
    calls = []
    handle = torch.autograd.graph.register_multi_grad_hook((a, b, c, d), calls.append, mode=mode)
    c.sum().backward(retain_graph=True)
    c.sum().backward(inputs=[a], retain_graph=True)
    handle.remove()
    c.sum().backward()
    if mode == "any":
        assert calls == [torch.tensor(1.0)] * 2
    else:
        assert [[g is not None for g in gs] for gs in calls] == [[True, True, True, False], [True, False, True, False]]
        assert calls[0][:2] == [torch.tensor(5.0), torch.tensor(2.0)]


# Modules


def linear(torch, value=2.0):
    module = torch.nn.Linear(1, 1, bias=False)
    module.weight.data.fill_(value)
    return module


def test_backward_hooks_of_a_module(torch):
    module, x = linear(torch), torch.ones(1, 1, requires_grad=True)
    seen = []
    module.register_full_backward_hook(lambda m, inputs, outputs: (seen.append((m is module, inputs, outputs)),
                                                                   (inputs[0] * 10,))[1])
    module.register_full_backward_pre_hook(lambda m, outputs: (seen.append(outputs), (outputs[0] * 3,))[1])
    module(x).sum().backward()
    assert seen == [(torch.ones(1, 1),), (True, (torch.full((1, 1), 6.0),), (torch.full((1, 1), 3.0),))]
    assert (x.grad.item(), module.weight.grad.item()) == (60.0, 3.0)


def test_backward_hooks_where_no_input_requires_grad(torch):
    module = linear(torch)
    seen = []
    module.register_full_backward_hook(lambda m, inputs, outputs: seen.append((inputs, outputs)))
    with pytest.warns(UserWarning, match="Full backward hook is firing"):
        module(torch.ones(1, 1)).sum().backward()
    assert seen == [((None,), (torch.ones(1, 1),))] and module.weight.grad.item() == 1.0


def test_a_backward_hook_of_a_module_returns_as_many(torch):
    module, x = linear(torch), torch.ones(1, 1, requires_grad=True)
    module.register_full_backward_hook(lambda m, inputs, outputs: (1, 2))
    with pytest.raises(RuntimeError, match="Backward hook returned an invalid number of grad_input, got 2, but"):
        module(x).sum().backward()


def test_a_module_with_backward_hooks_gives_no_tensor_to_write(torch):
    module = torch.nn.ReLU()
    module.register_full_backward_hook(lambda *_: None)
    y = module(torch.ones(2, requires_grad=True))
    with pytest.raises(RuntimeError, match="BackwardHookFunction"):
        y.mul_(2)


def test_hooks_of_all_modules(torch):
    hooks = torch.nn.modules.module
    seen = []
    handles = [
        hooks.register_module_forward_pre_hook(lambda m, args: seen.append(f"into {type(m).__name__}")),
        hooks.register_module_forward_hook(lambda m, args, y: seen.append(f"out of {type(m).__name__}")),
        hooks.register_module_full_backward_pre_hook(lambda m, outputs: seen.append(f"back to {type(m).__name__}")),
        hooks.register_module_full_backward_hook(lambda m, i, o: seen.append(f"back through {type(m).__name__}")),
    ]
    model, x = torch.nn.Sequential(linear(torch), torch.nn.ReLU()), torch.ones(1, 1, requires_grad=True)
    try:
        model(x).sum().backward()
    finally:
        for handle in handles:
            handle.remove()
    model(x)
    assert seen == ["into Sequential", "into Linear", "out of Linear", "into ReLU", "out of ReLU",
                    "out of Sequential", "back to Sequential", "back to ReLU", "back through ReLU", "back to Linear",
                    "back through Linear", "back through Sequential"]


# In compiled functions


def test_a_compiled_function_with_hooks():
    import gradc
    x = leaf(gradc)
    seen = []

    def register(x):
        y = x * 2
        y.register_hook(seen.append)
        return y

    with pytest.raises(gradc.errors.TraceError, match="hooks cannot be changed in a compiled function"):
        gradc.compile(register, fullgraph=True)(x)
    gradc.compile(register)(x).sum().backward()
    assert len(seen) == 1

    module = linear(gradc)
    module.register_full_backward_hook(lambda *_: seen.append("module"))
    with pytest.raises(gradc.errors.TraceError, match="a compiled backward would not call them"):
        gradc.compile(module, fullgraph=True)(gradc.ones(1, 1))
    with pytest.warns(RuntimeWarning, match="runs without being compiled"):
        gradc.compile(module)(gradc.ones(1, 1)).backward()
    assert seen[1:] == ["module"]


def test_a_compiled_function_sees_new_hooks_of_all_modules():
    import gradc
    module = linear(gradc)
    compiled = gradc.compile(lambda x: module(x))
    x = gradc.ones(1, 1)
    assert compiled(x).item() == 2.0
    handle = gradc.nn.modules.module.register_module_forward_hook(lambda m, args, y: y + 1)
    assert compiled(x).item() == 3.0
    handle.remove()
    assert compiled(x).item() == 2.0


def test_hooks_are_kept_by_what_they_hang_on():
    import gradc
    gc.collect()
    gc.disable()
    try:
        x = leaf(gradc)
        y = x * 2
        y.grad_fn.register_hook(lambda inputs, outputs: None)
        node = weakref.ref(y.grad_fn)
        accumulate = weakref.ref(y.grad_fn.next_functions[0][0])
        y.backward()
        del y
        assert node() is None and accumulate() is None
    finally:
        gc.enable()


def test_no_warning_from_hooks_that_return_nothing(torch):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x, _, y = product(torch)
        y.grad_fn.register_prehook(lambda outputs: None)
        y.backward()
    assert x.grad.item() == 2.0
