"""autograd.Function does what PyTorch's does; and what it keeps to itself: no leaks, errors with both lines."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import functions
import numpy as np
import pytest

import gradc
from gradc.autograd import Function
from gradc.autograd.function import once_differentiable


def check_same(a: Any, b: Any) -> None:
    """Equal, and for tensors of the two libraries: of one dtype, with the same numbers up to rounding."""
    if not hasattr(a, "detach"):
        assert a == b
        return
    left, right = a.detach().numpy(), b.detach().numpy()
    assert left.dtype == right.dtype
    np.testing.assert_allclose(left, right, rtol=1e-6)


@pytest.mark.parametrize("program", functions.PROGRAMS, ids=lambda f: f.__name__)
def test_as_in_torch(program: Any) -> None:
    torch = pytest.importorskip("torch")
    for a, b in zip(program(gradc), program(torch), strict=True):
        check_same(a, b)


REFUSED = [
    ("returns a number", lambda ctx, x: x * 2, lambda ctx, g: 3, "expected Variable or None"),
    ("gradient of a number", lambda ctx, x, k=0: x * 2, lambda ctx, g: (g, g), "incorrect number of gradients"),
    ("shape", lambda ctx, x: x * 2, lambda ctx, g: gradc.ones(5), "returned an invalid gradient at index 0"),
    ("dirty and not returned", lambda ctx, x: ctx.mark_dirty(x) or x * 2, lambda ctx, g: g, "marked as dirty"),
    ("saves a number", lambda ctx, x: ctx.save_for_backward(3) or x * 2, lambda ctx, g: g, "can only save variables"),
]


@pytest.mark.parametrize(("forward", "backward", "message"), [case[1:] for case in REFUSED],
                         ids=[case[0] for case in REFUSED])
def test_refused(forward: Any, backward: Any, message: str) -> None:
    x = gradc.ones(2, requires_grad=True) * 1
    with pytest.raises((RuntimeError, TypeError), match=message):
        functions.make(gradc, forward, backward).apply(x).sum().backward()


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return 2 * x * g


def test_a_write_to_what_was_saved_names_both_lines() -> None:
    x = gradc.ones(2, requires_grad=True) * 1
    y = Square.apply(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as error:
        y.sum().backward()
    assert "y = Square.apply(x)" in str(error.value)
    assert "x.add_(1)" in str(error.value)


def test_writing_a_view_that_a_function_returned_is_refused_and_changes_nothing() -> None:
    x = gradc.ones(2, requires_grad=True) * 1
    y = functions.make(gradc, lambda ctx, x: x.view(2, 1), lambda ctx, g: g.view(2)).apply(x)
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        y.mul_(3)
    assert x.tolist() == [1, 1]


def test_nothing_leaks() -> None:
    gc.disable()
    try:
        x = gradc.ones(3, requires_grad=True)
        y = functions.make(gradc, lambda ctx, x: ctx.save_for_backward(x, y := x * 2) or y,
                           lambda ctx, g: g * ctx.saved_tensors[1]).apply(x)
        node = weakref.ref(y.grad_fn)
        y.sum().backward()
        del y
        assert node() is None
    finally:
        gc.enable()


def test_once_differentiable_refuses_where_a_second_gradient_would_flow() -> None:
    made = functions.make(gradc, lambda ctx, x: x * x, once_differentiable(lambda ctx, g: 2 * g))
    x, w = gradc.ones(2, requires_grad=True), gradc.ones(2, requires_grad=True)
    g, = gradc.autograd.grad((made.apply(x) * w).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice a function that was marked with @once_differentiable"):
        gradc.autograd.grad(g.sum(), w)


def test_jvp_pushes_tangents() -> None:
    class Cube(Function):
        @staticmethod
        def forward(x):
            return x ** 3

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx, g):
            raise AssertionError("forward mode has no use for it")

        @staticmethod
        def jvp(ctx, t):
            x, = ctx.saved_tensors
            return 300 * x * x * t

    x = gradc.tensor([1.0, 2.0])
    value, tangent = gradc.func.jvp(Cube.apply, (x,), (gradc.ones(2),))
    assert (value.tolist(), tangent.tolist()) == ([1, 8], [300, 1200])


def test_many_examples() -> None:
    class Scale(Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x, w):
            return x * w

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            return 10 * g * w, 100 * g * x

    rng = np.random.default_rng(0)
    x, w = (gradc.tensor(rng.normal(size=size), requires_grad=True) for size in ((4, 3), 3))
    together = gradc.autograd.grad(gradc.vmap(Scale.apply, (0, None))(x, w).sum(), [x, w])
    alone = gradc.autograd.grad(gradc.stack([Scale.apply(row, w) for row in x]).sum(), [x, w])
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy())
