"""A function of JAX arrays as one node of a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from gradc import dtypes
from gradc.errors import TraceError
from gradc.ir import Type
from gradc.ops.base import Op
from gradc.ops.define import op


class Foreign:
    """A function from JAX arrays to a tuple of them, under a name by which graphs call it while it is alive."""

    def __init__(self, name: str, function: Callable[..., tuple[Any, ...]]) -> None:
        self.function = function
        self.jitted: Any = None
        self.name, number = name, 0
        while self.name in ALIVE:
            number += 1
            self.name = f"{name}_{number}"
        ALIVE[self.name] = self

    def types(self, operands: Sequence[Type]) -> tuple[Type, ...]:
        """The types of its results, as JAX infers them."""
        import jax

        with jax.enable_x64(True):
            shapes = [jax.ShapeDtypeStruct(x.shape, x.dtype.numpy) for x in operands]
            return tuple([Type(dtypes.of(s.dtype), s.shape) for s in jax.eval_shape(self.function, *shapes)])

    def run(self, *arrays: Any) -> tuple[Any, ...]:
        """Its results for NumPy arrays, as NumPy arrays; compiled on first use."""
        import jax

        if self.jitted is None:
            self.jitted = jax.jit(self.function)
        with jax.enable_x64(True):
            return tuple([np.asarray(x) for x in self.jitted(*arrays)])


ALIVE: WeakValueDictionary[str, Foreign] = WeakValueDictionary()


def _alive(name: str) -> Foreign:
    found = ALIVE.get(name)
    if found is None:
        raise TraceError(f"the function {name} that this graph calls is not alive in this process")
    return found


@op
class foreign(Op):
    """A function of JAX arrays that is not written in ops: `foreign(x, y, function="name")`, a tuple of tensors.

    It has no gradient. See optim.Optax, which runs the updates of an optimizer of optax in it.

    Source  jax.jit
    """

    method = False
    generates = False
    kernel = lambda xp, *operands, function="": _alive(function).run(*operands)
    lower = lambda xp, *operands, function="": _alive(function).function(*operands)

    def infer(self, *operands: Any, function: str = "") -> tuple[Type, ...]:
        return _alive(function).types([Type(dtypes.of(x.dtype), tuple(x.shape)) for x in operands])
