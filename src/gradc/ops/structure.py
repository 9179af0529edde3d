"""Ops that give a graph its structure: gradients still to be derived, fused blocks, and the end of a value's life."""

from __future__ import annotations

from typing import Any

from gradc.ir import Type
from gradc.ops.base import Op
from gradc.ops.define import op


@op
class gradient(Op):
    """The cotangents of values further up in this graph: of the last operands, from the first `of` ones.

    `gradient(loss, w, b)` are ∂loss/∂w and ∂loss/∂b. With `seeded`, the cotangents of the outputs stand after them:
    `gradient(y, d_y, w, seeded=True)`. A later gradient flows through it only with `create_graph`. The pass
    `differentiate` replaces it by the ops that compute it.

    Source  torch.autograd.grad
    """

    kernel = None
    method = False
    defaults = {"of": 1, "seeded": False, "create_graph": False}

    def infer(self, *operands: Any, of: int = 1, seeded: bool = False, create_graph: bool = False) -> tuple[Type, ...]:
        return tuple(Type(x.dtype, x.shape) for x in operands[of * (1 + seeded) :])


@op
class pointwise(Op):
    """A block of pointwise ops on one shape, which one kernel computes in one pass over memory.

    Source  the pass `fuse`
    """

    region = "block"
    method = False


@op
class fused(Op):
    """A block of ops that belong together: a reduction with what it alone reads and what alone reads it, or a function.

    Source  the pass `fuse`
    """

    region = "block"
    method = False
    kinds = ("reduction", "softmax", "log_softmax", "layer_norm", "cross_entropy", "attention")


@op
class free(Op):
    """The end of its operands' lives: their memory can be used again.

    Source  the pass `free`
    """

    effect = True
    method = False

    def infer(self, *operands: Any) -> tuple[Type, ...]:
        return ()
