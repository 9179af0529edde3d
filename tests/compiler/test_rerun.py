"""Functions that do more than compute on tensors: their Python runs at every call, their ops in few programs."""

from __future__ import annotations

import collections
import math
import warnings

import numpy as np
import pytest

import gradc
from gradc import nn, optim
from gradc.errors import TraceError


def vector(*values: float) -> gradc.Tensor:
    return gradc.tensor(values or (1.0, 2.0, 3.0))


def same_as_eager(function, *calls) -> gradc.compiler.compiled.CompiledFunction:
    """Call a function and its compiled form alike, and compare what they return."""
    compiled = gradc.compile(function)
    for args in calls:
        expected, found = function(*args), compiled(*args)
        np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-6)
    return compiled


# Values that are read


def test_branches_on_values() -> None:
    def f(x):
        if x.sum() > 0:
            return x.exp()
        return -x

    compiled = same_as_eager(f, (vector(),), (-vector(),), (vector(),), (-vector(),))
    assert len(compiled.cache_info()) == 3  # the sum, and one program for each branch


def test_rounds_of_a_loop_share_a_program() -> None:
    def newton(a):
        x = a
        while abs(x * x - a).max() > 1e-5:
            x = (x + a / x) / 2
        return x

    compiled = same_as_eager(newton, (vector(2.0, 9.0),), (vector(5.0, 100.0),))
    assert len(compiled.cache_info()) <= 4


def test_gradients_across_values_that_are_read() -> None:
    w = vector().requires_grad_()

    def f(x):
        y = (w * x).sin()
        scale = y.sum().item()
        return (y * scale).sum() if scale > 0 else y.sum()

    for x in (vector(), -vector()):
        expected, = gradc.autograd.grad(f(x), w)
        found, = gradc.autograd.grad(gradc.compile(f)(x), w)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_value_is_printed_at_every_call(capsys) -> None:
    @gradc.compile
    def f(x):
        y = x * 2
        print("y is", y, f"{y.sum():.1f}")
        return y

    for i in range(3):
        f(vector() * i)
    assert capsys.readouterr().out.splitlines() == [
        "y is tensor([0., 0., 0.]) 0.0", "y is tensor([2., 4., 6.]) 12.0", "y is tensor([ 4.,  8., 12.]) 24.0"]


def test_shapes_that_depend_on_values() -> None:
    def f(x):
        return (x[x > 1.5] * 2).sum() + x.nonzero().sum()

    compiled = same_as_eager(f, (vector(),), (vector(0.0, 1.0, 7.0),))
    assert all(effect.kind == "read" for effect in compiled.effects().repeats)


# What stays


def test_tensors_that_stay_are_ordinary_ones() -> None:
    kept = {}

    @gradc.compile
    def f(x):
        h = x * 2
        kept["h"], kept["view"], kept["detached"] = h, h[1:], h.detach()
        return h.sum()

    x = vector().requires_grad_()
    f(x)
    f(x)
    assert kept["view"]._base is kept["h"] and kept["view"].requires_grad and not kept["detached"].requires_grad
    kept["view"].sum().backward()
    assert x.grad.tolist() == [0.0, 2.0, 2.0]
    kept["detached"][0] = 100.0
    assert kept["h"][0].item() == 100.0


def test_a_training_step_that_logs() -> None:
    def losses(compiled: bool) -> tuple[list[float], list[float]]:
        gradc.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))
        optimizer = optim.Adam(model.parameters(), lr=0.05)
        log: list[float] = []

        def step(x, y):
            optimizer.zero_grad()
            loss = ((model(x) - y) ** 2).mean()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            if norm > 0.5:
                log.append(float(norm))
            optimizer.step()
            log.append(loss.item())

        run = gradc.compile(step) if compiled else step
        for i in range(5):
            run(gradc.ones(4, 3) * i, gradc.ones(4, 1))
        return log, [p.sum().item() for p in model.parameters()]

    np.testing.assert_allclose(losses(True)[0], losses(False)[0], rtol=1e-4)
    np.testing.assert_allclose(losses(True)[1], losses(False)[1], rtol=1e-4)


def test_what_happened_happens_once() -> None:
    calls: list[int] = []

    def f(x):
        calls.append(1)
        return x * gradc.seed() if len(calls) > 2 else x * 2

    compiled = gradc.compile(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in range(1, 5):
            with pytest.raises(TraceError) if i > 2 else warnings.catch_warnings():
                compiled(vector())
            assert len(calls) == i


def test_what_cannot_be_traced_runs_eagerly_and_says_so() -> None:
    compiled = gradc.compile(lambda x: x * gradc.initial_seed())
    gradc.manual_seed(2)
    with pytest.warns(RuntimeWarning, match="runs without being compiled"):
        assert compiled(vector()).tolist() == [2.0, 4.0, 6.0]
    gradc.manual_seed(3)
    assert compiled(vector()).tolist() == [3.0, 6.0, 9.0]
    assert compiled.effects().eager


def test_a_function_that_is_another_one_at_every_call_stops_being_compiled() -> None:
    count = iter(range(1, 1000))

    @gradc.compile
    def f(x):
        return x.repeat(next(count))

    with pytest.warns(RuntimeWarning, match="more than 64 programs"):
        for i in range(1, 70):
            assert f(vector()).shape == (3 * i,)


# Hooks


def test_hooks_inside() -> None:
    def gradients(wrap) -> tuple[list[float], list[float]]:
        seen: list[float] = []
        w = vector().requires_grad_()

        def f(x):
            h = w * x
            h.register_hook(lambda g: seen.append(g.sum().item()) or g * 10)
            h.sum().backward()

        run = wrap(f)
        run(vector())
        run(vector())
        return seen, w.grad.tolist()

    assert gradients(gradc.compile) == gradients(lambda f: f)


# What a function tells of itself


def test_cache_info_says_why() -> None:
    @gradc.compile
    def f(x, scale=1.0):
        return x * scale

    f(gradc.ones(32, 4))
    f(gradc.ones(32, 4))
    f(gradc.ones(17, 4))
    f(gradc.ones(17, 4), 0.5)
    info = f.cache_info()
    assert (len(info), info.hits, info.misses) == (3, 1, 3)
    assert [program.reason for program in info.programs] == [
        "the first call", "x: f32[32, 4] → f32[17, 4]", "scale: absent → 0.5"]
    assert all(program.seconds["trace"] > 0 for program in info.programs)
    assert "x: f32[32, 4] → f32[17, 4]" in str(info)


def test_effects_are_told() -> None:
    model, seen = nn.Linear(2, 2), []

    @gradc.compile
    def pure(x):
        model(x).sum().backward()

    pure(gradc.ones(1, 2))
    told = pure.effects()
    assert not told.repeats and "model_weight" in told.reads and "model_weight.grad" in told.writes

    @gradc.compile
    def impure(x):
        seen.append(len(seen))
        return x

    impure(gradc.ones(2))
    (effect,) = impure.effects().repeats
    assert "append() of a list from outside" in effect.what and "test_rerun.py" in str(effect)


def test_no_retrace() -> None:
    f = gradc.compile(lambda x: x + 1)
    f(vector())
    with gradc.no_retrace():
        f(vector())
        with pytest.raises(TraceError, match=r"no_retrace\(\) forbids: x: f32\[3\] → f32\[2\]"):
            f(vector(1.0, 2.0))
    f(vector(1.0, 2.0))


# Numbers


def counted(function, calls) -> int:
    return len(same_as_eager(function, *calls).cache_info())


def test_numbers_that_change_are_inputs() -> None:
    x = vector()
    assert counted(lambda x, s: x * s + s**2 / 3 - s, [(x, s) for s in (0.1, 0.2, 0.7, -3.0)]) == 2
    assert counted(lambda x, n: x * n - n // 2, [(x, n) for n in (1, 2, 9, 100)]) == 2
    assert counted(lambda x, n: x * (n % 2), [(x, n) for n in (1, 2, 3)]) == 2


def test_numbers_that_are_looked_at_are_fixed() -> None:
    x = vector()
    assert counted(lambda x, s: x * s if s > 0 else x, [(x, s) for s in (1.0, 2.0, -1.0)]) == 3
    assert counted(lambda x, s: x * math.sqrt(s), [(x, s) for s in (1.0, 4.0, 9.0)]) == 3
    assert counted(lambda x, n: sum(x for _ in range(n)), [(x, n) for n in (1, 2, 3)]) == 3
    assert counted(lambda x, s: x * (2 if type(s) is float else 3), [(x, s) for s in (1.0, 2.0, 3.0)]) == 3
    assert counted(lambda x, n: x.view(n, -1), [(gradc.ones(6), n) for n in (1, 2, 3)]) == 3


def test_numbers_outside_that_change_are_inputs() -> None:
    class Model:
        scale = 1.0

        def __init__(self) -> None:
            self.temperature = 1.0

        def __call__(self, x):
            return x / self.temperature

    model = Model()
    compiled = gradc.compile(lambda x: model(x))
    for i in range(1, 6):
        model.temperature = i / 2
        np.testing.assert_allclose(compiled(vector()), vector().numpy() / (i / 2), rtol=1e-6)
        assert model.temperature == i / 2
    assert len(compiled.cache_info()) == 2


def test_numbers_of_a_rerun_are_inputs() -> None:
    seen: list[float] = []

    @gradc.compile
    def f(x, s):
        seen.append(s)
        return x * s

    for i in range(6):
        assert f(vector(), i / 4)[0].item() == i / 4
    assert len(f.cache_info()) <= 3 and seen == [i / 4 for i in range(6)]


# What could go wrong unseen


def test_a_number_that_leads_to_an_effect_does_not_lend_its_value_to_a_program() -> None:
    seen: list[int] = []

    def f(x, n):
        if n == 2:
            seen.append(n)
            return x - 1
        return x + 1

    compiled = gradc.compile(f)
    for n in (1, 2, 2, 1, 2):
        np.testing.assert_array_equal(compiled(vector(), n), vector() - 1 if n == 2 else vector() + 1)
    assert seen == [2, 2, 2]


def test_results_keep_their_class_and_their_attributes() -> None:
    def ordered(x):
        return collections.OrderedDict(b=x, a=x + 1)

    def tagged(x):
        y = x * 2
        y.tag = "two"
        return y

    for _ in range(2):
        result = gradc.compile(ordered)(vector())
        assert type(result) is collections.OrderedDict and [*result] == ["b", "a"]
    compiled = gradc.compile(tagged)
    assert [compiled(vector()).tag for _ in range(3)] == ["two"] * 3


def test_an_error_of_gradc_that_is_caught_is_no_other_path() -> None:
    def f(x):
        try:
            return x * gradc.initial_seed()
        except RuntimeError:
            return x * 0

    gradc.manual_seed(5)
    compiled = gradc.compile(f)
    with pytest.warns(RuntimeWarning, match="catches the error"):
        assert compiled(vector()).tolist() == [5.0, 10.0, 15.0]
    assert compiled(vector()).tolist() == [5.0, 10.0, 15.0]


def test_no_retrace_forbids_new_paths_too() -> None:
    f = gradc.compile(lambda x: x.exp() if x.sum() > 0 else x.sin())
    f(vector())
    with gradc.no_retrace():
        f(vector())
        with pytest.raises(TraceError, match="no_retrace"):
            f(-vector())
