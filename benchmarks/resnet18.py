"""A training step of ResNet-18 in eager mode, with all threads: forward, backward, SGD with momentum.

    python benchmarks/resnet18.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import harness

BATCH, SIZE = 8, 64


def work(torch: Any) -> Callable[[], Any]:
    """The step of the network of examples/resnet18.py on one batch of noise."""
    torch.manual_seed(0)
    model = harness.example("resnet18", torch)["ResNet18"]()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    images, labels = torch.rand(BATCH, 3, SIZE, SIZE), torch.randint(1000, (BATCH,))

    def step() -> Any:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step


if __name__ == "__main__":
    # The fourth losses differ by 1e-3 in single precision, where batch normalisation over 8 images amplifies rounding.
    # In double precision they agree to 1e-13.
    harness.take_turns("resnet18", f"A training step of ResNet-18, {SIZE} x {SIZE}, batch {BATCH}", work, limit=1.5,
                       checked=2)
