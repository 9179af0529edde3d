"""Discrete Fourier transforms: the three ops that all functions of gradc.fft are made of.

`norm` says where the factor 1/n stands, or 1/√n on both sides: "backward", "forward" or "ortho".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc import dtypes
from gradc.dtypes import dtype
from gradc.errors import DtypeError
from gradc.ir import Type
from gradc.ops.arrangement import pad
from gradc.ops.base import Op
from gradc.ops.batching import along
from gradc.ops.creation import ones
from gradc.ops.define import op
from gradc.tensor import Tensor

__all__: list[str] = []

OPPOSITE = {"backward": "forward", "forward": "backward", "ortho": "ortho"}
"""The norm with which the transform in the other direction is the adjoint."""


class Fourier(Op):
    """A Fourier transform along the dimensions `dim`. It is linear, so its gradient is the adjoint transform."""

    batched = along("dim")
    method = False
    widens = True  # so that eager mode asks about half precision, which is refused

    def compute_dtype(self, operands: Sequence[Any]) -> dtype | None:
        kind = dtypes.of(operands[0].dtype)
        if kind in (dtypes.float16, dtypes.bfloat16):
            raise DtypeError(f"Unsupported dtype {dtypes.TITLES[kind]}")
        return dtypes.get_default_dtype() if kind.category < dtypes.FLOAT else None


@op
class fft_c2c(Fourier):
    """The discrete Fourier transform of a complex x, or its inverse where not `forward`.

    Source  torch.fft.fftn and torch.fft.ifftn
    """

    autocast = "float32"
    kernel = lambda xp, x, *, dim, norm="backward", forward=True: (
        xp.fft.fftn(x, axes=dim, norm=norm) if forward else xp.fft.ifftn(x, axes=dim, norm=norm))
    grad_x = lambda g, dim, norm, forward: fft_c2c(g, dim=dim, norm=OPPOSITE[norm], forward=not forward)
    torch_name = "FftC2C"
    samples: Any = [((4,), {"dim": (0,)}), ((2, 3, 5), {"dim": (1, 2), "norm": "ortho"}),
                    ((3, 4), {"dim": (1,), "norm": "forward", "forward": False}), ((3, 2), {"dim": (1, 0)})]

    def compute_dtype(self, operands: Sequence[Any]) -> dtype | None:
        kind = dtypes.of(operands[0].dtype)
        return None if kind.is_complex else (super().compute_dtype(operands) or kind).to_complex()

    def infer(self, x: Any, *, dim: tuple[int, ...], norm: str, forward: bool) -> Type:
        return Type(x.dtype, x.shape)


@op
class fft_r2c(Fourier):
    """The discrete Fourier transform of a real x. With `onesided`, the half of it that says all: n // 2 + 1 numbers.

    Source  torch.fft.rfftn, and torch.fft.fftn of real numbers
    """

    autocast = "float32"
    kernel = lambda xp, x, *, dim, norm="backward", onesided=True: (
        xp.fft.rfftn(x, axes=dim, norm=norm) if onesided else xp.fft.fftn(x, axes=dim, norm=norm))
    rejects = (dtypes.COMPLEX,)
    grad_x = lambda g, x_type, dim, norm, onesided: fft_c2c(
        _whole(g, x_type, dim) if onesided else g, dim=dim, norm=OPPOSITE[norm], forward=False).real
    torch_name = "FftR2C"
    samples: Any = [((4,), {"dim": (0,)}), ((2, 3, 5), {"dim": (1, 2), "norm": "ortho"}),
                    ((3, 4), {"dim": (1, 0), "norm": "forward"}), ((3, 4), {"dim": (1,), "onesided": False})]

    def compute_dtype(self, operands: Sequence[Any]) -> dtype | None:
        kind = dtypes.of(operands[0].dtype)
        if kind.is_complex:
            raise DtypeError(f"rfft expects a real input tensor, but got {dtypes.TITLES[kind]}")
        return super().compute_dtype(operands)

    def infer(self, x: Any, *, dim: tuple[int, ...], norm: str, onesided: bool) -> Type:
        last = dim[-1]
        size = x.shape[last] // 2 + 1 if onesided else x.shape[last]
        return Type(x.dtype.to_complex(), (*x.shape[:last], size, *x.shape[last + 1 :]))


def _whole(g: Tensor, x_type: Type, dim: tuple[int, ...]) -> Tensor:
    """The cotangent of all numbers of a transform, from that of the half that is given."""
    last = dim[-1]
    missing = x_type.shape[last] - g.shape[last]
    return pad(g, (*(0, 0) * (g.ndim - 1 - last), 0, missing))  # type: ignore[no-any-return]


@op
class fft_c2r(Fourier):
    """The real x of `size` numbers along the last of `dim` whose discrete Fourier transform starts as the operand.

    Source  torch.fft.irfftn
    """

    autocast = "float32"
    kernel = lambda xp, x, *, dim, size, norm="backward": _to_real(xp, x, dim, size, norm)
    grad_x = lambda g, dim, size, norm: _halved(fft_r2c(g, dim=dim, norm=OPPOSITE[norm]), dim[-1], size)
    torch_name = "FftC2R"
    samples: Any = [((3,), {"dim": (0,), "size": 4}), ((2, 3, 3), {"dim": (1, 2), "size": 5, "norm": "ortho"}),
                    ((3, 3), {"dim": (1, 0), "size": 4, "norm": "forward"}), ((3, 1), {"dim": (1,), "size": 1})]

    def compute_dtype(self, operands: Sequence[Any]) -> dtype | None:
        return fft_c2c.compute_dtype(operands)  # type: ignore[no-any-return]

    def infer(self, x: Any, *, dim: tuple[int, ...], size: int, norm: str) -> Type:
        last = dim[-1]
        return Type(x.dtype.to_real(), (*x.shape[:last], size, *x.shape[last + 1 :]))


def _to_real(xp: Any, x: Any, dim: tuple[int, ...], size: int, norm: str) -> Any:
    return xp.fft.irfftn(x, s=[*[x.shape[d] for d in dim[:-1]], size], axes=dim, norm=norm)


def _halved(g: Any, dim: int, size: int) -> Any:
    """The cotangent of half a transform: what stands for two numbers of the whole counts twice."""
    twice = size - g.shape[dim]
    if twice <= 0:
        return g
    weights = pad(ones(twice, dtype=g.dtype.to_real()), (1, g.shape[dim] - 1 - twice)) + 1.0
    return g * weights.reshape([-1 if d == dim else 1 for d in range(g.ndim)])
