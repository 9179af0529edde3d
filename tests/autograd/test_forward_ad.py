"""Dual numbers against torch.autograd.forward_ad: the same program on both."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

PROGRAMS = {
    "product": lambda t, x, y: x * y,
    "broadcast": lambda t, x, y: x[:, None] * y + x.sum(),
    "matrix": lambda t, x, y: t.outer(x, y) @ x,
    "two results": lambda t, x, y: t.cat([part * x for part in y.reshape(3, 1).unbind(0)]),
    "in place": lambda t, x, y: x.clone().mul_(y).add_(x),
    "view": lambda t, x, y: (x * y).reshape(3, 1).t()[0, 1:].exp(),
    "softmax": lambda t, x, y: t.softmax(x * 2, 0) - t.logsumexp(y, 0),
    "maximum": lambda t, x, y: t.maximum(x, y).cumsum(0),
    "linear": lambda t, x, y: t.nn.functional.linear(x, t.outer(y, x), y),
}


@pytest.fixture(params=["gradc", "torch"])
def modules(request):
    torch = importlib.import_module(request.param) if request.param == "gradc" else pytest.importorskip("torch")
    return torch, importlib.import_module(f"{request.param}.autograd.forward_ad")


def tangent(name, ours) -> np.ndarray:
    torch, forward_ad = ours
    x, y = torch.tensor([0.5, -1.0, 2.0]), torch.tensor([1.5, 0.25, -0.75])
    with forward_ad.dual_level():
        x = forward_ad.make_dual(x, torch.tensor([1.0, 2.0, -1.0]))
        y = forward_ad.make_dual(y, torch.tensor([0.5, 0.0, 1.0]))
        return forward_ad.unpack_dual(PROGRAMS[name](torch, x, y)).tangent.detach().numpy()


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_torch(name):
    torch = pytest.importorskip("torch"), importlib.import_module("torch.autograd.forward_ad")
    ours = importlib.import_module("gradc"), importlib.import_module("gradc.autograd.forward_ad")
    np.testing.assert_allclose(tangent(name, ours), tangent(name, torch), rtol=1e-5, atol=1e-6)


def test_what_has_no_tangent(modules):
    torch, forward_ad = modules
    x = torch.ones(2)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, torch.ones(2))
        assert forward_ad.unpack_dual(x * 2).tangent is None
        assert forward_ad.unpack_dual(dual).tangent.tolist() == [1.0, 1.0]
        assert not forward_ad.unpack_dual(dual).primal.requires_grad
    assert forward_ad.unpack_dual(dual).tangent is None


def test_a_tangent_can_be_differentiated(modules):
    torch, forward_ad = modules
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, torch.tensor([1.0, 1.0]))
        forward_ad.unpack_dual((dual**3).sum()).tangent.backward()
    assert x.grad.tolist() == [6.0, 12.0]


def test_errors(modules):
    torch, forward_ad = modules
    with pytest.raises(RuntimeError, match="no level exists"):
        forward_ad.make_dual(torch.ones(2), torch.ones(2))
    with forward_ad.dual_level():
        with pytest.raises(RuntimeError, match="Nested forward mode AD is not supported"):
            forward_ad.enter_dual_level()
        with pytest.raises((TypeError, ValueError)):
            forward_ad.make_dual(torch.arange(3), torch.arange(3))
        with pytest.raises(RuntimeError):
            forward_ad.make_dual(torch.ones(2), torch.ones(3))
