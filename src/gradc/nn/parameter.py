"""Parameters, their gradients, and what PyTorch's messages call the classes of things."""

from __future__ import annotations

from typing import Any

from gradc import dtypes
from gradc.modes import no_grad
from gradc.tensor import Parameter, Tensor

__all__ = ["Parameter", "clear_grad", "typename"]


def clear_grad(p: Tensor, set_to_none: bool) -> None:
    """Forget the gradient of `p`, or make it zero in place."""
    if set_to_none:
        p.grad = None
    elif (g := p.grad) is not None:
        if g.grad_fn is not None:  # it was computed with create_graph, and its graph stays what it is
            p.grad = g.zeros_like()  # type: ignore[attr-defined]
        else:
            with no_grad():
                g.zero_()  # type: ignore[attr-defined]


def typename(x: Any) -> str:
    """The name of x's class as PyTorch writes it: `torch.FloatTensor` for a tensor, else `int`, `package.Class`."""
    if isinstance(x, Tensor):
        return f"torch.{dtypes.TITLES[x.dtype]}Tensor"
    kind = type(x)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
