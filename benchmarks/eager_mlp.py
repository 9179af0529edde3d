"""One training step of a small network in eager mode: forward, backward, SGD with momentum.

    python benchmarks/eager_mlp.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import harness
import numpy as np


def _step(torch: Any, sizes: tuple[int, ...], batch: int) -> Callable[[], Any]:
    rng = np.random.default_rng(0)
    layers: list[Any] = []
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        layer = torch.nn.Linear(inputs, outputs)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(rng.standard_normal((outputs, inputs), dtype=np.float32) / inputs**0.5))
            layer.bias.copy_(torch.zeros(outputs))
        layers += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    x = torch.tensor(rng.standard_normal((batch, sizes[0]), dtype=np.float32))
    labels = torch.tensor(rng.integers(0, sizes[-1], batch))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    loss_of = torch.nn.functional.cross_entropy

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step


def cases() -> list[harness.Case]:
    """The step for two networks; the larger one is bound by its products."""
    libraries = {name: harness.needed(name) for name in ("gradc", "torch")}
    harness.single_thread(libraries["torch"])
    return [harness.Case(f"{'-'.join(map(str, sizes))}, batch {batch}",
                         {name: _step(torch, sizes, batch) for name, torch in libraries.items() if torch is not None},
                         limit)
            for sizes, batch, limit in (((64, 64, 10), 32, 0.7), ((64, 64, 64, 64, 10), 32, 0.7))]


if __name__ == "__main__":
    harness.report("eager_mlp", "A training step of a small network in eager mode", cases())
