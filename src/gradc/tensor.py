"""The Tensor: a payload, the memory it shares with its views, and its place in the autograd graph.

It spells no op and knows no engine. ops/ attaches operators and methods, engine.py attaches `backward`.

The payload `_array` is a NumPy array, or an ir.Value while a function is traced. A compiled step leaves its results in
`_device` as jax arrays and deletes `_array`; the first eager read brings it back (see `__getattr__`), so that state
which only compiled code touches never leaves the device.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from gradc import dtypes, locations
from gradc.coverage import MissingName
from gradc.devices import CPU, device
from gradc.dtypes import dtype
from gradc.errors import ArgumentError, DtypeError, GradError, ShapeError
from gradc.formatting import format_array
from gradc.ir.types import Type
from gradc.layouts import layout, strided
from gradc.modes import current
from gradc.shapes import Size
from gradc.storage import InferenceStorage, Storage

new = object.__new__


class Leaf:
    """Stands in `_node` for a leaf that requires grad: the graph's edge to it is the tensor itself."""


class Viewed:
    """Stands in `_node` for a view: its node is in `_view`, and found again once the history of its base changes."""


LEAF = Leaf()
VIEW = Viewed()


class View:
    """How a view was made: `op` with `attrs` of `parent`. The chain of parents ends at a tensor that is no view.

    `node` is the view's place in the autograd graph as of `history`.
    """

    __slots__ = ("parent", "op", "attrs", "node", "history")

    def __init__(self, parent: Tensor, op: Any, attrs: dict[str, Any], node: Any, history: int) -> None:
        self.parent = parent
        self.op = op
        self.attrs = attrs
        self.node = node
        self.history = history


class Tensor:
    """An array with autograd, as torch.Tensor.

    `Tensor(3, 5)` is uninitialised memory of that shape, `Tensor([1, 2])` data, both of the default dtype; prefer
    `tensor(...)`, `zeros(...)`.
    """

    __slots__ = ("_array", "_storage", "_node", "__dict__", "__weakref__")  # what every instance sets, for speed
    _array: Any
    _storage: Storage
    _node: Any

    # Defaults for all instances.
    _grad: Tensor | None = None
    _view: View | None = None
    _device: Any = None
    _hooks: Any = None
    _retains_grad = False
    _turned = 0
    """The history of its storage when its dimensions were last changed in place; see apply.turn."""

    __array_priority__ = 1000
    __array_ufunc__: Any = None  # ops/mixing.py provides it
    __hash__ = object.__hash__

    def __init__(self, *data: Any) -> None:
        kind = dtypes.get_default_dtype().numpy
        if len(data) == 1 and not isinstance(data[0], int):
            self._array = np.array(as_nested(data[0]), dtype=kind)
        else:
            self._array = np.empty(data, dtype=kind)
        self._storage = Storage()
        self._node = None

    def __getattr__(self, name: str) -> Any:
        if name == "_array" and self._device is not None:
            # A copy: the device buffer may be donated to the next compiled step while somebody holds this array.
            array = self._array = np.array(self._device)
            self._device = None
            return array
        if name.startswith("__"):  # which NumPy and others look for, often
            raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}")
        raise MissingName("torch.Tensor", name, f"'{type(self).__name__}' object", self)

    # What it is

    @property
    def shape(self) -> Size:
        return Size(payload(self).shape)

    def size(self, dim: int | None = None) -> Size | int:
        """The shape, or its size at `dim`."""
        return self.shape if dim is None else self.shape[dim]

    @property
    def dtype(self) -> dtype:
        return dtypes.of(payload(self).dtype)

    @property
    def type_(self) -> Type:
        """The gradc type: element type and shape."""
        array = payload(self)
        return Type(dtypes.of(array.dtype), array.shape)

    @property
    def ndim(self) -> int:
        return len(payload(self).shape)

    def dim(self) -> int:
        return len(payload(self).shape)

    def numel(self) -> int:
        """Number of elements."""
        return self.type_.size

    nelement = numel

    def element_size(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.type_.nbytes

    @property
    def device(self) -> device:
        return CPU

    def is_floating_point(self) -> bool:
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        return self.dtype.is_complex

    @property
    def layout(self) -> layout:
        return strided

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether its memory is in row-major order, whatever format is asked about."""
        array = self._array
        return bool(array.flags.c_contiguous) if isinstance(array, np.ndarray) else True

    def stride(self) -> tuple[int, ...]:
        """Elements to step over per dimension; in a trace, where memory has no layout, those of row-major order."""
        array = self._array
        if isinstance(array, np.ndarray):
            return tuple(s // array.itemsize for s in array.strides)
        return tuple(math.prod(array.shape[d + 1 :]) for d in range(array.ndim))

    # Its place in the autograd graph

    @property
    def requires_grad(self) -> bool:
        trace = current().trace
        return edge(self) is not None if trace is None else trace.requires_grad(self)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not self.is_leaf:
            raise GradError("you can only change requires_grad flags of leaf variables."
                            + ("" if value else " If you want to use a computed variable in a subgraph that doesn't "
                               "require differentiation use var_no_grad = var.detach()."))
        if value and not self.dtype.is_differentiable:
            raise GradError(f"only Tensors of floating point dtype can require gradients, not {self.dtype}")
        trace = current().trace
        if trace is not None:
            trace.check_own(self, "requires_grad")
        if value and self.is_inference() and not current().inference:
            raise GradError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed."
                            + locations.quote(locations.here()) + "\n    clone() it first.")
        self._node = LEAF if value else None
        watch = current().watch
        if watch is not None:
            watch("flag", f"requires_grad = {value}", (), self)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Turn the recording of gradients of this leaf on or off, and return it."""
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        node = edge(self)
        return node is None or node is self

    @property
    def grad_fn(self) -> Any:
        """The node of the graph that made this tensor; None for a leaf."""
        node = edge(self)
        return None if node is None or node is self else node.node

    @property
    def output_nr(self) -> int:
        node = edge(self)
        return 0 if node is None or node is self else node.index

    @property
    def _version(self) -> int:
        return self._storage.version

    @property
    def _base(self) -> Tensor | None:
        return root(self) if self._is_view() else None

    def is_inference(self) -> bool:
        """Whether it was made in inference mode, so that no gradient can be built on it."""
        return self._storage.__class__ is InferenceStorage

    def _is_view(self) -> bool:
        return self._view is not None and not self._view.op.detaches

    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated by `backward`, None before the first and after zero_grad."""
        trace = current().trace
        if trace is not None:
            return trace.read_grad(self)  # type: ignore[no-any-return]
        if self._grad is None and self._node is not None and self._node is not LEAF and not self._retains_grad \
                and not self.is_leaf:
            warnings.warn("The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
                          "attribute won't be populated during autograd.backward(). Call .retain_grad() on it before "
                          "backward() to keep its gradient, or read .grad of the leaf that it was computed from.",
                          UserWarning, stacklevel=2)
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            _check_grad(self, value)
        trace = current().trace
        if trace is None:
            self._grad = value
        else:
            trace.write_grad(self, value)

    @grad.deleter
    def grad(self) -> None:
        self.grad = None

    # Reading its values

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """The values as a NumPy array that shares this tensor's memory.

        Raises GradError for a tensor that requires grad: use `t.detach().numpy()`, or `force=True`.
        """
        if self.requires_grad and not force:
            raise GradError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return host_array(self, "numpy()")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        return array if dtype is None and not copy else np.array(array, dtype=dtype, copy=copy)

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers; a number for a 0-d tensor."""
        return host_array(self, "tolist()").tolist()

    def item(self) -> bool | int | float | complex:
        """The value of a one-element tensor as a Python number."""
        if self._device is not None and current().trace is None:
            array = np.asarray(self._device)  # one number is soon read; the tensor may stay on the device
        else:
            array = host_array(self, "item()")
        if array.size != 1:
            raise GradError(f"a Tensor with {array.size} elements cannot be converted to Scalar")
        return array.item()

    def __bool__(self) -> bool:
        array = host_array(self, "bool() (an if, while, and, or or not on a tensor)")
        if array.size != 1:
            many = "more than one value" if array.size else "no values"
            raise GradError(f"Boolean value of Tensor with {many} is ambiguous")
        return bool(array.item())

    def __float__(self) -> float:
        return float(_only_element(self, "float()"))

    def __int__(self) -> int:
        return int(_only_element(self, "int()"))

    def __complex__(self) -> complex:
        return complex(_only_element(self, "complex()"))

    def __index__(self) -> int:
        if self.dtype.is_floating_point or self.ndim:
            raise ArgumentError("only integer tensors of a single element can be converted to an index")
        return int(_only_element(self, "index()"))

    def __len__(self) -> int:
        if not self.ndim:
            raise ArgumentError("len() of a 0-d tensor")
        return int(self._array.shape[0])

    def __iter__(self) -> Any:
        if not self.ndim:
            raise ArgumentError("iteration over a 0-d tensor")
        return iter(self.unbind(0))  # type: ignore[attr-defined]

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())  # type: ignore[attr-defined]

    def __format__(self, spec: str) -> str:
        if self.ndim == 0 and type(self) is Tensor:
            return format(self.item(), spec)
        return object.__format__(str(self), spec) if not spec else _unformattable(self)

    def __repr__(self) -> str:
        trace = current().trace
        traced = None if trace is None else trace.described(self)
        if traced is not None:
            return f"tensor(<traced {traced}>)"
        array = self._array
        if not isinstance(array, np.ndarray):
            return f"tensor(<traced {array!r}>)"
        node = edge(self)
        made = "" if node is None or node is self else node.node.name().rpartition("::")[2]
        suffix = [f"grad_fn=<{made}>"] if made else [] if node is None else ["requires_grad=True"]
        return format_array(array, suffixes=suffix)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise GradError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol "
                            "at the moment: use clone().detach() on one that was computed")
        copied = new(type(self))
        memo[id(self)] = copied
        copied._array = host_array(self, "deepcopy()").copy()
        copied._storage = Storage()
        copied._node = self._node
        if self._grad is not None:
            copied._grad = self._grad.__deepcopy__(memo)
        return copied

    def __reduce__(self) -> Any:
        return rebuild, (type(self), host_array(self, "pickling"), self.requires_grad)


class Parameter(Tensor):
    """A Tensor that a module trains: a leaf that requires grad, found by `module.parameters()`."""

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        parameter = new(cls)
        parameter._array = np.empty(0, dtypes.get_default_dtype().numpy) if data is None else data._array
        parameter._storage = Storage() if data is None else data._storage
        parameter._node = LEAF if requires_grad else None
        watch = current().watch
        if watch is not None and data is not None:
            watch("rebuild", "Parameter()", (data,), parameter)
        return parameter

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        pass

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


def wrap(array: Any) -> Tensor:
    """A new tensor over `array`, with memory of its own and outside every graph."""
    tensor = new(Tensor)
    tensor._array = array
    tensor._storage = current().storage()
    tensor._node = None
    return tensor


def rebuild(kind: type[Tensor], array: np.ndarray[Any, Any], requires_grad: bool) -> Tensor:
    """A leaf of class `kind`; what unpickling calls."""
    tensor = new(kind)
    tensor._array = array
    tensor._storage = Storage()
    tensor._node = LEAF if requires_grad else None
    return tensor


def payload(tensor: Tensor) -> Any:
    """What holds the values now: a NumPy array, a jax array that a compiled function left, or an ir.Value."""
    return tensor._array if tensor._device is None else tensor._device


def on_device(array: Any) -> Tensor:
    """A new tensor over a jax array, which becomes NumPy when eager code first reads it."""
    tensor = new(Tensor)
    tensor._device = array
    tensor._storage = current().storage()
    tensor._node = None
    return tensor


def edge(tensor: Tensor) -> Any:
    """Where gradients of `tensor` go: the node (or output of a node) that made it, the leaf itself, or None."""
    node = tensor._node
    if node is LEAF:
        return tensor
    if node is VIEW:
        view = tensor._view
        if view.history != tensor._storage.history:  # type: ignore[union-attr]
            relink(tensor)
        return view.node  # type: ignore[union-attr]
    return node


def relink(tensor: Tensor) -> None:
    """Find the place of a view in the graph after a write to its base; apply.py installs the real one."""
    raise NotImplementedError


def root(tensor: Tensor) -> Tensor:
    """The tensor at the start of a chain of views; detach() starts a chain of its own."""
    while tensor._view is not None and not tensor._view.op.detaches:
        tensor = tensor._view.parent
    return tensor


def host_array(tensor: Tensor, what: str) -> np.ndarray[Any, Any]:
    """The NumPy array of `tensor`.

    Raises TraceError when a trace is on and the value is not known: `what` says which read needed it.
    """
    modes = current()
    if modes.quick:
        return tensor._array  # type: ignore[no-any-return]
    if modes.watch is not None:
        modes.watch("read", what, (tensor,), None)
    return tensor._array if modes.trace is None else modes.trace.concrete(tensor, what)


def as_nested(data: Any, inside: bool = False) -> Any:
    """`data` with the tensors in nested lists replaced by their values."""
    if isinstance(data, Tensor):
        if inside:
            _warn_of_lost_gradient(data)
        return host_array(data, "tensor()")
    if isinstance(data, (list, tuple)):
        return [as_nested(item, True) for item in data]
    return data


def _only_element(tensor: Tensor, what: str) -> Any:
    array = host_array(tensor, what)
    if array.size != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    _warn_of_lost_gradient(tensor)
    return array.item()


def _warn_of_lost_gradient(tensor: Tensor) -> None:
    if edge(tensor) is not None:
        warnings.warn("Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior. "
                      "Consider using tensor.detach() first, or item(), which says that a number is wanted.",
                      UserWarning, stacklevel=4)


def _unformattable(tensor: Tensor) -> str:
    raise ArgumentError(f"unsupported format string passed to Tensor.__format__: it takes a 0-d tensor, this is "
                        f"{tensor.type_}")


def _check_grad(tensor: Tensor, value: Tensor) -> None:
    if not isinstance(value, Tensor):
        raise ArgumentError(f"assigned grad expected to be a Tensor or None but got grad of type "
                            f"{type(value).__name__}")
    if value is tensor:
        raise GradError("can't assign Variable as its own grad")
    if value._array.shape != tensor._array.shape:
        raise ShapeError(f"attempting to assign a gradient of size '{list(value._array.shape)}' to a tensor of size "
                         f"'{list(tensor._array.shape)}'. Please ensure that the gradient and the tensor are the same "
                         f"size")
    if value.dtype is not tensor.dtype:
        raise DtypeError(f"attempting to assign a gradient with dtype '{value.dtype.name}' to a tensor with "
                         f"grad_dtype '{tensor.dtype.name}'. Please ensure that the gradient and the tensor have the "
                         f"same dtype")
