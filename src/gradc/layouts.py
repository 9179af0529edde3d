"""How tensors lie in memory, by PyTorch's names. gradc's are strided, in any order of strides."""

from __future__ import annotations

from typing import Any


class _Named:
    """A constant that prints as PyTorch's."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> Any:
        return self.name  # pickled as the global of this module


class layout(_Named):
    """A kind of memory, as torch.layout."""


class memory_format(_Named):
    """An order of dimensions in memory, as torch.memory_format; accepted where PyTorch takes one, without effect."""


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
