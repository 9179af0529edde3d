"""Logistic regression on synthetic data, eager and compiled: the same numbers, one source.

    python examples/logistic_regression.py
"""

import time

import gradc as torch

SAMPLES, FEATURES, STEPS = 2000, 20, 200


def synthetic(seed):
    """Points with a random direction in them, and on which side of it each lies; one in twenty labels is wrong."""
    torch.manual_seed(seed)
    points = torch.randn(SAMPLES, FEATURES)
    direction = torch.randn(FEATURES)
    side = points @ direction > 0
    wrong = torch.rand(SAMPLES) < 0.05
    return points, (side ^ wrong).float()


def train(points, labels, compiled):
    """The weight, the losses, and the seconds of the later half of the steps."""
    weight = torch.zeros(FEATURES, requires_grad=True)
    bias = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([weight, bias], lr=0.5, momentum=0.9)

    def step(x, y):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(x @ weight + bias, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    if compiled:
        step = torch.compile(step)
    losses = []
    for n in range(STEPS):
        if n == STEPS // 2:
            start = time.perf_counter()
        losses.append(step(points, labels).item())
    return weight, losses, time.perf_counter() - start


points, labels = synthetic(seed=0)
results = {}
for name in ("eager", "compiled"):
    weight, losses, seconds = results[name] = train(points, labels, compiled=name == "compiled")
    with torch.no_grad():
        right = ((points @ weight > 0) == (labels > 0.5)).sum().item()
    print(f"{name:8}  loss {losses[0]:.4f} → {losses[-1]:.4f}   {right / SAMPLES:.1%} right   "
          f"{seconds / (STEPS - STEPS // 2) * 1e6:.0f} µs per step")

eager, compiled = results["eager"][1], results["compiled"][1]
worst = max(abs(a - b) for a, b in zip(eager, compiled, strict=True))
print(f"the losses of the two modes differ by at most {worst:.1e}")
assert worst < 1e-4
