"""Discrete Fourier transforms, as torch.fft."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradc import dtypes, locations, shapes
from gradc.dtypes import dtype
from gradc.errors import CallError, DimensionError, DtypeError, ShapeError
from gradc.inplace import takes_out
from gradc.ops.arrangement import pad, roll
from gradc.ops.creation import arange, as_leaf
from gradc.ops.fourier import OPPOSITE, fft_c2c, fft_c2r, fft_r2c
from gradc.ops.joining import cat
from gradc.tensor import Tensor

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "hfft2", "hfftn", "ifft", "ifft2", "ifftn", "ifftshift",
    "ihfft", "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]

Sizes = Sequence[int] | int | None


def _norm(norm: str | None) -> str:
    if norm not in (None, *OPPOSITE):
        raise CallError(f'Invalid normalization mode: "{norm}"; it is "backward", "forward" or "ortho"'
                        + locations.quote(locations.here()))
    return norm or "backward"


def _dims(x: Tensor, s: Sizes, dim: Any) -> tuple[tuple[int, ...], tuple[int | None, ...]]:
    """The dimensions to transform, and the sizes to cut or fill them to: None leaves one as it is."""
    sizes = (s,) if isinstance(s, int) else None if s is None else tuple(s)
    if dim is None:
        dims = tuple(range(x.ndim)) if sizes is None else tuple(range(x.ndim - len(sizes), x.ndim))
        if dims and dims[0] < 0:
            raise ShapeError(f"Got shape with {len(sizes or ())} values but input tensor only has {x.ndim} dimensions")
    else:
        if not x.ndim and dim not in ((), []):
            raise DimensionError(f"Dimension specified as {dim} but tensor has no dimensions")
        dims = tuple(shapes.normal_dim(d, x.ndim) for d in ((dim,) if isinstance(dim, int) else dim))
    if len(set(dims)) != len(dims):
        raise ShapeError("FFT dims must be unique")
    if sizes is not None and len(sizes) != len(dims):
        raise ShapeError("When given, dim and shape arguments must have the same length")
    return dims, tuple(None if n == -1 else n for n in sizes) if sizes is not None else (None,) * len(dims)


def _resized(x: Any, dims: Sequence[int], sizes: Sequence[int | None]) -> Any:
    """x with the dimensions cut, or filled with zeros, to their sizes. Raises CallError for a size below 1."""
    for d, size in zip(dims, sizes, strict=True):
        n = x.shape[d] if size is None else size
        if n < 1:
            raise CallError(f"Invalid number of data points ({n}) specified" + locations.quote(locations.here()))
        if n < x.shape[d]:
            x = x.narrow(d, 0, n)
        elif n > x.shape[d]:
            x = pad(x, (*(0, 0) * (x.ndim - 1 - d), 0, n - x.shape[d]))
    return x


def _transform(x: Tensor, s: Sizes, dim: Any, norm: str | None, forward: bool) -> Any:
    dims, sizes = _dims(x, s, dim)
    norm, x = _norm(norm), _resized(x, dims, sizes)
    if not dims:
        return x if x.dtype.is_complex else x.to(x.dtype.to_complex())  # type: ignore[attr-defined]
    if forward and len(dims) == 1 and not x.dtype.is_complex:
        return fft_r2c(x, dim=dims, norm=norm, onesided=False)
    return fft_c2c(x, dim=dims, norm=norm, forward=forward)


def _from_real(x: Tensor, s: Sizes, dim: Any, norm: str | None, name: str) -> Any:
    if x.dtype.is_complex:
        raise DtypeError(f"{name} expects a real input tensor, but got {dtypes.TITLES[x.dtype]}"
                         + locations.quote(locations.here()))
    dims, sizes = _dims(x, s, dim)
    if not dims:
        raise ShapeError(f"{name} must transform at least one axis")
    return fft_r2c(_resized(x, dims, sizes), dim=dims, norm=_norm(norm))


def _to_real(x: Tensor, s: Sizes, dim: Any, norm: str | None, name: str) -> Any:
    dims, sizes = _dims(x, s, dim)
    if not dims:
        raise ShapeError(f"{name} must transform at least one axis")
    *before, last = sizes
    size = 2 * (x.shape[dims[-1]] - 1) if last is None else last
    if size < 1:
        raise CallError(f"Invalid number of data points ({size}) specified" + locations.quote(locations.here()))
    return fft_c2r(_resized(x, dims, [*before, size // 2 + 1]), dim=dims, size=size, norm=_norm(norm))


def _described(function: Any, name: str, text: str) -> Any:
    function = takes_out(function, f"fft.{name}")
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{text} As torch.fft.{name}: `n` or `s` cuts x, or fills it with zeros, before."
    return function


def _family(name: str, text: str, run: Callable[..., Any]) -> tuple[Any, Any, Any]:
    """The functions along one dimension, two, and any number of them, of `run(x, sizes, dims, norm)`."""
    def one(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
        return run(input, n, dim, norm)  # type: ignore[no-any-return]

    def two(input: Tensor, s: Sizes = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
        return run(input, s, dim, norm)  # type: ignore[no-any-return]

    def many(input: Tensor, s: Sizes = None, dim: Any = None, norm: str | None = None) -> Tensor:
        return run(input, s, dim, norm)  # type: ignore[no-any-return]

    return (_described(one, name, f"{text} along one dimension."), _described(two, f"{name}2", f"{text} of matrices."),
            _described(many, f"{name}n", f"{text} along several dimensions."))


fft, fft2, fftn = _family("fft", "The discrete Fourier transform", lambda *args: _transform(*args, forward=True))
ifft, ifft2, ifftn = _family("ifft", "The inverse discrete Fourier transform",
                             lambda *args: _transform(*args, forward=False))
rfft, rfft2, rfftn = _family("rfft", "Half the Fourier transform of real numbers, which says all,",
                             lambda *args: _from_real(*args, name="rfft"))
irfft, irfft2, irfftn = _family("irfft", "The real numbers with this half of a Fourier transform",
                                lambda *args: _to_real(*args, name="irfft"))


def _hermitian(x: Tensor, s: Sizes, dim: Any, norm: str | None) -> Any:
    return _to_real(x.conj(), s, dim, OPPOSITE[_norm(norm)], "hfft")  # type: ignore[attr-defined]


def _inverse_hermitian(x: Tensor, s: Sizes, dim: Any, norm: str | None) -> Any:
    return _from_real(x, s, dim, OPPOSITE[_norm(norm)], "ihfft").conj()


hfft, hfft2, hfftn = _family("hfft", "The real Fourier transform of a signal that is Hermitian, given by half,",
                             _hermitian)
ihfft, ihfft2, ihfftn = _family("ihfft", "Half the Hermitian signal with this real Fourier transform",
                                _inverse_hermitian)


def fftfreq(n: int, d: float = 1.0, *, dtype: dtype | None = None, device: Any = None, layout: Any = None,
            requires_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """The frequencies of the n numbers of a Fourier transform, the positive ones first, as torch.fft.fftfreq.

    Units  cycles per unit of the sample spacing d
    """
    kind = dtypes.get_default_dtype() if dtype is None else dtype
    positive, negative = arange((n + 1) // 2, dtype=kind), arange(-(n // 2), 0, dtype=kind)
    return as_leaf(cat([positive, negative]) * (1.0 / (n * d)), requires_grad, device, out)


def rfftfreq(n: int, d: float = 1.0, *, dtype: dtype | None = None, device: Any = None, layout: Any = None,
             requires_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """The frequencies of the n // 2 + 1 numbers of rfft, as torch.fft.rfftfreq.

    Units  cycles per unit of the sample spacing d
    """
    kind = dtypes.get_default_dtype() if dtype is None else dtype
    return as_leaf(arange(n // 2 + 1, dtype=kind) * (1.0 / (n * d)), requires_grad, device, out)


def fftshift(input: Tensor, dim: Any = None) -> Tensor:
    """x with the frequency 0 in the middle, as torch.fft.fftshift."""
    return _shifted(input, dim, 1)


def ifftshift(input: Tensor, dim: Any = None) -> Tensor:
    """The inverse of fftshift."""
    return _shifted(input, dim, -1)


def _shifted(x: Tensor, dim: Any, sign: int) -> Tensor:
    dims, _ = _dims(x, None, dim)
    shifts = [(x.shape[d] + (sign < 0)) // 2 for d in dims]
    return roll(x, shifts, list(dims))  # type: ignore[no-any-return]
