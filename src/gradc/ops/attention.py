"""Attention: averages of values, weighted by how well keys match queries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import dtypes, shapes
from gradc.apply import apply, autocasting
from gradc.errors import CallError, DtypeError, ShapeError
from gradc.ir import Type
from gradc.locations import here, quote
from gradc.modes import current
from gradc.ops import attention_blocks
from gradc.ops.activation import softmax
from gradc.ops.arithmetic import where
from gradc.ops.base import Op
from gradc.ops.batching import Examples
from gradc.ops.creation import arange
from gradc.ops.define import op
from gradc.ops.random import dropout
from gradc.tensor import Tensor


@autocasting("lower")
def scaled_dot_product_attention(
        query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
        is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False) -> Tensor:
    """softmax(query @ key.mT · scale + mask) @ value, as torch.nn.functional.scaled_dot_product_attention.

    The scale is 1/√features by default. A mask of bools says which keys a query sees; one that sees none gets 0. With
    `is_causal` query i sees the keys up to i. With `enable_gqa` groups of queries' heads share heads of keys.

    Shape   query: f[*, l, e], key: f[*, s, e], value: f[*, s, v] -> f[*, l, v]
    """
    _check(query, key, value, attn_mask, is_causal)
    if enable_gqa:
        key, value = (_shared(x, query.shape[-3]) for x in (key, value))
    scale = 1 / math.sqrt(max(query.shape[-1], 1)) if scale is None else scale
    if dropout_p or attn_mask is not None and attn_mask.requires_grad:
        return _unfused(query, key, value, attn_mask, dropout_p, is_causal, scale)  # type: ignore[no-any-return]
    query, key, value = _of_one_batch(query, key, value)
    return apply(attention, (query, key, value, attn_mask), {"is_causal": is_causal, "scale": scale})  # type: ignore


def _of_one_batch(*tensors: Any) -> Any:
    """The tensors with equal leading dimensions."""
    shape = shapes.broadcast(*[tuple(x.shape[:-2]) for x in tensors])
    return [x if x.shape[:-2] == shape else x.expand(*shape, *x.shape[-2:]) for x in tensors]


def _unfused(query: Any, key: Any, value: Any, mask: Any, dropout_p: float, is_causal: bool, scale: float) -> Any:
    """Attention of several ops, for what has a gradient or a dropout of its own."""
    return dropout(attention_weights(query, key, mask, is_causal, scale), dropout_p) @ value  # type: ignore


def attention_weights(query: Any, key: Any, mask: Any, is_causal: bool, scale: float) -> Any:
    """How much each query takes of each key's value: a distribution over the keys it sees, 0 if it sees none."""
    scores = (query * scale) @ key.mT
    if is_causal:
        mask = causal_mask(query.shape[-2], key.shape[-2])
    if mask is None:
        return softmax(scores, -1)
    scores = where(mask, scores, -math.inf) if mask.dtype is dtypes.bool_ else scores + mask
    some = (scores > -math.inf).any(-1, keepdim=True)
    return where(some, softmax(where(some, scores, 0.0), -1), 0.0)


def causal_mask(queries: int, keys: int) -> Tensor:
    """Which keys each query sees: those that are not after it."""
    return arange(queries).unsqueeze(1) >= arange(keys)  # type: ignore[no-any-return]


def _shared(x: Any, heads: int) -> Tensor:
    """Keys or values with each head repeated for a group of `heads` queries' heads."""
    if heads % x.shape[-3]:
        raise ShapeError(f"Number of heads in key and value must divide the number of heads in query, got "
                         f"{x.shape[-3]} and {heads}{quote(here())}")
    return x.repeat_interleave(heads // x.shape[-3], -3)  # type: ignore[no-any-return]


def _check(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, is_causal: bool) -> None:
    found = f"got query {query.type_}, key {key.type_}, value {value.type_}{quote(here())}"
    if not query.dtype is key.dtype is value.dtype:
        raise DtypeError(f"Expected query, key, and value to have the same dtype, {found}")
    if not query.dtype.is_floating_point:
        raise DtypeError(f"scaled_dot_product_attention: expected floating point numbers, {found}")
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise ShapeError(f"Expected query, key, and value to all be at least 2 dimensional, {found}")
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ShapeError(f"scaled_dot_product_attention: queries and keys need equally many features, keys and values "
                         f"equally many rows, {found}")
    if mask is None:
        return
    if is_causal:
        raise CallError(f"Explicit attn_mask should not be set when is_causal=True{quote(here())}")
    if mask.dtype not in (dtypes.bool_, query.dtype):
        raise DtypeError(f"Expected attn_mask dtype to be bool or float or to match query dtype, but got "
                         f"attn_mask.dtype: {mask.dtype} and  query.dtype: {query.dtype}{quote(here())}")


class Attention(Op):
    """Attention of queries to keys and values with the same leading dimensions."""

    method = False
    checked = True
    rejects = (dtypes.BOOL, dtypes.INT, dtypes.COMPLEX)

    def compute_dtype(self, operands: Sequence[Any]) -> None:
        self.check_category(dtypes.of(operands[0].dtype))


@op
class attention(Attention):
    """softmax(query @ keyᵀ · scale + mask) @ value, and 0 for a query that sees no key.

    A mask of bools stands for 0 and -inf.

    Shape   query: f[*, l, e], key: f[*, s, e], value: f[*, s, w], mask: f[*, l, s] -> f[*, l, w]
    Source  torch.nn.functional.scaled_dot_product_attention; Vaswani et al. 2017. In blocks on NumPy
    """

    kernel = lambda xp, query, key, value, mask=None, *, is_causal=False, scale=1.0: attention_blocks.attend(
        query, key, value, mask, is_causal, scale)
    lower = lambda xp, query, key, value, mask=None, *, is_causal=False, scale=1.0: (
        _lowered_weights(xp, query, key, mask, is_causal, scale) @ value)
    grads = lambda g, query, key, value, mask, is_causal, scale: [
        *_pulled(g, query, key, value, mask, is_causal, scale), None]
    widens = True
    torch_name = "ScaledDotProductFlashAttentionForCpu"
    samples = [((2, 1, 3, 4), (2, 1, 3, 4), (2, 1, 3, 4), None, {"is_causal": True, "scale": 0.5}),
               ((1, 2, 3, 4), (1, 2, 5, 4), (1, 2, 5, 4), None, {"scale": 0.5}),
               ((2, 1, 2, 3), (2, 1, 2, 3), (2, 1, 2, 3), [[True, False], [True, True]], {"scale": 0.5}),
               ((1, 2, 2, 3), (1, 2, 2, 3), (1, 2, 2, 3), [[[[False, False], [True, True]]]], {"scale": 0.5})]

    def infer(self, q: Any, k: Any, v: Any, mask: Any = None, *, is_causal: bool, scale: float) -> Type:
        if not q.shape[:-2] == k.shape[:-2] == v.shape[:-2] or q.shape[-1] != k.shape[-1] \
                or k.shape[-2] != v.shape[-2]:
            raise ShapeError(f"attention: shapes do not fit: {list(q.shape)}, {list(k.shape)}, {list(v.shape)}")
        if mask is not None:
            shapes.broadcast_dims(tuple(mask.shape), (*q.shape[:-1], k.shape[-2]))
        return Type(q.dtype, (*q.shape[:-1], v.shape[-1]))

    def batched(self, examples: Examples) -> Any:
        """The examples are leading dimensions."""
        mask = examples.operands[3]
        if mask is not None and examples.flags[3]:
            mask = examples.wide(3, examples.rank(0))
        return examples.apply(self, [*map(examples.whole, range(3)), mask])


def _lowered_weights(xp: Any, q: Any, k: Any, mask: Any, is_causal: bool, scale: float) -> Any:
    scores = (q * scale) @ xp.swapaxes(k, -1, -2)
    if is_causal:
        mask = xp.reshape(xp.arange(q.shape[-2]), (-1, 1)) >= xp.arange(k.shape[-2])
    if mask is None:
        powers = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
        return powers / xp.sum(powers, axis=-1, keepdims=True)
    scores = xp.where(mask, scores, -math.inf) if mask.dtype == bool else scores + mask
    largest = xp.max(scores, axis=-1, keepdims=True)
    powers = xp.exp(scores - xp.where(largest == -math.inf, 0, largest))
    total = xp.sum(powers, axis=-1, keepdims=True)
    return powers / xp.where(total == 0, 1, total)


def _pulled(g: Any, q: Any, k: Any, v: Any, mask: Any, is_causal: bool, scale: float) -> Any:
    """The cotangents of q, k and v: by one op, or, where they will be differentiated, by several."""
    if not current().grad:
        return apply(attention_pull, (g, q, k, v, mask), {"is_causal": is_causal, "scale": scale})
    weights = attention_weights(q, k, mask, is_causal, scale)
    change = g @ v.mT
    change = weights * (change - (weights * change).sum(-1, keepdim=True))
    return change @ k * scale, change.mT @ q * scale, weights.mT @ g


def _pull(*operands: Any) -> tuple[Any, ...]:
    """The kernel of attention_pull, in single precision where the operands are of half precision."""
    kind = operands[0].dtype
    if kind.itemsize > 2:
        return attention_blocks.pull(*operands)  # type: ignore[no-any-return]
    found = attention_blocks.pull(*[
        x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype == kind else x for x in operands])
    return tuple([x.astype(kind) for x in found])


def _lowered_pull(xp: Any, g: Any, q: Any, k: Any, v: Any, mask: Any, is_causal: bool,
                  scale: float) -> Any:
    weights = _lowered_weights(xp, q, k, mask, is_causal, scale)
    change = g @ xp.swapaxes(v, -1, -2)
    change = weights * (change - xp.sum(weights * change, axis=-1, keepdims=True))
    return change @ k * scale, xp.swapaxes(change, -1, -2) @ q * scale, xp.swapaxes(weights, -1, -2) @ g


@op
class attention_pull(Attention):
    """The cotangents of q, k and v, from that of the result of attention: what its gradient calls.

    Source  Dao et al. 2022, "FlashAttention"
    """

    kernel = lambda xp, g, query, key, value, mask, *, is_causal, scale: _pull(
        g, query, key, value, mask, is_causal, scale)
    lower = lambda xp, g, query, key, value, mask, *, is_causal, scale: _lowered_pull(
        xp, g, query, key, value, mask, is_causal, scale)
    samples = [((2, 1, 3, 4), (2, 1, 3, 4), (2, 1, 3, 4), (2, 1, 3, 4), None,
                {"is_causal": False, "scale": 0.5})]
    batched = lambda self, examples: examples.apply(self, [
        *map(examples.whole, range(4)), examples.operands[4] if not examples.flags[4] else examples.wide(
            4, examples.rank(0))])

    def infer(self, g: Any, q: Any, k: Any, v: Any, mask: Any, *, is_causal: bool,
              scale: float) -> tuple[Type, ...]:
        return tuple([Type(x.dtype, tuple(x.shape)) for x in (q, k, v)])
