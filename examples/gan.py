"""A generative adversarial network: noise becomes points on a ring of eight clusters.

    python examples/gan.py

The same program runs under PyTorch: change the import of gradc to `import torch`.
"""

import math

import gradc as torch

nn = torch.nn

CLUSTERS, SPREAD, NOISE, BATCH = 8, 0.05, 8, 128


def layers(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2),
                         nn.Linear(64, outputs))


torch.manual_seed(0)
angles = torch.arange(CLUSTERS) * (2 * math.pi / CLUSTERS)
centers = torch.stack([angles.cos(), angles.sin()], dim=1)
generator, discriminator = layers(NOISE, 2), layers(2, 1)
optimizers = {network: torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.5, 0.999))
              for network in (generator, discriminator)}
criterion = nn.BCEWithLogitsLoss()
real, fake = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)


def sample():
    """Points that the generator is to imitate."""
    return centers[torch.randint(CLUSTERS, (BATCH,))] + SPREAD * torch.randn(BATCH, 2)


def improve(network, loss):
    """One step of the optimizer of a network."""
    optimizers[network].zero_grad()
    loss.backward()
    optimizers[network].step()
    return loss


def step():
    """The losses of discriminator and generator."""
    invented = generator(torch.randn(BATCH, NOISE))
    judged = criterion(discriminator(sample()), real) + criterion(discriminator(invented.detach()), fake)
    return improve(discriminator, judged), improve(generator, criterion(discriminator(invented), real))


def train(steps):
    """Yields the losses of every step."""
    for _ in range(steps):
        judged, fooled = step()
        yield judged.item(), fooled.item()


if __name__ == "__main__":
    for i, (judged, fooled) in enumerate(train(3000), 1):
        if i % 1000 == 0:
            with torch.no_grad():
                distances = torch.cdist(generator(torch.randn(1000, NOISE)), centers)
            nearest, cluster = distances.min(dim=1)
            close = nearest < 4 * SPREAD
            print(f"step {i:4}   discriminator {judged:.3f}   generator {fooled:.3f}   "
                  f"{close.sum().item() / 10:.0f} % of the points are in clusters, {len(cluster[close].unique())} of 8")
