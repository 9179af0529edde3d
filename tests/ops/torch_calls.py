"""How to call torch for an op whose name or arguments differ from torch's: op name -> function of torch tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from gradc import dtypes
from gradc.dtypes import dtype
from gradc.ops.indexing import Place


def torch_dtype(kind: dtype) -> torch.dtype:
    return getattr(torch, kind.name)


def _attrs(attrs: dict[str, Any]) -> dict[str, Any]:
    return {key: torch_dtype(value) if isinstance(value, dtype) else value for key, value in attrs.items()}


def _placed(index: Any, tensors: Any) -> Any:
    return tuple(tensors[int(item[1:])] if isinstance(item, Place) else item for item in index)


def _written(x: Any, value: Any, index: Any) -> Any:
    result = x.clone()
    result[index] = value
    return result


def _copied(x: Any, view: Any, value: Any) -> Any:
    view(x).copy_(value)
    return x


def _reduction(function: Any) -> Any:
    """Over all dimensions without naming them, as users call it, and one by one where torch cannot do several."""
    def reduce(x: Any, dim: Any, keepdim: bool) -> Any:
        if len(dim) == x.ndim and not keepdim:
            return function(x)
        if function is not torch.prod:
            return function(x, dim, keepdim)
        for d in sorted(dim, reverse=True):
            x = function(x, d, keepdim)
        return x
    return reduce


def _alone(function: Any, x: Any, dim: Any, keepdim: bool) -> Any:
    """Over one dimension or all."""
    return function(x, dim=dim[0] if len(dim) == 1 else None, keepdim=keepdim)


def _pool(name: str, x: Any, attrs: dict[str, Any]) -> Any:
    kernel = attrs.pop("kernel")
    rank = len(kernel)
    if rank == 1 and name == "avg":
        attrs.pop("divisor_override")
    return getattr(functional, f"{name}_pool{rank}d")(x, kernel, **attrs)


def _chosen_by_lapack(name: str) -> Any:
    """For signs, phases and an order that are the library's choice: test_linalg.py compares what does not depend on it.
    """
    def refuse(*operands: Any, **attrs: Any) -> Any:
        raise NotImplementedError(name)

    return refuse


def _attention(q: Any, k: Any, v: Any, mask: Any, is_causal: bool, scale: float) -> Any:
    """Half precision in single precision: torch's own gradient there reads a result that is rounded already."""
    wide = [x.float() if x.dtype in (torch.float16, torch.bfloat16) else x for x in (q, k, v)]
    return functional.scaled_dot_product_attention(*wide, mask, is_causal=is_causal, scale=scale).to(q.dtype)


CALLS: dict[str, Any] = {
    "amax": lambda x, dim, keepdim: torch.amax(x, dim, keepdim),
    "amin": lambda x, dim, keepdim: torch.amin(x, dim, keepdim),
    "arange": lambda start, end, step, dtype: torch.arange(start, end, step, dtype=dtype),
    "attention": lambda q, k, v, mask, is_causal, scale: _attention(q, k, v, mask, is_causal, scale),
    "cat": lambda *tensors, dim: torch.cat(tensors, dim),
    "constant": lambda value: torch.tensor(value.numpy),
    "contiguous": lambda x: x.clone(),
    "copy": lambda x, source: x.detach().clone().copy_(source),
    "embedding": lambda x, weight: functional.embedding(x, weight),
    "eye": lambda n, m, dtype: torch.eye(n, m, dtype=dtype),
    "fft_c2c": lambda x, dim, norm, forward: (torch.fft.fftn if forward else torch.fft.ifftn)(x, dim=dim, norm=norm),
    "fft_c2r": lambda x, dim, size, norm: torch.fft.irfftn(x, [*[x.shape[d] for d in dim[:-1]], size], dim, norm),
    "fft_r2c": lambda x, dim, norm, onesided: torch.fft.rfftn(x, dim=dim, norm=norm) if onesided or x.is_complex()
        else torch.fft.fft(x, dim=dim[0], norm=norm),
    "full": lambda shape, value, dtype: torch.full(shape, value, dtype=dtype),
    "gather": lambda x, index, dim: torch.gather(x, dim, index),
    "getitem": lambda x, index: x[index],
    "hardsigmoid": lambda x: functional.hardsigmoid(x) if x.dtype != torch.float64 else functional.relu6(x + 3) / 6,
    "index": lambda x, *tensors, index: x[_placed(index, tensors)],
    "index_put": lambda x, value, *tensors, index: _written(x, value, _placed(index, tensors)),
    "vector_norm": lambda x, ord, dim, keepdim: torch.linalg.vector_norm(x, ord, dim, keepdim),
    "cross": lambda x, y, dim: torch.linalg.cross(*torch.broadcast_tensors(x, y), dim=dim),
    "cholesky": torch.linalg.cholesky,
    "eig": _chosen_by_lapack("eig"),
    "eigh": _chosen_by_lapack("eigh"),
    "eigvals": _chosen_by_lapack("eigvals"),
    "eigvalsh": lambda x, uplo: torch.linalg.eigvalsh(x, UPLO=uplo),
    "inv": torch.linalg.inv,
    "lu_factor": torch.linalg.lu_factor,
    "pinv": lambda x, atol, rtol, hermitian: torch.linalg.pinv(x, atol=atol, rtol=rtol, hermitian=hermitian),
    "qr": torch.linalg.qr,
    "svd": _chosen_by_lapack("svd"),
    "svdvals": torch.linalg.svdvals,
    "linear_solve": torch.linalg.solve,
    "solve_triangle": lambda a, b, upper, unitriangular: torch.linalg.solve_triangular(
        a, b, upper=upper, unitriangular=unitriangular),
    "linspace": lambda start, end, steps, dtype: torch.linspace(start, end, steps, dtype=dtype),
    "max": lambda x, dim, keepdim: torch.max(x),
    "min": lambda x, dim, keepdim: torch.min(x),
    "max_along": lambda x, dim, keepdim: torch.max(x, dim, keepdim),
    "min_along": lambda x, dim, keepdim: torch.min(x, dim, keepdim),
    "median": lambda x, dim, keepdim: torch.median(x),
    "nanmedian": lambda x, dim, keepdim: torch.nanmedian(x),
    "median_along": lambda x, dim, keepdim: torch.median(x, dim, keepdim),
    "nanmedian_along": lambda x, dim, keepdim: torch.nanmedian(x, dim, keepdim),
    "aminmax": lambda x, dim, keepdim: _alone(torch.aminmax, x, dim, keepdim),
    "sort": lambda x, dim, descending: torch.sort(x, dim, descending),
    "searchsorted": lambda x, boundaries, right, out_int32: torch.searchsorted(boundaries, x, right=right),
    "euclidean_distances": lambda x, y: torch.cdist(x, y),
    "nansum": _reduction(torch.nansum),
    "norm2": lambda x, dim, keepdim: torch.linalg.vector_norm(x, 2, dim, keepdim),
    "permute": lambda x, dims: torch.permute(x, dims),
    "prod": _reduction(torch.prod),
    "repeat": lambda x, repeats: x.repeat(repeats),
    "sum": _reduction(torch.sum),
    "mean": _reduction(torch.mean),
    "layer_norm": lambda x, *affine, rank, eps: functional.layer_norm(x, x.shape[-rank:], *affine, eps),
    "rms_norm": lambda x, weight, rank, eps: functional.rms_norm(x, x.shape[-rank:], weight, eps),
    "extend": lambda x, widths, mode: functional.pad(
        x, [n for pair in widths[:0:-1] if any(pair) or x.ndim > 2
            for n in pair][: min(2 * (x.ndim - 1), 6 if x.ndim > 4 else 4)], mode=mode),
    "pad": lambda x, widths, value: functional.pad(x, [n for pair in widths[::-1] for n in pair], value=value),
    "argsort": lambda x, dim, descending: torch.argsort(x, dim=dim, descending=descending, stable=True),
    "batch_norm": lambda x, weight, bias, eps: (
        functional.batch_norm(x, None, None, weight, bias, True, 0.0, eps), x.mean((0, *range(2, x.ndim))),
        x.var((0, *range(2, x.ndim)), correction=0)),
    "batch_norm_with": lambda x, center, variance, weight, bias, eps: functional.batch_norm(
        x, center.detach(), variance.detach(), weight, bias, eps=eps),
    "group_norm": lambda x, weight, bias, groups, eps: functional.group_norm(x, groups, weight, bias, eps),
    "adaptive_avg_pool": lambda x, size: getattr(functional, f"adaptive_avg_pool{len(size)}d")(x, size),
    "adaptive_max_pool": lambda x, size: getattr(functional, f"adaptive_max_pool{len(size)}d")(x, size),
    "pixel_shuffle": lambda x, factor: functional.pixel_shuffle(x, factor),
    "pixel_unshuffle": lambda x, factor: functional.pixel_unshuffle(x, factor),
    "unfold_windows": lambda x, kernel, stride, padding, dilation: functional.unfold(
        x, kernel, dilation, padding, stride),
    "fold_windows": lambda x, sizes, kernel, stride, padding, dilation: functional.fold(
        x, sizes, kernel, dilation, padding, stride),
    "resample": lambda x, size, mode, align_corners, scales: functional.interpolate(
        x, None if scales else size, scales, mode, align_corners or None if "nearest" in mode else align_corners),
    "avg_pool": lambda x, **attrs: _pool("avg", x, attrs),
    "max_pool": lambda x, **attrs: _pool("max", x, attrs),
    "convolution": lambda x, weight, bias, transposed, output_padding, **attrs: getattr(
        functional, f"conv{'_transpose' * transposed}{x.ndim - 2}d")(
        x, weight, bias, **attrs, **({"output_padding": output_padding or 0} if transposed else {})),
    "count_nonzero": lambda x, dim, keepdim: torch.count_nonzero(x, dim),
    "rounded_div": lambda x, y, rounding_mode: torch.div(x, y, rounding_mode=rounding_mode),
    "scatter": lambda x, index, source, dim: torch.scatter(x, dim, index, source),
    "sub": lambda x, y: x - y,
    "binary_cross_entropy_with_logits": functional.binary_cross_entropy_with_logits,
    "scatter_add": lambda x, index, source, dim: torch.scatter_add(x, dim, index, source),
    "as_strided": lambda x, size, stride, offset: torch.as_strided(x, size, stride, offset),
    "as_strided_scatter": lambda x, value, size, stride, offset: _copied(
        x.clone(), lambda y: y.as_strided(size, stride, offset), value),
    "unfold": lambda x, dim, size, step: x.unfold(dim, size, step),
    "view_as_dtype": lambda x, dtype: x.view(dtype),
    "scatter_reduce": lambda x, index, source, dim, reduce, include_self: torch.scatter_reduce(
        x, dim, index, source, reduce, include_self=include_self),
    "polygamma": lambda x, n: torch.polygamma(n, x),
    "setitem": _written,
    "stack": lambda *tensors, dim: torch.stack(tensors, dim),
    "expand": lambda x, shape: x.expand(shape),
    "to": lambda x, dtype: x.to(dtype, copy=True),
    "one_hot": lambda x, num_classes: functional.one_hot(x, num_classes),
    "reshape": lambda x, shape: torch.reshape(x, shape),
}
"""Ops that are called otherwise than torch.<name>, torch.nn.functional.<name> or the method <name>."""

NAMES_DIFFER = {
    "setitem": "torch's is an assignment into a clone",
    "index_put": "torch's is an assignment into a clone",
    "copy": "torch's writes in place",
    "batch_norm": "torch's returns no variance",
    "as_strided_scatter": "the gradient of torch's is wrong, so a copy into a view stands for it",
    "contiguous": "torch's returns x itself here",
    "convolution": "torch adds up three real ones where the numbers are complex",
    "hardsigmoid": "torch's own gradient in double precision has a single precision 1/6",
    "squeeze": "torch numbers the node by how the dimensions were given, which gradc has forgotten",
}
"""Ops whose grad_fn is called otherwise, and why."""


def call(name: str, operands: list[Any], attrs: dict[str, Any]) -> Any:
    """torch's result for an op; raises NotImplementedError where torch has no such function."""
    function = CALLS.get(name)
    for place in (torch, functional, torch.Tensor, torch.special):
        function = function or getattr(place, name, None)
    if function is None:
        raise NotImplementedError(name)
    return function(*operands, **_attrs(attrs))


def as_torch(x: Any) -> Any:
    """A gradc operand as torch's; numbers stay."""
    if not hasattr(x, "_array"):
        return x
    array = x._array.copy()
    if x.dtype is dtypes.bfloat16:  # NumPy knows it by its bytes only
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


WIDER = {torch.bfloat16: torch.float32, torch.complex32: torch.complex64}
"""Types that hold all numbers of those that NumPy does not have."""


def as_numpy(x: torch.Tensor) -> Any:
    """A torch tensor as a NumPy array, of a wider type where NumPy lacks its own."""
    return x.detach().to(WIDER.get(x.dtype, x.dtype)).numpy(force=True)
