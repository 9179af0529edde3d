"""Activation functions that bend, as modules: each is the function of functional.py with the settings given here."""

from __future__ import annotations

from typing import Any

from gradc.dtypes import dtype
from gradc.errors import ShapeError
from gradc.nn import functional
from gradc.nn.activations import WithInplace
from gradc.nn.module import Module
from gradc.nn.parameter import Parameter
from gradc.ops.creation import full
from gradc.tensor import Tensor

__all__ = [
    "CELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Mish", "PReLU", "RReLU", "SELU", "Softmax2d",
    "Softshrink", "Threshold",
]


class CELU(WithInplace):
    """x where positive, else alpha · (exp(x / alpha) - 1), as torch.nn.CELU."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        """celu(input)."""
        return functional.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


class SELU(WithInplace):
    """elu with the constants that keep mean 0 and variance 1, scaled, as torch.nn.SELU."""

    def forward(self, input: Tensor) -> Tensor:
        """selu(input)."""
        return functional.selu(input, self.inplace)


class Mish(WithInplace):
    """x · tanh(softplus(x)), as torch.nn.Mish."""

    def forward(self, input: Tensor) -> Tensor:
        """mish(input)."""
        return functional.mish(input, self.inplace)


class Hardsigmoid(WithInplace):
    """x / 6 + 1/2 limited to [0, 1], as torch.nn.Hardsigmoid."""

    def forward(self, input: Tensor) -> Tensor:
        """hardsigmoid(input)."""
        return functional.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        return ""


class Hardswish(WithInplace):
    """x · hardsigmoid(x), as torch.nn.Hardswish."""

    def forward(self, input: Tensor) -> Tensor:
        """hardswish(input)."""
        return functional.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        return ""


class Threshold(WithInplace):
    """x where it is above `threshold`, else `value`, as torch.nn.Threshold."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold = threshold
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """threshold(input)."""
        return functional.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}" + (", inplace=True" if self.inplace else "")


class RReLU(WithInplace):
    """x where positive, else times a slope, in training a random one for each, as torch.nn.RReLU."""

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.lower = lower
        self.upper = upper

    def forward(self, input: Tensor) -> Tensor:
        """rrelu(input)."""
        return functional.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}" + (", inplace=True" if self.inplace else "")


class Shrink(Module):
    """An activation that is 0, or nearer to 0, up to `lambd`."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardshrink(Shrink):
    """x where |x| > lambd, else 0, as torch.nn.Hardshrink."""

    def forward(self, input: Tensor) -> Tensor:
        """hardshrink(input)."""
        return functional.hardshrink(input, self.lambd)


class Softshrink(Shrink):
    """x moved by lambd towards 0, which it does not cross, as torch.nn.Softshrink."""

    def forward(self, input: Tensor) -> Tensor:
        """softshrink(input)."""
        return functional.softshrink(input, self.lambd)


class GLU(Module):
    """The first half of x along `dim` times the sigmoid of the second, as torch.nn.GLU."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """glu(input)."""
        return functional.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class PReLU(Module):
    """x where positive, else weight · x, with one learned weight or one per channel, as torch.nn.PReLU."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None,
                 dtype: dtype | None = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(full((num_parameters,), float(init), device=device, dtype=dtype))

    def reset_parameters(self) -> None:
        """Start again with the weight `init`."""
        self.weight.detach().fill_(self.init)  # type: ignore[attr-defined]

    def forward(self, input: Tensor) -> Tensor:
        """prelu(input, weight)."""
        return functional.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Softmax2d(Module):
    """The softmax over the channels of images, as torch.nn.Softmax2d."""

    def forward(self, input: Tensor) -> Tensor:
        """softmax(input) over dimension -3."""
        if input.ndim not in (3, 4):
            raise ShapeError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return functional.softmax(input, -3)
