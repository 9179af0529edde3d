"""A convolutional network reads handwritten digits, images of 8 x 8 points.

    python examples/cnn.py

The same program runs under PyTorch: change the import of gradc to `import torch`. Needs scikit-learn, for the images.
"""

from sklearn.datasets import load_digits

import gradc as torch

nn, F, data = torch.nn, torch.nn.functional, torch.utils.data


class CNN(nn.Module):
    """Two convolutions with batch normalisation, each followed by a pooling, and two linear layers."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(32 * 2 * 2, 64), nn.ReLU(), nn.Dropout(0.25), nn.Linear(64, 10))

    def forward(self, images):
        return self.classifier(self.features(images))


torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
pairs = data.TensorDataset(images, torch.tensor(digits.target))
training, test = data.random_split(pairs, [1500, len(images) - 1500])
model = CNN()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)


def step(x, y):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss


def train(epochs):
    """Yields the loss of every step."""
    for _ in range(epochs):
        model.train()
        for x, y in data.DataLoader(training, batch_size=50, shuffle=True):
            yield step(x, y).item()
        schedule.step()


@torch.no_grad()
def accuracy(pairs):
    """The share of the images that are read correctly."""
    model.eval()
    right = sum((model(x).argmax(dim=1) == y).sum().item() for x, y in data.DataLoader(pairs, batch_size=100))
    return right / len(pairs)


if __name__ == "__main__":
    for i, loss in enumerate(train(epochs=6), 1):
        if i % 30 == 0:
            print(f"epoch {i // 30}   loss {loss:.4f}   {accuracy(test):.1%} of the test images read correctly")
