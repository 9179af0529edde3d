"""`backward` through the dynamic graph: where each cotangent goes, in which order, and what users call."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from gradc import composites, locations  # noqa: F401 - composites provides Op.run_composite
from gradc.errors import ArgumentError, GradError, ShapeError
from gradc.gradients import gradients, gradients_as_tensors
from gradc.hooks import run_hooks
from gradc.modes import current
from gradc.node import FREED, Freed, Node, Output
from gradc.ops.joining import stack
from gradc.quiet import QUIET
from gradc.tensor import Tensor, edge, wrap

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
    receive = _receiver(arrived, pending, queue, wanted)
    freed = (Freed(locations.here()), 1)
    run = gradients_as_tensors if create_graph else gradients
    for to, g in roots:
        receive(to, g)
    while queue:
        node = heappop(queue)[1]
        g = pending.pop(node)
        if node.hooks is not None:
            g = _call_hooks(node, g)
        if targets is not None:
            _collect(node, g, targets, arrived)
            if node not in wanted.inner:  # type: ignore[union-attr]
                continue
        try:
            parts = run(node, g)
        except QUIET:  # the user turned NumPy's floating point warnings into errors; gradc's own must not raise
            with np.errstate(all="ignore"):
                parts = run(node, g)
        if not retain_graph and node.saved:
            node.saved = FREED
            node.guards = freed
        for to, part in zip(node.edges, parts):  # noqa: B905 - strict costs a keyword per node
            if to is None or part is None:
                continue
            if to.__class__ is Node and wanted is None:  # the usual case of `receive`, without the call
                if to in pending:
                    pending[to] = pending[to] + part
                else:
                    pending[to] = part
                    heappush(queue, (-to.number, to))
            else:
                receive(to, part)
        parts = part = g = None  # let go of the arrays, so that a leaf can take them over
    return arrived


def _receiver(arrived: dict[Edge, Gradient], pending: dict[Node, Any], queue: list[tuple[int, Node]],
              wanted: _Wanted | None) -> Callable[[Edge, Gradient], None]:
    """The function that adds a cotangent to what an edge has received."""
    def receive(to: Edge, g: Gradient) -> None:
        if isinstance(to, Tensor):
            if wanted is None or to in wanted:
                arrived[to] = arrived[to] + g if to in arrived else g
            return
        node = to.node
        if wanted is not None and node not in wanted:
            return
        if node not in pending:
            heappush(queue, (-node.number, node))
            pending[node] = None
        if node is to:
            pending[node] = g if pending[node] is None else pending[node] + g
        else:
            outputs = pending[node] = pending[node] or {}
            outputs[to.index] = outputs[to.index] + g if to.index in outputs else g

    return receive


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


# Leaves


def accumulate(leaf: Tensor, g: Gradient) -> None:
    """Add a gradient to `leaf.grad`: in place if there is one, and otherwise taking over an array nobody else has."""
    held = leaf._grad
    if isinstance(g, Tensor):
        leaf._grad = g.clone() if held is None else held + g  # type: ignore[attr-defined, operator]
        if held is None and isinstance(leaf._grad._node, Node):
            leaf._grad._node.label = "CopyBackwards"
    elif held is None:
        exclusive = isinstance(g, np.ndarray) and g.base is None and sys.getrefcount(g) <= SOLE and g.flags.writeable
        leaf._grad = wrap(g if exclusive else np.array(g))
    elif held._array.flags.writeable and edge(held) is None:
        held._array += g
        held._storage.version += 1
    else:
        leaf._grad = wrap(np.asarray(held._array + g))


def _accumulate_leaves(arrived: dict[Edge, Gradient]) -> None:
    for leaf in list(arrived):
        g = arrived.pop(leaf)
        if leaf._hooks:
            g = run_hooks(leaf._hooks, g)
        accumulate(leaf, g)


class _Probe:
    """Stands for a leaf when the references to its gradient are counted."""

    _grad: Any = None
    _hooks: Any = None


def _sole_references() -> int:
    """The references that `accumulate` sees to an array that nobody else has; it differs between Python versions."""
    global SOLE
    for SOLE in range(1, 9):  # noqa: B007 - accumulate reads it
        probe, array = _Probe(), np.ones(1)
        identity, arrived = id(array), {probe: array}
        del array
        _accumulate_leaves(arrived)
        if id(probe._grad._array) == identity:
            return SOLE
    return 0  # never sole: every gradient is copied


SOLE = 0
SOLE = _sole_references()


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
        trace.backward(outputs, seeds, wanted, create_graph)
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
            accumulate(x, _after_leaf_hooks(edge(x), arrived))


def _after_leaf_hooks(to: Edge, arrived: dict[Edge, Gradient]) -> Gradient | None:
    g = arrived.get(to)
    hooks = to._hooks if isinstance(to, Tensor) else None  # those of a node ran when it was reached
    return run_hooks(hooks, g) if hooks and g is not None else g


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
    if is_grads_batched:
        return _batched(outputs, inputs, grad_outputs, retain_graph or create_graph, create_graph, allow_unused,
                        materialize_grads)
    results = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    wanted = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if not wanted:
        raise GradError("`inputs` argument to `grad()` cannot be empty.")
    seeds = _per_output(grad_outputs, len(results))
    trace = current().trace
    if trace is not None:
        found = trace.gradients(results, seeds, wanted, create_graph)
    else:
        roots = _roots(results, seeds, create_graph)
        for x in wanted:
            if edge(x) is None:
                raise GradError("One of the differentiated Tensors does not require grad"
                                + locations.quote(locations.here()))
        retain = create_graph if retain_graph is None else retain_graph
        arrived = propagate(roots, create_graph=create_graph, retain_graph=retain, targets=[edge(x) for x in wanted])
        found = [_own(_after_leaf_hooks(edge(x), arrived)) for x in wanted]
    return tuple(_used(g, x, i, allow_unused, materialize_grads)
                 for i, (g, x) in enumerate(zip(found, wanted, strict=True)))


def _batched(outputs: Any, inputs: Any, seeds: Any, retain: bool, *options: Any) -> tuple[Tensor | None, ...]:
    """`grad` for each entry of the first dimension of the cotangents, stacked."""
    rows = [seeds] if isinstance(seeds, Tensor) else list(seeds)
    count = len(next(x for x in rows if x is not None))
    create_graph, allow_unused, materialize = options
    found = [grad(outputs, inputs, [None if x is None else x[i] for x in rows],  # type: ignore[index]
                  retain or i < count - 1, create_graph, allow_unused, False, materialize) for i in range(count)]
    return tuple(None if parts[0] is None else stack(parts)
                 for parts in zip(*found, strict=True))


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
        if seed is None and not create_graph and output._array.shape == () and output._array.dtype.kind == "f":
            roots.append((to, np.ones((), output._array.dtype)))  # the usual case, quickly
            continue
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
