"""Parameters and buffers that are computed from others whenever they are read: torch.nn.utils.parametrize.

The module gets a class of its own, with a property in the place of the tensor.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gradc.errors import GradcError
from gradc.modes import no_grad
from gradc.nn.containers import ModuleDict, ModuleList
from gradc.nn.module import Module
from gradc.nn.parameter import Parameter
from gradc.tensor import Tensor

__all__ = ["ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
           "type_before_parametrizations"]


class ParametrizationError(GradcError, ValueError):
    """A parametrization that does not fit the tensor that it is to compute."""


class InverseError(GradcError, RuntimeError):
    """A parametrization without an inverse, where one is needed; or a module that cannot be saved whole."""


_CACHE: dict[tuple[int, str], Tensor] = {}
_DEPTH = [0]


@contextlib.contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor only once inside."""
    _DEPTH[0] += 1
    try:
        yield
    finally:
        _DEPTH[0] -= 1
        if not _DEPTH[0]:
            _CACHE.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, applied one after the other, and the tensor or tensors they start from."""

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ParametrizationError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        new: Any = original
        with no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    with contextlib.suppress(NotImplementedError):
                        new = module.right_inverse(new)
        self.is_tensor = isinstance(new, Tensor)
        if not self.is_tensor and not isinstance(new, Sequence):
            raise ParametrizationError(f"'right_inverse' must return a Tensor or a Sequence of tensors (list, "
                                       f"tuple...). Got {type(new).__name__}")
        self.ntensors = 1 if self.is_tensor else len(new)
        shape, dtype = original.shape, original.dtype
        if self.is_tensor:
            if new.dtype is not dtype:
                raise ParametrizationError(f"When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                                           f"original.dtype: {dtype}\nright_inverse(original).dtype: {new.dtype}")
            original.data = new.detach()
            _register(self, "original", original)
        else:
            for i, part in enumerate(new):
                part = part.detach()
                _register(self, f"original{i}",
                          Parameter(part, original.requires_grad) if isinstance(original, Parameter) else part)
        if not unsafe:
            check(self(), shape, dtype, "Registering a parametrization may not change the {} of the tensor, unless "
                                        "`unsafe` flag is enabled.")

    def right_inverse(self, value: Any) -> None:
        """Set the originals so that the parametrized tensor becomes `value`."""
        with no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise InverseError(f"parametrization {type(module).__name__} does not implement right_inverse.")
                value = module.right_inverse(value)
            values = (value,) if self.is_tensor else tuple(value)
            if len(values) != self.ntensors:
                raise ParametrizationError(f"'right_inverse' must return a sequence of tensors of length "
                                           f"{self.ntensors}. Got a sequence of length {len(values)}.")
            for original, new in zip(self.originals(), values, strict=True):
                if new.dtype is not original.dtype:
                    raise ParametrizationError(f"The tensor returned by `right_inverse` has dtype {new.dtype} while "
                                               f"`original` has dtype {original.dtype}")
                original.copy_(new)  # type: ignore[attr-defined]

    def originals(self) -> list[Tensor]:
        """The tensors that the parametrized one is computed from."""
        return [self.original] if self.is_tensor else [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def forward(self) -> Any:
        """The parametrized tensor."""
        first, *rest = self
        x = first(*self.originals())
        for module in rest:
            x = module(x)
        return x


def _register(module: Module, name: str, x: Tensor) -> None:
    if isinstance(x, Parameter):
        module.register_parameter(name, x)
    else:
        module.register_buffer(name, x)


def check(x: Any, shape: Any, dtype: Any, message: str) -> None:
    """Raise ParametrizationError if x is no tensor of this shape and dtype."""
    if not isinstance(x, Tensor):
        raise ParametrizationError(f"A parametrization must return a tensor. Got {type(x).__name__}.")
    for what, wanted, found in (("dtype", dtype, x.dtype), ("shape", shape, x.shape)):
        if wanted != found:
            raise ParametrizationError(f"{message.format(what)}\nunparametrized {what}: {wanted}\nparametrized {what}: "
                                       f"{found}")


class _Parametrized:
    """What the class of a parametrized module has besides."""

    def __getstate__(self) -> Any:
        raise InverseError("Serialization of parametrized modules is only supported through state_dict().")

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        replica = object.__new__(type(self))
        memo[id(self)] = replica
        replica.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return replica


def derive(module: Module, name: str, compute: Callable[[Any], Any], assign: Callable[[Any, Any], None] | None = None,
           prefix: str = "Parametrized") -> None:
    """Make `module.name` what `compute(module)` gives whenever it is read, in a class of the module's own.

    `prefix` stands in front of the class's name.
    """
    kind = type(module)
    if not issubclass(kind, _Parametrized):
        module.__class__ = kind = type(prefix + kind.__name__, (_Parametrized, kind), {})
    setattr(kind, name, property(compute, assign))


def underive(module: Module, name: str) -> None:
    """Undo `derive`."""
    kind = type(module)
    delattr(kind, name)
    if not any(isinstance(x, property) for x in vars(kind).values()):
        module.__class__ = kind.__bases__[1]


def register_parametrization(module: Module, tensor_name: str, parametrization: Module, *,
                             unsafe: bool = False) -> Module:
    """Let `module.<tensor_name>` be `parametrization` of what it was, as torch.nn.utils.parametrize.

    Its `right_inverse`, if there is one, sets what it is computed from; several parametrizations are applied in order.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            y = getattr(module, tensor_name)
            check(parametrization(y), y.shape, y.dtype, "Registering a parametrization may not change the {} of the "
                                                        "tensor, unless the `unsafe` flag is enabled.")
        found = module.parametrizations[tensor_name]
        found.append(parametrization)
        found.unsafe |= unsafe
        return module
    if tensor_name not in module._buffers and tensor_name not in module._parameters:
        raise ParametrizationError(f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
                                   f"with name '{tensor_name}'")
    made = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        module.parametrizations = ModuleDict()
    derive(module, tensor_name, lambda self: _computed(self, tensor_name),
           lambda self, value: self.parametrizations[tensor_name].right_inverse(value))
    module.parametrizations[tensor_name] = made
    return module


def _computed(module: Any, name: str) -> Any:
    if not _DEPTH[0]:
        return module.parametrizations[name]()
    key = id(module), name
    if key not in _CACHE:
        _CACHE[key] = module.parametrizations[name]()
    return _CACHE[key]


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrized tensors, or this one."""
    found = module.__dict__.get("parametrizations")
    return isinstance(found, ModuleDict) and (len(found) > 0 if tensor_name is None else tensor_name in found)


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a parametrized tensor an ordinary one again: with the value it has, or the one it was computed from."""
    if not is_parametrized(module, tensor_name):
        raise ParametrizationError(f"Module {module} does not have a parametrization on {tensor_name}")
    found = module.parametrizations[tensor_name]
    if not leave_parametrized and not found.is_tensor:
        raise ParametrizationError("Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
                                   "parametrized in terms of a sequence of tensors.")
    original = found.originals()[0]
    if leave_parametrized:
        with no_grad():
            value = getattr(module, tensor_name).detach()
        if found.is_tensor:
            original.data = value
        else:
            original = Parameter(value, original.requires_grad) if isinstance(original, Parameter) else value
    underive(module, tensor_name)
    del module.parametrizations[tensor_name]
    if not len(module.parametrizations):
        del module.parametrizations
    _register(module, tensor_name, original)
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class of a module, as it was before it was parametrized."""
    kind = type(module)
    return kind.__bases__[1] if is_parametrized(module) else kind
