"""`gradc.op`: a user's own op, with gradient and lowering, which prints, parses and is checked as gradc's are."""

from __future__ import annotations

from typing import Any

from gradc.errors import ArgumentError
from gradc.ir import OPS, WORDS
from gradc.ops import define
from gradc.ops.base import Op, Pointwise
from gradc.tensor import Tensor

__all__ = ["Op", "Pointwise", "op"]


def op(cls: Any) -> Any:
    """Make a class an op, and return it as a function of tensors; `Tensor` gets its method unless `method = False`.

        @gradc.op
        class log_cosh(gradc.Pointwise):
            kernel = lambda xp, x: xp.logaddexp(x, -x) - math.log(2.0)
            grad_x = lambda g, x: g * x.tanh()

    `xp` is numpy or jax.numpy; `lower` is the kernel for jax where one text cannot serve both, `decompose` a function
    of ops in place of a kernel; an op that is not Pointwise has `infer`, from types to the type of the result. To
    define a user's op anew replaces it, as a notebook does; graphs that have the old one keep it.

    Raises ArgumentError if the class is no op, or the name has another meaning already.
    Source  gradc.ops.base says what else an op may have
    """
    name = getattr(cls, "__name__", type(cls).__name__).rstrip("_")
    if not isinstance(cls, type) or not issubclass(cls, Op):
        raise ArgumentError(f"op: {name} is to be a class derived from gradc.Pointwise or gradc.Op")
    if cls.kernel is None and cls.decompose is None:
        raise ArgumentError(f"op: {name} has neither a kernel nor a decompose; one of them says what it computes")
    if cls.infer is Op.infer:
        raise ArgumentError(f"op: {name} has no infer(self, *operands, **attrs), which gives the type of its result; "
                            f"only a gradc.Pointwise has one of its own")
    if cls.kernel is None and cls.grads is None and not any(word.startswith("grad_") for word in vars(cls)):
        raise ArgumentError(f"op: {name} has a decompose and no gradient; give grad_x or grads, or make it a function "
                            f"of ops, which needs neither a class nor a gradient")
    known: Any = OPS.get(name)
    if name in WORDS or known is not None and not getattr(known, "own", False):
        raise ArgumentError(f"op: {name} has a meaning in the text of graphs already; choose another name")
    for word in (name, *cls.aliases) if cls.method and known is None else ():
        if hasattr(Tensor, word):
            raise ArgumentError(f"op: Tensor.{word} exists already; choose another name, or say method = False")
    OPS.pop(name, None)
    try:
        made = define.op(cls)
    except Exception:
        if known is not None:
            OPS[name] = known
        raise
    made.own = True
    return made
