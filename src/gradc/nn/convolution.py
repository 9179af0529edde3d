"""Convolutions as modules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gradc.dtypes import dtype
from gradc.nn import functional, init
from gradc.nn.module import Module, ModuleError
from gradc.nn.parameter import Parameter
from gradc.ops.convolution import sizes
from gradc.ops.creation import empty
from gradc.tensor import Tensor

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

PADDING_MODES = ("reflect", "zeros", "replicate", "circular")


class Convolution(Module):
    """What all convolutions hold: a weight and a bias, spread evenly over ±1/√(inputs of each result)."""

    rank: int
    transposed = False

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros",
                 device: Any = None, dtype: dtype | None = None, output_padding: Any = 0) -> None:
        super().__init__()
        if groups <= 0:
            raise ModuleError("groups must be a positive integer")
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups:
                raise ModuleError(f"{name} must be divisible by groups")
        if padding_mode not in PADDING_MODES:
            raise ModuleError(f"padding_mode must be one of {PADDING_MODES}, but got padding_mode={padding_mode!r}")
        rank = self.rank
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = sizes(kernel_size, rank, "kernel_size")
        self.stride = sizes(stride, rank, "stride")
        self.padding = padding if isinstance(padding, str) else sizes(padding, rank, "padding")
        self.dilation = sizes(dilation, rank, "dilation")
        self.output_padding = sizes(output_padding, rank, "output_padding")
        self.groups = groups
        self.padding_mode = padding_mode
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ModuleError(f"Invalid padding string {padding!r}, should be one of {{'valid', 'same'}}")
            if padding == "same" and any(s != 1 for s in self.stride):
                raise ModuleError("padding='same' is not supported for strided convolutions")
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter(empty(first, second // groups, *self.kernel_size, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weight and the bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            inputs = init.fans(self.weight)[0]
            if inputs:
                init.uniform_(self.bias, -1 / math.sqrt(inputs), 1 / math.sqrt(inputs))

    def forward(self, input: Tensor) -> Tensor:
        """The correlation of the weight with all windows of `input`, plus the bias."""
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """forward with another weight and bias. (Layers that change their weight call it by this name.)"""
        function = (functional.conv1d, functional.conv2d, functional.conv3d)[self.rank - 1]
        if self.padding_mode == "zeros":
            return function(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)
        widths = [n for pair in reversed(self._widths()) for n in pair]
        padded = functional.pad(input, widths, self.padding_mode)
        return function(padded, weight, bias, self.stride, 0, self.dilation, self.groups)

    def _widths(self) -> list[tuple[int, int]]:
        """What is to be added before and behind each dimension."""
        if self.padding == "valid":
            return [(0, 0)] * self.rank
        if self.padding == "same":
            totals = [d * (k - 1) for k, d in zip(self.kernel_size, self.dilation, strict=True)]
            return [(n // 2, n - n // 2) for n in totals]
        return [(p, p) for p in self.padding]

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        zeros = (0,) * self.rank
        for name, usual in (("padding", zeros), ("dilation", (1,) * self.rank), ("output_padding", zeros),
                            ("groups", 1)):
            if getattr(self, name) != usual:
                text += f", {name}={getattr(self, name)}"
        text += "" if self.bias is not None else ", bias=False"
        return text if self.padding_mode == "zeros" else f"{text}, padding_mode={self.padding_mode}"


class Conv1d(Convolution):
    """The correlation of weights with all windows of sequences, plus a bias, as torch.nn.Conv1d."""

    rank = 1


class Conv2d(Convolution):
    """The correlation of weights with all windows of images, plus a bias, as torch.nn.Conv2d."""

    rank = 2


class Conv3d(Convolution):
    """The correlation of weights with all windows of volumes, plus a bias, as torch.nn.Conv3d."""

    rank = 3


class TransposedConvolution(Convolution):
    """The adjoint of a convolution, plus a bias."""

    transposed = True

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1,
                 padding_mode: str = "zeros", device: Any = None, dtype: dtype | None = None) -> None:
        if padding_mode != "zeros":
            raise ModuleError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
                         device, dtype, output_padding)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """The adjoint of the convolution, at `input`; of the possible sizes `output_size`, by default the smallest."""
        function = (functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d)
        return function[self.rank - 1](input, self.weight, self.bias, self.stride, self.padding,
                                       self._output_padding(input, output_size), self.groups, self.dilation)

    def _output_padding(self, input: Tensor, output_size: Sequence[int] | None) -> tuple[int, ...]:
        if output_size is None:
            return self.output_padding
        rank = self.rank
        wanted, given = tuple(output_size), input._array.shape[-rank:]
        if len(wanted) not in (rank, input.ndim):
            raise ModuleError(f"ConvTranspose{rank}D: for {input.ndim}D input, output_size must have {rank} or "
                              f"{input.ndim} elements (got {len(wanted)})")
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in zip(
            given, self.stride, self.padding, self.dilation, self.kernel_size, strict=True)]
        most = [n + s - 1 for n, s in zip(least, self.stride, strict=True)]
        if any(not a <= w <= b for a, w, b in zip(least, wanted[-rank:], most, strict=True)):
            raise ModuleError(f"requested an output size of {list(wanted[-rank:])}, but valid sizes range from {least} "
                              f"to {most} (for an input of {list(given)})")
        return tuple([w - n for w, n in zip(wanted[-rank:], least, strict=True)])


class ConvTranspose1d(TransposedConvolution):
    """The adjoint of a convolution of sequences, plus a bias, as torch.nn.ConvTranspose1d."""

    rank = 1


class ConvTranspose2d(TransposedConvolution):
    """The adjoint of a convolution of images, plus a bias, as torch.nn.ConvTranspose2d."""

    rank = 2


class ConvTranspose3d(TransposedConvolution):
    """The adjoint of a convolution of volumes, plus a bias, as torch.nn.ConvTranspose3d."""

    rank = 3
