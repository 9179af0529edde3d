"""Jacobians, Hessians and their products: PyTorch's values, structures, histories and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradc
from gradc.errors import GradcError

F1 = lambda t, x: x.sin() * x.sum()
F2 = lambda t, x, y: (x @ y, x.exp().sum(1), y * 2)
S1 = lambda t, x: (x**3).sum() * x[0, 0]
S2 = lambda t, x, y: (x @ y).sin().sum() + (y**2).sum()
X, Y = (2, 3), (3, 2)

CALLS: dict[str, Any] = {
    "jacobian": (F1, [X], lambda a, f, x, **k: a.jacobian(f, x, **k)),
    "jacobian of many": (F2, [X, Y], lambda a, f, x, **k: a.jacobian(f, x, **k)),
    "jacobian vectorized": (F2, [X, Y], lambda a, f, x, **k: a.jacobian(f, x, vectorize=True, **k)),
    "jacobian of a tuple of one": (lambda t, x: (x * 2,), [X], lambda a, f, x, **k: a.jacobian(f, (x,), **k)),
    "jacobian of a constant": (lambda t, x: t.ones(2), [X], lambda a, f, x, **k: a.jacobian(f, x, **k)),
    "jacobian of a number": (lambda t, x: x.sum(), [X], lambda a, f, x, **k: a.jacobian(f, x, **k)),
    "hessian": (S1, [X], lambda a, f, x, **k: a.hessian(f, x, **k)),
    "hessian of many": (S2, [X, Y], lambda a, f, x, **k: a.hessian(f, x, **k)),
    "hessian of a line": (lambda t, x: x.sum(), [X], lambda a, f, x, **k: a.hessian(f, x, **k)),
    "vjp": (F1, [X, X], lambda a, f, x, **k: a.vjp(f, x[0], x[1], **k)),
    "vjp of a number": (S1, [X], lambda a, f, x, **k: a.vjp(f, x, **k)),
    "vjp of many": (lambda t, x, y: (x * 2, y.sin()), [X, Y], lambda a, f, x, **k: a.vjp(f, x, x, **k)),
    "jvp": (F1, [X, X], lambda a, f, x, **k: a.jvp(f, x[0], x[1], **k)),
    "jvp of many": (F2, [X, Y], lambda a, f, x, **k: a.jvp(f, x, x, **k)),
    "vhp": (S1, [X, X], lambda a, f, x, **k: a.vhp(f, x[0], x[1], **k)),
    "vhp of many": (S2, [X, Y], lambda a, f, x, **k: a.vhp(f, x, x, **k)),
    "hvp": (S1, [X, X], lambda a, f, x, **k: a.hvp(f, x[0], x[1], **k)),
    "hvp of many": (S2, [X, Y], lambda a, f, x, **k: a.hvp(f, x, x, **k)),
}


def arguments(t: Any, shapes: list[tuple[int, ...]], requires_grad: bool) -> Any:
    stream = np.random.default_rng(0)
    made = tuple(t.from_numpy(stream.uniform(0.5, 1.5, shape)).requires_grad_(requires_grad) for shape in shapes)
    return made if len(made) > 1 else made[0]


def compare(ours: Any, theirs: Any, history: bool = True) -> None:
    """One structure, the same values, and a history where PyTorch has one."""
    if isinstance(theirs, (tuple, list)):
        assert isinstance(ours, tuple) and len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            compare(a, b, history)
        return
    assert ours.shape == tuple(theirs.shape) and str(ours.dtype) == str(theirs.dtype)
    assert ours.requires_grad == theirs.requires_grad or not history
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", CALLS)
def test_values_and_structure_are_torchs(name: str, create_graph: bool) -> None:
    torch = pytest.importorskip("torch")
    function, shapes, call = CALLS[name]
    found = [call(t.autograd.functional, lambda *xs, t=t: function(t, *xs), arguments(t, shapes, create_graph),
                  create_graph=create_graph) for t in (gradc, torch)]
    compare(*found, history="vectorized" not in name)  # there PyTorch's zeros have one as well


@pytest.mark.parametrize("name", ["jacobian", "hessian", "vjp", "jvp", "vhp", "hvp"])
def test_results_can_be_differentiated(name: str) -> None:
    torch = pytest.importorskip("torch")
    function, shapes, call = CALLS[name]
    found = []
    for t in (gradc, torch):
        xs = arguments(t, shapes, True)
        result = call(t.autograd.functional, lambda *ys, t=t: function(t, *ys), xs, create_graph=True)
        last = result[1] if isinstance(result, tuple) else result
        found.append(t.autograd.grad((last**2).sum(), xs))
    compare(*found)


def test_forward_mode() -> None:
    torch = pytest.importorskip("torch")
    found = [t.autograd.functional.jacobian(lambda *xs, t=t: F2(t, *xs), arguments(t, [X, Y], False), vectorize=True,
                                            strategy="forward-mode") for t in (gradc, torch)]
    compare(*found, history=False)
    found = [t.autograd.functional.hessian(lambda *xs, t=t: S2(t, *xs), arguments(t, [X, Y], False), vectorize=True,
                                           outer_jacobian_strategy="forward-mode") for t in (gradc, torch)]
    compare(*found, history=False)  # PyTorch forgets to detach


def test_nesting() -> None:
    third = gradc.autograd.functional.jacobian(
        lambda x: gradc.autograd.functional.hessian(lambda y: (y**3).sum(), x, create_graph=True),
        gradc.tensor([1.0, 2.0]))
    assert third.shape == (2, 2, 2) and third[0, 0, 0] == third[1, 1, 1] == 6 and third.sum() == 12


def test_closures_are_constants() -> None:
    x = gradc.tensor([1.0, 2.0], requires_grad=True)
    found = gradc.autograd.functional.jacobian(lambda y: x * y, x)
    assert found.tolist() == [[1.0, 0.0], [0.0, 2.0]] and x.grad is None


REFUSED: dict[str, Any] = {
    "an input that is none": lambda t, a: a.jacobian(lambda x: x, 3),
    "an input in a tuple": lambda t, a: a.jacobian(lambda x, y: x, (t.ones(1), 3)),
    "an output that is none": lambda t, a: a.vjp(lambda x: 3, t.ones(1)),
    "v is missing": lambda t, a: a.vjp(lambda x: x * 2, t.ones(2)),
    "v is missing in jvp": lambda t, a: a.jvp(lambda x: x * 2, t.ones(2)),
    "v is missing in hvp": lambda t, a: a.hvp(lambda x: x.sum(), t.ones(2)),
    "v of a wrong size": lambda t, a: a.vjp(lambda x: x * 2, t.ones(2), t.ones(3)),
    "v of a wrong size in a tuple": lambda t, a: a.jvp(lambda x, y: x * y, (t.ones(2), t.ones(2)),
                                                       (t.ones(2), t.ones(3))),
    "v of a wrong length": lambda t, a: a.jvp(lambda x, y: x * y, (t.ones(2), t.ones(2)), t.ones(2)),
    "v too many": lambda t, a: a.vjp(lambda x: x, t.ones(2), (t.ones(2), t.ones(2))),
    "hessian of many numbers": lambda t, a: a.hessian(lambda x: x**2, t.ones(2)),
    "hessian of many tensors": lambda t, a: a.hessian(lambda x: (x.sum(), x.sum()), t.ones(2)),
    "vhp of many numbers": lambda t, a: a.vhp(lambda x: x**2, t.ones(2), t.ones(2)),
    "a strategy": lambda t, a: a.jacobian(lambda x: x, t.ones(2), strategy="sideways"),
    "forward mode one by one": lambda t, a: a.jacobian(lambda x: x, t.ones(2), strategy="forward-mode"),
    "forward mode with a graph": lambda t, a: a.jacobian(lambda x: x, t.ones(2), True, strategy="forward-mode"),
    "strict and vectorized": lambda t, a: a.jacobian(lambda x: x, t.ones(2), strict=True, vectorize=True),
    "strict constant": lambda t, a: a.jacobian(lambda x: t.ones(2), t.ones(2), strict=True),
    "strict independent": lambda t, a: a.jacobian(lambda x, y: x * 2, (t.ones(2), t.ones(2)), strict=True),
    "strict constant jacobian": lambda t, a: a.jacobian(lambda x: x * 2, t.ones(2), create_graph=True, strict=True),
    "strict line in hessian": lambda t, a: a.hessian(lambda x: x.sum(), t.ones(2), strict=True),
    "strict independent vjp": lambda t, a: a.vjp(lambda x, y: x * 2, (t.ones(2), t.ones(2)), t.ones(2), strict=True),
    "strict line in jvp": lambda t, a: a.jvp(lambda x: x * 2, t.ones(2), t.ones(2), create_graph=True, strict=True),
    "strict line in vhp": lambda t, a: a.vhp(lambda x: x.sum(), t.ones(2), t.ones(2), strict=True),
}


@pytest.mark.parametrize("name", REFUSED)
def test_errors_are_torchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(Exception) as theirs:  # noqa: B017
        REFUSED[name](torch, torch.autograd.functional)
    with pytest.raises(type(theirs.value)) as ours:
        REFUSED[name](gradc, gradc.autograd.functional)
    assert isinstance(ours.value, GradcError)
    beginning = str(theirs.value).split(". ")[0].split(" are not supported together")[0].split(" but ")[0]
    assert str(ours.value).replace("is only implemented", "isonly implemented").startswith(beginning)
