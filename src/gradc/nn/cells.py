"""One step of recurrent networks."""

from __future__ import annotations

import math
from typing import Any

from gradc.dtypes import dtype
from gradc.errors import ShapeError
from gradc.locations import here, quote
from gradc.nn import init
from gradc.nn.module import Module, ModuleError
from gradc.nn.parameter import Parameter
from gradc.nn.recurrent import steps
from gradc.ops.creation import empty
from gradc.tensor import Tensor

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class RNNCellBase(Module):
    """What the cells share, as torch.nn.RNNCellBase. All parameters start spread evenly over ±1/√hidden_size."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None,
                 dtype: dtype | None = None) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        for name, shape in (("weight_ih", (rows, input_size)), ("weight_hh", (rows, hidden_size)),
                            ("bias_ih", (rows,)), ("bias_hh", (rows,))):
            wanted = bias or name.startswith("weight")
            self.register_parameter(name, Parameter(empty(*shape, device=device, dtype=dtype)) if wanted else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _step(self, mode: str, input: Any, *states: Any) -> list[Any]:
        """The states after one step of a batch, or of one example; None stands for zeros."""
        if input.ndim not in (1, 2):
            raise ShapeError(f"{type(self).__name__}: Expected input to be 1D or 2D, got {input.ndim}D instead"
                             f"{quote(here())}")
        if input.shape[-1] != self.input_size:
            raise ShapeError(f"input has inconsistent input_size: got {input.shape[-1]} expected {self.input_size}"
                             f"{quote(here())}")
        given = []
        for i, state in enumerate(states):
            if state is None:
                state = input.new_zeros((*input.shape[:-1], self.hidden_size))
            self._check_state(input, state, i, "hidden" if len(states) == 1 else f"hx[{i}]")
            given.append(state if input.ndim == 2 else state.unsqueeze(0))
        h, c = given if len(given) == 2 else (given[0], None)
        x = input.unsqueeze(0) if input.ndim == 2 else input.reshape(1, 1, -1)
        weights = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, None)
        found = [y for y in steps(mode, x, h, c, weights) if y is not None]
        return [y[0] if input.ndim == 2 else y[0, 0] for y in found]

    def _check_state(self, input: Any, state: Any, i: int, name: str) -> None:
        if state.ndim != input.ndim:
            expected = f"{input.ndim}D" if state.ndim in (1, 2) else "1D or 2D"
            raise ShapeError(f"{type(self).__name__}: Expected {name} to be {expected}, got {state.ndim}D instead"
                             f"{quote(here())}")
        if state.shape[-1] != self.hidden_size:
            raise ShapeError(f"hidden{i} has inconsistent hidden_size: got {state.shape[-1]}, expected "
                             f"{self.hidden_size}{quote(here())}")
        if state.shape[:-1] != input.shape[:-1]:
            raise ShapeError(f"Input batch size {input.shape[0]} doesn't match hidden{i} batch size {state.shape[0]}"
                             f"{quote(here())}")

    def extra_repr(self) -> str:
        bias = "" if self.bias else f", bias={self.bias}"
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return f"{self.input_size}, {self.hidden_size}{bias}" + (
            "" if nonlinearity == "tanh" else f", nonlinearity={nonlinearity}")


class RNNCell(RNNCellBase):
    """One step of a simple recurrent network, as torch.nn.RNNCell."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh",
                 device: Any = None, dtype: dtype | None = None) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The state after one step."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise ModuleError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step(self.nonlinearity, input, hx)[0]  # type: ignore[no-any-return]


class LSTMCell(RNNCellBase):
    """One step of an LSTM, as torch.nn.LSTMCell."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None,
                 dtype: dtype | None = None) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The states h and c after one step."""
        return tuple(self._step("lstm", input, *(hx or (None, None))))  # type: ignore[return-value]


class GRUCell(RNNCellBase):
    """One step of a GRU, as torch.nn.GRUCell."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None,
                 dtype: dtype | None = None) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The state after one step."""
        return self._step("gru", input, hx)[0]  # type: ignore[no-any-return]
