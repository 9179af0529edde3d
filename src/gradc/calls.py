"""Running a `custom` node eagerly: its forward region computes, and its backward region is the gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradc.ir import OPS, Graph
from gradc.ir.traits import defaults
from gradc.modes import current, enter, with_grad
from gradc.node import TracedNode
from gradc.passes.differentiate import flowing
from gradc.pullback import PullbackNode, PullbackOp, alias
from gradc.tensor import Tensor
from gradc.tracing import Tracer

Forward = Callable[..., tuple[Sequence[Tensor], ...]]
"""A function from operands to its results, the new values of what it writes, and what it saves."""
Backward = Callable[..., Sequence[Tensor | None]]
"""A function from what was saved and the cotangents of the results to the gradients of the operands."""


class CallNode(PullbackNode):
    """The node that a `custom` node leaves when it is run."""

    op = PullbackOp("CustomBackward")
    backward: Backward

    def pull(self, cotangents: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        return self.backward(*self.unpack(), *cotangents)


def call(forward: Forward, backward: Backward | None, operands: Sequence[Tensor]) -> tuple[Any, ...]:
    """The results of a `custom` node, linked to one node of the dynamic graph if an operand requires grad.

    New values of what forward writes, and what it saves besides results and operands, follow.
    """
    before = enter(with_grad(False))
    try:
        results, updated, saved = forward(*operands)
    finally:
        enter(before)
    given = {id(x) for x in operands}
    outputs = [alias(y) if id(y) in given else y for y in (*results, *updated)]
    known = {*given, *map(id, outputs)}
    extra = {id(x): x for x in saved if id(x) not in known}
    if backward is not None and current().grad and any(x.requires_grad for x in operands):
        node = CallNode()
        node.link(operands)
        node.backward = backward
        node.types = tuple([y.type_ for y in outputs[: len(results)]])
        for i, y in enumerate(outputs[: len(results)]):
            if y.dtype.is_differentiable:
                y._node = node.edge_of(i)
        node.keep(saved, outputs)
    return (*outputs, *extra.values())


def record(trace: Tracer, regions: Sequence[Graph], operands: Sequence[Tensor], attrs: dict[str, Any]) -> Any:
    """A `custom` node in the trace that is on."""
    op = OPS["custom"]
    named = tuple([region.replace(name=trace.name(region.name)) for region in regions])
    values = [trace.read(x) for x in operands]
    made = trace.emit(op, values, {**defaults(op), **attrs}, named)
    tensors = [trace.tensor(v) for v in made]
    if len(regions) > 1 and current().grad and not trace.tracked.isdisjoint(values):
        for v, tensor in list(zip(made, tensors, strict=True))[: len(regions[0].results)]:
            if v.dtype.is_differentiable:
                trace.tracked.add(v)
                tensor._node = TracedNode(CallNode.op, {}, ())
    return tuple(tensors)


def control(trace: Tracer, op: Any, regions: Sequence[Graph], operands: Sequence[Tensor],
            attrs: dict[str, Any]) -> tuple[Tensor, ...]:
    """A node with closed regions in the trace that is on; what depends on an operand that requires grad does too."""
    named = tuple([region.replace(name=trace.name(region.name)) for region in regions])
    values = [trace.read(x) for x in operands]
    made = trace.emit(op, values, defaults(op) | attrs, named)
    tensors = [trace.tensor(v) for v in made]
    if current().grad:
        flags = flowing(trace.nodes[-1], [v in trace.tracked for v in values])
        for v, tensor, flag in zip(made, tensors, flags, strict=True):
            if flag:
                trace.tracked.add(v)
                tensor._node = TracedNode(PullbackOp(f"{op.torch_name}Backward"), {}, ())
    return tuple(tensors)
