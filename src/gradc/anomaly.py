"""Looking for the op whose gradient is the first to be nan, as torch.autograd.detect_anomaly."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc import locations
from gradc.errors import GradError
from gradc.gradients import operand_types
from gradc.node import FREED, Node

enabled = False
checks_nan = True


def set_anomaly_enabled(mode: bool, check_nan: bool = True) -> None:
    """Turn the search on or off, in all threads, as torch.set_anomaly_enabled."""
    global enabled, checks_nan
    enabled, checks_nan = mode, check_nan


def is_anomaly_enabled() -> bool:
    """Whether `backward` looks for anomalies."""
    return enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Whether a gradient that is nan is one of them."""
    return checks_nan


class set_detect_anomaly:
    """Turn the search on or off at once, and back at the end of a `with`, as torch.autograd.set_detect_anomaly."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = (enabled, checks_nan)
        set_anomaly_enabled(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        set_anomaly_enabled(*self._before)


class detect_anomaly:
    """Make `backward` stop at the first op whose gradient is nan, and say where in your code it was called.

    Every error in a gradient then comes with a warning that names the op's line. Compiled functions are not searched.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan
        self._before = (enabled, checks_nan)
        warnings.warn("Anomaly Detection has been enabled. This mode will increase the runtime and should only be "
                      "enabled for debugging.", stacklevel=2)

    def __enter__(self) -> None:
        self._before = (enabled, checks_nan)
        set_anomaly_enabled(True, self._check_nan)

    def __exit__(self, *exception: object) -> None:
        set_anomaly_enabled(*self._before)


def watched(compute: Callable[[Node, Any], Sequence[Any]]) -> Callable[[Node, Any], Sequence[Any]]:
    """`compute`, the gradient of a node, which fails at the first that is nan."""
    def watching(node: Node, g: Any) -> Sequence[Any]:
        seen = _described(node, g)  # now, while the saved values are there
        try:
            parts = compute(node, g)
            if checks_nan:
                _refuse_nan(node, parts, seen)
        except Exception:
            warnings.warn(f"Error detected in {node.name()}. Traceback of forward call that caused the error:"
                          f"{locations.quote(node.location)}", stacklevel=4)
            raise
        return parts

    return watching


def _refuse_nan(node: Node, parts: Sequence[Any], seen: str) -> None:
    for i, (to, part) in enumerate(zip(node.edges, parts, strict=False)):
        if to is not None and part is not None and _count(np.isnan, _array(part)):
            raise GradError(f"Function '{node.name()}' returned nan values in its {i}th output."
                            f"\n    made at{locations.quote(node.location)}\n{seen}"
                            f"\n    The values above are where to look: a gradient is nan where the op has none.")


def _described(node: Node, g: Any) -> str:
    """What a node has to work with: its operands' types, what it saved, and the cotangent, with their ranges."""
    operands = ", ".join(map(str, operand_types(node)))
    lines = [f"    operands: {operands}"]
    held = () if node.held is FREED else node.held
    lines += [f"    saved {name}: {_range(value)}" for name, value in zip(node.op.saved_names or (), held, strict=False)
              if isinstance(value, np.ndarray)]
    for value in g.values() if isinstance(g, dict) else (g,):
        lines.append(f"    gradient that came in: {_range(_array(value))}")
    return "\n".join(lines)


def _array(g: Any) -> Any:
    return np.asarray(getattr(g, "_array", g))


def _range(array: np.ndarray[Any, Any]) -> str:
    text = f"shape {list(array.shape)}"
    if not array.size:
        return text
    usual = array[np.isfinite(array)] if array.dtype.kind in "fcV" else array
    if usual.size and array.dtype.kind != "c":
        text += f", from {usual.min()} to {usual.max()}"
    return text + "".join(f", {n} {name}" for name, n in (("nan", _count(np.isnan, array)),
                                                          ("inf", _count(np.isinf, array))) if n)


def _count(test: Callable[..., Any], array: np.ndarray[Any, Any]) -> int:
    return int(test(array).sum()) if array.dtype.kind in "fcV" else 0
