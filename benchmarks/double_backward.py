"""Steps that differentiate twice, against JAX: a gradient penalty, and training on the forces of a network potential.

    python benchmarks/double_backward.py
"""

from __future__ import annotations

from typing import Any

import harness
import numpy as np

import gradc

WIDTH, ATOMS, BATCH = 64, 16, 32
DRAW = np.random.default_rng(0)
WEIGHTS = [(DRAW.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)
           for shape in ((3 * ATOMS, WIDTH), (WIDTH, WIDTH), (WIDTH, 1))]
POINTS = DRAW.normal(size=(BATCH, 3 * ATOMS)).astype(np.float32)
FORCES = DRAW.normal(size=POINTS.shape).astype(np.float32)


def energy(tanh: Any, weights: Any, x: Any) -> Any:
    """The sum of the potentials of all examples."""
    a, b, c = weights
    return (tanh(tanh(x @ a) @ b) @ c).sum()


def penalty_of(slope: Any) -> Any:
    """How far the norm of the slope is from 1, squared."""
    return (((slope * slope).sum(-1) ** 0.5 - 1) ** 2).mean()


def error_of(slope: Any, forces: Any) -> Any:
    """The mean square error of the forces, which are minus the slope."""
    return ((slope + forces) ** 2).mean()


def gradc_call(kind: str) -> Any:
    """A compiled call that returns the loss and its gradients by the weights."""
    weights = [gradc.tensor(w).requires_grad_() for w in WEIGHTS]
    x, forces = gradc.tensor(POINTS).requires_grad_(), gradc.tensor(FORCES)

    @gradc.compile
    def step(x: Any, forces: Any, weights: Any) -> Any:
        slope, = gradc.autograd.grad(energy(gradc.tanh, weights, x), x, create_graph=True)
        loss = penalty_of(slope) if kind == "penalty" else error_of(slope, forces)
        return loss.detach(), gradc.autograd.grad(loss, weights)

    return lambda: [np.asarray(v) for v in gather(step(x, forces, weights))]


def jax_call(kind: str) -> Any:
    """The same with jax.jit."""
    import jax
    import jax.numpy as jnp

    def loss(weights: Any, x: Any, forces: Any) -> Any:
        slope = jax.grad(lambda x: energy(jnp.tanh, weights, x))(x)
        return penalty_of(slope) if kind == "penalty" else error_of(slope, forces)

    step = jax.jit(jax.value_and_grad(loss))
    weights, x, forces = [jnp.asarray(w) for w in WEIGHTS], jnp.asarray(POINTS), jnp.asarray(FORCES)
    return lambda: [np.asarray(v) for v in gather(step(weights, x, forces))]


def gather(result: Any) -> list[Any]:
    """The loss and the gradients in one list."""
    loss, gradients = result
    return [loss, *gradients]


def main() -> None:
    """Measure and write the table."""
    cases = [harness.Case(title, {"gradc": gradc_call(kind), "jax": jax_call(kind)})
             for kind, title in (("penalty", "gradient penalty"), ("forces", "forces of a potential"))]
    for case in cases:
        harness.measure(case)
    lines = ["| step | gradc, µs | jax.jit, µs | gradc / jax |", "|---|--:|--:|--:|"]
    for case in cases:
        ours, theirs = case.medians["gradc"], case.medians["jax"]
        lines.append(f"| {case.name} | {1e6 * ours:.0f} | {1e6 * theirs:.0f} | {ours / theirs:.2f} |")
    body = "\n".join(lines)
    text = f"# Differentiating twice\n\n{harness.header()}\n\n{body}\n"
    print(text)
    harness.write("double_backward", text)


if __name__ == "__main__":
    main()
