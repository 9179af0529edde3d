"""Padding as modules."""

from __future__ import annotations

from typing import Any

from gradc.nn import functional
from gradc.nn.module import Module, ModuleError
from gradc.ops.convolution import sizes
from gradc.tensor import Tensor

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]


class Pad(Module):
    """Elements added around the last `rank` dimensions: by `mode`, as many as `padding` says."""

    mode: str
    rank: int
    value: float | None = None

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = sizes(padding, 2 * self.rank, "padding")

    def forward(self, input: Tensor) -> Tensor:
        """`input` with elements around it."""
        return functional.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class CircularPad(Pad):
    """The input repeated around."""

    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        """`input` with elements around it."""
        if input.ndim not in (self.rank + 1, self.rank + 2):
            raise ModuleError(f"expected {self.rank + 1}D or {self.rank + 2}D input (got {input.ndim}D input)")
        return super().forward(input)


class ConstantPad(Pad):
    """A number added around."""

    mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ZeroPad(Pad):
    """Zeros added around."""

    mode = "constant"
    value = 0.0


def _ranks(base: type[Pad], name: str, what: str) -> tuple[type[Pad], ...]:
    """The classes for sequences, images and volumes."""
    return tuple(type(f"{name}{rank}d", (base,), {
        "rank": rank, "__module__": __name__, "__doc__": f"{what} the last dimensions, as torch.nn.{name}{rank}d."})
        for rank in (1, 2, 3))


def _mode(name: str) -> type[Pad]:
    return type(name.capitalize(), (Pad,), {"mode": name, "__module__": __name__})


ConstantPad1d, ConstantPad2d, ConstantPad3d = _ranks(ConstantPad, "ConstantPad", "A number added around")
ZeroPad1d, ZeroPad2d, ZeroPad3d = _ranks(ZeroPad, "ZeroPad", "Zeros added around")
ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = _ranks(
    _mode("reflect"), "ReflectionPad", "The mirrored input added around")
ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = _ranks(
    _mode("replicate"), "ReplicationPad", "The elements at the edge repeated around")
CircularPad1d, CircularPad2d, CircularPad3d = _ranks(
    CircularPad, "CircularPad", "The input repeated around")
