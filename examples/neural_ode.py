"""A neural ordinary differential equation: a network learns the field whose curves are a spiral.

    python examples/neural_ode.py

The solver is the classical Runge-Kutta method with fixed steps, written as tensor operations: gradients go through it.
The same program runs under PyTorch: change the first import to `import torch`.
"""

import gradc as torch

nn = torch.nn

TIMES, DT = 400, 0.025
LENGTH, BATCH = 10, 20


def rk4(field, y, steps):
    """The states at the times 0, DT, 2 DT, … of the curve of a field that starts in y."""
    states = [y]
    for _ in range(steps - 1):
        k1 = field(y)
        k2 = field(y + DT / 2 * k1)
        k3 = field(y + DT / 2 * k2)
        k4 = field(y + DT * k3)
        y = y + DT / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        states.append(y)
    return torch.stack(states)


class Field(nn.Module):
    """dy/dt as a network of y³."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 50), nn.Tanh(), nn.Linear(50, 2))
        for parameter in self.layers.parameters():
            nn.init.normal_(parameter, std=0.1)

    def forward(self, y):
        return self.layers(y**3)


torch.manual_seed(0)
spiral = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]])
start = torch.tensor([[2.0, 0.0]])
with torch.no_grad():
    truth = rk4(lambda y: y**3 @ spiral, start, TIMES)[:, 0]

field = Field()
optimizer = torch.optim.RMSprop(field.parameters(), lr=2e-3)


def step(pieces):
    optimizer.zero_grad()
    loss = (rk4(field, pieces[0], LENGTH) - pieces).abs().mean()
    loss.backward()
    optimizer.step()
    return loss


def train(steps):
    """Fit short pieces of the spiral; yields the mean distance of every step."""
    for _ in range(steps):
        first = torch.randperm(TIMES - LENGTH)[:BATCH]
        yield step(truth[first + torch.arange(LENGTH).unsqueeze(1)]).item()


if __name__ == "__main__":
    for i, loss in enumerate(train(1000), 1):
        if i % 200 == 0:
            with torch.no_grad():
                curve = rk4(field, start, TIMES)[:, 0]
            print(f"step {i:4}   loss of pieces {loss:.4f}   of the whole spiral {(curve - truth).abs().mean():.4f}")
