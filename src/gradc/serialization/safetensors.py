"""The safetensors format: the size of a header, the header in JSON, and the memory of the tensors.

Source  https://github.com/huggingface/safetensors
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.serialization.memory import Piece
from gradc.serialization.problem import LoadError, SaveError
from gradc.tensor import Tensor, host_array

SUFFIX = ".safetensors"
NAMES = {dtypes.bool_: "BOOL", dtypes.uint8: "U8", dtypes.int8: "I8", dtypes.int16: "I16", dtypes.int32: "I32",
         dtypes.int64: "I64", dtypes.float16: "F16", dtypes.bfloat16: "BF16", dtypes.float32: "F32",
         dtypes.float64: "F64", dtypes.complex64: "C64"}
KINDS = {name: kind for kind, name in NAMES.items()}


def begins(start: bytes) -> bool:
    """Whether a file that starts so may be one of safetensors."""
    return len(start) > 8 and start[8:9] == b"{" and struct.unpack("<Q", start[:8])[0] < 2**32


def packed(tensors: Any, metadata: dict[str, str] | None = None) -> bytes:
    """The file of a dictionary of tensors. Raises SaveError for anything else."""
    if not isinstance(tensors, Mapping) or not all(
            isinstance(name, str) and isinstance(x, Tensor) for name, x in tensors.items()):
        raise SaveError("save(): a .safetensors file holds a dictionary of tensors by name; call the file .pt for "
                        "anything else")
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    parts, end = [], 0
    for name, x in sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0])):
        if x.dtype not in NAMES:
            raise SaveError(f"save(): safetensors has no type for {x.dtype} (of {name!r})")
        content = np.ascontiguousarray(host_array(x, "save()")).tobytes()
        start, end = end, end + len(content)
        header[name] = {"dtype": NAMES[x.dtype], "shape": list(x.shape), "data_offsets": [start, end]}
        parts.append(content)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *parts])


def unpacked(content: bytes) -> dict[str, Tensor]:
    """The tensors of a file by name. Raises LoadError for a file that is damaged."""
    end = 8 + struct.unpack("<Q", content[:8])[0]
    try:
        header = json.loads(content[8:end])
        header.pop("__metadata__", None)
        return {name: _tensor(name, entry, content, end) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LoadError(f"Error while deserializing header: the safetensors file is damaged ({error})") from error


def _tensor(name: str, entry: Any, content: bytes, base: int) -> Tensor:
    if entry["dtype"] not in KINDS:
        raise LoadError(f"{name!r} is of type {entry['dtype']}, which gradc does not have")
    kind, shape = KINDS[entry["dtype"]], tuple(map(int, entry["shape"]))
    start, stop = entry["data_offsets"]
    count = math.prod(shape)
    inside = 0 <= start <= stop <= len(content) - base
    if not inside or min(shape, default=0) < 0 or stop - start != count * kind.itemsize:
        raise LoadError(f"{name!r} does not fit in the file: the safetensors file is damaged or cut off")
    strides = tuple(math.prod(shape[d + 1:]) for d in range(len(shape)))
    return Piece(content[base + start : base + stop], kind, count).tensor(0, shape, strides, False)


def save_file(tensors: Mapping[str, Tensor], filename: str | os.PathLike[str],
              metadata: dict[str, str] | None = None) -> None:
    """Write a dictionary of tensors, as safetensors.torch.save_file."""
    with open(filename, "wb") as file:
        file.write(packed(tensors, metadata))


def load_file(filename: str | os.PathLike[str], device: Any = "cpu") -> dict[str, Tensor]:
    """The tensors of a file by name, as safetensors.torch.load_file."""
    with open(filename, "rb") as file:
        return unpacked(file.read())
