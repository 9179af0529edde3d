"""Products with a name of their own: of vectors, of pairs, of many matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gradc import dtypes, locations, shapes
from gradc.apply import apply, autocasting
from gradc.errors import CallError, ShapeError
from gradc.inplace import into
from gradc.ops.base import Pointwise
from gradc.ops.batching import Examples
from gradc.ops.define import inplace, op
from gradc.ops.linear_algebra import added, addmm, addmv, baddbmm, bmm, matmul, outer
from gradc.ops.reduction import sum
from gradc.ops.shape import movedim
from gradc.tensor import Tensor

__all__ = ["addbmm", "addr", "chain_matmul", "cross", "ger", "inner", "kron", "tensordot", "vdot"]


@op
class cross(Pointwise):
    """The cross product of the vectors of three numbers along `dim`, with the other dimensions broadcast.

    Source  torch.linalg.cross
    """

    pointwise = False
    kernel = lambda xp, x, y, *, dim=-1: xp.cross(x, y, axis=dim)
    checked = True
    rejects = (dtypes.BOOL,)
    grad_x = lambda g, y, dim: cross(y, g, dim=dim)
    grad_y = lambda g, x, dim: cross(g, x, dim=dim)
    torch_name = "LinalgCross"
    samples = [((3,), (3,)), ((2, 3), (2, 3)), ((3, 2), (3, 1), {"dim": -2}), ((3,), (2, 3))]

    def infer(self, x: Any, y: Any, *, dim: int) -> Any:
        a, b = (t.shape[dim] if len(t.shape) >= -dim else 1 for t in (x, y))
        if a != 3 or b != 3:
            raise ShapeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {a} and {b}")
        return super().infer(x, y)

    def batched(self, examples: Examples) -> Any:
        rank = max(examples.rank(0), examples.rank(1))
        return examples.apply(self, [examples.wide(0, rank), examples.wide(1, rank)])

    def call(self, x: Tensor, y: Tensor, dim: int | None = None, *, out: Tensor | None = None) -> Any:
        rank = max(x.ndim, y.ndim)
        if dim is None:  # PyTorch's old default: the first dimension of size 3
            sizes = shapes.broadcast(tuple(x.shape), tuple(y.shape))
            if 3 not in sizes:
                raise ShapeError(f"no dimension of size 3 in input{locations.quote(locations.here())}")
            dim = sizes.index(3)
        return into(out, apply(self, (x, y), {"dim": shapes.normal_dim(dim, rank) - rank}), "cross")


def linalg_cross(x: Tensor, y: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """The cross product of the vectors of three numbers along `dim`, as torch.linalg.cross."""
    if x.ndim != y.ndim:
        raise ShapeError("linalg.cross: inputs must have the same number of dimensions.")
    return cross(x, y, dim, out=out)  # type: ignore[no-any-return]


@autocasting("lower")
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """Σ conj(x)·y along a dimension, as torch.linalg.vecdot."""
    return into(out, sum(x.conj() * y, dim), "linalg.vecdot")  # type: ignore[attr-defined]


def vdot(x: Tensor, y: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Σ conj(x)·y of two vectors, as torch.vdot."""
    return into(out, x.conj().dot(y), "vdot")  # type: ignore[attr-defined]


def inner(x: Tensor, y: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The sums of products along the last dimensions of x and y, as torch.inner; of a number, the product."""
    if not x.ndim or not y.ndim:
        return into(out, x * y, "inner")  # type: ignore[operator]
    if x.shape[-1] != y.shape[-1]:
        raise ShapeError(f"inner() the last dimension must match on both input tensors but got shapes "
                         f"{list(x.shape)} and {list(y.shape)}{locations.quote(locations.here())}")
    return into(out, tensordot(x, y, ([-1], [-1])), "inner")


def tensordot(x: Tensor, y: Tensor, dims: Any = 2, out: Tensor | None = None) -> Tensor:
    """The sums of products over pairs of dimensions of x and y, or over the last and first `dims`, as torch.tensordot.
    """
    if isinstance(dims, (int, Tensor)) and not (isinstance(dims, Tensor) and dims.ndim):
        count = int(dims)
        if count < 0:
            raise CallError(f"tensordot expects dims >= 0, but got dims={count}")
        left, right = list(range(x.ndim - count, x.ndim)), list(range(count))
    else:
        left, right = ([dim] if isinstance(dim, int) else [int(d) for d in dim] for dim in dims)
    left = [shapes.normal_dim(d, x.ndim) for d in left]
    right = [shapes.normal_dim(d, y.ndim) for d in right]
    if len(left) != len(right):
        raise ShapeError("both dimension lists should have same length")
    for a, b in zip(left, right, strict=True):
        if x.shape[a] != y.shape[b] and 1 not in (x.shape[a], y.shape[b]):
            raise ShapeError(f"contracted dimensions need to match, but first has size {x.shape[a]} in dim {a} and "
                             f"second has size {y.shape[b]} in dim {b}")
        if x.shape[a] != y.shape[b]:
            x, y = (t.sum(d, keepdim=True) if t.shape[d] != 1 else t for t, d in ((x, a), (y, b)))  # type: ignore
    rows = [n for d, n in enumerate(x.shape) if d not in left]
    columns = [n for d, n in enumerate(y.shape) if d not in right]
    size = math.prod(x.shape[d] for d in left)
    a = movedim(x, left, list(range(x.ndim - len(left), x.ndim))).reshape(math.prod(rows), size)  # type: ignore
    b = movedim(y, right, list(range(len(right)))).reshape(size, math.prod(columns))  # type: ignore
    return into(out, matmul(a, b).reshape(*rows, *columns), "tensordot")


def kron(x: Tensor, y: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The Kronecker product: x with each element replaced by its product with y, as torch.kron."""
    rank = max(x.ndim, y.ndim)
    a, b = [1] * (rank - x.ndim) + list(x.shape), [1] * (rank - y.ndim) + list(y.shape)
    left = x.reshape([n for size in a for n in (size, 1)])  # type: ignore[attr-defined]
    right = y.reshape([n for size in b for n in (1, size)])  # type: ignore[attr-defined]
    return into(out, (left * right).reshape([m * n for m, n in zip(a, b, strict=True)]), "kron")


def addr(x: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1,
         out: Tensor | None = None) -> Tensor:
    """beta · x + alpha · vec1 vec2ᵀ, as torch.addr."""
    if vec1.ndim != 1 or vec2.ndim != 1:
        raise ShapeError(f"addr: Expected 1-D arguments, but got {vec1.ndim}-D and {vec2.ndim}-D")
    return into(out, added(x, outer(vec1, vec2), beta, alpha, "addr"), "addr")


@autocasting("lower")
def addbmm(x: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1,
           out: Tensor | None = None) -> Tensor:
    """beta · x + alpha · the sum of the products of two batches of matrices, as torch.addbmm."""
    return into(out, added(x, sum(bmm(batch1, batch2), 0), beta, alpha, "addbmm"), "addbmm")


def multi_dot(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The product of many matrices in the order with the fewest multiplications, as torch.linalg.multi_dot.

    The first and the last may be vectors.
    """
    if len(tensors) < 2:
        raise CallError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    first, *_, last = tensors
    chain = [t.unsqueeze(0) if t is first and t.ndim == 1 else t for t in tensors]  # type: ignore[attr-defined]
    chain[-1] = last.unsqueeze(-1) if last.ndim == 1 else last  # type: ignore[attr-defined]
    for i, t in enumerate(chain):
        if t.ndim != 2:
            raise ShapeError(f"multi_dot(): tensor {i} must be 2D but got {t.ndim}D")
    result = _product(chain, _best_cuts([t.shape[0] for t in chain] + [chain[-1].shape[1]]), 0, len(chain) - 1)
    dims = (0,) * (first.ndim == 1) + (-1,) * (last.ndim == 1)
    return into(out, result.squeeze(dims) if dims else result, "linalg.multi_dot")


def _best_cuts(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to cut each part of a chain of matrices in two, so that the fewest numbers are multiplied."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    cuts = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs = [cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)]
            cost[i, j] = min(costs)
            cuts[i, j] = i + costs.index(cost[i, j])
    return cuts


def _product(chain: Sequence[Tensor], cuts: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if i == j:
        return chain[i]
    cut = cuts[i, j]
    return matmul(_product(chain, cuts, i, cut), _product(chain, cuts, cut + 1, j))


def chain_matmul(*matrices: Tensor, out: Tensor | None = None) -> Tensor:
    """The product of matrices in the order with the fewest multiplications, as torch.chain_matmul."""
    return multi_dot(matrices, out=out) if len(matrices) > 1 else into(out, matrices[0], "chain_matmul")


ger = outer

for _function in (addr, addbmm, vdot, inner, kron):
    setattr(Tensor, _function.__name__, _function)
for _function in (addr, addbmm, addmm, addmv, baddbmm):
    setattr(Tensor, f"{_function.__name__}_", inplace(_function, f"{_function.__name__}_"))
Tensor.ger = ger  # type: ignore[attr-defined]
