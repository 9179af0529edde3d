"""A trial backward from a loss to one tensor: where the gradient becomes zero, nan or inf on its way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from heapq import heappop, heappush
from typing import Any

import numpy as np

from gradc.apply import compute
from gradc.engine import leading_to
from gradc.gradients import gradients, operand_types
from gradc.inspect.dynamic import in_order, number_operand, saved_operand
from gradc.inspect.explain_cause import Cause, described
from gradc.ir import Type
from gradc.locations import Location
from gradc.node import FREED, Node
from gradc.ops.base import Op
from gradc.tensor import Tensor, edge, wrap


class Visit:
    """What came into a node and what it sent on, to the operands that lead to the tensor asked about."""

    def __init__(self, node: Node, g: Any, parts: list[Any]) -> None:
        self.node = node
        self.g = g
        self.parts = parts


class Trial:
    """A backward from `loss` to `w` that changes nothing: no hook runs, no graph is freed, no `.grad` is written.

    `gradient` is what arrives, None if nothing does. Raises GradError where backward() itself would.
    """

    def __init__(self, loss: Tensor, w: Tensor) -> None:
        start, self.goal = edge(loss), edge(w)
        self.wanted = leading_to([(start, None)], [self.goal])
        self.visits: list[Visit] = []
        self.cancelled: list[Node] = []
        self.gradient: Any = None
        pending: dict[Any, Any] = {}
        self._queue: list[tuple[int, Node]] = []
        self._receive(pending, start, np.ones(loss._array.shape, loss._array.dtype))
        while self._queue:
            node = heappop(self._queue)[1]
            self._visit(pending, node, pending.pop(node))

    def _visit(self, pending: dict[Any, Any], node: Node, g: Any) -> None:
        with np.errstate(all="ignore"):
            parts = gradients(node, g)
        parts = [part if self.leads(e) else None for e, part in zip(node.edges, parts, strict=False)]
        self.visits.append(Visit(node, g, parts))
        for e, part in zip(node.edges, parts, strict=False):
            if part is not None:
                before = _entry(pending, self.gradient, e)
                self._receive(pending, e, part)
                after = _entry(pending, self.gradient, e)
                if before is not None and _nonzero(before) and _nonzero(part) and not _nonzero(after):
                    self.cancelled.append(node)

    def leads(self, e: Any) -> bool:
        """Whether w can be reached from this edge."""
        return e is not None and (e if isinstance(e, Tensor) else e.node) in self.wanted

    def _receive(self, pending: dict[Any, Any], e: Any, g: Any) -> None:
        if _same(e, self.goal):
            self.gradient = g if self.gradient is None else self.gradient + g
        if isinstance(e, Tensor) or e.node not in self.wanted.inner:
            return
        if e.node not in pending:
            heappush(self._queue, (-e.node.number, e.node))
        if e is e.node:
            pending[e] = pending[e] + g if e in pending else g
        else:
            outputs = pending.setdefault(e.node, {})
            outputs[e.index] = outputs[e.index] + g if e.index in outputs else g

    # Where it becomes zero

    def zeros(self, origins: Callable[[Node], tuple[Location, ...]] | None = None) -> list[Cause]:
        """The nodes into which a gradient came and out of which none went, the nearest to w first.

        `origins` knows the lines where operands of a node that are all zero come from.
        """
        found = [Cause("cancels", (node.location,), "what arrives here on different ways adds up to exactly zero")
                 for node in self.cancelled]
        for visit in reversed(self.visits):
            if all(not np.size(g) for g in _values(visit.g)):
                if any(p is not None and np.size(p) for p in visit.parts):
                    found.append(Cause("selection", (visit.node.location,), f"{visit.node.name()}: its result has no "
                                       "elements"))
            elif any(map(_nonzero, _values(visit.g))) and not any(p is not None and (_nonzero(p) or not np.size(p))
                                                                   for p in visit.parts):
                cause = _why_zero(visit)
                zeros = () if origins is None else origins(visit.node)
                if zeros:
                    cause = replace(cause, locations=(*cause.locations, *zeros),
                                    text=f"{cause.text}; the zeros come from the last line")
                found.append(cause)
        return found

    # Where it becomes nan or inf

    def breakage(self) -> list[Cause]:
        """The nodes that make inf or nan of a finite gradient, in the order of the backward."""
        return [_why_broken(visit) for visit in self.visits
                if all(map(_finite, _values(visit.g))) and not all(p is None or _finite(p) for p in visit.parts)]


def _same(a: Any, b: Any) -> bool:
    """Whether two edges lead to the same place."""
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return a is b
    return a.node is b.node and a.index == b.index


def _entry(pending: dict[Any, Any], gradient: Any, e: Any) -> Any:
    if isinstance(e, Tensor):
        return gradient
    held = pending.get(e.node)
    return held.get(e.index) if isinstance(held, dict) else held


def _values(g: Any) -> list[Any]:
    return list(g.values()) if isinstance(g, dict) else [g]


def _nonzero(g: Any) -> bool:
    return bool(np.any(np.asarray(g) != 0))


def _finite(g: Any) -> bool:
    return bool(np.all(np.isfinite(g)))


def _again(visit: Visit, change: Any) -> bool:
    """Whether the node would send anything on, if `change(g)` came in."""
    g = {i: change(part) for i, part in visit.g.items()} if isinstance(visit.g, dict) else change(visit.g)
    with np.errstate(all="ignore"):
        parts = gradients(visit.node, g)
    return any(part is not None and was is not None and _nonzero(part)
               for part, was in zip(parts, visit.parts, strict=False))


def _why_zero(visit: Visit) -> Cause:
    node = visit.node
    name = node.name()
    place = (node.location,)
    if all(part is None for part in visit.parts):
        return Cause("no derivative", place, f"{name} has no derivative with respect to the operand that leads to w")
    if _again(visit, lambda g: g / np.max(np.abs(g))):
        most = max(float(np.max(np.abs(g))) for g in _values(visit.g))
        return Cause("underflow", place, f"{name}: the gradient that arrives is at most {most:.3g}, and its product "
                     f"with the derivative is too small for {visit.parts[0].dtype if len(visit.parts) == 1 else 'it'}"
                     f"{_operands(node)}")
    if _again(visit, np.ones_like):
        return Cause("selection", place, f"{name}: a gradient arrives only at elements where the derivative is 0"
                     f"{_operands(node)}")
    return Cause("zero derivative", place, f"{name}: the derivative is 0 at every element{_operands(node)}")


def _why_broken(visit: Visit) -> Cause:
    node = visit.node
    part = next(p for p in visit.parts if p is not None and not _finite(p))
    text = f"{node.name()} makes {described(np.asarray(part))} of a finite gradient{_operands(node)}"
    values = _values(visit.g)
    if np.isnan(part).any() and any(np.any(g == 0) for g in values):
        text += "; where the gradient that arrives is 0 and the derivative infinite, 0 * inf is nan"
    return Cause("backward", (node.location,), text)


def _operands(node: Node) -> str:
    """What a node has saved, in words."""
    if node.saved is FREED or not isinstance(node.op, Op):
        return ""
    known = [f"{name}: {described(value)}" for name, value in zip(node.op.saved_names or (), node.saved, strict=False)
             if isinstance(value, (np.ndarray, int, float)) and not isinstance(value, bool)]
    return f" ({', '.join(known)})" if known else ""


# The forward, as far as it can be found again from the graph


def forward_breakage(loss: Tensor) -> Cause | None:
    """The first node whose result is inf or nan although its operands are finite, computed again from what was saved.

    Nodes whose operands are not known any more, and random ones, are passed over.
    """
    values: dict[Node, Any] = {}
    for node in in_order(edge(loss).node):
        if not isinstance(node.op, Op) or node.op.effect:
            continue
        operands = [_operand(node, i, kind, values) for i, kind in enumerate(operand_types(node))]
        for e, x in zip(node.edges, operands, strict=False):
            if isinstance(x, np.ndarray) and (e is None or isinstance(e, Tensor)) and np.isnan(x).any():
                return Cause("input", (node.location,), f"{described(x)} comes in here from outside")
        if any(x is UNKNOWN for x in operands):
            continue
        try:
            with np.errstate(all="ignore"):
                result = compute(node.op, [wrap(x) if isinstance(x, np.ndarray) else x for x in operands], node.attrs)
        except Exception:  # what was saved is not enough for the kernel
            continue
        values[node] = result
        arrays = [x for x in operands if x is not None]
        results = result if isinstance(result, tuple) else (result,)
        if not all(map(_finite, results)) and all(map(_finite, arrays)):
            made = next(r for r in results if not _finite(r))
            return Cause("forward", (node.location,), f"{node.op.name} made {described(np.asarray(made))} of "
                         + ", ".join(described(a) for a in arrays))
    return None


UNKNOWN = object()


def _operand(node: Node, i: int, kind: Any, values: dict[Node, Any]) -> Any:
    """What the i-th operand of a node was: an array, a number or None; UNKNOWN if that cannot be told any more."""
    to = node.edges[i]
    if isinstance(to, Tensor):
        return to._array
    saved = saved_operand(node, i)
    if not isinstance(kind, Type):
        return number_operand(node, i, saved)
    if saved is None and to is not None and to.node in values:
        made = values[to.node]
        saved = made[to.index] if isinstance(made, tuple) else made
    return np.asarray(saved) if isinstance(saved, (np.ndarray, np.generic)) else UNKNOWN
