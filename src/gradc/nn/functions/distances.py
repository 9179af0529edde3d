"""Lengths, angles and distances of vectors, and losses of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradc.apply import autocasting
from gradc.errors import ShapeError
from gradc.inplace import into
from gradc.nn.functions.reduction import FunctionalError, chosen_reduction
from gradc.ops import loss
from gradc.ops.angles import cosine_similarity, pairwise_distance
from gradc.ops.arithmetic import minimum, where
from gradc.ops.distances import pdist
from gradc.tensor import Tensor

__all__ = [
    "cosine_embedding_loss", "cosine_similarity", "hinge_embedding_loss", "margin_ranking_loss", "normalize",
    "pairwise_distance", "pdist", "triplet_margin_loss", "triplet_margin_with_distance_loss",
]


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None) -> Tensor:
    """`input` divided by its p-norm along `dim`, which counts as at least eps."""
    found: Any = input / input.norm(p, dim, keepdim=True).clamp_min(eps)  # type: ignore[attr-defined, operator]
    return found if out is None else into(out, found, "normalize")


@autocasting("float32")
def cosine_embedding_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0,
                          size_average: bool | None = None, reduce: bool | None = None,
                          reduction: str = "mean") -> Tensor:
    """1 - cos for targets 1, max(0, cos - margin) for targets -1, of pairs of vectors, reduced."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    if target.ndim != input1.ndim - 1 or input1.ndim != input2.ndim or target.ndim > 1:
        raise ShapeError(f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs "
                         f"with sizes {list(input1.shape)} and {list(input2.shape)}.")
    x, y = input1, input2
    squares: Any = ((x * x).sum(-1) + 1e-12) * ((y * y).sum(-1) + 1e-12)  # type: ignore
    cosine = (x * y).sum(-1) / squares.sqrt()  # type: ignore
    each = where(target == 1, 1 - cosine, where(target == -1, (cosine - margin).clamp_min(0.0), 0.0))  # type: ignore
    return loss.reduced(each, reduction)


@autocasting("float32")
def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, size_average: bool | None = None,
                         reduce: bool | None = None, reduction: str = "mean") -> Tensor:
    """`input` for targets 1, max(0, margin - input) for targets -1, reduced."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    near: Any = where(target != -1, input, 0.0)  # type: ignore[operator]
    far: Any = where(target != 1, (margin - input).clamp_min(0.0), 0.0)  # type: ignore[operator]
    return loss.reduced(near + far, reduction)


@autocasting("float32")
def margin_ranking_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0,
                        size_average: bool | None = None, reduce: bool | None = None,
                        reduction: str = "mean") -> Tensor:
    """max(0, margin - target · (input1 - input2)) for targets ±1, reduced."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise ShapeError(f"margin_ranking_loss : All input tensors should have same dimension but got sizes: "
                              f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} ")
    return loss.reduced((margin - target * (input1 - input2)).clamp_min(0.0), reduction)  # type: ignore[operator]


@autocasting("float32")
def triplet_margin_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2,
                        eps: float = 1e-6, swap: bool = False, size_average: bool | None = None,
                        reduce: bool | None = None, reduction: str = "mean") -> Tensor:
    """max(0, |anchor - positive| - |anchor - negative| + margin) in p-norms, reduced.

    With `swap` the negative may be nearer to the positive than to the anchor, which then counts.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    return triplet_margin_with_distance_loss(
        anchor, positive, negative, distance_function=lambda x, y: pairwise_distance(x, y, p, eps), margin=margin,
        swap=swap, reduction=reduction)


def triplet_margin_with_distance_loss(
        anchor: Tensor, positive: Tensor, negative: Tensor, *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None, margin: float = 1.0, swap: bool = False,
        reduction: str = "mean") -> Tensor:
    """triplet_margin_loss with any distance."""
    chosen_reduction(None, None, reduction)
    if margin <= 0:
        raise FunctionalError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise ShapeError(f"The anchor, positive, and negative tensors are expected to have the same number of "
                              f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
                              f"{negative.ndim}D inputs")
    distance = distance_function or pairwise_distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return loss.reduced((margin + near - far).clamp_min(0.0), reduction)  # type: ignore
