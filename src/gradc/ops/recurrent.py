"""Layers of recurrent networks: all steps of one layer, in one direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc import dtypes
from gradc.apply import apply
from gradc.errors import DtypeError, ShapeError
from gradc.ir import Type
from gradc.modes import current
from gradc.ops import recurrence
from gradc.ops.activation import sigmoid
from gradc.ops.arithmetic import where
from gradc.ops.base import Op
from gradc.ops.creation import zeros_like
from gradc.ops.define import op
from gradc.ops.elementary import tanh
from gradc.ops.joining import cat, stack
from gradc.ops.recurrence import GATES, Arrays


class TensorArrays(Arrays):
    """Tensors: their loop is a graph of ops, which can be differentiated again."""

    tanh = staticmethod(tanh)  # type: ignore[assignment]
    sigmoid = staticmethod(sigmoid)  # type: ignore[assignment]
    where = staticmethod(where)  # type: ignore[assignment]
    concat = staticmethod(cat)  # type: ignore[assignment]
    stack = staticmethod(stack)  # type: ignore[assignment]
    zeros_like = staticmethod(zeros_like)  # type: ignore[assignment]


def _run(xp: Any, mode: str, *operands: Any) -> list[Any]:
    """The kernel of the layers, in single precision where the operands are of half precision."""
    kind, operands = _widened(operands)
    found = recurrence.run(recurrence.arrays_of(xp), mode, *operands)
    return found if kind is None else [None if x is None else x.astype(kind) for x in found]


def _pull(xp: Any, *operands: Any, mode: str, reverse: bool) -> tuple[Any, ...]:
    kind, operands = _widened(operands)
    found = _pulled(recurrence.arrays_of(xp), operands, mode, reverse)
    return tuple(found if kind is None else [x.astype(kind) for x in found])


def _widened(operands: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    """The dtype of half precision that operands have, None if they have none; and they in single precision."""
    operands[0].size  # noqa: B018 - raises where the kernel is to be printed: it is more than an expression
    kind = operands[0].dtype
    if kind.itemsize > 2:
        return None, operands
    return kind, [x.astype("float32") if getattr(x, "dtype", None) == kind else x for x in operands]


def _pulled(a: Arrays, operands: Sequence[Any], mode: str, reverse: bool) -> list[Any]:
    g, g_cells, x, h, c, w, b, p, mask, states, cells = operands
    if mode == "lstm":
        return recurrence.pull_lstm(a, g, g_cells, x, h, c, w, p, mask, states, cells, reverse)
    if mode == "gru":
        return recurrence.pull_gru(a, g, x, h, w, b, mask, states, reverse)
    return recurrence.pull_rnn(a, g, h, w, mask, states, mode, reverse)


def pull(mode: str, reverse: bool, *operands: Any) -> list[Any]:
    """The cotangents of a layer's operands: by one op, or, where they will be differentiated, by a graph of them."""
    if current().grad:
        return _pulled(TensorArrays(), operands, mode, reverse)
    return list(apply(recurrence_pull, operands, {"mode": mode, "reverse": reverse}))


class Recurrence(Op):
    """The steps of a layer."""

    method = False
    checked = True
    rejects = (dtypes.BOOL, dtypes.INT, dtypes.COMPLEX)

    def shaped(self, mode: str, x: Any, h: Any, w: Any, p: Any, mask: Any) -> Type:
        """The type of the states after all steps. Raises ShapeError for operands that do not fit."""
        for operand in (h, w, p):
            if operand is not None and operand.dtype is not x.dtype:
                raise DtypeError(f"{self.name}: input and weights need one dtype, got {x.dtype} and {operand.dtype}")
        size, steps = h.shape[-1], tuple(x.shape[:-1])
        hidden = size if p is None else p.shape[1]
        expected = [(len(x.shape), 3), (tuple(h.shape), (*steps[1:], size)), (x.shape[-1], GATES[mode] * hidden),
                    (tuple(w.shape), (GATES[mode] * hidden, size))]
        if mask is not None:
            expected.append((tuple(mask.shape), (*steps, 1)))
        if any(a != b for a, b in expected):
            raise ShapeError(f"{self.name}: shapes do not fit: gates {list(x.shape)}, state {list(h.shape)}, weight "
                             f"{list(w.shape)}")
        return Type(x.dtype, (*steps, size))

    def compute_dtype(self, operands: Sequence[Any]) -> None:
        self.check_category(dtypes.of(operands[0].dtype))


@op
class lstm_layer(Recurrence):
    """The states h and c of an LSTM after each step, from the input x of its gates i, f, g and o at each step.

    c = σ(f)·c + σ(i)·tanh(g) and h = σ(o)·tanh(c), of which the gates get w @ h; with `p`, h is p @ (…).

    Shape   x: f[t, b, 4n], h: f[b, m], c: f[b, n], w: f[4n, m], p: f[m, n], mask: bool[t, b, 1]
            -> f[t, b, m], f[t, b, n]
    Source  torch.nn.LSTM; Hochreiter and Schmidhuber 1997
    """

    kernel = lambda xp, x, h, c, w, p=None, mask=None, *, reverse=False: tuple(
        _run(xp, "lstm", x, h, c, w, None, p, mask, reverse))
    grads = lambda g, x, h, c, w, p, mask, states, cells, reverse: [
        *pull("lstm", reverse, *g, x, h, c, w, None, p, mask, states, cells), None, None][:6]
    results = ("states", "cells")
    samples = [((3, 2, 12), (2, 3), (2, 3), (12, 3), None, None),
               ((3, 2, 12), (2, 3), (2, 3), (12, 3), None, None, {"reverse": True}),
               ((3, 2, 12), (2, 2), (2, 3), (12, 2), (2, 3), None),
               ((3, 2, 12), (2, 2), (2, 3), (12, 2), (2, 3), [[[True], [True]], [[True], [False]], [[True], [False]]])]

    def infer(self, x: Any, h: Any, c: Any, w: Any, p: Any = None, mask: Any = None, *, reverse: bool) -> Any:
        states = self.shaped("lstm", x, h, w, p, mask)
        return states, Type(x.dtype, (*states.shape[:-1], c.shape[-1]))


@op
class gru_layer(Recurrence):
    """The state h of a GRU after each step, from the input x of its gates r, u and n at each step.

    h = (1 - σ(u))·tanh(n + σ(r)·(w_n @ h + b_n)) + σ(u)·h, of which r and u get w @ h + b.

    Shape   x: f[t, b, 3n], h: f[b, n], w: f[3n, n], b: f[3n], mask: bool[t, b, 1] -> f[t, b, n]
    Source  torch.nn.GRU; Cho et al. 2014
    """

    kernel = lambda xp, x, h, w, b=None, mask=None, *, reverse=False: _run(
        xp, "gru", x, h, None, w, b, None, mask, reverse)[0]
    grads = lambda g, x, h, w, b, mask, result, reverse: [
        *pull("gru", reverse, g, None, x, h, None, w, b, None, mask, result, None), None, None][:5]
    samples = [((3, 2, 9), (2, 3), (9, 3), None, None), ((3, 2, 9), (2, 3), (9, 3), (9,), None, {"reverse": True}),
               ((3, 2, 9), (2, 3), (9, 3), (9,), [[[True], [True]], [[True], [False]], [[True], [False]]])]

    def infer(self, x: Any, h: Any, w: Any, b: Any = None, mask: Any = None, *, reverse: bool) -> Type:
        return self.shaped("gru", x, h, w, None, mask)


@op
class rnn_layer(Recurrence):
    """The state of a simple recurrent network after each step: h = tanh(x + w @ h), or relu.

    Shape   x: f[t, b, n], h: f[b, n], w: f[n, n], mask: bool[t, b, 1] -> f[t, b, n]
    Source  torch.nn.RNN; Elman 1990
    """

    kernel = lambda xp, x, h, w, mask=None, *, nonlinearity="tanh", reverse=False: _run(
        xp, nonlinearity, x, h, None, w, None, None, mask, reverse)[0]
    grads = lambda g, x, h, w, mask, result, nonlinearity, reverse: [
        *pull(nonlinearity, reverse, g, None, None, h, None, w, None, None, mask, result, None), None][:4]
    samples = [((3, 2, 3), (2, 3), (3, 3), None),
               ((3, 2, 3), (2, 3), (3, 3), None, {"nonlinearity": "relu", "reverse": True}),
               ((3, 2, 3), (2, 3), (3, 3), [[[True], [True]], [[True], [False]], [[True], [False]]])]

    def infer(self, x: Any, h: Any, w: Any, mask: Any = None, *, nonlinearity: str, reverse: bool) -> Type:
        return self.shaped("tanh", x, h, w, None, mask)


@op
class recurrence_pull(Recurrence):
    """The cotangents of the operands of a layer, from those of its states: what the gradients of layers call.

    Source  backpropagation through time, Werbos 1990
    """

    kernel = lambda xp, g, g_cells, x, h, c, w, b, p, mask, states, cells, *, mode, reverse=False: _pull(
        xp, g, g_cells, x, h, c, w, b, p, mask, states, cells, mode=mode, reverse=reverse)
    samples = [((3, 2, 3), None, (3, 2, 3), (2, 3), None, (3, 3), None, None, None, (3, 2, 3), None, {"mode": "tanh"})]

    def infer(self, g: Any, g_cells: Any, x: Any, h: Any, c: Any, w: Any, b: Any, p: Any, mask: Any, states: Any,
              cells: Any, *, mode: str, reverse: bool) -> tuple[Type, ...]:
        gates = (*g.shape[:-1], w.shape[0])
        return tuple([Type(g.dtype, tuple(gates if x is None else x.shape)),
                      *[Type(g.dtype, tuple(y.shape)) for y in (h, c, w, b, p) if y is not None]])
