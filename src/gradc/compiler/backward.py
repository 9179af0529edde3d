"""The backward of a compiled function, as one node of the dynamic graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc import interpreter, locations
from gradc.compiler.options import DEFAULT, Options
from gradc.errors import GradError
from gradc.ir import Graph, Location, Program, Value
from gradc.modes import current
from gradc.node import CONSTANT, FREED, Freed, Node, Output, count, pack
from gradc.passes.dce import dce
from gradc.tensor import Tensor, edge, wrap


class CompiledBackward:
    """What the node's op does: run the backward graph on the saved values and the cotangents.

    `traced` is the graph of the whole call, with the gradients that the node computes among its results: where a
    gradient is to be differentiated, it is computed by a compiled function made of this graph.
    """

    name = "compiled"
    saved_names: tuple[str, ...]
    generates = False
    compile: Callable[[Callable[..., Any], str], Callable[..., Any]]
    """Makes a function compiled, for a backend; compiled.py provides it."""

    def __init__(self, program: Program, results: int, traced: Graph, gradients: Sequence[Value],
                 options: Options = DEFAULT) -> None:
        forward, graph = program.forward, program.backward
        self.graph = graph
        self.types = tuple(v.type for v in graph.inputs[len(graph.inputs) - results :])
        self.signature = (*(v.type.shape for v in gradients), np.dtype(np.float32))
        self.guarded = [forward.inputs.index(v) if v in forward.inputs else None for v in forward.saved_values]
        self.options = options
        self.lowered = options.lower(graph)
        self.source = self.lowered.source
        self.saved_names = tuple(v.name for v in graph.inputs[: len(graph.inputs) - results])
        self.traced = traced
        self.gradients = gradients
        self._again: tuple[list[int], Callable[..., Any]] | None = None

    def node_name(self, node: Any) -> str:
        return "CompiledBackward"

    def link(self, saved: Sequence[Any], inputs: Sequence[Tensor], wrt: Sequence[Tensor],
             outputs: Sequence[Tensor]) -> None:
        """Enter one call into the dynamic graph: `outputs` depend on `wrt`. Saved inputs are guarded against writes."""
        node = Node()
        node.op, node.attrs, node.number = self, {}, count()
        node.edges = tuple([edge(x) for x in wrt])
        guards: list[Any] = []
        for i in self.guarded:
            guards += (CONSTANT, 0) if i is None else (storage := inputs[i]._storage, storage.version)
        node.saved, node.guards = tuple(saved), tuple(guards)
        node.signature, node.types = self.signature, self.types
        node.inputs = [(x, x._storage.version) for x in inputs]
        saving = current().saving
        if saving is not None:
            pack(node, saving, [(i, self.lowered.tensor(x)) for i, x in enumerate(saved)])
        frame = locations.user_frame()
        node.code, node.instruction = (None, 0) if frame is None else (frame.f_code, frame.f_lasti)
        if len(outputs) == 1:
            outputs[0]._node = node
        else:
            for i, output in enumerate(outputs):
                output._node = Output(node, i)

    def backward(self, node: Node, g: Any, needs: Sequence[bool]) -> Sequence[Any]:
        """The gradients as arrays, from the cotangent of the one output, or a dictionary of them by output."""
        cotangents = [g] if not isinstance(g, dict) else [
            g[i] if i in g else np.zeros(t.shape, t.dtype.numpy) for i, t in enumerate(node.types or ())]
        found = self.lowered(*node.saved, *cotangents)
        return found if self.options.backend == "numpy" else [np.array(x) for x in found]

    def backward_on_tensors(self, node: Node, g: Any, needs: Sequence[bool]) -> Sequence[Any]:
        """The gradients as tensors with a graph of their own: another compiled function, of inputs and cotangents.

        Raises GradError if an input that it reads again has been written since.
        """
        if self._again is None:
            nodes = [node.replace(attrs={**node.attrs, "create_graph": True}) if node.outputs == tuple(self.gradients)
                     else node for node in self.traced.nodes]
            graph = dce(self.traced.replace(nodes=tuple(nodes), outputs=tuple(self.gradients), updates=()))
            used = {x for n in graph.nodes for x in n.inputs}
            numbers = [i for i, v in enumerate(graph.inputs) if v in used]
            graph = graph.replace(name="gradient_again", inputs=tuple([graph.inputs[i] for i in numbers]))
            self._again = numbers, CompiledBackward.compile(
                lambda *tensors: interpreter.replay(graph, *tensors), self.options.backend)
        numbers, gradients = self._again
        operands: list[Tensor] = []
        for i in numbers:
            if i < len(node.inputs):
                tensor, version = node.inputs[i]
                self._check(tensor, version)
                operands.append(tensor)
            else:
                operands.append(self._cotangent(node, g, i - len(node.inputs)))
        return gradients(*operands)  # type: ignore[no-any-return]

    def _cotangent(self, node: Node, g: Any, i: int) -> Tensor:
        found = g.get(i) if isinstance(g, dict) else g
        if found is None:
            type = (node.types or ())[i]
            return wrap(np.zeros(type.shape, type.dtype.numpy))
        return found if isinstance(found, Tensor) else wrap(np.asarray(found))

    def _check(self, tensor: Tensor, version: int) -> None:
        if tensor._storage.version != version:
            raise GradError(f"one of the variables needed for gradient computation has been modified by an inplace "
                            f"operation: an input of a compiled function ({tensor.type_}), which the gradient of its "
                            f"gradient reads again{locations.quote(locations.here())}\n    Take the gradient before "
                            f"the write, or clone() the tensor.")


class _Spent:
    """The op of a node whose backward ran inside a compiled function."""

    name = "compiled"
    saved_names: tuple[str, ...] = ()
    backward = backward_on_tensors = None
    generates = False

    def node_name(self, node: Any) -> str:
        return "CompiledBackward"


def spent_node(location: Location) -> Node:
    """The node of results whose graph a backward() inside the function has used up."""
    node = Node()
    node.op, node.attrs, node.edges = _Spent(), {}, ()
    node.saved, node.guards = FREED, (Freed(location), 1)
    node.signature, node.number, node.code, node.instruction = (), count(), None, 0
    return node
