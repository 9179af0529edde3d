"""Short-time Fourier transforms: the spectra of the windows of a signal, and back."""

from __future__ import annotations

from typing import Any

from gradc import locations
from gradc.errors import CallError, ShapeError
from gradc.ops.arrangement import pad
from gradc.ops.complex import view_as_complex, view_as_real
from gradc.ops.creation import arange, ones, zeros
from gradc.ops.fourier import fft_c2c, fft_c2r, fft_r2c
from gradc.ops.gathering import index_add
from gradc.ops.joining import cat
from gradc.tensor import Tensor

__all__ = ["istft", "stft"]


def _window(window: Any, n_fft: int, win_length: int, name: str, kind: Any) -> Any:
    """The window, filled with zeros on both sides up to n_fft numbers."""
    if not 0 < win_length <= n_fft:
        raise CallError(f"{name}: expected 0 < win_length <= n_fft, but got win_length={win_length}"
                        f"{locations.quote(locations.here())}")
    if window is None:
        window = ones(win_length, dtype=kind)
    elif window.ndim != 1 or window.shape[0] != win_length:
        raise CallError(f"{name}: expected a 1D window tensor of size equal to win_length={win_length}, but got window "
                        f"with size {list(window.shape)}{locations.quote(locations.here())}")
    left = (n_fft - win_length) // 2
    return pad(window, (left, n_fft - win_length - left)) if win_length < n_fft else window


def _reflected(x: Any, width: int, mode: str) -> Any:
    """x, of rows, with `width` numbers more on both sides."""
    if mode == "constant":
        return pad(x, (width, width))
    if mode != "reflect":
        raise CallError(f"stft: pad_mode is 'reflect' or 'constant', got {mode!r}{locations.quote(locations.here())}")
    if width >= x.shape[-1]:
        raise ShapeError(f"stft: Padding size should be less than the corresponding input dimension, but got: padding "
                         f"({width}, {width}) at dimension 1 of input {list(x.shape)}")
    return cat([x[:, 1 : width + 1].flip(-1), x, x[:, x.shape[-1] - width - 1 : -1].flip(-1)], -1)


def stft(input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
         window: Tensor | None = None, center: bool = True, pad_mode: str = "reflect", normalized: bool = False,
         onesided: bool | None = None, return_complex: bool | None = None, align_to_window: bool | None = None) -> Any:
    """The spectra of windows of n_fft numbers of a signal, each hop_length after the last, as torch.stft."""
    x: Any = input
    complex_numbers = x.dtype.is_complex or (window is not None and window.dtype.is_complex)
    if return_complex is None and not complex_numbers:
        raise CallError(f"stft requires the return_complex parameter be given for real inputs: True, or False for "
                        f"pairs of real numbers.{locations.quote(locations.here())}")
    hop = n_fft // 4 if hop_length is None else hop_length
    if x.ndim not in (1, 2):
        raise ShapeError(f"stft: expected a 1D or 2D tensor{locations.quote(locations.here())}")
    rows = x if x.ndim == 2 else x.unsqueeze(0)
    if center:
        rows = _reflected(rows, n_fft // 2, pad_mode)
    length = rows.shape[-1]
    if not 0 < n_fft <= length:
        raise CallError(f"stft: expected 0 < n_fft < {length}, but got n_fft={n_fft}")
    if hop <= 0:
        raise CallError(f"stft: expected hop_length > 0, but got hop_length={hop}")
    weights = _window(window, n_fft, n_fft if win_length is None else win_length, "stft",
                      x.dtype.to_real() if x.dtype.is_complex else x.dtype)
    starts = arange(1 + (length - n_fft) // hop) * hop
    frames = rows[:, starts.unsqueeze(-1) + arange(n_fft)] * weights
    norm = "ortho" if normalized else "backward"
    if complex_numbers:
        spectra = fft_c2c(frames, dim=(2,), norm=norm)
    else:
        spectra = fft_r2c(frames, dim=(2,), norm=norm, onesided=onesided is None or onesided)
    spectra = spectra.mT if x.ndim == 2 else spectra.squeeze(0).mT
    return spectra if return_complex is None or return_complex else view_as_real(spectra)


def istft(input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
          window: Tensor | None = None, center: bool = True, normalized: bool = False, onesided: bool | None = None,
          length: int | None = None, return_complex: bool = False) -> Any:
    """The signal whose windows have these spectra: the least squares estimate, as torch.istft."""
    x: Any = input if input.dtype.is_complex else view_as_complex(input)
    spectra = x if x.ndim == 3 else x.unsqueeze(0)
    hop = n_fft // 4 if hop_length is None else hop_length
    half = onesided if onesided is not None else spectra.shape[1] != n_fft
    if spectra.shape[1] != (n_fft // 2 + 1 if half else n_fft):
        raise ShapeError(f"istft: expected the frequency dimension of the input tensor to match n_fft, but got "
                         f"{spectra.shape[1]} for n_fft={n_fft}{locations.quote(locations.here())}")
    weights = _window(window, n_fft, n_fft if win_length is None else win_length, "istft", x.dtype.to_real())
    norm = "ortho" if normalized else "backward"
    frames = spectra.mT
    if return_complex:
        frames = fft_c2c(frames, dim=(2,), norm=norm, forward=False)
    else:  # a real signal: half its spectrum says all
        frames = fft_c2r(frames[..., : n_fft // 2 + 1], dim=(2,), size=n_fft, norm=norm)
    count = frames.shape[1]
    places = (arange(count).unsqueeze(-1) * hop + arange(n_fft)).reshape(-1)
    whole = n_fft + hop * (count - 1)
    values = (frames * weights).reshape((frames.shape[0], -1))
    signal = index_add(zeros((frames.shape[0], whole), dtype=values.dtype), 1, places, values)
    squares = weights * weights
    envelope = index_add(zeros((whole,), dtype=squares.dtype), 0, places,
                         squares.expand((count, n_fft)).reshape(-1))
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else whole - n_fft // 2 if center else whole
    result = _cut(signal, start, end) / _cut(envelope.unsqueeze(0), start, min(end, whole), fill=end)
    return result if x.ndim == 3 else result.squeeze(0)


def _cut(x: Any, start: int, end: int, fill: int | None = None) -> Any:
    """The columns from start to end of x; those that it lacks are 0, or, up to `fill`, 1."""
    last = end if fill is None else fill
    found = x[:, start : min(end, x.shape[1])]
    missing = last - start - found.shape[1]
    return pad(found, (0, missing), value=0.0 if fill is None else 1.0) if missing > 0 else found


Tensor.stft = stft  # type: ignore[attr-defined]
Tensor.istft = istft  # type: ignore[attr-defined]
