"""Mixed precision under its old names, as torch.cpu.amp."""

from __future__ import annotations

from typing import Any

from gradc import amp, dtypes

__all__ = ["GradScaler", "autocast"]


class autocast(amp.autocast):
    """gradc.amp.autocast for "cpu": products in bfloat16 unless another dtype is given."""

    def __init__(self, enabled: bool = True, dtype: Any = dtypes.bfloat16, cache_enabled: bool = True) -> None:
        super().__init__("cpu", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """gradc.amp.GradScaler for "cpu"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("cpu", *args, **kwargs)
