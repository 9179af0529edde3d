"""The one door through which every op passes: eager on NumPy here, or handed to the trace that is on."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from gradc import dtypes, locations
from gradc.errors import GradcError
from gradc.locations import outside
from gradc.modes import Modes, current, enter
from gradc.node import CONSTANT, Node, Output, count, pack
from gradc.quiet import QUIET
from gradc.storage import Storage
from gradc.tensor import LEAF, VIEW, Tensor, View, edge, new

ndarray = np.ndarray
asarray = np.asarray
F = TypeVar("F", bound=Callable[..., Any])


def apply(op: Any, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Apply `op` to tensors and Python numbers: compute now, or record in the trace that is on.

    Raises the errors of `op.infer`, with the operand types and the user's line, for operands that do not fit.
    """
    modes = current()
    if modes.trace is not None:
        if modes.autocast is not None:
            operands = autocast(op.autocast, operands, modes.autocast)
        return modes.trace.record(op, operands, attrs)
    if op.eager is not None and modes.quick:
        return op.eager(modes, attrs, *operands)
    if modes.autocast is not None:
        operands = autocast(op.autocast, operands, modes.autocast)
    return general(op, operands, attrs, modes)


def autocast(policy: str | None, operands: tuple[Any, ...], lower: dtypes.dtype) -> tuple[Any, ...]:
    """Operands under autocast: "lower" casts tensors of up to single precision to `lower`, "float32" to float32.

    Double precision, and what is no floating tensor, stays.
    """
    if policy is None:
        return operands
    target = lower if policy == "lower" else dtypes.float32
    return tuple([x.to(target) if isinstance(x, Tensor) and x.dtype in AUTOCAST and x.dtype is not target else x
                  for x in operands])


AUTOCAST = (dtypes.float32, dtypes.bfloat16, dtypes.float16)


def autocasting(policy: str) -> Callable[[F], F]:
    """A decorator: under autocast, call a function that is made of several ops with operands cast, and without it."""
    def decorate(function: F) -> F:
        @functools.wraps(function)
        def cast(*args: Any, **kwargs: Any) -> Any:
            modes = current()
            if modes.autocast is None:
                return function(*args, **kwargs)
            values = autocast(policy, (*args, *kwargs.values()), modes.autocast)
            before = enter(modes.replace(autocast=None))
            try:
                return function(*values[: len(args)], **dict(zip(kwargs, values[len(args) :], strict=True)))
            finally:
                enter(before)

        return cast  # type: ignore[return-value]

    return decorate


def general(op: Any, operands: tuple[Any, ...], attrs: dict[str, Any], modes: Modes) -> Any:
    """`apply` outside a trace, for any operands: what generated functions leave to it."""
    try:
        try:
            computed = compute(op, operands, attrs)
        except QUIET:  # the user turned NumPy's floating point warnings into errors; gradc's own must not raise
            with np.errstate(all="ignore"):
                computed = compute(op, operands, attrs)
    except (GradcError, ValueError, TypeError, IndexError, OverflowError, ArithmeticError) as problem:
        raise explained(op, operands, attrs, problem) from None
    results = finish(op, operands, attrs, modes, computed)
    if modes.watch is not None:
        modes.watch("op", op, operands, results)
    return results


def finish(op: Any, operands: tuple[Any, ...], attrs: dict[str, Any], modes: Modes, computed: Any) -> Any:
    """The tensors over what an op computed, entered into the graph."""
    if computed.__class__ is tuple:
        results: Any = tuple([as_tensor(item) for item in computed])
    else:
        results = as_tensor(computed)
        if op.view:
            share(op, operands[0], results, attrs)
    if modes.grad and op.saved_names is not None:
        link(op, operands, results, attrs)
    return results


def compute(op: Any, operands: Sequence[Any], attrs: dict[str, Any]) -> Any:
    """The values of an op on the values of its operands, on NumPy, outside every graph."""
    if op.kernel is not None:
        if op.checked:
            op.infer(*op.promoted_types(operands), **attrs)
        arrays = [x._array if isinstance(x, Tensor) else x for x in operands]
        if not _of_one_type(arrays):
            return op.computed(op.promoted(arrays), attrs)
        return op.kernel(op.namespace, *arrays, **attrs)
    return op.run_composite(operands, attrs)


def _of_one_type(arrays: Sequence[Any]) -> bool:
    """Whether all arrays are of one floating type of full precision, and the rest real numbers or None.

    Then no op casts anything.
    """
    kind = None
    for x in arrays:
        if x.__class__ is ndarray:
            if kind is None:
                kind = x.dtype
                if kind.char not in "fd":
                    return False
            elif x.dtype is not kind:
                return False
        elif x is not None and x.__class__ is not float and x.__class__ is not int:
            return False
    return kind is not None


def as_tensor(array: Any) -> Tensor:
    """A new tensor over the result of a kernel, which may be a NumPy scalar."""
    tensor = new(Tensor)
    tensor._array = array if array.__class__ is ndarray else asarray(array)
    tensor._storage = current().storage()
    tensor._node = None
    return tensor


def share(op: Any, base: Tensor, result: Tensor, attrs: dict[str, Any]) -> None:
    """Make `result` a view of `base` if the kernel gave one back (a reshape may have had to copy)."""
    array, whole = result._array, base._array
    shares = array.base is whole or (array.base is not None and array.base is whole.base)
    if shares or not array.size or np.may_share_memory(array, whole):
        result._storage = base._storage
        if op.detaches and base._node is not None and base._node is not LEAF:
            return  # a view of it would keep its graph alive
        result._view = View(base, op, attrs, None, base._storage.history)
        result._node = None if op.detaches else VIEW


def link(op: Any, operands: Sequence[Any], results: Any, attrs: dict[str, Any]) -> Node | None:
    """Enter an op that was computed into the graph, if an operand requires grad."""
    edges = tuple([edge(x) if isinstance(x, Tensor) and x._node is not None else None for x in operands])
    for e in edges:
        if e is not None:
            break
    else:
        return None
    node = Node()
    node.op = op
    node.attrs = attrs
    node.edges = edges
    node.number = count()
    node.saved = node.guards = ()
    if op.saved_sources:
        _remember(node, op, operands, results, edges)
        saving = current().saving
        if saving is not None:
            _pack(node, saving, operands, results)
    node.signature = _signature(op, operands)
    if not all([isinstance(x, Tensor) for x in operands]):
        node.numbers = tuple([None if isinstance(x, Tensor) else x for x in operands])
    frame = outside(sys._getframe(1))
    node.code = frame.f_code
    node.instruction = frame.f_lasti
    if isinstance(results, tuple):
        for i, result in enumerate(results):
            if result._node is VIEW:
                result._view.node = Output(node, i)
            elif result._array.dtype.kind in "fcV":
                result._node = Output(node, i)
    elif results._node is VIEW:
        results._view.node = node
    elif results._array.dtype.kind in "fcV":  # V: NumPy's letter for bfloat16
        results._node = node
    return node


def _signature(op: Any, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Each operand's shape, None for a number, then their dtypes or classes; a number itself if the op specialises."""
    shapes: list[Any] = []
    kinds: list[Any] = []
    for x in operands:
        if isinstance(x, Tensor):
            array = x._array
            shapes.append(array.shape)
            kinds.append(array.dtype)
        else:
            shapes.append(x if op.specialises else None)
            kinds.append(x.__class__)
    return (*shapes, tuple(kinds))


def _remember(node: Node, op: Any, operands: Sequence[Any], results: Any, edges: tuple[Any, ...]) -> None:
    """Save what the gradient formulas of the operands that need one will name."""
    saved: list[Any] = []
    guards: list[Any] = []
    for is_result, position, readers in op.saved_sources:
        value, storage, version = None, CONSTANT, 0
        for i in readers:
            if i < len(edges) and edges[i] is not None:
                value = (results[position] if isinstance(results, tuple) else results) if is_result \
                    else operands[position]
                break
        if isinstance(value, Tensor):
            storage = value._storage
            version = storage.version
            value = value._array
            if op.variadic and not is_result and position == len(op.operands) - 1:
                storage = _Storages([x._storage for x in operands[position:]])
                version = storage.version
                value = tuple([x._array for x in operands[position:]])
        saved.append(value)
        guards += storage, version
    node.saved = tuple(saved)
    node.guards = tuple(guards)


def _pack(node: Node, saving: Any, operands: Sequence[Any], results: Any) -> None:
    """Hand what was saved to the user's pack function: operands as they are, results without their graph."""
    packing: list[tuple[int, Any]] = []
    for i, (is_result, position, _) in enumerate(node.op.saved_sources):
        value = node.saved[i]
        if isinstance(value, tuple):
            packing.append((i, tuple(operands[position:])))
        elif isinstance(value, ndarray):
            result = results[position] if isinstance(results, tuple) else results
            packing.append((i, _alias(result) if is_result else operands[position]))
    if packing:
        pack(node, saving, packing)


def _alias(tensor: Tensor) -> Tensor:
    """The same memory outside every graph: a result that held its own node would be a reference cycle."""
    alias = as_tensor(tensor._array)
    alias._storage = tensor._storage
    return alias


class _Storages:
    """The storages of a variable number of operands, guarded as one."""

    writer = None

    def __init__(self, storages: list[Storage]) -> None:
        self.storages = storages

    @property
    def version(self) -> int:
        return sum(storage.version for storage in self.storages)


# Errors


def explained(op: Any, operands: Sequence[Any], attrs: dict[str, Any], problem: Exception) -> Exception:
    """The error to raise when computing `op` failed with `problem`: by gradc's own rules if they find the fault."""
    if not isinstance(problem, GradcError):
        try:
            op.infer(*op.promoted_types(operands), **attrs)
        except GradcError as found:
            problem = found
        except Exception:  # the rule itself cannot cope with such operands: the kernel's message stands
            pass
    return located(op.name, operands, attrs, problem)


def located(name: str, operands: Sequence[Any], attrs: dict[str, Any], problem: Exception) -> Exception:
    """`problem` with the op, its operand types and the user's line added to its message."""
    kind = type(problem)
    if not isinstance(problem, GradcError):  # an error of NumPy's own is raised as the Python error that it is
        known = next(c for c in kind.__mro__ if c.__module__ == "builtins")
        kind = type(known.__name__, (GradcError, known), {"__module__": "builtins"})
    written = [str(x.type_) if isinstance(x, Tensor) else repr(x) for x in operands]
    written += [f"{key}={value!r}" for key, value in attrs.items()]
    return kind(f"{name}: {problem}\n    {name}({', '.join(written)}){locations.quote(locations.here())}")

