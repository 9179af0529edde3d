"""What the optimiser does: nodes, FLOPs and bytes before and after each pass, and the time of compiled steps with it.

    python benchmarks/optimiser.py

The programs are steps of the kinds that the examples make. Each runs compiled with all passes, compiled without those
that can be left out, and as the same function written for jax.jit; they take turns in one process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import harness
import numpy as np

import gradc
from gradc import autograd
from gradc.compiler.history import HEADINGS, cells, rows
from gradc.nn import functional as F
from gradc.passes import without

BARE = [without(name) for name in ("simplify", "fold", "cse", "dce", "fuse", "schedule", "free")]
RANDOM = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    """Random numbers in single precision."""
    return RANDOM.standard_normal(shape).astype(np.float32) / 8


# The programs: a step for gradc, and the loss of which jax takes the same gradients


def logistic(x: Any, y: Any, w: Any) -> Any:
    """The gradient of a logistic regression."""
    return autograd.grad(F.binary_cross_entropy_with_logits(x @ w, y), [w])


def logistic_jax(jax: Any) -> Callable[..., Any]:
    def loss(x: Any, y: Any, w: Any) -> Any:
        z = x @ w
        return (y * jax.nn.softplus(-z) + (1 - y) * jax.nn.softplus(z)).mean()

    return lambda x, y, w: jax.grad(loss, argnums=2)(x, y, w)


def perceptron(x: Any, y: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """The gradients of a classifier of two layers."""
    return autograd.grad(F.cross_entropy((x @ a + b).relu() @ c + d, y), [a, b, c, d])


def perceptron_jax(jax: Any) -> Callable[..., Any]:
    def loss(x: Any, y: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        z = jax.nn.log_softmax(jax.nn.relu(x @ a + b) @ c + d)
        return -jax.numpy.take_along_axis(z, y[:, None], 1).mean()

    return lambda *given: jax.grad(loss, argnums=(2, 3, 4, 5))(*given)


def attention(x: Any, q: Any, k: Any, v: Any) -> Any:
    """The gradients of one head of attention."""
    scores = (x @ q) @ (x @ k).t() / 8
    return autograd.grad((scores.softmax(-1) @ (x @ v)).square().mean(), [q, k, v])


def attention_jax(jax: Any) -> Callable[..., Any]:
    def loss(x: Any, q: Any, k: Any, v: Any) -> Any:
        scores = (x @ q) @ (x @ k).T / 8
        return ((jax.nn.softmax(scores) @ (x @ v)) ** 2).mean()

    return lambda *given: jax.grad(loss, argnums=(1, 2, 3))(*given)


def convolutions(x: Any, y: Any, a: Any, b: Any) -> Any:
    """The gradients of two convolutions and a loss."""
    z = F.conv2d(F.conv2d(x, a, padding=1).relu(), b, padding=1)
    return autograd.grad(F.mse_loss(z, y), [a, b])


def convolutions_jax(jax: Any) -> Callable[..., Any]:
    def conv(x: Any, w: Any) -> Any:
        return jax.lax.conv(x, w, (1, 1), "SAME")

    def loss(x: Any, y: Any, a: Any, b: Any) -> Any:
        return ((conv(jax.nn.relu(conv(x, a)), b) - y) ** 2).mean()

    return lambda *given: jax.grad(loss, argnums=(2, 3))(*given)


def second(x: Any) -> Any:
    """A gradient of a gradient."""
    g, = autograd.grad((x.tanh() * x.exp() / (1 + x * x)).sum(), x, create_graph=True)
    return autograd.grad((g * g).sum(), [x])


def second_jax(jax: Any) -> Callable[..., Any]:
    def first(x: Any) -> Any:
        return (jax.numpy.tanh(x) * jax.numpy.exp(x) / (1 + x * x)).sum()

    return lambda x: jax.grad(lambda x: (jax.grad(first)(x) ** 2).sum())(x)


LABELS = RANDOM.integers(0, 10, 256)
PROGRAMS: dict[str, tuple[Callable[..., Any], Callable[[Any], Callable[..., Any]], list[Any]]] = {
    "logistic regression": (logistic, logistic_jax, [normal(4096, 64), RANDOM.random(4096, np.float32), normal(64)]),
    "perceptron": (perceptron, perceptron_jax, [normal(256, 784), LABELS, normal(784, 256), normal(256),
                                                normal(256, 10), normal(10)]),
    "attention": (attention, attention_jax, [normal(256, 64) * 8, normal(64, 64), normal(64, 64), normal(64, 64)]),
    "convolutions": (convolutions, convolutions_jax, [normal(2, 4, 16, 16), normal(2, 4, 16, 16), normal(8, 4, 3, 3),
                                                      normal(4, 8, 3, 3)]),
    "second order": (second, second_jax, [normal(100_000)]),
}


def measure(name: str) -> str:
    """A program's table of passes, and its times."""
    step, made, arrays = PROGRAMS[name]
    jax = harness.needed("jax")
    enter = gradc.compile(lambda x: x.clone())  # what a compiled function returns is jax's, as jax's operands are
    given = [enter(gradc.tensor(x)) for x in arrays]
    for x in given:
        if x.dtype.is_floating_point:
            x.requires_grad_()
    optimised, bare = gradc.compile(step), gradc.compile(step, passes=BARE)
    jitted, constants = jax.jit(made(jax)), [jax.numpy.asarray(x) for x in arrays]
    calls = {"all passes": lambda: [x.numpy() for x in optimised(*given)],  # which waits for the result
             "without": lambda: [x.numpy() for x in bare(*given)],
             "jax.jit": lambda: [np.asarray(x) for x in jax.tree.leaves(jitted(*constants))]}
    case = harness.measure(harness.Case(name, calls, tolerance=2e-3), blocks=15, block_seconds=0.01)
    table = [cells(row) for row in rows(optimised.last.stages, optimised.last.seconds)]
    lines = [f"| {' | '.join(HEADINGS)} |", f"|---|{'--:|' * (len(HEADINGS) - 1)}",
             *(f"| {' | '.join(line)} |" for line in table)]
    base = case.medians["jax.jit"]
    times = ", ".join(f"{key} {value * 1e6:.0f} µs ({value / base:.2f})" for key, value in case.medians.items())
    return f"## {name}\n\n{times}\n\n" + "\n".join(lines)


def main() -> None:
    """Measure and write the tables."""
    parts = [f"# The optimiser\n\n{harness.header()}\n\nThe time of a compiled step with all passes, without those "
             f"that can be left out, and of jax.jit of the same function, with the multiple of the last."]
    for name in PROGRAMS:
        parts.append(measure(name))
        print(parts[-1], flush=True)
    harness.write("optimiser", "\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
