"""Recurrent networks: RNN, LSTM and GRU, in layers and in both directions."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from gradc.dtypes import dtype
from gradc.errors import ArgumentError, ShapeError
from gradc.locations import here, quote
from gradc.modes import current
from gradc.nn import functional, init
from gradc.nn.module import Module, ModuleError
from gradc.nn.parameter import Parameter
from gradc.nn.utils.rnn import PackedSequence
from gradc.ops.creation import empty
from gradc.ops.joining import cat, stack
from gradc.ops.recurrence import GATES
from gradc.ops.recurrent import gru_layer, lstm_layer, rnn_layer
from gradc.tensor import host_array, wrap

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]

MODES = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "tanh", "RNN_RELU": "relu"}


def steps(mode: str, x: Any, h: Any, c: Any, weights: Any, mask: Any = None, reverse: bool = False) -> Any:
    """The states after each step, and the cells of an LSTM, else None. One product makes all inputs of the gates."""
    w_ih, w_hh, b_ih, b_hh, w_hr = weights
    if mode == "gru":
        return gru_layer(functional.linear(x, w_ih, b_ih), h, w_hh, b_hh, mask, reverse=reverse), None
    bias = b_ih if b_ih is None else b_ih + b_hh
    gates = functional.linear(x, w_ih, bias)
    if mode == "lstm":
        return lstm_layer(gates, h, c, w_hh, w_hr, mask, reverse=reverse)
    return rnn_layer(gates, h, w_hh, mask, nonlinearity=mode, reverse=reverse), None


class RNNBase(Module):
    """What the recurrent networks share, as torch.nn.RNNBase: parameters, layers, directions, sequences.

    All parameters start spread evenly over ±1/√hidden_size.
    """

    def __init__(self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
                 device: Any = None, dtype: dtype | None = None) -> None:
        super().__init__()
        _check_settings(mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        rows, width = GATES[MODES[mode]] * hidden_size, proj_size or hidden_size
        for layer in range(num_layers):
            inputs = input_size if layer == 0 else width * (1 + bidirectional)
            for suffix in ["", "_reverse"][: 1 + bidirectional]:
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, width)}
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                for name, shape in shapes.items():
                    setattr(self, f"{name}_l{layer}{suffix}", Parameter(empty(*shape, device=device, dtype=dtype)))
                self._all_weights.append([f"{name}_l{layer}{suffix}" for name in shapes])
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing: the parameters need not be in one piece."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The states of the last layer after each step, and the last states of all layers.

        Sequences are f[t, b, input_size], with `batch_first` f[b, t, input_size], one f[t, input_size], or packed.
        """
        if isinstance(input, PackedSequence):
            return self._packed(input, hx)
        if input.ndim not in (2, 3):
            raise ShapeError(f"{type(self).__name__}: Expected input to be 2D or 3D, got {input.ndim}D instead"
                             f"{quote(here())}")
        self._check_dtype(input)
        if input.shape[-1] != self.input_size:
            raise ShapeError(f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                             f"{input.shape[-1]}{quote(here())}")
        single, turned = input.ndim == 2, self.batch_first and input.ndim == 3
        x = input.unsqueeze(1) if single else input.transpose(0, 1) if turned else input
        out, last = self._layers(x, self._first(x, x.shape[1], hx, single), None)
        if single:
            return out.squeeze(1), self._hidden([state.squeeze(1) for state in last])
        return out.transpose(0, 1) if turned else out, self._hidden(last)

    def _check_dtype(self, input: Any) -> None:
        kind = self.weight_ih_l0.dtype
        if input.dtype is not kind and current().autocast is None:
            raise ModuleError(f"RNN input dtype ({input.dtype}) does not match weight dtype ({kind}). Convert input: "
                              f"input.to({kind}), or convert model: model.to({input.dtype}){quote(here())}")

    def _packed(self, input: PackedSequence, hx: Any) -> Any:
        counts = (input.known or (host_array(input.batch_sizes, "a packed sequence"),))[0]
        sequences = _Sequences(counts)
        order, back = input.sorted_indices, input.unsorted_indices
        states = self._first(input.data, int(counts[0]), hx, False)
        if order is not None and hx is not None:
            states = [state.index_select(1, order) for state in states]
        out, last = self._layers(input.data, states, sequences)
        if back is not None:
            last = [state.index_select(1, back) for state in last]
        packed = PackedSequence(out, *input[1:])
        packed.known = input.known
        return packed, self._hidden(last)

    def _first(self, x: Any, batch: int, hx: Any, single: bool) -> list[Any]:
        """The states of all layers before the first step: zeros if there are none given."""
        count = self.num_layers * (1 + self.bidirectional)
        sizes = [self.proj_size or self.hidden_size, self.hidden_size][: 1 + (self.mode == "LSTM")]
        if hx is None:
            return [x.new_zeros((count, batch, size)) for size in sizes]
        given = list(hx) if self.mode == "LSTM" else [hx]
        for i, (state, size) in enumerate(zip(given, sizes, strict=True)):
            if state.ndim != (2 if single else 3):
                raise ShapeError(f"For {'unbatched 2-D' if single else 'batched 3-D'} input, hx should also be "
                                 f"{2 if single else 3}-D but got {state.ndim}-D tensor{quote(here())}")
            given[i] = state = state.unsqueeze(1) if single else state
            if state.shape != (count, batch, size):
                raise ShapeError(f"Expected hidden{f'[{i}]' if len(sizes) > 1 else ''} size {(count, batch, size)}, "
                                 f"got {list(state.shape)}{quote(here())}")
        return given

    def _layers(self, x: Any, first: list[Any], sequences: _Sequences | None) -> tuple[Any, list[Any]]:
        """The states of the last layer, and the last states of each layer and direction."""
        h, c = first[0], first[1] if len(first) > 1 else None
        directions = 1 + self.bidirectional
        last: list[tuple[Any, ...]] = []
        for layer in range(self.num_layers):
            found = []
            for number in range(layer * directions, (layer + 1) * directions):
                states, ends = self._direction(number, x, h[number], None if c is None else c[number], sequences)
                found.append(states)
                last.append(ends)
            x = found[0] if len(found) == 1 else cat(found, -1)
            if self.dropout and layer < self.num_layers - 1:
                x = functional.dropout(x, self.dropout, self.training)
        return x, [stack(parts) for parts in zip(*last, strict=True)]

    def _direction(self, number: int, x: Any, h: Any, c: Any, sequences: _Sequences | None) -> Any:
        """The states of one layer in one direction, and the last ones."""
        reverse = bool(self.bidirectional and number % 2)
        named = {name.partition("_l")[0]: getattr(self, name) for name in self._all_weights[number]}
        weights = [named.get(name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")]
        mask = None if sequences is None else sequences.mask
        if sequences is not None:
            x = sequences.padded(x)
        states, cells = steps(MODES[self.mode], x, h, c, weights, mask, reverse)
        end = 0 if reverse else -1
        ends = (states[end],) if cells is None else (states[end], cells[end])
        return (states if sequences is None else sequences.packed(states)), ends

    def _hidden(self, last: list[Any]) -> Any:
        return tuple(last) if self.mode == "LSTM" else last[0]

    def extra_repr(self) -> str:
        defaults = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0,
                    "bidirectional": False}
        differing = [f", {name}={getattr(self, name)}" for name, value in defaults.items()
                     if getattr(self, name) != value]
        return f"{self.input_size}, {self.hidden_size}{''.join(differing)}"


class _Sequences:
    """Where the elements of packed sequences stand among the steps of the longest."""

    def __init__(self, counts: Any) -> None:
        present = np.arange(counts[0]) < counts[:, None]
        self.mask = wrap(present[:, :, None])
        self._places = wrap(np.where(present, np.cumsum(present).reshape(present.shape) - 1, 0))
        self._present = wrap(np.flatnonzero(present))

    def padded(self, data: Any) -> Any:
        """Packed data as f[t, b, *], with anything after the end of a sequence."""
        return data[self._places]

    def packed(self, states: Any) -> Any:
        """f[t, b, *] without what is after the end of a sequence."""
        return states.flatten(0, 1).index_select(0, self._present)


def _check_settings(mode: str, input_size: Any, hidden_size: Any, num_layers: int, bias: Any, batch_first: Any,
                    dropout: Any, proj_size: int) -> None:
    if mode not in MODES:
        raise ModuleError(f"Unrecognized RNN mode: {mode}")
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
        raise ModuleError("dropout should be a number in range [0, 1] representing the probability of an element being "
                          "zeroed")
    if dropout > 0 and num_layers == 1:
        warnings.warn(f"dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                      f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}", UserWarning,
                      stacklevel=4)
    for name, value, kind in (("bias", bias, bool), ("batch_first", batch_first, bool), ("input_size", input_size, int),
                              ("hidden_size", hidden_size, int)):
        if not isinstance(value, kind):
            raise ArgumentError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")
    for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if value <= 0:
            raise ModuleError(f"{name} must be greater than zero")
    if proj_size < 0:
        raise ModuleError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ModuleError("proj_size has to be smaller than hidden_size")
    if proj_size and mode != "LSTM":
        raise ModuleError("proj_size argument is only supported for LSTM, not RNN or GRU")


class RNN(RNNBase):
    """A simple recurrent network, h = tanh(w_ih @ x + b_ih + w_hh @ h + b_hh) or relu, as torch.nn.RNN.

    Source  Elman 1990, "Finding structure in time"
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
                 *args: Any, **kwargs: Any) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ModuleError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory, as torch.nn.LSTM; see ops/recurrent.py for its formulas.

    Source  Hochreiter and Schmidhuber 1997
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent units, as torch.nn.GRU; see ops/recurrent.py for its formulas.

    Source  Cho et al. 2014
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("GRU", *args, **kwargs)
