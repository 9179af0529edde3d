"""Saving tensors in files, and loading them without running code from the file, as torch.save and torch.load.

`save` writes PyTorch's own format, which torch.load reads; to a file called `*.safetensors` it writes that format.
`load` reads both.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradc.devices import device, host
from gradc.errors import ArgumentError
from gradc.serialization import archive, safetensors
from gradc.serialization.problem import LoadError, SaveError

__all__ = ["LoadError", "SaveError", "load", "save"]

LEGACY = 0x1950A86A20F9469CFC6C.to_bytes(10, "little")
"""What files of PyTorch before 1.6 begin with."""


def save(obj: Any, f: Any, pickle_module: Any = None, pickle_protocol: Any = None,
         _use_new_zipfile_serialization: bool = True) -> None:
    """Write tensors, numbers and text in containers to a file, which gradc.load and torch.load read.

    Raises SaveError for anything else: save the state_dict() of a module, not the module.
    """
    if isinstance(f, (str, os.PathLike)):
        path = os.fspath(f)
        content = safetensors.packed(obj) if path.endswith(safetensors.SUFFIX) else archive.packed(obj, _stem(path))
        with open(path, "wb") as file:
            file.write(content)
    elif hasattr(f, "write"):
        f.write(archive.packed(obj, "archive"))
    else:
        raise ArgumentError(f"save(): expected a path or a file to write to, got {type(f).__name__}")


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0] or "archive"


def load(f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None,
         mmap: bool | None = None, **ignored: Any) -> Any:
    """What save, torch.save or safetensors wrote. Tensors come to the CPU, from whatever device they were saved on.

    Raises LoadError for a file that is none of these, or that holds more than tensors, numbers and text in containers:
    no code is run, whatever the file says.
    """
    if weights_only is False or pickle_module is not None:
        raise LoadError("load(): weights_only=False and pickle_module would let the file run code, which gradc.load "
                        "never does. Leave them out: tensors, numbers and text in containers are read without.")
    if isinstance(map_location, (str, device)):
        host(map_location)
    with _opened(f) as file:
        start = file.read(512)
        file.seek(-len(start), os.SEEK_CUR)
        if start[:4] == b"PK\x03\x04":
            return archive.unpacked(file)
        if safetensors.begins(start):
            return safetensors.unpacked(file.read())
    if LEGACY in start[:32] or b"ustar" in start:
        raise LoadError("this file is in PyTorch's format of before version 1.6, which gradc does not read. Write it "
                        "anew with PyTorch: torch.save(torch.load(old), new)")
    raise LoadError("this is no file that torch.save, gradc.save or safetensors wrote" +
                    (": it is empty, or read to its end" if not start else ""))


@contextmanager
def _opened(f: Any) -> Iterator[Any]:
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            yield file
    elif hasattr(f, "read"):
        yield f if hasattr(f, "seek") and f.seekable() else io.BytesIO(f.read())
    else:
        raise ArgumentError(f"load(): expected a path or a file to read from, got {type(f).__name__}")
