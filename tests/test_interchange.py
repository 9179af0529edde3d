"""Memory shared with NumPy, JAX and PyTorch, both ways, without a copy."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import gradc
from gradc.errors import GradcError
from gradc.utils.dlpack import DLDeviceType, from_dlpack, to_dlpack

KINDS = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64",
         "complex128"]
NUMPYS = [kind for kind in KINDS if kind != "bfloat16"]


def address(t: Any) -> int:
    return t.numpy().__array_interface__["data"][0] if t.dtype is not gradc.bfloat16 else t._array.ctypes.data


@pytest.mark.parametrize("kind", NUMPYS)
def test_numpy(kind: str) -> None:
    array = np.ones((3, 2), kind).T
    for taken in (gradc.from_dlpack(array), gradc.from_numpy(array), gradc.as_tensor(array), gradc.asarray(array)):
        assert taken.dtype is getattr(gradc, kind) and taken.shape == (2, 3) and taken.stride() == (1, 2)
        assert address(taken) == array.ctypes.data
    given = np.from_dlpack(taken)
    given[0, 0] = 0
    assert not array[0, 0] and not taken[0, 0].item() and taken.numpy() is array


@pytest.mark.parametrize("kind", KINDS)
def test_torch(kind: str) -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.ones(3, 2, dtype=getattr(torch, kind)).t()
    for taken in (gradc.from_dlpack(theirs), gradc.from_dlpack(torch.utils.dlpack.to_dlpack(theirs)),
                  gradc.asarray(theirs)):
        assert taken.dtype is getattr(gradc, kind) and taken.shape == (2, 3) and taken.stride() == (1, 2)
        assert address(taken) == theirs.data_ptr()
    taken[0, 0] = 0
    assert not theirs[0, 0]
    for given in (torch.from_dlpack(taken), torch.utils.dlpack.from_dlpack(to_dlpack(taken))):
        assert given.dtype is theirs.dtype and given.data_ptr() == theirs.data_ptr() and torch.equal(given, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_jax(kind: str) -> None:
    with jax.enable_x64(True):
        theirs = jax.numpy.arange(6).reshape(2, 3).astype(kind)
        taken = gradc.from_dlpack(theirs)
        assert taken.dtype is getattr(gradc, kind) and address(taken) == theirs.unsafe_buffer_pointer()
        with pytest.raises(RuntimeError, match="read-only"):
            taken.zero_()
        mine = gradc.ones(64, dtype=getattr(gradc, kind))
        given = jax.dlpack.from_dlpack(mine)
        assert str(given.dtype) == kind and bool((given == 1).all())


def test_devices() -> None:
    assert repr(gradc.ones(1).__dlpack_device__()) == "(<DLDeviceType.kDLCPU: 1>, 0)"
    assert DLDeviceType.kDLCUDA == 2


def test_graphs_stay_behind() -> None:
    x = gradc.ones(2, requires_grad=True)
    with pytest.raises(BufferError, match=r"^Can't export tensors that require gradient, use tensor.detach\(\)"):
        x.__dlpack__()
    assert np.from_dlpack(x.detach()).tolist() == [1.0, 1.0]
    assert not from_dlpack(to_dlpack(x)).requires_grad
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        x.numpy()
    assert (2 * x).numpy(force=True).tolist() == [2.0, 2.0] and x.numpy(force=True) is x._array


def test_copies() -> None:
    array = np.ones(3, np.float32)
    for made in (gradc.from_dlpack(array, copy=True), gradc.asarray(array, copy=True), gradc.tensor(array),
                 gradc.asarray(array, dtype=gradc.float64), gradc.as_tensor(array, dtype=gradc.int64)):
        made.zero_()
        assert array.tolist() == [1.0, 1.0, 1.0]
    kept = gradc.ones(2)
    assert gradc.asarray(kept) is kept and gradc.as_tensor(kept) is kept
    assert gradc.asarray(kept, copy=True) is not kept
    assert gradc.asarray([1.0, 2], requires_grad=True).requires_grad
    assert gradc.asarray(np.float32(3)).dtype is gradc.float32


def test_writes_from_outside_change_no_version() -> None:
    array = np.ones(3)
    x = gradc.from_numpy(array)
    array[0] = 5
    assert x[0].item() == 5 and x._version == 0


@pytest.mark.parametrize("count, offset", [(-1, 0), (2, 0), (-1, 4), (2, 4), (1, 2)])
def test_buffers(count: int, offset: int) -> None:
    torch = pytest.importorskip("torch")
    buffer = bytearray(range(16))
    ours = gradc.frombuffer(buffer, dtype=gradc.int32, count=count, offset=offset)
    assert ours.tolist() == torch.frombuffer(buffer, dtype=torch.int32, count=count, offset=offset).tolist()
    ours.zero_()
    assert not any(buffer[offset : offset + 4 * ours.numel()])



REFUSED: dict[str, Callable[[Any], Any]] = {
    "negative strides": lambda t: t.from_numpy(np.ones(3)[::-1]),
    "negative strides in as_tensor": lambda t: t.as_tensor(np.ones(3)[::-1]),
    "no array": lambda t: t.from_numpy([1.0]),
    "strings": lambda t: t.from_numpy(np.array(["a"])),
    "an empty buffer": lambda t: t.frombuffer(bytearray(), dtype=t.int32),
    "no elements": lambda t: t.frombuffer(bytearray(8), dtype=t.int32, count=0),
    "an offset too far": lambda t: t.frombuffer(bytearray(8), dtype=t.int32, offset=8),
    "a part of an element": lambda t: t.frombuffer(bytearray(9), dtype=t.int32),
    "too many elements": lambda t: t.frombuffer(bytearray(8), dtype=t.int32, count=3),
    "a sequence without a copy": lambda t: t.asarray([1.0], copy=False),
}


@pytest.mark.parametrize("name", REFUSED)
def test_errors_are_torchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(Exception) as theirs:  # noqa: B017
        REFUSED[name](torch)
    with pytest.raises(type(theirs.value)) as ours:
        REFUSED[name](gradc)
    assert isinstance(ours.value, GradcError)
    assert str(ours.value)[:30] == str(theirs.value)[:30]


def test_a_capsule_is_taken_once() -> None:
    capsule = to_dlpack(gradc.ones(2))
    from_dlpack(capsule)
    with pytest.raises(RuntimeError, match="from_dlpack received an invalid capsule"):
        from_dlpack(capsule)
    with pytest.raises(TypeError, match="expected an object with __dlpack__"):
        from_dlpack([1.0])


def test_memory_that_is_read_only() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        x = gradc.frombuffer(bytes(8), dtype=gradc.float32)
    assert "not writable" in str(caught[0].message)
    with pytest.raises(RuntimeError, match="read-only"):
        x.add_(1)
    assert gradc.asarray(b"ab").tolist() == [97, 98]


def test_a_trace_exports_nothing() -> None:
    with pytest.raises(gradc.errors.TraceError, match="needs the values of a tensor"):
        gradc.compile(lambda x: np.from_dlpack(x), fullgraph=True)(gradc.ones(2))
    assert gradc.compile(lambda x: np.from_dlpack(x * 2))(gradc.ones(2)).tolist() == [2.0, 2.0]
