"""Losses of sequences that are not aligned with their labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc.apply import apply, autocasting
from gradc.errors import DtypeError, ShapeError
from gradc.nn.functions.reduction import chosen_reduction
from gradc.ops.alignment import ctc_alignment
from gradc.ops.arithmetic import where
from gradc.ops.creation import arange, tensor
from gradc.ops.joining import cat, stack
from gradc.tensor import Tensor

__all__ = ["ctc_loss"]


@autocasting("float32")
def ctc_loss(log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any, blank: int = 0,
             reduction: str = "mean", zero_infinity: bool = False) -> Tensor:
    """-log of the probability that a sequence of classes, without repetitions and then blanks, is the target; reduced.

    The mean is that of losses divided by the lengths of their targets. A target that is too long for its sequence has
    an infinite loss, with `zero_infinity` 0. The gradient is the one of scores in front of a log_softmax, as PyTorch's.

    Shape   log_probs: f[t, n, c], targets: i[n, s] or i[Σ target_lengths], lengths: i[n]; or f[t, c], i[s], i[]
    Source  torch.nn.functional.ctc_loss; Graves et al. 2006
    """
    reduction = chosen_reduction(None, None, reduction)
    single = log_probs.ndim == 2
    x: Any = log_probs.unsqueeze(1) if single else log_probs  # type: ignore[attr-defined]
    steps, batch, classes = x.shape
    if not 0 <= blank < classes:
        raise ShapeError("blank must be in label range")
    inputs = _lengths(input_lengths, batch, "input_lengths", steps)
    labels = _lengths(target_lengths, batch, "target_lengths", None)
    rows = _rows(targets, labels, batch, single)
    _check_labels(rows, labels, classes)
    size = rows.shape[1]
    rows = where(arange(size) < labels.unsqueeze(1), rows, blank)  # type: ignore[operator]
    gaps = rows.new_full((batch, size + 1), blank)
    place = cat([stack([gaps[:, :size], rows], -1).reshape(batch, 2 * size), gaps[:, size:]], 1)
    leaps = (place != blank) & cat([rows.new_zeros((batch, 2)) > 0, place[:, 2:] != place[:, :-2]], 1)[
        :, : 2 * size + 1]
    state: Any = arange(2 * size + 1)
    last = 2 * labels.unsqueeze(1)
    alive = (arange(steps).unsqueeze(1) < inputs).unsqueeze(2)  # type: ignore[attr-defined]
    spread = x.exp().sum(-1, keepdim=True)
    each: Any = apply(ctc_alignment, (x - (spread - spread.detach()), place, leaps, (state == last) | (
        state == last - 1), alive), {"forgiving": zero_infinity})
    if reduction == "mean":
        return (each / labels.clamp(1, None).to(each.dtype)).mean()  # type: ignore[no-any-return]
    return each.sum() if reduction == "sum" else each.squeeze(0) if single else each  # type: ignore[no-any-return]


def _lengths(lengths: Any, batch: int, name: str, most: int | None) -> Any:
    """Lengths as int64, checked."""
    found: Any = lengths if isinstance(lengths, Tensor) else tensor(lengths)
    if found.dtype.is_differentiable:
        raise DtypeError(f"{name} must be integral")
    if found.numel() != batch:
        raise ShapeError(f"{name} must be of size batch_size")
    if isinstance(found._array, np.ndarray):
        for value in found.reshape(-1).tolist():
            if value < 0:
                raise ShapeError(f"Expected {name} to have value at least 0, but got value {value} (while checking "
                                 f"arguments for ctc_loss)")
            if most is not None and value > most:
                raise ShapeError(f"Expected {name} to have value at most {most}, but got value {value} (while "
                                 f"checking arguments for ctc_loss)")
    return found.reshape(-1).long()


def _rows(targets: Any, labels: Any, batch: int, single: bool) -> Any:
    """The labels of each example as a row, with anything after their end."""
    targets = targets.long()
    known = isinstance(labels._array, np.ndarray)
    longest = int(labels.max().item()) if known and batch else 0
    if targets.ndim == 2 or single:
        rows = targets.reshape(batch, -1) if single else targets
        if rows.shape[0] != batch:
            raise ShapeError(f"Expected tensor to have size {batch} at dimension 0, but got size {rows.shape[0]} for "
                             f"argument #2 'targets' (while checking arguments for ctc_loss)")
        if rows.shape[1] < longest:
            raise ShapeError(f"Expected tensor to have size at least {longest} at dimension 1, but got size "
                             f"{rows.shape[1]} for argument #2 'targets' (while checking arguments for ctc_loss)")
        return rows[:, :longest] if known else rows
    total = int(labels.sum().item()) if known else targets.shape[0]
    if targets.shape[0] != total:
        raise ShapeError(f"Expected tensor to have size {total} at dimension 0, but got size {targets.shape[0]} for "
                         f"argument #2 'targets' (while checking arguments for ctc_loss)")
    first = labels.cumsum(0) - labels
    place = first.unsqueeze(1) + arange(longest if known else total)
    return targets[place.clamp(0, total - 1)] if total else targets.new_zeros((batch, 0))


def _check_labels(rows: Any, labels: Any, classes: int) -> None:
    if isinstance(rows._array, np.ndarray) and isinstance(labels._array, np.ndarray):
        array = rows._array
        wrong = array[((array < 0) | (array >= classes)) & (np.arange(array.shape[1]) < labels._array[:, None])]
        if wrong.size:
            raise ShapeError(f"ctc_loss: a target is {wrong.flat[0]}, and there are {classes} classes")
