"""A small network learns to read handwritten digits: what `gradc demo` runs, written as any user would write it."""

import time

import gradc as torch
from gradc import nn

TRAINING_IMAGES = 1536
BATCH = 64


def digits(seed):
    """scikit-learn's 1797 scanned digits of 8 × 8 pixels, shuffled: images and labels to train on and to test on."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    torch.manual_seed(seed)
    order = torch.randperm(len(images))
    images = torch.tensor(images / 16, dtype=torch.float32)[order]
    labels = torch.tensor(labels, dtype=torch.int64)[order]
    n = TRAINING_IMAGES
    return (images[:n], labels[:n]), (images[n:], labels[n:])


class Training:
    """One training run: a network, its training step, the loss of every step and the seconds that each took."""

    def __init__(self, seed, compiled):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

        def step(images, labels):
            optimizer.zero_grad()
            scores = model(images)
            loss = nn.functional.cross_entropy(scores, labels)
            loss.backward()
            optimizer.step()
            return loss

        self.model = model
        self.step = torch.compile(step) if compiled else step
        self.losses, self.seconds = [], []

    def run(self, images, labels, epochs):
        """Train for some epochs, and yield after each of them."""
        for _ in range(epochs):
            order = torch.randperm(len(images))
            for start in range(0, len(images), BATCH):
                batch = order[start : start + BATCH]
                began = time.perf_counter()
                loss = self.step(images[batch], labels[batch]).item()
                self.seconds.append(time.perf_counter() - began)
                self.losses.append(loss)
            yield

    def correct(self, images, labels):
        """How many images the network reads correctly."""
        with torch.no_grad():
            return (self.model(images).argmax(1) == labels).sum().item()
