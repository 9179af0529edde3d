"""One compiled form of a function: its graph at every stage, its program, and how a call reads and writes state."""

from __future__ import annotations

import functools
import time
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from gradc.apply import apply
from gradc.compiler import calling, sharing
from gradc.compiler.arguments import tree_map
from gradc.compiler.backward import CompiledBackward, spent_node
from gradc.compiler.budget import fit
from gradc.compiler.capture import Reading
from gradc.compiler.checking import Checked
from gradc.compiler.options import DEFAULT, Options
from gradc.compiler.trace import Source, Traced
from gradc.generator import Draw
from gradc.ir import Graph, Program, verify
from gradc.modes import set_grad_enabled
from gradc.passes import pipeline
from gradc.passes.cse import identity
from gradc.passes.order import Order, arranged
from gradc.passes.pipeline import Pass, Stage
from gradc.passes.split import split
from gradc.tensor import Tensor, wrap


class Code(str):
    """Source text that shows as itself."""

    def __repr__(self) -> str:
        return str(self)


class Specialisation:
    """One traced and compiled form of a function: for arguments of one signature, while its guards hold."""

    def __init__(self, traced: Traced, seconds: float, options: Options = DEFAULT) -> None:
        self.options = options
        self.fixed: dict[int, Hashable] = {}
        """The numbers among the arguments that the program holds for, by their position."""
        self.numbers: list[Any] = []
        """Those of the present call."""
        self.traced = traced
        self.guards = traced.guards
        self.seconds = {"trace": seconds}
        self.stages: dict[str, Graph | Program | Code] = {}
        self.host = options.backend == "numpy"  # whether results are NumPy arrays
        order = arranged(options.passes, pipeline.PASSES)
        stages = pipeline.run(traced.graph, order.whole)
        self._note(stages)
        if options.memory_budget is None:
            self._lower(stages[-1].graph, order.parts)
        else:
            fit(stages[-1].graph, options.memory_budget, self._estimate,
                functools.partial(self._measured, stages, order.parts))
        if options.check is not None:
            self.lowered = self._checked(order)
        self.writer = ("a compiled function", traced.graph.loc)
        self.spent = spent_node(traced.graph.loc)
        self.bind(traced.state, traced.draws)

    def _note(self, stages: Sequence[Stage]) -> None:
        """Keep the results of passes, and the seconds that they took."""
        self.stages |= {stage.name: stage.graph for stage in stages}
        self.seconds |= {stage.name: stage.seconds for stage in stages}

    def _lower(self, graph: Graph, passes: Sequence[Pass]) -> None:
        """Make the programs of the graph that the passes of the whole have left."""
        traced, options = self.traced, self.options
        joint = bool(traced.differentiable)
        final: Any = graph
        self.backward: CompiledBackward | None = None
        if joint:
            final = self._split(graph, passes)
            self.backward = CompiledBackward(final, len(traced.differentiable), traced.graph, traced.gradients, options)
        else:
            self._note(stages := pipeline.go_on(graph, passes))
            final = stages[-1].graph if stages else graph
        self.final = final
        self.forward: Graph = final.forward if joint else final
        self.returned = len(self.forward.results)
        self.lowered = options.lower(_without_saved_inputs(self.forward), self._donated(self.forward))
        backward = "" if self.backward is None else f"\n\n{self.backward.source}"
        self.stages["lowered"] = self.code = Code(self.lowered.source + backward)

    def _estimate(self, graph: Graph) -> int:
        """The bytes that the programs of a graph will take, by the graph's own account."""
        if not self.traced.differentiable:
            return graph.memory().peak
        program = split(graph, self.traced.cotangents, len(self.traced.wrt))
        return max(program.forward.memory().peak, _saved_bytes(program.forward) + program.backward.memory().peak)

    def _measured(self, stages: Sequence[Stage], passes: Sequence[Pass], graph: Graph) -> int:
        """Make the programs of a graph. Returns the bytes that they take: the more of forward and backward."""
        self.stages = {stage.name: stage.graph for stage in stages}
        if graph is not stages[-1].graph:
            graph = graph.replace(history=(*graph.history, "rematerialise"))
            self.stages["rematerialise"] = graph
        self._lower(graph, passes)
        forward, backward = self.forward, self.backward
        needed = int(self.lowered.needs())
        return needed if backward is None else max(needed, _saved_bytes(forward) + backward.lowered.needs())

    def bind(self, state: list[Tensor] | None, draws: Sequence[Draw | Reading]) -> None:
        """Say which tensors are the state from now on, and what is drawn before a call. None lets go of the state."""
        traced = self.traced
        traced.state = state or []
        self.draws = draws
        self.written: calling.Call | None = None
        if state is None:
            self.inputs, self.updates, self.cleared, self.grads, self.new_grads = [], [], [], [], []
            return
        self.inputs = [self._place(source) for source in traced.inputs]
        self.updates = [self._place(source) for source in traced.updates]
        self.cleared = [state[s.index] for s, grad in traced.grads if grad is None and s.kind == "state"]
        self.new_grads = [(state[s.index], grad.index) for s, grad in traced.grads
                          if s.kind == "state" and grad is not None and grad.kind == "result"]
        self.grads = [(s, grad) for s, grad in traced.grads
                      if s.kind != "state" or grad is not None and grad.kind != "result"]

    def _split(self, joint: Graph, passes: Sequence[Pass]) -> Program:
        start = time.perf_counter()
        program = split(joint, self.traced.cotangents, len(self.traced.wrt))
        self.seconds["split"] = time.perf_counter() - start
        program = _made_by("split", program, program.forward, program.backward)
        self.stages["split"] = program
        for each in passes:
            start = time.perf_counter()
            program = _made_by(each.__name__, program, each(program.forward), each(program.backward))
            self.seconds[each.__name__] = time.perf_counter() - start
            self.stages[each.__name__] = program
        return program

    def _checked(self, order: Order) -> Checked:
        """The lowered program, which checks every stage at every call."""
        passes = {each.__name__: each for each in (*order.whole, *order.parts)}
        stages: Any = [(name, passes.get(name), graph) for name, graph in self.stages.items() if name != "lowered"]
        for _, _, graph in stages:
            verify(graph)
        return Checked(self.lowered, stages, self.traced.cotangents)

    def _donated(self, forward: Graph) -> list[int]:
        """The inputs whose memory XLA may reuse: state that is replaced, unless the backward still reads it."""
        saved = set(forward.saved_values)
        targets = {v for v in forward.updates if v not in saved}
        states = [s.kind == "state" for s in self.traced.inputs]
        return [i for i, v in enumerate(forward.inputs) if v in targets and states[i]]

    def write(self) -> calling.Call:
        """Write the function that serves all calls but the first with this state, see calling.py."""
        self.written = calling.written(self)
        return self.written

    def __call__(self, arguments: Sequence[Tensor | None]) -> Any:
        """Run on these arguments, write the state back, and return what the function returned."""
        arrays = []
        for tensor, _ in self.updates:
            if tensor is None or tensor._device is None:  # memory of NumPy, which others may have
                taken = [arguments[i] if tensor is None else tensor for tensor, i in self.inputs if i >= 0]
                sharing.check(self.forward.name, taken, [arguments[i] if tensor is None else tensor
                                                         for tensor, i in self.updates])
                break
        if self.draws:
            arguments = [*arguments, *map(_drawn, self.draws)]
        for tensor, argument in self.inputs:
            if self.host:
                arrays.append((arguments[argument] if tensor is None else tensor)._array)
            elif tensor is not None:
                arrays.append(sharing.moved(tensor) if tensor._device is None else tensor._device)
            else:
                tensor = arguments[argument]
                # A copy: XLA may read it when the call has returned, and the caller may write to it.
                arrays.append(tensor._array.copy() if tensor._device is None else tensor._device)
        outputs = self.lowered(*arrays)
        results = [self.lowered.tensor(array) for array in outputs[: self.returned]]
        if self.backward is not None:
            self._link(arguments, results, arrays, outputs[self.returned + len(self.updates) :])
        for i in self.traced.spent:
            results[i]._node = self.spent
        for (tensor, argument), array in zip(self.updates, outputs[self.returned :], strict=False):
            if tensor is None:
                tensor = arguments[argument]
            storage = tensor._storage
            storage.written()
            storage.writer = self.writer
            if tensor._device is not None:
                tensor._device = array
            else:  # somebody shares this memory and must see the new values in it
                np.copyto(tensor._array, np.asarray(array))
        for tensor in self.cleared:
            tensor._grad = None
        for tensor, i in self.new_grads:
            tensor._grad = results[i]
        for target, grad in self.grads:
            self.find(target, arguments, results)._grad = None if grad is None else self.find(
                grad, arguments, results)
        result = self.traced.result
        if result.__class__ is Source:
            return self.find(result, arguments, results)
        found: dict[Source, Tensor] = {}  # the same tensor twice is the same object twice

        def returned(x: Any) -> Any:
            if not isinstance(x, Source):
                return x
            if x not in found:
                found[x] = self.find(x, arguments, results)
            return found[x]

        return tree_map(returned, result)

    def other_number(self, numbers: Sequence[Any]) -> str | None:
        """Which number among the arguments is another one than the program holds for; None if none is."""
        for i, value in self.fixed.items():
            if identity(numbers[i]) != value:
                return f"a number among the arguments: {value[1]} → {numbers[i]!r}"  # type: ignore[index]
        return None

    def name_state(self, reads: dict[str, None], writes: dict[str, None]) -> None:
        """Note the names of the state that a call reads, and of what it writes."""
        names = {s: v.name for v, s in zip(self.forward.inputs, self.traced.inputs, strict=False)}
        reads.update({name: None for source, name in names.items() if source.kind == "state"})
        writes.update({v.name: None for v in self.forward.updates})
        writes.update({f"{names.get(source, source.kind)}.grad": None for source, _ in self.traced.grads})

    def find(self, source: Source, arguments: Sequence[Tensor], results: list[Tensor]) -> Tensor:
        """The tensor that a source stands for in a call."""
        if source.kind == "result":
            return results[source.index]
        if source.kind == "view":
            parent, op, attrs, tracked = self.traced.views[source.index]
            with set_grad_enabled(tracked):
                return apply(op, (self.find(parent, arguments, results),), attrs)  # type: ignore[no-any-return]
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
        self.backward.link(saved, inputs, [self.find(s, arguments, results) for s in traced.wrt],
                           [results[i] for i in traced.differentiable])


def _drawn(draw: Draw | Reading) -> Tensor | None:
    """A draw of a compiled function, or a number that it reads, made now; None for a change of a generator's state."""
    array = draw()
    return None if draw.shape is None else wrap(array)


def _without_saved_inputs(forward: Graph) -> Graph:
    """A forward graph that does not return inputs which are saved: the caller has them."""
    saved = [v for v in forward.saved_values if v not in forward.inputs]
    return forward.replace(outputs=(*forward.results, *forward.updated, *saved), saved=len(saved))


def _saved_bytes(forward: Graph) -> int:
    """The memory that saved values take; an input's is its owner's."""
    return sum(v.type.nbytes for v in {*forward.saved_values} - {*forward.inputs})  # type: ignore[union-attr]


def _made_by(name: str, before: Program, forward: Graph, backward: Graph) -> Program:
    """The program that a pass made of the two graphs, with its name in their history."""
    history = (*before.forward.history, name)
    return Program(before.name, forward.replace(history=history), backward.replace(history=history))
