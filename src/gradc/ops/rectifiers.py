"""Activation functions that bend: piecewise, or glued together from pieces."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc import dtypes, shapes
from gradc.apply import apply
from gradc.errors import DtypeError, ShapeError
from gradc.ir import Type
from gradc.modes import current
from gradc.ops.activation import Activation, clamp_to_zero, elu, sigmoid
from gradc.ops.arithmetic import where
from gradc.ops.base import Op, operand
from gradc.ops.batching import along
from gradc.ops.define import op
from gradc.ops.drawing import draw
from gradc.ops.elementary import exp
from gradc.ops.joining import cat
from gradc.ops.samples import kinks
from gradc.tensor import Tensor, host_array, payload

__all__ = ["celu", "hardshrink", "prelu", "rrelu", "selu", "threshold"]


@op
class celu(Activation):
    """x where positive, else alpha · (exp(x / alpha) - 1).

    Source  torch.celu; Barron 2017
    """

    decompose = lambda x, *, alpha=1.0: where(x > 0, x, alpha * (clamp_to_zero(x) / alpha).expm1())
    grad_x = lambda g, x, alpha: where(x > 0, g, g * exp(clamp_to_zero(x) / alpha))

    def call(self, x: Tensor, alpha: float = 1.0) -> Any:
        if alpha == 0:
            raise RectifierError("ZeroDivisionError: alpha cannot be 0 for CELU")
        return apply(self, (x,), {"alpha": alpha})


class RectifierError(ShapeError):
    """A setting that an activation cannot take."""


SELU = {"alpha": 1.6732632423543772848170429916717, "scale": 1.0507009873554804934193349852946}
"""The constants with which selu keeps mean 0 and variance 1."""


@op
class selu(Activation):
    """scale · elu(x, alpha), with the constants that keep mean 0 and variance 1.

    Source  torch.selu; Klambauer et al. 2017
    """

    decompose = lambda x: SELU["scale"] * elu(x, SELU["alpha"])
    grad_x = lambda g, x: g * where(x > 0, SELU["scale"], SELU["scale"] * SELU["alpha"] * exp(clamp_to_zero(x)))
    torch_name = "Elu"


@op
class hardshrink(Activation):
    """x where |x| > lambd, else 0.

    Source  torch.nn.functional.hardshrink
    """

    decompose = lambda x, *, lambd=0.5: where((x >= -lambd) & (x <= lambd), 0.0, x)
    grad_x = lambda g, x, lambd: where((x >= -lambd) & (x <= lambd), 0.0, g)
    method = True
    samples = [((7,),), ([-2.0, 0.1, 3.0], {"lambd": 1.0}), (kinks([0.5, -0.5]),)]

    def call(self, x: Tensor, lambd: float = 0.5) -> Any:
        return apply(self, (x,), {"lambd": lambd})


@op
class softshrink(Activation):
    """x moved by lambd towards 0, which it does not cross.

    Source  torch.nn.functional.softshrink
    """

    decompose = lambda x, *, lambd=0.5: where(x > lambd, x - lambd, where(x < -lambd, x + lambd, x * 0.0))
    grad_x = lambda g, x, lambd: where((x >= -lambd) & (x <= lambd), 0.0, g)
    samples = [((7,),), ([-2.0, 0.1, 3.0], {"lambd": 1.0}), (kinks([0.5, -0.5]),)]

    def call(self, x: Tensor, lambd: float = 0.5) -> Any:
        if lambd < 0:
            raise RectifierError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
        return apply(self, (x,), {"lambd": lambd})


@op
class hardsigmoid(Activation):
    """x / 6 + 1/2 limited to [0, 1].

    Source  torch.nn.functional.hardsigmoid
    """

    decompose = lambda x: (x + 3.0).clamp(0.0, 6.0) / 6.0
    grad_x = lambda g, x: where((x > -3.0) & (x < 3.0), g * (1 / 6), 0.0)
    samples = [((7,),), ([-4.0, 1.0, 5.0],), (kinks([3.0, -3.0]),)]


@op
class hardswish(Activation):
    """x · hardsigmoid(x).

    Source  torch.nn.functional.hardswish; Howard et al. 2019
    """

    decompose = lambda x: x * (x + 3.0).clamp(0.0, 6.0) / 6.0
    grad_x = lambda g, x: where(x <= -3.0, 0.0, where(x < 3.0, g * (x / 3.0 + 0.5), g))
    samples = [((7,),), ([-4.0, 1.0, 5.0],), (kinks([3.0, -3.0]),)]


@op
class threshold(Activation):
    """x where it is above `threshold`, else `value`.

    Source  torch.nn.functional.threshold
    """

    decompose = lambda x, *, threshold, value: where(x <= _number(x, threshold), _number(x, value), x)
    grad_x = lambda g, x, threshold: where(x <= threshold, 0.0, g)
    rejects = Activation.rejects[:1] + Activation.rejects[2:]
    samples = [((7,), {"threshold": 0.1, "value": 20.0}), (kinks([0.5, 1.0]), {"threshold": 0.5, "value": 3.0})]

    def call(self, x: Tensor, threshold: float, value: float) -> Any:
        return apply(self, (x,), {"threshold": threshold, "value": value})


def _number(x: Tensor, number: float) -> float:
    """A number as an element of x."""
    return number if x.dtype.is_floating_point else int(number)


@op
class prelu_kernel(Activation):
    """x where positive, else weight · x.

    Source  torch.prelu, once the weight has the dimensions of x
    """

    autocast = "lower"
    decompose = lambda x, weight: where(x > 0, x, weight * x)
    grad_x = lambda g, x, weight: where(x > 0, g, weight * g)
    grad_weight = lambda g, x: where(x > 0, 0.0, x * g)
    samples = [((7,), (1,)), ((2, 3), (1, 3))]


def prelu(x: Tensor, weight: Tensor) -> Tensor:
    """x where positive, else weight · x, with one weight or one per channel (dimension 1), as torch.prelu."""
    channels = x._array.shape[1] if x.ndim > 1 else 1
    if weight.ndim > 1:
        raise RectifierError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if weight.numel() not in (1, channels):
        raise RectifierError(f"Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                             f"{weight.numel()} and channel size = {channels}.")
    if x.dtype is not weight.dtype:
        raise DtypeError(f"prelu: Type promoting not supported. Got {x.dtype} and {weight.dtype}")
    if weight.ndim and x.ndim != 2:
        weight = weight.reshape((-1,) + (1,) * (x.ndim - 2) if x.ndim > 2 else ())  # type: ignore[attr-defined]
    return prelu_kernel(x, operand(prelu_kernel, weight))  # type: ignore[no-any-return]


@op
class rrelu_with_noise(Activation):
    """x where positive, else noise · x.

    Source  torch.rrelu, once the slopes are drawn
    """

    decompose = lambda x, noise: where(x > 0, x, noise * x)
    grad_x = lambda g, x, noise: where(x > 0, g, noise * g)
    samples = [((7,), (7,)), ([-1.0, 2.0], 0.25)]


def rrelu(x: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False,
          inplace: bool = False) -> Tensor:
    """x where positive, else x times a slope, as torch.rrelu: in training a random one in [lower, upper) for each.

    A compiled function draws a slope for each element, and not only for those that are not positive.
    """
    if not lower <= upper:
        raise RectifierError(f"Lower bound should be less than or equal to the upper bound, got {lower} and {upper}")
    slopes = _slopes(x, lower, upper) if training else (lower + upper) / 2
    result: Tensor = rrelu_with_noise(x.clone() if inplace else x, slopes)  # type: ignore # it saves x
    return x.copy_(result) if inplace else result  # type: ignore[attr-defined, no-any-return]


def _slopes(x: Tensor, lower: float, upper: float) -> Tensor:
    shape, negative = payload(x).shape, None
    if current().trace is None:
        negative = host_array(x, "rrelu()") <= 0

    def sample(stream: Any, shape: Any) -> Any:
        if negative is None:
            return stream.uniform(shape, x.dtype, lower, upper)
        found = np.ones(shape)
        found[negative] = stream.uniform((int(negative.sum()),), dtypes.float64, lower, upper)
        return found.astype(x.dtype.numpy)

    return draw("rrelu", None, sample, shape)


@op
class glu(Op):
    """The first half of x along `dim` times the sigmoid of the second.

    Shape   x: f[*, 2n, *] -> f[*, n, *]
    Source  torch.nn.functional.glu; Dauphin et al. 2017
    """

    decompose = lambda x, *, dim: _halves(x, dim)[0] * sigmoid(_halves(x, dim)[1])
    grad_x = lambda g, x, dim: _glu_gradient(g, *_halves(x, dim), dim)
    batched = along("dim")
    rejects = Activation.rejects
    method = False
    checked = True
    samples = [((3, 4), {"dim": 1}), ((4, 3, 2), {"dim": 0})]

    def infer(self, x: Any, *, dim: int) -> Type:
        self.check_category(x.dtype)
        if x.shape[dim] % 2:
            raise ShapeError(f"Halving dimension must be even, but dimension {dim} is size {x.shape[dim]}")
        return Type(x.dtype, (*x.shape[:dim], x.shape[dim] // 2, *x.shape[dim + 1 :]))

    def call(self, x: Tensor, dim: int = -1) -> Any:
        if not x.ndim:
            raise ShapeError("glu does not support 0-dimensional tensors")
        return apply(self, (x,), {"dim": shapes.normal_dim(dim, x.ndim)})


def _halves(x: Tensor, dim: int) -> Any:
    return x.split(x._array.shape[dim] // 2, dim)  # type: ignore[attr-defined]


def _glu_gradient(g: Tensor, first: Any, second: Tensor, dim: int) -> Any:
    gate = sigmoid(second)
    return cat([g * gate, g * first * (gate * (1 - gate))], dim)
