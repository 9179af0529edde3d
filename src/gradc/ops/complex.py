"""Complex numbers: their parts, their conjugates, and what they are made of.

A gradient is PyTorch's: for a real loss L it is ∂L/∂a + i ∂L/∂b at z = a + ib, the conjugate Wirtinger derivative.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import dtypes, locations, shapes
from gradc.apply import apply
from gradc.dtypes import dtype
from gradc.errors import DtypeError, ShapeError
from gradc.ir import Type
from gradc.ops.arithmetic import where
from gradc.ops.base import Op, Pointwise, operand
from gradc.ops.batching import alike, along
from gradc.ops.conversion import Unary
from gradc.ops.creation import zeros_like
from gradc.ops.define import op
from gradc.ops.elementary import cos, sgn, sin
from gradc.ops.samples import kinks, reals
from gradc.ops.shape import transpose
from gradc.tensor import Tensor

__all__ = [
    "adjoint", "angle", "complex", "conj", "conj_physical", "imag", "is_complex", "is_conj", "is_floating_point",
    "is_nonzero", "isreal", "polar", "real", "resolve_conj", "resolve_neg", "sgn", "view_as_complex", "view_as_real",
]


def complex_type(name: str, x: Any) -> dtype:
    """The complex type over a floating one. Raises DtypeError for a type that has none."""
    kind = dtypes.of(x.dtype)
    if kind not in (dtypes.float32, dtypes.float64):
        raise DtypeError(f"Expected both inputs to be Half, Float or Double tensors but got "
                         f"{dtypes.TITLES[kind]}: {name}() makes complex numbers of float32 and float64")
    return kind.to_complex()


REAL = (dtypes.BOOL, dtypes.INT, dtypes.FLOAT)


# Parts


class Part(Op):
    """The real or the imaginary part of each element: a view."""

    torch_name = "Select"
    batched = alike
    view = True
    method = False
    samples: Any = [((3,),), ((2, 3),)]

    def infer(self, x: Any) -> Type:
        self.check_category(x.dtype)
        return Type(x.dtype.to_real(), x.shape)


@op
class real(Part):
    """The real part of z; a real tensor is its own.

    Source  torch.real
    """

    kernel = lambda xp, x: xp.real(x)
    grad_x = lambda g: g

    def call(self, x: Tensor) -> Any:
        return apply(self, (x,), {}) if x.dtype.is_complex else x

    def writer(self, base: Type, attrs: dict[str, Any]) -> tuple[Op, dict[str, Any], bool]:
        return with_real, {}, True


@op
class imag(Part):
    """The imaginary part of z.

    Source  torch.imag
    """

    kernel = lambda xp, x: xp.imag(x)
    checked = True
    rejects = REAL
    rejection = "imag is not implemented for tensors with non-complex dtypes."
    grad_x = lambda g: complex(zeros_like(g), g)

    def call(self, x: Tensor) -> Any:
        if not x.dtype.is_complex:
            raise DtypeError(f"imag is not implemented for tensors with non-complex dtypes: this one is {x.dtype}"
                             + locations.quote(locations.here()))
        return apply(self, (x,), {})

    def writer(self, base: Type, attrs: dict[str, Any]) -> tuple[Op, dict[str, Any], bool]:
        return with_imag, {}, True


class Replacing(Op):
    """z with one of its parts replaced: what writing that part does."""

    batched = along()
    method = False
    checked = True
    rejects = REAL
    samples: Any = [((3,), reals((3,))), ((2, 3), reals((2, 3)))]

    def infer(self, x: Any, value: Any) -> Type:
        self.check_category(x.dtype)
        return Type(x.dtype, x.shape)

    def compute_dtype(self, operands: Sequence[Any]) -> None:
        return None


def _with(part: str) -> Any:
    def kernel(xp: Any, x: Any, value: Any) -> Any:
        result = x.copy()
        setattr(result, part, value)
        return result

    return kernel


@op
class with_real(Replacing):
    """value + i·imag(z).

    Source  z.real = value in NumPy
    """

    kernel = _with("real")
    lower = lambda xp, x, value: xp.lax.complex(value, xp.imag(x))
    grad_x = lambda g: complex(zeros_like(real(g)), imag(g))
    grad_value = lambda g: real(g)


@op
class with_imag(Replacing):
    """real(z) + i·value.

    Source  z.imag = value in NumPy
    """

    kernel = _with("imag")
    lower = lambda xp, x, value: xp.lax.complex(xp.real(x), value)
    grad_x = lambda g: complex(real(g), zeros_like(real(g)))
    grad_value = lambda g: imag(g)


class Pairs(Op):
    """Complex numbers seen as pairs of real ones, or the opposite: a view."""

    batched = alike
    view = True
    method = False


@op
class view_as_real(Pairs):
    """z as real numbers, with a last dimension of real and imaginary part.

    Source  torch.view_as_real
    """

    kernel = lambda xp, x: _pairs(x)
    lower = lambda xp, x: xp.stack([xp.real(x), xp.imag(x)], -1)
    checked = True
    rejects = REAL
    rejection = "view_as_real is only supported for complex tensors"
    grad_x = lambda g: view_as_complex(g.contiguous())
    samples = [((3,),), ((2, 3),)]

    def infer(self, x: Any) -> Type:
        self.check_category(x.dtype)
        return Type(x.dtype.to_real(), (*x.shape, 2))

    def writer(self, base: Type, attrs: dict[str, Any]) -> tuple[Op, dict[str, Any], bool]:
        return view_as_complex, {}, False


def _pairs(x: Any) -> Any:
    return x.reshape(*x.shape, 1).view(x.real.dtype)


@op
class view_as_complex(Pairs):
    """The pairs of the last dimension, of size 2, as complex numbers.

    Source  torch.view_as_complex
    """

    autocast = "float32"
    kernel = lambda xp, x: _numbers(x)
    lower = lambda xp, x: xp.lax.complex(x[..., 0], x[..., 1])
    grad_x = lambda g: view_as_real(g)
    samples = [((3, 2),), ((2,),)]
    checked = True

    def infer(self, x: Any) -> Type:
        if x.dtype not in (dtypes.float32, dtypes.float64):
            raise DtypeError(f"view_as_complex is only supported for half, float and double tensors, but got a tensor "
                             f"of scalar type: {dtypes.TITLES[x.dtype]}")
        if not x.shape:
            raise ShapeError("Input tensor must have one or more dimensions")
        if x.shape[-1] != 2:
            raise ShapeError("Tensor must have a last dimension of size 2")
        return Type(x.dtype.to_complex(), x.shape[:-1])

    def writer(self, base: Type, attrs: dict[str, Any]) -> tuple[Op, dict[str, Any], bool]:
        return view_as_real, {}, False


def _numbers(x: Any) -> Any:
    if x.shape[-1] != 2:
        raise ShapeError("Tensor must have a last dimension of size 2")
    if x.strides[-1] != x.itemsize:
        raise ShapeError("Tensor must have a last dimension with stride 1")
    return x.view(np.result_type(x.dtype, np.complex64))[..., 0]


# Conjugates, size and direction


@op
class conj(Unary):
    """a - ib for a + ib; a real tensor is its own. PyTorch's shares the memory of z, this is a copy.

    Source  torch.conj
    """

    kernel = lambda xp, x: xp.conj(x) if x.dtype.kind == "c" else xp.array(x, copy=True)
    grad_x = lambda g: conj(g)
    pointwise = True
    aliases = ("conj_physical",)
    samples = [((3,),)]

    def call(self, x: Tensor) -> Any:
        return apply(self, (x,), {}) if x.dtype.is_complex else x


@op
class angle(Pointwise):
    """The angle of z in the complex plane, in radians; of a real number 0 or π.

    Source  torch.angle. The gradient at 0 is 0
    """

    kernel = lambda xp, x: xp.angle(x)
    grad_x = lambda g, x: _angle_slope(g, x)
    promotion = "float"
    result = "real"
    samples = [((7,),), (kinks([-2.0, 3.0]),)]


def _angle_slope(g: Tensor, x: Tensor) -> Any:
    """For z = a + ib: g · (-b + ia) / |z|²."""
    if not x.dtype.is_complex:
        return zeros_like(g)
    size = real(x) * real(x) + imag(x) * imag(x)
    scaled = where(size == 0, 0.0, g / size)
    return complex(-scaled * imag(x), scaled * real(x))


# Complex numbers made of real ones


class Made(Pointwise):
    """A complex number of two real ones of one floating type."""

    method = False
    samples: Any = [((3,), (3,)), ((2, 1), (3,))]

    def infer(self, *operands: Any, **attrs: Any) -> Type:
        kind = complex_type(self.name, operands[0])
        return Type(kind, shapes.broadcast(*[x.shape for x in operands]))

    def compute_dtype(self, operands: Sequence[Any]) -> dtype:
        first, second = (dtypes.of(x.dtype) for x in operands)
        complex_type(self.name, operands[0])
        if first is not second:
            raise DtypeError(f"Expected object of scalar type {dtypes.TITLES[first]} but got scalar type "
                             f"{dtypes.TITLES[second]} for second argument")
        return first


def _joined(xp: Any, x: Any, y: Any) -> Any:
    parts = xp.stack(xp.broadcast_arrays(x, y), axis=-1)
    return parts.view(np.result_type(x.dtype, np.complex64))[..., 0]


@op
class complex(Made):
    """x + iy.

    Source  torch.complex
    """

    kernel = lambda xp, x, y: _joined(xp, x, y)
    lower = lambda xp, x, y: xp.lax.complex(*[xp.broadcast_to(part, shapes.broadcast(x.shape, y.shape))
                                              for part in (x, y)])
    grad_x = lambda g: real(g)
    grad_y = lambda g: imag(g)


@op
class polar(Made):
    """size · exp(i · angle).

    Source  torch.polar
    """

    autocast = "float32"
    samples = [([1.0, 2.0, 0.5], (3,)), ([[0.5], [2.0]], (3,))]
    decompose = lambda size, angle: complex(size * cos(angle), size * sin(angle))
    grad_size = lambda g, angle: real(g) * cos(angle) + imag(g) * sin(angle)
    grad_angle = lambda g, size, angle: size * (imag(g) * cos(angle) - real(g) * sin(angle))


# Under PyTorch's other names


def resolve_conj(x: Tensor) -> Tensor:
    """x: gradc conjugates at once, so nothing is left to do, as torch.resolve_conj."""
    return x


def resolve_neg(x: Tensor) -> Tensor:
    """x: gradc negates at once, so nothing is left to do, as torch.resolve_neg."""
    return x


def is_conj(x: Tensor) -> bool:
    """Whether x is a conjugate yet to be computed, as torch.is_conj: never here."""
    return False


def is_complex(x: Tensor) -> bool:
    """Whether x holds complex numbers, as torch.is_complex."""
    return x.dtype.is_complex


def is_floating_point(x: Tensor) -> bool:
    """Whether x holds real floating point numbers, as torch.is_floating_point."""
    return x.dtype.is_floating_point


def is_nonzero(x: Tensor) -> bool:
    """Whether the one element of x is not zero, as torch.is_nonzero."""
    return bool(x)


def isreal(x: Tensor) -> Tensor:
    """Whether each element has no imaginary part, as torch.isreal."""
    if not x.dtype.is_complex:
        return x.new_ones(x.shape, dtype=dtypes.bool_)  # type: ignore[attr-defined, no-any-return]
    return imag(x) == 0  # type: ignore[no-any-return]


def adjoint(x: Tensor) -> Tensor:
    """The conjugate transpose of each matrix, as torch.adjoint."""
    if x.ndim < 2:
        raise ShapeError(f"tensor.adjoint() is only supported on matrices or batches of matrices. Got {x.ndim}-D "
                         f"tensor.")
    return conj(transpose(x, -2, -1))  # type: ignore[no-any-return]


def _hermitian(x: Tensor) -> Tensor:
    if x.ndim not in (0, 2):
        raise ShapeError(f"tensor.H is only supported on matrices (2-D tensors). Got {x.ndim}-D tensor. For batches of "
                         f"matrices, consider using tensor.mH")
    return adjoint(x) if x.ndim else conj(x)  # type: ignore[no-any-return]


def _set_part(part: Op) -> Any:
    def assign(x: Tensor, value: Any) -> None:
        part(x).copy_(operand(part, value))

    return assign


conj_physical = conj
for _function in (resolve_conj, resolve_neg, is_conj, isreal, adjoint, is_nonzero):
    setattr(Tensor, _function.__name__, _function)
Tensor.real = property(real, _set_part(real), doc="The real part, a view; assigning writes it.")  # type: ignore
Tensor.imag = property(imag, _set_part(imag), doc="The imaginary part, a view; assigning writes it.")  # type: ignore
Tensor.H = property(_hermitian, doc="The conjugate transpose of a matrix.")  # type: ignore[attr-defined]
Tensor.mH = property(adjoint, doc="The conjugate transposes of a batch of matrices.")  # type: ignore[attr-defined]
