"""How to call torch for an op whose name or arguments differ from torch's: op name -> function of torch tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

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


CALLS: dict[str, Any] = {
    "amax": lambda x, dim, keepdim: torch.amax(x, dim, keepdim),
    "amin": lambda x, dim, keepdim: torch.amin(x, dim, keepdim),
    "arange": lambda start, end, step, dtype: torch.arange(start, end, step, dtype=dtype),
    "cat": lambda *tensors, dim: torch.cat(tensors, dim),
    "constant": lambda value: torch.tensor(value.numpy),
    "contiguous": lambda x: x.clone(),
    "copy": lambda x, source: x.detach().clone().copy_(source),
    "embedding": lambda x, weight: functional.embedding(x, weight),
    "eye": lambda n, m, dtype: torch.eye(n, m, dtype=dtype),
    "full": lambda shape, value, dtype: torch.full(shape, value, dtype=dtype),
    "gather": lambda x, index, dim: torch.gather(x, dim, index),
    "getitem": lambda x, index: x[index],
    "index": lambda x, *tensors, index: x[_placed(index, tensors)],
    "index_put": lambda x, value, *tensors, index: _written(x, value, _placed(index, tensors)),
    "linspace": lambda start, end, steps, dtype: torch.linspace(start, end, steps, dtype=dtype),
    "norm2": lambda x, dim, keepdim: torch.linalg.vector_norm(x, 2, dim, keepdim),
    "permute": lambda x, dims: torch.permute(x, dims),
    "prod": _reduction(torch.prod),
    "repeat": lambda x, repeats: x.repeat(repeats),
    "sum": _reduction(torch.sum),
    "mean": _reduction(torch.mean),
    "layer_norm": lambda x, *affine, rank, eps: functional.layer_norm(x, x.shape[-rank:], *affine, eps),
    "rms_norm": lambda x, weight, rank, eps: functional.rms_norm(x, x.shape[-rank:], weight, eps),
    "pad": lambda x, widths, value: functional.pad(x, [n for pair in widths[::-1] for n in pair], value=value),
    "argsort": lambda x, dim, descending: torch.argsort(x, dim=dim, descending=descending, stable=True),
    "count_nonzero": lambda x, dim, keepdim: torch.count_nonzero(x, dim),
    "scatter": lambda x, index, source, dim: torch.scatter(x, dim, index, source),
    "sub": lambda x, y: x - y,
    "binary_cross_entropy_with_logits": functional.binary_cross_entropy_with_logits,
    "scatter_add": lambda x, index, source, dim: torch.scatter_add(x, dim, index, source),
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
    "contiguous": "torch's returns x itself here",
    "squeeze": "torch numbers the node by how the dimensions were given, which gradc has forgotten",
}
"""Ops whose grad_fn is called otherwise, and why."""


REFUSED = {
    "pow-2-i64": "an integer to a negative power: torch refuses numbers and truncates for tensors",
    "sign-0-bool": "NumPy has no sign of a bool", "sign-1-bool": "NumPy has no sign of a bool",
    "square-0-bool": "gradc's is x·x, which bools have as `and`",
    "scatter_add-0-bool": "JAX adds no bools", "scatter_add-1-bool": "JAX adds no bools",
    "scatter_add-2-bool": "JAX adds no bools",
    "addcmul-0-i64": "made for floating point", "addcmul-1-i64": "made for floating point",
    "l1_loss-1-i64": "losses are of floating point", "l1_loss-2-i64": "losses are of floating point",
}
"""Calls that torch takes and gradc does not, and why."""


def call(name: str, operands: list[Any], attrs: dict[str, Any]) -> Any:
    """torch's result for an op; raises NotImplementedError where torch has no such function."""
    function = CALLS.get(name)
    for place in (torch, functional, torch.Tensor):
        function = function or getattr(place, name, None)
    if function is None:
        raise NotImplementedError(name)
    return function(*operands, **_attrs(attrs))


def as_torch(x: Any) -> Any:
    """A gradc operand as torch's; numbers stay."""
    return torch.from_numpy(x._array.copy()) if hasattr(x, "_array") else x
