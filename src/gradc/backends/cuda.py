"""PyTorch's switches of CUDA, which programs set and gradc does not have; they are remembered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

matmul = SimpleNamespace(allow_tf32=False, allow_fp16_reduced_precision_reduction=True,
                         allow_bf16_reduced_precision_reduction=True)
_kernels = {"flash": True, "mem_efficient": True, "math": True}


def is_built() -> bool:
    """False: there is no CUDA."""
    return False


def flash_sdp_enabled() -> bool:
    """What enable_flash_sdp was last given."""
    return _kernels["flash"]


def mem_efficient_sdp_enabled() -> bool:
    """What enable_mem_efficient_sdp was last given."""
    return _kernels["mem_efficient"]


def math_sdp_enabled() -> bool:
    """What enable_math_sdp was last given."""
    return _kernels["math"]


def enable_flash_sdp(enabled: bool) -> None:
    """Remembers a switch of attention on CUDA."""
    _kernels["flash"] = enabled


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Remembers a switch of attention on CUDA."""
    _kernels["mem_efficient"] = enabled


def enable_math_sdp(enabled: bool) -> None:
    """Remembers a switch of attention on CUDA."""
    _kernels["math"] = enabled


@contextmanager
def sdp_kernel(enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True,
               enable_cudnn: bool = True) -> Iterator[None]:
    """Remembers the switches of attention on CUDA inside the block."""
    before = dict(_kernels)
    _kernels.update(flash=enable_flash, mem_efficient=enable_mem_efficient, math=enable_math)
    try:
        yield
    finally:
        _kernels.update(before)
