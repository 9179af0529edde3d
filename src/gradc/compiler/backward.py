"""The backward of a compiled function, as one node of the dynamic graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import locations
from gradc.backends.jax import Lowered
from gradc.errors import GradError
from gradc.ir import Graph, Value
from gradc.modes import current
from gradc.node import CONSTANT, Node, Output, count, pack
from gradc.tensor import Tensor, edge, on_device


class CompiledBackward:
    """What the node's op does: run the backward graph on the saved values and the cotangents."""

    name = "compiled"
    saved_names: tuple[str, ...]
    generates = False

    def __init__(self, graph: Graph, results: int) -> None:
        self.graph = graph
        self.results = results
        self.lowered = Lowered(graph)
        self.source = self.lowered.source
        self.saved_names = tuple(v.name for v in graph.inputs[: len(graph.inputs) - results])

    def node_name(self, node: Any) -> str:
        return "CompiledBackward"

    def link(self, forward: Graph, saved: Sequence[Any], inputs: Sequence[Tensor], wrt: Sequence[Tensor],
             outputs: Sequence[Tensor]) -> Node:
        """Enter one call into the dynamic graph: `outputs` depend on `wrt`. Saved inputs are guarded against writes."""
        node = Node()
        node.op, node.attrs, node.number = self, {}, count()
        node.edges = tuple(edge(x) for x in wrt)
        by_value = dict(zip(forward.inputs, inputs, strict=True))
        guards: list[Any] = []
        for value in forward.saved_values:
            tensor = by_value.get(value) if isinstance(value, Value) else None
            guards += (CONSTANT, 0) if tensor is None else (tensor._storage, tensor._storage.version)
        node.saved, node.guards = tuple(saved), tuple(guards)
        node.signature = (*(x.type_.shape for x in wrt), np.dtype(np.float32))
        node.types = tuple(v.type for v in self.graph.inputs[len(self.graph.inputs) - self.results :])
        saving = current().saving
        if saving is not None:
            pack(node, saving, [(i, on_device(x)) for i, x in enumerate(saved)])
        frame = locations.user_frame()
        node.code, node.instruction = (None, 0) if frame is None else (frame.f_code, frame.f_lasti)
        for i, output in enumerate(outputs):
            output._node = node if len(outputs) == 1 else Output(node, i)
        return node

    def backward(self, node: Node, g: Any, needs: Sequence[bool]) -> Sequence[Any]:
        """The gradients as arrays, from the cotangent of the one output, or a dictionary of them by output."""
        cotangents = [g] if not isinstance(g, dict) else [
            g[i] if i in g else np.zeros(v.shape, v.dtype.numpy)
            for i, v in enumerate(self.graph.inputs[len(self.graph.inputs) - self.results :])]
        return [np.array(x) for x in self.lowered(*node.saved, *cotangents)]

    def backward_on_tensors(self, node: Node, g: Any, needs: Sequence[bool]) -> Sequence[Any]:
        raise GradError("a compiled function cannot be differentiated twice yet: take the first gradient inside of it, "
                        "with autograd.grad(..., create_graph=True), or call the function that it was made from "
                        f"(its .function){locations.quote(locations.here())}")
