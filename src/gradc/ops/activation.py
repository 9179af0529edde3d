"""Activation functions."""

from __future__ import annotations

import math
from typing import Any

from gradc import dtypes, shapes
from gradc.apply import apply
from gradc.errors import CallError, UnsupportedError
from gradc.inplace import takes_out
from gradc.ir import Type
from gradc.locations import here, quote
from gradc.ops.arithmetic import where
from gradc.ops.base import Pointwise
from gradc.ops.batching import along
from gradc.ops.define import op
from gradc.ops.elementary import erf, exp, tanh
from gradc.ops.reduction import Mean, amax, sum
from gradc.ops.samples import kinks
from gradc.tensor import Tensor

__all__ = ["log_softmax", "logit", "relu", "sigmoid", "softmax"]


class Activation(Pointwise):
    """A function of one operand that networks apply."""

    rejects = (dtypes.BOOL, dtypes.INT, dtypes.COMPLEX)
    method = False
    samples: Any = [((7,),), ([-30.0, -1.0, 0.5, 2.0, 30.0],)]


@op
class sigmoid(Activation):
    """1 / (1 + exp(-x)), without overflow.

    Error   4 ulp in f32
    Source  torch.sigmoid
    """

    kernel = lambda xp, x: xp.special.expit(x)
    complex_kernel = lambda xp, x: _complex_sigmoid(xp, x)
    grad_x = lambda g, result: g * (result * (1 - result))
    promotion = "float"
    rejects = ()
    method = True
    inplace = True


def _complex_sigmoid(xp: Any, x: Any) -> Any:
    left = xp.real(x) < 0
    small = xp.exp(xp.where(left, x, -x))
    return xp.where(left, small, 1) / (1 + small)


@op
class relu(Activation):
    """x where positive, else 0. The gradient at 0 is 0.

    Source  torch.relu
    """

    kernel = lambda xp, x: xp.maximum(x, 0)
    grad_x = lambda g, result: where(result > 0, g, 0.0)
    method = True
    inplace = True
    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    rejection = "Boolean inputs not supported for relu"
    samples = [((7,),), ([-2.0, 3.0],), (kinks([0.0, -0.0]),)]


@op
class softplus(Activation):
    """log(1 + exp(beta x)) / beta, a smooth relu; x itself where beta x is above the threshold, if that is below 20.

    From 20 on the threshold makes no difference that counts: the formula never overflows.

    Error   3 ulp in f32 on [-80, 80]
    Source  torch.nn.functional.softplus
    """

    kernel = lambda xp, x: xp.logaddexp(x, 0.0)
    grad_x = lambda g, x: g * sigmoid(x)

    def call(self, x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Any:
        scaled: Any = x if beta == 1 else x * beta  # type: ignore[operator]
        smooth = apply(self, (scaled,), {})
        smooth = smooth if beta == 1 else smooth / beta
        return smooth if threshold >= 20 else where(scaled > threshold, x, smooth)


@op
class logsigmoid(Activation):
    """log(sigmoid(x)), accurate for large negative x.

    Source  torch.nn.functional.logsigmoid
    """

    decompose = lambda x: -softplus(-x)
    grad_x = lambda g, x: g * sigmoid(-x)
    torch_name = "LogSigmoid"


@op
class silu(Activation):
    """x · sigmoid(x), also called swish.

    Source  torch.nn.functional.silu
    """

    decompose = lambda x: x * sigmoid(x)
    rejects = (dtypes.BOOL, dtypes.INT)
    grad_x = lambda g, x: g * (sigmoid(x) * (1 + x * (1 - sigmoid(x))))


@op
class gelu(Activation):
    """x · Φ(x), Φ the normal distribution function; approximate="tanh" for the approximation by tanh.

    Source  torch.nn.functional.gelu; Hendrycks and Gimpel 2016
    """

    decompose = lambda x, *, approximate="none": _gelu(x, approximate)
    grad_x = lambda g, x, approximate: g * _gelu_slope(x, approximate)

    def call(self, x: Tensor, approximate: str = "none") -> Any:
        if approximate not in ("none", "tanh"):
            raise CallError(f"approximate argument must be either none or tanh, not {approximate!r}{quote(here())}")
        return apply(self, (x,), {"approximate": approximate})


def _gelu(x: Tensor, approximate: str) -> Tensor:
    if approximate == "tanh":
        return 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))  # type: ignore
    return 0.5 * x * (1 + erf(x * math.sqrt(0.5)))  # type: ignore[operator, no-any-return]


def _gelu_slope(x: Tensor, approximate: str) -> Tensor:
    if approximate == "tanh":
        inner = tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))  # type: ignore[operator]
        slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)  # type: ignore[operator]
        return 0.5 * (1 + inner) + 0.5 * x * (1 - inner * inner) * slope  # type: ignore[no-any-return]
    density = exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))  # type: ignore[operator]
    return 0.5 * (1 + erf(x * math.sqrt(0.5))) + x * density  # type: ignore[operator, no-any-return]


@op
class elu(Activation):
    """x where positive, else alpha · (eˣ - 1).

    Source  torch.nn.functional.elu
    """

    decompose = lambda x, *, alpha=1.0: where(x > 0, x, alpha * clamp_to_zero(x).expm1())
    grad_x = lambda g, x, alpha: where(x > 0, g, g * alpha * exp(clamp_to_zero(x)))


def clamp_to_zero(x: Tensor) -> Tensor:
    """min(x, 0): keeps exp from overflowing in a branch that is not taken."""
    return where(x > 0, 0.0, x)  # type: ignore[operator, no-any-return]


@op
class leaky_relu(Activation):
    """x where positive, else negative_slope · x.

    Source  torch.nn.functional.leaky_relu
    """

    decompose = lambda x, *, negative_slope=0.01: where(x > 0, x, x * negative_slope)
    grad_x = lambda g, x, negative_slope: where(x > 0, g, g * negative_slope)


def relu6(x: Tensor) -> Tensor:
    """x limited to [0, 6], as torch.nn.functional.relu6."""
    return hardtanh(x, 0.0, 6.0)  # type: ignore[attr-defined, no-any-return]


def hardtanh(x: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """x limited to [min_val, max_val], as torch.nn.functional.hardtanh: integers stay what they are."""
    if min_val > max_val:
        raise ValueError(f"min_val cannot be greater than max_val, but got {min_val} and {max_val}{quote(here())}")
    if x.dtype.category == dtypes.INT:
        min_val, max_val = int(min_val), int(max_val)
    return x.clamp(min_val, max_val)  # type: ignore[attr-defined, no-any-return]


class AlongOne(Mean):
    """A normalisation along one dimension."""

    batched = along("dim", scalars=True)
    rejects = (dtypes.COMPLEX,)
    error = UnsupportedError
    refusal = '"{name}" not implemented for {title!r}'
    samples: Any = [((3, 4), {"dim": 1}), ((2, 3, 4), {"dim": 0}), ([1e4, -1e4, 9.9e3], {"dim": 0})]

    def infer(self, x: Any, *, dim: int) -> Type:  # type: ignore[override]
        self.check_floating(x.dtype)
        return Type(x.dtype, x.shape)

    def call(self, x: Tensor, dim: int = -1, *, dtype: Any = None) -> Any:  # type: ignore[override]
        x = x if dtype is None else x.to(dtype)  # type: ignore[attr-defined]
        return apply(self, (x,), {"dim": shapes.normal_dim(dim, x.ndim)})

    def node_name(self, node: Any) -> str:
        return f"{self.torch_name}Backward0"


@op
class softmax(AlongOne):
    """exp(x) / Σ exp(x) along `dim`, without overflow.

    Source  torch.softmax
    """

    decompose = lambda x, *, dim: _softmax(x, dim)
    grad_x = lambda g, result, dim: result * (g - sum(g * result, dim, True))


def _softmax(x: Tensor, dim: int) -> Tensor:
    if not x.numel():
        return x
    powers = exp(x - amax(x, dim, True))  # type: ignore[operator]
    return powers / sum(powers, dim, True)  # type: ignore[no-any-return]


@op
class log_softmax(AlongOne):
    """x - log Σ exp(x) along `dim`, without overflow.

    Source  torch.log_softmax
    """

    decompose = lambda x, *, dim: _log_softmax(x, dim)
    grad_x = lambda g, result, dim: g - exp(result) * sum(g, dim, True)


def _log_softmax(x: Tensor, dim: int) -> Tensor:
    if not x.numel():
        return x
    shifted = x - amax(x, dim, True)  # type: ignore[operator]
    return shifted - sum(exp(shifted), dim, True).log()  # type: ignore[no-any-return]


@op
class mish(Activation):
    """x · tanh(softplus(x)).

    Source  torch.nn.functional.mish; Misra 2019
    """

    decompose = lambda x: x * tanh(softplus(x))
    grad_x = lambda g, x: g * _mish_slope(x)


def _mish_slope(x: Tensor) -> Tensor:
    inner = tanh(softplus(x))
    return inner + x * sigmoid(x) * (1 - inner * inner)  # type: ignore[no-any-return]


@takes_out
def logit(x: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), the inverse of sigmoid; x is first limited to [eps, 1 - eps]. As torch.logit."""
    x = x.to(dtypes.get_default_dtype()) if x.dtype.category == dtypes.BOOL else x  # type: ignore[attr-defined]
    x = x if eps is None else x.clamp(eps, 1 - eps)  # type: ignore[attr-defined]
    return x.log() - (-x).log1p()  # type: ignore[attr-defined, operator, no-any-return]


Tensor.logit = logit  # type: ignore[attr-defined]
