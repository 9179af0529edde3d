"""Normalisation over dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc import dtypes
from gradc.apply import apply
from gradc.errors import DtypeError, ShapeError
from gradc.ir import Type
from gradc.ops.base import Op, operand
from gradc.ops.define import op
from gradc.ops.reduction import mean
from gradc.tensor import Tensor


@op
class layer_norm(Op):
    """(x - mean) / √(variance + eps) over the last `rank` dimensions, times weight, plus bias.

    Source  torch.nn.functional.layer_norm; Ba, Kiros and Hinton 2016
    """

    decompose = lambda x, weight=None, bias=None, *, rank=1, eps=1e-5: _affine(_normal(x, rank, eps)[0], weight, bias)
    grads = lambda g, x, weight, rank, eps: _layer_norm_grads(g, x, weight, rank, eps)
    batched = lambda self, examples: examples.apply(self) if not any(examples.flags[1:]) else None
    method = False
    rejects = (dtypes.COMPLEX,)
    torch_name = "NativeLayerNorm"
    checked = True
    samples = [((4, 3), (3,), (3,), {"rank": 1}), ((2, 3, 4), (3, 4), None, {"rank": 2}),
               ((4, 3), None, None, {"rank": 1, "eps": 0.1})]

    def infer(self, x: Any, weight: Any = None, bias: Any = None, *, rank: int, eps: float) -> Type:
        expected = tuple(x.shape[len(x.shape) - rank :])
        for name, other in (("weight", weight), ("bias", bias)):
            if other is not None and other.shape != expected:
                raise ShapeError(f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                                 f"{list(other.shape)} and normalized_shape = {list(expected)}")
        return Type(x.dtype, x.shape)

    def compute_dtype(self, operands: Sequence[Any]) -> None:
        kind = dtypes.of(operands[0].dtype)
        self.check_category(kind)
        if not kind.is_differentiable:
            raise DtypeError(f'"layer_norm" not implemented for {dtypes.TITLES[kind]!r}')

    def call(self, x: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None,
             bias: Tensor | None = None, eps: float = 1e-5) -> Any:
        rank = _normalized_rank(x, normalized_shape)
        return apply(self, (x, operand(self, weight), operand(self, bias)), {"rank": rank, "eps": eps})


def _normalized_rank(x: Tensor, normalized_shape: Sequence[int]) -> int:
    """How many dimensions of x a shape means. Raises ShapeError unless it is that of the last ones."""
    shape = tuple(normalized_shape)
    if not shape:
        raise ShapeError("Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
                         "element, but got normalized_shape = []")
    if tuple(x._array.shape)[-len(shape) :] != shape:
        raise ShapeError(f"Given normalized_shape={list(shape)}, expected input with shape "
                         f"[*, {', '.join(map(str, shape))}], but got input of size{list(x.shape)}")
    return len(shape)


def _normal(x: Tensor, rank: int, eps: float) -> tuple[Tensor, Tensor]:
    """x with mean 0 and variance 1 over its last dimensions, and what it was multiplied by for that."""
    dims = tuple(range(x.ndim - rank, x.ndim))
    centered = x - mean(x, dims, True)
    scale = (mean(centered * centered, dims, True) + eps).rsqrt()
    return centered * scale, scale


def _affine(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    x = x if weight is None else x * weight  # type: ignore[operator]
    return x if bias is None else x + bias  # type: ignore[operator]


def _layer_norm_grads(g: Tensor, x: Tensor, weight: Tensor | None, rank: int, eps: float) -> tuple[Tensor, ...]:
    normal, scale = _normal(x, rank, eps)
    dims = tuple(range(x.ndim - rank, x.ndim))
    inner = g if weight is None else g * weight  # type: ignore[operator]
    along = mean(inner, dims, True) + normal * mean(inner * normal, dims, True)
    return scale * (inner - along), g * normal, g  # type: ignore[operator]


@op
class rms_norm(Op):
    """x / √(mean of squares + eps) over the last `rank` dimensions, times weight.

    Source  torch.nn.functional.rms_norm; Zhang and Sennrich 2019
    """

    decompose = lambda x, weight=None, *, rank=1, eps=1e-6: _affine(x * _inverse_rms(x, rank, eps), weight, None)
    grads = lambda g, x, weight, rank, eps: _rms_norm_grads(g, x, weight, rank, eps)
    batched = lambda self, examples: examples.apply(self) if not any(examples.flags[1:]) else None
    method = False
    torch_name = "Mul"
    checked = True
    samples = [((4, 3), (3,), {"rank": 1}), ((2, 3, 4), None, {"rank": 2, "eps": 0.1})]
    compute_dtype = type(layer_norm).compute_dtype

    def infer(self, x: Any, weight: Any = None, *, rank: int, eps: float) -> Type:
        return layer_norm.infer(x, weight, rank=rank, eps=eps)  # type: ignore[no-any-return]

    def call(self, x: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None,
             eps: float | None = None) -> Any:
        smallest = {dtypes.float64: 2.220446049250313e-16, dtypes.float16: 9.765625e-4, dtypes.bfloat16: 7.8125e-3}
        attrs = {"rank": _normalized_rank(x, normalized_shape),
                 "eps": smallest.get(x.dtype, 1.1920928955078125e-07) if eps is None else eps}
        return apply(self, (x, operand(self, weight)), attrs)


def _inverse_rms(x: Tensor, rank: int, eps: float) -> Tensor:
    dims = tuple(range(x.ndim - rank, x.ndim))
    return (mean(x * x, dims, True) + eps).rsqrt()  # type: ignore[operator, no-any-return]


def _rms_norm_grads(g: Tensor, x: Tensor, weight: Tensor | None, rank: int, eps: float) -> tuple[Tensor, ...]:
    scale = _inverse_rms(x, rank, eps)
    normal = x * scale  # type: ignore[operator]
    inner = g if weight is None else g * weight  # type: ignore[operator]
    along = normal * mean(inner * normal, tuple(range(x.ndim - rank, x.ndim)), True)
    return scale * (inner - along), g * normal  # type: ignore[operator]
