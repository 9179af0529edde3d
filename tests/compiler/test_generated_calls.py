"""Repeated calls of a compiled step: what may happen between two of them, and what a call leaves behind."""

from __future__ import annotations

import copy
import gc
import weakref
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc
from gradc.compiler import sharing
from gradc.compiler.specialisation import Specialisation

CALLS = 12
"""More than it takes for repeated arguments and numbers to move to the device."""


def data(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class Training:
    """A model, its optimizer, a batch, and the step that trains it."""

    def __init__(self, compiled: bool, **options: Any) -> None:
        gradc.manual_seed(0)
        self.model = gradc.nn.Sequential(gradc.nn.BatchNorm1d(3), gradc.nn.Linear(3, 4), gradc.nn.Tanh(),
                                         gradc.nn.Linear(4, 1))
        self.optimizer = gradc.optim.Adam(self.model.parameters(), lr=0.01)
        self.x = gradc.tensor(data(5, 3))
        self.kept: list[Any] = []

        def step(x: Any) -> Any:
            self.optimizer.zero_grad()
            loss = (self.model(x) ** 2).mean()
            loss.backward()
            self.optimizer.step()
            return loss.detach()

        self.step = gradc.compile(step, **options) if compiled else step

    @property
    def weight(self) -> Any:
        return self.model[1].weight

    def numbers(self) -> list[np.ndarray]:
        """All that training changes."""
        found = [x.detach().numpy().copy() for x in self.model.state_dict().values()]
        found += [p.grad.numpy().copy() for p in self.model.parameters() if p.grad is not None]
        found += [x.numpy().copy() for x in self.optimizer.state[self.weight].values()]
        return [*found, *[np.array(x) for x in self.kept]]


def other_batch(t: Training) -> None:
    t.x = gradc.tensor(data(5, 3, seed=1))


def write_batch(t: Training) -> None:
    t.x.add_(1)


def share_batch(t: Training) -> None:
    memory = data(5, 3, seed=2)
    t.x = gradc.from_numpy(memory)
    t.step(t.x)
    memory += 1


def view_of_batch(t: Training) -> None:
    part = t.x[1:2]
    t.step(t.x)
    part.mul_(2)


def replace_data(t: Training) -> None:
    t.weight.data = gradc.tensor(data(4, 3, seed=3))


def load_state(t: Training) -> None:
    t.model.load_state_dict({name: x + 0.5 for name, x in t.model.state_dict().items()})


def write_parameter(t: Training) -> None:
    with gradc.no_grad():
        t.weight.mul_(0.5)


def numpy_view_of_parameter(t: Training) -> None:
    array = t.weight.detach().numpy()
    t.step(t.x)
    array *= 0.5
    t.step(t.x)
    t.kept.append(array)  # sees what the step writes


def copied_model(t: Training) -> None:
    other = copy.deepcopy(t.model)
    t.step(t.x)
    t.kept += [p.detach().numpy() for p in other.parameters()]


def no_gradient(t: Training) -> None:
    t.weight.grad = None


def kept_gradient(t: Training) -> None:
    t.kept.append(t.weight.grad.numpy())  # the step makes another
    t.step(t.x)


def learning_rate(t: Training) -> None:
    t.optimizer.param_groups[0]["lr"] = 0.1


def evaluation(t: Training) -> None:
    t.model.eval()
    t.step(t.x)
    t.model.train()


def frozen(t: Training) -> None:
    t.model[1].bias.requires_grad_(False)


def hooked(t: Training) -> None:
    t.weight.register_hook(lambda g: g * 2)


def another_layer(t: Training) -> None:
    t.model[3] = gradc.nn.Linear(4, 1)
    t.optimizer.add_param_group({"params": list(t.model[3].parameters())})


def address(t: Training) -> None:
    assert t.x.data_ptr() and t.weight.data_ptr()


def inference(t: Training) -> None:
    with gradc.inference_mode():
        t.kept.append(t.model.eval()(t.x).numpy())
    t.model.train()


BETWEEN: list[Callable[[Training], None]] = [
    other_batch, write_batch, share_batch, view_of_batch, replace_data, load_state, write_parameter,
    numpy_view_of_parameter, copied_model, no_gradient, kept_gradient, learning_rate, evaluation, frozen, hooked,
    another_layer, address, inference,
]


@pytest.mark.parametrize("backend", ["xla", "numpy"])
@pytest.mark.parametrize("between", BETWEEN, ids=lambda f: f.__name__)
def test_what_happens_between_two_calls_is_seen(between: Callable[[Training], None], backend: str) -> None:
    results = []
    for compiled in (False, True):
        t = Training(compiled, **({"backend": backend} if compiled else {}))
        losses = []
        for i in range(CALLS + 4):
            if i in (3, CALLS):
                between(t)
            losses.append(t.step(t.x).item())
        results.append([np.array(losses), *t.numbers()])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-4)


def test_every_call_counts_as_a_write_and_makes_new_gradients() -> None:
    t = Training(True)
    forward = gradc.compile(lambda x: t.model(x).sum())
    for _ in range(CALLS):
        out, version, grad = forward(t.x), t.weight._version, t.weight.grad
        t.step(t.x)
        assert t.weight._version == version + 1 and t.weight.grad is not grad and t.weight._device is not None
    with pytest.raises(RuntimeError, match="modified by an inplace operation(.|\n)*a compiled function"):
        out.backward()


def test_the_graph_of_a_returned_loss_is_spent_at_every_call() -> None:
    w = gradc.ones(3).requires_grad_()

    @gradc.compile
    def step(x: Any) -> Any:
        w.grad = None
        loss = (w * x).sum()
        loss.backward()
        return loss

    for _ in range(4):
        loss = step(gradc.ones(3))
        with pytest.raises(RuntimeError, match="second time"):
            loss.backward()


def test_two_models_in_turn() -> None:
    results = []
    for compiled in (False, True):
        models = [gradc.nn.Linear(2, 1) for _ in range(2)]
        for i, model in enumerate(models):
            with gradc.no_grad():
                model.weight.copy_(gradc.tensor(data(1, 2, seed=i)))
                model.bias.zero_()

        def step(model: Any, x: Any) -> Any:
            loss = model(x).sum()
            loss.backward()
            with gradc.no_grad():
                for p in model.parameters():
                    p.sub_(p.grad * 0.1)
                    p.grad = None
            return loss.detach()

        run = gradc.compile(step) if compiled else step
        x = gradc.tensor(data(3, 2))
        results.append([run(models[i % 2], x).item() for i in range(CALLS)])
    np.testing.assert_allclose(*results, rtol=1e-5)


Pair = namedtuple("Pair", "first second")


def test_results_are_rebuilt_as_they_were() -> None:
    w = gradc.ones(3)

    @gradc.compile
    def f(x: Any) -> Any:
        y = x + 1
        return {"pair": Pair(y, [y, 2]), "none": None, 3: (x, w, (), y[:2]), "text": "a"}

    def same(a: Any, b: Any) -> None:
        assert type(a) is type(b)
        if isinstance(a, dict):
            assert list(a) == list(b)
            a, b = list(a.values()), list(b.values())
        if isinstance(a, (tuple, list)):
            for x, y in zip(a, b, strict=True):
                same(x, y)
        else:
            assert a == b if not isinstance(a, gradc.Tensor) else a.tolist() == b.tolist()

    x = gradc.tensor(data(3))
    first = f(x)
    for _ in range(3):
        again = f(x)
        same(first, again)
        assert again["pair"].first is again["pair"].second[0] and again[3][0] is x and again[3][1] is w
        again[3][3].zero_()  # a view of the first result
        assert again["pair"].first.tolist()[:2] == [0, 0]


@pytest.mark.parametrize("draws", [False, True])
def test_a_compiled_forward_is_differentiated_at_every_call(draws: bool) -> None:
    layer = gradc.nn.Sequential(gradc.nn.Linear(3, 3), gradc.nn.Dropout(0.5 if draws else 0.0))
    x = gradc.tensor(data(2, 3)).requires_grad_()
    found = []
    for forward in (layer, gradc.compile(lambda x: layer(x))):
        gradc.manual_seed(1)
        for _ in range(CALLS):
            layer.zero_grad()
            x.grad = None
            (forward(x) ** 2).sum().backward()
        found.append([x.grad.numpy(), *[p.grad.numpy() for p in layer.parameters()]])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_call_that_fails_in_the_program_leaves_the_state_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    t = Training(True)
    for _ in range(3):
        t.step(t.x)
    before, version, grad = t.numbers(), t.weight._version, t.weight.grad
    program: Specialisation = t.step.last

    def fails(*arrays: Any) -> Any:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(program.lowered, "jitted", fails)
        program.written = None
        with pytest.raises(RuntimeError, match="out of memory"):
            t.step(t.x)
    program.written = None
    assert t.weight._version == version and t.weight.grad is grad
    for a, b in zip(before, t.numbers(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.isfinite(t.step(t.x).item())


def test_a_repeated_argument_moves_once_and_only_memory_that_nobody_has() -> None:
    f = gradc.compile(lambda x: (x * 2).sum())
    own, memory = gradc.tensor(data(4)), data(4)
    shared, looked_at = gradc.from_numpy(memory), gradc.tensor(data(4))
    assert looked_at.data_ptr()
    for x in (shared, looked_at, own):
        for _ in range(sharing.REPEATS + 2):
            f(x)
    assert own._device is not None and shared._device is None and looked_at._device is None
    own.add_(1)  # eager code takes it back, for good
    for _ in range(sharing.REPEATS + 2):
        found = f(own).item()
    assert own._device is None and found == pytest.approx(2 * own.numpy().sum(), rel=1e-5)
    memory += 1
    assert f(shared).item() == pytest.approx(2 * memory.sum(), rel=1e-5)


def test_what_is_no_longer_needed_is_freed() -> None:
    t = Training(True)
    t.step(t.x)
    first = weakref.ref(t.x)
    other_batch(t)
    for _ in range(CALLS):
        t.step(t.x)
    assert first() is None
    weight, x = weakref.ref(t.weight), weakref.ref(t.x)
    other_batch(t)
    assert x() is None  # no argument of a later call is kept
    del t
    gc.collect()
    assert weight() is None
