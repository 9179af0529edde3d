"""cond: one of two functions, chosen by a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradc import calls
from gradc.compiler.region import Region, trace_regions
from gradc.control.trees import Tree, described, flatten, rebuild, refused
from gradc.dtypes import bool_
from gradc.modes import current
from gradc.ops.control import cond as cond_op
from gradc.tensor import Tensor


def cond(pred: Any, true_fn: Callable[..., Tree], false_fn: Callable[..., Tree], operands: Sequence[Any] = ()) -> Tree:
    """`true_fn(*operands)` if `pred`, else `false_fn(*operands)`: only the chosen one is computed, compiled as well.

    `pred` is a bool, which chooses once and for all while tracing, or a tensor of one element. The functions may read
    any tensor, have gradients, and return trees of tensors of one structure, with the same shapes and dtypes. In a
    compiled function they write nothing that exists outside of them.

    Raises CallError for another predicate, and for branches that return different things.
    Source  torch.cond, jax.lax.cond
    """
    if not callable(true_fn) or not callable(false_fn):
        raise refused("cond: Expect both branches to be callable.")
    if not isinstance(operands, (tuple, list)):
        raise refused("cond: Expect operands to be a tuple of possibly nested dict/list/tuple that only consists of "
                      f"tensor leaves, but got {type(operands).__name__}", "Write cond(pred, f, g, (x,)).")
    if not isinstance(pred, (bool, Tensor)) or isinstance(pred, Tensor) and pred.numel() != 1:
        got = pred.type_ if isinstance(pred, Tensor) else type(pred).__name__
        raise refused(f"cond: Expected pred to be bool or single-element tensor, but got {got}",
                      "Use where() to choose element by element.")
    trace = current().trace
    if trace is None or isinstance(pred, bool):
        return true_fn(*operands) if pred else false_fn(*operands)
    shapes: list[Any] = []

    def branch(function: Callable[..., Tree], title: str) -> Region:
        def flat() -> list[Tensor]:
            found, shape = flatten(function(*operands), f"cond: what {title} returns")
            shapes.append((shape, described(found, shape)))
            return found

        return Region(flat, function, f"{title} of cond", f"{title.removesuffix('_fn')}_branch")

    graphs, read = trace_regions([branch(true_fn, "true_fn"), branch(false_fn, "false_fn")], ())
    (shape, one), (other_shape, other) = shapes
    if (shape, one) != (other_shape, other):
        raise refused("cond: Expected true_fn and false_fn to return the same structure, shapes and dtypes, but "
                      f"got {one} and {other}", "Convert what one of them returns with to(), expand() or zeros.")
    if not graphs[0].outputs:
        return rebuild(shape, ())
    condition = pred.reshape(()) if pred.dtype is bool_ else pred.reshape(()) != 0
    return rebuild(shape, calls.control(trace, cond_op, graphs, (condition, *read), {}))
