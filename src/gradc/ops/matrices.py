"""Square matrices and batches of them: determinants, inverses, linear equations, exponentials.

The leading dimensions of an operand are a batch. Eager mode refuses a singular matrix where PyTorch does; a compiled
function cannot raise, and gives inf or nan there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gradc import dtypes, shapes
from gradc.apply import apply
from gradc.dtypes import dtype
from gradc.errors import DtypeError, LinAlgError, ShapeError
from gradc.inplace import takes_out
from gradc.ir import Type
from gradc.ops.arrangement import tril, triu
from gradc.ops.base import Op
from gradc.ops.batching import Examples, alike
from gradc.ops.creation import eye, zeros_like
from gradc.ops.define import op
from gradc.ops.elementary import log
from gradc.ops.joining import cat
from gradc.ops.linear_algebra import matmul
from gradc.tensor import Tensor

__all__ = ["det", "inverse", "logdet", "matrix_exp", "slogdet"]

KINDS = (dtypes.float32, dtypes.float64, dtypes.complex64, dtypes.complex128)


class Matrices(Op):
    """An op on the last two dimensions of its operands, which are of one full-precision floating type."""

    batched = alike
    method = False
    widens = True  # so that eager mode asks about half precision, which is refused

    def compute_dtype(self, operands: Sequence[Any]) -> dtype | None:
        kinds = [dtypes.of(x.dtype) for x in operands if hasattr(x, "dtype")]
        for kind in kinds:
            if kind.category < dtypes.FLOAT:
                raise DtypeError(f"{self.title}: Expected a floating point or complex tensor as input. Got "
                                 f"{dtypes.TITLES[kind]}")
            if kind not in KINDS:
                raise DtypeError(f"{self.title}: Low precision dtypes not supported. Got {dtypes.TITLES[kind]}")
            if kind is not kinds[0]:
                raise DtypeError(f"{self.title}: Expected the operands to have the same dtype, but got "
                                 f"{dtypes.TITLES[kinds[0]]} and {dtypes.TITLES[kind]} instead")
        return None

    @property
    def title(self) -> str:
        """PyTorch's name of the function, as its messages have it."""
        return f"linalg.{self.name}"

    def infer(self, x: Any) -> Any:
        check_matrix(self.title, x)
        return Type(x.dtype, x.shape)


def check_matrix(title: str, x: Any, square: bool = True) -> None:
    """Raise ShapeError for what is not a batch of matrices, or of square ones."""
    if len(x.shape) < 2:
        raise ShapeError(f"{title}: The input tensor A must have at least 2 dimensions.")
    if square and x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"{title}: A must be batches of square matrices, but they are {x.shape[-2]} by "
                         f"{x.shape[-1]} matrices")


# Kernels for NumPy that raise as PyTorch does


def lu(x: Any) -> tuple[Any, Any]:
    """The LU decomposition in one array with the pivots, counted from 1, of a batch of matrices, on NumPy.

    Row by row, as NumPy has none: each step is one product for the whole batch.
    """
    a = np.array(x, copy=True).reshape(-1, *x.shape[-2:])
    each, steps = np.arange(len(a)), min(a.shape[-2:])
    pivots = np.zeros((len(a), steps), np.int32)
    for i in range(steps):
        column = a[:, i:, i]  # of complex numbers LAPACK takes the largest |real| + |imag|
        place = i + np.argmax(np.abs(column.real) + np.abs(column.imag), axis=1)
        pivots[:, i] = place + 1
        rows = a[:, i].copy()
        a[:, i] = a[each, place]
        a[each, place] = rows
        pivot = a[:, i, i, None]
        a[:, i + 1 :, i] /= np.where(pivot == 0, 1, pivot)
        a[:, i + 1 :, i + 1 :] -= a[:, i + 1 :, i, None] * a[:, i, None, i + 1 :]
    return a.reshape(x.shape), pivots.reshape(*x.shape[:-2], steps)


def first_zero(x: Any, title: str, advice: str) -> LinAlgError:
    """The error for a batch in which a matrix is singular: which one, and where its first zero pivot is."""
    found, _ = lu(x)
    zeros = np.diagonal(found, axis1=-2, axis2=-1).reshape(-1, x.shape[-1]) == 0
    element = int(np.argmax(zeros.any(-1)))
    place = int(np.argmax(zeros[element])) + 1 if zeros[element].any() else x.shape[-1]
    batch = f"(Batch element {element}): " if x.ndim > 2 else ""
    return LinAlgError(f"{title}: {batch}{advice.format(place)}")


SINGULAR_INVERSE = ("The diagonal element {} is zero, the inversion could not be completed because the input matrix is "
                    "singular.")
SINGULAR_SOLVE = "The solver failed because the input matrix is singular."


def _inverse(xp: Any, x: Any) -> Any:
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
            raise
        raise first_zero(x, "linalg.inv", SINGULAR_INVERSE) from None


def _solution(xp: Any, a: Any, b: Any) -> Any:
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
            raise
        raise first_zero(a, "torch.linalg.solve", SINGULAR_SOLVE) from None


# Determinants


@op
class det(Matrices):
    """The determinant of x: the product of its eigenvalues.

    Source  torch.linalg.det
    """

    kernel = lambda xp, x: xp.linalg.det(x)
    grad_x = lambda g, x: g[..., None, None] * cofactor(x)
    torch_name = "LinalgDet"
    method = True
    samples = [((3, 3),), ((2, 1, 1),), ((2, 3, 2, 2),)]

    def infer(self, x: Any) -> Type:
        check_matrix(self.title, x)
        return Type(x.dtype, x.shape[:-2])


@op
class cofactor(Matrices):
    """The cofactors of x: det(x) times the transposed inverse, and its limit where x is singular.

    Source  the derivative of a determinant
    """

    kernel = lambda xp, x: _cofactor(x)
    lower = lambda xp, x: _cofactor_by_svd(xp, x)
    grad_x = lambda g, x, result: _cofactor_slope(g, x, result)
    torch_name = "LinalgCofactor"
    samples = [((3, 3),), ((2, 2, 2),)]


def _cofactor(x: Any) -> Any:
    try:
        return np.linalg.det(x)[..., None, None] * np.swapaxes(np.linalg.inv(x), -1, -2)
    except np.linalg.LinAlgError:
        return _cofactor_by_svd(np, x)


def _cofactor_by_svd(xp: Any, x: Any) -> Any:
    u, s, vh = xp.linalg.svd(x)
    n = x.shape[-1]
    others = xp.prod(xp.where(xp.eye(n, dtype=bool), xp.ones_like(s[..., None]), s[..., None, :]), axis=-1)
    sign = xp.linalg.det(u) * xp.linalg.det(vh)
    return sign[..., None, None] * xp.matmul(xp.conj(u) * others[..., None, :], xp.conj(vh))


def _cofactor_slope(g: Any, x: Tensor, result: Any) -> Any:
    transposed: Any = inv(x).mT
    return transposed * (g * result).sum((-2, -1), keepdim=True) - transposed @ g.mT @ result


class SignAndLogarithm(NamedTuple):
    """What slogdet returns."""

    sign: Tensor
    logabsdet: Tensor


@op
class slogdet(Matrices):
    """The sign of the determinant of x, and the logarithm of its size.

    Source  torch.linalg.slogdet
    """

    kernel = lambda xp, x: tuple(xp.linalg.slogdet(x))
    results = ("sign", "logabsdet")
    holomorphic = False
    grads = lambda g, x, sign: (_slogdet_slope(g, x, sign),)
    torch_name = "LinalgSlogdet"
    method = True
    samples = [((3, 3),), ((2, 2, 2),)]

    def infer(self, x: Any) -> Any:
        check_matrix(self.title, x)
        return Type(x.dtype, x.shape[:-2]), Type(x.dtype.to_real(), x.shape[:-2])

    def call(self, x: Tensor) -> Any:
        return SignAndLogarithm(*apply(self, (x,), {}))


def _slogdet_slope(g: Any, x: Any, sign: Any) -> Any:
    """The logarithm's cotangent, and in the plane of complex numbers that of the sign, which turns."""
    total = g[1]
    if x.dtype.is_complex:
        total = total - (g[0].conj() * sign).imag * 1j
    return total[..., None, None] * inv(x).mH


def logdet(x: Tensor) -> Tensor:
    """The logarithm of the determinant of x; nan where that is negative. As torch.logdet."""
    sign, size = slogdet(x)
    return log(sign) + size  # type: ignore[no-any-return]


Tensor.logdet = logdet  # type: ignore[attr-defined]


# Equations


@op
class inv(Matrices):
    """The inverse of x.

    Raises  LinAlgError where x is singular
    Source  torch.linalg.inv
    """

    autocast = "float32"
    kernel = lambda xp, x: _inverse(xp, x)
    lower = lambda xp, x: xp.linalg.inv(x)
    grad_x = lambda g, result: -(result.mT @ g @ result.mT)
    torch_name = "LinalgInvEx"
    samples = [((3, 3),), ((2, 1, 2, 2),)]

    @property
    def title(self) -> str:
        """PyTorch's name of the function."""
        return "linalg.inv"


inverse = inv
Tensor.inverse = lambda x: inv(x)  # type: ignore[attr-defined]


class Equations(Matrices):
    """The X for which A X = B."""

    def infer(self, a: Any, b: Any, **attrs: Any) -> Type:
        check_matrix(self.title, a)
        check_matrix(self.title, b, square=False)
        if a.shape[-1] != b.shape[-2]:
            raise ShapeError(f"{self.title}: Incompatible shapes of A and B for the equation AX = B "
                             f"({a.shape[-2]}x{a.shape[-1]} and {b.shape[-2]}x{b.shape[-1]})")
        return Type(a.dtype, (*shapes.broadcast(tuple(a.shape[:-2]), tuple(b.shape[:-2])), *b.shape[-2:]))

    def batched(self, examples: Examples) -> Any:
        rank = max(examples.rank(0), examples.rank(1))
        return examples.apply(self, [examples.wide(0, rank), examples.wide(1, rank)])


@op
class linear_solve(Equations):
    """The X for which A X = B.

    Raises  LinAlgError where A is singular
    Source  torch.linalg.solve
    """

    autocast = "float32"
    kernel = lambda xp, a, b: _solution(xp, a, b)
    lower = lambda xp, a, b: xp.linalg.solve(a, b)
    grads = lambda g, a, result: _solve_slopes(linear_solve(a.mT, g), result)
    torch_name = "LinalgSolveEx"
    samples = [((3, 3), (3, 2)), ((2, 2, 2), (2, 3)), ((2, 2), (3, 2, 1))]

    @property
    def title(self) -> str:
        """PyTorch's name of the function."""
        return "linalg.solve"


def _solve_slopes(right: Any, result: Any) -> tuple[Any, Any]:
    return -(right @ result.mT), right


@op
class solve_triangle(Equations):
    """The X for which A X = B, for the upper or lower triangle A of a matrix, with ones on the diagonal or not.

    Source  torch.linalg.solve_triangular
    """

    autocast = "float32"
    kernel = lambda xp, a, b, *, upper, unitriangular=False: _solve_triangle(a, b, upper, unitriangular)
    lower = lambda xp, a, b, *, upper, unitriangular=False: _lowered_triangle(xp, a, b, upper, unitriangular)
    grads = lambda g, a, result, upper, unitriangular: _triangle_slopes(
        solve_triangle(a.mT, g, upper=not upper, unitriangular=unitriangular), result, upper, unitriangular)
    torch_name = "LinalgSolveTriangular"
    samples = [((3, 3), (3, 2), {"upper": True}), ((2, 2, 2), (2, 3), {"upper": False}),
               ((3, 3), (2, 3, 2), {"upper": False, "unitriangular": True})]

    @property
    def title(self) -> str:
        """PyTorch's name of the function."""
        return "linalg.solve_triangular"


def _solve_triangle(a: Any, b: Any, upper: bool, unitriangular: bool) -> Any:
    triangle = np.triu(a, 1 if unitriangular else 0) if upper else np.tril(a, -1 if unitriangular else 0)
    if unitriangular:
        triangle = triangle + np.eye(a.shape[-1], dtype=a.dtype)
    if np.diagonal(triangle, axis1=-2, axis2=-1).all():
        return np.linalg.solve(triangle, b)
    order = range(a.shape[-1])[:: -1 if upper else 1]  # LAPACK would refuse it: by substitution it is inf or nan
    x = np.zeros((*shapes.broadcast(a.shape[:-2], b.shape[:-2]), *b.shape[-2:]), b.dtype)
    for i in order:
        x[..., i, :] = (b[..., i, :] - np.matmul(triangle[..., i, None, :], x)[..., 0, :]) / triangle[..., i, i, None]
    return x


def _lowered_triangle(xp: Any, a: Any, b: Any, upper: bool, unitriangular: bool) -> Any:
    import jax

    batch = shapes.broadcast(a.shape[:-2], b.shape[:-2])
    a, b = (xp.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, b))
    return jax.lax.linalg.triangular_solve(a, b, left_side=True, lower=not upper, unit_diagonal=unitriangular)


def _triangle_slopes(right: Any, result: Any, upper: bool, unitriangular: bool) -> tuple[Any, Any]:
    whole = -(right @ result.mT)
    return triu(whole, 1 if unitriangular else 0) if upper else tril(whole, -1 if unitriangular else 0), right


# Exponentials


@op
class matrix_exp(Matrices):
    """The matrix exponential Σ xⁿ / n!.

    Error   about 1e-14 of the norm in f64, 1e-6 in f32
    Source  torch.linalg.matrix_exp; scaling and squaring with a Padé approximant of degree 13
    """

    kernel = lambda xp, x: _exponential(x)
    lower = lambda xp, x: _lowered_exponential(x)
    grad_x = lambda g, x: _exponential_slope(g, x)
    torch_name = "LinalgMatrixExp"
    method = True
    samples = [((3, 3),), ((2, 2, 2),), ([[6.0, 1.0], [1.0, -2.0]],)]


PADE = (64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
        10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0)
LARGEST = 5.371920351148152
"""The norm up to which the approximant of degree 13 is exact to double precision (Higham 2005)."""


def _exponential(x: Any) -> Any:
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise np.linalg.LinAlgError("square matrices")  # infer says it better
    if not x.size:
        return x.copy()
    wide = x.astype(np.result_type(x.dtype, np.float64))
    norm = np.abs(wide).sum(-2).max(-1)
    with np.errstate(divide="ignore"):
        squarings = np.ceil(np.maximum(np.log2(norm / LARGEST), 0.0))
    squarings = np.where(np.isfinite(norm), squarings, 0.0)
    a = wide / (2.0 ** squarings)[..., None, None]
    one = np.eye(x.shape[-1], dtype=a.dtype)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    c = PADE
    odd = a @ (a6 @ (c[13] * a6 + c[11] * a4 + c[9] * a2) + c[7] * a6 + c[5] * a4 + c[3] * a2 + c[1] * one)
    even = a6 @ (c[12] * a6 + c[10] * a4 + c[8] * a2) + c[6] * a6 + c[4] * a4 + c[2] * a2 + c[0] * one
    result = np.linalg.solve(even - odd, even + odd)
    for i in range(int(squarings.max())):
        result = np.where((squarings > i)[..., None, None], result @ result, result)
    return result.astype(x.dtype)


def _lowered_exponential(x: Any) -> Any:
    import jax

    wide = x.astype(np.result_type(x.dtype, np.float64))
    return jax.scipy.linalg.expm(wide, max_squarings=64).astype(x.dtype)


def _exponential_slope(g: Any, x: Any) -> Any:
    """The corner of the exponential of [[xᵀ, g], [0, xᵀ]]."""
    n = x.shape[-1]
    transposed = x.mT
    top = cat([transposed, g], -1)
    bottom = cat([zeros_like(x), transposed], -1)
    return matrix_exp(cat([top, bottom], -2))[..., :n, n:]


@takes_out
def solve(a: Tensor, b: Tensor, *, left: bool = True) -> Tensor:
    """The X for which A X = B, or X A = B where not `left`, as torch.linalg.solve. B may be a vector, or a batch.

    Raises LinAlgError where A is singular.
    """
    vector = b.ndim == 1 or (a.ndim - 1 == b.ndim and tuple(b.shape) == tuple(a.shape[:-1]))
    if vector:
        if not left:
            raise ShapeError("linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. "
                             "In this case linalg.solve is equivalent to B / A.squeeze(-1)")
        return linear_solve(a, b.unsqueeze(-1)).squeeze(-1)  # type: ignore[attr-defined, no-any-return]
    return linear_solve(a, b) if left else linear_solve(a.mT, b.mT).mT  # type: ignore[no-any-return]


@takes_out
def solve_triangular(a: Tensor, b: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """The X for which A X = B (or X A = B) with the triangle of A, as torch.linalg.solve_triangular."""
    if left:
        return solve_triangle(a, b, upper=upper, unitriangular=unitriangular)  # type: ignore[no-any-return]
    return solve_triangle(a.mT, b.mT, upper=not upper, unitriangular=unitriangular).mT  # type: ignore


@takes_out
def matrix_power(x: Tensor, n: int) -> Tensor:
    """The product of n factors x, by squaring; of its inverse where n is negative. As torch.linalg.matrix_power."""
    check_matrix("linalg.matrix_power", x)
    if n < 0:
        x, n = inv(x), -n
    if n < 2:
        identity = eye(x.shape[-1], dtype=x.dtype).expand(x.shape)
        return (x if n else identity).clone()
    result = None
    while n:
        if n & 1:
            result = x if result is None else matmul(result, x)
        n >>= 1
        x = matmul(x, x) if n else x
    return result
