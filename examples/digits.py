"""Handwritten digits: a network of 64-64-10 neurons, eager or compiled.

    python examples/digits.py               eager
    python examples/digits.py --compile     each training step is one XLA program

The same program runs under PyTorch: change the first import to `import torch`. Needs scikit-learn, for the images.
"""

import argparse
import time

from sklearn.datasets import load_digits

import gradc as torch

nn = torch.nn

parser = argparse.ArgumentParser(description="Train a small network on scikit-learn's digits.")
parser.add_argument("--compile", action="store_true")
parser.add_argument("--epochs", type=int, default=20)
options = parser.parse_args()

torch.manual_seed(0)
images, labels = load_digits(return_X_y=True)
order = torch.randperm(len(images))
images = torch.tensor(images / 16, dtype=torch.float32)[order]
labels = torch.tensor(labels, dtype=torch.int64)[order]
x, y, x_test, y_test = images[:1536], labels[:1536], images[1536:], labels[1536:]

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)


def step(x, y):
    optimizer.zero_grad()
    scores = model(x)
    loss = nn.functional.cross_entropy(scores, y)
    loss.backward()
    optimizer.step()
    return loss


if options.compile:
    step = torch.compile(step)

start = time.perf_counter()
for epoch in range(options.epochs):
    order = torch.randperm(len(x))
    for i in range(0, len(x), 64):
        batch = order[i : i + 64]
        loss = step(x[batch], y[batch])
    print(f"epoch {epoch + 1:2}   loss {loss.item():.4f}")
seconds = time.perf_counter() - start

with torch.no_grad():
    correct = (model(x_test).argmax(1) == y_test).sum().item()
print(f"{correct} of {len(x_test)} test images read correctly, {correct / len(x_test):.1%}; {seconds:.2f} s")
