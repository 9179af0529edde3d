"""Attention with several heads."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradc.dtypes import dtype
from gradc.errors import GradcError
from gradc.nn import functional, init
from gradc.nn.layers import Linear
from gradc.nn.module import Module, ModuleError
from gradc.nn.parameter import Parameter
from gradc.ops.creation import empty
from gradc.tensor import Tensor

__all__ = ["MultiheadAttention"]


class SDPBackend(enum.Enum):
    """PyTorch's kernels of attention. gradc has one, at every choice."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(backends: Any, set_priority: bool = False) -> Iterator[None]:
    """A block in which PyTorch would choose among these kernels."""
    yield


class HeadsError(GradcError, AssertionError):
    """Features that heads cannot share."""


class NonDynamicallyQuantizableLinear(Linear):
    """A linear map, under the name that PyTorch prints."""


class MultiheadAttention(Module):
    """Attention of several heads, each on a part of the projected features, as torch.nn.MultiheadAttention.

    Shape   query: f[l, b, embed_dim], key: f[s, b, kdim], value: f[s, b, vdim] -> f[l, b, embed_dim], f[b, l, s]
    Source  Vaswani et al. 2017, "Attention is all you need"
    """

    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True,
                 add_bias_kv: bool = False, add_zero_attn: bool = False, kdim: int | None = None,
                 vdim: int | None = None, batch_first: bool = False, device: Any = None,
                 dtype: dtype | None = None) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ModuleError(f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and "
                              f"num_heads={num_heads} instead")
        super().__init__()
        if embed_dim % num_heads:
            raise HeadsError("embed_dim must be divisible by num_heads")
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        self.add_zero_attn = add_zero_attn
        place: dict[str, Any] = {"device": device, "dtype": dtype}
        same = self._qkv_same_embed_dim = self.kdim == embed_dim == self.vdim
        for name, size in (("q", embed_dim), ("k", self.kdim), ("v", self.vdim)):
            self.register_parameter(f"{name}_proj_weight", None if same else Parameter(empty(embed_dim, size, **place)))
        self.register_parameter("in_proj_weight", Parameter(empty(3 * embed_dim, embed_dim, **place)) if same else None)
        self.register_parameter("in_proj_bias", Parameter(empty(3 * embed_dim, **place)) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, **place)
        for name in ("bias_k", "bias_v"):
            setattr(self, name, Parameter(empty(1, 1, embed_dim, **place)) if add_bias_kv else None)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw all parameters anew, besides the weight of the last projection."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        if self.bias_k is not None:
            init.xavier_normal_(self.bias_k)
            init.xavier_normal_(self.bias_v)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None,
                need_weights: bool = True, attn_mask: Tensor | None = None, average_attn_weights: bool = True,
                is_causal: bool = False) -> tuple[Tensor, Tensor | None]:
        """The averages of values, and, if `need_weights`, the weights: averaged over the heads, or for each.

        Masks hold where a query does not see a key; numbers are added to the scores.
        """
        turned = self.batch_first and query.ndim == 3
        if turned:
            query, key, value = _turned(query, key, value)
        out, weights = functional.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias,
            training=self.training, key_padding_mask=key_padding_mask, need_weights=need_weights, attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim, q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight, v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights, is_causal=is_causal)
        return out.transpose(0, 1) if turned else out, weights  # type: ignore[attr-defined]


def _turned(*tensors: Any) -> list[Any]:
    """Each tensor with its first two dimensions swapped; one for those that are one."""
    turned = {id(x): x.transpose(0, 1) for x in tensors}
    return [turned[id(x)] for x in tensors]
