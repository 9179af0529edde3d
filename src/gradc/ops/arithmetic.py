"""Arithmetic of two operands, and the choice between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc import dtypes
from gradc.apply import apply, located
from gradc.errors import ArgumentError, CallError, DtypeError
from gradc.inplace import into, takes_out
from gradc.locations import here, quote
from gradc.ops.base import Pointwise, operand
from gradc.ops.define import op
from gradc.tensor import Tensor

__all__ = [
    "add", "atan2", "clamp", "clamp_max", "clamp_min", "div", "floor_divide", "fmod", "hypot", "lerp",
    "logaddexp", "maximum", "minimum", "mul", "pow", "remainder", "sub", "where",
]


class Scaled(Pointwise):
    """Shared by add and sub: PyTorch's `alpha`, which multiplies the second operand."""

    def call(self, x: Any, y: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Any:
        result = apply(self, (operand(self, x), operand(self, y if alpha == 1 else mul(y, alpha))), {})
        return result if out is None else into(out, result, self.name)


@op
class add(Scaled):
    """x + y.

    Source  torch.add
    """

    commutative = True
    kernel = lambda xp, x, y: xp.add(x, y)
    grad_x = lambda g: g
    grad_y = lambda g: g
    operators = ("__add__", "__radd__", "__iadd__")
    inplace = True
    samples = [((3, 4), (3, 4)), ((3, 1), (4,)), ((5,), 2), ((), (2,))]


@op
class sub(Scaled):
    """x - y.

    Source  torch.sub
    """

    kernel = lambda xp, x, y: xp.subtract(x, y)
    grad_x = lambda g: g
    grad_y = lambda g: -g
    operators = ("__sub__", "__rsub__", "__isub__")
    aliases = ("subtract",)
    inplace = True
    rejects = (dtypes.BOOL,)
    rejects_each = True
    rejection = ("Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a "
                 "mask, use the `~` or `logical_not()` operator instead.")
    samples = [((3, 4), (3, 4)), ((2, 1, 3), (2, 1)), ((5,), 2.5), (1.5, (3,))]

    def compute_dtype(self, operands: Sequence[Any]) -> dtypes.dtype:
        if all([getattr(x, "dtype", None) in (dtypes.bool_, dtypes.bool_.numpy) for x in operands]):
            raise DtypeError("Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
                             "`logical_xor()` operator instead.")
        return super().compute_dtype(operands)

    def node_name(self, node: Any) -> str:
        return "RsubBackward1" if node.signature[0] is None else "SubBackward0"


@op
class mul(Pointwise):
    """x · y.

    Source  torch.mul
    """

    commutative = True
    kernel = lambda xp, x, y: xp.multiply(x, y)
    grad_x = lambda g, y: g * y
    grad_y = lambda g, x: g * x
    operators = ("__mul__", "__rmul__", "__imul__")
    aliases = ("multiply",)
    inplace = True
    samples = [((3, 4), (3, 4)), ((3, 1), (4,)), ((5,), 2), ((), (2,))]


@op
class div(Pointwise):
    """x / y, in floating point.

    Source  torch.div; with rounding_mode "floor" or "trunc" an integer-valued quotient without gradient
    """

    kernel = lambda xp, x, y: xp.true_divide(x, y)
    grad_x = lambda g, y: g / y
    grad_y = lambda g, y, result: -(g / y) * result  # which shares g / y with grad_x
    promotion = "float"
    operators = ("__truediv__", "__itruediv__")
    aliases = ("divide", "true_divide")
    inplace = True
    samples = [((3, 4), [[1.0, 2.0, -3.0, 0.5]]), ((3, 1), [2.0, 4.0]), ((5,), 2)]

    def call(self, x: Any, y: Any, *, rounding_mode: str | None = None, out: Tensor | None = None) -> Any:
        if out is not None:
            return into(out, self.call(x, y, rounding_mode=rounding_mode), self.name)
        if rounding_mode not in (None, "floor", "trunc"):
            raise CallError("div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
                            f"{rounding_mode!r}{quote(here())}")
        op, attrs = (self, {}) if rounding_mode is None else (rounded_div, {"rounding_mode": rounding_mode})
        return apply(op, (operand(self, x), operand(self, y)), attrs)


@op
class rounded_div(Pointwise):
    """x / y rounded down, or toward zero. The gradient is 0.

    Source  torch.div with a rounding_mode
    """

    kernel = lambda xp, x, y, *, rounding_mode: (
        xp.floor_divide(x, y) if rounding_mode == "floor" else _truncated(xp, x, y))
    grad_x = lambda g: g * 0
    grad_y = lambda g: g * 0
    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    method = False
    samples = [([7.0, -7.0], 2, {"rounding_mode": "trunc"}), ([7.5, -7.5], [2.0, 2.0], {"rounding_mode": "floor"})]

    def node_name(self, node: Any) -> str:
        return "DivBackward2"


def _truncated(xp: Any, x: Any, y: Any) -> Any:
    """x / y without its fraction; exact for integers of any size."""
    if xp.result_type(x, y).kind == "f":
        return xp.trunc(xp.true_divide(x, y))
    down = xp.floor_divide(x, y)
    return down + ((down < 0) & (down * y != x))


@op
class floor_divide(Pointwise):
    """⌊x / y⌋, rounded down. It has no gradient.

    Source  torch.floor_divide
    """

    kernel = lambda xp, x, y: xp.floor_divide(x, y)
    operators = ("__floordiv__", "__rfloordiv__", "__ifloordiv__")
    inplace = True
    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    samples = [([7.0, -7.0], 2), ([7.5, -7.5], [2.0, 2.0])]


class ByNumberOrTensor(Pointwise):
    """PyTorch has two nodes for such an op: 0 where the last operand is a number, 1 where it is a tensor."""

    def node_name(self, node: Any) -> str:
        return f"{self.torch_name}Backward{int(isinstance(node.signature[-2], tuple))}"


@op
class remainder(ByNumberOrTensor):
    """x - y·⌊x / y⌋: the remainder with the sign of y.

    Source  torch.remainder
    """

    kernel = lambda xp, x, y: xp.remainder(x, y)
    grad_x = lambda g: g
    grad_y = lambda g, x, y: -g * floor_divide(x, y)
    operators = ("__mod__", "__rmod__", "__imod__")
    inplace = True
    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    samples = [([7.0, -7.5], 2), ([7.5, -7.5], [2.0, -2.3])]


@op
class fmod(ByNumberOrTensor):
    """The remainder of x / y with the sign of x.

    Source  torch.fmod
    """

    kernel = lambda xp, x, y: xp.fmod(x, y)
    grad_x = lambda g: g
    grad_y = lambda g, x, y: -g * (x / y).trunc()
    inplace = True
    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    samples = [([7.0, -7.5], 2), ([7.5, -7.5], [2.0, -2.3])]


@op
class pow(Pointwise):
    """x to the power y. The gradient of x**0 is 0 everywhere.

    Dtype   integers to negative integer powers are an error
    Source  torch.pow
    """

    kernel = lambda xp, x, y: xp.power(x, y)
    grad_x = lambda g, x, y: _grad_base(g, x, y)
    grad_y = lambda g, x, y, result: _grad_exponent(g, x, y, result)
    specialises = True
    torch_operands = ("self", "exponent")
    operators = ("__pow__", "__rpow__", "__ipow__")
    inplace = True
    rejects = (dtypes.BOOL,)
    samples = [([0.5, 2.0, 3.0], 2), ([0.5, 2.0], 2.5), ([0.5, 2.0], [3.0, -1.5]), (2.0, (3,)), ((3,), 3), ((3,), 0)]

    def call(self, x: Any, exponent: Any, *, out: Tensor | None = None) -> Any:
        if out is not None:
            return into(out, self.call(x, exponent), self.name)
        exponent = operand(self, exponent)
        if type(exponent) is int and exponent < 0 and isinstance(x, Tensor) and x.dtype.category == dtypes.INT:
            problem = DtypeError("Integers to negative integer powers are not allowed.")
            raise located(self.name, (x, exponent), {}, problem) from None
        return apply(self, (operand(self, x), exponent), {})

    def node_name(self, node: Any) -> str:
        of_number = not isinstance(node.signature[0], tuple)
        by_number = not isinstance(node.signature[1], tuple)
        return "PowBackward2" if of_number else "PowBackward0" if by_number else "PowBackward1"


def _grad_base(g: Tensor, x: Any, y: Any) -> Any:
    if not isinstance(y, Tensor):
        if y == 0:
            return g * 0.0
        return g * (y * x) if y == 2 else g * (y * x ** (y - 1))
    return where(y == 0, 0.0, g * (y * x ** (y - 1)))


def _grad_exponent(g: Tensor, x: Any, y: Tensor, result: Tensor) -> Any:
    if not isinstance(x, Tensor):
        x = y.new_full((), x)
    return where((x == 0) & (y.real >= 0), 0.0, g * (result * x.log()))  # type: ignore[attr-defined]


@op
class maximum(Pointwise):
    """The larger of x and y; nan if either is. Ties share the gradient.

    Source  torch.maximum
    """

    commutative = True
    kernel = lambda xp, x, y: xp.maximum(x, y)
    grad_x = lambda g, x, y: _chosen(g, x > y, x == y)
    grad_y = lambda g, x, y: _chosen(g, y > x, x == y)
    rejects = (dtypes.COMPLEX,)
    rejection = "maximum not implemented for complex tensors."
    samples = [((3, 4), (3, 4)), ((3, 1), (4,))]


@op
class minimum(Pointwise):
    """The smaller of x and y; nan if either is. Ties share the gradient.

    Source  torch.minimum
    """

    commutative = True
    kernel = lambda xp, x, y: xp.minimum(x, y)
    grad_x = lambda g, x, y: _chosen(g, x < y, x == y)
    grad_y = lambda g, x, y: _chosen(g, y < x, x == y)
    rejects = (dtypes.COMPLEX,)
    rejection = "minimum not implemented for complex tensors."
    samples = [((3, 4), (3, 4)), ((3, 1), (4,))]


def _chosen(g: Tensor, won: Tensor, tied: Tensor) -> Tensor:
    return where(tied, g * 0.5, where(won, g, 0.0))


@op
class atan2(Pointwise):
    """The angle of the point (y, x), in radians.

    Source  torch.atan2, whose first operand is the ordinate too
    """

    kernel = lambda xp, x, y: xp.arctan2(x, y)
    grad_x = lambda g, x, y: g * y / (x * x + y * y)
    grad_y = lambda g, x, y: -g * x / (x * x + y * y)
    promotion = "float"
    rejects = (dtypes.COMPLEX,)
    inplace = True
    aliases = ("arctan2",)
    samples = [((3,), (3,)), ((3, 1), (2,))]


@op
class hypot(Pointwise):
    """√(x² + y²), without overflow.

    Source  torch.hypot
    """

    kernel = lambda xp, x, y: xp.hypot(x, y)
    grad_x = lambda g, x, result: g * (x / result)
    grad_y = lambda g, y, result: g * (y / result)
    rejects = (dtypes.BOOL, dtypes.INT, dtypes.COMPLEX)
    inplace = True
    samples = [((3,), (3,)), ((3, 1), (2,))]


@op
class logaddexp(Pointwise):
    """log(eˣ + eʸ), without overflow.

    Source  torch.logaddexp
    """

    kernel = lambda xp, x, y: xp.logaddexp(x, y)
    complex_kernel = lambda xp, x, y: _complex_logaddexp(xp, x, y)
    grad_x = lambda g, x, y: g * (x - y).sigmoid()
    grad_y = lambda g, x, y: g * (y - x).sigmoid()
    rejects = (dtypes.BOOL, dtypes.INT)
    samples = [((3,), (3,)), ((3, 1), (2,)), ([1e4, -1e4], [1e4, 0.0])]


def _complex_logaddexp(xp: Any, x: Any, y: Any) -> Any:
    first = xp.real(x) >= xp.real(y)
    larger = xp.where(first, x, y)
    return larger + xp.log1p(xp.exp(xp.where(first, y, x) - larger))


@op
class where(Pointwise):
    """x where the condition holds, else y.

    Source  torch.where
    """

    kernel = lambda xp, condition, x, y: xp.where(condition, x, y)
    grad_x = lambda g, condition: where(condition, g, 0.0)
    grad_y = lambda g, condition: where(condition, 0.0, g)
    promotes = slice(1, 3)
    method = False
    samples = [([True, False, True], (3,), (3,)), ([[True], [False]], (3,), 0.0), ([True, False], 1.5, (2,))]

    def call(self, condition: Tensor, x: Any = None, y: Any = None, *, out: Tensor | None = None) -> Any:
        if out is not None:
            return into(out, self.call(condition, x, y), self.name)
        if not isinstance(condition, Tensor):
            raise ArgumentError(f"where(): the condition is a bool tensor, got {type(condition).__name__}")
        if condition.dtype is not dtypes.bool_:
            raise DtypeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype "
                             f"{dtypes.TITLES[condition.dtype]}")
        x, y = operand(self, x), operand(self, y)
        if not isinstance(x, Tensor) and not isinstance(y, Tensor):
            kind = dtypes.promote([(dtypes.python_scalar(type(x)), -1), (dtypes.python_scalar(type(y)), -1)])
            x = condition.new_full((), x, dtype=kind)
        return apply(self, (condition, x, y), {})


def _where_method(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    return where(condition, self, other)


Tensor.where = _where_method  # type: ignore[attr-defined]


def _rtruediv(self: Tensor, other: Any) -> Tensor:
    """other / self, as PyTorch computes it: the reciprocal times `other`."""
    return self.reciprocal() * other


def _rsub_method(self: Tensor, other: Any) -> Tensor:
    return sub(other, self)


Tensor.__rtruediv__ = _rtruediv  # type: ignore[attr-defined]
Tensor.rsub = _rsub_method  # type: ignore[attr-defined]


@op
class lerp(ByNumberOrTensor):
    """x + weight·(y - x): the point between x and y.

    Source  torch.lerp
    """

    decompose = lambda x, y, weight: x + weight * (y - x)
    rejects = (dtypes.BOOL, dtypes.INT)
    rejects_each = True
    grad_x = lambda g, weight: g - g * weight
    grad_y = lambda g, weight: g * weight
    grad_weight = lambda g, x, y: g * (y - x)
    inplace = True
    samples = [((3,), (3,), 0.3), ((3,), (3,), (3,))]


@op
class clamp(Pointwise):
    """x limited to [min, max]; a missing bound does not limit. The gradient is 1 on the bounds.

    Source  torch.clamp
    """

    kernel = lambda xp, x, min=None, max=None: xp.clip(x, min, max)
    rejects = (dtypes.COMPLEX, dtypes.BOOL)
    rejection = "clamp is not supported for complex types"
    grad_x = lambda g, x, min, max: where(_inside(x, min, max), g, 0.0)
    grad_min = lambda g, x, min, max: where(x < min if max is None else (x < min) & (min < max), g, 0.0)
    grad_max = lambda g, x, min, max: where(x > max if min is None else (x > max) | (max < min), g, 0.0)
    aliases = ("clip",)
    inplace = True
    samples = [([-1.0, 0.2, 2.0], 0.0, 1.0), ([-1.0, 0.2, 2.0], None, 1.0), ([-1.0, 0.2, 2.0], 0.5, None),
               ((3,), [0.0, 0.1, 0.2], [1.0, 1.0, 0.3])]

    def call(self, x: Tensor, min: Any = None, max: Any = None, *, out: Tensor | None = None) -> Any:
        if out is not None:
            return into(out, self.call(x, min, max), self.name)
        if min is None and max is None:
            raise CallError("torch.clamp: At least one of 'min' or 'max' must not be None")
        return apply(self, (x, operand(self, min), operand(self, max)), {})

    def node_name(self, node: Any) -> str:
        by_tensors = any(isinstance(shape, tuple) for shape in node.signature[1:3])
        return "ClampBackward0" if by_tensors else "ClampBackward1"


def _inside(x: Tensor, min: Any, max: Any) -> Tensor:
    if max is None:
        return x >= min
    if min is None:
        return x <= max
    return (x >= min) & (x <= max)


@takes_out
def clamp_min(x: Tensor, min: Any) -> Tensor:
    """x, at least `min`, as torch.clamp_min."""
    if isinstance(min, Tensor) and x.dtype.category == dtypes.BOOL:
        return maximum(x, min)  # type: ignore[no-any-return]
    return clamp(x, min, None)


@takes_out
def clamp_max(x: Tensor, max: Any) -> Tensor:
    """x, at most `max`, as torch.clamp_max."""
    if isinstance(max, Tensor) and x.dtype.category == dtypes.BOOL:
        return minimum(x, max)  # type: ignore[no-any-return]
    return clamp(x, None, max)


Tensor.clamp_min = clamp_min  # type: ignore[attr-defined]
Tensor.clamp_max = clamp_max  # type: ignore[attr-defined]

