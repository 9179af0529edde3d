"""gradc.compile on pure functions and on whole training steps: eager's numbers, state kept, retraced when needed."""

from __future__ import annotations

import numpy as np
import pytest

import gradc
from gradc import nn
from gradc.errors import TraceError


def data(*shape: int, seed: int = 0) -> gradc.Tensor:
    return gradc.from_numpy(np.random.RandomState(seed).randn(*shape).astype(np.float32))


def close(a: object, b: object, tolerance: float = 1e-5) -> None:
    left = a.detach().numpy() if isinstance(a, gradc.Tensor) else a
    right = b.detach().numpy() if isinstance(b, gradc.Tensor) else b
    np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance)


def cache_size(function: object) -> int:
    return len(function.cache_info())  # type: ignore[attr-defined]


# Pure functions


def test_pure_function_equals_eager() -> None:
    def f(x, w):
        z = x @ w
        return (z * z).mean(), {"relu": z.relu(), "many": [z + 1, 2.5]}

    x, w = data(4, 3), data(3)
    mean, parts = gradc.compile(f)(x, w)
    expected, other = f(x, w)
    close(mean, expected)
    close(parts["relu"], other["relu"])
    close(parts["many"][0], other["many"][0])
    assert parts["many"][1] == 2.5


def test_gradients_flow_through_a_compiled_function() -> None:
    def f(x, w):
        z = (x @ w).tanh()
        return z.sum(), z * 2

    compiled = gradc.compile(f)
    x, v = data(4, 3), data(4)
    gradients = []
    for function in (f, compiled):
        w = data(3, seed=1).requires_grad_()
        total, doubled = function(x, w)
        (total * 3 + (doubled * v).sum()).backward()
        gradients.append(w.grad)
    close(gradients[0], gradients[1])
    assert doubled.grad_fn.name() == "CompiledBackward"
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        total.backward()


def test_parameters_of_a_module_get_gradients() -> None:
    gradc.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 1))
    compiled = gradc.compile(model)
    x = data(7, 3)
    model(x).sum().backward()
    expected = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    compiled(x).sum().backward()
    for p, g in zip(model.parameters(), expected, strict=True):
        close(p.grad, g)


def test_no_grad_has_a_program_of_its_own() -> None:
    compiled = gradc.compile(lambda w: w * 2)
    w = data(3).requires_grad_()
    assert compiled(w).requires_grad
    with gradc.no_grad():
        assert not compiled(w).requires_grad


def test_gradients_of_gradients_through_a_compiled_function() -> None:
    def f(w, x):
        return ((w * x).sin().exp() * w).sum()

    def derivatives(function):
        w, x = (data(4, seed=i).double().requires_grad_() for i in range(2))
        first, = gradc.autograd.grad(function(w, x), w, create_graph=True)
        second, = gradc.autograd.grad((first * x).sum(), x, create_graph=True)
        third, = gradc.autograd.grad(second.sum(), w)
        return first, second, third

    for a, b in zip(derivatives(gradc.compile(f)), derivatives(f), strict=True):
        close(a, b)


def test_a_gradient_of_a_gradient_sees_writes() -> None:
    compiled = gradc.compile(lambda w, x: (w * x).sum())
    w, x = gradc.ones(2).requires_grad_(), gradc.ones(2)
    y = compiled(w, x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        gradc.autograd.grad(y, w, create_graph=True)


def test_gradient_inside_the_function() -> None:
    def f(x):
        y = (x ** 3).sum()
        g, = gradc.autograd.grad(y, x, create_graph=True)
        h, = gradc.autograd.grad((g * g).sum(), x)
        return h

    x = data(4).requires_grad_()
    close(gradc.compile(f)(x), f(x))


# When it traces again


def test_traces_again_for_other_kinds_of_arguments() -> None:
    @gradc.compile
    def f(x, scale=1.0):
        return x * scale

    f(data(3))
    f(data(3, seed=1))
    assert cache_size(f) == 1
    f(data(4))
    f(data(4).double())
    f(data(3), scale=2.0)
    f(data(3), scale=2.0)
    assert cache_size(f) == 4
    close(f(data(3), scale=3.0), data(3) * 3)


SCALE = 2.0


def test_traces_again_when_a_global_or_closure_changes() -> None:
    global SCALE
    offset = 1.0

    @gradc.compile
    def f(x):
        return x * SCALE + offset

    x = data(3)
    close(f(x), x * 2 + 1)
    SCALE = 3.0
    close(f(x), x * 3 + 1)
    offset = 5.0
    close(f(x), x * 3 + 5)
    SCALE = 2.0
    offset = 1.0
    close(f(x), x * 2 + 1)
    assert cache_size(f) == 3


def test_traces_again_when_a_module_changes() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = 2.0
            self.weight = nn.Parameter(gradc.ones(3))

        def forward(self, x):
            return x * self.weight * self.factor if self.training else x

    model = Scaled()
    f = gradc.compile(lambda x: model(x))
    x = data(3)
    close(f(x), x * 2)
    model.factor = 4.0
    close(f(x), x * 4)
    model.weight = nn.Parameter(gradc.full((3,), 0.5))
    close(f(x), x * 2)
    model.eval()
    close(f(x), x)


# State


def training(optimizer, compiled: bool, steps: int, zero_first: bool):
    gradc.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    opt = optimizer(model.parameters())

    def step(x, y):
        if zero_first:
            opt.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        opt.step()
        if not zero_first:
            opt.zero_grad()
        return loss

    run = gradc.compile(step) if compiled else step
    x, y = data(32, 8), gradc.from_numpy(np.random.RandomState(1).randint(0, 4, 32))
    losses = [run(x, y).item() for _ in range(steps)]
    return losses, model, opt, run


OPTIMIZERS = {
    "sgd": lambda p: gradc.optim.SGD(p, lr=0.1),
    "momentum": lambda p: gradc.optim.SGD(p, lr=0.1, momentum=0.9),
    "nesterov": lambda p: gradc.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adamw": lambda p: gradc.optim.AdamW(p, lr=0.01),
}


@pytest.mark.parametrize("zero_first", [True, False])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_step_equals_eager(name: str, zero_first: bool) -> None:
    eager, model, opt, _ = training(OPTIMIZERS[name], False, 10, zero_first)
    compiled, other, other_opt, run = training(OPTIMIZERS[name], True, 10, zero_first)
    close(compiled, eager, 1e-4)
    assert compiled[-1] < compiled[0]
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        close(p, q, 1e-4)
        assert (p.grad is None) == (q.grad is None)
        if p.grad is not None:
            close(p.grad, q.grad, 1e-4)
    assert cache_size(run) <= 2
    names = {key for state in opt.state.values() for key in state}
    for a, b in zip(opt.state.values(), other_opt.state.values(), strict=True):
        for key in names:
            if isinstance(a[key], gradc.Tensor):
                close(a[key], b[key], 1e-4)


def test_changing_the_learning_rate_is_seen() -> None:
    _, model, opt, run = training(OPTIMIZERS["sgd"], True, 2, False)
    opt.param_groups[0]["lr"] = 0.0
    before = [p.detach().clone() for p in model.parameters()]
    run(data(32, 8), gradc.from_numpy(np.random.RandomState(1).randint(0, 4, 32)))
    for p, q in zip(model.parameters(), before, strict=True):
        close(p, q, 0)


def test_eager_and_compiled_steps_mix() -> None:
    expected, _, _, _ = training(OPTIMIZERS["momentum"], False, 6, False)
    gradc.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    opt = gradc.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        opt.step()
        opt.zero_grad()
        return loss

    x, y = data(32, 8), gradc.from_numpy(np.random.RandomState(1).randint(0, 4, 32))
    compiled = gradc.compile(step)
    close([run(x, y).item() for run in (step, compiled, compiled, step, compiled, step)], expected, 1e-4)


def test_gradients_accumulate_over_calls() -> None:
    w = data(3).requires_grad_()

    @gradc.compile
    def f(x):
        (w * x).sum().backward()

    x = data(3, seed=1)
    for i in range(1, 4):
        f(x)
        close(w.grad, x * i)


def test_buffers_and_globals_are_written() -> None:
    total = gradc.zeros(3)
    view = total[1:]

    @gradc.compile
    def f(x):
        total.add_(x)
        total[0] = 7.0
        return total.sum()

    x = gradc.ones(3)
    for i in range(1, 4):
        assert f(x).item() == 7.0 + 2 * i
        assert total.tolist() == [7.0, i, i]
        assert view.tolist() == [i, i]  # it shares the memory
    assert total._version == 3


def test_arguments_are_written() -> None:
    @gradc.compile
    def f(x):
        x.mul_(2)
        return x

    x = gradc.ones(2)
    assert f(x) is x
    assert x.tolist() == [2.0, 2.0]
    other = gradc.ones(2)
    f(other)
    assert other.tolist() == [2.0, 2.0] and x.tolist() == [2.0, 2.0]


def test_views_and_writes_inside() -> None:
    def f(x):
        out = gradc.zeros(3, 3)
        out[0][0] = x[0][0] ** 3 + 2 * x[0][0] ** 2
        out[1:, 0] = x[1:, 1]
        row = out[2]
        out.mul_(2)
        row[1] += 5
        return out, row

    x = data(3, 3)
    for a, b in zip(gradc.compile(f)(x), f(x), strict=True):
        close(a, b)


def test_a_failing_call_changes_nothing() -> None:
    w = gradc.ones(3)

    @gradc.compile
    def f(x):
        w.add_(1)
        return w @ x

    with pytest.raises(RuntimeError, match="inconsistent tensor size"):
        f(gradc.ones(4))
    assert w.tolist() == [1.0, 1.0, 1.0] and w._version == 0 and w.grad is None


# What cannot be traced


def test_reading_a_value_is_refused_with_the_line() -> None:
    def f(x):
        if x.sum() > 0:
            return x
        return -x

    with pytest.raises(TraceError, match=r"test_compile.py:\d+   if x.sum\(\) > 0"):
        gradc.compile(f, fullgraph=True)(data(3))
    compiled = gradc.compile(f)
    for x in (data(3), -data(3), data(3), -data(3)):
        close(compiled(x), f(x))


def test_an_escaping_tensor() -> None:
    kept = []

    def f(x):
        kept.append(x * 2)
        return x + 1

    with pytest.raises(TraceError, match="does more than compute on tensors.*append"):
        gradc.compile(f, fullgraph=True)(data(3))
    assert not kept
    compiled = gradc.compile(f)
    x = data(3).requires_grad_()
    for _ in range(3):
        compiled(x)
    assert len(kept) == 3
    sum(k.sum() for k in kept).backward()
    close(x.grad, np.full(3, 6.0))


def test_shape_errors_in_a_trace_name_the_line() -> None:
    @gradc.compile
    def f(x, w):
        return x @ w

    with pytest.raises(RuntimeError, match=r"(?s)mat1 and mat2.*matmul\(f32\[2, 3\], f32\[2, 3\]\).*return x @ w"):
        f(data(2, 3), data(2, 3))


# What can be seen


def test_stages_and_texts() -> None:
    @gradc.compile
    def f(x, w):
        z = x @ w
        return z.softmax(0).sum()

    x, w = data(4, 3), data(3)
    value = f(x, w)
    assert list(f.stages) == ["traced", "differentiate", "decompose", "simplify", "fold", "cse", "dce", "fuse",
                              "schedule", "free", "lowered"]
    for name, graph in f.stages.items():
        if name == "lowered":
            assert str(graph) == f.code
            continue
        assert gradc.ir.parse(str(graph)) == graph
        close(graph(x, w), value)
    assert "jnp.matmul(x, w)" in f.code
    names: dict = {}
    exec(f.code, names)
    close(np.asarray(names["f"](x.numpy(), w.numpy())[0]), value)
    lowered = f.lower(x, w)
    assert "dot_general" in lowered.as_text("jaxpr") and "stablehlo" in lowered.as_text("stablehlo")
    compiled = lowered.compile()
    assert "ENTRY" in compiled.as_text("hlo") and "matmul" in compiled.as_text("gradc")
    assert compiled.memory_analysis().argument_size_in_bytes >= 60
    assert compiled.cost_analysis()["flops"] > 0
    with pytest.raises(TypeError, match="there is no 'asm' text"):
        compiled.as_text("asm")


def test_make_ir_does_not_run() -> None:
    graph = gradc.make_ir(lambda x: (x * 2).sum())(data(3))
    assert [node.op.name for node in graph.nodes] == ["mul", "sum"]


def test_the_text_names_what_the_user_named() -> None:
    gradc.manual_seed(0)
    model = nn.Linear(3, 2)

    def step(x):
        hidden = model(x)
        loss = hidden.square().mean()
        loss.backward()
        return loss

    text = str(gradc.make_ir(step)(data(4, 3)))
    for part in ("hidden: f32[4, 2] = linear(x, model_weight, model_bias)", "loss: f32 = mean(", "test_compile.py:"):
        assert part in text, text


class Config:
    rate = 1.0


CONFIG = Config()
CONFIG.rate = 2.0
SETTINGS = {"rate": 2.0}
RATES = [2.0]


def helper(x):
    return x * SCALE


@pytest.mark.parametrize("case", ["attribute", "dictionary", "list", "function"])
def test_traces_again_when_what_a_name_holds_changes(case: str) -> None:
    global SCALE
    functions = {"attribute": lambda x: x * CONFIG.rate, "dictionary": lambda x: x * SETTINGS["rate"],
                 "list": lambda x: x * RATES[0], "function": lambda x: helper(x)}
    f = gradc.compile(functions[case])
    x = data(3)
    close(f(x), x * 2)
    CONFIG.rate = SETTINGS["rate"] = RATES[0] = SCALE = 5.0
    try:
        close(f(x), x * 5)
    finally:
        CONFIG.rate = SETTINGS["rate"] = RATES[0] = SCALE = 2.0


def test_freezing_a_parameter_is_seen() -> None:
    w, b = data(3).requires_grad_(), data(3, seed=1).requires_grad_()

    @gradc.compile
    def f(x):
        (w * x + b).sum().backward()

    f(gradc.ones(3))
    b.requires_grad_(False)
    b.grad = None
    f(gradc.ones(3))
    assert b.grad is None and w.grad.tolist() == [2.0, 2.0, 2.0]


def test_replacing_the_memory_of_a_parameter_is_seen() -> None:
    w = gradc.ones(3)
    f = gradc.compile(lambda x: (w * x).sum())
    assert f(gradc.ones(3)).item() == 3
    w.data = gradc.full((4,), 2.0)
    assert f(gradc.ones(4)).item() == 8


def test_hooks_on_state_are_called() -> None:
    w = data(3).requires_grad_()

    @gradc.compile
    def f(x):
        (w * x).sum().backward()

    f(gradc.ones(3))
    handle = w.register_hook(lambda g: g * 2)
    f(gradc.ones(3))
    assert w.grad.tolist() == [3.0] * 3
    handle.remove()
    f(gradc.ones(3))
    assert w.grad.tolist() == [4.0] * 3


def test_setting_requires_grad_outside() -> None:
    w = data(3)

    def f(x):
        w.requires_grad_()
        return w * x

    with pytest.raises(TraceError, match="sets requires_grad"):
        gradc.compile(f, fullgraph=True)(gradc.ones(3))
    assert not w.requires_grad
    y = gradc.compile(f)(gradc.ones(3))
    assert w.requires_grad and y.requires_grad


def test_views_and_detached_parts_of_state() -> None:
    table = gradc.zeros(3, 2)
    row, flat = table[1], table.detach().view(-1)

    @gradc.compile
    def f(x):
        row.add_(x)
        flat[0] += 1
        return table.sum()

    for i in range(1, 3):
        assert f(gradc.ones(2)).item() == 3 * i
        assert table.tolist() == [[i, 0], [i, i], [0, 0]]
        assert row.tolist() == [i, i] and flat.tolist() == [i, 0, i, i, 0, 0]


def test_compiled_inside_compiled_is_one_program() -> None:
    inner = gradc.compile(lambda x: x * 2)
    outer = gradc.compile(lambda x: inner(x) + 1)
    close(outer(gradc.ones(2)), np.full(2, 3.0))
    assert not inner.cache_info()


def test_methods_compile() -> None:
    class Model:
        def __init__(self) -> None:
            self.w = gradc.ones(2)

        @gradc.compile
        def scaled(self, x):
            return self.w * x

    model = Model()
    close(model.scaled(gradc.ones(2)), np.ones(2))
    model.w = gradc.full((2,), 3.0)
    close(model.scaled(gradc.ones(2)), np.full(2, 3.0))


def test_arguments_in_containers_and_arrays() -> None:
    f = gradc.compile(lambda batch, *, k=1: batch["x"] * batch["scale"][0] + k)
    x = np.ones(3, np.float32)
    close(f({"x": x, "scale": (gradc.tensor(2.0), "unused")}, k=3), x * 2 + 3)


def test_unknown_options_are_refused() -> None:
    with pytest.raises(TypeError, match="backend 'cuda'"):
        gradc.compile(lambda x: x, backend="cuda")
    with pytest.raises(TypeError, match="expected a function"):
        gradc.compile(3)


def test_a_value_that_changes_at_every_call_warns() -> None:
    calls = [1]

    @gradc.compile
    def f(x):
        return x + len(calls)

    x = gradc.zeros(1)
    with pytest.warns(RuntimeWarning, match="traced more than 8 times.*a list"):
        for i in range(1, 11):
            assert f(x).item() == i
            calls.append(i)


def test_numpy_arrays_from_outside_are_read_at_every_call() -> None:
    array = np.arange(3.0, dtype=np.float32)
    index = np.array([0, 1])

    @gradc.compile
    def f(x):
        y = x * array + gradc.from_numpy(array) + gradc.tensor(array)
        z = gradc.zeros(3)
        z[:] = array
        return y + z + x[index].sum() + float(array.sum())

    x = data(3)
    for _ in range(2):
        close(f(x), x * array + 3 * array + x.numpy()[index].sum() + array.sum())
        array[:] = [5.0, -1.0, 2.0]
        index[:] = [2, 2]


def test_a_traced_tensor_prints_as_what_it_is() -> None:
    seen = ""

    def f(x):
        nonlocal seen
        seen = repr(x) + repr(x * 2)
        return x

    gradc.make_ir(f)(data(3))
    assert seen == "tensor(<traced x: f32[3]>)tensor(<traced mul_0: f32[3]>)"


def test_backward_inside_does_not_leave_half_of_a_graph() -> None:
    @gradc.compile
    def f(x):
        (x * 2).sum().backward()

    leaf = data(3).requires_grad_()
    with pytest.raises(TraceError, match="computed outside of it"):
        gradc.compile(f.function, fullgraph=True)(leaf * 2)
    assert leaf.grad is None
    f(leaf * 2)
    assert leaf.grad.tolist() == [4.0, 4.0, 4.0]
    f(leaf)
    assert leaf.grad.tolist() == [6.0, 6.0, 6.0]
    leaf.register_hook(lambda g: g * 2)
    f(leaf)
    assert leaf.grad.tolist() == [10.0, 10.0, 10.0]


def test_a_view_as_argument_needs_no_gradient() -> None:
    f = gradc.compile(lambda x: x * 2)
    assert not f(data(4)[:2]).requires_grad
    base = data(4).requires_grad_()
    f(base[:2]).sum().backward()
    assert base.grad.tolist() == [2.0, 2.0, 0.0, 0.0]


def test_leaves_made_inside() -> None:
    @gradc.compile
    def f(x):
        w = gradc.ones(3, requires_grad=True)
        loss = (w * x).sum()
        loss.backward()
        return w.grad, (gradc.ones(3, requires_grad=True) * x).sum()

    gradient, total = f(gradc.full((3,), 2.0))
    assert gradient.tolist() == [2.0, 2.0, 2.0] and total.item() == 6


ZERO = 0.0
CHOICES = {1, 2}


def test_values_that_compare_equal_are_not_taken_for_each_other() -> None:
    global ZERO
    x = gradc.ones(1)
    by_argument = gradc.compile(lambda x, s: x / s)
    assert [by_argument(x, s).item() for s in (0.0, -0.0)] == [float("inf"), float("-inf")]
    by_global = gradc.compile(lambda x: x / ZERO)
    assert by_global(x).item() == float("inf")
    ZERO = -0.0
    try:
        assert by_global(x).item() == float("-inf")
    finally:
        ZERO = 0.0


def test_sets_are_seen_by_what_they_hold() -> None:
    by_argument = gradc.compile(lambda x, s: x * sum(s))
    by_global = gradc.compile(lambda x: x * sum(CHOICES))
    x, chosen = gradc.ones(1), {1, 2}
    assert by_argument(x, chosen).item() == by_global(x).item() == 3
    for each in (chosen, CHOICES):
        each.remove(2)
        each.add(5)
    assert by_argument(x, chosen).item() == by_global(x).item() == 6


def test_a_compiled_module_stands_for_the_module() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    compiled = gradc.compile(model)
    assert [p is q for p, q in zip(compiled.parameters(), model.parameters(), strict=True)] == [True, True]
    compiled.eval()
    assert not model.training and not compiled.training
    close(compiled(gradc.ones(1, 2)), model(gradc.ones(1, 2)))
    with pytest.raises(AttributeError, match="no_such_thing"):
        compiled.no_such_thing


def test_inputs_that_share_memory_without_being_views_are_refused() -> None:
    array = np.ones(2, np.float32)
    p, q, other = gradc.from_numpy(array), gradc.from_numpy(array), gradc.ones(2)

    @gradc.compile
    def f(p, q):
        p.add_(1)
        return q.sum()

    assert f(other, q).item() == 2
    with pytest.raises(TraceError, match="shares memory with another of its inputs"):
        f(p, q)
    assert array.tolist() == [1.0, 1.0] and p._version == 0
