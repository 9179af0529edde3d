"""Linear layers, dropout and one-hot vectors."""

from __future__ import annotations

from typing import Any

from gradc.errors import ShapeError
from gradc.ops import gathering, linear_algebra, random
from gradc.tensor import Tensor

__all__ = ["bilinear", "dropout", "linear", "one_hot"]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias."""
    return linear_algebra.linear(input, weight, bias)  # type: ignore[no-any-return]


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input1 @ weight[k] @ input2 + bias[k] for each output k, in the last dimension."""
    x, y = input1, input2
    if x.shape[:-1] != y.shape[:-1]:
        raise ShapeError(f"bilinear(): input dimensions do not match: got {list(x.shape)} and {list(y.shape)}")
    if weight.ndim != 3 or weight.shape[1:] != (x.shape[-1], y.shape[-1]):
        raise ShapeError(f"bilinear(): input1 {list(x.shape)} and input2 {list(y.shape)} do not fit the weight "
                         f"{list(weight.shape)}")
    outputs, first, second = weight.shape
    left: Any = x @ weight.permute(1, 0, 2).reshape(first, outputs * second)  # type: ignore
    found = (left.reshape(*x.shape[:-1], outputs, second) @ y.unsqueeze(-1)).squeeze(-1)  # type: ignore
    return found if bias is None else found + bias  # type: ignore[no-any-return]


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`input` with each element zero with probability p and else divided by 1 - p; `input` itself if not training."""
    return random.dropout(input, p, training, inplace)


def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """1 at the position that each integer names, 0 elsewhere, along a new last dimension."""
    return gathering.one_hot(input, num_classes)  # type: ignore[no-any-return]
