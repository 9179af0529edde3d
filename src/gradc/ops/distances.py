"""Distances between vectors, and covariances."""

from __future__ import annotations

from typing import Any

from gradc import dtypes, shapes
from gradc.apply import autocasting
from gradc.errors import CallError, DtypeError, ShapeError, UnsupportedError
from gradc.inplace import takes_out
from gradc.ir import Type
from gradc.locations import here, quote
from gradc.modes import current
from gradc.ops.arithmetic import where
from gradc.ops.base import Op
from gradc.ops.batching import broadcast
from gradc.ops.define import op
from gradc.ops.elementary import sqrt
from gradc.ops.norms import norm
from gradc.tensor import Tensor

__all__ = ["cdist", "corrcoef", "cov", "dist", "pdist", "renorm"]


@op
class euclidean_distances(Op):
    """The distance of each row of x to each row of y. The gradient at distance 0 is 0.

    Source  torch.cdist with p=2
    """

    autocast = "float32"
    kernel = lambda xp, x, y: xp.sqrt(xp.sum(xp.square(
        xp.expand_dims(x, -2) - xp.expand_dims(y, -3)), axis=-1))
    grad_x = lambda g, x, y, result: _pulls(g, x, y, result)
    grad_y = lambda g, x, y, result: _pulls(g.mT, y, x, result.mT)
    batched = broadcast
    checked = True
    widens = True
    method = False
    torch_name = "Cdist"
    samples = [((3, 2), (4, 2)), ((2, 3, 2), (1, 4, 2))]

    def infer(self, x: Any, y: Any) -> Type:
        if x.dtype is not y.dtype or not x.dtype.is_floating_point:
            raise DtypeError(f"cdist only supports floating-point dtypes, X1 got: {x.dtype!r}, X2 got: {y.dtype!r}")
        if x.dtype.bits < 32:
            raise UnsupportedError(f'"cdist" not implemented for {dtypes.TITLES[x.dtype]!r}')
        if len(x.shape) < 2 or len(y.shape) < 2 or x.shape[-1] != y.shape[-1]:
            raise ShapeError(f"X1 and X2 must have the same number of columns. X1: {list(x.shape)} X2: {list(y.shape)}")
        batch = shapes.broadcast(tuple(x.shape[:-2]), tuple(y.shape[:-2]))
        return Type(x.dtype, (*batch, x.shape[-2], y.shape[-2]))


def _pulls(g: Any, x: Any, y: Any, distances: Any) -> Any:
    """Σ over the rows of y of g · (x - y) / |x - y|."""
    weights = where(distances == 0, 0.0, g / where(distances == 0, 1.0, distances))
    return weights.sum(-1, keepdim=True) * x - weights @ y


@autocasting("float32")
def cdist(x: Tensor, y: Tensor, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    """The p-norm of the difference of each row of x and each row of y, as torch.cdist."""
    if p < 0:
        raise CallError(f"cdist only supports non-negative p values, got {p}{quote(here())}")
    if p == 2:
        return euclidean_distances(x, y)  # type: ignore[no-any-return]
    euclidean_distances.infer(x.type_, y.type_)
    return _norm(x.unsqueeze(-2) - y.unsqueeze(-3), p, -1)  # type: ignore[attr-defined]


def pdist(x: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm of the difference of each row of a matrix and each later one, as torch.pdist."""
    if x.ndim != 2:
        raise ShapeError(f"pdist only supports 2D tensors, got: {x.ndim}D{quote(here())}")
    rows = x._array.shape[0]
    i = [a for a in range(rows) for b in range(a + 1, rows)]
    j = [b for a in range(rows) for b in range(a + 1, rows)]
    return _norm(x[i] - x[j], p, 1)  # type: ignore[index, operator]


def _norm(x: Any, p: float, dim: int | None) -> Tensor:
    """The p-norm, also for p = 0: how many are not zero, with gradient 0."""
    return where(x != 0, x.detach() / x.detach(), x * 0).sum(dim) if p == 0 else norm(x, p, dim)


def dist(x: Tensor, y: Tensor, p: float = 2) -> Tensor:
    """The p-norm of x - y over all elements, as torch.dist."""
    return _norm(x - y, p, None)  # type: ignore[operator]


@takes_out
def renorm(x: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """x with the slices along `dim` whose p-norm is larger than `maxnorm` scaled down to it, as torch.renorm."""
    if x.ndim < 2:
        raise ShapeError(f"renorm: input needs at least 2 dimensions, got {x.ndim} dimensions")
    if p <= 0 or maxnorm < 0:
        raise CallError(f"renorm: {'non-positive norm' if p <= 0 else 'expected maxnorm to be >= 0'}, got p = {p} and "
                        f"maxnorm = {maxnorm}")
    dim = shapes.normal_dim(dim, x.ndim)
    sizes = norm(x, p, tuple(d for d in range(x.ndim) if d != dim), True)
    return x * where(sizes > maxnorm, maxnorm / (sizes + 1e-7), 1.0)  # type: ignore[operator, no-any-return]


def cov(x: Tensor, *, correction: float = 1, fweights: Tensor | None = None, aweights: Tensor | None = None) -> Tensor:
    """The covariances of the rows of x, whose columns are observations, as torch.cov.

    `fweights` count an observation several times, `aweights` say how much it is worth.
    """
    if x.ndim > 2:
        raise ShapeError(f"cov(): expected input to have two or fewer dimensions but got an input with {x.ndim} "
                         f"dimensions{quote(here())}")
    rows: Any = x.reshape(1, -1) if x.ndim < 2 else x  # type: ignore[attr-defined]
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is not None and w.ndim > 1:
            raise ShapeError(f"cov(): expected {name} to have one or fewer dimensions but got {w.type_}{quote(here())}")
        if w is not None and w.numel() != rows.shape[1]:
            raise ShapeError(f"cov(): expected {name} to have the same numel as there are observations in the input "
                             f"but got {w.numel()} != {rows.shape[1]}{quote(here())}")
        if w is not None and (w.dtype.category == dtypes.INT) != (name == "fweights"):
            kind = "integral" if name == "fweights" else "floating point"
            raise DtypeError(f"cov(): expected {name} to have {kind} dtype but got {w.dtype}{quote(here())}")
        if w is not None and current().trace is None and (w._array < 0).any():
            raise CallError(f"cov(): {name} cannot be negative{quote(here())}")
    given = [w for w in (fweights, aweights) if w is not None]
    weights: Any = given[0] * given[1] if len(given) > 1 else given[0] if given else None  # type: ignore[operator]
    total = rows.shape[1] if weights is None else weights.sum()
    mean = (rows if weights is None else rows * weights).sum(1, keepdim=True) / total
    degrees = total - correction
    if weights is not None and aweights is not None:
        degrees = total - correction * (weights * aweights).sum() / total
    deviation = rows - mean
    scaled = deviation if weights is None else deviation * weights
    found = scaled @ deviation.mH / (degrees.clamp(0) if isinstance(degrees, Tensor) else max(degrees, 0))
    return found.squeeze()  # type: ignore[no-any-return]


def corrcoef(x: Tensor) -> Tensor:
    """The correlation coefficients of the rows of x, whose columns are observations, as torch.corrcoef."""
    found: Any = cov(x)
    if not found.ndim:
        return found / found  # type: ignore[no-any-return]
    size = sqrt(found.diagonal().real)
    found = found / size.unsqueeze(-1) / size
    return found if x.dtype.is_complex else found.clamp(-1, 1)  # type: ignore[no-any-return]


for _function in (corrcoef, cov, dist, renorm):
    setattr(Tensor, _function.__name__, _function)
