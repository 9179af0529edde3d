"""Parameters, and what PyTorch's messages call the classes of things."""

from __future__ import annotations

from typing import Any

from gradc import dtypes
from gradc.tensor import Parameter, Tensor

__all__ = ["Parameter", "typename"]


def typename(x: Any) -> str:
    """The name of x's class as PyTorch writes it: `torch.FloatTensor` for a tensor, `collections.OrderedDict`, `int`."""
    if isinstance(x, Tensor):
        return f"torch.{dtypes.TITLES[x.dtype]}Tensor"
    kind = type(x)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
