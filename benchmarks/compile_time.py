"""The time from the decorator to the first result, by stage: tracing, each pass, lowering, and XLA.

    python benchmarks/compile_time.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import harness

import gradc

EXAMPLES: dict[str, Callable[[], tuple[Any, tuple[Any, ...]]]] = {}


def example(make: Callable[[], tuple[Any, tuple[Any, ...]]]) -> Any:
    """Enter a training step and its arguments."""
    EXAMPLES[make.__name__.replace("_", " ")] = make
    return make


def training(model: Any, loss: Any, optimizer: Any) -> Callable[..., Any]:
    """A step of training."""
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        return value.detach()

    return step


@example
def perceptron() -> tuple[Any, tuple[Any, ...]]:
    """784-512-512-10 with Adam."""
    nn = gradc.nn
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    step = training(model, nn.functional.cross_entropy, gradc.optim.Adam(model.parameters()))
    return step, (gradc.randn(64, 784), gradc.randint(0, 10, (64,)))


@example
def convolutions() -> tuple[Any, tuple[Any, ...]]:
    """Two convolutions with batch normalisation, with SGD."""
    nn = gradc.nn
    model = nn.Sequential(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3),
                          nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
    step = training(model, nn.functional.cross_entropy, gradc.optim.SGD(model.parameters(), lr=0.1, momentum=0.9))
    return step, (gradc.randn(16, 1, 28, 28), gradc.randint(0, 10, (16,)))


@example
def transformer() -> tuple[Any, tuple[Any, ...]]:
    """Two layers of a transformer encoder, with AdamW."""
    nn = gradc.nn
    layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True)
    model = nn.TransformerEncoder(layer, 2)
    step = training(model, nn.functional.mse_loss, gradc.optim.AdamW(model.parameters()))
    return step, (gradc.randn(8, 16, 64), gradc.randn(8, 16, 64))


def measure(make: Callable[[], tuple[Any, tuple[Any, ...]]]) -> dict[str, float]:
    """Milliseconds by stage up to the first result, and for a later call."""
    step, arguments = make()
    compiled = gradc.compile(step)
    start = time.perf_counter()
    compiled(*arguments)
    whole = time.perf_counter() - start
    ahead = compiled.lower(*arguments)  # the same function once more, by stage
    seconds = dict(ahead.specialisation.seconds)
    start = time.perf_counter()
    lowered = ahead.specialisation.lowered.lower()
    seconds["jax tracing"] = time.perf_counter() - start
    start = time.perf_counter()
    lowered.compile()
    seconds["XLA"] = time.perf_counter() - start
    for _ in range(3):
        compiled(*arguments)
    start = time.perf_counter()
    compiled(*arguments)
    return {**{name: 1e3 * value for name, value in seconds.items()}, "first result": 1e3 * whole,
            "a later call": 1e3 * (time.perf_counter() - start)}


def main() -> None:
    """Measure and write the table."""
    gradc.compile(lambda x: x + 1)(gradc.ones(1))  # JAX is imported
    columns = {name: measure(make) for name, make in EXAMPLES.items()}
    rows = list(dict.fromkeys(row for column in columns.values() for row in column))
    lines = [f"| ms | {' | '.join(columns)} |", f"|---|{'--:|' * len(columns)}"]
    lines += [f"| {row} | {' | '.join(f'{column[row]:.1f}' if row in column else '' for column in columns.values())} |"
              for row in rows]
    body = "\n".join(lines)
    text = f"# From the decorator to the first result: whole training steps\n\n{harness.header()}\n\n{body}\n"
    print(text)
    harness.write("compile_time", text)


if __name__ == "__main__":
    main()
