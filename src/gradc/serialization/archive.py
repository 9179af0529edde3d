"""PyTorch's file format: a zip archive of `data.pkl`, which says what there is, and a file for each piece of memory.

The pickle is written and read by the two small machines of pickling.py. Each file in the archive begins at a multiple
of 64 bytes, as PyTorch has it.
"""

from __future__ import annotations

import io
import sys
import zipfile
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.serialization.memory import Piece, address, whole
from gradc.serialization.pickling import Reader, Writer
from gradc.serialization.problem import LoadError, SaveError
from gradc.tensor import Tensor, host_array

ALIGNMENT = 64
EPOCH = (1980, 1, 1, 0, 0, 0)

Placed = tuple[str, np.ndarray[Any, Any], int, tuple[int, ...], tuple[int, ...]]


class _Root:
    """Memory that tensors of a file lie in, and from where to where."""

    def __init__(self, memory: np.ndarray[Any, Any]) -> None:
        self.memory = memory
        self.low, self.high = memory.size, 0
        self.key = ""


class _Pieces:
    """The memory of the tensors that are written: of each array the part that they use, once."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray[Any, Any]] = []
        self._roots: dict[int, _Root] = {}
        self._places: dict[int, tuple[_Root, int, tuple[int, ...], Tensor]] = {}

    def note(self, tensor: Tensor) -> Placed:
        """Find the memory of a tensor, and remember which part it uses."""
        array = host_array(tensor, "save()")
        memory = whole(array)
        offset = (address(array) - address(memory)) // array.itemsize
        stride = tuple(step // array.itemsize for step in array.strides)
        if not np.may_share_memory(array, memory):  # `memory` is a copy
            offset, stride = 0, tuple(np.empty(array.shape, np.int8).strides)
        root = self._roots.setdefault(address(memory) if memory.size else id(tensor), _Root(memory))
        if root.memory.dtype != memory.dtype:
            raise SaveError("Cannot save multiple tensors or storages that view the same data as different types: "
                            f"{dtypes.of(root.memory.dtype)} and {tensor.dtype}; clone() one of them")
        if array.size:
            last = sum((size - 1) * step for size, step in zip(array.shape, stride, strict=True))
            root.low, root.high = min(root.low, offset), max(root.high, offset + last + 1)
        self._places[id(tensor)] = root, offset, stride, tensor
        return "", memory, offset, array.shape, stride

    def place(self, tensor: Tensor) -> Placed:
        """The key of a tensor's memory, that memory, and the offset, shape and strides of the tensor in it."""
        root, offset, stride, _ = self._places[id(tensor)]
        low = min(root.low, root.high)
        part = root.memory[low : root.high]
        if not root.key:
            root.key = str(len(self.arrays))
            self.arrays.append(part)
        return root.key, part, max(offset - low, 0), tuple(tensor.shape), stride


def packed(obj: Any, name: str) -> bytes:
    """The archive of a structure of tensors; its files lie in a folder of this name."""
    if sys.byteorder != "little":
        raise SaveError("save(): tensors are written on little-endian machines only")
    pieces = _Pieces()
    Writer(pieces.note).written(obj)  # what is used of which memory must be known before it is described
    data = Writer(pieces.place).written(obj)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        files = {"data.pkl": data, ".format_version": b"1", ".storage_alignment": b"%d" % ALIGNMENT,
                 "byteorder": b"little"}
        files |= {f"data/{key}": array.tobytes() for key, array in enumerate(pieces.arrays)}
        for file, content in {**files, "version": b"3\n"}.items():
            _add(archive, buffer, f"{name}/{file}", content)
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, buffer: io.BytesIO, name: str, content: bytes) -> None:
    """Add a file whose content begins at a multiple of ALIGNMENT: an extra field takes up the room before it."""
    info = zipfile.ZipInfo(name, EPOCH)
    start = buffer.tell() + 30 + len(name.encode()) + 4
    room = -start % ALIGNMENT
    info.extra = b"FB" + room.to_bytes(2, "little") + b"Z" * room
    archive.writestr(info, content)


def unpacked(file: Any) -> Any:
    """What an archive holds.

    Raises LoadError for other archives, and for what is not tensors, numbers and text in containers.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
            folder = next((name.removesuffix("data.pkl") for name in names if name.count("/") == 1
                           and name.endswith("/data.pkl")), None)
            if folder is None:
                raise LoadError("this zip archive has no data.pkl: torch.save and gradc.save did not write it")
            if f"{folder}constants.pkl" in names:
                raise LoadError("this is a TorchScript archive: it holds code, which gradc does not run. Save the "
                                "state_dict() of the module with torch.save")
            if f"{folder}byteorder" in names and archive.read(f"{folder}byteorder") != b"little":
                raise LoadError("this file was written on a big-endian machine, which gradc does not read")
            pieces: dict[str, Piece] = {}

            def piece(key: str, kind: dtypes.dtype, count: int) -> Piece:
                if key not in pieces:
                    if f"{folder}data/{key}" not in names:
                        raise LoadError(f"the file is damaged: it has no data/{key}")
                    pieces[key] = Piece(archive.read(f"{folder}data/{key}"), kind, count)
                return pieces[key]

            return Reader(piece).read(archive.read(f"{folder}data.pkl"))
    except zipfile.BadZipFile as error:
        raise LoadError(f"PytorchStreamReader failed reading zip archive: the file is damaged or cut off ({error})"
                        ) from error
