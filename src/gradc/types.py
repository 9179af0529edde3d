"""Names for annotations, as torch.types."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import IO, Any, TypeAlias

from gradc.devices import device
from gradc.dtypes import dtype as _dtype
from gradc.shapes import Size
from gradc.tensor import Tensor

__all__ = ["Device", "FileLike", "IntLikeType", "FloatLikeType", "BoolLikeType", "Number", "Storage"]

Number: TypeAlias = int | float | bool
IntLikeType: TypeAlias = int
FloatLikeType: TypeAlias = float
BoolLikeType: TypeAlias = bool
Device: TypeAlias = device | str | int | None
FileLike: TypeAlias = str | os.PathLike[str] | IO[bytes]
Storage: TypeAlias = Any
_TensorOrTensors: TypeAlias = Tensor | Sequence[Tensor]
_int, _float, _bool, _complex = int, float, bool, complex
_size: TypeAlias = Size | list[int] | tuple[int, ...]
_device: TypeAlias = device
_dtype = _dtype
