"""Losses. Each reduces over all elements by "mean" or "sum", or not at all with "none"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import dtypes, shapes
from gradc.apply import apply, autocasting
from gradc.dtypes import dtype
from gradc.errors import ArgumentError, DimensionError, DtypeError, ShapeError
from gradc.ir import Type
from gradc.modes import current
from gradc.ops.activation import sigmoid, softmax, softplus
from gradc.ops.arithmetic import where
from gradc.ops.base import Op
from gradc.ops.creation import arange
from gradc.ops.define import op
from gradc.ops.elementary import exp, sgn
from gradc.ops.joining import promoted
from gradc.ops.reduction import amax, mean, sum
from gradc.ops.samples import ints
from gradc.tensor import Tensor


def floating(self: Op, computed: dtype) -> dtype:
    """The dtype a loss is computed in. Raises DtypeError for integers and bools, as PyTorch does."""
    self.check_category(computed)
    if not computed.is_differentiable:
        raise DtypeError(f'"{self.name}" not implemented for {dtypes.TITLES[computed]!r}')
    return computed


class Loss(Op):
    """A loss between a prediction and a target of the same shape."""

    rejects = (dtypes.COMPLEX,)

    checked = True
    method = False
    samples: Any = [((3, 4), (3, 4), {"reduction": "mean"}), ((5,), (5,), {"reduction": "sum"}),
                    ((2, 3), (2, 3), {"reduction": "none"})]

    def infer(self, x: Any, y: Any, *rest: Any, reduction: str, **attrs: Any) -> Type:
        if reduction not in ("mean", "sum", "none"):
            raise ArgumentError(f"{reduction} is not a valid value for reduction")
        shape = shapes.broadcast(x.shape, y.shape)
        return Type(x.dtype, shape if reduction == "none" else ())

    def call(self, x: Tensor, target: Tensor, *rest: Any, reduction: str = "mean", **attrs: Any) -> Any:
        return apply(self, (x, target, *rest), {**attrs, "reduction": reduction})

    def compute_dtype(self, operands: Any) -> Any:
        return floating(self, dtypes.promote([(dtypes.of(x.dtype), x.ndim) for x in operands if hasattr(x, "dtype")]))


def reduced(x: Tensor, reduction: str) -> Tensor:
    """The mean, the sum or all of x."""
    return mean(x) if reduction == "mean" else sum(x) if reduction == "sum" else x  # type: ignore[no-any-return]


def weight_of(g: Tensor, count: int, reduction: str) -> Tensor:
    """The cotangent that each of `count` elements gets under a reduction."""
    return g / count if reduction == "mean" else g  # type: ignore[operator]


def _size(x_type: Type, y_type: Type) -> int:
    return Type(x_type.dtype, shapes.broadcast(x_type.shape, y_type.shape)).size


@op
class mse_loss(Loss):
    """(x - y)².

    Source  torch.nn.functional.mse_loss
    """

    autocast = "float32"
    decompose = lambda x, y, *, reduction="mean": reduced((x - y) * (x - y), reduction)
    grad_x = lambda g, x, y, x_type, y_type, reduction: (
        weight_of(g, _size(x_type, y_type), reduction) * (2 * (x - y)))
    grad_y = lambda g, x, y, x_type, y_type, reduction: (
        weight_of(g, _size(x_type, y_type), reduction) * (2 * (y - x)))


@op
class l1_loss(Loss):
    """|x - y|.

    Source  torch.nn.functional.l1_loss
    """

    autocast = "float32"
    decompose = lambda x, y, *, reduction="mean": reduced((x - y).abs(), reduction)
    grad_x = lambda g, x, y, x_type, y_type, reduction: (
        weight_of(g, _size(x_type, y_type), reduction) * sgn(x - y))
    grad_y = lambda g, x, y, x_type, y_type, reduction: (
        weight_of(g, _size(x_type, y_type), reduction) * sgn(y - x))
    rejects = ()
    torch_name = "Mean"

    def infer(self, x: Any, y: Any, *, reduction: str) -> Type:  # type: ignore[override]
        if reduction == "mean":
            floating(self, x.dtype)
        whole = super().infer(x, y, reduction=reduction)
        kind = x.dtype.to_real()
        return Type(dtypes.int64 if reduction == "sum" and not kind.is_differentiable else kind, whole.shape)

    def compute_dtype(self, operands: Any) -> Any:
        return promoted(operands)

    def node_name(self, node: Any) -> str:
        return {"mean": "MeanBackward0", "sum": "SumBackward0"}.get(node.attrs["reduction"], "AbsBackward0")


@op
class smooth_l1_loss(Loss):
    """½ (x - y)² / beta where |x - y| < beta, else |x - y| - ½ beta.

    Source  torch.nn.functional.smooth_l1_loss
    """

    autocast = "float32"
    decompose = lambda x, y, *, beta=1.0, reduction="mean": reduced(_smooth((x - y).abs(), beta), reduction)
    grad_x = lambda g, x, y, x_type, y_type, beta, reduction: (
        weight_of(g, _size(x_type, y_type), reduction) * _smooth_slope(x - y, beta))
    grad_y = lambda g, x, y, x_type, y_type, beta, reduction: (
        weight_of(g, _size(x_type, y_type), reduction) * _smooth_slope(y - x, beta))
    torch_name = "SmoothL1Loss"
    samples = [((3, 4), (3, 4), {"beta": 1.0, "reduction": "mean"}), ((5,), (5,), {"beta": 0.5, "reduction": "none"})]


def _smooth(distance: Tensor, beta: float) -> Tensor:
    return where(distance < beta, distance * distance * (0.5 / beta), distance - 0.5 * beta)  # type: ignore


def _smooth_slope(difference: Tensor, beta: float) -> Tensor:
    return (difference * (1 / beta)).clamp(-1.0, 1.0)  # type: ignore[operator, no-any-return]


@op
class huber_loss(Loss):
    """½ (x - y)² where |x - y| < delta, else delta · (|x - y| - ½ delta).

    Source  torch.nn.functional.huber_loss
    """

    autocast = "float32"
    decompose = lambda x, y, *, delta=1.0, reduction="mean": reduced(_smooth((x - y).abs(), delta) * delta, reduction)
    grad_x = lambda g, x, y, x_type, y_type, delta, reduction: (
        weight_of(g, _size(x_type, y_type), reduction) * (x - y).clamp(-delta, delta))
    grad_y = lambda g, x, y, x_type, y_type, delta, reduction: (
        weight_of(g, _size(x_type, y_type), reduction) * (y - x).clamp(-delta, delta))
    samples = [((3, 4), (3, 4), {"delta": 1.0, "reduction": "mean"}), ((5,), (5,), {"delta": 0.5, "reduction": "none"})]

    def call(self, x: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Any:
        return apply(self, (x, target), {"delta": delta, "reduction": reduction})


@autocasting("float32")
def kl_div(x: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Σ target · (log target - x), from log-probabilities x, in nats, as torch.nn.functional.kl_div.

    `reduction` is also "batchmean": the sum over the size of the first dimension. 0 · log 0 is 0.
    """
    if log_target:
        each = target.exp() * (target - x)  # type: ignore[attr-defined, operator]
    else:
        safe = where(target != 0, target, 1.0)  # type: ignore[operator]
        each = where(target != 0, target * (safe.log() - x), 0.0)  # type: ignore[operator]
    if reduction == "batchmean":
        return sum(each) / (x.shape[0] if x.ndim else 1)  # type: ignore[no-any-return]
    return reduced(each, reduction)


@op
class binary_cross_entropy_with_logits(Loss):
    """-(y log σ(x) + (1 - y) log(1 - σ(x))), from logits x, in nats.

    Error   4 ulp in f32, also for x ≫ 0 with y = 1, where softplus(x) - x·y loses all accuracy
    Source  torch.nn.functional.binary_cross_entropy_with_logits
    """

    autocast = "float32"
    decompose = lambda x, y, *, reduction="mean": reduced(y * softplus(-x) + (1 - y) * softplus(x), reduction)
    grad_x = lambda g, x, y, x_type, y_type, reduction: (
        weight_of(g, _size(x_type, y_type), reduction) * ((1 - y) * sigmoid(x) - y * sigmoid(-x)))
    grad_y = lambda g, x, x_type, y_type, reduction: weight_of(g, _size(x_type, y_type), reduction) * -x
    samples = [((3, 4), [[0.0, 1.0, 0.3, 1.0]] * 3, {"reduction": "mean"}),
               ([-40.0, 40.0, 20.0], [1.0, 1.0, 0.0], {"reduction": "none"})]

    def call(self, x: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean",
             pos_weight: Tensor | None = None, **attrs: Any) -> Any:
        if x._array.shape != target._array.shape:
            raise ShapeError(f"Target size ({target.shape}) must be the same as input size ({x.shape})")
        if weight is None and pos_weight is None:
            return apply(self, (x, target), {"reduction": reduction})
        positive = 1.0 if pos_weight is None else pos_weight
        loss = positive * target * softplus(-x) + (1 - target) * softplus(x)  # type: ignore[operator]
        return reduced(loss if weight is None else loss * weight, reduction)  # type: ignore[arg-type]


@op
class binary_cross_entropy(Loss):
    """-(y log x + (1 - y) log(1 - x)), from probabilities x, in nats; a logarithm is at least -100.

    Source  torch.nn.functional.binary_cross_entropy
    """

    autocast = "float32"
    decompose = lambda x, y, *, reduction="mean": reduced(
        -(y * x.log().clamp(-100.0, None) + (1 - y) * (-x).log1p().clamp(-100.0, None)), reduction)
    grad_x = lambda g, x, y, x_type, y_type, reduction: (
        weight_of(g, _size(x_type, y_type), reduction) * ((x - y) / ((1 - x) * x).clamp(1e-12, None)))
    grad_y = lambda g, x, x_type, y_type, reduction: (
        weight_of(g, _size(x_type, y_type), reduction) * ((-x).log1p() - x.log()))
    samples = [([0.1, 0.5, 0.9], [0.0, 1.0, 0.3], {"reduction": "mean"})]


UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
"""The unsigned integers by their size in bytes."""


class Classification(Op):
    """A loss between scores of classes, in dimension 1 (0 for one sample), and class numbers."""

    rejects = (dtypes.COMPLEX,)

    checked = True
    method = False
    samples: Any = [((4, 3), [0, 2, 1, 1], {"ignore_index": -100, "reduction": "mean"}),
                    ((4, 3), [0, 2, -100, 1], {"ignore_index": -100, "reduction": "mean"}),
                    ((2, 3, 5), [[0, 1, 2, 0, 1], [2, 2, 1, 0, 0]], {"ignore_index": -100, "reduction": "sum"}),
                    ((3,), ints((), 3), {"ignore_index": -100, "reduction": "none"})]

    def infer(self, x: Any, target: Any, *, ignore_index: int | None, reduction: str) -> Type:
        expected = (*x.shape[:1], *x.shape[2:]) if len(x.shape) > 1 else ()
        fits = target.shape[:1] == expected[:1]
        if fits and target.dtype not in (dtypes.int64, dtypes.uint8):
            raise DtypeError(f"expected target dtype to be Long or Byte, but got {dtypes.TITLES[target.dtype]}")
        if fits and len(expected) == len(target.shape) > 1 and target.shape != expected:
            raise ShapeError(f"Expected target size {list(expected)}, got {list(target.shape)}")
        if target.shape != expected:
            raise ShapeError(f"Expected input batch_size ({x.shape[0] if x.shape else 1}) to match target batch_size "
                             f"({target.shape[0] if target.shape else 1}): scores {list(x.shape)} need targets "
                             f"{list(expected)}, got {list(target.shape)}")
        if reduction not in ("mean", "sum", "none"):
            raise ArgumentError(f"{reduction} is not a valid value for reduction")
        return Type(x.dtype, expected if reduction == "none" else ())

    def compute_dtype(self, operands: Any) -> None:
        floating(self, dtypes.of(operands[0].dtype))

    def call(self, x: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100,
             reduction: str = "mean", label_smoothing: float = 0.0) -> Any:
        array = target._array
        classes = x.shape[1 if x.ndim > 1 else 0]
        ignored: int | None = ignore_index
        if isinstance(array, np.ndarray) and array.dtype.kind in "iu" and array.size:
            # Seen as unsigned, a negative number is larger than any class.
            if np.maximum.reduce(array.view(UNSIGNED[array.itemsize]), axis=None) < classes:
                if current().trace is None and not 0 <= ignore_index < classes:
                    ignored = None  # no target is ignored: half the work
            else:
                wrong = array[((array < 0) | (array >= classes)) & (array != ignore_index)]
                if wrong.size:
                    raise DimensionError(f"Target {wrong.flat[0]} is out of bounds.")
        if weight is not None or label_smoothing:
            raise ArgumentError(f"{self.name}: weight and label_smoothing are not supported yet")
        return apply(self, (x, target), {"ignore_index": ignored, "reduction": reduction})

    def node_name(self, node: Any) -> str:
        return "NllLoss2DBackward0" if len(node.signature[0]) > 2 else "NllLossBackward0"


def chosen_classes(target: Tensor, x_type: Type) -> Tensor:
    """1 at the class of each sample, in the shape and dtype of the scores; no class where it is out of range."""
    dim = 1 if x_type.ndim > 1 else 0
    classes = arange(x_type.shape[dim], dtype=target.dtype).reshape(-1, *[1] * max(x_type.ndim - 2, 0))
    return (target.unsqueeze(dim) == classes).to(x_type.dtype)  # type: ignore[attr-defined, no-any-return]


def _negative_log_likelihood(x: Any, target: Tensor, ignore_index: int | None, reduction: str,
                             taken: Sequence[Tensor] = ()) -> Tensor:
    """The loss of log-probabilities, or of scores that are those when what is `taken` from them is."""
    dim = 1 if x.ndim > 1 else 0
    kept = None if ignore_index is None else target != ignore_index  # type: ignore[operator]
    place: Any = target if kept is None else where(kept, target, 0)
    chosen = x.gather(dim, place.unsqueeze(dim))
    for part in taken:  # from the chosen scores: the others' are not needed
        chosen = chosen - part
    chosen = -chosen.squeeze(dim)
    if kept is None:
        return reduced(chosen, reduction)
    each = where(kept, chosen, 0.0)
    return sum(each) / sum(kept).to(x.dtype) if reduction == "mean" else reduced(each, reduction)  # type: ignore


def _log_total(x: Tensor, dim: int) -> tuple[Tensor, ...]:
    """What log_softmax takes from x, in its order: the largest element, and log Σ exp of what is left."""
    if not x.numel():
        return ()
    largest = amax(x, dim, True)
    return largest, sum(exp(x - largest), dim, True).log()  # type: ignore[operator, attr-defined]


def _sample_weight(g: Tensor, target: Tensor, x_type: Type, ignore_index: int | None, reduction: str) -> Tensor:
    """The cotangent of each sample's loss, with a dimension of size 1 for the classes."""
    dim = 1 if x_type.ndim > 1 else 0
    if ignore_index is None:
        g = weight_of(g, x_type.size // x_type.shape[dim], reduction)
        return g.unsqueeze(dim) if reduction == "none" else g  # type: ignore[attr-defined, no-any-return]
    kept = target != ignore_index  # type: ignore[operator]
    if reduction == "mean":
        g = g / sum(kept).to(x_type.dtype)  # type: ignore[operator]
    return where(kept, g, 0.0).unsqueeze(dim)  # type: ignore[no-any-return]


@op
class nll_loss(Classification):
    """-x[target], from log-probabilities x, in nats.

    Source  torch.nn.functional.nll_loss
    """

    autocast = "float32"
    decompose = lambda x, target, *, ignore_index=-100, reduction="mean": _negative_log_likelihood(
        x, target, ignore_index, reduction)
    grad_x = lambda g, target, x_type, ignore_index, reduction: (
        -chosen_classes(target, x_type) * _sample_weight(g, target, x_type, ignore_index, reduction))


@op
class cross_entropy(Classification):
    """-log softmax(x)[target], from logits x, in nats.

    Source  torch.nn.functional.cross_entropy
    """

    autocast = "float32"
    decompose = lambda x, target, *, ignore_index=-100, reduction="mean": _negative_log_likelihood(
        x, target, ignore_index, reduction, _log_total(x, 1 if x.ndim > 1 else 0))
    grad_x = lambda g, x, target, x_type, ignore_index, reduction: (
        (softmax(x, 1 if x_type.ndim > 1 else 0) - chosen_classes(target, x_type))
        * _sample_weight(g, target, x_type, ignore_index, reduction))

