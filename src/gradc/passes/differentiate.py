"""differentiate: replace every `gradient` node by the ops that compute it."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from gradc.ir import Graph, Node, Operand, Value, everywhere, in_regions, opening
from gradc.ir.traits import is_call, is_closed
from gradc.ops.arithmetic import add
from gradc.ops.conversion import detach
from gradc.ops.creation import ones_like, zeros_like
from gradc.ops.custom import saved
from gradc.passes.building import Builder, renamed
from gradc.passes.regions import Pull
from gradc.passes.templates import Templates
from gradc.tensor import Tensor


@opening
def differentiate(graph: Graph) -> Graph:
    """Expand gradients by reverse accumulation: each op's own formulas, from the outputs back to the inputs.

    Only nodes on a path from the inputs to the outputs take part, so no cotangent is zero or unused by construction.
    The cotangent of `z` is called `d_z`. When all gradients are derived, `detach` has done its work and is dropped.
    """
    return _attached(expand_gradients(graph))


def expand_gradients(graph: Graph) -> Graph:
    """`differentiate` for a graph that will be differentiated further: each `detach` stays."""
    graph = in_regions(graph, expand_gradients)
    if not any(node.op.name == "gradient" for node in graph.nodes):
        return graph
    builder = Builder(graph)
    for node in graph.nodes:
        if node.op.name != "gradient":
            builder.keep(node)
            continue
        again = bool(node.attrs.get("create_graph"))
        builder.differentiable(again)
        cotangents = _expand(builder, node, tuple(map(builder.current, node.inputs)))
        if not again:  # a later gradient must not flow through this one
            cotangents = [builder.run(detach, [g], node.loc.because("grad"))[0] for g in cotangents]
        builder.mapping.update(zip(node.outputs, cotangents, strict=True))
    return builder.finish()


@everywhere
def _attached(graph: Graph) -> Graph:
    """The graph with the operand of each detach in its place."""
    if not any(node.op.detaches for node in graph.nodes):
        return graph
    builder = Builder(graph)
    for node in graph.nodes:
        if node.op.detaches:
            builder.mapping[node.outputs[0]] = node.inputs[0]
        else:
            builder.keep(node)
    return builder.finish()


def _expand(builder: Builder, node: Node, inputs: Sequence[Operand]) -> list[Operand]:
    """Record what a gradient node computes: the cotangents of its targets; zeros for one that nothing depends on."""
    of, seeded = node.attrs["of"], node.attrs["seeded"]
    outputs, seeds = inputs[:of], inputs[of : 2 * of] if seeded else [None] * of
    targets = [x for x in inputs[2 * of if seeded else of :] if isinstance(x, Value)]
    between = _since(builder.nodes, targets)
    reverse = _Reverse(builder, node, _depending(between, targets))
    for output, seed in zip(outputs, seeds, strict=True):
        if isinstance(output, Value) and output in reverse.depending:
            reverse.add(output, reverse.one(output) if seed is None else seed)
    for inner in reversed(between):
        reverse.visit(inner)
    return [reverse.complete(target) for target in targets]


def _since(nodes: Sequence[Node], targets: Iterable[Value]) -> Sequence[Node]:
    """The nodes from the first that makes a target on: no other can depend on one. All if a target is an input."""
    missing = set(targets)
    for i in reversed(range(len(nodes))):
        missing.difference_update(nodes[i].outputs)
        if not missing:
            return nodes[i:]
    return nodes[:]


def _depending(nodes: Sequence[Node], targets: Iterable[Value]) -> set[Operand]:
    """The values through which a gradient can flow to a target, the targets included."""
    depending: set[Operand] = set(targets)
    for node in nodes:
        if depending.isdisjoint(node.inputs):
            continue
        if is_closed(node):
            flags = flowing(node, [x in depending for x in node.inputs])
            depending.update([v for v, flag in zip(node.outputs, flags, strict=True) if flag])
        elif _flows(node, depending):
            depending.update([v for v in _results(node) if v.type.dtype.is_differentiable])
    return depending


def flowing(node: Node, flags: Sequence[bool]) -> list[bool]:
    """Through which results of a node with closed regions a gradient can flow to an operand that `flags` marks."""
    def through(region: Graph, marked: Sequence[bool]) -> list[bool]:
        depending = _depending(region.nodes, [v for v, flag in zip(region.inputs, marked, strict=True) if flag])
        return [x in depending for x in region.outputs]

    op: Any = node.op
    found = op.flow(flags, [functools.partial(through, region) for region in node.regions], node.attrs)
    return [flag and v.dtype.is_differentiable for flag, v in zip(found, node.outputs, strict=False)]


def _flows(node: Node, depending: Collection[Operand]) -> bool:
    """Whether the results of a node have a gradient with respect to an operand in `depending`."""
    op = node.op
    if is_call(node):
        gradients = node.regions[1].outputs if len(node.regions) > 1 else ()
        return any(g is not None and x in depending for g, x in zip(gradients, node.inputs, strict=False))
    return op.saved_names is not None and (
        op.joint is not None or any(x in depending for i, x in enumerate(node.inputs) if i in op.formulas))


def _results(node: Node) -> Sequence[Value]:
    """The results that can have a cotangent: of a call those of its function, without what it saves."""
    return node.outputs[: len(node.regions[0].results)] if is_call(node) else node.outputs


class _Reverse:
    """The expansion of one gradient node: cotangents by value, as the nodes are visited backward."""

    def __init__(self, builder: Builder, node: Node, depending: set[Operand]) -> None:
        self.builder = builder
        self.why = self.asked = node.loc.because("grad")
        self.depending = depending
        self.cotangents: dict[Value, Operand] = {}
        self.unnamed: set[Operand] = set()
        self.seen = len(builder.nodes)
        self.templates = Templates(builder)

    def one(self, output: Value) -> Operand:
        """The cotangent of a scalar output."""
        return self.builder.run(ones_like, [output], self.why)[0]

    def add(self, value: Value, g: Operand) -> None:
        """Add a contribution to the cotangent of a value."""
        held = self.cotangents.get(value)
        if held is not None:
            both, why = (held, g), self.why
            g, = self.templates.record(add, both, {}, why, lambda: self.builder.run(add, both, why))
        self.cotangents[value] = g

    def complete(self, value: Value) -> Operand:
        """The cotangent of a value all of whose readers were visited, under its name `d_<value>`."""
        g = self.cotangents.get(value)
        if g is None:
            g = self.builder.run(zeros_like, [value], self.asked)[0]
        for node in self.builder.nodes[self.seen :]:
            self.unnamed.update(node.outputs)
        self.seen = len(self.builder.nodes)
        if isinstance(g, Value) and g in self.unnamed:
            renamed(g, self.builder.name(f"d_{value.name.replace('[', '_').rstrip(']')}"))
            self.unnamed.discard(g)
        return g

    def visit(self, node: Node) -> None:
        """Send the cotangents of a node's results on to its operands."""
        reached = [v for v in node.outputs if v in self.cotangents]
        if not reached or self.depending.isdisjoint(node.inputs) or self.depending.isdisjoint(node.outputs):
            return
        for value in reached:
            self.complete(value)
        self.why = node.loc.because("grad")
        cotangents = [self.cotangents.get(v) for v in node.outputs]
        found = self.cotangents_of(node, cotangents, [x in self.depending for x in node.inputs])
        for operand, g in zip(node.inputs, found, strict=True):
            if g is not None and isinstance(operand, Value):
                self.add(operand, g)

    def cotangents_of(self, node: Node, cotangents: Sequence[Operand], needs: Sequence[bool]) -> Sequence[Operand]:
        """The cotangent of each operand of a node that needs one, by the gradient formulas of its op."""
        def record() -> Sequence[Operand]:
            return self.builder.call(self.why, _formulas, self.builder, node, cotangents, needs)  # type: ignore[no-any-return]

        if node.regions:
            return record()
        values = (*node.inputs, *node.outputs, *cotangents)
        return self.templates.record((node.op, *needs), values, node.attrs, self.why, record)


def _formulas(builder: Builder, node: Node, cotangents: Sequence[Operand], needs: Sequence[bool]) -> list[Operand]:
    """The cotangent of each operand of a node that needs one, by the gradient formulas of its op."""
    if is_call(node):
        return _pulled(builder, node, cotangents)
    if is_closed(node):
        op: Any = node.op
        return [None if g is None else builder.read(g)
                for g in op.pull(Pull(builder, node, cotangents, needs, expand_gradients, flowing))]
    found = node.op.gradients(_Names(builder, node, cotangents), needs)
    return [builder.read(g) if isinstance(g, Tensor) else g for g in found]


def _pulled(builder: Builder, node: Node, cotangents: Sequence[Operand]) -> list[Operand]:
    """The cotangents of a call's operands, by its second region."""
    backward = node.regions[1]
    why = node.loc.because("grad")
    given = [builder.run(zeros_like, [v], why)[0] if g is None else g
             for v, g in zip(_results(node), cotangents, strict=False)]
    inside = builder.inline(backward, [*saved(node), *given], "grad")
    return [inside[x] if isinstance(x, Value) else None for x in backward.outputs]


class _Names(dict[str, Any]):
    """What the formulas of a node may name. Values become tensors when a formula first asks for them."""

    def __init__(self, builder: Builder, node: Node, cotangents: Sequence[Operand]) -> None:
        super().__init__(node.attrs)
        self.builder = builder
        self.node = node
        self.cotangents = cotangents

    def __missing__(self, name: str) -> Any:
        node, operands = self.node, self.node.op.operands
        if name == "g":
            found = [self._cotangent(g, v) for g, v in zip(self.cotangents, node.outputs, strict=True)]
            self[name] = found[0] if len(found) == 1 else tuple(found)
        elif name == "result":
            found = [self.builder.tensor(v) for v in node.outputs]
            self[name] = found[0] if len(found) == 1 else tuple(found)
        elif name in node.op.results:
            self[name] = self.builder.tensor(node.outputs[node.op.results.index(name)])
        elif name == "operand_types":
            self[name] = [x.type if isinstance(x, Value) else x for x in node.inputs]
        elif name in operands:
            i = operands.index(name)
            last = node.op.variadic and i == len(operands) - 1
            self[name] = [*map(self._tensor, node.inputs[i:])] if last else self._tensor(node.inputs[i])
        else:
            self[name] = self["operand_types"][operands.index(name.removesuffix("_type"))]
        return self[name]

    def _tensor(self, operand: Operand) -> Any:
        return self.builder.tensor(operand) if isinstance(operand, Value) else operand

    def _cotangent(self, g: Operand, value: Value) -> Any:
        """The cotangent of one of the node's results: zeros if nothing depends on it."""
        if g is None:
            return zeros_like(self.builder.tensor(value))
        return self._tensor(g)
