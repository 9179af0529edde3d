"""The gradients of one node of the dynamic graph.

Gradients travel as plain NumPy arrays through generated functions, one per (op, operand types, which operands need
one): the op's formulas, traced once, simplified and printed. The first uses of such a key run the formulas directly, so
that a program whose shapes change at every step pays for no generating. With create_graph the formulas run on Tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.backends import numpy as numpy_backend
from gradc.ir import Type
from gradc.modes import EAGER_NO_GRAD, enter
from gradc.node import Node, Output, Packed
from gradc.ops.base import NARROW
from gradc.passes.local import tidy
from gradc.tensor import Tensor, payload, wrap
from gradc.tracing import Tracer

Edge = Any


def gradients(node: Node, g: Any) -> Sequence[Any]:
    """The cotangents of a node's operands, as arrays. Every node of every backward comes here: mind the time."""
    guards = node.guards
    if guards and (guards[0].version != guards[1] or len(guards) > 2
                   and (guards[2].version != guards[3] or len(guards) > 4)):
        node.check_saved()
    op = node.op
    edges = node.edges
    needs = ONE if len(edges) == 1 else tuple([e is not None for e in edges])
    if op.backward is not None:
        return op.backward(node, g, needs)  # type: ignore[no-any-return]
    if g.__class__ is dict or not op.generates:
        return _direct(node, g, needs)
    attrs = node.attrs
    key = (node.signature, needs, *attrs.values()) if attrs else (node.signature, needs)
    function = op.generated.get(key)
    if function.__class__ is not FunctionType:
        return _at_first(node, needs, key, function, g)
    return function(g, *node.saved)  # type: ignore[no-any-return]


ONE = (True,)


def _at_first(node: Node, needs: tuple[bool, ...], key: Any, uses: int | None, g: Any) -> Sequence[Any]:
    """The gradients for a key without a generated function: by the formulas themselves the first times."""
    generated = node.op.generated
    if uses is not None and uses >= USES_BEFORE_GENERATING and not _narrow(node, g):
        function = generated[key] = generate(node, needs, Type(dtypes.of(g.dtype), g.shape))
        return function(g, *node.saved)  # type: ignore[no-any-return]
    if len(generated) > 1000:
        generated.clear()
    generated[key] = 1 + (uses or 0)
    return _direct(node, g, needs)


def _narrow(node: Node, g: Any) -> bool:
    """Whether half precision occurs: then the formulas run op by op, each of which is computed in float32."""
    kinds = node.signature[-1]
    return not NARROW.isdisjoint((g.dtype, *(kinds if isinstance(kinds, tuple) else (kinds,))))


USES_BEFORE_GENERATING = 2
"""How often the gradient of a key runs directly before a function is generated for it."""


def _direct(node: Node, g: Any, needs: tuple[bool, ...]) -> Sequence[Any]:
    """The formulas run on tensors outside every graph."""
    before = enter(EAGER_NO_GRAD)
    try:
        found = node.op.gradients(formula_names(node, _as_tensors(node, g), saved_tensors(node, linked=False)), needs)
    finally:
        enter(before)
    return [None if x is None else x._array for x in found]


def gradients_as_tensors(node: Node, g: Any) -> Sequence[Any]:
    """The cotangents of a node's operands as tensors with a graph of their own, for create_graph."""
    if node.guards:
        node.check_saved()
    needs = tuple([e is not None for e in node.edges])
    if node.op.backward_on_tensors is not None:
        return node.op.backward_on_tensors(node, g, needs)  # type: ignore[no-any-return]
    return node.op.gradients(  # type: ignore[no-any-return]
        formula_names(node, _as_tensors(node, g), saved_tensors(node, linked=True)), needs)


def _as_tensors(node: Node, g: Any) -> Any:
    """The cotangent as the formulas take it: a tensor, or for several outputs one each, zeros where none came."""
    if not isinstance(g, dict):
        return g if isinstance(g, Tensor) else wrap(np.asarray(g))
    types = result_types(node)
    assert isinstance(types, tuple)
    return tuple(_as_tensors(node, g[i]) if i in g else wrap(np.zeros(t.shape, t.dtype.numpy))
                 for i, t in enumerate(types))


def saved_tensors(node: Node, linked: bool) -> list[Any]:
    """The saved values as tensors; `linked` to where they came from in the graph."""
    tensors: list[Any] = []
    for value, (is_result, position, _) in zip(node.saved, node.op.saved_sources, strict=True):
        if isinstance(value, tuple):
            parts = [wrap(part) if isinstance(part, np.ndarray) else part for part in value]
            if linked and not is_result:  # the operands of a variadic op
                parts = [_linked(x, node.edges[position + i]) if isinstance(x, Tensor) else x
                         for i, x in enumerate(parts)]
            tensors.append(parts)
        elif not isinstance(value, np.ndarray):
            tensors.append(value)
        else:
            tensor = wrap(value)
            if linked:
                result = Output(node, position) if node.op.results else node
                tensor = _linked(tensor, result if is_result else node.edges[position])
            tensors.append(tensor)
    return tensors


def _linked(tensor: Tensor, origin: Edge) -> Tensor:
    if isinstance(origin, Tensor) and payload(origin) is tensor._array:
        return origin
    tensor._node = origin
    return tensor


def formula_names(node: Node, g: Any, saved: list[Any]) -> dict[str, Any]:
    """What the formulas of a node may name."""
    op = node.op
    types = operand_types(node)
    names = dict(zip(op.saved_names, saved, strict=True))
    names.update(node.attrs)
    names["g"] = g
    names["operand_types"] = types
    for name, type in zip(op.operands, types, strict=False):
        names[f"{name}_type"] = type
    return names


def operand_types(node: Any) -> list[Any]:
    """The type of each operand of a node; a number's class, or the number itself if the op specialises to it."""
    *shapes, kinds = node.signature
    if isinstance(kinds, np.dtype):
        only = dtypes.of(kinds)
        return [Type(only, s) if isinstance(s, tuple) else s for s in shapes]
    return [Type(dtypes.of(k), s) if isinstance(s, tuple) else s for s, k in zip(shapes, kinds, strict=True)]


def result_types(node: Node) -> Type | tuple[Type, ...]:
    """The type of a node's result, or of its results."""
    if node.types is not None:
        return node.types if len(node.types) != 1 else node.types[0]
    kinds = node.signature[-1]
    numbers = [t if isinstance(t, Type) else None if isinstance(kinds, tuple) and kinds[i] is type(None) else 0
               for i, t in enumerate(operand_types(node))]
    return node.op.infer(*node.op.promoted_types(numbers), **node.attrs)  # type: ignore[no-any-return]


# Hooks


def cotangents(node: Node, g: Any) -> tuple[Any, ...]:
    """The cotangent of each differentiable result of a node; None for those that have none."""
    return tuple([g.get(i) for i in _differentiable(node)]) if isinstance(g, dict) else (g,)


def before_running(node: Node, g: Any) -> Any:
    """The cotangent of a node, or the dictionary of them, after the hooks that come before it."""
    assert node.hooks is not None
    replaced = node.hooks.before_running(cotangents(node, g))
    if not isinstance(g, dict):
        return replaced[0]
    return {i: x for i, x in zip(_differentiable(node), replaced, strict=True) if x is not None}


def _differentiable(node: Node) -> list[int]:
    """The numbers of the results that can have a gradient."""
    types = result_types(node)
    types = types if isinstance(types, tuple) else (types,)
    return [i for i, t in enumerate(types) if t is not None and t.dtype.is_differentiable]


# Generated functions


def generate(node: Node, needs: tuple[bool, ...], g_type: Type) -> Callable[..., Any]:
    """The NumPy function (g, *saved) -> gradients for nodes of this op, operand types and needs."""
    op = node.op
    types = operand_types(node)
    tracer = Tracer(node.location)
    g = tracer.input(g_type, "g")
    saved: list[Any] = []
    for (is_result, position, _), name, value in zip(op.saved_sources, op.saved_names, node.held, strict=True):
        if isinstance(value, (np.ndarray, Packed)):
            stand_in: Any = tracer.input(Type(dtypes.of(value.dtype), value.shape), name)
        else:
            # A number stands for any number of its place: a scalar of the cotangent's type, so that nothing is cast.
            stand_in = tracer.input(Type(g_type.dtype), name)
            if value is None or isinstance(types[position], (int, float, complex)) and not is_result:
                stand_in = value
        saved.append(stand_in)
    with tracer.on(grad=False):
        found = op.gradients(formula_names(node, g, saved), needs)
    graph = tidy(tracer.graph(f"{op.name}_gradient", found))
    return numpy_backend.function(graph)
