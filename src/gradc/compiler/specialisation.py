"""One compiled form of a function: its graph at every stage, its program, and how a call reads and writes state."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from gradc import locations
from gradc.backends.jax import Lowered
from gradc.backends.jax import on_device as to_device
from gradc.compiler.arguments import tree_map
from gradc.compiler.backward import CompiledBackward
from gradc.compiler.capture import Reading
from gradc.compiler.trace import Source, Traced
from gradc.errors import TraceError
from gradc.generator import Draw
from gradc.ir import Graph, Location, Program
from gradc.node import FREED, Freed, Node, count
from gradc.passes import pipeline
from gradc.passes.free import free
from gradc.passes.fuse import fuse
from gradc.passes.split import split
from gradc.tensor import Tensor, on_device, wrap


class Code(str):
    """Source text that shows as itself."""

    def __repr__(self) -> str:
        return str(self)


class Specialisation:
    """One traced and compiled form of a function: for arguments of one signature, while its guards hold."""

    def __init__(self, traced: Traced, seconds: float) -> None:
        self.traced = traced
        self.guards = traced.guards
        self.seconds = {"trace": seconds}
        self.stages: dict[str, Graph | Program | Code] = {}
        joint = bool(traced.differentiable)
        passes = [p for p in pipeline.PASSES if not joint or p not in (fuse, free)]
        for stage in pipeline.run(traced.graph, passes):
            self.stages[stage.name] = stage.graph
            self.seconds[stage.name] = stage.seconds
        final: Any = self.stages[passes[-1].__name__]
        self.backward: CompiledBackward | None = None
        if joint:
            final = self._split(final)
            self.backward = CompiledBackward(final.backward, len(traced.differentiable))
        self.final = final
        self.forward: Graph = final.forward if joint else final
        self.returned = len(self.forward.results)
        self.lowered = Lowered(_without_saved_inputs(self.forward), donate=self._donated(self.forward))
        backward = "" if self.backward is None else f"\n\n{self.backward.source}"
        self.stages["lowered"] = self.code = Code(self.lowered.source + backward)
        self.draws = traced.draws
        self.inputs = [self._place(source) for source in traced.inputs]
        self.updates = [self._place(source) for source in traced.updates]
        self.cleared = [traced.state[s.index] for s, grad in traced.grads if grad is None and s.kind == "state"]
        self.grads = [(s, grad) for s, grad in traced.grads if grad is not None or s.kind != "state"]
        self.writer = ("a compiled function", traced.graph.loc)
        self.spent = _spent_node(traced.graph.loc)

    def _split(self, joint: Graph) -> Program:
        program = split(joint, self.traced.cotangents, len(self.traced.wrt))
        program = _made_by("split", program, program.forward, program.backward)
        self.stages["split"] = program
        for each in (fuse, free):
            program = _made_by(each.__name__, program, each(program.forward), each(program.backward))
            self.stages[each.__name__] = program
        return program

    def _donated(self, forward: Graph) -> list[int]:
        """The inputs whose memory XLA may reuse: state that is replaced, unless the backward still reads it."""
        saved = set(forward.saved_values)
        targets = {v for v in forward.updates if v not in saved}
        states = [s.kind == "state" for s in self.traced.inputs]
        return [i for i, v in enumerate(forward.inputs) if v in targets and states[i]]

    def __call__(self, arguments: list[Tensor]) -> Any:
        """Run on these arguments, write the state back, and return what the function returned."""
        arrays = []  # every call comes through here: mind the time
        for tensor, _ in self.updates:
            if tensor is None or tensor._device is None:  # memory of NumPy, which others may have
                self._check_memory(arguments)
                break
        if self.draws:
            arguments = [*arguments, *map(_drawn, self.draws)]
        for tensor, argument in self.inputs:
            if tensor is not None:
                arrays.append(_on_device(tensor) if tensor._device is None else tensor._device)
            else:
                tensor = arguments[argument]
                arrays.append(tensor._array if tensor._device is None else tensor._device)
        outputs = self.lowered(*arrays)
        results = [on_device(array) for array in outputs[: self.returned]]
        if self.backward is not None:
            self._link(arguments, results, arrays, outputs[self.returned + len(self.updates) :])
        for i in self.traced.spent:
            results[i]._node = self.spent
        for (tensor, argument), array in zip(self.updates, outputs[self.returned :], strict=False):
            if tensor is None:
                tensor = arguments[argument]
            storage = tensor._storage
            storage.version += 1
            storage.writer = self.writer
            if tensor._device is not None:
                tensor._device = array
            else:  # somebody shares this memory and must see the new values in it
                np.copyto(tensor._array, np.asarray(array))
        for tensor in self.cleared:
            tensor._grad = None
        for target, grad in self.grads:
            self._find(target, arguments, results)._grad = None if grad is None else self._find(
                grad, arguments, results)
        result = self.traced.result
        if result.__class__ is Source:
            return self._find(result, arguments, results)
        return tree_map(lambda x: self._find(x, arguments, results) if isinstance(x, Source) else x, result)

    def _check_memory(self, arguments: list[Tensor]) -> None:
        """Raise TraceError if memory that the function writes is also that of an input which is no view of it.

        The trace took the two for different tensors, so that one would not see what was written to the other.
        """
        inputs = [arguments[i] if tensor is None else tensor for tensor, i in self.inputs if i >= 0]  # without draws
        for written in [arguments[i] if tensor is None else tensor for tensor, i in self.updates]:
            for other in inputs:
                if other._storage is not written._storage and other._device is None and written._device is None \
                        and np.may_share_memory(other._array, written._array):
                    raise TraceError(f"{self.forward.name} writes a tensor ({written.type_}) that shares memory with "
                                     f"another of its inputs ({other.type_}), both made from one NumPy array"
                                     f"{locations.quote(locations.here())}\n    Make one of them a view of the other, "
                                     f"or clone() it.")

    def _find(self, source: Source, arguments: list[Tensor], results: list[Tensor]) -> Tensor:
        if source.kind == "result":
            return results[source.index]
        return arguments[source.index] if source.kind == "argument" else self.traced.state[source.index]

    def _place(self, source: Source) -> tuple[Tensor | None, int]:
        """A tensor of the state, or the number of an argument; a call appends what it draws to the arguments."""
        if source.kind == "draw":
            return None, source.index - len(self.draws)
        return (self.traced.state[source.index], 0) if source.kind == "state" else (None, source.index)

    def _link(self, arguments: list[Tensor], results: list[Tensor], arrays: list[Any],
              computed: tuple[Any, ...]) -> None:
        """Enter a call of a differentiable function into the dynamic graph; `computed` are the saved results."""
        traced = self.traced
        assert self.backward is not None
        given = dict(zip(self.forward.inputs, arrays, strict=True))
        rest = iter(computed)
        saved = [given[v] if v in given else next(rest) for v in self.forward.saved_values]  # type: ignore[index]
        inputs = [arguments[i] if tensor is None else tensor for tensor, i in self.inputs]
        self.backward.link(self.forward, saved, inputs, [self._find(s, arguments, results) for s in traced.wrt],
                           [results[i] for i in traced.differentiable])


def _on_device(tensor: Tensor) -> Any:
    """The values of state as a jax array of their own, so that it can be donated.

    The tensor keeps it in place of its NumPy array, unless somebody else holds that memory.
    """
    array = tensor._array
    base = array.base
    # Held by the tensor, by `array` and by getrefcount; what it may be a view of by `array`, `base` and getrefcount.
    alone = sys.getrefcount(array) <= 3 and (base is None or isinstance(base, np.ndarray) and base.base is None
                                             and sys.getrefcount(base) <= 3)
    device = to_device(array)
    if alone and tensor._view is None:
        tensor._device = device
        del tensor._array
    return device


def _drawn(draw: Draw | Reading) -> Tensor | None:
    """A draw of a compiled function, or a number that it reads, made now; None for a change of a generator's state."""
    array = draw()
    return None if draw.shape is None else wrap(array)


class _Spent:
    """The op of a node whose backward ran inside a compiled function."""

    name = "compiled"
    saved_names: tuple[str, ...] = ()
    backward = backward_on_tensors = None
    generates = False

    def node_name(self, node: Any) -> str:
        return "CompiledBackward"


def _spent_node(location: Location) -> Node:
    """The node of results whose graph a backward() inside the function has used up."""
    node = Node()
    node.op, node.attrs, node.edges = _Spent(), {}, ()
    node.saved, node.guards = FREED, (Freed(location), 1)
    node.signature, node.number, node.code, node.instruction = (), count(), None, 0
    return node


def _without_saved_inputs(forward: Graph) -> Graph:
    """A forward graph that does not return inputs which are saved: the caller has them."""
    saved = [v for v in forward.saved_values if v not in forward.inputs]
    return forward.replace(outputs=(*forward.results, *forward.updated, *saved), saved=len(saved))


def _made_by(name: str, before: Program, forward: Graph, backward: Graph) -> Program:
    """The program that a pass made of the two graphs, with its name in their history."""
    history = (*before.forward.history, name)
    return Program(before.name, forward.replace(history=history), backward.replace(history=history))
