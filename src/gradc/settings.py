"""PyTorch's switches that have no meaning here, remembered so that programs can set and read them."""

from __future__ import annotations

import os
from typing import Any

from gradc.errors import CallError

__all__ = ["get_float32_matmul_precision", "get_num_interop_threads", "get_num_threads", "is_warn_always_enabled",
           "set_float32_matmul_precision",
           "set_flush_denormal", "set_num_interop_threads", "set_num_threads", "set_warn_always"]


class SettingError(CallError, ValueError, TypeError):
    """A value that a switch does not have."""


_values: dict[str, Any] = {"threads": os.cpu_count() or 1, "interop": os.cpu_count() or 1, "precision": "highest",
                           "warn": False}


def _threads(name: str, count: Any) -> int:
    if not isinstance(count, int) or isinstance(count, bool):
        raise SettingError(f"{name} expects an int, but got {type(count).__name__}")
    if count < 1:
        raise SettingError(f"{name} expects a positive integer, got {count}")
    return count


def set_num_threads(count: int) -> None:
    """Remembers a number. NumPy and XLA choose theirs when they start: set OMP_NUM_THREADS before."""
    _values["threads"] = _threads("set_num_threads", count)


def get_num_threads() -> int:
    """The number last set; that of the processors before."""
    return int(_values["threads"])


def set_num_interop_threads(count: int) -> None:
    """Remembers a number, as set_num_threads."""
    _values["interop"] = _threads("set_num_interop_threads", count)


def get_num_interop_threads() -> int:
    """The number last set; that of the processors before."""
    return int(_values["interop"])


def set_float32_matmul_precision(precision: str) -> None:
    """Remembers "highest", "high" or "medium". On the CPU float32 is multiplied in float32, as in PyTorch."""
    if precision not in ("highest", "high", "medium"):
        raise SettingError(f"Invalid precision {precision!r}: it is one of highest, high, medium")
    _values["precision"] = precision


def get_float32_matmul_precision() -> str:
    """The precision last set; "highest" before."""
    return str(_values["precision"])


def set_flush_denormal(mode: bool) -> bool:
    """Returns False, PyTorch's answer where this is not supported: numbers below the smallest normal one are kept."""
    return False


def set_warn_always(mode: bool) -> None:
    """Remembers whether warnings that PyTorch shows once are to be shown each time."""
    _values["warn"] = bool(mode)


def is_warn_always_enabled() -> bool:
    """What set_warn_always was last given."""
    return bool(_values["warn"])
