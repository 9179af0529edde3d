"""Control flow as ops: nodes whose regions are a branch, or the step of a loop, and run as often as values say.

The regions of a node take its operands, and return a tuple. What users call is in gradc/control; here is what the ops
mean, and how they are differentiated and batched, by other ops with regions: functions of tensors that are recorded
into the graph under construction. `call` is a Pull or a Many of passes/regions.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradc import dtypes
from gradc.apply import apply
from gradc.errors import ArgumentError
from gradc.ir import Graph, Type
from gradc.modes import current
from gradc.ops.arithmetic import where
from gradc.ops.base import Op
from gradc.ops.define import op
from gradc.ops.joining import stack

Flags = Sequence[bool]
Through = Callable[[Flags], list[bool]]
"""What depends on what in a region: from flags of its inputs to flags of its results."""


class Control(Op):
    """An op with closed regions, of which it computes some, any number of times. It gives a tuple."""

    region = "control"
    method = False

    def run(self, functions: Sequence[Callable[..., Any]], operands: Sequence[Any], attrs: dict[str, Any]) -> Any:
        """The results, eagerly, with functions of tensors as the regions."""
        return self.kernel(Tensors, *functions, *operands, **attrs)

    def flow(self, flags: Flags, through: Sequence[Through], attrs: dict[str, Any]) -> list[bool]:
        """Which results depend on one of the operands that `flags` marks."""
        raise NotImplementedError

    def pull(self, call: Any) -> Sequence[Any]:
        """The cotangents of the operands from those of the results; None for an operand that needs none."""
        raise NotImplementedError

    def many(self, call: Any) -> tuple[Sequence[Any], Sequence[bool]] | None:
        """The results for many examples and which of them differ; None if `call` has opened the node."""
        raise NotImplementedError


class Tensors:
    """What kernels need of an array namespace, for tensors."""

    stack = staticmethod(stack)


def recorded(op: Any, regions: Sequence[Graph], operands: Sequence[Any], **attrs: Any) -> tuple[Any, ...]:
    """The results of a node with regions, recorded into the trace that is on."""
    trace: Any = current().trace
    named = tuple([region.replace(name=trace.name(region.name)) for region in regions])
    made = trace.emit(op, [trace.read(x) for x in operands], op.defaults | attrs, named)
    return tuple([trace.tensor(value) for value in made])


def inlined(region: Graph, operands: Sequence[Any]) -> list[Any]:
    """The results of a region, its nodes recorded into the pass that is on."""
    trace: Any = current().trace
    inside = trace.inline(region, [None if x is None else trace.read(x) for x in operands])
    return [trace.tensor(inside[value]) for value in region.outputs]


def types_of(values: Sequence[Any]) -> list[Type]:
    """The types of values, types or tensors."""
    return [x if isinstance(x, Type) else Type(x.dtype, tuple(x.shape)) for x in values]


def check_region(region: Graph, taken: Sequence[Any], returned: Sequence[Type] | None = None) -> None:
    """Raise ArgumentError if a region does not take these operands, or return these types first."""
    wanted, given = types_of(region.inputs), types_of(taken)
    if wanted != given:
        raise ArgumentError(f"{region.name} takes ({', '.join(map(str, wanted))}), got ({', '.join(map(str, given))})")
    found = types_of(region.outputs)
    if returned is not None and found[: len(returned)] != list(returned):
        raise ArgumentError(f"{region.name} returns ({', '.join(map(str, found))}), and not "
                            f"({', '.join(map(str, returned))})")


@op
class cond(Control):
    """The results of the first region if a condition holds, else of the second: `cond(yes, no, condition, *operands)`.

    Both take the operands behind the condition. The gradient is a `cond` of the branches' gradients, which compute the
    branch again: what one branch would save has no meaning in the other.

    Source  torch.cond, jax.lax.cond
    """

    def kernel(xp, yes, no, condition, *operands):  # noqa: N805
        return tuple(yes(*operands)) if condition else tuple(no(*operands))

    def lower(xp, yes, no, condition, *operands):  # noqa: N805
        from jax import lax

        return lax.cond(condition, yes, no, *operands)

    def infer(self, yes: Graph, no: Graph, condition: Any, *operands: Any) -> tuple[Type, ...]:
        if tuple(condition.shape) or condition.dtype is not dtypes.bool_:
            raise ArgumentError(f"cond takes one bool, got {Type(condition.dtype, condition.shape)}")
        results = types_of(yes.outputs)
        check_region(yes, operands)
        check_region(no, operands, results)
        return tuple(results)

    def flow(self, flags: Flags, through: Sequence[Through], attrs: dict[str, Any]) -> list[bool]:
        yes, no = (each(flags[1:]) for each in through)
        return [a or b for a, b in zip(yes, no, strict=True)]

    def pull(self, call: Any) -> Sequence[Any]:
        condition, *operands = call.operands
        given = [i for i, g in enumerate(call.cotangents) if g is not None]
        wanted = [i for i, need in enumerate(call.needs[1:]) if need]
        operands += [call.cotangents[i] for i in given]
        regions, read = call.narrowed([call.vjp(region, given, wanted) for region in call.node.regions])
        found = dict(zip(wanted, recorded(self, regions, [condition, *[operands[i] for i in read]]), strict=True))
        return [None, *[found.get(i) for i in range(len(call.operands) - 1)]]

    def many(self, call: Any) -> tuple[Sequence[Any], Sequence[bool]] | None:
        if call.flags[0]:
            call.open(lambda condition, *operands: [where(condition, a, b) for a, b in zip(*[
                inlined(region, operands) for region in call.node.regions], strict=True)])
            return None
        yes, no = call.node.regions
        differ = [a or b for a, b in zip(call.differ(yes, call.flags[1:]), call.differ(no, call.flags[1:]),
                                         strict=True)]
        regions = [call.region(region, call.flags[1:], differ) for region in (yes, no)]
        return recorded(self, regions, call.operands), differ


@op
class optimization_barrier(Op):
    """The operands, for readers that no optimisation may look through to what made them.

    Source  jax.lax.optimization_barrier
    """

    method = False

    kernel = lambda xp, *operands: tuple([x.copy() for x in operands])
    lower = lambda xp, *operands: xp.lax.optimization_barrier(operands)
    grads = lambda g: g if isinstance(g, tuple) else (g,)
    samples = [((3,), (2, 2))]

    def batched(self, examples: Any) -> Any:
        return apply(self, [examples.whole(i) for i in range(len(examples.operands))], {})

    def infer(self, *operands: Any) -> tuple[Type, ...]:
        return tuple(types_of(operands))
