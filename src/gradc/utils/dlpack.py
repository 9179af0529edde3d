"""Memory exchanged through DLPack, as torch.utils.dlpack."""

from __future__ import annotations

from gradc.ops.interchange import DLDeviceType, from_dlpack, to_dlpack

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]
