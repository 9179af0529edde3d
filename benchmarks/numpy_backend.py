"""Training steps of the examples without XLA: the first call and later ones, eager, with NumPy and with XLA.

    python benchmarks/numpy_backend.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import harness
import numpy as np

import gradc as torch

BACKENDS = ("eager", "numpy", "xla")
ROUNDS = 25
TOLERANCE = 1e-3


def step_of(model: Any, loss_of: Callable[..., Any], lr: float = 1e-3) -> Callable[[], Any]:
    """A training step of a model with AdamW."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        optimizer.step()
        return loss

    return step


def digits() -> Callable[[], Any]:
    x, y = torch.randn(64, 64), torch.randint(0, 10, (64,))
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    return step_of(model, lambda model: torch.nn.functional.cross_entropy(model(x), y))


def wide() -> Callable[[], Any]:
    x, y = torch.randn(256, 784), torch.randint(0, 10, (256,))
    layers = [torch.nn.Linear(784, 1024), torch.nn.LayerNorm(1024), torch.nn.GELU(), torch.nn.Dropout(0.1),
              torch.nn.Linear(1024, 10)]
    return step_of(torch.nn.Sequential(*layers), lambda model: torch.nn.functional.cross_entropy(model(x), y))


def cnn() -> Callable[[], Any]:
    x, y = torch.randn(50, 1, 8, 8), torch.randint(0, 10, (50,))
    model = harness.example("cnn", torch)["CNN"]()
    return step_of(model, lambda model: torch.nn.functional.cross_entropy(model(x), y))


def vae() -> Callable[[], Any]:
    names = harness.example("vae", torch)
    images, bound = torch.rand(64, 64), names["loss_of"]

    def loss_of(model: Any) -> Any:
        logits, mean, log_variance = model(images)
        return bound(logits, images, mean, log_variance)

    return step_of(names["VAE"](), loss_of)


def gpt() -> Callable[[], Any]:
    tokens = torch.randint(0, 30, (16, 65))
    model = harness.example("gpt", torch)["GPT"](30, 64, width=64, heads=4, layers=3)
    return step_of(model, lambda model: torch.nn.functional.cross_entropy(
        model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten()))


CASES: dict[str, Callable[[], Callable[[], Any]]] = {
    "digits.py: 64-64-10 neurons": digits,
    "784-1024-10 neurons, layer norm, dropout": wide,
    "cnn.py": cnn,
    "vae.py": vae,
    "gpt.py: 3 layers of width 64": gpt,
}


def measured(case: Callable[[], Callable[[], Any]]) -> dict[str, tuple[float, float]]:
    """Seconds of the first call, and of later ones (the median, the backends in turn), by backend."""
    steps, first, losses = {}, {}, {}
    for backend in BACKENDS:
        torch.manual_seed(0)
        step = case()
        steps[backend] = step if backend == "eager" else torch.compile(step, backend=backend)
        torch.manual_seed(1)
        start = time.perf_counter()
        losses[backend] = [steps[backend]().item()]
        first[backend] = time.perf_counter() - start
        losses[backend] += [steps[backend]().item() for _ in range(4)]
    for backend in BACKENDS:
        np.testing.assert_allclose(losses[backend], losses["eager"], rtol=TOLERANCE, err_msg=backend)
    times: dict[str, list[float]] = {backend: [] for backend in BACKENDS}
    for _ in range(ROUNDS):
        for backend, step in steps.items():
            start = time.perf_counter()
            step().item()
            times[backend].append(time.perf_counter() - start)
    return {backend: (first[backend], statistics.median(times[backend])) for backend in BACKENDS}


def main() -> None:
    digits()()  # what the first use of gradc costs in any case
    torch.compile(lambda x: x + 1, backend="xla")(torch.ones(1))
    lines = [f"| | {' | '.join(f'first call, {x}, ms' for x in BACKENDS)} | "
             f"{' | '.join(f'a step, {x}, ms' for x in BACKENDS)} |", f"|---|{'--:|' * 2 * len(BACKENDS)}"]
    for name, case in CASES.items():
        found = measured(case)
        first = " | ".join(f"{found[x][0] * 1e3:.0f}" for x in BACKENDS)
        later = " | ".join(f"{found[x][1] * 1e3:.2f}" for x in BACKENDS)
        lines.append(f"| {name} | {first} | {later} |")
    text = "\n".join(["# Compiled training steps without XLA", "", harness.header(), "", *lines, ""])
    print(text)
    harness.write("numpy_backend", text)


if __name__ == "__main__":
    main()
