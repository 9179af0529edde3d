"""How probable a sequence of labels is, over all the ways in which it can be aligned with longer sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc import dtypes
from gradc.apply import apply
from gradc.errors import DtypeError, ShapeError
from gradc.ir import Type
from gradc.modes import current
from gradc.ops.arithmetic import logaddexp, where
from gradc.ops.base import Op
from gradc.ops.creation import full, zeros
from gradc.ops.define import op
from gradc.ops.joining import cat, stack
from gradc.ops.reduction import logsumexp

NEVER = -1e30
"""The logarithm of a probability that is none: finite, so that the difference of two such is a number."""


class Arrays:
    """NumPy's arrays, and what JAX's and tensors have in common with them."""

    def __init__(self, xp: Any) -> None:
        self.where, self.logaddexp, self.concat, self.exp = xp.where, xp.logaddexp, xp.concatenate, xp.exp
        self.full = lambda shape, value, like: xp.full(shape, value, like.dtype)
        self.total = lambda x: np.logaddexp.reduce(x, -1)
        self.stack = xp.stack

    def chosen(self, x: Any, place: Any) -> Any:
        """x[t, n, place[n, s]] as [t, n, s]."""
        return np.take_along_axis(x, place[None], 2)

    def scan(self, step: Any, state: Any, items: tuple[Any, ...], backward: bool) -> Any:
        """The states that `step` makes of the one before and each item, as one array."""
        steps = range(items[0].shape[0])
        found = []
        for t in reversed(steps) if backward else steps:
            state = step(state, *[item[t] for item in items])
            found.append(state)
        return self.stack(found[::-1] if backward else found)

    def spread(self, parts: Any, place: Any, classes: int) -> Any:
        """Σ over the states s with place[n, s] = c of parts[t, n, s], as [t, n, c]."""
        result = np.zeros((*parts.shape[:2], classes), parts.dtype)
        rows = np.arange(parts.shape[1])
        for s in range(parts.shape[2]):
            result[:, rows, place[:, s]] += parts[:, :, s]
        return result


class LaxArrays(Arrays):
    """JAX's arrays; a loop is one lax.scan."""

    def __init__(self, xp: Any) -> None:
        from jax.nn import logsumexp

        super().__init__(xp)
        self.xp, self.total = xp, lambda x: logsumexp(x, -1)

    def chosen(self, x: Any, place: Any) -> Any:
        return self.xp.take_along_axis(x, place[None], 2)

    def scan(self, step: Any, state: Any, items: tuple[Any, ...], backward: bool) -> Any:
        from jax import lax

        return lax.scan(lambda state, item: (step(state, *item),) * 2, state, items, reverse=backward)[1]

    def spread(self, parts: Any, place: Any, classes: int) -> Any:
        rows = self.xp.arange(parts.shape[1])[:, None]
        return self.full((*parts.shape[:2], classes), 0, parts).at[:, rows, place].add(parts)


class TensorArrays(Arrays):
    """Tensors: their loop is a graph of ops, which can be differentiated again."""

    def __init__(self) -> None:
        self.where, self.logaddexp, self.concat, self.stack = where, logaddexp, cat, stack
        self.exp = lambda x: x.exp()
        self.full = lambda shape, value, like: full(shape, value, dtype=like.dtype)
        self.total = lambda x: logsumexp(x, -1)

    def chosen(self, x: Any, place: Any) -> Any:
        return x.gather(2, place.unsqueeze(0).expand((x.shape[0], *place.shape)))

    def spread(self, parts: Any, place: Any, classes: int) -> Any:
        empty: Any = zeros((*parts.shape[:2], classes), dtype=parts.dtype)
        return empty.scatter_add(2, place.unsqueeze(0).expand(parts.shape), parts)


def _arrays(xp: Any) -> Arrays:
    return LaxArrays(xp) if xp.__name__ == "jax.numpy" else Arrays(xp)


def _moved(a: Arrays, x: Any, count: int) -> Any:
    """States moved on by `count`, back if it is negative; NEVER where none comes from."""
    size = x.shape[1]
    edge = a.full((x.shape[0], abs(count)), NEVER, x)
    return a.concat([edge, x], 1)[:, :size] if count > 0 else a.concat([x, edge], 1)[:, -count : size - count]


def _forward(a: Arrays, emitted: Any, leaps: Any, ends: Any, alive: Any) -> tuple[Any, Any]:
    """How probable each state is after each step, with all emitted up to it; and how probable the ends are at last."""
    batch, size = leaps.shape
    start = a.concat([a.full((batch, 1), 0.0, emitted), a.full((batch, size - 1), NEVER, emitted)], 1)

    def step(before: Any, e: Any, live: Any) -> Any:
        near = a.logaddexp(before, _moved(a, before, 1))
        return a.where(live, a.logaddexp(near, a.where(leaps, _moved(a, before, 2), NEVER)) + e, before)

    states = a.scan(step, start, (emitted, alive), False)
    return states, a.total(a.where(ends, states[-1], NEVER))


def _backward(a: Arrays, emitted: Any, leaps: Any, ends: Any, alive: Any) -> Any:
    """How probable it is that an end is reached with all that is emitted after each step, from each state at it."""
    end = a.where(ends, a.full((), 0.0, emitted), a.full((), NEVER, emitted))

    def step(after: Any, e: Any, live: Any) -> Any:
        here = after + e
        near = a.logaddexp(here, _moved(a, here, -1))
        return a.where(live, a.logaddexp(near, _moved(a, a.where(leaps, here, NEVER), -2)), after)

    return a.concat([a.scan(step, end, (emitted, alive), True)[1:], end[None]], 0)


def _posterior(a: Arrays, x: Any, place: Any, leaps: Any, ends: Any, alive: Any, forgiving: bool) -> Any:
    emitted = a.chosen(x, place)
    states, total = _forward(a, emitted, leaps, ends, alive)
    each = a.exp(states + _backward(a, emitted, leaps, ends, alive) - total[None, :, None])
    lost = total[None, :, None] < NEVER / 2
    each = a.where(lost, a.full((), 0.0 if forgiving else float("nan"), x), each)
    return a.spread(a.where(alive, each, a.full((), 0.0, x)), place, x.shape[2])


def _loss(xp: Any, x: Any, place: Any, leaps: Any, ends: Any, alive: Any, *, forgiving: bool = False) -> Any:
    a = _arrays(xp)
    total = _forward(a, a.chosen(x, place), leaps, ends, alive)[1]
    return a.where(total < NEVER / 2, a.full((), 0.0 if forgiving else float("inf"), x), -total)


def posterior(*operands: Any, forgiving: bool) -> Any:
    """ctc_posterior: by one op, or, where it will be differentiated, by a graph of them."""
    if current().grad:
        return _posterior(TensorArrays(), *operands, forgiving)
    return apply(ctc_posterior, operands, {"forgiving": forgiving})


EXAMPLE: Any = (
    (4, 2, 3), [[0, 1, 0, 2, 0], [0, 2, 0, 0, 0]], [[False, False, False, True, False], [False] * 5],
    [[False, False, False, True, True], [False, True, True, False, False]],
    [[[True], [True]]] * 3 + [[[True], [False]]], {"forgiving": False})
"""Labels 1 and 2 in four steps, and 2 in three."""


class Alignment(Op):
    """Between x, the logarithms of probabilities of classes, and a lattice of states.

    State s of example n emits the class place[n, s]. From a state the next step stays, moves on by one, or by two into
    a state that `leaps`. It starts in state 0 or 1, has to end in one that `ends`, and has the steps that are `alive`.

    Shape   x: f[t, n, c], place: i64[n, s], leaps: bool[n, s], ends: bool[n, s], alive: bool[t, n, 1]
    """

    method = False
    checked = True
    rejects = (dtypes.BOOL, dtypes.INT, dtypes.COMPLEX)

    def check(self, x: Any, place: Any, leaps: Any, ends: Any, alive: Any) -> None:
        """Raise an error for operands that do not fit."""
        if x.dtype.itemsize < 4:
            raise DtypeError(f'"ctc_loss" not implemented for {dtypes.TITLES[x.dtype]!r}')
        steps, batch, _ = x.shape
        if not (tuple(place.shape) == tuple(leaps.shape) == tuple(ends.shape) and place.shape[0] == batch
                and tuple(alive.shape) == (steps, batch, 1)):
            raise ShapeError(f"{self.name}: shapes do not fit: {list(x.shape)}, {list(place.shape)}, "
                             f"{list(alive.shape)}")

    def compute_dtype(self, operands: Any) -> None:
        self.check_category(dtypes.of(operands[0].dtype))


@op
class ctc_alignment(Alignment):
    """-log of the probability of the ends of a lattice; infinite, or if `forgiving` 0, where none can be reached.

    Units   nats
    Source  Graves et al. 2006, "Connectionist temporal classification", with all sums in logarithms
    """

    torch_name = "CtcLoss"
    kernel = _loss
    grad_x = lambda g, x, place, leaps, ends, alive, forgiving: (
        -g.unsqueeze(1) * posterior(x, place, leaps, ends, alive, forgiving=forgiving))
    samples = [EXAMPLE]

    def infer(self, x: Any, place: Any, leaps: Any, ends: Any, alive: Any, *, forgiving: bool) -> Type:
        self.check(x, place, leaps, ends, alive)
        return Type(x.dtype, (x.shape[1],))


@op
class ctc_posterior(Alignment):
    """How probable each class is at each step, given that an end of the lattice is reached.

    Source  Graves et al. 2006, equation 14
    """

    kernel = lambda xp, x, place, leaps, ends, alive, *, forgiving=False: _posterior(
        _arrays(xp), x, place, leaps, ends, alive, forgiving)
    samples = [EXAMPLE]

    def infer(self, x: Any, place: Any, leaps: Any, ends: Any, alive: Any, *, forgiving: bool) -> Type:
        self.check(x, place, leaps, ends, alive)
        return Type(x.dtype, tuple(x.shape))
