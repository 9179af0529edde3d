"""Signal processing, as torch.signal."""

from gradc.signal import windows

__all__ = ["windows"]
