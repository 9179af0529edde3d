"""Pooling as modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc.nn import functional
from gradc.nn.module import Module
from gradc.ops.convolution import sizes
from gradc.tensor import Tensor

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d",
    "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d",
]


class MaxPool(Module):
    """The largest element of each window."""

    rank: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                 return_indices: bool = False, ceil_mode: bool = False) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        """The largest elements, and with return_indices their positions."""
        function = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)[self.rank - 1]
        return function(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
                        self.return_indices)

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
                f"dilation={self.dilation}, ceil_mode={self.ceil_mode}")


class MaxPool1d(MaxPool):
    """The largest element of each window of sequences, as torch.nn.MaxPool1d."""

    rank = 1


class MaxPool2d(MaxPool):
    """The largest element of each window of images, as torch.nn.MaxPool2d."""

    rank = 2


class MaxPool3d(MaxPool):
    """The largest element of each window of volumes, as torch.nn.MaxPool3d."""

    rank = 3


class MaxUnpool(Module):
    """Zeros with elements where a MaxPool found them."""

    rank: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = sizes(kernel_size, self.rank, "kernel_size")
        self.stride = self.kernel_size if stride is None else sizes(stride, self.rank, "stride")
        self.padding = sizes(padding, self.rank, "padding")

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Zeros with the elements of `input` at `indices`."""
        function = (functional.max_unpool1d, functional.max_unpool2d, functional.max_unpool3d)[self.rank - 1]
        return function(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(MaxUnpool):
    """Zeros with elements where MaxPool1d found them, as torch.nn.MaxUnpool1d."""

    rank = 1


class MaxUnpool2d(MaxUnpool):
    """Zeros with elements where MaxPool2d found them, as torch.nn.MaxUnpool2d."""

    rank = 2


class MaxUnpool3d(MaxUnpool):
    """Zeros with elements where MaxPool3d found them, as torch.nn.MaxUnpool3d."""

    rank = 3


class AvgPool1d(Module):
    """The mean of each window of sequences, as torch.nn.AvgPool1d."""

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True) -> None:
        super().__init__()
        self.kernel_size = sizes(kernel_size, 1, "kernel_size")
        self.stride = self.kernel_size if stride is None else sizes(stride, 1, "stride")
        self.padding = sizes(padding, 1, "padding")
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return functional.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                                     self.count_include_pad)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """The mean of each window of images, as torch.nn.AvgPool2d."""

    function = staticmethod(functional.avg_pool2d)

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True, divisor_override: int | None = None) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return self.function(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                             self.count_include_pad, self.divisor_override)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool3d(AvgPool2d):
    """The mean of each window of volumes, as torch.nn.AvgPool3d."""

    function = staticmethod(functional.avg_pool3d)


class LPPool(Module):
    """The root of the sum of powers in each window."""

    rank: int

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        """The norms."""
        function = (functional.lp_pool1d, functional.lp_pool2d, functional.lp_pool3d)[self.rank - 1]
        return function(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
                f"ceil_mode={self.ceil_mode}")


class LPPool1d(LPPool):
    """The root of the sum of powers in each window of sequences, as torch.nn.LPPool1d."""

    rank = 1


class LPPool2d(LPPool):
    """The root of the sum of powers in each window of images, as torch.nn.LPPool2d."""

    rank = 2


class LPPool3d(LPPool):
    """The root of the sum of powers in each window of volumes, as torch.nn.LPPool3d."""

    rank = 3


class AdaptiveAvgPool(Module):
    """The means of windows that cover the input evenly, `output_size` many."""

    rank: int

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        function = (functional.adaptive_avg_pool1d, functional.adaptive_avg_pool2d, functional.adaptive_avg_pool3d)
        return function[self.rank - 1](input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(AdaptiveAvgPool):
    """The means of `output_size` windows of sequences, as torch.nn.AdaptiveAvgPool1d."""

    rank = 1


class AdaptiveAvgPool2d(AdaptiveAvgPool):
    """The means of `output_size` windows of images, as torch.nn.AdaptiveAvgPool2d."""

    rank = 2


class AdaptiveAvgPool3d(AdaptiveAvgPool):
    """The means of `output_size` windows of volumes, as torch.nn.AdaptiveAvgPool3d."""

    rank = 3


class AdaptiveMaxPool(Module):
    """The largest elements of windows that cover the input evenly, `output_size` many."""

    rank: int

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """The largest elements, and with return_indices their positions."""
        function = (functional.adaptive_max_pool1d, functional.adaptive_max_pool2d, functional.adaptive_max_pool3d)
        return function[self.rank - 1](input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(AdaptiveMaxPool):
    """The largest elements of `output_size` windows of sequences, as torch.nn.AdaptiveMaxPool1d."""

    rank = 1


class AdaptiveMaxPool2d(AdaptiveMaxPool):
    """The largest elements of `output_size` windows of images, as torch.nn.AdaptiveMaxPool2d."""

    rank = 2


class AdaptiveMaxPool3d(AdaptiveMaxPool):
    """The largest elements of `output_size` windows of volumes, as torch.nn.AdaptiveMaxPool3d."""

    rank = 3
