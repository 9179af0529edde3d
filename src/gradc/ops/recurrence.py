"""What recurrent networks compute, step by step, written once: on NumPy, in lax.scan, and on tensors.

`Arrays` are the few functions in which these differ. The gates' inputs of all steps are one product, made before; so
are, on the way back, the gates' values and all that does not depend on the step before. Only the loops are left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc.ops import recurrence_numpy

Step = Callable[[Any, Any], tuple[Any, Any]]


class Arrays:
    """NumPy's arrays."""

    tanh = staticmethod(np.tanh)
    where = staticmethod(np.where)
    concat = staticmethod(np.concatenate)
    stack = staticmethod(np.stack)
    zeros_like = staticmethod(np.zeros_like)

    def sigmoid(self, x: Any) -> Any:
        """1 / (1 + exp(-x)); tanh never overflows."""
        half = self.tanh(x * 0.5)
        half *= 0.5
        half += 0.5
        return half

    def loop(self, step: Step, state: Any, sequences: Sequence[Any], backward: bool) -> tuple[Any, Any]:
        """The state after all steps, and what they gave, each as one array. A sequence may be None."""
        size = next(len(s) for s in sequences if s is not None)
        made = []
        for t in reversed(range(size)) if backward else range(size):
            state, found = step(state, [None if s is None else s[t] for s in sequences])
            made.append(found)
        if backward:
            made.reverse()
        return state, [None if parts[0] is None else self.stack(parts) for parts in zip(*made, strict=True)]

    def product(self, x: Any, y: Any) -> Any:
        """x @ y for a sequence x of matrices, as one product."""
        return (x.reshape(-1, x.shape[-1]) @ y).reshape(*x.shape[:-1], y.shape[-1])


class LaxArrays(Arrays):
    """JAX's arrays; a loop is one lax.scan."""

    def __init__(self, xp: Any) -> None:
        from jax import lax, nn

        self.scan, self.sigmoid = lax.scan, nn.sigmoid  # type: ignore[method-assign]
        self.tanh, self.where, self.concat = xp.tanh, xp.where, xp.concatenate
        self.zeros_like = xp.zeros_like

    def loop(self, step: Step, state: Any, sequences: Sequence[Any], backward: bool) -> tuple[Any, Any]:
        return self.scan(step, state, list(sequences), reverse=backward)  # type: ignore[no-any-return]


def arrays_of(xp: Any) -> Arrays:
    """The functions for a namespace that a kernel is called with."""
    return LaxArrays(xp) if xp.__name__ == "jax.numpy" else Arrays()


# The steps. `gates` are their inputs; weights are [gates, features]


def gates_of(z: Any, count: int) -> list[Any]:
    """The `count` gates that lie side by side in the last dimension."""
    size = z.shape[-1] // count
    return [z[..., i * size : (i + 1) * size] for i in range(count)]


def _lstm_step(a: Arrays, x: Any, h: Any, c: Any, wt: Any, b: Any, pt: Any) -> tuple[Any, Any]:
    i, f, n, o = gates_of(x + h @ wt, 4)
    c = a.sigmoid(f) * c + a.sigmoid(i) * a.tanh(n)
    h = a.sigmoid(o) * a.tanh(c)
    return h if pt is None else h @ pt, c


def _gru_step(a: Arrays, x: Any, h: Any, c: Any, wt: Any, b: Any, pt: Any) -> tuple[Any, Any]:
    inside = h @ wt
    x_r, x_u, x_n = gates_of(x, 3)
    h_r, h_u, h_n = gates_of(inside if b is None else inside + b, 3)
    r, u = a.sigmoid(x_r + h_r), a.sigmoid(x_u + h_u)
    n = a.tanh(x_n + r * h_n)
    return n + u * (h - n), None


def _tanh_step(a: Arrays, x: Any, h: Any, c: Any, wt: Any, b: Any, pt: Any) -> tuple[Any, Any]:
    return a.tanh(x + h @ wt), None


def _relu_step(a: Arrays, x: Any, h: Any, c: Any, wt: Any, b: Any, pt: Any) -> tuple[Any, Any]:
    z = x + h @ wt
    return a.where(z > 0, z, z * 0), None


STEPS = {"lstm": _lstm_step, "gru": _gru_step, "tanh": _tanh_step, "relu": _relu_step}
GATES = {"lstm": 4, "gru": 3, "tanh": 1, "relu": 1}


def run(a: Arrays, mode: str, x: Any, h: Any, c: Any, w: Any, b: Any, p: Any, mask: Any, reverse: bool) -> Any:
    """The states h, and c of an LSTM, after each step. Where the mask does not hold a step changes nothing."""
    if mode == "lstm" and type(a) is Arrays and p is None and mask is None:
        return recurrence_numpy.run_lstm(x, h, c, w, reverse)
    step, wt, pt = STEPS[mode], w.T, None if p is None else p.T

    def move(state: Any, now: Any) -> tuple[Any, Any]:
        h, c = state
        x, held = now
        new_h, new_c = step(a, x, h, c, wt, b, pt)
        if held is not None:
            new_h = a.where(held, new_h, h)
            new_c = None if new_c is None else a.where(held, new_c, c)
        return (new_h, new_c), (new_h, new_c)

    return a.loop(move, (h, c), (x, mask), reverse)[1]


# The way back


def before(a: Arrays, first: Any, states: Any, reverse: bool) -> Any:
    """The states that the steps started from."""
    return a.concat([states[1:], first[None]]) if reverse else a.concat([first[None], states[:-1]])


def _outer(left: Any, right: Any) -> Any:
    """Σ leftᵀ @ right over the steps."""
    return left.reshape(-1, left.shape[-1]).T @ right.reshape(-1, right.shape[-1])


def pull_lstm(a: Arrays, g: Any, g_cells: Any, x: Any, h: Any, c: Any, w: Any, p: Any, mask: Any, states: Any,
              cells: Any, reverse: bool) -> list[Any]:
    """The cotangents of x, h, c, w and, if there is a projection, p."""
    if type(a) is Arrays and p is None and mask is None:
        return recurrence_numpy.pull_lstm(g, g_cells, x, h, c, w, states, cells, reverse)
    old_h, old_c = before(a, h, states, reverse), before(a, c, cells, reverse)
    i, f, n, o = gates_of(x + a.product(old_h, w.T), 4)
    i, f, n, o, squashed = a.sigmoid(i), a.sigmoid(f), a.tanh(n), a.sigmoid(o), a.tanh(cells)
    # By what the cotangent of c, or of h for the last, is multiplied to be that of each gate's input
    slopes = [n * i * (1 - i), old_c * f * (1 - f), i * (1 - n * n), squashed * o * (1 - o)]
    to_cell = o * (1 - squashed * squashed)
    if mask is not None:
        slopes, to_cell = [a.where(mask, s, s * 0) for s in slopes], a.where(mask, to_cell, to_cell * 0)
        f = a.where(mask, f, f * 0 + 1)

    def step(state: Any, now: Any) -> tuple[Any, Any]:
        g_h, g_c = state
        more_h, more_c, s_i, s_f, s_n, s_o, to_cell, f, held = now
        g_h = g_h + more_h
        whole = g_h if p is None else g_h @ p
        g_c = g_c + more_c + whole * to_cell
        g_z = a.concat([g_c * s_i, g_c * s_f, g_c * s_n, whole * s_o], -1)
        earlier = g_z @ w
        if held is not None:
            earlier = earlier + a.where(held, g_h * 0, g_h)
        return (earlier, g_c * f), (g_z, g_h)

    (g_h, g_c), (g_z, total) = a.loop(step, (a.zeros_like(h), a.zeros_like(c)),
                                      (g, g_cells, *slopes, to_cell, f, mask), not reverse)
    found = [g_z, g_h, g_c, _outer(g_z, old_h)]
    if p is None:
        return found
    total = total if mask is None else a.where(mask, total, total * 0)
    return [*found, _outer(total, o * squashed)]


def pull_gru(a: Arrays, g: Any, x: Any, h: Any, w: Any, b: Any, mask: Any, states: Any, reverse: bool) -> list[Any]:
    """The cotangents of x, h, w and, if there is one, the bias b."""
    old = before(a, h, states, reverse)
    inside = a.product(old, w.T)
    x_r, x_u, x_n = gates_of(x, 3)
    h_r, h_u, h_n = gates_of(inside if b is None else inside + b, 3)
    r, u = a.sigmoid(x_r + h_r), a.sigmoid(x_u + h_u)
    n = a.tanh(x_n + r * h_n)
    to_n = (1 - u) * (1 - n * n)
    slope = a.concat([to_n * h_n * r * (1 - r), (old - n) * u * (1 - u), to_n * r], -1)
    if mask is not None:
        slope, to_n, u = a.where(mask, slope, slope * 0), a.where(mask, to_n, to_n * 0), a.where(mask, u, u * 0 + 1)

    def step(state: Any, now: Any) -> tuple[Any, Any]:
        more, slope, u = now
        g_h = state + more
        g_z = a.concat([g_h, g_h, g_h], -1) * slope
        return g_z @ w + g_h * u, (g_z, g_h)

    g_h, (g_z, total) = a.loop(step, a.zeros_like(h), (g, slope, u), not reverse)
    size = u.shape[-1]
    g_x = a.concat([g_z[..., : 2 * size], total * to_n], -1)
    return [g_x, g_h, _outer(g_z, old)] + ([] if b is None else [g_z.reshape(-1, g_z.shape[-1]).sum(0)])


def pull_rnn(a: Arrays, g: Any, h: Any, w: Any, mask: Any, states: Any, mode: str, reverse: bool) -> list[Any]:
    """The cotangents of x, h and w."""
    old = before(a, h, states, reverse)
    slope = 1 - states * states if mode == "tanh" else a.where(states > 0, states * 0 + 1, states * 0)
    if mask is not None:
        slope = a.where(mask, slope, slope * 0)

    def step(state: Any, now: Any) -> tuple[Any, Any]:
        more, slope, held = now
        g_h = state + more
        g_z = g_h * slope
        earlier = g_z @ w
        return earlier if held is None else earlier + a.where(held, g_h * 0, g_h), (g_z,)

    g_h, (g_z,) = a.loop(step, a.zeros_like(h), (g, slope, mask), not reverse)
    return [g_z, g_h, _outer(g_z, old)]
