"""Element types, under PyTorch's names, and PyTorch's promotion.

Each dtype is one object, so `is` compares them. `short` is its name in the text of a graph (`f32`), `numpy` the
NumPy dtype that stores it.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np

from gradc.errors import DtypeError


class dtype:
    """An element type. There is one object per type; compare with `is` or `==`."""

    __slots__ = ("name", "short", "numpy", "category", "bits")

    def __init__(self, name: str, short: str, numpy: object, category: int) -> None:
        self.name = name
        self.short = short
        self.numpy = np.dtype(numpy)
        self.category = category
        self.bits = self.numpy.itemsize * 8

    @property
    def is_floating_point(self) -> bool:
        return self.category == FLOAT

    @property
    def is_complex(self) -> bool:
        return self.category == COMPLEX

    @property
    def is_signed(self) -> bool:
        """Whether the type has negative numbers."""
        return self.name not in ("bool", "uint8")

    @property
    def is_differentiable(self) -> bool:
        """Whether tensors of this type can require gradients."""
        return self.category >= FLOAT

    def to_real(self) -> dtype:
        """The type of the real part: itself, but for complex types."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    def to_complex(self) -> dtype:
        """The complex type of this precision, as torch.dtype.to_complex; complex64 for half precision."""
        return complex128 if self is float64 or self is complex128 else complex64

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self.bits // 8

    def __repr__(self) -> str:
        return f"torch.{self.name}"  # PyTorch's own text, so that printed programs compare equal

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return by_name, (self.name,)


BOOL, INT, FLOAT, COMPLEX = range(4)
"""Categories, in the order in which PyTorch promotes them."""

bool_ = dtype("bool", "bool", np.bool_, BOOL)
uint8 = dtype("uint8", "u8", np.uint8, INT)
int8 = dtype("int8", "i8", np.int8, INT)
int16 = dtype("int16", "i16", np.int16, INT)
int32 = dtype("int32", "i32", np.int32, INT)
int64 = dtype("int64", "i64", np.int64, INT)
float16 = dtype("float16", "f16", np.float16, FLOAT)
bfloat16 = dtype("bfloat16", "bf16", ml_dtypes.bfloat16, FLOAT)
float32 = dtype("float32", "f32", np.float32, FLOAT)
float64 = dtype("float64", "f64", np.float64, FLOAT)
complex64 = dtype("complex64", "c64", np.complex64, COMPLEX)
complex128 = dtype("complex128", "c128", np.complex128, COMPLEX)

ALL = (bool_, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64, complex64, complex128)
BY_SHORT = {d.short: d for d in ALL}
_BY_NAME = {d.name: d for d in ALL}
_BY_NUMPY = {d.numpy: d for d in ALL} | {d: d for d in ALL}
_BY_PYTHON = {bool: bool_, int: int64, float: float32, complex: complex64}

TITLES = {bool_: "Bool", uint8: "Byte", int8: "Char", int16: "Short", int32: "Int", int64: "Long", float16: "Half",
          bfloat16: "BFloat16", float32: "Float", float64: "Double", complex64: "ComplexFloat",
          complex128: "ComplexDouble"}
"""What PyTorch's messages and legacy constructors (`FloatTensor`) call the types."""

PYTHON = {bool: bool_, int: int64, float: float64, complex: complex128}
"""What Python's classes mean where a dtype is asked for: `zeros(2, dtype=float)` is of float64, as in PyTorch."""

_default = float32


def by_name(name: str) -> dtype:
    """The dtype called `name`, one of PyTorch's names."""
    return _BY_NAME[name]


def get_default_dtype() -> dtype:
    """The floating point type of `tensor(1.0)`, `zeros(2)` and `int / int`."""
    return _default


def set_default_dtype(d: dtype) -> None:
    """Change the default floating point type, as torch.set_default_dtype."""
    global _default
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise DtypeError(("" if isinstance(d, dtype) else "invalid dtype object: ") +
                         f"only floating-point types are supported as the default type, got {d!r}")
    _default = d


def set_default_tensor_type(t: object) -> None:
    """Make the dtype of an old tensor class, or of its name, the default, as torch.set_default_tensor_type."""
    title = str(getattr(t, "__name__", t)).removeprefix("torch.").removesuffix("Tensor")
    found = next((d for d, name in TITLES.items() if name == title), None)
    if found is None:
        raise DtypeError(f"invalid type object: {t!r} is not a tensor class of the CPU, such as torch.DoubleTensor")
    set_default_dtype(found)


def chosen(given: object, default: dtype) -> dtype:
    """The dtype that a caller asked for, or the default for None.

    Raises DtypeError for what is no dtype.
    """
    if given is None:
        return default
    if isinstance(given, type) and given in PYTHON:
        return PYTHON[given]
    if not isinstance(given, dtype):
        raise DtypeError(f"dtype must be one of gradc's, such as gradc.float32, not {type(given).__name__} ({given!r})")
    return given


def default_complex() -> dtype:
    """The complex type of the default floating type's precision."""
    return complex128 if _default is float64 else complex64


def of(x: object) -> dtype:
    """The dtype for a gradc or NumPy dtype, a Python type or a Python scalar's type.

    Raises TypeError when gradc has no such type.
    """
    found = _BY_NUMPY.get(x)  # type: ignore[call-overload]
    if found is not None:
        return found
    if isinstance(x, type) and x in _BY_PYTHON:
        return python_scalar(x)
    try:
        return _BY_NUMPY[np.dtype(x)]  # type: ignore[call-overload]
    except (KeyError, TypeError):
        raise DtypeError(f"{x!r} is not a type that tensors can have; use one of "
                         f"{', '.join(d.name for d in ALL)}") from None


def python_scalar(kind: type) -> dtype:
    """The dtype that a Python scalar of this class has when nothing else decides: float is the default dtype.

    One of NumPy's counts as the Python scalar that it stands for.
    """
    if issubclass(kind, np.generic):
        kind = type(kind(0).item())
    if kind is float:
        return _default
    if kind is complex:
        return default_complex()
    return _BY_PYTHON[kind]


_INT_ORDER = {int8: 0, int16: 1, int32: 2, int64: 3}


def promote_types(a: dtype, b: dtype) -> dtype:
    """The smallest type that both convert to without loss of category, as torch.promote_types."""
    if a is b:
        return a
    if a.category != b.category:
        low, high = (a, b) if a.category < b.category else (b, a)
        if high is complex64 and low is float64:
            return complex128
        return high
    if a.category == INT:
        if a is uint8 or b is uint8:
            other = b if a is uint8 else a
            return int16 if other is int8 else other
        return a if _INT_ORDER[a] > _INT_ORDER[b] else b
    if a.bits == b.bits:  # float16 with bfloat16: neither holds the other
        return float32
    return a if a.bits > b.bits else b


def promote(operands: list[tuple[dtype, int]]) -> dtype:
    """PyTorch's result type of operands given as (dtype, rank), rank -1 meaning a Python scalar.

    Tensors with dimensions decide first, then 0-d tensors, then Python scalars; a later group only matters when its
    category (bool < int < float < complex) is higher.
    """
    groups: list[dtype | None] = [None, None, None]
    for d, rank in operands:
        i = 0 if rank > 0 else 1 if rank == 0 else 2
        groups[i] = d if groups[i] is None else promote_types(groups[i], d)  # type: ignore[arg-type]
    result: dtype | None = None
    for d in groups:  # type: ignore[assignment]
        if d is not None and (result is None or d.category > result.category):
            if d.category == COMPLEX and result is not None and result.category == FLOAT:
                d = complex128 if result is float64 else complex64  # a complex number keeps the precision of floats
            result = d
    assert result is not None
    return result


class finfo:
    """The limits of a floating point type, of the default one if none is given; as torch.finfo."""

    def __init__(self, type: dtype | None = None) -> None:
        kind = (type or _default).to_real()
        if not kind.is_floating_point:
            raise DtypeError(f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle "
                             f"'torch.finfo' for {kind}")
        limits = ml_dtypes.finfo(kind.numpy)
        self.bits = kind.bits
        self.dtype = kind.name
        self.eps, self.max, self.min = float(limits.eps), float(limits.max), float(limits.min)
        self.tiny = self.smallest_normal = float(limits.smallest_normal)
        self.resolution = 10.0 ** -int(limits.precision)

    def __repr__(self) -> str:
        return (f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
                f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})")


class iinfo:
    """The limits of an integer type, as torch.iinfo."""

    def __init__(self, type: dtype) -> None:
        if type.category != INT:
            raise DtypeError(f"torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo' "
                             f"for {type}")
        limits = np.iinfo(type.numpy)
        self.bits = type.bits
        self.dtype = type.name
        self.max, self.min = int(limits.max), int(limits.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


def can_cast(a: dtype, b: dtype) -> bool:
    """Whether casting `a` to `b` keeps the category, as torch.can_cast; what in-place ops and out= require."""
    return a.category <= b.category or (a.category == INT and b.category == INT)
