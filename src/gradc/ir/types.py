"""The type of a value: element type and shape, printed `f32[4, 3]`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gradc import dtypes
from gradc.dtypes import dtype
from gradc.shapes import Shape


@dataclass(frozen=True, slots=True)
class Type:
    """An element type and a shape. `f32[4, 3]` in text; `f32` is a scalar (0-d) value."""

    dtype: dtype
    shape: Shape = ()

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that an array of this type takes."""
        return self.size * self.dtype.itemsize

    def __getitem__(self, shape: int | Shape) -> Type:
        """`f32[4, 3]`: this element type with a shape, so that the text of a type is a Python expression."""
        return Type(self.dtype, shape if isinstance(shape, tuple) else (shape,))

    def __str__(self) -> str:
        return f"{self.dtype.short}[{', '.join(map(str, self.shape))}]" if self.shape else self.dtype.short


SCALARS = {d.short: Type(d) for d in dtypes.ALL}
"""The 0-d types by their short names: the names that the text of a graph may use for types."""
