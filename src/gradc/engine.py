"""`backward` through the dynamic graph.

Gradients travel as plain NumPy arrays through generated functions, one per (op, operand types, which operands need
one): the op's formulas, traced once, simplified and printed. The first use of such a key runs the formulas directly, so
that a program whose shapes change at every step pays for no generating. With create_graph the formulas run on Tensors.
"""

from __future__ import annotations

import heapq
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc import dtypes, locations
from gradc.backends import numpy as numpy_backend
from gradc.errors import ArgumentError, GradError, ShapeError
from gradc.ir import Type
from gradc.modes import EAGER_NO_GRAD, current, enter
from gradc.node import FREED, Node, Output
from gradc.passes.local import tidy
from gradc.tensor import Tensor, edge, held, wrap
from gradc.tracing import Tracer

Edge = Any
Gradient = Any
"""An array, or a Tensor when create_graph."""


def propagate(roots: Sequence[tuple[Edge, Gradient]], *, create_graph: bool, retain_graph: bool,
              targets: Sequence[Edge] | None = None) -> dict[Edge, Gradient]:
    """Send cotangents down the graph from `roots`; return what arrives at leaves, or at `targets` if given.

    Nodes run in the reverse order of their making, which is a topological order, so one pass suffices.
    """
    arrived: dict[Edge, Gradient] = {}
    pending: dict[Node, Any] = {}
    queue: list[tuple[int, Node]] = []
    wanted = None if targets is None else _leading_to(roots, targets)
    called_from = locations.here()
    run = _gradients_as_tensors if create_graph else _gradients

    def receive(to: Edge, g: Gradient) -> None:
        if isinstance(to, Tensor):
            if wanted is None or to in wanted:
                arrived[to] = arrived[to] + g if to in arrived else g
            return
        node = to.node
        if wanted is not None and node not in wanted:
            return
        if node not in pending:
            heapq.heappush(queue, (-node.number, node))
            pending[node] = None
        if node is to:
            pending[node] = g if pending[node] is None else pending[node] + g
        else:
            outputs = pending[node] = pending[node] or {}
            outputs[to.index] = outputs[to.index] + g if to.index in outputs else g

    for to, g in roots:
        receive(to, g)
    while queue:
        node = heapq.heappop(queue)[1]
        g = pending.pop(node)
        if node.hooks is not None:
            g = _call_hooks(node, g)
        if targets is not None:
            _collect(node, g, targets, arrived)
            if node not in wanted.inner:  # type: ignore[union-attr]
                continue
        gradients = run(node, g)
        if not retain_graph and node.saved:
            node.saved = FREED
            node.guards = ()
            node.freed_at = called_from
        for to, part in zip(node.edges, gradients, strict=False):
            if to is None or part is None:
                continue
            if to.__class__ is Node and wanted is None:
                if to in pending:
                    pending[to] = pending[to] + part
                else:
                    pending[to] = part
                    heapq.heappush(queue, (-to.number, to))
            else:
                receive(to, part)
        gradients = part = None  # let go of the arrays, so that a leaf can take them over
    return arrived


class _Wanted(set[Edge]):
    """The nodes and leaves from which a target can be reached; `inner` are those above a target."""

    inner: set[Edge]


def _leading_to(roots: Sequence[tuple[Edge, Gradient]], targets: Sequence[Edge]) -> _Wanted:
    wanted = _Wanted(t if isinstance(t, Tensor) else t.node for t in targets)
    wanted.inner = set()
    seen: set[Edge] = set()
    order: list[Edge] = []
    stack = [to if isinstance(to, Tensor) else to.node for to, _ in roots]
    while stack:
        at = stack.pop()
        if at in seen:
            continue
        seen.add(at)
        order.append(at)
        if not isinstance(at, Tensor):
            stack.extend(e if isinstance(e, Tensor) else e.node for e in at.edges if e is not None)
    # Edges lead to smaller numbers, so in increasing order the operands of a node come before it.
    for node in sorted((n for n in order if not isinstance(n, Tensor)), key=lambda n: n.number):
        if any((e if isinstance(e, Tensor) else e.node) in wanted for e in node.edges if e is not None):
            wanted.add(node)
            wanted.inner.add(node)
    return wanted


def _collect(node: Node, g: Any, targets: Sequence[Edge], arrived: dict[Edge, Gradient]) -> None:
    for target in targets:
        if target is node:
            arrived[target] = g
        elif isinstance(target, Output) and target.node is node and isinstance(g, dict) and target.index in g:
            arrived[target] = g[target.index]


def _call_hooks(node: Node, g: Any) -> Any:
    """The cotangent of a node after its tensor hooks, which see and may replace it."""
    assert node.hooks is not None
    for index, hooks in node.hooks.items():
        value = g.get(index) if isinstance(g, dict) else g
        if value is None:
            continue
        value = run_hooks(hooks, value)
        if isinstance(g, dict):
            g[index] = value
        else:
            g = value
    return g


def run_hooks(hooks: list[Callable[[Tensor], Any]], g: Gradient) -> Gradient:
    """`g` after each hook in turn; a hook that returns None leaves it."""
    for hook in list(hooks):
        seen = g if isinstance(g, Tensor) else wrap(np.asarray(g))
        replaced = hook(seen)
        if replaced is None:
            continue
        name = getattr(hook, "__name__", type(hook).__name__)
        if not isinstance(replaced, Tensor):
            raise ArgumentError(f"expected Variable, but hook returned '{type(replaced).__name__}'")
        if replaced._array.shape != seen._array.shape:
            raise ShapeError(f"hook '{name}' has changed the size of value")
        g = replaced if isinstance(g, Tensor) else replaced._array
    return g


# The gradients of one node


def _gradients(node: Node, g: Any) -> Sequence[Any]:
    """The cotangents of a node's operands, as arrays."""
    saved = node.saved
    if saved:
        node.check_saved()
    op = node.op
    needs = tuple([e is not None for e in node.edges])
    if op.backward is not None:
        return op.backward(node, g, needs)  # type: ignore[no-any-return]
    if isinstance(g, dict) or not op.generates:
        return _direct(node, g, needs)
    key = (node.signature, needs, tuple(node.attrs.values()))
    function = op.generated.get(key)
    if function.__class__ is int or function is None:
        if len(op.generated) > 1000:
            op.generated.clear()
        uses = 1 + (function or 0)
        if uses <= USES_BEFORE_GENERATING:
            op.generated[key] = uses
            return _direct(node, g, needs)
        function = op.generated[key] = generate(node, needs, Type(dtypes.of(g.dtype), g.shape))
    return function(g, *saved)  # type: ignore[no-any-return]


USES_BEFORE_GENERATING = 2
"""How often the gradient of a key runs directly before a function is generated for it."""


def _direct(node: Node, g: Any, needs: tuple[bool, ...]) -> Sequence[Any]:
    """The formulas run on tensors outside every graph."""
    before = enter(EAGER_NO_GRAD)
    try:
        found = node.op.gradients(_names(node, _as_tensors(node, g), _saved_tensors(node, linked=False)), needs)
    finally:
        enter(before)
    return [None if x is None else x._array for x in found]


def _gradients_as_tensors(node: Node, g: Any) -> Sequence[Any]:
    """The cotangents of a node's operands as tensors with a graph of their own, for create_graph."""
    if node.saved:
        node.check_saved()
    needs = tuple([e is not None for e in node.edges])
    if node.op.backward_on_tensors is not None:
        return node.op.backward_on_tensors(node, g, needs)  # type: ignore[no-any-return]
    return node.op.gradients(  # type: ignore[no-any-return]
        _names(node, _as_tensors(node, g), _saved_tensors(node, linked=True)), needs)


def _as_tensors(node: Node, g: Any) -> Any:
    """The cotangent as the formulas take it: a tensor, or for several outputs one each, zeros where none came."""
    if not isinstance(g, dict):
        return g if isinstance(g, Tensor) else wrap(np.asarray(g))
    types = result_types(node)
    assert isinstance(types, tuple)
    return tuple(_as_tensors(node, g[i]) if i in g else wrap(np.zeros(t.shape, t.dtype.numpy))
                 for i, t in enumerate(types))


def _saved_tensors(node: Node, linked: bool) -> list[Any]:
    """The saved values as tensors; `linked` to where they came from in the graph."""
    tensors: list[Any] = []
    for value, (is_result, position, _) in zip(node.saved, node.op.saved_sources, strict=True):
        if isinstance(value, tuple):
            tensors.append([wrap(part) for part in value])
        elif not isinstance(value, np.ndarray):
            tensors.append(value)
        else:
            tensor = wrap(value)
            if linked:
                tensor = _linked(tensor, node if is_result else node.edges[position])
            tensors.append(tensor)
    return tensors


def _linked(tensor: Tensor, origin: Edge) -> Tensor:
    if isinstance(origin, Tensor) and held(origin) is tensor._array:
        return origin
    tensor._node = origin
    return tensor


def _names(node: Node, g: Any, saved: list[Any]) -> dict[str, Any]:
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
    numbers = [0 if not isinstance(t, Type) else t for t in operand_types(node)]
    return node.op.infer(*node.op.promoted_types(numbers), **node.attrs)  # type: ignore[no-any-return]


def generate(node: Node, needs: tuple[bool, ...], g_type: Type) -> Callable[..., Any]:
    """The NumPy function (g, *saved) -> gradients for nodes of this op, operand types and needs."""
    op = node.op
    types = operand_types(node)
    tracer = Tracer(node.location)
    g = tracer.input(g_type, "g")
    saved: list[Any] = []
    for (is_result, position, _), name, value in zip(op.saved_sources, op.saved_names, node.saved, strict=True):
        if isinstance(value, np.ndarray):
            stand_in: Any = tracer.input(Type(dtypes.of(value.dtype), value.shape), name)
        else:
            # A number stands for any number of its place: a scalar of the cotangent's type, so that nothing is cast.
            stand_in = tracer.input(Type(g_type.dtype), name)
            if value is None or isinstance(types[position], (int, float, complex)) and not is_result:
                stand_in = value
        saved.append(stand_in)
    with tracer.on(grad=False):
        found = op.gradients(_names(node, g, saved), needs)
    graph = tidy(tracer.graph(f"{op.name}_gradient", found))
    return numpy_backend.function(graph)


# Leaves


def accumulate(leaf: Tensor, g: Gradient) -> None:
    """Add a gradient to `leaf.grad`: in place if there is one, and otherwise taking over an array nobody else has."""
    held = leaf._grad
    if isinstance(g, Tensor):
        leaf._grad = g.clone() if held is None else held + g  # type: ignore[attr-defined, operator]
    elif held is None:
        # Referred to by our caller's dictionary and loop variable, by `g` and by getrefcount itself.
        exclusive = isinstance(g, np.ndarray) and g.base is None and sys.getrefcount(g) <= 4 and g.flags.writeable
        leaf._grad = wrap(g if exclusive else np.array(g))
    elif held._array.flags.writeable and edge(held) is None:
        held._array += g
        held._storage.version += 1
    else:
        leaf._grad = wrap(np.asarray(held._array + g))


# What users call


def backward(tensors: Tensor | Sequence[Tensor], grad_tensors: Any = None, retain_graph: bool | None = None,
             create_graph: bool = False, inputs: Any = None) -> None:
    """Add the gradient of `tensors` to the `.grad` of the leaves they depend on, as torch.autograd.backward.

    `grad_tensors` are the cotangents of the tensors, 1 for a scalar by default. Saved values are freed unless
    `retain_graph` (by default `create_graph`). `inputs` restricts the leaves.

    Raises GradError for a tensor without graph, and for one that is not a scalar and has no cotangent.
    """
    outputs = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    seeds = _per_output(grad_tensors, len(outputs))
    wanted = None if inputs is None else [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if wanted is not None and not wanted:
        raise GradError("`inputs` argument to `backward()` cannot be empty.")
    trace = current().trace
    if trace is not None:
        trace.backward(outputs, seeds, wanted)
        return
    roots = _roots(outputs, seeds, create_graph)
    if create_graph:
        warnings.warn("Using backward() with create_graph=True will create a reference cycle between the parameter and "
                      "its gradient which can cause a memory leak. We recommend using autograd.grad when creating the "
                      "graph to avoid this.", UserWarning, stacklevel=3)
    retain = create_graph if retain_graph is None else retain_graph
    targets = None
    if wanted is not None:
        for x in wanted:
            if edge(x) is None:
                raise GradError("can't retain_grad on Tensor that has requires_grad=False")
        targets = [edge(x) for x in wanted]
    arrived = propagate(roots, create_graph=create_graph, retain_graph=retain, targets=targets)
    if wanted is None:
        _accumulate_leaves(arrived)
        return
    for x in wanted:
        if edge(x) in arrived:
            accumulate(x, arrived[edge(x)])


def _accumulate_leaves(arrived: dict[Edge, Gradient]) -> None:
    while arrived:
        leaf = next(iter(arrived))
        g = arrived.pop(leaf)
        if leaf._hooks:
            g = run_hooks(leaf._hooks, g)
        accumulate(leaf, g)


def grad(outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None,
         create_graph: bool = False, allow_unused: bool | None = None, is_grads_batched: bool = False,
         materialize_grads: bool = False) -> tuple[Tensor | None, ...]:
    """The gradients of `outputs` with respect to `inputs`, which keep their `.grad`, as torch.autograd.grad.

    Raises GradError for an input that the outputs do not depend on, unless `allow_unused` (None comes back for it) or
    `materialize_grads` (zeros do).
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(f"Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
                         f"allow_unused={allow_unused}.")
    results = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    wanted = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if not wanted:
        raise GradError("`inputs` argument to `grad()` cannot be empty.")
    seeds = _per_output(grad_outputs, len(results))
    trace = current().trace
    if trace is not None:
        found = trace.gradients(results, seeds, wanted)
    else:
        roots = _roots(results, seeds, create_graph)
        for x in wanted:
            if edge(x) is None:
                raise GradError("One of the differentiated Tensors does not require grad"
                                + locations.quote(locations.here()))
        retain = create_graph if retain_graph is None else retain_graph
        arrived = propagate(roots, create_graph=create_graph, retain_graph=retain, targets=[edge(x) for x in wanted])
        found = [_own(arrived.get(edge(x))) for x in wanted]
    return tuple(_used(g, x, i, allow_unused, materialize_grads)
                 for i, (g, x) in enumerate(zip(found, wanted, strict=True)))


def _own(g: Gradient | None) -> Tensor | None:
    if g is None or isinstance(g, Tensor):
        return g
    array = np.asarray(g)
    return wrap(array if array.flags.writeable else array.copy())


def _used(g: Tensor | None, x: Tensor, i: int, allow_unused: bool | None, materialize: bool) -> Tensor | None:
    if g is not None:
        return g
    if materialize:
        return x.zeros_like()  # type: ignore[attr-defined, no-any-return]
    if not allow_unused:
        raise GradError(f"The differentiated Tensor at index {i} appears to not have been used in the graph. Set "
                        f"allow_unused=True if this is the desired behavior.")
    return None


def _per_output(seeds: Any, count: int) -> list[Any]:
    if seeds is None:
        return [None] * count
    found = [seeds] if isinstance(seeds, Tensor) else list(seeds)
    if len(found) != count:
        raise GradError(f"got {count} tensors and {len(found)} gradients")
    return found


def _roots(outputs: list[Tensor], seeds: list[Any], create_graph: bool) -> list[tuple[Edge, Gradient]]:
    roots = []
    for i, (output, seed) in enumerate(zip(outputs, seeds, strict=True)):
        to = edge(output)
        if to is None:
            raise GradError(f"element {i} of tensors does not require grad and does not have a grad_fn"
                            + locations.quote(locations.here()))
        g = seed_of(output, seed)
        roots.append((to, g if create_graph else g._array))
    return roots


def seed_of(output: Tensor, seed: Any) -> Tensor:
    """The cotangent to start from at `output`: `seed` checked and cast, or 1 for a scalar."""
    kind = output.dtype
    if seed is None:
        if output.numel() != 1:
            raise GradError(f"grad can be implicitly created only for scalar outputs: this one is {output.type_}. Sum "
                            f"it, or pass the cotangent: backward(gradient=...)" + locations.quote(locations.here()))
        if kind.is_complex:
            raise GradError(f"grad can be implicitly created only for real scalar outputs but got {kind}")
        return output.new_ones(output._array.shape)  # type: ignore[attr-defined, no-any-return]
    if not isinstance(seed, Tensor):
        raise ArgumentError(f"gradients can be either Tensors or None, but got {type(seed).__name__}")
    if seed._array.shape != output._array.shape:
        raise ShapeError(f"Mismatch in shape: grad_output[0] has a shape of {seed.shape} and output[0] has a shape of "
                         f"{output.shape}.")
    if seed.dtype.is_complex and not kind.is_complex:
        raise GradError("For complex Tensors, both grad_output and output are required to have the same dtype. "
                        f"Mismatch in dtype: grad_output[0] has a dtype of {seed.dtype} and output[0] has a dtype of "
                        f"{kind}.")
    return seed.to(kind)  # type: ignore[attr-defined, no-any-return]


def _backward_method(self: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
                     inputs: Any = None) -> None:
    """Add the gradient of this tensor to the `.grad` of the leaves it depends on, as torch.Tensor.backward."""
    if gradient is not None and not isinstance(gradient, Tensor):
        kind = type(gradient[0] if isinstance(gradient, (list, tuple)) and gradient else gradient)
        raise ArgumentError(f"gradients can be either Tensors or None, but got {kind.__name__}")
    backward(self, None if gradient is None else [gradient], retain_graph, create_graph, inputs)


Tensor.backward = _backward_method  # type: ignore[attr-defined]
