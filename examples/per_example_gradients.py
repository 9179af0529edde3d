"""Gradients of each example of a batch, and what they are good for: their norms, and clipping them one by one.

`vmap(grad(loss))` computes them all at once. It runs under PyTorch as well: change the import.
"""

import gradc as torch
from gradc.func import functional_call, grad, vmap

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
parameters = {name: p.detach() for name, p in model.named_parameters()}
x = torch.randn(32, 4)
y = x[:, :1] * x[:, 1:2] + 0.1 * torch.randn(32, 1)
y[0] = 40.0  # one label is wrong


def loss(parameters, x, y):
    return ((functional_call(model, parameters, (x,)) - y) ** 2).mean()


def clipped_mean(gradients, limit):
    """The mean over examples of gradients that are scaled down to norm `limit`, as in differentially private SGD."""
    norms = sum(g.flatten(1).square().sum(1) for g in gradients.values()).sqrt()
    scale = (limit / norms).clamp(max=1.0)
    return norms, {name: (g * scale.reshape(-1, *[1] * (g.dim() - 1))).mean(0) for name, g in gradients.items()}


def step(parameters):
    """The norms of the gradients, and the parameters after a step."""
    gradients = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, x, y)
    norms, mean = clipped_mean(gradients, limit=1.0)
    return norms, {name: p - 0.3 * mean[name] for name, p in parameters.items()}


for n in range(201):
    norms, parameters = step(parameters)
    if n % 50 == 0:
        right = loss(parameters, x[1:], y[1:])
        print(f"step {n:3}  loss without the wrong label {right:.4f}  its gradient {norms[0]:8.2f}"
              f"  the largest other {norms[1:].max():.2f}")
