"""torch.onnx, as far as models ask it: nothing is exported. gradc.compile(f).code is a program without gradc."""

from __future__ import annotations

__all__ = ["is_in_onnx_export"]


def is_in_onnx_export() -> bool:
    """False: gradc exports no ONNX."""
    return False
