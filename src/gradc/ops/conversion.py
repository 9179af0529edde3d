"""Copies and casts of one tensor, the end of a gradient, and constants in a graph."""

from __future__ import annotations

import warnings
from typing import Any

from gradc import dtypes, locations, shapes
from gradc.apply import apply
from gradc.devices import host
from gradc.dtypes import dtype
from gradc.errors import ArgumentError, GradError, ShapeError
from gradc.ir import Type
from gradc.ir.constants import Array
from gradc.layouts import contiguous_format
from gradc.modes import current
from gradc.ops.base import Op
from gradc.ops.batching import alike
from gradc.ops.define import op
from gradc.tensor import Tensor, device, wrap

__all__ = ["clone", "detach", "result_type"]


class Unary(Op):
    """An op whose result has its operand's type."""

    batched = alike

    def infer(self, x: Any) -> Type:
        return Type(x.dtype, x.shape)


@op
class to(Op):
    """x in another element type; x itself if it has that type already.

    Source  torch.Tensor.to
    """

    kernel = lambda xp, x, *, dtype: xp.astype(
        xp.real(x) if x.dtype.kind == "c" and dtype.category in (dtypes.INT, dtypes.FLOAT) else x, dtype.numpy)
    grad_x = lambda g: g
    torch_name = "ToCopy"
    pointwise = True
    samples = [((3,), {"dtype": dtypes.float64}), ([1.5, -2.5], {"dtype": dtypes.int64})]

    def infer(self, x: Any, *, dtype: dtype) -> Type:
        return Type(dtype, x.shape)

    def call(self, x: Tensor, *target: Any, dtype: dtype | None = None, device: Any = None, copy: bool = False,
             non_blocking: bool = False, memory_format: Any = None) -> Any:
        for t in (*target, device):
            dtype = _target(t) or dtype
        if dtype is None or dtype is x.dtype:
            return x.clone() if copy else x  # type: ignore[attr-defined]
        if x.dtype.is_complex and dtype.category in (dtypes.INT, dtypes.FLOAT):
            warnings.warn("Casting complex values to real discards the imaginary part", UserWarning, stacklevel=2)
        return apply(self, (x,), {"dtype": dtype})


def _target(t: Any) -> dtype | None:
    """The dtype that an argument of `to` means; a device must be the CPU."""
    if isinstance(t, dtype):
        return t
    if isinstance(t, type) and t in dtypes.PYTHON:
        return dtypes.PYTHON[t]
    if isinstance(t, Tensor):
        return t.dtype
    if isinstance(t, (str, device)) or (isinstance(t, int) and not isinstance(t, bool)):
        host(t)
    elif t is not None and not isinstance(t, bool):
        raise ArgumentError(f"to(): expected a dtype, a device or a tensor, got {t!r}")
    return None


def _caster(target: dtype) -> Any:
    def cast(self: Tensor, memory_format: Any = None) -> Tensor:
        return to(self, target)

    cast.__doc__ = f"This tensor as {target!r}."
    return cast


for _name, _dtype in {
    "float": dtypes.float32, "double": dtypes.float64, "half": dtypes.float16, "bfloat16": dtypes.bfloat16,
    "long": dtypes.int64, "int": dtypes.int32, "short": dtypes.int16, "char": dtypes.int8, "byte": dtypes.uint8,
    "bool": dtypes.bool_, "cfloat": dtypes.complex64, "cdouble": dtypes.complex128,
}.items():
    setattr(Tensor, _name, _caster(_dtype))


def _type_as(self: Tensor, other: Tensor) -> Tensor:
    """This tensor in the dtype of `other`."""
    return to(self, other.dtype)


def _type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of this tensor's class in PyTorch, or this tensor as what a dtype, a class or its name says."""
    if dtype is None:
        return f"torch.{dtypes.TITLES[self.dtype]}Tensor"
    title = getattr(dtype, "__name__", dtype)  # of a class; a dtype has none
    for kind, name in dtypes.TITLES.items():
        if title in (f"{name}Tensor", f"torch.{name}Tensor"):
            return to(self, kind)
    if isinstance(dtype, str):
        raise ArgumentError(f"invalid type: {dtype!r}")
    return to(self, dtypes.chosen(dtype, self.dtype))


def _is_signed(self: Tensor) -> bool:
    """Whether the dtype has negative numbers."""
    return self.dtype.is_signed


def result_type(x: Any, y: Any) -> dtype:
    """The dtype of an arithmetic operation of two tensors or numbers, as torch.result_type."""
    return dtypes.promote([(v.dtype, v.ndim) if isinstance(v, Tensor) else (dtypes.python_scalar(type(v)), -1)
                           for v in (x, y)])


def _cpu(self: Tensor) -> Tensor:
    return self


Tensor.type_as = _type_as  # type: ignore[attr-defined]
Tensor.cpu = _cpu  # type: ignore[attr-defined]
Tensor.type = _type  # type: ignore[attr-defined]
Tensor.is_signed = _is_signed  # type: ignore[attr-defined]


@op
class clone(Unary):
    """A copy of x with memory of its own.

    Source  torch.clone
    """

    kernel = lambda xp, x: xp.array(x, copy=True)
    grad_x = lambda g: g
    samples = [((3,),)]

    def call(self, x: Tensor, *, memory_format: Any = None) -> Any:
        return apply(contiguous if memory_format is contiguous_format else self, (x,), {})


@op
class contiguous(Unary):
    """x in row-major memory: x itself if it is so already.

    Source  torch.Tensor.contiguous
    """

    kernel = lambda xp, x: xp.array(x, copy=True, order="C")
    lower = lambda xp, x: xp.array(x, copy=True)
    grad_x = lambda g: g
    torch_name = "Clone"
    samples = [((3, 2),)]

    def call(self, x: Tensor, *, memory_format: Any = None) -> Any:
        array = x._array
        return x if hasattr(array, "flags") and array.flags.c_contiguous else apply(self, (x,), {})


@op
class detach(Unary):
    """x without its history: the gradient ends here. It shares x's memory.

    Source  torch.Tensor.detach
    """

    kernel = lambda xp, x: x
    view = True
    detaches = True
    samples = [((3,),)]


def known(array: Any) -> Tensor:
    """A tensor of values that are known now: a constant of the graph while a function is traced."""
    trace = current().trace
    return wrap(array) if trace is None else trace.tensor(trace.constant(array))


def _data(self: Tensor) -> Tensor:
    """The values outside the graph, with a version counter of their own: as in PyTorch, writing them is not noticed."""
    values: Tensor = detach(self)
    if current().trace is None:
        values._storage = type(self._storage)()
        values._view = None
    return values


def _detach_(self: Tensor) -> Tensor:
    """Make this tensor a leaf without a history, as torch.Tensor.detach_."""
    if self._is_view():
        raise GradError("Can't detach views in-place. Use detach() instead." + locations.quote(locations.here()))
    trace = current().trace
    if trace is not None:
        trace.check_own(self, "the history")
        trace.write(self, detach(self))
    self._node = None
    return self


Tensor.detach_ = _detach_  # type: ignore[attr-defined]


def _set_data(self: Tensor, other: Tensor) -> None:
    trace = current().trace
    if trace is not None:
        if self.type_ != other.type_:
            trace.check_own(self, "the shape or type")
        trace.write(self, other)
        return
    self._array = other._array
    self._device = None
    self._storage = other._storage
    watch = current().watch
    if watch is not None:
        watch("rebuild", ".data =", (other,), self)


Tensor.data = property(_data, _set_data, doc="The values, outside the graph; assigning replaces them.")  # type: ignore


@op
class copy(Op):
    """The values of `source` in the shape and type of x; what x.copy_(source) writes.

    Source  torch.Tensor.copy_
    """

    decompose = lambda x, source: source.to(x.dtype).expand(x.shape)
    grad_x = lambda g: g.zeros_like()
    grad_source = lambda g: g
    method = False
    samples = [((2, 3), (3,))]

    def infer(self, x: Any, source: Any) -> Type:
        shapes.expand(source.shape, x.shape)
        return Type(x.dtype, x.shape)

    def node_name(self, node: Any) -> str:
        return "CopyBackwards"


@op
class view_as_dtype(Op):
    """The bytes of x as elements of another dtype, of which the last dimension holds more or fewer.

    Source  torch.Tensor.view with a dtype
    """

    kernel = lambda xp, x, *, dtype: x.view(getattr(dtype, "numpy", dtype))
    batched = alike
    view = True
    method = False
    checked = True
    samples = [([1, -2], {"dtype": dtypes.float64}), ([1, -2], {"dtype": dtypes.int32})]

    def infer(self, x: Any, *, dtype: dtype) -> Type:
        old, new = x.dtype.itemsize, dtype.itemsize
        if old == new:
            return Type(dtype, x.shape)
        if not x.shape or x.shape[-1] * old % new:
            raise ShapeError(f"self.size(-1) must be divisible by {new // old} to view {x.dtype!r} as {dtype!r} "
                             f"(different element sizes), but got {list(x.shape)}")
        return Type(dtype, (*x.shape[:-1], x.shape[-1] * old // new))

    def writer(self, base: Type, attrs: dict[str, Any]) -> tuple[Op, dict[str, Any], bool]:
        return self, {"dtype": base.dtype}, False


@op
class constant(Op):
    """An array written into the graph.

    Source  jax's literals; an Array of up to 16 elements prints its values, a larger one the hash of its bytes
    """

    kernel = lambda xp, *, value: xp.asarray(value.numpy.tolist(), value.dtype.numpy) if value.numpy.size <= 16 \
        else xp.asarray(value.numpy)
    method = False
    samples = [({"value": Array([1.0, 2.0])},), ({"value": Array(3)},)]

    def infer(self, *, value: Any) -> Type:
        return value.type

