"""Losses of a prediction and a target of the same shape."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from gradc.apply import autocasting
from gradc.errors import ShapeError
from gradc.nn.functions.reduction import FunctionalError, chosen_reduction, weighted
from gradc.ops import activation, loss
from gradc.ops.arithmetic import where
from gradc.tensor import Tensor

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "gaussian_nll_loss", "huber_loss", "kl_div", "l1_loss",
    "mse_loss", "multilabel_soft_margin_loss", "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss",
]


def _check_sizes(input: Tensor, target: Tensor) -> None:
    if target.shape != input.shape:
        warnings.warn(f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This "
                      f"will likely lead to incorrect results due to broadcasting. Please ensure they have the same "
                      f"size.", UserWarning, stacklevel=3)


def mse_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
             reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """(input - target)², reduced. Weights are normalised: their mean divides by their sum."""
    _check_sizes(input, target)
    reduction = chosen_reduction(size_average, reduce, reduction)
    if weight is None:
        return loss.mse_loss(input, target, reduction=reduction)  # type: ignore[no-any-return]
    return weighted(loss.mse_loss(input, target, reduction="none"), weight, reduction, weight.sum())  # type: ignore


def l1_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
            reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """|input - target|, reduced. Weights are normalised: their mean divides by their sum."""
    _check_sizes(input, target)
    reduction = chosen_reduction(size_average, reduce, reduction)
    if weight is None:
        return loss.l1_loss(input, target, reduction=reduction)  # type: ignore[no-any-return]
    return weighted(loss.l1_loss(input, target, reduction="none"), weight, reduction, weight.sum())  # type: ignore


def smooth_l1_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
                   reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """½ (input - target)² / beta where |input - target| < beta, else |input - target| - ½ beta, reduced."""
    _check_sizes(input, target)
    reduction = chosen_reduction(size_average, reduce, reduction)
    if beta < 0:
        raise FunctionalError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return loss.l1_loss(input, target, reduction=reduction)  # type: ignore[no-any-return]
    return loss.smooth_l1_loss(input, target, beta=beta, reduction=reduction)  # type: ignore[no-any-return]


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0,
               weight: Tensor | None = None) -> Tensor:
    """½ (input - target)² where |input - target| < delta, else delta · (|input - target| - ½ delta), reduced."""
    _check_sizes(input, target)
    chosen_reduction(None, None, reduction)
    if delta <= 0:
        raise FunctionalError("huber_loss does not support non-positive values for delta.")
    if weight is None:
        return loss.huber_loss(input, target, reduction, delta)  # type: ignore[no-any-return]
    if weight.shape != input.shape:
        raise FunctionalError("Weights and input must have the same size.")
    return weighted(loss.huber_loss(input, target, "none", delta), weight, reduction)


def kl_div(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
           reduction: str = "mean", log_target: bool = False) -> Tensor:
    """target · (log(target) - input) of log-probabilities `input`, in nats, reduced; 0 · log(0) is 0.

    "batchmean" is the divergence: the sum divided by the size of the first dimension.
    """
    if reduction != "batchmean":
        old = size_average is not None or reduce is not None
        reduction = chosen_reduction(size_average, reduce, reduction)
        if reduction == "mean" and not old:
            warnings.warn("reduction: 'mean' divides the total loss by both the batch size and the support size."
                          "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
                          "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
                          UserWarning, stacklevel=2)
    return loss.kl_div(input, target, reduction, log_target)


@autocasting("float32")
def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool = True, full: bool = False,
                     size_average: bool | None = None, eps: float = 1e-8, reduce: bool | None = None,
                     reduction: str = "mean") -> Tensor:
    """The negative log-likelihood of counts `target` of rate `input`, or exp(input) with `log_input`, reduced.

    Only with `full` it has log(target!), by Stirling's formula where target > 1.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    x, y, zero = input, target, 0.0
    each: Any = x.exp() - y * x if log_input else x - y * (x + eps).log()  # type: ignore
    if full:
        counts: Any = where(y > 1, y, 1.0)  # type: ignore[operator]
        each = each + where(y > 1, counts * counts.log() - counts + 0.5 * (2 * math.pi * counts).log(), zero)  # type: ignore
    return loss.reduced(each, reduction)


def gaussian_nll_loss(input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-6,
                      reduction: str = "mean") -> Tensor:
    """½ (log(var) + (input - target)² / var), reduced, where var counts as at least eps; `full` adds ½ log(2π)."""
    chosen_reduction(None, None, reduction)
    if not isinstance(var, Tensor):
        var = input.detach().new_full(input.shape, var)  # type: ignore[attr-defined]
    elif isinstance(var._array, np.ndarray) and (var._array < 0).any():
        raise FunctionalError("var has negative entry/entries")
    if var.shape != input.shape:
        differing = [a for a, b in zip(var.shape, input.shape, strict=False) if a != b]
        if var.shape == input.shape[:-1]:
            var = var.unsqueeze(-1)
        elif var.ndim != input.ndim or differing != [1]:
            raise FunctionalError("var is of incorrect size")
    limited: Any = var + (var.detach().clamp_min(eps) - var.detach())  # its gradient does not know of the limit
    limited = where(var > eps, var, limited)
    each = 0.5 * (limited.log() + (input - target) ** 2 / limited)  # type: ignore[operator]
    return loss.reduced(each + 0.5 * math.log(2 * math.pi) if full else each, reduction)


@autocasting("float32")
def soft_margin_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
                     reduction: str = "mean") -> Tensor:
    """log(1 + exp(-target · input)) for targets ±1, reduced."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    return loss.reduced(activation.softplus(-target * input), reduction)  # type: ignore[operator]


def multilabel_soft_margin_loss(input: Tensor, target: Tensor, weight: Tensor | None = None,
                                size_average: bool | None = None, reduce: bool | None = None,
                                reduction: str = "mean") -> Tensor:
    """binary_cross_entropy_with_logits, averaged over the last dimension, the classes, then reduced."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    each: Any = binary_cross_entropy_with_logits(input, target, weight, reduction="none")
    return loss.reduced(each.mean(-1), reduction)


def binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None,
                         size_average: bool | None = None, reduce: bool | None = None,
                         reduction: str = "mean") -> Tensor:
    """-(target · log(input) + (1 - target) · log(1 - input)) of probabilities, in nats, reduced."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    if target.shape != input.shape:
        raise ShapeError(f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is "
                         f"deprecated. Please ensure they have the same size.")
    if weight is None:
        return loss.binary_cross_entropy(input, target, reduction=reduction)  # type: ignore[no-any-return]
    return weighted(loss.binary_cross_entropy(input, target, reduction="none"), weight, reduction)


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Tensor | None = None,
                                     size_average: bool | None = None, reduce: bool | None = None,
                                     reduction: str = "mean", pos_weight: Tensor | None = None) -> Tensor:
    """binary_cross_entropy of sigmoid(input), without its rounding errors.

    `pos_weight` multiplies the part of positive targets.
    """
    return loss.binary_cross_entropy_with_logits(  # type: ignore[no-any-return]
        input, target, weight, reduction=chosen_reduction(size_average, reduce, reduction), pos_weight=pos_weight)
