"""Initialisation of parameters in place, outside every graph: torch.nn.init, with its numbers for the same seed."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from gradc.dtypes import dtype
from gradc.errors import ShapeError
from gradc.generator import Generator
from gradc.modes import no_grad
from gradc.nn.module import ModuleError
from gradc.ops import creation
from gradc.ops.conversion import known
from gradc.ops.drawing import draw
from gradc.shapes import Shape
from gradc.tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])


def _of_elements(function: F) -> F:
    """Warn, and change nothing, where there is no element to initialise."""
    @functools.wraps(function)
    def checked(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if 0 in tensor.shape:
            warnings.warn("Initializing zero-element tensors is a no-op", UserWarning, stacklevel=2)
            return tensor
        return function(tensor, *args, **kwargs)  # type: ignore[no-any-return]

    return checked  # type: ignore[return-value]


@no_grad()
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Numbers spread evenly over [a, b)."""
    return tensor.uniform_(a, b, generator=generator)  # type: ignore[attr-defined, no-any-return]


@no_grad()
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normally distributed numbers."""
    return tensor.normal_(mean, std, generator=generator)  # type: ignore[attr-defined, no-any-return]


@no_grad()
def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
                  generator: Generator | None = None) -> Tensor:
    """Normally distributed numbers, those outside [a, b] drawn again."""
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn("mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may "
                      "be incorrect.", UserWarning, stacklevel=3)
    inside = 0.5 * (math.erf((b - mean) / std / math.sqrt(2)) - math.erf((a - mean) / std / math.sqrt(2)))
    sample = _central if inside > 0.3 else _from_tail
    kind = tensor.dtype
    drawn = draw("trunc_normal", generator, lambda stream, shape: sample(stream, shape, kind, mean, std, a, b),
                 tensor.shape)
    return tensor.copy_(drawn)  # type: ignore[attr-defined, no-any-return]


def _central(stream: Generator, shape: Shape, kind: dtype, mean: float, std: float, a: float, b: float) -> Any:
    """Samples of a normal distribution that mostly lie in [a, b]; all are drawn anew until none is outside."""
    number = kind.numpy.type
    result = stream.normal(shape, kind, mean, std)
    while (outside := (result < number(a)) | (result > number(b))).any():
        result = np.where(outside, stream.normal(shape, kind, mean, std), result)
    return result


def _from_tail(stream: Generator, shape: Shape, kind: dtype, mean: float, std: float, a: float, b: float) -> Any:
    """Samples spread evenly over [a, b], each kept with a probability proportional to its density."""
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    result = stream.uniform(shape, kind, a, b)
    pending = np.ones(shape, bool)
    candidates = result
    while True:
        log_density = ((candidates - mean) / std) ** 2 * -0.5 - peak
        with np.errstate(divide="ignore"):
            pending &= np.log(stream.uniform(shape, kind)) > log_density
        if not pending.any():
            return result
        candidates = stream.uniform(shape, kind, a, b)
        result = np.where(pending, candidates, result)


@no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """One number everywhere."""
    return tensor.fill_(val)  # type: ignore[attr-defined, no-any-return]


def ones_(tensor: Tensor) -> Tensor:
    """1 everywhere."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """0 everywhere."""
    return constant_(tensor, 0.0)


@no_grad()
def eye_(tensor: Tensor) -> Tensor:
    """1 on the diagonal of a matrix and 0 elsewhere."""
    if tensor.ndim != 2:
        raise ShapeError("Only tensors with 2 dimensions are supported")
    return tensor.copy_(creation.eye(*tensor.shape, dtype=tensor.dtype))  # type: ignore[attr-defined, no-any-return]


_GAINS = {"sigmoid": 1.0, "tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4} | dict.fromkeys(
    ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), 1.0)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much to scale weights in front of a nonlinearity; `param` is the slope of leaky_relu."""
    if nonlinearity == "leaky_relu":
        if isinstance(param, bool) or not isinstance(param, (int, float, type(None))):
            raise ModuleError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ModuleError(f"Unsupported nonlinearity {nonlinearity}")
    return _GAINS[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs each output of a layer with these weights has, and how many outputs each input has."""
    if tensor.ndim < 2:
        raise ShapeError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    outputs, inputs, *window = tensor.shape
    return inputs * math.prod(window), outputs * math.prod(window)


def _deviation(tensor: Tensor, slope: float, mode: str, nonlinearity: str) -> float:
    """The standard deviation of Kaiming's initialisation."""
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ModuleError(f"Mode {mode} not supported, please use one of {modes}")
    return calculate_gain(nonlinearity, slope) / math.sqrt(fans(tensor)[modes.index(mode.lower())])


@_of_elements
def kaiming_uniform_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                     generator: Generator | None = None) -> Tensor:
    """Evenly spread numbers that keep the variance of what passes through the layer; `a` is the slope of leaky_relu.

    Source  He et al. 2015, "Delving deep into rectifiers"
    """
    bound = math.sqrt(3.0) * _deviation(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


@_of_elements
def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                    generator: Generator | None = None) -> Tensor:
    """Normally distributed numbers that keep the variance of what passes through the layer.

    Source  He et al. 2015, "Delving deep into rectifiers"
    """
    return normal_(tensor, 0.0, _deviation(tensor, a, mode, nonlinearity), generator)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Evenly spread numbers of variance 2 · gain² / (inputs + outputs).

    Source  Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks"
    """
    bound = math.sqrt(3.0) * (gain * math.sqrt(2.0 / float(sum(fans(tensor)))))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normally distributed numbers of variance 2 · gain² / (inputs + outputs).

    Source  Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks"
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(sum(fans(tensor)))), generator)


@_of_elements
@no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Orthonormal rows or columns, whichever are fewer; dimensions after the first count as columns.

    Source  Saxe et al. 2013, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks"
    """
    if tensor.ndim < 2:
        raise ShapeError("Only tensors with 2 or more dimensions are supported")
    size, kind = tensor.shape, tensor.dtype
    rows, columns = size[0], math.prod(size[1:])

    def sample(stream: Generator, shape: Shape) -> Any:
        normals = stream.normal((rows, columns), kind)
        q, r = np.linalg.qr(normals.T if rows < columns else normals)
        q = q * np.sign(np.diag(r))  # makes the distribution uniform
        return (q.T if rows < columns else q).reshape(size)

    return tensor.copy_(draw("orthogonal", generator, sample, size)).mul_(gain)  # type: ignore[attr-defined]


@no_grad()
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Normally distributed numbers with the same share of zeros, `sparsity`, in each column of a matrix.

    Source  Martens 2010, "Deep learning via Hessian-free optimization"
    """
    if tensor.ndim != 2:
        raise ShapeError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    tensor.normal_(0, std, generator=generator)  # type: ignore[attr-defined]

    def sample(stream: Generator, shape: Shape) -> Any:
        dropped = np.zeros((rows, columns), bool)
        for column in range(columns):
            dropped[stream.randperm(rows)[:zeros], column] = True
        return dropped

    return tensor.masked_fill_(draw("sparse", None, sample, tensor.shape), 0)  # type: ignore[attr-defined]


@no_grad()
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Weights with which a convolution passes on as many of its inputs as it can, in each of `groups`."""
    if tensor.ndim not in (3, 4, 5):
        raise ShapeError("Only tensors with 3, 4, or 5 dimensions are supported")
    outputs, inputs, *window = tensor.shape
    if outputs % groups:
        raise ModuleError("dim 0 must be divisible by groups")
    each = outputs // groups
    values = np.zeros(tensor.shape, tensor.dtype.numpy)
    middle = tuple(size // 2 for size in window)
    for group in range(groups):
        for i in range(min(each, inputs)):
            values[(group * each + i, i, *middle)] = 1
    return tensor.copy_(known(values))  # type: ignore[attr-defined, no-any-return]


def _older(function: F) -> F:
    """A function under its name of before the underscores, with PyTorch's warning."""
    old = function.__name__[:-1]

    @functools.wraps(function)
    def deprecated(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(f"`nn.init.{old}` is now deprecated in favor of `nn.init.{old}_`.", FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    deprecated.__name__ = old
    return deprecated  # type: ignore[return-value]


constant, dirac, eye, normal, orthogonal, sparse, uniform = [
    _older(f) for f in (constant_, dirac_, eye_, normal_, orthogonal_, sparse_, uniform_)]
kaiming_normal, kaiming_uniform, xavier_normal, xavier_uniform = [
    _older(f) for f in (kaiming_normal_, kaiming_uniform_, xavier_normal_, xavier_uniform_)]


_calculate_fan_in_and_fan_out = fans
"""The name by which PyTorch's programs call it."""
