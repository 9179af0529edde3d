"""How losses are reduced, and what their arguments may be."""

from __future__ import annotations

import warnings
from typing import Any

from gradc.errors import GradcError
from gradc.ops import loss
from gradc.tensor import Tensor


class FunctionalError(GradcError, RuntimeError, ValueError):
    """An argument that has no meaning here."""


def chosen_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction that PyTorch's old flags mean, if they are given; checked."""
    if size_average is not None or reduce is not None:
        reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
        warnings.warn(f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
                      UserWarning, stacklevel=3)
    if reduction not in ("mean", "sum", "none"):
        raise FunctionalError(f"{reduction} is not a valid value for reduction")
    return reduction


def weighted(each: Tensor, weight: Tensor | None, reduction: str, total: Any = None) -> Tensor:
    """Losses times weights, reduced; the mean divides by `total` if it is given."""
    each = each if weight is None else each * weight  # type: ignore[operator]
    if reduction == "mean" and total is not None:
        return each.sum() / total  # type: ignore[attr-defined, no-any-return]
    return loss.reduced(each, reduction)
