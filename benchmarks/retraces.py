"""How often a training run is traced: with a changing learning rate, a last partial batch, and train/eval switches.

    python benchmarks/retraces.py

Expected is one trace for each distinct shape and mode, and none for the learning rate.
"""

from __future__ import annotations

from typing import Any

import harness

import gradc

EPOCHS, ROWS, BATCH = 5, 100, 32


def run() -> tuple[dict[str, int], list[str]]:
    """The number of traces of the training step and of the evaluation, and the reasons that gradc gives."""
    nn = gradc.nn
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 1))
    optimizer = gradc.optim.Adam(model.parameters(), lr=0.1)
    schedule = gradc.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    x, y = gradc.randn(ROWS, 8), gradc.randn(ROWS, 1)

    @gradc.compile
    def train(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    @gradc.compile
    def evaluate(x: Any) -> Any:
        return model(x).detach()

    for _ in range(EPOCHS):
        model.train()
        for start in range(0, ROWS, BATCH):
            train(x[start : start + BATCH], y[start : start + BATCH])
        schedule.step()
        model.eval()
        evaluate(x)
        model.train()
        evaluate(x)
    infos = {"train": train.cache_info(), "evaluate": evaluate.cache_info()}
    return {name: info.misses for name, info in infos.items()}, [f"{name}:\n{info}" for name, info in infos.items()]


def main() -> None:
    """Count and write the table."""
    traces, reasons = run()
    expected = {"train": "2 shapes", "evaluate": "2 modes"}
    lines = ["| function | traces | expected |", "|---|--:|---|",
             *[f"| {name} | {count} | {expected[name]} |" for name, count in traces.items()], "",
             *["```", *reasons, "```"]]
    body = "\n".join(lines)
    text = f"# Traces of a training run of {EPOCHS} epochs\n\n{harness.header()}\n\n{body}\n"
    print(text)
    harness.write("retraces", text)


if __name__ == "__main__":
    main()
