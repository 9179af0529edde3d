"""ctc_loss against torch: labels in rows and in one piece, lengths, infinite losses, compiled, twice, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc

torch = pytest.importorskip("torch")

SCORES = np.random.default_rng(2).standard_normal((6, 3, 5))
ROWS = [[1, 2, 2], [3, 3, 4], [4, 1, 1]]

CASES: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "rows": (ROWS, [6, 5, 4], [3, 3, 1], {"reduction": "none"}),
    "in one piece": ([1, 2, 2, 4], [6, 5, 4], [3, 0, 1], {"reduction": "sum"}),
    "blank": (ROWS, [6, 6, 6], [2, 2, 3], {"blank": 0, "reduction": "mean"}),
    "too short": (ROWS, [6, 2, 3], [3, 3, 3], {"reduction": "none", "zero_infinity": True}),
    "no steps": (ROWS, [6, 0, 3], [3, 0, 1], {"reduction": "none"}),
    "no labels": (ROWS, [6, 2, 3], [0, 0, 0], {"reduction": "mean"}),
}


def computed(t: Any, name: str, run: Callable[[Any], Any] = lambda f: f) -> list[Any]:
    targets, steps, labels, settings = CASES[name]
    x = t.tensor(SCORES.tolist(), dtype=t.float64, requires_grad=True)

    def loss(x: Any) -> Any:
        found = t.nn.functional.ctc_loss(x.log_softmax(-1), t.tensor(targets), steps, labels, **settings)
        return found, t.autograd.grad((found * t.arange(1.0, 1 + found.numel(), dtype=t.float64)).sum(), x)[0]

    return [y.tolist() for y in run(loss)(x)]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("run", [lambda f: f, gradc.compile], ids=["eager", "compiled"])
def test_equals_torch(name: str, run: Any) -> None:
    for ours, theirs in zip(computed(gradc, name, run), computed(torch, name), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)


def test_an_infinite_loss() -> None:
    for t in (gradc, torch):
        x = t.zeros(2, 1, 3, requires_grad=True)
        loss = t.nn.CTCLoss()(x.log_softmax(2), t.tensor([[1, 1]]), [2], [2])
        loss.backward()
        assert loss.item() == float("inf") and x.grad.isnan().all()


def test_second_derivatives() -> None:
    x = gradc.tensor(SCORES[:4, :1].tolist(), dtype=gradc.float64, requires_grad=True)

    def loss(x: Any) -> Any:
        return gradc.nn.functional.ctc_loss(x.log_softmax(-1), gradc.tensor([[1, 2]]), [4], [2])

    assert gradc.autograd.gradgradcheck(loss, (x,))


REFUSED: dict[str, Callable[[Any, Any], Any]] = {
    "too many steps": lambda t, f: f(t.zeros(2, 1, 3), t.tensor([[1]]), [3], [1]),
    "too few labels": lambda t, f: f(t.zeros(2, 1, 3), t.tensor([[1]]), [2], [2]),
    "labels in one piece": lambda t, f: f(t.zeros(2, 2, 3), t.tensor([1, 2, 1]), [2, 2], [1, 1]),
    "lengths": lambda t, f: f(t.zeros(2, 2, 3), t.tensor([[1], [2]]), [2], [1, 1]),
    "lengths of labels": lambda t, f: f(t.zeros(2, 2, 3), t.tensor([[1], [2]]), [2, 2], [1]),
    "negative": lambda t, f: f(t.zeros(2, 1, 3), t.tensor([[1]]), [-1], [1]),
    "blank": lambda t, f: f(t.zeros(2, 1, 3), t.tensor([[1]]), [2], [1], blank=3),
    "lengths of floats": lambda t, f: f(t.zeros(2, 1, 3), t.tensor([[1]]), t.tensor([2.0]), t.tensor([1])),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_torch(name: str) -> None:
    texts = []
    for t in (torch, gradc):
        with pytest.raises(RuntimeError) as problem:
            REFUSED[name](t, t.nn.functional.ctc_loss)
        texts.append(str(problem.value).split(" (while")[0])
    assert texts[1].startswith(texts[0])


def test_a_label_that_no_class_has_is_refused() -> None:
    with pytest.raises(RuntimeError, match="a target is 7, and there are 3 classes"):
        gradc.nn.functional.ctc_loss(gradc.zeros(2, 1, 3), gradc.tensor([[7]]), [2], [1])
