"""Parameters, their gradients, and what PyTorch's messages call the classes of things."""

from __future__ import annotations

from typing import Any

from gradc import dtypes
from gradc.errors import GradcError
from gradc.locations import here, quote
from gradc.modes import no_grad
from gradc.ops.creation import empty
from gradc.storage import Storage
from gradc.tensor import LEAF, Parameter, Tensor, new

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "UninitializedTensorMixin",
           "clear_grad", "is_lazy", "typename"]


def clear_grad(p: Tensor, set_to_none: bool) -> None:
    """Forget the gradient of `p`, or make it zero in place."""
    if set_to_none:
        p.grad = None
    elif (g := p.grad) is not None:
        if g.grad_fn is not None:  # it was computed with create_graph, and its graph stays what it is
            p.grad = g.zeros_like()  # type: ignore[attr-defined]
        else:
            with no_grad():
                g.zero_()  # type: ignore[attr-defined]


def typename(x: Any) -> str:
    """The name of x's class as PyTorch writes it: `torch.FloatTensor` for a tensor, else `int`, `package.Class`."""
    if isinstance(x, Tensor):
        return f"torch.{dtypes.TITLES[x.dtype]}Tensor"
    kind = type(x)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


class _BufferKind(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and "persistent" in instance.__dict__


class Buffer(metaclass=_BufferKind):
    """Makes a tensor that becomes a buffer when it is assigned to an attribute of a module, as torch.nn.Buffer."""

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Any:
        found: Any = empty(0) if data is None else data.detach().requires_grad_(data.requires_grad)  # type: ignore
        found.persistent = persistent
        return found


class UninitializedError(GradcError, ValueError):
    """A use of a parameter that has no values yet."""


class UninitializedShapeError(GradcError, RuntimeError):
    """A question for the shape of a parameter that has none yet."""


class UninitializedTensorMixin:
    """A tensor whose shape is not known yet: all that it has is a dtype."""

    cls_to_become: type[Tensor]
    _kind: dtypes.dtype

    def materialize(self, shape: Any, device: Any = None, dtype: dtypes.dtype | None = None) -> None:
        """Become a tensor of this shape, with memory that is not initialised."""
        made = empty(*shape, dtype=dtype or self._kind, device=device)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        self._array, self._storage = made._array, made._storage  # type: ignore[misc]

    @property
    def _array(self) -> Any:
        raise UninitializedError(
            f"Attempted to use an uninitialized parameter. This error happens when you are using a `LazyModule` or "
            f"explicitly manipulating `torch.nn.parameter.{type(self).__name__}` objects. When using LazyModules Call "
            f"`forward` with a dummy batch to initialize the parameters before calling torch functions{quote(here())}")

    @property
    def shape(self) -> Any:
        """Raises UninitializedShapeError, a RuntimeError."""
        raise UninitializedShapeError(
            f"Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            f"`load_state_dict` when trying to load an uninitialized parameter into an initialized one. Call `forward` "
            f"to initialize the parameters before accessing their attributes.{quote(here())}")

    @property
    def dtype(self) -> dtypes.dtype:
        """The dtype that it will have."""
        return self._kind

    @property
    def data(self) -> Tensor:
        """Nothing, in the dtype that it will have; to set it changes that dtype."""
        return empty(0, dtype=self._kind)

    @data.setter
    def data(self, value: Tensor) -> None:
        self._kind = value.dtype

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Itself, in the dtype that an empty tensor would have after `to`."""
        self._kind = self.data.to(*args, **kwargs).dtype  # type: ignore[attr-defined]
        return self

    def detach(self) -> Any:
        """Itself."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        made = memo[id(self)] = type(self)(self.requires_grad, dtype=self._kind)  # type: ignore[attr-defined, call-arg]
        return made

    def __reduce__(self) -> Any:
        return type(self), (self.requires_grad, None, self._kind)  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def _uninitialized(cls: Any, requires_grad: bool, device: Any, dtype: dtypes.dtype | None) -> Any:
    made: Any = new(cls)
    made._kind = empty(0, dtype=dtype, device=device).dtype
    made._storage = Storage()
    made._node = LEAF if requires_grad else None
    return made


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is not known yet, as torch.nn.UninitializedParameter."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: dtypes.dtype | None = None) -> Any:
        return _uninitialized(cls, requires_grad, device, dtype)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer whose shape is not known yet, as torch.nn.UninitializedBuffer."""

    cls_to_become = Tensor

    def __new__(cls, requires_grad: bool = False, device: Any = None, dtype: dtypes.dtype | None = None,
                persistent: bool = True) -> Any:
        made = _uninitialized(cls, requires_grad, device, dtype)
        made.persistent = persistent
        return made

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass


def is_lazy(param: Any) -> bool:
    """Whether a parameter or buffer has no shape yet."""
    return isinstance(param, UninitializedTensorMixin)
