"""batch: one graph that computes many examples at once, out of the graph of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from gradc.apply import apply
from gradc.errors import GradError, TraceError
from gradc.ir import Graph, Location, Node, Operand, Type, Value
from gradc.ir.traits import is_closed
from gradc.ops.batching import Examples
from gradc.ops.creation import full
from gradc.ops.custom import defined
from gradc.ops.joining import stack
from gradc.ops.reduction import sum
from gradc.passes.building import Builder, renamed
from gradc.passes.decompose import composite
from gradc.passes.regions import Recording
from gradc.tensor import Tensor
from gradc.tracing import Tracer


def batch(graph: Graph, size: int, batched: Sequence[bool]) -> tuple[Graph, tuple[bool, ...]]:
    """The graph for `size` examples of the inputs that `batched` marks, which have them along a new first dimension.

    Returns the graph, and for each of its outputs whether it has that dimension: one that depends on no batched input
    is computed once, as before. Names and locations stay. It comes after `differentiate`, which makes gradients into
    ops, and before `fuse` and `free`.

    Raises GradError when an input that is the same for all examples would be updated by what differs, and TraceError
    for a node that nothing says how to compute, such as a gradient still to be derived.
    Source  jax.vmap; the rules are those of the ops, see ops/batching.py
    """
    batcher = _Batcher(graph, size, batched, graph.loc)
    batcher.take_all()
    return batcher.finished(graph.outputs)


class _Batcher(Builder):
    """The graph of many examples in the making."""

    def __init__(self, graph: Graph, size: int, batched: Sequence[bool], place: Location) -> None:
        super().__init__(graph)
        self.place = place
        self.size = size
        self.differing: set[Operand] = set()
        self.repeated: dict[Operand, Operand] = {}
        for i, (value, differs) in enumerate(zip(graph.inputs, batched, strict=True)):
            if differs:
                self.inputs[i] = Value(value.name, Type(value.dtype, (size, *value.shape)))
                self.mapping[value] = self.inputs[i]
                self.differing.add(self.inputs[i])

    def take_all(self) -> None:
        """Take over the nodes of the graph of one example."""
        waiting = list(reversed(self.source.nodes))
        while waiting:
            node = waiting.pop()
            if not any(map(self.differs, node.inputs)):
                self.keep(node)
            elif is_closed(node):
                waiting.extend(reversed(self.control(node)))
            elif node.regions and not node.attrs.get("function"):
                self.call_regions(node)
            elif not self.compute(node):
                waiting.extend(reversed(self.opened(node)))

    def differs(self, operand: Operand) -> bool:
        """Whether an operand of the graph of one example differs between examples."""
        return self.current(operand) in self.differing

    def compute(self, node: Node) -> bool:
        """Compute all examples of a node by its op's rule, or one by one. False for a composite that is to be opened.
        """
        since = len(self.nodes)
        operands = [self.current(x) for x in node.inputs]
        tensors = [self.tensor(x) if isinstance(x, Value) else x for x in operands]
        examples = Examples(tensors, [x in self.differing for x in operands], node.attrs, self.size)
        found = self.call(node.loc, node.op.batched, examples)
        if found is None:
            if composite(node.op):
                return False
            found = self.call(node.loc, _one_by_one, node, examples)
        parts = cast("tuple[Any, ...]", found) if isinstance(found, tuple) else (found,)
        results = [self.read(x) for x in parts]
        self.differing.update(results)
        self.replace(node, results, since)
        return True

    def opened(self, node: Node) -> list[Node]:
        """The nodes of one example that a composite is made of; what it returns stands for its results."""
        tracer = Tracer(node.loc.because(node.op.name))
        tracer.name = lambda base: self.name(base)
        operands = [tracer.tensor(x) if isinstance(x, Value) else x for x in node.inputs]
        with tracer.on():
            found: Any = node.op.decompose(*operands, **node.attrs)
        made = {value for each in tracer.nodes for value in each.outputs}
        parts = cast("tuple[Any, ...]", found) if isinstance(found, tuple) else (found,)
        for old, tensor in zip(node.outputs, parts, strict=True):
            new = tracer.read(tensor)
            if new in made:
                renamed(new, old.name)
            self.mapping[old] = new
        return tracer.nodes

    def control(self, node: Node) -> list[Node]:
        """Compute all examples of a node with closed regions; or open it: return nodes of one example to take over."""
        since = len(self.nodes)
        call = _Many(self, node)
        op: Any = node.op
        found = self.call(node.loc, op.many, call)
        if found is not None:
            results = [self.read(x) for x in found[0]]
            self.differing.update([x for x, differs in zip(results, found[1], strict=True) if differs])
            self.replace(node, results, since)
        return call.waiting

    def call_regions(self, node: Node) -> None:
        """Let a node's forward and backward compute all examples. Whatever depends on an operand then differs."""
        flags = [self.differs(x) for x in node.inputs]
        regions = _regions(node, self.size, flags)
        types = [value.type for value in defined(regions[0])]
        outputs = tuple([Value(old.name, type) for old, type in zip(node.outputs, types, strict=True)])
        self.nodes.append(node.replace(inputs=tuple(map(self.current, node.inputs)), outputs=outputs, regions=regions))
        self.mapping.update(zip(node.outputs, outputs, strict=True))
        self.differing.update(outputs)

    def whole(self, operand: Operand) -> Operand:
        """An operand for each example: repeated, if it is the same for all."""
        value = self.current(operand)
        if value is None or value in self.differing:
            return value
        if value not in self.repeated:
            self.repeated[value] = self.run(_repeated, [value], self.place, {"size": self.size})[0]
            self.differing.add(self.repeated[value])
        return self.repeated[value]

    def total(self, operand: Operand) -> Operand:
        """The sum of an operand over the examples."""
        value = self.whole(operand)
        return None if value is None else self.run(sum, [value], self.place, {"dim": 0})[0]

    def finished(self, outputs: Sequence[Operand]) -> tuple[Graph, tuple[bool, ...]]:
        """The graph of many examples with these outputs, and which of them differ."""
        states, first = dict(zip(self.source.inputs, self.inputs, strict=True)), len(self.source.results)
        outputs = list(outputs)
        for i, state in enumerate(self.source.updates, first):
            if self.differs(state):
                outputs[i] = self.whole(outputs[i])
            elif self.differs(outputs[i]):
                raise GradError(f"vmap: inplace arithmetic(self, *extra_args) is not possible: {state!r} is the same "
                                f"for all {self.size} examples, and what would be written to it differs\n"
                                f"    Return the new value instead, or give each example a tensor of its own.")
        updates = tuple([states[state] for state in self.source.updates])
        return self.finish(outputs=outputs, updates=updates), tuple(map(self.differs, outputs))


def _regions(node: Node, size: int, flags: Sequence[bool]) -> tuple[Graph, ...]:
    """The forward and, if there is one, the backward of a node whose operands differ by `flags`.

    All results differ. A gradient of what is the same for all examples is the sum of theirs.
    """
    one = node.regions[0]
    forward = _Batcher(one, size, flags, node.loc)
    forward.take_all()
    results = [forward.whole(x) for x in one.results]
    saved = [x if x in one.inputs else forward.whole(x) for x in one.saved_values]
    many, differ = forward.finished([*results, *one.updated, *saved])
    if len(node.regions) == 1:
        return (many,)
    flags_back = [*differ[len(differ) - one.saved :], *[True] * len(results)]
    backward = _Batcher(node.regions[1], size, flags_back, node.loc)
    backward.take_all()
    gradients = [backward.whole(g) if flag else backward.total(g)
                 for g, flag in zip(node.regions[1].outputs, flags, strict=True)]
    return many, backward.finished(gradients)[0]


class _Many(Recording):
    """A node with closed regions whose operands are those of many examples; `flags` says which of them differ.

    `waiting` are the nodes of one example that stand for the node once it is opened.
    """

    def __init__(self, batcher: _Batcher, node: Node) -> None:
        super().__init__(batcher, node)
        self.batcher = batcher
        self.size = batcher.size
        self.flags = [batcher.differs(x) for x in node.inputs]
        self.waiting: list[Node] = []

    def whole(self, i: int) -> Tensor:
        """Operand `i`, repeated for each example if it is the same in all."""
        return self.batcher.tensor(cast(Value, self.batcher.whole(self.node.inputs[i])))

    def differ(self, region: Graph, flags: Sequence[bool]) -> list[bool]:
        """Which results of a region differ if these inputs do."""
        return list(batch(region, self.size, flags)[1])

    def region(self, region: Graph, flags: Sequence[bool], whole: Sequence[bool]) -> Graph:
        """The region for all examples of the inputs that differ; it repeats results that are `whole` and do not."""
        batcher = _Batcher(region, self.size, flags, self.node.loc)
        batcher.take_all()
        return batcher.finished([batcher.whole(x) if each else x
                                 for x, each in zip(region.outputs, whole, strict=True)])[0]

    def open(self, function: Callable[..., Sequence[Any]]) -> None:
        """Take over what `function` records of the operands of one example, in place of the node."""
        builder = Builder(self.batcher.source)
        builder.name = self.batcher.name
        operands = [builder.tensor(x) if isinstance(x, Value) else x for x in self.node.inputs]
        found = builder.call(self.node.loc, function, *operands)
        self.batcher.mapping.update(zip(self.node.outputs, map(builder.read, found), strict=True))
        self.waiting = builder.nodes


def _repeated(x: Tensor, size: int) -> Tensor:
    return x.expand((size, *x._array.shape))  # type: ignore[attr-defined]


def _one_by_one(node: Node, examples: Examples) -> Any:
    """One example after the other: right for every op, and as slow as a loop."""
    op = node.op
    if op.kernel is None:
        raise TraceError(f"vmap: batch has no rule for {op.name}\n"
                         f"    It comes after `differentiate` and before `fuse` and `free`.")
    if not examples.size:
        empty = [full((0, *value.shape), 0, dtype=value.dtype) for value in node.outputs]
        return tuple(empty)
    found: list[Any] = []
    for i in range(examples.size):
        operands = [x[i] if differs else x for x, differs in zip(examples.operands, examples.flags, strict=True)]
        results = apply(op, tuple(operands), examples.attrs)
        found.append(cast("tuple[Any, ...]", results) if isinstance(results, tuple) else (results,))
    return tuple([stack(parts) for parts in zip(*found, strict=True)])
