"""One eager op on tensors that require grad: what each call costs above NumPy's.

    python benchmarks/eager_ops.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import harness
import numpy as np

OPS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda torch, x, y: x + y,
    "mul": lambda torch, x, y: x * y,
    "mul by a number": lambda torch, x, y: x * 2.0,
    "exp": lambda torch, x, y: torch.exp(x),
    "relu": lambda torch, x, y: torch.relu(x),
    "sum": lambda torch, x, y: x.sum(),
    "mean": lambda torch, x, y: x.mean(),
    "reshape": lambda torch, x, y: x.reshape(-1),
    "matmul": lambda torch, x, y: x @ y,
}
LIMITS = {"add": 0.8}


def cases() -> list[harness.Case]:
    """Each op on (8,) and (32, 32)."""
    libraries = {name: harness.needed(name) for name in ("gradc", "torch")}
    harness.single_thread(libraries["torch"])
    found = []
    for shape in ((8,), (32, 32)):
        rng = np.random.default_rng(0)
        arrays = [rng.standard_normal(shape, dtype=np.float32) for _ in range(2)]
        for name, call in OPS.items():
            calls = {library: _bind(call, torch, arrays) for library, torch in libraries.items() if torch is not None}
            found.append(harness.Case(f"{name} {shape}", calls, LIMITS.get(name)))
    return found


def _bind(call: Callable[[Any, Any, Any], Any], torch: Any, arrays: list[Any]) -> Callable[[], Any]:
    x, y = (torch.tensor(a, requires_grad=True) for a in arrays)
    return lambda: call(torch, x, y)


if __name__ == "__main__":
    harness.report("eager_ops", "One eager op on tensors that require grad", cases())
