"""Padding with the tensor's own elements."""

from __future__ import annotations

from typing import Any

from gradc import dtypes
from gradc.errors import CallError, ShapeError, UnsupportedError
from gradc.ir import Type
from gradc.ops.arrangement import flip, pad
from gradc.ops.base import Op
from gradc.ops.batching import Examples
from gradc.ops.define import op
from gradc.ops.joining import narrow
from gradc.ops.reduction import sum
from gradc.tensor import Tensor

MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
"""PyTorch's names and NumPy's."""

TITLES = {"reflect": "ReflectionPad", "replicate": "ReplicationPad"}


@op
class extend(Op):
    """x with `widths` (before, after) of each dimension more: mirrored, repeated at the edge, or periodic.

    Source  torch.nn.functional.pad with mode "reflect", "replicate" or "circular"
    """

    kernel = lambda xp, x, *, widths, mode: xp.pad(x, widths, mode=MODES[mode])
    grad_x = lambda g, x_type, widths, mode: _folded(g, x_type.shape, widths, mode)
    batched = lambda self, examples: _batched(self, examples)
    method = False
    checked = True
    samples = [((2, 4), {"widths": ((0, 0), (2, 1)), "mode": "reflect"}),
               ((2, 3, 3), {"widths": ((0, 0), (1, 0), (2, 2)), "mode": "replicate"}),
               ((1, 2, 4, 3), {"widths": ((0, 0), (0, 0), (2, 1), (0, 3)), "mode": "circular"})]

    def infer(self, x: Any, *, widths: tuple[tuple[int, int], ...], mode: str) -> Type:
        if mode != "circular" and dtypes.of(x.dtype) is dtypes.bool_:
            raise UnsupportedError(f'"{self.name}" not implemented for \'Bool\'')
        for i, (n, (a, b)) in enumerate(zip(x.shape, widths, strict=True)):
            if mode == "reflect" and max(a, b) >= n and max(a, b):
                raise ShapeError(f"Argument #4: Padding size should be less than the corresponding input dimension, "
                                 f"but got: padding ({a}, {b}) at dimension {i} of input {list(x.shape)}")
            if mode == "circular" and max(a, b) > n:
                raise CallError("Padding value causes wrapping around more than once.")
            if mode == "replicate" and not n and a + b:
                raise ShapeError(f"Expected a non-empty dimension {i} to repeat its edge, got input {list(x.shape)}")
        return Type(x.dtype, tuple(a + n + b for n, (a, b) in zip(x.shape, widths, strict=True)))

    def node_name(self, node: Any) -> str:
        if node.attrs["mode"] == "circular":
            return "torch::autograd::CopySlices"
        rank = [bool(a or b) for a, b in node.attrs["widths"]]
        return f"{TITLES[node.attrs['mode']]}{len(rank) - rank.index(True) if True in rank else 1}DBackward0"


def _batched(self: Op, examples: Examples) -> Any:
    return examples.apply(self, widths=((0, 0), *examples.attrs["widths"]))


def _folded(g: Tensor, shape: tuple[int, ...], widths: tuple[tuple[int, int], ...], mode: str) -> Tensor:
    """What was added around, added to the elements it was copied from: one dimension after the other."""
    for i, (n, (before, after)) in enumerate(zip(shape, widths, strict=True)):
        middle: Any = narrow(g, i, before, n) if before or after else g
        for start, size, first in ((0, before, True), (before + n, after, False)):
            if size:
                part, place = _source(narrow(g, i, start, size), i, n, size, first, mode)
                end = n - place - part._array.shape[i]
                middle = middle + pad(part, (0, 0) * (g.ndim - 1 - i) + (place, end))
        g = middle
    return g


def _source(part: Any, dim: int, n: int, size: int, first: bool, mode: str) -> tuple[Any, int]:
    """What the padding at one end adds to the elements it was copied from, and where these begin."""
    if mode == "replicate":
        return sum(part, (dim,), True), 0 if first else n - 1
    if mode == "circular":
        return part, n - size if first else 0
    return flip(part, (dim,)), 1 if first else n - 1 - size
