"""What libraries call of torch.fx when they are imported: gradc traces by running, so nothing needs to be wrapped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["wrap"]


def wrap(fn_or_name: str | Callable[..., Any]) -> str | Callable[..., Any]:
    """The function, or its name, as it is: PyTorch's symbolic tracer would not look inside."""
    return fn_or_name
