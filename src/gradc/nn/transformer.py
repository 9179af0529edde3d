"""Transformers: layers of attention and of networks that see one position at a time."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradc.dtypes import dtype
from gradc.errors import CallError
from gradc.locations import here, quote
from gradc.nn import functional, init
from gradc.nn.attention import MultiheadAttention
from gradc.nn.containers import ModuleList
from gradc.nn.layers import Dropout, Linear
from gradc.nn.module import Module
from gradc.nn.normalization import LayerNorm
from gradc.ops.creation import full
from gradc.tensor import Tensor

__all__ = ["Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
           "TransformerEncoderLayer"]

Activation = str | Callable[[Tensor], Tensor]


def _chosen_activation(activation: Activation) -> Any:
    if not isinstance(activation, str):
        return activation
    if activation not in ("relu", "gelu"):
        raise CallError(f"activation should be relu/gelu, not {activation}{quote(here())}")
    return getattr(functional, activation)


class TransformerLayer(Module):
    """What encoders and decoders share: attention to itself, and a network of two linear maps."""

    attentions = ("self_attn",)

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: Activation = functional.relu, layer_norm_eps: float = 1e-5, batch_first: bool = False,
                 norm_first: bool = False, bias: bool = True, device: Any = None, dtype: dtype | None = None) -> None:
        place: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        super().__init__()
        for name in self.attentions:
            setattr(self, name, MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **place))
        self.linear1 = Linear(d_model, dim_feedforward, **place)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **place)
        self.norm_first = norm_first
        numbers = range(1, len(self.attentions) + 2)
        for i in numbers:
            setattr(self, f"norm{i}", LayerNorm(d_model, eps=layer_norm_eps, **place))
        for i in numbers:
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation = _chosen_activation(activation)

    def _residual(self, x: Any, number: int, block: Callable[[Any], Tensor]) -> Any:
        """x plus dropout of a block, with normalisation number `number` before the block or after the sum."""
        norm, drop = getattr(self, f"norm{number}"), getattr(self, f"dropout{number}")
        return x + drop(block(norm(x))) if self.norm_first else norm(x + drop(block(x)))

    def _attend(self, x: Tensor, mask: Any, padding: Any, is_causal: bool) -> Any:
        return self.self_attn(x, x, x, attn_mask=mask, key_padding_mask=padding, need_weights=False,
                              is_causal=is_causal)[0]

    def _feed(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))  # type: ignore[no-any-return]


class TransformerEncoderLayer(TransformerLayer):
    """Attention of a sequence to itself, then a network for each position, as torch.nn.TransformerEncoderLayer.

    Source  Vaswani et al. 2017; with norm_first Xiong et al. 2020
    """

    def forward(self, src: Tensor, src_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
                is_causal: bool = False) -> Tensor:
        """The sequence after the layer. Masks hold where a position does not see another."""
        x = self._residual(src, 1, lambda x: self._attend(x, src_mask, src_key_padding_mask, is_causal))
        return self._residual(x, 2, self._feed)  # type: ignore[no-any-return]


class TransformerDecoderLayer(TransformerLayer):
    """Attention of a sequence to itself and to a memory, then a network, as torch.nn.TransformerDecoderLayer.

    Source  Vaswani et al. 2017
    """

    attentions = ("self_attn", "multihead_attn")

    def forward(self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
                tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
                tgt_is_causal: bool = False, memory_is_causal: bool = False) -> Tensor:
        """The sequence after the layer. Masks hold where a position does not see another."""
        def remember(x: Tensor) -> Any:
            return self.multihead_attn(x, memory, memory, attn_mask=memory_mask, is_causal=memory_is_causal,
                                       key_padding_mask=memory_key_padding_mask, need_weights=False)[0]

        x = self._residual(tgt, 1, lambda x: self._attend(x, tgt_mask, tgt_key_padding_mask, tgt_is_causal))
        x = self._residual(x, 2, remember)
        return self._residual(x, 3, self._feed)  # type: ignore[no-any-return]


class Stack(Module):
    """A number of layers like one that is given, and a normalisation at the end."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def _causal(self, mask: Any, is_causal: bool | None, x: Tensor) -> bool:
        """Whether the mask lets each position see those up to it; found from its values if nobody says so."""
        if is_causal is not None or mask is None or not isinstance(mask._array, np.ndarray):
            return bool(is_causal)
        batch_first = self.layers[0].self_attn.batch_first
        size = x.shape[1 if x.ndim == 3 and batch_first else 0]
        if mask.shape != (size, size):
            return False
        return bool((mask._array == np.triu(np.full((size, size), -np.inf, mask._array.dtype), 1)).all())


class TransformerEncoder(Stack):
    """Encoder layers one after the other, as torch.nn.TransformerEncoder."""

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None,
                 enable_nested_tensor: bool = True, mask_check: bool = True) -> None:
        super().__init__(encoder_layer, num_layers, norm)

    def forward(self, src: Tensor, mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
                is_causal: bool | None = None) -> Tensor:
        """The sequence after all layers."""
        causal = self._causal(mask, is_causal, src)
        for layer in self.layers:
            src = layer(src, src_mask=mask, is_causal=causal, src_key_padding_mask=src_key_padding_mask)
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Stack):
    """Decoder layers one after the other, as torch.nn.TransformerDecoder."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
                tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
                tgt_is_causal: bool | None = None, memory_is_causal: bool = False) -> Tensor:
        """The sequence after all layers."""
        causal = self._causal(tgt_mask, tgt_is_causal, tgt)
        for layer in self.layers:
            tgt = layer(tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
                        tgt_key_padding_mask=tgt_key_padding_mask, memory_key_padding_mask=memory_key_padding_mask,
                        tgt_is_causal=causal, memory_is_causal=memory_is_causal)
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """An encoder, and a decoder that attends to what the encoder made, as torch.nn.Transformer.

    Source  Vaswani et al. 2017, "Attention is all you need"
    """

    def __init__(self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
                 dim_feedforward: int = 2048, dropout: float = 0.1, activation: Activation = functional.relu,
                 custom_encoder: Module | None = None, custom_decoder: Module | None = None,
                 layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True,
                 device: Any = None, dtype: dtype | None = None) -> None:
        super().__init__()
        settings = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
                    device, dtype)

        def stacked(stack: Any, layer: Any, count: int) -> Any:
            made = layer(*settings)
            norm = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, device=device, dtype=dtype)
            return stack(made, count, norm)

        self.encoder = custom_encoder or stacked(TransformerEncoder, TransformerEncoderLayer, num_encoder_layers)
        self.decoder = custom_decoder or stacked(TransformerDecoder, TransformerDecoderLayer, num_decoder_layers)
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def _reset_parameters(self) -> None:
        """Draw all matrices anew."""
        for p in self.parameters():
            if p.ndim > 1:
                init.xavier_uniform_(p)

    def forward(self, src: Tensor, tgt: Tensor, src_mask: Tensor | None = None, tgt_mask: Tensor | None = None,
                memory_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
                tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
                src_is_causal: bool | None = None, tgt_is_causal: bool | None = None,
                memory_is_causal: bool = False) -> Tensor:
        """The target sequence after encoder and decoder."""
        batch = 0 if self.batch_first else 1
        if src.ndim == 3 and src.shape[batch] != tgt.shape[batch]:
            raise CallError(f"the batch number of src and tgt must be equal{quote(here())}")
        if not src.shape[-1] == tgt.shape[-1] == self.d_model:
            raise CallError(f"the feature number of src and tgt must be equal to d_model{quote(here())}")
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,  # type: ignore[no-any-return]
                            tgt_key_padding_mask=tgt_key_padding_mask, tgt_is_causal=tgt_is_causal,
                            memory_key_padding_mask=memory_key_padding_mask, memory_is_causal=memory_is_causal)

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: dtype | None = None) -> Tensor:
        """-inf where a position is after another, else 0."""
        return full((sz, sz), -math.inf, dtype=dtype, device=device).triu(1)  # type: ignore[attr-defined, no-any-return]
