"""Modules: functions with parameters, buffers and submodules."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from gradc import dtypes
from gradc.devices import host, refused
from gradc.errors import ArgumentError, GradcError
from gradc.hooks import RemovableHandle
from gradc.modes import current, no_grad, note_change
from gradc.nn import hooks
from gradc.nn.hooks import BACKWARD, BACKWARD_PRE, FORWARD, FORWARD_PRE, Hook
from gradc.nn.parameter import Buffer, Parameter, clear_grad, typename
from gradc.nn.slots import SlotError, Slots, check_name
from gradc.nn.state import Stateful
from gradc.tensor import Tensor

M = TypeVar("M", bound="Module")


class ModuleError(GradcError, ValueError):
    """A value that a module cannot take."""


class ForwardError(GradcError, NotImplementedError):
    """A module whose class says nothing of what it computes."""


class Module(Stateful):
    """A function with parameters, buffers and submodules, as torch.nn.Module.

    A subclass makes them in `__init__`, after `super().__init__()`, by plain assignment, and defines `forward`.
    """

    training: bool
    _parameter_names: dict[str, bool]
    _buffer_names: dict[str, bool]
    _module_names: dict[str, bool]

    # No hooks by default; a module makes dictionaries of its own when it gets the first.
    _forward_pre_hooks: dict[int, Hook] = {}
    _forward_hooks: dict[int, Hook] = {}
    _backward_pre_hooks: dict[int, Hook] = {}
    _backward_hooks: dict[int, Hook] = {}
    _hooked = False

    def __init__(self) -> None:
        self.__dict__.update(training=True, _parameter_names={}, _buffer_names={}, _module_names={})

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; each subclass defines it."""
        raise ForwardError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        trace = current().trace
        if trace is not None:
            return trace.call_module(self, args, kwargs)
        if self._hooked or FORWARD_PRE or FORWARD or BACKWARD_PRE or BACKWARD:
            return hooks.call(self, args, kwargs)
        return self.forward(*args, **kwargs)

    def _call_with_hooks(self, *args: Any, **kwargs: Any) -> Any:
        """`forward` between the hooks, of which there may be none; what a tracer calls."""
        current().trace.guard(hooks.GLOBAL, "global module hooks")  # type: ignore[union-attr]
        return hooks.call(self, args, kwargs)

    # What it holds

    @property
    def _parameters(self) -> Slots:
        return Slots(self.__dict__, self._parameter_names)

    @property
    def _buffers(self) -> Slots:
        return Slots(self.__dict__, self._buffer_names)

    @property
    def _modules(self) -> Slots:
        return Slots(self.__dict__, self._module_names)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, an attribute that `parameters()` finds. None keeps the name for one that is not used."""
        note_change("adds a parameter to a module")
        names = self._names("parameter", "_parameter_names")
        check_name(self, "parameter", name, names)
        if param is not None and not isinstance(param, Parameter):
            raise ArgumentError(f"cannot assign '{typename(param)}' object to parameter '{name}' (torch.nn.Parameter "
                                f"or None required)")
        if param is not None and not param.is_leaf:
            raise ModuleError(f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                              f"explicitly. To express '{name}' as a function of another Tensor, compute the value in "
                              f"the forward() method.")
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is state but no parameter; state_dict holds it if it is `persistent`."""
        note_change("adds a buffer to a module")
        names = self._names("buffer", "_buffer_names")
        check_name(self, "buffer", name, names)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise ArgumentError(f"cannot assign '{typename(tensor)}' object to buffer '{name}' (torch Tensor or None "
                                f"required)")
        self._buffers[name] = tensor
        names[name] = persistent

    def register_module(self, name: str, module: Module | None) -> None:
        """Add a submodule."""
        note_change("adds a module to a module")
        names = self._names("module", "_module_names")
        if module is not None and not isinstance(module, Module):
            raise ArgumentError(f"{typename(module)} is not a Module subclass")
        check_name(self, "module", name, names)
        self._modules[name] = module

    def add_module(self, name: str, module: Module | None) -> None:
        """register_module under its older name."""
        self.register_module(name, module)

    def _names(self, kind: str, attribute: str) -> dict[str, bool]:
        names: dict[str, bool] | None = self.__dict__.get(attribute)
        if names is None:
            raise SlotError(f"cannot assign {kind} before Module.__init__() call")
        return names

    def __getattr__(self, name: str) -> Any:
        raise SlotError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if isinstance(value, Parameter):
            self._names("parameters", "_parameter_names")
            if name not in self._parameter_names:
                self._forget(name)
            self.register_parameter(name, value)
        elif name in own.get("_parameter_names", ()):
            _check_slot(value is None, value, "parameter", name, "torch.nn.Parameter or None")
            own[name] = value
        elif isinstance(value, Module):
            names = self._names("module", "_module_names")
            if name not in names:
                self._forget(name)
            self._modules[name] = value
        elif name in own.get("_module_names", ()):
            _check_slot(value is None, value, "child module", name, "torch.nn.Module or None")
            own[name] = value
        elif name in own.get("_buffer_names", ()):
            _check_slot(value is None or isinstance(value, Tensor), value, "buffer", name,
                        "torch.nn.Buffer, torch.Tensor or None")
            own[name] = value
        elif isinstance(value, Buffer):
            self._names("buffer", "_buffer_names")
            self._forget(name)
            self.register_buffer(name, value, value.persistent)
        else:
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        if name in self.__dict__:
            self._forget(name)
        else:
            object.__delattr__(self, name)

    def _forget(self, name: str) -> None:
        """Remove an attribute of the instance and its registration, if there are any."""
        for names in (self._parameter_names, self._buffer_names, self._module_names):
            names.pop(name, None)
        self.__dict__.pop(name, None)

    # Finding things in it

    def named_modules(self, memo: set[Module] | None = None, prefix: str = "",
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """This module and all below it, parents first, each with its path."""
        seen = set() if memo is None else memo
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if remove_duplicate and module in seen:
                continue
            seen.add(module)
            yield path, module
            below = [(f"{path}.{name}" if path else name, child) for name, child in module._modules.items()]
            stack.extend([(path, child) for path, child in reversed(below) if child is not None])

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all below it, parents first."""
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below this one, each once, by name."""
        seen: set[Module] = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator[Module]:
        """The modules directly below this one, each once."""
        return (child for _, child in self.named_children())

    def _named_members(self, slots: Callable[[Module], Slots], prefix: str, recurse: bool,
                       remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[Tensor] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, x in slots(module).items():
                if x is None or x in seen:
                    continue
                if remove_duplicate:
                    seen.add(x)
                yield (f"{path}.{name}" if path else name), x

    def named_parameters(self, prefix: str = "", recurse: bool = True,
                         remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:
        """The parameters of this module and, if `recurse`, of those below it, each with its path."""
        return self._named_members(lambda module: module._parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module and, if `recurse`, of those below it."""
        return (x for _, x in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True,
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:
        """The buffers of this module and, if `recurse`, of those below it, each with its path."""
        return self._named_members(lambda module: module._buffers, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers of this module and, if `recurse`, of those below it."""
        return (x for _, x in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as "encoder.0"; this one at the path ""."""
        module = self
        for name in target.split(".") if target else ():
            module = _attribute(module, name)
            if not isinstance(module, Module):
                raise SlotError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a path such as "encoder.0"; if `strict` there must be one already."""
        path, _, name = target.rpartition(".")
        if not name:
            raise ModuleError("Cannot set the submodule without a target name!")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise SlotError(f"{parent._get_name()} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise SlotError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as "encoder.0.weight"."""
        path, _, name = target.rpartition(".")
        found = _attribute(self.get_submodule(path), name)
        if not isinstance(found, Parameter):
            raise SlotError(f"`{name}` is not an nn.Parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path such as "encoder.0.running_mean"."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        found: Tensor = _attribute(module, name)
        if name not in module._buffers:
            raise SlotError(f"`{name}` is not a buffer")
        return found

    # Changing all of it

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call `fn` with each module below this one, children first, and with this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self: M, mode: bool = True) -> M:
        """Put this module and all below it in training mode, which dropout for one depends on."""
        if not isinstance(mode, bool):
            raise ModuleError("training mode is expected to be boolean")
        note_change("sets training of a module")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self: M) -> M:
        """Put this module and all below it in evaluation mode."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Turn the recording of gradients of all parameters on or off."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or make them zero."""
        for parameter in self.parameters():
            clear_grad(parameter, set_to_none)

    def _apply(self: M, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> M:
        """Replace the values of all parameters, their gradients and all buffers by `fn` of them."""
        with no_grad():
            for module in self.modules() if recurse else [self]:
                for parameter in module._parameters.values():
                    if parameter is not None:
                        parameter.data = fn(parameter.data)
                        if parameter.grad is not None:
                            parameter.grad.data = fn(parameter.grad.data)
                for name, buffer in module._buffers.items():
                    if buffer is not None:
                        module._buffers[name] = fn(buffer)
        return self

    def to(self: M, *target: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False,
           memory_format: Any = None) -> M:
        """Cast all floating point parameters and buffers in place, as torch.nn.Module.to: `m.to(torch.float64)`.

        A device is accepted if it is the CPU.
        """
        for item in (*target, device):
            dtype = _target_dtype(item) or dtype
        if dtype is None:
            return self
        if not dtype.is_differentiable:
            raise ArgumentError(f"nn.Module.to only accepts floating point or complex dtypes, but got desired "
                                f"dtype={dtype}")
        return self._apply(lambda x: x.to(dtype) if x.dtype.is_differentiable else x)  # type: ignore[attr-defined]

    def float(self: M) -> M:
        """Cast all floating point parameters and buffers to float32."""
        return self.to(dtypes.float32)

    def double(self: M) -> M:
        """Cast all floating point parameters and buffers to float64."""
        return self.to(dtypes.float64)

    def half(self: M) -> M:
        """Cast all floating point parameters and buffers to float16."""
        return self.to(dtypes.float16)

    def bfloat16(self: M) -> M:
        """Cast all floating point parameters and buffers to bfloat16."""
        return self.to(dtypes.bfloat16)

    def cuda(self: M, device: Any = None) -> M:
        """Raises PyTorch's error of a machine without CUDA."""
        raise refused("cuda")

    def cpu(self: M) -> M:
        """This module: its tensors are on the CPU."""
        return self

    def type(self: M, dst_type: Any) -> M:
        """Cast all parameters and buffers to a dtype, integers as well."""
        return self._apply(lambda x: x.to(dst_type))  # type: ignore[attr-defined]

    def to_empty(self: M, *, device: Any, recurse: bool = True) -> M:
        """This module: its tensors have memory, and keep what is in it. Raises an error for other devices."""
        self.to(device)
        return self

    def share_memory(self: M) -> M:
        """This module: threads share its tensors anyway."""
        return self

    # Hooks

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False,
                                  with_kwargs: bool = False) -> RemovableHandle:
        """Call `hook(module, args)`, or with `with_kwargs` `hook(module, args, kwargs)`, before each `forward`.

        What it returns, if not None, replaces the arguments.
        """
        return hooks.register(self, "_forward_pre_hooks", Hook(hook, with_kwargs), prepend)

    def register_forward_hook(self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False,
                              always_call: bool = False) -> RemovableHandle:
        """Call `hook(module, args, result)`, or `hook(module, args, kwargs, result)`, after each `forward`.

        What it returns, if not None, replaces the result. With `always_call` it runs even if `forward` raises.
        """
        return hooks.register(self, "_forward_hooks", Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the gradients of the results have come; it may replace them."""
        return hooks.register(self, "_backward_pre_hooks", Hook(hook, False), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the positional arguments have come.

        What it returns, if not None, replaces `grad_input`.
        """
        return hooks.register(self, "_backward_hooks", Hook(hook, False), prepend)

    # Printing

    def extra_repr(self) -> str:
        """What `repr` writes between the parentheses, besides the submodules."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {indented(child)}" for name, child in self._modules.items()]
        return described(self._get_name(), lines, children)

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if not name[0].isdigit()]


def described(name: str, lines: list[str], children: list[str]) -> str:
    """PyTorch's text of a module: on one line if there is only one to write."""
    if not children and len(lines) <= 1:
        return f"{name}({''.join(lines)})"
    return f"{name}(\n  " + "\n  ".join(lines + children) + "\n)"


def indented(module: Any) -> str:
    """The text of a submodule, all but its first line indented."""
    first, newline, rest = repr(module).partition("\n")
    return first + newline + textwrap.indent(rest, "  ")


def _check_slot(fits: bool, value: Any, kind: str, name: str, expected: str) -> None:
    if not fits:
        raise ArgumentError(f"cannot assign '{typename(value)}' as {kind} '{name}' ({expected} expected)")


def _attribute(module: Module, name: str) -> Any:
    if not hasattr(module, name):
        raise SlotError(f"{module._get_name()} has no attribute `{name}`")
    return getattr(module, name)


def _target_dtype(target: Any) -> Any:
    """The dtype that an argument of `to` means; a device must be the CPU."""
    if isinstance(target, dtypes.dtype):
        return target
    if isinstance(target, Tensor):
        return target.dtype
    if target is not None and not isinstance(target, bool):
        host(target)
    return None
