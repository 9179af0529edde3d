"""The one door through which every op passes: eager on NumPy here, or handed to the trace that is on.

Also what follows from shared memory: views, and in-place writes that the graph must see.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc import dtypes, locations
from gradc import tensor as tensor_module
from gradc.errors import DtypeError, GradcError, GradError, ShapeError
from gradc.locations import outside
from gradc.modes import Modes, current
from gradc.node import CONSTANT, Node, Output, count
from gradc.quiet import QUIET
from gradc.storage import InferenceStorage, Storage
from gradc.tensor import VIEW, Tensor, View, edge, new, root

ndarray = np.ndarray
asarray = np.asarray


def apply(op: Any, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Apply `op` to tensors and Python numbers: compute now, or record in the trace that is on.

    Raises the errors of `op.infer`, with the operand types and the user's line, for operands that do not fit.
    """
    modes = current()
    if modes.trace is not None:
        return modes.trace.record(op, operands, attrs)
    if op.eager is not None and modes.quick:
        return op.eager(modes, attrs, *operands)
    return general(op, operands, attrs, modes)


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
    return finish(op, operands, attrs, modes, computed)


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
            arrays = op.promoted(arrays)
        return op.kernel(op.namespace, *arrays, **attrs)
    return op.run_composite(operands, attrs)


def _of_one_type(arrays: Sequence[Any]) -> bool:
    """Whether all arrays are of one floating type, and the rest real numbers or None: then no op casts anything."""
    kind = None
    for x in arrays:
        if x.__class__ is ndarray:
            if kind is None:
                kind = x.dtype
                if kind.kind != "f":
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
    node.signature = _signature(op, operands)
    if not all([isinstance(x, Tensor) for x in operands]):
        node.numbers = tuple([None if isinstance(x, Tensor) else x for x in operands])
    frame = outside(sys._getframe(1))
    node.code = frame.f_code
    node.instruction = frame.f_lasti
    if isinstance(results, tuple):
        for i, result in enumerate(results):
            if result._array.dtype.kind in "fcV":
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


class _Storages:
    """The storages of a variable number of operands, guarded as one."""

    writer = None

    def __init__(self, storages: list[Storage]) -> None:
        self.storages = storages

    @property
    def version(self) -> int:
        return sum(storage.version for storage in self.storages)


# Writing in place


def write(target: Tensor, result: Tensor, name: str) -> Tensor:
    """Make `target` hold `result`, an op of its old value: the second half of every in-place op.

    The values are written to the shared memory, and the graph sees the write through all views. `name` is the op's,
    for messages.
    """
    _check_write(target, result, name)
    trace = current().trace
    if trace is not None:
        trace.write(target, result)
        return target
    array = target._array
    if not array.flags.writeable:
        raise GradError(f"{name}: the tensor's memory is read-only (it came from a read-only NumPy array): "
                        f"clone() it first{locations.quote(locations.here())}")
    storage = target._storage
    if current().grad:
        _keep_saved(result, storage)
    array[...] = result._array
    storage.version += 1
    storage.writer = (name, locations.here())
    if current().grad:
        source = edge(result)
        if source is not None:
            _rebase(target, result)
    return target


def _keep_saved(result: Tensor, storage: Storage) -> None:
    """Give the node of an in-place op its own copy of what it saved of the memory that is about to be written."""
    node = edge(result)
    if not isinstance(node, Node):
        return
    for i, value in enumerate(node.saved):
        if node.guards[2 * i] is storage and isinstance(value, ndarray):
            node.saved = (*node.saved[:i], value.copy(), *node.saved[i + 1 :])
            node.guards = (*node.guards[: 2 * i], CONSTANT, 0, *node.guards[2 * i + 2 :])


def _check_write(target: Tensor, result: Tensor, name: str) -> None:
    if target._storage.__class__ is InferenceStorage and not current().inference:
        raise GradError("Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone "
                        f"to get a normal tensor before doing inplace update.\n    {name}"
                        f"{locations.quote(locations.here())}")
    if current().grad and target.is_leaf and target.requires_grad:
        raise GradError("a leaf Variable that requires grad is being used in an in-place operation."
                        + _write_advice(name))
    if current().grad and target._view is not None and not target._view.op.detaches:
        base = root(target)
        if base.is_leaf and base.requires_grad:
            raise GradError("a view of a leaf Variable that requires grad is being used in an in-place operation."
                            + _write_advice(name))
    if 0 in target.stride() and target.numel() > 1 and any(
            s == 0 and n > 1 for s, n in zip(target.stride(), target.shape, strict=True)):
        raise GradError(f"unsupported operation: more than one element of the written-to tensor refers to a single "
                        f"memory location. Please clone() the tensor before performing {name}."
                        f"{locations.quote(locations.here())}")
    if result._array.shape != target._array.shape:
        raise ShapeError(f"output with shape {list(target._array.shape)} doesn't match the broadcast shape "
                         f"{list(result._array.shape)}\n    {name}{locations.quote(locations.here())}")
    if not dtypes.can_cast(result.dtype, target.dtype):
        raise DtypeError(f"result type {dtypes.TITLES[result.dtype]} can't be cast to the desired output type "
                         f"{dtypes.TITLES[target.dtype]}\n    {name}{locations.quote(locations.here())}")


def _write_advice(name: str) -> str:
    return (f"\n    {name}{locations.quote(locations.here())}\n    Write it under `with no_grad():`, or use the "
            f"out-of-place form of {name}.")


def _rebase(target: Tensor, result: Tensor) -> None:
    """Give `target`, and through its chain of views the base that it is part of, the history of `result`."""
    label = edge(result).node.name() if target._view is None or target._view.op.detaches \
        else "torch::autograd::CopySlices"
    while target._view is not None and not target._view.op.detaches:
        view = target._view
        op, attrs, reads_base = view.op.writer(view.parent.type_, view.attrs)
        operands = (view.parent, result) if reads_base else (result,)
        merged = as_tensor(view.parent._array)
        link(op, operands, merged, attrs)
        target, result = view.parent, merged
    node = edge(result)
    if isinstance(node, Node):
        node.label = label if node.label is None and label != node.name() else node.label
    target._node = node
    target._storage.history += 1


def relink(tensor: Tensor) -> None:
    """Find the place of a view in the graph after its base was written: the view op applied to the base anew."""
    view = tensor._view
    assert view is not None
    view.node = None
    view.history = tensor._storage.history
    if edge(view.parent) is not None:
        node = link(view.op, (view.parent,), tensor, view.attrs)
        if node is not None:
            node.label = "AsStridedBackward0"


tensor_module.relink = relink


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

