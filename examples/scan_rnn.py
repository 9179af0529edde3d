"""A recurrent network whose time loop is one `scan`: learning to count bits, compiled once for any length of the loop.

In a Python loop the program that is compiled grows with the sequence; here it is one step, and its gradient is another
scan, backward.
"""

from __future__ import annotations

import time

import gradc as torch
from gradc import nn


class Counter(nn.Module):
    """Reads bits one by one, and says after each whether their number so far is odd."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.cell = nn.GRUCell(1, size)
        self.head = nn.Linear(size, 1)
        self.size = size

    def forward(self, bits: torch.Tensor) -> torch.Tensor:
        """Logits [time, batch] of bits [time, batch]."""
        def step(state: torch.Tensor, bit: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            state = self.cell(bit.unsqueeze(1), state)
            return state, self.head(state).squeeze(1)

        return torch.scan(step, torch.zeros(bits.shape[1], self.size), bits)[1]


def main(steps: int = 400, length: int = 24) -> float:
    """Train, and return the share of right answers on new sequences."""
    torch.manual_seed(0)
    model = Counter(16)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    @torch.compile
    def train(bits: torch.Tensor) -> torch.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(bits), bits.cumsum(0) % 2)
        loss.backward()
        optimizer.step()
        return loss.detach()

    start = time.perf_counter()
    for i in range(steps):
        loss = train(torch.randint(0, 2, (length, 64)).float())
        if i % 100 == 0:
            print(f"step {i:4d}  loss {loss.item():.3f}  {time.perf_counter() - start:.1f} s")
    bits = torch.randint(0, 2, (length, 256)).float()
    right = ((model(bits) > 0).float() == bits.cumsum(0) % 2).float().mean().item()
    print(f"right: {right:.1%}")
    return right


if __name__ == "__main__":
    main()
