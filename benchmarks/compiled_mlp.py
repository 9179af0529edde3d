"""A compiled training step of a small network: gradc.compile against the same step hand-written with jax.jit.

Both are called as a user calls them: a batch of NumPy memory goes in, the loss comes out, parameters and momentum stay
where they are, updated in place (gradc) or donated and rebound (JAX). The loss is waited for at every call.
"""

from __future__ import annotations

import numpy as np
from harness import Case, header, measure, needed, write

import gradc

LR, MOMENTUM = 0.1, 0.9
STEPS_CHECKED = 20


def batch(size: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.RandomState(0)
    return generator.randn(size, features).astype(np.float32), generator.randint(0, 10, size)


def network(widths: list[int]) -> gradc.nn.Sequential:
    gradc.manual_seed(0)
    layers: list[gradc.nn.Module] = []
    for inside, outside in zip(widths, widths[1:], strict=False):
        layers += [gradc.nn.Linear(inside, outside), gradc.nn.ReLU()]
    return gradc.nn.Sequential(*layers[:-1])


def gradc_step(widths: list[int], x: np.ndarray, y: np.ndarray, compiled: bool):
    """A call that trains one step on the batch and returns the loss as a number."""
    model = network(widths)
    optimizer = gradc.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    inputs, targets = gradc.from_numpy(x), gradc.from_numpy(y)

    def step(x, y):
        loss = gradc.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    run = gradc.compile(step) if compiled else step
    return lambda: run(inputs, targets).item()


def jax_step(widths: list[int], x: np.ndarray, y: np.ndarray):
    """The same, as one writes it with jax.jit and donation."""
    import functools

    import jax
    import jax.numpy as jnp

    layers = [(jnp.array(m.weight.detach().numpy()), jnp.array(m.bias.detach().numpy()))
              for m in network(widths) if hasattr(m, "weight")]
    state = {"parameters": layers, "momentum": jax.tree.map(jnp.zeros_like, layers)}

    def loss_of(parameters, x, y):
        for i, (w, b) in enumerate(parameters):
            x = x @ w.T + b
            x = jax.nn.relu(x) if i < len(parameters) - 1 else x
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], axis=1))

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def step(parameters, momentum, x, y):
        loss, gradients = jax.value_and_grad(loss_of)(parameters, x, y)
        momentum = jax.tree.map(lambda m, g: MOMENTUM * m + g, momentum, gradients)
        return loss, jax.tree.map(lambda p, m: p - LR * m, parameters, momentum), momentum

    y = y.astype(np.int32)

    def call():
        loss, state["parameters"], state["momentum"] = step(state["parameters"], state["momentum"], x, y)
        return float(loss)

    return call


def losses_agree(widths: list[int], x: np.ndarray, y: np.ndarray) -> None:
    """Raise AssertionError unless eager, compiled and JAX give the same loss over many steps."""
    eager, compiled = gradc_step(widths, x, y, False), gradc_step(widths, x, y, True)
    other = jax_step(widths, x, y)
    for i in range(STEPS_CHECKED):
        a, b, c = eager(), compiled(), other()
        np.testing.assert_allclose([b, c], a, rtol=2e-3, atol=1e-4, err_msg=f"step {i}")


def main() -> None:
    if needed("jax") is None:
        return
    lines = ["| | gradc.compile, µs | jax.jit, µs | gradc eager, µs | compiled / jax.jit | limit |",
             "|---|--:|--:|--:|--:|--:|"]
    for widths, size in [([64, 64, 10], 32), ([784, 512, 512, 10], 128)]:
        x, y = batch(size, widths[0])
        losses_agree(widths, x, y)
        case = Case("-".join(map(str, widths)) + f", batch {size}", {
            "gradc": gradc_step(widths, x, y, True), "jax": jax_step(widths, x, y),
            "eager": gradc_step(widths, x, y, False)})
        measure(case, block_seconds=0.02)
        t = {k: v * 1e6 for k, v in case.medians.items()}
        lines.append(f"| {case.name} | {t['gradc']:.0f} | {t['jax']:.0f} | {t['eager']:.0f} | "
                     f"{t['gradc'] / t['jax']:.2f} | 1.20 |")
    text = f"# A compiled training step of a small network\n\n{header()}\n\n" + "\n".join(lines) + "\n"
    print(text)
    write("compiled_mlp", text)


if __name__ == "__main__":
    main()
