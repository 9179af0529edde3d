"""A reason why a gradient is None, zero or not finite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradc import dtypes, locations
from gradc.ir import Type
from gradc.locations import Location


@dataclass(frozen=True)
class Cause:
    """One reason, and the lines where it lies.

    `kind` is a key of WAYS_OUT. A cause that is not `certain` was concluded from the text of the program alone.
    """

    kind: str
    locations: tuple[Location, ...]
    text: str
    certain: bool = True

    def __str__(self) -> str:
        lines = [("" if self.certain else "probably: ") + self.text]
        lines += [locations.quote(place).replace("\n", "").strip() for place in self.locations]
        way_out = WAYS_OUT.get(self.kind)
        return "\n        ".join(lines + ([f"Way out: {way_out}"] if way_out else []))


WAYS_OUT = {
    "requires_grad": "make it with requires_grad=True, or call w.requires_grad_() before the forward runs.",
    "not a leaf": "ask for the gradient of the leaf it was computed from, call w.retain_grad() before backward(), or "
                  "make it a leaf: w = w.detach().requires_grad_() (a parameter is updated in place under no_grad()).",
    "detach": "leave it out where gradients are to flow.",
    "memory": "write to the tensor itself, not to its .data or a detached alias.",
    "no_grad": "keep what gradients must flow through outside of it.",
    "integer": "stay in floating point; for a choice use a soft one (softmax, sigmoid, a straight-through estimator).",
    "no derivative": "use a smooth stand-in (softmax, sigmoid, abs), or a straight-through estimator: "
                     "x + (hard(x) - x).detach().",
    "read": "compute with tensors all the way; use the functions of gradc instead of those of Python and NumPy.",
    "rebuilt": "use the computed tensor itself; make parameters once, before the forward.",
    "independent": "check which variable the loss is computed from.",
    "freed": "call backward(retain_graph=True) the first time, or explain before backward().",
    "modified": "write out of place, or to a clone().",
    "zero derivative": "keep operands where the derivative is not 0, or use a function without flat pieces.",
    "selection": "the derivative and the gradient that arrives do not overlap: check masks and indices.",
    "underflow": "scale the loss, work with logarithms, or in float64.",
    "input": "look at the data: it has nan in it before any op runs.",
    "forward": "keep operands inside the domain: clamp before, add an epsilon, or use the stable form.",
    "backward": "keep operands away from this point: add an epsilon, or choose safe operands with where() before it.",
}
"""What can be done about a cause of each kind."""


def described(x: Any) -> str:
    """An array or a number in a few words: type, and the range of its values."""
    if not isinstance(x, (np.ndarray, np.generic)):
        return repr(x)
    array = np.asarray(x)
    name = str(Type(dtypes.of(array.dtype), array.shape))
    if not array.size:
        return name
    if array.dtype.kind not in "fiubV":
        return f"{name} of magnitude up to {np.abs(array).max():.4g}"
    wide = array.astype(np.float64)
    nans, infinities = int(np.isnan(wide).sum()), int(np.isinf(wide).sum())
    odd = [f"{count} {word}" for count, word in ((nans, "nan"), (infinities, "inf")) if count]
    finite = wide[np.isfinite(wide)]
    if finite.size:
        low, high = finite.min() + 0.0, finite.max() + 0.0  # 0, not -0
        odd.insert(0, f"all {low:.4g}" if low == high and not odd else f"{low:.4g}" if low == high
                   else f"in [{low:.4g}, {high:.4g}]")
    return f"{name} " + " and ".join(odd)
