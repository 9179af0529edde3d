"""PyTorch's questions about whatever accelerator there is: eager tensors live on the host, so there is none."""

from __future__ import annotations

from typing import Any

from gradc.devices import refused

__all__ = ["current_accelerator", "device_count", "is_available", "synchronize"]


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """None at all."""
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """None."""


def synchronize(device: Any = None) -> None:
    """Raises PyTorch's error of a machine without an accelerator."""
    raise refused("accelerator")
