"""The parts that split and unbind return: views with one node together, whose gradient is one array."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradc

torch = pytest.importorskip("torch")

CUTS = {
    "split": lambda x: x.split(2, 1), "sizes": lambda x: x.split((1, 3), 1), "chunk": lambda x: x.chunk(2, 0),
    "unbind": lambda x: x.unbind(1), "of a view": lambda x: x.t().unbind(0),
}


def gradients(library: Any, cut: Any, used: list[int]) -> list[np.ndarray[Any, Any]]:
    """First and second order, where only some of the parts are used."""
    x = library.arange(12.0).reshape(3, 4).requires_grad_()
    parts = cut(x)
    loss = sum([(parts[i] ** 3).sum() for i in used])
    first, = library.autograd.grad(loss, x, create_graph=True)
    second, = library.autograd.grad(first.sum(), x)
    return [first.detach().numpy(), second.numpy()]


@pytest.mark.parametrize("used", [[0], [1], [0, 1, 0]], ids=str)
@pytest.mark.parametrize("name", CUTS)
def test_gradients_are_those_of_torch(name: str, used: list[int]) -> None:
    for ours, theirs in zip(gradients(gradc, CUTS[name], used), gradients(torch, CUTS[name], used), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", CUTS)
def test_parts_have_one_node_and_share_memory(name: str) -> None:
    x = gradc.ones(3, 4, requires_grad=True)
    first, second, *_ = CUTS[name](x)
    node = torch.ones(3, 4, requires_grad=True)
    assert first.grad_fn.name() == CUTS[name](node)[0].grad_fn.name()
    assert first.grad_fn is second.grad_fn
    assert first._is_view() and np.shares_memory(first.detach().numpy(), x.detach().numpy())


def test_a_part_follows_a_write_to_its_base() -> None:
    x = gradc.ones(2, 2, requires_grad=True)
    y = x * 1
    first = y.unbind(0)[0]
    y[0] = 5.0
    g, = gradc.autograd.grad(first.sum() + y.sum(), x)
    assert g.tolist() == [[0.0, 0.0], [1.0, 1.0]]
