"""Images of another size: interpolation between pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc import dtypes
from gradc.errors import ShapeError, UnsupportedError
from gradc.ir import Type
from gradc.ops.base import Op
from gradc.ops.batching import alike
from gradc.ops.conversion import known
from gradc.ops.define import op
from gradc.ops.pooling import window_sum
from gradc.ops.windows import Sizes
from gradc.tensor import Tensor

TITLES = {"nearest": "Nearest{}D", "nearest-exact": "NearestExact{}D", "linear": "Linear1D", "bilinear": "Bilinear2D",
          "trilinear": "Trilinear3D", "bicubic": "Bicubic2D"}
CUBIC = -0.75
"""The slope of the cubic polynomial where it meets the next pixel, times the distance."""

Taps = list[tuple[Any, Any]]


@op
class resample(Op):
    """x with its last dimensions of another size: between the pixels its values are interpolated.

    `scales` are the factors between the coordinates where they are not those between the sizes.

    Source  torch.nn.functional.interpolate; Keys 1981 for "bicubic"
    """

    decompose = lambda x, *, size, mode, align_corners=False, scales=None: _resampled(
        x, size, mode, align_corners, scales)
    grad_x = lambda g, x_type, size, mode, align_corners, scales: _gathered(
        g, x_type, size, mode, align_corners, scales)
    method = False
    checked = True
    batched = alike
    rejects = (dtypes.BOOL, dtypes.COMPLEX)
    samples = [((1, 2, 3), {"size": (7,), "mode": "nearest"}), ((1, 2, 2, 3), {"size": (4, 6), "mode": "nearest"}),
               ((1, 1, 4, 3), {"size": (3, 5), "mode": "nearest-exact"}),
               ((1, 2, 5), {"size": (3,), "mode": "linear"}),
               ((1, 2, 3, 4), {"size": (5, 3), "mode": "bilinear", "align_corners": True}),
               ((1, 1, 3, 4), {"size": (7, 9), "mode": "bilinear", "scales": (2.5, 2.3)}),
               ((1, 1, 3, 4), {"size": (5, 6), "mode": "bicubic"}),
               ((1, 1, 2, 3, 2), {"size": (3, 2, 4), "mode": "trilinear"})]

    def infer(self, x: Any, *, size: Sizes, mode: str, **attrs: Any) -> Type:
        kind = dtypes.of(x.dtype)
        if kind.category == dtypes.INT and not (kind is dtypes.uint8 and mode.startswith("nearest")):
            raise UnsupportedError(f'"upsample_{mode}" not implemented for {dtypes.TITLES[kind]!r}')
        given = tuple(x.shape[len(x.shape) - len(size) :])
        if min(*given, *size) < 1:
            raise ShapeError(f"Input and output sizes should be greater than 0, but got input {given} output {size}")
        return Type(x.dtype, (*x.shape[: len(x.shape) - len(size)], *size))

    def node_name(self, node: Any) -> str:
        return f"Upsample{TITLES[node.attrs['mode']].format(len(node.attrs['size']))}Backward0"


def _resampled(x: Any, size: Sizes, mode: str, align_corners: bool, scales: Any) -> Tensor:
    kind = x.dtype
    x = x.to(dtypes.float32) if kind.bits == 16 and kind.is_floating_point else x
    for dim, taps in _taps(x.type_, size, mode, align_corners, scales):
        total: Any = None
        for index, weight in taps:
            part = x.index_select(dim, known(index))
            part = part if weight is None else part * _along(weight, dim, x.ndim, x.dtype)
            total = part if total is None else total + part
        x = total
    return x.to(kind)  # type: ignore[no-any-return]


def _gathered(g: Any, type: Type, size: Sizes, mode: str, align_corners: bool, scales: Any) -> Tensor:
    """The adjoint: what each pixel has given. By matrices: there are few pixels along one dimension."""
    kind = g.dtype
    g = g.to(dtypes.float32) if kind.bits == 16 else g
    for dim, taps in reversed(_taps(type, size, mode, align_corners, scales)):
        n, m = type.shape[dim], g._array.shape[dim]
        if mode == "nearest" and m % n == 0 and (taps[0][0] == np.arange(m) // (m // n)).all():
            behind = g.ndim - 1 - dim
            kernel = (m // n, *(1,) * behind)
            g = window_sum(g, kernel=kernel, stride=kernel, widths=((0, 0),) * (behind + 1))
            continue
        matrix = np.zeros((m, n), g.dtype.numpy)
        for index, weight in taps:
            np.add.at(matrix, (np.arange(m), index), 1 if weight is None else weight)
        g = (g.movedim(dim, -1) @ known(matrix)).movedim(-1, dim)
    return g.to(kind)  # type: ignore[no-any-return]


def _along(weight: Any, dim: int, rank: int, kind: Any) -> Tensor:
    return known(weight.astype(kind.numpy).reshape(-1, *(1,) * (rank - 1 - dim)))


def _taps(type: Type, size: Sizes, mode: str, align_corners: bool, scales: Any) -> list[tuple[int, Taps]]:
    """For each dimension the pixels that a new one is a sum of, and their weights; None for 1.

    They are computed in the precision of PyTorch, whose rounding decides which pixel is the nearest.
    """
    first = len(type.shape) - len(size)
    number = np.float64 if type.dtype is dtypes.float64 and not mode.startswith("nearest") else np.float32
    found = []
    for i, m in enumerate(size):
        n, scale = type.shape[first + i], None if scales is None else scales[i]
        ratio = number(1 / scale) if scale else number(n) / number(m)
        if align_corners:
            ratio = number(n - 1) / number(m - 1) if m > 1 else number(0)
        place = np.arange(m).astype(number)
        if mode.startswith("nearest"):
            exact = mode == "nearest-exact"
            taps: Taps = [(np.minimum(np.floor((place + number(0.5 * exact)) * ratio).astype(np.int64), n - 1), None)]
        else:
            source = place * ratio if align_corners else (place + number(0.5)) * ratio - number(0.5)
            taps = _cubic(source, n) if mode == "bicubic" else _linear(np.maximum(source, 0), n)
        found.append((first + i, taps))
    return found


def _linear(source: Any, n: int) -> Taps:
    """The two pixels around each place."""
    below = np.minimum(source.astype(np.int64), n - 1)
    share = np.clip(source - below.astype(source.dtype), 0, 1)
    return [(below, 1 - share), (np.minimum(below + 1, n - 1), share)]


def _cubic(source: Any, n: int) -> Taps:
    """The four pixels around each place; those at the edge go on outside."""
    below = np.floor(source).astype(np.int64)
    weights = cubic_weights(source - below.astype(source.dtype))
    return [(np.clip(below + i - 1, 0, n - 1), weight) for i, weight in enumerate(weights)]


def cubic_weights(t: Any) -> list[Any]:
    """The weights of the four pixels around a place that is a part t behind the second."""
    def near(x: Any) -> Any:
        return ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((CUBIC * x - 5 * CUBIC) * x + 8 * CUBIC) * x - 4 * CUBIC

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]
