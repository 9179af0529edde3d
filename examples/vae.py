"""A variational autoencoder: handwritten digits as codes of eight numbers, and new digits from random codes.

    python examples/vae.py

The same program runs under PyTorch: change the import of gradc to `import torch`. Needs scikit-learn, for the images.
"""

from sklearn.datasets import load_digits

import gradc as torch

nn, F = torch.nn, torch.nn.functional

CODE, BATCH = 8, 64


class VAE(nn.Module):
    """A normal distribution of codes for each image, and for each code the logits of an image."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 2 * CODE))
        self.decoder = nn.Sequential(nn.Linear(CODE, 128), nn.ReLU(), nn.Linear(128, 64))

    def forward(self, images):
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        code = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        return self.decoder(code), mean, log_variance


def loss_of(logits, images, mean, log_variance):
    """An upper bound of the images' negative log-likelihood, in nats per image."""
    reconstruction = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
    divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    return (reconstruction + divergence) / len(images)


def picture(image):
    """An image of 8 x 8 numbers between 0 and 1 as lines of text."""
    return ["".join(" .:+#"[min(int(5 * x), 4)] * 2 for x in row) for row in image.reshape(8, 8).tolist()]


torch.manual_seed(0)
images = torch.tensor(load_digits().data / 16, dtype=torch.float32)
model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)


def step(batch):
    optimizer.zero_grad()
    logits, mean, log_variance = model(batch)
    loss = loss_of(logits, batch, mean, log_variance)
    loss.backward()
    optimizer.step()
    return loss


def train(steps):
    """Yields the loss of every step."""
    for _ in range(steps):
        yield step(images[torch.randint(len(images), (BATCH,))]).item()


if __name__ == "__main__":
    losses = []
    for i, loss in enumerate(train(2000), 1):
        losses.append(loss)
        if i % 400 == 0:
            print(f"step {i:4}   {sum(losses[-400:]) / 400:.2f} nats per image")
    with torch.no_grad():
        invented = model.decoder(torch.randn(5, CODE)).sigmoid()
    print("\n".join("   ".join(line) for line in zip(*map(picture, invented), strict=True)))
