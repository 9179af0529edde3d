"""Fourier transforms: values, gradients and refusals are torch's, eager and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

RANDOM = np.random.default_rng(2)
REAL = RANDOM.standard_normal((4, 6, 5))
COMPLEX = REAL + 1j * RANDOM.standard_normal((4, 6, 5))

ONE = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
ARGUMENTS: dict[str, list[dict[str, Any]]] = {
    "": [{}, {"norm": "ortho"}, {"norm": "forward"}, {"n": 7}, {"n": 3}, {"dim": 1}, {"n": 4, "dim": 0}],
    "2": [{}, {"norm": "ortho"}, {"s": (7, 4)}, {"dim": (0, 2)}],
    "n": [{}, {"norm": "forward"}, {"s": (3, 4)}, {"dim": (2, 1)}, {"s": (5, -1), "dim": (0, 1)}],
}
CASES = [pytest.param(name + kind, options, id=f"{name}{kind}-{i}")
         for name in ONE for kind, several in ARGUMENTS.items() for i, options in enumerate(several)] + [
    pytest.param(name, options, id=f"{name}-{i}") for name in ("fftshift", "ifftshift")
    for i, options in enumerate([{}, {"dim": 1}, {"dim": (0, 2)}])]


def numbers(x: Any) -> Any:
    return np.asarray((x.detach() + 0).tolist())


def close(ours: Any, theirs: Any, tolerance: float) -> None:
    assert (str(ours.dtype), list(ours.shape)) == (str(theirs.dtype), list(theirs.shape))
    a, b = numbers(ours), numbers(theirs)
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, np.abs(b).max()))


def with_gradients(t: Any, function: Callable[[Any], Any], x: Any) -> list[Any]:
    """The value, and the gradients to the second order of a real number that depends on all of it."""
    y = function(x)
    total = (y.abs() ** 3 * t.arange(1, y.numel() + 1).reshape(y.shape)).sum()
    first = t.autograd.grad(total, x, create_graph=True)[0]
    return [y, first, t.autograd.grad((first.abs() ** 2).sum(), x)[0]]


@pytest.mark.parametrize("kind", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize(("name", "options"), CASES)
def test_values_and_gradients_are_those_of_torch(name: str, options: dict[str, Any], kind: str) -> None:
    real_only = name.startswith(("rfft", "ihfft"))
    if real_only and kind.startswith("complex"):
        for t in (gradc, torch):
            with pytest.raises(RuntimeError):
                getattr(t.fft, name)(t.tensor(COMPLEX), **options)
        return
    data = (COMPLEX if kind.startswith("complex") else REAL).astype(kind)
    found = [with_gradients(t, lambda x, t=t: getattr(t.fft, name)(x, **options), t.tensor(data, requires_grad=True))
             for t in (gradc, torch)]
    for ours, theirs in zip(*found, strict=True):
        close(ours, theirs, 1e-10 if kind in ("float64", "complex128") else 2e-4)


@pytest.mark.parametrize("name", ["fft", "ifft2", "rfftn", "irfft", "hfft", "ihfft", "fftshift"])
def test_compiled_is_eager(name: str) -> None:
    def run(x: Any) -> tuple[Any, ...]:
        y = getattr(gradc.fft, name)(x)
        return y, gradc.autograd.grad((y.abs() ** 2).sum(), x)[0]

    x = gradc.tensor(REAL if name in ("rfftn", "ihfft") else COMPLEX, requires_grad=True)
    for a, b in zip(gradc.compile(run)(x), run(x), strict=True):
        close(a, b, 1e-11)


@pytest.mark.parametrize("n", [1, 4, 5])
def test_frequencies(n: int) -> None:
    for name in ("fftfreq", "rfftfreq"):
        for options in ({}, {"d": 0.5}, {"dtype": "float64"}):
            ours, theirs = (getattr(t.fft, name)(n, **{k: getattr(t, v) if k == "dtype" else v
                                                       for k, v in options.items()}) for t in (gradc, torch))
            close(ours, theirs, 1e-6)


REFUSED: dict[str, Callable[[Any], Any]] = {
    "half precision": lambda t: t.fft.fft(t.ones(3, dtype=t.float16)),
    "no points": lambda t: t.fft.fft(t.ones(3), n=0),
    "complex rfft": lambda t: t.fft.rfft(t.ones(3) + 1j),
    "norm": lambda t: t.fft.fft(t.ones(3), norm="x"),
    "repeated dimension": lambda t: t.fft.fftn(t.ones(3, 3), dim=(0, 0)),
    "sizes and dimensions": lambda t: t.fft.fftn(t.ones(3, 3), s=(1, 2), dim=(0,)),
    "stft of numbers": lambda t: t.stft(t.ones(2, 2, 20), 8, return_complex=True),
    "window of another size": lambda t: t.stft(t.ones(20), 8, window=t.ones(7), return_complex=True),
    "return_complex missing": lambda t: t.stft(t.ones(20), 8, window=t.ones(8)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_torch(name: str) -> None:
    messages = {}
    for t in (torch, gradc):
        with pytest.raises((RuntimeError, IndexError)) as found:
            REFUSED[name](t)
        messages[t] = str(found.value)
    phrase = messages[torch].split("\n")[0].split(" : ")[-1][:25]  # torch writes the call first
    assert phrase in messages[gradc]


WINDOW = np.hanning(8) + 0.1

SPECTROGRAMS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "default": lambda t, x, w: t.stft(x, 8, window=w, return_complex=True),
    "no window": lambda t, x, w: t.stft(x, 8, hop_length=3, return_complex=True, window=t.ones(8, dtype=x.dtype)),
    "short window": lambda t, x, w: t.stft(x, 12, 4, 8, w, return_complex=True),
    "not centred": lambda t, x, w: t.stft(x, 8, 2, window=w, center=False, return_complex=True),
    "constant": lambda t, x, w: t.stft(x, 8, window=w, pad_mode="constant", normalized=True, return_complex=True),
    "two sided": lambda t, x, w: t.stft(x, 8, window=w, onesided=False, return_complex=True),
    "one signal": lambda t, x, w: x[0].stft(8, window=w, return_complex=True),
    "pairs": lambda t, x, w: t.stft(x, 8, window=w, return_complex=False),
    "back": lambda t, x, w: t.istft(t.stft(x, 8, 2, window=w, return_complex=True), 8, 2, window=w),
    "back, of a length": lambda t, x, w: t.istft(
        t.stft(x, 8, 2, window=w, return_complex=True, normalized=True), 8, 2, window=w, normalized=True, length=29),
    "back, one signal": lambda t, x, w: t.istft(t.stft(x[0], 12, 4, 8, w, return_complex=True), 12, 4, 8, w, length=24),
}


@pytest.mark.parametrize("name", SPECTROGRAMS)
def test_spectrograms_are_those_of_torch(name: str) -> None:
    found = []
    for t in (gradc, torch):
        x = t.tensor(RANDOM_SIGNALS, requires_grad=True)
        found.append(with_gradients(t, lambda x, t=t: SPECTROGRAMS[name](t, x, t.tensor(WINDOW)), x))
    for ours, theirs in zip(*found, strict=True):
        close(ours, theirs, 1e-8)


RANDOM_SIGNALS = RANDOM.standard_normal((2, 30))
