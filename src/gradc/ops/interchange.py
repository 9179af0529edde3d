"""Memory shared with others, without a copy: DLPack (PyTorch, JAX, CuPy), NumPy arrays and buffers.

What is written on one side is seen on the other. A write from outside changes no version counter: a backward that
needs what was overwritten cannot notice, as in PyTorch.
"""

from __future__ import annotations

import ctypes
import enum
import warnings
from typing import Any

import ml_dtypes
import numpy as np

from gradc import dtypes
from gradc.dtypes import dtype
from gradc.errors import ArgumentError, GradcError, GradError
from gradc.ops.creation import as_leaf, from_numpy, tensor
from gradc.tensor import Tensor, host_array, wrap

__all__ = ["asarray", "from_dlpack", "frombuffer"]


class ExportError(GradcError, BufferError):
    """A tensor whose memory cannot be given away."""


class BufferArgumentError(GradcError, ValueError):
    """A part of a buffer that is not there, or a copy that was not wanted."""


class DLDeviceType(enum.IntEnum):
    """DLPack's numbers of devices."""

    kDLCPU = 1
    kDLCUDA = 2
    kDLCUDAHost = 3


_CPU = (DLDeviceType.kDLCPU, 0)


def to_dlpack(x: Tensor, **options: Any) -> Any:
    """The memory of x as a DLPack capsule, which one reader may take; its history stays behind."""
    array = host_array(x, "to_dlpack()")
    if array.dtype != ml_dtypes.bfloat16:
        return array.__dlpack__(**options)
    capsule = array.view(np.uint16).__dlpack__(**options)  # NumPy does not know the type
    _element_type(capsule).code = _BFLOAT
    return capsule


def _dlpack(self: Tensor, *, stream: Any = None, max_version: tuple[int, int] | None = None,
            dl_device: tuple[int, int] | None = None, copy: bool | None = None) -> Any:
    """The memory as a DLPack capsule; what `other.from_dlpack(tensor)` calls."""
    if self.requires_grad:
        raise ExportError("Can't export tensors that require gradient, use tensor.detach()")
    if stream not in (None, -1):
        raise ExportError(f"__dlpack__: a tensor on the CPU has no stream, got {stream!r}")
    return to_dlpack(self, max_version=max_version, dl_device=dl_device, copy=copy)


def _dlpack_device(self: Tensor) -> tuple[DLDeviceType, int]:
    """The device that DLPack is to find the memory on."""
    return _CPU


Tensor.__dlpack__ = _dlpack  # type: ignore[attr-defined]
Tensor.__dlpack_device__ = _dlpack_device  # type: ignore[attr-defined]


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor over the memory of another library's array, or of a DLPack capsule, as torch.from_dlpack.

    Raises ArgumentError for what has no `__dlpack__`, and ExportError for memory that is not on the CPU. What
    another library marks as read-only cannot be written.
    """
    if type(ext_tensor).__name__ == "PyCapsule":
        capsule = ext_tensor
    elif not hasattr(ext_tensor, "__dlpack__"):
        raise ArgumentError(f"from_dlpack: expected an object with __dlpack__ or a DLPack capsule, got "
                            f"{type(ext_tensor).__name__}")
    else:
        where = ext_tensor.__dlpack_device__()
        if int(where[0]) != DLDeviceType.kDLCPU:
            raise ExportError(f"from_dlpack: the memory is on device {tuple(map(int, where))}, and gradc's tensors are "
                              f"on the CPU: copy it there first")
        capsule = _exported(ext_tensor)
    kind = _element_type(capsule)
    brain = kind.code == _BFLOAT and kind.bits == 16
    if brain:
        kind.code = _UNSIGNED
    array = np.from_dlpack(_Exchange(capsule))
    array = array.view(ml_dtypes.bfloat16) if brain else array
    dtypes.of(array.dtype)
    return as_leaf(wrap(array.copy() if copy else array), False, device)


def _exported(x: Any) -> Any:
    """The capsule of an object, of the newest kind that it has: only that says what is read-only."""
    try:
        return x.__dlpack__(max_version=(1, 0))
    except TypeError:
        return x.__dlpack__()


class _Exchange:
    """A capsule as an object that NumPy takes."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **options: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return int(_CPU[0]), _CPU[1]


class _ElementType(ctypes.Structure):
    """DLPack's DLDataType."""

    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


_UNSIGNED, _BFLOAT = 1, 4
_HEAD = 32
"""Bytes. What a DLManagedTensorVersioned has before its DLTensor: version, context, deleter and flags."""
_BEFORE_TYPE = 20
"""Bytes. What a DLTensor has before its element type: the address, the device and the number of dimensions."""


def _element_type(capsule: Any) -> _ElementType:
    """The element type written in a capsule, which can be changed there."""
    address, valid = ctypes.pythonapi.PyCapsule_GetPointer, ctypes.pythonapi.PyCapsule_IsValid
    address.restype, address.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    valid.restype, valid.argtypes = ctypes.c_int, (ctypes.py_object, ctypes.c_char_p)
    for name, head in ((b"dltensor_versioned", _HEAD), (b"dltensor", 0)):
        if valid(capsule, name):
            return _ElementType.from_address(address(capsule, name) + head + _BEFORE_TYPE)
    raise GradError("from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only once, "
                    "so you might have already constructed a tensor from it once.")


def asarray(obj: Any, *, dtype: dtype | None = None, device: Any = None, copy: bool | None = None,
            requires_grad: bool = False) -> Tensor:
    """`obj` as a tensor, as torch.asarray: shared memory where possible, and a copy where `copy` wants one.

    Raises BufferArgumentError where `copy` is False and the memory cannot be shared.
    """
    given = _shared(obj)
    if given is None:
        if copy is False:
            raise BufferArgumentError("can't alias arbitrary sequence into a tensor.")
        return tensor(obj, dtype=dtype, device=device, requires_grad=requires_grad)
    if dtype is not None and dtype is not given.dtype:
        if copy is False:
            raise BufferArgumentError(f"can't alias a tensor of {given.dtype} as {dtype}.")
        found = given.to(dtype)  # type: ignore[attr-defined]
    else:
        found = given.clone() if copy else given  # type: ignore[attr-defined]
    if isinstance(obj, Tensor):
        return found if requires_grad or not found.requires_grad else found.detach()  # type: ignore[no-any-return]
    return as_leaf(found, requires_grad, device)


def _shared(obj: Any) -> Tensor | None:
    """A tensor over the memory of obj; None for numbers and sequences."""
    if isinstance(obj, Tensor):
        return obj
    if isinstance(obj, np.ndarray):
        return from_numpy(obj)
    if isinstance(obj, np.generic):
        return wrap(np.asarray(obj))
    if hasattr(obj, "__dlpack__"):
        return from_dlpack(obj)
    if isinstance(obj, (bytes, bytearray, memoryview)):
        return frombuffer(obj, dtype=dtypes.uint8)
    return None


def frombuffer(buffer: Any, *, dtype: dtype, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A one-dimensional tensor over a buffer's memory, from byte `offset` on, as torch.frombuffer.

    Raises BufferArgumentError for elements that the buffer does not have.
    """
    view = memoryview(buffer)
    length, width = view.nbytes, dtype.itemsize
    if not length or not count:
        raise BufferArgumentError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise BufferArgumentError(f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
                                  f"({length} bytes) minus 1")
    if count < 0 and (length - offset) % width:
        raise BufferArgumentError(f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a "
                                  f"multiple of element size ({width})")
    if count > 0 and offset + count * width > length:
        raise BufferArgumentError(f"requested buffer length ({count} * {width} bytes) after offset ({offset} bytes) "
                                  f"must not be greater than actual buffer length ({length} bytes)")
    if view.readonly:
        warnings.warn("The given buffer is not writable: the tensor cannot be written either", UserWarning,
                      stacklevel=2)
    return as_leaf(wrap(np.frombuffer(buffer, dtype.numpy, count, offset)), requires_grad)
