"""Comparing tensors in tests, as torch.testing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.ops.creation import as_tensor
from gradc.tensor import Tensor

__all__ = ["assert_close"]

TOLERANCES = {dtypes.float16: (1e-3, 1e-5), dtypes.bfloat16: (1.6e-2, 1e-5), dtypes.float32: (1.3e-6, 1e-5),
              dtypes.float64: (1e-7, 1e-7), dtypes.complex64: (1.3e-6, 1e-5), dtypes.complex128: (1e-7, 1e-7)}
"""The relative and the absolute tolerance of each dtype, where none are given; PyTorch's."""

WIDE = {float: dtypes.float64, complex: dtypes.complex128}
"""What Python's numbers are compared as."""


def assert_close(actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None,
                 atol: float | None = None, equal_nan: bool = False, check_device: bool = True,
                 check_dtype: bool = True, check_layout: bool = True, check_stride: bool = False,
                 msg: str | Callable[[str], str] | None = None) -> None:
    """|actual - expected| ≤ atol + rtol·|expected| everywhere, in tensors, arrays, numbers and containers of these.

    Raises AssertionError that says how many elements differ, and where by most. As in PyTorch, the tolerances are
    those of the dtype unless both are given.
    """
    if (rtol is None) != (atol is None):
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no "
                         f"{'rtol' if rtol is None else 'atol'}.")
    for path, a, b in _pairs(actual, expected, ""):
        problem = _difference(a, b, rtol, atol, equal_nan, check_dtype, check_stride)
        if problem is not None:
            text = problem + (f"\n\nThe failure occurred for item {path}" if path else "")
            raise AssertionError(msg(text) if callable(msg) else msg or text)


def _pairs(a: Any, b: Any, path: str) -> Any:
    """The things to compare, and where in the containers they are."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        if set(a) != set(b):
            raise AssertionError(f"The keys of the mappings do not match:\nMissing keys in the actual mapping: "
                                 f"{sorted(set(b) - set(a))}\nAdditional keys in the actual mapping: "
                                 f"{sorted(set(a) - set(b))}")
        for key in a:
            yield from _pairs(a[key], b[key], f"{path}[{key!r}]")
    elif isinstance(a, Sequence) and isinstance(b, Sequence) and not isinstance(a, str):
        if len(a) != len(b):
            raise AssertionError(f"The length of the sequences mismatch: {len(a)} != {len(b)}")
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _pairs(x, y, f"{path}[{i}]")
    else:
        yield path, a, b


def _difference(actual: Any, expected: Any, rtol: float | None, atol: float | None, equal_nan: bool, check_dtype: bool,
                check_stride: bool) -> str | None:
    """What is wrong, if anything."""
    if actual is None and expected is None:
        return None
    for x in (actual, expected):
        if not isinstance(x, (Tensor, np.ndarray, np.generic, bool, int, float, complex)):
            raise TypeError(f"No comparison pair was able to handle inputs of type {type(actual)} and "
                            f"{type(expected)}.")
    kind = "Tensor-likes" if isinstance(actual, (Tensor, np.ndarray)) else "Scalars"
    a, b = (as_tensor(x, WIDE.get(type(x))).detach() for x in (actual, expected))  # type: ignore[attr-defined]
    if a.shape != b.shape:
        return f"The values for attribute 'shape' do not match: {a.shape} != {b.shape}."
    if kind == "Tensor-likes" and check_dtype and a.dtype is not b.dtype:
        return f"The values for attribute 'dtype' do not match: {a.dtype} != {b.dtype}."
    if check_stride and a.stride() != b.stride():
        return f"The values for attribute 'stride()' do not match: {a.stride()} != {b.stride()}."
    if rtol is None or atol is None:
        both = [TOLERANCES.get(x.dtype, (0.0, 0.0)) for x in (a, b)]
        rtol, atol = max(t[0] for t in both), max(t[1] for t in both)
    wide = np.complex128 if a.is_complex() or b.is_complex() else np.float64 \
        if a.is_floating_point() or b.is_floating_point() else np.int64
    x, y = (t.numpy().astype(wide) for t in (a, b))
    if np.isclose(x, y, rtol, atol, equal_nan).all():
        return None
    off = ~np.isclose(x, y, rtol, atol, equal_nan)
    kind_of_both = dtypes.promote_types(a.dtype, b.dtype)
    return _described(kind, a.to(kind_of_both), b.to(kind_of_both), off, rtol, atol)


def _described(kind: str, a: Any, b: Any, off: Any, rtol: float, atol: float) -> str:
    """How many elements are `off`, and where by most, in the precision of the tensors."""
    absolute = (a - b).abs() if a.dtype is not dtypes.bool_ else a ^ b
    relative = absolute / b.abs() if a.dtype is not dtypes.bool_ else absolute
    exact = rtol == 0 and atol == 0
    lines = [f"{kind} are not {'equal' if exact else 'close'}!", ""]
    if a.ndim:
        lines.append(f"Mismatched elements: {off.sum()} / {off.size} ({off.sum() / off.size:.1%})")
    for name, values, tolerance in (("absolute", absolute, atol), ("relative", relative, rtol)):
        values = values.numpy()
        index = np.unravel_index(np.argmax(np.where(off, values, -1)), values.shape)
        where = f" at index {tuple(map(int, index))}" if a.ndim else ""
        start = f"Greatest {name}" if a.ndim else name.title()
        lines.append(f"{start} difference: {values[index].item()}{where}"
                     + ("" if exact else f" (up to {tolerance} allowed)"))
    return "\n".join(lines)
