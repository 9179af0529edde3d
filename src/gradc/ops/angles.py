"""Angles and distances between the vectors of two tensors, pair by pair."""

from __future__ import annotations

from gradc.ops.grids import broadcast_tensors
from gradc.ops.norms import norm
from gradc.ops.reduction import sum
from gradc.tensor import Tensor

__all__ = ["cosine_similarity", "pairwise_distance"]


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along `dim`, whose lengths count as at least eps."""
    x1, x2 = broadcast_tensors(x1, x2)  # before the lengths: `dim` itself may be broadcast
    first = x1 / norm(x1, 2, dim, True).clamp_min(eps)  # type: ignore[attr-defined, operator]
    second = x2 / norm(x2, 2, dim, True).clamp_min(eps)  # type: ignore[attr-defined, operator]
    return sum(first * second, dim)  # type: ignore[no-any-return]


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last dimension."""
    return norm(x1 - x2 + eps, p, -1, keepdim)  # type: ignore[operator]
