"""What a user's autograd.Function is in a graph: one node with a function and its gradient as regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from gradc.errors import ArgumentError, GradError, TraceError
from gradc.ir import Graph, Operand, Type, Value
from gradc.modes import current, enter
from gradc.ops.base import Op
from gradc.ops.batching import Examples
from gradc.ops.define import op


@op
class custom(Op):
    """A function with a gradient of the user's own: `custom(forward, backward, x)`, or `custom(forward, x)`.

    The regions are graphs: `forward` of the operands, and `backward` of what forward saves followed by a cotangent for
    each of its results, which returns a gradient, or None, for each operand. The node's results are those of forward,
    then what it saves besides operands and results. `differentiate` opens backward, `decompose` forward.

    Source  torch.autograd.Function
    """

    region = "call"
    method = False
    defaults = {"function": ""}

    def batched(self, examples: Examples) -> Any:
        """Many examples, by the vmap that the user gave; without one the batch pass batches the regions."""
        rule = ALIVE.get(examples.attrs["function"])
        if rule is None:
            raise TraceError(f"vmap: the Function {examples.attrs['function']} that this graph calls is not alive in "
                             f"this process")
        return rule.run(examples)

    def infer(self, *operands: Any, function: str = "") -> Type | tuple[Type, ...]:
        regions = [x for x in operands if isinstance(x, Graph)]
        values = operands[len(regions) :]
        if len(regions) not in (1, 2):
            raise ArgumentError(f"custom takes one or two graphs, forward and backward, got {len(regions)}")
        _check_operands(regions[0], values)
        if len(regions) == 2:
            _check_backward(*regions)
        types = tuple([v.type for v in defined(regions[0])])
        return types[0] if len(types) == 1 else types


def _check_operands(graph: Graph, operands: Sequence[Any]) -> None:
    given = [x.type if isinstance(x, Value) else x for x in operands]
    wanted = [v.type for v in graph.inputs]
    if given != wanted:
        raise ArgumentError(f"{graph.name} takes ({', '.join(map(str, wanted))}), got ({', '.join(map(str, given))})")


def _check_backward(forward: Graph, backward: Graph) -> None:
    read = [*forward.saved_values, *forward.results]
    _check_operands(backward, [x.type if isinstance(x, Value) else x for x in read])
    given = [x.type if isinstance(x, Value) else x for x in backward.outputs]
    if len(given) != len(forward.inputs) or any(
            g is not None and g != v.type for g, v in zip(given, forward.inputs, strict=True)):
        raise ArgumentError(f"{backward.name} returns ({', '.join(map(str, given))}) as gradients of "
                            f"({', '.join(str(v.type) for v in forward.inputs)})")


def defined(forward: Graph) -> list[Value]:
    """The values of a forward graph that are results of its node, in order."""
    end = len(forward.outputs) - forward.saved
    known: set[Operand] = {*forward.inputs, *forward.outputs[:end]}
    values = [*forward.outputs[:end], *dict.fromkeys(v for v in forward.saved_values if v not in known)]
    if not all(isinstance(v, Value) for v in values):
        raise ArgumentError(f"{forward.name} returns a number; a function returns values")
    return values  # type: ignore[return-value]


def saved(node: Any) -> list[Operand]:
    """What the backward of a custom node reads of its forward, as values of the graph that the node is in."""
    forward = node.regions[0]
    outside = dict(zip(defined(forward), node.outputs, strict=True))
    outside |= zip(forward.inputs, node.inputs, strict=True)
    return [outside[v] for v in forward.saved_values]


class Place(int):
    """The number of an operand, among the arguments of a Function."""


class VmapInfo(NamedTuple):
    """What a Function's vmap is told."""

    batch_size: int
    randomness: str


class Batched(str):
    """The name in a graph of a call of a Function that has a vmap of its own, with what it takes to call that.

    `arguments` are those of `apply`, a Place for each tensor. `extra` counts what the node has besides results.
    """

    vmap: Callable[..., Any]
    arguments: Sequence[Any]
    linked: bool
    extra: int

    def __new__(cls, name: str, vmap: Callable[..., Any], arguments: Sequence[Any], linked: bool) -> Batched:
        unique, number = name, 0
        while unique in ALIVE:
            number += 1
            unique = f"{name}_{number}"
        self = super().__new__(cls, unique)
        self.vmap, self.arguments, self.linked, self.extra = vmap, arguments, linked, 0
        ALIVE[unique] = self
        return self

    def run(self, examples: Examples) -> tuple[Any, ...]:
        """The results of all examples, by the user's vmap, recorded in the trace that is on."""
        places = {x for x in self.arguments if isinstance(x, Place)}
        if any(flag for i, flag in enumerate(examples.flags) if i not in places):
            raise TraceError(f"vmap: the forward of {self} reads a tensor that differs between examples and is none of "
                             f"its arguments, so its vmap cannot see it\n    Pass it to apply().")
        args = [examples.operands[x] if isinstance(x, Place) else x for x in self.arguments]
        in_dims = tuple([0 if isinstance(x, Place) and examples.flags[x] else None for x in self.arguments])
        trace = current().trace
        assert trace is not None
        if self.linked:
            trace.tracked.update([trace.read(x) for x in examples.operands if x.dtype.is_differentiable])
        before = enter(current().replace(grad=True))
        try:
            found = self.vmap(VmapInfo(examples.size, "error"), in_dims, *args)
        finally:
            enter(before)
            trace.tracked.clear()
        if not isinstance(found, tuple) or len(found) != 2:
            raise GradError(f"{self}.vmap: Expected the vmap staticmethod to have two returns, an output and out_dims "
                            f"with pytree structure compatible with the output.")
        return self._placed(*found, examples.size)

    def _placed(self, output: Any, out_dims: Any, size: int) -> tuple[Any, ...]:
        """The tensors of an output with the examples along the first dimension."""
        parts = output if isinstance(output, tuple) else (output,)
        dims = out_dims if isinstance(out_dims, tuple) else (out_dims,) * len(parts)
        results = [x.expand((size, *x.shape)) if d is None else x.movedim(d, 0)
                   for x, d in zip(parts, dims, strict=True) if hasattr(x, "movedim")]
        return (*results, *results[:1] * self.extra)  # nothing reads what was saved: the gradient is that of vmap


ALIVE: WeakValueDictionary[str, Batched] = WeakValueDictionary()
"""The calls in the graphs of this process by their names, for graphs that were parsed."""


@op
class once(Op):
    """x, which depends on the other operands, but in a way that has no gradient: asking for one raises.

    Raises GradError when it is differentiated.
    Source  torch.autograd.function.once_differentiable
    """

    kernel = lambda xp, x, *others: x
    batched = lambda self, examples: examples.apply(self, [examples.whole(0), *examples.operands[1:]])
    method = False
    detaches = True
    generates = False

    @staticmethod
    def grads(g: Any) -> Any:
        raise GradError("trying to differentiate twice a function that was marked with @once_differentiable")

    def infer(self, x: Any, *others: Any) -> Type:
        return Type(x.dtype, x.shape)

    def node_name(self, node: Any) -> str:
        return "Error"
