"""Losses of scores for classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.apply import autocasting
from gradc.errors import CallError, DimensionError, DtypeError, ShapeError
from gradc.locations import here, quote
from gradc.nn.functions.reduction import FunctionalError, chosen_reduction, weighted
from gradc.ops import activation, loss
from gradc.ops.arithmetic import where
from gradc.ops.creation import arange
from gradc.ops.linear_algebra import linear
from gradc.tensor import Tensor

__all__ = ["cross_entropy", "linear_cross_entropy", "multi_margin_loss", "multilabel_margin_loss", "nll_loss"]


def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
             ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean") -> Tensor:
    """-input[target] of log-probabilities, in nats, reduced; the classes are in dimension 1, or 0 for one sample.

    The mean is weighted by the `weight` of each target's class. Targets `ignore_index` do not count.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if weight is None:
        return loss.nll_loss(input, target, ignore_index=ignore_index, reduction=reduction)  # type: ignore
    return _classified(input, target, weight, ignore_index, reduction, 0.0)


def cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
                  ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
                  label_smoothing: float = 0.0) -> Tensor:
    """-log(softmax(input))[target], in nats, reduced; the classes are in dimension 1, or 0 for one sample.

    Targets are class numbers, or probabilities in the shape of `input`. Label smoothing takes that share of each
    target and spreads it over all classes.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if not 0 <= label_smoothing <= 1:
        raise ShapeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    dim = 1 if input.ndim > 1 else 0
    if weight is not None and tuple(weight.shape) != (input.shape[dim],):
        raise ShapeError(f"weight tensor should be defined either for all {input.shape[dim]} classes or no classes but "
                         f"got weight tensor of shape: {list(weight.shape)}")
    if target._array.shape == input._array.shape:
        if not target.dtype.is_floating_point:
            raise DtypeError(f"Expected floating point type for target with class probabilities, got "
                             f"{dtypes.TITLES[target.dtype]}")
        if ignore_index >= 0:
            raise ShapeError("ignore_index is not supported for floating point target")
        classes = input.shape[dim]
        goal = target * (1 - label_smoothing) + label_smoothing / classes  # type: ignore[operator]
        scores = activation.log_softmax(input, dim) * _over_classes(weight, input, dim)
        each = -(scores * goal).sum(dim)
        return weighted(each, None, reduction, math.prod(input.shape) // classes)
    if weight is None and not label_smoothing:
        return loss.cross_entropy(input, target, ignore_index=ignore_index, reduction=reduction)  # type: ignore
    scores = activation.log_softmax(input, dim)
    return _classified(scores, target, weight, ignore_index, reduction, label_smoothing)


def linear_cross_entropy(input: Tensor, linear_weight: Tensor, target: Tensor, *, linear_bias: Tensor | None = None,
                         weight: Tensor | None = None, reduction: str = "mean", ignore_index: int | None = None,
                         label_smoothing: float = 0.0, options: Any = None) -> Tensor:
    """cross_entropy of linear(input, linear_weight, linear_bias), in one piece whatever the `options` say.

    A weight (classes, d₁, …, features) scores d₁ · … targets for each sample.
    """
    if input.ndim not in (1, 2) or linear_weight.ndim < 2 or input.ndim == 1 and linear_weight.ndim > 2:
        raise ShapeError(f"expected input with dimensionality 1 or 2 and linear_weight with at least 2, got "
                         f"{input.type_} and {linear_weight.type_}{quote(here())}")
    if input.shape[-1] != linear_weight.shape[-1]:
        raise ShapeError(f"expected equal input and linear_weight last dimensions (in_features), got {input.shape[-1]} "
                         f"and {linear_weight.shape[-1]}, respectively{quote(here())}")
    outer = tuple(linear_weight.shape[:-1])
    if linear_bias is not None and tuple(linear_bias.shape) != outer:
        raise ShapeError(f"expected linear_bias shape {outer}, got {tuple(linear_bias.shape)}{quote(here())}")
    flat: Any = (linear_weight, linear_bias)
    if linear_weight.ndim > 2:
        flat = [None if x is None else x.flatten(0, len(outer) - 1) for x in flat]
    scores = linear(input, *flat).reshape((*input.shape[:-1], *outer))
    if ignore_index is not None and target.shape == scores.shape:
        raise CallError(f"ignore_index cannot be specified when target contains probabilities{quote(here())}")
    return cross_entropy(scores, target, weight, ignore_index=-100 if ignore_index is None else ignore_index,
                         reduction=reduction, label_smoothing=label_smoothing)


def _classified(scores: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str,
                smoothing: float) -> Tensor:
    """nll_loss with weights for the classes and label smoothing."""
    loss.nll_loss.infer(scores, target, ignore_index=ignore_index, reduction=reduction)  # raises where they do not fit
    dim = 1 if scores.ndim > 1 else 0
    classes = scores.shape[dim]
    _check_classes(target, classes, ignore_index)
    if weight is not None and weight.dtype is not scores.dtype:
        raise DtypeError(f"expected scalar type {dtypes.TITLES[scores.dtype]} but found {dtypes.TITLES[weight.dtype]}")
    kept = target != ignore_index  # type: ignore[operator]
    place = where(kept, target, 0)
    share: Tensor = kept.to(scores.dtype) if weight is None else where(kept, weight[place], 0.0)  # type: ignore
    each = -scores.gather(dim, place.unsqueeze(dim)).squeeze(dim) * share  # type: ignore[attr-defined]
    if smoothing:
        all_classes = where(kept, -(scores * _over_classes(weight, scores, dim)).sum(dim), 0.0)
        each = each * (1 - smoothing) + all_classes * (smoothing / classes)
    return weighted(each, None, reduction, share.sum())  # type: ignore[attr-defined]


def _over_classes(weight: Tensor | None, scores: Tensor, dim: int) -> Any:
    """The weights of the classes, to be multiplied with scores; 1 if there are none."""
    return 1 if weight is None else weight.reshape(-1, *[1] * (scores.ndim - 1 - dim))  # type: ignore[attr-defined]


def _check_classes(target: Tensor, classes: int, ignore_index: int) -> None:
    array = target._array
    if isinstance(array, np.ndarray) and target.dtype.category == dtypes.INT:
        wrong = array[((array < 0) | (array >= classes)) & (array != ignore_index)]
        if wrong.size:
            raise DimensionError(f"Target {wrong.flat[0]} is out of bounds.")


@autocasting("float32")
def multi_margin_loss(input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None,
                      size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> Tensor:
    """Σ max(0, margin - input[target] + input[i])ᵖ over the other classes i, divided by the number of classes, reduced.

    The classes are in the last dimension. A sample counts with the `weight` of its class.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if p not in (1, 2):
        raise FunctionalError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise FunctionalError("weight must be one-dimensional")
    scores, rows = _rows(input), target.reshape(-1)  # type: ignore[attr-defined]
    if scores.ndim != 2 or len(rows) != len(scores) or target.ndim > 1:
        raise ShapeError(f"inconsistent target size: target tensor should be 1-D with size equal to the batch size of "
                         f"the input. Expected target size {list(input.shape[:-1])} but got {list(target.shape)}")
    classes = scores.shape[1]
    _check_classes(rows, classes, 0)
    place = rows.unsqueeze(1)
    short: Any = (margin - scores.gather(1, place) + scores).clamp_min(0.0)
    each = (short if p == 1 else short * short) * (1 if weight is None else weight[place])
    each = where(place == arange(classes), 0.0, each).sum(1) / classes  # type: ignore
    return loss.reduced(each if input.ndim > 1 else each.squeeze(0), reduction)


@autocasting("float32")
def multilabel_margin_loss(input: Tensor, target: Tensor, size_average: bool | None = None,
                           reduce: bool | None = None, reduction: str = "mean") -> Tensor:
    """Σ max(0, 1 - input[y] + input[i]) over the labels y and the other classes i, by the number of classes, reduced.

    The labels of a sample are its targets in front of the first -1.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if input.shape != target.shape or input.ndim > 2:
        raise ShapeError(f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}")
    scores, labels = _rows(input), _rows(target)
    classes = scores.shape[1]
    _check_classes(labels, classes, -1)
    given = (labels < 0).cumsum(1) == 0
    place = where(given, labels, 0)
    chosen: Any = ((place.unsqueeze(2) == arange(classes)) & given.unsqueeze(2)).any(1)  # type: ignore
    short = (1 - scores.gather(1, place).unsqueeze(2) + scores.unsqueeze(1)).clamp_min(0.0)
    each = where(given.unsqueeze(2) & ~chosen.unsqueeze(1), short, 0.0).sum((1, 2)) / classes  # type: ignore
    return loss.reduced(each if input.ndim > 1 else each.squeeze(0), reduction)


def _rows(x: Tensor) -> Any:
    """x as a matrix with a row for each sample."""
    return x if x.ndim > 1 else x.reshape(1, -1)  # type: ignore[attr-defined]
