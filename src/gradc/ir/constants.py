"""Array: an immutable array of numbers, the attribute `value` of the op `constant`."""

from __future__ import annotations

import hashlib
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from gradc import dtypes
from gradc.dtypes import dtype
from gradc.ir.types import Type


class Array:
    """An array that never changes and equals every array of the same type and content.

    `nan` equals `nan` and `-0.0` does not equal `0.0`, so that equal constants give equal results. There is one
    object per content: making an Array twice gives the first one back while it lives.
    """

    __slots__ = ("numpy", "dtype", "hash", "__weakref__")

    numpy: NDArray[Any]
    """The numbers: a private copy, read-only."""
    dtype: dtype
    hash: str
    """The first 12 hexadecimal digits of the SHA-256 of type and content: the name of a large array in a text."""

    def __new__(cls, numbers: object, dtype: dtype | None = None) -> Array:
        """Copy `numbers`, anything that NumPy takes, converted to `dtype` when one is given.

        Raises DtypeError when gradc has no such element type, and what NumPy raises when it cannot convert.
        """
        numpy = np.array(numbers, dtype=None if dtype is None else dtype.numpy, order="C")
        kind = dtypes.of(numpy.dtype)
        _make_nan_unique(numpy, kind)
        numpy.flags.writeable = False
        name = _hash(numpy, Type(kind, numpy.shape))
        known = _alive.get(name)
        if known is not None and known._holds(numpy, kind):
            return known
        self = super().__new__(cls)
        self.numpy, self.dtype, self.hash = numpy, kind, name
        _alive[name] = self
        return self

    @property
    def type(self) -> Type:
        return Type(self.dtype, self.numpy.shape)

    def _holds(self, numpy: NDArray[Any], kind: dtype) -> bool:
        return self.dtype is kind and self.numpy.shape == numpy.shape and self.numpy.tobytes() == numpy.tobytes()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Array):
            return NotImplemented
        return self is other or (self.hash == other.hash and self._holds(other.numpy, other.dtype))

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        return f"Array({self.type}, {self.hash})"

    def __reduce__(self) -> tuple[type[Array], tuple[NDArray[Any]]]:
        return Array, (self.numpy,)


_alive: WeakValueDictionary[str, Array] = WeakValueDictionary()


def find(name: str) -> Array | None:
    """The Array alive in this process whose hash is `name`, if there is one."""
    return _alive.get(name)


def _make_nan_unique(numpy: NDArray[Any], kind: dtype) -> None:
    """Give every nan the same bits: sign and payload of a nan have no text."""
    if not kind.is_differentiable:
        return
    parts = numpy.reshape(-1)
    if kind.is_complex:
        parts = parts.view(np.float32 if kind is dtypes.complex64 else np.float64)
    parts[np.isnan(parts)] = np.nan


def _hash(numpy: NDArray[Any], type: Type) -> str:
    digest = hashlib.sha256(str(type).encode())
    digest.update(numpy.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()[:12]
