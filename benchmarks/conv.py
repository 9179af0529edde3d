"""Convolution, pooling and batch normalisation in eager mode, forward and backward, at the sizes of a ResNet-18.

    python benchmarks/conv.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import harness
import numpy as np

LAYERS = [
    ("Conv2d(3, 64, 7, stride=2, padding=3)", (3, 64, 64)),
    ("Conv2d(64, 64, 3, padding=1)", (64, 16, 16)),
    ("Conv2d(64, 128, 3, stride=2, padding=1)", (64, 16, 16)),
    ("Conv2d(128, 128, 3, padding=1)", (128, 8, 8)),
    ("Conv2d(256, 256, 3, padding=1)", (256, 4, 4)),
    ("Conv2d(512, 512, 3, padding=1)", (512, 2, 2)),
    ("Conv2d(128, 128, 3, padding=1, groups=128)", (128, 16, 16)),
    ("Conv2d(256, 512, 1, stride=2)", (256, 4, 4)),
    ("ConvTranspose2d(64, 32, 4, stride=2, padding=1)", (64, 8, 8)),
    ("MaxPool2d(3, stride=2, padding=1)", (64, 32, 32)),
    ("AvgPool2d(2)", (64, 16, 16)),
    ("BatchNorm2d(64)", (64, 16, 16)),
]
"""Modules, and the shape of one image."""


def _step(torch: Any, text: str, shape: tuple[int, ...]) -> Callable[[], Any]:
    torch.manual_seed(0)
    module = eval(f"nn.{text}", {"nn": torch.nn})
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.standard_normal(shape, dtype=np.float32), requires_grad=True)
    g = torch.tensor(rng.standard_normal(tuple(module(x).shape), dtype=np.float32))

    def step() -> Any:
        x.grad = None
        module.zero_grad()
        y = module(x)
        y.backward(g)
        return y, x.grad, *(p.grad for p in module.parameters())

    return step


def cases() -> list[harness.Case]:
    """Each layer for one image and for eight."""
    libraries = {name: harness.needed(name) for name in ("gradc", "torch")}
    harness.single_thread(libraries["torch"])
    return [harness.Case(f"{text}, {'×'.join(map(str, (images, *shape)))}",
                         {name: _step(torch, text, (images, *shape))
                          for name, torch in libraries.items() if torch is not None}, tolerance=1e-3)
            for text, shape in LAYERS for images in (8, 1)]


if __name__ == "__main__":
    harness.report("conv", "Layers of a ResNet-18 in eager mode, forward and backward", cases())
