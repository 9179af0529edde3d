"""A training step of a GPT in eager mode, with all threads: forward, backward, AdamW.

    python benchmarks/gpt.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import harness

TOKENS, CONTEXT, WIDTH, HEADS, LAYERS, BATCH = 8192, 256, 384, 6, 6, 4


def work(torch: Any) -> Callable[[], Any]:
    """The step of the network of examples/gpt.py on one batch of random tokens."""
    torch.manual_seed(0)
    model = harness.example("gpt", torch)["GPT"](TOKENS, CONTEXT, WIDTH, HEADS, LAYERS)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    tokens = torch.randint(TOKENS, (BATCH, CONTEXT + 1))

    def step() -> Any:
        optimizer.zero_grad()
        logits = model(tokens[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        return loss

    return step


if __name__ == "__main__":
    harness.take_turns("gpt", f"A training step of a GPT: {LAYERS} layers, width {WIDTH}, context {CONTEXT}, "
                              f"batch {BATCH}, {TOKENS} tokens", work, limit=1.5)
