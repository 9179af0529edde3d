"""gradc.from_jax: functions of JAX with values, gradients of every order, batches and text, eager and compiled."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradc
from gradc.errors import ArgumentError, TraceError
from gradc.ir import parse, verify


def data(*shape: int, dtype: Any = np.float32) -> gradc.Tensor:
    values = np.random.default_rng(sum(shape)).normal(size=shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * np.random.default_rng(7).normal(size=shape)
    return gradc.tensor(values.astype(dtype))


def pair(x: Any, y: Any) -> Any:
    return {"sum": x.sum(0) * y, "rest": (jnp.exp(y), x.shape[0] + 0 * jnp.int32(1))}


CASES: dict[str, tuple[Any, Any, tuple[Any, ...]]] = {
    "one operand": (jnp.tanh, gradc.tanh, (data(3),)),
    "two operands": (lambda x, w: jnp.tanh(x @ w).sum(0), lambda x, w: (x @ w).tanh().sum(0), (data(4, 3), data(3, 2))),
    "double precision": (lambda x: jnp.sin(x) * x, lambda x: x.sin() * x, (data(3, dtype=np.float64),)),
    "complex": (lambda z: z * z + jnp.exp(z), lambda z: z * z + z.exp(), (data(3, dtype=np.complex64),)),
    "a number": (lambda x, n: x * n + n, lambda x, n: x * n + n, (data(3), 2.5)),
    "a tree": (lambda d, pair: d["x"] * pair[0] - pair[1], lambda d, pair: d["x"] * pair[0] - pair[1],
               ({"x": data(3)}, (data(3, 1), data(3)))),
    "an index": (lambda x, i: x[i] ** 3, lambda x, i: x[i] ** 3, (data(5), gradc.tensor([0, 2, 2]))),
    "no gradient for one": (lambda x, y: jnp.cos(x) + 0 * y, lambda x, y: x.cos() + 0 * y, (data(3), data(3))),
}


def tensors_of(tree: Any) -> list[Any]:
    return [x for x in jax.tree.leaves(tree) if isinstance(x, gradc.Tensor)]


def value(function: Any) -> Any:
    """The function as one of real scalars."""
    def scalar(*args: Any) -> Any:
        result = function(*args)
        return (result * result.conj()).real.sum() if result.is_complex() else (result ** 2).sum()

    return scalar


def first(function: Any) -> Any:
    def slopes(*args: Any) -> Any:
        wrt = [x for x in tensors_of(args) if x.dtype.is_floating_point or x.is_complex()]
        return gradc.autograd.grad(value(function)(*args), wrt)

    return slopes


def second(function: Any) -> Any:
    def curvature(*args: Any) -> Any:
        wrt = [x for x in tensors_of(args) if x.dtype.is_floating_point or x.is_complex()]
        slopes = gradc.autograd.grad(value(function)(*args), wrt, create_graph=True)
        return gradc.autograd.grad(sum((g * g.conj()).real.sum() for g in slopes), wrt)

    return curvature


def leaves(args: Any) -> Any:
    return jax.tree.map(lambda x: x.clone().requires_grad_(x.dtype.is_floating_point or x.is_complex())
                        if isinstance(x, gradc.Tensor) else x, args)


def close(a: Any, b: Any, tolerance: float = 2e-5) -> None:
    for x, y in zip(tensors_of(a), tensors_of(b), strict=True):
        assert x.dtype is y.dtype
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("order", [lambda f: f, first, second], ids=["value", "first", "second"])
@pytest.mark.parametrize("wrapped", [lambda f: f, gradc.compile], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", CASES)
def test_it_is_the_function(name: str, wrapped: Any, order: Any) -> None:
    function, ours, args = CASES[name]
    args = leaves(args)
    close(wrapped(order(gradc.from_jax(function)))(*args), order(ours)(*args))


def test_results_come_as_the_function_returns_them() -> None:
    x, y = data(2, 3).requires_grad_(), data(3)
    for wrapped in (lambda f: f, gradc.compile):
        found = wrapped(gradc.from_jax(pair))(x, y)
        close(found["sum"], x.sum(0) * y)
        close(found["rest"][0], y.exp())
        assert found["rest"][1].item() == 2 and not found["rest"][1].requires_grad
        found["sum"].sum().backward()
        close(x.grad, y.expand(2, 3))
        x.grad = None


def test_keywords_are_static_and_kept_apart() -> None:
    power = gradc.from_jax(lambda x, *, n, mode="up": sum([x] * n) if mode == "up" else -x)
    x = data(3)
    close([power(x, n=2), power(x, n=3), power(x, n=2, mode="down")], [x * 2, x * 3, -x])
    assert len(power.calls) == 3
    gradc.compile(lambda x: power(x, n=4))(x)
    with pytest.raises(ArgumentError, match="can be hashed"):
        power(x, n=2, mode={1})


def test_it_traces_once_for_each_kind_of_arguments() -> None:
    traced = []

    @gradc.from_jax
    def f(x: Any) -> Any:
        traced.append(x.shape)
        return x * 2

    for _ in range(3):
        f(data(3)), f(data(4))
    before = len(traced)
    for _ in range(5):
        f(data(3)), f(data(4))
    assert len(traced) == before


def test_batches_and_forward_mode() -> None:
    function, ours, (x, w) = CASES["two operands"]
    f, xs = gradc.from_jax(function), data(5, 4, 3)
    close(gradc.vmap(f, (0, None))(xs, w), gradc.vmap(ours, (0, None))(xs, w))
    slopes = [gradc.func.grad(lambda w, x, each=each: each(x, w).sum()) for each in (f, ours)]
    close(*[gradc.vmap(slope, (None, 0))(w, xs) for slope in slopes])
    close(*[gradc.func.jvp(each, (x, w), (x * 2, w * 3)) for each in (f, ours)])
    for outer in (gradc.func.jacrev, gradc.func.jacfwd):
        for inner in (gradc.func.jacrev, gradc.func.jacfwd, gradc.func.grad):
            close(*[outer(inner(lambda w, each=each: each(x, w).sum()))(w) for each in (f, ours)])


def test_the_text_runs_while_the_function_is_alive() -> None:
    f = gradc.from_jax(jnp.sin, name="sine_of_jax")
    x = data(3).requires_grad_()
    compiled = gradc.compile(lambda x: gradc.autograd.grad(f(x).sum(), x))
    expected, = compiled(x)
    graph = compiled.stages["dce"]
    assert "function='sine_of_jax.vjp[(0,),(0,)]'" in str(graph)
    again = parse(str(graph))
    verify(again)
    close(again(x.detach()), expected)
    close(again(x.detach()), gradc.cos(x))
    unknown = str(graph).replace("sine_of_jax", "sine_of_nobody")
    with pytest.raises(TraceError, match=r"(?s)sine_of_nobody that this graph calls is not alive.*from_jax\(f, name="):
        parse(unknown)(x.detach())
    later = gradc.from_jax(jnp.sin, name="sine_of_nobody")
    close(parse(unknown)(x.detach()), expected)
    close(later(x), x.sin())


def test_a_training_step() -> None:
    layer = gradc.from_jax(lambda x, w: jax.nn.gelu(x @ w, approximate=False))
    losses = []
    for wrapped in (lambda f: f, gradc.compile):
        w = gradc.full((3, 2), 0.5).requires_grad_()
        optimizer = gradc.optim.Adam([w], lr=0.1)

        def step(x: Any, w: Any = w, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = layer(x, w).square().mean()
            loss.backward()
            optimizer.step()
            return loss.detach()

        step = wrapped(step)
        losses.append([*(step(data(4, 3)) for _ in range(4)), w])
    close(*losses)


def test_a_write_before_backward_is_noticed() -> None:
    x = data(3).requires_grad_()
    y = x * 1
    z = gradc.from_jax(jnp.sin)(y)
    y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_errors_name_the_line() -> None:
    refuses = gradc.from_jax(lambda x: x * 2 if x.sum() > 0 else x, name="refuses")
    for call in (refuses, gradc.compile(refuses)):
        with pytest.raises(TraceError, match=r"(?s)refuses.*TracerBoolConversionError.*test_from_jax.py:\d+"):
            call(data(3))
    with pytest.raises(ArgumentError, match=r"(?s)positional arguments are trees.*got str.*test_from_jax.py:\d+"):
        refuses("text")
    with pytest.raises(ArgumentError, match="the name 'refuses' is taken"):
        gradc.from_jax(jnp.sin, name="refuses")
    with pytest.raises(ArgumentError, match="expected a function"):
        gradc.from_jax(3)
