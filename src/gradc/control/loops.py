"""scan, while_loop and fori_loop: loops whose body is a function from state to state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradc import calls
from gradc.compiler.region import Region, trace_regions
from gradc.control.trees import Tree, checked_state, flatten, rebuild, refused, unwritten
from gradc.dtypes import bool_
from gradc.ir import OPS, Type
from gradc.modes import current
from gradc.ops.creation import arange
from gradc.tensor import Tensor


def scan(combine_fn: Callable[[Tree, Tree], tuple[Tree, Tree]], init: Tree, xs: Tree = None, *, dim: int = 0,
         reverse: bool = False, length: int | None = None) -> tuple[Tree, Tree]:
    """(carry, ys) after `carry, y = combine_fn(carry, x)` for each x along the dimension `dim` of xs, from `init` on.

    All of them are tensors or trees of tensors; ys are the y, stacked along `dim`. The carry keeps structure, shapes
    and dtypes. `reverse` begins at the end of xs. Without xs, `length` steps get None. `combine_fn` may read any tensor
    and has gradients of every order; compiled it is one loop, whatever the length.

    Raises CallError for a carry that changes its type, and for sequences of different or no length.
    Source  torch._higher_order_ops.scan, jax.lax.scan
    """
    state, state_shape = flatten(init, "scan: init")
    sequences, xs_shape = flatten(xs, "scan: xs")
    if not state:
        raise refused("scan: scan() operator requires init leaves.")
    rows, length, dim = _rows(sequences, dim, length)
    seen: list[Any] = []

    def step(*tensors: Tensor) -> list[Tensor]:
        carry, elements = tensors[: len(state)], tensors[len(state) : len(state) + len(rows)]
        found = unwritten(lambda: combine_fn(rebuild(state_shape, carry), rebuild(xs_shape, elements)),
                          tensors, "scan: combine_fn")
        if not isinstance(found, tuple) or len(found) != 2:
            raise refused(f"scan: combine_fn should return a tuple (carry, y), but got {type(found).__name__}")
        after = checked_state(found[0], state, state_shape, "scan: the carry that combine_fn returns")
        returned, shape = flatten(found[1], "scan: the y that combine_fn returns")
        seen[:] = [shape]
        return [*after, *returned]

    region = Region(step, combine_fn, "combine_fn of scan", "scan_step")
    elements = [Type(x.dtype, tuple(x.shape[1:])) for x in rows]
    types = [*((x.type_, "carry") for x in state), *((t, "x") for t in elements)]
    attrs = {"carry": len(state), "sequences": len(rows), "length": length, "reverse": reverse}
    made = _looped("scan", [region], [*state, *rows], types, attrs)
    ys = [y.movedim(0, dim) if dim and dim < y.ndim else y for y in made[len(state) :]]
    return rebuild(state_shape, made), rebuild(seen[0], ys)


def _rows(sequences: Sequence[Any], dim: int, length: int | None) -> tuple[list[Any], int, int]:
    """The sequences with their elements along the first dimension, how many there are, and the dimension."""
    if not sequences:
        if type(length) is not int or length < 1:
            raise refused(f"scan: without xs the length must be a positive int, but got {length!r}")
        return [], length, 0
    rank = sequences[0].ndim
    at = dim + rank if dim < 0 else dim
    if not 0 <= at < rank or any([x.ndim <= at or not x.shape[at] for x in sequences]):
        raise refused("scan: All xs leaves must at least have 'dim' number of dimensions and scan dimension > 0, but "
                      f"got dim={dim} and {', '.join([str(x.type_) for x in sequences])}")
    lengths = {x.shape[at] for x in sequences} | ({length} if length is not None else set())
    if len(lengths) > 1:
        raise refused(f"scan: all xs leaves must have the same length along dim {dim}, but got "
                      f"{', '.join(map(str, sorted(lengths)))}")
    return [x.movedim(at, 0) if at else x for x in sequences], int(sequences[0].shape[at]), at


def while_loop(cond_fn: Callable[..., Any], body_fn: Callable[..., Tree], carried_inputs: Sequence[Any], *,
               max_steps: int | None = None) -> Tree:
    """`carried = body_fn(*carried)`, from `carried_inputs` on, as long as `cond_fn(*carried)`: the last of them.

    The carried values are a tuple of tensors, numbers (which become tensors) or trees of them, and keep structure,
    shapes and dtypes. A compiled loop has tangents; gradients in reverse mode need `max_steps`, a bound on the number
    of steps. A loop that would go on behind it raises, or compiled is nan in all floating values.

    Raises CallError for what changes its type, and for a condition that is not one bool.
    Source  torch.while_loop, jax.lax.while_loop
    """
    if not callable(cond_fn) or not callable(body_fn):
        raise refused("while_loop: Expect cond_fn and body_fn to be callable.")
    if not isinstance(carried_inputs, (tuple, list)):
        raise refused("while_loop: Expect carried_inputs to be a tuple of possibly nested dict/list/tuple of tensors, "
                      f"but got {type(carried_inputs).__name__}", "Write while_loop(test, step, (x,)).")
    if max_steps is not None and (type(max_steps) is not int or max_steps < 1):
        raise refused(f"while_loop: max_steps should be a positive int, but got {max_steps!r}")
    state, shape = flatten(tuple(carried_inputs), "while_loop: carried_inputs")
    if not state:
        raise refused("while_loop: carried_inputs has no tensors, so that the condition cannot change")

    def test(*tensors: Tensor) -> list[Any]:
        carried = tensors[: len(state)]
        found = unwritten(lambda: cond_fn(*rebuild(shape, carried)), tensors, "while_loop: cond_fn")
        (condition, *more), _ = flatten(found, "while_loop: what cond_fn returns")
        if more or condition.numel() != 1:
            raise refused("while_loop: cond_fn must return a boolean scalar tensor or a boolean but got "
                          f"{condition.type_}", "Reduce it with any() or all().")
        return [condition.reshape(()) if condition.dtype is bool_ else condition.reshape(()) != 0]

    def step(*tensors: Tensor) -> list[Tensor]:
        carried = tensors[: len(state)]
        found = unwritten(lambda: body_fn(*rebuild(shape, carried)), tensors, "while_loop: body_fn")
        if not isinstance(found, (tuple, list)):
            raise refused(f"while_loop: body_fn should return a tuple, as long as carried_inputs, but got "
                          f"{type(found).__name__}")
        return checked_state(tuple(found), state, shape, "while_loop: what body_fn returns")

    regions = [Region(test, cond_fn, "cond_fn of while_loop", "while_test"),
               Region(step, body_fn, "body_fn of while_loop", "while_step")]
    made = _looped("while_loop", regions, state, [(x.type_, "carried") for x in state],
                   {"carried": len(state), "max_steps": max_steps})
    return rebuild(shape, made)


def _looped(name: str, regions: Sequence[Region], operands: Sequence[Tensor], types: Sequence[tuple[Type, str]],
            attrs: dict[str, Any]) -> Sequence[Tensor]:
    """The results of a loop: run now, or recorded as one node in the trace that is on."""
    op: Any = OPS[name]
    trace = current().trace
    if trace is None:
        return op.run([region.function for region in regions], operands, attrs)  # type: ignore[no-any-return]
    graphs, read = trace_regions(regions, types)
    return calls.control(trace, op, graphs, (*operands, *read), attrs)


def fori_loop(lower: int, upper: int, body_fun: Callable[[Any, Tree], Tree], init_val: Tree) -> Tree:
    """What `init_val` has become after `val = body_fun(i, val)` for each i from `lower` to `upper`, without it.

    Source  jax.lax.fori_loop
    """
    if upper <= lower:
        return init_val
    return scan(lambda val, i: (body_fun(i, val), None), init_val, arange(lower, upper))[0]
