"""Copies and casts of one tensor, the end of a gradient, and constants in a graph."""

from __future__ import annotations

from typing import Any

from gradc import dtypes, shapes
from gradc.apply import apply
from gradc.dtypes import dtype
from gradc.errors import ArgumentError
from gradc.ir import Type
from gradc.ir.constants import Array
from gradc.modes import current
from gradc.ops.base import Op
from gradc.ops.define import op
from gradc.tensor import Tensor, device, wrap

__all__ = ["clone", "detach"]


class Unary(Op):
    """An op whose result has its operand's type."""

    def infer(self, x: Any) -> Type:
        return Type(x.dtype, x.shape)


@op
class to(Op):
    """x in another element type; x itself if it has that type already.

    Source  torch.Tensor.to
    """

    kernel = lambda xp, x, *, dtype: xp.astype(x, dtype.numpy)
    grad_x = lambda g, x_type: g.to(x_type.dtype)
    torch_name = "ToCopy"
    pointwise = True
    samples = [((3,), {"dtype": dtypes.float64}), ([1.5, -2.5], {"dtype": dtypes.int64})]

    def infer(self, x: Any, *, dtype: dtype) -> Type:
        return Type(dtype, x.shape)

    def call(self, x: Tensor, *target: Any, dtype: dtype | None = None, device: Any = None, copy: bool = False,
             non_blocking: bool = False) -> Any:
        for t in (*target, device):
            dtype = _target(t) or dtype
        if dtype is None or dtype is x.dtype:
            return x.clone() if copy else x  # type: ignore[attr-defined]
        return apply(self, (x,), {"dtype": dtype})


def _target(t: Any) -> dtype | None:
    """The dtype that an argument of `to` means; a device must be the CPU."""
    if isinstance(t, dtype):
        return t
    if isinstance(t, Tensor):
        return t.dtype
    if isinstance(t, (str, device)):
        device(t)
    elif t is not None and not isinstance(t, bool):
        raise ArgumentError(f"to(): expected a dtype, a device or a tensor, got {t!r}")
    return None


def _caster(target: dtype) -> Any:
    def cast(self: Tensor) -> Tensor:
        return to(self, target)

    cast.__doc__ = f"This tensor as {target!r}."
    return cast


for _name, _dtype in {
    "float": dtypes.float32, "double": dtypes.float64, "half": dtypes.float16, "bfloat16": dtypes.bfloat16,
    "long": dtypes.int64, "int": dtypes.int32, "short": dtypes.int16, "char": dtypes.int8, "byte": dtypes.uint8,
    "bool": dtypes.bool_,
}.items():
    setattr(Tensor, _name, _caster(_dtype))


def _type_as(self: Tensor, other: Tensor) -> Tensor:
    """This tensor in the dtype of `other`."""
    return to(self, other.dtype)


def _cpu(self: Tensor) -> Tensor:
    return self


Tensor.type_as = _type_as  # type: ignore[attr-defined]
Tensor.cpu = _cpu  # type: ignore[attr-defined]


@op
class clone(Unary):
    """A copy of x with memory of its own.

    Source  torch.clone
    """

    kernel = lambda xp, x: xp.array(x, copy=True)
    grad_x = lambda g: g
    samples = [((3,),)]

    def call(self, x: Tensor, *, memory_format: Any = None) -> Any:
        return apply(self, (x,), {})


@op
class contiguous(Unary):
    """x in row-major memory: x itself if it is so already.

    Source  torch.Tensor.contiguous
    """

    kernel = lambda xp, x: xp.array(x, copy=True)
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
    return detach(self)


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


Tensor.data = property(_data, _set_data, doc="The values, outside the graph; assigning replaces them.")  # type: ignore


@op
class copy(Op):
    """The values of `source` in the shape and type of x; what x.copy_(source) writes.

    Source  torch.Tensor.copy_
    """

    decompose = lambda x, source: source.to(x.dtype).expand(x.shape)
    grad_source = lambda g: g
    method = False
    samples = [((2, 3), (3,))]

    def infer(self, x: Any, source: Any) -> Type:
        shapes.expand(source.shape, x.shape)
        return Type(x.dtype, x.shape)

    def node_name(self, node: Any) -> str:
        return "CopyBackwards"


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

