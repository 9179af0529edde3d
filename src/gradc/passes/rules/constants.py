"""Rules about tensors of one value."""

from __future__ import annotations

from typing import cast

from gradc.apply import apply
from gradc.dtypes import dtype
from gradc.ir import Number, Operand, Value
from gradc.ops.creation import full
from gradc.passes.rewriting import Rule, Site, rewrite
from gradc.shapes import Shape
from gradc.tensor import Tensor


def uniform(*, shape: Shape, value: Number, dtype: dtype) -> Tensor:
    """A tensor of one value, which the node shows as it stands here."""
    return cast(Tensor, apply(full, (), {"shape": shape, "value": value, "dtype": dtype}))


def _of_full(root: str) -> Rule:
    """The rule that rearranging a tensor of one value gives a tensor of that value."""
    def same(site: Site) -> Operand | None:
        inner = site.producer(site.node.inputs[0], "full")
        if inner is None:
            return None
        result = site.node.outputs[0]
        return site.record(f"{root}_of_full", uniform, shape=result.shape, value=inner.attrs["value"],
                           dtype=result.dtype)

    same.__name__ = f"{root}_of_full"
    return rewrite(root, "full")(same)


def _with_full(root: str) -> Rule:
    """The rule that a pointwise op takes a tensor of one value as that number, if another operand has the shape."""
    def number(site: Site) -> Operand | None:
        node = site.node
        operands = list(node.inputs)
        for i, x in enumerate(operands):
            inner = site.producer(x, "full")
            rest = [y for j, y in enumerate(operands) if j != i and isinstance(y, Value)]
            if inner is not None and any(y.type == node.outputs[0].type for y in rest):
                operands[i] = inner.attrs["value"]
                return site.record(f"{root}_with_full", node.op, *operands)  # type: ignore[arg-type]
        return None

    number.__name__ = f"{root}_with_full"
    return rewrite(root, "full")(number)


CONSTANTS: list[Rule] = [
    *(_of_full(root) for root in ("reshape", "expand", "squeeze", "unsqueeze", "transpose", "permute", "t", "flip",
                                "getitem", "repeat", "roll", "amax", "amin")),
    *(_with_full(root) for root in ("add", "sub", "mul", "div", "pow", "maximum", "minimum")),
]
