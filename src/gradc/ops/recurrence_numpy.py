"""The steps of an LSTM on NumPy, with few calls for each: what recurrence.py says, in arrays that are written again.

σ(z) = ½ tanh(½ z) + ½, so one call of tanh serves all gates.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def _halves(size: int, kind: Any) -> tuple[Any, Any]:
    """By what each gate's input and tanh are multiplied, ½ but for the third gate, and what is added."""
    factor = np.full(4 * size, 0.5, kind)
    factor[2 * size : 3 * size] = 1
    return factor, 1 - factor


def run_lstm(x: Any, h: Any, c: Any, w: Any, reverse: bool) -> list[Any]:
    """The states h and c after each step."""
    size = c.shape[-1]
    factor, shift = _halves(size, x.dtype)
    weight = np.ascontiguousarray(w.T) * factor
    x = x * factor
    states, cells = (np.empty((*x.shape[:2], size), x.dtype) for _ in range(2))
    gates = np.empty(x.shape[1:], x.dtype)
    i, f, n, o = (gates[:, k * size : (k + 1) * size] for k in range(4))
    inner = np.empty_like(c)
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        np.dot(h, weight, out=gates)
        np.add(gates, x[t], out=gates)
        np.tanh(gates, out=gates)
        np.multiply(gates, factor, out=gates)
        np.add(gates, shift, out=gates)
        np.multiply(f, c, out=cells[t])
        c = cells[t]
        np.multiply(i, n, out=inner)
        np.add(c, inner, out=c)
        np.tanh(c, out=inner)
        h = np.multiply(o, inner, out=states[t])
    return [states, cells]


def pull_lstm(g: Any, g_cells: Any, x: Any, h: Any, c: Any, w: Any, states: Any, cells: Any,
              reverse: bool) -> list[Any]:
    """The cotangents of x, h, c and w."""
    steps, batch, size = cells.shape
    old_h, old_c = (np.concatenate([s[1:], first[None]] if reverse else [first[None], s[:-1]])
                    for first, s in ((h, states), (c, cells)))
    factor, shift = _halves(size, x.dtype)
    gates = (old_h.reshape(-1, size) @ w.T).reshape(x.shape)
    gates += x
    gates *= factor
    np.tanh(gates, out=gates)
    # σ' = σ (1 - σ) = ¼ (1 - tanh²), and tanh' = 1 - tanh²
    slopes = np.square(gates)
    np.subtract(1, slopes, out=slopes)
    slopes *= factor * factor
    gates *= factor
    gates += shift
    i, f, n, o = (gates[..., k * size : (k + 1) * size] for k in range(4))
    squashed = np.tanh(cells)
    for k, other in enumerate((n, old_c, i, squashed)):
        slopes[..., k * size : (k + 1) * size] *= other
    to_cell = np.square(squashed, out=squashed)
    np.subtract(1, to_cell, out=to_cell)
    to_cell *= o
    g_h, g_c = np.zeros_like(h), np.zeros_like(c)
    inner = np.empty_like(c)
    more_c = g_cells if g_cells.any() else None
    parts = slopes.reshape(steps, batch, 4, size)
    for t in range(steps) if reverse else reversed(range(steps)):
        np.add(g_h, g[t], out=g_h)
        if more_c is not None:
            g_c += more_c[t]
        np.multiply(g_h, to_cell[t], out=inner)
        np.add(g_c, inner, out=g_c)
        part = parts[t]  # becomes the cotangent of the gates' inputs
        part[:, :3] *= g_c[:, None]
        part[:, 3] *= g_h
        np.dot(slopes[t], w, out=g_h)
        np.multiply(g_c, f[t], out=g_c)
    flat = slopes.reshape(-1, 4 * size)
    return [slopes, g_h, g_c, flat.T @ old_h.reshape(-1, size)]
