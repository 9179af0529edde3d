"""Activations, with PyTorch's arguments and warnings."""

from __future__ import annotations

import functools
import warnings
from typing import Any

from gradc.dtypes import dtype
from gradc.inplace import write
from gradc.ops import activation, rectifiers
from gradc.tensor import Tensor

__all__ = [
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish",
    "hardtanh", "hardtanh_", "leaky_relu", "leaky_relu_", "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6",
    "relu_", "rrelu", "rrelu_", "selu", "selu_", "sigmoid", "silu", "softmax", "softmin", "softplus", "softshrink",
    "softsign", "tanh", "tanhshrink", "threshold", "threshold_",
]


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """`input` where positive, else 0."""
    return input.relu_() if inplace else activation.relu(input)  # type: ignore[attr-defined, no-any-return]


def relu_(input: Tensor) -> Tensor:
    """relu, written into `input`."""
    return input.relu_()  # type: ignore[attr-defined, no-any-return]


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """`input` limited to [0, 6]."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """`input` limited to [min_val, max_val]."""
    return _placed(input, activation.hardtanh(input, min_val, max_val), inplace, "hardtanh_")


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`input` where positive, else alpha · (exp(input) - 1)."""
    return _placed(input, activation.elu(input, alpha), inplace, "elu_")


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """`input` where positive, else negative_slope · input."""
    return _placed(input, activation.leaky_relu(input, negative_slope), inplace, "leaky_relu_")


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """input · sigmoid(input)."""
    return _placed(input, activation.silu(input), inplace, "silu_")


def _placed(input: Tensor, result: Tensor, inplace: bool, name: str) -> Tensor:
    return write(input, result, name) if inplace else result


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`input` where positive, else alpha · (exp(input / alpha) - 1)."""
    return _placed(input, rectifiers.celu(input, alpha), inplace, "celu_")


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """elu with the constants that keep mean 0 and variance 1, scaled."""
    return _placed(input, rectifiers.selu(input), inplace, "selu_")


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """input · tanh(softplus(input))."""
    return _placed(input, activation.mish(input), inplace, "mish_")


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """input / 6 + 1/2 limited to [0, 1]."""
    return _placed(input, rectifiers.hardsigmoid(input), inplace, "hardsigmoid_")


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """input · hardsigmoid(input)."""
    return _placed(input, rectifiers.hardswish(input), inplace, "hardswish_")


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """`input` where it is above `threshold`, else `value`."""
    return _placed(input, rectifiers.threshold(input, threshold, value), inplace, "threshold_")


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """`input` where |input| > lambd, else 0."""
    return rectifiers.hardshrink(input, lambd)  # type: ignore[no-any-return]


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """`input` moved by lambd towards 0, which it does not cross."""
    return rectifiers.softshrink(input, lambd)  # type: ignore[no-any-return]


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """`input` where positive, else weight · input, with one weight or one per channel (dimension 1)."""
    return rectifiers.prelu(input, weight)


def rrelu(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False,
          inplace: bool = False) -> Tensor:
    """`input` where positive, else times a slope; in training a random one of its own for each in [lower, upper)."""
    return rectifiers.rrelu(input, lower, upper, training, inplace)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half of `input` along `dim` times the sigmoid of the second."""
    return rectifiers.glu(input, dim)  # type: ignore[no-any-return]


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """input · Φ(input), Φ the normal distribution function; approximate="tanh" for the approximation by tanh."""
    return activation.gelu(input, approximate)  # type: ignore[no-any-return]


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta · input)) / beta, or `input` where beta · input is above the threshold."""
    return activation.softplus(input, beta, threshold)  # type: ignore[no-any-return]


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(input))."""
    return activation.logsigmoid(input)  # type: ignore[no-any-return]


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-input))."""
    return activation.sigmoid(input)  # type: ignore[no-any-return]


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return input.tanh()  # type: ignore[attr-defined, no-any-return]


def softsign(input: Tensor) -> Tensor:
    """input / (1 + |input|)."""
    return input / (input.abs() + 1)  # type: ignore[attr-defined, operator, no-any-return]


def tanhshrink(input: Tensor) -> Tensor:
    """input - tanh(input)."""
    return input - input.tanh()  # type: ignore[attr-defined, operator, no-any-return]


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None) -> Tensor:
    """exp(input) / Σ exp(input) along `dim`."""
    return activation.softmax(input, _chosen_dim("softmax", input, dim, _stacklevel), dtype=dtype)  # type: ignore


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None) -> Tensor:
    """softmax(-input) along `dim`."""
    return activation.softmax(-input, _chosen_dim("softmin", input, dim, _stacklevel), dtype=dtype)  # type: ignore


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None) -> Tensor:
    """log(softmax(input)) along `dim`."""
    return activation.log_softmax(input, _chosen_dim("log_softmax", input, dim, _stacklevel),  # type: ignore
                                  dtype=dtype)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A sample of the Gumbel-softmax distribution: softmax((logits + noise) / tau) along `dim`.

    With `hard` it is 1 at the largest and 0 elsewhere, with the gradient of the soft one.

    Source  Jang, Gu and Poole 2017
    """
    drawn: Any = logits.detach().clone().exponential_()
    noisy = (logits - drawn.log()) / tau
    soft: Tensor = activation.softmax(noisy, dim)
    if not hard:
        return soft
    found = soft.max(dim, keepdim=True)[1]  # type: ignore[attr-defined]
    chosen = soft.detach().zeros_like().scatter(dim, found, value=1.0)  # type: ignore[attr-defined]
    return chosen - soft.detach() + soft  # type: ignore[attr-defined, no-any-return]


def _chosen_dim(name: str, input: Tensor, dim: int | None, stacklevel: int) -> int:
    if dim is not None:
        return dim
    warnings.warn(f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an "
                  f"argument.", UserWarning, stacklevel=stacklevel)
    return 0 if input.ndim in (0, 1, 3) else 1


def _in_place(function: Any) -> Any:
    """The form of an activation that writes its result into its input."""
    @functools.wraps(function)
    def written(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return function(input, *args, **kwargs, inplace=True)  # type: ignore[no-any-return]

    written.__name__ = f"{function.__name__}_"
    return written


celu_, elu_, hardtanh_, leaky_relu_, rrelu_, selu_, threshold_ = map(
    _in_place, (celu, elu, hardtanh, leaky_relu, rrelu, selu, threshold))
