"""A call of a program whose state lies on the device: one Python function, written for it, without a loop.

The general way is `Specialisation.__call__`. It serves first calls, and those where NumPy holds memory of the state.
From the second call on there is a text like this one, of a step that trains one weight and returns its loss:

    def call(program, arguments):
        a0 = arguments[0]
        d0 = a0._device
        if d0 is None: d0 = given(a0)
        d1 = t1._device
        if d1 is None: return program(arguments)
        n0 = draw()
        with wide(True): o0, o1, o2, = run(d0, d1, n0)
        r0 = new(Tensor); r0._device = o0; r0._storage = Storage(); r0._node = None
        r1 = new(Tensor); r1._device = o1; r1._storage = Storage(); r1._node = None
        t1._device = o2; s1.version += 1; s1.writer = writer
        t1._grad = r1
        return r0

The state is bound to the names `t1`, its memory to `s1`: the guards see to it that these stay together.

An argument in NumPy's memory is copied to the device at each call: XLA may still read it when the call has returned,
and the caller may write to it. One that comes again and again, in memory that nobody else has, moves there for good,
as state does. So does a number that is read before each call, as a learning rate, while it is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gradc.backends.jax import Lowered
from gradc.compiler import sharing
from gradc.compiler.capture import Reading
from gradc.compiler.trace import Source
from gradc.modes import current
from gradc.storage import InferenceStorage
from gradc.tensor import Tensor, new, wrap

if TYPE_CHECKING:
    from gradc.compiler.specialisation import Specialisation

Call = Callable[["Specialisation", Sequence[Tensor]], Any]


def written(program: Specialisation) -> Call:
    """The function that calls a program and its present state; the general way where that is the only one."""
    if program.lowered.__class__ is not Lowered or any(tensor is None for tensor, _ in program.updates):
        return type(program).__call__
    return _Text(program).function()


class _Text:
    """The lines of the function, and what its names stand for."""

    def __init__(self, program: Specialisation) -> None:
        self.program = program
        self.lines: list[str] = []
        self.names: dict[str, Any] = {
            "new": new, "Tensor": Tensor, "Storage": current().storage, "wrap": wrap, "run": program.lowered.jitted,
            "wide": program.lowered.wide, "writer": program.writer, "spent": program.spent}
        self.states: dict[int, str] = {}
        self.found: dict[Source, str] = {}

    def function(self) -> Call:
        """The function itself."""
        self._inputs()
        self._run()
        self._link()
        self._writes()
        self._gradients()
        self.lines.append(f"return {self._tree(self.program.traced.result)}")
        text = "def call(program, arguments):\n    " + "\n    ".join(self.lines)
        exec(compile(text, f"<gradc call of {self.program.forward.name}>", "exec"), self.names)
        return self.names["call"]  # type: ignore[no-any-return]

    def _bound(self, value: Any) -> str:
        """A name for what stays the same at every call."""
        name = f"k{len(self.names)}"
        self.names[name] = value
        return name

    def _state(self, tensor: Tensor) -> str:
        """The name of a tensor of the state."""
        if id(tensor) not in self.states:
            number = len(self.states) + 1
            name = self.states[id(tensor)] = f"t{number}"
            self.names |= {name: tensor, f"s{number}": tensor._storage}
        return self.states[id(tensor)]

    def _inputs(self) -> None:
        """Look up where the arguments and the state lie; then draw."""
        program = self.program
        self.operands: list[str] = []
        self.inputs: list[str] = []
        absent: list[str] = []
        for tensor, argument in program.inputs:
            if tensor is None and argument < 0:  # a draw
                number = len(program.draws) + argument
                self.operands.append(f"n{number}")
                self.inputs.append(f"wrap(n{number})")
                continue
            name = f"a{argument}" if tensor is None else self._state(tensor)
            device = f"d{len(self.operands)}"
            self.operands.append(device)
            self.inputs.append(name)
            if tensor is None:
                self.lines += [f"{name} = arguments[{argument}]", f"{device} = {name}._device",
                               f"if {device} is None: {device} = {self._bound(sharing.Argument())}({name})"]
            else:
                self.lines.append(f"{device} = {name}._device")
                absent.append(f"{device} is None")
        known = set(self.inputs)
        absent += [f"{name}._device is None" for t, _ in program.updates if (name := self._state(t)) not in known]
        if absent:
            self.lines.append(f"if {' or '.join(absent)}: return program(arguments)")
        for i, draw in enumerate(program.draws):
            kept = isinstance(draw, Reading) and program.backward is None  # whose node wants it as a tensor
            self.lines.append(f"n{i} = {self._bound(sharing.Number(draw) if kept else draw)}()")

    def _run(self) -> None:
        """Run XLA's program and make tensors of the results."""
        program = self.program
        forward = program.forward
        kept = sum(v not in forward.inputs for v in forward.saved_values)
        self.outputs = [f"o{i}" for i in range(program.returned + len(program.updates) + kept)]
        targets = f"{', '.join(self.outputs)}, = " if self.outputs else ""
        self.lines.append(f"with wide(True): {targets}run({', '.join(self.operands)})")
        self.results = [f"r{i}" for i in range(program.returned)]
        for result, output in zip(self.results, self.outputs, strict=False):
            self.lines.append(f"{result} = new(Tensor); {result}._device = {output}; {result}._storage = Storage(); "
                              f"{result}._node = None")

    def _link(self) -> None:
        """Enter the call into the dynamic graph."""
        program, traced = self.program, self.program.traced
        if program.backward is not None:
            given = dict(zip(program.forward.inputs, self.operands, strict=True))
            rest = iter(self.outputs[program.returned + len(program.updates) :])
            saved = [given[v] if v in given else next(rest) for v in program.forward.saved_values]
            wrt, outputs = map(self._source, traced.wrt), [self.results[i] for i in traced.differentiable]
            lists = ", ".join(f"[{', '.join(names)}]" for names in (saved, self.inputs, wrt, outputs))
            self.lines.append(f"{self._bound(program.backward.link)}({lists})")
        self.lines += [f"{self.results[i]}._node = spent" for i in sorted(traced.spent)]

    def _writes(self) -> None:
        """Write the new values of the state."""
        program = self.program
        for (tensor, _), output in zip(program.updates, self.outputs[program.returned :], strict=False):
            name = self._state(tensor)
            count = "" if tensor._storage.__class__ is InferenceStorage else f"s{name[1:]}.version += 1; "
            self.lines.append(f"{name}._device = {output}; {count}s{name[1:]}.writer = writer")

    def _gradients(self) -> None:
        """Set what `.grad` becomes."""
        program = self.program
        self.lines += [f"{self._state(tensor)}._grad = None" for tensor in program.cleared]
        self.lines += [f"{self._state(tensor)}._grad = {self.results[i]}" for tensor, i in program.new_grads]
        self.lines += [f"{self._source(target)}._grad = {'None' if grad is None else self._source(grad)}"
                       for target, grad in program.grads]

    def _source(self, source: Source) -> str:
        """The tensor that a source stands for; a view is made once."""
        if source.kind == "result":
            return self.results[source.index]
        if source.kind == "state":
            return self._state(self.program.traced.state[source.index])
        if source.kind == "argument":
            return f"arguments[{source.index}]"
        if source not in self.found:
            name = self.found[source] = f"v{len(self.found)}"
            self.lines.append(f"{name} = program.find({self._bound(source)}, arguments, [{', '.join(self.results)}])")
        return self.found[source]

    def _tree(self, tree: Any) -> str:
        """What the function returns, as arguments.tree_map would rebuild it."""
        if isinstance(tree, Source):
            return self._source(tree)
        if isinstance(tree, dict):
            return "{" + ", ".join(f"{self._bound(key)}: {self._tree(item)}" for key, item in tree.items()) + "}"
        if not isinstance(tree, (tuple, list)):
            return self._bound(tree)
        items = "".join(f"{self._tree(item)}, " for item in tree)
        if tree.__class__ is list:
            return f"[{items}]"
        if tree.__class__ is tuple:
            return f"({items})"
        return f"{self._bound(type(tree))}({items if hasattr(tree, '_fields') else f'({items})'})"
