"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from gradc.errors import ShapeError
from gradc.locations import here, quote
from gradc.ops.joining import cat
from gradc.tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The parameters, one behind the other, as one vector."""
    return cat([p.reshape(-1) for p in parameters])  # type: ignore[attr-defined, no-any-return]


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give the parameters the values of a vector that parameters_to_vector made."""
    found = list(parameters)
    wanted = sum(p.numel() for p in found)
    if vec.numel() < wanted:
        raise ShapeError(f"vector_to_parameters: {wanted} elements are wanted, the vector has {vec.numel()}"
                         f"{quote(here())}")
    start = 0
    for p in found:
        p.data = vec[start : start + p.numel()].view_as(p).data  # type: ignore[index]
        start += p.numel()
