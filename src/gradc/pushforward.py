"""Forward mode: tangents through the graph that eager ops left behind, or through the trace that is on.

A gradient formula is linear in its cotangent, so its own gradient with respect to the cotangent is the pushforward of
the op: no op needs a second set of rules. Through a recorded graph the tangents go node by node, in the order of the
nodes' making; a trace gets two gradient nodes, of which the passes leave what is needed.

Source  Christianson, "Reverse accumulation and attractive fixed points" (1992); Townsend, "A new trick for calculating
        Jacobian vector products" (2017)
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from gradc import engine
from gradc.gradients import formula_names, gradients_as_tensors, result_types, saved_tensors
from gradc.ir import Type
from gradc.modes import current, enter
from gradc.node import Node
from gradc.ops.creation import zeros
from gradc.tensor import Tensor, edge

Tangent = Tensor | None


class Level:
    """The dual tensors of a level, with their tangents."""

    def __init__(self) -> None:
        self.duals: list[Tensor] = []
        self.tangents: list[Tensor] = []


level_of_duals: ContextVar[Level | None] = ContextVar("gradc dual level", default=None)
"""The level of torch.autograd.forward_ad that is on."""


def pushforward(outputs: Sequence[Tensor], inputs: Sequence[Tensor], tangents: Sequence[Tensor]) -> list[Tangent]:
    """The tangent of each output when the inputs move along `tangents`; None for one that does not depend on them.

    The inputs are leaves or computed tensors of the graph that leads to the outputs. The tangents have a graph of
    their own, so that they can be differentiated again.
    """
    before = enter(current().replace(grad=True))
    try:
        trace = current().trace
        if trace is not None and any(map(trace.owns, outputs)):
            return _through_trace(outputs, inputs, tangents)
        return _through_graph(outputs, inputs, tangents)
    finally:
        enter(before)


def _through_trace(outputs: Sequence[Tensor], inputs: Sequence[Tensor], tangents: Sequence[Tensor]) -> list[Tangent]:
    moving = [y for y in outputs if y.requires_grad]
    seeds = [zeros(y.shape, dtype=y.dtype, requires_grad=True) for y in moving]
    if not moving:
        return [None] * len(outputs)
    cotangents = engine.grad(moving, inputs, seeds, create_graph=True, allow_unused=True)
    used = [(g, t) for g, t in zip(cotangents, tangents, strict=True) if g is not None and g.requires_grad]
    if not used:
        return [None] * len(outputs)
    found = iter(engine.grad([g for g, _ in used], seeds, [t for _, t in used], create_graph=True, allow_unused=True))
    return [next(found) if y.requires_grad else None for y in outputs]


def _through_graph(outputs: Sequence[Tensor], inputs: Sequence[Tensor], tangents: Sequence[Tensor]) -> list[Tangent]:
    roots = [(edge(y), None) for y in outputs if edge(y) is not None]
    targets = [edge(x) for x in inputs]
    moved: dict[tuple[Any, int], Tensor] = {}
    for target, tangent in zip(targets, tangents, strict=True):
        _add(moved, _key(target), tangent)
    nodes = engine.leading_to(roots, targets).inner
    for node in sorted((n for n in nodes if not isinstance(n, Tensor)), key=lambda n: n.number):
        given = [None if e is None else moved.get(_key(e)) for e in node.edges]
        if any(t is not None for t in given):
            for index, tangent in enumerate(_push(node, given)):
                if tangent is not None:
                    _add(moved, (node, index), tangent)
    return [None if edge(y) is None else moved.get(_key(edge(y))) for y in outputs]


def _key(to: Any) -> tuple[Any, int]:
    return (to, 0) if isinstance(to, Tensor) else (to.node, to.index)


def _add(moved: dict[tuple[Any, int], Tensor], key: tuple[Any, int], tangent: Tensor) -> None:
    moved[key] = moved[key] + tangent if key in moved else tangent  # type: ignore[operator]


def _push(node: Node, tangents: list[Tangent]) -> Sequence[Tangent]:
    """The tangents of a node's results from those of its operands."""
    own = getattr(node, "push", None)
    if own is not None:
        return own(tangents)  # type: ignore[no-any-return]
    types = result_types(node)
    if isinstance(types, Type) and node.op.pointwise and types.dtype.is_floating_point:
        found = _push_pointwise(node, tangents, types)
        if found is not None:
            return (found,)
    return _transposed(node, tangents, types if isinstance(types, tuple) else (types,))


def _push_pointwise(node: Node, tangents: list[Tangent], type: Type) -> Tangent:
    """A real pointwise op moves by its own gradient formula, whose matrix is diagonal; None if it broadcasts."""
    if any(t is not None and t.type_ != type for t in tangents):
        return None
    node.check_saved()
    saved = saved_tensors(node, linked=True)
    total = None
    for i, tangent in enumerate(tangents):
        if tangent is not None:
            needs = [j == i for j in range(len(tangents))]
            part = node.op.gradients(formula_names(node, tangent, saved), needs)[i]
            total = part if total is None else total + part
    return total


def _transposed(node: Node, tangents: list[Tangent], types: Sequence[Type]) -> Sequence[Tangent]:
    """The gradient of the node's own gradient with respect to its cotangent."""
    seeds = [zeros(t.shape, dtype=t.dtype, requires_grad=t.dtype.is_differentiable) for t in types]
    cotangents = gradients_as_tensors(node, seeds[0] if len(seeds) == 1 else dict(enumerate(seeds)))
    used = [(g, t) for g, t in zip(cotangents, tangents, strict=False)
            if g is not None and t is not None and g.requires_grad]
    wanted = [s for s in seeds if s.requires_grad]
    if not used or not wanted:
        return [None] * len(seeds)
    found = iter(engine.grad([g for g, _ in used], wanted, [t for _, t in used], create_graph=True,
                             allow_unused=True))
    return [next(found) if s.requires_grad else None for s in seeds]


def carry_tangents(values: Sequence[Any]) -> bool:
    """Whether one of the values is a dual tensor, or was computed from one."""
    held = level_of_duals.get()
    if held is None or current().trace is not None:
        return False
    duals = [edge(x) for x in held.duals if edge(x) is not None]
    roots = [edge(x) for x in values if isinstance(x, Tensor) and edge(x) is not None]
    between = engine.leading_to([(to, None) for to in roots], duals).inner
    return any(any(to is dual for dual in duals) or not isinstance(to, Tensor) and to.node in between for to in roots)
