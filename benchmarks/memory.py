"""Peak memory of gradients: gradc.compile under several budgets, next to jax.jit and jax.checkpoint.

The peak is XLA's own account of the compiled program: what it takes besides its arguments, temporary and for results.
jax.checkpoint wraps groups of layers; on the CPU, XLA's pass `cse_barrier_expander` undoes it, so it is shown with that
pass on, as JAX runs it, and off.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from harness import header, write

import gradc
from gradc import nn

BUDGETS = (1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
"""As shares of what the program takes without a budget."""

ROUNDS = 5
OFF = {"xla_disable_hlo_passes": "cse_barrier_expander"}


class GeluLayer(nn.Module):
    """gelu(x @ w + b), which has more to save than its result."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)

    def forward(self, x: Any) -> Any:
        return nn.functional.gelu(self.linear(x), approximate="tanh")


class Residual(nn.Module):
    """x + conv(relu(conv(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Any) -> Any:
        return x + self.second(gradc.relu(self.first(x)))


def dense_layer(x: Any, weights: list[Any]) -> Any:
    w, b = weights
    return jnp.tanh(x @ w.T + b)


def gelu_layer(x: Any, weights: list[Any]) -> Any:
    w, b = weights
    return jax.nn.gelu(x @ w.T + b)


def residual_layer(x: Any, weights: list[Any]) -> Any:
    def convolution(x: Any, w: Any, b: Any) -> Any:
        return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW")) \
            + b[:, None, None]

    return x + convolution(jax.nn.relu(convolution(x, *weights[:2])), *weights[2:])


def gradc_gradients(model: Any) -> Callable[..., Any]:
    def gradients(x: Any) -> Any:
        return gradc.autograd.grad(model(x).square().mean(), list(model.parameters()))

    return gradients


def jax_gradients(layer: Callable[..., Any], groups: int | None) -> Callable[..., Any]:
    """The gradients of the same network; in so many groups of layers, each under jax.checkpoint."""
    def loss(layers: Any, x: Any) -> Any:
        def run(x: Any, part: Any) -> Any:
            for weights in part:
                x = layer(x, weights)
            return x

        if groups is None:
            return jnp.square(run(x, layers)).mean()
        size = -(-len(layers) // groups)
        for i in range(0, len(layers), size):
            x = jax.checkpoint(run)(x, layers[i : i + size])
        return jnp.square(x).mean()

    return jax.grad(loss)


def account(compiled: Any) -> int:
    found = compiled.memory_analysis()
    return int(found.temp_size_in_bytes + found.output_size_in_bytes - found.alias_size_in_bytes)


def compare(title: str, model: Any, layer: Callable[..., Any], each: int, x: Any, groups: int) -> str:
    """A table of peaks and times: the calls take turns."""
    weights = [jnp.asarray(p.detach().numpy()) for p in model.parameters()]
    layers = [weights[i : i + each] for i in range(0, len(weights), each)]
    rows: dict[str, tuple[str, int, Callable[[], Any]]] = {}
    given = jnp.asarray(x.numpy())
    for name, parts, options in (("jax.jit", None, None), ("jax.checkpoint", groups, None),
                                 ("jax.checkpoint, that pass off", groups, OFF)):
        compiled = jax.jit(jax_gradients(layer, parts)).lower(layers, given).compile(options)
        rows[name] = "", account(compiled), lambda c=compiled: jax.tree.leaves(c(layers, given))
    plain = gradc.compile(gradc_gradients(model), fullgraph=True)
    plain(x)
    whole = plain.last.lowered.needs()
    rows["gradc"] = "", whole, lambda: plain(x)
    for share in BUDGETS:
        budget = int(share * whole)
        f = gradc.compile(gradc_gradients(model), fullgraph=True, memory_budget=budget)
        try:
            f(x)
        except gradc.errors.ArgumentError as refusal:
            rows[f"gradc, {budget / 1e6:.1f} MB"] = str(refusal).partition("\n")[0].partition("; ")[2], 0, lambda: None
            continue
        rows[f"gradc, {budget / 1e6:.1f} MB"] = f"{budget / 1e6:.1f}", f.last.lowered.needs(), lambda f=f: f(x)
    return f"## {title}\n\n" + table(rows)


def table(rows: dict[str, tuple[str, int, Callable[[], Any]]]) -> str:
    ran = {name: call for name, (_, taken, call) in rows.items() if taken}
    results = {name: [np.asarray(a) for a in call()] for name, call in ran.items()}
    first = next(iter(results.values()))
    for name, found in results.items():
        for a, b in zip(found, first, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3 * float(np.abs(b).max()), err_msg=name)
    seconds: dict[str, list[float]] = {name: [] for name in ran}
    for _ in range(ROUNDS):
        for name, call in ran.items():
            start = time.perf_counter()
            jax.block_until_ready([np.asarray(a) for a in call()])
            seconds[name].append(time.perf_counter() - start)
    lines = ["| | peak, MB | ms |", "|---|--:|--:|"]
    for name, (said, taken, _) in rows.items():
        lines.append(f"| {name} | {taken / 1e6:.1f} | {statistics.median(seconds[name]) * 1e3:.0f} |" if taken else
                     f"| {name} | refused: {said} | |")
    return "\n".join(lines)


def main() -> None:
    gradc.manual_seed(0)
    dense = nn.Sequential(*[part for _ in range(24) for part in (nn.Linear(256, 256), nn.Tanh())])
    blocks = nn.Sequential(*[Residual(16) for _ in range(12)])
    gelu = nn.Sequential(*[GeluLayer(256) for _ in range(24)])
    parts = [compare("24 dense layers with gelu, batch 2048", gelu, gelu_layer, 2, gradc.randn(2048, 256), 24),
             compare("24 dense layers with tanh, batch 2048", dense, dense_layer, 2, gradc.randn(2048, 256), 5),
             compare("12 residual blocks, batch 16", blocks, residual_layer, 4, gradc.randn(16, 16, 32, 32), 12)]
    text = f"# Peak memory of gradients\n\n{header()}\n\n" + "\n\n".join(parts) + "\n"
    print(text)
    write("memory", text)


if __name__ == "__main__":
    main()
