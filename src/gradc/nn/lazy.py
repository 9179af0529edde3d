"""Modules that learn the size of their input at the first call: until then their parameters have no shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gradc.dtypes import dtype, int64
from gradc.errors import GradcError, ShapeError, TraceError
from gradc.locations import here, quote
from gradc.modes import current, no_grad
from gradc.nn import convolution, normalization
from gradc.nn.layers import Linear
from gradc.nn.module import Module, ModuleError
from gradc.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy
from gradc.ops.creation import zeros
from gradc.tensor import Tensor

__all__ = [
    "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyConv1d", "LazyConv2d", "LazyConv3d",
    "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d", "LazyInstanceNorm1d", "LazyInstanceNorm2d",
    "LazyInstanceNorm3d", "LazyLinear",
]


class LazyError(GradcError, RuntimeError):
    """A lazy module whose first input did not give all its parameters a shape."""


class LazyModuleMixin(Module):
    """Makes a module lazy, as torch.nn.modules.lazy.LazyModuleMixin.

    `initialize_parameters`, which a subclass defines, sees the arguments of the first call of forward, and
    materializes what is uninitialized. Then the module becomes one of the class `cls_to_become`.
    """

    cls_to_become: type[Module] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._initialize_hook = self.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give all parameters a shape that fits the arguments of forward."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def _held(self) -> Iterator[tuple[str, Any]]:
        yield from self._parameters.items()
        yield from self._buffers.items()

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer has no shape yet."""
        return any(is_lazy(x) for _, x in self._held())

    def reset_parameters(self) -> None:
        """Draw the parameters anew, once they have a shape."""
        if not self.has_uninitialized_params() and self._inputs():
            super().reset_parameters()  # type: ignore[misc]

    def _inputs(self) -> int:
        """The size of the input that the first call told, or 0."""
        return 1

    def _infer_parameters(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> None:
        if current().trace is not None:
            raise TraceError(f"{type(self).__name__}: the first call gives the parameters their shape, and cannot be "
                             f"compiled{quote(here())}\n    Call the module once before.")
        module.initialize_parameters(*args, **kwargs or {})
        if module.has_uninitialized_params():
            raise LazyError(f"module {self._get_name()} has not been fully initialized")
        module._initialize_hook.remove()
        del module._initialize_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        """What is uninitialized takes the shape of what is loaded."""
        for name, x in self._held():
            loaded = state_dict.get(prefix + name)
            if is_lazy(x) and loaded is not None and not is_lazy(loaded):
                x.materialize(loaded.shape)
        super()._load_from_state_dict(state_dict, prefix, *args)


class LazyLinear(LazyModuleMixin, Linear):
    """A Linear whose in_features is the last size of its first input, as torch.nn.LazyLinear."""

    cls_to_become = Linear
    weight: Any
    bias: Any

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: dtype | None = None) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def _inputs(self) -> int:
        return self.in_features

    def initialize_parameters(self, input: Tensor) -> None:  # type: ignore[override]
        """Take in_features from the last dimension of `input`."""
        if self.has_uninitialized_params():
            with no_grad():
                self.in_features = input.shape[-1]
                self.weight.materialize((self.out_features, self.in_features))
                if self.bias is not None:
                    self.bias.materialize((self.out_features,))
                self.reset_parameters()
        elif self.in_features == 0:  # what was loaded gave them their shape
            self.in_features = self.weight.shape[-1]


class LazyConvolution(LazyModuleMixin, convolution.Convolution):
    """A convolution whose in_channels is that of its first input."""

    weight: Any
    bias: Any

    def __init__(self, out_channels: int, *settings: Any, **named: Any) -> None:
        super().__init__(0, 0, *settings, **named)
        kind = self.weight.dtype
        self.weight = UninitializedParameter(dtype=kind)
        self.out_channels = out_channels
        if self.bias is not None:
            self.bias = UninitializedParameter(dtype=kind)

    def _inputs(self) -> int:
        return self.in_channels

    def initialize_parameters(self, input: Tensor, *args: Any) -> None:  # type: ignore[override]
        """Take in_channels from `input`."""
        if not self.has_uninitialized_params():
            return
        self.in_channels = self._channels(input)
        if self.in_channels % self.groups:
            raise ModuleError("in_channels must be divisible by groups")
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        with no_grad():
            self.weight.materialize((first, second // self.groups, *self.kernel_size))
            if self.bias is not None:
                self.bias.materialize((self.out_channels,))
            self.reset_parameters()

    def _channels(self, input: Tensor) -> int:
        rank = self.rank
        if input.ndim not in (rank + 1, rank + 2):
            raise ShapeError(f"Expected {rank + 1}D (unbatched) or {rank + 2}D (batched) input to "
                             f"{type(self).__name__}, but got input of size: {input.shape}")
        return input.shape[-rank - 1]


class LazyNormalization(LazyModuleMixin, normalization.Running):
    """A normalisation whose num_features is the number of channels of its first input."""

    weight: Any
    bias: Any
    running_mean: Any
    running_var: Any
    affine_by_default = True

    def __init__(self, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool | None = None,
                 track_running_stats: bool | None = None, device: Any = None, dtype: dtype | None = None, *,
                 bias: bool = True) -> None:
        usual = self.affine_by_default
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)  # type: ignore[arg-type]
        self.affine = usual if affine is None else affine
        self.track_running_stats = usual if track_running_stats is None else track_running_stats
        if self.affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if self.track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = zeros((), dtype=int64, device=device)

    def _inputs(self) -> int:
        return self.num_features

    def initialize_parameters(self, input: Tensor) -> None:  # type: ignore[override]
        """Take num_features from the second dimension of `input`."""
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            for _, x in list(self._held()):
                if is_lazy(x):
                    x.materialize((self.num_features,))
            self.reset_parameters()


class LazyInstanceNormalization(LazyNormalization):
    """An instance normalisation whose num_features is the number of channels of its first input."""

    affine_by_default = False


def _lazy(base: type, kind: type) -> type:
    """The lazy class that becomes `kind`."""
    name = f"Lazy{kind.__name__}"
    return type(name, (base, kind), {
        "cls_to_become": kind, "__module__": __name__,
        "__doc__": f"A {kind.__name__} that takes its channels from its first input, as torch.nn.{name}."})


LazyConv1d, LazyConv2d, LazyConv3d = [
    _lazy(LazyConvolution, kind) for kind in (convolution.Conv1d, convolution.Conv2d, convolution.Conv3d)]
LazyConvTranspose1d, LazyConvTranspose2d, LazyConvTranspose3d = [
    _lazy(LazyConvolution, kind)
    for kind in (convolution.ConvTranspose1d, convolution.ConvTranspose2d, convolution.ConvTranspose3d)]
LazyBatchNorm1d, LazyBatchNorm2d, LazyBatchNorm3d = [
    _lazy(LazyNormalization, kind)
    for kind in (normalization.BatchNorm1d, normalization.BatchNorm2d, normalization.BatchNorm3d)]
LazyInstanceNorm1d, LazyInstanceNorm2d, LazyInstanceNorm3d = [
    _lazy(LazyInstanceNormalization, kind)
    for kind in (normalization.InstanceNorm1d, normalization.InstanceNorm2d, normalization.InstanceNorm3d)]
