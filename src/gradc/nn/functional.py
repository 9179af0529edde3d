"""Layers, activations and losses as functions, under torch.nn.functional's names and signatures.

The mathematics is in ops/; here are only PyTorch's arguments, warnings and rarely used options.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.apply import write
from gradc.dtypes import dtype
from gradc.errors import DimensionError, GradcError, ShapeError
from gradc.ops import activation, gathering, linear_algebra, loss, random
from gradc.ops.arithmetic import where
from gradc.tensor import Tensor


class FunctionalError(GradcError, ValueError):
    """An argument that has no meaning here."""


# Layers


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias."""
    return linear_algebra.linear(input, weight, bias)  # type: ignore[no-any-return]


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`input` with each element zero with probability p and else divided by 1 - p; `input` itself if not training."""
    return random.dropout(input, p, training, inplace)


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
              norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:
    """The rows of `weight` at the integers `input`; the row `padding_idx` gets no gradient.

    Gradients are dense, also with `sparse`. Raises FunctionalError for `max_norm` and `scale_grad_by_freq`.
    """
    if max_norm is not None or scale_grad_by_freq:
        raise FunctionalError("embedding: max_norm and scale_grad_by_freq are not supported")
    rows: Tensor = gathering.embedding(input, weight)
    if padding_idx is None:
        return rows
    padded = (input == padding_row(padding_idx, weight.shape[0])).unsqueeze(-1)  # type: ignore[attr-defined]
    return where(padded, rows.detach(), rows)  # type: ignore[attr-defined, no-any-return]


def padding_row(padding_idx: int, count: int) -> int:
    """`padding_idx` counted from the front of `count` rows."""
    if not -count <= padding_idx < count:
        raise PaddingError("Padding_idx must be within num_embeddings")
    return padding_idx % count


class PaddingError(GradcError, AssertionError):
    """A padding row that an embedding does not have."""


def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """1 at the position that each integer names, 0 elsewhere, along a new last dimension."""
    return gathering.one_hot(input, num_classes)  # type: ignore[no-any-return]


# Activations


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """`input` where positive, else 0."""
    return input.relu_() if inplace else activation.relu(input)  # type: ignore[attr-defined, no-any-return]


def relu_(input: Tensor) -> Tensor:
    """relu, written into `input`."""
    return input.relu_()  # type: ignore[attr-defined, no-any-return]


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """`input` limited to [0, 6]."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """`input` limited to [min_val, max_val]."""
    return _placed(input, activation.hardtanh(input, min_val, max_val), inplace, "hardtanh_")


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`input` where positive, else alpha · (exp(input) - 1)."""
    return _placed(input, activation.elu(input, alpha), inplace, "elu_")


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """`input` where positive, else negative_slope · input."""
    return _placed(input, activation.leaky_relu(input, negative_slope), inplace, "leaky_relu_")


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """input · sigmoid(input)."""
    return _placed(input, activation.silu(input), inplace, "silu_")


def _placed(input: Tensor, result: Tensor, inplace: bool, name: str) -> Tensor:
    return write(input, result, name) if inplace else result


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """input · Φ(input), Φ the normal distribution function; approximate="tanh" for the approximation by tanh."""
    return activation.gelu(input, approximate)  # type: ignore[no-any-return]


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta · input)) / beta. It needs no threshold: it never overflows."""
    return activation.softplus(input, beta, threshold)  # type: ignore[no-any-return]


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(input))."""
    return activation.logsigmoid(input)  # type: ignore[no-any-return]


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-input))."""
    return activation.sigmoid(input)  # type: ignore[no-any-return]


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return input.tanh()  # type: ignore[attr-defined, no-any-return]


def softsign(input: Tensor) -> Tensor:
    """input / (1 + |input|)."""
    return input / (input.abs() + 1)  # type: ignore[attr-defined, operator, no-any-return]


def tanhshrink(input: Tensor) -> Tensor:
    """input - tanh(input)."""
    return input - input.tanh()  # type: ignore[attr-defined, operator, no-any-return]


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None) -> Tensor:
    """exp(input) / Σ exp(input) along `dim`."""
    return activation.softmax(input, _chosen_dim("softmax", input, dim, _stacklevel), dtype=dtype)  # type: ignore


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None) -> Tensor:
    """softmax(-input) along `dim`."""
    return activation.softmax(-input, _chosen_dim("softmin", input, dim, _stacklevel), dtype=dtype)  # type: ignore


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None) -> Tensor:
    """log(softmax(input)) along `dim`."""
    return activation.log_softmax(input, _chosen_dim("log_softmax", input, dim, _stacklevel),  # type: ignore
                                  dtype=dtype)


def _chosen_dim(name: str, input: Tensor, dim: int | None, stacklevel: int) -> int:
    if dim is not None:
        return dim
    warnings.warn(f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an "
                  f"argument.", UserWarning, stacklevel=stacklevel)
    return 0 if input.ndim in (0, 1, 3) else 1


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """`input` divided by its p-norm along `dim`, which counts as at least eps."""
    return input / input.norm(p, dim, keepdim=True).clamp_min(eps)  # type: ignore[attr-defined, operator, no-any-return]


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along `dim`, whose lengths count as at least eps."""
    return (normalize(x1, 2.0, dim, eps) * normalize(x2, 2.0, dim, eps)).sum(dim)  # type: ignore


# Losses of a prediction and a target of the same shape


def chosen_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction that PyTorch's old flags mean, if they are given; checked."""
    if size_average is not None or reduce is not None:
        reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
        warnings.warn(f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
                      UserWarning, stacklevel=3)
    if reduction not in ("mean", "sum", "none"):
        raise FunctionalError(f"{reduction} is not a valid value for reduction")
    return reduction


def _check_sizes(input: Tensor, target: Tensor) -> None:
    if target._array.shape != input._array.shape:
        warnings.warn(f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This "
                      f"will likely lead to incorrect results due to broadcasting. Please ensure they have the same "
                      f"size.", UserWarning, stacklevel=3)


def _weighted(each: Tensor, weight: Tensor | None, reduction: str, total: Any = None) -> Tensor:
    """Losses times weights, reduced; the mean divides by `total` if it is given."""
    each = each if weight is None else each * weight  # type: ignore[operator]
    if reduction == "mean" and total is not None:
        return each.sum() / total  # type: ignore[attr-defined, no-any-return]
    return loss.reduced(each, reduction)


def mse_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
             reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """(input - target)², reduced. Weights are normalised: their mean divides by their sum."""
    _check_sizes(input, target)
    reduction = chosen_reduction(size_average, reduce, reduction)
    if weight is None:
        return loss.mse_loss(input, target, reduction=reduction)  # type: ignore[no-any-return]
    return _weighted(loss.mse_loss(input, target, reduction="none"), weight, reduction, weight.sum())  # type: ignore


def l1_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
            reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """|input - target|, reduced. Weights are normalised: their mean divides by their sum."""
    _check_sizes(input, target)
    reduction = chosen_reduction(size_average, reduce, reduction)
    if weight is None:
        return loss.l1_loss(input, target, reduction=reduction)  # type: ignore[no-any-return]
    return _weighted(loss.l1_loss(input, target, reduction="none"), weight, reduction, weight.sum())  # type: ignore


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


def binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None,
                         size_average: bool | None = None, reduce: bool | None = None,
                         reduction: str = "mean") -> Tensor:
    """-(target · log(input) + (1 - target) · log(1 - input)) of probabilities, in nats, reduced."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    if target._array.shape != input._array.shape:
        raise ShapeError(f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is "
                         f"deprecated. Please ensure they have the same size.")
    if weight is None:
        return loss.binary_cross_entropy(input, target, reduction=reduction)  # type: ignore[no-any-return]
    return _weighted(loss.binary_cross_entropy(input, target, reduction="none"), weight, reduction)


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Tensor | None = None,
                                     size_average: bool | None = None, reduce: bool | None = None,
                                     reduction: str = "mean", pos_weight: Tensor | None = None) -> Tensor:
    """binary_cross_entropy of sigmoid(input), without its rounding errors.

    `pos_weight` multiplies the part of positive targets.
    """
    return loss.binary_cross_entropy_with_logits(  # type: ignore[no-any-return]
        input, target, weight, reduction=chosen_reduction(size_average, reduce, reduction), pos_weight=pos_weight)


# Losses of scores for classes


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
        raise FunctionalError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    dim = 1 if input.ndim > 1 else 0
    if target.dtype.is_floating_point and target._array.shape == input._array.shape:
        classes = input.shape[dim]
        goal = target * (1 - label_smoothing) + label_smoothing / classes  # type: ignore[operator]
        scores = activation.log_softmax(input, dim) * _over_classes(weight, input, dim)
        each = -(scores * goal).sum(dim)
        return _weighted(each, None, reduction, math.prod(input.shape) // classes)
    if weight is None and not label_smoothing:
        return loss.cross_entropy(input, target, ignore_index=ignore_index, reduction=reduction)  # type: ignore
    scores = activation.log_softmax(input, dim)
    return _classified(scores, target, weight, ignore_index, reduction, label_smoothing)


def _classified(scores: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str,
                smoothing: float) -> Tensor:
    """nll_loss with weights for the classes and label smoothing."""
    loss.nll_loss.infer(scores, target, ignore_index=ignore_index, reduction=reduction)  # raises where they do not fit
    dim = 1 if scores.ndim > 1 else 0
    classes = scores.shape[dim]
    _check_classes(target, classes, ignore_index)
    kept = target != ignore_index  # type: ignore[operator]
    place = where(kept, target, 0)
    share: Tensor = kept.to(scores.dtype) if weight is None else where(kept, weight[place], 0.0)  # type: ignore
    each = -scores.gather(dim, place.unsqueeze(dim)).squeeze(dim) * share  # type: ignore[attr-defined]
    if smoothing:
        all_classes = where(kept, -(scores * _over_classes(weight, scores, dim)).sum(dim), 0.0)
        each = each * (1 - smoothing) + all_classes * (smoothing / classes)
    return _weighted(each, None, reduction, share.sum())  # type: ignore[attr-defined]


def _over_classes(weight: Tensor | None, scores: Tensor, dim: int) -> Any:
    """The weights of the classes, to be multiplied with scores; 1 if there are none."""
    return 1 if weight is None else weight.reshape(-1, *[1] * (scores.ndim - 1 - dim))  # type: ignore[attr-defined]


def _check_classes(target: Tensor, classes: int, ignore_index: int) -> None:
    array = target._array
    if isinstance(array, np.ndarray) and target.dtype.category == dtypes.INT:
        wrong = array[((array < 0) | (array >= classes)) & (array != ignore_index)]
        if wrong.size:
            raise DimensionError(f"Target {wrong.flat[0]} is out of bounds.")
