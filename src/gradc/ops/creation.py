"""Tensors made from nothing: constants, ranges and data. In a trace they are nodes, and data are constants."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import dtypes, shapes
from gradc.apply import apply
from gradc.devices import host
from gradc.dtypes import dtype
from gradc.errors import ArgumentError, CallError, DtypeError, GradError, ShapeError
from gradc.generator import as_dimensions
from gradc.inplace import into
from gradc.ir import Type
from gradc.locations import here, quote
from gradc.modes import current
from gradc.ops.base import Op
from gradc.ops.define import op
from gradc.shapes import Size
from gradc.tensor import LEAF, Tensor, as_nested, host_array, wrap

__all__ = [
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor",
    "IntTensor", "LongTensor", "ShortTensor",
    "allclose", "arange", "as_tensor", "empty", "empty_like", "equal", "eye", "from_numpy", "full",
    "full_like", "linspace", "ones", "ones_like", "tensor", "zeros", "zeros_like",
]


class Creation(Op):
    """An op without operands."""

    method = False


@op
class full(Creation):
    """A tensor of one value.

    Source  torch.full
    """

    kernel = lambda xp, *, shape, value, dtype: xp.full(shape, value, dtype.numpy)
    samples = [({"shape": (2, 3), "value": 1.5, "dtype": dtypes.float32},)]

    def infer(self, *, shape: shapes.Shape, value: Any, dtype: dtype) -> Type:
        return Type(dtype, shape)

    def call(self, size: Sequence[int], fill_value: Any, *, dtype: dtype | None = None, device: Any = None,
             requires_grad: bool = False, out: Any = None, layout: Any = None) -> Any:
        if isinstance(fill_value, Tensor):
            value = fill_value.to(dtypes.chosen(dtype, fill_value.dtype))  # type: ignore[attr-defined]
            return as_leaf(value.expand(tuple(size)).clone(), requires_grad, device, out)
        kind = _chosen(dtype, out, dtypes.python_scalar(type(fill_value)))
        value = np.asarray(fill_value).astype(kind.numpy).item() if kind.category != dtypes.COMPLEX else fill_value
        shape = as_dimensions(shapes.from_arguments((tuple(size) if not isinstance(size, int) else (size,),)))
        return as_leaf(apply(self, (), {"shape": shape, "value": value, "dtype": kind}), requires_grad, device, out)


def _chosen(given: dtype | None, out: Tensor | None, default: dtype) -> dtype:
    """The dtype of a new tensor: the given one, or that of the tensor it will be written into, or the default."""
    return dtypes.chosen(given, default if out is None else out.dtype)


def as_leaf(tensor: Tensor, requires_grad: bool, device: Any = None, out: Tensor | None = None) -> Tensor:
    """A freshly made tensor as a leaf that requires grad or not, on a device that must be the CPU; or in `out`."""
    if out is not None:
        return into(out, tensor, "a function that makes tensors", silently=True)
    if device is not None:
        host(device)
    if requires_grad:
        if not tensor.dtype.is_differentiable:
            raise GradError("Only Tensors of floating point and complex dtype can require gradients")
        if current().trace is None:
            tensor._node = LEAF
        else:
            tensor.requires_grad_()
    return tensor


def zeros(*sizes: Any, size: Any = (), dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
          out: Any = None, layout: Any = None, pin_memory: bool = False) -> Tensor:
    """A tensor of zeros, as torch.zeros."""
    shape = shapes.from_arguments(sizes or (size,))
    return full(shape, 0, dtype=_chosen(dtype, out, dtypes.get_default_dtype()), device=device,
                requires_grad=requires_grad, out=out)


def ones(*sizes: Any, size: Any = (), dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
         out: Any = None, layout: Any = None, pin_memory: bool = False) -> Tensor:
    """A tensor of ones, as torch.ones."""
    shape = shapes.from_arguments(sizes or (size,))
    return full(shape, 1, dtype=_chosen(dtype, out, dtypes.get_default_dtype()), device=device,
                requires_grad=requires_grad, out=out)


def empty(*sizes: Any, size: Any = (), dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
          out: Any = None, layout: Any = None, memory_format: Any = None, pin_memory: bool = False) -> Tensor:
    """Memory that is not initialised, as torch.empty; zeros in a trace."""
    if current().trace is not None:
        return zeros(*(sizes or (size,)), dtype=dtype, device=device, requires_grad=requires_grad, out=out)
    kind = _chosen(dtype, out, dtypes.get_default_dtype())
    shape = as_dimensions(shapes.from_arguments(sizes or (size,)))
    return as_leaf(wrap(np.empty(shape, kind.numpy)), requires_grad, device, out)


def full_like(x: Tensor, fill_value: Any, *, dtype: dtype | None = None, device: Any = None,
              requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    """A tensor of one value in the shape, and by default the dtype, of x, as torch.full_like."""
    return full(x._array.shape, fill_value, dtype=dtypes.chosen(dtype, x.dtype), device=device,
                requires_grad=requires_grad)


def zeros_like(x: Tensor, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
               memory_format: Any = None) -> Tensor:
    """Zeros in the shape and dtype of x, as torch.zeros_like."""
    return full_like(x, 0, dtype=dtype, device=device, requires_grad=requires_grad)


def ones_like(x: Tensor, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
              memory_format: Any = None) -> Tensor:
    """Ones in the shape and dtype of x, as torch.ones_like."""
    return full_like(x, 1, dtype=dtype, device=device, requires_grad=requires_grad)


def empty_like(x: Tensor, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
               memory_format: Any = None) -> Tensor:
    """Memory that is not initialised in the shape and dtype of x, as torch.empty_like."""
    return empty(x._array.shape, dtype=dtypes.chosen(dtype, x.dtype), device=device, requires_grad=requires_grad)


def _new_full(self: Tensor, size: Sequence[int], fill_value: Any, *, dtype: dtype | None = None,
              requires_grad: bool = False, device: Any = None) -> Tensor:
    return full(size, fill_value, dtype=dtypes.chosen(dtype, self.dtype), requires_grad=requires_grad, device=device)


def _new_zeros(self: Tensor, *sizes: Any, size: Any = (), dtype: dtype | None = None, requires_grad: bool = False,
               device: Any = None) -> Tensor:
    return zeros(*sizes, size=size, dtype=dtypes.chosen(dtype, self.dtype), requires_grad=requires_grad, device=device)


def _new_ones(self: Tensor, *sizes: Any, size: Any = (), dtype: dtype | None = None, requires_grad: bool = False,
              device: Any = None) -> Tensor:
    return ones(*sizes, size=size, dtype=dtypes.chosen(dtype, self.dtype), requires_grad=requires_grad, device=device)


def _new_empty(self: Tensor, *sizes: Any, size: Any = (), dtype: dtype | None = None, requires_grad: bool = False,
               device: Any = None) -> Tensor:
    return empty(*sizes, size=size, dtype=dtypes.chosen(dtype, self.dtype), requires_grad=requires_grad, device=device)


def _new_tensor(self: Tensor, data: Any, *, dtype: dtype | None = None, requires_grad: bool = False,
                device: Any = None) -> Tensor:
    return tensor(data, dtype=dtypes.chosen(dtype, self.dtype), requires_grad=requires_grad, device=device)


for _function in (_new_full, _new_zeros, _new_ones, _new_empty, _new_tensor):
    setattr(Tensor, _function.__name__.removeprefix("_"), _function)
Tensor.zeros_like = zeros_like  # type: ignore[attr-defined]


@op
class arange(Creation):
    """start, start + step, … up to but not including end.

    Dtype   int64 if all three are integers, else the default float
    Source  torch.arange
    """

    kernel = lambda xp, *, start, end, step, dtype: xp.astype(xp.arange(start, end, step), dtype.numpy)
    samples = [({"start": 0, "end": 5, "step": 1, "dtype": dtypes.int64},),
               ({"start": 0.5, "end": 2.0, "step": 0.25, "dtype": dtypes.float32},)]

    def infer(self, *, start: Any, end: Any, step: Any, dtype: dtype) -> Type:
        return Type(dtype, (max(0, math.ceil((end - start) / step)),))

    def call(self, start: Any, end: Any = None, step: Any = 1, *, dtype: dtype | None = None, device: Any = None,
             requires_grad: bool = False, out: Any = None, layout: Any = None) -> Any:
        if end is None:
            start, end = 0, start
        start, end, step = [x.item() if isinstance(x, (Tensor, np.generic)) else x for x in (start, end, step)]
        if step == 0:
            raise CallError(f"arange: step must be nonzero{quote(here())}")
        if (end - start) * step < 0:
            raise CallError(f"upper bound and lower bound inconsistent with step sign: from {start} to {end} by {step}"
                            f"{quote(here())}")
        if not math.isfinite((end - start) / step):
            raise CallError(f"unsupported range: {start} -> {end}{quote(here())}")
        whole = all(isinstance(x, int) for x in (start, end, step))
        kind = _chosen(dtype, out, dtypes.int64 if whole else dtypes.get_default_dtype())
        if kind.category == dtypes.INT and not whole:  # PyTorch casts the bounds, and then counts
            start, end, step = int(start), int(end), int(step)
            if not step:
                raise CallError(f"arange: step must be nonzero, but in {kind} it is 0{quote(here())}")
        return as_leaf(apply(self, (), {"start": start, "end": end, "step": step, "dtype": kind}), requires_grad,
                       device, out)


@op
class linspace(Creation):
    """`steps` numbers evenly spaced from start to end, both included.

    Source  torch.linspace
    """

    kernel = lambda xp, *, start, end, steps, dtype: (
        _whole_steps(xp, int(start), int(end), steps, dtype) if dtype.category == dtypes.INT
        else xp.linspace(start, end, steps, dtype=dtype.numpy))
    samples = [({"start": 0.0, "end": 1.0, "steps": 5, "dtype": dtypes.float32},)]

    def infer(self, *, start: Any, end: Any, steps: int, dtype: dtype) -> Type:
        return Type(dtype, (steps,))

    def call(self, start: Any, end: Any, steps: int, *, dtype: dtype | None = None, device: Any = None,
             requires_grad: bool = False, out: Any = None, layout: Any = None) -> Any:
        if any(isinstance(x, Tensor) and x.ndim for x in (start, end)):
            raise ShapeError(f"linspace only supports 0-dimensional start and end tensors{quote(here())}")
        if steps < 0:
            raise ShapeError(f"number of steps must be non-negative, got {steps}{quote(here())}")
        start, end = (x.item() if isinstance(x, Tensor) else x for x in (start, end))
        attrs = {"start": start, "end": end, "steps": steps,
                 "dtype": _chosen(dtype, out, dtypes.get_default_dtype())}
        return as_leaf(apply(self, (), attrs), requires_grad, device, out)


def _whole_steps(xp: Any, start: int, end: int, steps: int, kind: dtype) -> Any:
    """linspace between integers, without the fractions; from both ends to the middle, as PyTorch counts."""
    step, places = (end - start) / max(steps - 1, 1), np.arange(steps)
    found = np.where(places < steps // 2, start + step * places, end - step * (steps - 1 - places))
    return xp.asarray(np.trunc(found if steps > 1 else np.full(steps, start)).astype(kind.numpy))


@op
class eye(Creation):
    """The identity matrix of n rows and m columns.

    Source  torch.eye
    """

    kernel = lambda xp, *, n, m, dtype: xp.eye(n, m, dtype=dtype.numpy)
    samples = [({"n": 3, "m": 2, "dtype": dtypes.float32},)]

    def infer(self, *, n: int, m: int, dtype: dtype) -> Type:
        return Type(dtype, (n, m))

    def call(self, n: int, m: int | None = None, *, dtype: dtype | None = None, device: Any = None,
             requires_grad: bool = False, out: Any = None, layout: Any = None) -> Any:
        if min(n, n if m is None else m) < 0:
            raise CallError(f"{'n' if n < 0 else 'm'} must be greater or equal to 0, got {n if n < 0 else m}"
                            f"{quote(here())}")
        attrs = {"n": n, "m": n if m is None else m, "dtype": _chosen(dtype, out, dtypes.get_default_dtype())}
        return as_leaf(apply(self, (), attrs), requires_grad, device, out)


def tensor(data: Any, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
           pin_memory: bool = False) -> Tensor:
    """A tensor of its own memory from numbers, nested lists, arrays or tensors, as torch.tensor.

    Python floats become the default dtype, integers int64; NumPy arrays keep theirs.

    Raises ValueError for ragged lists, and GradError when integers are to require grad.
    """
    if isinstance(data, Tensor):
        warnings.warn("To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
                      "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
                      UserWarning, stacklevel=2)
    trace = current().trace
    if trace is None:
        return _noted("tensor()", as_leaf(wrap(_array(data, dtype)), requires_grad, device))
    if isinstance(data, np.ndarray):
        data = from_numpy(data)
    if isinstance(data, Tensor):
        return as_leaf(data.detach().clone().to(dtypes.chosen(dtype, data.dtype)), requires_grad)  # type: ignore[attr-defined]
    return as_leaf(trace.tensor(trace.constant(_array(data, dtype))), requires_grad, device)


def _noted(name: str, made: Tensor) -> Tensor:
    """A tensor made of values from outside of every graph, which whoever watches is told."""
    watch = current().watch
    if watch is not None:
        watch("made", name, (), made)
    return made


def _array(data: Any, dtype: dtype | None) -> np.ndarray[Any, Any]:
    keeps = isinstance(data, (np.ndarray, np.generic, Tensor)) or hasattr(data, "__array_namespace__")
    nested = as_nested(data)
    if isinstance(nested, (list, tuple)):
        _check_regular(nested, 0)
    array = np.array(nested)
    if array.dtype == object or array.dtype.kind in "USmM":
        raise ArgumentError(f"tensor(): could not make a tensor of {type(data).__name__} with elements of dtype "
                            f"{array.dtype}")
    if dtype is not None:
        return array.astype(dtypes.chosen(dtype, dtype).numpy)
    if not keeps and not _holds_arrays(nested):
        if array.dtype.kind == "f" or not array.size:
            return array.astype(dtypes.get_default_dtype().numpy)
        if array.dtype.kind == "c":
            return array.astype(dtypes.default_complex().numpy)
    dtypes.of(array.dtype)  # raises for types that tensors do not have
    return array


def _holds_arrays(nested: Any) -> bool:
    while isinstance(nested, (list, tuple)) and nested:
        nested = nested[0]
    return isinstance(nested, (np.ndarray, np.generic))


def _check_regular(nested: Sequence[Any], dim: int) -> None:
    """Raise ValueError, in PyTorch's words, if lists at one depth differ in length."""
    if not nested or not isinstance(nested[0], (list, tuple)):
        return
    length = len(nested[0])
    for item in nested:
        found = len(item) if isinstance(item, (list, tuple)) else -1
        if found != length:
            raise ValueError(f"expected sequence of length {length} at dim {dim + 1} (got {max(found, 0)})")
        _check_regular(item, dim + 1)


def as_tensor(data: Any, dtype: dtype | None = None, device: Any = None) -> Tensor:
    """`data` as a tensor, sharing its memory where possible, as torch.as_tensor."""
    if device is not None:
        host(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)  # type: ignore[attr-defined]
    if isinstance(data, np.ndarray):
        shared = from_numpy(data)
        return shared if dtype is None else shared.to(dtype)  # type: ignore[attr-defined]
    return tensor(data, dtype=dtype)


def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """A tensor that shares the memory of a NumPy array, as torch.from_numpy.

    A compiled function reads an array from outside at every call. Raises ValueError for negative strides.
    """
    if not isinstance(array, np.ndarray):
        raise ArgumentError(f"expected np.ndarray (got {type(array).__name__})")
    if any(step < 0 for step in array.strides):
        raise ShapeError("At least one stride in the given numpy array is negative, and tensors with negative strides "
                         "are not currently supported. (You can probably work around this by making a copy of your "
                         "array with array.copy().)")
    try:
        dtypes.of(array.dtype)
    except DtypeError:
        raise DtypeError(f"can't convert np.ndarray of type numpy.{array.dtype.type.__name__}. The only supported "
                         f"types are: {', '.join(kind.name for kind in dtypes.ALL)}.") from None
    return _noted("from_numpy()", wrap(array))


class TensorType(type):
    """The class of PyTorch's old tensor classes: a call makes a tensor, `isinstance` asks for the dtype."""

    dtype: dtype

    def __call__(cls, *data: Any) -> Tensor:
        """Sizes give memory that is not initialised, a list gives data."""
        if len(data) != 1 or isinstance(data[0], int):
            return empty(*data, dtype=cls.dtype)
        given = data[0]
        if isinstance(given, Tensor):
            if given.dtype is not cls.dtype:
                raise ArgumentError(f"expected {cls.__name__} (got {dtypes.TITLES[given.dtype]}Tensor)")
            return given.detach()  # type: ignore[attr-defined, no-any-return]
        return empty(*given, dtype=cls.dtype) if isinstance(given, Size) else tensor(given, dtype=cls.dtype)

    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, Tensor) and x.dtype is cls.dtype


def _legacy(kind: dtype) -> TensorType:
    name = f"{dtypes.TITLES[kind]}Tensor"
    text = f"A {kind.name} tensor of the given sizes (not initialised) or data, as torch.{name}."
    return TensorType(name, (), {"__doc__": text, "dtype": kind})


FloatTensor = _legacy(dtypes.float32)
DoubleTensor = _legacy(dtypes.float64)
HalfTensor = _legacy(dtypes.float16)
BFloat16Tensor = _legacy(dtypes.bfloat16)
LongTensor = _legacy(dtypes.int64)
IntTensor = _legacy(dtypes.int32)
ShortTensor = _legacy(dtypes.int16)
CharTensor = _legacy(dtypes.int8)
ByteTensor = _legacy(dtypes.uint8)
BoolTensor = _legacy(dtypes.bool_)


def equal(x: Tensor, y: Tensor) -> bool:
    """Whether x and y have one shape and the same elements, as torch.equal."""
    a, b = host_array(x, "equal()"), host_array(y, "equal()")
    return a.shape == b.shape and bool((a == b).all())


def allclose(x: Tensor, y: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether |x - y| ≤ atol + rtol·|y| everywhere, as torch.allclose."""
    if x.dtype is not y.dtype:
        raise DtypeError(f"{dtypes.TITLES[x.dtype]} did not match {dtypes.TITLES[y.dtype]}")
    return bool(np.allclose(host_array(x, "allclose()"), host_array(y, "allclose()"), rtol, atol, equal_nan))


Tensor.equal = equal  # type: ignore[attr-defined]
Tensor.allclose = allclose  # type: ignore[attr-defined]

