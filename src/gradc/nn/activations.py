"""Activation functions as modules: each is the function of functional.py with the settings given here."""

from __future__ import annotations

from gradc.nn import functional
from gradc.nn.module import Module
from gradc.tensor import Tensor

__all__ = [
    "ELU", "GELU", "Hardtanh", "LeakyReLU", "LogSigmoid", "LogSoftmax", "ReLU", "ReLU6", "SiLU", "Sigmoid",
    "Softmax", "Softmin", "Softplus", "Softsign", "Tanh", "Tanhshrink",
]


class WithInplace(Module):
    """An activation that can write its result into its input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class WithDim(Module):
    """An activation along one dimension."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class ReLU(WithInplace):
    """x where positive, else 0, as torch.nn.ReLU."""

    def forward(self, input: Tensor) -> Tensor:
        """relu(input)."""
        return functional.relu(input, self.inplace)


class ReLU6(WithInplace):
    """x limited to [0, 6], as torch.nn.ReLU6."""

    def forward(self, input: Tensor) -> Tensor:
        """relu6(input)."""
        return functional.relu6(input, self.inplace)


class SiLU(WithInplace):
    """x · sigmoid(x), as torch.nn.SiLU."""

    def forward(self, input: Tensor) -> Tensor:
        """silu(input)."""
        return functional.silu(input, self.inplace)


class ELU(WithInplace):
    """x where positive, else alpha · (eˣ - 1), as torch.nn.ELU."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        """elu(input)."""
        return functional.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


class LeakyReLU(WithInplace):
    """x where positive, else negative_slope · x, as torch.nn.LeakyReLU."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        """leaky_relu(input)."""
        return functional.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")


class Hardtanh(WithInplace):
    """x limited to [min_val, max_val], as torch.nn.Hardtanh."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.min_val = min_val
        self.max_val = max_val

    def forward(self, input: Tensor) -> Tensor:
        """hardtanh(input)."""
        return functional.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}" + (", inplace=True" if self.inplace else "")


class Sigmoid(Module):
    """1 / (1 + e⁻ˣ), as torch.nn.Sigmoid."""

    def forward(self, input: Tensor) -> Tensor:
        """sigmoid(input)."""
        return functional.sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent, as torch.nn.Tanh."""

    def forward(self, input: Tensor) -> Tensor:
        """tanh(input)."""
        return functional.tanh(input)


class LogSigmoid(Module):
    """log(sigmoid(x)), as torch.nn.LogSigmoid."""

    def forward(self, input: Tensor) -> Tensor:
        """logsigmoid(input)."""
        return functional.logsigmoid(input)


class Softsign(Module):
    """x / (1 + |x|), as torch.nn.Softsign."""

    def forward(self, input: Tensor) -> Tensor:
        """softsign(input)."""
        return functional.softsign(input)


class Tanhshrink(Module):
    """x - tanh(x), as torch.nn.Tanhshrink."""

    def forward(self, input: Tensor) -> Tensor:
        """tanhshrink(input)."""
        return functional.tanhshrink(input)


class GELU(Module):
    """x · Φ(x), Φ the normal distribution function, as torch.nn.GELU."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """gelu(input)."""
        return functional.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class Softplus(Module):
    """log(1 + exp(beta · x)) / beta, as torch.nn.Softplus."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """softplus(input)."""
        return functional.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Softmax(WithDim):
    """exp(x) / Σ exp(x) along `dim`, as torch.nn.Softmax."""

    def forward(self, input: Tensor) -> Tensor:
        """softmax(input)."""
        return functional.softmax(input, self.dim, _stacklevel=5)


class Softmin(WithDim):
    """softmax(-x) along `dim`, as torch.nn.Softmin."""

    def forward(self, input: Tensor) -> Tensor:
        """softmin(input)."""
        return functional.softmin(input, self.dim, _stacklevel=5)


class LogSoftmax(WithDim):
    """log(softmax(x)) along `dim`, as torch.nn.LogSoftmax."""

    def forward(self, input: Tensor) -> Tensor:
        """log_softmax(input)."""
        return functional.log_softmax(input, self.dim, _stacklevel=5)
