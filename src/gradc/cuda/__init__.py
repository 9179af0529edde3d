"""PyTorch's module of the accelerator that there is not: what asks is answered, what needs one is refused.

gradc's eager tensors live on the host; compiled functions run on the accelerator that JAX finds.
"""

from __future__ import annotations

from typing import Any

from gradc.cuda import amp
from gradc.devices import refused

__all__ = ["amp", "current_device", "device_count", "empty_cache", "get_device_capability", "get_device_name",
           "get_device_properties", "init", "ipc_collect", "is_available", "is_bf16_supported", "is_initialized",
           "manual_seed", "manual_seed_all", "max_memory_allocated", "max_memory_reserved", "memory_allocated",
           "memory_reserved", "reset_peak_memory_stats", "seed", "seed_all", "set_device", "synchronize"]


def is_available() -> bool:
    """False: eager tensors cannot be there."""
    return False


def is_initialized() -> bool:
    """False, as is_available."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False, as is_available."""
    return False


def device_count() -> int:
    """None at all."""
    return 0


def _nothing(name: str) -> Any:
    def function(*args: Any, **kwargs: Any) -> None:
        pass

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Nothing: as torch.cuda.{name} without CUDA, so that programs may call it."
    return function


def _zero(name: str) -> Any:
    def function(device: Any = None) -> int:
        return 0

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"0: as torch.cuda.{name} without CUDA."
    return function


def _refused(name: str) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        raise refused("cuda")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Raises PyTorch's error of torch.cuda.{name} without CUDA."
    return function


empty_cache, ipc_collect, reset_peak_memory_stats = map(
    _nothing, ("empty_cache", "ipc_collect", "reset_peak_memory_stats"))
manual_seed, manual_seed_all, seed, seed_all = map(_nothing, ("manual_seed", "manual_seed_all", "seed", "seed_all"))
memory_allocated, memory_reserved, max_memory_allocated, max_memory_reserved = map(
    _zero, ("memory_allocated", "memory_reserved", "max_memory_allocated", "max_memory_reserved"))
init, synchronize, current_device, set_device = map(_refused, ("init", "synchronize", "current_device", "set_device"))
get_device_name, get_device_properties, get_device_capability = map(
    _refused, ("get_device_name", "get_device_properties", "get_device_capability"))
