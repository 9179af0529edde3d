"""differentiate: replace every `gradient` node by the ops that compute it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc.ir import Graph, Node, Operand, Value
from gradc.passes.building import Builder, renamed
from gradc.tensor import Tensor


def differentiate(graph: Graph) -> Graph:
    """Expand gradients by reverse accumulation: each op's own formulas, from the outputs back to the inputs.

    Only nodes on a path from the inputs to the outputs take part, so no cotangent is zero or unused by construction.
    The cotangent of `z` is called `d_z`.
    """
    if not any(node.op.name == "gradient" for node in graph.nodes):
        return graph
    builder = Builder(graph)
    for node in graph.nodes:
        if node.op.name != "gradient":
            builder.keep(node)
            continue
        inputs = [builder.current(x) for x in node.inputs]
        cotangents = _accumulate(builder, node, inputs)
        for old, new in zip(node.outputs, cotangents, strict=True):
            builder.mapping[old] = new
    return builder.finish()


def _accumulate(builder: Builder, node: Node, inputs: Sequence[Operand]) -> list[Operand]:
    """Record the cotangents of the last operands of a gradient node; zeros for one that nothing depends on."""
    of = node.attrs["of"]
    outputs = inputs[:of]
    seeds = inputs[of : 2 * of] if node.attrs["seeded"] else [None] * of
    targets = inputs[2 * of if node.attrs["seeded"] else of :]
    forward = list(builder.nodes)
    depending = _depending(forward, targets)
    reverse = _Reverse(builder, depending)
    for output, seed in zip(outputs, seeds, strict=True):
        if output in depending:
            reverse.add(output, seed if seed is not None else _one(builder, output, node))  # type: ignore[arg-type]
    for inner in reversed(forward):
        reverse.visit(inner)
    return [reverse.complete(target, node) for target in targets]  # type: ignore[arg-type]


def _depending(nodes: Sequence[Node], targets: Sequence[Operand]) -> set[Operand]:
    """The values through which a gradient can flow to a target, the targets included."""
    depending = set(targets)
    for node in nodes:
        if node.op.saved_names is not None and not depending.isdisjoint(node.inputs):  # type: ignore[attr-defined]
            flows = [i for i, x in enumerate(node.inputs) if isinstance(x, Value) and x in depending]
            if node.op.joint or any(i in node.op.formulas for i in flows):  # type: ignore[attr-defined]
                depending.update(v for v in node.outputs if v.dtype.is_differentiable)
    return depending


def _one(builder: Builder, output: Value, node: Node) -> Operand:
    """The cotangent of a scalar output: 1."""
    return builder.run(lambda x: x.new_ones(x.shape), [output], node.loc.because("grad"))[0]


class _Reverse:
    """Cotangents by value, as the nodes are visited backward."""

    def __init__(self, builder: Builder, depending: set[Operand]) -> None:
        self.builder = builder
        self.depending = depending
        self.cotangents: dict[Value, Operand] = {}
        self.named: set[Value] = set()
        self.made: set[Value] = set()
        self.seen = len(builder.nodes)

    def add(self, value: Value, g: Operand, node: Node | None = None) -> None:
        """Add a contribution to the cotangent of a value."""
        held = self.cotangents.get(value)
        if held is not None:
            assert node is not None
            g = self.builder.run(lambda a, b: a + b, [held, g], node.loc.because("grad"))[0]
        self.cotangents[value] = g

    def complete(self, value: Value, node: Node) -> Operand:
        """The cotangent of a value all of whose readers were visited, under its name `d_<value>`."""
        g = self.cotangents.get(value)
        if g is None:
            return self.builder.run(lambda x: x.zeros_like(), [value], node.loc.because("grad"))[0]
        if isinstance(g, Value) and g not in self.named and g in self._made():
            renamed(g, self.builder.name(f"d_{value.name.replace('[', '_').rstrip(']')}"))
            self.named.add(g)
        return g

    def _made(self) -> set[Value]:
        """Every value that this expansion has recorded."""
        for new in self.builder.nodes[self.seen :]:
            self.made.update(new.outputs)
        self.seen = len(self.builder.nodes)
        return self.made

    def visit(self, node: Node) -> None:
        """Send the cotangents of a node's results on to its operands."""
        if all(v not in self.cotangents for v in node.outputs):
            return
        needs = [isinstance(x, Value) and x in self.depending for x in node.inputs]
        if not any(needs) or all(v not in self.depending for v in node.outputs):
            return
        for value in node.outputs:
            if value in self.cotangents:
                self.complete(value, node)
        found = formulas(self.builder, node, [self.cotangents.get(v) for v in node.outputs], needs)
        for operand, g in zip(node.inputs, found, strict=True):
            if g is not None:
                self.add(operand, g, node)  # type: ignore[arg-type]


def formulas(builder: Builder, node: Node, cotangents: Sequence[Operand], needs: Sequence[bool]) -> list[Operand]:
    """Record the gradient formulas of one node; the cotangent of each operand that needs one."""
    op: Any = node.op
    with builder.at(node.loc.because("grad")), builder.on(grad=False):
        operands = [builder.tensor(x) if isinstance(x, Value) else x for x in node.inputs]
        results = [builder.tensor(v) for v in node.outputs]
        seeds = tuple(_seed(builder, g, v) for g, v in zip(cotangents, node.outputs, strict=True))
        names: dict[str, Any] = dict(zip(op.operands, operands, strict=False))
        if op.variadic:
            names[op.operands[-1]] = operands[len(op.operands) - 1 :]
        types = [x.type if isinstance(x, Value) else x for x in node.inputs]
        names.update({f"{name}_type": t for name, t in zip(op.operands, types, strict=False)})
        names.update(node.attrs)
        names |= {"operand_types": types, "result": results[0] if len(results) == 1 else tuple(results),
                  "g": seeds[0] if len(seeds) == 1 else seeds}
        found = op.gradients(names, needs)
    return [builder.read(g) if isinstance(g, Tensor) else g for g in found]


def _seed(builder: Builder, g: Operand, value: Value) -> Tensor:
    """The cotangent of one of a node's results as a tensor: zeros if nothing depends on it."""
    if isinstance(g, Value):
        return builder.tensor(g)
    return builder.tensor(value).zeros_like()  # type: ignore[attr-defined, no-any-return]

