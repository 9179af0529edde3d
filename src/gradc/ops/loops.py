"""Loops as ops: a step that runs once for each element of sequences, or as long as a condition holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gradc import dtypes
from gradc.errors import ArgumentError, GradError
from gradc.ir import Array, Graph, Type
from gradc.ops.arithmetic import add, where
from gradc.ops.control import Control, Flags, Through, check_region, cond, inlined, recorded, types_of
from gradc.ops.conversion import constant
from gradc.ops.creation import zeros_like
from gradc.ops.define import op
from gradc.ops.reduction import any as any_


def settled(through: Through, flags: Flags, carry: int) -> tuple[list[bool], list[bool]]:
    """The flags of a loop's state, when what depends on a marked value is marked too, and of what a step returns."""
    state = list(flags[:carry])
    while True:
        found = through([*state, *flags[carry:]])
        grown = [a or b for a, b in zip(state, found[:carry], strict=True)]
        if grown == state:
            return state, [*state, *found[carry:]]
        state = grown


@op
class scan(Control):
    """The step for one element after the other: `scan(step, *state, *sequences, *constants)` gives the last state, and
    what each step returns besides, stacked.

    The step takes the state, of `carry` values, the next element of each of the `sequences`, and the constants; it
    returns the next state, then the rest. `reverse` begins at the end. The gradient is a scan the other way round. It
    reads the state before each step and the inner values that are costly to compute again, as products are, all of
    which the scan then returns as well. `checkpoint` in the step keeps the states only.

    Source  jax.lax.scan
    """

    def kernel(xp, step, *operands, carry, sequences, length, reverse=False):  # noqa: N805
        state, constants = operands[:carry], operands[carry + sequences :]
        rows = []
        for i in reversed(range(length)) if reverse else range(length):
            made = tuple(step(*state, *[x[i, ...] for x in operands[carry : carry + sequences]], *constants))
            state = made[:carry]
            rows.append(made[carry:])
        columns = zip(*(reversed(rows) if reverse else rows), strict=True)
        return (*state, *[xp.stack(column) for column in columns])

    def lower(xp, step, *operands, carry, sequences, length, reverse=False):  # noqa: N805
        from jax import lax

        def body(state: Any, elements: Any) -> Any:
            made = step(*state, *elements, *operands[carry + sequences :])
            return made[:carry], made[carry:]

        state, rows = lax.scan(body, operands[:carry], operands[carry : carry + sequences], length, reverse)
        return (*state, *rows)

    def infer(self, step: Graph, *operands: Any, carry: int, sequences: int, length: int,
              reverse: bool = False) -> tuple[Type, ...]:
        types = types_of(operands)
        rows = types[carry : carry + sequences]
        if length < 1 or any([t.shape[:1] != (length,) for t in rows]):
            raise ArgumentError(f"scan takes sequences of {length} elements, at least 1, got "
                                f"({', '.join(map(str, rows))})")
        elements = [Type(t.dtype, t.shape[1:]) for t in rows]
        check_region(step, [*types[:carry], *elements, *types[carry + sequences :]], types[:carry])
        return (*types[:carry], *[Type(t.dtype, (length, *t.shape)) for t in types_of(step.outputs)[carry:]])

    def flow(self, flags: Flags, through: Sequence[Through], attrs: dict[str, Any]) -> list[bool]:
        return settled(through[0], flags, attrs["carry"])[1]

    def pull(self, call: Any) -> Sequence[Any]:
        """A scan backward. Its state is the cotangents of the state, and the sums of those of the constants."""
        attrs = call.node.attrs
        carry, behind = attrs["carry"], attrs["carry"] + attrs["sequences"]
        outputs, step = call.node.outputs, call.node.regions[0]
        active = [i for i, moves in enumerate(call.flow()[:carry]) if moves and outputs[i].dtype.is_differentiable]
        rows = [i for i in range(carry, len(outputs)) if call.cotangents[i] is not None]
        elements = [i for i in range(carry, behind) if call.needs[i]]
        shared = [i for i in range(behind, len(call.operands)) if call.needs[i]]
        wide, kept = call.vjp_of_step([*active, *rows], [*active, *shared, *elements])
        (pulled,), read = call.narrowed([wide])
        cut = sum([i < behind for i in read])
        heads = len(active) + len(shared)
        inner = [i for i in read if i < len(step.inputs)]
        after = [i - len(step.inputs) for i in read[len(inner) : len(read) - len(kept)]]  # which cotangents are read

        def backward(*values: Any) -> list[Any]:
            sums = values[len(active) : heads]
            given, later, saved, constants = _split(values[heads:], cut, len(rows), len(kept))
            cotangents = [*values[: len(active)], *later]
            found = inlined(pulled, [*given, *constants, *[cotangents[i] for i in after], *saved])
            return [*found[: len(active)], *[add(a, b) for a, b in zip(sums, found[len(active) : heads], strict=True)],
                    *found[heads:]]

        before = [i for i in read if i < carry]
        states = dict(zip(before, call.extended([step.inputs[i] for i in before]), strict=True))
        operands = [
            *[zeros_like(call.result(i)) if call.cotangents[i] is None else call.cotangents[i] for i in active],
            *[zeros_like(call.operands[i]) for i in shared],
            *[states.get(i, call.operands[i]) for i in inner if i < behind],
            *[call.cotangents[i] for i in rows],
            *kept,
            *[call.operands[i] for i in inner if i >= behind]]
        sequences = cut + len(rows) + len(kept)
        region = call.graph(step, operands, range(heads, heads + sequences), backward)
        found = recorded(self, [region], operands, carry=heads, sequences=sequences, length=attrs["length"],
                         reverse=not attrs["reverse"])
        placed = dict(zip([*active, *shared, *elements], found, strict=True))
        return [placed.get(i) for i in range(len(call.operands))]

    def many(self, call: Any) -> tuple[Sequence[Any], Sequence[bool]] | None:
        (step,), carry = call.node.regions, call.node.attrs["carry"]
        behind = carry + call.node.attrs["sequences"]
        state, differ = settled(lambda flags: call.differ(step, flags), call.flags, carry)
        flags = [*state, *call.flags[carry:]]
        operands = [(call.whole(i) if i < carry else x.movedim(1, 0) if i < behind else x) if flag else x
                    for i, (x, flag) in enumerate(zip(call.operands, flags, strict=True))]
        found = recorded(self, [call.region(step, flags, differ)], operands, **call.node.attrs)
        return [x.movedim(1, 0) if i >= carry and flag else x
                for i, (x, flag) in enumerate(zip(found, differ, strict=True))], differ


def _split(values: Sequence[Any], *sizes: int) -> list[Sequence[Any]]:
    """The values in parts of these sizes, and the rest."""
    parts = []
    for size in sizes:
        parts.append(values[:size])
        values = values[size:]
    return [*parts, values]


@op
class while_loop(Control):
    """The state after the last step: `while_loop(test, step, *state, *constants)` runs the step as long as the test,
    which takes the same values, gives True.

    With `max_steps`, a loop that would go on behind so many steps has failed: eagerly that is an error, compiled it is
    nan in all floating state. Then it has a gradient, as a scan of so many guarded steps. Without, only tangents go
    through it.

    Source  torch.while_loop, jax.lax.while_loop
    """

    def kernel(xp, test, step, *operands, carried, max_steps=None):  # noqa: N805
        state, constants = operands[:carried], operands[carried:]
        steps = 0
        while bool(test(*state, *constants)[0]):
            if steps == max_steps:
                raise ArgumentError(f"while_loop: the condition still holds after max_steps={max_steps} steps")
            state = tuple(step(*state, *constants))
            steps += 1
        return tuple(state)

    def lower(xp, test, step, *operands, carried, max_steps=None):  # noqa: N805
        from jax import lax

        state, constants = operands[:carried], operands[carried:]
        if max_steps is None:
            return lax.while_loop(lambda x: test(*x, *constants)[0], lambda x: step(*x, *constants), state)
        _, state = lax.while_loop(lambda at: (at[0] < max_steps) & test(*at[1], *constants)[0],
                                  lambda at: (at[0] + 1, step(*at[1], *constants)), (0, state))
        over = test(*state, *constants)[0]
        return tuple([xp.where(over, math.nan, x).astype(x.dtype) if xp.issubdtype(x.dtype, xp.inexact) else x
                      for x in state])

    def infer(self, test: Graph, step: Graph, *operands: Any, carried: int,
              max_steps: int | None = None) -> tuple[Type, ...]:
        types = types_of(operands)
        check_region(test, types, [Type(dtypes.bool_, ())])
        check_region(step, types, types[:carried])
        return tuple(types[:carried])

    def flow(self, flags: Flags, through: Sequence[Through], attrs: dict[str, Any]) -> list[bool]:
        return settled(through[1], flags, attrs["carried"])[1]

    def pull(self, call: Any) -> Sequence[Any]:
        attrs = call.node.attrs
        if attrs["max_steps"] is not None:
            return _pull_guarded(call, attrs["carried"], attrs["max_steps"])
        moves = call.flow()
        given = tuple([i for i, g in enumerate(call.cotangents) if g is not None])
        active = tuple([i for i, v in enumerate(call.node.outputs) if moves[i] and v.dtype.is_differentiable])
        wanted = tuple([i for i, need in enumerate(call.needs) if need])
        found = recorded(while_pull, call.node.regions, [*call.operands, *[call.cotangents[i] for i in given]],
                         carried=attrs["carried"], given=given, active=active, wanted=wanted)
        placed = dict(zip(wanted, found, strict=True))
        return [placed.get(i) for i in range(len(call.operands))]

    def many(self, call: Any) -> tuple[Sequence[Any], Sequence[bool]] | None:
        (test, step), carried = call.node.regions, call.node.attrs["carried"]
        state, _ = settled(lambda flags: call.differ(step, flags), call.flags, carried)
        apart = call.differ(test, [*state, *call.flags[carried:]])[0]
        state = [True] * carried if apart else state
        flags = [*state, *call.flags[carried:]]
        tested, stepped = call.region(test, flags, [apart]), call.region(step, flags, state)
        operands = [call.whole(i) if i < carried and flag else call.operands[i] for i, flag in enumerate(flags)]
        regions = [tested, stepped]
        if apart:  # all go on until the last is done; who is done keeps its values
            def guarded(*values: Any) -> list[Any]:
                (running,) = inlined(tested, values)
                return [where(running.reshape((call.size, *(1,) * (new.ndim - 1))), new, old)
                        for new, old in zip(inlined(stepped, values), values, strict=False)]

            regions = [call.graph(test, operands, (), lambda *values: [any_(inlined(tested, values)[0])]),
                       call.graph(step, operands, (), guarded)]
        return recorded(self, regions, operands, **call.node.attrs), state


def _pull_guarded(call: Any, carried: int, max_steps: int) -> Sequence[Any]:
    """The gradient of a loop with a bound, as that of a scan of steps that do nothing once the loop is done."""
    test, step = call.node.regions

    def guarded(*values: Any) -> list[Any]:
        state, (last,), constants = _split(values, carried, 1)
        (running,) = inlined(test, [*state, *constants])
        stay = call.graph(test, [*state, *constants], (), lambda *values: list(values[:carried]))
        after = recorded(cond, [step, stay], [running, *state, *constants])
        return [where(running & last, math.nan, x) if x.dtype.is_differentiable else x for x in after]

    def opened(*operands: Any) -> tuple[Any, ...]:
        last = constant(value=Array([i == max_steps for i in range(max_steps + 1)]))
        given = [*operands[:carried], last, *operands[carried:]]
        return recorded(scan, [call.graph(step, given, (carried,), guarded)], given, carry=carried, sequences=1,
                        length=max_steps + 1, reverse=False)

    needs = [*call.needs[:carried], False, *call.needs[carried:]]
    found = call.opened(opened, needs)
    return [*found[:carried], *found[carried + 1 :]]


@op
class while_pull(Control):
    """The cotangents of a while_loop without a bound, which nothing can compute: how much to keep is not known.

    It stands for them as long as only its own gradient is wanted: the loop's tangents, which are another while_loop.

    Source  jax.jvp of jax.lax.while_loop
    """

    def kernel(xp, *operands, carried, given, active, wanted):  # noqa: N805
        raise GradError(UNBOUNDED)

    def infer(self, test: Graph, step: Graph, *operands: Any, carried: int, given: Sequence[int],
              active: Sequence[int], wanted: Sequence[int]) -> tuple[Type, ...]:
        return tuple([types_of(operands)[i] for i in wanted])

    def flow(self, flags: Flags, through: Sequence[Through], attrs: dict[str, Any]) -> list[bool]:
        return [any(flags)] * len(attrs["wanted"])

    def pull(self, call: Any) -> Sequence[Any]:
        test, step = call.node.regions
        count, attrs = len(step.inputs), call.node.attrs
        carried, active = attrs["carried"], attrs["active"]
        if any(call.needs[:count]):
            raise GradError(UNBOUNDED)
        tangents = {i: t for i, t in zip(attrs["wanted"], call.cotangents, strict=True) if t is not None}
        shared = [i for i in tangents if i >= carried]
        pushed = call.jvp(step, [*active, *shared], active)

        def pushing(*values: Any) -> list[Any]:
            state, moving, constants, others = _split(values, carried, len(active), count - carried)
            return inlined(pushed, [*state, *constants, *moving, *others])

        def testing(*values: Any) -> list[Any]:
            state, _, constants, _ = _split(values, carried, len(active), count - carried)
            return inlined(test, [*state, *constants])

        operands = call.operands[:count]
        given = [*operands[:carried], *[tangents.get(i, zeros_like(operands[i])) for i in active],
                 *operands[carried:], *[tangents[i] for i in shared]]
        found = recorded(while_loop, [call.graph(test, given, (), testing), call.graph(step, given, (), pushing)],
                         given, carried=carried + len(active), max_steps=None)
        moved = dict(zip(active, found[carried:], strict=True))
        return [None] * count + [moved.get(i) for i in attrs["given"]]

    def many(self, call: Any) -> tuple[Sequence[Any], Sequence[bool]] | None:
        raise GradError(UNBOUNDED)


UNBOUNDED = ("while_loop has no gradient in reverse mode without a bound: how many steps to keep is not known\n    "
             "Give it one, while_loop(..., max_steps=100), or use scan. Tangents, jvp and jacfwd, work as it is.")
