"""The text of a tensor, letter for letter as PyTorch prints it.

All elements of one tensor share a format: integers as they are; floats as `1.`, `1.5000` or `1.5000e+10`, whichever
suits the finite nonzero values that will be shown; every text is padded on the left to the longest of those. Tensors
above the threshold show only the first and last items of each dimension, and nothing else of them is formatted.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.errors import ArgumentError


@dataclass
class PrintOptions:
    """How tensors print: PyTorch's options and their defaults."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PROFILES = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=math.inf),
}

_options = PrintOptions()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Change how tensors print, as torch.set_printoptions: first the profile, then the options that are given.

    `sci_mode` is set by every call: None, when it is not given, lets the values decide.
    """
    global _options
    if profile is not None and profile not in PROFILES:
        raise ArgumentError(f"set_printoptions: no profile {profile!r}; use one of {', '.join(PROFILES)}")
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    base = _options if profile is None else PROFILES[profile]
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    _options = replace(base, **changes, sci_mode=sci_mode)


def get_printoptions() -> dict[str, Any]:
    """The options in force, as keywords for set_printoptions."""
    return asdict(_options)


@contextlib.contextmanager
def printoptions(**changes: Any) -> Iterator[None]:
    """Change how tensors print inside a `with` block, as torch._tensor_str.printoptions."""
    global _options
    before = _options
    try:
        set_printoptions(**changes)
        yield
    finally:
        _options = before


def format_array(array: np.ndarray, prefix: str = "tensor(", suffixes: Sequence[str] = ()) -> str:
    """The text that PyTorch prints for a tensor with these elements, such as `tensor([1., 2.], dtype=torch.float64)`.

    `suffixes` are further entries behind those that the array itself needs, such as `requires_grad=True`.

    Source: torch/_tensor_str.py.
    """
    array = np.asarray(array)
    indent = len(prefix)
    body = prefix + (_elements(array, indent) if array.size else "[]")
    return _with_suffixes(body, [*_own_suffixes(array), *suffixes], indent)


def _own_suffixes(array: np.ndarray) -> list[str]:
    """What the brackets do not tell: the size where it cannot be seen, the dtype where it cannot be guessed."""
    kind = dtypes.of(array.dtype)
    default = dtypes.get_default_dtype()
    if array.size:
        size_is_visible = _options.edgeitems > 0
        implied = kind in (default, dtypes.default_complex(), dtypes.int64, dtypes.bool_)
    else:  # `[]` reads as a vector of the default type
        size_is_visible = array.ndim == 1
        implied = kind is default
    size = [] if size_is_visible else [f"size={array.shape}"]
    return size if implied else [*size, f"dtype={kind!r}"]


def _with_suffixes(body: str, suffixes: Sequence[str], indent: int) -> str:
    """Append the suffixes and `)`, starting a new line wherever a suffix would pass the line width."""
    parts = [body]
    column = len(body) - (body.rfind("\n") + 1) + 2  # 2 more than the line has: PyTorch's count, which wraps earlier
    for suffix in suffixes:
        if column + len(suffix) + 2 > _options.linewidth:
            parts.append(",\n" + " " * indent + suffix)
            column = indent + len(suffix)
        else:
            parts.append(", " + suffix)
            column += len(suffix) + 2
    return "".join(parts) + ")"


def _elements(array: np.ndarray, indent: int) -> str:
    """The brackets and what is in them."""
    summarize = array.size > _options.threshold
    shown = _edges(array) if summarize else array
    if np.iscomplexobj(array):
        element: _Format | _ComplexFormat = _ComplexFormat(_float_format(np.real(shown)), _float_format(np.imag(shown)))
    elif dtypes.of(array.dtype).is_floating_point:
        element = _float_format(shown)
    else:
        element = _Format(_longest(map(str, shown.ravel().tolist())), str)
    if array.ndim == 0:
        return element(array.item())
    return _Brackets(element, summarize).write(array, indent)


def _edges(array: np.ndarray) -> np.ndarray:
    """The elements that a summary shows."""
    if array.ndim == 0:
        return array
    edge = _options.edgeitems
    chosen = [[*range(edge), *range(n - edge, n)] if n > 2 * edge else [*range(n)] for n in array.shape]
    return array[np.ix_(*chosen)]


def _longest(texts: Iterator[str]) -> int:
    return max(map(len, texts), default=1)


@dataclass(frozen=True)
class _Format:
    """How one element is written: its text, padded on the left to a common width."""

    width: int
    text: Callable[[Any], str]

    def __call__(self, value: Any) -> str:
        return self.text(value).rjust(self.width)


@dataclass(frozen=True)
class _ComplexFormat:
    """How one complex element is written: `1.+2.j`, the two parts each in a format of their own."""

    real: _Format
    imag: _Format

    @property
    def width(self) -> int:
        return self.real.width + self.imag.width + 1

    def __call__(self, value: complex) -> str:
        imag = self.imag(value.imag).lstrip()
        return self.real(value.real) + ("" if imag[0] in "+-" else "+") + imag + "j"


def _float_format(shown: np.ndarray) -> _Format:
    """The format of floats, decided by the finite nonzero values among them."""
    values = np.asarray(shown, np.float64).ravel()
    values = values[np.isfinite(values) & (values != 0)]
    if not values.size:
        return _Format(1, _whole)
    digits = _options.precision
    if _needs_exponent(values):
        text: Callable[[float], str] = f"{{:.{digits}e}}".format
    elif (values == np.ceil(values)).all():
        text = _whole
    else:
        text = f"{{:.{digits}f}}".format
    return _Format(_longest(map(text, values.tolist())), text)


def _needs_exponent(values: np.ndarray) -> bool:
    """Whether fixed-point text would hide small values or be too wide, unless the options decide."""
    if _options.sci_mode is not None:
        return _options.sci_mode
    magnitudes = np.abs(values)
    low, high = magnitudes.min().item(), magnitudes.max().item()
    return high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4


def _whole(value: float) -> str:
    """A float without a fraction: the point alone tells that it is a float."""
    return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"


@dataclass(frozen=True)
class _Brackets:
    """Writes nested brackets around formatted elements."""

    element: _Format | _ComplexFormat
    summarize: bool

    def write(self, array: np.ndarray, indent: int) -> str:
        """The text of an array with dimensions whose first bracket stands in column `indent`."""
        head, tail = self._parts(array)
        if array.ndim == 1:
            return self._vector(head, tail, indent)
        items = [self.write(part, indent + 1) for part in head]
        if tail is not None:
            items += ["...", *(self.write(part, indent + 1) for part in tail)]
        gap = "," + "\n" * (array.ndim - 1) + " " * (indent + 1)
        return "[" + gap.join(items) + "]"

    def _parts(self, array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """What stands before and behind the dots; without dots, everything and None."""
        edge = _options.edgeitems
        if self.summarize and len(array) > 2 * edge:
            return array[:edge], array[len(array) - edge :]
        return array, None

    def _vector(self, head: np.ndarray, tail: np.ndarray | None, indent: int) -> str:
        items = list(map(self.element, head.tolist()))
        if tail is not None:
            dots = " ..." if items else "..."
            items += [dots, *map(self.element, tail.tolist())]
        per_line = max(1, (_options.linewidth - indent) // (self.element.width + 2))
        lines = [", ".join(items[start : start + per_line]) for start in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
