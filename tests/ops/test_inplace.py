"""Writes in place: seen through views and views of views, by the graph too, and refused where they would be wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from samples import close, on_xla

import gradc
from gradc import engine
from gradc.tensor import Tensor, wrap

torch = pytest.importorskip("torch")

X = np.arange(1.0, 13.0).reshape(3, 4)


def write_row(x: Any) -> Any:
    y = x * 1
    y[1] = 5.0
    return y


def write_row_from_itself(x: Any) -> Any:
    y = x * 2
    y[0] = y[1] * y[2]
    return y * y


def write_through_view(x: Any) -> Any:
    y = x * 2
    v = y[1]
    v.mul_(3)
    return y * y


def write_through_view_of_view(x: Any) -> Any:
    y = x * 2
    v = y.reshape(4, 3)[1:3].t()
    v.add_(x[0, :2] * 10)
    return y * v.sum()


def write_base_then_read_view(x: Any) -> Any:
    y = x * 2
    v = y[:, 1]
    y.mul_(x)
    return v * v


def write_transposed(x: Any) -> Any:
    y = x * 2
    y.transpose(0, 1)[2] = x[:, 0] ** 2
    return y * y


def write_permuted_and_squeezed(x: Any) -> Any:
    y = (x * 2).unsqueeze(0)
    y.permute(2, 0, 1).squeeze(1)[1:3] *= x[:, 1:3].t()
    return y * y


def write_twice(x: Any) -> Any:
    y = x * 2
    y[0] += x[1]
    y[0] *= x[2]
    return y * y


def augmented(x: Any) -> Any:
    y = x * 1
    y += x
    y *= 3
    y -= x * x
    y /= 2
    return y


def copied(x: Any) -> Any:
    y = x * 1
    y[:2].copy_(x[1:] * 7)
    return y * y


def filled(x: Any) -> Any:
    y = x * 2
    y[:, 0].fill_(3.0)
    y[1].zero_()
    return y * y


def masked(x: Any) -> Any:
    y = x * 2
    y[x > 6] = 0.0
    y.masked_fill_(x < 3, 1.0)
    return y * y


def clamped(x: Any) -> Any:
    y = x * 1
    y.clamp_(2.0, 9.0)
    return y * y


def view_of_detached(x: Any) -> Any:
    y = x * 2
    y.detach()[0] = 0.0
    return y + x


def overwritten_before_use(x: Any) -> Any:
    y = x * 2
    y[...] = x * x
    return y


def indexed_by_tensor(x: Any) -> Any:
    y = x * 2
    y[[0, 2]] = x[[1, 1]] * 3
    return y * y


def activation_in_place(x: Any) -> Any:
    y = (x - 6) * 2
    y.relu_()
    return y * x


PROGRAMS: list[Callable[[Any], Any]] = [
    write_row, write_row_from_itself, write_through_view, write_through_view_of_view, write_base_then_read_view,
    write_transposed, write_permuted_and_squeezed, write_twice, augmented, copied, filled, masked, clamped,
    view_of_detached, overwritten_before_use, indexed_by_tensor, activation_in_place,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_values_and_gradients_are_torchs(program: Callable[[Any], Any]) -> None:
    outcomes = []
    for x in (wrap(X / 4).requires_grad_(), torch.tensor(X / 4, requires_grad=True)):
        try:
            y = program(x)
            y.sum().backward()
            outcomes.append((y.detach().numpy(), x.grad.numpy()))
        except RuntimeError as problem:
            outcomes.append(str(problem).split(":")[0])
    ours, theirs = outcomes
    if isinstance(theirs, str) or isinstance(ours, str):
        assert isinstance(ours, str) and isinstance(theirs, str), (ours, theirs)
        return
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-12)


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p is not view_of_detached], ids=lambda p: p.__name__)
def test_traced_writes_are_functional_updates(program: Callable[[Any], Any]) -> None:
    x = wrap(X / 4)
    close(on_xla(program, [x])[0], program(x).numpy())
    assert x.tolist() == (X / 4).tolist()


def test_second_gradient_through_writes() -> None:
    for library, x in ((engine.grad, wrap(X / 4).requires_grad_()),
                       (torch.autograd.grad, torch.tensor(X / 4, requires_grad=True))):
        y = x * x
        y[0] = y[1] + x[2]
        y[:, 1].mul_(x[:, 0])
        first = library((y * y).sum(), x, create_graph=True)[0]
        second = library((first * first).sum(), x)[0]
        if library is engine.grad:
            ours = second.numpy()
    np.testing.assert_allclose(ours, second.numpy(), rtol=1e-12)


def test_views_share_memory_and_version() -> None:
    x = gradc.zeros(2, 3)
    views = [x[0], x.t(), x.reshape(3, 2), x.detach(), x[0][1:], x.unsqueeze(0), x[None, 1]]
    x.add_(1)
    assert all(v._version == x._version == 1 for v in views)
    assert all(v.numpy().min() == 1 for v in views)
    views[-1].mul_(0)
    assert x[1].sum().item() == 0 and x[0].sum().item() == 3


REFUSED: list[tuple[str, Callable[[Tensor], Any], str]] = [
    ("saved", lambda x: _then_backward(x.exp(), lambda y: y.add_(1)), "modified by an inplace operation"),
    ("saved by a view", lambda x: _then_backward((x * 1).sin_(), lambda y: y[0].mul_(2)), None),  # type: ignore
    ("leaf", lambda x: x.add_(1), "a leaf Variable that requires grad"),
    ("view of a leaf", lambda x: x[0].add_(1), "a view of a leaf Variable that requires grad"),
    ("expanded", lambda x: gradc.zeros(1).expand(3).add_(1), "single memory location"),
    ("shape", lambda x: gradc.zeros(3).add_(gradc.zeros(2, 3)), "doesn't match the broadcast shape"),
    ("dtype", lambda x: gradc.zeros(3, dtype=gradc.int64).add_(1.5), "can't be cast to the desired output type"),
]


def _then_backward(y: Tensor, write: Callable[[Tensor], Any]) -> None:
    z = y * y
    write(y)
    z.sum().backward()


@pytest.mark.parametrize(("name", "program", "message"), REFUSED, ids=[r[0] for r in REFUSED])
def test_refused(name: str, program: Callable[[Tensor], Any], message: str | None) -> None:
    with pytest.raises(RuntimeError, match=message):
        program(wrap(X.copy()).requires_grad_())


def test_the_error_names_both_lines() -> None:
    x = wrap(X.copy()).requires_grad_()
    y = x.exp()
    z = y * 2
    y.mul_(3)
    with pytest.raises(RuntimeError) as caught:
        z.sum().backward()
        y.sum().backward()
    text = str(caught.value)
    assert "ExpBackward0" in text and "y = x.exp()" in text and "y.mul_(3)" in text


def test_no_grad_writes_leaves() -> None:
    x = wrap(X.copy()).requires_grad_()
    with gradc.no_grad():
        x.sub_(1)
        x[0] = 0.0
    assert x.is_leaf and x.numel() == 12 and x.detach().numpy()[0].sum() == 0
    engine.backward((x * x).sum())
    np.testing.assert_allclose(x.grad.numpy(), 2 * x.detach().numpy())
