"""Padding under PyTorch's name and signature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc import locations
from gradc.apply import apply
from gradc.errors import CallError, GradcError
from gradc.ops import arrangement
from gradc.ops.padding import MODES, extend
from gradc.tensor import Tensor

__all__ = ["pad"]


class PaddingModeError(GradcError, NotImplementedError):
    """A padding that is not there."""


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """`input` with elements added around it: (before, after) for the last dimension, then the one before it, …

    They are `value`, or for the modes "reflect", "replicate" and "circular" elements of `input`. A negative number
    takes elements away.
    """
    widths, rank = [int(n) for n in pad], input.ndim
    where = locations.quote(locations.here())
    if len(widths) % 2:
        raise CallError(f"Padding length must be divisible by 2, got {widths}{where}")
    if mode == "constant":
        return arrangement.pad(input, widths, value=value)  # type: ignore[no-any-return]
    if value:
        raise CallError(f'Padding mode "{mode}" doesn\'t take in value argument{where}')
    if mode not in MODES:
        raise PaddingModeError(f"Unrecognised padding mode {mode}{where}")
    if len(widths) not in (2, 4, 6) or rank not in (len(widths) // 2 + 1, len(widths) // 2 + 2):
        raise PaddingModeError(
            f"Padding size {len(widths)} is not supported for {rank}D input tensor.\nSupported combinations for "
            f"non-constant padding:\n  - 2D or 3D input: padding size = 2 (pads last dimension)\n  - 3D or 4D input: "
            f"padding size = 4 (pads last 2 dimensions)\n  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)"
            f"{where}")
    pairs: Any = [(widths[i], widths[i + 1]) for i in range(0, len(widths), 2)]
    whole = [(0, 0)] * (rank - len(pairs)) + pairs[::-1]
    taken = min(widths) < 0
    if taken and mode == "circular":  # it repeats what is left; the others may still copy what is taken away
        input, taken = _cropped(input, whole), False
    kept = tuple([(max(a, 0), max(b, 0)) for a, b in whole])
    found = apply(extend, (input,), {"widths": kept, "mode": mode})
    return _cropped(found, whole) if taken else found  # type: ignore[no-any-return]


def constant_pad_nd(input: Tensor, pad: Sequence[int], value: float = 0) -> Tensor:
    """`input` with `value` around it, as torch.constant_pad_nd."""
    return globals()["pad"](input, pad, value=value)  # type: ignore[no-any-return]


def _cropped(x: Tensor, widths: Sequence[tuple[int, int]]) -> Tensor:
    """x without the elements that negative widths take away."""
    return x[tuple([slice(max(-a, 0), n - max(-b, 0))  # type: ignore[index]
                    for n, (a, b) in zip(x._array.shape, widths, strict=True)])]
