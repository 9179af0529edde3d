"""`backward` through the dynamic graph: where each cotangent goes, in which order, and what users call."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from heapq import heappop, heappush
from typing import Any

import numpy as np

from gradc import anomaly, composites, locations  # noqa: F401 - composites provides Op.run_composite
from gradc.errors import ArgumentError, GradError, ShapeError
from gradc.gradients import before_running, cotangents, gradients, gradients_as_tensors
from gradc.modes import current, set_grad_enabled
from gradc.node import FREED, Freed, GradientEdge, Node
from gradc.ops.joining import stack
from gradc.quiet import QUIET
from gradc.tensor import Tensor, edge, wrap

Edge = Any
Gradient = Any
"""An array, or a Tensor when create_graph."""


class Run:
    """One backward on its way: where it starts, whether it builds a graph, and what is wanted of it (None: all)."""

    wanted: _Wanted | None = None
    _reached: set[Any] | None = None

    def __init__(self, roots: Sequence[tuple[Edge, Gradient]], create_graph: bool) -> None:
        self.roots = roots
        self.create_graph = create_graph

    def reaches(self, node: Any) -> bool:
        """Whether a node, or a leaf, gets a gradient in this run."""
        if self.wanted is not None:
            return node in self.wanted
        if self._reached is None:
            self._reached = set(_below(self.roots))
        return node in self._reached


def propagate(run: Run, *, retain_graph: bool, targets: Sequence[Edge] | None = None) -> dict[Edge, Gradient]:
    """Send cotangents down the graph from the roots; return what arrives at leaves, or at `targets` if given.

    Nodes run in the reverse order of their making, which is a topological order, so one pass suffices.
    """
    arrived: dict[Edge, Gradient] = {}
    pending: dict[Node, Any] = {}
    queue: list[tuple[int, Node]] = []
    wanted = run.wanted = None if targets is None else leading_to(run.roots, targets)
    receive = _receiver(arrived, pending, queue, wanted)
    inner = _targets_by_node(targets or ())
    freed = (Freed(locations.here()), 1)
    compute = gradients_as_tensors if run.create_graph else gradients
    if anomaly.enabled:
        compute = anomaly.watched(compute)
    for to, g in run.roots:
        receive(to, g)
    while queue:
        node = heappop(queue)[1]
        g = pending.pop(node)
        hooks = node.hooks
        if hooks is not None:
            with set_grad_enabled(run.create_graph):
                g = hooks.on_outputs(g, run)
        if targets is not None:
            for target in inner.get(node, ()):
                value = g.get(target.index) if isinstance(g, dict) else g
                if value is not None:
                    arrived[target] = value
            if node not in wanted.inner:  # type: ignore[union-attr]
                continue
        if hooks is not None and hooks.before:
            with set_grad_enabled(run.create_graph):
                g = before_running(node, g)
        try:
            parts = compute(node, g)
        except QUIET:  # the user turned NumPy's floating point warnings into errors; gradc's own must not raise
            with np.errstate(all="ignore"):
                parts = compute(node, g)
        if hooks is not None and hooks.after:
            with set_grad_enabled(run.create_graph):
                parts = hooks.after_running(parts, cotangents(node, g))
        if not retain_graph and node.guards:
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
                arrived[to] = arrived.pop(to) + g if to in arrived else g  # in the order in which they are complete
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


def leading_to(roots: Sequence[tuple[Edge, Gradient]], targets: Sequence[Edge]) -> _Wanted:
    """The targets, and the nodes between `roots` and them."""
    wanted = _Wanted(t if isinstance(t, Tensor) else t.node for t in targets)
    wanted.inner = set()
    order = _below(roots)
    # Edges lead to smaller numbers, so in increasing order the operands of a node come before it.
    for node in sorted((n for n in order if not isinstance(n, Tensor)), key=lambda n: n.number):
        if any((e if isinstance(e, Tensor) else e.node) in wanted for e in node.edges if e is not None):
            wanted.add(node)
            wanted.inner.add(node)
    return wanted


def _below(roots: Sequence[tuple[Edge, Gradient]]) -> list[Any]:
    """All nodes and leaves that can be reached from the roots."""
    seen: set[Any] = set()
    order: list[Any] = []
    stack = [to if isinstance(to, Tensor) else to.node for to, _ in roots]
    while stack:
        at = stack.pop()
        if at in seen:
            continue
        seen.add(at)
        order.append(at)
        if not isinstance(at, Tensor):
            stack.extend(e if isinstance(e, Tensor) else e.node for e in at.edges if e is not None)
    return order


def _targets_by_node(targets: Sequence[Edge]) -> dict[Node, list[Edge]]:
    """The targets that are no leaves, by their nodes."""
    found: dict[Node, list[Edge]] = {}
    for target in targets:
        if not isinstance(target, Tensor):
            found.setdefault(target.node, []).append(target)
    return found


# Leaves

ACCUMULATING = threading.RLock()
"""Held while `.grad` changes, which the backwards of several threads may do at once to the same leaves."""


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


def _accumulate_leaves(arrived: dict[Tensor, Gradient], run: Run | None = None) -> None:
    """Add what has arrived to the leaves' `.grad`, between their hooks."""
    for leaf in arrived:
        if leaf._hooks:
            _accumulate_with_hooks(arrived, run)  # type: ignore[arg-type]
            return
    with ACCUMULATING:
        for leaf in list(arrived):
            accumulate(leaf, arrived.pop(leaf))


def _accumulate_with_hooks(arrived: dict[Tensor, Gradient], run: Run) -> None:
    """All hooks that may still change a gradient come first: an error in one leaves every `.grad` as it was.

    Hooks run without the lock: they may wait for another thread's backward.
    """
    hooked = [leaf for leaf in arrived if leaf._hooks]
    with set_grad_enabled(run.create_graph):
        for leaf in hooked:
            arrived[leaf] = leaf._hooks.before_accumulating(arrived[leaf], run)
        added = {leaf: arrived[leaf] for leaf in hooked if leaf._hooks.after}
        with ACCUMULATING:
            for leaf in list(arrived):
                accumulate(leaf, arrived.pop(leaf))
        for leaf in hooked:
            leaf._hooks.after_accumulating(leaf, added.get(leaf))


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
    outputs = [tensors] if isinstance(tensors, Tensor) else _listed(tensors)
    seeds = _per_output(grad_tensors, len(outputs))
    wanted = None if inputs is None else _listed(inputs)
    if wanted is not None and not wanted:
        raise GradError("`inputs` argument to `backward()` cannot be empty.")
    modes = current()
    if modes.functional:
        raise GradError("backward() called inside a functorch transform. This is not supported, please use "
                        "functorch.grad or functorch.vjp instead or call backward() outside of functorch transforms."
                        + locations.quote(locations.here()) + "\n    autograd.grad() and gradc.func.grad work here.")
    if modes.trace is not None:
        modes.trace.backward(outputs, seeds, wanted, create_graph, retain_graph)
        return
    roots = _roots(outputs, seeds, create_graph)
    if create_graph:
        warnings.warn("Using backward() with create_graph=True will create a reference cycle between the parameter and "
                      "its gradient which can cause a memory leak. We recommend using autograd.grad when creating the "
                      "graph to avoid this.", UserWarning, stacklevel=3)
    retain = create_graph if retain_graph is None else retain_graph
    run = Run(roots, create_graph)
    if wanted is None and not create_graph:
        _accumulate_leaves(propagate(run, retain_graph=retain), run)
    else:
        with set_grad_enabled(create_graph):  # whatever the caller has
            _into_leaves(run, retain, wanted)


_only_wanted: ContextVar[bool] = ContextVar("a backward that stops at what is wanted", default=False)
is_restricted: Callable[[], bool] = _only_wanted.get
"""Whether a backward is running in which not all leaves get their gradients."""


def _to_targets(run: Run, retain_graph: bool, targets: Sequence[Edge]) -> dict[Edge, Gradient]:
    token = _only_wanted.set(True)
    try:
        return propagate(run, retain_graph=retain_graph, targets=targets)
    finally:
        _only_wanted.reset(token)


def _into_leaves(run: Run, retain_graph: bool, wanted: list[Any] | None) -> None:
    targets = None if wanted is None else _edges(wanted, "can't retain_grad on Tensor that has requires_grad=False")
    arrived = propagate(run, retain_graph=retain_graph) if targets is None else _to_targets(run, retain_graph, targets)
    for x, to in zip(wanted or (), targets or (), strict=True):
        if not isinstance(to, Tensor) and to in arrived:  # the user asked for the gradient of a tensor that is no leaf
            with ACCUMULATING:
                accumulate(x, arrived.pop(to))
    _accumulate_leaves(arrived, run)


def grad(outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None,
         create_graph: bool = False, only_inputs: bool = True, allow_unused: bool | None = None,
         is_grads_batched: bool = False, materialize_grads: bool = False) -> tuple[Tensor | None, ...]:
    """The gradients of `outputs` with respect to `inputs`, which keep their `.grad`, as torch.autograd.grad.

    Raises GradError for an input that the outputs do not depend on, unless `allow_unused` (None comes back for it) or
    `materialize_grads` (zeros do). `only_inputs` is from before PyTorch 0.4, and has no effect.
    """
    if not only_inputs:
        warnings.warn("only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate "
                      "gradient for other parts of the graph, please use torch.autograd.backward.", FutureWarning,
                      stacklevel=2)
    if materialize_grads and allow_unused is False:
        raise ValueError(f"Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
                         f"allow_unused={allow_unused}.")
    if is_grads_batched:
        return _batched(outputs, inputs, grad_outputs, retain_graph or create_graph, create_graph, allow_unused,
                        materialize_grads)
    results, wanted = _listed(outputs), _listed(inputs)
    if not wanted:
        raise GradError("`inputs` argument to `grad()` cannot be empty.")
    seeds = _per_output(grad_outputs, len(results))
    trace = current().trace
    if trace is not None:
        found = trace.gradients(results, seeds, wanted, create_graph, retain_graph)
    else:
        run = Run(_roots(results, seeds, create_graph), create_graph)
        retain = create_graph if retain_graph is None else retain_graph
        if not create_graph:
            found = _gradients(run, retain, wanted)
        else:
            with set_grad_enabled(True):  # also where the caller has them off
                found = _gradients(run, retain, wanted)
    watch = current().watch
    if watch is not None and not create_graph:
        for g in found:
            if g is not None:
                watch("rebuild", "autograd.grad() without create_graph=True", tuple(results), g)
    return tuple(_used(g, x, i, allow_unused, materialize_grads)
                 for i, (g, x) in enumerate(zip(found, wanted, strict=True)))


def _gradients(run: Run, retain_graph: bool, wanted: list[Any]) -> list[Tensor | None]:
    targets = _edges(wanted, "One of the differentiated Tensors does not require grad")
    arrived = _to_targets(run, retain_graph, targets)
    for leaf in arrived:
        if isinstance(leaf, Tensor) and leaf._hooks:  # those of a node ran when it was reached
            with set_grad_enabled(run.create_graph):
                arrived[leaf] = leaf._hooks.on_outputs(arrived[leaf], run)
    return [_own(arrived.get(to)) for to in targets]


def _listed(tensors: Any) -> list[Any]:
    return [tensors] if isinstance(tensors, (Tensor, GradientEdge)) else list(tensors)


def _edges(wanted: list[Any], problem: str) -> list[Edge]:
    """The edges of what gradients are wanted of. Raises GradError for a tensor that requires none."""
    edges = [edge(x) if isinstance(x, Tensor) else x.edge for x in wanted]
    for e in edges:
        if e is None:
            raise GradError(problem + locations.quote(locations.here()))
    return edges


def _batched(outputs: Any, inputs: Any, seeds: Any, retain: bool, *options: Any) -> tuple[Tensor | None, ...]:
    """`grad` for each entry of the first dimension of the cotangents, stacked."""
    rows = [seeds] if isinstance(seeds, Tensor) else list(seeds)
    count = len(next(x for x in rows if x is not None))
    create_graph, allow_unused, materialize = options
    found = [grad(outputs, inputs, [None if x is None else x[i] for x in rows],  # type: ignore[index]
                  retain or i < count - 1, create_graph, allow_unused=allow_unused, materialize_grads=materialize)
             for i in range(count)]
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
        if not isinstance(x, Tensor):
            raise GradError("materialize_grads cannot be used when the given input is a GradientEdge")
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
        to = edge(output) if isinstance(output, Tensor) else output.edge
        if to is None:
            raise GradError(f"element {i} of tensors does not require grad and does not have a grad_fn"
                            + locations.quote(locations.here()))
        if not isinstance(output, Tensor):
            if seed is None:
                raise GradError(f"grad_outputs is None for a GradientEdge (element {i}): its shape is not known here, "
                                f"so pass the cotangent{locations.quote(locations.here())}")
            roots.append((to, seed if create_graph else seed._array))
            continue
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
