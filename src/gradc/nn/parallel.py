"""torch.nn.parallel on one device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc.nn.module import Module, ModuleError

__all__ = ["DataParallel"]


class DataParallel(Module):
    """A module behind the name `module`, as torch.nn.DataParallel on a machine without GPUs: it calls it."""

    def __init__(self, module: Module, device_ids: Sequence[Any] | None = None, output_device: Any = None,
                 dim: int = 0) -> None:
        super().__init__()
        self.dim, self.module = dim, module
        self.device_ids: list[Any] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """What the module returns."""
        return self.module(*inputs, **kwargs)


class DistributedDataParallel(Module):
    """Programs import it for runs in several processes; making one raises ModuleError."""

    refused = True

    def __init__(self, module: Module, *args: Any, **kwargs: Any) -> None:
        raise ModuleError("DistributedDataParallel: gradc runs in one process. Use the module itself.")
