"""What an op is told when a node with regions is differentiated, and regions made of regions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from gradc.ir import OPS, Graph, Node, Operand, Type, Value, fresh_names, names, substitute
from gradc.passes.building import Builder
from gradc.passes.cut import least_kept
from gradc.passes.dce import dce
from gradc.tensor import Tensor

Expand = Callable[[Graph], Graph]
"""The pass that replaces gradient nodes."""
Flowing = Callable[[Node, Sequence[bool]], list[bool]]
"""Which results of a node depend on marked operands."""


def narrowed(regions: Sequence[Graph]) -> tuple[list[Graph], list[int]]:
    """Regions of the same operands without the inputs that none of them reads, and the positions of the others."""
    read: set[int] = set()
    for region in regions:
        used: set[Operand] = {*region.outputs, *(x for node in region.nodes for x in node.inputs)}
        read.update(i for i, value in enumerate(region.inputs) if value in used)
    kept = sorted(read)
    return [region.replace(inputs=tuple([region.inputs[i] for i in kept])) for region in regions], kept


class Recording:
    """A node with regions, and its operands as tensors of the graph under construction."""

    def __init__(self, builder: Builder, node: Node) -> None:
        self.builder = builder
        self.node = node
        self.operands: list[Any] = [builder.tensor(x) if isinstance(x, Value) else x
                                    for x in map(builder.current, node.inputs)]

    def graph(self, like: Graph, operands: Sequence[Tensor], sequences: Collection[int],
              function: Callable[..., Sequence[Any]]) -> Graph:
        """A region that computes `function` of these operands, or of the elements of those at `sequences`."""
        name = fresh_names(())
        inputs: list[Value] = []
        for i, x in enumerate(operands):
            value = self.builder.read(x)
            inner = value.shape[1:] if i in sequences else value.shape
            inputs.append(Value(name(value.name), Type(value.dtype, inner)))
        builder = Builder(Graph(like.name, tuple(inputs), (), (), loc=like.loc))
        found = builder.call(self.node.loc, function, *map(builder.tensor, inputs))
        return dce(builder.finish(outputs=tuple([builder.read(x) for x in found])))


class Pull(Recording):
    """A node with regions that is being differentiated.

    `cotangents` has a tensor, or None, for each result; `needs` says which operands want one.
    """

    def __init__(self, builder: Builder, node: Node, cotangents: Sequence[Operand], needs: Sequence[bool],
                 expand: Expand, flowing: Flowing) -> None:
        super().__init__(builder, node)
        self.cotangents = [builder.tensor(g) if isinstance(g, Value) else None for g in cotangents]
        self.needs = list(needs)
        self.narrowed = narrowed
        self._expand, self._flowing = expand, flowing

    def result(self, i: int) -> Tensor:
        """Result `i` of the node."""
        return self.builder.tensor(self.node.outputs[i])

    def flow(self) -> list[bool]:
        """Which results depend on an operand that wants a cotangent."""
        return self._flowing(self.node, self.needs)

    def vjp(self, region: Graph, given: Sequence[int], wanted: Sequence[int]) -> Graph:
        """The region's operands, then cotangents of its results `given`, to the cotangents of its inputs `wanted`."""
        joint = _Joint(region, "backward")
        seeds = [joint.input(region.outputs[i], "d") for i in given]
        joint.outputs = joint.gradient([region.outputs[i] for i in given], seeds, [region.inputs[i] for i in wanted])
        return dce(self._expand(joint.finish()))

    def jvp(self, region: Graph, moving: Sequence[int], results: Sequence[int]) -> Graph:
        """The region's operands, then tangents of its inputs `moving`, to its results and tangents of `results`.

        It is the gradient of the gradient: a cotangent is linear in what it comes from.
        """
        joint = _Joint(region, "tangents")
        outputs = [region.outputs[i] for i in results]
        tangents = [joint.input(region.inputs[i], "t") for i in moving]
        seeds = [joint.zeros(x) for x in outputs]
        found = joint.gradient(outputs, seeds, [region.inputs[i] for i in moving])
        joint.outputs = [*region.outputs, *joint.gradient(found, tangents, seeds)]
        return dce(self._expand(joint.finish()))

    def vjp_of_step(self, given: Sequence[int], wanted: Sequence[int]) -> tuple[Graph, list[Tensor]]:
        """`vjp` of the step of a scan, which reads further values, and those for all steps, stacked.

        They are what is costly to compute again, the least of it in bytes. What depends on constants alone is computed
        again: kept, it would be there once for each step. The scan returns them besides.
        """
        node = self.builder.nodes[self._place()]
        step, behind = node.regions[0], node.attrs["carry"] + node.attrs["sequences"]
        joint = _Joint(step, "backward")
        seeds = [joint.input(step.outputs[i], "d") for i in given]
        found = joint.gradient([step.outputs[i] for i in given], seeds, [step.inputs[i] for i in wanted])
        joint.outputs = [*step.outputs, *found]
        graph = dce(self._expand(joint.finish()))
        forward, gradients = graph.outputs[: len(step.outputs)], graph.outputs[len(step.outputs) :]
        states = dict.fromkeys(step.inputs[: node.attrs["carry"]], node)
        kept = least_kept(graph, states, step.inputs[:behind], seeds, gradients)
        inner = [v for each in graph.nodes for v in each.outputs if v in kept]
        name = fresh_names(names(graph))
        inputs = {value: Value(name(value.name), value.type) for value in inner}
        pulled = substitute(graph.replace(inputs=(*graph.inputs, *inputs.values()), outputs=gradients), inputs)
        computing = dce(graph.replace(inputs=step.inputs, outputs=(*forward, *inner)))
        self.builder.nodes[self._place()] = node.replace(regions=(step.replace(nodes=computing.nodes),))
        return dce(pulled), self.extended(inner)

    def extended(self, values: Sequence[Value]) -> list[Tensor]:
        """Values of the step of a scan, of its inputs too, for all steps, stacked. The scan returns them besides."""
        node = self.builder.nodes[self._place()]
        step, outputs = node.regions[0], list(node.outputs)
        returned = list(step.outputs)
        found: list[Tensor] = []
        carry, length = node.attrs["carry"], node.attrs["length"]
        base = outputs[0].name.partition("[")[0]
        for value in values:
            at = next((k for k in range(carry, len(returned)) if returned[k] is value), None)
            if at is None:
                at = len(returned)
                returned.append(value)
                outputs.append(Value(f"{base}[{at}]", Type(value.dtype, (length, *value.shape))))
            found.append(self.builder.tensor(outputs[at]))
        self.builder.nodes[self._place()] = node.replace(
            outputs=tuple(outputs), regions=(step.replace(outputs=tuple(returned)),))
        return found

    def opened(self, function: Callable[..., Any], needs: Sequence[bool]) -> Sequence[Any]:
        """Compute the node's results by `function`, whose last node takes the node's place, and differentiate that.

        `needs` are those of the new node's operands; returned are their cotangents.
        """
        builder, place = self.builder, self._place()
        start = len(builder.nodes)
        function(*self.operands)
        made = builder.nodes[start:]
        last = made[-1].replace(outputs=self.node.outputs, loc=self.node.loc)
        builder.nodes[start:] = []
        builder.nodes[place : place + 1] = [*made[:-1], last]
        call = Pull(builder, last, (), needs, self._expand, self._flowing)
        call.cotangents = self.cotangents
        return last.op.pull(call)  # type: ignore[no-any-return, attr-defined]

    def _place(self) -> int:
        """Where the node stands: by its results, since an earlier gradient may have extended it."""
        first = self.node.outputs[0]
        return next(i for i, node in enumerate(self.builder.nodes) if node.outputs and node.outputs[0] is first)


class _Joint:
    """A region with gradient nodes behind its own."""

    def __init__(self, region: Graph, suffix: str) -> None:
        self.region = region
        self.name = fresh_names(names(region))
        self.inputs = list(region.inputs)
        self.nodes = list(region.nodes)
        self.outputs: list[Operand] = []
        self.suffix = suffix

    def input(self, like: Any, prefix: str) -> Value:
        """A further input of the type of a value."""
        value = Value(self.name(f"{prefix}_{like.name.partition('[')[0]}"), like.type)
        self.inputs.append(value)
        return value

    def zeros(self, like: Any) -> Value:
        value = Value(self.name("zero"), like.type)
        attrs = {"shape": like.shape, "value": 0, "dtype": like.dtype}
        self.nodes.append(Node(OPS["full"], (), attrs, (value,), self.region.loc))
        return value

    def gradient(self, outputs: Sequence[Operand], seeds: Sequence[Value], targets: Sequence[Value]) -> list[Operand]:
        """The cotangents of the targets, as a gradient node."""
        base = self.name("gradient")
        made = tuple([Value(f"{base}[{i}]", x.type) for i, x in enumerate(targets)])
        attrs = {"of": len(outputs), "seeded": True, "create_graph": True}
        self.nodes.append(Node(OPS["gradient"], (*outputs, *seeds, *targets), attrs, made, self.region.loc))
        return [*made]

    def finish(self) -> Graph:
        region = self.region
        return region.replace(name=f"{region.name}_{self.suffix}", inputs=tuple(self.inputs), nodes=tuple(self.nodes),
                              outputs=tuple(self.outputs))
