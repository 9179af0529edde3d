"""Attention with several heads, and masks of it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from gradc import dtypes
from gradc.errors import CallError, ShapeError, UnsupportedError
from gradc.locations import here, quote
from gradc.nn.functions.layers import dropout, linear
from gradc.ops.activation import softmax
from gradc.ops.arithmetic import where
from gradc.ops.attention import scaled_dot_product_attention
from gradc.ops.creation import zeros
from gradc.ops.joining import cat
from gradc.tensor import Tensor

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


def additive_mask(mask: Any, name: str, dtype: Any) -> Any:
    """A mask that is added to scores: -inf where a mask of bools holds, else 0; one of numbers as it is."""
    if mask is None or mask.dtype.is_floating_point:
        return mask
    if mask.dtype is not dtypes.bool_:
        raise UnsupportedError(f"only bool and floating types of {name} are supported, got {mask.dtype}{quote(here())}")
    return where(mask, -math.inf, zeros((), dtype=dtype))  # type: ignore[call-overload]


class Projections(NamedTuple):
    """The weights and biases that make queries, keys and values: each None or a tensor."""

    query: Any
    key: Any
    value: Any
    biases: Any


def multi_head_attention_forward(
        query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int,
        in_proj_weight: Tensor | None, in_proj_bias: Tensor | None, bias_k: Tensor | None, bias_v: Tensor | None,
        add_zero_attn: bool, dropout_p: float, out_proj_weight: Tensor, out_proj_bias: Tensor | None,
        training: bool = True, key_padding_mask: Tensor | None = None, need_weights: bool = True,
        attn_mask: Tensor | None = None, use_separate_proj_weight: bool = False, q_proj_weight: Tensor | None = None,
        k_proj_weight: Tensor | None = None, v_proj_weight: Tensor | None = None, static_k: Tensor | None = None,
        static_v: Tensor | None = None, average_attn_weights: bool = True,
        is_causal: bool = False) -> tuple[Tensor, Tensor | None]:
    """Attention of several heads, each on a part of the projected features, as torch.nn.MultiheadAttention uses it.

    Shape   query: f[l, b, e] or f[l, e]
    """
    if static_k is not None or static_v is not None:
        raise UnsupportedError(f"multi_head_attention_forward: static_k and static_v are not supported{quote(here())}")
    if is_causal and attn_mask is None:
        raise CallError(f"Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
                        f"`generate_square_subsequent_mask` to create this mask.{quote(here())}")
    batched = _check(query, key, value, key_padding_mask, embed_dim_to_check, num_heads)
    if not batched:
        query, key, value = (x.unsqueeze(1) for x in (query, key, value))  # type: ignore[attr-defined]
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)  # type: ignore
    is_causal = is_causal and key_padding_mask is None and not need_weights
    mask = None if is_causal else additive_mask(attn_mask, "attn_mask", query.dtype)
    padding = additive_mask(key_padding_mask, "key_padding_mask", query.dtype)
    _check_masks(mask, padding, query, key, num_heads)
    weights = (q_proj_weight, k_proj_weight, v_proj_weight)
    if not use_separate_proj_weight:
        weights = (in_proj_weight, None, None)
    q, k, v = _projected(query, key, value, Projections(*weights, in_proj_bias))
    if bias_k is not None and bias_v is not None:
        k, v = (cat([x, b.expand(1, x.shape[1], -1)]) for x, b in ((k, bias_k), (v, bias_v)))  # type: ignore
    q, k, v = (x.unflatten(-1, (num_heads, -1)).permute(1, 2, 0, 3) for x in (q, k, v))
    if add_zero_attn:
        k, v = (cat([x, x.new_zeros((*x.shape[:2], 1, x.shape[3]))], 2) for x in (k, v))
    mask = _merged(mask, padding, query.shape[1], num_heads, k.shape[2])
    out, shares = _attended(q, k, v, mask, dropout_p if training else 0.0, is_causal, need_weights)
    out = linear(out.permute(2, 0, 1, 3).flatten(-2), out_proj_weight, out_proj_bias)  # type: ignore[attr-defined]
    if shares is not None and average_attn_weights:
        shares = shares.mean(1)
    if batched:
        return out, shares
    return out.squeeze(1), None if shares is None else shares.squeeze(0)  # type: ignore[attr-defined]


def _projected(query: Any, key: Any, value: Any, by: Projections) -> Any:
    """Queries, keys and values: by one product where they come from one tensor."""
    size = query.shape[-1]
    if by.key is not None:
        biases = (None,) * 3 if by.biases is None else by.biases.chunk(3)
        return [linear(x, w, b) for x, w, b in zip((query, key, value), by[:3], biases, strict=True)]
    if key is value:
        if query is key:
            return linear(query, by.query, by.biases).chunk(3, -1)  # type: ignore[attr-defined]
        first, rest = by.query.split([size, 2 * size])
        bias, biases = (None, None) if by.biases is None else by.biases.split([size, 2 * size])
        return [linear(query, first, bias), *linear(key, rest, biases).chunk(2, -1)]  # type: ignore[attr-defined]
    return _projected(query, key, value, Projections(*by.query.chunk(3), by.biases))


def _attended(q: Tensor, k: Any, v: Tensor, mask: Any, dropout_p: float, is_causal: bool,
              need_weights: bool) -> tuple[Any, Any]:
    """The averages of values, and if they are wanted the weights."""
    if not need_weights:
        return scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal), None
    scores: Any = (q * (1 / math.sqrt(q.shape[-1]))) @ k.mT  # type: ignore[operator]
    shares = dropout(softmax(scores if mask is None else scores + mask, -1), dropout_p)
    return shares @ v, shares  # type: ignore[operator]


def _merged(mask: Any, padding: Any, batch: int, heads: int, keys: int) -> Any:
    """Both masks as one that broadcasts over scores f[b, h, l, s]; keys that were added are seen."""
    if mask is not None:
        mask = mask if mask.ndim == 2 else mask.unflatten(0, (batch, heads))
        mask = _extended(mask, keys)
    if padding is not None:
        padding = _extended(padding, keys)[:, None, None]
    return mask if padding is None else padding if mask is None else mask + padding


def _extended(mask: Any, keys: int) -> Any:
    added = keys - mask.shape[-1]
    return cat([mask, mask.new_zeros((*mask.shape[:-1], added))], -1) if added else mask


def _check(query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, size: int, heads: int) -> bool:
    """Whether there is a dimension of examples. Raises ShapeError for shapes that do not fit."""
    where_ = quote(here())
    if query.ndim not in (2, 3):
        raise ShapeError(f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query "
                         f"tensor{where_}")
    if key.ndim != query.ndim or value.ndim != query.ndim:
        raise ShapeError(f"For {'batched (3-D)' if query.ndim == 3 else 'unbatched (2-D)'} `query`, expected `key` and "
                         f"`value` to be {query.ndim}-D but found {key.ndim}-D and {value.ndim}-D tensors "
                         f"respectively{where_}")
    if padding is not None and padding.ndim != query.ndim - 1:
        raise ShapeError(f"expected `key_padding_mask` to be `None` or {query.ndim - 1}-D but found {padding.ndim}-D "
                         f"tensor instead{where_}")
    if query.shape[-1] != size:
        raise ShapeError(f"was expecting embedding dimension of {size}, but got {query.shape[-1]}{where_}")
    if size % heads:
        raise ShapeError(f"embed_dim {size} not divisible by num_heads {heads}{where_}")
    if key.shape[:-1] != value.shape[:-1]:
        raise ShapeError(f"key's sequence and batch dims {key.shape[:-1]} do not match value's {value.shape[:-1]}"
                         f"{where_}")
    return query.ndim == 3


def _check_masks(mask: Any, padding: Any, query: Tensor, key: Tensor, heads: int) -> None:
    length, batch = query.shape[:2]
    if mask is not None:
        expected = {2: (length, key.shape[0]), 3: (batch * heads, length, key.shape[0])}.get(mask.ndim)
        if expected is None:
            raise ShapeError(f"attn_mask's dimension {mask.ndim} is not supported{quote(here())}")
        if mask.shape != expected:
            raise ShapeError(f"The shape of the {mask.ndim}D attn_mask is {mask.shape}, but should be {expected}."
                             f"{quote(here())}")
    if padding is not None and padding.shape != (batch, key.shape[0]):
        raise ShapeError(f"Expected key_padding_mask.shape to be {(batch, key.shape[0])}, but got "
                         f"{tuple(padding.shape)}{quote(here())}")
