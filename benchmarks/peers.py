"""Steps of the kinds that the examples make, each written twice: with gradc, and by hand for jax.jit.

Both return the gradients of the weights; `optimiser.py` checks that they are the same, and measures them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import harness
import numpy as np

import gradc
from gradc import autograd, func
from gradc.nn import functional as F

RANDOM = np.random.default_rng(0)
jax = harness.needed("jax")


def normal(*shape: int) -> Any:
    """Random numbers in single precision."""
    return RANDOM.standard_normal(shape).astype(np.float32) / 8


@dataclass(frozen=True)
class Peer:
    """A loss in gradc and in JAX, of the same arrays: data, then weights; or steps, where they are more than a loss."""

    loss: Callable[..., Any]
    jax_loss: Callable[..., Any]
    data: Sequence[Any]
    weights: Sequence[Any]
    whole: bool = False
    """Whether the two are the steps themselves, and not losses of which the gradients are taken."""

    @property
    def arrays(self) -> list[Any]:
        return [*self.data, *self.weights]

    def step(self) -> Callable[..., Any]:
        """The gradients of the weights, in gradc."""
        loss, first = self.loss, len(self.data)
        return loss if self.whole else lambda *given: autograd.grad(loss(*given), list(given[first:]))

    def jax_step(self) -> Callable[..., Any]:
        """The gradients of the weights, in JAX."""
        return self.jax_loss if self.whole else jax.grad(self.jax_loss, argnums=tuple(
            range(len(self.data), len(self.arrays))))


def jax_cross_entropy(z: Any, y: Any) -> Any:
    return -jax.numpy.take_along_axis(jax.nn.log_softmax(z), y[..., None], -1).mean()


def jax_binary(z: Any, y: Any) -> Any:
    return (y * jax.nn.softplus(-z) + (1 - y) * jax.nn.softplus(z)).mean()


def logistic(x: Any, y: Any, w: Any) -> Any:
    return F.binary_cross_entropy_with_logits(x @ w, y)


def logistic_jax(x: Any, y: Any, w: Any) -> Any:
    return jax_binary(x @ w, y)


def perceptron(x: Any, y: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    return F.cross_entropy((x @ a + b).relu() @ c + d, y)


def perceptron_jax(x: Any, y: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    return jax_cross_entropy(jax.nn.relu(x @ a + b) @ c + d, y)


def convolutions(x: Any, y: Any, a: Any, b: Any) -> Any:
    return F.mse_loss(F.conv2d(F.conv2d(x, a, padding=1).relu(), b, padding=1), y)


def convolutions_jax(x: Any, y: Any, a: Any, b: Any) -> Any:
    hidden = jax.nn.relu(jax.lax.conv(x, a, (1, 1), "SAME"))
    return ((jax.lax.conv(hidden, b, (1, 1), "SAME") - y) ** 2).mean()


# An LSTM over time, as a scan


def lstm(x: Any, y: Any, w: Any, u: Any, b: Any, head: Any) -> Any:
    def step(state: Any, part: Any) -> Any:
        h, c = state
        i, f, g, o = (part @ w + h @ u + b).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return (h, c), h

    zero = gradc.zeros(x.shape[1], u.shape[0])
    return F.mse_loss(gradc.scan(step, (zero, zero), x)[1] @ head, y)


def lstm_jax(x: Any, y: Any, w: Any, u: Any, b: Any, head: Any) -> Any:
    def step(state: Any, part: Any) -> Any:
        h, c = state
        i, f, g, o = jax.numpy.split(part @ w + h @ u + b, 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jax.numpy.tanh(g)
        h = jax.nn.sigmoid(o) * jax.numpy.tanh(c)
        return (h, c), h

    zero = jax.numpy.zeros((x.shape[1], u.shape[0]), x.dtype)
    return ((jax.lax.scan(step, (zero, zero), x)[1] @ head - y) ** 2).mean()


# A variational autoencoder; its noise is given


def vae(x: Any, noise: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
    mean, log_variance = ((x @ a + b).relu() @ c + d).chunk(2, 1)
    code = mean + noise * (log_variance / 2).exp()
    logits = (code @ e + f).relu() @ g + h
    divergence = -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum()
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") + divergence


def vae_jax(x: Any, noise: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
    mean, log_variance = jax.numpy.split(jax.nn.relu(x @ a + b) @ c + d, 2, 1)
    code = mean + noise * jax.numpy.exp(log_variance / 2)
    logits = jax.nn.relu(code @ e + f) @ g + h
    divergence = -0.5 * (1 + log_variance - mean**2 - jax.numpy.exp(log_variance)).sum()
    return jax_binary(logits, x) * x.size + divergence


# Gradients of each example


def tanh_network(w: Any, x: Any, y: Any) -> Any:
    a, b, c, d = w
    return (((x @ a + b).tanh() @ c + d - y) ** 2).mean()


def per_example(x: Any, y: Any, *w: Any) -> Any:
    return func.vmap(func.grad(tanh_network), in_dims=(None, 0, 0))(w, x, y)


def per_example_jax(x: Any, y: Any, *w: Any) -> Any:
    def loss(w: Any, x: Any, y: Any) -> Any:
        a, b, c, d = w
        return ((jax.numpy.tanh(x @ a + b) @ c + d - y) ** 2).mean()

    return jax.vmap(jax.grad(loss), in_axes=(None, 0, 0))(w, x, y)


# A neural differential equation, solved by the method of Runge and Kutta: `field` is in either library


def runge_kutta(field: Callable[[Any], Any], y: Any, steps: int, dt: float = 0.025) -> list[Any]:
    states = [y]
    for _ in range(steps - 1):
        k1 = field(y)
        k2 = field(y + dt / 2 * k1)
        k3 = field(y + dt / 2 * k2)
        k4 = field(y + dt * k3)
        y = y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        states.append(y)
    return states


def ode(pieces: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    states = runge_kutta(lambda y: (y**3 @ a + b).tanh() @ c + d, pieces[0], len(pieces))
    return (gradc.stack(states) - pieces).abs().mean()


def ode_jax(pieces: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    states = runge_kutta(lambda y: jax.numpy.tanh(y**3 @ a + b) @ c + d, pieces[0], len(pieces))
    return abs(jax.numpy.stack(states) - pieces).mean()


# A transformer

HEADS, WIDTH, CONTEXT, LETTERS, LAYERS = 4, 64, 32, 40, 2
LAYER = [(WIDTH,), (WIDTH,), (WIDTH, 3 * WIDTH), (3 * WIDTH,), (WIDTH, WIDTH), (WIDTH,),
         (WIDTH,), (WIDTH,), (WIDTH, 4 * WIDTH), (4 * WIDTH,), (4 * WIDTH, WIDTH), (WIDTH,)]


def gpt(x: Any, y: Any, tokens: Any, positions: Any, *rest: Any) -> Any:
    *layers, last, bias, head = rest
    z = F.embedding(x, tokens) + positions
    for i in range(0, len(layers), len(LAYER)):
        g, b, qkv, qkv_b, out, out_b, g2, b2, up, up_b, down, down_b = layers[i : i + len(LAYER)]
        parts = (F.layer_norm(z, (WIDTH,), g, b) @ qkv + qkv_b).chunk(3, 2)
        q, k, v = (part.unflatten(2, (HEADS, -1)).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        z = z + mixed.transpose(1, 2).flatten(2) @ out + out_b
        z = z + F.gelu(F.layer_norm(z, (WIDTH,), g2, b2) @ up + up_b) @ down + down_b
    return F.cross_entropy((F.layer_norm(z, (WIDTH,), last, bias) @ head).flatten(0, 1), y.flatten())


def layer_norm_jax(z: Any, g: Any, b: Any) -> Any:
    return (z - z.mean(-1, keepdims=True)) * jax.lax.rsqrt(z.var(-1, keepdims=True) + 1e-5) * g + b


def gpt_jax(x: Any, y: Any, tokens: Any, positions: Any, *rest: Any) -> Any:
    *layers, last, bias, head = rest
    z = tokens[x] + positions
    causal = np.tril(np.ones((CONTEXT, CONTEXT), bool))
    for i in range(0, len(layers), len(LAYER)):
        g, b, qkv, qkv_b, out, out_b, g2, b2, up, up_b, down, down_b = layers[i : i + len(LAYER)]
        parts = jax.numpy.split(layer_norm_jax(z, g, b) @ qkv + qkv_b, 3, 2)
        q, k, v = (part.reshape(*part.shape[:2], HEADS, -1).swapaxes(1, 2) for part in parts)
        scores = q @ k.swapaxes(2, 3) / (WIDTH / HEADS) ** 0.5
        mixed = jax.nn.softmax(jax.numpy.where(causal, scores, -np.inf)) @ v
        z = z + mixed.swapaxes(1, 2).reshape(z.shape) @ out + out_b
        z = z + jax.nn.gelu(layer_norm_jax(z, g2, b2) @ up + up_b, approximate=False) @ down + down_b
    return jax_cross_entropy(layer_norm_jax(z, last, bias) @ head, y)


# Second derivatives


def second(x: Any) -> Any:
    g, = autograd.grad((x.tanh() * x.exp() / (1 + x * x)).sum(), x, create_graph=True)
    return (g * g).sum()


def second_jax(x: Any) -> Any:
    def first(x: Any) -> Any:
        return (jax.numpy.tanh(x) * jax.numpy.exp(x) / (1 + x * x)).sum()

    return (jax.grad(first)(x) ** 2).sum()


def labels(*shape: int, below: int = 10) -> Any:
    return RANDOM.integers(0, below, shape)


SMALL = [normal(4, 16), normal(16), normal(16, 1), normal(1)]
PEERS = {
    "logistic regression": Peer(logistic, logistic_jax, [normal(4096, 64), RANDOM.random(4096, np.float32)],
                                [normal(64)]),
    "perceptron": Peer(perceptron, perceptron_jax, [normal(256, 784), labels(256)],
                       [normal(784, 256), normal(256), normal(256, 10), normal(10)]),
    "convolutions": Peer(convolutions, convolutions_jax, [normal(16, 4, 16, 16), normal(16, 4, 16, 16)],
                         [normal(8, 4, 3, 3), normal(4, 8, 3, 3)]),
    "LSTM, a scan": Peer(lstm, lstm_jax, [normal(32, 16, 32), normal(32, 16, 8)],
                         [normal(32, 256), normal(64, 256), normal(256), normal(64, 8)]),
    "variational autoencoder": Peer(vae, vae_jax, [RANDOM.random((64, 64), np.float32), normal(64, 8)],
                                    [normal(64, 128), normal(128), normal(128, 16), normal(16),
                                     normal(8, 128), normal(128), normal(128, 64), normal(64)]),
    "gradients of 512 examples": Peer(per_example, per_example_jax, [normal(512, 4), normal(512, 1)], SMALL, True),
    "neural ODE": Peer(ode, ode_jax, [normal(10, 20, 2)], [normal(2, 50), normal(50), normal(50, 2), normal(2)]),
    "GPT, small": Peer(gpt, gpt_jax, [labels(16, CONTEXT, below=LETTERS), labels(16, CONTEXT, below=LETTERS)],
                       [normal(LETTERS, WIDTH), normal(CONTEXT, WIDTH),
                        *(normal(*shape) for _ in range(LAYERS) for shape in LAYER),
                        normal(WIDTH), normal(WIDTH), normal(WIDTH, LETTERS)]),
    "second order": Peer(second, second_jax, [], [normal(100_000)]),
}
