"""Calls written for torch, run by torch and by gradc: the same values, dtypes, shapes, gradients and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradc
from gradc.tensor import Tensor

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore")

NAN = float("nan")
FLOATS: dict[str, Any] = {
    "x": np.random.default_rng(1).standard_normal((3, 4)), "y": np.random.default_rng(2).standard_normal((3, 4)),
    "v": np.array([0.5, -1.5, 2.0, 0.25]), "w": np.array([1.0, 2.5, 4.0]), "s": np.array(1.5),
    "c": np.random.default_rng(3).standard_normal((2, 3, 4)), "a": np.array([[1.0, NAN, 3.0], [NAN, 0.5, -2.0]]),
    "q": np.array([0.1, 0.5, 0.85]), "p": np.array([[0.2, 0.9], [0.4, 0.6]]),
}
"""The operands that require grad."""
INTEGERS: dict[str, Any] = {
    "i": np.array([2, 0]), "n": np.array([3, 1, 1, 0, 3, 3]), "k": np.array([[0, 2, 1, 0], [1, 1, 2, 0], [2, 0, 0, 1]]),
    "m": np.array([[True, False, False, True], [False] * 4, [True, True, False, True]]),
}

SORTING = """
x.sort(); x.sort(0, True); t.sort(x, descending=True, stable=True); x.argsort(0); x.msort(); s.sort(); n.sort()
x.topk(2); x.topk(2, 0, False); x.topk(0); x.kthvalue(2); x.kthvalue(3, 0, True); s.kthvalue(1)
x.median(); x.median(1); x.median(0, keepdim=True); a.median(); a.median(1); a.nanmedian(); a.nanmedian(1, True)
n.mode(); n.median(); k.mode(0); x.max(); x.max(1); x.max(0, True); x.max(y); t.max(x, dim=1); t.max(x, y); a.max(1)
x.min(); x.min(-1, keepdim=True); t.min(x, other=y); s.max(0); x.aminmax(); x.aminmax(dim=1, keepdim=True)
x.cummax(1); x.cummin(0); a.cummax(1); s.cummax(0); n.cummax(0); x.logcumsumexp(1); s.logcumsumexp(0)
t.searchsorted(w, v); t.searchsorted(w, v, right=True); t.searchsorted(w, 2.5, side="right")
t.searchsorted(x.detach().sort()[0], y.detach(), out_int32=True); t.bucketize(v, w, right=True)
t.searchsorted(t.tensor([1, 3, 7]), n); t.searchsorted(t.tensor([7, 1, 3]), n, sorter=t.tensor([1, 2, 0]))
t.unique(n); t.unique(n, return_inverse=True, return_counts=True); t.unique(k, dim=0); t.unique(k, dim=1)
n.unique_consecutive(); t.unique_consecutive(n, return_inverse=True, return_counts=True)
t.unique_consecutive(t.tensor([[1, 1], [1, 1], [2, 1]]), dim=0); t.isin(n, i); t.isin(n, 3, invert=True); t.isin(3, n)
"""

REDUCING = """
t.quantile(x, 0.3); t.quantile(x, 0.3, 1); t.quantile(x, q, 1); t.quantile(x, q.detach(), 0, keepdim=True)
x.quantile(0.5, keepdim=True); x.quantile(0.4, 1, interpolation="lower"); x.quantile(0.4, 1, interpolation="higher")
x.quantile(0.4, 1, interpolation="nearest"); x.quantile(0.4, 1, interpolation="midpoint"); a.quantile(0.5, 1)
a.nanquantile(0.5); a.nanquantile(0.3, 0); t.nanquantile(a, q.detach(), 1); s.quantile(0.2)
a.nanmean(); a.nanmean(1, True); a.nansum(); a.nansum(0); t.dist(x, y); t.dist(x, y, 1); t.renorm(x, 2, 0, 1.0)
t.renorm(c, 1, 1, 2.0); t.histc(x.detach(), 5); t.histc(x.detach(), 4, -1, 1); t.bincount(n); n.bincount(minlength=7)
t.bincount(n, t.arange(6.0)); t.histogram(x.detach(), 4); t.histogram(v.detach(), t.tensor([-2.0, 0, 1, 3]).double())
t.histogram(v.detach(), 3, range=(-1.0, 1.0), density=True); t.cov(x); t.cov(v); t.corrcoef(x); t.corrcoef(v)
t.cov(x, correction=0, fweights=t.tensor([1, 2, 1, 3])); t.cov(x, aweights=v.detach().abs())
x.diff(); x.diff(2, 0); t.diff(v, prepend=w, append=w); t.diff(n); t.trapezoid(v); t.trapezoid(x, dx=0.5, dim=0)
t.trapezoid(x, v); t.cumulative_trapezoid(x, v); t.cumulative_trapezoid(x, dx=2.0, dim=0); t.trapz(x, y, dim=1)
t.gradient(v); t.gradient(x); t.gradient(x, spacing=2.0, dim=1); t.gradient(x, spacing=[1.0, 0.5], edge_order=2)
t.gradient(v, spacing=(t.tensor([0.0, 1.0, 4.0, 5.0]).double(),)); t.count_nonzero(k); t.cdist(x, y)
t.cdist(c, c[:, :2])
t.cdist(x, x); t.cdist(x, y, 1.0); t.cdist(x, y, 3.0); t.cdist(x, y, float("inf")); t.pdist(x); t.pdist(x, 1.0)
t.nn.functional.pdist(x)
"""

INDEXING = """
x.take(t.tensor([0, -1, 5])); t.take(x, k); x.take_along_dim(k[:, :2], 1); x.take_along_dim(t.tensor([3, 1]))
x.index_select(0, i); x.index_add(0, i, y[:2]); x.index_add(1, i, y[:, :2], alpha=0.5); x.index_fill(0, i, 2.0)
x.index_copy(0, i, y[:2]); x.index_reduce(0, t.tensor([0, 2, 0]), y, "prod"); x.masked_fill(m, 2.0)
x.index_reduce(0, t.tensor([0, 2, 0]), y, "mean", include_self=False); x.masked_select(m)
x.masked_scatter(m, v.repeat(3))
x.index_reduce(1, t.tensor([0, 2, 0, 1]), y, "amax"); x.index_put((i,), y[:2], accumulate=True); x.put(i, v[:2])
x.index_put((i, t.tensor([1, 1])), w[:2]); x.put(t.tensor([1, 1]), v[:2], accumulate=True)
x.scatter(1, k, y); x.scatter(1, k[:, :1], 3.0); x.scatter_add(1, k, y); x.scatter_reduce(0, k, y, "sum")
x.detach().scatter(1, k, y.detach(), reduce="add"); x.detach().scatter(1, k, 2.0, reduce="multiply")
x.scatter_reduce(0, k, y, "prod", include_self=False); x.scatter_reduce(1, k, y, "amin"); t.argwhere(m); m.nonzero()
t.nonzero(m, as_tuple=True); x.select_scatter(v, 0, 1); x.select_scatter(w, 1, -2); x.slice_scatter(y[:2], 0, 1)
x.slice_scatter(y[:, :2], 1, 0, 4, 2); x.slice_scatter(y[:1], start=-1); x.diagonal_scatter(w)
x.diagonal_scatter(w, 1)
c.diagonal(1, 2, 0); x.diagonal(-1); x.as_strided((2, 2), (1, 2)); x.as_strided((3, 3), (2, 1), 1)
x[1:].as_strided((2,), (1,))
x.as_strided_scatter(y[:2, :2].detach(), (2, 2), (4, 1)).detach(); x.unfold(1, 2, 1); x.unfold(0, 2, 2)
c.unfold(2, 3, 1)
(x * 1).fill_diagonal_(5.0); (c[0] * 1).t().contiguous().fill_diagonal_(5.0, wrap=True); x.detach().view(t.int64)
x.detach().view(t.int32); x.detach().to(t.float32).view(t.float64); x.detach().view(dtype=t.uint8)
"""

SHAPING = """
t.atleast_1d(s); t.atleast_2d(v); t.atleast_3d(x); t.atleast_3d(s, v, x); t.atleast_2d([s, v])
t.broadcast_tensors(v, x)
t.cartesian_prod(v, w); t.cartesian_prod(v); t.combinations(v); t.combinations(v, 3, True); t.block_diag(x, v, s)
t.diagflat(w, 1); t.diagflat(x); t.diag(v, -1); t.diag(x); t.diag_embed(x, 1); t.diag_embed(x, 0, 0, 2)
t.tril_indices(3, 4)
t.tril_indices(3, 4, -1); t.triu_indices(4, 3, 1); t.rot90(x); t.rot90(x, 2); t.rot90(c, -1, (1, 2)); t.fliplr(x)
t.flipud(v); t.roll(x, 2); t.moveaxis(c, 0, -1); t.ravel(x.t()); t.unravel_index(t.tensor([5, 7, 11]), (3, 4))
t.tensor_split(x, 3, 1); t.tensor_split(v, (1, 3)); t.tensor_split(v, 7); x.tensor_split([-1], 1); t.hsplit(x, 2)
t.hsplit(v, [1]); t.vsplit(x, 3); t.dsplit(c, (1,)); t.hstack((v, w)); t.hstack((s, s)); t.vstack((v, v, x))
t.dstack((x, y))
t.dstack((v, v)); t.column_stack((w, x)); t.row_stack((x, v)); t.concat((x, y), 1); t.concatenate([x, y], axis=0)
t.cat([t.tensor([]).double(), x]); t.tile(x, (2,)); t.tile(v, (2, 2)); x.repeat_interleave(2, 0)
t.split_with_sizes(v, [1, 3])
t.repeat_interleave(v, t.tensor([0, 2, 1, 1])); t.swapaxes(c, 0, 2); t.logspace(0, 2, 5); t.logspace(-1, 1, 4, base=2)
t.range(1, 4); t.range(1, 2, 0.25); t.scalar_tensor(3); t.hann_window(7); t.hann_window(6, periodic=False)
t.kaiser_window(8)
t.hamming_window(7); t.hamming_window(5, True, 0.6, 0.4); t.blackman_window(6); t.bartlett_window(5)
t.kaiser_window(5, False, 8.0)
t.hann_window(1); t.hann_window(0); t.tensordot(x, y, ([1], [1])); t.meshgrid(v, w, indexing="xy")
x.narrow_copy(1, 1, 2)
x.sum_to_size(1, 4); x.sum_to_size(4); t.einsum("ij,kj->ik", x, y); t.einsum("ii->i", x[:, :3])
t.einsum("bij->bji", c)
"""

POINTWISE = """
t.copysign(x, y); t.copysign(x, -1.0); t.nextafter(x.detach(), y.detach()); t.xlogy(x, y.abs()); t.xlogy(x, 2.0)
t.xlogy(2.0, y.abs())
t.special.xlog1py(x, y.abs()); t.lgamma(w); t.digamma(w + 8).detach(); t.polygamma(2, w); w.detach().polygamma(0)
t.mvlgamma(w + 1, 2)
t.i0(x); t.special.i0e(x); t.special.i1(x); t.special.i1e(x); t.special.erfcx(x); t.special.ndtr(x)
t.special.ndtri(p)
t.special.log_ndtr(x * 10); t.special.entr(w); t.sinc(x); t.special.zeta(2.0, w); t.special.gammaln(w)
t.special.expit(x)
t.special.psi(w + 8).detach(); t.igamma(t.tensor([0.5, 2.0, 9.0]).double(), w)
t.igammac(t.tensor([0.5, 2.0, 9.0]).double(), w)
t.gcd(n, t.tensor(6)); t.lcm(n, n); n << 2; n >> 1; 1 << n; t.bitwise_left_shift(n, 1); t.fmax(x, y)
t.fmin(a, a.flip(0))
t.logaddexp2(x, y); t.isclose(x, x + 1e-9); t.isneginf(x); t.isposinf(x / 0); t.signbit(x)
t.heaviside(x.detach(), y.detach())
t.frexp(x); t.ldexp(x, t.tensor(3)); t.ldexp(v, n[:4]); t.float_power(w, 2); t.float_power(n, -1.0); t.deg2rad(x)
t.rad2deg(x)
t.positive(x); t.rsub(x, 2); t.rsub(x, y, alpha=2); t.fill(x.detach(), 2); t.special.softmax(x, 1)
t.special.logsumexp(x, 1); t.special.round(x); t.special.multigammaln(w + 1, 2); t.special.gammainc(w.detach(), w)
t.exp_(x * 1); t.relu_(x * 1); t.clamp_(x * 1, -0.5, 0.5); t.square_(x * 1); t.zero_(x * 1); t.fill_(x * 1, 3.0)
(x * 1).xlogy_(y.abs().detach()); (x * 1).ldexp_(t.tensor(2)); (w * 1).lgamma_(); (x * 1).renorm_(2, 0, 1.0)
"""

CALLS = [call.strip() for block in (SORTING, REDUCING, INDEXING, SHAPING, POINTWISE)
         for call in block.replace("\n", ";").split(";") if call.strip()]

REFUSED = """
x.topk(5); x.kthvalue(0); x.kthvalue(9, 1); x.quantile(1.5); x.quantile(0.5, interpolation="cubic"); n.quantile(0.5)
t.histc(n); t.bincount(t.tensor([-1])); t.bincount(x); t.cartesian_prod(x); t.combinations(x); t.block_diag(c)
t.fliplr(v)
t.hsplit(s, 2); t.vsplit(v, 2); t.hsplit(x, 3); t.dsplit(x, 2); x.unfold(1, 5, 1); x.unfold(1, 2, 0); t.pdist(v)
t.cdist(v, w)
t.cdist(x, c[0, :, :2]); t.cdist(x, x, -1.0); t.isclose(x, n); t.polygamma(-1, x); t.mvlgamma(w, 0); t.gcd(x, x)
x << 1
x.scatter_reduce(0, k, y, "median"); x.select_scatter(v, 1, 0); x.slice_scatter(y, 0, 1); x.diagonal_scatter(v)
t.diff(s); t.diff(v, -1); t.gradient(v, edge_order=3); t.cov(c); t.searchsorted(c, v); t.bucketize(v, x)
t.positive(m)
x.as_strided((9, 9), (1, 1)); x.sum_to_size(2, 4); x.view(t.complex128)[0, 0, 0]; t.rot90(x, 1, (0, 0))
t.searchsorted(w, v, side="left", right=True); t.nextafter(n, n); t.frexp(n); t.special.zeta(2.0, x.cfloat())
x.logcumsumexp(2)
n.float().resize_(2).requires_grad_().resize_(3)
"""


def operands(library: Any) -> dict[str, Any]:
    made = {name: library.tensor(array).requires_grad_() for name, array in FLOATS.items()}
    return made | {name: library.tensor(array) for name, array in INTEGERS.items()} | {"t": library}


def results(call: str, names: dict[str, Any]) -> list[Any]:
    found = eval(call, names)
    return list(found) if isinstance(found, (tuple, list)) else [found]


def gradients(found: list[Any], names: dict[str, Any], library: Any) -> dict[str, Any]:
    """The gradients of a sum over the results with fixed weights."""
    total, random = None, np.random.default_rng(5)
    for result in found:
        weight = random.standard_normal(tuple(result.shape))
        if result.requires_grad:
            part = (result * library.tensor(weight)).sum()
            total = part if total is None else total + part
    if total is None:
        return {}
    total.backward()
    return {name: np.asarray(names[name].grad) for name in FLOATS if names[name].grad is not None}


@pytest.mark.parametrize("call", CALLS)
def test_does_what_torch_does(call: str) -> None:
    ours, theirs = operands(gradc), operands(torch)
    found, expected = results(call, ours), results(call, theirs)
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert isinstance(a, Tensor)
        assert (str(a.dtype), tuple(a.shape)) == (str(b.dtype), tuple(b.shape))
        tolerance = 1e-6 if str(a.dtype) == "torch.float32" else 1e-11
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=tolerance, atol=tolerance)
    a, b = gradients(found, ours, gradc), gradients(expected, theirs, torch)
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("call", [call.strip() for call in REFUSED.replace("\n", ";").split(";") if call.strip()])
def test_refuses_what_torch_refuses(call: str) -> None:
    try:
        results(call, operands(torch))
    except Exception as problem:
        theirs = problem
    else:
        pytest.skip("torch computes it")
    kind = next(c for c in (IndexError, NotImplementedError, ValueError, TypeError, RuntimeError)
                if isinstance(theirs, c))
    with pytest.raises(kind):
        results(call, operands(gradc))
