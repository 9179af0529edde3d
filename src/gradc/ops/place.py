"""What a tensor says about where it is: in the memory of this process, always."""

from __future__ import annotations

from typing import Any

from gradc.devices import refused
from gradc.tensor import Tensor, host_array


def _cuda(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """Raises PyTorch's error of a machine without CUDA: eager tensors live on the host."""
    raise refused("cuda")


def _same(self: Tensor, device: Any = None) -> Tensor:
    """This tensor: its memory is the host's, where all threads see it."""
    return self


def _is_pinned(self: Tensor, device: Any = None) -> bool:
    """False: no memory is locked."""
    return False


def _is_shared(self: Tensor) -> bool:
    """False: other processes do not see the memory; threads do."""
    return False


def _get_device(self: Tensor) -> int:
    """-1, the number of the host."""
    return -1


def _data_ptr(self: Tensor) -> int:
    """The address of the first element. The memory stays there: compiled functions do not move it to the device."""
    array = self._address = host_array(self, "data_ptr()")
    return int(array.__array_interface__["data"][0])


for _name, _method in {"cuda": _cuda, "pin_memory": _same, "share_memory_": _same, "is_pinned": _is_pinned,
                       "is_shared": _is_shared, "get_device": _get_device, "data_ptr": _data_ptr}.items():
    setattr(Tensor, _name, _method)
for _name in ("is_cuda", "is_mps", "is_xpu", "is_meta", "is_sparse", "is_quantized", "is_mkldnn", "is_nested"):
    setattr(Tensor, _name, property(lambda self: False, doc="False: tensors are dense, and on the host."))
Tensor.is_cpu = property(lambda self: True, doc="True.")  # type: ignore[attr-defined]
