"""A chain of 26 elementwise ops, forward and backward, in eager mode.

    python benchmarks/eager_chain.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import harness
import numpy as np


def chain(torch: Any, x: Any, y: Any) -> Any:
    """26 elementwise ops of x and y."""
    h = x * y + x
    h = torch.tanh(h) * 2.0 - y
    h = torch.exp(h * 0.1) + h
    h = torch.sigmoid(h) * h
    h = torch.sin(h) + torch.cos(h)
    h = h * h + 1.0
    h = torch.sqrt(h) - x
    h = torch.relu(h) + y
    h = torch.tanh(h * y)
    h = (h - x) * 0.5
    return h * h - y


def _step(torch: Any, shape: tuple[int, ...]) -> Callable[[], Any]:
    rng = np.random.default_rng(0)
    x, y = (torch.tensor(rng.standard_normal(shape, dtype=np.float32), requires_grad=True) for _ in range(2))
    seed = torch.ones(shape)

    def step() -> Any:
        x.grad = y.grad = None
        chain(torch, x, y).backward(seed)
        return x.grad, y.grad

    return step


def cases() -> list[harness.Case]:
    """The chain on a small and on a middling shape."""
    libraries = {name: harness.needed(name) for name in ("gradc", "torch")}
    harness.single_thread(libraries["torch"])
    return [harness.Case(f"26 ops, forward and backward, {shape}",
                         {name: _step(torch, shape) for name, torch in libraries.items() if torch is not None}, 0.8)
            for shape in ((8,), (32, 32))]


if __name__ == "__main__":
    harness.report("eager_chain", "A chain of elementwise ops in eager mode", cases())
